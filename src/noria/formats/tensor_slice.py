"""Slices of tensors: in checkpoints, in ``shape_and_slices`` of the restore ops, and as table keys.

A slice is (start, length) for each dimension of the full tensor; a length of -1 means the whole dimension.

    text    "10 20 0,5:-"    full shape, then one ``start,length`` or ``-`` (all) for each dimension, joined by ``:``
                             "10 20 " is the shape alone; "" asks for the whole tensor, whatever its shape
    proto   TensorSliceProto: extents with a start; no length where the dimension is whole
    key     ordered bytes: number 0, string name, number of dimensions, then signed start and length of each

    ordered number   one byte with the count of significant bytes, then these, big-endian
    ordered string   00 becomes 00 ff, ff becomes ff 00; ends with 00 01
    ordered signed   big-endian two's complement in the fewest bytes n (up to 10) whose last 7n bits hold it, sign
                     included; the first n bits inverted
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from noria.errors import InvalidArgumentError
from noria.formats.coding import Malformed
from noria.protos.tensorflow import TensorSliceProto

Extents: TypeAlias = tuple[tuple[int, int], ...]


def parse_spec(spec: str) -> tuple[tuple[int, ...], Extents] | None:
    """(full shape, extents) of a ``shape_and_slice`` text; None for the empty text.

    Lengths are resolved: none is -1. Raises InvalidArgumentError for text that does not parse and slices that do not
    fit their shape.
    """
    parsed = parse_unresolved(spec)
    if parsed is None:
        return None
    shape, extents = parsed
    return shape, resolve(extents, shape, f"shape_and_slice {spec!r}")


def parse_unresolved(spec: str) -> tuple[tuple[int, ...], Extents] | None:
    """As ``parse_spec``, with -1 for the length of a whole dimension: how keys tell it from a length given in full.

    Whether the slice fits the shape is not looked at.
    """
    if not spec:
        return None
    *dims, last = spec.split(" ")
    try:
        shape = tuple(int(d) for d in dims)
        if min(shape, default=0) < 0:
            raise ValueError("negative dimension")
        parts = last.split(":") if last else []
        extents = tuple((0, -1) if p == "-" else _pair(p) for p in parts) or tuple((0, -1) for _ in shape)
    except ValueError as error:
        raise InvalidArgumentError(f"shape_and_slice {spec!r}: {error}; expected e.g. '10 20 0,5:-'") from None
    if len(extents) != len(shape):
        raise InvalidArgumentError(f"shape_and_slice {spec!r}: {len(shape)} dimensions, {len(extents)} slices")
    return shape, extents


def _pair(text: str) -> tuple[int, int]:
    start, comma, length = text.partition(",")
    if not comma or int(start) < 0 or int(length) < 0:
        raise ValueError(f"{text!r} is not start,length")
    return int(start), int(length)


def spec_text(shape: Sequence[int], extents: Extents) -> str:
    """The ``shape_and_slice`` text of a slice of a tensor of ``shape``."""
    parts = ("-" if length < 0 else f"{start},{length}" for start, length in extents)
    return "".join(f"{d} " for d in shape) + ":".join(parts)


def resolve(extents: Extents, shape: Sequence[int], place: str) -> Extents:
    """``extents`` with -1 replaced by the size of the dimension; InvalidArgumentError when they leave the shape."""
    if len(extents) != len(shape):
        raise InvalidArgumentError(f"{place}: a slice of {len(extents)} dimensions of a tensor of rank {len(shape)}")
    resolved = tuple(
        (0, size) if length < 0 else (start, length) for (start, length), size in zip(extents, shape, strict=True)
    )
    for (start, length), size in zip(resolved, shape, strict=True):
        if start < 0 or start + length > size:
            raise InvalidArgumentError(f"{place}: slice {start},{length} of a dimension of size {size}")
    return resolved


def slices(extents: Extents) -> tuple[slice, ...]:
    """The NumPy index of resolved extents."""
    return tuple(slice(start, start + length) for start, length in extents)


def from_proto(proto: TensorSliceProto) -> Extents:
    """The extents of a TensorSliceProto; -1 where it gives no length."""
    return tuple((e.start, e.length) if e.HasField("length") else (0, -1) for e in proto.extent)


def to_proto(extents: Extents) -> TensorSliceProto:
    """The TensorSliceProto of extents."""
    proto = TensorSliceProto()
    for start, length in extents:
        extent = proto.extent.add()
        if length >= 0:
            extent.start = start
            extent.length = length
    return proto


def encode_key(name: bytes, extents: Extents) -> bytes:
    """The table key under which the slice ``extents`` of tensor ``name`` is stored."""
    escaped = b"".join({0: b"\x00\xff", 0xFF: b"\xff\x00"}.get(c, bytes([c])) for c in name)
    numbers = b"".join(_signed(start) + _signed(length) for start, length in extents)
    return _number(0) + escaped + b"\x00\x01" + _number(len(extents)) + numbers


def key_name(key: bytes) -> bytes:
    """The tensor name in a key that ``encode_key`` made; Malformed when it is none."""
    end = key.find(b"\x00\x01", 1)
    if not key.startswith(b"\0") or end < 0:
        raise Malformed(f"{key!r} is not the key of a slice")
    return key[1:end].replace(b"\x00\xff", b"\0").replace(b"\xff\x00", b"\xff")


def _number(value: int) -> bytes:
    size = (value.bit_length() + 7) // 8
    return bytes([size]) + value.to_bytes(size, "big")


def _signed(value: int) -> bytes:
    magnitude = ~value if value < 0 else value
    size = magnitude.bit_length() // 7 + 1
    bits = 8 * size
    header = (1 << bits) - (1 << (bits - size))  # the first ``size`` bits
    return ((value & ((1 << bits) - 1)) ^ header).to_bytes(size, "big")
