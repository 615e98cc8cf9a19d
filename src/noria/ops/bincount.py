"""Counting: how often each small integer occurs, dense (Bincount) or as a sparse tensor (CountSparseOutput)."""

from __future__ import annotations

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, Info, KernelCall, infer, kernel
from noria.ops._arrays import scalar_of, shape_text
from noria.shapes import Dim, Shape

_EMPTY_OR_SAME = (
    "`weights` must be the same shape as `arr` or a length-0 `Tensor`, in which case it acts as all weights equal to 1."
)


def _size_of(info: Info) -> int | None:
    """The known number of bins; refuses what TensorFlow refuses before it runs."""
    if info.rank not in (0, None):
        raise InvalidArgumentError(f"Shape must be rank 0 but is rank {info.rank}")
    size = scalar_of(info)
    if size is not None and size < 0:
        raise InvalidArgumentError(f"size ({size}) must be non-negative")
    return size


def _checked_size(size: Array) -> int:
    if size.ndim:
        raise InvalidArgumentError(f"Shape must be rank 0 but is rank {size.ndim}")
    if size < 0:
        raise InvalidArgumentError(f"size ({int(size)}) must be non-negative")
    return int(size)


def _refuse_negative(values: Array) -> None:
    if values.size and values.min() < 0:
        raise InvalidArgumentError(
            f"Input arr must be non-negative! The values to count hold {int(values.min())}; a bin cannot be negative"
        )


def _row_of_value(splits: Array, count: int) -> Array:
    """The row of each of ``count`` values, from the row splits of a ragged tensor."""
    if not splits.size:
        raise InvalidArgumentError("Splits must be non-empty")
    if splits[0] != 0:
        raise InvalidArgumentError(f"Splits must start with 0, not with {int(splits[0])}")
    if splits[-1] != count:
        raise InvalidArgumentError(
            f"Splits must end with the number of values, got {int(splits[-1])} instead of {count}"
        )
    # Splits that go down are not refused: a value then belongs to the last row begun before it.
    rows: Array = np.searchsorted(np.maximum.accumulate(splits), np.arange(count), side="right") - 1
    return rows


def _count(call: KernelCall, values: Array, weights: Array, rows: Array | None, shape: tuple[int, ...]) -> Array:
    """Adds up the weights (or ones) of equal values, by row, in bins of ``shape``; larger values are left out.

    values: [n]; weights: [n] or empty; rows: [n] or None for one row. With ``binary_output`` a bin is 1 or 0.
    """
    bins = np.zeros(shape, call.output_dtype)
    inside = values < shape[-1]
    where = values[inside] if rows is None else rows[inside] * shape[-1] + values[inside]
    flat = bins.reshape(-1)
    if "binary_output" in call.node.attrs and call.flag("binary_output"):
        flat[where] = 1
    elif weights.size:
        with np.errstate(all="ignore"):
            np.add.at(flat, where, weights[inside])
    else:
        flat[:] = np.bincount(where, minlength=flat.size)
    return bins


# Dense bins


@infer("Bincount")
def _bincount_infer(call: InferCall) -> list[Shape]:
    return [(_size_of(call.inputs[1]),)]


@kernel("Bincount")
def _bincount(call: KernelCall, values: Array, size: Array, weights: Array) -> Array:
    bins = _checked_size(size)
    if weights.size and weights.size != values.size:
        raise InvalidArgumentError(
            f"Input indices and weights must have the same size. Got {values.size} and {weights.size}"
        )
    _refuse_negative(values)
    return _count(call, values.reshape(-1), weights.reshape(-1), None, (bins,))


@infer("DenseBincount")
def _dense_infer(call: InferCall) -> list[Shape]:
    values, size = call.shape(0), _size_of(call.inputs[1])
    if values is None:
        return [None]
    if len(values) > 2:
        raise InvalidArgumentError(f"Shape must be at most rank 2 but is rank {len(values)}")
    return [(size,) if len(values) < 2 else (values[0], size)]


@kernel("DenseBincount")
def _dense(call: KernelCall, values: Array, size: Array, weights: Array) -> Array:
    if values.ndim > 2:
        raise InvalidArgumentError(f"Shape must be at most rank 2 but is rank {values.ndim}")
    bins = _checked_size(size)
    if weights.shape != values.shape and (weights.size or not weights.ndim):
        raise InvalidArgumentError(f"{_EMPTY_OR_SAME} Received {shape_text(weights.shape)}")
    _refuse_negative(values)
    if values.ndim < 2:
        return _count(call, values.reshape(-1), weights.reshape(-1), None, (bins,))
    rows = np.repeat(np.arange(values.shape[0]), values.shape[1])
    return _count(call, values.reshape(-1), weights.reshape(-1), rows, (values.shape[0], bins))


@infer("RaggedBincount")
def _ragged_infer(call: InferCall) -> list[Shape]:
    splits = call.shape(0)
    rows = None if not splits or splits[0] is None else max(splits[0] - 1, 0)
    return [(rows, _size_of(call.inputs[2]))]


@kernel("RaggedBincount")
def _ragged(call: KernelCall, splits: Array, values: Array, size: Array, weights: Array) -> Array:
    bins = _checked_size(size)
    rows = _row_of_value(splits, values.size)
    if weights.shape != values.shape and weights.size:
        raise InvalidArgumentError(f"{_EMPTY_OR_SAME} Received {shape_text(weights.shape)}")
    _refuse_negative(values)
    return _count(call, values.reshape(-1), weights.reshape(-1), rows, (splits.size - 1, bins))


@infer("SparseBincount")
def _sparse_infer(call: InferCall) -> list[Shape]:
    size, dense, rank = _size_of(call.inputs[3]), call.inputs[2].known_dims, _vector_rank(call, 2)
    if rank is None:
        return [None]
    return [(size,) if rank == 1 else (dense[0] if dense else None, size)]


def _vector_rank(call: InferCall, index: int) -> Dim:
    """The number of dimensions that the shape vector at input ``index`` describes."""
    vector = call.shape(index)
    return None if not vector else vector[0]


@kernel("SparseBincount")
def _sparse(call: KernelCall, indices: Array, values: Array, dense_shape: Array, size: Array, weights: Array) -> Array:
    bins = _checked_size(size)
    _check_sparse(indices, values, dense_shape)
    if weights.size and weights.size != values.size:
        raise InvalidArgumentError(
            f"Input indices and weights must have the same size. Got {values.size} and {weights.size}"
        )
    _refuse_negative(values)
    if dense_shape.size == 1:
        return _count(call, values, weights.reshape(-1), None, (bins,))
    return _count(call, values, weights.reshape(-1), indices[:, 0], (int(dense_shape[0]), bins))


def _check_sparse(indices: Array, values: Array, dense_shape: Array) -> None:
    if indices.ndim != 2 or values.shape != indices.shape[:1] or dense_shape.shape != indices.shape[1:]:
        raise InvalidArgumentError(
            f"a sparse tensor is an index matrix, a value for each of its rows and a size for each of its columns; "
            f"got shapes {shape_text(indices.shape)}, {shape_text(values.shape)} and {shape_text(dense_shape.shape)}"
        )
    if not dense_shape.size:
        raise InvalidArgumentError("the dense shape of the tensor to count is empty; counting needs a dimension")
    outside = ((indices < 0) | (indices >= dense_shape)).any(axis=1)
    if outside.any():
        k = int(np.argmax(outside))
        place = ", ".join(map(str, indices[k].tolist()))
        raise InvalidArgumentError(f"Sparse index tuple indices[{k}, :] = [{place}] is out of bounds")


# Sparse counts


_SPARSE_COUNTS = ("DenseCountSparseOutput", "SparseCountSparseOutput", "RaggedCountSparseOutput")


@infer(*_SPARSE_COUNTS)
def _count_infer(call: InferCall) -> list[Shape]:
    rank: Dim = 2
    if call.node.op == "DenseCountSparseOutput":
        rank = call.inputs[0].rank
    elif call.node.op == "SparseCountSparseOutput":
        rank = _vector_rank(call, 2)
    return [(None, rank), (None,), (rank,)]


def _sparse_counts(
    call: KernelCall, values: Array, weights: Array, rows: Array | None, row_count: int
) -> tuple[Array, Array, Array]:
    """The values that occur, by row and in order, with the sum of their weights (or how often), as a sparse tensor.

    values: [n]; weights: [n] or empty; rows: [n], or None for a vector, whose counts have no row.
    """
    if values.size and values.min() < 0:
        raise InvalidArgumentError(f"Input values must all be non-negative, but they hold {int(values.min())}")
    most, least = call.integer("maxlength"), call.integer("minlength")
    width = most if most >= 0 else max(int(values.max(initial=0)) + 1, least)
    kept = values < width
    numbers = np.zeros(values.size, np.int64) if rows is None else rows
    pairs = np.stack([numbers[kept], values[kept].astype(np.int64)], axis=1)
    found, inverse = np.unique(pairs, axis=0, return_inverse=True) if pairs.size else (pairs, np.zeros(0, np.int64))
    totals = np.zeros(len(found), call.node.output_dtypes[1].numpy)
    if call.flag("binary_output"):
        totals[:] = 1
    else:
        with np.errstate(all="ignore"):
            np.add.at(totals, inverse.reshape(-1), weights[kept] if weights.size else totals.dtype.type(1))
    if rows is None:
        return found[:, 1:], totals, np.array([width], np.int64)
    return found, totals, np.array([row_count, width], np.int64)


@kernel("DenseCountSparseOutput")
def _dense_counts(call: KernelCall, values: Array, weights: Array) -> tuple[Array, Array, Array]:
    if values.ndim not in (1, 2):
        raise InvalidArgumentError(f"Input must be a 1 or 2-dimensional tensor. Got: {shape_text(values.shape)}")
    if weights.size and weights.shape != values.shape:
        raise InvalidArgumentError(
            f"Weights and data must have the same shape. Weight shape: {shape_text(weights.shape)}; "
            f"data shape: {shape_text(values.shape)}"
        )
    rows = None if values.ndim == 1 else np.repeat(np.arange(values.shape[0]), values.shape[1])
    return _sparse_counts(call, values.reshape(-1), weights.reshape(-1), rows, values.shape[0])


@kernel("SparseCountSparseOutput")
def _counts_of_sparse(
    call: KernelCall, indices: Array, values: Array, dense_shape: Array, weights: Array
) -> tuple[Array, Array, Array]:
    _check_sparse(indices, values, dense_shape)
    if dense_shape.size > 2:
        raise InvalidArgumentError(
            f"Input must be a 1 or 2-dimensional tensor. Got: {shape_text(dense_shape.tolist())}"
        )
    if weights.size and weights.shape != values.shape:
        raise InvalidArgumentError(
            f"Weights and values must have the same shape. Weight shape: {shape_text(weights.shape)}; "
            f"values shape: {shape_text(values.shape)}"
        )
    rows = None if dense_shape.size == 1 else indices[:, 0]
    return _sparse_counts(call, values, weights, rows, int(dense_shape[0]))


@kernel("RaggedCountSparseOutput")
def _counts_of_ragged(call: KernelCall, splits: Array, values: Array, weights: Array) -> tuple[Array, Array, Array]:
    if weights.size and weights.shape != values.shape:
        raise InvalidArgumentError(
            f"Weights and values must have the same shape. Weight shape: {shape_text(weights.shape)}; "
            f"values shape: {shape_text(values.shape)}"
        )
    rows = _row_of_value(splits, values.size)
    return _sparse_counts(call, values.reshape(-1), weights.reshape(-1), rows, splits.size - 1)
