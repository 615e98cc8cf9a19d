"""gRPC's health service with the stock client's messages."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from noria.errors import Code, InternalError, NotFoundError, TFError
from noria.protos import health as pb
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.grpc_services.health import SERVICE, Health
from noria.serving.lifecycle.manager import Manager
from noria.serving.rpc import Call, Stream, Unary
from noria.serving.server import Server
from serving.conformance.setups import running
from serving.fakes import FakeModel, half_plus_two, serving

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN


@pytest.fixture
def server() -> Iterator[Server]:
    manager = Manager(lambda _: FakeModel(half_plus_two()))
    manager.load("m", 1, "m/1")
    with serving(manager) as found:
        yield found


@pytest.fixture
def stub(server: Server) -> Iterator[Any]:
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        yield health_pb2_grpc.HealthStub(channel)


def request(name: str) -> Any:
    return health_pb2.HealthCheckRequest(service=name)


@pytest.mark.parametrize("name", ["", "ModelService", "PredictionService"])
def test_check(stub: Any, name: str) -> None:
    assert stub.Check(request(name), timeout=20).status == SERVING


def test_unknown_names(stub: Any) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        stub.Check(request("tensorflow.serving.PredictionService"), timeout=20)
    status: Any = caught.value
    assert status.code() == grpc.StatusCode.NOT_FOUND
    watch = stub.Watch(request("nope"), timeout=20)
    assert next(watch).status == UNKNOWN
    watch.cancel()


def test_list(stub: Any) -> None:
    found = stub.List(health_pb2.HealthListRequest(), timeout=20).statuses
    assert {name: response.status for name, response in found.items()} == {
        "": SERVING, "ModelService": SERVING, "PredictionService": SERVING,
    }  # fmt: skip


def test_a_watch_sees_the_drain_and_does_not_hold_it_up(server: Server, stub: Any) -> None:
    seen: list[int] = []
    watch = stub.Watch(request(""), timeout=20)
    seen.append(next(watch).status)
    rest = threading.Thread(target=lambda: seen.extend(response.status for response in watch))
    rest.start()
    server.core.process.begin_drain()
    rest.join(10)
    assert not rest.is_alive()
    assert seen == [SERVING, NOT_SERVING]
    assert stub.Check(request(""), timeout=20).status == NOT_SERVING


def test_a_server_without_its_model_is_not_serving_but_answers() -> None:
    with (
        running(["--model_name=m", "--model_base_path=/no/such/place"]) as found,
        grpc.insecure_channel(f"127.0.0.1:{found.grpc_port}") as channel,
    ):
        stub: Any = health_pb2_grpc.HealthStub(channel)
        assert stub.Check(request(""), timeout=20).status == NOT_SERVING


@pytest.fixture
def health() -> Iterator[Health]:
    core = Core.make(Manager(lambda _: FakeModel(half_plus_two())), ServerConfig())
    yield Health(core)
    core.runner.close()


async def _each(*contents: bytes) -> AsyncIterator[bytes]:
    for content in contents:
        yield content


def check(health: Health, content: bytes) -> bytes:
    method = health.methods()[f"/{SERVICE}/Check"]
    assert isinstance(method, Unary)
    return asyncio.run(method.function(content, Call()))


def watch(health: Health, *contents: bytes) -> bytes:
    """The first answer."""
    method = health.methods()[f"/{SERVICE}/Watch"]
    assert isinstance(method, Stream)

    async def first() -> bytes:
        answers: Any = method.function(_each(*contents), Call())
        found: bytes = await anext(answers)
        await answers.aclose()
        return found

    return asyncio.run(first())


def test_bytes_that_are_no_message(health: Health) -> None:
    for method in (check, watch):
        with pytest.raises(InternalError, match=r"^the request is no grpc\.health\.v1\.HealthCheckRequest: "):
            method(health, b"\xff\xff")


def test_the_text_for_an_unknown_name(health: Health) -> None:
    with pytest.raises(NotFoundError) as caught:
        check(health, pb.HealthCheckRequest(service="nope").SerializeToString())
    assert caught.value.message == "unknown service 'nope'; known: ModelService, PredictionService"


def test_a_watch_without_a_request(health: Health) -> None:
    with pytest.raises(TFError) as caught:
        watch(health)
    assert caught.value.code is Code.UNIMPLEMENTED
    assert pb.HealthCheckResponse.FromString(watch(health, b"")).status == SERVING
