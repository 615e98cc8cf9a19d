"""Cases of ``noria.ops.decomposition``; tests/ops/test_decomposition.py checks vectors that have a free sign."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_TYPES = (dtypes.float32, dtypes.float64, dtypes.complex64, dtypes.complex128)
_REAL = (dtypes.float32, dtypes.float64)
# Two libraries round their sums in another order, and a matrix amplifies that by its condition.
_RTOL = {"float32": 2e-4, "complex64": 2e-4, "float64": 1e-9, "complex128": 1e-9}


def _matrices(shape: tuple[int, ...], dtype: dtypes.DType, *, positive: bool = False) -> Array:
    rng = np.random.default_rng(5)
    x = rng.uniform(-2, 2, shape)
    if dtype.is_complex:
        x = x + 1j * rng.uniform(-2, 2, shape)
    if positive:
        x = x @ np.conj(np.swapaxes(x, -1, -2)) + np.eye(shape[-1])
    return np.asarray(x, dtype.numpy)


def _rows(op: str, *, positive: bool = False, **attrs: object) -> list[Row]:
    return [
        Row(
            op,
            [[_matrices(s, dtype, positive=positive)] for s in ((3, 3), (2, 2, 4, 4), (1, 1), (0, 0), (0, 3, 3))],
            attrs,
            lowers=False,
            rtol=_RTOL[dtype.name],
            atol=_RTOL[dtype.name],
            id=dtype.name,
        )
        for dtype in _TYPES
    ]


def _refused(*ops: str) -> list[Row]:
    return [
        Row(op, [[Rand((2, 3))], [Rand((3,))]], dtypes=(dtypes.float32,), error=_BAD, id="not square") for op in ops
    ]


_NOT_POSITIVE = np.array([[[4, 2], [2, 3]], [[1, 2], [2, 1]]], np.float32)

ROWS: list[Row] = [
    *_rows("Cholesky", positive=True),
    Row("Cholesky", [_NOT_POSITIVE], lowers=False, id="not positive definite"),
    *_rows("MatrixInverse", adjoint=each(False, True)),
    Row(
        "MatrixInverse",
        [[np.zeros((2, 2), np.float32)], [np.array([[np.nan, 1], [1, 2]], np.float32)]],
        error=_BAD,
        id="singular",
    ),
    *_rows("MatrixDeterminant"),
    *_rows("LogMatrixDeterminant"),
    Row("LogMatrixDeterminant", [np.zeros((2, 2), np.float32)], lowers=False, id="singular"),
    *_rows("Lu", output_idx_type=each(dtypes.int32, dtypes.int64)),
    Row("Lu", [np.zeros((2, 2), np.float32)], error=_BAD, id="singular"),
    *(
        Row(
            "Qr",
            [[_matrices(s, dtype)] for s in ((3, 3), (2, 4, 3), (2, 3, 4), (0, 3), (3, 0), (0, 2, 2))],
            {"full_matrices": each(False, True)},
            lowers=False,
            rtol=_RTOL[dtype.name],
            atol=_RTOL[dtype.name],
            id=dtype.name,
        )
        for dtype in _TYPES
    ),
    *(
        Row(
            "Svd",
            [[_matrices(s, dtype)] for s in ((3, 3), (2, 4, 3), (2, 3, 4), (0, 2, 2))],
            {"full_matrices": each(False, True)},
            lowers=False,
            rtol=_RTOL[dtype.name],
            atol=_RTOL[dtype.name],
            undefined=(1, 2),
            id=dtype.name,
        )
        for dtype in _TYPES
    ),
    Row("Svd", [_matrices((4, 3), dtypes.float32)], {"compute_uv": False}, lowers=False, undefined=(1, 2), rtol=1e-4),
    *(
        Row(
            op,
            [[_matrices(s, dtype, positive=True)] for s in ((3, 3), (2, 2, 2), (0, 2, 2))],
            attrs,
            lowers=False,
            rtol=_RTOL[dtype.name],
            atol=_RTOL[dtype.name],
            undefined=(1,),
            id=dtype.name,
        )
        for dtype in _REAL
        for op, attrs in (("SelfAdjointEigV2", {"compute_v": each(True, False)}),)
    ),
    Row(
        "Eig",
        [np.array([[1, 2, 0], [-2, 4, 1], [3, 1, 1]], np.float64)],  # both libraries find these in one order
        {"Tout": dtypes.complex128, "compute_v": each(True, False)},
        lowers=False,
        undefined=(1,),
    ),
    *_refused("Cholesky", "MatrixInverse", "MatrixDeterminant", "LogMatrixDeterminant", "Lu", "SelfAdjointEigV2"),
    Row("Qr", [Rand((3,))], dtypes=(dtypes.float32,), error=_BAD, id="vector"),
    Row("Svd", [Rand((3,))], dtypes=(dtypes.float32,), error=_BAD, id="vector"),
    Row(
        "Cross",
        [[Rand((3,)), Rand((3,))], [Rand((2, 4, 3)), Rand((2, 4, 3))], [Rand((0, 3)), Rand((0, 3))]],
        dtypes=(dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64),
        lowers=False,
    ),
    Row("Cross", [Rand((2,)), Rand((2,))], dtypes=(dtypes.float32,), error=Code.FAILED_PRECONDITION, id="size"),
    Row(
        "Cross",
        [[Rand((2, 3)), Rand((3,))], [Rand(()), Rand(())]],
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="shape",
    ),
]
