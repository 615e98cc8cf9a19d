"""``tf.cast`` and its kin, ``tf.identity``, ``tf.stop_gradient``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.composite import IndexedSlices, SparseTensor
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import constant, export
from noria.v1.framework import name_scope
from noria.v1.op_functions import Function, export_rows
from noria.v1.operation import Tensor


@export("dtypes.cast", "cast")
def cast(x: Any, dtype: Any, name: str | None = None) -> Any:
    """``x`` (dense, sparse or slices) with elements of ``dtype``; itself where it has that dtype already."""
    wanted = as_dtype(dtype).base_dtype
    if wanted == getattr(x, "dtype", None) and (isinstance(x, Tensor) or hasattr(x, "handle")):
        return x
    with name_scope(name, "Cast", [x]) as scope:
        if isinstance(x, SparseTensor):
            return SparseTensor(x.indices, cast(x.values, wanted, scope), x.dense_shape)
        if isinstance(x, IndexedSlices):
            return IndexedSlices(cast(x.values, wanted, scope), x.indices, x.dense_shape)
        x = convert(x, None, "x")
        return x if x.dtype == wanted else apply_op("Cast", scope, x=x, DstT=wanted)


@export("dtypes.saturate_cast", "saturate_cast")
def saturate_cast(value: Any, dtype: Any, name: str | None = None) -> Any:
    """As ``cast``, values outside the range of ``dtype`` brought to its limits first."""
    with name_scope(name, "saturate_cast", [value]) as scope:
        value = convert(value, None, "value")
        wanted = as_dtype(dtype).base_dtype
        low, high = _limits(value.dtype.base_dtype, wanted)
        kind = value.dtype.base_dtype
        value = apply_op(
            "ClipByValue", "clamp", t=value, clip_value_min=convert(low, kind), clip_value_max=convert(high, kind)
        )
        return cast(value, wanted, scope)


def _limits(source: DType, target: DType) -> tuple[Any, Any]:
    """The least and the greatest value of ``source`` that ``target`` holds too."""
    kind = source.as_numpy_dtype
    try:
        wide: Any = np.promote_types(kind, target.as_numpy_dtype)
    except TypeError:
        wide = float
    low = kind(np.maximum(source.min, target.min))
    if np.array(low, wide) < np.array(target.min, wide):
        low = np.nextafter(low, kind(0), dtype=kind)
    high = kind(np.minimum(float(source.max), float(target.max)))
    if np.array(high, wide) > np.array(target.max, wide):
        high = np.nextafter(high, kind(0), dtype=kind)
    return low, high


def _to(dtype: str, default_name: str) -> Function:
    def function(x: Any, name: str = default_name) -> Any:
        return cast(x, dtype, name)

    function.__doc__ = f"``x`` as {dtype}."
    return function


for _dtype, _name in [("float32", "Float"), ("float64", "Double"), ("int32", "Int32"), ("int64", "Int64"),
                      ("bfloat16", "BFloat16"), ("complex64", "Complex64"), ("complex128", "Complex128")]:  # fmt: skip
    constant(f"to_{_name.lower()}", _to(_dtype, f"To{_name}"))


@export("identity")
def identity(input: Any, name: str | None = None) -> Any:
    """``input`` as another node of the graph."""
    return _each(input, lambda part, called: apply_op("Identity", called, input=part), name)


@export("stop_gradient")
def stop_gradient(input: Any, name: str | None = None) -> Any:
    """``input``, through which no gradient flows."""
    return _each(input, lambda part, called: apply_op("StopGradient", called, input=part), name)


def _each(value: Any, function: Function, name: str | None) -> Any:
    """``function`` of a tensor, or of each part of a value made of several; those have their default names."""
    if isinstance(value, SparseTensor):
        return SparseTensor(*(function(part, None) for part in (value.indices, value.values, value.dense_shape)))
    if isinstance(value, IndexedSlices):
        parts = [p for p in (value.values, value.indices, value.dense_shape) if p is not None]
        return IndexedSlices(*(function(part, None) for part in parts))
    return function(value, name)


export_rows("""
bitcast: Bitcast input type
guarantee_const: GuaranteeConst input
identity_n: IdentityN input
check_numerics: CheckNumerics tensor message
""")
