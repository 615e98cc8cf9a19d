"""Reductions over axes (sums, means, extrema, norms, logic), positions of extrema, and running sums and products."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.ops._numeric import dims_text, in_float32, is_half, like, positive_dims, quiet, typed, where, wide
from noria.shapes import Dim, Shape

_REDUCTIONS = ("Sum", "Prod", "Mean", "Max", "Min", "All", "Any", "EuclideanNorm")


def _axes(axes: Array, rank: int) -> tuple[int, ...]:
    """The axes of a reduction counted from the front, in order; an axes tensor may have any shape."""
    found: list[int] = []
    for axis in axes.reshape(-1).tolist():
        if not -rank <= axis < rank:
            raise InvalidArgumentError(
                f"Invalid reduction dimension ({axis} for input with {rank} dimension(s)); "
                f"it must lie in [-{rank}, {rank})"
            )
        if axis % rank in found:
            raise InvalidArgumentError(f"Invalid reduction arguments: Axes contains duplicate dimension: {axis % rank}")
        found.append(axis % rank)
    return tuple(sorted(found))


def _reduced(shape: Sequence[Dim], axes: Sequence[int], keep: bool) -> tuple[Dim, ...]:
    return tuple(1 if i in axes else d for i, d in enumerate(shape) if keep or i not in axes)


_DIM_FUNCTIONS: Mapping[str, Callable[[Sequence[int]], int]] = {"Sum": sum, "Prod": math.prod, "Max": max, "Min": min}


def _total(call: InferCall) -> tuple[Dim, ...] | None:
    """What a reduction of a shape vector to one number gives."""
    function, known = _DIM_FUNCTIONS.get(call.node.op), call.inputs[0].known_dims
    if function is None or not known or call.inputs[0].rank != 1:
        return None
    if call.node.op == "Prod" and 0 in known:
        return (0,)
    exact = [d for d in known if d is not None]
    if len(exact) < len(known):
        return (None,)
    result = function(exact)
    return (result if abs(result) < 2 ** (call.inputs[0].dtype.bits - 1) else None,)


@infer(*_REDUCTIONS)
def _reduce_infer(call: InferCall) -> Sequence[Out]:
    shape, keep, axes = call.shape(0), call.flag("keep_dims"), call.inputs[1]
    if shape is None:
        return [Out(None)]
    if axes.value is not None:
        reduced = _axes(axes.value, len(shape))
        return [Out(_reduced(shape, reduced, keep), dims=_total(call) if reduced else call.inputs[0].known_dims)]
    if keep:
        return [Out((None,) * len(shape))]
    if axes.shape is None or None in axes.shape:
        return [Out(None)]
    count = math.prod(d for d in axes.shape if d is not None)
    return [Out((None,) * (len(shape) - count) if count <= len(shape) else None)]


# ---- kernels ----------------------------------------------------------------------------------------------------


def _sum(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    x = wide(x)
    return np.sum(x, axis=axes, keepdims=keep, dtype=x.dtype)


def _prod(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    x = wide(x)
    return np.prod(x, axis=axes, keepdims=keep, dtype=x.dtype)


def _mean(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    count = math.prod(x.shape[a] for a in axes)
    if x.dtype.kind not in "iu":
        return _sum(x, axes, keep) / np.array(count, wide(x).dtype)
    # Summed in 64 bits, divided toward zero; the mean of no integers is 0.
    total = np.sum(x, axis=axes, keepdims=keep, dtype=np.uint64 if x.dtype.kind == "u" else np.int64)
    divisor = np.array(max(count, 1), total.dtype)
    return (total - np.fmod(total, divisor)) // divisor


def _lowest(dtype: np.dtype[Any]) -> Any:
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def _highest(dtype: np.dtype[Any]) -> Any:
    return np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


def _max(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    x = wide(x)
    return np.max(x, axis=axes, keepdims=keep, initial=_lowest(x.dtype))


def _min(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    x = wide(x)
    return np.min(x, axis=axes, keepdims=keep, initial=_highest(x.dtype))


def _euclidean_norm(x: Array, axes: tuple[int, ...], keep: bool) -> Any:
    # Squares and their sum stay in the dtype: integers wrap, halves overflow.
    squares = x * np.conj(x) if x.dtype.kind == "c" else x * x
    total = _sum(squares, axes, keep)
    return np.sqrt(total.astype(x.dtype) if is_half(x.dtype) else total)


_KERNELS: Mapping[str, Callable[[Array, tuple[int, ...], bool], Any]] = {
    "Sum": _sum,
    "Prod": _prod,
    "Mean": _mean,
    "Max": _max,
    "Min": _min,
    "All": lambda x, axes, keep: np.all(x, axis=axes, keepdims=keep),
    "Any": lambda x, axes, keep: np.any(x, axis=axes, keepdims=keep),
    "EuclideanNorm": _euclidean_norm,
}


@kernel(*_REDUCTIONS)
@quiet
def _reduce(call: KernelCall, x: Array, axes: Array) -> Array:
    # No axes is no reduction, which is what NumPy takes an empty tuple for.
    return typed(_KERNELS[call.node.op](x, _axes(axes, x.ndim), call.flag("keep_dims")), call.output_dtype)


@infer("L2Loss")
def _l2_loss_infer(call: InferCall) -> Sequence[Shape]:
    return [()]


@kernel("L2Loss")
@quiet
def _l2_loss(call: KernelCall, x: Array) -> Array:
    x = wide(x)
    return typed(np.sum(x * x) / 2, call.output_dtype)


# ---- lowerings --------------------------------------------------------------------------------------------------


def _emit_reduction(op: Lowering, onnx_op: str, x: Value, axes: Sequence[int] | None, *, keep: bool) -> Value:
    inputs = [x] if axes is None else [x, op.constant(list(axes), dtypes.int64)]
    return op.emit(onnx_op, *inputs, keepdims=int(keep), shape=op.outputs[0].shape)


def _lowered_axes(op: Lowering) -> tuple[tuple[int, ...], bool]:
    axes = _axes(op.const(1), op.rank(0))
    return axes, op.flag("keep_dims")


def _exact_sum(op: Lowering, x: Value, axes: Sequence[int], *, keep: bool) -> Value:
    """The sum of integers as int64, modulo 2**64.

    The engine sums integers in float64, so 64-bit numbers are summed as two halves of 32 bits.
    """
    if x.dtype.bits < 64:
        return _emit_reduction(op, "ReduceSum", op.cast(x, dtypes.int64), axes, keep=keep)
    x = op.cast(x, dtypes.int64)
    base = op.constant(2**32, dtypes.int64)
    low = op.emit("BitwiseAnd", x, op.constant(2**32 - 1, dtypes.int64), shape=x.shape)
    high = op.emit("Div", op.emit("Sub", x, low, shape=x.shape), base, shape=x.shape)
    low_sum, high_sum = (_emit_reduction(op, "ReduceSum", v, axes, keep=keep) for v in (low, high))
    shape = low_sum.shape
    return op.emit("Add", low_sum, op.emit("Mul", high_sum, base, shape=shape), shape=shape)


@lower("Sum")
def _sum_lower(op: Lowering) -> Value:
    (axes, keep), (x, _) = _lowered_axes(op), op.inputs
    if not axes:
        return x
    if x.dtype.is_integer:
        return op.cast(_exact_sum(op, x, axes, keep=keep), x.dtype)
    return op.cast(_emit_reduction(op, "ReduceSum", in_float32(op, x), axes, keep=keep), x.dtype)


_MOST_FACTORS = 8


@lower("Prod")
def _prod_lower(op: Lowering) -> Value:
    (axes, keep), (x, _) = _lowered_axes(op), op.inputs
    if not axes:
        return x
    if not x.dtype.is_integer:
        return op.cast(_emit_reduction(op, "ReduceProd", in_float32(op, x), axes, keep=keep), x.dtype)
    # The engine multiplies integers in float64. Most are the few elements of a shape: multiply those one by one.
    count = (x.shape or ())[axes[0]]
    if len(axes) > 1 or not count or count > _MOST_FACTORS:
        op.cannot("the engine's product of many integers is not exact")
    factors = [
        op.emit("Gather", x, op.constant([i] if keep else i, dtypes.int64), axis=axes[0], shape=op.outputs[0].shape)
        for i in range(count)
    ]
    product = factors[0]
    for factor in factors[1:]:
        product = op.emit("Mul", product, factor, shape=op.outputs[0].shape)
    return product


@lower("Mean")
def _mean_lower(op: Lowering) -> Value:
    (axes, keep), (x, _) = _lowered_axes(op), op.inputs
    if not axes:
        return x
    if positive_dims(x.shape, axes):
        if x.dtype.is_floating:
            return op.cast(_emit_reduction(op, "ReduceMean", in_float32(op, x), axes, keep=keep), x.dtype)
        if x.dtype is dtypes.uint64:
            op.cannot("sums of uint64 do not fit int64")
        total = _exact_sum(op, x, axes, keep=keep)
        count = math.prod((x.shape or ())[a] or 1 for a in axes)
        return op.cast(op.emit("Div", total, op.constant(count, dtypes.int64), shape=total.shape), x.dtype)
    if not x.dtype.is_floating:
        op.cannot("an integer mean over what may be empty")
    # The engine's mean of nothing is 0, TensorFlow's is NaN: divide the sum by the size as it turns out.
    total = _emit_reduction(op, "ReduceSum", in_float32(op, x), axes, keep=keep)
    sizes = op.emit("Gather", op.shape_of(x), op.constant(list(axes), dtypes.int64))
    count_value = op.cast(op.emit("ReduceProd", sizes, keepdims=0, shape=()), total.dtype)
    return op.cast(op.emit("Div", total, count_value, shape=total.shape), x.dtype)


@lower("Max", "Min")
def _max_lower(op: Lowering) -> Value:
    (axes, keep), (x, _) = _lowered_axes(op), op.inputs
    if not axes:
        return x
    onnx_op = f"Reduce{op.node.op}"
    if not x.dtype.is_floating:
        through = op.widened(onnx_op, x.dtype)
        if through is not x.dtype and not positive_dims(x.shape, axes):
            op.cannot("the extremum of nothing depends on the dtype")
        return op.cast(_emit_reduction(op, onnx_op, op.cast(x, through), axes, keep=keep), x.dtype)
    # The engine's extrema pass over NaN, TensorFlow's do not; the sum of magnitudes is NaN just where one is.
    through_float = in_float32(op, x)
    extremum = _emit_reduction(op, onnx_op, through_float, axes, keep=keep)
    magnitude = _emit_reduction(op, "ReduceL1", through_float, axes, keep=keep)
    is_nan = op.emit("IsNaN", magnitude, dtype=dtypes.bool_, shape=magnitude.shape)
    return op.cast(where(op, is_nan, magnitude, extremum, shape=extremum.shape), x.dtype)


@lower("All", "Any")
def _all_lower(op: Lowering) -> Value:
    (axes, keep), (x, _) = _lowered_axes(op), op.inputs
    if not axes:
        return x
    # Compared, not cast: over nothing the engine gives the extremes of int32.
    numbers = op.cast(x, dtypes.int32)
    result = _emit_reduction(op, "ReduceMin" if op.node.op == "All" else "ReduceMax", numbers, axes, keep=keep)
    return op.emit("Greater", result, op.constant(0, dtypes.int32), dtype=dtypes.bool_, shape=result.shape)


@lower("EuclideanNorm")
def _euclidean_norm_lower(op: Lowering) -> Value:
    (axes, keep), (x, _) = _lowered_axes(op), op.inputs
    if x.dtype not in (dtypes.float32, dtypes.float64):
        op.cannot("squares overflow in the dtype itself")
    square = op.emit("Mul", x, x, shape=x.shape)
    total = _emit_reduction(op, "ReduceSum", square, axes, keep=keep) if axes else square
    return op.emit("Sqrt", total, shape=total.shape)


@lower("L2Loss")
def _l2_loss_lower(op: Lowering) -> Value:
    x = in_float32(op, op.inputs[0])
    total = _emit_reduction(op, "ReduceSumSquare", x, None, keep=False)
    return op.cast(op.emit("Mul", total, like(op, 0.5, total), shape=()), op.inputs[0].dtype)


# ---- positions of extrema ---------------------------------------------------------------------------------------


def _position_axis(axis: Array, rank: int) -> int:
    if axis.ndim:
        raise InvalidArgumentError(f"dim must be a scalar, but received tensor of shape: {dims_text(axis.shape)}")
    if not -rank <= int(axis) < rank:
        raise InvalidArgumentError(f"Expected dimension in the range [{-rank}, {rank}), but got {int(axis)}")
    return int(axis) % rank


@infer("ArgMax", "ArgMin")
def _arg_max_infer(call: InferCall) -> Sequence[Shape]:
    shape, axis = call.shape(0), call.inputs[1].value
    if shape is None:
        return [None]
    if axis is None:
        return [(None,) * max(len(shape) - 1, 0)]
    return [_reduced(shape, (_position_axis(axis, len(shape)),), False)]


@kernel("ArgMax", "ArgMin")
def _arg_max(call: KernelCall, x: Array, axis: Array) -> Array:
    place = _position_axis(axis, x.ndim)
    if not x.shape[place]:
        raise InvalidArgumentError(f"Reduction axis {place} is empty in shape {dims_text(x.shape)}")
    greatest = call.node.op == "ArgMax"
    x = wide(x)
    if x.dtype.kind == "f":
        # TensorFlow passes over NaN; where all are NaN the answer is the first.
        x = np.where(np.isnan(x), np.array(-np.inf if greatest else np.inf, x.dtype), x)
    return typed((np.argmax if greatest else np.argmin)(x, axis=place), call.output_dtype)


@lower("ArgMax", "ArgMin")
def _arg_max_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    axis = _position_axis(op.const(1), op.rank(0))
    if x.dtype.is_floating:
        x = in_float32(op, x)
        nan = op.emit("IsNaN", x, dtype=dtypes.bool_, shape=x.shape)
        x = where(op, nan, like(op, -math.inf if op.node.op == "ArgMax" else math.inf, x), x, shape=x.shape)
    else:
        x = op.cast(x, op.widened(op.node.op, x.dtype))
    found = op.emit(op.node.op, x, dtype=dtypes.int64, axis=axis, keepdims=0, shape=op.outputs[0].shape)
    return op.cast(found, op.node.output_dtypes[0])


# ---- running sums and products ----------------------------------------------------------------------------------


@infer("Cumsum", "Cumprod")
def _scan_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


def _scan_axis(axis: Array, rank: int) -> int:
    if axis.ndim:
        raise InvalidArgumentError(f"ScanOp: axis must be a scalar, not {dims_text(axis.shape)}")
    if not -rank <= int(axis) < rank:
        raise InvalidArgumentError(f"ScanOp: Expected scan axis in the range [{-rank}, {rank}), but got {int(axis)}")
    return int(axis) % rank


@kernel("Cumsum", "Cumprod")
@quiet
def _scan(call: KernelCall, x: Array, axis: Array) -> Array:
    # Halves accumulate in their own precision, step by step, as TensorFlow's do.
    function: np.ufunc = np.add if call.node.op == "Cumsum" else np.multiply
    lines = np.moveaxis(x, _scan_axis(axis, x.ndim), -1)
    if call.flag("reverse"):
        lines = lines[..., ::-1]
    total = function.accumulate(lines, axis=-1, dtype=x.dtype) if lines.size else lines.copy()
    if call.flag("exclusive"):
        start = np.full((*lines.shape[:-1], 1), function.identity).astype(x.dtype)
        total = np.concatenate([start, total[..., :-1]], axis=-1) if lines.shape[-1] else total
    if call.flag("reverse"):
        total = total[..., ::-1]
    return typed(np.moveaxis(total, -1, _scan_axis(axis, x.ndim)), call.output_dtype)


@lower("Cumsum")
def _cumsum_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    if x.dtype in (dtypes.float16, dtypes.bfloat16):
        op.cannot("running sums of half precision round at every step")
    axis = op.constant(_scan_axis(op.const(1), op.rank(0)), dtypes.int64)
    through = op.widened("CumSum", x.dtype)
    exclusive, reverse = int(op.flag("exclusive")), int(op.flag("reverse"))
    total = op.emit("CumSum", op.cast(x, through), axis, shape=x.shape, exclusive=exclusive, reverse=reverse)
    return op.cast(total, x.dtype)
