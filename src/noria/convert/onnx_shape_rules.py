"""ONNX ops that move elements, or make them from nothing, as TensorFlow nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from noria import dtypes
from noria.convert.onnx_build import Call, Val
from noria.convert.onnx_rules import rule
from noria.convert.onnx_tensor import to_array
from noria.graph.graph import Array

_FAR: Final = 1 << 31  # bounds beyond any size: exporters write 2**31 - 1 or 2**63 - 1 for "to the end"


@rule("Constant")
def _constant(call: Call) -> Val:
    tensor = call.array("value")
    if tensor is not None:
        array, dtype = to_array(tensor)
        return call.b.const(array, dtype)
    for name, field, kind in (
        ("value_float", "f", dtypes.float32),
        ("value_int", "i", dtypes.int64),
        ("value_floats", "floats", dtypes.float32),
        ("value_ints", "ints", dtypes.int64),
    ):
        attribute = call.attribute(name)
        if attribute is not None:
            value = getattr(attribute, field)
            return call.b.const(list(value) if field.endswith("s") else value, kind)
    return call.cannot("a constant that is sparse or text")


@rule("ConstantOfShape")
def _constant_of_shape(call: Call) -> Val:
    tensor = call.array("value")
    value, dtype = (np.zeros(1, np.float32), dtypes.float32) if tensor is None else to_array(tensor)
    return call.b.tf("Fill", call.x(), call.b.const(value.reshape(-1)[0], dtype))


@rule("Shape")
def _shape(call: Call) -> Val:
    found = call.b.shape_of(call.x())
    if not call.has("start") and not call.has("end"):
        return found
    rank = len(call.shape())
    first, last, _ = slice(call.integer("start"), call.integer("end", rank)).indices(rank)
    return _cut(call, found, [first], [max(last, first)], [1])


@rule("Size")
def _size(call: Call) -> Val:
    return call.b.tf("Size", call.x(), out_type=dtypes.int64)


@rule("Reshape")
def _reshape(call: Call) -> Val:
    b, x, wanted = call.b, call.x(), call.opt(1)
    if wanted is None:
        wanted = b.const(call.ints("shape"), dtypes.int64)
    dims = wanted.info.known_dims
    if dims is None or call.integer("allowzero") or 0 not in dims:
        return b.tf("Reshape", x, wanted)
    shape = call.shape()
    filled = [shape[i] if d == 0 else d for i, d in enumerate(dims)]
    if None not in filled:
        return b.reshape(x, [int(d or 0) for d in filled])
    if filled.count(None) == 1 and -1 not in filled:
        return b.reshape(x, [-1 if d is None else d for d in filled])
    own = b.shape_of(x)
    parts = [
        _cut(call, own, [i], [i + 1], [1])
        if d == 0
        else b.const([d], dtypes.int64)
        if d is not None
        else _cut(call, b.cast(wanted, dtypes.int64), [i], [i + 1], [1])
        for i, d in enumerate(dims)
    ]
    return b.tf("Reshape", x, _concat(call, parts, 0))


def _concat(call: Call, parts: Sequence[Val], axis: int) -> Val:
    return parts[0] if len(parts) == 1 else call.b.tf("ConcatV2", list(parts), call.b.const(axis, dtypes.int32))


@rule("Flatten")
def _flatten(call: Call) -> Val:
    b, shape = call.b, call.shape()
    axis = call.integer("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    head, tail = shape[:axis], shape[axis:]
    known = [None if None in part else int(np.prod([d or 0 for d in part])) for part in (head, tail)]
    if None not in known:
        return b.reshape(call.x(), [int(k or 0) for k in known])
    if known == [None, None] or 0 in known:
        call.cannot("sizes before and behind its axis are unknown")
    return b.reshape(call.x(), [-1 if k is None else k for k in known])


@rule("Transpose")
def _transpose(call: Call) -> Val:
    rank = len(call.shape())
    perm = call.ints("perm", range(rank)[::-1])
    x = call.x()
    if x.lazy and x.twin is not None and perm == [0, *range(2, rank), 1]:
        return x.twin
    if perm == [0, rank - 1, *range(1, rank - 1)] and rank > 2 and x.const is None:
        return call.b.first(x)
    return call.b.transpose(x, perm)


@rule("Squeeze")
def _squeeze(call: Call) -> Val:
    axes = call.axes()
    if axes is None:
        shape = call.shape()
        if None in shape:
            call.cannot("which sizes are 1 is unknown")
        axes = [i for i, d in enumerate(shape) if d == 1]
    return call.b.tf("Squeeze", call.x(), squeeze_dims=list(axes)) if axes else call.x()


@rule("Unsqueeze")
def _unsqueeze(call: Call) -> Val:
    axes = call.axes()
    if axes is None:
        call.cannot("it names no axes")
    result = call.x()
    rank = len(call.shape()) + len(axes)
    for axis in sorted(a % rank for a in axes):
        result = call.b.tf("ExpandDims", result, call.b.const(axis, dtypes.int32))
    return result


@rule("Concat")
def _join(call: Call) -> Val:
    b = call.b
    values = [call.x(i) for i in range(len(call.inputs))]
    rank = len(call.shape())
    axis = call.axis(call.integer("axis"), rank)
    if all(v.lazy for v in values):
        moved = [0, rank - 1, *range(1, rank - 1)][axis]
        return b.first(_concat(call, [b.last(v) for v in values], moved))
    return _concat(call, values, axis)


@rule("Split")
def _split(call: Call) -> Sequence[Val]:
    b, x, shape = call.b, call.x(), call.shape()
    axis = call.axis(call.integer("axis"), len(shape))
    count = len(call.node.output)
    known = call.known(1)
    sizes = call.ints("split") if call.has("split") else [] if known is None else [int(v) for v in known]
    if not sizes:
        total = shape[axis]
        if total is None:
            call.cannot("the size to split is unknown")
        part = -(-total // count)
        sizes = [part] * (count - 1) + [total - part * (count - 1)]
    return b.tfs("SplitV", x, b.const(sizes, dtypes.int64), b.const(axis, dtypes.int32), num_split=count)


def _cut(call: Call, x: Val, begin: list[int], end: list[int], step: list[int]) -> Val:
    b = call.b
    parts = [b.const(v, dtypes.int64) for v in (begin, end, step)]
    return b.tf("StridedSlice", x, *parts)


@rule("Slice")
def _slice(call: Call) -> Val:
    rank = len(call.shape())
    if call.has("starts"):
        starts, ends = call.ints("starts"), call.ints("ends")
        return _sliced(call, starts, ends, call.ints("axes", range(len(starts))), [1] * len(starts))
    given, stride = call.known(3), call.known(4)
    if any(call.x(i).info.value is None and not _whole(call.x(i)) for i in (1, 2)):
        return _slice_by_values(call, given, stride)
    first, last = call.known(1), call.known(2)
    if first is None or last is None:
        call.cannot("it has no bounds")
    starts = [int(v) for v in first]
    axes = list(range(len(starts))) if given is None else [call.axis(int(v), rank) for v in given]
    steps = [1] * len(starts) if stride is None else [int(v) for v in stride]
    return _sliced(call, starts, [int(v) for v in last], axes, steps)


def _whole(value: Val) -> bool:
    dims = value.info.known_dims
    return dims is not None and None not in dims


def _slice_by_values(call: Call, given: Array | None, stride: Array | None) -> Val:
    """Bounds that are computed: they are put where their axes are, between those that keep everything."""
    b, rank, count = call.b, len(call.shape()), (call.x(1).shape or (None,))[0]
    if count is None or (stride is not None and (stride < 1).any()):
        call.cannot("its bounds are computed, and how many there are, or a step backwards")
    axes = list(range(count)) if given is None else [call.axis(int(v), rank) for v in given]
    steps = [1] * rank
    for k, axis in enumerate(axes):
        steps[axis] = 1 if stride is None else int(stride[k])
    zero = b.const([0], dtypes.int64)
    bounds = []
    for index in (1, 2):
        values = b.cast(call.x(index), dtypes.int64)
        parts = [
            _cut(call, values, [axes.index(a)], [axes.index(a) + 1], [1]) if a in axes else zero for a in range(rank)
        ]
        bounds.append(_concat(call, parts, 0))
    mask = sum(1 << a for a in range(rank) if a not in axes)
    return b.tf("StridedSlice", call.x(), *bounds, b.const(steps, dtypes.int64), begin_mask=mask, end_mask=mask)


def _sliced(call: Call, starts: Sequence[int], ends: Sequence[int], axes: Sequence[int], steps: Sequence[int]) -> Val:
    b, shape = call.b, call.shape()
    rank = len(shape)
    begin, end, step = [0] * rank, [0] * rank, [1] * rank
    begin_mask = end_mask = (1 << rank) - 1
    for start, stop, axis, by in zip(starts, ends, axes, steps, strict=True):
        at = call.axis(axis, rank)
        begin[at], end[at], step[at] = max(start, -_FAR), min(max(stop, -_FAR), _FAR - 1), by
        begin_mask &= ~(1 << at)
        end_mask &= ~(1 << at)
        if by > 0 and start >= _FAR:
            begin[at] = _FAR - 1
        if by < 0:
            if stop <= -_FAR or (shape[at] is not None and stop < -int(shape[at] or 0)):
                end_mask |= 1 << at
            if start >= _FAR - 1:
                begin_mask |= 1 << at
    parts = [b.const(v, dtypes.int64) for v in (begin, end, step)]
    return b.tf("StridedSlice", call.x(), *parts, begin_mask=begin_mask, end_mask=end_mask)


@rule("Gather")
def _gather(call: Call) -> Val:
    b, x, shape = call.b, call.x(), call.shape()
    axis = call.axis(call.integer("axis"), len(shape))
    return b.tf("GatherV2", x, _from_start(call, call.x(1), x, axis), b.const(axis, dtypes.int32))


def _from_start(call: Call, indices: Val, x: Val, axis: int) -> Val:
    """Indices that count from the end, as ONNX allows, made plain ones."""
    b, shape = call.b, x.shape
    size = None if shape is None else shape[axis]
    known = indices.info.known_dims
    if indices.const is not None and (indices.const >= 0).all():
        return indices
    if known is not None and all(k is not None and k >= 0 for k in known):
        return indices
    length = (
        b.const(size, indices.dtype)
        if size is not None
        else b.cast(b.reshape(_cut(call, b.shape_of(x), [axis], [axis + 1], [1]), []), indices.dtype)
    )
    negative = b.tf("Less", indices, b.like(0, indices))
    return b.tf("SelectV2", negative, b.tf("AddV2", indices, length), indices)


@rule("GatherND")
def _gather_nd(call: Call) -> Val:
    if call.integer("batch_dims"):
        call.cannot("batch_dims")
    return call.b.tf("GatherNd", call.x(), call.x(1))


@rule("ScatterND")
def _scatter_nd(call: Call) -> Val:
    if call.text("reduction", "none") != "none":
        call.cannot("a reduction")
    return call.b.tf("TensorScatterUpdate", call.x(), call.x(1), call.x(2))


@rule("Expand")
def _expand(call: Call) -> Val:
    b, x = call.b, call.x()
    dims = call.x(1).info.known_dims
    shape = x.shape
    if dims is not None and shape is not None and None not in dims and None not in shape:
        target = np.broadcast_shapes([int(d or 0) for d in shape], [int(d or 0) for d in dims])
        return b.tf("BroadcastTo", x, b.const(list(target), dtypes.int64))
    wanted = b.tf("BroadcastArgs", b.shape_of(x), b.cast(call.x(1), dtypes.int64))
    return b.tf("BroadcastTo", x, wanted)


@rule("Tile")
def _tile(call: Call) -> Val:
    return call.b.tf("Tile", call.x(), call.x(1))


@rule("Range")
def _range(call: Call) -> Val:
    return call.b.tf("Range", *(call.b.reshape(call.x(i), []) for i in range(3)))


@rule("OneHot")
def _one_hot(call: Call) -> Val:
    b, indices = call.b, call.x()
    depth = b.cast(b.reshape(call.x(1), []), dtypes.int32)
    off, on = b.tfs("Unpack", call.x(2), num=2, axis=0)
    whole = b.cast(indices, dtypes.int64)
    if whole.const is None or (whole.const < 0).any():
        length = b.cast(depth, dtypes.int64)
        whole = b.tf("SelectV2", b.tf("Less", whole, b.like(0, whole)), b.tf("AddV2", whole, length), whole)
    return b.tf("OneHot", whole, depth, on, off, axis=call.integer("axis", -1))


@rule("Pad")
def _pad(call: Call) -> Val:
    b, x, rank = call.b, call.x(), len(call.shape())
    mode = call.text("mode", "constant")
    found = call.known(1)
    pads = call.ints("pads") if found is None else [int(v) for v in found]
    axes_given = call.known(3)
    axes = list(range(rank)) if axes_given is None else [call.axis(int(a), rank) for a in axes_given]
    half = len(axes)
    table = np.zeros((rank, 2), np.int64)
    for i, axis in enumerate(axes):
        table[axis] = pads[i], pads[half + i]
    if (table < 0).any():
        if mode != "constant":
            call.cannot("it cuts and mirrors")
        shape = [-1] * rank
        begin = [max(0, -int(t[0])) for t in table]
        if any(t[1] < 0 for t in table):
            sizes = call.shape()
            if any(d is None and t[1] < 0 for d, t in zip(sizes, table, strict=True)):
                call.cannot("it cuts a size that is unknown")
            shape = [
                int(d or 0) - s + min(0, int(t[1])) if t[1] < 0 else -1
                for d, s, t in zip(sizes, begin, table, strict=True)
            ]
        x = b.tf("Slice", x, b.const(begin, dtypes.int64), b.const(shape, dtypes.int64))
        table = np.maximum(table, 0)
    if mode in ("reflect", "edge", "wrap"):
        if mode != "reflect":
            call.cannot(f"mode {mode}")
        return b.tf("MirrorPad", x, b.const(table, dtypes.int64), mode=b"REFLECT")
    value = call.opt(2)
    fill = b.like(call.number("value", 0.0), x) if value is None else b.reshape(value, [])
    if x.lazy:
        moved = table[[0, *range(2, rank), 1]]
        return b.first(b.tf("PadV2", b.last(x), b.const(moved, dtypes.int64), fill))
    return b.tf("PadV2", x, b.const(table, dtypes.int64), fill)


@rule("DepthToSpace")
def _depth_to_space(call: Call) -> Val:
    b, x, size = call.b, call.x(), call.integer("blocksize")
    if call.text("mode", "DCR") == "DCR":
        return b.first(b.tf("DepthToSpace", b.last(x), block_size=size))
    _, channels, height, width = call.shape()
    if None in (channels, height, width):
        call.cannot("a size is unknown")
    c, h, w = int(channels or 0) // size**2, int(height or 0), int(width or 0)
    parts = b.transpose(b.reshape(x, [-1, c, size, size, h, w]), [0, 1, 4, 2, 5, 3])
    return b.reshape(parts, [-1, c, h * size, w * size])


@rule("SpaceToDepth")
def _space_to_depth(call: Call) -> Val:
    return call.b.first(call.b.tf("SpaceToDepth", call.b.last(call.x()), block_size=call.integer("blocksize")))


@rule("NonZero")
def _non_zero(call: Call) -> Val:
    found = call.b.tf("Where", call.x())
    return call.b.transpose(found, [1, 0])


@rule("Trilu")
def _trilu(call: Call) -> Val:
    b, known = call.b, call.known(1)
    k = 0 if known is None else int(known.reshape(-1)[0])
    upper = bool(call.integer("upper", 1))
    if (upper and k > 0) or (not upper and k < 0):
        call.cannot("a diagonal within the part that is dropped")
    low, high = (-k, -1) if upper else (-1, k)
    kept = [b.const(v, dtypes.int64) for v in (low, high)]
    return b.tf("MatrixBandPart", call.x(), *kept)
