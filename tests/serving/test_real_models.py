"""Real models over both sockets: what the server answers is what TensorFlow answered.

The project's own models are always there; those of other people lie beside the checkout.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ml_dtypes
import numpy as np
import pytest

import noria
from conftest import SHARED
from noria.errors import UnimplementedError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from real_models import Array, Call, RealModel, compare, corpus, zoo
from serving.fakes import call_grpc, serving

GOLDEN = Path(__file__).resolve().parent.parent / "golden"


def _own() -> Iterator[RealModel]:
    for name in ("counter", "half_plus_two", "iris", "text"):
        files = sorted((GOLDEN / name / "golden").glob("*.npz"), key=lambda p: int(p.name.split(".")[1]))
        yield RealModel(f"golden/{name}", str(GOLDEN / name / "1"), tuple(Call(p.name.split(".")[0], p) for p in files))


_MODELS = SHARED / "models"
FOUND = [*_own(), *(corpus(_MODELS) if _MODELS.is_dir() else ()), *(zoo(_MODELS) if _MODELS.is_dir() else ())]
_PATHS = {model.name: model for model in FOUND}


def _load(name: str) -> noria.Model:
    model = _PATHS[name]
    return noria.load(model.path, tags=model.tags, inputs=model.inputs, outputs=model.outputs)


@pytest.fixture(scope="module")
def manager() -> Manager:
    return Manager(_load)


@pytest.fixture(scope="module")
def server(manager: Manager) -> Iterator[Server]:
    with serving(manager) as started:
        yield started


@contextlib.contextmanager
def _serving(manager: Manager, model: RealModel) -> Iterator[None]:
    """Serves a fresh copy of the model (some have state) beside whatever the server does."""
    try:
        manager.load(model.name, 1, model.name)
    except UnimplementedError as error:
        _skip_for_missing_ops(error.message)
        raise
    try:
        yield
    finally:
        manager.unload(model.name, 1)


@pytest.mark.parametrize("model", FOUND, ids=lambda m: m.name)
def test_grpc(model: RealModel, manager: Manager, server: Server) -> None:
    with _serving(manager, model):
        for call in model.calls:
            _check_grpc(server, model, call)


def _check_grpc(server: Server, model: RealModel, call: Call) -> None:
    inputs, wanted = call.load()
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name=model.name, signature_name=call.signature))
    for alias, array in inputs.items():
        request.inputs[alias].CopyFrom(tensor_proto.from_array(array))
    code, text, content = call_grpc(
        server.grpc_port, "/tensorflow.serving.PredictionService/Predict", request.SerializeToString(), timeout=60
    )
    _skip_for_missing_ops(text)
    assert code == "OK", text
    outputs = pb.PredictResponse.FromString(content).outputs
    compare({alias: tensor_proto.to_array(outputs[alias]) for alias in outputs}, wanted, model.rtol)


def _skip_for_missing_ops(text: str) -> None:
    if text.startswith("no ONNX lowering or host kernel for: "):
        pytest.skip(f"the engine does not know every op of this model yet: {text}")


# ---- REST carries what JSON can say: no half, bfloat16, uint16 or complex, no shape after a dimension of 0, no call
# of a signature without inputs.
_NOT_IN_JSON = tuple(np.dtype(d) for d in (np.float16, ml_dtypes.bfloat16, np.uint16, np.complex64, np.complex128))


def _in_json(arrays: dict[str, Array]) -> bool:
    return all(array.dtype not in _NOT_IN_JSON and 0 not in array.shape[:-1] for array in arrays.values())


@pytest.mark.parametrize("model", FOUND, ids=lambda m: m.name)
def test_rest(model: RealModel, manager: Manager, server: Server) -> None:
    asked = 0
    with _serving(manager, model):
        for call in model.calls:
            inputs, wanted = call.load()
            if not inputs or not _in_json(inputs) or not _in_json(wanted):
                _check_grpc(server, model, call)  # the next calls may depend on its effect
                continue
            body = {"signature_name": call.signature, "inputs": {a: _to_json(v) for a, v in inputs.items()}}
            status, answer = _post(server.rest_port, model.name, json.dumps(body))
            _skip_for_missing_ops(answer.get("error", ""))
            assert status == 200, answer
            values = {next(iter(wanted)): answer["outputs"]} if len(wanted) == 1 else answer["outputs"]
            compare({alias: _from_json(value, wanted[alias]) for alias, value in values.items()}, wanted, model.rtol)
            asked += 1
    if not asked:
        pytest.skip("every recorded call has no inputs, or a dtype or shape that JSON does not carry")


def _post(port: int, model: str, body: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", f"/v1/models/{quote(model, safe='')}:predict", body)
        response = connection.getresponse()
        return response.status, json.loads(response.read().decode("utf-8", "surrogateescape"))


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        return [_to_json(item) for item in value]
    return {"b64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _from_json(value: Any, like: Array) -> Array:
    if like.dtype != object:
        return np.array(value, like.dtype)
    flat: list[Any] = [value]
    while flat and isinstance(flat[0], list):
        flat = [item for part in flat for item in part]
    found = np.empty(len(flat), object)
    found[:] = [
        base64.b64decode(item["b64"]) if isinstance(item, dict) else item.encode("utf-8", "surrogateescape")
        for item in flat
    ]
    return found.reshape(like.shape)
