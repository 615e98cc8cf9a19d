"""Pooling over images and volumes: the largest or the mean of each window.

Padding never counts: it is not among what a maximum is taken of, and not in the divisor of a mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._numeric import dims_text, quiet, typed, wide
from noria.ops._windows import (
    Layout,
    Window,
    channels_first,
    emitted_padding,
    explicit_of,
    first_shape,
    from_channels_first,
    inverse,
    layout,
    output_shape,
    patches,
    windows,
)
from noria.shapes import Shape


@dataclass(frozen=True)
class _Pool:
    """A pool's windows; ``depth`` above 1 pools that many channels at once and nothing else."""

    where: Layout
    moves: tuple[Window, ...]
    depth: int


def _pool_of(call: KernelCall | InferCall | Lowering, ksize: Sequence[int], strides: Sequence[int]) -> _Pool:
    where = layout(call.text("data_format") if "data_format" in call.node.attrs else "NHWC")
    for what, values in (("ksize", ksize), ("strides", strides)):
        if len(values) != where.rank:
            raise InvalidArgumentError(
                f"Sliding window {what} field must specify {where.rank} dimensions, got {list(values)}"
            )
        if min(values) <= 0:
            raise InvalidArgumentError(f"Sliding window {what} must be positive, got {list(values)}")
    if ksize[0] != 1 or strides[0] != 1:
        raise UnimplementedError("Pooling is not yet supported on the batch dimension.")
    depth = ksize[where.channel]
    plain = [1 if axis == where.channel else s for axis, s in enumerate(strides)]
    taps = [ksize[axis] for axis in where.spatial]
    moves = windows(taps, plain, [1] * where.rank, call.text("padding"), explicit_of(call), where)
    for move in moves:
        if max(move.explicit) >= move.taps:
            raise InvalidArgumentError(
                f"padding {max(move.explicit)} needs to be smaller than the window size {move.taps}"
            )
    if depth != 1:
        _check_depth(call.node.op, depth, strides[where.channel], moves, where)
    elif strides[where.channel] != 1:
        raise UnimplementedError("Depthwise max pooling requires the depth window to equal the depth stride")
    return _Pool(where, moves, depth)


def _check_depth(op: str, depth: int, stride: int, moves: Sequence[Window], where: Layout) -> None:
    if not op.startswith("MaxPool") or where.rank != 4:
        raise UnimplementedError("Pooling is not yet supported on the depth dimension.")
    if any(m.taps != 1 or m.stride != 1 for m in moves):
        raise UnimplementedError("MaxPooling supports exactly one of pooling across depth or across width/height.")
    if depth != stride:
        raise UnimplementedError("Depthwise max pooling requires the depth window to equal the depth stride")


def _from_attrs(call: KernelCall | InferCall | Lowering) -> _Pool:
    return _pool_of(call, call.integers("ksize"), call.integers("strides"))


def _pool_shape(x: Shape, pool: _Pool) -> Shape:
    where = pool.where
    if x is None:
        return (None,) * where.rank
    if len(x) != where.rank:
        raise InvalidArgumentError(f"the input of a pool must have {where.rank} dimensions, got {len(x)}")
    channels = x[where.channel]
    return output_shape(x, where, pool.moves, None if channels is None else channels // pool.depth)


# ---- definitions ------------------------------------------------------------------------------------------------


def _channels_last(x: Array, pool: _Pool) -> Array:
    where = pool.where
    if x.ndim != where.rank:
        raise InvalidArgumentError(
            f"tensor_in_shape must have {where.rank - 2} spatial dimensions: the input of a pool has {where.rank} "
            f"dimensions, got {dims_text(x.shape)}"
        )
    return x.transpose(where.to_channels_last)


def _lowest(dtype: np.dtype[Any]) -> Any:
    """The least finite number of a dtype."""
    return np.iinfo(dtype).min if dtype.kind in "iu" else np.finfo(dtype).min


def _maximum(x: Array, pool: _Pool) -> Array:
    """The largest of each window of a channels-last array; over images, NaN loses and -inf becomes the lowest."""
    if pool.depth > 1:
        if x.shape[-1] % pool.depth:
            raise UnimplementedError(
                "Depthwise max pooling requires the depth window to evenly divide the input depth: "
                f"{pool.depth} and {x.shape[-1]}"
            )
        split: Array = x.reshape(*x.shape[:-1], x.shape[-1] // pool.depth, pool.depth).max(axis=-1)
        return split
    lowest = _lowest(x.dtype)
    view = patches(x, pool.moves, lowest)
    axes = tuple(range(view.ndim - len(pool.moves), view.ndim))
    if len(pool.moves) == 2 and x.dtype.kind == "f":
        result: Array = np.fmax.reduce(view, axis=axes, initial=lowest)
        return result
    volume: Array = view.max(axis=axes, initial=lowest)
    return volume


def _mean(x: Array, pool: _Pool) -> Array:
    view = patches(x, pool.moves, 0)
    axes = tuple(range(view.ndim - len(pool.moves), view.ndim))
    total: Array = view.sum(axis=axes, dtype=x.dtype)
    inside = patches(np.ones((1, *x.shape[1:-1], 1), x.dtype), pool.moves, 0).sum(axis=axes, dtype=x.dtype)
    result: Array = total / inside
    return result


@quiet
def _run(call: KernelCall, x: Array, pool: _Pool, reduce: Any) -> Array:
    found = reduce(wide(_channels_last(x, pool)), pool)
    return typed(found.transpose(inverse(pool.where.to_channels_last)), call.output_dtype)


# ---- rules ------------------------------------------------------------------------------------------------------


@infer("MaxPool", "AvgPool", "MaxPool3D", "AvgPool3D")
def _pool_infer(call: InferCall) -> Sequence[Shape]:
    return [_pool_shape(call.shape(0), _from_attrs(call))]


@kernel("MaxPool", "MaxPool3D")
def _max_pool(call: KernelCall, x: Array) -> Array:
    return _run(call, x, _from_attrs(call), _maximum)


@kernel("AvgPool", "AvgPool3D")
def _avg_pool(call: KernelCall, x: Array) -> Array:
    return _run(call, x, _from_attrs(call), _mean)


@infer("MaxPoolV2")
def _max_pool_v2_infer(call: InferCall) -> Sequence[Shape]:
    ksize, strides = call.inputs[1].known_dims, call.inputs[2].known_dims
    if ksize is None or strides is None or None in ksize or None in strides:
        return [(None,) * 4]
    pool = _pool_of(call, [d for d in ksize if d is not None], [d for d in strides if d is not None])
    return [_pool_shape(call.shape(0), pool)]


@kernel("MaxPoolV2")
def _max_pool_v2(call: KernelCall, x: Array, ksize: Array, strides: Array) -> Array:
    return _run(call, x, _pool_of(call, ksize.tolist(), strides.tolist()), _maximum)


def _through(op: Lowering, onnx_op: str, dtype: DType) -> DType:
    """The dtype to pool in. float64 stays on the host: the engine's maximum of -inf is not TensorFlow's there."""
    if dtype in (dtypes.float32, dtypes.float16, dtypes.bfloat16):
        return dtypes.float32
    if not dtype.is_integer or not op.supports(onnx_op, dtype):
        op.cannot(f"{onnx_op} of {dtype} is the host's")
    return dtype


def _emit_pool(op: Lowering, onnx_op: str, pool: _Pool, **attrs: Any) -> Value:
    x, where = op.inputs[0], pool.where
    if op.rank(0) != where.rank or pool.depth != 1:
        op.cannot("pooling over channels")
    if x.shape is None or x.shape[where.channel] in (None, 0):
        op.cannot("the number of channels is unknown or 0")
    if where.rank == 5 and onnx_op == "MaxPool" and x.dtype.is_integer:
        op.cannot("a volume of integers")
    padding = emitted_padding(op, x, where, pool.moves)
    through = _through(op, onnx_op, x.dtype)
    found = op.emit(
        onnx_op,
        op.cast(channels_first(op, x, where), through),
        shape=first_shape(op.outputs[0].shape, where),
        kernel_shape=[m.taps for m in pool.moves],
        strides=[m.stride for m in pool.moves],
        **padding,
        **attrs,
    )
    return from_channels_first(op, op.cast(found, x.dtype), where, op.outputs[0].shape)


@lower("MaxPool", "MaxPool3D")
def _max_pool_lower(op: Lowering) -> Value:
    return _emit_pool(op, "MaxPool", _from_attrs(op))


@lower("AvgPool", "AvgPool3D")
def _avg_pool_lower(op: Lowering) -> Value:
    return _emit_pool(op, "AveragePool", _from_attrs(op), count_include_pad=0)


@lower("MaxPoolV2")
def _max_pool_v2_lower(op: Lowering) -> Value:
    return _emit_pool(op, "MaxPool", _pool_of(op, op.const(1).tolist(), op.const(2).tolist()))


# ---- the place of the maximum -----------------------------------------------------------------------------------


@infer("MaxPoolWithArgmax")
def _max_pool_argmax_infer(call: InferCall) -> Sequence[Shape]:
    shape = _pool_shape(call.shape(0), _from_attrs(call))
    return [shape, shape]


@kernel("MaxPoolWithArgmax")
@quiet
def _max_pool_argmax(call: KernelCall, x: Array) -> tuple[Array, Array]:
    pool = _from_attrs(call)
    places = call.node.output_dtypes[1].numpy
    values = wide(_channels_last(x, pool))
    # The flat place of every element within its image; windows of places show where each window's maximum stands.
    flat = np.arange(math.prod(x.shape[1:]), dtype=np.int64).reshape(1, *x.shape[1:])
    view = patches(values, pool.moves, _lowest(values.dtype))
    at = np.broadcast_to(patches(flat, pool.moves, -1), view.shape)
    taps = math.prod(m.taps for m in pool.moves)
    # Padding (place -1) never wins, not even against -inf.
    inside = at.reshape(*view.shape[:4], taps) >= 0
    candidates = view.reshape(*view.shape[:4], taps)
    floor = np.iinfo(values.dtype).min if values.dtype.kind in "iu" else -np.inf
    first = np.argmax(inside & (np.where(inside, candidates, floor) == _row_maximum(candidates, inside, floor)), -1)
    found = np.take_along_axis(candidates, first[..., None], -1)[..., 0]
    place = np.take_along_axis(at.reshape(*view.shape[:4], taps), first[..., None], -1)[..., 0]
    if call.flag("include_batch_in_index"):
        place = place + np.arange(x.shape[0]).reshape(-1, 1, 1, 1) * math.prod(x.shape[1:])
    return typed(found, call.output_dtype), typed(place, places)


def _row_maximum(candidates: Array, inside: Array, floor: Any) -> Array:
    result: Array = np.where(inside, candidates, floor).max(axis=-1, keepdims=True)
    return result
