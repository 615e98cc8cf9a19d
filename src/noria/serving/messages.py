"""Results of inference to the messages of ``tensorflow.serving``, and examples out of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np

from noria.formats import coding, tensor_proto
from noria.protos import serving as pb
from noria.serving import classify
from noria.serving.lifecycle.servable import Servable, Signature

Array = np.ndarray[Any, np.dtype[Any]]

_LONG_STRINGS: Final = 4000
_LONG_INTEGERS: Final = 50_000


def examples_of(given: pb.Input) -> list[bytes]:
    """The serialised examples, each behind the context where there is one. Raises InvalidArgumentError for too many."""
    kind = given.WhichOneof("kind")
    if kind == "example_list":
        return [example.SerializeToString() for example in given.example_list.examples]
    if kind is None:
        return []
    context = given.example_list_with_context.context.SerializeToString()
    examples = [example.SerializeToString() for example in given.example_list_with_context.examples]
    return classify.with_context(context, examples)


def tasks_of(request: pb.MultiInferenceRequest) -> list[classify.Task]:
    """The tasks of a MultiInference."""
    return [classify.Task(t.model_spec.name, t.model_spec.signature_name, t.method_name) for t in request.tasks]


def fill_outputs(
    response: pb.PredictResponse, signature: Signature, outputs: Mapping[str, Array], *, as_content: bool = False
) -> None:
    """Puts the outputs of a Predict into its response, in typed fields unless ``as_content``."""
    for alias, array in outputs.items():
        response.outputs[alias].CopyFrom(
            tensor_proto.from_array(array, signature.outputs[alias].dtype, content=as_content)
        )


def is_long(outputs: Mapping[str, Array]) -> bool:
    """Whether ``predict_response`` takes about a millisecond or more, beyond copying bytes: strings are put in one by
    one, and integers become varints.
    """
    strings = integers = 0
    for array in outputs.values():
        kind = array.dtype.kind
        if kind == "O":
            strings += array.size
        elif kind != "f":
            integers += array.size
    return strings >= _LONG_STRINGS or integers >= _LONG_INTEGERS


def predict_response(
    servable: Servable, signature: Signature, outputs: Mapping[str, Array], as_content: bool = False
) -> bytes:
    """The serialised PredictResponse of a Predict: its bytes are put together without a message in between.

    On the wire a map is a repeated message of key (field 1) and value (2); ``outputs`` is field 1, ``model_spec`` 2.
    """
    parts: list[Any] = []
    for alias, array in outputs.items():
        pieces = tensor_proto.serialized(array, signature.outputs[alias].dtype, content=as_content)
        key = _key(alias)
        size = sum([len(piece) for piece in pieces])
        length = coding.put_varint(size)
        parts += (b"\x0a", coding.put_varint(len(key) + len(length) + size), key, length, *pieces)
    parts.append(_spec(servable.id.name, servable.id.version, signature.name))
    return b"".join(parts)


@lru_cache(maxsize=4096)
def _key(alias: str) -> bytes:
    """A map entry up to its value's length."""
    name = alias.encode()
    return b"\x0a" + coding.put_varint(len(name)) + name + b"\x12"


@lru_cache(maxsize=4096)
def _spec(name: str, version: int, signature_name: str) -> bytes:
    response = pb.PredictResponse()
    response.model_spec.name = name
    response.model_spec.version.value = version
    response.model_spec.signature_name = signature_name
    return response.SerializeToString()


def fill_classes(result: pb.ClassificationResult, outputs: dict[str, Array], examples: int) -> None:
    """Puts the outputs of a Classify into its result; raises what ``classify.classes_of`` raises."""
    for row in classify.classes_of(outputs, examples):
        classes = result.classifications.add().classes
        for label, score in row:
            classes.add(label=label, score=score)


def fill_regressions(result: pb.RegressionResult, outputs: dict[str, Array], examples: int) -> None:
    """Puts the outputs of a Regress into its result; raises what ``classify.values_of`` raises."""
    for value in classify.values_of(outputs, examples).tolist():
        result.regressions.add(value=value)
