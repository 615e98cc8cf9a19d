"""``tf.Example`` and ``tf.SequenceExample``: named lists of bytes, floats or integers.

    Example          features: map from name to Feature
    Feature          one of BytesList, FloatList (float32), Int64List; or none of them: as good as absent
    SequenceExample  context: as in Example; feature_lists: map from name to a list of Feature

A name that comes twice counts once, the last time. Floats and integers may be packed or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import as_bytes, numbers
from noria.protos.tensorflow import Example, SequenceExample
from noria.protos.tensorflow import Feature as FeatureProto
from noria.protos.tensorflow import Features as FeaturesProto

# float32 or int64, one-dimensional; bytes as a list.
Feature: TypeAlias = npt.NDArray[Any] | list[bytes]

_MOST: Final = 2**63 - 1


def parse_example(serialized: bytes) -> dict[str, Feature]:
    """The features of a serialized Example, those without a value left out.

    Raises InvalidArgumentError for bytes that are no Example.
    """
    try:
        features = Example.FromString(serialized).features.feature
    except DecodeError as error:
        raise InvalidArgumentError(f"{len(serialized)} bytes are not a tf.Example: {error}") from None
    return _present(features)


def parse_sequence_example(serialized: bytes) -> tuple[dict[str, Feature], dict[str, list[Feature | None]]]:
    """(context, feature lists) of a serialized SequenceExample; None stands for a step without a value.

    Raises InvalidArgumentError for bytes that are no SequenceExample.
    """
    try:
        example = SequenceExample.FromString(serialized)
    except DecodeError as error:
        raise InvalidArgumentError(f"{len(serialized)} bytes are not a tf.SequenceExample: {error}") from None
    lists = {
        name: [_value(step) for step in steps.feature[:]] for name, steps in example.feature_lists.feature_list.items()
    }
    return _present(example.context.feature), lists


def make_example(features: Mapping[str, npt.ArrayLike]) -> bytes:
    """The serialized Example of named values: numbers, strings, or lists and arrays of them (written flat).

    Floats of any width become float32, integers and booleans int64, str UTF-8. Raises InvalidArgumentError for
    other values.
    """
    example = Example()
    _fill(example.features, features)
    return example.SerializeToString(deterministic=True)


def make_sequence_example(
    context: Mapping[str, npt.ArrayLike], feature_lists: Mapping[str, Sequence[npt.ArrayLike]]
) -> bytes:
    """The serialized SequenceExample of a context and, by name, the values of each step."""
    example = SequenceExample()
    _fill(example.context, context)
    for name, steps in feature_lists.items():
        feature = example.feature_lists.feature_list[name].feature
        for values in steps:
            _set(feature.add(), values, name)
    return example.SerializeToString(deterministic=True)


def _present(features: Mapping[str, FeatureProto]) -> dict[str, Feature]:
    found = {}
    for name, feature in features.items():
        value = _value(feature)
        if value is not None:
            found[name] = value
    return found


def _value(feature: FeatureProto) -> Feature | None:
    kind = feature.WhichOneof("kind")
    if kind == "float_list":
        return numbers(feature.float_list.value, np.float32)
    if kind == "int64_list":
        return numbers(feature.int64_list.value, np.int64)
    return feature.bytes_list.value[:] if kind == "bytes_list" else None


def _fill(proto: FeaturesProto, features: Mapping[str, npt.ArrayLike]) -> None:
    for name, values in features.items():
        _set(proto.feature[name], values, name)


def _set(feature: FeatureProto, values: npt.ArrayLike, name: str) -> None:
    # bytes and text go through an object array: a fixed-width one would drop the zeros at their end
    is_text = isinstance(values, bytes | str) or (
        isinstance(values, list) and any(isinstance(v, bytes | str) for v in values)
    )
    array = np.array(values, object) if is_text else np.asarray(values)
    if array.dtype.kind in "OSU":
        feature.bytes_list.value.extend(as_bytes(array))
        feature.bytes_list.SetInParent()
    elif array.dtype.kind == "f":
        with np.errstate(over="ignore"):  # too big for float32 is infinite
            feature.float_list.value.extend(array.reshape(-1).astype(np.float32).tolist())
        feature.float_list.SetInParent()
    elif array.dtype.kind in "iub":
        if array.size and int(array.max()) > _MOST:
            raise InvalidArgumentError(f"feature {name!r} is of int64, which ends at {_MOST}; got {array.max()}")
        feature.int64_list.value.extend(array.reshape(-1).astype(np.int64).tolist())
        feature.int64_list.SetInParent()
    else:
        raise InvalidArgumentError(f"feature {name!r} of dtype {array.dtype}; use numbers, bytes or str")
