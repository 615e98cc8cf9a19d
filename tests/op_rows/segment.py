"""Cases of ``noria.ops.segment``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row

_BAD = Code.INVALID_ARGUMENT
_TYPES = (dtypes.float32, dtypes.float64, dtypes.float16, dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8)
_HALVES = np.array([2048, 1, 1, -3], np.float16)
_EDGES = np.array([[-0.0, np.inf], [-np.inf, -np.inf], [-np.inf, np.nan]], np.float32)
_NAN_ORDER = "TensorFlow fills in what a processor's packed maximum gives for NaN"


def _i(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def _f(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(values, np.float32)


ROWS: list[Row] = [
    *(
        row
        for how in ("Sum", "Mean", "Prod", "Max", "Min")
        for row in (
            Row(
                f"Segment{how}",
                [
                    [Rand((4, 2), 1, 3), _i(0, 0, 2, 2)],
                    [Rand((3,), -4, 4), _i(1, 1, 3)],
                    [Rand((0, 2)), np.zeros(0, np.int64)],
                    [Rand((2, 0)), _i(0, 1)],
                    [Rand((2, 2, 2)), Const([0, 0])],
                ],
                dtypes=_TYPES,
                lowers=False,
            ),
            Row(
                f"Segment{how}",
                [
                    [_f(1, 2), _i(-1, 0)],
                    [_f(1, 2), _i(1, 0)],
                    [_f(1, 2), _i(1)],
                    [_f(1, 2), _i(-2, -1)],
                    [np.float32(1), _i(0)],
                    [_f([1]), _i([0])],
                ],
                error=_BAD,
                id="refused",
            ),
        )
    ),
    Row("SegmentSum", [_HALVES, _i(0, 0, 0, 1)], exact=True, lowers=False, id="halves"),
    Row("SegmentMean", [_i(-1, -2, -4), _i(0, 0, 1)], lowers=False, id="towards-zero"),
    *(
        row
        for how in ("Sum", "Prod", "Max", "Min")
        for row in (
            Row(
                f"UnsortedSegment{how}",
                [
                    [Rand((4, 2), 1, 3), _i(2, 0, -1, 2), Const(4)],
                    [Rand((2, 2, 3), 1, 3), _i([0, 1], [1, -5]), Const(2)],
                    [Rand((3,)), np.array([1, 1, 0]), Const(2, dtypes.int64)],
                    [Rand((0, 2)), np.zeros(0, np.int32), Const(2)],
                    [Rand((2,)), _i(-1, -1), Const(0)],
                    [Rand((3, 2)), _i(0)[0], Const(2)],
                ],
                dtypes=_TYPES,
                lowers=False,
            ),
            Row(
                f"UnsortedSegment{how}",
                [
                    [_f(1, 2), _i(3, 0), Const(3)],
                    [_f(1, 2), _i(0), Const(3)],
                    [_f(1, 2), _i(0, 0), Const(-1)],
                ],
                error=_BAD,
                id="refused",
            ),
            Row(f"UnsortedSegment{how}", [_EDGES[:2], _i(0, 1), Const(2)], exact=True, lowers=False, id="edges"),
        )
    ),
    Row("UnsortedSegmentSum", [_HALVES, _i(0, 0, 0, 1), Const(2)], exact=True, lowers=False, id="halves"),
    Row("UnsortedSegmentSum", [_EDGES, _i(0, 1, 1), Const(2)], lowers=False, id="nan"),
    Row("UnsortedSegmentMax", [_EDGES, _i(0, 1, 1), Const(2)], lowers=False, skip_oracle=_NAN_ORDER, id="nan"),
    Row(
        "UnsortedSegmentMax",
        [Rand((2,)), _i(0, 0), Const(2)],
        dtypes=(dtypes.bfloat16,),
        lowers=False,
        id="bfloat16",
    ),
]
