"""Cases of ``noria.ops.padding``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_SOME = (dtypes.float32, dtypes.int32, dtypes.bool_)
_MOST = (dtypes.float32, dtypes.float16, dtypes.float64, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.bool_)
_F32 = (dtypes.float32,)
_TEXT = np.array([b"a", b"b"], object)
_NONE = Const(np.zeros(0, np.int32))
_NO_PAIRS = Const(np.zeros((0, 2), np.int32))


def _i(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


ROWS: list[Row] = [
    Row(
        "ReverseV2",
        [[Rand((2, 3)), Const([1])], [Rand((2, 3)), Const([0, -1])], [Rand((0, 3)), Const([0])], [Rand(()), _NONE]],
        dtypes=_MOST,
    ),
    Row("ReverseV2", [Rand((2, 3)), _i(1)], lowers=False, id="fed"),
    Row("ReverseV2", [_TEXT, Const([0])], lowers=False, id="text"),
    Row("ReverseV2", [[Rand((2, 3)), Const([0, -2])], [Rand((2, 3)), Const([2])]], error=_BAD, id="refused"),
    Row("Reverse", [[Rand((2, 3)), Const([True, False])], [Rand((2, 3)), Const([False, False])]], dtypes=_SOME),
    Row("Reverse", [Rand((2, 3)), Const([True])], error=_BAD, id="refused"),
    Row(
        "Roll",
        [
            [Rand((3, 4)), Const([1]), Const([0])],
            [Rand((3, 4)), Const([1, 5]), Const([0, 0])],
            [Rand((3, 4)), Const([-1, 9]), Const([1, -2])],
            [Rand((3, 4)), Const(-1), Const(1)],
            [Rand((0, 2)), Const([1]), Const([0])],
        ],
        dtypes=_SOME,
    ),
    Row("Roll", [Rand((3, 4)), _i(1), _i(0)], lowers=False, id="fed"),
    Row(
        "Roll",
        [[Rand((2, 3)), Const([1]), Const([2])], [Rand((2,)), Const([1]), Const(0)], [Rand(()), Const(1), Const(0)]],
        error=_BAD,
        id="refused",
    ),
    Row(
        "Pad",
        [
            [Rand((2, 3)), Const([[1, 0], [0, 2]])],
            [Rand((2, 3)), Const([[0, 0], [0, 0]])],
            [Rand((0, 2)), Const([[1, 0], [1, 1]])],
            [Rand(()), _NO_PAIRS],
        ],
        dtypes=_MOST,
    ),
    Row("Pad", [Rand((2, 3)), np.array([[1, 0], [0, 2]], np.int32)], dtypes=_SOME, id="fed"),
    Row("Pad", [_TEXT, Const([[1, 1]])], lowers=False, id="text"),
    Row("PadV2", [[Rand((2, 3)), Const([[1, 0], [0, 2]]), Rand(())], [Rand(()), _NO_PAIRS, Rand(())]], dtypes=_MOST),
    Row("PadV2", [Rand((2,)), Const([[1, 1]]), Const(np.float32(-np.inf))], id="constant"),
    Row("PadV2", [_TEXT, Const([[1, 1]]), np.array(b"z", object)], lowers=False, id="text"),
    Row(
        "Pad",
        [
            [Rand((2, 3)), Const([[-1, 0], [0, 0]])],
            [Rand((2, 3)), Const([[1, 0]])],
            [Rand((3,)), np.array([[-1, 0]], np.int32)],
        ],
        dtypes=_F32,
        error=_BAD,
        id="refused",
    ),
    Row(
        "MirrorPad",
        [
            [Rand((3, 4)), Const([[2, 0], [1, 2]])],
            [Rand((3,)), Const([[0, 2]])],
            [Rand((3, 4)), Const([[0, 0], [0, 0]])],
            [Rand(()), _NO_PAIRS],
        ],
        attrs={"mode": each(b"REFLECT", b"SYMMETRIC")},
        dtypes=_SOME,
    ),
    Row("MirrorPad", [Rand((3, 2)), Const([[3, 1], [2, 0]])], attrs={"mode": b"SYMMETRIC"}, dtypes=_SOME, id="whole"),
    Row("MirrorPad", [Rand((3,)), np.array([[1, 1]], np.int32)], attrs={"mode": b"REFLECT"}, lowers=False, id="fed"),
    Row("MirrorPad", [_TEXT, Const([[1, 1]])], attrs={"mode": b"SYMMETRIC"}, lowers=False, id="text"),
    Row(
        "MirrorPad",
        [[Rand((3, 4)), Const([[4, 0], [0, 0]])], [Rand((3,)), Const([[-1, 0]])]],
        attrs={"mode": each(b"REFLECT", b"SYMMETRIC")},
        error=_BAD,
        id="refused",
    ),
    Row(
        "MirrorPad",
        [[Rand((3, 4)), Const([[3, 0], [0, 0]])], [Rand((0, 2)), Const([[0, 0], [0, 1]])]],
        attrs={"mode": b"REFLECT"},
        error=_BAD,
        id="reflect-refused",
    ),
]
