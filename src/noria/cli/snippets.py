"""Ready requests for a signature: the JSON body, the ``curl`` line, a gRPC client of tensorflow-serving-api.

A body of more than 64 values is printed as the one-line program that makes it.
"""

from __future__ import annotations

import base64
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from noria import dtypes, shapes
from noria.cli.features import Feature, example_features
from noria.cli.inputs import example_bytes
from noria.cli.report import SignatureRow, TensorRow
from noria.dtypes import DType
from noria.protos.tensorflow import MetaGraphDef

INLINE_VALUES: Final = 64
CLASSIFY: Final = "tensorflow/serving/classify"
REGRESS: Final = "tensorflow/serving/regress"
_NOT_IN_JSON: Final = (dtypes.float16, dtypes.bfloat16, dtypes.uint16, dtypes.complex64, dtypes.complex128)


@dataclass(frozen=True)
class Snippets:
    """Requests for one signature. body: of the REST call, None where it is long; curl: the command; grpc: Python.

    note: why there is no REST request, "" where there is one.
    """

    body: Any
    curl: str
    grpc: str
    note: str = ""


def snippets(signature: SignatureRow, meta: MetaGraphDef, model: str) -> Snippets:
    """The requests for ``signature`` of a server that calls the model ``model`` and listens on ports 8500 and 8501."""
    features = {row.key: example_features(meta, row.tensor) for row in signature.inputs if row.dtype == "DT_STRING"}
    # A classify or regress request feeds serialised Examples: a signature of that method over numbers takes none.
    if signature.method_name in (CLASSIFY, REGRESS) and features:
        return _example_snippets(signature, model, next((f for f in features.values() if f), ()))
    grpc = _predict_grpc(signature, model, features)
    unfit = [row for row in signature.inputs if _dtype(row) in _NOT_IN_JSON or _dtype(row) is None]
    if unfit:
        reason = ", ".join(f"{row.key} ({row.dtype})" for row in unfit)
        return Snippets(None, "", grpc, f"the REST API carries no values of this type: {reason}; use gRPC")
    url = f"http://localhost:8501/v1/models/{quote(model)}:predict"
    document = _predict_document(signature, features)
    if sum(math.prod(_example_shape(row.shape)) for row in signature.inputs) <= INLINE_VALUES:
        body = document.value()
        return Snippets(body, f"curl -d {shlex.quote(json.dumps(body))} {shlex.quote(url)}", grpc)
    program = f"import json; print(json.dumps({document.source()}))"
    return Snippets(None, f"python3 -c {shlex.quote(program)} | curl -d @- {shlex.quote(url)}", grpc)


@dataclass(frozen=True)
class _Repeated:
    """``item`` in nested lists of ``shape``; written as the value or as the Python that makes it."""

    item: Any
    shape: tuple[int, ...]

    def value(self) -> Any:
        found = self.item
        for size in reversed(self.shape):
            found = [found] * size
        return found

    def source(self) -> str:
        text = repr(self.item)
        for size in reversed(self.shape):
            text = f"[{text}]" if size == 1 else f"[{text}] * {size}"
        return text


@dataclass(frozen=True)
class _Object:
    """A JSON object whose values may be _Repeated, _Object or plain."""

    items: Mapping[str, Any]

    def value(self) -> Any:
        return {k: v.value() if isinstance(v, _Repeated | _Object | _Rows) else v for k, v in self.items.items()}

    def source(self) -> str:
        parts = (
            f"{k!r}: {v.source() if isinstance(v, _Repeated | _Object | _Rows) else repr(v)}"
            for k, v in self.items.items()
        )
        return "{" + ", ".join(parts) + "}"


@dataclass(frozen=True)
class _Rows:
    """A list of one row."""

    row: _Repeated | _Object

    def value(self) -> Any:
        return [self.row.value()]

    def source(self) -> str:
        return f"[{self.row.source()}]"


def _predict_document(signature: SignatureRow, features: Mapping[str, Sequence[Feature]]) -> _Object:
    """Row form where every input and output has a batch in front, else column form."""
    head: dict[str, Any] = {} if signature.key == "serving_default" else {"signature_name": signature.key}
    rows = all(
        row.shape is None or (len(row.shape) > 0 and row.shape[0] is None)
        for row in (*signature.inputs, *signature.outputs)
    )
    values: dict[str, _Repeated] = {}
    for row in signature.inputs:
        shape = _example_shape(row.shape)
        values[row.key] = _Repeated(_json_item(row, features.get(row.key, ())), shape[1:] if rows else shape)
    single = len(values) == 1
    inner = next(iter(values.values())) if single else _Object(values)
    return _Object({**head, "instances": _Rows(inner)} if rows and values else {**head, "inputs": inner})


def _dtype(row: TensorRow) -> DType | None:
    return next((d for d in dtypes.ALL if d.proto_name == row.dtype), None)


def _example_shape(shape: shapes.Shape) -> tuple[int, ...]:
    return (1,) if shape is None else tuple(1 if dim is None else dim for dim in shape)


def _json_item(row: TensorRow, features: Sequence[Feature]) -> Any:
    dtype = _dtype(row)
    if dtype is dtypes.string:
        if features:
            return {"b64": base64.b64encode(_example(row.key, features)).decode()}
        return {"b64": base64.b64encode(b"bytes").decode()} if row.key.endswith("_bytes") else "text"
    if dtype is dtypes.bool_:
        return True
    return 1.0 if dtype is not None and dtype.is_floating else 1


def _example(key: str, features: Sequence[Feature]) -> bytes:
    return example_bytes(key, {feature.key: feature.values() for feature in features})


# --- classify and regress: the request is a list of Examples ----------------------------------------------------------


def _example_snippets(signature: SignatureRow, model: str, features: Sequence[Feature]) -> Snippets:
    method = "classify" if signature.method_name == CLASSIFY else "regress"
    known = features or (Feature("feature", dtypes.float32, 1),)
    row = {f.key: f.values()[0] if f.size == 1 else f.values() for f in known}
    body = {} if signature.key == "serving_default" else {"signature_name": signature.key}
    full: dict[str, Any] = {**body, "examples": [row]}
    url = f"http://localhost:8501/v1/models/{quote(model)}:{method}"
    kind = "classification" if method == "classify" else "regression"
    lines = [
        "import grpc",
        "from tensorflow.core.example import example_pb2",
        f"from tensorflow_serving.apis import {kind}_pb2, prediction_service_pb2_grpc",
        "",
        *_STUB,
        f"request = {kind}_pb2.{kind.capitalize()}Request()",
        *_model_spec(signature, model),
        "example = example_pb2.Example()",
        *(f"example.features.feature[{f.key!r}].{_field(f)}.value.extend({_feature_source(f)})" for f in known),
        "request.input.example_list.examples.append(example)",
        f"print(stub.{method.capitalize()}(request, timeout=10).result)",
    ]
    return Snippets(full, f"curl -d {shlex.quote(json.dumps(full))} {shlex.quote(url)}", "\n".join(lines))


def _field(feature: Feature) -> str:
    return {dtypes.string: "bytes_list", dtypes.int64: "int64_list"}.get(feature.dtype, "float_list")


def _feature_source(feature: Feature) -> str:
    return repr([value.encode() if isinstance(value, str) else value for value in feature.values()])


# --- gRPC Predict -----------------------------------------------------------------------------------------------------

_STUB: Final = [
    'channel = grpc.insecure_channel("localhost:8500")',
    "stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)",
]


def _model_spec(signature: SignatureRow, model: str) -> list[str]:
    return [f"request.model_spec.name = {model!r}", f"request.model_spec.signature_name = {signature.key!r}"]


def _predict_grpc(signature: SignatureRow, model: str, features: Mapping[str, Sequence[Feature]]) -> str:
    lines = [
        "import grpc",
        "import numpy as np",
        "import tensorflow as tf",
        "from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc",
        "",
        *_STUB,
        "request = predict_pb2.PredictRequest()",
        *_model_spec(signature, model),
        *(_feed_line(row, features.get(row.key, ())) for row in signature.inputs),
        "response = stub.Predict(request, timeout=10)",
        "print({key: tf.make_ndarray(value) for key, value in response.outputs.items()})",
    ]
    return "\n".join(lines)


def _feed_line(row: TensorRow, features: Sequence[Feature]) -> str:
    dtype, shape = _dtype(row), _example_shape(row.shape)
    if dtype is dtypes.string:
        text = _example(row.key, features) if features else b"text"
        value = f"np.full({shape}, {text!r}, dtype=object)"
    else:
        value = f"np.ones({shape})"
    name = "string" if dtype is None or dtype is dtypes.string else dtype.name
    return f"request.inputs[{row.key!r}].CopyFrom(tf.make_tensor_proto({value}, dtype=tf.{name}))"
