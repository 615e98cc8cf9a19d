"""Cases of ``noria.ops.ngrams``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Row, each

_BAD = Code.INVALID_ARGUMENT


def _s(*values: object) -> Array:
    return np.array(values, object)


def _l(*values: object) -> Array:
    return np.array(values, np.int64)


def _i(*values: object) -> Array:
    return np.array(values, np.int32)


_WORDS = _s(b"a", b"bb", b"c", b"d", b"e")
_SPLITS = _l(0, 3, 3, 5)
_GRID = _s([b"a", b"b"], [b"c", b"d"], [b"e", b"f"])


def _attrs(
    widths: list[int], pad: Any = 0, left: bytes = b"", right: bytes = b"", short: Any = False
) -> dict[str, Any]:
    return {
        "separator": b"|",
        "ngram_widths": widths,
        "left_pad": left,
        "right_pad": right,
        "pad_width": pad,
        "preserve_short_sequences": short,
    }


ROWS: list[Row] = [
    *(
        Row(
            "StringNGrams",
            [_WORDS, _SPLITS],
            _attrs(widths, each(-1, 0, 1, 2, 5), left, right, each(False, True)),
            lowers=False,
            id=f"{'-'.join(map(str, widths))}{left.decode()}{right.decode()}",
        )
        for widths in ([1], [2], [1, 3], [3, 2], [4], [6])
        for left, right in ((b"L", b"R"), (b"L", b""), (b"", b""))
    ),
    Row(
        "StringNGrams",
        [
            [_WORDS, _i(0, 5)],
            [_s(), _l(0, 0)],
            [_s([b"a", b"b"]), _l(0, 2)],
            [_WORDS, _l()],
        ],
        _attrs([2]),
        lowers=False,
        id="shapes",
    ),
    Row(
        "StringNGrams",
        [[_WORDS, s] for s in (_l(0), _l(1, 5), _l(0, 3), _l(0, 3, 2, 5), _l(0, 7))],
        _attrs([2]),
        error=_BAD,
        id="refused",
    ),
    Row("StringNGrams", [_WORDS, _SPLITS], _attrs([], each(0, 2), short=each(False, True)), lowers=False, id="none"),
    Row("StringNGrams", [_WORDS, _SPLITS], _attrs([], -1, short=True), error=_BAD, id="no-width"),
    Row("StringNGrams", [_WORDS, _SPLITS], _attrs([0]), error=_BAD, id="zero"),
    Row("StringNGrams", [_WORDS, _SPLITS], _attrs([2, -1]), error=_BAD, id="negative"),
    Row(
        "UnsortedSegmentJoin",
        [
            [_s(b"a", b"b", b"c"), _i(1, 0, 1), Const(3)],
            [_GRID, _i(1, 0, 1), Const(2)],
            [_GRID, _l([1, 0], [1, 1], [0, 0]), Const(2, dtypes.int64)],
            [_GRID, _i(1, 1, 1), np.array(3, np.int32)],
            [_s(), _i(), Const(2)],
        ],
        {"separator": each(b"", b"--")},
        lowers=False,
    ),
    Row(
        "UnsortedSegmentJoin",
        [
            [_s(b"a", b"b"), _i(-1, 0), Const(2)],
            [_s(b"a", b"b"), _i(2, 0), Const(2)],
            [_s(b"a"), _i(0, 1), Const(2)],
            [_s(b"a"), _i(0), Const(-1)],
            [np.array(b"a", object), np.array(0, np.int32), Const(1)],
        ],
        error=_BAD,
        id="refused",
    ),
]
