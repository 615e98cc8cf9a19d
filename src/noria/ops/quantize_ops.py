"""Numbers as integers of few bits: QuantizeV2, Dequantize and QuantizeAndDequantize. On the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet, typed
from noria.shapes import Shape

_ROUND_TRIP = ("QuantizeAndDequantizeV2", "QuantizeAndDequantizeV3", "QuantizeAndDequantizeV4")
_F = np.float32


def _away(x: Array) -> Array:
    """Rounded, halves away from 0."""
    return np.asarray(np.trunc(x + np.copysign(x.dtype.type(0.5), x)))


def _spread(value: Array, x: Array, axis: int) -> Array:
    """A number, or one for each slice along ``axis``, so that it broadcasts with ``x``."""
    if axis < 0:
        return value.reshape(())
    return value.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


def _check_range(call: KernelCall, x: Array, low: Array, high: Array) -> int:
    """The axis, -1 for the whole tensor; the ranges must go with it."""
    axis = call.integer("axis") if "axis" in call.node.attrs else -1
    wanted = () if axis < 0 else (x.shape[axis],) if axis < x.ndim else None
    if wanted is None:
        raise InvalidArgumentError(f"Axis must be less than input dimension({x.ndim}), got {axis}")
    for name, value in (("min_range", low), ("max_range", high)):
        if value.size != (wanted[0] if wanted else 1):
            raise InvalidArgumentError(
                f"`{name}` must have the shape {shape_text(wanted)}, got {shape_text(value.shape)}"
            )
    return axis


# ---- QuantizeV2 -------------------------------------------------------------------------------------------------


@infer("QuantizeV2")
def _quantize_infer(call: InferCall) -> Sequence[Shape]:
    axis = call.integer("axis")
    shape = call.shape(0)
    bounds: Shape = () if axis < 0 else (None if shape is None or axis >= len(shape) else shape[axis],)
    return [shape, bounds, bounds]


def _widened(call: KernelCall, low: Array, high: Array) -> tuple[Array, Array]:
    """The range with 0 in it, not empty, as numbers of float32."""
    least = _F(call.number("ensure_minimum_range"))
    low = np.minimum(low.astype(_F), _F(0))
    epsilon = np.maximum(_F(1), np.maximum(np.abs(low), np.abs(high.astype(_F)))) * least
    return low, np.maximum(np.maximum(high.astype(_F), low + epsilon), _F(0))


@kernel("QuantizeV2")
@quiet
def _quantize(call: KernelCall, x: Array, min_range: Array, max_range: Array) -> tuple[Array, Array, Array]:
    axis = _check_range(call, x, min_range, max_range)
    if (min_range > max_range).any():
        raise InvalidArgumentError(f"min_range {min_range.tolist()} must not be above max_range {max_range.tolist()}")
    low, high = _widened(call, min_range, max_range)
    mode, dtype = call.text("mode"), call.output_dtype
    bounds = np.iinfo(dtype)
    if mode == "SCALED":
        return _quantize_scaled(call, x, low, high, axis)
    at, end = _spread(low, x, axis), _spread(high, x, axis)
    if mode == "MIN_COMBINED":
        span = _F(bounds.max) - _F(bounds.min)
        clipped = np.clip(x.astype(_F), at, end)
        scaled = (clipped - at) * (span / (end - at))
        if bounds.min < 0:
            scaled = scaled - (span + _F(1)) / _F(2)
        rounded = np.rint(scaled) if call.text("round_mode") == "HALF_TO_EVEN" else _away(scaled)
        return _whole(rounded, dtype), low, high
    if mode != "MIN_FIRST":
        raise InvalidArgumentError(f"Mode string must be 'MIN_COMBINED', 'MIN_FIRST', or 'SCALED', is '{mode}'")
    steps = 1 << (dtype.itemsize * 8)
    scale = (steps - 1.0) / (end.astype(np.float64) - at.astype(np.float64))
    moved = _away(x.astype(np.float64) * scale) - _away(at.astype(np.float64) * scale) + bounds.min
    return np.clip(moved, bounds.min, bounds.max).astype(dtype), low, high


def _whole(x: Array, dtype: np.dtype[Any]) -> Array:
    """Floats as integers; those too large wrap to the least, as the processor's conversion does."""
    if dtype.itemsize < 4:
        return x.astype(np.int64).astype(dtype)
    return np.where(np.abs(x) < 2.0**31, x, _F(-(2.0**31))).astype(dtype)


def _quantize_scaled(call: KernelCall, x: Array, low: Array, high: Array, axis: int) -> tuple[Array, Array, Array]:
    """Symmetric about 0: both bounds become those that the scale makes of the ends of the integers."""
    dtype = call.output_dtype
    bounds = np.iinfo(dtype)
    narrow = call.flag("narrow_range")
    least, most = _F(bounds.min + narrow if bounds.min else 0), _F(bounds.max)
    from_low = np.where(least * low > 0, least / low, np.finfo(_F).max).astype(_F)
    from_high = np.where(most * high > 0, most / high, np.finfo(_F).max).astype(_F)
    scale = np.minimum(from_low, from_high)
    at, end = (least / scale).astype(_F), (most / scale).astype(_F)
    scaled = np.clip(x.astype(_F), _spread(at, x, axis), _spread(end, x, axis)) * _spread(scale, x, axis)
    rounded = np.rint(scaled) if call.text("round_mode") == "HALF_TO_EVEN" else _away(scaled)
    return _whole(rounded, dtype), at, end


# ---- Dequantize -------------------------------------------------------------------------------------------------


@infer("Dequantize")
def _dequantize_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


@kernel("Dequantize")
@quiet
def _dequantize(call: KernelCall, x: Array, min_range: Array, max_range: Array) -> Array:
    axis = _check_range(call, x, min_range, max_range)
    low, high = (_spread(v.astype(_F), x, axis) for v in (min_range, max_range))
    bounds = np.iinfo(x.dtype)
    mode = call.text("mode")
    value = x.astype(_F)
    if mode == "MIN_COMBINED":
        half = _F(0) if bounds.min == 0 else (_F(bounds.max) - _F(bounds.min) + _F(1)) / _F(2)
        scale = (high - low) / (_F(bounds.max) - _F(bounds.min))
        return typed((value + half) * scale + low, call.output_dtype)
    if mode == "MIN_FIRST":
        steps = float(1 << (x.dtype.itemsize * 8))
        scale64 = (high.astype(np.float64) - low) / (steps - 1)
        first = _away(low.astype(np.float64) / np.where(scale64 == 0, 1, scale64)) * scale64
        return typed((x.astype(np.float64) - bounds.min) * scale64 + first, call.output_dtype)
    if mode != "SCALED":
        raise InvalidArgumentError(f"Mode string must be 'MIN_COMBINED', 'MIN_FIRST', or 'SCALED', is '{mode}'")
    least = _F(bounds.min + call.flag("narrow_range"))
    scale = high / _F(bounds.max) if bounds.min == 0 else np.maximum(low / least, high / _F(bounds.max))
    return typed(value * scale, call.output_dtype)


# ---- there and back ---------------------------------------------------------------------------------------------


@infer(*_ROUND_TRIP)
def _round_trip_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


@kernel(*_ROUND_TRIP)
@quiet
def _round_trip(call: KernelCall, x: Array, input_min: Array, input_max: Array, num_bits: Array | None = None) -> Array:
    """Each number as near as integers of ``num_bits`` over the range (or that of ``x``) come to it."""
    bits = call.integer("num_bits") if num_bits is None else int(num_bits)
    signed, narrow = call.flag("signed_input"), call.flag("narrow_range")
    if not signed <= bits - 1 < 63:
        raise InvalidArgumentError(f"num_bits is out of range: {bits} with signed_input {signed}")
    axis = call.integer("axis")
    if not -1 <= axis < x.ndim:
        raise InvalidArgumentError(f"Axis should be at least -1 and less than the rank {x.ndim}, got {axis}")
    if not x.size:
        return x
    if call.flag("range_given"):
        wanted = 1 if axis < 0 else x.shape[axis]
        for name, value in (("input_min", input_min), ("input_max", input_max)):
            if value.size != wanted or (axis < 0 and value.ndim):
                raise InvalidArgumentError(f"{name} must have {wanted} elements, got shape {shape_text(value.shape)}")
        if (input_min > input_max).any():
            raise InvalidArgumentError(
                f"Invalid range: input_min {input_min.tolist()} > input_max {input_max.tolist()}"
            )
        low, high = _spread(input_min, x, axis), _spread(input_max, x, axis)
    else:
        others = tuple(i for i in range(x.ndim) if i != axis)
        low, high = x.min(axis=others, keepdims=True), x.max(axis=others, keepdims=True)
    kind = x.dtype.type
    least = kind(-(2 ** (bits - 1)) + narrow if signed else 0)
    most = kind(2 ** (bits - 1) - 1 if signed else 2**bits - 1)
    top = np.finfo(x.dtype).max
    from_low = np.where(least * low > 0, least / low, top)
    from_high = np.where(most * high > 0, most / high, top)
    by_low = from_low < from_high
    scale = np.where(by_low, from_low, from_high).astype(x.dtype)
    inverse = np.where(by_low, low / least, high / most).astype(x.dtype)
    high = np.where(by_low, most * inverse, high).astype(x.dtype)
    low = np.where(by_low, low, least * inverse).astype(x.dtype)
    scaled = (np.maximum(np.minimum(x, high), low) if call.flag("range_given") else x) * scale
    even = "round_mode" not in call.node.attrs or call.text("round_mode") == "HALF_TO_EVEN"
    rounded = np.rint(scaled) if even else np.floor(scaled + kind(0.5))
    return typed(rounded * inverse, x.dtype)
