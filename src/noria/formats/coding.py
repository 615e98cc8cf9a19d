"""Small integers in bytes, and checksums.

    fixed32, fixed64   little-endian, 4 and 8 bytes
    varint             7 bits a byte, low bits first, the high bit says that another byte follows; at most 10 bytes
    masked crc32c      crc32c c stored as (c >> 15 | c << 17) + 0xa282ead8 mod 2**32, so that a checksum of bytes that
                       hold checksums stays a good one

Readers get Malformed for bytes that do not decode and say in which file and where.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_MASK_DELTA: Final = 0xA282EAD8
_U32: Final = 0xFFFFFFFF
_PIECE: Final = 1 << 20


class Malformed(Exception):
    """Bytes that do not decode; caught by the reader of the file, which names the file and the place."""


def put_varint(value: int) -> bytes:
    """``value`` (0 <= value < 2**64) as a varint."""
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def get_varint(data: bytes | memoryview, at: int, end: int) -> tuple[int, int]:
    """(value, position after it) of the varint at ``at``; it must stop before ``end`` and fit 64 bits."""
    value = shift = 0
    while at < end:
        byte = int(data[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise Malformed("a varint of more than 64 bits")
            return value, at
        shift += 7
        if shift >= 70:
            raise Malformed("a varint of more than 10 bytes")
    raise Malformed("a varint that runs past the end")


def fixed32(data: bytes | memoryview, at: int) -> int:
    """The fixed32 at ``at``."""
    return int.from_bytes(data[at : at + 4], "little")


def fixed64(data: bytes | memoryview, at: int) -> int:
    """The fixed64 at ``at``."""
    return int.from_bytes(data[at : at + 8], "little")


def crc32c(data: bytes | npt.NDArray[np.uint8], crc: int = 0) -> int:
    """crc32c of ``data`` following bytes whose crc32c is ``crc``; arrays must be contiguous and read-only."""
    import google_crc32c  # what checks nothing (the client, which reads no files) runs without it

    return int(google_crc32c.extend(crc, data))


def mask(crc: int) -> int:
    """The stored form of a crc32c."""
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & _U32


def unmask(stored: int) -> int:
    """The crc32c of a stored form."""
    rotated = (stored - _MASK_DELTA) & _U32
    return (rotated >> 17 | rotated << 15) & _U32


def pack_varints(values: npt.NDArray[Any]) -> bytes:
    """The varints of an integer array one after the other; negative numbers as their 64-bit two's complement.

    Works on whole columns: the n-th bytes of all numbers at once, then drops the bytes that a number does not need.
    """
    flat = values.reshape(-1)
    if flat.dtype == np.bool_ or flat.size == 0 or (flat.min() >= 0 and flat.max() < 0x80):
        return flat.astype(np.uint8).tobytes()
    rest = flat.astype(np.int64).view(np.uint64) if flat.dtype.kind == "i" else flat.astype(np.uint64)
    width = (int(rest.max()).bit_length() + 6) // 7
    if width <= 4:
        rest = rest.astype(np.uint32)
    columns = np.empty((rest.size, width), np.uint8)
    needed = np.ones((rest.size, width), np.bool_)
    for n in range(width):
        if n:
            np.not_equal(rest, 0, out=needed[:, n])
            columns[:, n - 1] |= needed[:, n].view(np.uint8) << 7
        np.bitwise_and(rest, 0x7F, out=columns[:, n], casting="unsafe")
        rest >>= 7
    return columns[needed].tobytes()
