"""``tf.convert_to_tensor``: how Python values, arrays and library objects become tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import export
from noria.v1.operation import Operation, Tensor

# (value, dtype, name, as_ref) → Tensor, or NotImplemented to leave it to the next function
Conversion = Callable[..., Any]

_conversions: list[tuple[int, Any, Conversion]] = []


@export("register_tensor_conversion_function")
def register_tensor_conversion_function(base_type: Any, conversion_func: Conversion, priority: int = 100) -> None:
    """Values of ``base_type`` become tensors by ``conversion_func(value, dtype=None, name=None, as_ref=False)``.

    Functions of lower priority are asked first; one may return NotImplemented.
    """
    _conversions.append((priority, base_type, conversion_func))
    _conversions.sort(key=lambda row: row[0])


def convert(
    value: Any, dtype: Any = None, name: str | None = None, preferred_dtype: Any = None, as_ref: bool = False
) -> Tensor:
    """``value`` as a Tensor of the default graph; see ``convert_to_tensor``. as_ref: keep a reference a reference."""
    wanted = None if dtype is None else as_dtype(dtype)
    if isinstance(value, Tensor):
        if wanted is not None and not wanted.is_compatible_with(value.dtype):
            raise ValueError(
                f"Tensor conversion requested dtype {wanted.name} for Tensor with dtype {value.dtype.name}: {value!r}"
            )
        return value
    preferred = None if preferred_dtype is None else as_dtype(preferred_dtype)
    if wanted is None and preferred is not None:
        try:
            found = _converted(value, preferred, name, as_ref)
        except (TypeError, ValueError):
            found = None
        if found is not None and found.dtype.base_dtype == preferred.base_dtype:
            return found
    return _converted(value, wanted, name, as_ref)


def _converted(value: Any, dtype: DType | None, name: str | None, as_ref: bool) -> Tensor:
    for _, kind, function in _conversions:
        if isinstance(value, kind):
            found = function(value, dtype=dtype, name=name, as_ref=as_ref)
            if found is NotImplemented:
                continue
            if dtype is not None and not dtype.is_compatible_with(found.dtype):
                raise ValueError(
                    f"Tensor conversion requested dtype {dtype.name} for a value that becomes "
                    f"{found.dtype.name}: {value!r}"
                )
            return found  # type: ignore[no-any-return]
    raise TypeError(f"Failed to convert {value!r} to Tensor: no conversion is known for {type(value).__name__}")


@export("convert_to_tensor")
def convert_to_tensor(
    value: Any, dtype: Any = None, name: str | None = None, preferred_dtype: Any = None, dtype_hint: Any = None
) -> Tensor:
    """``value`` (array, number, text, list, variable …) as a Tensor.

    dtype: what it must have, else it follows from the value; preferred_dtype: taken where the value allows it.
    Raises TypeError or ValueError when it cannot be converted.
    """
    return convert(value, dtype, name, dtype_hint if preferred_dtype is None else preferred_dtype)


def convert_n(
    values: Sequence[Any],
    dtype: Any = None,
    name: str | None = None,
    preferred_dtype: Any = None,
    as_ref: bool = False,
) -> list[Tensor]:
    """Each of ``values`` as a Tensor, called ``name_0``, ``name_1``, …"""
    return [
        convert(v, dtype, None if name is None else f"{name}_{i}", preferred_dtype, as_ref)
        for i, v in enumerate(values)
    ]


def convert_n_to_tensor(values: Sequence[Any], dtype: Any = None, name: str | None = None) -> list[Tensor]:
    return convert_n(values, dtype, name)


def graph_element(value: Any) -> Any:
    """The operation or tensor that ``value`` is or stands for; ``value`` itself where it is neither."""
    return value._as_graph_element() if hasattr(value, "_as_graph_element") else value


def is_graph_value(value: Any) -> bool:
    """Whether ``value`` belongs to a graph already."""
    return isinstance(graph_element(value), Tensor | Operation)
