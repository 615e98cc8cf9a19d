"""The calls that TensorFlow Serving's public example clients make, with TensorFlow's own messages and writers.

Of MNIST: many requests in flight as futures. Of ResNet: one image as a float tensor over gRPC and as rows of JSON
doubles, one as the bytes of a file. Of hot reload: a whole new config by RPC. Of warm-up: a TFRecord file of requests.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

tf = pytest.importorskip("tensorflow", reason="the oracle environment has TensorFlow")
pytest.importorskip("tensorflow_serving.apis", reason="the oracle environment has tensorflow-serving-api")

from tensorflow_serving.apis import (  # noqa: E402 - after the check that it is there
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

REPOSITORY = Path(__file__).resolve().parent.parent.parent
GOLDEN = REPOSITORY / "tests" / "golden"
_COMMAND = [sys.executable, "-m", "noria", "serve", "--port=-1", "--rest_api_port=-1"]


def _save_images(folder: str) -> None:
    """Two models in one: ``serving_default`` takes images as floats, ``files`` their bytes."""
    module = tf.Module()
    module.floats = tf.function(
        lambda input_1: {"activation_49": tf.nn.softmax(tf.reduce_sum(input_1, [1, 2]))},
        input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32, "input_1")],
    )
    module.files = tf.function(
        lambda image_bytes: {"length": tf.strings.length(image_bytes)},
        input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")],
    )
    tf.saved_model.save(module, folder, signatures={"serving_default": module.floats, "files": module.files})


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Base paths ``resnet`` (with a warm-up file written by TensorFlow) and ``iris``."""
    root = tmp_path_factory.mktemp("models")
    folder = root / "resnet" / "1"
    _save_images(str(folder))
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as writer:
        request = _request("resnet", "files", image_bytes=tf.make_tensor_proto(b"\xff\xd8 a file", shape=[1]))
        log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
        writer.write(log.SerializeToString())
    shutil.copytree(GOLDEN / "iris" / "1", root / "iris" / "1")
    return root


@pytest.fixture(scope="module")
def server(models: Path) -> Iterator[tuple[grpc.Channel, int, str]]:
    """A channel to a server of ``resnet``, its REST port, and its gRPC address."""
    flags = ["--model_name=resnet", f"--model_base_path={models / 'resnet'}"]
    with (
        (models / "log").open("w+") as log,
        subprocess.Popen([*_COMMAND, *flags], stdout=subprocess.PIPE, stderr=log, text=True) as child,
    ):
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            ports = re.search(r"gRPC on 0\.0\.0\.0:(\d+), REST on http://0\.0\.0\.0:(\d+)", line)
            assert ports is not None, (models / "log").read_text()
            with grpc.insecure_channel(f"127.0.0.1:{ports[1]}") as opened:
                yield opened, int(ports[2]), f"127.0.0.1:{ports[1]}"
            child.terminate()
            assert child.wait(20) == 0
        finally:
            child.kill()


def _request(model: str, signature: str = "", **inputs: Any) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, proto in inputs.items():
        request.inputs[name].CopyFrom(proto)
    return request


def _image() -> Any:
    return np.random.default_rng(1).random((1, 8, 8, 3)).astype(np.float32)


def test_an_image_as_floats(server: tuple[grpc.Channel, int, str]) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(server[0])
    result = stub.Predict(_request("resnet", "serving_default", input_1=tf.make_tensor_proto(_image())), 10.0)
    wanted = tf.nn.softmax(tf.reduce_sum(_image(), [1, 2])).numpy()
    np.testing.assert_allclose(result.outputs["activation_49"].float_val, wanted[0], rtol=1e-5)

    body = json.dumps({"instances": _image().astype(np.float64).tolist()}).encode()
    with urllib.request.urlopen(f"http://localhost:{server[1]}/v1/models/resnet:predict", body, timeout=20) as answer:
        assert answer.headers["content-type"] == "application/json"
        np.testing.assert_allclose(json.loads(answer.read())["predictions"], wanted, rtol=1e-5)


def test_an_image_as_the_bytes_of_its_file(server: tuple[grpc.Channel, int, str]) -> None:
    data = b"\xff\xd8\xff\xe0 not quite a JPEG \x00\x01"
    stub = prediction_service_pb2_grpc.PredictionServiceStub(server[0])
    proto = tf.make_tensor_proto(data, shape=[1])
    result = stub.Predict(_request("resnet", "files", image_bytes=proto), 10.0)
    assert list(result.outputs["length"].int_val) == [len(data)]
    text = base64.b64encode(data).decode("utf-8")
    body = f'{{"signature_name": "files", "instances" : [{{"b64": "{text}"}}]}}'.encode()
    with urllib.request.urlopen(f"http://localhost:{server[1]}/v1/models/resnet:predict", body, timeout=20) as answer:
        assert json.loads(answer.read()) == {"predictions": [len(data)]}


def test_the_warm_up_file_was_replayed(server: tuple[grpc.Channel, int, str], models: Path) -> None:
    url = f"http://localhost:{server[1]}/monitoring/prometheus/metrics"
    with urllib.request.urlopen(url, timeout=20) as answer:
        lines = [line for line in answer.read().decode().splitlines() if "model_warmup_records_read{" in line]
    assert len(lines) == 1
    assert f'model_path="{models / "resnet" / "1"}"' in lines[0]
    assert lines[0].endswith(" 1")


def test_many_requests_in_flight(server: tuple[grpc.Channel, int, str]) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(server[0])
    image = np.arange(8 * 8 * 3, dtype=np.float32)
    calls = []
    for number in range(100):
        proto = tf.make_tensor_proto(image * number, shape=[1, 8, 8, 3])
        calls.append(stub.Predict.future(_request("resnet", input_1=proto), 20.0))
    for number, call in enumerate(calls):
        wanted = tf.nn.softmax(tf.reduce_sum((image * number).reshape(1, 8, 8, 3), [1, 2])).numpy()[0]
        assert call.exception() is None
        np.testing.assert_allclose(call.result().outputs["activation_49"].float_val, wanted, rtol=1e-4, atol=1e-6)


def test_a_new_config_by_rpc_and_the_example_client(
    server: tuple[grpc.Channel, int, str], models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    channel, _, address = server
    request = model_management_pb2.ReloadConfigRequest()
    for name in ("resnet", "iris"):
        request.config.model_config_list.config.add(
            name=name, base_path=str(models / name), model_platform="tensorflow"
        )
    models_stub = model_service_pb2_grpc.ModelServiceStub(channel)
    response = models_stub.HandleReloadConfigRequest(request, 30)
    assert (response.status.error_code, response.status.error_message) == (0, "")
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "iris"
    found = models_stub.GetModelStatus(status, 10).model_version_status
    assert [(row.version, row.state) for row in found] == [(1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)]

    program = REPOSITORY / "examples" / "serving_clients" / "tensorflow_serving_stub.py"
    loader = importlib.util.spec_from_file_location("tensorflow_serving_stub", program)
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    module.main(address)
    assert capsys.readouterr().out == (
        "versions: [1]\ninputs: ['x']\ngrpc: [[0.0005, 0.9446, 0.0549], [0.9998, 0.0002, 0.0]]\n"
    )

    del request.config.model_config_list.config[0]
    assert models_stub.HandleReloadConfigRequest(request, 30).status.error_code == 0
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            stub.Predict(_request("resnet", input_1=tf.make_tensor_proto(_image())), 10.0)
        except grpc.RpcError as error:
            code: Any = error
            assert code.code() == grpc.StatusCode.NOT_FOUND
            break
        time.sleep(0.05)
    else:
        pytest.fail("a model that the config no longer lists is still served")
