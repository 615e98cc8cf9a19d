"""Serialized SequenceExamples to tensors: ParseSequenceExample, ParseSequenceExampleV2, ParseSingleSequenceExample.

The context is parsed as an Example is. A feature list has steps, each of some values: it becomes a dense tensor
[batch, steps, ...] of steps of one shape, filled up with zeros; a sparse one [batch, steps, values]; or a ragged one
with splits of the batch (outer) and of the steps (inner). A scalar input gives the same without the batch axis.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import DecodeError

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array, ShapeAttr
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.ops.parsing import FIELDS, NAMES, Batch, joined, key_texts, ragged_feature, sparse_feature
from noria.protos.tensorflow import Feature as FeatureProto
from noria.protos.tensorflow import SequenceExample
from noria.shapes import Shape


@dataclass(frozen=True, slots=True)
class _Keys:
    """Which features a call asks for, and of the dense feature lists, which may be missing."""

    context_sparse: Sequence[str]
    context_dense: Sequence[str]
    context_ragged: Sequence[str]
    list_sparse: Sequence[str]
    list_dense: Sequence[str]
    list_ragged: Sequence[str]
    may_miss: Sequence[bool]


class _Sequences:
    """The parsed examples of one call. ``strict``: a dense step without values is not of its type either."""

    def __init__(self, serialized: Array, names: Array, *, strict: bool = False) -> None:
        if names.size not in (0, serialized.size):
            raise InvalidArgumentError(
                f"debug_name has {names.size} names for {serialized.size} serialized SequenceExamples"
            )
        self.single = serialized.ndim == 0
        self.strict = strict
        self._names: list[bytes] = names.ravel().tolist()
        examples = [self._parse(text, i) for i, text in enumerate(serialized.ravel().tolist())]
        contexts: list[Mapping[str, FeatureProto]] = [e.context.feature for e in examples]
        self.context = Batch(contexts, self._names, single=self.single)
        self._lists: list[Mapping[str, Any]] = [e.feature_lists.feature_list for e in examples]

    def _parse(self, text: bytes, index: int) -> SequenceExample:
        try:
            return SequenceExample.FromString(text)
        except DecodeError as error:
            raise InvalidArgumentError(
                f"Invalid protocol message input, example id: {self.name(index)}: could not parse {len(text)} bytes "
                f"as a SequenceExample ({error})"
            ) from None

    def name(self, index: int) -> str:
        return self._names[index].decode("utf-8", "replace") if self._names else "<unknown>"

    def steps(self, key: str, dtype: DType, *, typed: bool = False) -> list[list[list[Any]] | None]:
        """The values of each step of each example's list ``key``; None where an example has no such list.

        typed: no step may be without values.
        """
        found: list[list[list[Any]] | None] = []
        for example, lists in enumerate(self._lists):
            if key not in lists:
                found.append(None)
                continue
            features = lists[key].feature
            found.append([self._values(feature, dtype, (key, example, t), typed) for t, feature in enumerate(features)])
        return found

    def _values(self, feature: FeatureProto, dtype: DType, place: tuple[str, int, int], typed: bool) -> list[Any]:
        if feature.HasField(FIELDS[dtype]):
            values: list[Any] = getattr(feature, FIELDS[dtype]).value[:]
            return values
        if typed or feature.WhichOneof("kind") is not None:
            key, example, step = place
            raise InvalidArgumentError(
                f"Name: {self.name(example)}, Feature list: {key}, Index: {step}.  Data types don't match. "
                f"Expected type: {NAMES[dtype]}"
            )
        return []


# --- the context


def _context_dense(parsed: _Sequences, key: str, dtype: DType, shape: Shape, default: Array, index: int) -> Array:
    """Values of a fixed shape; an example without them gets ``default``, or is refused if that is empty."""
    wanted = _defined(shape)
    if default.size and default.shape != wanted:
        raise InvalidArgumentError(
            f"default_value[{index}].shape() == {shapes.text(default.shape)} != context_dense_shapes[{index}] == "
            f"{shapes.text(wanted)}"
        )
    batch = parsed.context
    size = math.prod(wanted)
    rows: list[Any] = []
    for k, (values, features) in enumerate(
        zip(batch.column(key, dtype, "Expected type: {wanted}"), batch.examples, strict=True)
    ):
        if key not in features:
            if not default.size:
                raise InvalidArgumentError(
                    f"Name: {parsed.name(k)}, Context feature '{key}' (data type: {NAMES[dtype]}) is required but "
                    "could not be found."
                )
            rows.append(default.ravel().tolist())
        elif values is None or len(values) != size:
            raise InvalidArgumentError(
                f"Name: {parsed.name(k)}, Key: {key}.  Number of {NAMES[dtype]} values != expected.  Values size: "
                f"{0 if values is None else len(values)} but output shape: {shapes.text(wanted)}"
            )
        else:
            rows.append(values)
    return joined(rows, dtype).reshape(wanted if parsed.single else (len(rows), *wanted))


def _defined(shape: Shape) -> tuple[int, ...]:
    if shape is None or None in shape:
        raise InvalidArgumentError(f"Shape {shapes.text(shape)} is not fully defined")
    return tuple(d for d in shape if d is not None)


# --- feature lists


def _flat(values: list[Any], dtype: DType) -> Array:
    return string_array(values, (len(values),)) if dtype is dtypes.string else np.array(values, dtype.numpy)


def _list_dense(parsed: _Sequences, key: str, dtype: DType, shape: Shape, may_miss: bool) -> tuple[Array, Array]:
    """Steps of a fixed shape, filled up to the longest list, and the number of steps of each example."""
    wanted = _defined(shape)
    size = math.prod(wanted)
    lists = parsed.steps(key, dtype, typed=parsed.strict)
    for k, steps in enumerate(lists):
        if steps is None and not may_miss:
            raise InvalidArgumentError(
                f"Name: {parsed.name(k)}, Feature list '{key}' is required but could not be found.  Did you mean to "
                "include it in feature_list_dense_missing_assumed_empty or feature_list_dense_defaults?"
            )
        for t, values in enumerate(steps or ()):
            if len(values) != size:
                raise InvalidArgumentError(
                    f"Name: {parsed.name(k)}, Key: {key}, Index: {t}.  Number of {NAMES[dtype]} values != expected.  "
                    f"values size: {len(values)} but output shape: {shapes.text(wanted)}"
                )
    lengths = [len(steps or ()) for steps in lists]
    longest = max(lengths, default=0)
    result = np.zeros((len(lists), longest, size), dtype.numpy)
    if dtype is dtypes.string:
        result[...] = b""
    for row, steps in zip(result, lists, strict=True):
        for place, values in zip(row, steps or (), strict=False):
            place[:] = values
    if parsed.single:
        return result.reshape(longest, *wanted), np.array(longest, np.int64)
    return result.reshape(len(lists), longest, *wanted), np.array(lengths, np.int64)


def _list_sparse(parsed: _Sequences, key: str, dtype: DType) -> tuple[Array, Array, Array]:
    indices: list[tuple[int, int, int]] = []
    values: list[Any] = []
    most_steps = most_values = 0
    lists = parsed.steps(key, dtype)
    for k, steps in enumerate(lists):
        most_steps = max(most_steps, len(steps or ()))
        for t, found in enumerate(steps or ()):
            most_values = max(most_values, len(found))
            indices.extend((k, t, i) for i in range(len(found)))
            values.extend(found)
    first = 1 if parsed.single else 0
    return (
        np.ascontiguousarray(np.array(indices, np.int64).reshape(-1, 3)[:, first:]),
        _flat(values, dtype),
        np.array([len(lists), most_steps, most_values][first:], np.int64),
    )


def _list_ragged(parsed: _Sequences, key: str, dtype: DType, split_type: DType) -> tuple[Array, Array, Array]:
    """The values, the splits of the examples' steps, and the splits of the steps' values.

    TensorFlow leaves the outer splits of a single example to chance: a scalar that it never writes. Here that is 0.
    """
    lists = parsed.steps(key, dtype)
    steps = [values for found in lists for values in found or ()]
    inner = np.cumsum([0, *(len(values) for values in steps)])
    outer = np.cumsum([0, *(len(found or ()) for found in lists)])
    return (
        _flat([v for values in steps for v in values], dtype),
        np.zeros((), split_type.numpy) if parsed.single else outer.astype(split_type.numpy),
        inner.astype(split_type.numpy),
    )


# --- the ops


def _listed(call: KernelCall | InferCall, name: str) -> list[Any]:
    """A list attribute, empty where the op has none of that name: only V2 has ragged features."""
    return list(call.attr(name)) if name in call.node.attrs else []


def _shapes(call: KernelCall | InferCall, name: str) -> list[Shape]:
    found: list[ShapeAttr] = _listed(call, name)
    return [s.dims for s in found]


def _check_kinds(what: str, kinds: Mapping[str, Sequence[str]]) -> None:
    """A feature may be asked for as one kind of tensor only."""
    seen: dict[str, str] = {}
    for kind, keys in kinds.items():
        for key in keys:
            other = seen.setdefault(key, kind)
            if other != kind:
                raise InvalidArgumentError(f"{what} {key} cannot be both {other} and {kind}")


def _outputs(call: KernelCall, parsed: _Sequences, keys: _Keys, defaults: Sequence[Array]) -> tuple[Array, ...]:
    """All outputs of ParseSequenceExampleV2 in order; those of ragged features are none for the other ops."""
    _check_kinds(
        "Context feature",
        {"ragged": keys.context_ragged, "dense": keys.context_dense, "sparse": keys.context_sparse},
    )
    _check_kinds(
        "Feature list",
        {"ragged": keys.list_ragged, "dense": keys.list_dense, "sparse": keys.list_sparse},
    )
    context = _context_outputs(call, parsed, keys, defaults)
    sparse_types: list[DType] = _listed(call, "feature_list_sparse_types")
    sparse = [_list_sparse(parsed, key, dtype) for key, dtype in zip(keys.list_sparse, sparse_types, strict=True)]
    dense_types: list[DType] = _listed(call, "feature_list_dense_types")
    dense_rows = zip(
        keys.list_dense, dense_types, _shapes(call, "feature_list_dense_shapes"), keys.may_miss, strict=True
    )
    dense = [_list_dense(parsed, *row) for row in dense_rows]
    ragged_types = zip(
        _listed(call, "feature_list_ragged_value_types"), _listed(call, "feature_list_ragged_split_types"), strict=True
    )
    ragged = [
        _list_ragged(parsed, key, dtype, splits)
        for key, (dtype, splits) in zip(keys.list_ragged, ragged_types, strict=True)
    ]
    with_lengths = call.node.op != "ParseSingleSequenceExample"
    return (
        *context,
        *(s[0] for s in sparse),
        *(s[1] for s in sparse),
        *(s[2] for s in sparse),
        *(d[0] for d in dense),
        *(d[1] for d in dense if with_lengths),
        *(r[0] for r in ragged),
        *(r[1] for r in ragged),
        *(r[2] for r in ragged),
    )


def _context_outputs(call: KernelCall, parsed: _Sequences, keys: _Keys, defaults: Sequence[Array]) -> list[Array]:
    sparse_types: list[DType] = _listed(call, "context_sparse_types")
    sparse = [
        sparse_feature(parsed.context, key, dtype) for key, dtype in zip(keys.context_sparse, sparse_types, strict=True)
    ]
    dense_types: list[DType] = _listed(call, "Tcontext_dense")
    dense_rows = zip(keys.context_dense, dense_types, _shapes(call, "context_dense_shapes"), defaults, strict=True)
    dense = [_context_dense(parsed, *row, index) for index, row in enumerate(dense_rows)]
    ragged_types = zip(
        _listed(call, "context_ragged_value_types"), _listed(call, "context_ragged_split_types"), strict=True
    )
    ragged = [
        ragged_feature(parsed.context, key, dtype, splits)
        for key, (dtype, splits) in zip(keys.context_ragged, ragged_types, strict=True)
    ]
    # The splits of a single example are a scalar that TensorFlow never writes.
    splits = [np.zeros((), r[1].dtype) if parsed.single else r[1] for r in ragged]
    return [
        *(s[0] for s in sparse),
        *(s[1] for s in sparse),
        *(s[2] for s in sparse),
        *dense,
        *(r[0] for r in ragged),
        *splits,
    ]


def _check_rank(serialized: Array) -> None:
    if serialized.ndim > 1:
        raise InvalidArgumentError(
            f"Expected serialized to be a scalar or vector, got shape: {shapes.text(serialized.shape)}"
        )


@kernel("ParseSequenceExampleV2")
def _parse_v2(call: KernelCall, serialized: Array, names: Array, *rest: Array) -> tuple[Array, ...]:
    _check_rank(serialized)
    keys, may_miss, defaults = rest[:6], rest[6], rest[7:]
    if may_miss.size != keys[4].size:
        raise InvalidArgumentError(
            f"Expected len(feature_list_dense_missing_assumed_empty) == {keys[4].size}, the number of "
            f"feature_list_dense_keys, got: {may_miss.size}"
        )
    for name, array, types in zip(
        ("context_sparse", "context_dense", "context_ragged", "feature_list_sparse", "feature_list_dense",
         "feature_list_ragged"),
        keys,
        ("context_sparse_types", "Tcontext_dense", "context_ragged_value_types", "feature_list_sparse_types",
         "feature_list_dense_types", "feature_list_ragged_value_types"),
        strict=True,
    ):  # fmt: skip
        if array.size != len(call.attr(types)):
            raise InvalidArgumentError(f"Expected {len(call.attr(types))} {name}_keys, got {array.size}")
    a, b, c, d, e, f = (key_texts(k) for k in keys)
    wanted = _Keys(a, b, c, d, e, f, [bool(m) for m in may_miss.ravel()])
    return _outputs(call, _Sequences(serialized, names), wanted, defaults)


@kernel("ParseSequenceExample")
def _parse_v1(call: KernelCall, serialized: Array, names: Array, *defaults: Array) -> tuple[Array, ...]:
    _check_rank(serialized)

    def texts(name: str) -> list[str]:
        return [key.decode("utf-8", "replace") for key in call.attr(name)]

    dense, missing = texts("feature_list_dense_keys"), texts("feature_list_dense_missing_assumed_empty")
    keys = _Keys(
        texts("context_sparse_keys"),
        texts("context_dense_keys"),
        (),
        texts("feature_list_sparse_keys"),
        dense,
        (),
        [key in missing for key in dense],
    )
    return _outputs(call, _Sequences(serialized, names), keys, defaults)


@kernel("ParseSingleSequenceExample")
def _parse_single(call: KernelCall, serialized: Array, may_miss: Array, *rest: Array) -> tuple[Array, ...]:
    if serialized.ndim:
        raise InvalidArgumentError(f"Expected serialized to be a scalar, got shape: {shapes.text(serialized.shape)}")
    *inputs, names = rest
    groups: list[list[str]] = []
    for count in ("Ncontext_sparse", "Ncontext_dense", "Nfeature_list_sparse", "Nfeature_list_dense"):
        groups.append([key.item().decode("utf-8", "replace") for key in inputs[: call.integer(count)]])
        del inputs[: call.integer(count)]
    missing = key_texts(may_miss)
    keys = _Keys(groups[0], groups[1], (), groups[2], groups[3], (), [key in missing for key in groups[3]])
    return _outputs(call, _Sequences(serialized, names, strict=True), keys, inputs)


@infer("ParseSequenceExample", "ParseSequenceExampleV2", "ParseSingleSequenceExample")
def _parse_infer(call: InferCall) -> list[Shape]:
    single = call.node.op == "ParseSingleSequenceExample"
    batch: Shape = () if single else call.shape(0)
    context_sparse, list_sparse = len(call.attr("context_sparse_types")), len(call.attr("feature_list_sparse_types"))
    context_dense, list_dense = _shapes(call, "context_dense_shapes"), _shapes(call, "feature_list_dense_shapes")
    context_ragged = len(_listed(call, "context_ragged_value_types"))
    list_ragged = len(_listed(call, "feature_list_ragged_value_types"))
    rank = None if batch is None else len(batch)
    if rank is not None and rank > 1:
        raise InvalidArgumentError(f"Shape must be at most rank 1 but is rank {rank}")
    splits: Shape = None if batch is None else tuple(None if d is None else d + 1 for d in batch)

    def sparse(count: int, own: int) -> list[Shape]:
        width = None if rank is None else rank + own
        return [*[(None, width)] * count, *[(None,)] * count, *[(width,)] * count]

    return [
        *sparse(context_sparse, 1),
        *[None if s is None or batch is None else (*batch, *s) for s in context_dense],
        *[(None,)] * context_ragged,
        *[splits] * context_ragged,
        *sparse(list_sparse, 2),
        *[None if s is None or batch is None else (*batch, None, *s) for s in list_dense],
        *([] if single else [batch] * len(list_dense)),
        *[(None,)] * list_ragged,
        *[splits] * list_ragged,
        *[(None,)] * list_ragged,
    ]
