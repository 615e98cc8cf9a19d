"""Ops that order, number or compare elements: Unique, ListDiff, InvertPermutation, Bucketize, ReverseSequence."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._arrays import as_int64, shape_text
from noria.shapes import Shape

_UNIQUE = ("Unique", "UniqueWithCounts")
_UNIQUE_V2 = ("UniqueV2", "UniqueWithCountsV2")

# Unique


@infer(*_UNIQUE)
def _unique_infer(call: InferCall) -> list[Shape]:
    if call.inputs[0].rank not in (1, None):
        raise InvalidArgumentError("unique expects a 1D vector.")
    x = call.shape(0)
    found: list[Shape] = [(None,), (None if x is None else x[0],), (None,)]
    return found[: len(call.node.output_dtypes)]


@infer(*_UNIQUE_V2)
def _unique_v2_infer(call: InferCall) -> list[Shape]:
    rank = call.inputs[0].rank
    found: list[Shape] = [shapes.unknown(rank), (None,), (None,)]
    return found[: len(call.node.output_dtypes)]


def _number(values: Array) -> tuple[Array, Array]:
    """Positions of first occurrences in order, and for each element the number of its first occurrence.

    values: a vector, or rows [n, width] that are compared whole. Every NaN is a value of its own.
    """
    if values.ndim == 1 and not values.dtype.hasobject:
        plain = values.astype(np.float32) if values.dtype.kind == "V" else values
        _, first, inverse = np.unique(plain, return_index=True, return_inverse=True, equal_nan=False)
        order = np.argsort(first, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        return first[order], rank[inverse.reshape(-1)]
    seen: dict[Any, int] = {}
    firsts: list[int] = []
    numbers = np.empty(values.shape[0], np.int64)
    for i, value in enumerate(values.tolist()):
        key = tuple(value) if isinstance(value, list) else value
        number = seen.setdefault(key, len(firsts))
        if number == len(firsts):
            firsts.append(i)
        numbers[i] = number
    return np.array(firsts, np.int64), numbers


def _unique_outputs(call: KernelCall, values: Array, first: Array, numbers: Array) -> tuple[Array, ...]:
    index = call.node.output_dtypes[1].numpy
    if len(call.node.output_dtypes) == 2:
        return values, numbers.astype(index)
    return values, numbers.astype(index), np.bincount(numbers, minlength=first.size).astype(index)


@kernel(*_UNIQUE)
def _unique(call: KernelCall, x: Array) -> tuple[Array, ...]:
    if x.ndim != 1:
        raise InvalidArgumentError("unique expects a 1D vector.")
    first, numbers = _number(x)
    return _unique_outputs(call, x[first], first, numbers)


@kernel(*_UNIQUE_V2)
def _unique_v2(call: KernelCall, x: Array, axis: Array) -> tuple[Array, ...]:
    if axis.size > 1:
        raise InvalidArgumentError("axis does not support input tensors larger than 1 elements")
    if axis.size == 0:
        if x.ndim != 1:
            raise InvalidArgumentError("unique expects a 1D vector.")
        axis = np.zeros(1, np.int64)
    wanted = int(axis.reshape(-1)[0])
    if not -x.ndim <= wanted < x.ndim:
        raise InvalidArgumentError(f"axis has to be between [0, {x.ndim})")
    rows = np.moveaxis(x, wanted, 0).reshape((x.shape[wanted], -1)) if x.size else np.zeros((x.shape[wanted], 0))
    first, numbers = _number(x if x.ndim == 1 else rows)
    return _unique_outputs(call, np.take(x, first, axis=wanted), first, numbers)


# ListDiff, InvertPermutation


@infer("ListDiff")
def _list_diff_infer(call: InferCall) -> list[Shape]:
    return [(None,), (None,)]


@kernel("ListDiff")
def _list_diff(call: KernelCall, x: Array, y: Array) -> tuple[Array, Array]:
    for name, value in (("x", x), ("y", y)):
        if value.ndim != 1:
            raise InvalidArgumentError(f"{name} should be a 1D vector.")
    left = x.astype(np.float32) if x.dtype.kind == "V" else x
    if x.dtype.hasobject:
        unwanted = set(y.tolist())
        kept = np.array([v not in unwanted for v in x.tolist()], np.bool_)
    else:
        kept = ~np.isin(left, y.astype(left.dtype))
    places = np.flatnonzero(kept)
    return x[places], places.astype(call.node.output_dtypes[1].numpy)


@infer("InvertPermutation")
def _invert_permutation_infer(call: InferCall) -> list[Shape]:
    if call.inputs[0].rank not in (1, None):
        raise InvalidArgumentError("invert_permutation expects a 1D vector.")
    return [call.shape(0) or (None,)]


@kernel("InvertPermutation")
def _invert_permutation(call: KernelCall, x: Array) -> Array:
    if x.ndim != 1:
        raise InvalidArgumentError("invert_permutation expects a 1D vector.")
    for value in x[(x < 0) | (x >= x.size)][:1]:
        raise InvalidArgumentError(f"{int(value)} is not between 0 and {x.size}")
    counts = np.bincount(x, minlength=x.size)
    for value in np.flatnonzero(counts > 1)[:1]:
        raise InvalidArgumentError(f"{int(value)} is duplicated in the input.")
    result = np.empty_like(x)
    result[x] = np.arange(x.size, dtype=x.dtype)
    return result


# Bucketize


def _boundaries(call: InferCall | KernelCall | Lowering) -> Array:
    found = np.array(call.attr("boundaries"), np.float32)
    if (found[1:] < found[:-1]).any():
        raise InvalidArgumentError("Expected sorted boundaries")
    return found


@infer("Bucketize")
def _bucketize_infer(call: InferCall) -> list[Shape]:
    _boundaries(call)
    return [call.shape(0)]


@kernel("Bucketize")
def _bucketize(call: KernelCall, x: Array) -> Array:
    """The number of boundaries that are not above each element: all of them for NaN."""
    wide = x if x.dtype == np.float64 else x.astype(np.float32)
    places = np.searchsorted(_boundaries(call).astype(wide.dtype), wide, side="right")
    return np.asarray(places, np.int32)


@lower("Bucketize")
def _bucketize_lower(op: Lowering) -> Value:
    x, found = op.inputs[0], _boundaries(op)
    if not found.size:
        op.cannot("no boundaries")
    wide = dtypes.float64 if x.dtype is dtypes.float64 else dtypes.float32
    spread = op.unsqueeze(op.cast(x, wide), [-1])
    shape = None if x.shape is None else (*x.shape, found.size)
    above = op.emit("Less", spread, op.constant(found.astype(wide.numpy), wide), dtype=dtypes.bool_, shape=shape)
    below = op.cast(op.emit("Not", above, shape=shape), dtypes.float32)
    # A product with ones counts; the engine's ReduceSum keeps the axis of an empty tensor, and its MatMul refuses to
    # multiply one by a vector.
    ones = op.constant(np.ones((found.size, 1), np.float32), dtypes.float32)
    return op.cast(op.squeeze(op.emit("MatMul", below, ones), [-1]), dtypes.int32)


# ReverseSequence


def _check_reverse_sequence(rank: int, batch: int, seq: int) -> None:
    for name, axis in (("batch_dim", batch), ("seq_dim", seq)):
        if axis < 0:
            raise InvalidArgumentError(f"Invalid {name} {axis}")
        if axis >= rank:
            raise InvalidArgumentError(f"{name} must be < input rank ( {axis} vs. {rank})")
    if batch == seq:
        raise InvalidArgumentError(f"batch_dim == seq_dim == {batch}")


@infer("ReverseSequence")
def _reverse_sequence_infer(call: InferCall) -> list[Shape]:
    x = call.shape(0)
    if x is not None:
        _check_reverse_sequence(len(x), call.integer("batch_dim"), call.integer("seq_dim"))
    return [x]


@kernel("ReverseSequence")
def _reverse_sequence(call: KernelCall, x: Array, lengths: Array) -> Array:
    batch, seq = call.integer("batch_dim"), call.integer("seq_dim")
    _check_reverse_sequence(x.ndim, batch, seq)
    if lengths.shape != (x.shape[batch],):
        raise InvalidArgumentError(
            f"Length of seq_lengths != input.dims({batch}), ({shape_text(lengths.shape)} vs. {x.shape[batch]})"
        )
    for i, n in enumerate(lengths.tolist()):
        if n < 0:
            raise InvalidArgumentError(f"seq_lens({i}) < 0")
        if n > x.shape[seq]:
            raise InvalidArgumentError(f"seq_lens({i}) > input.dims({seq})")
    places = np.arange(x.shape[seq])
    order = np.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)  # [batch, sequence]
    if batch > seq:
        order = order.T
    shape = [1] * x.ndim
    shape[batch], shape[seq] = x.shape[batch], x.shape[seq]
    return np.take_along_axis(x, order.reshape(shape), axis=seq)


@lower("ReverseSequence")
def _reverse_sequence_lower(op: Lowering) -> Value:
    batch, seq = op.integer("batch_dim"), op.integer("seq_dim")
    if {batch, seq} != {0, 1} or op.rank(0) < 2:
        op.cannot("the engine reverses along the first two axes only")
    lengths = as_int64(op, op.inputs[1])
    return op.emit("ReverseSequence", op.inputs[0], lengths, batch_axis=batch, time_axis=seq, shape=op.inputs[0].shape)
