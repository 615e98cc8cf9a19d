"""Comparison and choice: equality and order, logic, Select."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, LowerRule, Value, infer, kernel, lower
from noria.ops._numeric import binary_kernel, dims_text, incompatible, like, quiet, typed, where, widened_test
from noria.shapes import Shape

# ---- order and logic --------------------------------------------------------------------------------------------

# Op → its definition over NumPy and its ONNX op.
_FUNCTIONS: Mapping[str, tuple[Callable[[Array, Array], Any], str]] = {
    "Less": (np.less, "Less"),
    "LessEqual": (np.less_equal, "LessOrEqual"),
    "Greater": (np.greater, "Greater"),
    "GreaterEqual": (np.greater_equal, "GreaterOrEqual"),
    "LogicalAnd": (np.logical_and, "And"),
    "LogicalOr": (np.logical_or, "Or"),
}


def _test(onnx_op: str) -> LowerRule:
    def rule(op: Lowering) -> Value:
        return widened_test(op, onnx_op, *op.inputs, shape=op.outputs[0].shape)

    return rule


def _broadcast_infer(call: InferCall) -> Sequence[Shape]:
    return [shapes.broadcast(call.shape(0), call.shape(1))]


for _op, (_function, _onnx_op) in _FUNCTIONS.items():
    infer(_op)(_broadcast_infer)
    kernel(_op)(binary_kernel(_function))
    lower(_op)(_test(_onnx_op))


# ---- equality ---------------------------------------------------------------------------------------------------


def _may_broadcast(a: Shape, b: Shape) -> bool:
    """False where the shapes are known not to broadcast."""
    try:
        shapes.broadcast(a, b)
    except InvalidArgumentError:
        return False
    return True


@infer("Equal", "NotEqual")
def _equal_infer(call: InferCall) -> Sequence[Shape]:
    a, b = call.shape(0), call.shape(1)
    if call.flag("incompatible_shape_error"):
        return [shapes.broadcast(a, b)]
    if not _may_broadcast(a, b):
        return [()]  # the answer is one False (True for NotEqual)
    certain = a == () or b == () or (shapes.is_static(a) and shapes.is_static(b))
    return [shapes.broadcast(a, b) if certain else None]


@kernel("Equal", "NotEqual")
@quiet
def _equal(call: KernelCall, x: Array, y: Array) -> Array:
    equal = call.node.op == "Equal"
    try:
        return typed(np.equal(x, y) if equal else np.not_equal(x, y), np.dtype(np.bool_))
    except ValueError:
        if call.flag("incompatible_shape_error"):
            raise incompatible(x, y) from None
        return np.asarray(not equal)


@lower("Equal", "NotEqual")
def _equal_lower(op: Lowering) -> Value:
    # Where dimensions are unknown this takes them to broadcast, as they do in every call that is not a mistake;
    # the engine then fails where TensorFlow would answer one False to shapes that do not match.
    x, y = op.inputs
    if x.dtype is dtypes.string:
        op.cannot("strings are compared on the host")
    if not _may_broadcast(x.shape, y.shape):
        op.cannot("the shapes do not broadcast")
    shape = shapes.broadcast(x.shape, y.shape)
    equal = widened_test(op, "Equal", x, y, shape=shape)
    return equal if op.node.op == "Equal" else op.emit("Not", equal, shape=shape)


@infer("ApproximateEqual")
def _approximate_equal_infer(call: InferCall) -> Sequence[Shape]:
    return [shapes.merge(call.shape(0), call.shape(1))]


@kernel("ApproximateEqual")
@quiet
def _approximate_equal(call: KernelCall, x: Array, y: Array) -> Array:
    if x.shape != y.shape:
        raise InvalidArgumentError(
            f"x and y must be of the same shape. x shape: {dims_text(x.shape)}. y shape: {dims_text(y.shape)}"
        )
    tolerance = np.float32(call.number("tolerance")).astype(x.dtype)
    return typed(np.abs(x - y) < tolerance, np.dtype(np.bool_))


@lower("ApproximateEqual")
def _approximate_equal_lower(op: Lowering) -> Value:
    x, y = op.inputs
    shape = op.outputs[0].shape
    if not x.dtype.is_floating:
        op.cannot("only distances of floats are lowered")
    distance = op.emit("Abs", op.emit("Sub", x, y, shape=shape), shape=shape)
    tolerance = like(op, float(np.float32(op.number("tolerance"))), x)
    return widened_test(op, "Less", distance, tolerance, shape=shape)


# ---- choice -----------------------------------------------------------------------------------------------------


@infer("Select")
def _select_infer(call: InferCall) -> Sequence[Shape]:
    condition, values = call.shape(0), shapes.merge(call.shape(1), call.shape(2))
    rows = values if values is None or len(values) < 2 or condition is None or len(condition) != 1 else values[:1]
    if condition != () and not shapes.compatible(condition, rows):
        raise InvalidArgumentError(
            f"Inputs to operation {call.name} of type Select must have the same size and shape.  "
            f"Input 0: {shapes.text(condition)} != input 1: {shapes.text(values)}; the condition may also be a scalar "
            "or a vector of one element per row"
        )
    if condition and values is not None and len(condition) == len(values):
        values = shapes.merge(values, condition)
    return [values]


@kernel("Select")
def _select(call: KernelCall, condition: Array, x: Array, y: Array) -> Array:
    def mismatch(index: int, other: Array, first: int, shape: Sequence[int]) -> InvalidArgumentError:
        return InvalidArgumentError(
            f"Inputs to operation {call.name} of type Select must have the same size and shape.  "
            f"Input {first}: {dims_text(shape)} != input {index}: {dims_text(other.shape)}"
        )

    if x.shape != y.shape:
        raise mismatch(2, y, 1, x.shape)
    if condition.shape != x.shape and condition.ndim:
        if condition.ndim != 1 or not x.ndim or condition.shape[0] != x.shape[0] or x.ndim == 1:
            raise mismatch(1, x, 0, condition.shape)
        condition = condition.reshape((-1,) + (1,) * (x.ndim - 1))  # a vector chooses whole rows
    return typed(np.where(condition, x, y), call.output_dtype)


@lower("Select")
def _select_lower(op: Lowering) -> Value:
    condition, x, y = op.inputs
    if x.dtype in (dtypes.string, dtypes.resource, dtypes.variant):
        op.cannot("strings and handles are chosen on the host")
    shape = op.outputs[0].shape
    condition_rank = op.rank(0)
    if condition_rank == 1:
        if shape is None:
            op.cannot("the rank of the values is unknown")
        if len(shape) > 1:
            condition = op.unsqueeze(condition, range(1, len(shape)))
    return where(op, condition, x, y, shape=shape)


@infer("SelectV2")
def _select_v2_infer(call: InferCall) -> Sequence[Shape]:
    return [shapes.broadcast(*(info.shape for info in call.inputs))]


@kernel("SelectV2")
def _select_v2(call: KernelCall, condition: Array, x: Array, y: Array) -> Array:
    try:
        return typed(np.where(condition, x, y), call.output_dtype)
    except ValueError:
        raise InvalidArgumentError(
            "condition, x and y must broadcast together; condition has shape "
            f"{dims_text(condition.shape)}, x {dims_text(x.shape)}, y {dims_text(y.shape)}"
        ) from None


@lower("SelectV2")
def _select_v2_lower(op: Lowering) -> Value:
    condition, x, y = op.inputs
    if x.dtype in (dtypes.string, dtypes.resource, dtypes.variant):
        op.cannot("strings and handles are chosen on the host")
    return where(op, condition, x, y, shape=op.outputs[0].shape)
