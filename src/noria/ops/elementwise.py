"""Functions of one tensor, element by element: signs and rounding, roots, exponentials, trigonometry, predicates."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from noria import dtypes
from noria.graph.graph import Array
from noria.graph.rules import KernelCall, Lowering, LowerRule, Value, infer, kernel, lower
from noria.ops._numeric import in_float32, like, quiet, same_shape, typed, unary_kernel, where, widened_emit


def _rsqrt(x: Array) -> Any:
    return np.reciprocal(np.sqrt(x))


def _sigmoid(x: Array) -> Any:
    return np.reciprocal(1 + np.exp(-x))


def _by_element(function: Callable[[float], float]) -> Callable[[Array], Array]:
    def run(x: Array) -> Array:
        values = map(function, x.astype(np.float64).reshape(-1).tolist())
        return np.fromiter(values, np.float64, x.size).reshape(x.shape)

    return run


# Op → its definition over NumPy, and the ONNX op that is the same function (None: a rule below, or the host).
_FUNCTIONS: Mapping[str, tuple[Callable[[Array], Any], str | None]] = {
    "Neg": (np.negative, "Neg"),
    "Abs": (np.abs, "Abs"),
    "Sign": (np.sign, None),
    "Ceil": (np.ceil, "Ceil"),
    "Floor": (np.floor, "Floor"),
    "Rint": (np.rint, "Round"),
    "Square": (np.square, None),
    "Sqrt": (np.sqrt, "Sqrt"),
    "Rsqrt": (_rsqrt, None),
    "Reciprocal": (np.reciprocal, "Reciprocal"),
    "Inv": (np.reciprocal, "Reciprocal"),
    "Exp": (np.exp, "Exp"),
    "Expm1": (np.expm1, None),
    "Log": (np.log, "Log"),
    "Log1p": (np.log1p, None),
    "Sigmoid": (_sigmoid, "Sigmoid"),
    "Tanh": (np.tanh, "Tanh"),
    "Erf": (_by_element(math.erf), "Erf"),
    "Erfc": (_by_element(math.erfc), None),
    "Sin": (np.sin, "Sin"),
    "Cos": (np.cos, "Cos"),
    "Tan": (np.tan, "Tan"),
    "Asin": (np.arcsin, "Asin"),
    "Acos": (np.arccos, "Acos"),
    "Atan": (np.arctan, "Atan"),
    "Sinh": (np.sinh, "Sinh"),
    "Cosh": (np.cosh, "Cosh"),
    "Asinh": (np.arcsinh, "Asinh"),
    "Acosh": (np.arccosh, "Acosh"),
    "Atanh": (np.arctanh, "Atanh"),
}


def _same(onnx_op: str) -> LowerRule:
    def rule(op: Lowering) -> Value:
        return widened_emit(op, onnx_op, op.inputs[0], shape=op.inputs[0].shape)

    return rule


for _op, (_function, _onnx_op) in _FUNCTIONS.items():
    infer(_op)(same_shape)
    kernel(_op)(unary_kernel(_function))
    if _onnx_op is not None:
        lower(_op)(_same(_onnx_op))


@lower("Sign")
def _sign_lower(op: Lowering) -> Value:
    x = in_float32(op, op.inputs[0])  # the engine's Sign of a NaN is NaN in float32, but 0 in float16
    return op.cast(op.emit("Sign", x, shape=x.shape), op.inputs[0].dtype)


@lower("Square")
def _square_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return widened_emit(op, "Mul", x, x, shape=x.shape)


@lower("Rsqrt")
def _rsqrt_lower(op: Lowering) -> Value:
    x = in_float32(op, op.inputs[0])
    return op.cast(op.emit("Reciprocal", op.emit("Sqrt", x, shape=x.shape), shape=x.shape), op.inputs[0].dtype)


@lower("Expm1")
def _expm1_lower(op: Lowering) -> Value:
    # exp(x) - 1 cancels near 0, where 2t/(1-t) with t = tanh(x/2) is the same function and exact to rounding.
    x = in_float32(op, op.inputs[0])
    t = op.emit("Tanh", op.emit("Mul", x, like(op, 0.5, x)), shape=x.shape)
    small = op.emit("Div", op.emit("Add", t, t), op.emit("Sub", like(op, 1, x), t, dtype=x.dtype), shape=x.shape)
    large = op.emit("Sub", op.emit("Exp", x, shape=x.shape), like(op, 1, x), shape=x.shape)
    near = op.emit("Less", op.emit("Abs", x), like(op, 0.5, x), dtype=dtypes.bool_, shape=x.shape)
    return op.cast(where(op, near, small, large, shape=x.shape), op.inputs[0].dtype)


@lower("Log1p")
def _log1p_lower(op: Lowering) -> Value:
    # With u = 1 + x rounded, log(1 + x) = log(u) + (x - (u - 1)) / u to second order in the rounding error. The
    # correction is 0 at -1 and at infinity: clipping keeps it from being 0/0 or inf - inf there.
    x = in_float32(op, op.inputs[0])
    info = np.finfo(x.dtype.numpy)
    top, tiny = like(op, float(info.max), x), like(op, float(info.tiny), x)
    u = op.emit("Add", x, like(op, 1, x), shape=x.shape)
    clipped = op.emit("Clip", u, tiny, top, shape=x.shape)
    lost = op.emit(
        "Sub",
        op.emit("Clip", x, like(op, -1, x), top, shape=x.shape),
        op.emit("Sub", clipped, like(op, 1, x), shape=x.shape),
        shape=x.shape,
    )
    correction = op.emit("Div", lost, clipped, shape=x.shape)
    return op.cast(op.emit("Add", op.emit("Log", u, shape=x.shape), correction, shape=x.shape), op.inputs[0].dtype)


# exp(-x*x) * t * P(t) with t = 1/(1 + 0.4x) is erfc(x) for x >= 0.4; P is our own least-maximum fit to math.erfc on
# [0.4, 10.2], relative error 5e-7. Lowest power first.
_ERFC_SCALE = 0.4
_ERFC_TAIL = (
    0.22569728262179206,
    0.2255879928357059,
    0.20567820339722218,
    0.19113948871159814,
    0.04573412699473489,
    0.21079198314822467,
    -0.1047236023364702,
)


@lower("Erfc")
def _erfc_lower(op: Lowering) -> Value:
    # 1 - erf(x) where that does not cancel, the fit where it would lose the tail (1 - erf(4) is 0 in float32).
    (given,) = op.inputs
    if given.dtype is dtypes.float64:
        op.cannot("the engine has no Erf of float64")
    x = in_float32(op, given)
    shape = x.shape
    one = like(op, 1, x)
    scaled = op.emit("Mul", x, like(op, _ERFC_SCALE, x), shape=shape)
    t = op.emit("Reciprocal", op.emit("Add", scaled, one, shape=shape), shape=shape)
    fit = like(op, _ERFC_TAIL[-1], x)
    for coefficient in _ERFC_TAIL[-2::-1]:
        fit = op.emit("Add", op.emit("Mul", t, fit, shape=shape), like(op, coefficient, x), shape=shape)
    square = op.emit("Mul", x, op.emit("Neg", x, shape=shape), shape=shape)
    tail = op.emit("Mul", op.emit("Mul", t, fit, shape=shape), op.emit("Exp", square, shape=shape), shape=shape)
    body = op.emit("Sub", one, op.emit("Erf", x, shape=shape), shape=shape)
    in_body = op.emit("Less", x, like(op, 0.45, x), dtype=dtypes.bool_, shape=shape)
    return op.cast(where(op, in_body, body, tail, shape=shape), given.dtype)


# ---- rounding of integers, predicates ---------------------------------------------------------------------------


infer("Round")(same_shape)


@kernel("Round")
@quiet
def _round(call: KernelCall, x: Array) -> Array:
    # Integers stay as they are, which is what tf.round promises; TensorFlow 2.21's own kernel gives 0 for them.
    return typed(np.rint(x) if x.dtype.kind not in "iu" else x, call.output_dtype)


@lower("Round")
def _round_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return x if x.dtype.is_integer else widened_emit(op, "Round", x, shape=x.shape)


for _op, _function in {"IsNan": np.isnan, "IsInf": np.isinf, "IsFinite": np.isfinite}.items():
    infer(_op)(same_shape)
    kernel(_op)(unary_kernel(_function))


@lower("IsNan", "IsInf")
def _is_nan_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return op.emit("IsNaN" if op.node.op == "IsNan" else "IsInf", x, dtype=dtypes.bool_, shape=x.shape)


@lower("IsFinite")
def _is_finite_lower(op: Lowering) -> Value:
    x = in_float32(op, op.inputs[0])
    size = op.emit("Abs", x, shape=x.shape)
    return op.emit("Less", size, like(op, math.inf, x), dtype=dtypes.bool_, shape=x.shape)


infer("LogicalNot")(same_shape)
kernel("LogicalNot")(unary_kernel(np.logical_not))


@lower("LogicalNot")
def _logical_not_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return op.emit("Not", x, shape=x.shape)
