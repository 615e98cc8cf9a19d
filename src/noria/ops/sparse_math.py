"""Arithmetic of sparse tensors: with each other, with dense ones, and along their axes; how they lie: ``sparse``."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text, single
from noria.ops._numeric import quiet
from noria.shapes import Dim, Shape


def _check(indices: Array, values: Array, dense_shape: Array, name: str = "the sparse tensor") -> None:
    if indices.ndim != 2 or values.shape != indices.shape[:1] or dense_shape.shape != indices.shape[1:]:
        raise InvalidArgumentError(
            f"{name} should be an index matrix, a value for each of its rows and a size for each of its columns; got "
            f"shapes {shape_text(indices.shape)}, {shape_text(values.shape)} and {shape_text(dense_shape.shape)}"
        )


def _check_inside(indices: Array, dense_shape: Array) -> None:
    outside = ((indices < 0) | (indices >= dense_shape)).any(axis=1)
    if outside.any():
        k = int(np.argmax(outside))
        raise InvalidArgumentError(
            f"Sparse tensor has an invalid index on dimension: indices[{k}] = {shape_text(indices[k].tolist())} is "
            f"outside the shape {shape_text(dense_shape.tolist())}"
        )


def _flat(indices: Array, dims: list[int]) -> Array:
    """The position of each index in row-major order."""
    steps = np.array([math.prod(dims[i + 1 :]) for i in range(len(dims))], np.int64)
    positions: Array = indices @ steps
    return positions


def _vector_length(call: InferCall, index: int) -> Dim:
    vector = call.shape(index)
    return vector[0] if vector else None


# Two sparse tensors


def _merge(a: Array, b: Array) -> tuple[Array, Array]:
    """Pairs of places of equal positions, in order, from two lists in order; -1 where one list has no such position."""
    if (np.diff(a) > 0).all() and (np.diff(b) > 0).all():
        union = np.union1d(a, b)
        found = []
        for own in (a, b):
            places = np.full(union.size, -1)
            places[np.searchsorted(union, own)] = np.arange(own.size)
            found.append(places)
        return found[0], found[1]
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < a.size or j < b.size:
        left = i < a.size and (j == b.size or a[i] <= b[j])
        right = j < b.size and (i == a.size or b[j] <= a[i])
        pairs.append((i if left else -1, j if right else -1))
        i, j = i + left, j + right
    columns = np.array(pairs, np.int64).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]


def _union(
    a: tuple[Array, Array, Array], b: tuple[Array, Array, Array], words: str
) -> tuple[Array, Array, Array, Array]:
    """Indices that occur in either tensor, the values of both (0 where one has none), and whether both have one."""
    _check(*a, "a")
    _check(*b, "b")
    if a[2].shape != b[2].shape or (a[2] != b[2]).any():
        raise InvalidArgumentError(f"{words}; they are {shape_text(a[2].tolist())} and {shape_text(b[2].tolist())}")
    dims: list[int] = a[2].tolist()
    from_a, from_b = _merge(_flat(a[0], dims), _flat(b[0], dims))
    zero = np.zeros(1, a[1].dtype)
    indices = np.where((from_a >= 0)[:, None], _row(a[0], from_a), _row(b[0], from_b))
    # Place -1 is the zero that stands at the end.
    values_a, values_b = np.concatenate([a[1], zero])[from_a], np.concatenate([b[1], zero])[from_b]
    return indices, values_a, values_b, (from_a >= 0) & (from_b >= 0)


def _row(indices: Array, places: Array) -> Array:
    rows: Array = np.concatenate([indices, np.zeros((1, indices.shape[1]), np.int64)])[places]
    return rows


@infer("SparseAdd")
def _add_infer(call: InferCall) -> list[Shape]:
    rank = _vector_length(call, 2)
    return [(None, rank), (None,), (rank,)]


@kernel("SparseAdd")
@quiet
def _add(
    call: KernelCall, ai: Array, av: Array, ashape: Array, bi: Array, bv: Array, bshape: Array, thresh: Array
) -> tuple[Array, Array, Array]:
    """Sums of two values that are smaller than ``thresh`` are left out; single values stay."""
    if thresh.ndim:
        raise InvalidArgumentError(f"The magnitude threshold must be a scalar: got shape {shape_text(thresh.shape)}")
    indices, a, b, both = _union((ai, av, ashape), (bi, bv, bshape), "operands' shapes do not match")
    sums = np.asarray(a + b, av.dtype)
    kept = ~both | (thresh <= np.abs(sums))
    return indices[kept], sums[kept], ashape


@infer("SparseSparseMaximum", "SparseSparseMinimum")
def _extreme_infer(call: InferCall) -> list[Shape]:
    return [(None, _vector_length(call, 2)), (None,)]


@kernel("SparseSparseMaximum", "SparseSparseMinimum")
def _extreme(
    call: KernelCall, ai: Array, av: Array, ashape: Array, bi: Array, bv: Array, bshape: Array
) -> tuple[Array, Array]:
    indices, a, b, _ = _union((ai, av, ashape), (bi, bv, bshape), "Operands' shapes do not match")
    larger = a < b
    take_b = larger if call.node.op == "SparseSparseMaximum" else b < a
    return indices, np.where(take_b, b, a).astype(av.dtype)


# With a dense tensor


_CWISE: dict[str, Any] = {
    "SparseDenseCwiseAdd": np.add,
    "SparseDenseCwiseMul": np.multiply,
    "SparseDenseCwiseDiv": np.divide,
}


@infer(*_CWISE)
def _cwise_infer(call: InferCall) -> list[Shape]:
    return [call.shape(1)]


@kernel(*_CWISE)
@quiet
def _cwise(call: KernelCall, indices: Array, values: Array, dense_shape: Array, dense: Array) -> Array:
    """The values, each with the element of the broadcast dense tensor at its place."""
    _check(indices, values, dense_shape)
    dims: list[int] = dense_shape.tolist()
    try:
        spread = np.broadcast_to(dense, dims)
    except ValueError:
        raise InvalidArgumentError(
            "SparseDenseBinaryOpShared broadcasts dense to sparse only; got incompatible shapes: "
            f"{shape_text(dims)} vs. {shape_text(dense.shape)}"
        ) from None
    _check_inside(indices, dense_shape)
    others = spread[tuple(indices.T)] if dims else np.full(values.shape, dense)
    if call.node.op == "SparseDenseCwiseDiv":
        if (others == 0).any():
            raise InvalidArgumentError(
                "SparseDenseCwiseDiv cannot divide by zero, but input dense tensor contains zero"
            )
        if values.dtype.kind in "iu":
            # As in C: towards zero.
            quotients: Array = (values - np.fmod(values, others)) // others
            return quotients
    return np.asarray(_CWISE[call.node.op](values, others), values.dtype)


@infer("SparseTensorDenseAdd")
def _dense_add_infer(call: InferCall) -> list[Shape]:
    return [call.shape(3)]


@kernel("SparseTensorDenseAdd")
@quiet
def _dense_add(call: KernelCall, indices: Array, values: Array, dense_shape: Array, dense: Array) -> Array:
    _check(indices, values, dense_shape)
    if dense.shape != tuple(dense_shape.tolist()):
        raise InvalidArgumentError(
            f"Two operands have different ranks or sizes: the sparse one has the shape "
            f"{shape_text(dense_shape.tolist())}, the dense one {shape_text(dense.shape)}"
        )
    _check_inside(indices, dense_shape)
    total = dense.copy()
    np.add.at(total, tuple(indices.T) if dense.ndim else (), values)
    return total


# Along axes


_DENSE_REDUCTIONS = ("SparseReduceSum", "SparseReduceMax")
_SPARSE_REDUCTIONS = ("SparseReduceSumSparse", "SparseReduceMaxSparse")


@infer(*_DENSE_REDUCTIONS)
def _reduce_infer(call: InferCall) -> list[Shape]:
    rank = _vector_length(call, 2)
    if call.flag("keep_dims"):
        return [shapes.unknown(rank)]
    return [None]


@infer(*_SPARSE_REDUCTIONS)
def _reduce_sparse_infer(call: InferCall) -> list[Shape]:
    return [(None, None), (None,), (None,)]


def _grouped(
    call: KernelCall, indices: Array, values: Array, dense_shape: Array, axes: Array
) -> tuple[Array, Array, list[int], list[int]]:
    """Reduces values that agree in the kept axes: their positions in order, results, kept sizes, and the kept axes."""
    _check(indices, values, dense_shape)
    rank = dense_shape.size
    if axes.ndim > 1:
        raise InvalidArgumentError(f"reduction_axes must be a scalar or vector, got shape {shape_text(axes.shape)}")
    listed = [int(a) for a in axes.reshape(-1)]
    for axis in listed:
        if not -rank <= axis < rank:
            raise InvalidArgumentError(f"Invalid reduction dimension {axis}, for input with {rank} dimensions.")
    gone = {a % rank for a in listed}
    kept = [a for a in range(rank) if a not in gone]
    _check_inside(indices, dense_shape)
    sizes = [int(dense_shape[a]) for a in kept]
    positions = _flat(indices[:, kept], sizes)
    order = np.argsort(positions, kind="stable")
    groups, starts = np.unique(positions[order], return_index=True)
    if not groups.size:
        return groups, values[:0], sizes, kept
    how: Any = np.add if "Sum" in call.node.op else np.maximum
    with np.errstate(all="ignore"):
        results = how.reduceat(values[order], starts, dtype=values.dtype)
    return groups, results, sizes, kept


def _with_kept(call: KernelCall, sizes: list[int], kept: list[int], rank: int) -> list[int]:
    if not call.flag("keep_dims"):
        return sizes
    dims = [1] * rank
    for axis, size in zip(kept, sizes, strict=True):
        dims[axis] = size
    return dims


@kernel(*_DENSE_REDUCTIONS)
def _reduce(call: KernelCall, indices: Array, values: Array, dense_shape: Array, axes: Array) -> Array:
    """Dense: 0 where there is nothing to reduce."""
    groups, results, sizes, kept = _grouped(call, indices, values, dense_shape, axes)
    dense = np.zeros(math.prod(sizes), values.dtype)
    dense[groups] = results
    return dense.reshape(_with_kept(call, sizes, kept, dense_shape.size))


@kernel(*_SPARSE_REDUCTIONS)
def _reduce_sparse(
    call: KernelCall, indices: Array, values: Array, dense_shape: Array, axes: Array
) -> tuple[Array, Array, Array]:
    groups, results, sizes, kept = _grouped(call, indices, values, dense_shape, axes)
    dims = _with_kept(call, sizes, kept, dense_shape.size)
    columns = np.unravel_index(groups, dims) if dims else ()
    places = np.stack(columns, axis=1) if dims else np.zeros((groups.size, 0), np.int64)
    return places.astype(np.int64), results, np.array(dims, np.int64)


@infer("SparseSoftmax")
def _softmax_infer(call: InferCall) -> list[Shape]:
    return [call.shape(1)]


@kernel("SparseSoftmax")
@quiet
def _softmax(call: KernelCall, indices: Array, values: Array, dense_shape: Array) -> Array:
    """Softmax over the values that are there, along the last axis."""
    _check(indices, values, dense_shape)
    if dense_shape.size < 2:
        raise InvalidArgumentError(
            f"Input should have rank >= 2, but received shape {shape_text(dense_shape.tolist())}"
        )
    _check_inside(indices, dense_shape)
    if not values.size:
        return values
    wide = values.astype(np.float32) if values.dtype == np.float16 else values
    rows = _flat(indices[:, :-1], dense_shape[:-1].tolist())
    order = np.argsort(rows, kind="stable")
    _, starts, inverse = np.unique(rows[order], return_index=True, return_inverse=True)
    ordered = wide[order]
    powers = np.exp(ordered - np.maximum.reduceat(ordered, starts)[inverse])
    result = np.empty_like(wide)
    result[order] = powers / np.add.reduceat(powers, starts)[inverse]
    return result.astype(values.dtype)


# Parts


@infer("SparseSplit")
def _split_infer(call: InferCall) -> list[Shape]:
    count, rank = call.integer("num_split"), _vector_length(call, 3)
    return [*[(None, rank)] * count, *[(None,)] * count, *[(rank,)] * count]


@kernel("SparseSplit")
def _split(call: KernelCall, axis: Array, indices: Array, values: Array, dense_shape: Array) -> tuple[Array, ...]:
    """Slices along an axis, as equal as can be: the first ones are one longer where the sizes do not divide."""
    _check(indices, values, dense_shape)
    count, rank, split = call.integer("num_split"), dense_shape.size, single(axis, "split_dim")
    if not -rank <= split < rank:
        raise InvalidArgumentError(f"Input split_dim should be between 0 and rank ({rank}), got {split}")
    size = int(dense_shape[split])
    if not 1 <= count <= size:
        raise InvalidArgumentError(
            f"Input num_split should be between 1 and the splitting dimension size ({size}), got {count}"
        )
    _check_inside(indices, dense_shape)
    each, longer = divmod(size, count)
    ends = np.cumsum([each + (k < longer) for k in range(count)])
    parts: tuple[list[Array], list[Array], list[Array]] = ([], [], [])
    for start, end in zip(np.concatenate([[0], ends[:-1]]).tolist(), ends.tolist(), strict=True):
        inside = (indices[:, split] >= start) & (indices[:, split] < end)
        moved, shape = indices[inside], dense_shape.copy()
        moved[:, split] -= start
        shape[split] = end - start
        for listed, part in zip(parts, (moved, values[inside], shape), strict=True):
            listed.append(part)
    return (*parts[0], *parts[1], *parts[2])
