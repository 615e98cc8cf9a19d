"""Cases of ``noria.ops.solve`` and ``noria.ops.matrix_function``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_TYPES = (dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128)
# Two libraries round their sums in another order, and a matrix amplifies that by its condition.
_RTOL = {"float32": 2e-4, "complex64": 2e-4, "float64": 1e-9, "complex128": 1e-9}
_F = np.float32
_NONE = Const(0.0, dtypes.float64)
_BOTH = each(False, True)


def _matrices(*shape: int, dtype: dtypes.DType = dtypes.float64, near: float = 3.0) -> Array:
    """Random numbers, with ``near`` added along the diagonal, which keeps matrices away from singular ones."""
    rng = np.random.default_rng(list(shape))
    x = rng.uniform(-1, 1, shape)
    if dtype.is_complex:
        x = x + 1j * rng.uniform(-1, 1, shape)
    return np.asarray(x + near * np.eye(shape[-2], shape[-1]), dtype.numpy)


def _close(op: str, dtype: dtypes.DType, args: list[object], **attrs: object) -> Row:
    rtol = _RTOL[dtype.name]
    return Row(op, args, attrs, lowers=False, rtol=rtol, atol=rtol, id=dtype.name)


_LS = ((3, 2), (2, 3), (2, 4, 2))

ROWS: list[Row] = [
    *(
        _close(
            "MatrixSolve",
            dtype,
            [
                [_matrices(*a, dtype=dtype), _matrices(*b, dtype=dtype)]
                for a, b in (((3, 3), (3, 2)), ((2, 4, 4), (2, 4, 1)), ((0, 0), (0, 3)), ((0, 2, 2), (0, 2, 1)))
            ],
            adjoint=_BOTH,
        )
        for dtype in _TYPES
    ),
    Row(
        "MatrixSolve",
        [
            [np.zeros((2, 2), _F), np.zeros((2, 1), _F)],
            [np.zeros((3, 2), _F), np.zeros((3, 1), _F)],
            [np.eye(2, dtype=_F), np.zeros((3, 1), _F)],
            [np.eye(2, dtype=_F), np.zeros(2, _F)],
            [np.zeros((2, 2, 2), _F), np.zeros((3, 2, 2), _F)],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        _close(
            "MatrixTriangularSolve",
            dtype,
            [
                [_matrices(*a, dtype=dtype), _matrices(*b, dtype=dtype)]
                for a, b in (
                    ((3, 3), (3, 2)),
                    ((2, 4, 4), (2, 4, 1)),
                    ((2, 1, 3, 3), (4, 3, 2)),
                    ((0, 0), (0, 3)),
                )
            ],
            lower=_BOTH,
            adjoint=_BOTH,
        )
        for dtype in _TYPES
    ),
    Row("MatrixTriangularSolve", [np.zeros((2, 2), _F), np.zeros((2, 1), _F)], lowers=False, id="singular"),
    Row(
        "MatrixTriangularSolve",
        [
            [np.eye(2, dtype=_F), np.zeros((3, 1), _F)],
            [np.zeros((2, 3), _F), np.zeros((2, 1), _F)],
            [np.eye(2, dtype=_F), np.zeros(2, _F)],
            [np.zeros((3, 2, 2), _F), np.zeros((2, 2, 1), _F)],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        _close(
            "BandedTriangularSolve",
            dtype,
            [
                [_matrices(*a, dtype=dtype, near=0) + 2, _matrices(*b, dtype=dtype)]
                for a, b in (((2, 4), (4, 2)), ((1, 3), (3, 1)), ((2, 3, 5), (2, 5, 1)), ((4, 3), (3, 1)))
            ],
            lower=_BOTH,
            adjoint=_BOTH,
        )
        for dtype in _TYPES
    ),
    Row("BandedTriangularSolve", [np.zeros((2, 3), _F), np.zeros((3, 1), _F)], error=_BAD, id="singular"),
    *(
        _close(
            "TridiagonalSolve",
            dtype,
            [
                [_matrices(*a, dtype=dtype, near=0) + 1, _matrices(*b, dtype=dtype)]
                for a, b in (((3, 4), (4, 2)), ((3, 1), (1, 1)), ((2, 3, 6), (2, 6, 1)), ((3, 2), (2, 3)))
            ],
            partial_pivoting=_BOTH,
        )
        for dtype in _TYPES
    ),
    Row("TridiagonalSolve", [np.zeros((3, 3), _F), np.ones((3, 1), _F)], lowers=False, id="singular"),
    Row(
        "TridiagonalSolve",
        [[np.zeros((2, 3), _F), np.ones((3, 1), _F)], [np.zeros((3, 3), _F), np.ones((2, 1), _F)]],
        error=_BAD,
        id="refused",
    ),
    *(
        _close(
            "TridiagonalMatMul",
            dtype,
            [
                [*(_matrices(*b, 1, n, dtype=dtype) for _ in range(3)), _matrices(*b, n, 2, dtype=dtype)]
                for b, n in (((), 4), ((2,), 3), ((), 1))
            ],
        )
        for dtype in _TYPES
    ),
    *(
        _close(
            "MatrixSolveLs",
            dtype,
            [
                [_matrices(*s, dtype=dtype), _matrices(*s[:-1], 2, dtype=dtype), Const(weight, dtypes.float64)]
                for s in _LS
                for weight in (0.0, 0.5)
            ],
            fast=_BOTH,
        )
        for dtype in _TYPES
    ),
    Row(
        "MatrixSolveLs",
        [
            [np.zeros((3, 2), _F), np.ones((3, 1), _F), _NONE],
            [np.zeros((3, 2), _F), np.ones((2, 1), _F), _NONE],
            [np.ones((3, 2), _F), np.ones((3, 1), _F), Const(-0.5, dtypes.float64)],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        _close("MatrixSquareRoot", dtype, [[_matrices(*s, dtype=dtype)] for s in ((3, 3), (2, 5, 5), (1, 1), (0, 0))])
        for dtype in _TYPES
    ),
    Row("MatrixSquareRoot", [np.array([[1, 2], [3, 4]], _F)], lowers=False, id="no real root"),
    Row("MatrixSquareRoot", [np.diag(np.array([4, 9, 0], _F))], lowers=False, id="diagonal"),
    *(
        _close("MatrixLogarithm", dtype, [[_matrices(*s, dtype=dtype)] for s in ((3, 3), (2, 5, 5), (1, 1))])
        for dtype in _TYPES
        if dtype.is_complex
    ),
    *(
        Row(op, [[Rand((2, 3))], [Rand((3,))]], dtypes=(dtypes.complex64,), error=_BAD, id="not square")
        for op in ("MatrixSquareRoot", "MatrixLogarithm")
    ),
]
