"""What the arithmetic families share: quiet NumPy, half precision, and ONNX ops run through a wider dtype."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ml_dtypes
import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value
from noria.shapes import Dim, Shape

# TensorFlow computes 1/0, log(-1) and integer overflow without a word; so do kernels, whatever NumPy is set to.
quiet = np.errstate(all="ignore")

_HALVES = frozenset({np.dtype(np.float16), np.dtype(ml_dtypes.bfloat16)})


def is_half(dtype: np.dtype[Any]) -> bool:
    """Whether ``dtype`` is float16 or bfloat16."""
    return dtype in _HALVES


def wide(x: Array) -> Array:
    """``x``, in float32 where it is float16 or bfloat16: several steps then round once."""
    return x.astype(np.float32) if x.dtype in _HALVES else x


def typed(result: Any, dtype: np.dtype[Any]) -> Array:
    """A NumPy result as an array of ``dtype``; a ``bytes`` scalar becomes an object array of rank 0."""
    return np.asarray(result, dtype=dtype)


def dims_text(shape: Sequence[int]) -> str:
    """A concrete shape as TensorFlow prints it in messages: ``[2,3]``."""
    return "[" + ",".join(map(str, shape)) + "]"


def incompatible(*arrays: Array) -> InvalidArgumentError:
    """The error of shapes that do not broadcast, in TensorFlow's words."""
    return InvalidArgumentError("Incompatible shapes: " + " vs. ".join(dims_text(a.shape) for a in arrays))


def unary_kernel(function: Callable[[Array], Any]) -> Callable[..., Array]:
    """The kernel of an elementwise ``function`` that keeps the dtype; half precision computes in float32."""

    @quiet
    def run(call: KernelCall, x: Array) -> Array:
        return typed(function(wide(x)), call.output_dtype)

    return run


def binary_kernel(function: Callable[[Array, Array], Any]) -> Callable[..., Array]:
    """The kernel of a broadcasting ``function`` of two arrays of one dtype, each step rounded to that dtype."""

    @quiet
    def run(call: KernelCall, x: Array, y: Array) -> Array:
        try:
            return typed(function(x, y), call.output_dtype)
        except ValueError:
            raise incompatible(x, y) from None

    return run


def same_shape(call: InferCall) -> Sequence[Shape]:
    """The output has the shape of the first input."""
    return [call.shape(0)]


def widened_emit(op: Lowering, onnx_op: str, *inputs: Value, shape: Shape = None, **attrs: Any) -> Value:
    """``onnx_op`` over inputs of one dtype, computed in the narrowest dtype that the engine has, cast back.

    Right for floats (one rounding, as TensorFlow's half precision) and for integer ops that agree modulo 2**bits.
    """
    dtype = inputs[0].dtype
    through = op.widened(onnx_op, dtype)
    result = op.emit(onnx_op, *[op.cast(v, through) for v in inputs], dtype=through, shape=shape, **attrs)
    return op.cast(result, dtype)


def widened_test(op: Lowering, onnx_op: str, *inputs: Value, shape: Shape = None) -> Value:
    """``onnx_op`` (a comparison or a predicate) over inputs of one dtype, giving bool."""
    through = op.widened(onnx_op, inputs[0].dtype)
    return op.emit(onnx_op, *[op.cast(v, through) for v in inputs], dtype=dtypes.bool_, shape=shape)


def where(op: Lowering, condition: Value, x: Value, y: Value, shape: Shape = None) -> Value:
    """ONNX Where over any dtype the engine can hold; the cast there and back is exact."""
    dtype = x.dtype
    through = op.widened("Where", dtype)
    result = op.emit("Where", condition, op.cast(x, through), op.cast(y, through), dtype=through, shape=shape)
    return op.cast(result, dtype)


def in_float32(op: Lowering, x: Value) -> Value:
    """``x``, in float32 where it is float16 or bfloat16: several ONNX steps then round once."""
    return op.cast(x, dtypes.float32) if x.dtype in (dtypes.float16, dtypes.bfloat16) else x


def broadcast_dims(call: InferCall, function: Callable[[int, int], int | None]) -> tuple[Dim, ...] | None:
    """The elements of a shape-like result of ``function`` over two shape-like inputs, as far as they are known.

    Elements that the dtype cannot hold are unknown.
    """
    a, b = (info.known_dims for info in call.inputs)
    if a is None or b is None or (len(a) != len(b) and 1 not in (len(a), len(b))):
        return None
    count = max(len(a), len(b)) if a and b else 0
    limit = 2 ** (call.inputs[0].dtype.bits - 1)
    found: list[Dim] = []
    for i in range(count):
        x, y = a[i % len(a)], b[i % len(b)]
        value = None if x is None or y is None else function(x, y)
        found.append(value if value is not None and -limit <= value < limit else None)
    return tuple(found)


def positive_dims(shape: Shape, axes: Sequence[int]) -> bool:
    """Whether every dimension of ``axes`` is known not to be 0."""
    return shape is not None and all((shape[a] or 0) > 0 for a in axes)


def scalar_const(value: Value) -> float | int | None:
    """The number that a constant of one element holds, else None."""
    const = value.const
    return const.reshape(-1)[0].item() if const is not None and const.size == 1 and const.dtype != object else None


def like(op: Lowering, number: float, value: Value) -> Value:
    """``number`` as a scalar constant of the dtype of ``value``."""
    return op.constant(number, value.dtype)


def static_dims(shape: Shape) -> tuple[int, ...] | None:
    """The dimensions where all are known, else None."""
    return tuple(d for d in shape if d is not None) if shape is not None and shapes.is_static(shape) else None
