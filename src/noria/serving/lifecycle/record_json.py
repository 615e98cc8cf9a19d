"""Recorded requests from the JSON bodies of REST: what ``noria warmup`` reads.

A file holds one body, a list of bodies, or one body a line. A body with ``instances`` or ``inputs`` is a Predict; one
with ``examples`` is a Classify or Regress: what the signature's method_name says, or ``"method": "classify"``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import from_array
from noria.protos import serving as pb
from noria.protos import tensorflow as tf
from noria.serving import examples_json, json_text, predict, tensor_json
from noria.serving.lifecycle.servable import Model
from noria.serving.names import CLASSIFY, REGRESS

_METHODS: Final = {"classify": CLASSIFY, "regress": REGRESS}


def bodies_of(text: bytes) -> list[bytes]:
    """The request bodies in a file's content; InvalidArgumentError where it is none of the three forms."""
    stripped = text.strip()
    if not stripped:
        raise InvalidArgumentError("there are no requests: expected a JSON body, a list of bodies, or one a line")
    try:
        document = json_text.parse(b'{"bodies": ' + stripped + b"}")["bodies"]
    except InvalidArgumentError:
        return [line for line in stripped.splitlines() if line.strip()]
    if type(document) is dict:
        # The reader of bodies stops after the first object, so more than one may stand here, a line each.
        lines = [line for line in stripped.splitlines() if line.strip()]
        return lines if len(lines) > 1 and all(_is_body(line) for line in lines) else [stripped]
    if type(document) is list and document:
        return [json.dumps(body).encode() for body in document]
    raise InvalidArgumentError("expected a JSON body, a list of bodies, or one a line")


def _is_body(line: bytes) -> bool:
    try:
        return type(json.loads(line)) is dict
    except ValueError:
        return False


def log_of(model: Model, body: bytes) -> pb.PredictionLog:
    """The request in a REST body, for this model. Raises what a server answers to a body that does not fit."""
    document = json_text.parse(body)
    log = pb.PredictionLog()
    if type(document) is dict and "examples" in document:
        name, examples = examples_json.decode_examples(body)
        signature = predict.find_signature(model, name)
        method = _METHODS.get(document.get("method", ""), signature.method_name)
        inner: Any = log.regress_log if method == REGRESS else log.classify_log
        inner.request.model_spec.signature_name = name
        inner.request.input.example_list.examples.extend(map(tf.Example.FromString, examples))
        return log
    parsed = tensor_json.parse_predict(body)
    signature = predict.find_signature(model, parsed.signature_name)
    arrays, _ = tensor_json.decode_predict(parsed, signature.inputs)
    log.predict_log.request.model_spec.signature_name = parsed.signature_name
    for alias, array in arrays.items():
        log.predict_log.request.inputs[alias].CopyFrom(from_array(array, signature.inputs[alias].dtype))
    return log


def logs_of(model: Model, text: bytes) -> Iterator[pb.PredictionLog]:
    """The requests in a file's content; errors name the request by its number, from 1."""
    for number, body in enumerate(bodies_of(text), start=1):
        try:
            yield log_of(model, body)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"request {number}: {error.message}") from None
