"""Types of the messages of ``tensorflow.error``; written by tools/gen_protos.py."""

import builtins
import typing

from google.protobuf import message as _message
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum

Code: _enum.EnumTypeWrapper
OK: builtins.int
CANCELLED: builtins.int
UNKNOWN: builtins.int
INVALID_ARGUMENT: builtins.int
DEADLINE_EXCEEDED: builtins.int
NOT_FOUND: builtins.int
ALREADY_EXISTS: builtins.int
PERMISSION_DENIED: builtins.int
UNAUTHENTICATED: builtins.int
RESOURCE_EXHAUSTED: builtins.int
FAILED_PRECONDITION: builtins.int
ABORTED: builtins.int
OUT_OF_RANGE: builtins.int
UNIMPLEMENTED: builtins.int
INTERNAL: builtins.int
UNAVAILABLE: builtins.int
DATA_LOSS: builtins.int
DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_: builtins.int
