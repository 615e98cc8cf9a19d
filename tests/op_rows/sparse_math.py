"""Cases of ``noria.ops.sparse_math``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_TYPES = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64)


def _l(*values: object) -> Array:
    return np.array(values, np.int64)


def _f(*values: object) -> Array:
    return np.array(values, np.float32)


def _sparse(indices: Any, dims: Any, values: Any = None) -> list[Any]:
    """Indices, values (random ones of the row's dtype by default) and dense shape."""
    places = np.array(indices, np.int64).reshape(-1, len(dims))
    return [places, Rand((len(places),), 1, 9) if values is None else np.asarray(values), np.array(dims, np.int64)]


_A = _sparse([[0, 1], [1, 0], [2, 3]], [3, 4])
_B = _sparse([[0, 0], [0, 1], [2, 3]], [3, 4])
_NONE = _sparse([], [3, 4])
_CUBE = _sparse([[0, 0, 1], [0, 1, 1], [1, 0, 0], [1, 1, 1]], [2, 2, 3])
_F = _sparse([[0, 1], [1, 0], [2, 3]], [3, 4], _f(1, -2, 3))
_G = _sparse([[0, 1], [2, 2]], [3, 4], _f(-1, 0.25))
_OUTSIDE = _sparse([[0, 1], [5, 0]], [3, 4], _f(1, 2))


def _scalar(value: float, dtype: Any = np.float32) -> Array:
    return np.array(value, dtype)


ROWS: list[Row] = [
    *(
        Row(
            "SparseAdd",
            [[*a, *b, _scalar(0, d.numpy)] for a, b in ((_A, _B), (_A, _NONE), (_NONE, _NONE))],
            dtypes=(d,),
            lowers=False,
        )
        for d in _TYPES
    ),
    Row(
        "SparseAdd",
        [[*_F, *_G, _scalar(t)] for t in (0, 0.5, 2, -1)],
        exact=True,
        lowers=False,
        id="threshold",
    ),
    Row(
        "SparseAdd",
        [
            [*_F, *_sparse([[0, 1]], [3, 5], _f(1)), _scalar(0)],
            [*_F, *_sparse([[0]], [3], _f(1)), _scalar(0)],
            [*_F, *_G, _f(0)],
        ],
        error=_BAD,
        id="refused",
    ),
    *(
        row
        for op in ("SparseSparseMaximum", "SparseSparseMinimum")
        for row in (
            Row(op, [[*_A, *_B], [*_A, *_NONE]], dtypes=_TYPES, lowers=False),
            Row(op, [*_F, *_G], exact=True, lowers=False, id="signs"),
            Row(op, [*_F, *_sparse([[0, 1]], [3, 5], _f(1))], error=_BAD, id="refused"),
        )
    ),
    *(
        row
        for op in ("SparseDenseCwiseAdd", "SparseDenseCwiseMul", "SparseDenseCwiseDiv")
        for row in (
            Row(
                op,
                [
                    [*_A, Rand((3, 4), 1, 5)],
                    [*_A, Rand((4,), 1, 5)],
                    [*_A, Rand((3, 1), 1, 5)],
                    [*_A, Rand((), 1, 5)],
                    [*_NONE, Rand((3, 4), 1, 5)],
                ],
                dtypes=_TYPES,
                lowers=False,
            ),
            Row(
                op,
                [[*_F, Rand((3, 5))], [*_F, Rand((1, 3, 4))], [*_OUTSIDE, Rand((3, 4))]],
                error=_BAD,
                id="refused",
            ),
        )
    ),
    Row("SparseDenseCwiseDiv", [*_F, _f(1, 0, 2, 3)], error=_BAD, id="by-zero"),
    Row("SparseTensorDenseAdd", [[*_A, Rand((3, 4))], [*_NONE, Rand((3, 4))]], dtypes=_TYPES, lowers=False),
    Row(
        "SparseTensorDenseAdd",
        [[*_F, Rand((3, 5))], [*_F, Rand((4,))], [*_OUTSIDE, Rand((3, 4))]],
        error=_BAD,
        id="refused",
    ),
    *(
        row
        for op in ("SparseReduceSum", "SparseReduceMax", "SparseReduceSumSparse", "SparseReduceMaxSparse")
        for row in (
            Row(
                op,
                [
                    *(
                        [*_CUBE, Const(np.array(axes, np.int32))]
                        for axes in ([0], [2], [-1], [0, 2], [1, -3], [0, 1, 2])
                    ),
                    [*_CUBE, Const(1)],
                    [*_CUBE, np.zeros(0, np.int32)],
                    [*_A, np.array([1], np.int32)],
                ],
                {"keep_dims": each(False, True)},
                dtypes=_TYPES,
                lowers=False,
            ),
            Row(op, [[*_F, Const([2])], [*_F, Const([-3])]], error=_BAD, id="refused"),
        )
    ),
    Row("SparseReduceMax", [*_F, Const([1])], lowers=False, id="negative"),
    Row(
        "SparseSoftmax",
        [_CUBE, _A, _sparse([[0, 0], [0, 1], [1, 2], [1, 3]], [3, 4])],
        dtypes=(dtypes.float32, dtypes.float64),
        lowers=False,
    ),
    Row("SparseSoftmax", _sparse([[0]], [3], _f(1)), error=_BAD, id="refused"),
    Row(
        "SparseSplit",
        [[Const(0, dtypes.int64), *_A], [_scalar(1, np.int64), *_A], [Const(-1, dtypes.int64), *_A]],
        {"num_split": each(1, 2, 3)},
        dtypes=_TYPES,
        lowers=False,
    ),
    Row(
        "SparseSplit",
        [[_scalar(2, np.int64), *_F], [_scalar(0, np.int64), *_F]],
        {"num_split": 4},
        error=_BAD,
        id="refused",
    ),
]
