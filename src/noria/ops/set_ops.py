"""Sets along the last dimension: SetSize, and the difference, intersection and union of dense or sparse tensors.

All dimensions but the last number the groups, each a set. Results are sparse, each set in ascending order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._strings import string_array
from noria.shapes import Shape

_Group: TypeAlias = tuple[int, ...]
_Sets: TypeAlias = dict[_Group, set[Any]]  # groups without elements may be absent
_PAIRS: Final = ("DenseToDenseSetOperation", "DenseToSparseSetOperation", "SparseToSparseSetOperation")
_OPERATIONS: Final[dict[str, Callable[[set[Any], set[Any]], set[Any]]]] = {
    "a-b": lambda a, b: a - b,
    "b-a": lambda a, b: b - a,
    "intersection": lambda a, b: a & b,
    "union": lambda a, b: a | b,
}


def _dense_sets(values: Array) -> tuple[_Sets, _Group]:
    """The sets of a dense tensor, and the shape of the groups."""
    if values.ndim < 2:
        raise InvalidArgumentError(f"Shape {shape_text(values.shape)} has rank {values.ndim} < 2")
    groups = values.shape[:-1]
    rows = values.reshape(math.prod(groups), values.shape[-1]).tolist()
    return dict(zip(np.ndindex(groups), map(set, rows), strict=True)), groups


def _sparse_sets(call: KernelCall, indices: Array, values: Array, shape: Array) -> tuple[_Sets, _Group]:
    """The sets of a sparse tensor, and the shape of the groups; its indices are in order where that is validated."""
    rank = shape.size
    if shape.ndim != 1 or rank < 2:
        raise InvalidArgumentError(f"Invalid rank {rank}. A set needs a shape of at least two dimensions")
    if indices.ndim != 2 or indices.shape != (len(values), rank):
        raise InvalidArgumentError(
            f"sparse indices must have shape [{len(values)},{rank}], as there are values and dimensions, not "
            f"{shape_text(indices.shape)}"
        )
    dims = shape.tolist()
    sets: _Sets = {}
    previous: list[int] = []
    for i, (place, value) in enumerate(zip(indices.tolist(), values.tolist(), strict=True)):
        text = f"indices[{i}] = {shape_text(place)} is"
        if not all(0 <= p < d for p, d in zip(place, dims, strict=True)):
            raise InvalidArgumentError(f"{text} out of bounds: need 0 <= index < {shape_text(dims)}")
        if call.flag("validate_indices") and place <= previous:
            raise InvalidArgumentError(
                f"{text} {'repeated' if place == previous else 'out of order'}. Many sparse ops require sorted indices."
            )
        sets.setdefault(tuple(place[:-1]), set()).add(value)
        previous = place
    return sets, tuple(dims[:-1])


def _result(
    call: KernelCall, dtype: DType, first: tuple[_Sets, _Group], second: tuple[_Sets, _Group]
) -> tuple[Array, ...]:
    """The operation on the sets of each group, as a sparse tensor."""
    name = call.text("set_operation")
    operation = _OPERATIONS.get(name.lower())
    if operation is None:
        raise InvalidArgumentError(f"Invalid set_operation {name}. It is one of {', '.join(_OPERATIONS)}")
    (a, groups), (b, others) = first, second
    if groups != others:
        raise InvalidArgumentError(f"Mismatched shapes {shape_text(groups)} vs {shape_text(others)}")
    indices: list[_Group] = []
    values: list[Any] = []
    most = 0
    for group in sorted({*a, *b}):
        found = sorted(operation(a.get(group, set()), b.get(group, set())))
        indices.extend(zip(*([g] * len(found) for g in group), range(len(found)), strict=True))
        values.extend(found)
        most = max(most, len(found))
    return (
        np.array(indices, np.int64).reshape(-1, len(groups) + 1),
        string_array(values, (len(values),)) if dtype is dtypes.string else np.array(values, dtype.numpy),
        np.array([*groups, most], np.int64),
    )


@infer(*_PAIRS)
def _pair_infer(call: InferCall) -> list[Shape]:
    sparse_shape = call.shape(len(call.inputs) - 1)
    rank = None
    if call.node.op != "SparseToSparseSetOperation" and call.inputs[0].rank is not None:
        rank = call.inputs[0].rank
    elif call.node.op != "DenseToDenseSetOperation" and sparse_shape is not None and len(sparse_shape) == 1:
        rank = sparse_shape[0]
    return [(None, rank), (None,), (rank,)]


@kernel("DenseToDenseSetOperation")
def _dense_to_dense(call: KernelCall, first: Array, second: Array) -> tuple[Array, ...]:
    return _result(call, call.node.output_dtypes[1], _dense_sets(first), _dense_sets(second))


@kernel("DenseToSparseSetOperation")
def _dense_to_sparse(call: KernelCall, first: Array, *second: Array) -> tuple[Array, ...]:
    return _result(call, call.node.output_dtypes[1], _dense_sets(first), _sparse_sets(call, *second))


@kernel("SparseToSparseSetOperation")
def _sparse_to_sparse(call: KernelCall, *parts: Array) -> tuple[Array, ...]:
    first, second = _sparse_sets(call, *parts[:3]), _sparse_sets(call, *parts[3:])
    return _result(call, call.node.output_dtypes[1], first, second)


@infer("SetSize")
def _size_infer(call: InferCall) -> list[Shape]:
    dims = call.inputs[2].known_dims
    if dims is not None:
        return [tuple(dims[:-1])]
    shape = call.shape(2)
    return [None if not shape or shape[0] is None else (None,) * (shape[0] - 1)]


@kernel("SetSize")
def _size(call: KernelCall, indices: Array, values: Array, shape: Array) -> Array:
    """How many different values each group has."""
    sets, groups = _sparse_sets(call, indices, values, shape)
    sizes = np.zeros(groups, np.int32)
    for group, found in sets.items():
        sizes[group] = len(found)
    return sizes
