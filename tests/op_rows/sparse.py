"""Rows of ``noria.ops.sparse``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Row, each

INVALID = Code.INVALID_ARGUMENT
NO_PLACES = np.zeros((0, 2), np.int64)


def sparse(op: str, *args: Any, **options: Any) -> Row:
    return Row(op, [np.asarray(a) if not isinstance(a, Const) else a for a in args], lowers=False, **options)


def i64(values: Any) -> Array:
    return np.array(values, np.int64)


def i32(values: Any) -> Array:
    return np.array(values, np.int32)


def f32(values: Any) -> Array:
    return np.array(values, np.float32)


def strings(*values: bytes) -> Array:
    return np.array(values, object)


TO_DENSE = [
    Row(
        "SparseToDense",
        [
            [i64([[0, 1], [1, 0]]), i64([2, 2]), f32([1, 2]), f32(0)],
            [i64([0, 2]), i64([3]), f32([1, 2]), f32(9)],
            [i64(1), i64([3]), f32(1), f32(9)],
            [i64([0, 2]), i64([3]), f32(1), f32(9)],
            [NO_PLACES, i64([2, 2]), f32([]), f32(5)],
            [NO_PLACES, i64([0, 2]), f32([]), f32(5)],
            [i32([[0, 0, 1], [0, 1, 0]]), i32([1, 2, 2]), i64([7, 8]), i64(-1)],
        ],
        lowers=False,
    ),
    sparse(
        "SparseToDense", i64([0, 2]), Const([3], dtypes.int64), strings(b"a", b"b"), np.array(b"", object), id="text"
    ),
    sparse("SparseToDense", i64([2, 0]), i64([3]), i32([1, 2]), i32(0), attrs={"validate_indices": False}, id="any"),
    sparse("SparseToDense", i64([2, 2]), i64([3]), i32([1, 2]), i32(0), attrs={"validate_indices": False}, id="twice"),
    Row(
        "SparseToDense",
        [
            [i64(places), i64(shape), i32(values), i32(default)]
            for places, shape, values, default in (
                ([0, 3], [3], [1, 2], 0),
                ([-1], [3], [1], 0),
                ([2, 0], [3], [1, 2], 0),
                ([2, 2], [3], [1, 2], 0),
                ([[[0]]], [3], [1], 0),
                ([[0, 1]], [3], [1], 0),
                ([0, 1], [3], [1, 2, 3], 0),
                ([0, 1], [3], [1, 2], [0]),
                ([0], [-3], [1], 0),
            )
        ],
        lowers=False,
        error=INVALID,
        id="refused",
    ),
    sparse(
        "SparseToDense",
        i64([5]),
        i64([3]),
        i32([1]),
        i32(0),
        attrs={"validate_indices": False},
        error=INVALID,
        id="out",
    ),
]

RESHAPE = [
    Row(
        "SparseReshape",
        [
            [i64([[0, 1], [1, 2]]), i64([2, 3]), i64([3, -1])],
            [i64([[0, 1], [1, 2]]), i64([2, 3]), i64([6])],
            [i64([[0, 1], [1, 2]]), i64([2, 3]), i64([2, 3])],
            [i64([[3]]), i64([6]), i64([1, 2, 3, 1])],
            [NO_PLACES, i64([0, 3]), i64([3, -1])],
        ],
        lowers=False,
    ),
    Row(
        "SparseReshape",
        [[i64([[0, 1], [1, 2]]), i64([2, 3]), i64(new)] for new in ([4, -1], [4, 2], [-1, -1], [-2, 3])],
        lowers=False,
        error=INVALID,
        id="refused",
    ),
    sparse("SparseReorder", i64([[1, 1], [0, 2], [1, 0], [0, 2]]), i32([1, 2, 3, 4]), i64([2, 3])),
    sparse("SparseReorder", NO_PLACES, strings(), i64([2, 3]), id="empty"),
]

FILL = [
    Row(
        "SparseFillEmptyRows",
        [
            [i64(places).reshape(-1, 2), i32(values), i64(shape), i32(-1)]
            for places, values, shape in (
                ([[0, 1], [3, 0], [3, 2], [1, 1]], [1, 2, 3, 4], [5, 3]),
                ([[0, 1], [3, 0], [3, 2]], [1, 2, 3], [5, 3]),
                ([[1, 1], [0, 0]], [1, 2], [2, 3]),
                ([], [], [2, 3]),
                ([], [], [0, 3]),
            )
        ],
        lowers=False,
    ),
    sparse("SparseFillEmptyRows", i64([[1, 0]]), strings(b"a"), i64([2, 3]), np.array(b"x", object), id="text"),
    Row(
        "SparseFillEmptyRows",
        [
            [i64(places), i32([1]), i64(shape), i32(-1)]
            for places, shape in (([[0, 0]], [0, 3]), ([[5, 0]], [2, 3]), ([[-1, 0]], [2, 3]))
        ],
        lowers=False,
        error=INVALID,
        id="refused",
    ),
]

PARTS = [
    Row(
        "SparseSlice",
        [
            [i64([[0, 1], [1, 0], [2, 2]]), i32([1, 2, 3]), i64([3, 4]), i64(start), i64(size)]
            for start, size in (([1, 0], [5, 2]), ([0, 0], [3, 4]), ([5, 0], [5, 2]), ([1, 1], [0, 0]))
        ],
        lowers=False,
    ),
    Row(
        "SparseConcat",
        [
            [i64([[0, 1], [1, 0]]), i64([[0, 0], [1, 1]]), i32([1, 2]), i32([3, 4]), i64([2, 3]), i64([2, 3])],
        ],
        {"concat_dim": each(0, 1, -1), "N": 2},
        lowers=False,
    ),
    sparse(
        "SparseConcat", i64([[0, 1]]), NO_PLACES, strings(b"a"), strings(), i64([2, 3]), i64([2, 2]),
        attrs={"concat_dim": 1, "N": 2}, id="empty",
    ),
    sparse(
        "SparseConcat", i64([[0, 1]]), NO_PLACES, i32([1]), i32([]), i64([2, 3]), i64([2, 2]),
        attrs={"concat_dim": 0, "N": 2}, error=INVALID, id="shapes",
    ),
]  # fmt: skip

COLUMN = f32([[0], [2], [4]])
THREE = f32([[0, 1], [2, 3], [4, 5]])
TURNED = i64([[0, 1], [1, 0]])
PRODUCT = [
    sparse("SparseTensorDenseMatMul", i64([[0, 1], [1, 0], [0, 1]]), f32([1, 2, 3]), i64([2, 3]), THREE),
    sparse(
        "SparseTensorDenseMatMul", TURNED, f32([1, 2]), i64([3, 2]), THREE, attrs={"adjoint_a": True}, id="adjoint-a"
    ),
    sparse(
        "SparseTensorDenseMatMul",
        TURNED,
        np.array([1 + 1j, 2 - 1j], np.complex64),
        i64([2, 3]),
        np.array([[0, 1j, 2], [3, 4, 5 - 2j]], np.complex64),
        attrs={"adjoint_b": True},
        id="adjoint-b",
    ),
    sparse("SparseTensorDenseMatMul", NO_PLACES, f32([]), i64([2, 3]), COLUMN, id="empty"),
    sparse("SparseTensorDenseMatMul", i64([[0, 5]]), f32([1]), i64([2, 3]), COLUMN, error=INVALID, id="out"),
    sparse("SparseTensorDenseMatMul", i64([[0, 1]]), f32([1]), i64([2, 4]), COLUMN, error=INVALID, id="inner"),
]

DATA = f32([[1, 2], [3, 4], [5, 6]])
SEGMENTS = [
    row
    for how in ("Sum", "Mean", "SqrtN")
    for row in (
        Row(
            f"SparseSegment{how}",
            [
                [DATA, i32([0, 1, 2, 0]), i32([0, 0, 2, 2])],
                [DATA, i64([0]), i32([2])],
                [DATA, i32([]), i32([])],
                [f32([1, 2, 3]), i32([0, 1, 2]), i64([0, 0, 1])],
                [DATA.astype(np.float64), i32([2, 2, 1]), i32([1, 1, 1])],
                [DATA.astype(np.float16), i32([2, 2, 1]), i32([1, 1, 1])],
            ],
            lowers=False,
        ),
        Row(
            f"SparseSegment{how}",
            [
                [DATA, i32([0, 1]), i32([1, 0])],
                [DATA, i32([0, 1]), i32([-1, 0])],
                [DATA, i32([0, 3]), i32([0, 0])],
                [DATA, i32([0, -1]), i32([0, 0])],
                [DATA, i32([0, 1]), i32([0, 0, 1])],
            ],
            lowers=False,
            error=INVALID,
            id="refused",
        ),
        sparse(f"SparseSegment{how}WithNumSegments", DATA, i32([0, 1]), i32([0, 1]), i32(4)),
        sparse(f"SparseSegment{how}WithNumSegments", DATA, i32([]), i32([]), Const(2), id="empty"),
        sparse(f"SparseSegment{how}WithNumSegments", DATA, i32([0, 1]), i32([0, 3]), i32(2), error=INVALID, id="few"),
    )
]

ROWS: list[Row] = [*TO_DENSE, *RESHAPE, *FILL, *PARTS, *PRODUCT, *SEGMENTS]
