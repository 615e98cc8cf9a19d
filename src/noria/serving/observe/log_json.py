"""A PredictionLog as one line of JSON, for people and for tools that read no protobuf.

Keys: ``time`` (UTC, seconds), ``model``, ``version``, ``signature``, ``method``, and ``request`` and ``response`` in
the words of the REST API: inputs and outputs by name, examples as objects, results as lists. Bytes that are no UTF-8
stand as ``{"b64": ...}``; NaN and the infinities, which JSON does not have, as null.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import orjson

from noria.errors import TFError
from noria.formats import tensor_proto
from noria.protos import serving as pb

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE


def line(log: pb.PredictionLog) -> bytes:
    """The line, with its line feed."""
    metadata = log.log_metadata
    kind = log.WhichOneof("log_type") or ""
    request, response = _SHAPES[kind](getattr(log, kind)) if kind in _SHAPES else ({}, {})
    return orjson.dumps(
        {
            "time": datetime.fromtimestamp(metadata.timestamp_secs, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "model": metadata.model_spec.name,
            "version": metadata.model_spec.version.value,
            "signature": metadata.model_spec.signature_name,
            "method": kind.removesuffix("_log"),
            "request": request,
            "response": response,
        },
        option=_OPTIONS,
        default=_plain,
    )


def _predict(log: pb.PredictLog) -> tuple[Any, Any]:
    return {"inputs": _tensors(log.request.inputs)}, {"outputs": _tensors(log.response.outputs)}


def _classify(log: pb.ClassifyLog) -> tuple[Any, Any]:
    return _examples(log.request.input), {"results": _classes(log.response.result)}


def _regress(log: pb.RegressLog) -> tuple[Any, Any]:
    return _examples(log.request.input), {"results": [row.value for row in log.response.result.regressions]}


def _multi(log: pb.MultiInferenceLog) -> tuple[Any, Any]:
    tasks = [{"signature": t.model_spec.signature_name, "method": t.method_name} for t in log.request.tasks]
    results = [
        _classes(result.classification_result)
        if result.WhichOneof("result") == "classification_result"
        else [row.value for row in result.regression_result.regressions]
        for result in log.response.results
    ]
    return {"tasks": tasks, **_examples(log.request.input)}, {"results": results}


_SHAPES: Mapping[str, Any] = {
    "predict_log": _predict,
    "classify_log": _classify,
    "regress_log": _regress,
    "multi_inference_log": _multi,
}


def _tensors(protos: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for alias in sorted(protos):
        try:
            found[alias] = _array(tensor_proto.to_array(protos[alias]))
        except TFError as error:  # a request may hold what the model never looked at
            found[alias] = {"error": error.message}
    return found


def _array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind == "O":
        return _texts(array.tolist())
    if array.dtype.kind in "fV" and array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float32)
    if array.dtype.kind == "c":
        return np.stack([array.real, array.imag], axis=-1)
    return np.ascontiguousarray(array)


def _texts(value: Any) -> Any:
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return _text(value) if isinstance(value, bytes) else str(value)


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _examples(given: pb.Input) -> dict[str, Any]:
    if given.WhichOneof("kind") == "example_list_with_context":
        found = given.example_list_with_context
        return {"context": _example(found.context), "examples": [_example(example) for example in found.examples]}
    return {"examples": [_example(example) for example in given.example_list.examples]}


def _example(example: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, feature in sorted(example.features.feature.items()):
        kind = feature.WhichOneof("kind")
        values = list(getattr(feature, kind).value) if kind else []
        if kind == "bytes_list":
            values = [_text(value) for value in values]
        found[name] = values[0] if len(values) == 1 else values
    return found


def _classes(result: Any) -> list[Any]:
    return [[[each.label, each.score] for each in row.classes] for row in result.classifications]


def _plain(value: Any) -> Any:
    """What orjson does not write itself: arrays it takes no pointer of, numbers of small dtypes."""
    if isinstance(value, Iterable):
        return np.asarray(value).tolist()
    return str(value)
