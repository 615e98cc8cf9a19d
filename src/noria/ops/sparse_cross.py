"""Feature crosses: every combination of one value from each column, row by row, hashed or joined as text.

Hashes must be TensorFlow's to the bit, because weights are trained for their buckets: FarmHash fingerprints of strings
and integers as they are, folded from the hash key on by ``FingerprintCat64``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._farmhash import fingerprints
from noria.ops._strings import string_array
from noria.shapes import Shape

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_MUL: Final = 0xC6A4A7935BD1E995
_INT64_MAX: Final = (1 << 63) - 1

_Column = list[list[Any]]  # the values of each row


@infer("SparseCross", "SparseCrossV2")
def _cross_infer(call: InferCall) -> list[Shape]:
    return [(None, 2), (None,), (2,)]


def _columns(call: KernelCall, inputs: tuple[Array, ...], *, hashed: bool) -> tuple[list[_Column], int]:
    """The columns, sparse ones first, and the number of rows."""
    count = call.integer("N")
    indices, values, dense_shapes = (inputs[i * count : (i + 1) * count] for i in range(3))
    dense = inputs[3 * count :]
    sizes = [int(s[0]) for s in dense_shapes] + [len(d) for d in dense]
    if not sizes or len(set(sizes)) > 1:
        raise InvalidArgumentError(f"SparseCross takes columns of one batch size, got batch sizes {sizes}")
    columns = [_sparse_rows(*parts, hashed=hashed) for parts in zip(indices, values, dense_shapes, strict=True)]
    columns += [_dense_rows(matrix, hashed=hashed) for matrix in dense]
    return columns, sizes[0]


def _features(values: Array, *, hashed: bool) -> list[Any]:
    """What crosses combine: words of 64 bits, or texts."""
    listed: list[Any] = values.tolist()
    if values.dtype.hasobject:
        return fingerprints(listed).tolist() if hashed else listed
    return [v & _MASK for v in listed] if hashed else [b"%d" % v for v in listed]


def _mix(value: int) -> int:
    return value ^ (value >> 47)


def fingerprint_cat(first: int, second: int) -> int:
    """The fingerprint of two fingerprints, in this order (``FingerprintCat64``)."""
    result = first ^ _MUL ^ (_mix(second * _MUL & _MASK) * _MUL & _MASK)
    result = result * _MUL & _MASK
    return _mix(_mix(result) * _MUL & _MASK)


def _sparse(rows: list[list[Any]], values: Array) -> tuple[Array, Array, Array]:
    lengths = [len(row) for row in rows]
    indices = np.empty((len(values), 2), np.int64)
    indices[:, 0] = np.repeat(np.arange(len(rows)), lengths)
    indices[:, 1] = [j for n in lengths for j in range(n)]
    return indices, values, np.array([len(rows), max(lengths, default=0)], np.int64)


def _joined(columns: list[_Column], count: int, separator: bytes) -> tuple[Array, Array, Array]:
    rows = [[separator.join(c) for c in itertools.product(*(column[i] for column in columns))] for i in range(count)]
    texts = [text for row in rows for text in row]
    return _sparse(rows, string_array(texts, (len(texts),)))


@kernel("SparseCross")
def _cross(call: KernelCall, *inputs: Array) -> tuple[Array, Array, Array]:
    """The last column moves fastest. Without buckets, hashes are taken modulo the largest int64."""
    hashed = call.dtype("internal_type") is dtypes.int64
    if hashed != call.flag("hashed_output") or hashed != (call.dtype("out_type") is dtypes.int64):
        raise InvalidArgumentError(
            "SparseCross gives int64 hashes of int64 features, or strings of strings; got hashed_output "
            f"{call.flag('hashed_output')}, internal_type {call.dtype('internal_type')}, out_type "
            f"{call.dtype('out_type')}"
        )
    types: list[dtypes.DType] = [*call.attr("sparse_types"), *call.attr("dense_types")]
    if not hashed and dtypes.int64 in types:
        raise InvalidArgumentError("Input values should be of internal type string but received int64")
    columns, count = _columns(call, inputs, hashed=hashed)
    if not hashed:
        return _joined(columns, count, b"_X_")
    key, buckets = call.integer("hash_key") & _MASK, call.integer("num_buckets") or _INT64_MAX
    rows = [
        [_folded(key, words) % buckets for words in itertools.product(*(column[i] for column in columns))]
        for i in range(count)
    ]
    return _sparse(rows, np.array([value for row in rows for value in row], np.int64))


def _folded(key: int, words: Iterable[int]) -> int:
    for word in words:
        key = fingerprint_cat(key, word)
    return key


@kernel("SparseCrossV2")
def _cross_v2(call: KernelCall, *inputs: Array) -> tuple[Array, Array, Array]:
    columns, count = _columns(call, inputs[:-1], hashed=False)
    return _joined(columns, count, inputs[-1].item())


@infer("RaggedCross")
def _ragged_cross_infer(call: InferCall) -> list[Shape]:
    splits = call.shape(len(call.attr("ragged_values_types"))) if call.attr("ragged_values_types") else None
    return [(None,), splits if splits is not None else (None,)]


@kernel("RaggedCross")
def _ragged_cross(call: KernelCall, *inputs: Array) -> tuple[Array, Array]:
    """Crosses of ragged, sparse and dense columns, in the order that ``input_order`` names them (R, S, D)."""
    hashed = call.flag("hashed_output")
    ragged, sparse = len(call.attr("ragged_values_types")), call.integer("Nsparse")
    rest = inputs[2 * ragged :]
    columns = {
        "R": [
            _ragged_rows(v, s, hashed=hashed) for v, s in zip(inputs[:ragged], inputs[ragged : 2 * ragged], strict=True)
        ],
        "S": [
            _sparse_rows(*parts, hashed=hashed)
            for parts in zip(rest[:sparse], rest[sparse : 2 * sparse], rest[2 * sparse : 3 * sparse], strict=True)
        ],
        "D": [_dense_rows(d, hashed=hashed) for d in rest[3 * sparse :]],
    }
    ordered = [columns[kind].pop(0) for kind in call.text("input_order")]
    counts = {len(column) for column in ordered}
    if len(counts) > 1:
        raise InvalidArgumentError(f"inputs must all have the same batch dimension size, got {sorted(counts)}")
    crossed = [list(itertools.product(*row)) for row in zip(*ordered, strict=True)]
    splits = np.cumsum([0, *(len(row) for row in crossed)]).astype(call.dtype("out_row_splits_type").numpy)
    flat = [words for row in crossed for words in row]
    if not hashed:
        return string_array([b"_X_".join(words) for words in flat], (len(flat),)), splits
    key, buckets = call.integer("hash_key") & _MASK, call.integer("num_buckets") or _INT64_MAX
    return np.array([_folded(key, words) % buckets for words in flat], np.int64), splits


def _ragged_rows(values: Array, splits: Array, *, hashed: bool) -> _Column:
    if not splits.size or splits[0] != 0 or splits[-1] != len(values) or (np.diff(splits) < 0).any():
        raise InvalidArgumentError("Invalid value for row_splits: they must rise from 0 to the number of values")
    flat = _features(values, hashed=hashed)
    return [flat[a:b] for a, b in itertools.pairwise(splits.tolist())]


def _sparse_rows(places: Array, values: Array, dense_shape: Array, *, hashed: bool) -> _Column:
    if places.ndim != 2 or places.shape[1:] != (2,) or values.shape != places.shape[:1] or dense_shape.shape != (2,):
        raise InvalidArgumentError(
            f"sparse columns must be matrices, got indices of shape {shapes.text(places.shape)} and values of shape "
            f"{shapes.text(values.shape)}"
        )
    rows: _Column = [[] for _ in range(int(dense_shape[0]))]
    for row, feature in zip(places[:, 0].tolist(), _features(values, hashed=hashed), strict=True):
        if not 0 <= row < len(rows):
            raise InvalidArgumentError(f"a sparse column has a value in row {row} of a batch of {len(rows)}")
        rows[row].append(feature)
    return rows


def _dense_rows(matrix: Array, *, hashed: bool) -> _Column:
    if matrix.ndim != 2:
        raise InvalidArgumentError(f"dense columns must be matrices, got shape {shapes.text(matrix.shape)}")
    flat, width = _features(matrix.ravel(), hashed=hashed), matrix.shape[1]
    return [flat[i * width : (i + 1) * width] for i in range(len(matrix))]
