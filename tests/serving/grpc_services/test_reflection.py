"""Server reflection with grpcio-reflection's own client, and what it can do with the files it gets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from noria.errors import InternalError
from noria.protos import reflection as pb
from noria.serving.grpc_services.reflection import SERVICES, Reflection
from noria.serving.lifecycle.manager import Manager
from noria.serving.rpc import Call, Stream
from serving.fakes import FakeModel, half_plus_two, serving


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    manager = Manager(lambda _: FakeModel(half_plus_two()))
    manager.load("m", 1, "m/1")
    with serving(manager) as server, grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as found:
        yield found


def test_services(channel: grpc.Channel) -> None:
    found = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert set(found) == {
        "tensorflow.serving.PredictionService", "tensorflow.serving.ModelService", "grpc.health.v1.Health",
        "inference.GRPCInferenceService", "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
    }  # fmt: skip


def test_a_call_made_of_nothing_but_reflection(channel: grpc.Channel) -> None:
    pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
    method = pool.FindServiceByName("tensorflow.serving.PredictionService").FindMethodByName("Predict")
    request = message_factory.GetMessageClass(method.input_type)()
    request.model_spec.name = "m"  # type: ignore[attr-defined]
    request.inputs["x"].dtype = 1  # type: ignore[attr-defined]
    request.inputs["x"].float_val.append(2)  # type: ignore[attr-defined]
    answer = message_factory.GetMessageClass(method.output_type)
    call = channel.unary_unary(
        "/tensorflow.serving.PredictionService/Predict", type(request).SerializeToString, answer.FromString
    )
    found: Any = call(request, timeout=20)
    assert found.outputs["y"].float_val[:] == [3.0]


def test_v1(channel: grpc.Channel) -> None:
    call = channel.stream_stream(
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )
    asked = [
        reflection_pb2.ServerReflectionRequest(list_services=""),
        reflection_pb2.ServerReflectionRequest(file_containing_symbol="grpc.reflection.v1.ServerReflection"),
    ]
    first, second = call(iter(asked), timeout=20)
    assert "grpc.health.v1.Health" in [service.name for service in first.list_services_response.service]
    (file,) = second.file_descriptor_response.file_descriptor_proto
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file)
    assert pool.FindServiceByName("grpc.reflection.v1.ServerReflection").methods[0].input_type.full_name == (
        "grpc.reflection.v1.ServerReflectionRequest"
    )


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (pb.ServerReflectionRequest(file_by_filename="nope.proto"), 5),
        (pb.ServerReflectionRequest(file_containing_symbol="a.B"), 5),
        (pb.ServerReflectionRequest(all_extension_numbers_of_type="a.B"), 5),
        (pb.ServerReflectionRequest(), 3),
    ],
)
def test_errors_are_answers(request_: pb.ServerReflectionRequest, code: int) -> None:
    assert Reflection([]).answer(request_).error_response.error_code == code


def test_names_that_are_found() -> None:
    reflection = Reflection([])
    for symbol in (
        "tensorflow.serving.PredictionService.Predict",
        "tensorflow.TensorProto.dtype",
        "grpc.reflection.v1",
    ):
        found = reflection.answer(pb.ServerReflectionRequest(file_containing_symbol=symbol))
        assert found.file_descriptor_response.file_descriptor_proto, symbol
    by_name = reflection.answer(pb.ServerReflectionRequest(file_by_filename="framework.proto"))
    assert len(by_name.file_descriptor_response.file_descriptor_proto) == 2  # and the one it needs


def test_the_stock_stub(channel: grpc.Channel) -> None:
    stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)
    (answer,) = stub.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=20)
    assert answer.list_services_response.service


@pytest.mark.parametrize("service", SERVICES)
def test_bytes_that_are_no_message_end_the_stream(service: str) -> None:
    method = Reflection([]).methods()[f"/{service}/ServerReflectionInfo"]
    assert isinstance(method, Stream)
    answers: list[bytes] = []

    async def requests() -> AsyncIterator[bytes]:
        yield pb.ServerReflectionRequest(list_services="").SerializeToString()
        yield b"\xff\xff"

    async def ask() -> None:
        answers.append(await anext(found))
        await anext(found)

    found = method.function(requests(), Call())
    with pytest.raises(InternalError, match=r"^the request is no ServerReflectionRequest: "):
        asyncio.run(ask())
    (answer,) = map(pb.ServerReflectionResponse.FromString, answers)
    assert sorted(one.name for one in answer.list_services_response.service) == sorted(SERVICES)
