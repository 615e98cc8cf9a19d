"""Ops that cut tensors apart and put them together: Slice, Split, SplitV, ConcatV2, Pack, Unpack."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, Info, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.ops._arrays import (
    as_int64,
    axis_in,
    dim_of,
    fail_if,
    scalar_of,
    shape_text,
    single,
    vector_length,
)
from noria.shapes import Dim, Shape

# Slice


@infer("Slice")
def _slice_infer(call: InferCall) -> list[Out]:
    info, begins, sizes = call.inputs
    rank = info.rank if info.rank is not None else vector_length(begins)
    if rank is None:
        rank = vector_length(sizes)
    if rank is None:
        return [Out(None)]
    nothing: tuple[Dim, ...] = (None,) * rank
    begin, size, shape = begins.known_dims or nothing, sizes.known_dims or nothing, info.shape or nothing
    if len(begin) != rank or len(size) != rank:
        raise InvalidArgumentError(
            f"Expected begin and size arguments to be 1-D tensors of size {rank}, "
            f"but got shapes [{len(begin)}] and [{len(size)}] instead."
        )
    result = tuple(_slice_dim(i, *place) for i, place in enumerate(zip(shape, begin, size, strict=True)))
    known = info.known_dims
    if known is None or rank != 1 or begin[0] is None or result[0] is None:
        return [Out(result)]
    return [Out(result, dims=known[begin[0] : begin[0] + result[0]])]


def _slice_dim(i: int, dim: Dim, begin: Dim, size: Dim) -> Dim:
    if begin is not None and (begin < 0 or (dim is not None and begin > dim)):
        raise InvalidArgumentError(f"Expected begin[{i}] in [0, {dim}], but got {begin}")
    if size is not None and size != -1:
        room = None if dim is None or begin is None else dim - begin
        if size < 0 or (room is not None and size > room):
            raise InvalidArgumentError(f"Expected size[{i}] in [0, {room}], but got {size}")
        return size
    return dim - begin if size == -1 and dim is not None and begin is not None else None


@kernel("Slice")
def _slice(call: KernelCall, x: Array, begin: Array, size: Array) -> Array:
    if begin.shape != (x.ndim,) or size.shape != (x.ndim,):
        raise InvalidArgumentError(
            f"Expected begin and size arguments to be 1-D tensors of size {x.ndim}, "
            f"but got shapes {shape_text(begin.shape)} and {shape_text(size.shape)} instead."
        )
    index = []
    for i, (dim, first, count) in enumerate(zip(x.shape, begin.tolist(), size.tolist(), strict=True)):
        length = _slice_dim(i, dim, first, count) or 0
        index.append(slice(first, first + length))
    return x[tuple(index)] if index else x


_GATHERED = 256  # elements up to which an axis of unknown size is cut by a Gather, which checks bounds itself


@lower("Slice")
def _slice_lower(op: Lowering) -> Value:
    x, begin, size = op.inputs
    rank = op.rank(0)
    if rank == 0:
        return x
    if begin.const is None or size.const is None:
        return _slice_checked(op, x, begin, size)
    cuts: list[tuple[int, int, int]] = []  # axis, begin, end
    value = x
    for axis, (first, count) in enumerate(zip(begin.const.tolist(), size.const.tolist(), strict=True)):
        dim = x.shape[axis] if x.shape is not None else None
        if first == 0 and count in (-1, dim):
            continue
        if dim is not None:
            cuts.append((axis, first, first + (dim - first if count == -1 else count)))
        elif 0 <= count <= _GATHERED:
            picked = op.constant(list(range(first, first + count)), dtypes.int64)
            shape = None if value.shape is None else (*value.shape[:axis], count, *value.shape[axis + 1 :])
            value = op.emit("Gather", value, picked, axis=axis, shape=shape)
        else:
            return _slice_checked(op, x, begin, size)
    if not cuts:
        return value
    axes, starts, ends = (op.constant(list(column), dtypes.int64) for column in zip(*cuts, strict=True))
    return op.emit("Slice", value, starts, ends, axes, shape=op.outputs[0].shape)


def _slice_checked(op: Lowering, x: Value, begin: Value, size: Value) -> Value:
    """A slice whose bounds only the call knows: they are compared first; ONNX would clamp what TensorFlow refuses."""
    rank = (x.rank,)
    dims = op.shape_of(x)
    first, count = as_int64(op, begin), as_int64(op, size)
    to_end = op.emit("Equal", count, op.constant(-1, dtypes.int64), dtype=dtypes.bool_, shape=rank)
    last = op.emit("Where", to_end, dims, op.emit("Add", first, count, shape=rank), dtype=dtypes.int64, shape=rank)
    tests = [
        op.emit("Less", first, op.constant(0, dtypes.int64), dtype=dtypes.bool_, shape=rank),
        op.emit("Less", last, first, dtype=dtypes.bool_, shape=rank),
        op.emit("Less", dims, last, dtype=dtypes.bool_, shape=rank),
    ]
    bad = op.emit("Or", op.emit("Or", tests[0], tests[1], shape=rank), tests[2], shape=rank)
    return op.emit("Slice", x, fail_if(op, bad, first), last, shape=op.outputs[0].shape)


# Split, SplitV


@infer("Split")
def _split_infer(call: InferCall) -> list[Shape]:
    count, axis, x = call.integer("num_split"), scalar_of(call.inputs[0]), call.shape(1)
    if x is None or axis is None:
        return [shapes.unknown(None if x is None else len(x))] * count
    at = axis_in(axis, len(x), _split_axis_text(axis, len(x)))
    dim = x[at]
    if dim is not None and dim % count:
        raise InvalidArgumentError(_uneven_text(at, dim, count))
    return [(*x[:at], None if dim is None else dim // count, *x[at + 1 :])] * count


def _split_axis_text(axis: int, rank: int) -> str:
    return f"-input rank(-{rank}) <= split_dim < input rank ({rank}), but got {axis}"


def _uneven_text(axis: int, dim: int, count: int) -> str:
    return (
        "Number of ways to split should evenly divide the split dimension, "
        f"but got split_dim {axis} (size = {dim}) and num_split {count}"
    )


@kernel("Split")
def _split(call: KernelCall, axis: Array, x: Array) -> tuple[Array, ...]:
    count = call.integer("num_split")
    wanted = single(axis, "split_dim")
    at = axis_in(wanted, x.ndim, _split_axis_text(wanted, x.ndim))
    if x.shape[at] % count:
        raise InvalidArgumentError(_uneven_text(at, x.shape[at], count))
    return tuple(np.split(x, count, axis=at))


@lower("Split")
def _split_lower(op: Lowering) -> tuple[Value, ...]:
    x, count = op.inputs[1], op.integer("num_split")
    at = shapes.canonical_axis(int(op.const(0).reshape(-1)[0]), op.rank(1))
    if count == 1:
        return (x,)
    size = None if x.shape is None else x.shape[at]
    if size is not None:
        sizes = op.constant([size // count] * count, dtypes.int64)
    else:
        # Division rounds down, so the engine refuses a dimension that the sizes do not add up to.
        part = op.emit("Div", dim_of(op, x, at), op.constant([count], dtypes.int64), shape=(1,))
        sizes = op.emit("Tile", part, op.constant([count], dtypes.int64), shape=(count,))
    return op.emit_many(
        "Split", (x, sizes), outputs=[x.dtype] * count, shapes=[out.shape for out in op.outputs], axis=at
    )


@infer("SplitV")
def _split_v_infer(call: InferCall) -> list[Shape]:
    count, axis, x = call.integer("num_split"), scalar_of(call.inputs[2]), call.shape(0)
    if x is None or axis is None:
        return [shapes.unknown(None if x is None else len(x))] * count
    at = axis_in(axis, len(x), _split_axis_text(axis, len(x)))
    sizes = call.inputs[1].known_dims
    if count == 1:
        sizes = (x[at],)
    elif sizes is None or None in sizes:
        sizes = (None,) * count
    elif x[at] is None:
        sizes = tuple(None if s == -1 else s for s in sizes)
    else:
        sizes = tuple(_split_sizes([s or 0 for s in sizes], x[at] or 0, count))
    return [(*x[:at], size, *x[at + 1 :]) for size in sizes]


def _split_sizes(sizes: Sequence[int], dim: int, count: int) -> list[int]:
    """The sizes with -1 filled in; InvalidArgumentError where they do not fit ``dim``."""
    result = list(sizes)
    if len(result) != count:
        raise InvalidArgumentError(
            f"size of the split_tensor must be 1-D and have the same elements as outputs got 1 -D "
            f"and {len(result)} elements"
        )
    if count == 1 and result[0] != dim:
        raise InvalidArgumentError(
            "If there is only one output, it must have the same size as the input. "
            f"Input size: {dim} output size: {result[0]}"
        )
    if result.count(-1) > 1:
        raise InvalidArgumentError("There can only be one -1 in the input.")
    for i, size in enumerate(result):
        if size < -1:
            raise InvalidArgumentError(f"Split size at index {i} must be >= 0. Got: {size}")
    total = sum(s for s in result if s != -1)
    if total > dim or (total < dim and -1 not in result):
        raise InvalidArgumentError(
            "Determined shape must either match input shape along split_dim exactly if fully specified, or be less "
            f"than the size of the input along split_dim if not fully specified.  Got: {total}"
        )
    return [dim - total if s == -1 else s for s in result]


@kernel("SplitV")
def _split_v(call: KernelCall, x: Array, size_splits: Array, axis: Array) -> tuple[Array, ...]:
    wanted = single(axis, "split_dim")
    at = axis_in(wanted, x.ndim, _split_axis_text(wanted, x.ndim))
    sizes = _split_sizes(size_splits.reshape(-1).tolist(), x.shape[at], call.integer("num_split"))
    return tuple(np.split(x, np.cumsum(sizes)[:-1].tolist(), axis=at))


@lower("SplitV")
def _split_v_lower(op: Lowering) -> tuple[Value, ...]:
    x, count = op.inputs[0], op.integer("num_split")
    at = shapes.canonical_axis(int(op.const(2).reshape(-1)[0]), op.rank(0))
    given = op.const(1).reshape(-1).tolist()
    size = None if x.shape is None else x.shape[at]
    if size is not None:
        sizes = op.constant(_split_sizes(given, size, count), dtypes.int64)
    elif -1 not in given:
        sizes = op.constant(given, dtypes.int64)
    elif count == 1:
        op.cannot("one output of unknown size is an error")
    else:
        known = sum(s for s in given if s != -1)
        rest = op.emit("Sub", dim_of(op, x, at), op.constant([known], dtypes.int64), shape=(1,))
        places = [rest if s == -1 else op.constant([s], dtypes.int64) for s in given]
        sizes = op.emit("Concat", *places, axis=0, shape=(count,))
    if count == 1 and size is not None:
        return (x,)
    return op.emit_many(
        "Split", (x, sizes), outputs=[x.dtype] * count, shapes=[out.shape for out in op.outputs], axis=at
    )


# Concat, ConcatV2


def _concat_shape(inputs: Sequence[Info], axis: int | None) -> Out:
    ranks = {info.rank for info in inputs} - {None}
    if len(ranks) > 1:
        first, other = next(
            (a, b) for a in inputs for b in inputs if a.rank is not None and b.rank not in (None, a.rank)
        )
        raise InvalidArgumentError(
            "ConcatOp : Ranks of all input tensors should match: "
            f"shape[0] = {shapes.text(first.shape)} vs. shape[1] = {shapes.text(other.shape)}"
        )
    if not ranks:
        return Out(None)
    rank = int(ranks.pop() or 0)
    if rank == 0:
        raise InvalidArgumentError("ConcatOp : Can't concatenate scalars (use tf.stack instead)")
    if axis is None:
        return Out(shapes.unknown(rank))
    at = axis_in(axis, rank, _concat_axis_text(axis, rank))
    merged: Shape = shapes.unknown(rank)
    total: Dim = 0
    for info in inputs:
        shape = info.shape if info.shape is not None else (None,) * rank
        merged = shapes.merge(merged, (*shape[:at], None, *shape[at + 1 :]))
        total = None if total is None or shape[at] is None else total + (shape[at] or 0)
    dims: tuple[Dim, ...] | None = None
    if rank == 1 and total is not None and total <= 64:
        dims = ()
        for info in inputs:
            length = info.shape[0] if info.shape is not None else None
            dims += info.known_dims if info.known_dims is not None else (None,) * (length or 0)
    merged = merged or ()
    return Out((*merged[:at], total, *merged[at + 1 :]), dims=dims)


def _concat_axis_text(axis: int, rank: int) -> str:
    return f"ConcatOp : Expected concatenating dimensions in the range [{-rank}, {rank}), but got {axis}"


@infer("ConcatV2")
def _concat_v2_infer(call: InferCall) -> list[Out]:
    return [_concat_shape(call.inputs[:-1], scalar_of(call.inputs[-1]))]


@infer("Concat")
def _concat_infer(call: InferCall) -> list[Out]:
    return [_concat_shape(call.inputs[1:], scalar_of(call.inputs[0]))]


def _concatenate(values: Sequence[Array], axis: Array) -> Array:
    wanted, rank = single(axis, "ConcatOp : Concat dim"), values[0].ndim
    if rank == 0:
        raise InvalidArgumentError("ConcatOp : Can't concatenate scalars (use tf.stack instead)")
    at = axis_in(wanted, rank, _concat_axis_text(wanted, rank))
    first = values[0].shape
    for i, value in enumerate(values):
        both = f"shape[0] = {shape_text(first)} vs. shape[{i}] = {shape_text(value.shape)}"
        if value.ndim != rank:
            raise InvalidArgumentError(f"ConcatOp : Ranks of all input tensors should match: {both}")
        for k, (a, b) in enumerate(zip(first, value.shape, strict=True)):
            if k != at and a != b:
                raise InvalidArgumentError(f"ConcatOp : Dimension {k} in both shapes must be equal: {both}")
    return np.concatenate(values, axis=at)


@kernel("ConcatV2")
def _concat_v2(call: KernelCall, *inputs: Array) -> Array:
    return _concatenate(inputs[:-1], inputs[-1])


@kernel("Concat")
def _concat(call: KernelCall, axis: Array, *values: Array) -> Array:
    return _concatenate(values, axis)


@lower("Concat", "ConcatV2")
def _concat_lower(op: Lowering) -> Value:
    last = op.node.op == "ConcatV2"
    values = op.inputs[:-1] if last else op.inputs[1:]
    axis = int(op.const(len(op.inputs) - 1 if last else 0).reshape(-1)[0])
    if len(values) == 1:
        return values[0]
    return op.emit("Concat", *values, axis=axis, shape=op.outputs[0].shape)


# Pack, Unpack


@infer("Pack")
def _pack_infer(call: InferCall) -> list[Out]:
    merged: Shape = None
    for info in call.inputs:
        if not shapes.compatible(merged, info.shape):
            raise InvalidArgumentError(
                f"Shapes of all inputs must match: {shapes.text(call.shape(0))} and {shapes.text(info.shape)} differ"
            )
        merged = shapes.merge(merged, info.shape)
    if merged is None:
        return [Out(None)]
    axis, rank = call.integer("axis"), len(merged) + 1
    at = axis_in(axis, rank, f"axis = {axis} not in [{-rank}, {rank})")
    dims = None
    if not merged and call.inputs[0].dtype.is_integer:
        dims = tuple(scalar_of(info) for info in call.inputs)
    return [Out((*merged[:at], len(call.inputs), *merged[at:]), dims=dims)]


@kernel("Pack")
def _pack(call: KernelCall, *values: Array) -> Array:
    first = values[0].shape
    for i, value in enumerate(values):
        if value.shape != first:
            raise InvalidArgumentError(
                f"Shapes of all inputs must match: values[0].shape = {shape_text(first)} "
                f"!= values[{i}].shape = {shape_text(value.shape)}"
            )
    axis, rank = call.integer("axis"), len(first) + 1
    at = axis_in(axis, rank, f"axis = {axis} not in [{-rank}, {rank})")
    return np.concatenate([np.expand_dims(v, at) for v in values], axis=at)


@lower("Pack")
def _pack_lower(op: Lowering) -> Value:
    axis, result = op.integer("axis"), op.outputs[0].shape
    if axis < 0:
        if result is None:
            op.cannot("an axis counted from the end of an unknown rank")
        axis += len(result)
    if len(op.inputs) > 1 and all(v.rank is None for v in op.inputs):
        op.cannot("inputs of unknown rank may differ in shape")
    single_shape = None if result is None else (*result[:axis], 1, *result[axis + 1 :])
    parts = []
    for value in op.inputs:
        if value.const is not None:
            parts.append(op.constant(np.expand_dims(value.const, axis), value.dtype))
        else:
            parts.append(op.emit("Unsqueeze", value, op.constant([axis], dtypes.int64), shape=single_shape))
    return parts[0] if len(parts) == 1 else op.emit("Concat", *parts, axis=axis, shape=result)


@infer("Unpack")
def _unpack_infer(call: InferCall) -> list[Out]:
    info, axis, count = call.inputs[0], call.integer("axis"), call.integer("num")
    if info.shape is None:
        return [Out(None)] * count
    rank = len(info.shape)
    at = axis_in(axis, rank, f"axis = {axis} not in [{-rank}, {rank})")
    if info.shape[at] not in (count, None):
        raise InvalidArgumentError(f"Input shape axis {at} must equal {count}, got shape {shapes.text(info.shape)}")
    rest = (*info.shape[:at], *info.shape[at + 1 :])
    known = info.known_dims
    if known is not None and rank == 1 and len(known) == count:
        return [Out(rest, dims=(d,)) for d in known]
    return [Out(rest)] * count


@kernel("Unpack")
def _unpack(call: KernelCall, x: Array) -> tuple[Array, ...]:
    axis, count = call.integer("axis"), call.integer("num")
    at = axis_in(axis, x.ndim, f"axis = {axis} not in [{-x.ndim}, {x.ndim})")
    if x.shape[at] != count:
        raise InvalidArgumentError(f"Input shape axis {at} must equal {count}, got shape {shape_text(x.shape)}")
    return tuple(np.squeeze(part, axis=at) for part in np.split(x, count, axis=at)) if count else ()


@lower("Unpack")
def _unpack_lower(op: Lowering) -> tuple[Value, ...]:
    x, count = op.inputs[0], op.integer("num")
    at = shapes.canonical_axis(op.integer("axis"), op.rank(0))
    if count == 0:
        op.cannot("no outputs")
    outs = [out.shape for out in op.outputs]
    kept = [None if s is None else (*s[:at], 1, *s[at:]) for s in outs]
    sizes = op.constant([1] * count, dtypes.int64)
    parts = op.emit_many("Split", (x, sizes), outputs=[x.dtype] * count, shapes=kept, axis=at)
    axes = op.constant([at], dtypes.int64)
    return tuple(op.emit("Squeeze", part, axes, shape=s) for part, s in zip(parts, outs, strict=True))
