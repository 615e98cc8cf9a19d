"""Cases of the diagonals of matrices."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_DTYPES = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.complex64)
_ALIGN = each("LEFT_RIGHT", "RIGHT_LEFT", "LEFT_LEFT", "RIGHT_RIGHT")
_F = np.float32
_NO_PARTS: tuple[tuple[tuple[int, ...], object], ...] = (
    ((3, 4), 4),
    ((3, 4), -3),
    ((3, 4), [2, 1]),
    ((3, 4), [0, 5]),
    ((3,), 0),
    ((3, 4), [0, 1, 2]),
)


def _nine(dtype: dtypes.DType) -> Const:
    return Const(9, dtype)


ROWS: list[Row] = [
    Row("Diag", [[Rand((3,))], [Rand((2, 3))], [Rand((0,))]], dtypes=_DTYPES, lowers=False),
    Row("Diag", [Rand(())], dtypes=(dtypes.float32,), error=_BAD, id="scalar"),
    Row("DiagPart", [[Rand((3, 3))], [Rand((2, 3, 2, 3))], [Rand((0, 0))]], dtypes=_DTYPES, lowers=False),
    Row(
        "DiagPart",
        [[Rand((2, 3))], [Rand((2, 2, 2))]],
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="shape",
    ),
    Row(
        "MatrixDiag",
        [[Rand((3,))], [Rand((2, 3))], [Rand((2, 0))]],
        dtypes=(*_DTYPES, dtypes.bool_, dtypes.int8, dtypes.bfloat16),
        lowers=False,
    ),
    Row("MatrixDiag", [Rand(())], dtypes=(dtypes.float32,), error=_BAD, id="scalar"),
    Row(
        "MatrixDiagPart",
        [[Rand((3, 4))], [Rand((2, 4, 3))], [Rand((0, 3, 3))], [Rand((3, 0))]],
        dtypes=_DTYPES,
        lowers=False,
    ),
    Row("MatrixDiagPart", [Rand((3,))], dtypes=(dtypes.float32,), error=_BAD, id="vector"),
    Row(
        "MatrixSetDiag",
        [[Rand((3, 4)), Rand((3,))], [Rand((2, 4, 3)), Rand((2, 3))], [Rand((0, 3, 3)), Rand((0, 3))]],
        dtypes=_DTYPES,
        lowers=False,
    ),
    Row(
        "MatrixSetDiag",
        [[Rand((3, 4)), Rand((2,))], [Rand((3,)), Rand((3,))]],
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="shape",
    ),
    *(
        Row(
            f"MatrixDiag{version}",
            [
                [Rand(shape), Const(k), Const(rows), Const(columns), _nine(dtype)]
                for shape, k, rows, columns in (
                    ((3,), [0], -1, -1),
                    ((2, 3), 1, -1, -1),
                    ((2, 3), -2, -1, 3),
                    ((2, 3), [-1, 0], -1, -1),
                    ((2, 2, 3), [0, 1], 4, -1),
                    ((4, 3), [-2, 1], 3, 4),
                    ((0, 3), 0, -1, -1),
                )
            ],
            {"align": _ALIGN} if version == "V3" else {},
            dtypes=(dtype,),
            lowers=False,
        )
        for version in ("V2", "V3")
        for dtype in _DTYPES
    ),
    Row(
        "MatrixDiagV3",
        [
            [Rand(shape, dtype=dtypes.float32), Const(k), Const(rows), Const(columns), Const(0.0, dtypes.float32)]
            for shape, k, rows, columns in (
                ((3,), 0, 4, 4),
                ((3,), 0, 2, 4),
                ((3,), 1, 3, 3),
                ((3,), [1, 0], -1, -1),
                ((3,), [0, 1], -1, -1),
                ((3,), [0, 1, 2], -1, -1),
                ((), 0, -1, -1),
            )
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        Row(
            f"MatrixDiagPart{version}",
            [
                [Rand(shape), Const(k), _nine(dtype)]
                for shape, k in (
                    ((3, 4), 0),
                    ((3, 4), [-1, 2]),
                    ((2, 4, 3), [-3, -1]),
                    ((2, 4, 3), [1, 2]),
                    ((2, 4, 3), -2),
                    ((0, 3, 3), [0, 1]),
                    ((3, 0), 0),
                )
            ],
            {"align": _ALIGN} if version == "V3" else {},
            dtypes=(dtype,),
            lowers=False,
        )
        for version in ("V2", "V3")
        for dtype in _DTYPES
    ),
    Row(
        "MatrixDiagPartV3",
        [[np.zeros(shape, _F), Const(k), Const(0.0, dtypes.float32)] for shape, k in _NO_PARTS],
        error=_BAD,
        id="refused",
    ),
    *(
        Row(
            f"MatrixSetDiag{version}",
            [
                [Rand(shape), Rand(diagonal), Const(k)]
                for shape, diagonal, k in (
                    ((3, 4), (3,), 0),
                    ((3, 4), (2, 3), [0, 1]),
                    ((2, 4, 3), (2, 3, 3), [-2, 0]),
                    ((2, 4, 3), (2, 2), -2),
                    ((0, 3, 3), (0, 3), 0),
                )
            ],
            {"align": _ALIGN} if version == "V3" else {},
            dtypes=_DTYPES,
            lowers=False,
        )
        for version in ("V2", "V3")
    ),
    Row(
        "MatrixSetDiagV3",
        [
            [np.zeros((3, 4), _F), np.zeros((2, 2), _F), Const([0, 1])],
            [np.zeros((3, 4), _F), np.zeros(2, _F), Const(0)],
            [np.zeros((3, 4), _F), np.zeros(2, _F), Const(7)],
            [np.zeros(3, _F), np.zeros(2, _F), Const(0)],
        ],
        error=_BAD,
        id="refused",
    ),
]
