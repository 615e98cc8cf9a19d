"""Ops that only backward graphs hold: which axes a broadcast summed over, and the gradient of Relu."""

from __future__ import annotations

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import dims_text, quiet, same_shape
from noria.shapes import Shape


@infer("BroadcastGradientArgs")
def _broadcast_infer(call: InferCall) -> list[Shape]:
    for info in call.inputs:
        if info.rank not in (1, None):
            raise InvalidArgumentError(f"a shape must be a vector, got shape {shapes.text(info.shape)}")
    return [(None,), (None,)]


@kernel("BroadcastGradientArgs")
def _broadcast(call: KernelCall, first: Array, second: Array) -> tuple[Array, Array]:
    """Axes of the broadcast result along which the gradient of each operand is a sum: those where its size is 1."""
    for shape in (first, second):
        if shape.ndim != 1:
            raise InvalidArgumentError(f"a shape must be a vector, got shape {shape_text(shape.shape)}")
    none = np.zeros(0, first.dtype)
    if np.array_equal(first, second):
        return none, none
    rank = max(first.size, second.size)
    a, b = (np.concatenate([np.ones(rank - s.size, s.dtype), s]) for s in (first, second))
    if ((a != b) & (a != 1) & (b != 1)).any():
        raise InvalidArgumentError(f"Incompatible shapes: {dims_text(first.tolist())} vs. {dims_text(second.tolist())}")
    return np.flatnonzero(a == 1).astype(first.dtype), np.flatnonzero(b == 1).astype(first.dtype)


infer("ReluGrad")(same_shape)


@kernel("ReluGrad")
@quiet
def _relu_grad(call: KernelCall, gradients: Array, features: Array) -> Array:
    """The gradient where the feature is positive; a product, so that an infinite one elsewhere gives NaN."""
    if gradients.shape != features.shape:
        raise InvalidArgumentError(
            f"Inputs to operation {call.name} of type ReluGrad must have the same size and shape.  "
            f"Input 0: {shape_text(gradients.shape)} != input 1: {shape_text(features.shape)}"
        )
    return np.asarray(gradients * (features > 0).astype(gradients.dtype), gradients.dtype)
