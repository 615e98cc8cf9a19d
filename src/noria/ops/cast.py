"""Cast and Bitcast.

TensorFlow's Cast of a float to an integer that cannot hold it follows the processor. Noria takes the rule of x86 for
one element, everywhere: truncate to int32 (int64 for uint32, int64 and uint64), where what does not fit is the lowest
number, and keep the low bits. TensorFlow's own vectors saturate for 8- and 16-bit targets in long arrays and wrap
in the last few elements, so nobody can rely on more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.shapes import Shape

_SMALL_INTS = frozenset(np.dtype(t) for t in (np.int8, np.uint8, np.int16, np.uint16, np.int32))


@infer("Cast")
def _cast_infer(call: InferCall) -> list[Out]:
    info = call.inputs[0]
    known = info.known_dims if call.dtype("DstT").is_integer else None
    if known is not None:
        bits = call.dtype("DstT").bits
        if any(d is not None and not -(1 << (bits - 1)) <= d < (1 << (bits - 1)) for d in known):
            known = None  # wraps
    return [Out(info.shape, dims=known)]


@kernel("Cast")
def _cast(call: KernelCall, x: Array) -> Array:
    source, target = call.dtype("SrcT"), call.dtype("DstT")
    if source is target:
        return x
    if x.dtype.hasobject or target.numpy.hasobject:
        raise UnimplementedError(f"Cast {source} to {target} is not supported")
    if _truncates(call, source, target):
        x = _without_low_bits(x.astype(np.float32), 13 if target is dtypes.float16 else 16)
    return cast_array(x, target.numpy)


def _truncates(call: KernelCall | Lowering, source: DType, target: DType) -> bool:
    """Whether the low bits are cut instead of rounded; TensorFlow knows no such cast of doubles to bfloat16."""
    if not call.flag("Truncate") or source not in (dtypes.float32, dtypes.float64):
        return False
    return target is dtypes.float16 or (target is dtypes.bfloat16 and source is dtypes.float32)


def cast_array(x: Array, target: np.dtype[Any]) -> Array:
    """``x`` as ``target`` by TensorFlow's rules (see the head of this module)."""
    if x.dtype == target:
        return x
    with np.errstate(all="ignore"):
        if x.dtype.kind == "c" and target.kind != "c":
            x = x.real
        floating = x.dtype.kind == "f" or (x.dtype.kind == "V" and "float" in x.dtype.name)
        if target.kind == "b":
            return x.astype(np.float32).astype(np.bool_) if x.dtype.kind == "V" else x.astype(np.bool_)
        if floating and target.kind in "iu" and target.itemsize >= 1:
            return _float_to_integer(x, target)
        if target.itemsize < 4 and (target.kind == "V" or target == np.float16) and x.dtype.kind != "b":
            # Every narrow float is rounded from float32, doubles too.
            return x.astype(np.float32).astype(target)
        return x.astype(target)


def _float_to_integer(x: Array, target: np.dtype[Any]) -> Array:
    if x.dtype.itemsize < 4:
        x = x.astype(np.float32)
    if target == np.uint64:
        high = x >= x.dtype.type(2.0**63)
        low = _truncate(np.where(high, x - x.dtype.type(2.0**63), x), np.dtype(np.int64)).view(np.uint64)
        return np.asarray(np.where(high, low ^ np.uint64(1 << 63), low))
    if target in _SMALL_INTS:
        return _truncate(x, np.dtype(np.int32)).astype(target)
    return _truncate(x, np.dtype(np.int64)).astype(target)


def _truncate(x: Array, target: np.dtype[Any]) -> Array:
    """Towards zero; the lowest integer for what does not fit and for NaN."""
    info = np.iinfo(target)
    result = x.astype(target)
    limit = x.dtype.type(2.0 ** (info.bits - 1))
    fits = (x >= -limit) & (x < limit)
    if not fits.all():
        result = np.where(fits, result, target.type(info.min))
    return np.asarray(result)


def _without_low_bits(x: Array, bits: int) -> Array:
    mask = np.uint32(0xFFFFFFFF << bits & 0xFFFFFFFF)
    cut = (np.ascontiguousarray(x).reshape(x.shape).view(np.uint32) & mask).view(np.float32)
    return np.where(np.isnan(x), x, cut)


@lower("Cast")
def _cast_lower(op: Lowering) -> Value:
    x, target = op.inputs[0], op.dtype("DstT")
    if x.dtype is target:
        return x
    if _truncates(op, x.dtype, target):
        op.cannot("truncation of the low bits")
    return op.emit("Cast", x, dtype=target, shape=x.shape, to=target.onnx)


@infer("Bitcast")
def _bitcast_infer(call: InferCall) -> list[Shape]:
    x = call.shape(0)
    source, target = call.dtype("T").size, call.dtype("type").size
    if x is None or source == target:
        return [x]
    if source > target:
        return [(*x, source // target)]
    if len(x) == 0 or x[-1] not in (target // source, None):
        raise InvalidArgumentError(
            f"Cannot bitcast from {target} to {source}: the last dimension must be {target // source}"
        )
    return [x[:-1]]


@kernel("Bitcast")
def _bitcast(call: KernelCall, x: Array) -> Array:
    target = call.output_dtype
    x = np.ascontiguousarray(x).reshape(x.shape)  # ascontiguousarray makes a vector of a scalar
    if x.dtype.itemsize == target.itemsize:
        return x.view(target)
    if x.dtype.itemsize > target.itemsize:
        ratio = x.dtype.itemsize // target.itemsize
        return x.reshape(-1).view(target).reshape((*x.shape, ratio))
    ratio = target.itemsize // x.dtype.itemsize
    if x.ndim == 0 or x.shape[-1] != ratio:
        raise InvalidArgumentError(
            f"Cannot bitcast from {target.itemsize} to {x.dtype.itemsize}: "
            f"the last dimension of shape {list(x.shape)} must be {ratio}"
        )
    return x.reshape(-1).view(target).reshape(x.shape[:-1])
