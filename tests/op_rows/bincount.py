"""Cases of ``noria.ops.bincount``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_BINARY = {"binary_output": each(False, True)}
_COUNTS = (dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64)
_NONE = np.zeros(0, np.float32)
_LONG_NONE = np.zeros(0, np.int64)
_THREE = Const(3)


def _i(*values: object) -> Array:
    return np.array(values, np.int32)


def _l(*values: object) -> Array:
    return np.array(values, np.int64)


def _f(*values: object) -> Array:
    return np.array(values, np.float32)


def _empty(*shape: int) -> Array:
    return np.zeros(shape, np.int32)


_SPARSE: list[Any] = [_l([0, 0], [0, 2], [1, 1]), _i(1, 1, 9), _l(2, 4)]

ROWS: list[Row] = [
    Row(
        "DenseBincount",
        [
            [_i(2, 2, 0, 7), _THREE, Rand((4,), 1, 4)],
            [_i([2, 2], [0, 7]), _THREE, Rand((2, 2), 1, 4)],
            [_i(2, 2, 0, 7), _THREE, Rand((0,))],
            [_i([2, 2], [0, 7]), _THREE, Rand((0, 3))],
            [np.array(1, np.int32), _THREE, Rand((0,))],
            [np.array(1, np.int32), _THREE, Rand((), 1, 4)],
            [_l(0, 1), Const(0, dtypes.int64), Rand((0,))],
            [_empty(0), _THREE, Rand((0,))],
            [_empty(2, 0), _THREE, Rand((0,))],
            [_empty(0, 2), _THREE, Rand((0,))],
        ],
        _BINARY,
        dtypes=_COUNTS,
        lowers=False,
    ),
    Row("DenseBincount", [_i(1, 0), np.array(2, np.int32), _NONE], lowers=False, id="fed-size"),
    Row(
        "DenseBincount",
        [
            [_i(-1, 0), _THREE, _NONE],
            [_i([-1, 0]), _THREE, _NONE],
            [_i([[0]]), _THREE, _NONE],
            [_i(0), Const(-1), _NONE],
            [_i(0), np.array(-1, np.int32), _NONE],
            [_i(0), Const([3]), _NONE],
            [_i(0, 1), _THREE, _f(1, 2, 3)],
            [_i([0, 1]), _THREE, _f(1, 2)],
            [_i(0, 1), _THREE, np.array(2, np.float32)],
        ],
        _BINARY,
        error=_BAD,
        id="refused",
    ),
    Row(
        "Bincount",
        [
            [_i(2, 2, 0, 7), _THREE, Rand((4,), 1, 4)],
            [_i([2, 2], [0, 7]), _THREE, Rand((2, 2), 1, 4)],
            [_i([2, 2], [0, 7]), np.array(4, np.int32), Rand((0,))],
            [_empty(0), _THREE, Rand((0,))],
        ],
        dtypes=_COUNTS,
        lowers=False,
    ),
    Row(
        "Bincount",
        [[_i(-1), _THREE, _NONE], [_i(1, 2), _THREE, _f(1)], [_i(1), Const(-1), _NONE], [_i(1), Const([3]), _NONE]],
        error=_BAD,
        id="refused",
    ),
    Row(
        "RaggedBincount",
        [
            [_l(0, 2, 2, 4), _i(1, 1, 2, 9), _THREE, Rand((0,))],
            [_l(0, 2, 2, 4), _i(1, 1, 2, 9), _THREE, Rand((4,), 1, 4)],
            [_l(0, 2, 1, 3), _l(1, 1, 2), Const(3, dtypes.int64), Rand((0,))],
            [_l(0), _empty(0), _THREE, Rand((0,))],
        ],
        _BINARY,
        dtypes=_COUNTS,
        lowers=False,
    ),
    Row(
        "RaggedBincount",
        [
            [_l(0, 2), _i(1, -1), _THREE, _NONE],
            [_l(1, 2), _i(1, 1), _THREE, _NONE],
            [_l(0, 3), _i(1, 1), _THREE, _NONE],
            [_l(0, 1), _i(1, 1), _THREE, _NONE],
            [_l(), _i(1, 1), _THREE, _NONE],
            [_l(0, 2), _i(1, 1), Const(-1), _NONE],
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "SparseBincount",
        [
            [_l([0], [2], [3]), _i(1, 1, 9), _l(4), _THREE, Rand((0,))],
            [_l([0], [2], [3]), _i(1, 1, 9), _l(4), _THREE, Rand((3,), 1, 4)],
            [*_SPARSE, _THREE, Rand((0,))],
            [*_SPARSE, _THREE, Rand((3,), 1, 4)],
        ],
        _BINARY,
        dtypes=_COUNTS,
        lowers=False,
    ),
    Row(
        "SparseBincount",
        [
            [_l([0]), _i(-1), _l(4), _THREE, _NONE],
            [_l([0, 0], [5, 2]), _i(1, 1), _l(2, 4), _THREE, _NONE],
            [_l([0], [2]), _i(1, 1), _l(4), _THREE, _f(1)],
            [*_SPARSE, Const(-1), _NONE],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        Row(
            "DenseCountSparseOutput",
            [
                [_i(2, 0, 2), Rand((0,))],
                [_i([2, 0, 2], [1, 1, 0]), Rand((0,))],
                [_l([2, 0, 2], [1, 1, 0]), Rand((2, 3), 1, 4)],
                [_i(2, 0, 2), Rand((3,), 1, 4)],
                [_empty(0), Rand((0,))],
                [_empty(2, 0), Rand((0,))],
            ],
            {**_BINARY, "minlength": least, "maxlength": most},
            dtypes=_COUNTS,
            type_attr="output_type",
            lowers=False,
            id=f"{least}-{most}",
        )
        for least, most in ((-1, -1), (4, -1), (-1, 2), (4, 3), (0, 0))
    ),
    Row(
        "DenseCountSparseOutput",
        [[_i(-2, 0), _LONG_NONE], [np.array(1, np.int32), _LONG_NONE], [_i([[1]]), _LONG_NONE], [_i(1, 2), _l(1)]],
        {"binary_output": False},
        error=_BAD,
        id="refused",
    ),
    Row(
        "SparseCountSparseOutput",
        [
            [_l([0], [2], [3]), _i(1, 1, 9), _l(4), _LONG_NONE],
            [*_SPARSE, _LONG_NONE],
            [*_SPARSE, _f(1, 2, 3)],
            [np.zeros((0, 2), np.int64), _empty(0), _l(3, 4), _LONG_NONE],
        ],
        _BINARY,
        lowers=False,
    ),
    Row(
        "SparseCountSparseOutput",
        [
            [_l([0], [2]), _i(1, -1), _l(4), _LONG_NONE],
            [_l([0, 0], [5, 2]), _i(1, 1), _l(2, 4), _LONG_NONE],
            [*_SPARSE, _f(1)],
        ],
        {"binary_output": False},
        error=_BAD,
        id="refused",
    ),
    Row(
        "RaggedCountSparseOutput",
        [
            [_l(0, 2, 2, 3), _i(1, 1, 2), _LONG_NONE],
            [_l(0, 2, 2, 3), _i(1, 1, 2), _f(1, 2, 3)],
            [_l(0, 0), _empty(0), _LONG_NONE],
        ],
        _BINARY,
        lowers=False,
    ),
    Row(
        "RaggedCountSparseOutput",
        [
            [_l(1, 3), _i(1, 1, 2), _LONG_NONE],
            [_l(0, 2), _i(1, 1, 2), _LONG_NONE],
            [_l(0, 2), _i(1, -1), _LONG_NONE],
            [_l(0, 2), _i(1, 1), _l(1)],
        ],
        {"binary_output": False},
        error=_BAD,
        id="refused",
    ),
]
