"""Requests held to their signature, over every protocol: ``--strict_model_inputs``."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import noria
from conftest import REPOSITORY
from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.formats import tensor_proto
from noria.protos import kserve
from noria.protos import serving as pb
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from noria.serving.strict import StrictInputs, difference
from serving.fakes import FakeSpec, call_grpc, serving

HALF_PLUS_TWO = REPOSITORY / "tests" / "golden" / "half_plus_two" / "1"  # x: float32 [?,1]
_WRONG = (
    "input 'x': got float32 of shape [3], declared is float32 of shape [?,1]: rank 1 instead of 2. Model 'strict' "
    "takes only what its signature 'serving_default' declares (--strict_model_inputs): change the request to fit"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    manager = Manager(noria.load)
    for name in ("strict", "lax"):
        manager.load(name, 1, str(HALF_PLUS_TWO))
    with serving(manager, strict_model_inputs="other, strict") as started:
        yield started


def _rest(server: Server, path: str, body: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    connection.request("POST", path, json.dumps(body))
    response = connection.getresponse()
    found = response.status, json.loads(response.read())
    connection.close()
    return found


def test_rest(server: Server) -> None:
    body = {"inputs": [1.0, 2.0, 3.0]}
    assert _rest(server, "/v1/models/strict:predict", body) == (400, {"error": _WRONG})
    assert _rest(server, "/v1/models/lax:predict", body) == (200, {"outputs": [2.5, 3.0, 3.5]})
    assert _rest(server, "/v1/models/strict:predict", {"inputs": [[1.0]]}) == (200, {"outputs": [[2.5]]})


def test_open_inference_protocol(server: Server) -> None:
    body = {"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [1, 2, 3]}]}
    assert _rest(server, "/v2/models/strict/infer", body) == (400, {"error": _WRONG})
    assert _rest(server, "/v2/models/lax/infer", body)[0] == 200
    tensor = kserve.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[3])
    tensor.contents.fp32_contents.extend([1, 2, 3])
    request = kserve.ModelInferRequest(model_name="strict", inputs=[tensor])
    rpc = "/inference.GRPCInferenceService/ModelInfer"
    assert call_grpc(server.grpc_port, rpc, request.SerializeToString())[:2] == ("INVALID_ARGUMENT", _WRONG)


def test_grpc(server: Server) -> None:
    for array, wrong in (
        (np.ones(3, np.float32), _WRONG),
        (
            np.ones((3, 2), np.int32),
            "input 'x': got int32 of shape [3,2], declared is float32 of shape [?,1]: the dtype differs and "
            "dimension 1 is 2 instead of 1. " + _WRONG.partition(". ")[2],
        ),
    ):
        request = pb.PredictRequest(model_spec=pb.ModelSpec(name="strict"))
        request.inputs["x"].CopyFrom(tensor_proto.from_array(array))
        code, text, _ = call_grpc(
            server.grpc_port, "/tensorflow.serving.PredictionService/Predict", request.SerializeToString()
        )
        assert (code, text) == ("INVALID_ARGUMENT", wrong)


def test_the_setting() -> None:
    assert StrictInputs.of("") is None
    assert StrictInputs.of(" , ") is None
    manager = Manager(noria.load)
    servable = manager.load("m", 1, str(HALF_PLUS_TWO))
    with manager.handle("m"):
        signature = servable.model.signatures["serving_default"]
        for setting, refused in (("all", True), ("m", True), ("n,m", True), ("n", False)):
            strict = StrictInputs.of(setting)
            assert strict is not None
            if refused:
                with pytest.raises(InvalidArgumentError, match="rank 1 instead of 2"):
                    strict.check(servable, signature, {"x": np.ones(3, np.float32)})
            else:
                strict.check(servable, signature, {"x": np.ones(3, np.float32)})


def test_difference() -> None:
    anything = FakeSpec("x:0", dtypes.string, None)
    assert difference("x", np.array([b"a"], object), anything) == ""
    assert difference("x", np.array(["a"]), anything) == ""
    assert difference("x", np.ones(2), anything).endswith("of shape <unknown>: the dtype differs")
    fixed = FakeSpec("x:0", dtypes.int8, (None, 2, 3))
    assert difference("x", np.ones((9, 2, 3), np.int8), fixed) == ""
    assert difference("x", np.ones((9, 4, 5), np.int8), fixed).endswith(
        "dimension 1 is 4 instead of 2 and dimension 2 is 5 instead of 3"
    )
