"""Helpers shared by the array families: axes, shape vectors, and guards within ONNX segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import Info, Lowering, Value
from noria.shapes import Dim, Shape

INT64_MAX = np.iinfo(np.int64).max
INT64_MIN = np.iinfo(np.int64).min


def scalar_of(info: Info) -> int | None:
    """The integer that a scalar (or one-element vector) is known to be, else None."""
    dims = info.known_dims
    return dims[0] if dims is not None and len(dims) == 1 else None


def single(value: Array, what: str) -> int:
    """The integer in an array of one element; InvalidArgumentError when it has another number of elements."""
    if value.size != 1:
        raise InvalidArgumentError(f"{what} must be a tensor with a single value, got shape {list(value.shape)}")
    return int(value.reshape(-1)[0])


def axis_in(axis: int, rank: int, message: str) -> int:
    """``axis`` counted from the front; InvalidArgumentError with ``message`` when it is outside ``[-rank, rank)``."""
    if not -rank <= axis < rank:
        raise InvalidArgumentError(message)
    return axis + rank if axis < 0 else axis


def vector_length(info: Info) -> int | None:
    """The number of elements of a vector (or scalar), where it is known."""
    if info.value is not None:
        return int(info.value.size)
    return shapes.num_elements(info.shape)


def dims_of_vector(info: Info) -> Shape:
    """The shape that an integer vector stands for: as much as is known of it; elements of -1 count as unknown."""
    known = info.known_dims
    if known is not None:
        return tuple(None if d is None or d < 0 else d for d in known)
    return shapes.unknown(vector_length(info))


def shape_text(shape: Sequence[Any]) -> str:
    """``[3,4]``, as TensorFlow prints shapes in its errors."""
    return "[" + ",".join(str(int(d)) for d in shape) + "]"


def product(dims: Iterable[Dim]) -> int | None:
    """The product of ``dims``, None where one is unknown."""
    total = 1
    for d in dims:
        if d is None:
            return None
        total *= d
    return total


def zeros(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """An array of zeros; empty strings for the string dtype (object arrays of bytes)."""
    return np.full(tuple(shape), b"", dtype=dtype) if dtype.hasobject else np.zeros(tuple(shape), dtype=dtype)


def as_int64(op: Lowering, value: Value) -> Value:
    """``value`` as int64, which ONNX asks for wherever it takes shapes, axes and sizes."""
    return op.cast(value, dtypes.int64)


def as_vector(op: Lowering, value: Value) -> Value:
    """A scalar or one-element vector as an int64 vector of one element."""
    value = as_int64(op, value)
    if value.const is not None:
        return op.constant(value.const.reshape(-1), dtypes.int64)
    return value if value.rank == 1 else op.reshape(value, [1])


def fail_if(op: Lowering, bad: Value, through: Value) -> Value:
    """``through`` (an int64 tensor), where no element of the bool vector ``bad`` holds; else the segment fails.

    ONNX has no assertion; a Gather whose index is out of range is the engine's cheapest refusal, and the program turns
    its failure into InvalidArgumentError.
    """
    index = op.emit("ReduceMax", op.cast(bad, dtypes.int64), keepdims=0, shape=())
    zero = op.emit("Gather", op.constant([0], dtypes.int64), index, axis=0, shape=())
    return op.emit("Add", through, zero, shape=through.shape)


def dim_of(op: Lowering, value: Value, axis: int) -> Value:
    """One dimension of ``value`` as an int64 vector of one element."""
    if value.shape is not None and value.shape[axis] is not None:
        return op.constant([value.shape[axis]], dtypes.int64)
    return op.emit("Shape", value, dtype=dtypes.int64, shape=(1,), start=axis, end=axis + 1)
