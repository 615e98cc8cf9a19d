"""Sparse tensors as strings and back (for queues and readers), and edit distances of sparse sequences."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from google.protobuf.message import DecodeError

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.formats import tensor_proto
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._strings import string_array
from noria.protos.tensorflow import TensorProto
from noria.shapes import Shape

_Parts = tuple[Array, Array, Array]


def _check(indices: Array, values: Array, shape: Array, *, whole: bool = True) -> None:
    """The ranks of the parts; ``whole``: their sizes too, which TensorFlow's SerializeSparse leaves to the reader."""
    if indices.ndim != 2:
        raise InvalidArgumentError(f"Input indices should be a matrix but received shape {shape_text(indices.shape)}")
    if values.ndim != 1:
        raise InvalidArgumentError(f"Input values should be a vector but received shape {shape_text(values.shape)}")
    if shape.ndim != 1:
        raise InvalidArgumentError(f"Input shape should be a vector but received shape {shape_text(shape.shape)}")
    if not whole:
        return
    if len(indices) != len(values) or indices.shape[1] != len(shape):
        raise InvalidArgumentError(
            f"Number of values must match first dimension of indices. Got {len(values)} values, indices shape: "
            f"{shape_text(indices.shape)}, shape of rank {len(shape)}"
        )


def _text(array: Array, dtype: DType) -> bytes:
    return tensor_proto.from_array(array, dtype, content=True).SerializeToString()


def _check_strings(call: KernelCall) -> None:
    if call.dtype("out_type") is not dtypes.string:
        raise UnimplementedError(f"{call.node.op} makes strings, not {call.dtype('out_type')}")


@infer("SerializeSparse")
def _serialize_infer(call: InferCall) -> Sequence[Shape]:
    return [(3,)]


@kernel("SerializeSparse")
def _serialize(call: KernelCall, indices: Array, values: Array, shape: Array) -> Array:
    """Indices, values and shape, each a serialized TensorProto."""
    _check_strings(call)
    _check(indices, values, shape, whole=False)
    texts = [_text(indices, dtypes.int64), _text(values, call.dtype("T")), _text(shape, dtypes.int64)]
    return string_array(texts, (3,))


@infer("SerializeManySparse")
def _serialize_many_infer(call: InferCall) -> Sequence[Shape]:
    return [(None, 3)]


@kernel("SerializeManySparse")
def _serialize_many(call: KernelCall, indices: Array, values: Array, shape: Array) -> Array:
    """Each row of a sparse tensor as a sparse tensor of its own: [rows, 3]."""
    _check_strings(call)
    _check(indices, values, shape)
    if len(shape) < 2:
        raise InvalidArgumentError(f"Rank of input SparseTensor should be > 1, but saw rank: {len(shape)}")
    count = int(shape[0])
    size = _text(shape[1:], dtypes.int64)
    starts = np.searchsorted(indices[:, 0], np.arange(count + 1))
    texts = []
    for row in range(count):
        part = slice(starts[row], starts[row + 1])
        texts += [_text(indices[part, 1:], dtypes.int64), _text(values[part], call.dtype("T")), size]
    return string_array(texts, (count, 3))


def _parsed(text: bytes, wanted: DType, what: str) -> Array:
    try:
        proto = TensorProto.FromString(text)
    except DecodeError:
        raise InvalidArgumentError(f"Could not parse serialized_sparse[{what}] ({len(text)} bytes)") from None
    if proto.dtype != wanted.number:
        raise InvalidArgumentError(
            f"Requested SparseTensor of type {wanted} but serialized_sparse[{what}].dtype() == "
            f"{dtypes.from_number(proto.dtype)}"
        )
    return tensor_proto.to_array(proto)


def _row(texts: Sequence[bytes], dtype: DType) -> _Parts:
    indices, values, shape = (
        _parsed(text, wanted, what)
        for text, wanted, what in zip(
            texts, (dtypes.int64, dtype, dtypes.int64), ("indices", "values", "shape"), strict=True
        )
    )
    _check(indices, values, shape)
    return indices, values, shape


@infer("DeserializeManySparse", "DeserializeSparse")
def _deserialize_infer(call: InferCall) -> Sequence[Shape]:
    return [(None, None), (None,), (None,)]


@kernel("DeserializeManySparse", "DeserializeSparse")
def _deserialize(call: KernelCall, serialized: Array) -> _Parts:
    """Sparse tensors [..., 3] as one, with the dimensions before the last in front."""
    if serialized.ndim < 1 or serialized.shape[-1] != 3:
        raise InvalidArgumentError(
            f"Serialized sparse should have 3 as the last dimension, got shape {shape_text(serialized.shape)}"
        )
    dtype = call.dtype("dtype")
    front = serialized.shape[:-1]
    if math.prod(front) == 0:
        raise InvalidArgumentError("Must have at least 1 serialized SparseTensor, but input matrix has 0 rows")
    rows = [_row(texts, dtype) for texts in serialized.reshape(-1, 3).tolist()]
    if len({len(shape) for _, _, shape in rows}) > 1:
        raise InvalidArgumentError(
            "Inconsistent rank across SparseTensors: "
            f"{', '.join(str(len(shape)) for _, _, shape in rows[:8])} before the number of rows is added"
        )
    places = np.array(list(np.ndindex(*front)), np.int64).reshape(len(rows), len(front))
    indices = [
        np.concatenate([np.repeat(place[None], len(own), axis=0), own], axis=1)
        for place, (own, _, _) in zip(places, rows, strict=True)
    ]
    size = np.max([shape for _, _, shape in rows], axis=0)
    whole = np.concatenate([np.array(front, np.int64), size]) if front else size
    return np.concatenate(indices), np.concatenate([values for _, values, _ in rows]), whole


# ---- edit distance ----------------------------------------------------------------------------------------------


def _distance(a: list[object], b: list[object]) -> int:
    """How many insertions, deletions and replacements make ``b`` of ``a`` (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        corner, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (x != y))
    return row[-1]


def _sequences(indices: Array, values: Array) -> dict[tuple[int, ...], list[object]]:
    found: dict[tuple[int, ...], list[object]] = {}
    for place, value in zip(indices[:, :-1].tolist(), values.tolist(), strict=True):
        found.setdefault(tuple(place), []).append(value)
    return found


@infer("EditDistance")
def _edit_infer(call: InferCall) -> Sequence[Shape]:
    a, b = call.inputs[2].known_dims, call.inputs[5].known_dims
    if a is None or b is None or len(a) != len(b):
        return [None]
    return [tuple(None if x is None or y is None else max(x, y) for x, y in zip(a[:-1], b[:-1], strict=True))]


@kernel("EditDistance")
def _edit_distance(
    call: KernelCall,
    hypothesis_indices: Array,
    hypothesis_values: Array,
    hypothesis_shape: Array,
    truth_indices: Array,
    truth_values: Array,
    truth_shape: Array,
) -> Array:
    """Of the sequences along the last dimension; ``normalize``: by the length of the truth (infinite without one)."""
    _check(hypothesis_indices, hypothesis_values, hypothesis_shape)
    _check(truth_indices, truth_values, truth_shape)
    if len(hypothesis_shape) != len(truth_shape):
        raise InvalidArgumentError(
            f"Expected hypothesis_shape and truth_shape to have the same rank: {len(hypothesis_shape)} vs. "
            f"{len(truth_shape)}"
        )
    made = np.maximum(hypothesis_shape, truth_shape)[:-1].tolist()
    result = np.zeros(made, np.float32)
    given, wanted = _sequences(hypothesis_indices, hypothesis_values), _sequences(truth_indices, truth_values)
    for place in given.keys() | wanted.keys():
        if any(not 0 <= p < d for p, d in zip(place, made, strict=True)):
            raise InvalidArgumentError(f"an index {list(place)} is out of bounds for output shape {made}")
        truth = wanted.get(place, [])
        distance = float(_distance(given.get(place, []), truth))
        if call.flag("normalize"):
            distance = distance / len(truth) if truth else math.inf
        result[place] = distance
    return result
