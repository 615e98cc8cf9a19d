"""Cases of summaries: TensorFlow's very bytes. Images are compared by their pixels in tests/ops/test_summary.py."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Rand, Row

_BAD = Code.INVALID_ARGUMENT
_F = np.float32


def _s(*values: bytes) -> Array:
    return np.array(values, object)


_TAG = np.array(b"a/b", object)
_ONE, _TWO = b"\n\x08\n\x01a\x15\x00\x00\x80?", b"\n\x08\n\x01b\x15\x00\x00\x80?"

ROWS: list[Row] = [
    Row(
        "ScalarSummary",
        [[_TAG, np.array(v, t)] for v, t in ((1.5, np.float64), (0, np.float32), (7, np.int64), (0.1, np.float16))],
        lowers=False,
    ),
    Row("ScalarSummary", [_s(b"x", b"y"), np.array([1, 2], _F)], lowers=False, id="several"),
    Row("ScalarSummary", [[_TAG, np.zeros(2, _F)], [_TAG, np.zeros(1, _F)]], error=_BAD, id="shape"),
    Row(
        "HistogramSummary",
        [
            [_TAG, np.array([1, 2, -3, 0, 1e-13, 1e21], _F)],
            [_TAG, np.zeros(1, _F)],
            [_TAG, np.zeros(0, _F)],
            [_TAG, np.arange(12).reshape(3, 4)],
            [_TAG, Rand((50,), dtype=dtypes.float32)],
            [_TAG, Rand((50,), -1e-5, 1e-5, dtype=dtypes.float64)],
        ],
        lowers=False,
    ),
    Row(
        "HistogramSummary",
        [[_TAG, np.array([np.nan], _F)], [_TAG, np.array([np.inf], _F)], [_s(b"a"), np.zeros(1, _F)]],
        error=_BAD,
        id="refused",
    ),
    Row(
        "MergeSummary",
        [[np.array(_ONE, object), np.array(_TWO, object)], [_s(_ONE, _TWO)], [_s(b"")]],
        lowers=False,
    ),
    Row("MergeSummary", [[_s(_ONE), _s(_ONE)], [_s(b"\n\x10a")]], error=_BAD, id="refused"),
    Row(
        "TensorSummaryV2",
        [
            [_TAG, np.array([1, 2], _F), np.array(b"", object)],
            [_TAG, _s(b"x"), np.array(b"\x12\x01q", object)],
            [_TAG, np.array(3, np.int64), np.array(b"", object)],
        ],
        lowers=False,
    ),
    Row(
        "AudioSummaryV2",
        [
            [_TAG, np.array([[0, 0.5, -1, 2], [0, 0.25, 0.1, -0.1]], _F), np.array(8000, _F)],
            [_TAG, np.array([[[0, 0.5], [-1, 2]]], _F), np.array(8000, _F)],
        ],
        {"max_outputs": 2},
        lowers=False,
    ),
    Row("AudioSummaryV2", [_TAG, np.zeros((1, 2), _F), np.array(8000, _F)], {"max_outputs": 1}, lowers=False, id="one"),
]
