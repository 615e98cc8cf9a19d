"""Activations, softmax, and the bias that precedes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._numeric import dims_text, quiet, same_shape, typed, unary_kernel, wide, widened_emit
from noria.shapes import Shape

# The constants of Klambauer et al., "Self-Normalizing Neural Networks" (2017), to double precision.
_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


# ---- elementwise ------------------------------------------------------------------------------------------------


def _elu(x: Array) -> Any:
    return np.where(x < 0, np.expm1(np.minimum(x, 0)), x)


def _selu(x: Array) -> Any:
    return np.where(x < 0, _SELU_SCALE * _SELU_ALPHA * np.expm1(np.minimum(x, 0)), _SELU_SCALE * x)


def _softplus(x: Array) -> Any:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _softsign(x: Array) -> Any:
    return x / (1 + np.abs(x))


def _relu6(x: Array) -> Any:
    return np.clip(x, x.dtype.type(0), x.dtype.type(6))


for _op, _function in (("Elu", _elu), ("Selu", _selu), ("Softplus", _softplus), ("Softsign", _softsign)):
    infer(_op)(same_shape)
    kernel(_op)(unary_kernel(_function))

infer("Relu", "Relu6", "LeakyRelu")(same_shape)
kernel("Relu")(unary_kernel(lambda x: np.maximum(x, x.dtype.type(0))))
kernel("Relu6")(unary_kernel(_relu6))


@lower("Elu", "Selu", "Softplus", "Softsign")
def _smooth_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return widened_emit(op, op.node.op, x, shape=x.shape)


@lower("Relu")
def _relu_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    if x.dtype.is_integer and x.dtype.name.startswith("u"):
        return x
    if x.dtype is dtypes.int64:  # the engine's Relu ends at int32
        return op.emit("Clip", x, op.constant(0, dtypes.int64), shape=x.shape)
    return widened_emit(op, "Relu", x, shape=x.shape)


@lower("Relu6")
def _relu6_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    through = op.widened("Clip", x.dtype)
    low, high = op.constant(0, through), op.constant(6, through)
    return op.cast(op.emit("Clip", op.cast(x, through), low, high, shape=x.shape), x.dtype)


@kernel("LeakyRelu")
@quiet
def _leaky_relu(call: KernelCall, x: Array) -> Array:
    alpha = call.number("alpha")
    w = wide(x)
    return typed(np.where(w > 0, w, w * w.dtype.type(np.float32(alpha))), call.output_dtype)


@lower("LeakyRelu")
def _leaky_relu_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    return widened_emit(op, "LeakyRelu", x, shape=x.shape, alpha=op.number("alpha"))


# ---- softmax ----------------------------------------------------------------------------------------------------


def log_softmax(x: Array) -> Array:
    """The logarithm of the softmax over the last axis, shifted by the row's maximum; NaN where that is infinite."""
    shifted: Array = x - x.max(axis=-1, keepdims=True, initial=-np.inf)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True, dtype=x.dtype))
    return result


def _softmax_of(x: Array) -> Array:
    exponentials: Array = np.exp(x - x.max(axis=-1, keepdims=True, initial=-np.inf))
    result: Array = exponentials / exponentials.sum(axis=-1, keepdims=True, dtype=x.dtype)
    return result


@infer("Softmax", "LogSoftmax")
def _softmax_infer(call: InferCall) -> Sequence[Shape]:
    if call.shape(0) == ():
        raise InvalidArgumentError("logits must have >= 1 dimension, got []")
    return [call.shape(0)]


def _softmax_kernel(function: Callable[[Array], Array]) -> Callable[..., Array]:
    @quiet
    def run(call: KernelCall, x: Array) -> Array:
        if x.ndim == 0:
            raise InvalidArgumentError("logits must have >= 1 dimension, got []")
        return typed(function(wide(x)), call.output_dtype)

    return run


kernel("Softmax")(_softmax_kernel(_softmax_of))
kernel("LogSoftmax")(_softmax_kernel(log_softmax))


@lower("Softmax", "LogSoftmax")
def _softmax_lower(op: Lowering) -> Value:
    (x,) = op.inputs
    if op.rank(0) == 0:
        op.cannot("logits must have >= 1 dimension")
    return widened_emit(op, op.node.op, x, shape=x.shape, axis=-1)


# ---- bias -------------------------------------------------------------------------------------------------------


def _channel_first(call: InferCall | KernelCall | Lowering) -> bool:
    return "data_format" in call.node.attrs and call.text("data_format") == "NCHW"


@infer("BiasAdd", "BiasAddV1")
def _bias_add_infer(call: InferCall) -> Sequence[Shape]:
    value, bias = call.shape(0), call.shape(1)
    if value is None:
        return [None]
    if len(value) < 2:
        raise InvalidArgumentError(f"Input tensor must be at least 2D: {shapes.text(value)}")
    if bias is None or len(bias) != 1:
        return [value]
    axis = 1 if _channel_first(call) else len(value) - 1
    if value[axis] is None:
        return [(*value[:axis], bias[0], *value[axis + 1 :])]
    return [value]


@kernel("BiasAdd", "BiasAddV1")
@quiet
def _bias_add(call: KernelCall, value: Array, bias: Array) -> Array:
    if value.ndim < 2:
        raise InvalidArgumentError(f"Input tensor must be at least 2D: {dims_text(value.shape)}")
    if bias.ndim != 1:
        raise InvalidArgumentError(f"Biases must be 1D: {dims_text(bias.shape)}")
    axis = 1 if _channel_first(call) else value.ndim - 1
    if value.shape[axis] != bias.shape[0]:
        raise InvalidArgumentError(
            f"Must provide as many biases as the {'channel' if axis == 1 else 'last'} dimension of the input tensor: "
            f"{dims_text(bias.shape)} vs. {dims_text(value.shape)}"
        )
    spread = bias.reshape((-1,) + (1,) * (value.ndim - 1 - axis))
    return typed(value + spread, call.output_dtype)


@lower("BiasAdd", "BiasAddV1")
def _bias_add_lower(op: Lowering) -> Value:
    value, bias = op.inputs
    rank = op.rank(0)
    axis = 1 if _channel_first(op) else rank - 1
    if rank < 2 or bias.rank != 1 or bias.shape is None or value.shape is None:
        op.cannot("the rank of the bias is not 1, or unknown")
    # ONNX would broadcast what TensorFlow refuses: the sizes must be known to agree.
    if bias.shape[0] is None or value.shape[axis] != bias.shape[0]:
        op.cannot("the number of channels is unknown or not that of the bias")
    if axis != rank - 1:
        bias = op.reshape(bias, [-1] + [1] * (rank - 1 - axis))
    return widened_emit(op, "Add", value, bias, shape=value.shape)
