"""The methods of TensorFlow Serving's services, called as the gRPC edge calls them, without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import (
    Code,
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.grpc_api import MODEL_SERVICE, PREDICTION_SERVICE, RELOAD, GrpcApi
from noria.serving.lifecycle.manager import Manager
from noria.serving.rpc import Call, Method, Unary
from serving.fakes import FakeModel, FakeSignature, half_plus_two, specs

PREDICT = f"/{PREDICTION_SERVICE}/Predict"
RELOADING = f"/{MODEL_SERVICE}/{RELOAD}"
REQUESTS = {
    f"/{PREDICTION_SERVICE}/Predict": "PredictRequest",
    f"/{PREDICTION_SERVICE}/Classify": "ClassificationRequest",
    f"/{PREDICTION_SERVICE}/Regress": "RegressionRequest",
    f"/{PREDICTION_SERVICE}/MultiInference": "MultiInferenceRequest",
    f"/{PREDICTION_SERVICE}/GetModelMetadata": "GetModelMetadataRequest",
    f"/{MODEL_SERVICE}/GetModelStatus": "GetModelStatusRequest",
    RELOADING: "ReloadConfigRequest",
}
TOKEN = "a-token-of-the-tests"


def _fail(x: Any) -> dict[str, Any]:
    raise {0: InvalidArgumentError("long " * 1000), 1: ZeroDivisionError("bug")}[int(x.ravel()[0])]


def make_core(**settings: Any) -> Core:
    fail = FakeSignature("fail", _fail, specs(x=dtypes.float32), specs(y=dtypes.float32))
    manager = Manager(lambda _: FakeModel(half_plus_two(), fail))
    manager.load("m", 1, "m/1")
    return Core.make(manager, ServerConfig(**settings))


@pytest.fixture
def core() -> Iterator[Core]:
    found = make_core()
    yield found
    found.runner.close()


def run(method: Method, content: bytes, call: Call | None = None) -> bytes:
    assert isinstance(method, Unary)
    return asyncio.run(method.function(content, call or Call()))


def request(value: float = 1, signature: str = "") -> bytes:
    found = pb.PredictRequest(model_spec=pb.ModelSpec(name="m", signature_name=signature))
    found.inputs["x"].CopyFrom(tensor_proto.from_array(np.array([value], np.float32)))
    return found.SerializeToString()


class Counted:
    """In place of a core's metrics: what each request was told as."""

    def __init__(self, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        monkeypatch.setattr(core.metrics, "request", lambda *told: self.calls.append(told[:4]))


@pytest.mark.parametrize(("path", "message"), REQUESTS.items())
def test_bytes_that_are_no_message(core: Core, monkeypatch: pytest.MonkeyPatch, path: str, message: str) -> None:
    counted = Counted(core, monkeypatch)
    method = GrpcApi(core).methods()[path]
    with pytest.raises(InternalError, match=f"^the request is no tensorflow.serving.{message}: .*rror"):
        run(method, b"\xff\xff")
    assert counted.calls == [("", path.rpartition("/")[2], "GRPC", Code.INTERNAL)]


def test_errors_are_counted_and_those_that_are_not_ours_become_internal(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(core, monkeypatch)
    method = GrpcApi(core).methods()[PREDICT]
    response = pb.PredictResponse.FromString(run(method, request()))
    assert list(response.outputs["y"].float_val) == [2.5]
    with pytest.raises(InvalidArgumentError) as caught:
        run(method, request(0, "fail"))
    assert caught.value.message == ("long " * 1000)[:1024] + "...TRUNCATED"
    with pytest.raises(InternalError) as internal:
        run(method, request(1, "fail"))
    assert internal.value.message == "ZeroDivisionError: bug"
    codes = [Code.OK, Code.INVALID_ARGUMENT, Code.INTERNAL]
    assert counted.calls == [("m", "Predict", "GRPC", code) for code in codes]


def test_what_runs_at_once_never_waits(core: Core) -> None:
    method = GrpcApi(core).methods()[PREDICT]
    for _ in range(5):  # what a signature costs is known after some runs
        run(method, request())
    assert isinstance(method, Unary)
    running: Coroutine[Any, Any, bytes] = method.function(request(), Call(PREDICT))
    with pytest.raises(StopIteration) as caught:
        running.send(None)
    assert pb.PredictResponse.FromString(caught.value.value).model_spec.name == "m"


def test_a_deadline_that_has_passed(core: Core) -> None:
    gone = Call(PREDICT, timeout=-1)
    method = GrpcApi(core).methods()[PREDICT]
    with pytest.raises(DeadlineExceededError):
        run(method, request(1, "fail"), gone)


def test_tokens(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({"tokens": [{"name": "t", "token": TOKEN, "rights": ["predict"]}]}))
    core = make_core(tokens_file=str(file))
    methods = GrpcApi(core).methods()
    metadata: tuple[tuple[str, str | bytes], ...] = (("x-bin", b"\0"), ("authorization", f"Bearer {TOKEN}"))
    run(methods[PREDICT], request(), Call(PREDICT, metadata))
    with pytest.raises(UnauthenticatedError):
        run(methods[PREDICT], request())
    with pytest.raises(PermissionDeniedError, match="'t' may not manage"):
        run(methods[RELOADING], b"", Call(RELOADING, metadata, "127.0.0.1"))
    core.runner.close()


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "unix:"])
def test_a_reload_from_this_machine(core: Core, peer: str) -> None:
    method = GrpcApi(core).methods()[RELOADING]
    with pytest.raises(InvalidArgumentError, match="Only ModelConfigList is currently supported"):
        run(method, b"", Call(RELOADING, (), peer))


@pytest.mark.parametrize(
    ("peer", "metadata"),
    [("10.1.2.3", ()), ("2001:db8::1", ()), (None, ()), ("127.0.0.1", (("x-forwarded-for", "10.1.2.3"),))],
)
def test_a_reload_from_elsewhere(core: Core, peer: str | None, metadata: tuple[tuple[str, str | bytes], ...]) -> None:
    method = GrpcApi(core).methods()[RELOADING]
    with pytest.raises(PermissionDeniedError, match="taken from this machine only"):
        run(method, b"", Call(RELOADING, metadata, peer))


def test_which_services_there_are() -> None:
    core = make_core(tensorflow_serving_only=True, enable_grpc_healthcheck_service=False)
    assert set(GrpcApi(core).methods()) == set(REQUESTS)
    core.runner.close()
    core = make_core()
    services = {path.split("/")[1] for path in GrpcApi(core).methods()}
    assert services == {
        PREDICTION_SERVICE, MODEL_SERVICE, "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }  # fmt: skip
    core.runner.close()
