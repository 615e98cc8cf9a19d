"""Serialized Examples to tensors: ParseExample, ParseExampleV2, ParseSingleExample.

For each key a caller asks for the values of all examples as one dense tensor (of fixed shape, or padded), a sparse
one, or a ragged one. A single example gives the same without the batch axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeAlias

import numpy as np
from google.protobuf.message import DecodeError

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array, ShapeAttr
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.protos.tensorflow import Example
from noria.protos.tensorflow import Feature as FeatureProto
from noria.shapes import Shape

# The values of one feature of one example: few as a list, which costs less to make; numbers that are many as an array.
Values: TypeAlias = "list[Any] | Array"
_MANY: Final = 64
NAMES: Final = {dtypes.float32: "float", dtypes.int64: "int64", dtypes.string: "string"}
FIELDS: Final = {dtypes.float32: "float_list", dtypes.int64: "int64_list", dtypes.string: "bytes_list"}
_TYPE_OF: Final = {field: NAMES[dtype] for dtype, field in FIELDS.items()}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The types that a node's attributes ask for; the keys come with each call."""

    sparse: tuple[DType, ...]
    dense: tuple[DType, ...]
    dense_shapes: tuple[tuple[int | None, ...], ...]
    ragged: tuple[DType, ...] = ()
    splits: tuple[DType, ...] = ()


def _wanted(call: KernelCall) -> _Wanted:
    found: _Wanted | None = call.cache.get("wanted")
    if found is None:
        attrs = call.node.attrs
        shape_attrs: list[ShapeAttr] = call.attr("dense_shapes")
        found = call.cache["wanted"] = _Wanted(
            tuple(call.attr("sparse_types")),
            tuple(call.attr("Tdense")),
            tuple(s.dims or () for s in shape_attrs),
            tuple(call.attr("ragged_value_types")) if "ragged_value_types" in attrs else (),
            tuple(call.attr("ragged_split_types")) if "ragged_split_types" in attrs else (),
        )
    return found


class Batch:
    """The parsed examples of one call, and the words with which errors name them."""

    def __init__(self, examples: list[Mapping[str, FeatureProto]], names: Sequence[bytes], *, single: bool) -> None:
        self.examples = examples
        self.single = single
        self._names = names

    def column(self, key: str, dtype: DType, complain: str) -> list[Values | None]:
        """The values of ``key`` in every example, None where there are none.

        Raises InvalidArgumentError, with the words of ``complain``, for values of another type.
        """
        field = FIELDS[dtype]
        column: list[Values | None] = []
        for k, features in enumerate(self.examples):
            if key not in features:
                column.append(None)
                continue
            feature = features[key]
            if feature.HasField(field):
                values = getattr(feature, field).value
                many = len(values) > _MANY and dtype is not dtypes.string
                column.append(np.array(values, dtype.numpy) if many else values[:])
                continue
            kind = feature.WhichOneof("kind")
            if kind is not None:
                text = complain.format(wanted=NAMES[dtype], actual=_TYPE_OF[kind])
                self.refuse(key, k, f"Data types don't match. {text}")
            column.append(None)
        return column

    def refuse(self, key: str, index: int, text: str) -> NoReturn:
        place = f"Key: {key}.  " if self.single else f"{self._name(index)}Key: {key}, Index: {index}.  "
        raise InvalidArgumentError(place + text)

    def missing(self, key: str, index: int, dtype: DType) -> NoReturn:
        raise InvalidArgumentError(
            f"{self._name(index)}Feature: {key} (data type: {NAMES[dtype]}) is required but could not be found."
        )

    def _name(self, index: int) -> str:
        if self.single:
            return ""
        name = self._names[index].decode("utf-8", "replace") if self._names else "<unknown>"
        return f"Name: {name}, "


def joined(column: Sequence[Values | None], dtype: DType) -> Array:
    """All values one behind the other."""
    present = [values for values in column if values is not None]
    if any(isinstance(values, np.ndarray) for values in present):
        return np.concatenate([np.asarray(values, dtype.numpy) for values in present])
    flat: list[Any] = [v for values in present for v in values]
    return string_array(flat, (len(flat),)) if dtype is dtypes.string else np.array(flat, dtype.numpy)


_DENSE_TYPE = "Data type: {actual} but expected type: {wanted}"
_OTHER_TYPE = "Expected type: {wanted}, Actual type: {actual}"


def _dense(batch: Batch, key: str, dtype: DType, shape: tuple[int | None, ...], default: Array, index: int) -> Array:
    """Values of a fixed shape; an example without them gets ``default``, or is refused if that is empty."""
    if shape[:1] == (None,):
        return _padded(batch, key, dtype, shape, default, index)
    if default.size and default.shape != shape:
        raise InvalidArgumentError(
            f"def_value[{index}].shape() == {shapes.text(default.shape)} is not compatible with "
            f"dense_shapes_[{index}] == {shapes.text(shape)}"
        )
    size = default.size or math.prod(d or 0 for d in shape)
    column = batch.column(key, dtype, _DENSE_TYPE)
    fallback: Any = None
    for k, values in enumerate(column):
        if values is None:
            if not default.size:
                batch.missing(key, k, dtype)
            if fallback is None:
                fallback = default.ravel().tolist()
            column[k] = fallback
        elif len(values) != size:
            what = "bytes" if dtype is dtypes.string else NAMES[dtype]
            batch.refuse(
                key,
                k,
                f"Number of {what} values != expected.  Values size: {len(values)} but output shape: "
                f"{shapes.text(shape)}",
            )
    flat = joined(column, dtype)
    return flat.reshape(shape if batch.single else (len(column), *shape))


def _padded(batch: Batch, key: str, dtype: DType, shape: tuple[int | None, ...], default: Array, index: int) -> Array:
    """Values whose first dimension varies: filled up with ``default``, a single element, to the longest example."""
    if default.size != 1 and not batch.single:
        raise InvalidArgumentError(
            f"dense_shape[{index}] is a variable length shape: {shapes.text(shape)}, therefore def_value[{index}] must "
            f"contain a single element (the padding element).  But its shape is: {shapes.text(default.shape)}"
        )
    rest = tuple(d or 0 for d in shape[1:])
    stride = math.prod(rest)
    column = batch.column(key, dtype, _DENSE_TYPE)
    longest = 0
    for k, values in enumerate(column):
        count = 0 if values is None else len(values)
        if count % max(stride, 1):
            what = "bytes" if dtype is dtypes.string else NAMES[dtype]
            batch.refuse(
                key,
                k,
                f"Number of {what} values is not a multiple of stride length. Saw {count} values but output shape is: "
                f"{shapes.text(shape)}",
            )
        longest = max(longest, count)
    result = np.empty((len(column), longest), dtype.numpy)
    if default.size:
        result[...] = default.reshape(())
    for row, values in zip(result, column, strict=True):
        if values is not None:
            row[: len(values)] = values
    length = longest // stride if stride else 0
    return result.reshape((length, *rest) if batch.single else (len(column), length, *rest))


def sparse_feature(batch: Batch, key: str, dtype: DType) -> tuple[Array, Array, Array]:
    column = batch.column(key, dtype, _OTHER_TYPE)
    values = joined(column, dtype)
    lengths = [0 if v is None else len(v) for v in column]
    if batch.single:
        return np.arange(len(values))[:, None], values, np.array(lengths, np.int64)
    longest = max(lengths, default=0)
    indices = np.empty((len(values), 2), np.int64)
    if lengths.count(longest) == len(lengths):
        grid = indices.reshape(len(lengths), longest, 2)
        grid[:, :, 0] = np.arange(len(lengths))[:, None]
        grid[:, :, 1] = np.arange(longest)
    else:
        starts = np.cumsum(lengths) - lengths
        indices[:, 0] = np.repeat(np.arange(len(lengths)), lengths)
        indices[:, 1] = np.arange(len(values)) - np.repeat(starts, lengths)
    return indices, values, np.array([len(lengths), longest], np.int64)


def ragged_feature(batch: Batch, key: str, dtype: DType, split_type: DType) -> tuple[Array, Array]:
    column = batch.column(key, dtype, _OTHER_TYPE)
    if batch.single:
        return joined(column, dtype), np.empty(0, split_type.numpy)
    splits = np.zeros(len(column) + 1, split_type.numpy)
    np.cumsum([0 if v is None else len(v) for v in column], out=splits[1:])
    return joined(column, dtype), splits


def _parsed(serialized: Array, names: Array | None = None) -> Batch:
    if names is not None and names.size and names.shape != serialized.shape:
        raise InvalidArgumentError(
            f"Expected names have the same shape as serialized: name.shape={shapes.text(names.shape)}, "
            f"serialized.shape={shapes.text(serialized.shape)}"
        )
    texts: list[bytes] = serialized.ravel().tolist()
    examples: list[Mapping[str, FeatureProto]] = []
    for text in texts:
        try:
            examples.append(Example.FromString(text).features.feature)
        except DecodeError as error:
            shown = text[:200].decode("utf-8", "backslashreplace")
            raise InvalidArgumentError(f"Could not parse example input, value: '{shown}' ({error})") from None
    return Batch(examples, [] if names is None else names.ravel().tolist(), single=serialized.ndim == 0)


def key_texts(keys: Array) -> list[str]:
    return [key.decode("utf-8", "replace") for key in keys.ravel().tolist()]


def _outputs(
    batch: Batch,
    wanted: _Wanted,
    sparse_keys: Sequence[str],
    dense_keys: Sequence[str],
    defaults: Sequence[Array],
    ragged_keys: Sequence[str] = (),
) -> tuple[Array, ...]:
    sparse = [sparse_feature(batch, key, dtype) for key, dtype in zip(sparse_keys, wanted.sparse, strict=True)]
    dense_rows = zip(dense_keys, wanted.dense, wanted.dense_shapes, defaults, strict=True)
    dense = [_dense(batch, key, dtype, shape, default, d) for d, (key, dtype, shape, default) in enumerate(dense_rows)]
    ragged_rows = zip(ragged_keys, wanted.ragged, wanted.splits, strict=True)
    ragged = [ragged_feature(batch, key, dtype, split_type) for key, dtype, split_type in ragged_rows]
    return (
        *(s[0] for s in sparse),
        *(s[1] for s in sparse),
        *(s[2] for s in sparse),
        *dense,
        *(r[0] for r in ragged),
        *(r[1] for r in ragged),
    )


@kernel("ParseExample")
def _parse_example_v1(call: KernelCall, serialized: Array, names: Array, *rest: Array) -> tuple[Array, ...]:
    if serialized.ndim != 1:
        raise InvalidArgumentError(f"Expected serialized to be a vector, got shape: {shapes.text(serialized.shape)}")
    sparse, dense = call.integer("Nsparse"), call.integer("Ndense")
    sparse_keys = [key.item().decode("utf-8", "replace") for key in rest[:sparse]]
    dense_keys = [key.item().decode("utf-8", "replace") for key in rest[sparse : sparse + dense]]
    return _outputs(_parsed(serialized, names), _wanted(call), sparse_keys, dense_keys, rest[sparse + dense :])


@kernel("ParseExampleV2")
def _parse_example_v2(
    call: KernelCall,
    serialized: Array,
    names: Array,
    sparse_keys: Array,
    dense_keys: Array,
    ragged_keys: Array,
    *defaults: Array,
) -> tuple[Array, ...]:
    if serialized.ndim > 1:
        raise InvalidArgumentError(
            f"Expected serialized to be a scalar or vector, got shape: {shapes.text(serialized.shape)}"
        )
    wanted = _wanted(call)
    for what, keys, types in (
        ("sparse", sparse_keys, wanted.sparse),
        ("dense", dense_keys, wanted.dense),
        ("ragged", ragged_keys, wanted.ragged),
    ):
        if keys.size != len(types):
            raise InvalidArgumentError(f"Expected {len(types)} {what}_keys, got {keys.size}")
    batch = _parsed(serialized, names)
    return _outputs(batch, wanted, key_texts(sparse_keys), key_texts(dense_keys), defaults, key_texts(ragged_keys))


@kernel("ParseSingleExample")
def _parse_single_example(call: KernelCall, serialized: Array, *defaults: Array) -> tuple[Array, ...]:
    if serialized.ndim:
        raise InvalidArgumentError(f"Expected serialized to be a scalar, got shape: {shapes.text(serialized.shape)}")
    sparse_keys = [key.decode("utf-8", "replace") for key in call.attr("sparse_keys")]
    dense_keys = [key.decode("utf-8", "replace") for key in call.attr("dense_keys")]
    return _outputs(_parsed(serialized), _wanted(call), sparse_keys, dense_keys, defaults)


# --- shapes


@infer("ParseExample", "ParseExampleV2", "ParseSingleExample")
def _parse_infer(call: InferCall) -> list[Shape]:
    serialized: Shape = () if call.node.op == "ParseSingleExample" else call.shape(0)
    attrs = call.node.attrs
    sparse = len(call.attr("sparse_types"))
    ragged = len(call.attr("ragged_value_types")) if "ragged_value_types" in attrs else 0
    dense_shapes: list[ShapeAttr] = call.attr("dense_shapes")
    if serialized is None:
        return [None] * (3 * sparse + len(dense_shapes) + 2 * ragged)
    rank = len(serialized) + 1
    count = serialized[0] if serialized else None
    splits: Shape = (0,) if not serialized else (None if count is None else count + 1,)
    return [
        *[(None, rank)] * sparse,
        *[(None,)] * sparse,
        *[(rank,)] * sparse,
        *[None if s.dims is None else (*serialized, *s.dims) for s in dense_shapes],
        *[(None,)] * ragged,
        *[splits] * ragged,
    ]
