"""The JSON of Classify and Regress: examples as objects of features, to serialised tf.Example messages.

``{"examples": [{"x": 1.0, ...}, ...], "context": {...}, "signature_name": "..."}``. A feature is a value or a flat list
of one kind: an integer or bool literal makes int64, a number with a fraction or exponent float, a string or
``{"b64": ...}`` bytes; an empty list makes no feature. The context's features are put before each example's own.
"""

from __future__ import annotations

from typing import Any

from noria.errors import InvalidArgumentError
from noria.protos import tensorflow as tf
from noria.serving import classify, json_text
from noria.serving.tensor_json import decode_b64, is_b64, signature_name

_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def decode_examples(body: bytes) -> tuple[str, list[bytes]]:
    """The signature's name ("" where none is given) and each example's serialised bytes.

    Raises InvalidArgumentError in TensorFlow Serving's order: JSON, signature_name, context, examples.
    """
    document = json_text.parse(body)
    name = signature_name(document)
    context = _example(document["context"]) if "context" in document else b""
    if "examples" not in document:
        raise _format_error(document, "When method is classify, key 'examples' is expected and was not found")
    examples = document["examples"]
    if type(examples) is not list:
        raise _format_error(document, "Expecting 'examples' value to be an list/array")
    if not examples:
        raise _format_error(document, "'examples' value is an empty array")
    return name, classify.with_context(context, [_example(value) for value in examples])


def _format_error(value: Any, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"JSON Value: {json_text.show(value)} {what}")


def _example(value: Any) -> bytes:
    if type(value) is not dict:
        raise InvalidArgumentError(f"Example must be JSON object but got JSON {json_text.type_name(value)}")
    example = tf.Example()
    for name, content in value.items():
        kind, values = _feature(name, content if type(content) is list else [content])
        key = name.encode("utf-8", "replace").decode()
        feature = example.features.feature[key]
        if kind:
            getattr(feature, kind).value.extend(values)
    return example.SerializeToString()


def _feature(name: str, content: list[Any]) -> tuple[str, list[Any]]:
    kind, values = "", []
    for item in content:
        found, value = _element(name, item)
        if kind and found != kind:
            raise InvalidArgumentError(f"Unexpected element type in feature: {name} expecting type: {_KINDS[kind]}")
        kind = found
        values.append(value)
    return kind, values


def _element(name: str, item: Any) -> tuple[str, Any]:
    if type(item) is float:
        return "float_list", item
    if type(item) is str:
        return "bytes_list", item.encode("utf-8", "surrogateescape")
    if is_b64(item):
        return "bytes_list", decode_b64(item)
    if type(item) in (int, bool):
        if item >= 2**63:
            raise InvalidArgumentError(f"Feature: {name} has uint64 element. Only int64_t is supported.")
        return "int64_list", int(item)
    raise InvalidArgumentError(f"Feature: {name} has element with unexpected JSON type: {json_text.type_name(item)}")
