"""Cases of ``noria.ops.shape_ops``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import FLOATS, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_F32 = (dtypes.float32,)
_SOME = (dtypes.float32, dtypes.int32, dtypes.bool_)
_MOST = (dtypes.float32, dtypes.float16, dtypes.float64, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.bool_)
_TEXT = np.array([[b"a", b""], [b"\xff", b"d"]], object)
_INTS = np.array([2, 3], np.int32)
_NONE = Const(np.zeros(0, np.int32))


def _ints(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def _range(a: float, b: float, step: float, dtype: type[np.generic]) -> list[object]:
    return [np.array(a, dtype), np.array(b, dtype), Const(step, dtypes.from_numpy(np.dtype(dtype)))]


ROWS: list[Row] = [
    *(
        Row(op, [[Rand((2, 3))], [Rand(())], [Rand((0, 4))]], attrs={"out_type": each(dtypes.int32, dtypes.int64)})
        for op in ("Shape", "ShapeN", "Size")
    ),
    Row("ShapeN", [Rand((2, 3)), Rand((4,))], id="two"),
    Row("Shape", [_TEXT], lowers=False, id="text"),
    Row("Rank", [[Rand((2, 3))], [Rand(())]]),
    # Reshape
    Row(
        "Reshape",
        [
            [Rand((2, 6)), Const([3, 4])],
            [Rand((2, 6)), Const([-1])],
            [Rand((2, 6)), Const([2, -1, 3])],
            [Rand((1, 1)), _NONE],
            [Rand(()), Const([1, 1])],
            [Rand((0, 3)), Const([0, 5])],
            [Rand((0, 3)), Const([-1, 3])],
            [Rand((0, 3)), Const([3, -1])],
            [Rand((2, 3)), Const([-1, 2], dtypes.int64)],
            [Rand((2, 3)), Const(6)],
        ],
        dtypes=_SOME,
    ),
    Row("Reshape", [Rand((0, 3)), Const([0, -1])], dtypes=_F32, lowers=True, id="nothing"),
    Row(
        "Reshape",
        [[Rand((2, 6)), _ints(3, 4)], [Rand((2, 6)), _ints(-1, 3)], [Rand((0, 3)), _ints(4, 0)], [Rand((1,)), _ints()]],
        dtypes=_F32,
        id="fed",
    ),
    Row("Reshape", [_TEXT, Const([-1])], lowers=False, id="text"),
    Row(
        "Reshape",
        [
            [Rand((2, 3)), Const([4])],
            [Rand((2, 3)), Const([4, -1])],
            [Rand((2, 3)), Const([-1, -1])],
            [Rand((2, 3)), Const([-2, 3])],
            [Rand((2, 3)), Const([-1, 0])],
            [Rand((2, 3)), Const([[6]])],
            [Rand((2, 3)), _ints(5)],
            [Rand((2, 3)), _ints(-1, -1)],
            [Rand((2, 3)), _ints(-2, -3)],
        ],
        dtypes=_F32,
        error=_BAD,
        id="refused",
    ),
    # ExpandDims, Squeeze
    Row(
        "ExpandDims",
        [[Rand((2, 3)), Const(a)] for a in (0, 1, 2, -1, -3)] + [[Rand(()), Const(0)], [Rand((2,)), Const([1])]],
        dtypes=_SOME,
    ),
    Row("ExpandDims", [Rand((2, 3)), np.array(1, np.int32)], lowers=False, id="fed"),
    Row("ExpandDims", [[Rand((2,)), Const(2)], [Rand((2,)), Const([0, 1])]], error=_BAD, id="refused"),
    Row(
        "Squeeze",
        [Rand((1, 3, 1))],
        attrs={"squeeze_dims": each([], [0], [2], [-1], [0, 2], [0, -3])},
        dtypes=_SOME,
    ),
    Row("Squeeze", [[Rand((2, 3))], [Rand(())], [Rand((1, 0))]], attrs={"squeeze_dims": []}, dtypes=_F32, id="whole"),
    Row("Squeeze", [Rand((1, 3))], attrs={"squeeze_dims": each([1], [2])}, error=_BAD, id="refused"),
    # BroadcastTo, BroadcastArgs, Tile
    Row(
        "BroadcastTo",
        [
            [Rand((3,)), Const([2, 3])],
            [Rand((2, 1)), Const([2, 3])],
            [Rand(()), Const([2])],
            [Rand(()), _NONE],
            [Rand((1,)), Const([0, 2])],
            [Rand((1, 1)), Const([0, 1])],
        ],
        dtypes=_MOST,
    ),
    Row("BroadcastTo", [[Rand((3,)), _ints(2, 3)], [Rand((1,)), _ints(2, 3)]], lowers=False, id="fed"),
    Row("BroadcastTo", [np.array([b"a"], object), Const([2, 2])], lowers=False, id="text"),
    Row(
        "BroadcastTo",
        [
            [Rand((2,)), Const([3])],
            [Rand((2, 1)), Const([2])],
            [Rand((3,)), Const([1])],
            [Rand((3,)), Const([-1])],
            [Rand((2,)), _ints(0)],
            [Rand((1,)), _ints(-2)],
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "BroadcastArgs", [[_ints(3, 1), _ints(2)], [_ints(), _ints(2, 0)], [_ints(4, 1, 3), _ints(5, 3)]], lowers=False
    ),
    Row("BroadcastArgs", [_ints(3), _ints(2)], error=_BAD, id="refused"),
    Row(
        "Tile",
        [
            [Rand((2, 3)), Const([1, 2])],
            [Rand((2, 3)), Const([1, 1])],
            [Rand((2, 3)), Const([0, 2])],
            [Rand((3,)), Const([3], dtypes.int64)],
            [Rand((0, 2)), Const([2, 2])],
            [Rand(()), _NONE],
        ],
        dtypes=_MOST,
    ),
    Row("Tile", [Rand((2, 3)), _ints(2, 1)], dtypes=_SOME, id="fed"),
    Row("Tile", [_TEXT, Const([1, 2])], lowers=False, id="text"),
    Row(
        "Tile",
        [[Rand((2,)), Const([1, 2])], [Rand((2,)), Const([-1])], [Rand((2,)), _ints(-1)]],
        error=_BAD,
        id="refused",
    ),
    # Transpose
    Row(
        "Transpose",
        [
            [Rand((2, 3)), Const([1, 0])],
            [Rand((2, 3, 4)), Const([2, 0, 1])],
            [Rand((2, 3)), Const([0, 1])],
            [Rand((2, 3)), Const([-1, 0])],
            [Rand((0, 3)), Const([1, 0])],
            [Rand(()), _NONE],
        ],
        dtypes=_MOST,
    ),
    Row("Transpose", [Rand((2, 3)), _ints(1, 0)], lowers=False, id="fed"),
    Row("Transpose", [_TEXT, Const([1, 0])], lowers=False, id="text"),
    Row(
        "Transpose",
        [[Rand((2, 3)), Const(p)] for p in ([0], [0, 0], [0, 2])] + [[Rand((2, 3)), _ints(1, 1)]],
        error=_BAD,
        id="refused",
    ),
    # Fill, ZerosLike, OnesLike
    Row("Fill", [[Const(d, dtypes.int32), Rand(())] for d in ([2, 3], [0, 2], [])], dtypes=_MOST),
    Row("Fill", [[_INTS, Rand(())], [np.array([0], np.int64), Rand(())]], dtypes=_SOME, id="fed"),
    Row("Fill", [Const([2]), np.array(b"ab", object)], lowers=False, id="text"),
    Row("Fill", [[Const([-1]), Rand(())], [_ints(2, -1), Rand(())]], dtypes=_F32, error=_BAD, id="refused"),
    Row("ZerosLike", [[Rand((2, 3))], [Rand(())], [Rand((0, 2))]], dtypes=_MOST),
    Row("OnesLike", [[Rand((2, 3))], [Rand(())], [Rand((0, 2))]], dtypes=_MOST),
    Row("ZerosLike", [_TEXT], lowers=False, id="text"),
    Row("ZerosLike", [Rand((2,))], dtypes=(dtypes.bfloat16, dtypes.complex64), lowers=False, id="host"),
    # Range, LinSpace
    Row(
        "Range",
        [_range(0, 5, 1, np.int32), _range(5, -3, -2, np.int32), _range(3, 3, 1, np.int64), _range(2, 9, 3, np.int64)],
    ),
    Row(
        "Range",
        [
            _range(0.1, 3.0, 0.3, np.float32),
            _range(0.0, 1.0, 0.1, np.float64),
            _range(16777216.0, 16777220.0, 1.0, np.float32),
            _range(1.0, -1.0, -0.3, np.float32),
        ],
        lowers=False,
        exact=True,
        id="floats",
    ),
    Row("Range", [_INTS[0], _INTS[1], _INTS[0]], lowers=False, id="step-fed"),
    Row(
        "Range",
        [Const(np.float32(0.1)), Const(np.float32(3)), Const(np.float32(0.3))],
        lowers=False,
        exact=True,
        id="constant",
    ),
    Row(
        "Range",
        [
            _range(0, 3, 0, np.int32),
            _range(5, 3, 1, np.int32),
            _range(3, 5, -1, np.int64),
            _range(0, np.nan, 1, np.float32),
            _range(0, np.inf, 1, np.float32),
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "LinSpace",
        [[Rand(()), Rand(()), Const(n)] for n in (1, 2, 7)],
        dtypes=FLOATS[:2],
        lowers=False,
    ),
    Row("LinSpace", [Rand(()), Rand(()), Const(0)], error=_BAD, id="refused"),
]
