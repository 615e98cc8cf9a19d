"""Types of the messages of ``grpc.reflection.v1alpha``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum

import noria.protos.reflection as _reflection

class ServerReflectionRequest(_message.Message):
    host: builtins.str
    file_by_filename: builtins.str
    file_containing_symbol: builtins.str
    @builtins.property
    def file_containing_extension(self) -> _reflection.ExtensionRequest: ...
    all_extension_numbers_of_type: builtins.str
    list_services: builtins.str
    def __init__(self, *, host: builtins.str | None = ..., file_by_filename: builtins.str | None = ..., file_containing_symbol: builtins.str | None = ..., file_containing_extension: _reflection.ExtensionRequest | None = ..., all_extension_numbers_of_type: builtins.str | None = ..., list_services: builtins.str | None = ...) -> None: ...

class ExtensionRequest(_message.Message):
    containing_type: builtins.str
    extension_number: builtins.int
    def __init__(self, *, containing_type: builtins.str | None = ..., extension_number: builtins.int | None = ...) -> None: ...

class ServerReflectionResponse(_message.Message):
    valid_host: builtins.str
    @builtins.property
    def original_request(self) -> _reflection.ServerReflectionRequest: ...
    @builtins.property
    def file_descriptor_response(self) -> _reflection.FileDescriptorResponse: ...
    @builtins.property
    def all_extension_numbers_response(self) -> _reflection.ExtensionNumberResponse: ...
    @builtins.property
    def list_services_response(self) -> _reflection.ListServiceResponse: ...
    @builtins.property
    def error_response(self) -> _reflection.ErrorResponse: ...
    def __init__(self, *, valid_host: builtins.str | None = ..., original_request: _reflection.ServerReflectionRequest | None = ..., file_descriptor_response: _reflection.FileDescriptorResponse | None = ..., all_extension_numbers_response: _reflection.ExtensionNumberResponse | None = ..., list_services_response: _reflection.ListServiceResponse | None = ..., error_response: _reflection.ErrorResponse | None = ...) -> None: ...

class FileDescriptorResponse(_message.Message):
    @builtins.property
    def file_descriptor_proto(self) -> _containers.RepeatedScalarFieldContainer[builtins.bytes]: ...
    def __init__(self, *, file_descriptor_proto: typing.Iterable[builtins.bytes] | None = ...) -> None: ...

class ExtensionNumberResponse(_message.Message):
    base_type_name: builtins.str
    @builtins.property
    def extension_number(self) -> _containers.RepeatedScalarFieldContainer[builtins.int]: ...
    def __init__(self, *, base_type_name: builtins.str | None = ..., extension_number: typing.Iterable[builtins.int] | None = ...) -> None: ...

class ListServiceResponse(_message.Message):
    @builtins.property
    def service(self) -> _containers.RepeatedCompositeFieldContainer[_reflection.ServiceResponse]: ...
    def __init__(self, *, service: typing.Iterable[_reflection.ServiceResponse] | None = ...) -> None: ...

class ServiceResponse(_message.Message):
    name: builtins.str
    def __init__(self, *, name: builtins.str | None = ...) -> None: ...

class ErrorResponse(_message.Message):
    error_code: builtins.int
    error_message: builtins.str
    def __init__(self, *, error_code: builtins.int | None = ..., error_message: builtins.str | None = ...) -> None: ...
