"""``tf.parse_example`` and its kin; what features are; ``tf.decode_raw``, ``tf.decode_csv``, files as tensors."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import rank
from noria.v1.composite import SparseTensor
from noria.v1.constant import constant
from noria.v1.control_flow import assert_true, with_dependencies
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.op_functions import export_rows, renamed
from noria.v1.operation import Tensor
from noria.v1.sparse_ops import sparse_merge
from noria.v1.tensor_shape import TensorShape, as_shape

VarLenFeature = namedtuple("VarLenFeature", ["dtype"])
FixedLenFeature = namedtuple("FixedLenFeature", ["shape", "dtype", "default_value"], defaults=[None])
FixedLenSequenceFeature = namedtuple(
    "FixedLenSequenceFeature", ["shape", "dtype", "allow_missing", "default_value"], defaults=[False, None]
)
SparseFeature = namedtuple(
    "SparseFeature", ["index_key", "value_key", "dtype", "size", "already_sorted"], defaults=[False]
)
for _feature in (VarLenFeature, FixedLenFeature, FixedLenSequenceFeature, SparseFeature):
    export_constant(f"io.{_feature.__name__}", _feature)
    export_constant(_feature.__name__, _feature)


class _Spec:
    """What a parse op is told of its features, in the order of their keys."""

    def __init__(self, features: Mapping[str, Any] | None, kinds: tuple[type, ...]) -> None:
        self.sparse: dict[str, DType] = {}
        self.dense: dict[str, tuple[TensorShape, DType]] = {}
        self.defaults: dict[str, Any] = {}
        for key in sorted(features or {}):
            feature = (features or {})[key]
            if not isinstance(feature, kinds):
                raise ValueError(f"Unsupported {type(feature).__name__} {feature} for key '{key}'")
            if not getattr(feature, "dtype", None):
                raise ValueError(f"Missing type for feature {key}. Received feature={feature}")
            self._add(key, feature)
        both = sorted(set(self.sparse) & set(self.dense))
        if both:
            raise ValueError(f"Dense and sparse keys must not intersect; in both: {both}")

    def __len__(self) -> int:
        return len(self.sparse) + len(self.dense)

    def _add(self, key: str, feature: Any) -> None:
        if isinstance(feature, VarLenFeature):
            self._add_sparse(key, feature.dtype)
        elif isinstance(feature, SparseFeature):
            if not feature.index_key or not feature.value_key:
                raise ValueError(f"Missing index_key or value_key for SparseFeature {feature}.")
            for index_key in sorted([feature.index_key] if isinstance(feature.index_key, str) else feature.index_key):
                self._add_sparse(index_key, "int64")
            self._add_sparse(feature.value_key, feature.dtype)
        else:
            self._add_dense(key, feature)

    def _add_sparse(self, key: str, dtype: Any) -> None:
        known = self.sparse.setdefault(key, as_dtype(dtype))
        if known != as_dtype(dtype):
            raise ValueError(f"Conflicting type {known} vs {as_dtype(dtype)} for feature {key}.")

    def _add_dense(self, key: str, feature: Any) -> None:
        if feature.shape is None:
            raise ValueError(f"Missing shape for feature {key}. Received feature={feature}.")
        shape = as_shape(feature.shape)
        if isinstance(feature, FixedLenFeature):
            if shape.ndims and shape.dims[0].value is None:
                raise ValueError(
                    f"First dimension of shape for feature {key} unknown. Consider using FixedLenSequenceFeature. "
                    f"Received feature={feature}."
                )
            if not shape.is_fully_defined():
                raise ValueError(
                    f"All dimensions of shape for feature {key} need to be known but received {feature.shape!s}."
                )
        elif feature.allow_missing:
            self.defaults[key] = None
        self.dense[key] = (shape, as_dtype(feature.dtype))
        if feature.default_value is not None:
            self.defaults[key] = feature.default_value

    def default_values(self) -> list[Tensor]:
        """A constant for each dense feature: its default, or nothing."""
        return [self._default(key, shape, dtype) for key, (shape, dtype) in self.dense.items()]

    def _default(self, key: str, shape: TensorShape, dtype: DType) -> Any:
        value = self.defaults.get(key)
        safe = re.sub(r"[^A-Za-z0-9_.\-/]", "_", key)
        if shape.ndims and shape.dims[0].value is None:  # of any length: what pads it
            if value is None:
                return convert("" if dtype == as_dtype("string") else 0, dtype)
            return apply_op("Reshape", tensor=convert(value, dtype, f"padding_{safe}"), shape=[])
        if value is None:
            return constant([], dtype)
        if isinstance(value, Tensor):
            return value
        return apply_op("Reshape", tensor=convert(value, dtype, f"key_{safe}"), shape=shape)


def _with_length(features: Mapping[str, Any]) -> dict[str, Any]:
    """The features of one example: a sequence has a first dimension of any length."""
    found = dict(features)
    for key, feature in features.items():
        if isinstance(feature, FixedLenSequenceFeature):
            if not feature.allow_missing:
                raise ValueError("Unsupported: FixedLenSequenceFeature requires allow_missing to be True.")
            found[key] = feature._replace(shape=[None, *feature.shape])
    return found


def _sparse_tensors(indices: Sequence[Any], values: Sequence[Any], shapes: Sequence[Any]) -> list[SparseTensor]:
    return [SparseTensor(*parts) for parts in zip(indices, values, shapes, strict=True)]


@export("io.parse_example", "parse_example")
def parse_example(
    serialized: Any, features: Mapping[str, Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """The features of serialized ``tf.train.Example`` protos: a tensor or SparseTensor for each key.

    serialized: a vector of strings, or one; example_names: what error messages call them.
    """
    if not features:
        raise ValueError(f"Argument `features` cannot be None or falsy. Got {features}")
    features = _with_length(features)
    spec = _Spec(features, (VarLenFeature, SparseFeature, FixedLenFeature, FixedLenSequenceFeature))
    with name_scope(name, "ParseExample", [serialized, example_names]):
        serialized = convert(serialized, None, "serialized")
        defaults = spec.default_values()
        outputs = apply_op(
            "ParseExampleV2",
            name,
            serialized=serialized,
            names=[] if example_names is None else example_names,
            sparse_keys=list(spec.sparse),
            dense_keys=list(spec.dense),
            ragged_keys=[],
            dense_defaults=defaults,
            num_sparse=len(spec.sparse),
            sparse_types=list(spec.sparse.values()),
            ragged_value_types=[],
            ragged_split_types=[],
            dense_shapes=[shape.as_proto() for shape, _ in spec.dense.values()],
        )
        sparse = _sparse_tensors(*outputs[:3])
        found = dict(zip([*spec.sparse, *spec.dense], [*sparse, *outputs[3]], strict=True))
    return _merged(features, found)


def _merged(features: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """Puts each SparseFeature together; drops the parts it was made of."""
    merged = {}
    for key in sorted(features):
        feature = features[key]
        if isinstance(feature, SparseFeature):
            keys = feature.index_key
            ids = found[keys] if isinstance(keys, str) else [found[k] for k in keys]
            merged[key] = sparse_merge(
                ids, found[feature.value_key], feature.size, already_sorted=feature.already_sorted
            )
    whole = {**found, **merged}
    return {key: value for key, value in whole.items() if key in features}


@export("io.parse_single_example", "parse_single_example")
def parse_single_example(
    serialized: Any, features: Mapping[str, Any], name: str | None = None, example_names: Any = None
) -> dict[str, Any]:
    """As ``parse_example`` for one string."""
    if not features:
        raise ValueError("Invalid argument: features cannot be None or empty.")
    with name_scope(name, "ParseSingleExample", [serialized, example_names]):
        serialized = _scalar(convert(serialized, None, "serialized"), "serialized")
        return parse_example(serialized, features, name, example_names)


def _scalar(value: Tensor, name: str) -> Tensor:
    """``value``, which has rank 0; checked when it runs where that is not known."""
    ndims = value.shape.ndims
    if ndims == 0:
        return value
    if ndims is not None:
        raise ValueError(f"Input {name} must be a scalar")
    test = apply_op("Equal", x=rank(value), y=0)
    check = assert_true(test, [f"Input {name} must be a scalar"], name=f"{name.capitalize()}IsScalar")
    found = with_dependencies([check], value, name=f"{name}Dependencies")
    found.set_shape([])
    return found


def _two_specs(context: Any, sequence: Any) -> tuple[_Spec, _Spec]:
    if not context and not sequence:
        raise ValueError("Both context_features and sequence_features are None, but at least one should have values.")
    first = _Spec(context, (VarLenFeature, FixedLenFeature))
    second = _Spec(sequence, (VarLenFeature, FixedLenSequenceFeature))
    return first, second


@export("io.parse_sequence_example")
def parse_sequence_example(
    serialized: Any,
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
    example_names: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The context, the feature lists and the lengths of dense feature lists of ``SequenceExample`` protos."""
    context, lists = _two_specs(context_features, sequence_features)
    with name_scope(name, "ParseSequenceExample", [serialized, example_names]):
        return _sequences(serialized, example_names, context, lists, name)


def _sequences(
    serialized: Any, names: Any, context: _Spec, lists: _Spec, name: str | None
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    with name_scope(name, "ParseSequenceExample", [serialized]):
        for key, value in lists.defaults.items():
            if value is not None:
                raise ValueError(f"Value feature_list.dense_defaults[{key}] must be None")
        serialized = convert(serialized, None, "serialized")
        outputs = apply_op(
            "ParseSequenceExampleV2",
            name,
            serialized=serialized,
            debug_name=[] if names is None else names,
            context_sparse_keys=list(context.sparse),
            context_dense_keys=list(context.dense),
            context_ragged_keys=[],
            feature_list_sparse_keys=list(lists.sparse),
            feature_list_dense_keys=list(lists.dense),
            feature_list_ragged_keys=[],
            feature_list_dense_missing_assumed_empty=[key in lists.defaults for key in lists.dense],
            context_dense_defaults=context.default_values(),
            Ncontext_sparse=len(context.sparse),
            Nfeature_list_sparse=len(lists.sparse),
            Nfeature_list_dense=len(lists.dense),
            context_sparse_types=list(context.sparse.values()),
            context_ragged_value_types=[],
            context_ragged_split_types=[],
            feature_list_dense_types=[dtype for _, dtype in lists.dense.values()],
            feature_list_sparse_types=list(lists.sparse.values()),
            feature_list_ragged_value_types=[],
            feature_list_ragged_split_types=[],
            context_dense_shapes=[shape.as_proto() for shape, _ in context.dense.values()],
            feature_list_dense_shapes=[shape for shape, _ in lists.dense.values()],
        )
        # context: sparse indices, values, shapes, dense, ragged 2; lists: sparse 3, dense, lengths, ragged 3
        context_values = [*_sparse_tensors(*outputs[:3]), *outputs[3]]
        list_values = [*_sparse_tensors(*outputs[6:9]), *outputs[9]]
        return (
            dict(zip([*context.sparse, *context.dense], context_values, strict=True)),
            dict(zip([*lists.sparse, *lists.dense], list_values, strict=True)),
            dict(zip(lists.dense, outputs[10], strict=True)),
        )


@export("io.parse_single_sequence_example", "parse_single_sequence_example")
def parse_single_sequence_example(
    serialized: Any,
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
    example_name: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The context and the feature lists of one serialized ``SequenceExample`` proto."""
    context, lists = _two_specs(context_features, sequence_features)
    with name_scope(name, "ParseSingleSequenceExample", [serialized, example_name]):
        with name_scope(name, "ParseSingleExample", [serialized, example_name]):
            serialized = _scalar(convert(serialized, None, "serialized"), "serialized")
        return _sequences(serialized, example_name, context, lists, name)[:2]


@export("io.decode_raw", "decode_raw")
def decode_raw(
    input_bytes: Any = None,
    out_type: Any = None,
    little_endian: bool = True,
    name: str | None = None,
    bytes: Any = None,
) -> Any:
    """Strings as vectors of the numbers whose bytes they are; all of them of one length."""
    source = renamed("input_bytes", input_bytes, "bytes", bytes)
    if out_type is None:
        raise ValueError("decode_raw() missing 1 positional argument: 'out_type'")
    return apply_op("DecodeRaw", name, bytes=source, out_type=out_type, little_endian=little_endian)


@export("io.decode_csv", "decode_csv")
def decode_csv(
    records: Any,
    record_defaults: Sequence[Any],
    field_delim: str = ",",
    use_quote_delim: bool = True,
    name: str | None = None,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
) -> list[Any]:
    """The columns of lines of CSV; record_defaults: for each a value of its dtype, an empty one where it must stand."""
    if select_cols is not None:
        columns = list(select_cols)
        if any(a >= b for a, b in pairwise(columns)):
            raise ValueError("select_cols is not strictly increasing.")
        if columns and columns[0] < 0:
            raise ValueError("select_cols contains negative values.")
        if len(columns) != len(record_defaults):
            raise ValueError("Length of select_cols and record_defaults do not match.")
    found: list[Any] = apply_op(
        "DecodeCSV",
        name,
        records=records,
        record_defaults=list(record_defaults),
        field_delim=field_delim,
        use_quote_delim=use_quote_delim,
        na_value=na_value,
        select_cols=select_cols,
    )
    return found


export_rows("""
io.read_file read_file: ReadFile filename
io.write_file write_file: WriteFile filename contents
io.matching_files matching_files: MatchingFiles pattern
io.serialize_tensor serialize_tensor: SerializeTensor tensor
io.parse_tensor parse_tensor: ParseTensor serialized out_type
io.decode_json_example decode_json_example: DecodeJSONExample json_examples
io.decode_compressed decode_compressed: DecodeCompressed bytes compression_type?
""")
