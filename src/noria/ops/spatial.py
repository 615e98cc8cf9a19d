"""Rearrangements between space, batch and depth, and patches of images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, Info, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._arrays import vector_length
from noria.ops._numeric import dims_text, static_dims, typed
from noria.ops._windows import channels_first, from_channels_first, inverse, layout, layout_of, patches, windows
from noria.shapes import Dim, Shape

# ---- space and batch --------------------------------------------------------------------------------------------


def _check_block(x: Array, block: Sequence[int], borders: Array, what: str) -> None:
    """The checks that both directions share; ``borders``: paddings or crops, called ``what``."""
    count = len(block)
    if x.ndim < 1 + count:
        raise InvalidArgumentError(f"input rank should be >= {1 + count} instead of {x.ndim}")
    if borders.shape != (count, 2):
        raise InvalidArgumentError(f"{what} should have shape [{count}, 2] instead of {dims_text(borders.shape)}")
    for i, b in enumerate(block):
        if b < 1:
            raise InvalidArgumentError(f"All values in block_shape must be positive, got value, {b} at index {i}.")
    if borders.size and borders.min() < 0:
        raise InvalidArgumentError(f"{what.capitalize()} must be non-negative")


def _block_of(call: KernelCall, block_shape: Array) -> list[int]:
    if block_shape.ndim != 1:
        raise InvalidArgumentError(f"block_shape rank should be 1 instead of {block_shape.ndim}")
    return [int(b) for b in block_shape]


def _space_to_batch(x: Array, block: Sequence[int], paddings: Array) -> Array:
    _check_block(x, block, paddings, "paddings")
    count = len(block)
    x = np.pad(x, [(0, 0), *((int(a), int(b)) for a, b in paddings), *((0, 0),) * (x.ndim - 1 - count)])
    split: list[int] = [x.shape[0]]
    for i, b in enumerate(block):
        if x.shape[1 + i] % b:
            raise InvalidArgumentError(
                f"padded_shape[{1 + i}]={x.shape[1 + i]} is not divisible by block_shape[{i}]={b}"
            )
        split += [x.shape[1 + i] // b, b]
    rest = x.shape[1 + count :]
    moved = x.reshape(*split, *rest).transpose(_to_batch_perm(count, len(rest)))
    return moved.reshape(x.shape[0] * math.prod(block), *split[1::2], *rest)


def _to_batch_perm(count: int, rest: int) -> list[int]:
    """[batch, outer, inner, …, rest] → [inner…, batch, outer…, rest]."""
    tail = range(1 + 2 * count, 1 + 2 * count + rest)
    return [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2), *tail]


def _to_space_perm(count: int, rest: int) -> list[int]:
    """[inner…, batch, outer…, rest] → [batch, outer, inner, …, rest]."""
    pairs = [axis for i in range(count) for axis in (count + 1 + i, i)]
    return [count, *pairs, *range(2 * count + 1, 2 * count + 1 + rest)]


def _batch_to_space(x: Array, block: Sequence[int], crops: Array) -> Array:
    _check_block(x, block, crops, "crops")
    count, total = len(block), math.prod(block)
    if x.shape[0] % total:
        raise InvalidArgumentError(
            f"Input batch dimension ({x.shape[0]}) is not divisible by product of block sizes ({total})"
        )
    inner, rest = x.shape[1 : 1 + count], x.shape[1 + count :]
    moved = x.reshape(*block, x.shape[0] // total, *inner, *rest).transpose(_to_space_perm(count, len(rest)))
    full = [n * b for n, b in zip(inner, block, strict=True)]
    cuts = [slice(None)]
    for i, ((before, after), n) in enumerate(zip(crops.tolist(), full, strict=True)):
        if n - before - after < 0:
            raise InvalidArgumentError(f"cropped_shape[{i}]={n - before - after} must be non-negative")
        cuts.append(slice(before, n - after))
    return np.ascontiguousarray(moved.reshape(x.shape[0] // total, *full, *rest)[tuple(cuts)])


def _blocks_infer(x: Shape, block: Info | Sequence[int], borders: Info, *, to_batch: bool) -> Sequence[Shape]:
    if x is None:
        return [None]
    count = vector_length(block) if isinstance(block, Info) else len(block)
    sizes = block.known_dims if isinstance(block, Info) else tuple(block)
    if count is None:
        return [(None,) * len(x)]
    if sizes is None:
        sizes = (None,) * count
    if len(x) < 1 + count:
        raise InvalidArgumentError(f"input rank should be >= {1 + count} instead of {len(x)}")
    known = borders.value.reshape(-1, 2).tolist() if borders.value is not None and borders.value.size else None
    result: list[Dim] = list(x)
    total: Dim = 1
    for i, b in enumerate(sizes):
        total = None if b is None or total is None else total * b
        n = x[1 + i]
        border = sum(known[i]) if known is not None and i < len(known) else None
        if n is None or b is None or b < 1 or border is None:
            result[1 + i] = None
        else:
            result[1 + i] = (n + border) // b if to_batch else n * b - border
    batch = x[0]
    result[0] = None if batch is None or not total else batch * total if to_batch else batch // total
    return [tuple(None if d is not None and d < 0 else d for d in result)]


@infer("SpaceToBatchND")
def _space_to_batch_nd_infer(call: InferCall) -> Sequence[Shape]:
    return _blocks_infer(call.shape(0), call.inputs[1], call.inputs[2], to_batch=True)


@infer("SpaceToBatch")
def _space_to_batch_infer(call: InferCall) -> Sequence[Shape]:
    return _blocks_infer(call.shape(0), [call.integer("block_size")] * 2, call.inputs[1], to_batch=True)


@infer("BatchToSpaceND")
def _batch_to_space_nd_infer(call: InferCall) -> Sequence[Shape]:
    return _blocks_infer(call.shape(0), call.inputs[1], call.inputs[2], to_batch=False)


@infer("BatchToSpace")
def _batch_to_space_infer(call: InferCall) -> Sequence[Shape]:
    return _blocks_infer(call.shape(0), [call.integer("block_size")] * 2, call.inputs[1], to_batch=False)


@kernel("SpaceToBatchND")
def _space_to_batch_nd(call: KernelCall, x: Array, block_shape: Array, paddings: Array) -> Array:
    return _space_to_batch(x, _block_of(call, block_shape), paddings)


@kernel("BatchToSpaceND")
def _batch_to_space_nd(call: KernelCall, x: Array, block_shape: Array, crops: Array) -> Array:
    return _batch_to_space(x, _block_of(call, block_shape), crops)


def _image(x: Array) -> Array:
    if x.ndim != 4:
        raise InvalidArgumentError(f"Input rank should be: 4 instead of: {x.ndim}")
    return x


@kernel("SpaceToBatch")
def _space_to_batch_v1(call: KernelCall, x: Array, paddings: Array) -> Array:
    return _space_to_batch(_image(x), [call.integer("block_size")] * 2, paddings)


@kernel("BatchToSpace")
def _batch_to_space_v1(call: KernelCall, x: Array, crops: Array) -> Array:
    return _batch_to_space(_image(x), [call.integer("block_size")] * 2, crops)


def _known_blocks(op: Lowering, borders: Array) -> tuple[list[int], list[int]]:
    """The constant block sizes, and the shape of x behind the batch; leaves unfit ones to the kernel's checks."""
    block = [op.integer("block_size")] * 2 if "block_size" in op.node.attrs else [int(b) for b in op.const(1)]
    rank = op.rank(0)
    shape = static_dims((op.inputs[0].shape or ())[1:])
    if shape is None or 0 in shape or op.inputs[0].shape == () or (op.inputs[0].shape or (0,))[0] == 0:
        op.cannot("a dimension behind the batch is unknown, or the input is empty")
    if rank < 1 + len(block) or borders.shape != (len(block), 2) or min(block, default=1) < 1 or (borders < 0).any():
        op.cannot("block sizes or borders that the kernel refuses")
    if "block_size" in op.node.attrs and rank != 4:
        op.cannot("not an image")
    return block, list(shape)


@lower("SpaceToBatchND", "SpaceToBatch")
def _space_to_batch_lower(op: Lowering) -> Value:
    x, paddings = op.inputs[0], op.const(len(op.inputs) - 1)
    block, shape = _known_blocks(op, paddings)
    count, rest = len(block), shape[len(block) :]
    padded = [n + int(a) + int(b) for n, (a, b) in zip(shape, paddings, strict=False)]
    if any(n % b for n, b in zip(padded, block, strict=True)):
        op.cannot("the block does not divide the padded size")
    through = op.widened("Pad", x.dtype) if paddings.any() else x.dtype
    if paddings.any():
        begins, ends = ([0, *paddings[:, k].tolist(), *[0] * len(rest)] for k in (0, 1))
        x = op.emit("Pad", op.cast(x, through), op.constant(begins + ends, dtypes.int64))
    outer = [n // b for n, b in zip(padded, block, strict=True)]
    split = [d for pair in zip(outer, block, strict=True) for d in pair]
    moved = op.transpose(op.reshape(x, [-1, *split, *rest]), _to_batch_perm(count, len(rest)))
    return op.cast(op.reshape(moved, [-1, *outer, *rest]), op.inputs[0].dtype)


@lower("BatchToSpaceND", "BatchToSpace")
def _batch_to_space_lower(op: Lowering) -> Value:
    x, crops = op.inputs[0], op.const(len(op.inputs) - 1)
    block, shape = _known_blocks(op, crops)
    count, rest = len(block), shape[len(block) :]
    inner = shape[:count]
    full = [n * b for n, b in zip(inner, block, strict=True)]
    if x.shape is None or (x.shape[0] or 0) % math.prod(block):
        op.cannot("the block does not divide the batch")
    if any(n - int(a) - int(b) <= 0 for n, (a, b) in zip(full, crops, strict=True)):
        op.cannot("nothing is left after cropping")
    moved = op.transpose(op.reshape(x, [*block, -1, *inner, *rest]), _to_space_perm(count, len(rest)))
    y = op.reshape(moved, [-1, *full, *rest])
    if crops.any():
        starts = op.constant(crops[:, 0].tolist(), dtypes.int64)
        ends = op.constant([n - int(c) for n, c in zip(full, crops[:, 1], strict=True)], dtypes.int64)
        y = op.emit("Slice", y, starts, ends, op.constant(list(range(1, 1 + count)), dtypes.int64))
    return y


# ---- space and depth --------------------------------------------------------------------------------------------


def _divided(dims: Sequence[Dim], by: int) -> list[Dim]:
    return [None if d is None else d // by for d in dims]


@infer("SpaceToDepth", "DepthToSpace")
def _depth_infer(call: InferCall) -> Sequence[Shape]:
    x, size = call.shape(0), call.integer("block_size")
    if call.text("data_format") == "NCHW_VECT_C":
        return [None]
    where = layout_of(call)
    if x is None or len(x) != 4:
        return [(None,) * 4]
    height, width, depth = x[where.spatial[0]], x[where.spatial[1]], x[where.channel]
    if call.node.op == "SpaceToDepth":
        (height, width), depth = _divided([height, width], size), None if depth is None else depth * size * size
    else:
        height, width = (None if d is None else d * size for d in (height, width))
        (depth,) = _divided([depth], size * size)
    result = [x[0]] * 4
    result[where.spatial[0]], result[where.spatial[1]], result[where.channel] = height, width, depth
    return [tuple(result)]


def _plain_layout(call: KernelCall) -> None:
    if call.text("data_format") == "NCHW_VECT_C":
        raise UnimplementedError("data_format NCHW_VECT_C has no CPU kernel; use NHWC or NCHW")


@kernel("SpaceToDepth")
def _space_to_depth(call: KernelCall, x: Array) -> Array:
    _plain_layout(call)
    where, size = layout_of(call), call.integer("block_size")
    if x.ndim != 4:
        raise InvalidArgumentError(f"Input rank should be 4 instead of {x.ndim}")
    batch, height, width, depth = (last := x.transpose(where.to_channels_last)).shape
    if height % size or width % size:
        raise InvalidArgumentError(f"Image width {width} and height {height} should be divisible by block_size: {size}")
    split = last.reshape(batch, height // size, size, width // size, size, depth).transpose(0, 1, 3, 2, 4, 5)
    result: Array = split.reshape(batch, height // size, width // size, size * size * depth)
    return result.transpose(inverse(where.to_channels_last))


@kernel("DepthToSpace")
def _depth_to_space(call: KernelCall, x: Array) -> Array:
    _plain_layout(call)
    where, size = layout_of(call), call.integer("block_size")
    if x.ndim != 4:
        raise InvalidArgumentError(f"Input rank should be 4 instead of {x.ndim}")
    batch, height, width, depth = (last := x.transpose(where.to_channels_last)).shape
    if depth % (size * size):
        raise InvalidArgumentError(f"Input depth dimension {depth} should be divisible by: {size * size}")
    kept = depth // (size * size)
    split = last.reshape(batch, height, width, size, size, kept).transpose(0, 1, 3, 2, 4, 5)
    result: Array = split.reshape(batch, height * size, width * size, kept)
    return result.transpose(inverse(where.to_channels_last))


@lower("SpaceToDepth", "DepthToSpace")
def _depth_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    size, name = op.integer("block_size"), op.node.op
    if op.text("data_format") == "NCHW_VECT_C" or op.rank(0) != 4 or x.shape is None or 0 in x.shape:
        op.cannot("the input is empty or not an image")
    where = layout_of(op)
    depth = x.shape[where.channel]
    if name == "DepthToSpace" and (depth is None or depth % (size * size)):
        op.cannot("the depth is unknown, or the block does not divide it")
    if name == "SpaceToDepth" and any((x.shape[axis] or 0) % size for axis in where.spatial):
        op.cannot("the block does not divide the image")
    # TensorFlow's depth is [block row, block column, channel]: ONNX's only order for SpaceToDepth, and its DCR.
    through = op.widened(name, x.dtype)
    mode: dict[str, Any] = {"mode": "DCR"} if name == "DepthToSpace" else {}
    y = op.emit(name, op.cast(channels_first(op, x, where), through), blocksize=size, **mode)
    return from_channels_first(op, op.cast(y, x.dtype), where, op.outputs[0].shape)


# ---- patches ----------------------------------------------------------------------------------------------------


@infer("ExtractImagePatches")
def _extract_infer(call: InferCall) -> Sequence[Shape]:
    x, ksizes = call.shape(0), call.integers("ksizes")
    if x is None or len(x) != 4:
        return [(None,) * 4]
    moves = windows(
        ksizes[1:3], call.integers("strides"), call.integers("rates"), call.text("padding"), [], layout("NHWC")
    )
    rows, columns = (move.output_dim(n) for move, n in zip(moves, x[1:3], strict=True))
    return [(x[0], rows, columns, None if x[3] is None else ksizes[1] * ksizes[2] * x[3])]


@kernel("ExtractImagePatches")
def _extract(call: KernelCall, x: Array) -> Array:
    ksizes = call.integers("ksizes")
    if len(ksizes) != 4 or ksizes[0] != 1 or ksizes[3] != 1:
        raise UnimplementedError(f"Only support ksizes across space, got {ksizes}")
    if x.ndim != 4:
        raise InvalidArgumentError(f"images must be 4-dimensional, got {dims_text(x.shape)}")
    moves = windows(
        ksizes[1:3], call.integers("strides"), call.integers("rates"), call.text("padding"), [], layout("NHWC")
    )
    view = patches(x, moves, 0).transpose(0, 1, 2, 4, 5, 3)
    return typed(view.reshape(*view.shape[:3], ksizes[1] * ksizes[2] * x.shape[3]), call.output_dtype)
