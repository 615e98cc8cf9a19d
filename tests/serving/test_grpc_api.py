"""The gRPC edge over real sockets, with models made of NumPy functions."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.protos import tensorflow as tf
from noria.serving.lifecycle.manager import Manager
from noria.serving.messages import is_long
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.server import Server
from serving.fakes import FakeModel, FakeSignature, call_grpc, half_plus_two, serving, specs

Array = np.ndarray[Any, np.dtype[Any]]
PREDICTION = "/tensorflow.serving.PredictionService/"
MODEL = "/tensorflow.serving.ModelService/"


class _Gate:
    """A model that runs until it is let go. begun: whether it has ever begun."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()

    def __call__(self, x: Array) -> dict[str, Array]:
        self.begun.set()
        self.go.wait(60)
        return {"y": x}


def _fail(x: Array) -> dict[str, Array]:
    raise {0: InvalidArgumentError("long " * 1000), 1: ZeroDivisionError("bug")}[int(x.ravel()[0])]


def _lengths(inputs: Array) -> dict[str, Array]:
    found = np.array([[float(len(text))] for text in inputs], np.float32)
    return {"outputs": found, "scores": found}


def _manager(gate: _Gate | None = None) -> Manager:
    one = specs(x=dtypes.float32), specs(y=dtypes.float32)
    examples = specs(inputs=dtypes.string)
    manager = Manager(
        lambda _: FakeModel(
            half_plus_two(),
            FakeSignature("gate", gate or _Gate(), *one),
            FakeSignature("fail", _fail, *one),
            FakeSignature("predict", lambda x: {"y": x}, specs(x=dtypes.string), specs(y=dtypes.string)),
            FakeSignature("regress", _lengths, examples, specs(outputs=dtypes.float32), REGRESS),
            FakeSignature("classify", _lengths, examples, specs(scores=dtypes.float32), CLASSIFY),
        )
    )
    manager.load("m", 1, "m/1")
    return manager


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(_manager()) as started:
        yield started


def predict(
    server: Server, values: Any, signature: str = "", *, timeout: float = 60
) -> tuple[str, str, pb.PredictResponse]:
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name="m", signature_name=signature))
    request.inputs["x"].CopyFrom(tensor_proto.from_array(np.array(values, np.float32)))
    code, text, content = call_grpc(
        server.grpc_port, PREDICTION + "Predict", request.SerializeToString(), timeout=timeout
    )
    return code, text, pb.PredictResponse.FromString(content)


def test_predict(server: Server) -> None:
    code, _, response = predict(server, [[1], [2]])
    assert code == "OK"
    assert response.model_spec.name == "m"
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 1
    assert list(response.outputs["y"].float_val) == [2.5, 3.0]
    assert [dim.size for dim in response.outputs["y"].tensor_shape.dim] == [2, 1]


def test_tensor_content_on_request() -> None:
    with serving(_manager(), enable_serialization_as_tensor_content=True) as packed:
        proto = predict(packed, [1])[2].outputs["y"]
        assert proto.tensor_content == np.float32(2.5).tobytes()
        assert not proto.float_val


def test_a_message_of_64_megabytes(server: Server) -> None:
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name="m"))
    values = np.arange(16 << 20, dtype=np.float32)
    request.inputs["x"].CopyFrom(tensor_proto.from_array(values, content=True))
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}", unlimited) as channel:
        call = channel.unary_unary(PREDICTION + "Predict", bytes, bytes)
        response = pb.PredictResponse.FromString(call(request.SerializeToString(), timeout=120))
    np.testing.assert_array_equal(tensor_proto.to_array(response.outputs["y"]), values / 2 + 2)


def test_errors_become_codes_and_long_texts_are_cut(server: Server) -> None:
    code, text, _ = predict(server, [0], "fail")
    assert code == "INVALID_ARGUMENT"
    assert text == ("long " * 1000)[:1024] + "...TRUNCATED"
    assert predict(server, [1], "fail")[:2] == ("INTERNAL", "ZeroDivisionError: bug")
    assert predict(server, [1], "nope")[:2] == ("FAILED_PRECONDITION", 'Serving signature key "nope" not found.')


def test_deadline_passes_while_the_model_runs() -> None:
    gate = _Gate()
    with serving(_manager(gate)) as server:
        for seconds in (0.1, 1.0, 10.0):  # on a busy machine it may not begin in time
            assert predict(server, [1], "gate", timeout=seconds)[0] == "DEADLINE_EXCEEDED"
            if gate.begun.is_set():
                break
        assert gate.begun.is_set()
        gate.go.set()


def _input(*texts: bytes) -> pb.Input:
    found = pb.Input()
    for text in texts:
        found.example_list.examples.add().features.feature["x"].bytes_list.value.append(text)
    return found


def test_classify_and_regress(server: Server) -> None:
    spec = pb.ModelSpec(name="m", signature_name="regress")
    example = tf.Example()
    example.features.feature["x"].bytes_list.value.append(b"abc")
    size = float(len(example.SerializeToString()))
    request = pb.RegressionRequest(model_spec=spec, input=_input(b"abc", b""))
    code, text, content = call_grpc(server.grpc_port, PREDICTION + "Regress", request.SerializeToString())
    assert code == "OK", text
    regression = pb.RegressionResponse.FromString(content)
    assert [r.value for r in regression.result.regressions] == [size, size - 3]
    assert regression.model_spec.signature_name == "regress"
    many = pb.RegressionRequest(model_spec=spec, input=_input(*[b"abc"] * 5000))
    _, _, content = call_grpc(server.grpc_port, PREDICTION + "Regress", many.SerializeToString())
    assert [r.value for r in pb.RegressionResponse.FromString(content).result.regressions] == [size] * 5000

    both = pb.Input()
    both.example_list_with_context.context.CopyFrom(example)
    both.example_list_with_context.examples.add()
    classification = pb.ClassificationRequest(model_spec=pb.ModelSpec(name="m", signature_name="classify"), input=both)
    code, text, content = call_grpc(server.grpc_port, PREDICTION + "Classify", classification.SerializeToString())
    assert code == "OK", text
    ((one,),) = [c.classes for c in pb.ClassificationResponse.FromString(content).result.classifications]
    assert (one.label, one.score) == ("", size)


def test_multi_inference(server: Server) -> None:
    request = pb.MultiInferenceRequest(input=_input(b"abc"))
    for name, method in (("classify", CLASSIFY), ("regress", REGRESS)):
        request.tasks.add(model_spec=pb.ModelSpec(name="m", signature_name=name), method_name=method)
    code, text, content = call_grpc(server.grpc_port, PREDICTION + "MultiInference", request.SerializeToString())
    assert code == "OK", text
    first, second = pb.MultiInferenceResponse.FromString(content).results
    assert first.model_spec.signature_name == "classify"
    assert first.classification_result.classifications[0].classes[0].score > 0
    assert second.regression_result.regressions[0].value > 0


@pytest.mark.parametrize(
    ("api", "steps"),
    [
        ("Classify", ["parse", "examples_of", "_classification"]),
        ("Regress", ["parse", "examples_of", "_regression"]),
        ("MultiInference", ["parse", "examples_of", "_multi_inference"]),
        ("Predict", ["predict_response"]),
    ],
)
def test_others_are_answered_while_many_examples_or_strings_are_read_and_answered(
    server: Server, monkeypatch: pytest.MonkeyPatch, api: str, steps: list[str]
) -> None:
    began, go = threading.Semaphore(0), threading.Semaphore(0)
    call, seen = server.core.runner.call, []

    async def held(function: Callable[..., Any], *arguments: Any) -> Any:
        def work() -> Any:
            began.release()
            assert go.acquire(timeout=60)
            return function(*arguments)

        seen.append(function.__name__)
        return await call(work)

    monkeypatch.setattr(server.core.runner, "call", held)
    examples = _input(*[b"abc"] * 2000)
    spec = pb.ModelSpec(name="m", signature_name=api.lower())
    request: Any
    if api == "MultiInference":
        request = pb.MultiInferenceRequest(input=examples)
        for name, method in (("classify", CLASSIFY), ("regress", REGRESS)):
            request.tasks.add(model_spec=pb.ModelSpec(name="m", signature_name=name), method_name=method)
    elif api == "Predict":
        request = pb.PredictRequest(model_spec=spec)
        request.inputs["x"].CopyFrom(tensor_proto.from_array(np.full(5000, b"abc", object)))
    else:
        request = {"Classify": pb.ClassificationRequest, "Regress": pb.RegressionRequest}[api](
            model_spec=spec, input=examples
        )
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(call_grpc, server.grpc_port, PREDICTION + api, request.SerializeToString())
        for _ in steps:
            assert began.acquire(timeout=60)
            code, text, _ = predict(server, [2.0])
            assert code == "OK", text
            go.release()
        code, text, content = answer.result(60)
    assert code == "OK", text
    assert seen == steps
    assert len(content) > 2000


def test_metadata_and_status(server: Server) -> None:
    metadata = pb.GetModelMetadataRequest(model_spec=pb.ModelSpec(name="m"), metadata_field=["signature_def"])
    code, text, content = call_grpc(server.grpc_port, PREDICTION + "GetModelMetadata", metadata.SerializeToString())
    assert code == "OK", text
    packed = pb.GetModelMetadataResponse.FromString(content).metadata["signature_def"]
    signatures = pb.SignatureDefMap()
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    signatures.ParseFromString(packed.value)
    assert signatures.signature_def["classify"].method_name == CLASSIFY

    request = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="nope"))
    found = call_grpc(server.grpc_port, MODEL + "GetModelStatus", request.SerializeToString())
    assert found[:2] == ("NOT_FOUND", "Could not find any versions of model nope")


def test_what_is_not_there(server: Server) -> None:
    for rpc in ("/tensorflow.serving.SessionService/SessionRun", PREDICTION + "PredictStreamed", "/a.B/C"):
        assert call_grpc(server.grpc_port, rpc, b"")[0] == "UNIMPLEMENTED"
    assert call_grpc(server.grpc_port, PREDICTION + "Predict", b"\xff\xff")[0] == "INTERNAL"


def test_calls_in_flight_are_answered_before_the_end() -> None:
    codes: list[str] = []
    gate = _Gate()
    with serving(_manager(gate)) as ending:
        thread = threading.Thread(target=lambda: codes.append(predict(ending, [1], "gate")[0]))
        thread.start()
        assert gate.begun.wait(60)
        threading.Timer(0.2, gate.go.set).start()
    thread.join()
    assert codes == ["OK"]


def test_what_takes_long_to_write() -> None:
    for dtype, long in ((np.int64, True), (np.uint8, True), (np.bool_, True), (np.float32, False), (np.float64, False)):
        assert is_long({"y": np.zeros((50, 1000), dtype)}) is long
        assert not is_long({"y": np.zeros(1000, dtype)})
