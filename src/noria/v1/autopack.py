"""Lists that hold tensors become one tensor: each list a ``Pack``, its other elements constants."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.composite import is_dense
from noria.v1.constant import constant
from noria.v1.convert import convert, register_tensor_conversion_function
from noria.v1.dtypes import DType
from noria.v1.framework import name_scope
from noria.v1.operation import Tensor


def _dtype_within(values: Sequence[Any]) -> DType | None:
    """The dtype of the first tensor in nested lists."""
    for value in values:
        if is_dense(value):
            return value.dtype.base_dtype  # type: ignore[no-any-return]
        found = _dtype_within(value) if isinstance(value, list | tuple) else None
        if found is not None:
            return found
    return None


def _as_dtype(value: Any, dtype: DType) -> Any:
    if isinstance(value, list | tuple):
        return [_as_dtype(v, dtype) for v in value]
    if is_dense(value) and value.dtype.base_dtype != dtype:
        return apply_op("Cast", x=value, DstT=dtype)
    return value


def _packed(values: Sequence[Any], dtype: DType, name: str) -> Any:
    """One tensor of ``values``, or the values where no tensor is among them."""
    with name_scope(name) as scope:
        parts = [_packed(v, dtype, str(i)) if isinstance(v, list | tuple) else v for i, v in enumerate(values)]
        if not any(is_dense(p) for p in parts):
            return parts
        tensors = [convert(p) if is_dense(p) else constant(p, dtype=dtype, name=str(i)) for i, p in enumerate(parts)]
        return apply_op("Pack", scope, values=tensors)


def _convert_list(
    value: Sequence[Any], dtype: DType | None = None, name: str | None = None, as_ref: bool = False
) -> Tensor:
    inferred = None if as_ref else _dtype_within(value)
    if inferred is None:
        return NotImplemented  # type: ignore[no-any-return]
    wanted = inferred if dtype is None else dtype
    if wanted != inferred:
        value = _as_dtype(value, wanted)
    found: Tensor = _packed(value, wanted, name or "packed")
    return found


register_tensor_conversion_function((list, tuple), _convert_list, 99)
