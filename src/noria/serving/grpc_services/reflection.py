"""gRPC's server reflection, v1 and v1alpha: the services of this server and the ``.proto`` files behind them.

Both versions have the same messages on the wire. Files come from the private descriptor pool under the names they have
there, each with all files that it needs, as serialised ``FileDescriptorProto``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.message import DecodeError

from noria.errors import Code, InternalError
from noria.protos import POOL
from noria.protos import reflection as pb
from noria.serving.rpc import Call, Method, Stream, service

V1, V1ALPHA = "grpc.reflection.v1", "grpc.reflection.v1alpha"
SERVICES: Final = tuple(f"{package}.ServerReflection" for package in (V1, V1ALPHA))


class Reflection:
    """The servicer. services: full names of what this server serves, its own two added."""

    def __init__(self, services: Sequence[str]) -> None:
        self._services = sorted({*services, *SERVICES})

    def methods(self) -> dict[str, Method]:
        """Both versions of the service, by path."""
        method = {"ServerReflectionInfo": Stream(self._info)}
        return {path: found for name in SERVICES for path, found in service(name, method).items()}

    async def _info(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        async for content in requests:
            try:
                request = pb.ServerReflectionRequest.FromString(content)
            except DecodeError as error:
                raise InternalError(f"the request is no ServerReflectionRequest: {error}") from None
            yield self.answer(request).SerializeToString()

    def answer(self, request: pb.ServerReflectionRequest) -> pb.ServerReflectionResponse:
        """The answer to one request of the stream."""
        response = pb.ServerReflectionResponse(valid_host=request.host, original_request=request)
        kind = request.WhichOneof("message_request")
        try:
            if kind == "list_services":
                response.list_services_response.service.extend(pb.ServiceResponse(name=n) for n in self._services)
            elif kind == "file_by_filename":
                _put(response, _by_name(request.file_by_filename))
            elif kind == "file_containing_symbol":
                _put(response, _by_symbol(request.file_containing_symbol))
            elif kind == "all_extension_numbers_of_type":
                POOL.FindMessageTypeByName(request.all_extension_numbers_of_type)
                response.all_extension_numbers_response.base_type_name = request.all_extension_numbers_of_type
            elif kind == "file_containing_extension":
                raise KeyError(f"{request.file_containing_extension.containing_type} has no extensions")
            else:
                _fail(response, Code.INVALID_ARGUMENT, "the request asks for nothing")
        except KeyError as error:
            _fail(response, Code.NOT_FOUND, str(error.args[0]))
        return response


def _fail(response: pb.ServerReflectionResponse, code: Code, text: str) -> None:
    response.error_response.error_code = code
    response.error_response.error_message = text


def _put(response: pb.ServerReflectionResponse, files: Sequence[bytes]) -> None:
    response.file_descriptor_response.file_descriptor_proto.extend(files)


def _by_name(name: str) -> list[bytes]:
    if name == _v1().name:
        return [_v1().SerializeToString()]
    return _with_needs(POOL.FindFileByName(name))


def _by_symbol(name: str) -> list[bytes]:
    if name == V1 or name.startswith(f"{V1}."):
        return [_v1().SerializeToString()]
    try:
        return _with_needs(POOL.FindFileContainingSymbol(name))
    except KeyError:  # a method: its service's file has it
        service, _, method = name.rpartition(".")
        found = POOL.FindServiceByName(service)
        if method not in found.methods_by_name:
            raise
        return _with_needs(found.file)


def _with_needs(file: FileDescriptor) -> list[bytes]:
    """The file, and every file it needs, each once."""
    found: dict[str, bytes] = {}
    waiting = [file]
    while waiting:
        one = waiting.pop()
        if one.name not in found:
            found[one.name] = one.serialized_pb
            waiting.extend(one.dependencies)
    return list(found.values())


def _v1() -> descriptor_pb2.FileDescriptorProto:
    """The file of v1: that of v1alpha under its own package."""
    source = POOL.FindFileContainingSymbol(f"{V1ALPHA}.ServerReflection")
    found = descriptor_pb2.FileDescriptorProto.FromString(source.serialized_pb)
    found.name, found.package = "reflection_v1.proto", V1
    for message in found.message_type:
        for field in message.field:
            if field.type_name:
                field.type_name = field.type_name.replace(f".{V1ALPHA}.", f".{V1}.")
    for one in found.service:
        for method in one.method:
            method.input_type = method.input_type.replace(f".{V1ALPHA}.", f".{V1}.")
            method.output_type = method.output_type.replace(f".{V1ALPHA}.", f".{V1}.")
    return found
