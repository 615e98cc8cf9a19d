"""Messages of the protocol's gRPC form: a ModelInferRequest to arrays, arrays to a ModelInferResponse.

Raw tensors make up nearly all of a big message. They are taken from its bytes as they lie, and put beside the rest of
an answer, so that the protobuf library copies none of them: both messages keep them in a repeated field of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.formats import coding
from noria.protos import kserve as pb
from noria.serving.kserve import bodies, datatypes, tensors
from noria.serving.kserve.infer import Request

Array = np.ndarray[Any, np.dtype[Any]]

_BIG: Final = 32 * 1024  # bytes of a message from which walking over its fields pays
_RAW_INPUT_TAG: Final = 7 << 3 | 2
_RAW_OUTPUT_TAG: Final = bytes([6 << 3 | 2])
_INFER_RESPONSE_TAG: Final = bytes([2 << 3 | 2])
_LENGTH_DELIMITED: Final = 2


def read_apart(content: bytes) -> tuple[pb.ModelInferRequest, list[bytes | memoryview]]:
    """Parses a request without its raw contents, and gives those, as views of ``content`` where it is big.

    Raises google.protobuf's DecodeError.
    """
    if len(content) < _BIG:
        message = pb.ModelInferRequest.FromString(content)
        return message, list(message.raw_input_contents)
    view, at = memoryview(content), 0
    rest: list[memoryview] = []
    raw: list[bytes | memoryview] = []
    while at < len(content):
        start = at
        tag, at = _varint(content, at)
        if tag & 7 != _LENGTH_DELIMITED:  # every field of this message is length-delimited: another one is unknown here
            message = pb.ModelInferRequest.FromString(content)
            return message, list(message.raw_input_contents)
        size, at = _varint(content, at)
        end = at + size
        if end > len(content):
            raise DecodeError("a field is longer than the message")
        if tag == _RAW_INPUT_TAG:
            raw.append(view[at:end])
        else:
            rest.append(view[start:end])
        at = end
    return pb.ModelInferRequest.FromString(b"".join(rest)), raw


def _varint(content: bytes, at: int) -> tuple[int, int]:
    try:
        return coding.get_varint(content, at, len(content))
    except coding.Malformed as error:
        raise DecodeError(str(error)) from None


def request_of(message: pb.ModelInferRequest, raw: list[bytes | memoryview]) -> Request:
    """The arrays and wishes of a request. Raises InvalidArgumentError, naming the tensor where it is about one."""
    if raw and len(raw) != len(message.inputs):
        raise InvalidArgumentError(
            f"raw_input_contents has {len(raw)} tensors; the request has {len(message.inputs)} inputs. Each input "
            "has one, in their order"
        )
    inputs: dict[str, Array] = {}
    for index, tensor in enumerate(message.inputs):
        name = tensor.name
        if name in inputs:
            raise InvalidArgumentError(f"input {name!r} is there twice")
        if tensor.parameters:
            bodies.refuse_shared_memory(name, tensor.parameters)
        dtype = datatypes.find(tensor.datatype)
        shape = tensors.check_shape(name, tensor.shape[:])
        if not raw:
            inputs[name] = tensors.from_contents(name, tensor.contents, dtype, shape)
        elif tensor.HasField("contents"):
            raise InvalidArgumentError(f"input {name!r} has both contents and raw_input_contents; send one of them")
        else:
            inputs[name] = tensors.from_raw(name, raw[index], dtype, shape)
    outputs = []
    for output in message.outputs:
        if output.parameters:
            bodies.refuse_shared_memory(output.name, output.parameters)
            bodies.refuse_classification(output.name, output.parameters)
        outputs.append(output.name)
    parameters = {key: _value(parameter) for key, parameter in message.parameters.items()} if message.parameters else {}
    return Request(inputs, outputs, message.id, parameters)


def _value(parameter: Any) -> Any:
    choice = parameter.WhichOneof("parameter_choice")
    return None if choice is None else getattr(parameter, choice)


def response(
    name: str, version: int, request: Request, outputs: Mapping[str, Array], *, raw: bool
) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
    """The answer without its raw contents, and those.

    raw: whether outputs go into ``raw_output_contents``; without it they go into ``contents``, unless one of them has a
    dtype (FP16, BF16) that can only be raw. Raises UnimplementedError for a dtype that the protocol has no name of.
    """
    found = pb.ModelInferResponse(model_name=name, model_version=str(version), id=request.id)
    parts: list[bytes | memoryview] = []
    whole = raw or not all(tensors.has_contents(array) for array in outputs.values())
    for alias, array in outputs.items():
        datatype = datatypes.name_of(dtypes.from_numpy(array.dtype))
        tensor = found.outputs.add(name=alias, datatype=datatype, shape=array.shape)
        if whole:
            parts.append(tensors.to_raw(array))
        else:
            tensors.fill_contents(tensor.contents, array)
    return found, parts


def serialized(message: pb.ModelInferResponse, raw: list[bytes | memoryview]) -> bytes:
    """The bytes of an answer with its raw contents."""
    pieces: list[bytes | memoryview] = [message.SerializeToString()]
    for part in raw:
        pieces += (_RAW_OUTPUT_TAG, coding.put_varint(len(part)), part)
    return b"".join(pieces)


def streamed(answer: bytes) -> bytes:
    """A ModelStreamInferResponse that holds an answer; both serialized."""
    return b"".join((_INFER_RESPONSE_TAG, coding.put_varint(len(answer)), answer))
