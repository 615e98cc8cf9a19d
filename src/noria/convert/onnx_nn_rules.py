"""ONNX ops of neural networks: convolutions, pools, norms, resizing. Values have their channels last here.

Padding that TensorFlow's op cannot do itself becomes a Pad in front of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes
from noria.convert.onnx_build import Call, Val
from noria.convert.onnx_rules import rule
from noria.graph.graph import Array


def _weights(call: Call, index: int, perm: Sequence[int]) -> Val:
    return call.b.transpose(call.x(index), perm)


def _pads(
    call: Call,
    size: Sequence[int | None],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
    *,
    ceil: bool = False,
) -> tuple[Array, bool]:
    """(begin and end of each spatial axis, whether TensorFlow's SAME does it)."""
    mode = call.text("auto_pad", "NOTSET")
    rank = len(kernel)
    if mode == "SAME_UPPER":
        return np.zeros((rank, 2), np.int64), True
    table = np.zeros((rank, 2), np.int64)
    if mode == "NOTSET":
        table = np.array(call.ints("pads", [0] * (2 * rank)), np.int64).reshape(2, rank).T.copy()
    for i, (length, k, s, d) in enumerate(zip(size, kernel, strides, dilations, strict=True)):
        reach = (k - 1) * d + 1
        if mode == "SAME_LOWER":
            if length is None:
                call.cannot("SAME_LOWER of a size that is unknown")
            total = max((-(-length // s) - 1) * s + reach - length, 0)
            table[i] = total - total // 2, total // 2
        if ceil and s > 1:
            if length is None:
                call.cannot("ceil_mode of a size that is unknown")
            padded = length + int(table[i].sum())
            count = -(-(padded - reach) // s) + 1
            if (count - 1) * s >= length + table[i, 0]:  # a window must not begin in the padding at the end
                count -= 1
            table[i, 1] += max((count - 1) * s + reach - padded, 0)
    return table, False


def _padded(call: Call, x: Val, table: Array, value: float) -> Val:
    if not table.any():
        return x
    whole = np.zeros((len(table) + 2, 2), np.int64)
    whole[1:-1] = table
    paddings = call.b.const(whole, dtypes.int64)
    return call.b.tf("PadV2", x, paddings, call.b.like(value, x)) if value else call.b.tf("Pad", x, paddings)


def _spatial(call: Call) -> tuple[int, list[int], list[int]]:
    """(number of spatial axes, strides, dilations)."""
    rank = len(call.shape()) - 2
    return rank, call.ints("strides", [1] * rank), call.ints("dilations", [1] * rank)


def _grown(call: Call, x: Val) -> Val:
    """A value of one spatial axis as one of two, the first of size 1."""
    return call.b.tf("ExpandDims", x, call.b.const(1, dtypes.int32))


@rule("Conv")
def _conv(call: Call) -> Val:
    b = call.b
    rank, strides, dilations = _spatial(call)
    if rank not in (1, 2, 3):
        call.cannot(f"{rank} spatial axes")
    weight_shape = call.shape(1)
    if None in weight_shape:
        call.cannot("the shape of its filter is unknown")
    kernel = [int(d or 0) for d in weight_shape[2:]]
    out, per_group = int(weight_shape[0] or 0), int(weight_shape[1] or 0)
    table, same = _pads(call, call.shape()[2:], kernel, strides, dilations)
    x = _padded(call, b.last(call.x()), table, 0)
    filters = _weights(call, 1, [*range(2, rank + 2), 1, 0])
    if rank == 1:
        x, filters = _grown(call, x), b.tf("ExpandDims", filters, b.const(0, dtypes.int32))
        strides, dilations = [1, *strides], [1, *dilations]
    groups = call.integer("group", 1)
    padding = b"SAME" if same else b"VALID"
    if groups == 1:
        found = _one_conv(call, x, filters, strides, dilations, padding)
    elif per_group == 1 and rank < 3 and len(set(strides)) == 1:
        shape = [*([1] if rank == 1 else []), *kernel, groups, out // groups]
        found = b.tf("DepthwiseConv2dNative", x, b.reshape(filters, shape), strides=[1, *strides, 1], padding=padding,
                     dilations=[1, *dilations, 1])  # fmt: skip
    else:
        axis = b.const(-1, dtypes.int32)
        parts = [b.tfs("Split", axis, v, num_split=groups) for v in (x, filters)]
        pieces = [_one_conv(call, v, f, strides, dilations, padding) for v, f in zip(*parts, strict=True)]
        found = b.tf("ConcatV2", pieces, axis)
    if rank == 1:
        found = b.tf("Squeeze", found, squeeze_dims=[1])
    bias = call.opt(2)
    return b.first(found if bias is None else b.tf("AddV2" if rank == 1 else "BiasAdd", found, bias))


def _one_conv(
    call: Call, x: Val, filters: Val, strides: Sequence[int], dilations: Sequence[int], padding: bytes
) -> Val:
    op = "Conv3D" if len(strides) == 3 else "Conv2D"
    return call.b.tf(op, x, filters, strides=[1, *strides, 1], padding=padding, dilations=[1, *dilations, 1])


@rule("ConvTranspose")
def _conv_transpose(call: Call) -> Val:
    """The gradient of a convolution without padding, which gives all of the result; then what the pads cut off."""
    b = call.b
    rank, strides, dilations = _spatial(call)
    weight_shape = call.shape(1)
    if rank not in (1, 2, 3) or call.integer("group", 1) != 1 or set(dilations) != {1} or None in weight_shape:
        call.cannot("only one group, no dilation, filters of known shape")
    if call.text("auto_pad", "NOTSET") not in ("NOTSET", "VALID") or call.has("output_shape"):
        call.cannot("auto_pad or output_shape")
    kernel = [int(d or 0) for d in weight_shape[2:]]
    x, filters = b.last(call.x()), _weights(call, 1, [*range(2, rank + 2), 1, 0])
    extra, pads = call.ints("output_padding", [0] * rank), call.ints("pads", [0] * (2 * rank))
    begin, end = pads[:rank], pads[rank:]
    if rank == 1:
        x, filters = _grown(call, x), b.tf("ExpandDims", filters, b.const(0, dtypes.int32))
        kernel, strides, extra, begin, end = (
            [v, *w] for v, w in ((1, kernel), (1, strides), (0, extra), (0, begin), (0, end))
        )
    found = _whole_transpose(call, x, filters, strides, kernel, int(weight_shape[1] or 0))
    found = _padded(call, found, np.array([[0, e] for e in extra], np.int64), 0)
    if any(begin) or any(end):
        mask = 1 | 1 << len(kernel) + 1 | sum(2 << i for i, e in enumerate(end) if not e)
        bounds = ([0, *begin, 0], [0, *(-e for e in end), 0], [1] * (len(kernel) + 2))
        found = b.tf("StridedSlice", found, *(b.const(v, dtypes.int64) for v in bounds), end_mask=mask, begin_mask=0)
    if rank == 1:
        found = b.tf("Squeeze", found, squeeze_dims=[1])
    bias = call.opt(2)
    return b.first(found if bias is None else b.tf("AddV2", found, bias))


def _whole_transpose(
    call: Call, x: Val, filters: Val, strides: Sequence[int], kernel: Sequence[int], channels: int
) -> Val:
    """Each spatial size is (n - 1) * stride + kernel."""
    b, rank = call.b, len(kernel)
    shape = b.cast(b.shape_of(x), dtypes.int32)
    batch = b.tf("StridedSlice", shape, *(b.const(v, dtypes.int32) for v in ([0], [1], [1])))
    size = b.tf("StridedSlice", shape, *(b.const(v, dtypes.int32) for v in ([1], [rank + 1], [1])))
    steps = b.const(list(strides), dtypes.int32)
    rest = b.const([k - s for k, s in zip(kernel, strides, strict=True)], dtypes.int32)
    full = b.tf("AddV2", b.tf("Mul", size, steps), rest)
    sizes = b.tf("ConcatV2", [batch, full, b.const([channels], dtypes.int32)], b.const(0, dtypes.int32))
    op = "Conv3DBackpropInputV2" if rank == 3 else "Conv2DBackpropInput"
    return b.tf(op, sizes, filters, x, strides=[1, *strides, 1], padding=b"VALID")


@rule("MaxPool", "AveragePool")
def _pool(call: Call) -> Val:
    b = call.b
    rank, strides, dilations = _spatial(call)
    kernel = call.ints("kernel_shape")
    average = call.node.op_type == "AveragePool"
    if rank not in (1, 2, 3) or set(dilations) != {1} or len(call.node.output) > 1:
        call.cannot("dilation, indices, or more than three spatial axes")
    ceil = bool(call.integer("ceil_mode"))
    size = call.shape()[2:]
    plain, same = _pads(call, size, kernel, strides, dilations)
    table = _pads(call, size, kernel, strides, dilations, ceil=True)[0] if ceil else plain
    x = b.last(call.x())
    x_dtype = x.dtype.numpy
    if not average:
        lowest = -np.inf if x.dtype.is_floating else np.iinfo(x_dtype).min
        return b.first(_pooled(call, _padded(call, x, table, float(lowest)), kernel, strides, same))
    found = _pooled(call, _padded(call, x, table, 0), kernel, strides, same)
    include = bool(call.integer("count_include_pad"))
    if not table.any() or (include and (table == plain).all()):
        return b.first(found)
    if None in size:
        call.cannot("padding that does not count, of a size that is unknown")
    ones = b.const(np.ones((1, *[int(d or 0) for d in size], 1)), x.dtype)
    counted = _padded(call, ones, plain, 0) if not include else b.const(np.ones(_grown_size(size, plain)), x.dtype)
    share = _pooled(call, _padded(call, counted, table - plain, 0), kernel, strides, same)
    return b.first(b.tf("RealDiv", found, share))


def _grown_size(size: Sequence[int | None], table: Array) -> list[int]:
    return [1, *(int(d or 0) + int(p.sum()) for d, p in zip(size, table, strict=True)), 1]


def _pooled(call: Call, x: Val, kernel: Sequence[int], strides: Sequence[int], same: bool) -> Val:
    b, op = call.b, "MaxPool" if call.node.op_type == "MaxPool" else "AvgPool"
    line = len(kernel) == 1
    if line:
        x, kernel, strides = _grown(call, x), [1, *kernel], [1, *strides]
    padding = b"SAME" if same else b"VALID"
    found = b.tf(
        op + ("3D" if len(kernel) == 3 else ""), x, ksize=[1, *kernel, 1], strides=[1, *strides, 1], padding=padding
    )
    return b.tf("Squeeze", found, squeeze_dims=[1]) if line else found


@rule("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Call) -> Val:
    b, rank = call.b, len(call.shape())
    op = "Mean" if call.node.op_type == "GlobalAveragePool" else "Max"
    axes = b.const(list(range(1, rank - 1)), dtypes.int32)
    return b.first(b.tf(op, b.last(call.x()), axes, keep_dims=True))


@rule("BatchNormalization")
def _batch_norm(call: Call) -> Val:
    if call.integer("training_mode") or len(call.node.output) > 1:
        call.cannot("training")
    b, x = call.b, call.x()
    scale, bias, mean, variance = (call.x(i) for i in range(1, 5))
    factor = b.tf("Mul", scale, b.tf("Rsqrt", b.tf("AddV2", variance, b.like(call.number("epsilon", 1e-5), variance))))
    shift = b.tf("Sub", bias, b.tf("Mul", mean, factor))
    if len(call.shape()) <= 2:
        return b.tf("AddV2", b.tf("Mul", x, factor), shift)
    return b.first(b.tf("AddV2", b.tf("Mul", b.last(x), factor), shift))


def _normalized(call: Call, x: Val, axes: Sequence[int], epsilon: float) -> Val:
    """(x - mean) / sqrt(variance + epsilon) over ``axes``."""
    b = call.b
    at = b.const(list(axes), dtypes.int32)
    mean = b.tf("Mean", x, at, keep_dims=True)
    variance = b.tf("Mean", b.tf("SquaredDifference", x, mean), at, keep_dims=True)
    return b.tf("Mul", b.tf("Sub", x, mean), b.tf("Rsqrt", b.tf("AddV2", variance, b.like(epsilon, x))))


@rule("InstanceNormalization")
def _instance_norm(call: Call) -> Val:
    b, rank = call.b, len(call.shape())
    x = _normalized(call, b.last(call.x()), range(1, rank - 1), call.number("epsilon", 1e-5))
    return b.first(b.tf("AddV2", b.tf("Mul", x, call.x(1)), call.x(2)))


@rule("LayerNormalization")
def _layer_norm(call: Call) -> Val:
    if len(call.node.output) > 1:
        call.cannot("mean and deviation as outputs")
    b, rank = call.b, len(call.shape())
    axis = call.axis(call.integer("axis", -1), rank)
    x = b.tf("Mul", _normalized(call, call.x(), range(axis, rank), call.number("epsilon", 1e-5)), call.x(1))
    bias = call.opt(2)
    return x if bias is None else b.tf("AddV2", x, bias)


@rule("LRN")
def _lrn(call: Call) -> Val:
    size = call.integer("size")
    if size % 2 == 0:
        call.cannot("an even window")
    return call.b.first(
        call.b.tf(
            "LRN",
            call.b.last(call.x()),
            depth_radius=size // 2,
            bias=call.number("bias", 1.0),
            alpha=call.number("alpha", 1e-4) / size,
            beta=call.number("beta", 0.75),
        )
    )


@rule("Resize", "Upsample")
def _resize(call: Call) -> Val:
    b, shape = call.b, call.shape()
    if len(shape) != 4 or call.integer("antialias") or call.has("axes"):
        call.cannot("only images of rank 4, all axes, not antialiased")
    old = call.node.op_type == "Upsample" or call.opset < 11
    scales = call.known(1 if old else 2)
    if call.has("scales"):
        scales = np.array(list(getattr(call.attribute("scales"), "floats", [])))
    sizes = None if old else call.known(3)
    if sizes is not None and sizes.size:
        target = [int(v) for v in sizes[2:]]
    elif scales is not None and scales.size == 4 and None not in shape[2:]:
        target = [int(np.floor(int(d or 0) * float(s))) for d, s in zip(shape[2:], scales[2:], strict=True)]
    else:
        call.cannot("the new size is unknown")
    changed = sizes[:2] if sizes is not None and sizes.size else None
    if (scales is not None and scales.size and (scales[:2] != 1).any()) or (
        changed is not None and any(d is not None and d != s for d, s in zip(shape[:2], changed, strict=True))
    ):
        call.cannot("batch or channels change their size")
    op, aligned, centred = _method(call, old, shape[2:], target)
    x, size = b.last(call.x()), b.const(target, dtypes.int32)
    found = b.tf(op, x, size, align_corners=aligned, half_pixel_centers=centred)
    return b.first(b.cast(found, x.dtype))


def _method(call: Call, old: bool, size: Sequence[int | None], target: Sequence[int]) -> tuple[str, bool, bool]:
    """(op, align_corners, half_pixel_centers)."""
    mode = call.text("mode", "nearest")
    place = "asymmetric" if old else call.text("coordinate_transformation_mode", "half_pixel")
    if mode in ("linear", "bilinear"):
        if place == "pytorch_half_pixel" and 1 not in target:
            place = "half_pixel"
        if place in ("half_pixel", "asymmetric", "align_corners"):
            return "ResizeBilinear", place == "align_corners", place == "half_pixel"
    if mode == "nearest":
        rounding = "floor" if old else call.text("nearest_mode", "round_prefer_floor")
        whole = all(d is not None and t % d == 0 for d, t in zip(size, target, strict=True))
        if place == "asymmetric" and rounding == "floor":
            return "ResizeNearestNeighbor", False, False
        if place == "half_pixel" and rounding in ("round_prefer_floor", "round_prefer_ceil") and whole:
            return "ResizeNearestNeighbor", False, True
    return call.cannot(f"mode {mode} with coordinates {place}")
