"""Cases of ``noria.ops.sets``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_TEXT = np.array([b"b", b"a", b"b", b""], object)
_SPECIAL = np.array([np.nan, 1, np.nan, -0.0, 0.0, np.inf, -np.inf], np.float32)
_ROWS = np.array([[1, 2], [3, 4], [1, 2], [0, 9]], np.int32)
_NO_AXIS = Const(np.zeros(0, np.int64))
_X = np.arange(12, dtype=np.float32).reshape(3, 4)
_BOUNDS = [0.1, 0.2, 0.2, 5.5]


def _i(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


ROWS: list[Row] = [
    *(
        row
        for op in ("Unique", "UniqueWithCounts")
        for row in (
            Row(
                op,
                [[Rand((8,), 0, 4)], [Rand((0,))]],
                attrs={"out_idx": each(dtypes.int32, dtypes.int64)},
                dtypes=(dtypes.float32, dtypes.int32, dtypes.int64, dtypes.int8, dtypes.bool_),
                lowers=False,
            ),
            Row(op, [[_SPECIAL], [_TEXT], [_i(3, 1, 3, 2)]], lowers=False, id="values"),
            Row(op, [_ROWS], error=_BAD, id="refused"),
        )
    ),
    *(
        row
        for op in ("UniqueV2", "UniqueWithCountsV2")
        for row in (
            Row(
                op,
                [
                    [_ROWS, Const([0], dtypes.int64)],
                    [_ROWS, Const([-1], dtypes.int32)],
                    [_i(3, 1, 3), Const([0], dtypes.int64)],
                    [_i(3, 1, 3), _NO_AXIS],
                    [_SPECIAL.reshape(-1, 1), Const([0], dtypes.int64)],
                    [_TEXT, _NO_AXIS],
                ],
                lowers=False,
            ),
            Row(op, [[_ROWS, _NO_AXIS], [_ROWS, Const([2])], [_ROWS, Const([0, 1])]], error=_BAD, id="refused"),
        )
    ),
    Row(
        "ListDiff",
        [[_i(1, 2, 1, 3), _i(2)], [_SPECIAL, _SPECIAL[:4]], [_TEXT, _TEXT[:1]], [_i(), _i(1)], [_i(1), _i()]],
        attrs={"out_idx": each(dtypes.int32, dtypes.int64)},
        lowers=False,
    ),
    Row("ListDiff", [[_ROWS, _i(1)], [_i(1), _ROWS]], error=_BAD, id="refused"),
    Row("InvertPermutation", [[_i(2, 0, 1)], [np.array([1, 0])], [_i()]], lowers=False),
    Row("InvertPermutation", [[_i(2, 0, 2)], [_i(2, 0, 3)], [_i(-1, 0)], [_ROWS]], error=_BAD, id="refused"),
    Row(
        "Bucketize",
        [[Rand((2, 5), -1, 7)], [Rand(())], [Rand((0, 2))]],
        attrs={"boundaries": _BOUNDS},
        dtypes=(dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64),
    ),
    Row(
        "Bucketize",
        [
            [np.array([0.1, 0.2, np.nan, np.inf, -np.inf, 5.5], np.float32)],
            [np.array([0.1, 0.2, np.nan, 5.5], np.float64)],
            [_i(0, 5, 6)],
        ],
        attrs={"boundaries": _BOUNDS},
        id="edges",
    ),
    Row("Bucketize", [np.array([2**24 + 1, 7])], attrs={"boundaries": [float(2**24)]}, id="large"),
    Row("Bucketize", [Rand((3,))], attrs={"boundaries": []}, lowers=False, id="none"),
    Row("Bucketize", [Rand((3,))], attrs={"boundaries": [1.0, 0.0]}, error=_BAD, id="refused"),
    Row("ReverseSequence", [_X, _i(1, 2, 4)], attrs={"seq_dim": 1, "batch_dim": 0}),
    Row("ReverseSequence", [_X, np.array([1, 2, 0, 3])], attrs={"seq_dim": 0, "batch_dim": 1}, id="time-major"),
    Row(
        "ReverseSequence",
        [Rand((2, 3, 2)), _i(3, 2)],
        attrs={"seq_dim": 1, "batch_dim": 0},
        dtypes=(dtypes.float32, dtypes.int32, dtypes.bool_),
        id="rows",
    ),
    Row("ReverseSequence", [Rand((2, 3, 2)), _i(0, 1)], attrs={"seq_dim": 1, "batch_dim": 2}, lowers=False, id="inner"),
    Row(
        "ReverseSequence",
        [[_X, _i(1, 2, 5)], [_X, _i(1, 2, -1)], [_X, _i(1, 2)]],
        attrs={"seq_dim": 1, "batch_dim": 0},
        error=_BAD,
        id="refused",
    ),
    Row(
        "ReverseSequence",
        [_X, _i(1, 2, 0)],
        attrs={"seq_dim": each(0, 3, -1), "batch_dim": 0},
        error=_BAD,
        id="axes",
    ),
]
