"""Cases of ``noria.ops.ragged``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT


def _l(*values: object) -> Array:
    return np.array(values, np.int64)


def _i(*values: object) -> Array:
    return np.array(values, np.int32)


def _f(*values: object) -> Array:
    return np.array(values, np.float32)


_FOUR = _f(1, 2, 3, 4)
_PAIRS = _f([1, 2], [3, 4], [5, 6], [7, 8])
_ZERO = np.array(0, np.float32)
_NINE = Const(np.array(9, np.float32))
_SPLITS = _l(0, 2, 2, 4)
_OUTER, _INNER = _l(0, 2, 3), _l(0, 1, 1, 4)
_THREE = np.array(3, np.int64)
_WORDS = np.array([b"a", b"bb", b"", b"d"], object)


def _to_tensor(kinds: str, *args: list[Any], error: Code | None = None, id: str = "") -> Row:
    """A row of RaggedTensorToTensor: kinds: a letter for each partition (First size, Row splits, Value row ids)."""
    names = {"F": b"FIRST_DIM_SIZE", "R": b"ROW_SPLITS", "V": b"VALUE_ROWIDS", "X": b"NOPE"}
    attrs = {"row_partition_types": [names[k] for k in kinds], "num_row_partition_tensors": len(kinds)}
    return Row("RaggedTensorToTensor", list(args), attrs, error=error, lowers=False, id=f"{kinds}{id}")


_OPEN2, _OPEN3 = Const([-1, -1], dtypes.int64), Const([-1, -1, -1], dtypes.int64)

_TO_TENSOR = [
    _to_tensor(
        "R",
        *(
            [Const(shape, dtypes.int64), _FOUR, _NINE, _SPLITS]
            for shape in ([-1, -1], -1, [2, 1], [4, 3], [0, 3], [-1, 0], [2, -1])
        ),
        [_l(-1, 3), _FOUR, _NINE, _SPLITS],
        [_OPEN3, _PAIRS, _NINE, _SPLITS],
        [Const(-1, dtypes.int64), _PAIRS, _NINE, _SPLITS],
        [_OPEN3, _PAIRS, _f(9, 8), _SPLITS],
        [_OPEN3, _PAIRS, _f(9), _SPLITS],
        [Const([-1, 3, 2], dtypes.int64), _PAIRS, _ZERO, _SPLITS],
        [Const([-1] * 4, dtypes.int64), _f([[1, 2], [2, 3]]), _f([9], [8]), _l(0, 1, 1)],
        [_OPEN2, _WORDS, np.array(b"x", object), _SPLITS],
        [Const([-1, -1]), _FOUR, _ZERO, _i(0, 2, 2, 4)],
        [_OPEN2, np.zeros(0, np.float32), _ZERO, _l(0)],
        [Const([2, 3], dtypes.int64), np.zeros(0, np.float32), _NINE, _l(0)],
    ),
    _to_tensor(
        "RR",
        [_OPEN3, _FOUR, _ZERO, _OUTER, _INNER],
        [Const([2, 1, 2], dtypes.int64), _FOUR, _ZERO, _OUTER, _INNER],
        [Const([3, 3, 3], dtypes.int64), _FOUR, _NINE, _OUTER, _INNER],
    ),
    _to_tensor(
        "FV",
        [_OPEN2, _FOUR, _ZERO, _THREE, _l(0, 0, 2, 2)],
        [_OPEN2, _FOUR, _ZERO, np.array(5, np.int64), _l(0, 0, 2, 2)],
        [Const([2, 1], dtypes.int64), _FOUR, _ZERO, _THREE, _l(0, 0, 2, 2)],
        [_OPEN2, np.zeros(0, np.float32), _NINE, np.array(0, np.int64), _l()],
        [Const([-1, 3], dtypes.int64), np.zeros(0, np.float32), _NINE, np.array(2, np.int64), _l()],
    ),
    _to_tensor("FVV", [_OPEN3, _FOUR, _ZERO, _THREE, _l(0, 0, 2), _l(0, 0, 1, 2)]),
    _to_tensor("FVR", [_OPEN3, _FOUR, _ZERO, _THREE, _l(0, 0, 2), _SPLITS]),
    _to_tensor("FR", [_OPEN2, _FOUR, _ZERO, _THREE, _SPLITS]),
    _to_tensor("RV", [_OPEN3, _FOUR, _ZERO, _OUTER, _l(0, 0, 1, 2)]),
    _to_tensor("F", [Const([-1], dtypes.int64), _FOUR, _ZERO, _THREE]),
    _to_tensor(
        "R",
        *([Const(shape, dtypes.int64), _FOUR, _NINE, _SPLITS] for shape in (3, [-1], [-1, -1, -1], [-2, 3])),
        [_OPEN2, _FOUR, _f(9), _SPLITS],
        [_OPEN3, _PAIRS, _f(9, 8, 7), _SPLITS],
        [_OPEN3, _PAIRS, _f([9, 8], [7, 6]), _SPLITS],
        [Const([-1, -1, 3], dtypes.int64), _PAIRS, _NINE, _SPLITS],
        [Const([-1, -1, 1], dtypes.int64), _PAIRS, _NINE, _SPLITS],
        [_OPEN2, _FOUR, _ZERO, _l(1, 2, 4)],
        [_OPEN2, _FOUR, _ZERO, _l()],
        [_OPEN2, np.array(1, np.float32), _ZERO, _SPLITS],
        error=_BAD,
        id="-refused",
    ),
    _to_tensor("V", [_OPEN2, _FOUR, _ZERO, _l(0, 0, 2, 2)], error=_BAD),
    _to_tensor("X", [_OPEN2, _FOUR, _ZERO, _SPLITS], error=_BAD),
    _to_tensor(
        "FV",
        [_OPEN2, _FOUR, _ZERO, np.array(2, np.int64), _l(0, 0, 2, 2)],
        [_OPEN2, _FOUR, _ZERO, _THREE, _l(-1, 0, 2, 2)],
        error=_BAD,
        id="-refused",
    ),
]

_RANGES = [
    Row(
        "RaggedRange",
        [
            [_i(0, 5, 8), _i(3, 5, 2), _i(1, 1, -2)],
            [np.array(0, np.int32), _i(3, 5), np.array(2, np.int32)],
            [np.array(0, np.int32), np.array(3, np.int32), np.array(1, np.int32)],
            [_i(5), _i(3), _i(1)],
            [_i(), _i(), _i()],
            [_f(0, 1, 0), _f(1, 0, 1), _f(0.3, -0.25, 0.1)],
            [_l(-(2**62) - 2**61), _l(2**62 + 2**61), _l(2**61)],
            [Const([0, 1]), Const([2, 3]), Const([1, 1])],
        ],
        {"Tsplits": each(dtypes.int32, dtypes.int64)},
        exact=True,
        lowers=False,
    ),
    Row(
        "RaggedRange",
        [
            [_i(0), _i(3), _i(0)],
            [_i(0, 1), _i(3), _i(1)],
            [_i([0]), _i([3]), _i([1])],
            [_f(0), _f(np.nan), _f(1)],
            [_f(0), _f(np.inf), _f(1)],
        ],
        error=_BAD,
        id="refused",
    ),
]


def _gather(depth: int, *args: list[Any], rank: int = 1, error: Code | None = None, id: str = "") -> Row:
    """A row of RaggedGather from ``depth`` ragged dimensions by indices of ``rank``."""
    attrs = {"PARAMS_RAGGED_RANK": depth, "OUTPUT_RAGGED_RANK": depth + rank - 1}
    return Row("RaggedGather", list(args), attrs, error=error, lowers=False, id=f"{depth}-{rank}{id}")


_GATHERS = [
    _gather(
        1,
        [_SPLITS, _FOUR, _i(2, 0, 2)],
        [_SPLITS, _PAIRS, _l(2, 0)],
        [_SPLITS, _WORDS, _i(2, 0, 1)],
        [_SPLITS, _FOUR, _i()],
        [_i(0, 2, 2, 4), _FOUR, _i(2, 1)],
        [_l(1, 3, 4), _FOUR, _i(0)],
        [_l(0, 3), _FOUR, _i(0)],
    ),
    _gather(2, [_OUTER, _INNER, _FOUR, _i(1, 0)], [_OUTER, _INNER, _PAIRS, _i(1, 1)]),
    _gather(1, [_SPLITS, _FOUR, _i([2, 0], [1, 1])], rank=2),
    _gather(1, [_SPLITS, _FOUR, np.zeros((2, 2, 1), np.int32)], rank=3),
    _gather(2, [_OUTER, _INNER, _FOUR, np.array(0, np.int32)], rank=0),
    _gather(1, [_SPLITS, _FOUR, np.array(2, np.int32)], rank=0),
    _gather(
        1,
        [_SPLITS, _FOUR, _i(-1)],
        [_SPLITS, _FOUR, _i(3)],
        [_l(0, 3, 2, 4), _FOUR, _i(0)],
        [_l(0, 3, 5), _FOUR, _i(0)],
        [_l(), _FOUR, _i(0)],
        [_SPLITS, np.array(1, np.float32), _i(0)],
        error=_BAD,
        id="-refused",
    ),
]


def _to_sparse(depth: int, *args: list[Any], error: Code | None = None) -> Row:
    suffix = "-refused" if error else ""
    return Row(
        "RaggedTensorToSparse", list(args), {"RAGGED_RANK": depth}, error=error, lowers=False, id=f"{depth}{suffix}"
    )


_TO_SPARSE = [
    _to_sparse(
        1,
        [_SPLITS, _FOUR],
        [_SPLITS, _PAIRS],
        [_SPLITS, _WORDS],
        [_i(0, 2, 2, 4), _FOUR],
        [_l(0), np.zeros(0, np.float32)],
        [_l(0, 0), np.zeros((0, 2), np.float32)],
        [_SPLITS, np.zeros((4, 0), np.float32)],
    ),
    _to_sparse(2, [_OUTER, _INNER, _FOUR], [_OUTER, _INNER, _PAIRS]),
    _to_sparse(
        1,
        [_l(0, 3), _FOUR],
        [_l(1, 4), _FOUR],
        [_l(0, 3, 2, 4), _FOUR],
        [_l(), _FOUR],
        [_SPLITS, np.array(1, np.float32)],
        error=_BAD,
    ),
    _to_sparse(2, [_l(0, 2, 5), _INNER, _FOUR], error=_BAD),
]

_DEFAULT = np.array(9, np.int32)


def _fill(ids: list[int], values: list[int], rows: object, **options: Any) -> Row:
    inputs = [_l(*ids), _i(*values), np.array(rows, np.int64), _DEFAULT]
    return Row("RaggedFillEmptyRows", inputs, lowers=False, **options)


_FILLED = [
    _fill([0, 0, 2], [1, 2, 3], 4, id="gaps"),
    _fill([2, 0], [1, 2], 3, id="unordered"),
    _fill([1, 1, 0], [1, 2, 3], 2, id="full"),
    _fill([], [], 2, id="empty"),
    _fill(
        [], [], 0, id="no-rows", skip_oracle="TensorFlow gives the row numbers the shape [0,1]; here they stay a vector"
    ),
    Row(
        "RaggedFillEmptyRows",
        [_l(1), np.array([b"a"], object), np.array(2, np.int64), np.array(b"d", object)],
        lowers=False,
        id="text",
    ),
    _fill([0, 5], [1, 2], 3, error=Code.INVALID_ARGUMENT, id="range"),
    _fill([0], [1], 0, error=Code.INVALID_ARGUMENT, id="none"),
    _fill([0, 0], [1], 1, error=Code.INVALID_ARGUMENT, id="lengths"),
    _fill([0], [1], [2], error=Code.INVALID_ARGUMENT, id="rank"),
]

ROWS: list[Row] = [
    *_FILLED,
    *_TO_TENSOR,
    Row(
        "RaggedTensorToTensor",
        [_OPEN2, Rand((4,)), Rand(()), _SPLITS],
        {"row_partition_types": [b"ROW_SPLITS"], "num_row_partition_tensors": 1},
        dtypes=(dtypes.float16, dtypes.bfloat16, dtypes.int64, dtypes.uint8, dtypes.bool_),
        lowers=False,
        id="dtypes",
    ),
    *_RANGES,
    *_GATHERS,
    *_TO_SPARSE,
]
