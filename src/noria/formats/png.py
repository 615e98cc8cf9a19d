"""PNG files (ISO/IEC 15948, www.w3.org/TR/png), read and written over zlib alone.

file  := 89 "PNG" 0D 0A 1A 0A, chunk*
chunk := length:u32 big-endian, name:4 letters, its bytes, CRC-32 of name and bytes
IHDR  := width:u32, height:u32, bit depth:u8, colour type:u8, compression:u8 = 0, filter:u8 = 0, interlace:u8
PLTE  := palette of RGB bytes; tRNS := its alphas, or the one transparent colour; IDAT := the pixels, deflated
pixels:= rows, each with the number of its filter before it; interlaced (Adam7): seven small images
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from noria.errors import InvalidArgumentError

Array = np.ndarray[Any, np.dtype[Any]]

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_CHANNELS: Final = {_GREY: 1, _RGB: 3, _PALETTE: 1, _GREY_ALPHA: 2, _RGBA: 4}
_DEPTHS: Final = {_GREY: (1, 2, 4, 8, 16), _RGB: (8, 16), _PALETTE: (1, 2, 4, 8), _GREY_ALPHA: (8, 16), _RGBA: (8, 16)}
# First column, first row, step to the right, step down, of each pass of Adam7.
_PASSES: Final = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
MOST_BYTES: Final = 1 << 30  # of one decoded image: what a small file may claim to hold


@dataclass(frozen=True, slots=True)
class Image:
    """A decoded file: samples as they stand in it, palette and transparent colour not yet applied.

    samples: uint8 or uint16 [height, width, channels]; colour: PNG's colour type; depth: bits of a sample;
    palette: uint8 [n, 3]; alpha: of the palette's colours, or the transparent colour's samples.
    """

    samples: Array
    colour: int
    depth: int
    palette: Array | None
    alpha: Array | None


def _bad(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"Invalid PNG data: {text}")


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at + 8 <= len(file):
        size, name = struct.unpack_from(">I4s", file, at)
        end = at + 12 + size
        if end > len(file):
            raise _bad(f"chunk {name!r} of {size} bytes is cut short")
        body = file[at + 8 : at + 8 + size]
        if name[0] & 32 == 0 and zlib.crc32(body, zlib.crc32(name)) != struct.unpack_from(">I", file, end - 4)[0]:
            raise _bad(f"the checksum of chunk {name!r} is wrong")
        yield name, body
        at = end
        if name == b"IEND":
            return


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    depth: int
    colour: int
    interlaced: bool

    @property
    def bits(self) -> int:
        """Of a pixel."""
        return self.depth * _CHANNELS[self.colour]


def _header(body: bytes) -> _Header:
    if len(body) != 13:
        raise _bad(f"its header has {len(body)} bytes, not 13")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if not (0 < width < 1 << 31 and 0 < height < 1 << 31):
        raise _bad(f"size {width} x {height}")
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise _bad(
            f"colour type {colour} of {depth} bits, compression {compression}, filter {filtering}, "
            f"interlace {interlace}"
        )
    header = _Header(width, height, depth, colour, bool(interlace))
    if width * height * max(header.bits, 8) // 8 > MOST_BYTES:
        raise _bad(f"{width} x {height} pixels are more than the {MOST_BYTES} bytes that an image may take")
    return header


def size(file: bytes) -> tuple[int, int]:
    """Height and width."""
    for name, body in _chunks(file):
        if name == b"IHDR":
            header = _header(body)
            return header.height, header.width
    raise _bad("it has no header")


def decode(file: bytes) -> Image:
    """The image in ``file``; InvalidArgumentError where it is damaged."""
    if not file.startswith(SIGNATURE):
        raise _bad(f"it begins with {file[:8]!r}")
    header: _Header | None = None
    palette = alpha = None
    packed: list[bytes] = []
    for name, body in _chunks(file):
        if name == b"IHDR":
            header = _header(body)
        elif header is None:
            raise _bad(f"chunk {name!r} comes before the header")
        elif name == b"PLTE":
            palette = np.frombuffer(body[: len(body) // 3 * 3], np.uint8).reshape(-1, 3)
        elif name == b"tRNS":
            indexed = header.colour == _PALETTE
            alpha = np.frombuffer(body, np.uint8) if indexed else np.frombuffer(body[: len(body) // 2 * 2], ">u2")
        elif name == b"IDAT":
            packed.append(body)
    if header is None or not packed:
        raise _bad("it has no pixels")
    if header.colour == _PALETTE and palette is None:
        raise _bad("it has no palette")
    return Image(_samples(header, b"".join(packed)), header.colour, header.depth, palette, alpha)


def _samples(header: _Header, packed: bytes) -> Array:
    passes = _PASSES if header.interlaced else ((0, 0, 1, 1),)
    sizes = [
        (max(-(-(header.height - y) // down), 0), max(-(-(header.width - x) // right), 0))
        for x, y, right, down in passes
    ]
    expected = sum(rows * (1 + -(-columns * header.bits // 8)) for rows, columns in sizes if columns)
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, expected)
    except zlib.error as error:
        raise _bad(f"its pixels do not inflate: {error}") from None
    if len(raw) < expected:
        raise _bad(f"its pixels end after {len(raw)} of {expected} bytes")
    dtype = np.uint16 if header.depth == 16 else np.uint8
    result = np.zeros((header.height, header.width, _CHANNELS[header.colour]), dtype)
    at = 0
    for (x, y, right, down), (rows, columns) in zip(passes, sizes, strict=True):
        if not rows or not columns:
            continue
        width = -(-columns * header.bits // 8)
        lines = np.frombuffer(raw, np.uint8, rows * (1 + width), at).reshape(rows, 1 + width)
        at += rows * (1 + width)
        result[y::down, x::right] = _unpacked(header, _unfiltered(lines, max(header.bits // 8, 1)), columns)
    return result


def _unpacked(header: _Header, lines: Array, columns: int) -> Array:
    """Rows of bytes as samples [rows, columns, channels]."""
    channels = _CHANNELS[header.colour]
    if header.depth == 16:
        return np.ascontiguousarray(lines).view(">u2").reshape(len(lines), columns, channels)
    if header.depth == 8:
        return lines.reshape(len(lines), columns, channels)
    each = 8 // header.depth
    shifts = np.arange(8 - header.depth, -1, -header.depth, dtype=np.uint8)
    small = (lines[:, :, None] >> shifts) & np.uint8((1 << header.depth) - 1)
    return small.reshape(len(lines), lines.shape[1] * each)[:, :columns, None]


def _unfiltered(lines: Array, step: int) -> Array:
    """Rows without their filters: none, left, up, mean of both, Paeth. ``step``: bytes of a pixel."""
    result = np.zeros((len(lines), lines.shape[1] - 1), np.uint8)
    above = np.zeros(lines.shape[1] - 1, np.uint8)
    for row, line in zip(result, lines, strict=True):
        kind, data = int(line[0]), line[1:]
        if kind == 0:
            row[:] = data
        elif kind == 1:
            for k in range(min(step, len(data))):
                row[k::step] = np.add.accumulate(data[k::step], dtype=np.uint8)
        elif kind == 2:
            row[:] = data + above
        elif kind in (3, 4):
            row[:] = np.frombuffer(_predicted(data.tolist(), above.tolist(), step, paeth=kind == 4), np.uint8)
        else:
            raise _bad(f"filter {kind}")
        above = row
    return result


def _predicted(data: list[int], above: list[int], step: int, *, paeth: bool) -> bytearray:
    """A row of the filters that look at the pixel to the left, which must be known first."""
    row = bytearray(len(data))
    for i, value in enumerate(data):
        left = row[i - step] if i >= step else 0
        up = above[i]
        if paeth:
            corner = above[i - step] if i >= step else 0
            to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
            second = up if to_up <= to_corner else corner
            guess = left if to_left <= to_up and to_left <= to_corner else second
        else:
            guess = (left + up) >> 1
        row[i] = (value + guess) & 255
    return row


# ---- writing ----------------------------------------------------------------------------------------------------


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))


def encode(pixels: Array, level: int = -1) -> bytes:
    """``pixels``, uint8 or uint16 [height, width, 1 to 4 channels], as a file; ``level`` is zlib's."""
    height, width, channels = pixels.shape
    colour = {1: _GREY, 2: _GREY_ALPHA, 3: _RGB, 4: _RGBA}[channels]
    depth = pixels.dtype.itemsize * 8
    lines = np.ascontiguousarray(pixels, ">u2" if depth == 16 else np.uint8).view(np.uint8).reshape(height, -1)
    # Differences to the row above (filter 2) deflate better than the bytes themselves, and need no loop.
    filtered = np.empty((height, lines.shape[1] + 1), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = lines[0]
    filtered[1:, 1:] = lines[1:] - lines[:-1]
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        SIGNATURE
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(filtered.tobytes(), level))
        + _chunk(b"IEND", b"")
    )
