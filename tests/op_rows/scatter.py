"""Cases of ``noria.ops.scatter``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_SOME = (dtypes.float32, dtypes.int32, dtypes.float16, dtypes.int8)
_X = np.arange(6, dtype=np.float32).reshape(3, 2)
_NAN = np.array([1, np.nan, 3], np.float32)
_NONE = np.zeros((2, 0), np.int32)


def _i(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


def _f(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.array(values, np.float32)


ROWS: list[Row] = [
    Row(
        "ScatterNd",
        [
            [_i([1], [1], [3]), Rand((3,)), Const([4])],
            [_i([1], [0]), Rand((2, 3)), Const([3, 3])],
            [_i([[1, 2], [0, 0]]), Rand((1, 2)), Const([2, 3])],
            [np.array([[2], [0]]), Rand((2, 3)), Const([3, 3], dtypes.int64)],
            [np.zeros((0, 1), np.int32), Rand((0, 2)), Const([3, 2])],
        ],
        dtypes=_SOME,
        lowers=False,
    ),
    Row("ScatterNd", [Const([[2], [0]]), Rand((2, 3)), Const([3, 3])], dtypes=_SOME, id="distinct"),
    Row("ScatterNd", [_i([1]), Rand((1,)), _i(3)], dtypes=_SOME, lowers=False, id="shape-fed"),
    Row("ScatterNd", [_i([1], [1]), np.array([100, 100], np.int8), Const([3])], lowers=False, id="wraps"),
    Row("ScatterNd", [_i([1], [1]), np.array([True, True]), Const([3])], lowers=False, id="bool"),
    Row("ScatterNd", [_i([1], [1]), np.array([b"a", b"b"], object), Const([3])], lowers=False, id="text"),
    Row(
        "ScatterNd",
        [_i([1], [7]), _f(5, 6), Const([3])],
        attrs={"bad_indices_policy": b"IGNORE"},
        lowers=False,
        id="ignore",
    ),
    Row(
        "ScatterNd",
        [
            [_i([-1], [1]), _f(1, 2), Const([3])],
            [_i([3]), _f(1), Const([3])],
            [_i([1], [1]), _f(1, 2, 3), Const([3])],
            [_i([1]), _f(1), Const([0])],
            [_i([1]), _f(1), Const([-3])],
            [_i([1, 1]), _f(1), Const([3])],
            [_i([1]), _f([5, 6]), Const([3])],
            [_i(1, 2), np.float32(5), Const([3, 4])],
            [_NONE, _X[:2], Const([2])],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        Row(
            op,
            [
                [Rand((3,)), _i([2], [0]), Rand((2,))],
                [Rand((3, 2)), _i([2], [2]), Rand((2, 2))],
                [Rand((3, 2)), _i([2, 0], [2, 1]), Rand((2,))],
                [Rand((3, 2)), np.zeros((0, 1), np.int32), Rand((0, 2))],
            ],
            dtypes=_SOME,
            lowers=False,
        )
        for op in (
            "TensorScatterUpdate",
            "TensorScatterAdd",
            "TensorScatterSub",
            "TensorScatterMax",
            "TensorScatterMin",
        )
    ),
    Row("TensorScatterUpdate", [Rand((3, 2)), Const([[2], [0]]), Rand((2, 2))], dtypes=_SOME, id="distinct"),
    *(
        Row(op, [_NAN, _i([0], [1]), _f(np.nan, 2)], lowers=False, id="nan")
        for op in ("TensorScatterMax", "TensorScatterMin")
    ),
    Row(
        "TensorScatterUpdate",
        [np.array([b"a", b"b"], object), _i([1]), np.array([b"z"], object)],
        lowers=False,
        id="text",
    ),
    Row(
        "TensorScatterUpdate",
        [
            [_f(1, 2, 3), _i([5]), _f(1)],
            [_f(1, 2, 3), _i([0], [1]), _f(1)],
            [_f(1, 2, 3), _i([-1]), _f(1)],
            [_X, _i([1]), _f([9])],
            [np.float32(1), _i([0]), _f(1)],
            [_f(1, 2), _NONE, _X[:2]],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        row
        for op in ("DynamicStitch", "ParallelDynamicStitch")
        for row in (
            Row(
                op,
                [
                    [_i(0)[0], _i(2, 1), Rand((2,)), Rand((2, 2))],
                    [_i(0, 1), _i(1, 0), Rand((2,)), Rand((2,))],
                    [_i([0, 2], [1, 3]), np.zeros(0, np.int32), Rand((2, 2)), Rand((0,))],
                ],
                attrs={"N": 2},
                dtypes=(dtypes.float32, dtypes.int64, dtypes.bool_),
                lowers=False,
            ),
            Row(op, [_i(1, 0), np.array([b"a", b"b"], object)], lowers=False, id="text", attrs={"N": 1}),
            Row(
                op,
                [
                    [_i(-1), _i(0), _f(1), _f(1)],
                    [_i(0, 1), _i(2), _f(1, 2, 3), _f(1)],
                    [_i(0), _i(1), _f([1, 2]), _f([3])],
                ],
                attrs={"N": 2},
                error=_BAD,
                id="refused",
            ),
        )
    ),
    Row(
        "DynamicPartition",
        [
            [Rand((4,)), _i(0, 1, 0, 2)],
            [Rand((2, 3)), _i(2, 0)],
            [Rand((2, 2)), _i([0, 1], [0, 0])],
            [Rand((2, 2)), _i(1)[0]],
            [Rand((0, 2)), np.zeros(0, np.int32)],
        ],
        attrs={"num_partitions": 3},
        dtypes=(dtypes.float32, dtypes.bool_),
        lowers=False,
    ),
    Row(
        "DynamicPartition",
        [[_f(1, 2, 3), _i(0, 1, 2)], [_f(1, 2, 3), _i(0, 1)], [_f(1), _i(-1)]],
        attrs={"num_partitions": each(2)},
        error=_BAD,
        id="refused",
    ),
]
