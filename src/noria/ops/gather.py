"""Ops that pick elements by index: Gather, GatherV2, GatherNd, OneHot, Where, TopK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.resources import Variable
from noria.graph.rules import InferCall, Info, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.ops._arrays import as_int64, as_vector, axis_in, product, scalar_of, shape_text, single, zeros
from noria.shapes import Dim, Shape

# Gather, GatherV2, ResourceGather


def _gather_shape(params: Info, indices: Info, axis: int | None, batch_dims: int) -> Out:
    if params.shape is None or indices.shape is None:
        return Out(None)
    rank, count = len(params.shape), len(indices.shape)
    if rank == 0:
        raise InvalidArgumentError("params must be at least 1 dimensional")
    batch = axis_in(batch_dims, count + 1, f"batch_dims {batch_dims} must be in [-{count}, {count}]")
    batch = batch_dims + count if batch_dims < 0 else batch
    if axis is None:
        return Out(shapes.unknown(rank - 1 + count - batch))
    at = axis_in(axis, rank, f"Shape must be at least rank {axis + 1 if axis >= 0 else -axis} but is rank {rank}")
    if batch > at:
        raise InvalidArgumentError(f"batch_dims ({batch}) must be less than or equal to axis ({at}).")
    lead = shapes.merge(params.shape[:batch], indices.shape[:batch]) or ()
    dims = None
    known = params.known_dims
    if known is not None and rank == 1 and count <= 1 and indices.value is not None:
        picked = indices.value.reshape(-1).tolist()
        if all(0 <= i < len(known) for i in picked):
            dims = tuple(known[i] for i in picked)
    return Out((*lead, *params.shape[batch:at], *indices.shape[batch:], *params.shape[at + 1 :]), dims=dims)


@infer("GatherV2")
def _gather_v2_infer(call: InferCall) -> list[Out]:
    params, indices, axis = call.inputs
    return [_gather_shape(params, indices, scalar_of(axis), call.integer("batch_dims"))]


@infer("Gather")
def _gather_infer(call: InferCall) -> list[Out]:
    return [_gather_shape(call.inputs[0], call.inputs[1], 0, 0)]


@infer("ResourceGather", "ResourceGatherNd")
def _resource_gather_infer(call: InferCall) -> list[Shape]:
    return [None]


def take(params: Array, indices: Array, axis: int, batch_dims: int) -> Array:
    """TensorFlow's gather; InvalidArgumentError for an index that is not in ``[0, params.shape[axis])``."""
    if params.ndim == 0:
        raise InvalidArgumentError("params must be at least 1 dimensional")
    at = axis_in(
        axis, params.ndim, f"Shape must be at least rank {axis + 1 if axis >= 0 else -axis} but is rank {params.ndim}"
    )
    batch = batch_dims + indices.ndim if batch_dims < 0 else batch_dims
    if not 0 <= batch <= indices.ndim:
        raise InvalidArgumentError(
            f"Expected batch_dims in the range [{-indices.ndim}, {indices.ndim}], but got {batch_dims}"
        )
    if batch > at:
        raise InvalidArgumentError(f"batch_dims ({batch}) must be less than or equal to axis ({at}).")
    for i in range(batch):
        if params.shape[i] != indices.shape[i]:
            raise InvalidArgumentError(
                f"params.shape[{i}]: {params.shape[i]} should be equal to indices.shape[{i}]: {indices.shape[i]}"
            )
    shape = (*params.shape[:at], *indices.shape[batch:], *params.shape[at + 1 :])
    if 0 in shape:
        return zeros(shape, params.dtype)
    _check_indices(indices, params.shape[at])
    if batch == 0:
        return np.asarray(np.take(params, indices, axis=at), params.dtype)  # one string comes as bytes, not as an array
    moved = np.moveaxis(params, at, batch)
    rows = moved.reshape((-1, *moved.shape[batch:]))
    picked = indices.reshape((rows.shape[0], -1))
    taken = rows[np.arange(rows.shape[0])[:, None], picked]  # batch, indices, axes before ``at``, axes after
    middle = at - batch
    taken = np.moveaxis(taken, 1, 1 + middle)
    return taken.reshape(shape)


def _check_indices(indices: Array, dim: int) -> None:
    bad = (indices < 0) | (indices >= dim)
    if bad.any():
        place = np.argwhere(bad)[0]
        shown = f"indices{shape_text(place)}" if indices.ndim else "indices"
        raise InvalidArgumentError(f"{shown} = {int(indices[tuple(place)])} is not in [0, {dim})")


@kernel("GatherV2")
def _gather_v2(call: KernelCall, params: Array, indices: Array, axis: Array) -> Array:
    return take(params, indices, single(axis, "axis"), call.integer("batch_dims"))


@kernel("Gather")
def _gather(call: KernelCall, params: Array, indices: Array) -> Array:
    return take(params, indices, 0, 0)


@kernel("ResourceGather")
def _resource_gather(call: KernelCall, variable: Variable, indices: Array) -> Array:
    batch = call.integer("batch_dims")
    return take(variable.read(), indices, batch, batch)


def _guarded(op: Lowering, indices: Value, dim: Dim) -> Value:
    """``indices`` with those below 0, which ONNX counts from the end, made too large: the engine refuses them."""
    if indices.const is not None:
        low, high = (int(indices.const.min()), int(indices.const.max())) if indices.const.size else (0, -1)
        if low < 0 or (dim is not None and high >= dim):
            op.cannot("a constant index is out of range")
        return indices
    far = op.constant(np.iinfo(indices.dtype.numpy).max, indices.dtype)
    negative = op.emit("Less", indices, op.constant(0, indices.dtype), dtype=dtypes.bool_, shape=indices.shape)
    return op.emit("Where", negative, far, indices, dtype=indices.dtype, shape=indices.shape)


def _emit_gather(op: Lowering, params: Value, indices: Value, axis: int, batch_dims: int) -> Value:
    if indices.dtype not in (dtypes.int32, dtypes.int64):
        indices = op.cast(indices, dtypes.int32)
    shape = op.outputs[0].shape
    if batch_dims == 0:
        dim = None if params.shape is None else params.shape[axis]
        return op.emit("Gather", params, _guarded(op, indices, dim), axis=axis, shape=shape)
    if params.rank is None or indices.rank is None:
        op.cannot("the rank is unknown")
    batch = batch_dims + indices.rank if batch_dims < 0 else batch_dims
    at = axis + params.rank if axis < 0 else axis
    if batch != at:
        op.cannot("axes between the batch and the gathered one")
    if batch == 0:
        return op.emit("Gather", params, _guarded(op, indices, (params.shape or ())[at]), axis=at, shape=shape)
    safe = as_int64(op, _guarded(op, indices, (params.shape or ())[at]))
    return op.emit("GatherND", params, op.unsqueeze(safe, [-1]), batch_dims=batch, shape=shape)


@lower("GatherV2")
def _gather_v2_lower(op: Lowering) -> Value:
    axis = int(op.const(2).reshape(-1)[0])
    return _emit_gather(op, op.inputs[0], op.inputs[1], axis, op.integer("batch_dims"))


@lower("Gather")
def _gather_lower(op: Lowering) -> Value:
    return _emit_gather(op, op.inputs[0], op.inputs[1], 0, 0)


# GatherNd


@infer("GatherNd")
def _gather_nd_infer(call: InferCall) -> list[Shape]:
    params, indices = call.shape(0), call.shape(1)
    if indices is not None and len(indices) == 0:
        raise InvalidArgumentError("indices must be at least a vector")
    if params is None or indices is None or indices[-1] is None:
        return [None]
    depth = indices[-1]
    if depth > len(params):
        raise InvalidArgumentError(
            f"index innermost dimension length must be <= params rank; saw: {depth} vs. {len(params)}"
        )
    return [(*indices[:-1], *params[depth:])]


def _gather_nd(call: KernelCall, params: Array, indices: Array) -> Array:
    if indices.ndim == 0:
        raise InvalidArgumentError("indices must be at least a vector")
    depth = indices.shape[-1]
    if depth > params.ndim:
        raise InvalidArgumentError(
            f"index innermost dimension length must be <= params rank; saw: {depth} vs. {params.ndim}"
        )
    lead = indices.shape[:-1]
    count = product(lead) or 0
    shape = (*lead, *params.shape[depth:])
    if count and params.size == 0:
        raise InvalidArgumentError(
            f"Requested more than 0 entries, but params is empty.  Params shape: {shape_text(params.shape)}"
        )
    rows = indices.reshape((count, depth))
    bad: Array = np.any((rows < 0) | (rows >= np.array(params.shape[:depth], np.int64)), axis=1)
    if bad.any():
        if call.node.attrs.get("bad_indices_policy", b"") != b"IGNORE":
            first = int(np.flatnonzero(bad)[0])
            place = np.unravel_index(first, lead) if lead else ()
            shown = f"indices{shape_text(place)}" if lead else "indices"
            raise InvalidArgumentError(
                f"{shown} = [{', '.join(map(str, rows[first].tolist()))}] does not index into param shape "
                f"{shape_text(params.shape)}, node name: {call.name}"
            )
        rows = np.where(bad[:, None], 0, rows)
    taken = (
        params[tuple(rows[:, k] for k in range(depth))] if depth else np.broadcast_to(params, (count, *params.shape))
    )
    if bad.any():
        taken[bad] = zeros((), params.dtype)[()]
    return taken.reshape(shape)


@kernel("GatherNd")
def _gather_nd_kernel(call: KernelCall, params: Array, indices: Array) -> Array:
    return _gather_nd(call, params, indices)


@kernel("ResourceGatherNd")
def _resource_gather_nd(call: KernelCall, variable: Variable, indices: Array) -> Array:
    return _gather_nd(call, variable.read(), indices)


@lower("GatherNd")
def _gather_nd_lower(op: Lowering) -> Value:
    params, indices = op.inputs
    if op.node.attrs.get("bad_indices_policy", b"") == b"IGNORE":
        op.cannot("bad indices are to be ignored")
    depth = None if not indices.shape else indices.shape[-1]
    if not depth:
        op.cannot("the depth of the indices is unknown, or nothing is indexed")
    if indices.const is not None:
        limits = [np.inf if d is None else d for d in (params.shape or (None,) * depth)[:depth]]
        if (indices.const < 0).any() or (indices.const >= np.array(limits)).any():
            op.cannot("a constant index is out of range")
        safe = indices
    else:
        safe = _guarded(op, indices, None)
    return op.emit("GatherND", params, as_int64(op, safe), shape=op.outputs[0].shape)


# OneHot


@infer("OneHot")
def _one_hot_infer(call: InferCall) -> list[Shape]:
    indices, depth = call.shape(0), scalar_of(call.inputs[1])
    if depth is not None and depth < 0:
        raise InvalidArgumentError(f"depth must be non-negative, got: {depth}")
    if indices is None:
        return [None]
    at = _one_hot_axis(call.integer("axis"), len(indices))
    return [(*indices[:at], depth, *indices[at:])]


def _one_hot_axis(axis: int, rank: int) -> int:
    if not -1 <= axis <= rank:
        raise InvalidArgumentError(f"Expected axis to be -1 or between [0, {rank + 1}).  But received: {axis}")
    return rank if axis == -1 else axis


@kernel("OneHot")
def _one_hot(call: KernelCall, indices: Array, depth: Array, on: Array, off: Array) -> Array:
    at = _one_hot_axis(call.integer("axis"), indices.ndim)
    size = single(depth, "depth")
    if size < 0:
        raise InvalidArgumentError(f"depth must be non-negative, got: {size}")
    places = np.arange(size).reshape((size, *(1,) * (indices.ndim - at)))
    result = np.empty((*indices.shape[:at], size, *indices.shape[at:]), dtype=call.output_dtype)
    result[...] = off.reshape(-1)[0]
    result[np.expand_dims(indices, at) == places] = on.reshape(-1)[0]
    return result


@lower("OneHot")
def _one_hot_lower(op: Lowering) -> Value:
    """A comparison with 0 … depth-1: ONNX's own OneHot counts negative indices from the end."""
    indices, _, on, off = op.inputs
    size, axis = int(op.const(1).reshape(-1)[0]), op.integer("axis")
    if size < 0:
        op.cannot("a negative depth is an error")
    behind = 0 if axis == -1 else op.rank(0) - axis
    wide = op.widened("Equal", indices.dtype)
    places = op.constant(np.arange(size).reshape((size, *(1,) * behind)), wide)
    spread = op.unsqueeze(op.cast(indices, wide), [axis])
    shape = op.outputs[0].shape
    hit = op.emit("Equal", spread, places, dtype=dtypes.bool_, shape=shape)
    if _is(on, 1) and _is(off, 0):
        return op.cast(hit, on.dtype)
    wide = op.widened("Where", on.dtype)
    return op.cast(op.emit("Where", hit, op.cast(on, wide), op.cast(off, wide), dtype=wide, shape=shape), on.dtype)


def _is(value: Value, number: int) -> bool:
    return value.const is not None and bool(value.const.reshape(-1)[0] == number)


# Where


@infer("Where")
def _where_infer(call: InferCall) -> list[Shape]:
    rank = call.inputs[0].rank
    if rank == 0:
        raise InvalidArgumentError("WhereOp : Unhandled input dimensions: 0")
    return [(None, rank)]


@kernel("Where")
def _where(call: KernelCall, x: Array) -> Array:
    if x.ndim == 0:
        raise InvalidArgumentError("WhereOp : Unhandled input dimensions: 0")
    return np.argwhere(x).astype(np.int64)


@lower("Where")
def _where_lower(op: Lowering) -> Value:
    x, rank = op.inputs[0], op.rank(0)
    if not op.supports("NonZero", x.dtype):
        x = op.cast(x, dtypes.bool_)
    places = op.emit("NonZero", x, dtype=dtypes.int64, shape=(rank, None))
    return places if rank == 0 else op.transpose(places, [1, 0])


# TopK


def _top_k_infer(shape: Shape, k: Dim) -> list[Shape]:
    if k is not None and k < 0:
        raise InvalidArgumentError(f"Need k >= 0, got {k}")
    if shape is None:
        return [None, None]
    if len(shape) == 0:
        raise InvalidArgumentError("input must be >= 1-D, got shape []")
    if k is not None and shape[-1] is not None and k > shape[-1]:
        raise InvalidArgumentError(f"input must have at least k columns. Had {shape[-1]}, needed {k}")
    return [(*shape[:-1], k)] * 2


@infer("TopKV2")
def _top_k_v2_infer(call: InferCall) -> list[Shape]:
    return _top_k_infer(call.shape(0), scalar_of(call.inputs[1]))


@infer("TopK")
def _top_k_v1_infer(call: InferCall) -> list[Shape]:
    return _top_k_infer(call.shape(0), call.integer("k"))


def _top_k(x: Array, k: int, index_dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """The ``k`` largest of each row in descending order; of equal elements the one with the lower index comes first.

    Where TensorFlow leaves the order open (``sorted=False``), the result is in order all the same. Comparisons with
    NaN make TensorFlow's order depend on its algorithm; here NaN counts as the smallest.
    """
    _top_k_infer(x.shape, k)
    key = x
    if x.dtype.kind not in "iub":
        key = x if x.dtype == np.float64 else x.astype(np.float32)
        key = np.where(np.isnan(key), -np.inf, key)
    order = np.argsort(key[..., ::-1], axis=-1, kind="stable")
    index = (x.shape[-1] - 1 - order)[..., ::-1][..., :k]
    return np.take_along_axis(x, index, axis=-1), index.astype(index_dtype)


@kernel("TopKV2")
def _top_k_v2(call: KernelCall, x: Array, k: Array) -> tuple[Array, Array]:
    return _top_k(x, single(k, "k"), call.node.output_dtypes[1].numpy)


@kernel("TopK")
def _top_k_v1(call: KernelCall, x: Array) -> tuple[Array, Array]:
    return _top_k(x, call.integer("k"), call.node.output_dtypes[1].numpy)


@lower("TopKV2", "TopK")
def _top_k_lower(op: Lowering) -> tuple[Value, Value]:
    x = op.inputs[0]
    k = as_vector(op, op.inputs[1]) if len(op.inputs) > 1 else op.constant([op.integer("k")], dtypes.int64)
    wide = op.widened("TopK", x.dtype)
    outs: Sequence[Shape] = [out.shape for out in op.outputs]
    # sorted=1 always: an order that the attribute leaves open may as well be the usual one.
    values, index = op.emit_many("TopK", (op.cast(x, wide), k), outputs=(wide, dtypes.int64), shapes=outs, sorted=1)
    return op.cast(values, x.dtype), op.cast(index, op.node.output_dtypes[1])
