"""Types of the messages of ``grpc.health.v1``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum

import noria.protos.health as _health

class HealthCheckRequest(_message.Message):
    service: builtins.str
    def __init__(self, *, service: builtins.str | None = ...) -> None: ...

class HealthCheckResponse(_message.Message):
    ServingStatus: _enum.EnumTypeWrapper
    UNKNOWN: builtins.int
    SERVING: builtins.int
    NOT_SERVING: builtins.int
    SERVICE_UNKNOWN: builtins.int
    status: builtins.int
    def __init__(self, *, status: builtins.int | None = ...) -> None: ...

class HealthListRequest(_message.Message):
    def __init__(self) -> None: ...

class HealthListResponse(_message.Message):
    @builtins.property
    def statuses(self) -> _containers.MessageMap[builtins.str, _health.HealthCheckResponse]: ...
    def __init__(self, *, statuses: typing.Mapping[builtins.str, _health.HealthCheckResponse] | None = ...) -> None: ...
