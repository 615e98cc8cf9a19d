"""Rows of ``noria.ops.sparse_cross``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code
from op_cases import Array, Row, each

I64, TEXT = dtypes.int64, dtypes.string


def texts(*values: Any) -> Array:
    return np.array(values, object)


COLORS = np.array([[0, 0], [0, 1], [2, 0]]), texts(b"red", b"green", b"blue"), np.array([3, 2])
AGES = np.array([[0, 0], [1, 0], [2, 0], [2, 1]]), np.array([3, -1, 2**62, 7]), np.array([3, 2])
NAMES = texts([b"a", b"long enough for more than sixteen bytes"], [b"c", b""], [b"e", b"f"])
NUMBERS = np.array([[1], [-2], [3]])
NOTHING = np.zeros((0, 2), np.int64), texts(), np.array([3, 0])
INDICES, VALUES, SHAPES = zip(COLORS, AGES, strict=True)
SPARSE = (*INDICES, *VALUES, *SHAPES)


def cross(*inputs: Any, sparse: list[DType], dense: list[DType], hashed: bool, **options: Any) -> Row:
    kind = I64 if hashed else TEXT
    attrs = {"N": len(sparse), "sparse_types": sparse, "dense_types": dense}
    if options.get("op", "") != "SparseCrossV2":
        attrs |= {"hashed_output": hashed, "out_type": kind, "internal_type": kind, "hash_key": each(0, 956888297470)}
        attrs |= {"num_buckets": each(0, 1000) if hashed else 0}
    return Row(options.pop("op", "SparseCross"), list(inputs), attrs, lowers=False, **options)


RED = texts(b"red", b"green", b"blue"), np.array([0, 2, 2, 3])
FEW = np.array([3, -1, 2**62, 7]), np.array([0, 1, 3, 4])


def ragged_cross(
    *inputs: Any, order: str, sparse: list[DType], dense: list[DType], hashed: bool, **options: Any
) -> Row:
    """Of the columns RED and FEW, and others."""
    attrs = {
        "input_order": order, "Nsparse": len(sparse), "hashed_output": hashed, "hash_key": each(0, 956888297470),
        "num_buckets": each(0, 1000) if hashed else 0, "ragged_values_types": [TEXT, I64],
        "ragged_splits_types": [I64, I64], "sparse_values_types": sparse, "dense_types": dense,
        "out_values_type": I64 if hashed else TEXT, "out_row_splits_type": I64,
    }  # fmt: skip
    return Row("RaggedCross", [RED[0], FEW[0], RED[1], FEW[1], *inputs], attrs, lowers=False, **options)


SEPARATOR = np.array(b"&", object)
PLAIN = (COLORS[0], COLORS[0], COLORS[1], COLORS[1], COLORS[2], COLORS[2])
INVALID = Code.INVALID_ARGUMENT

ROWS: list[Row] = [
    cross(*SPARSE, sparse=[TEXT, I64], dense=[], hashed=True, id="sparse"),
    cross(*SPARSE, NAMES, NUMBERS, sparse=[TEXT, I64], dense=[TEXT, I64], hashed=True, id="both"),
    cross(NAMES, NAMES, sparse=[], dense=[TEXT, TEXT], hashed=True, id="dense"),
    cross(*NOTHING, NAMES, sparse=[TEXT], dense=[TEXT], hashed=True, id="empty"),
    cross(*PLAIN, NAMES, sparse=[TEXT, TEXT], dense=[TEXT], hashed=False, id="text"),
    cross(*NOTHING, NAMES, sparse=[TEXT], dense=[TEXT], hashed=False, id="text-empty"),
    cross(*SPARSE, sparse=[TEXT, I64], dense=[], hashed=False, error=INVALID, id="text-of-numbers"),
    cross(NAMES, NAMES[:2], sparse=[], dense=[TEXT, TEXT], hashed=True, error=INVALID, id="batch"),
    cross(*SPARSE, NAMES, SEPARATOR, sparse=[TEXT, I64], dense=[TEXT], hashed=False, op="SparseCrossV2"),
    ragged_cross(order="RR", sparse=[], dense=[], hashed=True),
    ragged_cross(order="RR", sparse=[], dense=[], hashed=False, id="text"),
    ragged_cross(
        *COLORS[:1], *COLORS[1:], NAMES, order="DRSR", sparse=[TEXT], dense=[TEXT], hashed=True, id="all-kinds"
    ),
    ragged_cross(NAMES[:2], order="RRD", sparse=[], dense=[TEXT], hashed=True, error=INVALID, id="batch"),
]
