"""Arithmetic of two tensors and more, broadcasting: sums, quotients and remainders, powers, bits, clipping."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InternalError, InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, LowerRule, Out, Value, infer, kernel, lower
from noria.ops._numeric import (
    binary_kernel,
    broadcast_dims,
    dims_text,
    in_float32,
    like,
    quiet,
    scalar_const,
    typed,
    where,
    wide,
    widened_emit,
    widened_test,
)
from noria.ops._tensor_list import TensorList, added
from noria.shapes import Shape

# Op → its result for two elements of a shape; None where it has none.
_DIM_FUNCTIONS: Mapping[str, Callable[[int, int], int | None]] = {
    "Add": operator.add,
    "AddV2": operator.add,
    "Sub": operator.sub,
    "Mul": operator.mul,
    "Div": lambda x, y: _truncated(x, y) if y else None,
    "TruncateDiv": lambda x, y: _truncated(x, y) if y else None,
    "FloorDiv": lambda x, y: x // y if y else None,
    "FloorMod": lambda x, y: x % y if y else None,
    "Maximum": max,
    "Minimum": min,
}


def _truncated(x: int, y: int) -> int:
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


@infer(
    "Add", "AddV2", "Sub", "Mul", "RealDiv", "Div", "FloorDiv", "FloorMod", "Mod", "TruncateDiv", "TruncateMod", "Pow",
    "Maximum", "Minimum", "SquaredDifference", "DivNoNan", "MulNoNan", "Xdivy", "Xlogy", "Atan2",
    "BitwiseAnd", "BitwiseOr", "BitwiseXor", "LeftShift", "RightShift",
)  # fmt: skip
def _broadcast_infer(call: InferCall) -> Sequence[Out]:
    shape = shapes.broadcast(call.shape(0), call.shape(1))
    function = _DIM_FUNCTIONS.get(call.node.op)
    return [Out(shape, dims=broadcast_dims(call, function) if function else None)]


# ---- sums, products, extrema, bits ------------------------------------------------------------------------------


def _squared_difference(x: Array, y: Array) -> Any:
    difference = x - y
    return np.conj(difference) * difference


# Op → its definition over NumPy, and the ONNX op that is the same function.
_FUNCTIONS: Mapping[str, tuple[Callable[[Array, Array], Any], str | None]] = {
    "Add": (np.add, "Add"),
    "AddV2": (np.add, "Add"),
    "Sub": (np.subtract, "Sub"),
    "Mul": (np.multiply, "Mul"),
    "RealDiv": (np.true_divide, "Div"),
    "Maximum": (np.maximum, "Max"),
    "Minimum": (np.minimum, "Min"),
    "SquaredDifference": (_squared_difference, None),
    "BitwiseAnd": (np.bitwise_and, "BitwiseAnd"),
    "BitwiseOr": (np.bitwise_or, "BitwiseOr"),
    "BitwiseXor": (np.bitwise_xor, "BitwiseXor"),
    "Atan2": (np.arctan2, None),
}


def _same(onnx_op: str) -> LowerRule:
    def rule(op: Lowering) -> Value:
        x, y = op.inputs
        if x.dtype is dtypes.string:
            op.cannot("strings are added on the host")
        return widened_emit(op, onnx_op, x, y, shape=op.outputs[0].shape)

    return rule


for _op, (_function, _onnx_op) in _FUNCTIONS.items():
    kernel(_op)(binary_kernel(_function))
    if _onnx_op is not None:
        lower(_op)(_same(_onnx_op))


@lower("SquaredDifference")
def _squared_difference_lower(op: Lowering) -> Value:
    shape = op.outputs[0].shape
    difference = widened_emit(op, "Sub", *op.inputs, shape=shape)
    return widened_emit(op, "Mul", difference, difference, shape=shape)


infer("Invert")(lambda call: [call.shape(0)])


@kernel("Invert")
def _invert(call: KernelCall, x: Array) -> Array:
    return typed(np.invert(x), call.output_dtype)


@lower("Invert")
def _invert_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return widened_emit(op, "BitwiseNot", x, shape=x.shape)


def _shift_amount(y: Array) -> Array:
    return np.clip(y, 0, y.dtype.itemsize * 8 - 1).astype(y.dtype)  # TensorFlow clamps the amount to the width


kernel("LeftShift")(binary_kernel(lambda x, y: np.left_shift(x, _shift_amount(y))))
kernel("RightShift")(binary_kernel(lambda x, y: np.right_shift(x, _shift_amount(y))))


@lower("LeftShift")
def _left_shift_lower(op: Lowering) -> Value:
    # ONNX shifts unsigned numbers only; a shift by a constant is a product modulo 2**bits.
    amount = _shift_amount(op.const(1))
    factor = op.constant(np.left_shift(np.ones_like(amount), amount), op.inputs[1].dtype)
    return widened_emit(op, "Mul", op.inputs[0], factor, shape=op.outputs[0].shape)


# ---- quotients and remainders -----------------------------------------------------------------------------------


def _check_divisor(y: Array, error: Callable[[], Exception]) -> None:
    if y.dtype.kind in "iu" and not np.all(y):
        raise error()


def _division_by_zero() -> Exception:
    return InvalidArgumentError("Integer division by zero")


def _unexpected_zero() -> Exception:
    # TruncateDiv and TruncateMod report a zero divisor so; the code is TensorFlow's, hence INTERNAL.
    return InternalError(
        "Unexpected error in binary operator (only integer div and mod should have errors): integer division by zero"
    )


def _floor_div(x: Array, y: Array) -> Any:
    _check_divisor(y, _division_by_zero)
    return np.floor_divide(x, y) if y.dtype.kind in "iu" else np.floor(x / y)


def _floor_mod(x: Array, y: Array) -> Any:
    _check_divisor(y, _division_by_zero)
    if y.dtype.kind in "iu":
        return np.remainder(x, y)
    rest = np.fmod(x, y)
    return np.where((rest != 0) & ((y < 0) != (rest < 0)), rest + y, rest)


def _truncate_int(x: Array, y: Array) -> Any:
    return np.floor_divide(x - np.fmod(x, y), y)


def _div(x: Array, y: Array) -> Any:
    _check_divisor(y, _division_by_zero)
    return _truncate_int(x, y) if y.dtype.kind in "iu" else x / y


def _truncate_div(x: Array, y: Array) -> Any:
    _check_divisor(y, _unexpected_zero)
    return _truncate_int(x, y) if y.dtype.kind in "iu" else np.trunc(x / y)


def _truncate_mod(x: Array, y: Array) -> Any:
    _check_divisor(y, _unexpected_zero)
    return np.fmod(x, y)


kernel("FloorDiv")(binary_kernel(_floor_div))
kernel("FloorMod")(binary_kernel(_floor_mod))
kernel("Div")(binary_kernel(_div))
kernel("TruncateDiv")(binary_kernel(_truncate_div))
kernel("TruncateMod", "Mod")(binary_kernel(_truncate_mod))


def _safe_divisor(op: Lowering) -> Array:
    """The constant integer divisor, none of it 0 or -1: the engine's process dies of those (x/0, INT_MIN/-1)."""
    divisor = op.const(1)
    if np.any(divisor == 0) or (divisor.dtype.kind == "i" and np.any(divisor == -1)):
        op.cannot("an integer divisor of 0 or -1 would end the engine's process")
    return divisor


@lower("Div")
def _div_lower(op: Lowering) -> Value:
    if op.inputs[0].dtype.is_integer:
        _safe_divisor(op)
    return widened_emit(op, "Div", *op.inputs, shape=op.outputs[0].shape)


@lower("TruncateDiv")
def _truncate_div_lower(op: Lowering) -> Value:
    if not op.inputs[0].dtype.is_integer:
        op.cannot("ONNX has no truncation of floats")
    _safe_divisor(op)
    return widened_emit(op, "Div", *op.inputs, shape=op.outputs[0].shape)


@lower("FloorDiv")
def _floor_div_lower(op: Lowering) -> Value:
    x, y = op.inputs
    shape = op.outputs[0].shape
    if not x.dtype.is_integer:
        return widened_emit(op, "Floor", widened_emit(op, "Div", x, y, shape=shape), shape=shape)
    divisor = _safe_divisor(op)
    quotient = widened_emit(op, "Div", x, y, shape=shape)
    if x.dtype.name.startswith("uint"):
        return quotient
    positive = bool(np.all(divisor > 0))
    if not positive and not np.all(divisor < 0):
        op.cannot("divisors of both signs")
    # The engine truncates toward zero: one less where that went up.
    back = widened_emit(op, "Mul", quotient, y, shape=shape)
    over = widened_test(op, "Less", *((x, back) if positive else (back, x)), shape=shape)
    return widened_emit(op, "Sub", quotient, op.cast(over, x.dtype), shape=shape)


@lower("FloorMod")
def _floor_mod_lower(op: Lowering) -> Value:
    x, y = op.inputs
    shape = op.outputs[0].shape
    if x.dtype.is_integer:
        _safe_divisor(op)
        return widened_emit(op, "Mod", x, y, shape=shape, fmod=0)
    x, y = in_float32(op, x), in_float32(op, y)
    rest = op.emit("Mod", x, y, shape=shape, fmod=1)
    zero = like(op, 0, x)
    signs = [op.emit("Less", v, zero, dtype=dtypes.bool_) for v in (y, rest)]
    some = op.emit("Not", op.emit("Equal", rest, zero, dtype=dtypes.bool_), shape=shape)
    wrong = op.emit("And", some, op.emit("Xor", *signs), shape=shape)
    return op.cast(where(op, wrong, op.emit("Add", rest, y, shape=shape), rest, shape=shape), op.inputs[0].dtype)


@lower("TruncateMod", "Mod")
def _truncate_mod_lower(op: Lowering) -> Value:
    (x, y), shape = op.inputs, op.outputs[0].shape
    if not x.dtype.is_integer:
        return widened_emit(op, "Mod", x, y, shape=shape, fmod=1)
    _safe_divisor(op)  # and the engine's fmod of integers goes through double, which 64 bits do not fit
    back = widened_emit(op, "Mul", widened_emit(op, "Div", x, y, shape=shape), y, shape=shape)
    return widened_emit(op, "Sub", x, back, shape=shape)


# ---- quotients and products that are 0 where a factor is --------------------------------------------------------


def _zero_where(zero: Array, value: Any) -> Any:
    return np.where(zero == 0, np.zeros((), zero.dtype), value)


kernel("DivNoNan")(binary_kernel(lambda x, y: _zero_where(y, x / y)))
kernel("MulNoNan")(binary_kernel(lambda x, y: _zero_where(y, x * y)))
kernel("Xdivy")(binary_kernel(lambda x, y: _zero_where(x, wide(x) / wide(y))))
kernel("Xlogy")(binary_kernel(lambda x, y: _zero_where(x, wide(x) * np.log(wide(y)))))


@lower("DivNoNan", "MulNoNan", "Xdivy", "Xlogy")
def _no_nan_lower(op: Lowering) -> Value:
    x, y = (in_float32(op, v) for v in op.inputs)
    shape = op.outputs[0].shape
    kind = op.node.op
    right = op.emit("Log", y, shape=y.shape) if kind == "Xlogy" else y
    value = op.emit("Mul" if kind in ("MulNoNan", "Xlogy") else "Div", x, right, shape=shape)
    zero = like(op, 0, x)
    decides = x if kind in ("Xdivy", "Xlogy") else y
    is_zero = op.emit("Equal", decides, zero, dtype=dtypes.bool_, shape=decides.shape)
    return op.cast(where(op, is_zero, zero, value, shape=shape), op.inputs[0].dtype)


# ---- powers -----------------------------------------------------------------------------------------------------


def _pow(x: Array, y: Array) -> Any:
    if y.dtype.kind == "i" and np.any(y < 0):
        raise InvalidArgumentError(
            "Integers to negative integer powers are not allowed; cast the base to a float type first"
        )
    return np.power(x, y)


kernel("Pow")(binary_kernel(_pow))


@lower("Pow")
def _pow_lower(op: Lowering) -> Value:
    x, y = op.inputs
    shape = op.outputs[0].shape
    exponent = scalar_const(y) if y.shape == () else None
    if exponent == 2:
        return widened_emit(op, "Mul", x, x, shape=shape)
    if exponent == 1:
        return x
    if x.dtype.is_integer:
        op.cannot("the engine computes integer powers in floating point")
    return widened_emit(op, "Pow", x, y, shape=shape)


# ---- sums of many -----------------------------------------------------------------------------------------------


@infer("AddN", "AccumulateNV2")
def _add_n_infer(call: InferCall) -> Sequence[Shape]:
    if call.inputs[0].dtype is dtypes.variant:
        return [None]
    return [reduce(shapes.merge, (info.shape for info in call.inputs))]


@kernel("AddN", "AccumulateNV2")
@quiet
def _add_n(call: KernelCall, *inputs: Any) -> Any:
    first = inputs[0]
    if isinstance(first, TensorList):
        return reduce(added, inputs)
    if first.dtype == object:
        raise UnimplementedError(f"{call.node.op} (node {call.name!r}) of variants is not supported, only of numbers")
    for i, x in enumerate(inputs):
        if x.shape != first.shape:
            raise InvalidArgumentError(
                f"Inputs to operation {call.name} of type {call.node.op} must have the same size and shape.  "
                f"Input 0: {dims_text(first.shape)} != input {i}: {dims_text(x.shape)}"
            )
    return typed(reduce(np.add, inputs), call.output_dtype)


@lower("AddN", "AccumulateNV2")
def _add_n_lower(op: Lowering) -> Value:
    first = op.inputs[0]
    if first.dtype is dtypes.variant:
        op.cannot("variants are added on the host")
    shape = op.outputs[0].shape
    if len(op.inputs) > 2 and op.supports("Sum", first.dtype):
        return op.emit("Sum", *op.inputs, shape=shape)
    through = op.widened("Add", first.dtype)
    total = op.cast(first, through)
    for value in op.inputs[1:]:
        total = op.emit("Add", total, op.cast(value, through), shape=shape)
    return op.cast(total, first.dtype)


# ---- clipping ---------------------------------------------------------------------------------------------------


def _clip_mismatch(given: Sequence[Shape]) -> InvalidArgumentError:
    return InvalidArgumentError(
        "clip_value_min and clip_value_max must be either of the same shape as input, or a scalar. "
        f"input shape: {shapes.text(given[0])}, clip_value_min shape: {shapes.text(given[1])}, "
        f"clip_value_max shape: {shapes.text(given[2])}"
    )


@infer("ClipByValue")
def _clip_infer(call: InferCall) -> Sequence[Shape]:
    given = [info.shape for info in call.inputs]
    if any(bound != () and not shapes.compatible(bound, given[0]) for bound in given[1:]):
        raise _clip_mismatch(given)
    return [given[0]]


@kernel("ClipByValue")
@quiet
def _clip(call: KernelCall, x: Array, low: Array, high: Array) -> Array:
    if any(bound.ndim and bound.shape != x.shape for bound in (low, high)):
        raise _clip_mismatch([x.shape, low.shape, high.shape])
    upper = np.where(high < x, high, x)  # comparisons with NaN are false: a NaN bound does not clip, a NaN stays
    return typed(np.where(upper < low, low, upper), call.output_dtype)


@lower("ClipByValue")
def _clip_lower(op: Lowering) -> Value:
    x, low, high = op.inputs
    if x.dtype.is_complex:
        op.cannot("ONNX has no complex numbers")
    bounds = scalar_const(low), scalar_const(high)
    if low.shape == high.shape == () and None not in bounds and bounds[0] <= bounds[1]:  # type: ignore[operator]
        through = op.widened("Clip", x.dtype)
        return op.cast(op.emit("Clip", *(op.cast(v, through) for v in op.inputs), shape=x.shape), x.dtype)
    above = widened_test(op, "Less", high, x, shape=x.shape)
    upper = where(op, above, high, x, shape=x.shape)
    return where(op, widened_test(op, "Less", upper, low, shape=x.shape), low, upper, shape=x.shape)
