"""Ops that ask for, change or fill a shape: Shape, Reshape, Squeeze, BroadcastTo, Tile, Transpose, Fill, …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.ops._arrays import (
    INT64_MAX,
    as_int64,
    axis_in,
    dims_of_vector,
    fail_if,
    product,
    scalar_of,
    shape_text,
    single,
    vector_length,
    zeros,
)
from noria.ops._tensor_list import TensorList
from noria.shapes import Dim, Shape

# Shape, ShapeN, Size, Rank


@infer("Shape", "ShapeN")
def _shape_infer(call: InferCall) -> list[Out]:
    return [Out((info.rank,), dims=info.shape) for info in call.inputs]


@kernel("Shape")
def _shape(call: KernelCall, x: Array) -> Array:
    return np.array(x.shape, dtype=call.output_dtype)


@kernel("ShapeN")
def _shape_n(call: KernelCall, *inputs: Array) -> tuple[Array, ...]:
    return tuple(np.array(x.shape, dtype=call.output_dtype) for x in inputs)


@lower("Shape")
def _shape_lower(op: Lowering) -> Value:
    return op.cast(op.shape_of(op.inputs[0]), op.dtype("out_type"))


@lower("ShapeN")
def _shape_n_lower(op: Lowering) -> tuple[Value, ...]:
    return tuple(op.cast(op.shape_of(x), op.dtype("out_type")) for x in op.inputs)


@infer("Size")
def _size_infer(call: InferCall) -> list[Out]:
    return [Out((), dims=(shapes.num_elements(call.shape(0)),))]


@kernel("Size")
def _size(call: KernelCall, x: Array) -> Array:
    return np.array(x.size, dtype=call.output_dtype)


@lower("Size")
def _size_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    known = shapes.num_elements(x.shape)
    if known is not None:
        return op.constant(known, op.dtype("out_type"))
    return op.cast(op.emit("Size", x, dtype=dtypes.int64, shape=()), op.dtype("out_type"))


@infer("Rank")
def _rank_infer(call: InferCall) -> list[Out]:
    return [Out((), dims=(call.inputs[0].rank,))]


@kernel("Rank")
def _rank(call: KernelCall, x: Array) -> Array:
    return np.array(x.ndim, dtype=np.int32)


@lower("Rank")
def _rank_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    if x.rank is not None:
        return op.constant(x.rank, dtypes.int32)
    return op.cast(op.emit("Size", op.shape_of(x), dtype=dtypes.int64, shape=()), dtypes.int32)


# Reshape


@infer("Reshape")
def _reshape_infer(call: InferCall) -> list[Out]:
    x, target = call.inputs
    if target.rank is not None and target.rank > 1:
        raise InvalidArgumentError(f"sizes input must be 1-D, not {shapes.text(target.shape)}")
    wanted = target.known_dims
    if wanted is None:
        return [Out(shapes.unknown(vector_length(target)))]
    _check_sizes(wanted)
    shape = _reshaped(x.shape, wanted)
    values = x.known_dims if len(wanted) <= 1 and x.rank is not None and x.rank <= 1 else None
    return [Out(shape, dims=values)]


def _check_sizes(wanted: Sequence[Dim]) -> None:
    for i, d in enumerate(wanted):
        if d == -1 and -1 in wanted[:i]:
            raise InvalidArgumentError(f"Only one input size may be -1, not both {wanted.index(-1)} and {i}")
        if d is not None and d < -1:
            raise InvalidArgumentError(f"Size {i} must be non-negative, not {d}")


def _reshaped(shape: Shape, wanted: Sequence[Dim]) -> Shape:
    """What is known of the shape after a reshape of ``shape`` to ``wanted``, where None is any number, -1 too.

    A single element that is not known follows from the others when the shape is static.
    """
    result: list[Dim] = [None if d == -1 else d for d in wanted]
    if result.count(None) != 1 or shape is None or None in shape:
        return tuple(result)
    at = result.index(None)
    if wanted[at] == -1 or 0 not in result:
        result[at] = _missing_size([d or 0 for d in shape], [d for d in result if d is not None])
    return tuple(result)


def _missing_size(shape: Sequence[int], others: Sequence[int]) -> int:
    """The size that -1 stands for. Where another size is 0, axes of size 0 do not count on either side."""
    zero = 0 in others
    total = product(d for d in shape if d or not zero) or 0
    rest = product(d for d in others if d) or 0
    if total % rest and not (zero and 0 in shape):
        raise InvalidArgumentError(
            f"Input to reshape is a tensor with {total} values, but the requested shape requires a multiple of {rest}"
        )
    return total // rest


@kernel("Reshape")
def _reshape(call: KernelCall, x: Array, shape: Array) -> Array:
    if shape.ndim > 1:
        raise InvalidArgumentError(f"sizes input must be 1-D, not {shape_text(shape.shape)}")
    wanted = [int(d) for d in shape.reshape(-1)]
    _check_sizes(wanted)
    if -1 in wanted:
        wanted[wanted.index(-1)] = _missing_size(x.shape, [d for d in wanted if d != -1])
    elements = product(wanted)
    if elements != x.size:
        raise InvalidArgumentError(
            f"Input to reshape is a tensor with {x.size} values, but the requested shape has {elements}"
        )
    return x.reshape(wanted)


@lower("Reshape")
def _reshape_lower(op: Lowering) -> Value:
    x, target = op.inputs
    result = op.outputs[0].shape
    if x.shape is not None and x.shape == result and shapes.is_static(result):
        return x
    wanted: tuple[Dim, ...] | None = target.dims
    if target.const is not None:
        wanted = tuple(int(d) for d in target.const.reshape(-1))
    if wanted is not None:
        # What inference knows replaces the shape vector, so that what computes it falls away. One element that only
        # the call knows becomes -1: the same number whenever the sizes agree at all.
        known = [r if d == -1 else d for d, r in zip(wanted, result or wanted, strict=True)]
        free = [i for i, d in enumerate(known) if d is None or d == -1]
        if len(free) <= 1 and (not free or 0 not in known):
            return op.reshape(x, [-1 if i in free else int(d or 0) for i, d in enumerate(known)])
        if 0 in known:
            op.cannot("a size of -1 beside a size of 0")
    if target.rank == 0:
        target = op.reshape(target, [1])
    return op.emit("Reshape", x, as_int64(op, target), allowzero=1, shape=result)


# ExpandDims, Squeeze


@infer("ExpandDims")
def _expand_dims_infer(call: InferCall) -> list[Out]:
    x, axis = call.shape(0), scalar_of(call.inputs[1])
    if vector_length(call.inputs[1]) not in (1, None):
        raise InvalidArgumentError("'dim' must be a tensor with a single value")
    if x is None:
        return [Out(None)]
    if axis is None:
        return [Out(shapes.unknown(len(x) + 1))]
    at = axis_in(axis, len(x) + 1, f"Tried to expand dim index {axis} for tensor with {len(x)} dimensions.")
    return [Out((*x[:at], 1, *x[at:]), dims=call.inputs[0].known_dims if len(x) == 0 else None)]


@kernel("ExpandDims")
def _expand_dims(call: KernelCall, x: Array, dim: Array) -> Array:
    axis = single(dim, "'dim'")
    at = axis_in(axis, x.ndim + 1, f"Tried to expand dim index {axis} for tensor with {x.ndim} dimensions.")
    return np.expand_dims(x, at)


@lower("ExpandDims")
def _expand_dims_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    axis = int(op.const(1).reshape(-1)[0])
    if x.const is not None:
        return op.constant(np.expand_dims(x.const, axis), x.dtype)
    return op.emit("Unsqueeze", x, op.constant([axis], dtypes.int64), shape=op.outputs[0].shape)


def _squeezed(shape: Sequence[Dim], axes: Sequence[int]) -> set[int]:
    """The axes of ``shape`` to drop, counted from the front; InvalidArgumentError where one is not 1."""
    rank = len(shape)
    if not axes:
        return {i for i, d in enumerate(shape) if d == 1}
    found = set()
    for axis in axes:
        at = axis_in(axis, rank, f"Tried to squeeze dim index {axis} for tensor with {rank} dimensions.")
        if shape[at] not in (1, None):
            raise InvalidArgumentError(f"Can not squeeze dim[{at}], expected a dimension of 1, got {shape[at]}")
        found.add(at)
    return found


@infer("Squeeze")
def _squeeze_infer(call: InferCall) -> list[Out]:
    x, axes = call.shape(0), call.integers("squeeze_dims")
    if x is None or (not axes and None in x):
        return [Out(None)]
    gone = _squeezed(x, axes)
    return [Out(tuple(d for i, d in enumerate(x) if i not in gone), dims=call.inputs[0].known_dims)]


@kernel("Squeeze")
def _squeeze(call: KernelCall, x: Array) -> Array:
    return np.squeeze(x, axis=tuple(_squeezed(x.shape, call.integers("squeeze_dims"))))


@lower("Squeeze")
def _squeeze_lower(op: Lowering) -> Value:
    x, axes = op.inputs[0], op.integers("squeeze_dims")
    if x.shape is not None and (axes or None not in x.shape):
        gone = sorted(_squeezed(x.shape, axes))
        if not gone:
            return x
        if x.const is not None:
            return op.constant(np.squeeze(x.const, axis=tuple(gone)), x.dtype)
        return op.emit("Squeeze", x, op.constant(gone, dtypes.int64), shape=op.outputs[0].shape)
    if not axes:
        return op.emit("Squeeze", x)
    if len({a < 0 for a in axes}) > 1:
        op.cannot("axes counted from both ends of an unknown rank")
    return op.emit("Squeeze", x, op.constant(sorted(set(axes)), dtypes.int64))


# BroadcastTo, BroadcastArgs, Tile


@infer("BroadcastTo")
def _broadcast_to_infer(call: InferCall) -> list[Shape]:
    target = dims_of_vector(call.inputs[1])
    x = call.shape(0)
    for d in call.inputs[1].known_dims or ():
        if d is not None and d < 0:
            raise InvalidArgumentError(f"Dimension {d} must be >= 0")
    if target is None or x is None:
        return [target]
    if len(x) > len(target):
        raise InvalidArgumentError(
            f"Rank of input ({len(x)}) must be no greater than rank of output shape ({len(target)})."
        )
    # A dimension of more than one element stays what it is.
    lead = len(target) - len(x)
    return [
        tuple(x[i - lead] if d is None and i >= lead and (x[i - lead] or 0) > 1 else d for i, d in enumerate(target))
    ]


@kernel("BroadcastTo")
def _broadcast_to(call: KernelCall, x: Array, shape: Array) -> Array:
    wanted = tuple(int(d) for d in shape.reshape(-1))
    for d in wanted:
        if d < 0:
            raise InvalidArgumentError(f"Dimension {d} must be >= 0")
    if x.ndim > len(wanted):
        raise InvalidArgumentError(
            f"Rank of input ({x.ndim}) must be no greater than rank of output shape ({len(wanted)})."
        )
    lead = len(wanted) - x.ndim
    if any(d not in (1, wanted[lead + i]) for i, d in enumerate(x.shape)):
        raise InvalidArgumentError(f"Incompatible shapes: {shape_text(x.shape)} vs. {shape_text(wanted)}")
    return np.broadcast_to(x, wanted)


@lower("BroadcastTo")
def _broadcast_to_lower(op: Lowering) -> Value:
    x, target = op.inputs
    result = op.outputs[0].shape
    if x.shape is None or result is None:
        op.cannot("an unknown rank")
    asked = target.dims if target.const is None else tuple(target.const.reshape(-1).tolist())
    asked = asked or (None,) * len(result)
    lead = len(result) - len(x.shape)
    # ONNX Expand lets the input stretch the result as well; TensorFlow refuses, so every axis must be known not to.
    for i, d in enumerate(x.shape):
        if d != 1 and (d is None or d != asked[lead + i]):
            op.cannot("a dimension of the input may differ from the one asked for")
    if shapes.is_static(asked):
        if x.shape == asked:
            return x
        wanted = op.constant(list(result), dtypes.int64)
    else:
        wanted = as_int64(op, target)
        bad = op.emit("Less", wanted, op.constant(0, dtypes.int64), dtype=dtypes.bool_)
        wanted = fail_if(op, bad, wanted)
    return op.emit("Expand", x, wanted, shape=result)


@infer("BroadcastArgs")
def _broadcast_args_infer(call: InferCall) -> list[Out]:
    a, b = call.inputs
    if a.known_dims is not None and b.known_dims is not None:
        dims = shapes.broadcast(a.known_dims, b.known_dims)
        return [Out((len(dims or ()),), dims=dims)]
    lengths = (vector_length(a), vector_length(b))
    if lengths[0] is None or lengths[1] is None:
        return [Out((None,))]
    return [Out((max(lengths[0], lengths[1]),))]


@kernel("BroadcastArgs")
def _broadcast_args(call: KernelCall, a: Array, b: Array) -> Array:
    rank = max(a.size, b.size)
    left = np.concatenate([np.ones(rank - a.size, a.dtype), a.reshape(-1)])
    right = np.concatenate([np.ones(rank - b.size, b.dtype), b.reshape(-1)])
    if np.any((left != right) & (left != 1) & (right != 1)):
        raise InvalidArgumentError(
            f"Incompatible shapes: {shape_text(a.tolist())} vs. {shape_text(b.tolist())}; "
            "each pair of sizes must be equal or hold a 1"
        )
    return np.where(left == 1, right, left).astype(call.output_dtype)


@infer("Tile")
def _tile_infer(call: InferCall) -> list[Shape]:
    x, times = call.shape(0), call.inputs[1].known_dims
    if x is None:
        return [shapes.unknown(vector_length(call.inputs[1]))]
    if times is None:
        return [shapes.unknown(len(x))]
    if len(times) != len(x):
        raise InvalidArgumentError(
            f"Expected multiples argument to be a vector of length {len(x)} but got length {len(times)}"
        )
    return [tuple(0 if 0 in (d, t) else product((d, t)) for d, t in zip(x, times, strict=True))]


@kernel("Tile")
def _tile(call: KernelCall, x: Array, multiples: Array) -> Array:
    if multiples.size != x.ndim or multiples.ndim != 1:
        raise InvalidArgumentError(
            f"Expected multiples argument to be a vector of length {x.ndim} but got length {multiples.size}"
        )
    for i, m in enumerate(multiples):
        if m < 0:
            raise InvalidArgumentError(f"Expected multiples[{i}] >= 0, but got {int(m)}")
    return np.tile(x, tuple(int(m) for m in multiples))


@lower("Tile")
def _tile_lower(op: Lowering) -> Value:
    x, times = op.inputs
    if op.rank(0) == 0 or (times.const is not None and bool((times.const == 1).all())):
        return x
    if times.const is not None and bool((times.const < 0).any()):
        op.cannot("the engine checks constant multiples before it runs, with an error of its own")
    shape = op.outputs[0].shape
    wide = op.widened("Tile", x.dtype)  # repeats are plain copies, so a wider dtype changes nothing
    return op.cast(op.emit("Tile", op.cast(x, wide), as_int64(op, times), shape=shape), x.dtype)


# Transpose


@infer("Transpose")
def _transpose_infer(call: InferCall) -> list[Shape]:
    x, perm = call.shape(0), call.inputs[1].known_dims
    if x is None:
        return [shapes.unknown(vector_length(call.inputs[1]))]
    if perm is None or None in perm:
        return [shapes.unknown(len(x))]
    return [tuple(x[p] for p in _permutation([p for p in perm if p is not None], len(x)))]


def _permutation(perm: Sequence[int], rank: int) -> list[int]:
    if len(perm) != rank:
        raise InvalidArgumentError(
            f"transpose expects a vector of size {rank}. But input(1) is a vector of size {len(perm)}"
        )
    axes = [axis_in(p, rank, f"{p} is out of range [0 .. {rank})") for p in perm]
    for i in range(rank):
        if i not in axes:
            raise InvalidArgumentError(f"{i} is missing from {{{','.join(map(str, perm))}}}.")
    return axes


@kernel("Transpose")
def _transpose(call: KernelCall, x: Array, perm: Array) -> Array:
    return x.transpose(_permutation([int(p) for p in perm.reshape(-1)], x.ndim))


@lower("Transpose")
def _transpose_lower(op: Lowering) -> Value:
    perm = op.const(1).reshape(-1)
    return op.transpose(op.inputs[0], _permutation([int(p) for p in perm], len(perm)))


# Fill, ZerosLike, OnesLike


@infer("Fill")
def _fill_infer(call: InferCall) -> list[Out]:
    shape = dims_of_vector(call.inputs[0])
    count = product(shape) if shape is not None else None
    value = scalar_of(call.inputs[1])
    values = (value,) * count if shape is not None and len(shape) <= 1 and count is not None and count <= 64 else None
    return [Out(shape, dims=values if value is not None else None)]


def fill_shape(dims: Array) -> tuple[int, ...]:
    """The shape that Fill's first input stands for; InvalidArgumentError for a negative size."""
    shape = tuple(int(d) for d in dims.reshape(-1))
    for d in shape:
        if d < 0:
            raise InvalidArgumentError(f"Dimension {d} must be >= 0")
    return shape


@kernel("Fill")
def _fill(call: KernelCall, dims: Array, value: Array) -> Array:
    result = np.empty(fill_shape(dims), dtype=call.output_dtype)
    result[...] = value.reshape(-1)[0]
    return result


@lower("Fill")
def _fill_lower(op: Lowering) -> Value:
    dims, value = op.inputs
    shape = op.outputs[0].shape
    if dims.rank == 0:
        dims = op.reshape(dims, [1])
    if value.rank != 0:
        value = op.reshape(value, [])
    wanted = op.constant(list(shape or ()), dtypes.int64) if shapes.is_static(shape) else as_int64(op, dims)
    return op.emit("Expand", value, wanted, shape=shape)  # a negative size makes the engine fail


@infer("ZerosLike", "OnesLike")
def _like_infer(call: InferCall) -> list[Out]:
    info = call.inputs[0]
    number = 1 if call.node.op == "OnesLike" else 0
    dims = None
    if info.shape is not None and len(info.shape) <= 1 and info.dtype.is_integer:
        count = product(info.shape)
        dims = (number,) * count if count is not None and count <= 64 else None
    return [Out(info.shape, dims=dims)]


@kernel("ZerosLike")
def _zeros_like(call: KernelCall, x: Any) -> Any:
    if isinstance(x, TensorList):
        return x.copy([None if item is None else _zeros_like(call, item) for item in x.items])
    return zeros(x.shape, x.dtype)


@kernel("OnesLike")
def _ones_like(call: KernelCall, x: Array) -> Array:
    return np.ones(x.shape, x.dtype)


@lower("ZerosLike", "OnesLike")
def _like_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    number = op.constant(1 if op.node.op == "OnesLike" else 0, x.dtype)
    return op.emit("Expand", number, op.shape_of(x), shape=x.shape)


# Range, LinSpace


def _range_size(start: float, limit: float, delta: float) -> int:
    """The number of elements of a range; InvalidArgumentError for those that TensorFlow refuses."""
    if delta == 0:
        raise InvalidArgumentError(f"Requires delta != 0: {delta}")
    if delta > 0 and not start <= limit:
        raise InvalidArgumentError(f"Requires start <= limit when delta > 0: {start}/{limit}")
    if delta < 0 and not start >= limit:
        raise InvalidArgumentError(f"Requires start >= limit when delta < 0: {start}/{limit}")
    if isinstance(start, int) and isinstance(limit, int) and isinstance(delta, int):
        return -(-abs(limit - start) // abs(delta))
    size = np.ceil(np.abs((np.float64(limit) - np.float64(start)) / np.float64(delta)))
    if not size <= INT64_MAX:
        raise InvalidArgumentError(f"Requires ((limit - start) / delta) <= {INT64_MAX}")
    return int(size)


@infer("Range")
def _range_infer(call: InferCall) -> list[Out]:
    start, limit, delta = (scalar_of(info) for info in call.inputs)
    if start is not None and limit is not None and delta is not None:
        size = _range_size(start, limit, delta)
        return [Out((size,), dims=tuple(range(start, limit, delta)) if size <= 64 else None)]
    values = [info.value for info in call.inputs]
    if call.inputs[0].dtype.is_floating and all(v is not None for v in values):
        return [Out((_range_size(*(float(v.reshape(-1)[0]) for v in values if v is not None)),))]
    return [Out((limit if start == 0 and delta == 1 else None,))]


@kernel("Range")
def _range(call: KernelCall, start: Array, limit: Array, delta: Array) -> Array:
    dtype = call.output_dtype
    first, end, step = (x.reshape(-1)[0].item() for x in (start, limit, delta))
    size = _range_size(first, end, step)
    if isinstance(first, int):
        numbers: Array = first + np.arange(size, dtype=np.int64) * step
        return numbers.astype(dtype)
    # Each element is start + i * delta, rounded after each operation.
    steps = np.arange(size, dtype=np.int64).astype(dtype) * delta.reshape(-1)[0]
    result: Array = (start.reshape(-1)[0] + steps).astype(dtype)
    return result


@lower("Range")
def _range_lower(op: Lowering) -> Value:
    start, limit, delta = op.inputs
    if start.dtype.is_floating:
        op.cannot("the engine adds floats up, TensorFlow multiplies")
    step = int(op.const(2).reshape(-1)[0])
    if step == 0:
        op.cannot("a step of 0 is an error")
    wide = op.widened("Range", start.dtype)
    scalars = [op.cast(v if v.rank == 0 else op.reshape(v, []), wide) for v in (start, limit, delta)]
    if scalars[0].const is None or scalars[1].const is None:
        ends = scalars[:2] if step > 0 else scalars[1::-1]
        bad = op.emit("Greater", *ends, dtype=dtypes.bool_, shape=())
        index = op.cast(bad, dtypes.int64)
        zero = op.emit("Gather", op.constant([0], wide), index, axis=0, shape=())
        scalars[1] = op.emit("Add", scalars[1], zero, shape=())
    return op.cast(op.emit("Range", *scalars, shape=op.outputs[0].shape), start.dtype)


@infer("LinSpace")
def _lin_space_infer(call: InferCall) -> list[Shape]:
    return [(scalar_of(call.inputs[2]),)]


@kernel("LinSpace")
def _lin_space(call: KernelCall, start: Array, stop: Array, num: Array) -> Array:
    count = single(num, "num")
    if count <= 0:
        raise InvalidArgumentError(f"Requires num > 0: {count}")
    dtype = call.output_dtype
    first, last = start.reshape(-1)[0], stop.reshape(-1)[0]
    if count == 1:
        return np.array([first], dtype=dtype)
    step = ((last - first) / dtype.type(count - 1)).astype(dtype)
    result: Array = (first + np.arange(count).astype(dtype) * step).astype(dtype)
    result[-1] = last
    return result
