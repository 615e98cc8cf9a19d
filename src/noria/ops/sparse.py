"""Sparse tensors as three tensors: indices (int64, n × rank), values (n), dense shape (rank)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Out, infer, kernel
from noria.shapes import Dim, Shape


def _dims(values: Array) -> str:
    return "[" + ",".join(str(v) for v in values.tolist()) + "]"


def _coordinates(place: Array) -> str:
    return "[" + ",".join(str(v) for v in place.tolist()) + "]"


def _strides(dims: list[int]) -> Array:
    """Elements from one index to the next along each axis, in row-major order."""
    return np.array([math.prod(dims[i + 1 :]) for i in range(len(dims))], np.int64)


def _known_rank(call: InferCall, shape_input: int, indices_input: int) -> Dim:
    """The dense rank, from the length of the shape vector or the width of the indices."""
    vector, matrix = call.shape(shape_input), call.shape(indices_input)
    if vector is not None and len(vector) == 1 and vector[0] is not None:
        return vector[0]
    return matrix[1] if matrix is not None and len(matrix) == 2 else None


# --- to dense


@infer("SparseToDense")
def _to_dense_infer(call: InferCall) -> list[Shape]:
    dims = call.inputs[1].known_dims
    if dims is not None:
        return [tuple(dims)]
    vector = call.shape(1)
    return [shapes.unknown(vector[0]) if vector else None]


@kernel("SparseToDense")
def _to_dense(call: KernelCall, indices: Array, output_shape: Array, values: Array, default: Array) -> Array:
    if indices.ndim > 2:
        raise InvalidArgumentError(
            f"sparse_indices should be a scalar, vector, or matrix, got shape {shapes.text(indices.shape)}"
        )
    if output_shape.ndim != 1:
        raise InvalidArgumentError(f"output_shape must be rank 1, got shape {shapes.text(output_shape.shape)}")
    places = indices.reshape(-1, 1) if indices.ndim < 2 else indices
    if output_shape.size != places.shape[1]:
        raise InvalidArgumentError(
            f"output_shape has incorrect number of elements: {output_shape.size} should be: {places.shape[1]}"
        )
    if values.ndim and values.shape != (len(places),):
        raise InvalidArgumentError(
            f"sparse_values has incorrect shape {shapes.text(values.shape)}, should be [] or [{len(places)}]"
        )
    if default.ndim:
        raise InvalidArgumentError("default_value should be a scalar.")
    shape = output_shape.tolist()
    if any(d < 0 for d in shape):
        raise InvalidArgumentError(f"Dimension {min(shape)} must be >= 0 (output_shape is {_dims(output_shape)})")
    _check_places(places, output_shape, ordered=call.flag("validate_indices"))
    dense = np.empty(shape, call.output_dtype)
    dense[...] = default
    if len(places):
        dense[tuple(places.T)] = values
    return dense


def _check_places(places: Array, shape: Array, *, ordered: bool) -> None:
    """Refuses indices outside ``shape`` and, if ``ordered``, repeated ones and those out of order."""
    outside = ((places < 0) | (places >= shape)).any(axis=1)
    if outside.any():
        if not ordered:
            raise InvalidArgumentError(f"Indices are not valid (out of bounds).  Shape: {_dims(shape)}")
        k = int(np.argmax(outside))
        raise InvalidArgumentError(
            f"indices[{k}] = {_coordinates(places[k])} is out of bounds: need 0 <= index < {_dims(shape)}"
        )
    if not ordered or len(places) < 2:
        return
    steps = np.diff(places @ _strides(shape.tolist()))
    if (steps <= 0).any():
        k = int(np.argmax(steps <= 0))
        if steps[k] == 0:
            raise InvalidArgumentError(f"indices[{k + 1}] = {_coordinates(places[k + 1])} is repeated")
        raise InvalidArgumentError(
            f"indices[{k + 1}] = {_coordinates(places[k + 1])} is out of order. Many sparse ops require sorted indices."
        )


# --- shape and order


@infer("SparseReshape")
def _reshape_infer(call: InferCall) -> list[Shape | Out]:
    indices, new = call.shape(0), call.shape(2)
    rank = new[0] if new else None
    dims = call.inputs[2].known_dims
    if dims is not None:  # a size of -1 follows from the others when it runs
        dims = tuple(None if d is not None and d < 0 else d for d in dims)
    return [(indices[0] if indices else None, rank), Out((rank,), dims=dims)]


@kernel("SparseReshape")
def _reshape(call: KernelCall, indices: Array, shape: Array, new_shape: Array) -> tuple[Array, Array]:
    if indices.ndim != 2 or shape.ndim != 1 or new_shape.ndim != 1:
        raise InvalidArgumentError(
            f"SparseReshape takes an index matrix and two shape vectors, got shapes {shapes.text(indices.shape)}, "
            f"{shapes.text(shape.shape)} and {shapes.text(new_shape.shape)}"
        )
    size = math.prod(shape.tolist())
    dims = new_shape.tolist()
    open_dims = [i for i, d in enumerate(dims) if d == -1]
    if len(open_dims) > 1:
        raise InvalidArgumentError(f"only one output dimension may be -1, not both {open_dims[0]} and {open_dims[1]}")
    if any(d < -1 for d in dims):
        raise InvalidArgumentError(f"size {min(dims)} must be non-negative, not {min(dims)}")
    if open_dims:
        rest = math.prod(d for d in dims if d != -1)
        if rest == 0 or size % rest:
            raise InvalidArgumentError(
                f"Input to reshape is a SparseTensor with {size} dense values, but the requested shape requires a "
                f"multiple of {rest}. input_shape={_dims(shape)} output_shape={_dims(new_shape)}"
            )
        dims[open_dims[0]] = size // rest
    if math.prod(dims) != size:
        raise InvalidArgumentError(
            f"Input to reshape is a tensor with {size} dense values, but the requested shape has {math.prod(dims)}. "
            f"input_shape={_dims(shape)} output_shape={_dims(new_shape)}"
        )
    flat = indices @ _strides(shape.tolist())
    columns = [flat // s % d if d else flat for s, d in zip(_strides(dims).tolist(), dims, strict=True)]
    moved = np.stack(columns, axis=1) if columns else np.empty((len(indices), 0), np.int64)
    return moved.astype(np.int64), np.array(dims, np.int64)


@infer("SparseReorder")
def _reorder_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0), call.shape(1)]


@kernel("SparseReorder")
def _reorder(call: KernelCall, indices: Array, values: Array, shape: Array) -> tuple[Array, Array]:
    """Row-major order; equal indices keep theirs."""
    if indices.shape[1:] != shape.shape or values.shape != indices.shape[:1]:
        raise InvalidArgumentError(
            f"SparseReorder got indices of shape {shapes.text(indices.shape)}, values of {shapes.text(values.shape)} "
            f"and a shape of {shape.size} dimensions, which do not fit together"
        )
    order = np.argsort(indices @ _strides(shape.tolist()), kind="stable")
    return indices[order], values[order]


@infer("SparseFillEmptyRows")
def _fill_empty_rows_infer(call: InferCall) -> list[Shape]:
    indices, dims = call.shape(0), call.inputs[2].known_dims
    rank = _known_rank(call, 2, 0)
    return [(None, rank), (None,), (dims[0] if dims else None,), (indices[0] if indices else None,)]


@kernel("SparseFillEmptyRows")
def _fill_empty_rows(
    call: KernelCall, indices: Array, values: Array, shape: Array, default: Array
) -> tuple[Array, Array, Array, Array]:
    """Gives every row without a value one at its first place; also tells where each value went."""
    if shape.ndim != 1 or indices.ndim != 2 or values.shape != indices.shape[:1] or default.ndim:
        raise InvalidArgumentError(
            f"SparseFillEmptyRows takes an index matrix, as many values, a shape vector and a scalar default; got "
            f"shapes {shapes.text(indices.shape)}, {shapes.text(values.shape)}, {shapes.text(shape.shape)} and "
            f"{shapes.text(default.shape)}"
        )
    count = int(shape[0]) if shape.size else 0
    rows = indices[:, 0]
    if count == 0:
        if len(rows):
            raise InvalidArgumentError(
                f"Received SparseTensor with dense_shape[0] = 0 but indices.shape[0] = {len(rows)}"
            )
        return indices, values, np.zeros(0, np.bool_), np.zeros(0, np.int64)
    outside = (rows < 0) | (rows >= count)
    if outside.any():
        k = int(np.argmax(outside))
        raise InvalidArgumentError(f"indices({k}, 0) is invalid: {rows[k]} >= {count}")
    empty = np.bincount(rows, minlength=count) == 0
    missing = np.flatnonzero(empty)
    filled = np.zeros((len(missing), indices.shape[1]), np.int64)
    filled[:, 0] = missing
    all_indices = np.concatenate([indices, filled])
    order = np.argsort(all_indices[:, 0], kind="stable")
    fill = np.empty(len(missing), values.dtype)
    fill[:] = default
    where_to = np.empty(len(order), np.int64)
    where_to[order] = np.arange(len(order))
    return all_indices[order], np.concatenate([values, fill])[order], empty, where_to[: len(rows)]


# --- parts


@infer("SparseSlice")
def _slice_infer(call: InferCall) -> list[Shape]:
    rank = _known_rank(call, 2, 0)
    return [(None, rank), (None,), (rank,)]


@kernel("SparseSlice")
def _slice(
    call: KernelCall, indices: Array, values: Array, shape: Array, start: Array, size: Array
) -> tuple[Array, Array, Array]:
    if not shape.shape == start.shape == size.shape == indices.shape[1:]:
        raise InvalidArgumentError(
            f"SparseSlice of a tensor of {shape.size} dimensions got {start.size} starts and {size.size} sizes; "
            "there must be one for each dimension"
        )
    end = np.minimum(start + size, shape)
    inside = ((indices >= start) & (indices < end)).all(axis=1)
    return indices[inside] - start, values[inside], np.maximum(end - start, 0)


@infer("SparseConcat")
def _concat_infer(call: InferCall) -> list[Shape]:
    count = call.integer("N")
    rank = _known_rank(call, 2 * count, 0)
    sizes = [s[0] if s else None for s in (call.shape(count + i) for i in range(count))]
    known = [s for s in sizes if s is not None]
    total = sum(known) if len(known) == count else None
    return [(total, rank), (total,), (rank,)]


@kernel("SparseConcat")
def _concat(call: KernelCall, *inputs: Array) -> tuple[Array, Array, Array]:
    count = call.integer("N")
    indices, values, dense = inputs[:count], inputs[count : 2 * count], inputs[2 * count :]
    rank = dense[0].size
    axis = call.integer("concat_dim")
    if not -rank <= axis < rank:
        raise InvalidArgumentError(f"Concat dimension must be in range [{-rank}, {rank}), got {axis}")
    axis %= rank
    result = dense[0].copy()
    parts = [indices[0]]
    for k in range(1, count):
        if dense[k].shape != result.shape:
            raise InvalidArgumentError(
                f"Ranks of all input tensors must match: expected {rank} but got {dense[k].size} at position {k}"
            )
        for d in range(rank):
            if d != axis and dense[k][d] != result[d]:
                raise InvalidArgumentError(
                    f"Input shapes must match: expected {result[d]} for dimension {d} but got {dense[k][d]} "
                    f"at position {k}"
                )
        shifted = indices[k].copy()
        shifted[:, axis] += result[axis]
        parts.append(shifted)
        result[axis] += dense[k][axis]
    places = np.concatenate(parts)
    order = np.argsort(places @ _strides(result.tolist()), kind="stable")
    return places[order], np.concatenate(values)[order], result


# --- product with a dense matrix


@infer("SparseTensorDenseMatMul")
def _matmul_infer(call: InferCall) -> list[Shape]:
    dims, b = call.inputs[2].known_dims, call.shape(3)
    rows = None if dims is None or len(dims) != 2 else dims[1 if call.flag("adjoint_a") else 0]
    columns = None if b is None or len(b) != 2 else b[0 if call.flag("adjoint_b") else 1]
    return [(rows, columns)]


@kernel("SparseTensorDenseMatMul")
def _matmul(call: KernelCall, indices: Array, values: Array, shape: Array, b: Array) -> Array:
    if b.ndim != 2 or shape.size != 2 or indices.ndim != 2 or indices.shape[1] != 2:
        raise InvalidArgumentError(
            f"SparseTensorDenseMatMul multiplies matrices; got a sparse tensor of {shape.size} dimensions and a dense "
            f"one of shape {shapes.text(b.shape)}"
        )
    rows, inner = (int(d) for d in shape)
    at_row, at_inner = indices[:, 0], indices[:, 1]
    if call.flag("adjoint_a"):
        rows, inner = inner, rows
        at_row, at_inner = at_inner, at_row
        values = values.conj()
    if call.flag("adjoint_b"):
        b = b.conj().T
    if inner != b.shape[0]:
        raise InvalidArgumentError(
            "Cannot multiply A and B because inner dimension does not match: "
            f"{inner} vs. {b.shape[0]}.  Did you forget a transpose?"
        )
    for name, at, bound in (("k", at_inner, inner), ("m", at_row, rows)):
        outside = (at < 0) | (at >= bound)
        if outside.any():
            k = int(np.argmax(outside))
            raise InvalidArgumentError(f"{name} ({at[k]}) from index[{k}] out of bounds (>={bound})")
    product = np.zeros((rows, b.shape[1]), b.dtype)
    with np.errstate(all="ignore"):
        np.add.at(product, at_row, values[:, None] * b[at_inner])
    return product


# --- segments of gathered rows: the core of embedding_lookup_sparse


@infer("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN")
def _segment_infer(call: InferCall) -> list[Shape]:
    data = call.shape(0)
    return [None if data is None else (None, *data[1:])]


_WITH_COUNT = (
    "SparseSegmentSumWithNumSegments",
    "SparseSegmentMeanWithNumSegments",
    "SparseSegmentSqrtNWithNumSegments",
)


@infer(*_WITH_COUNT)
def _segment_count_infer(call: InferCall) -> list[Shape]:
    data, count = call.shape(0), call.inputs[3].known_dims
    return [None if data is None else (count[0] if count else None, *data[1:])]


@kernel("SparseSegmentSum", "SparseSegmentMean", "SparseSegmentSqrtN", *_WITH_COUNT)
def _segment(call: KernelCall, data: Array, indices: Array, ids: Array, *num_segments: Array) -> Array:
    """Rows ``data[indices]`` added up by segment; a mean divides by the count, SqrtN by its root; gaps are zero."""
    if indices.ndim != 1 or ids.ndim != 1 or data.ndim == 0:
        raise InvalidArgumentError(
            f"indices and segment_ids should be vectors and data at least one; got shapes "
            f"{shapes.text(indices.shape)}, {shapes.text(ids.shape)} and {shapes.text(data.shape)}"
        )
    if indices.size != ids.size:
        raise InvalidArgumentError(
            f"segment_ids and indices should have same size. (got {ids.size} and {indices.size})"
        )
    count = int(num_segments[0].item()) if num_segments else int(ids[-1]) + 1 if ids.size else 0
    if count < 0 and num_segments:
        raise InvalidArgumentError(f"segment ids must be >= 0 and num_segments too, got {count}")
    _check_segments(data, indices, ids, count, counted=bool(num_segments))
    working: Any = np.float32 if data.dtype.itemsize < 4 else data.dtype
    result = np.zeros((count, *data.shape[1:]), working)
    if not ids.size:
        return result.astype(data.dtype)
    starts = np.flatnonzero(np.diff(ids, prepend=ids[0] - 1))
    used = ids[starts]
    with np.errstate(all="ignore"):
        result[used] = np.add.reduceat(data[indices].astype(working, copy=False), starts, axis=0)
        if "Sum" not in call.node.op.replace("NumSegments", ""):
            sizes = np.diff(starts, append=ids.size).astype(working)
            if "SqrtN" in call.node.op:
                sizes = np.sqrt(sizes)
            result[used] /= sizes.reshape(-1, *[1] * (data.ndim - 1))
        return result.astype(data.dtype, copy=False)


def _check_segments(data: Array, indices: Array, ids: Array, count: int, *, counted: bool) -> None:
    if not ids.size:
        return
    if (np.diff(ids) < 0).any():
        raise InvalidArgumentError("segment ids are not increasing")
    if counted and ids[-1] >= count:
        raise InvalidArgumentError(f"segment ids must be < num_segments (got {ids[-1]} with {count} segments)")
    if ids[0] < 0:
        raise InvalidArgumentError(
            f"Segment id {ids[0]} out of range [0, {count}), possibly because 'segment_ids' input is not sorted."
        )
    outside = (indices < 0) | (indices >= len(data))
    if outside.any():
        k = int(np.argmax(outside))
        raise InvalidArgumentError(f"Bad: indices[{k}] == {indices[k]} out of range [0, {len(data)})")
