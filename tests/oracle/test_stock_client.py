"""The stock ``tensorflow-serving-api`` client, with TensorFlow's own messages, against our server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the oracle environment has TensorFlow")
apis = pytest.importorskip("tensorflow_serving.apis", reason="the oracle environment has tensorflow-serving-api")

from tensorflow_serving.apis import (  # noqa: E402 - after the check that it is there
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "half_plus_two"
_COMMAND = [sys.executable, "-c", "import sys; from noria.serving.command import main; sys.exit(main(sys.argv[1:]))"]


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    flags = ["--port=-1", "--model_name=hp", f"--model_base_path={GOLDEN}"]
    with subprocess.Popen([*_COMMAND, *flags], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r"gRPC on 0\.0\.0\.0:(\d+)", server.stdout.readline())
            assert found is not None
            with grpc.insecure_channel(f"127.0.0.1:{found[1]}") as opened:
                yield opened
            server.terminate()
            assert server.wait(20) == 0
        finally:
            server.kill()


@pytest.fixture
def stub(channel: grpc.Channel) -> Any:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def spec(message: Any, signature: str = "") -> Any:
    message.model_spec.name = "hp"
    message.model_spec.signature_name = signature
    return message


def example(value: float) -> Any:
    return tf.train.Example(
        features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=[value]))})
    )


def test_predict(stub: Any) -> None:
    request = spec(predict_pb2.PredictRequest())
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0, 2.0, 5.0]))
    response = stub.Predict(request, 20)
    np.testing.assert_array_equal(tf.make_ndarray(response.outputs["y"]), np.array([2.5, 3, 4.5], np.float32))
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 1


def test_predict_error(stub: Any) -> None:
    request = spec(predict_pb2.PredictRequest())
    request.inputs["x"].CopyFrom(tf.make_tensor_proto(["a"]))
    with pytest.raises(grpc.RpcError, match=r"Expects arg\[0\] to be float but string is provided") as caught:
        stub.Predict(request, 20)
    status: Any = caught.value
    assert status.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_classify(stub: Any) -> None:
    request = spec(classification_pb2.ClassificationRequest(), "classify_x_to_y")
    request.input.example_list.examples.extend([example(2), example(80)])
    result = stub.Classify(request, 20).result
    assert [[c.score for c in row.classes] for row in result.classifications] == [[3.0], [42.0]]


def test_regress(stub: Any) -> None:
    request = spec(regression_pb2.RegressionRequest(), "regress_x_to_y")
    request.input.example_list_with_context.context.CopyFrom(example(4))
    request.input.example_list_with_context.examples.extend([tf.train.Example(), example(6)])
    result = stub.Regress(request, 20).result
    assert [r.value for r in result.regressions] == [4.0, 5.0]


def test_multi_inference(stub: Any) -> None:
    request = inference_pb2.MultiInferenceRequest()
    for name, kind in (("classify_x_to_y", "classify"), ("regress_x_to_y", "regress")):
        spec(request.tasks.add(), name).method_name = f"tensorflow/serving/{kind}"
    request.input.example_list.examples.append(example(2))
    first, second = stub.MultiInference(request, 20).results
    assert first.classification_result.classifications[0].classes[0].score == 3.0
    assert second.regression_result.regressions[0].value == 3.0


def test_metadata(stub: Any) -> None:
    request = spec(get_model_metadata_pb2.GetModelMetadataRequest())
    request.metadata_field.append("signature_def")
    packed = stub.GetModelMetadata(request, 20).metadata["signature_def"]
    found = get_model_metadata_pb2.SignatureDefMap()
    assert packed.Unpack(found)
    loaded = tf.saved_model.load(str(GOLDEN / "1"))
    assert set(loaded.signatures) <= set(found.signature_def)
    assert found.signature_def["serving_default"].inputs["x"].dtype == tf.float32.as_datatype_enum


def test_status(channel: grpc.Channel) -> None:
    request = spec(get_model_status_pb2.GetModelStatusRequest())
    response = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, 20)
    (found,) = response.model_version_status
    assert found.version == 1
    assert found.state == get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert found.status.error_code == 0
