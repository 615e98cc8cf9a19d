"""Convolutions and their transposes, over images and volumes.

TensorFlow on the CPU takes channels-last only; the rules take both layouts. Filters are [*taps, input, output]
channels; a filter with fewer input channels than the image convolves by groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._arrays import fail_if
from noria.ops._numeric import dims_text, quiet, static_dims, typed, wide
from noria.ops._windows import (
    Layout,
    Window,
    channels_first,
    emitted_padding,
    first_shape,
    from_channels_first,
    inverse,
    layout_of,
    output_shape,
    patches,
    windows_of,
)
from noria.shapes import Dim, Shape

# ---- convolution ------------------------------------------------------------------------------------------------


def _check_ranks(x: Array, taps: Array, where: Layout) -> None:
    for what, array in (("input", x), ("filter", taps)):
        if array.ndim != where.rank:
            raise InvalidArgumentError(f"convolution {what} must be {where.rank}-dimensional: {dims_text(array.shape)}")


def _groups(depth: int, filters: Sequence[int]) -> int:
    """The number of groups, from the input's channels and the filter's shape [*taps, in, out]."""
    if filters[-2] <= 0:
        raise InvalidArgumentError(f"filter depth must be strictly positive, got {filters[-2]}")
    if 0 in filters[:-1]:
        raise InvalidArgumentError(
            f"filter must not have zero elements (i.e. all dimensions must be non-zero), got {dims_text(filters)}"
        )
    if depth % filters[-2]:
        raise InvalidArgumentError(f"input depth must be evenly divisible by filter depth: {depth} vs {filters[-2]}")
    groups = depth // filters[-2]
    if groups and filters[-1] % groups:
        raise InvalidArgumentError(
            f"output depth must be evenly divisible by number of groups: {filters[-1]} vs {groups}"
        )
    return max(groups, 1)


@infer("Conv2D", "Conv3D")
def _conv_infer(call: InferCall) -> Sequence[Shape]:
    where, x, filters = layout_of(call), call.shape(0), call.shape(1)
    if filters is None or len(filters) != where.rank or (x is not None and len(x) != where.rank):
        return [(None,) * where.rank]
    return [_convolved(call, where, x, filters[:-2], filters[-1])]


def _convolved(call: InferCall, where: Layout, x: Shape, taps: Shape, channels: Dim) -> Shape:
    known = static_dims(taps)
    if x is None or known is None:
        batch = None if x is None else x[0]
        return (batch, *(channels if i == where.channel else None for i in range(1, where.rank)))
    return output_shape(x, where, windows_of(call, known, where), channels)


@kernel("Conv2D", "Conv3D")
@quiet
def _conv(call: KernelCall, x: Array, filters: Array) -> Array:
    where = layout_of(call)
    _check_ranks(x, filters, where)
    groups = _groups(x.shape[where.channel], filters.shape)
    moves = windows_of(call, filters.shape[:-2], where)
    view = patches(wide(x.transpose(where.to_channels_last)), moves, 0)
    taps = wide(filters)
    spatial = len(moves)
    # The view is [batch, *out, channels, *taps]; the filter [*taps, channels, out].
    axes = ([*range(view.ndim - spatial, view.ndim), spatial + 1], [*range(spatial), spatial])
    per_in, per_out = filters.shape[-2], filters.shape[-1] // groups
    parts = [
        np.tensordot(
            np.moveaxis(np.moveaxis(view, spatial + 1, 0)[g * per_in : (g + 1) * per_in], 0, spatial + 1),
            taps[..., g * per_out : (g + 1) * per_out],
            axes=axes,
        )
        for g in range(groups)
    ]
    result = parts[0] if groups == 1 else np.concatenate(parts, axis=-1)
    return typed(result.transpose(inverse(where.to_channels_last)), call.output_dtype)


def _emit_conv(op: Lowering, moves: Sequence[Window], filters: Value, groups: int, where: Layout) -> Value:
    """ONNX Conv over the node's first input; ``filters`` as ONNX has them, [out, in of a group, *taps]."""
    x = op.inputs[0]
    padding = emitted_padding(op, x, where, moves)
    through = op.widened("Conv", x.dtype)
    result = op.emit(
        "Conv",
        op.cast(channels_first(op, x, where), through),
        op.cast(filters, through),
        shape=first_shape(op.outputs[0].shape, where),
        kernel_shape=[m.taps for m in moves],
        strides=[m.stride for m in moves],
        dilations=[m.dilation for m in moves],
        group=groups,
        **padding,
    )
    return from_channels_first(op, op.cast(result, x.dtype), where, op.outputs[0].shape)


@lower("Conv2D", "Conv3D")
def _conv_lower(op: Lowering) -> Value:
    where = layout_of(op)
    x, filters = op.inputs
    shape = static_dims(filters.shape)
    if op.rank(0) != where.rank or shape is None or len(shape) != where.rank or 0 in shape:
        op.cannot("the filter's shape is not known, or empty, or the ranks do not fit")
    depth = None if x.shape is None else x.shape[where.channel]
    if depth is None or depth % shape[-2] or shape[-1] % (depth // shape[-2] or 1) or depth == 0:
        op.cannot("the number of channels is unknown, or does not fit the filter")
    spatial = list(range(where.rank - 2))
    kernels = op.transpose(filters, [where.rank - 1, where.rank - 2, *spatial])
    return _emit_conv(op, windows_of(op, shape[:-2], where), kernels, depth // shape[-2], where)


# ---- depthwise --------------------------------------------------------------------------------------------------


@infer("DepthwiseConv2dNative")
def _depthwise_infer(call: InferCall) -> Sequence[Shape]:
    where, x, filters = layout_of(call), call.shape(0), call.shape(1)
    if filters is None or len(filters) != 4 or (x is not None and len(x) != 4):
        return [(None,) * 4]
    channels = None if filters[2] is None or filters[3] is None else filters[2] * filters[3]
    return [_convolved(call, where, x, filters[:2], channels)]


@kernel("DepthwiseConv2dNative")
@quiet
def _depthwise(call: KernelCall, x: Array, filters: Array) -> Array:
    where = layout_of(call)
    _check_ranks(x, filters, where)
    if x.shape[where.channel] != filters.shape[2]:
        raise InvalidArgumentError(
            f"input and filter must have the same depth: {x.shape[where.channel]} vs {filters.shape[2]}"
        )
    moves = windows_of(call, filters.shape[:2], where)
    view = patches(wide(x.transpose(where.to_channels_last)), moves, 0)
    batch, height, width, depth = view.shape[:4]
    taps = filters.shape[0] * filters.shape[1]
    # One product of matrices a channel: [channel, places, taps] @ [channel, taps, multiplier].
    left = view.reshape(batch * height * width, depth, taps).transpose(1, 0, 2)
    right = wide(filters).reshape(taps, depth, filters.shape[3]).transpose(1, 0, 2)
    result = np.matmul(left, right).transpose(1, 0, 2).reshape(batch, height, width, depth * filters.shape[3])
    return typed(result.transpose(inverse(where.to_channels_last)), call.output_dtype)


@lower("DepthwiseConv2dNative")
def _depthwise_lower(op: Lowering) -> Value:
    where = layout_of(op)
    x, filters = op.inputs
    shape = static_dims(filters.shape)
    if op.rank(0) != 4 or shape is None or len(shape) != 4 or 0 in shape:
        op.cannot("the filter's shape is not known, or empty, or the ranks do not fit")
    if x.shape is None or x.shape[where.channel] != shape[2]:
        op.cannot("the number of channels is unknown, or not that of the filter")
    kernels = op.reshape(op.transpose(filters, [2, 3, 0, 1]), [shape[2] * shape[3], 1, shape[0], shape[1]])
    return _emit_conv(op, windows_of(op, shape[:2], where), kernels, shape[2], where)


# ---- transposed -------------------------------------------------------------------------------------------------


def _full_sizes(call: KernelCall, sizes: Array, filters: Array, gradient: Array, where: Layout) -> list[int]:
    """The shape of the result in the node's layout, from ``input_sizes``, which may leave batch and channels out."""
    if sizes.ndim != 1:
        raise InvalidArgumentError(f"{call.node.op}: input_sizes input must be 1-dim, not {sizes.ndim}")
    given = [int(n) for n in sizes]
    if len(given) == where.rank:
        found = given
    elif len(given) == where.rank - 2 and where.rank == 4:
        found = [gradient.shape[0]] * where.rank
        for axis, n in zip(where.spatial, given, strict=True):
            found[axis] = n
        found[where.channel] = filters.shape[-2]
    else:
        raise InvalidArgumentError(f"input tensor must have {where.rank} dimensions, got input_sizes {given}")
    for n in found:
        if n < 0:
            raise InvalidArgumentError(f"Dimension {n} must be >= 0 in input_sizes {given}")
    return found


@infer("Conv2DBackpropInput", "Conv3DBackpropInputV2")
def _transposed_infer(call: InferCall) -> Sequence[Shape]:
    where, filters, gradient = layout_of(call), call.shape(1), call.shape(2)
    sizes = call.inputs[0].known_dims
    result: list[int | None] = [None] * where.rank
    if sizes is not None and len(sizes) == where.rank:
        result = [None if n is None or n < 0 else n for n in sizes]
    elif sizes is not None and len(sizes) == where.rank - 2:
        for axis, n in zip(where.spatial, sizes, strict=True):
            result[axis] = None if n is None or n < 0 else n
    if result[0] is None and gradient is not None and len(gradient) == where.rank:
        result[0] = gradient[0]
    if result[where.channel] is None and filters is not None and len(filters) == where.rank:
        result[where.channel] = filters[-2]
    return [tuple(result)]


def _check_transposed(sizes: Sequence[int], filters: Array, gradient: Array, where: Layout) -> None:
    if sizes[0] != gradient.shape[0]:
        raise InvalidArgumentError(
            "input and out_backprop must have the same batch size. "
            f"Input batch: {sizes[0]}, outbackprop batch: {gradient.shape[0]}"
        )
    if sizes[where.channel] != filters.shape[-2]:
        raise InvalidArgumentError(
            "input depth must be that of the filter (gradients for grouped convolutions are not supported): "
            f"{sizes[where.channel]} vs {filters.shape[-2]}"
        )
    if gradient.shape[where.channel] != filters.shape[-1]:
        raise InvalidArgumentError(
            "filter and out_backprop must have the same out_depth: "
            f"{filters.shape[-1]} vs {gradient.shape[where.channel]}"
        )


@kernel("Conv2DBackpropInput", "Conv3DBackpropInputV2")
@quiet
def _transposed(call: KernelCall, input_sizes: Array, filters: Array, gradient: Array) -> Array:
    where = layout_of(call)
    _check_ranks(gradient, filters, where)
    sizes = _full_sizes(call, input_sizes, filters, gradient, where)
    _check_transposed(sizes, filters, gradient, where)
    moves = windows_of(call, filters.shape[:-2], where)
    inner = [sizes[axis] for axis in where.spatial]
    x, taps = wide(gradient.transpose(where.to_channels_last)), wide(filters)
    for i, (move, n) in enumerate(zip(moves, inner, strict=True)):
        if move.output(n) != x.shape[i + 1]:
            raise InvalidArgumentError(
                f"Size of out_backprop doesn't match computed: actual = {x.shape[i + 1]}, computed = {move.output(n)} "
                f"spatial_dim: {where.spatial[i]} input: {n} filter: {move.taps} output: {x.shape[i + 1]} "
                f"stride: {move.stride} dilation: {move.dilation}"
            )
    pads = [move.pads(n) for move, n in zip(moves, inner, strict=True)]
    padded = np.zeros((x.shape[0], *(n + sum(p) for n, p in zip(inner, pads, strict=True)), taps.shape[-2]), x.dtype)
    for place in np.ndindex(*taps.shape[:-2]) if x.size else ():
        steps = tuple(
            slice(k * m.dilation, k * m.dilation + (n - 1) * m.stride + 1, m.stride)
            for k, m, n in zip(place, moves, x.shape[1:-1], strict=True)
        )
        padded[(slice(None), *steps)] += np.matmul(x, taps[place].T)
    cut = padded[(slice(None), *(slice(p[0], p[0] + n) for p, n in zip(pads, inner, strict=True)))]
    return typed(cut.transpose(inverse(where.to_channels_last)), call.output_dtype)


@lower("Conv2DBackpropInput", "Conv3DBackpropInputV2")
def _transposed_lower(op: Lowering) -> Value:
    where = layout_of(op)
    _, filters, gradient = op.inputs
    shape, result = static_dims(filters.shape), op.outputs[0].shape
    if op.rank(2) != where.rank or shape is None or len(shape) != where.rank or 0 in shape or gradient.shape is None:
        op.cannot("the filter's shape is not known, or empty, or the ranks do not fit")
    if gradient.shape[where.channel] != shape[-1] or result is None or result[where.channel] != shape[-2]:
        op.cannot("the number of channels is unknown, or not that of the filter")
    if None not in (result[0], gradient.shape[0]) and result[0] != gradient.shape[0]:
        op.cannot("the batch sizes differ")
    moves = windows_of(op, shape[:-2], where)
    static = _static_padding(op, moves, where)
    spatial = list(range(where.rank - 2))
    through = op.widened("ConvTranspose", gradient.dtype)
    found = op.emit(
        "ConvTranspose",
        op.cast(channels_first(op, gradient, where), through),
        op.cast(op.transpose(filters, [where.rank - 1, where.rank - 2, *spatial]), through),
        shape=None if static is None else first_shape(result, where),
        kernel_shape=[m.taps for m in moves],
        strides=[m.stride for m in moves],
        dilations=[m.dilation for m in moves],
        **({"output_padding": [m.stride - 1 for m in moves]} if static is None else static),
    )
    if static is None:
        found = _cut(op, found, moves, where)
    return from_channels_first(op, op.cast(found, gradient.dtype), where, result)


def _static_padding(op: Lowering, moves: Sequence[Window], where: Layout) -> dict[str, Any] | None:
    """ConvTranspose's padding where all sizes are known, else None."""
    result, given_shape = op.outputs[0].shape or (), op.inputs[2].shape or ()
    begins, ends, extra = [], [], []
    for axis, move in zip(where.spatial, moves, strict=True):
        size, given = result[axis], given_shape[axis]
        if size is None or given is None:
            return None
        if given == 0 or move.output(size) != given:
            op.cannot("the output size does not fit the input")
        before, after = move.pads(size)
        # The engine's output is (given-1)*stride + span - pads + output_padding; the last is what strides skipped.
        begins.append(before)
        ends.append(after)
        extra.append(size - ((given - 1) * move.stride + move.span - before - after))
    if any(e < 0 for e in extra):
        op.cannot("the padding exceeds what was computed")
    return {"pads": begins + ends, "output_padding": extra}


def _cut(op: Lowering, full: Value, moves: Sequence[Window], where: Layout) -> Value:
    """The part that ``input_sizes`` asks for, of a result without padding that has stride - 1 zeros behind it."""
    sizes, gradient = op.inputs[0], op.inputs[2]
    if sizes.shape != (where.rank,):
        op.cannot("input_sizes does not give every axis")
    first, last = where.spatial[0], where.spatial[-1] + 1

    def vector(values: Sequence[int]) -> Value:
        return op.constant(list(values), dtypes.int64)

    wanted = op.emit("Slice", op.cast(sizes, dtypes.int64), vector([first]), vector([last]))
    given = op.emit("Shape", gradient, dtype=dtypes.int64, start=first, end=last)
    strides = vector([m.stride for m in moves])
    if moves[0].padding == "SAME":
        reach = op.emit("Add", op.emit("Mul", given, strides), vector([m.span - m.stride for m in moves]))
        total = op.emit("Max", op.emit("Sub", reach, wanted), vector([0]))
        starts = op.emit("Div", total, vector([2]))
        count = op.emit("Div", op.emit("Add", wanted, vector([m.stride - 1 for m in moves])), strides)
    else:
        starts = vector([m.explicit[0] for m in moves])
        loss = vector([sum(m.explicit) - m.span + m.stride for m in moves])
        count = op.emit("Div", op.emit("Add", wanted, loss), strides)
    unfit = op.emit("Not", op.emit("Equal", count, given, dtype=dtypes.bool_))
    ends = fail_if(op, unfit, op.emit("Add", starts, wanted))
    return op.emit("Slice", full, starts, ends, vector(range(2, where.rank)))
