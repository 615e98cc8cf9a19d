"""Simulated quantisation: floats rounded to the levels that a given range and number of bits allow.

The range is first moved so that zero is a level ("nudged"): Jacob et al., "Quantization and Training of Neural Networks
for Efficient Integer-Arithmetic-Only Inference" (2018), section 3.1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet
from noria.shapes import Shape

_OPS = ("FakeQuantWithMinMaxVars", "FakeQuantWithMinMaxVarsPerChannel", "FakeQuantWithMinMaxArgs")


@infer(*_OPS)
def _fake_quant_infer(call: InferCall) -> list[Shape]:
    wanted = 0 if call.node.op == "FakeQuantWithMinMaxVars" else 1
    for info, name in zip(call.inputs[1:], ("min", "max"), strict=False):
        if info.rank not in (wanted, None):
            raise InvalidArgumentError(f"`{name}` must be rank {wanted} but is rank {info.rank}")
    return [call.shape(0)]


def _multiplies(call: KernelCall | Lowering) -> bool:
    """Whether TensorFlow multiplies by the inverse of the scale instead of dividing: they may round apart at a tie."""
    return call.node.op != "FakeQuantWithMinMaxVars"


@quiet
def _levels(call: KernelCall | Lowering, low: Any, high: Any) -> tuple[Any, Any, Any, Any]:
    """The scale, the nudged range, and the number of the level that is zero; float32, as the range."""
    bits = call.integer("num_bits")
    if not 2 <= bits <= 16:
        raise InvalidArgumentError(f"num_bits must be between 2 and 16, inclusive; it is {bits}")
    least, most = np.float32(1 if call.flag("narrow_range") else 0), np.float32(2**bits - 1)
    scale = (high - low) / (most - least)
    zero = least - low / scale
    # Rounds half up (zero is positive here).
    nudged = np.where(zero < least, least, np.where(zero > most, most, np.floor(zero + np.float32(0.5))))
    nudged_low, nudged_high = (least - nudged) * scale, (most - nudged) * scale
    level = -nudged_low * (np.float32(1) / scale) if _multiplies(call) else -nudged_low / scale
    return scale, nudged_low, nudged_high, np.floor(level + np.float32(0.5))


@quiet
def _quantized(call: KernelCall, x: Array, low: Any, high: Any) -> Array:
    scale, least, most, level = _levels(call, low, high)
    clamped = np.maximum(np.minimum(x, most), least)
    above = clamped - least
    steps = above * (np.float32(1) / scale) if _multiplies(call) else above / scale
    rounded = np.floor(steps - level + np.float32(0.5)) * scale
    return np.where((low == 0) & (high == 0), np.float32(0), rounded).astype(np.float32)


@kernel("FakeQuantWithMinMaxVars")
def _fake_quant(call: KernelCall, x: Array, low: Array, high: Array) -> Array:
    for bound, name in ((low, "min"), (high, "max")):
        if bound.ndim:
            raise InvalidArgumentError(f"`{name}` must be rank 0 but is rank {bound.ndim}")
    return _quantized(call, x, low, high)


@kernel("FakeQuantWithMinMaxVarsPerChannel")
def _fake_quant_channels(call: KernelCall, x: Array, low: Array, high: Array) -> Array:
    if x.ndim == 0:
        raise InvalidArgumentError("inputs must have at least one dimension, the channels; got a scalar")
    for bound, name in ((low, "min"), (high, "max")):
        if bound.shape != x.shape[-1:]:
            raise InvalidArgumentError(
                f"{name} has incorrect size, expected {x.shape[-1]} was {bound.size} (shape {shape_text(bound.shape)})"
            )
    return _quantized(call, x, low, high)


@kernel("FakeQuantWithMinMaxArgs")
def _fake_quant_args(call: KernelCall, x: Array) -> Array:
    return _quantized(call, x, *_range_attrs(call))


def _range_attrs(call: KernelCall | Lowering) -> tuple[Any, Any]:
    low, high = np.float32(call.number("min")), np.float32(call.number("max"))
    if low >= high:
        raise InvalidArgumentError(f"min has to be smaller than max, was: {low} >= {high}")
    return low, high


@lower(*_OPS)
def _fake_quant_lower(op: Lowering) -> Value:
    """The same arithmetic step by step: QuantizeLinear rounds ties to even."""
    x = op.inputs[0]
    low, high = _range_attrs(op) if op.node.op.endswith("Args") else (op.const(1), op.const(2))
    channels = op.node.op.endswith("PerChannel")
    if channels and (x.shape is None or not x.shape or low.shape != x.shape[-1:] or high.shape != low.shape):
        op.cannot("the number of channels is unknown or not that of the range")
    if not channels and (low.ndim or high.ndim):
        op.cannot("the range is not one number")
    constants = _levels(op, low, high)
    if not all(np.isfinite(c).all() for c in constants):
        op.cannot("the range is empty or not finite")
    scale, least, most, level = (op.constant(np.asarray(c, np.float32)) for c in constants)
    y = op.emit("Max", op.emit("Min", x, most, shape=x.shape), least, shape=x.shape)
    y = op.emit("Sub", y, least, shape=x.shape)
    if _multiplies(op):
        y = op.emit("Mul", y, op.constant(np.float32(1) / constants[0]), shape=x.shape)
    else:
        y = op.emit("Div", y, scale, shape=x.shape)
    y = op.emit("Add", op.emit("Sub", y, level, shape=x.shape), op.constant(np.float32(0.5)), shape=x.shape)
    return op.emit("Mul", op.emit("Floor", y, shape=x.shape), scale, shape=x.shape)
