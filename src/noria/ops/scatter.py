"""Ops that put rows at indices: ScatterNd, TensorScatter…, DynamicStitch, and DynamicPartition, its inverse.

ONNX has ScatterND, but the engine's threads race on indices that occur twice (sums come out short), so only constant
indices without repeats are lowered.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._arrays import as_int64, dims_of_vector, product, shape_text, zeros
from noria.shapes import Shape

_TENSOR_SCATTER = (
    "TensorScatterUpdate",
    "TensorScatterAdd",
    "TensorScatterSub",
    "TensorScatterMax",
    "TensorScatterMin",
)


@infer("ScatterNd")
def _scatter_nd_infer(call: InferCall) -> list[Shape]:
    return [dims_of_vector(call.inputs[2])]


@infer(*_TENSOR_SCATTER)
def _tensor_scatter_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


def _rows(call: KernelCall, shape: Sequence[int], indices: Array, updates: Array) -> tuple[Array, Array]:
    """Flat row numbers of ``indices`` in an array of ``shape``, and ``updates`` with one row for each.

    InvalidArgumentError where the shapes do not fit or an index is out of range; such an index and its row are left
    out where the op's ``bad_indices_policy`` is IGNORE.
    """
    if indices.ndim < 1 or updates.ndim < 1:
        which, found = ("Indices", indices) if indices.ndim < 1 else ("Updates", updates)
        raise InvalidArgumentError(f"{which} shape must have rank at least one. Found:{shape_text(found.shape)}")
    if indices.ndim == 1:
        indices = indices[:, None]  # what TensorFlow's kernel takes a vector for; its shape rule refuses most
    depth, lead = indices.shape[-1], indices.shape[:-1]
    count = product(lead) or 0
    if product(shape) == 0 and (indices.size or updates.size):
        raise InvalidArgumentError(
            f"Indices and updates specified for empty output.  indices shape: {shape_text(indices.shape)}"
        )
    if depth > len(shape) or updates.shape != (*lead, *shape[depth:]):
        raise InvalidArgumentError(
            f"Dimensions of updates[shape={shape_text(updates.shape)}] must be those of "
            f"indices[shape={shape_text(indices.shape)}] but the last, then dimensions {depth} and up of "
            f"output[shape={shape_text(shape)}]"
        )
    if depth == 0 and count:
        raise InvalidArgumentError("Indices and updates specified for empty output shape")
    flat = indices.reshape((count, depth)).astype(np.int64)
    bad = np.any((flat < 0) | (flat >= np.array(shape[:depth], np.int64)), axis=1)
    rows = updates.reshape((count, product(shape[depth:]) or 0))
    if bad.any():
        if call.node.attrs.get("bad_indices_policy", b"") != b"IGNORE":
            first = int(np.flatnonzero(bad)[0])
            place = np.unravel_index(first, lead) if lead else ()
            shown = ", ".join(map(str, flat[first].tolist()))
            raise InvalidArgumentError(
                f"indices{shape_text(place)} = [{shown}] does not index into shape {shape_text(shape)}"
            )
        flat, rows = flat[~bad], rows[~bad]
    strides = np.cumprod([1, *shape[depth - 1 : 0 : -1]])[::-1] if depth else np.zeros(0, np.int64)
    return flat @ strides.astype(np.int64), rows


def _scatter(call: KernelCall, base: Array, indices: Array, updates: Array, how: str) -> Array:
    places, rows = _rows(call, base.shape, indices, updates)
    result = base.copy()
    if not places.size or not result.size:
        return result
    width = rows.shape[1]
    flat = result.reshape((-1, width))
    if how == "Update":
        flat[places] = rows  # NumPy assigns in order, so the last of equal places stays
    elif base.dtype.hasobject or how in ("Add", "Sub"):
        ufunc = np.subtract if how == "Sub" else np.add
        with np.errstate(all="ignore"):
            # Flat, as NumPy is several times faster with one index.
            ufunc.at(result.reshape(-1), (places[:, None] * width + np.arange(width)).reshape(-1), rows.reshape(-1))
    else:
        # A NaN that stands stays, a NaN that comes is passed over, as in std::max(stands, comes).
        kept = np.isnan(flat) if base.dtype.kind not in "iub" else np.zeros(flat.shape, np.bool_)
        (np.fmax if how == "Max" else np.fmin).at(flat, places, rows)
        if kept.any():
            flat[kept] = np.nan
    return result


@kernel("ScatterNd")
def _scatter_nd(call: KernelCall, indices: Array, updates: Array, shape: Array) -> Array:
    dims = shape.reshape(-1).tolist()
    for d in dims:
        if d < 0:
            raise InvalidArgumentError(f"Dimension {d} must be >= 0")
    return _scatter(call, zeros(dims, updates.dtype), indices, updates, "Add")


@kernel(*_TENSOR_SCATTER)
def _tensor_scatter(call: KernelCall, tensor: Array, indices: Array, updates: Array) -> Array:
    return _scatter(call, tensor, indices, updates, call.node.op.removeprefix("TensorScatter"))


def _distinct(indices: Value, shape: Shape) -> bool:
    """Whether ``indices`` are constant, within ``shape``, and each occurs once."""
    if indices.const is None or shape is None or indices.const.ndim < 2 or not indices.const.shape[-1]:
        return False
    rows = indices.const.reshape((-1, indices.const.shape[-1]))
    if rows.shape[1] > len(shape) or (rows < 0).any():
        return False
    limits = shape[: rows.shape[1]]
    if None in limits or (rows >= np.array(limits)).any():
        return False
    return len(np.unique(rows, axis=0)) == len(rows)


def _updates_fit(indices: Value, updates: Value, shape: Shape) -> bool:
    if shape is None or not shapes.is_static(updates.shape) or indices.shape is None:
        return False
    depth = indices.shape[-1] or 0
    return updates.shape == (*indices.shape[:-1], *shape[depth:]) and product(shape) != 0


@lower("ScatterNd")
def _scatter_nd_lower(op: Lowering) -> Value:
    indices, updates, _ = op.inputs
    shape = op.outputs[0].shape
    if not shapes.is_static(shape) or not _distinct(indices, shape) or not _updates_fit(indices, updates, shape):
        op.cannot("the indices may repeat")
    base = op.emit("Expand", op.constant(0, updates.dtype), op.constant(list(shape or ()), dtypes.int64), shape=shape)
    return op.emit("ScatterND", base, as_int64(op, indices), updates, shape=shape)


@lower("TensorScatterUpdate")
def _tensor_scatter_update_lower(op: Lowering) -> Value:
    tensor, indices, updates = op.inputs
    if not _distinct(indices, tensor.shape) or not _updates_fit(indices, updates, tensor.shape):
        op.cannot("the indices may repeat")
    return op.emit("ScatterND", tensor, as_int64(op, indices), updates, shape=tensor.shape)


# DynamicStitch, DynamicPartition


@infer("DynamicStitch", "ParallelDynamicStitch")
def _stitch_infer(call: InferCall) -> list[Shape]:
    count = len(call.inputs) // 2
    rest: Shape = None
    for indices, data in zip(call.inputs[:count], call.inputs[count:], strict=True):
        if indices.shape is not None and data.shape is not None and len(indices.shape) <= len(data.shape):
            inner = data.shape[len(indices.shape) :]
            rest = shapes.merge(rest, inner) if shapes.compatible(rest, inner) else rest
    values = [i.value for i in call.inputs[:count]]
    size = None
    if all(v is not None for v in values):
        size = 1 + max((int(v.max()) for v in values if v is not None and v.size), default=-1)
    return [None if rest is None else (size, *rest)]


@kernel("DynamicStitch", "ParallelDynamicStitch")
def _stitch(call: KernelCall, *inputs: Array) -> Array:
    count = len(inputs) // 2
    indices, data = inputs[:count], inputs[count:]
    rest = data[0].shape[indices[0].ndim :]
    for k, (places, rows) in enumerate(zip(indices, data, strict=True)):
        if rows.shape[: places.ndim] != places.shape:
            raise InvalidArgumentError(
                f"data[{k}].shape = {shape_text(rows.shape)} does not start with "
                f"indices[{k}].shape = {shape_text(places.shape)}"
            )
        if rows.shape[places.ndim :] != rest:
            raise InvalidArgumentError(
                f"Need data[0].shape[{indices[0].ndim}:] = data[{k}].shape[{places.ndim}:], got "
                f"data[0].shape = {shape_text(data[0].shape)}, data[{k}].shape = {shape_text(rows.shape)}, "
                f"indices[0].shape = {shape_text(indices[0].shape)}, indices[{k}].shape = {shape_text(places.shape)}"
            )
        if places.size and places.min() < 0:
            raise InvalidArgumentError(f"indices[{k}] is out of range")
    size = 1 + max((int(places.max()) for places in indices if places.size), default=-1)
    result = zeros((size, *rest), data[0].dtype)
    for places, rows in zip(indices, data, strict=True):
        result[places] = rows
    return result


@infer("DynamicPartition")
def _partition_infer(call: InferCall) -> list[Shape]:
    data, partitions = call.shape(0), call.shape(1)
    count = call.integer("num_partitions")
    if data is None or partitions is None:
        return [None] * count
    return [(None, *data[len(partitions) :])] * count


@kernel("DynamicPartition")
def _partition(call: KernelCall, data: Array, partitions: Array) -> tuple[Array, ...]:
    count = call.integer("num_partitions")
    if data.shape[: partitions.ndim] != partitions.shape:
        raise InvalidArgumentError(
            f"data.shape must start with partitions.shape, got data.shape = {shape_text(data.shape)}, "
            f"partitions.shape = {shape_text(partitions.shape)}"
        )
    bad = (partitions < 0) | (partitions >= count)
    if bad.any():
        place = np.argwhere(bad)[0]
        shown = f"partitions{shape_text(place)}" if partitions.ndim else "partitions"
        raise InvalidArgumentError(f"{shown} = {int(partitions[tuple(place)])} is not in [0, {count})")
    flat = data.reshape((partitions.size, *data.shape[partitions.ndim :]))
    numbers = partitions.reshape(-1)
    return tuple(flat[numbers == k] for k in range(count))
