"""Types of the messages of ``google.protobuf``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum

class Any(_message.Message):
    type_url: builtins.str
    value: builtins.bytes
    def __init__(self, *, type_url: builtins.str | None = ..., value: builtins.bytes | None = ...) -> None: ...
    def Pack(self, msg: _message.Message, type_url_prefix: builtins.str = ...) -> None: ...
    def Unpack(self, msg: _message.Message) -> builtins.bool: ...
    def Is(self, descriptor: typing.Any) -> builtins.bool: ...
    def TypeName(self) -> builtins.str: ...

class DoubleValue(_message.Message):
    value: builtins.float
    def __init__(self, *, value: builtins.float | None = ...) -> None: ...

class FloatValue(_message.Message):
    value: builtins.float
    def __init__(self, *, value: builtins.float | None = ...) -> None: ...

class Int64Value(_message.Message):
    value: builtins.int
    def __init__(self, *, value: builtins.int | None = ...) -> None: ...

class UInt64Value(_message.Message):
    value: builtins.int
    def __init__(self, *, value: builtins.int | None = ...) -> None: ...

class Int32Value(_message.Message):
    value: builtins.int
    def __init__(self, *, value: builtins.int | None = ...) -> None: ...

class UInt32Value(_message.Message):
    value: builtins.int
    def __init__(self, *, value: builtins.int | None = ...) -> None: ...

class BoolValue(_message.Message):
    value: builtins.bool
    def __init__(self, *, value: builtins.bool | None = ...) -> None: ...

class StringValue(_message.Message):
    value: builtins.str
    def __init__(self, *, value: builtins.str | None = ...) -> None: ...

class BytesValue(_message.Message):
    value: builtins.bytes
    def __init__(self, *, value: builtins.bytes | None = ...) -> None: ...
