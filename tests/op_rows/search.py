"""Cases of ``noria.ops.search``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_OUT = {"out_type": each(dtypes.int32, dtypes.int64)}
_TYPES = (
    dtypes.float32,
    dtypes.float64,
    dtypes.float16,
    dtypes.bfloat16,
    dtypes.int32,
    dtypes.int64,
    dtypes.int8,
    dtypes.uint8,
    dtypes.int16,
)


def _f(*values: object) -> Array:
    return np.array(values, np.float32)


def _rows(op: str) -> list[Row]:
    return [
        Row(
            op,
            [
                [_f([1, 2, 2, 3], [0, 0, 1, 9]), _f([2, 0, 9], [0, 5, np.nan])],
                [_f([1, 2, np.nan, np.nan]), _f([2, 3, np.nan])],
                [_f([3, 1, 2, 5, 4]), _f([0, 1, 2, 3, 4, 5])],
                [_f([1, 2, 3, 4, 5, 6, 7]), _f([0, 1, 2, 3, 4, 5, 6, 7, 8])],
                [np.zeros((1, 0), np.float32), _f([2])],
                [_f([2]), np.zeros((1, 0), np.float32)],
                [np.zeros((0, 3), np.float32), np.zeros((0, 3), np.float32)],
                [Const(_f([2, 1])), _f([2, 1, 0])],
            ],
            _OUT,
            lowers=False,
            id="rows",
        ),
        *(
            Row(
                op,
                [
                    [Const([[0, 1, 1, 2, 5, 7]], d), Rand((1, 9), 0, 9, d)],
                    [Const([[3]], d), Rand((1, 4), 0, 9, d)],
                    [Const([[3]], d), Rand((1, 0), 0, 9, d)],
                ],
                _OUT,
                id=f"constant-{d.name}",
            )
            for d in _TYPES
        ),
        *(
            Row(op, [[Rand((2, 1), 0, 4, d), Rand((2, 3), 0, 4, d)]], _OUT, lowers=False, id=f"fed-{d.name}")
            for d in _TYPES
        ),
        Row(op, [Const(_f([-np.inf, -0.0, 1, np.inf])), _f([np.nan, 0, -0.0, np.inf, -np.inf, 3])], id="edges"),
        Row(
            op,
            [[_f(1, 2), _f(2)], [_f([[1, 2]]), _f([[2]])], [_f([1, 2]), _f([2], [3])], [Const(_f([1])), _f([2], [3])]],
            error=_BAD,
            id="refused",
        ),
    ]


ROWS: list[Row] = [*_rows("LowerBound"), *_rows("UpperBound")]
