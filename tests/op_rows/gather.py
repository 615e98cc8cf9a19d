"""Cases of ``noria.ops.gather``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_SOME = (dtypes.float32, dtypes.int32, dtypes.bool_)
_MOST = (dtypes.float32, dtypes.float16, dtypes.float64, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.bool_)
_TEXT = np.array([b"a", b"", b"\xff"], object)
_X = np.arange(12, dtype=np.float32).reshape(3, 4)
_CUBE = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
_TIES = np.array([[3, 5, 5, 2, 5, 1], [0, 0, 7, 7, 0, 7]], np.float32)
_NO_TOP_K = "TensorFlow 2.21 finds no kernel of its oldest TopK"
_ANY_ORDER = "the order of an unsorted result is TensorFlow's own choice"


def _i(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


ROWS: list[Row] = [
    Row(
        "GatherV2",
        [[Rand((3, 4)), _i(2, 0, 2), Const(a)] for a in (0, 1, -1)]
        + [
            [Rand((3, 4)), np.array([[1], [0]], np.int64), Const(0)],
            [Rand((3, 4)), _i(1)[0], Const(1, dtypes.int64)],
            [Rand((0, 4)), np.zeros(0, np.int32), Const(0)],
            [Rand((3,)), _i(), Const(0)],
        ],
        dtypes=_MOST,
    ),
    Row("GatherV2", [[_X, Const([2, 1]), Const(0)], [Const(_X), _i(1, 2), Const(0)]], id="constant"),
    Row("GatherV2", [_X, _i(1), _i(1)[0]], lowers=False, id="axis-fed"),
    Row("GatherV2", [_X, _i([0], [1], [3]), Const(1)], attrs={"batch_dims": each(1, -1)}, id="batch"),
    Row("GatherV2", [_CUBE, _i([2, 0], [1, 1]), Const(1)], attrs={"batch_dims": 1}, id="batch-rows"),
    Row("GatherV2", [_CUBE, _i([3], [1]), Const(2)], attrs={"batch_dims": 1}, lowers=False, id="batch-middle"),
    Row("GatherV2", [_TEXT, _i(1, 0), Const(0)], lowers=False, id="text"),
    Row("GatherV2", [_X, np.array([1, 2], np.int16), Const(0)], id="short"),
    Row(
        "GatherV2",
        [
            [_X, _i(0, -1), Const(0)],
            [_X, np.array([[0, 7]]), Const(0)],
            [_X, _i(3)[0], Const(0)],
            [_X, _i(-4), Const(1)],
            [_X, Const([-1]), Const(0)],
            [_X, _i(0), Const(2)],
            [np.zeros((0, 2), np.float32), _i(0), Const(0)],
            [np.float32(1), _i(0), Const(0)],
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "GatherV2",
        [
            [_X, _i([0], [1], [4]), Const(1)],
            [_X, _i([0], [1], [-1]), Const(1)],
            [_X, _i([0], [1]), Const(1)],
            [_X, _i([0], [1], [1]), Const(0)],
        ],
        attrs={"batch_dims": 1},
        error=_BAD,
        id="batch-refused",
    ),
    Row("Gather", [[Rand((3, 4)), _i(2, 0)], [Rand((3,)), _i(1)[0]]], dtypes=_SOME),
    Row("Gather", [_X, _i(3)], error=_BAD, id="refused"),
    # GatherNd
    Row(
        "GatherNd",
        [
            [Rand((3, 4)), _i([2], [0])],
            [Rand((3, 4)), _i([2, 1], [0, 3])],
            [Rand((3, 4)), np.array([2, 3])],
            [Rand((2, 3, 4)), _i([[1, 0]], [[0, 2]])],
            [Rand((0, 3)), np.zeros((0, 1), np.int32)],
        ],
        dtypes=_MOST,
    ),
    Row("GatherNd", [_X, Const([[2, 1]])], id="constant"),
    Row("GatherNd", [_X, np.zeros((2, 0), np.int32)], lowers=False, id="whole"),
    Row(
        "GatherNd",
        [_X, _i([0, -1], [0, 1], [9, 9])],
        attrs={"bad_indices_policy": b"IGNORE"},
        lowers=False,
        id="ignore",
    ),
    Row("GatherNd", [_TEXT, _i([1], [0])], lowers=False, id="text"),
    Row(
        "GatherNd",
        [
            [_X, _i([0, -1])],
            [_X, _i([3])],
            [_X, np.array([[0, 4]])],
            [_X, _i([0, 0, 0])],
            [_X, _i(1)[0]],
            [np.zeros((0, 3), np.float32), _i([0])],
        ],
        error=_BAD,
        id="refused",
    ),
    # OneHot
    Row(
        "OneHot",
        [
            [_i(0, -1, 3, 2), Const(3), Rand(()), Rand(())],
            [_i([0, -1], [3, 2]), Const(3), Rand(()), Rand(())],
            [np.array(1, np.uint8), Const(3), Rand(()), Rand(())],
            [np.array([1, -5]), Const(2), Rand(()), Rand(())],
            [_i(1), Const(0), Rand(()), Rand(())],
        ],
        attrs={"axis": each(-1, 0)},
        dtypes=_MOST,
    ),
    Row("OneHot", [_i(0, 5, -2), Const(4), Const(np.float32(1)), Const(np.float32(0))], id="indicator"),
    Row(
        "OneHot",
        [_i([0, -1], [3, 2]), Const(3), np.array(b"y", object), np.array(b"n", object)],
        attrs={"axis": 1},
        lowers=False,
        id="text",
    ),
    Row("OneHot", [_i(1), _i(3)[0], np.float32(1), np.float32(0)], lowers=False, id="depth-fed"),
    Row("OneHot", [_i(1), Const(-1), np.float32(1), np.float32(0)], error=_BAD, id="refused"),
    Row(
        "OneHot",
        [_i(1), Const(3), np.float32(1), np.float32(0)],
        attrs={"axis": each(2, -2)},
        error=_BAD,
        id="axis",
    ),
    # Where
    Row("Where", [[Rand((3, 4))], [Rand((5,))], [Rand((0, 2))], [Rand((2, 2, 2))]], dtypes=_SOME),
    Row("Where", [np.array([[np.nan, -0.0], [1, 0]], np.float32)], id="nan"),
    Row("Where", [np.array([0.0, 0.25, -3.0], np.float64)], id="double"),
    Row("Where", [np.array([0j, 1j, 2], np.complex64)], lowers=False, id="complex"),
    Row("Where", [np.array(True)], error=_BAD, id="refused"),
    # TopK
    Row(
        "TopKV2",
        [[Rand((3, 5)), Const(k)] for k in (2, 5, 0)] + [[Rand((4,)), Const(1)], [Rand((2, 1, 3)), _i(2)[0]]],
        dtypes=(dtypes.float32, dtypes.float64, dtypes.float16, dtypes.int32, dtypes.int64),
    ),
    Row("TopKV2", [Rand((0, 5)), Const(2)], id="empty"),
    Row("TopKV2", [_TIES, Const(4)], id="ties"),
    Row("TopKV2", [np.array([0.0, -0.0, 1.0, -np.inf, np.inf], np.float32), Const(5)], id="special"),
    Row("TopKV2", [_TIES, Const(3)], attrs={"sorted": False}, skip_oracle=_ANY_ORDER, id="unsorted"),
    Row("TopKV2", [_TIES, Const(2)], attrs={"index_type": dtypes.int64}, id="long"),
    Row("TopK", [Rand((3, 5))], attrs={"k": 2}, dtypes=(dtypes.float32, dtypes.int32), skip_oracle=_NO_TOP_K),
    Row(
        "TopKV2",
        [[Rand((3, 2)), Const(5)], [Rand((3, 2)), Const(-1)], [Rand(()), Const(0)], [Rand((3, 2)), _i(5)[0]]],
        error=_BAD,
        id="refused",
    ),
]
