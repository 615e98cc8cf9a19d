"""Ops of Noria's own, which stand for idioms of many TensorFlow ops (``noria.compile.fuse`` puts them in).

Their names begin with ``_Noria``; no file holds them.
"""

from __future__ import annotations

import numpy as np

from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops import elementwise
from noria.ops.shape_ops import fill_shape
from noria.shapes import Shape


@infer("_NoriaGelu", "_NoriaLayerNorm")
def _same_shape(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("_NoriaGelu")
def _gelu(call: KernelCall, x: Array) -> Array:
    """``0.5·x·erfc(-x/√2)``, float32."""
    tail: Array = kernel["Erfc"](call, x * np.float32(-np.sqrt(0.5)))
    return np.float32(0.5) * x * tail


@lower("_NoriaGelu")
def _gelu_lower(op: Lowering) -> Value:
    return op.emit("Gelu", op.inputs[0], shape=op.inputs[0].shape)


@kernel("_NoriaLayerNorm")
def _layer_norm(call: KernelCall, x: Array, scale: Array, shift: Array) -> Array:
    """Over the last axis; scale, shift: one value for each of its elements."""
    mean = x.mean(axis=-1, keepdims=True)
    inverse = scale / np.sqrt(np.square(x - mean).mean(axis=-1, keepdims=True) + np.float32(call.number("epsilon")))
    result: Array = x * inverse + (shift - mean * inverse)
    return result


@lower("_NoriaLayerNorm")
def _layer_norm_lower(op: Lowering) -> Value:
    x, scale, shift = op.inputs
    return op.emit("LayerNormalization", x, scale, shift, axis=-1, epsilon=op.number("epsilon"), shape=x.shape)


@kernel("_NoriaSpread")
def _spread(call: KernelCall, dims: Array, value: Array) -> Array:
    """Fill without its memory: every element is the one of ``value``. For kernels that only read it, as NumPy does."""
    return np.broadcast_to(value.reshape(-1)[:1].reshape(()), fill_shape(dims))


assert elementwise  # the kernel of Erfc is defined there
