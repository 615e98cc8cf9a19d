"""Cases of ``noria.ops.slicing``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_SOME = (dtypes.float32, dtypes.int32, dtypes.bool_)
_MOST = (dtypes.float32, dtypes.float16, dtypes.float64, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.bool_)
_TEXT = np.array([[b"a", b""], [b"\xff", b"d"]], object)
_X = np.arange(12, dtype=np.float32).reshape(3, 4)
_V = np.array([3, 1, 4, 1, 5], np.int64)


def _i(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


ROWS: list[Row] = [
    # Slice
    Row(
        "Slice",
        [[Rand((3, 4)), Const(b), Const(s)] for b, s in (([1, 0], [2, 3]), ([0, 1], [-1, -1]), ([3, 2], [0, -1]))]
        + [[Rand((3, 4)), Const([0, 0]), Const([-1, 4])], [Rand((0, 2)), Const([0, 1]), Const([-1, 1])]],
        dtypes=_MOST,
    ),
    Row(
        "Slice",
        [[_X, _i(1, 0), _i(2, 3)], [_X, _i(0, 1), _i(-1, -1)], [_V, _i(1), _i(2)], [_V, _i(5), _i(-1)]],
        id="fed",
    ),
    Row("Slice", [_X, Const([0, 1]), _i(2, 2)], id="size-fed"),
    Row("Slice", [np.array(2.0), Const(np.zeros(0, np.int32)), Const(np.zeros(0, np.int32))], id="scalar"),
    Row("Slice", [_TEXT, Const([0, 1]), Const([2, 1])], lowers=False, id="text"),
    Row("Slice", [np.zeros((600, 2), np.float32), Const([10, 0]), Const([500, 1])], id="long"),
    *(
        Row("Slice", [[_X, Const(b), Const(s)], [_X, _i(*b), _i(*s)]], error=_BAD, id=f"refused{k}")
        for k, (b, s) in enumerate((([1, 0], [3, 1]), ([4, 0], [0, 1]), ([-1, 0], [1, 1]), ([0, 0], [-2, 1])))
    ),
    Row("Slice", [_X, Const([0]), Const([1])], error=_BAD, id="short"),
    # Split, SplitV
    Row(
        "Split",
        [[Const(1), Rand((3, 4))], [Const(-1), Rand((2, 3, 4))], [Const(0), Rand((2, 3))], [Const(0), Rand((0, 3))]],
        attrs={"num_split": each(2, 1)},
        dtypes=_MOST,
    ),
    Row("Split", [_i(1)[0], Rand((3, 4))], attrs={"num_split": 2}, lowers=False, id="fed"),
    Row("Split", [Const(1), _TEXT], attrs={"num_split": 2}, lowers=False, id="text"),
    Row(
        "Split",
        [[Const(1), Rand((3, 4))], [Const(0), Rand((4, 4))], [Const(2), Rand((3, 3))], [Const(0), Rand(())]],
        attrs={"num_split": 3},
        error=_BAD,
        id="refused",
    ),
    Row(
        "SplitV",
        [
            [Rand((3, 4)), Const([1, 3]), Const(1)],
            [Rand((3, 4)), Const([1, -1]), Const(-1)],
            [Rand((3, 4)), Const([-1, 2], dtypes.int64), Const(0)],
            [Rand((3, 4)), Const([0, 4]), Const(1)],
            [Rand((0, 4)), Const([-1, 0]), Const(0)],
        ],
        attrs={"num_split": 2},
        dtypes=_SOME,
    ),
    Row("SplitV", [Rand((3, 4)), Const([3]), Const(0)], attrs={"num_split": 1}, id="one"),
    Row("SplitV", [Rand((3, 4)), Const([-1]), Const(0)], attrs={"num_split": 1}, error=_BAD, id="one-refused"),
    Row("SplitV", [Rand((3, 4)), _i(1, 3), Const(1)], attrs={"num_split": 2}, lowers=False, id="fed"),
    Row(
        "SplitV",
        [[Rand((3, 4)), Const(s), Const(1)] for s in ([1, 2], [5, -1], [-2, 6], [4], [-1, -1])],
        attrs={"num_split": 2},
        error=_BAD,
        id="refused",
    ),
    # Concat, ConcatV2
    Row(
        "ConcatV2",
        [
            [Rand((2, 3)), Rand((1, 3)), Const(0)],
            [Rand((2, 3)), Rand((2, 1)), Rand((2, 2)), Const(-1)],
            [Rand((2, 0)), Rand((2, 1)), Const(1)],
            [Rand((2,)), Rand((0,)), Const(0, dtypes.int64)],
        ],
        dtypes=_MOST,
    ),
    Row("ConcatV2", [Rand((2, 3)), Rand((2, 3)), _i(1)[0]], attrs={"N": 2}, lowers=False, id="fed"),
    Row("ConcatV2", [_TEXT, _TEXT, Const(1)], attrs={"N": 2}, lowers=False, id="text"),
    Row("Concat", [[Const(-1), Rand((2, 3)), Rand((2, 1))], [Const(0), Rand((2,)), Rand((1,))]], dtypes=_SOME),
    Row(
        "ConcatV2",
        [
            [Rand(()), Rand(()), Const(0)],
            [Rand((2, 3)), Rand((2, 2)), Const(0)],
            [Rand((2, 3)), Rand((3,)), Const(0)],
            [Rand((2, 3)), Rand((2, 3)), Const(2)],
        ],
        attrs={"N": 2},
        error=_BAD,
        id="refused",
    ),
    # Pack, Unpack
    Row(
        "Pack",
        [[Rand((2, 3)), Rand((2, 3))], [Rand((2, 3))], [Rand((2, 0)), Rand((2, 0)), Rand((2, 0))]],
        attrs={"axis": each(0, 1, -1, -3)},
        dtypes=_SOME,
    ),
    Row("Pack", [[Rand(()), Const(np.float32(3.5)), Rand(())], [Const(1.0), Const(2.0)]], id="scalars"),
    Row("Pack", [_TEXT, _TEXT], attrs={"axis": 1}, lowers=False, id="text"),
    Row("Pack", [Rand((2, 3)), Rand((2, 2))], error=_BAD, id="refused"),
    Row("Pack", [Rand((2, 3)), Rand((2, 3))], attrs={"axis": each(3, -4)}, error=_BAD, id="axis"),
    Row("Unpack", [[Rand((2, 3, 2))], [Rand((2, 0, 2))]], attrs={"axis": each(0, -1), "num": 2}, dtypes=_SOME),
    Row("Unpack", [Rand((2,))], attrs={"num": 2}, dtypes=_MOST, id="scalars"),
    Row("Unpack", [_TEXT], attrs={"axis": 1, "num": 2}, lowers=False, id="text"),
    Row("Unpack", [[Rand((3, 2))], [Rand(())]], attrs={"num": 2}, error=_BAD, id="refused"),
    Row("Unpack", [Rand((3, 2))], attrs={"num": 2, "axis": 2}, error=_BAD, id="axis"),
]
