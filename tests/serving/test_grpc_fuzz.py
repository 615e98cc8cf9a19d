"""Whatever bytes come over gRPC, the answer is a client's error or a result, never a failure of the server."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from noria import dtypes
from noria.errors import Code, TFError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.grpc_api import GrpcApi
from noria.serving.lifecycle.manager import Manager
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.rpc import Call, Unary, cut
from noria.serving.runner import Runner
from serving.fakes import FakeModel, FakeSignature, half_plus_two, specs


def _scores(inputs: Any) -> dict[str, Any]:
    return {"scores": np.zeros((inputs.size, 1), np.float32), "outputs": np.zeros(inputs.size, np.float32)}


def _api() -> GrpcApi:
    strings = specs(inputs=dtypes.string)
    model = FakeModel(
        half_plus_two(),
        FakeSignature("c", _scores, strings, specs(scores=dtypes.float32), CLASSIFY),
        FakeSignature("r", _scores, strings, specs(outputs=dtypes.float32), REGRESS),
    )
    manager = Manager(lambda _: model)
    manager.load("m", 1, "m/1")
    return GrpcApi(Core(ServerConfig(), manager, Runner(2)))


_LOOP = asyncio.new_event_loop()
_METHODS = _api().methods()


def call(method: str, content: bytes) -> Code:
    found = _METHODS[method]
    assert isinstance(found, Unary)
    try:
        answer = _LOOP.run_until_complete(found.function(content, Call(method)))
    except TFError as error:
        code, text = error.code, error.message
    else:
        assert type(answer) is bytes
        return Code.OK
    assert code is not Code.INTERNAL or text.startswith("the request is no tensorflow.serving."), text
    assert text == cut(text)
    return code


def _requests() -> dict[str, bytes]:
    predict = pb.PredictRequest(model_spec=pb.ModelSpec(name="m"), output_filter=["y"])
    predict.inputs["x"].CopyFrom(tensor_proto.from_array(np.float32(1).reshape(1, 1)))
    classify = pb.ClassificationRequest(model_spec=pb.ModelSpec(name="m", signature_name="c"))
    classify.input.example_list.examples.add().features.feature["x"].float_list.value.append(1)
    regress = pb.RegressionRequest(model_spec=pb.ModelSpec(name="m", signature_name="r"), input=classify.input)
    multi = pb.MultiInferenceRequest(input=classify.input)
    multi.tasks.add(model_spec=regress.model_spec, method_name=REGRESS)
    prediction = "/tensorflow.serving.PredictionService/"
    metadata = pb.GetModelMetadataRequest(model_spec=pb.ModelSpec(name="m"), metadata_field=["signature_def"])
    status = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m"))
    return {
        prediction + "Predict": predict.SerializeToString(),
        prediction + "Classify": classify.SerializeToString(),
        prediction + "Regress": regress.SerializeToString(),
        prediction + "MultiInference": multi.SerializeToString(),
        prediction + "GetModelMetadata": metadata.SerializeToString(),
        "/tensorflow.serving.ModelService/GetModelStatus": status.SerializeToString(),
    }


_REQUESTS = _requests()


@pytest.mark.parametrize("method", _REQUESTS)
def test_the_requests_as_they_are(method: str) -> None:
    assert call(method, _REQUESTS[method]) is Code.OK


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(sorted(_REQUESTS)), st.data())
def test_spoiled_requests(method: str, data: st.DataObject) -> None:
    content = bytearray(_REQUESTS[method])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    call(method, bytes(content))
