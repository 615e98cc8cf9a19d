"""Normalisation: batch normalisation over channels, and local response normalisation across them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._numeric import dims_text, quiet, typed, wide
from noria.ops._windows import Layout, channels_first, first_shape, from_channels_first, layout, layout_of
from noria.shapes import Shape

_FUSED = ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")


def _layout(call: InferCall | KernelCall | Lowering, rank: int | None) -> Layout:
    """The node's layout; NHWC and NCHW stand for volumes too where x has five dimensions."""
    where = layout_of(call)
    if rank == 5 and where.rank == 4:
        return layout("NDHWC" if where.channel == 3 else "NCDHW")
    return where


@infer(*_FUSED)
def _fused_infer(call: InferCall) -> Sequence[Shape]:
    x = call.shape(0)
    where = _layout(call, None if x is None else len(x))
    channels = None if x is None or len(x) != where.rank else x[where.channel]
    for index in (1, 2):
        vector = call.shape(index)
        if channels is None and vector is not None and len(vector) == 1:
            channels = vector[0]
    outputs: list[Shape] = [x, *((channels,),) * 4]
    return [*outputs, None] if call.node.op == "FusedBatchNormV3" else outputs


def _check(call: KernelCall, x: Array, vectors: dict[str, Array]) -> Layout:
    where = _layout(call, x.ndim)
    if x.ndim != where.rank:
        raise InvalidArgumentError(f"input must be {where.rank}-dimensional {dims_text(x.shape)}")
    channels = x.shape[where.channel]
    training, factor = call.flag("is_training"), call.number("exponential_avg_factor")
    for name, vector in vectors.items():
        if vector.ndim != 1:
            raise InvalidArgumentError(f"{name} must be 1-dimensional {dims_text(vector.shape)}")
        statistic = name in ("mean", "variance")
        if vector.shape[0] == channels or (statistic and training and factor == 1.0):
            continue
        when = "" if not statistic else "When exponential_avg_factor != 1, " if training else "When is_training=false, "
        raise InvalidArgumentError(
            f"{when}{name} must have the same number of elements as the channels of x, "
            f"got {vector.shape[0]} and {channels}"
        )
    return where


@kernel(*_FUSED)
@quiet
def _fused(call: KernelCall, x: Array, scale: Array, offset: Array, mean: Array, variance: Array) -> tuple[Array, ...]:
    where = _check(call, x, {"scale": scale, "offset": offset, "mean": mean, "variance": variance})
    values = wide(x)
    per_channel = tuple(-1 if axis == where.channel else 1 for axis in range(where.rank))
    extra = (np.zeros((), np.float32),) if call.node.op == "FusedBatchNormV3" else ()
    if call.flag("is_training"):
        axes = (0, *where.spatial)
        count = values.size // max(x.shape[where.channel], 1)
        found_mean, found_variance, batch_mean, batch_variance = _statistics(call, values, mean, variance, axes, count)
    else:
        found_mean, found_variance, batch_mean, batch_variance = mean, variance, mean, variance
        if x.size == 0:
            batch_mean, batch_variance = np.full_like(mean, np.nan), np.full_like(variance, np.nan)
    factor = scale / np.sqrt(found_variance + np.float32(call.number("epsilon")))
    y = (values - found_mean.reshape(per_channel)) * factor.reshape(per_channel) + offset.reshape(per_channel)
    vectors = (batch_mean, batch_variance, found_mean, found_variance)
    return (typed(y, call.output_dtype), *(typed(v, np.dtype(np.float32)) for v in vectors), *extra)


def _statistics(
    call: KernelCall, x: Array, mean: Array, variance: Array, axes: tuple[int, ...], count: int
) -> tuple[Array, Array, Array, Array]:
    """The batch's mean and variance, and the running ones: with the unbiased variance, and mixed with the old."""
    if count == 0:
        channels = x.shape[next(a for a in range(x.ndim) if a not in axes)]
        zeros, nans = np.zeros(channels, np.float32), np.full(channels, np.nan, np.float32)
        return zeros, zeros, nans, nans
    found_mean = x.mean(axis=axes, dtype=np.float32)
    found_variance = x.var(axis=axes, dtype=np.float32)
    unbiased = found_variance * np.float32(count / max(count - 1, 1))
    factor = np.float32(call.number("exponential_avg_factor"))
    if factor == 1.0:
        return found_mean, found_variance, found_mean, unbiased
    old = np.float32(1) - factor
    return found_mean, found_variance, old * mean + factor * found_mean, old * variance + factor * unbiased


@lower(*_FUSED)
def _fused_lower(op: Lowering) -> tuple[Value, ...]:
    x, scale, offset, mean, variance = op.inputs
    where = _layout(op, op.rank(0))
    if op.flag("is_training"):
        op.cannot("statistics of the batch")
    if op.rank(0) != where.rank or x.shape is None or 0 in x.shape or x.shape[0] == 0:
        op.cannot("the input is empty or has another rank than the layout")
    channels = x.shape[where.channel]
    if channels is None or any(v.shape != (channels,) for v in (scale, offset, mean, variance)):
        op.cannot("the number of channels is unknown, or not that of the scale")
    through = dtypes.float32
    y = op.emit(
        "BatchNormalization",
        op.cast(channels_first(op, x, where), through),
        scale,
        offset,
        mean,
        variance,
        shape=first_shape(x.shape, where),
        epsilon=op.number("epsilon"),
    )
    result = from_channels_first(op, op.cast(y, x.dtype), where, x.shape)
    extra = (op.constant(0.0, dtypes.float32),) if op.node.op == "FusedBatchNormV3" else ()
    return (result, mean, variance, mean, variance, *extra)


# ---- across channels --------------------------------------------------------------------------------------------


@infer("LRN")
def _lrn_infer(call: InferCall) -> Sequence[Shape]:
    return [(None,) * 4 if call.shape(0) is None else call.shape(0)]


@kernel("LRN")
@quiet
def _lrn(call: KernelCall, x: Array) -> Array:
    if x.ndim != 4:
        raise InvalidArgumentError(f"in must be 4-dimensional, got {dims_text(x.shape)}")
    radius = call.integer("depth_radius")
    values = wide(x)
    squares = np.pad(values * values, [(0, 0), (0, 0), (0, 0), (radius + 1, radius)])
    sums = np.cumsum(squares, axis=-1, dtype=np.float64)
    depth = x.shape[3]
    near = sums[..., 2 * radius + 1 : 2 * radius + 1 + depth] - sums[..., :depth]
    scale = call.number("bias") + call.number("alpha") * near
    return typed(values * scale ** -call.number("beta"), call.output_dtype)


@lower("LRN")
def _lrn_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    if op.rank(0) != 4 or x.shape is None or 0 in x.shape:
        op.cannot("the input is empty or not an image")
    where = layout("NHWC")
    size = 2 * op.integer("depth_radius") + 1
    y = op.emit(
        "LRN",
        op.cast(channels_first(op, x, where), dtypes.float32),
        shape=first_shape(x.shape, where),
        size=size,
        alpha=op.number("alpha") * size,  # ONNX divides by the size of the window
        beta=op.number("beta"),
        bias=op.number("bias"),
    )
    return from_channels_first(op, op.cast(y, x.dtype), where, x.shape)
