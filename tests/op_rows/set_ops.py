"""Rows of ``noria.ops.set_ops``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Row, each

INVALID = Code.INVALID_ARGUMENT
OPERATIONS = {"set_operation": each("a-b", "b-a", "intersection", "union")}


def ints(values: Any) -> Array:
    return np.array(values, np.int32)


def places(values: Any, rank: int = 2) -> Array:
    return np.array(values, np.int64).reshape(-1, rank)


def shape(*dims: int) -> Const:
    return Const(np.array(dims, np.int64), dtypes.int64)


DENSE = ints([[3, 1, 1], [2, 2, 5]])
SPARSE = [places([[0, 0], [0, 1], [1, 0]]), ints([1, 7, 2]), shape(2, 2)]
OTHER = [places([[1, 0], [1, 1]]), ints([5, 2]), shape(2, 5)]
CUBE = np.arange(8).reshape(2, 2, 2) % 3
WORDS = np.array([[b"z", b"a"], [b"", b"b"]], object)

PAIRS = [
    Row(
        "DenseToDenseSetOperation",
        [
            [DENSE, ints([[1, 7], [9, 9]])],
            [CUBE.astype(np.int8), np.ones((2, 2, 1), np.int8)],
            [np.zeros((2, 0), np.int64), np.zeros((2, 0), np.int64)],
            [np.zeros((0, 2), np.uint8), np.zeros((0, 1), np.uint8)],
            [WORDS, np.array([[b"a", b"q"], [b"c", b"b"]], object)],
        ],
        OPERATIONS,
        lowers=False,
    ),
    Row("DenseToSparseSetOperation", [[DENSE, *SPARSE], [DENSE, *OTHER]], OPERATIONS, lowers=False),
    Row(
        "SparseToSparseSetOperation",
        [[*OTHER, *SPARSE], [*SPARSE, places([]), ints([]), shape(2, 0)]],
        OPERATIONS,
        lowers=False,
    ),
]
REFUSED = [
    Row(
        "DenseToDenseSetOperation",
        [[ints([3, 1]), ints([1, 7])], [ints([[3, 1]]), ints([[1, 7], [9, 9]])]],
        {"set_operation": "union"},
        error=INVALID,
    ),
    Row("DenseToDenseSetOperation", [DENSE, DENSE], {"set_operation": "sum"}, error=INVALID, id="name"),
    Row("DenseToSparseSetOperation", [DENSE, *SPARSE[:2], shape(3, 2)], {"set_operation": "union"}, error=INVALID),
    Row(
        "SparseToSparseSetOperation",
        [
            [places([[1, 0], [0, 1]]), ints([5, 2]), shape(2, 5), *SPARSE],
            [places([[0, 0], [9, 1]]), ints([5, 2]), shape(2, 5), *SPARSE],
        ],
        {"set_operation": "union"},
        error=INVALID,
    ),
]
SIZES = [
    Row(
        "SetSize",
        [
            [places([[0, 0], [0, 1], [1, 0]]), ints([1, 1, 2]), shape(3, 2)],
            [places([[0, 0, 0], [0, 1, 1], [1, 0, 1]], 3), ints([1, 1, 2]), shape(2, 2, 2)],
            [places([]), ints([]), shape(2, 2)],
            [places([[0, 0], [0, 1]]), np.array([b"a", b"a"], object), np.array([2, 2])],
        ],
        lowers=False,
    ),
    Row(
        "SetSize",
        [places([[1, 0], [0, 1]]), ints([1, 1]), shape(3, 2)],
        {"validate_indices": False},
        lowers=False,
        id="unordered",
    ),
    Row(
        "SetSize",
        [
            [places([[1, 0], [0, 1]]), ints([1, 1]), shape(3, 2)],
            [places([[0, 0], [9, 1]]), ints([1, 1]), shape(3, 2)],
            [places([[0]], 1), ints([1]), shape(3)],
        ],
        error=INVALID,
        id="refused",
    ),
]

ROWS: list[Row] = [*PAIRS, *REFUSED, *SIZES]
