"""The raw snappy block, as old tables use it; reading only.

    block    := varint(size of the plain bytes) element*
    literal  := tag with low bits 00; length - 1 in the high 6 bits, 60..63: in the next 1..4 bytes; then the bytes
    copy 1   := low bits 01; length - 4 in bits 2..4; offset in bits 5..7 (high) and the next byte
    copy 2   := low bits 10; length - 1 in the high 6 bits; offset in the next 2 bytes
    copy 4   := low bits 11; the same with 4 bytes

The output grows with the input that was read, never with the size that the block claims.
"""

from __future__ import annotations

from noria.formats.coding import Malformed, get_varint


def decompress(data: bytes) -> bytes:
    """The plain bytes of one block; Malformed when it does not decode to the size it claims."""
    size, at = get_varint(data, 0, min(len(data), 5))
    out = bytearray()
    while at < len(data):
        tag = data[at]
        at += 1
        at = _literal(data, at, tag >> 2, out) if tag & 3 == 0 else _copy(data, at, tag, out)
        if len(out) > size:
            break
    if len(out) != size:
        raise Malformed(f"a snappy block that claims {size} bytes and holds {len(out)}")
    return bytes(out)


def _literal(data: bytes, at: int, length: int, out: bytearray) -> int:
    if length >= 60:
        extra = length - 59
        length = int.from_bytes(data[at : at + extra], "little")
        at += extra
    end = at + length + 1
    if end > len(data):
        raise Malformed("a snappy literal that runs past the end")
    out += data[at:end]
    return end


def _copy(data: bytes, at: int, tag: int, out: bytearray) -> int:
    kind = tag & 3
    width = (0, 1, 2, 4)[kind]
    if at + width > len(data):
        raise Malformed("a snappy copy that runs past the end")
    offset = int.from_bytes(data[at : at + width], "little")
    length = (tag >> 2) + 1
    if kind == 1:
        offset |= (tag >> 5) << 8
        length = (tag >> 2 & 7) + 4
    start = len(out) - offset
    if offset == 0 or start < 0:
        raise Malformed(f"a snappy copy from {offset} bytes back, {len(out)} bytes in")
    piece = bytes(out[start : start + length])
    out += (piece * (length // len(piece) + 1))[:length]  # a copy may overlap what it writes
    return at + width
