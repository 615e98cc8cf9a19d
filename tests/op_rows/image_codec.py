"""Cases of PNG and BMP files. JPEG and GIF need Pillow, which the oracle's environment lacks: see tests/ops."""

from __future__ import annotations

import struct
import zlib

import numpy as np

from noria import dtypes
from noria.errors import Code
from noria.formats import png
from op_cases import Array, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT


def _file(data: bytes) -> Array:
    return np.array(data, object)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _png(colour: int, depth: int, lines: list[bytes], width: int, interlaced: int = 0, **extra: bytes) -> bytes:
    """A file of ``lines``, each with the number of its filter in front; interlaced of that height."""
    height = interlaced or len(lines)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced > 0))
    more = b"".join(_chunk(name.encode(), body) for name, body in extra.items())
    pixels = _chunk(b"IDAT", zlib.compress(b"".join(lines)))
    return png.SIGNATURE + _chunk(b"IHDR", header) + more + pixels + _chunk(b"IEND", b"")


_RNG = np.random.default_rng(3)


def _filtered(colour: int, depth: int, pixel: int, width: int, count: int) -> bytes:
    """Random bytes under every filter in turn."""
    row = -(-width * pixel // 8)
    return _png(colour, depth, [bytes([i % 5]) + _RNG.bytes(row) for i in range(count)], width)


# First column, first row, step to the right, step down.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def _interlaced(colour: int, depth: int, pixel: int, width: int, height: int) -> bytes:
    """Random bytes in the seven passes."""
    lines = []
    for x, y, right, down in _PASSES:
        columns, rows = max(-(-(width - x) // right), 0), max(-(-(height - y) // down), 0)
        if columns:
            lines += [bytes([i % 5]) + _RNG.bytes(-(-columns * pixel // 8)) for i in range(rows)]
    return _png(colour, depth, lines, width, height)


_KINDS = ((0, 1, 1), (2, 8, 3), (6, 16, 4))
_DEEP = bytes([10, 200, 20, 255, 30, 1, 200, 0, 100, 128, 50, 127])
_SMALL = b"\0" + bytes([10, 20, 30, 200, 100, 50])
_FILES = [
    *(_filtered(c, d, d * n, 7, 6) for c, n in ((0, 1), (2, 3), (4, 2), (6, 4)) for d in (8, 16)),
    *(_filtered(0, d, d, 7, 6) for d in (1, 2, 4)),
    *(_interlaced(c, d, d * n, w, h) for c, d, n in _KINDS for w, h in ((9, 9), (1, 3), (5, 2))),
    _png(0, 8, [b"\0\5\6"], 2, tRNS=b"\0\5"),
    _png(2, 8, [_SMALL], 2, tRNS=bytes([0, 10, 0, 20, 0, 30])),
    _png(2, 16, [b"\0" + _DEEP], 2, tRNS=_DEEP[:6]),
    _png(3, 2, [b"\0\x1b"], 4, PLTE=bytes(range(12))),
    _png(3, 8, [bytes([0, 0, 1, 2, 3])], 4, PLTE=bytes(range(0, 120, 10)), tRNS=bytes([7, 8])),
]
_GOOD = _FILES[2]


def _bmp(bits: int, height: int, rows: list[bytes], width: int) -> bytes:
    data = b"".join(rows)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, len(data), 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + info + data


_BMP = _bmp(24, 2, [bytes([1, 2, 3, 4, 5, 6, 0, 0]), bytes([7, 8, 9, 10, 11, 12, 0, 0])], 2)

ROWS: list[Row] = [
    Row(
        "DecodePng",
        [[_file(f)] for f in _FILES],
        {"channels": each(0, 1, 3, 4), "dtype": each(dtypes.uint8, dtypes.uint16)},
        lowers=False,
    ),
    Row(
        "DecodeImage",
        [[_file(_FILES[i])] for i in (0, 1, 2, 3, -1)] + [[_file(_BMP)]],
        {"channels": each(0, 3), "dtype": each(dtypes.uint8, dtypes.uint16, dtypes.float32)},
        lowers=False,
    ),
    Row("DecodeJpeg", [_file(_GOOD)], lowers=False, id="a PNG"),
    Row("DecodeGif", [_file(_GOOD)], lowers=False, id="a PNG"),
    Row(
        "DecodeBmp",
        [
            [_file(_BMP)],
            [_file(_bmp(24, -2, [bytes(8), bytes([7, 8, 9, 10, 11, 12, 0, 0])], 2))],
            [_file(_bmp(32, 1, [bytes(range(8))], 2))],
            [_file(_bmp(8, 1, [bytes([1, 2, 0, 0])], 2))],
        ],
        {"channels": each(0, 3, 4)},
        lowers=False,
    ),
    *(
        Row(op, [*([_file(d)] for d in (b"xx", b"", _GOOD[:40], _GOOD[:-30])), [np.array([_GOOD], object)]], error=_BAD)
        for op in ("DecodePng", "DecodeImage", "DecodeJpeg", "DecodeGif")
    ),
    Row("DecodePng", [_file(_GOOD)], {"channels": each(2, 7)}, error=_BAD, id="channels"),
    Row("DecodePng", [_file(_BMP)], error=_BAD, id="a BMP"),
    Row(
        "DecodeBmp",
        [[_file(data)] for data in (_GOOD, _BMP[:-4], _BMP[:20], _bmp(16, 1, [bytes(4)], 2))],
        error=_BAD,
        id="refused",
    ),
    Row("DecodeBmp", [_file(_BMP)], {"channels": 1}, error=_BAD, id="channels"),
    Row("DecodeJpeg", [_file(_GOOD)], {"ratio": 3}, error=_BAD, id="ratio"),
    Row("ExtractJpegShape", [_file(_GOOD)], error=_BAD, id="a PNG"),
    Row("EncodePng", [[Rand((2, 3, 5), 0, 9)], [Rand((2, 3), 0, 9)]], dtypes=(dtypes.uint8,), error=_BAD, id="shape"),
    Row("EncodeJpeg", [Rand((2, 3, 4), 0, 9, dtype=dtypes.uint8)], error=_BAD, id="channels"),
    Row("EncodeJpeg", [Rand((2, 3, 3), 0, 9, dtype=dtypes.uint8)], {"quality": 101}, error=_BAD, id="quality"),
]
