"""ONNX ops that compute element by element, reduce, compare and convert, as TensorFlow nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

import numpy as np

from noria import dtypes
from noria.convert.onnx_build import Call, Val
from noria.dtypes import DType

Rule: TypeAlias = Callable[[Call], "Val | Sequence[Val]"]
RULES: Final[dict[str, Rule]] = {}
_SELU_ALPHA: Final = 1.6732632423543772
_SELU_GAMMA: Final = 1.0507009873554805


def rule(*ops: str) -> Callable[[Rule], Rule]:
    """Decorator: this function makes TensorFlow nodes of ``ops``."""

    def fill(function: Rule) -> Rule:
        for op in ops:
            RULES[op] = function
        return function

    return fill


_SAME: Final[Mapping[str, str]] = {
    "Abs": "Abs", "Neg": "Neg", "Exp": "Exp", "Log": "Log", "Sqrt": "Sqrt", "Floor": "Floor", "Ceil": "Ceil",
    "Round": "Round", "Sign": "Sign", "Sin": "Sin", "Cos": "Cos", "Tan": "Tan", "Asin": "Asin", "Acos": "Acos",
    "Atan": "Atan", "Sinh": "Sinh", "Cosh": "Cosh", "Asinh": "Asinh", "Acosh": "Acosh", "Atanh": "Atanh", "Erf": "Erf",
    "Reciprocal": "Reciprocal", "Relu": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Softplus": "Softplus",
    "Softsign": "Softsign", "Not": "LogicalNot", "IsNaN": "IsNan", "Add": "AddV2", "Sub": "Sub", "Mul": "Mul",
    "And": "LogicalAnd", "Or": "LogicalOr", "Xor": "NotEqual", "Equal": "Equal", "Greater": "Greater", "Less": "Less",
    "GreaterOrEqual": "GreaterEqual", "LessOrEqual": "LessEqual",
}  # fmt: skip


def _same(call: Call) -> Val:
    values = [call.x(i) for i in range(len(call.inputs))]
    return call.b.elementwise(_SAME[call.node.op_type], *values)


for _name in _SAME:
    RULES[_name] = _same


@rule("Identity", "Dropout")
def _identity(call: Call) -> Val:
    return call.x()


@rule("Div")
def _div(call: Call) -> Val:
    return call.b.elementwise("RealDiv" if call.x().dtype.is_floating else "TruncateDiv", call.x(), call.x(1))


@rule("Mod")
def _mod(call: Call) -> Val:
    return call.b.elementwise("Mod" if call.integer("fmod") else "FloorMod", call.x(), call.x(1))


@rule("Pow")
def _pow(call: Call) -> Val:
    return call.b.elementwise("Pow", call.x(), call.b.cast(call.x(1), call.x().dtype))


@rule("Max", "Min", "Sum", "Mean")
def _many(call: Call) -> Val:
    op = {"Max": "Maximum", "Min": "Minimum"}.get(call.node.op_type, "AddV2")
    result = call.x()
    for i in range(1, len(call.inputs)):
        result = call.b.elementwise(op, result, call.x(i))
    if call.node.op_type == "Mean":
        return call.b.elementwise("Mul", result, call.b.like(1 / len(call.inputs), result))
    return result


@rule("Where")
def _where(call: Call) -> Val:
    return call.b.tf("SelectV2", call.x(), call.x(1), call.x(2))


@rule("Clip")
def _clip(call: Call) -> Val:
    b, result = call.b, call.x()
    bounds = {"min": call.opt(1), "max": call.opt(2)}
    for name, op in (("min", "Maximum"), ("max", "Minimum")):
        bound = b.like(call.number(name, 0.0), result) if call.has(name) else bounds[name]
        if bound is not None:
            result = b.elementwise(op, result, bound)
    return result


@rule("LeakyRelu")
def _leaky(call: Call) -> Val:
    return call.b.elementwise("LeakyRelu", call.x(), alpha=call.number("alpha", 0.01))


@rule("Elu", "Celu")
def _elu(call: Call) -> Val:
    """Elu: alpha (exp x - 1) below 0; Celu: alpha (exp(x / alpha) - 1)."""
    b, x, alpha = call.b, call.x(), call.number("alpha", 1.0)
    if alpha == 1.0:
        return b.elementwise("Elu", x)
    inner = b.elementwise("RealDiv", x, b.like(alpha, x)) if call.node.op_type == "Celu" else x
    low = b.elementwise("Minimum", b.elementwise("Expm1", inner), b.like(0, x))
    return b.elementwise("AddV2", b.elementwise("Relu", x), b.elementwise("Mul", low, b.like(alpha, x)))


@rule("Selu")
def _selu(call: Call) -> Val:
    b, x = call.b, call.x()
    alpha, gamma = call.number("alpha", _SELU_ALPHA), call.number("gamma", _SELU_GAMMA)
    low = b.elementwise("Minimum", b.elementwise("Expm1", x), b.like(0, x))
    both = b.elementwise("AddV2", b.elementwise("Relu", x), b.elementwise("Mul", low, b.like(alpha, x)))
    return b.elementwise("Mul", both, b.like(gamma, x))


@rule("HardSigmoid", "HardSwish")
def _hard(call: Call) -> Val:
    b, x = call.b, call.x()
    swish = call.node.op_type == "HardSwish"
    alpha, beta = (1 / 6, 0.5) if swish else (call.number("alpha", 0.2), call.number("beta", 0.5))
    line = b.elementwise("AddV2", b.elementwise("Mul", x, b.like(alpha, x)), b.like(beta, x))
    gate = b.elementwise("Minimum", b.elementwise("Relu", line), b.like(1, x))
    return b.elementwise("Mul", x, gate) if swish else gate


@rule("Gelu")
def _gelu(call: Call) -> Val:
    b, x = call.b, call.x()
    half = b.like(0.5, x)
    if call.text("approximate", "none") == "tanh":
        cube = b.elementwise("Mul", b.elementwise("Mul", x, x), x)
        inner = b.elementwise("AddV2", x, b.elementwise("Mul", cube, b.like(0.044715, x)))
        tail = b.elementwise("Tanh", b.elementwise("Mul", inner, b.like(np.sqrt(2 / np.pi), x)))
    else:
        tail = b.elementwise("Erf", b.elementwise("Mul", x, b.like(np.sqrt(0.5), x)))
    return b.elementwise("Mul", b.elementwise("Mul", x, half), b.elementwise("AddV2", tail, b.like(1, x)))


@rule("Mish")
def _mish(call: Call) -> Val:
    b, x = call.b, call.x()
    return b.elementwise("Mul", x, b.elementwise("Tanh", b.elementwise("Softplus", x)))


@rule("PRelu")
def _prelu(call: Call) -> Val:
    b, x, slope = call.b, call.x(), call.x(1)
    low = b.elementwise("Minimum", x, b.like(0, x))
    return b.elementwise("AddV2", b.elementwise("Relu", x), b.elementwise("Mul", low, slope))


@rule("IsInf")
def _is_inf(call: Call) -> Val:
    if not call.integer("detect_negative", 1) or not call.integer("detect_positive", 1):
        call.cannot("it looks for one sign only")
    return call.b.elementwise("IsInf", call.x())


# --- dtypes -----------------------------------------------------------------------------------------------------------

BY_NUMBER: Final[Mapping[int, DType]] = {d.onnx: d for d in dtypes.ALL if d.onnx and not d.is_quantized}


@rule("Cast")
def _cast(call: Call) -> Val:
    wanted = BY_NUMBER.get(call.integer("to"))
    if wanted is None or dtypes.string in (wanted, call.x().dtype):
        call.cannot(f"a cast from {call.x().dtype} to type {call.integer('to')}")
    return call.b.cast(call.x(), wanted)


@rule("CastLike")
def _cast_like(call: Call) -> Val:
    return call.b.cast(call.x(), call.x(1).dtype)


# --- reductions -------------------------------------------------------------------------------------------------------

_REDUCE: Final[Mapping[str, str]] = {
    "ReduceSum": "Sum", "ReduceMean": "Mean", "ReduceMax": "Max", "ReduceMin": "Min", "ReduceProd": "Prod",
    "ReduceL1": "Sum", "ReduceL2": "Sum", "ReduceSumSquare": "Sum", "ReduceLogSum": "Sum", "ReduceLogSumExp": "Sum",
}  # fmt: skip


@rule(*_REDUCE)
def _reduce(call: Call) -> Val:
    b, x, kind = call.b, call.x(), call.node.op_type
    axes = call.axes()
    rank = len(call.shape())
    if not axes:
        if call.integer("noop_with_empty_axes"):
            return x
        axes = list(range(rank))
    keep = bool(call.integer("keepdims", 1))
    axes = [call.axis(a, rank) for a in axes]
    if x.lazy and set(axes) == set(range(2, rank)) and kind in ("ReduceMean", "ReduceMax", "ReduceSum", "ReduceMin"):
        made = b.tf(_REDUCE[kind], b.last(x), b.const(list(range(1, rank - 1)), dtypes.int32), keep_dims=keep)
        return b.first(made) if keep else made
    if kind == "ReduceL1":
        x = b.elementwise("Abs", x)
    elif kind in ("ReduceL2", "ReduceSumSquare"):
        x = b.elementwise("Mul", x, x)
    at = b.const(axes, dtypes.int32)
    if kind == "ReduceLogSumExp":
        top = b.tf("Max", x, at, keep_dims=True)
        total = b.tf("Sum", b.tf("Exp", b.tf("Sub", x, top)), at, keep_dims=True)
        found = b.tf("AddV2", b.tf("Log", total), top)
        return found if keep else b.tf("Squeeze", found, squeeze_dims=list(axes))
    found = b.tf(_REDUCE[kind], x, at, keep_dims=keep)
    if kind == "ReduceL2":
        return b.tf("Sqrt", found)
    return b.tf("Log", found) if kind == "ReduceLogSum" else found


@rule("ArgMax", "ArgMin")
def _arg(call: Call) -> Val:
    if call.integer("select_last_index"):
        call.cannot("select_last_index")
    axis = call.axis(call.integer("axis"), len(call.shape()))
    found = call.b.tf(call.node.op_type, call.x(), call.b.const(axis, dtypes.int32), output_type=dtypes.int64)
    return call.b.tf("ExpandDims", found, call.b.const(axis, dtypes.int32)) if call.integer("keepdims", 1) else found


@rule("CumSum")
def _cumsum(call: Call) -> Val:
    axis = call.b.cast(call.b.reshape(call.x(1), []), dtypes.int32)
    return call.b.tf(
        "Cumsum", call.x(), axis, exclusive=bool(call.integer("exclusive")), reverse=bool(call.integer("reverse"))
    )


@rule("TopK")
def _top_k(call: Call) -> Sequence[Val]:
    b, x = call.b, call.x()
    rank = len(call.shape())
    axis = call.axis(call.integer("axis", -1), rank)
    perm = [*(i for i in range(rank) if i != axis), axis]
    back = [perm.index(i) for i in range(rank)]
    k = (
        b.cast(b.reshape(call.x(1), []), dtypes.int32)
        if call.opt(1) is not None
        else b.const(call.integer("k"), dtypes.int32)
    )
    largest = bool(call.integer("largest", 1))
    moved = b.transpose(x, perm)
    values, indices = b.tfs("TopKV2", moved if largest else b.tf("Neg", moved), k, sorted=True)
    values = values if largest else b.tf("Neg", values)
    return b.transpose(values, back), b.transpose(b.cast(indices, dtypes.int64), back)


@rule("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Val:
    b, x, op = call.b, call.x(), call.node.op_type
    shape = call.shape()
    rank = len(shape)
    axis = call.axis(call.integer("axis", -1 if call.opset >= 13 else 1), rank)
    if call.opset < 13:  # everything from the axis on is one vector
        flat = b.reshape(x, [-1, _product(call, shape[axis:])])
        return b.tf("Reshape", b.tf(op, flat), b.shape_of(x))
    if axis == rank - 1:
        return b.tf(op, x)
    perm = [*(i for i in range(rank) if i != axis), axis]
    return b.transpose(b.tf(op, b.transpose(x, perm)), [perm.index(i) for i in range(rank)])


def _product(call: Call, dims: Sequence[int | None]) -> int:
    total = 1
    for dim in dims:
        if dim is None:
            call.cannot("a size behind its axis is unknown")
        total *= dim
    return total


# --- products ---------------------------------------------------------------------------------------------------------


@rule("MatMul")
def _matmul(call: Call) -> Val:
    b, left, right = call.b, call.x(), call.x(1)
    ranks = len(call.shape(0)), len(call.shape(1))
    if ranks == (2, 2):
        return b.tf("MatMul", left, right)
    if ranks[0] == 1:
        left = b.tf("ExpandDims", left, b.const(0, dtypes.int32))
    if ranks[1] == 1:
        right = b.tf("ExpandDims", right, b.const(-1, dtypes.int32))
    found = b.tf("BatchMatMulV2", left, right)
    drop = ([-2] if ranks[0] == 1 else []) + ([-1] if ranks[1] == 1 else [])
    return b.tf("Squeeze", found, squeeze_dims=list(drop)) if drop else found


@rule("Gemm")
def _gemm(call: Call) -> Val:
    b = call.b
    found = b.tf(
        "MatMul",
        call.x(),
        call.x(1),
        transpose_a=bool(call.integer("transA")),
        transpose_b=bool(call.integer("transB")),
    )
    alpha, beta, bias = call.number("alpha", 1.0), call.number("beta", 1.0), call.opt(2)
    if alpha != 1.0:
        found = b.tf("Mul", found, b.like(alpha, found))
    if bias is None:
        return found
    if beta != 1.0:
        bias = b.tf("Mul", bias, b.like(beta, bias))
    return b.tf("AddV2", found, bias)


@rule("Einsum")
def _einsum(call: Call) -> Val:
    values = [call.x(i) for i in range(len(call.inputs))]
    return call.b.tf("Einsum", values, equation=call.text("equation").replace(" ", "").encode())
