"""Ops that move elements along their axes or add some: ReverseV2, Reverse, Roll, Pad, PadV2, MirrorPad."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.ops._arrays import INT64_MAX, INT64_MIN, as_int64, axis_in, fail_if, shape_text, vector_length, zeros
from noria.shapes import Dim, Shape

# ReverseV2, Reverse, Roll


@infer("ReverseV2")
def _reverse_v2_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


def _reversed_axes(axes: Sequence[int], rank: int) -> list[int]:
    found: list[int] = []
    for i, axis in enumerate(axes):
        at = axis_in(axis, rank, f"'axis'[{i}] = {axis} is out of valid range [0, {rank - 1}")
        if at in found:
            raise InvalidArgumentError(f"axis {at} specified more than once.")
        found.append(at)
    return found


@kernel("ReverseV2")
def _reverse_v2(call: KernelCall, x: Array, axis: Array) -> Array:
    return np.flip(x, tuple(_reversed_axes(axis.reshape(-1).tolist(), x.ndim)))


@infer("Reverse")
def _reverse_infer(call: InferCall) -> list[Shape]:
    x, count = call.shape(0), vector_length(call.inputs[1])
    if x is not None and count not in (len(x), None):
        raise InvalidArgumentError(
            "'dims' must have the same number of values as 'input' has dimensions. "
            f"'input' has {len(x)}'dims' has {count} values"
        )
    return [x]


@kernel("Reverse")
def _reverse(call: KernelCall, x: Array, dims: Array) -> Array:
    if dims.shape != (x.ndim,):
        raise InvalidArgumentError(
            "'dims' must have the same number of values as 'input' has dimensions. "
            f"'input' has {x.ndim}'dims' has {dims.size} values"
        )
    return np.flip(x, tuple(np.flatnonzero(dims).tolist()))


def _emit_reverse(op: Lowering, axes: Sequence[int]) -> Value:
    x = op.inputs[0]
    if not axes:
        return x
    columns = ([INT64_MAX] * len(axes), [INT64_MIN] * len(axes), list(axes), [-1] * len(axes))
    return op.emit("Slice", x, *(op.constant(c, dtypes.int64) for c in columns), shape=x.shape)


@lower("ReverseV2")
def _reverse_v2_lower(op: Lowering) -> Value:
    return _emit_reverse(op, _reversed_axes(op.const(1).reshape(-1).tolist(), op.rank(0)))


@lower("Reverse")
def _reverse_lower(op: Lowering) -> Value:
    return _emit_reverse(op, np.flatnonzero(op.const(1)).tolist())


@infer("Roll")
def _roll_infer(call: InferCall) -> list[Shape]:
    if not shapes.compatible(call.shape(1), call.shape(2)):
        raise InvalidArgumentError("shift and axis must have the same size")
    return [call.shape(0)]


@kernel("Roll")
def _roll(call: KernelCall, x: Array, shift: Array, axis: Array) -> Array:
    if x.ndim == 0:
        raise InvalidArgumentError("input must be 1-D or higher")
    if shift.shape != axis.shape:
        raise InvalidArgumentError("shift and axis must have the same size")
    for a in axis.reshape(-1).tolist():
        axis_in(a, x.ndim, f"axis {a} is out of range")
    return np.roll(x, shift.reshape(-1).tolist(), axis.reshape(-1).tolist())


@lower("Roll")
def _roll_lower(op: Lowering) -> Value:
    x, rank = op.inputs[0], op.rank(0)
    moves: dict[int, int] = {}
    for move, axis in zip(op.const(1).reshape(-1).tolist(), op.const(2).reshape(-1).tolist(), strict=True):
        at = shapes.canonical_axis(axis, rank)
        moves[at] = moves.get(at, 0) + move
    value = x
    for at, move in moves.items():
        dim = x.shape[at] if x.shape is not None else None
        if dim is None:
            op.cannot("the size of a rolled axis is unknown")
        cut = -move % dim if dim else 0
        if cut == 0:
            continue
        axes = op.constant([at], dtypes.int64)
        places = [op.constant([n], dtypes.int64) for n in (0, cut, INT64_MAX)]
        tail = op.emit("Slice", value, places[1], places[2], axes)
        head = op.emit("Slice", value, places[0], places[1], axes)
        value = op.emit("Concat", tail, head, axis=at, shape=x.shape)
    return value


# Pad, PadV2, MirrorPad


@infer("Pad", "PadV2", "MirrorPad")
def _pad_infer(call: InferCall) -> list[Out]:
    x, paddings = call.inputs[0], call.inputs[1]
    rank = x.rank
    if rank is None and paddings.shape is not None and len(paddings.shape) == 2:
        rank = paddings.shape[0]
    if rank is None:
        return [Out(None)]
    if x.shape is None or paddings.value is None:
        return [Out(shapes.unknown(rank))]
    pads = _paddings(paddings.value, rank, x.shape)
    return [Out(tuple(None if d is None else d + a + b for d, (a, b) in zip(x.shape, pads, strict=True)))]


def _paddings(value: Array, rank: int, shape: Sequence[Dim]) -> list[tuple[int, int]]:
    """Pairs (before, after); InvalidArgumentError where there is not one non-negative pair for each axis."""
    if value.ndim != 2 or value.shape[1] != 2:
        raise InvalidArgumentError(f"paddings must be a matrix with 2 columns: {shape_text(value.shape)}")
    if value.shape[0] != rank:
        raise InvalidArgumentError(
            f"The first dimension of paddings must be the rank of inputs{shape_text(value.shape)} "
            f"{shapes.text(tuple(shape))}"
        )
    pairs = [(int(a), int(b)) for a, b in value]
    for a, b in pairs:
        if a < 0 or b < 0:
            raise InvalidArgumentError(f"Paddings must be non-negative: {a} {b}")
    return pairs


@kernel("Pad")
def _pad(call: KernelCall, x: Array, paddings: Array) -> Array:
    return _padded(x, paddings, zeros((1,), x.dtype))


@kernel("PadV2")
def _pad_v2(call: KernelCall, x: Array, paddings: Array, constant: Array) -> Array:
    return _padded(x, paddings, constant.reshape(-1))


def _padded(x: Array, paddings: Array, fill: Array) -> Array:
    pairs = _paddings(paddings, x.ndim, x.shape)
    result = np.empty(tuple(d + a + b for d, (a, b) in zip(x.shape, pairs, strict=True)), dtype=x.dtype)
    result[...] = fill[0]
    result[tuple(slice(a, a + d) for d, (a, _) in zip(x.shape, pairs, strict=True))] = x
    return result


@lower("Pad", "PadV2")
def _pad_lower(op: Lowering) -> Value:
    x, rank = op.inputs[0], op.rank(0)
    paddings = op.inputs[1].const
    if rank == 0 or (paddings is not None and not paddings.any()):
        return x
    fill = op.inputs[2] if len(op.inputs) > 2 else None
    if fill is not None and fill.rank != 0:
        fill = op.reshape(fill, [])
    shape = op.outputs[0].shape
    if paddings is not None:
        pads = op.constant(paddings.T.reshape(-1).tolist(), dtypes.int64)
    else:
        columns = op.transpose(as_int64(op, op.inputs[1]), [1, 0])
        pads = op.reshape(columns, [2 * rank])
        # The engine would crop where TensorFlow refuses.
        pads = fail_if(op, op.emit("Less", pads, op.constant(0, dtypes.int64), dtype=dtypes.bool_), pads)
    wide = op.widened("Pad", x.dtype)
    filled = None if fill is None else op.cast(fill, wide)
    return op.cast(op.emit("Pad", op.cast(x, wide), pads, filled, shape=shape), x.dtype)


@kernel("MirrorPad")
def _mirror_pad(call: KernelCall, x: Array, paddings: Array) -> Array:
    pairs = _paddings(paddings, x.ndim, x.shape)
    edge = _mirror_edge(call)
    result = x
    for axis, (dim, (a, b)) in enumerate(zip(x.shape, pairs, strict=True)):
        _check_mirror(dim, a, b, edge)
        order = [*range(a - 1 + edge, edge - 1, -1), *range(dim), *range(dim - 1 - edge, dim - 1 - edge - b, -1)]
        result = np.take(result, order, axis=axis)
    return result


def _mirror_edge(call: InferCall | KernelCall | Lowering) -> int:
    """1 where the outermost element is not repeated (REFLECT), 0 where it is (SYMMETRIC)."""
    return 1 if call.text("mode") == "REFLECT" else 0


def _check_mirror(dim: int, a: int, b: int, edge: int) -> None:
    if edge and (a >= dim or b >= dim):
        raise InvalidArgumentError(f"paddings must be less than the dimension size: {a}, {b} not less than {dim}")
    if a > dim or b > dim:
        raise InvalidArgumentError(f"paddings must be no greater than the dimension size: {a}, {b} greater than {dim}")


@lower("MirrorPad")
def _mirror_pad_lower(op: Lowering) -> Value:
    x, rank = op.inputs[0], op.rank(0)
    pairs = _paddings(op.const(1), rank, x.shape or ())
    edge = _mirror_edge(op)
    for d, (a, b) in zip(x.shape or (), pairs, strict=True):
        # The engine refuses to reflect an axis that is too short, as TensorFlow does. That TensorFlow also refuses an
        # empty axis without padding (an empty batch) is let go.
        if (d is None and not edge and (a or b)) or (d is not None and d < max(a, b) + edge):
            op.cannot("the size of a padded axis is unknown or too small")
    if not any(a or b for a, b in pairs):
        return x
    if edge:
        wide = op.widened("Pad", x.dtype)
        pads = op.constant([a for a, _ in pairs] + [b for _, b in pairs], dtypes.int64)
        done = op.emit("Pad", op.cast(x, wide), pads, mode="reflect", shape=op.outputs[0].shape)
        return op.cast(done, x.dtype)
    value, shape = x, list(x.shape or ())
    for axis, (a, b) in enumerate(pairs):
        if a or b:
            dim = shape[axis] or 0
            order = [*range(a - 1, -1, -1), *range(dim), *range(dim - 1, dim - 1 - b, -1)]
            shape[axis] = len(order)
            value = op.emit("Gather", value, op.constant(order, dtypes.int64), axis=axis, shape=tuple(shape))
    return value
