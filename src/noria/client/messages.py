"""Requests and answers of ``tensorflow.serving``, as bytes.

A PredictRequest is put together as it stands on the wire, because a message object would copy every tensor three times:

    1  model_spec     ModelSpec: 1 name, 2 version (Int64Value: 1), 3 signature_name, 4 version_label
    2  inputs         map entry: 1 alias, 2 TensorProto
    3  output_filter  alias

Tensors travel as ``tensor_content``, the array's own bytes; strings as ``string_val``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError, Message

from noria import dtypes
from noria.client.answers import Metadata, SignatureInfo, TensorInfo, VersionStatus
from noria.client.exchange import error_of
from noria.client.target import Target
from noria.dtypes import DType
from noria.errors import Code, InternalError, InvalidArgumentError
from noria.formats import coding, tensor_proto
from noria.formats.example import make_example
from noria.protos import serving as pb
from noria.protos import tensorflow as tf

Array = np.ndarray[Any, np.dtype[Any]]
Example = Mapping[str, Any] | bytes

SIGNATURE_DEF: Final = "signature_def"
DEFAULT_SIGNATURE: Final = "serving_default"
METHODS: Final = {"classify": "tensorflow/serving/classify", "regress": "tensorflow/serving/regress"}


def _piece(number: int, *parts: Any) -> bytes:
    """Field ``number`` with the bytes of ``parts``."""
    size = sum(len(part) for part in parts)
    return b"".join((coding.put_varint(number << 3 | 2), coding.put_varint(size), *parts))


@lru_cache(maxsize=256)
def spec(target: Target) -> bytes:
    """A serialized ModelSpec."""
    message = pb.ModelSpec(name=target.model, signature_name=target.signature)
    if target.version is not None:
        message.version.value = target.version
    elif target.label is not None:
        message.version_label = target.label
    return message.SerializeToString()


def predict_request(target: Target, inputs: Mapping[str, Array], outputs: Sequence[str]) -> bytes:
    """A serialized PredictRequest."""
    pieces: list[Any] = [_piece(1, spec(target))]
    for alias, array in inputs.items():
        try:
            parts = tensor_proto.serialized(array, content=True)
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"input {alias!r}: {error}") from None
        size = sum(map(len, parts))
        name = _piece(1, alias.encode())
        head = b"\x12" + coding.put_varint(size)  # field 2 of the entry
        pieces += (b"\x12", coding.put_varint(len(name) + len(head) + size), name, head, *parts)
    pieces += (_piece(3, alias.encode()) for alias in outputs)
    return b"".join(pieces)


def predict_answer(body: bytes) -> dict[str, Array]:
    """The outputs of a serialized PredictResponse."""
    outputs = parsed(pb.PredictResponse, body).outputs
    return {alias: tensor_proto.to_array(outputs[alias]) for alias in outputs}


def parsed(message: Any, body: bytes) -> Any:
    """The message in ``body``. Raises InternalError when it is none: what answered is no model server."""
    try:
        return message.FromString(body)
    except DecodeError as error:
        raise InternalError(f"the server's answer is no {message.DESCRIPTOR.full_name}: {error}") from None


def example(given: Example) -> bytes:
    """A serialized tf.Example of features, or one that is serialized already."""
    if isinstance(given, bytes):
        return given
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise InvalidArgumentError(
            "examples are a list, each of them features by name or a serialized tf.Example; got "
            f"{type(given).__name__} among them"
        )
    return make_example(given)


def input_of(examples: Iterable[Example], context: Example | None) -> bytes:
    """A serialized Input: 1 example_list {1 examples}, or 2 example_list_with_context {1 examples, 2 context}."""
    listed = b"".join(_piece(1, example(given)) for given in examples)
    return _piece(1, listed) if context is None else _piece(2, listed, _piece(2, example(context)))


def example_request(target: Target, examples: Iterable[Example], context: Example | None) -> bytes:
    """A serialized ClassificationRequest or RegressionRequest: 1 model_spec, 2 input."""
    return _piece(1, spec(target)) + _piece(2, input_of(examples, context))


def multi_request(
    target: Target, tasks: Sequence[tuple[str, str]], examples: Iterable[Example], context: Example | None
) -> bytes:
    """A serialized MultiInferenceRequest: 1 tasks {1 model_spec, 2 method_name}, 2 input.

    tasks: (signature, method).
    """
    pieces = []
    for signature, method in tasks:
        if method not in METHODS:
            raise InvalidArgumentError(f"a task's method is {' or '.join(METHODS)}; got {method!r}")
        task = _piece(1, spec(target._replace(signature=signature))), _piece(2, METHODS[method].encode())
        pieces.append(_piece(1, *task))
    return b"".join(pieces) + _piece(2, input_of(examples, context))


def classes(result: Any) -> list[list[tuple[str, float]]]:
    """A ClassificationResult: for each example its (label, score) pairs."""
    return [[(found.label, found.score) for found in row.classes] for row in result.classifications]


def values(result: Any) -> Array:
    """A RegressionResult: float32, one for each example."""
    return np.array([row.value for row in result.regressions], np.float32)


def metadata_request(target: Target) -> bytes:
    """A serialized GetModelMetadataRequest: 1 model_spec, 2 metadata_field."""
    return _piece(1, spec(target._replace(signature=""))) + _piece(2, SIGNATURE_DEF.encode())


def metadata_answer(body: bytes) -> Metadata:
    """The signatures in a serialized GetModelMetadataResponse."""
    response = parsed(pb.GetModelMetadataResponse, body)
    found = parsed(pb.SignatureDefMap, response.metadata[SIGNATURE_DEF].value).signature_def
    signatures = {
        name: SignatureInfo(name, found[name].method_name, _infos(found[name].inputs), _infos(found[name].outputs))
        for name in sorted(found)
    }
    return Metadata(response.model_spec.name, response.model_spec.version.value, signatures)


def _infos(tensors: Mapping[str, tf.TensorInfo]) -> dict[str, TensorInfo]:
    found = {}
    for alias in sorted(tensors):
        info = tensors[alias]
        sizes = [dim.size for dim in info.tensor_shape.dim]
        found[alias] = tensor_info(info.name, dtype_of(info.dtype), sizes, info.tensor_shape.unknown_rank)
    return found


def dtype_of(known: int | str) -> DType:
    """The dtype of a number or a name; what a newer TensorFlow calls by one that is not known here is a variant."""
    try:
        return dtypes.from_number(known) if isinstance(known, int) else dtypes.from_name(known)
    except InvalidArgumentError:
        return dtypes.variant


def tensor_info(tensor: str, dtype: DType, sizes: Sequence[int], unknown_rank: bool) -> TensorInfo:
    """The info with -1 as None."""
    return TensorInfo(tensor, dtype, None if unknown_rank else tuple(None if n < 0 else n for n in sizes))


def status_request(target: Target) -> bytes:
    """A serialized GetModelStatusRequest: 1 model_spec."""
    return _piece(1, spec(target))


def status_answer(body: bytes) -> list[VersionStatus]:
    """The versions in a serialized GetModelStatusResponse."""
    states = pb.ModelVersionStatus.State
    return [
        VersionStatus(row.version, states.Name(row.state), code_of(row.status.error_code), row.status.error_message)
        for row in parsed(pb.GetModelStatusResponse, body).model_version_status
    ]


def code_of(known: int | str) -> Code:
    """A status code of its number or its name; UNKNOWN for one that does not exist."""
    try:
        return Code(known) if isinstance(known, int) else Code[known]
    except (ValueError, KeyError):
        return Code.UNKNOWN


def reload_request(config: Any) -> bytes:
    """A serialized ReloadConfigRequest: 1 config. config: a ModelServerConfig, or its text form."""
    if isinstance(config, str):
        from noria.formats.proto_file import parse_text  # text is read by this call alone

        config = parse_text(pb.ModelServerConfig, config.encode(), "the configuration")
    if not isinstance(config, Message):
        raise InvalidArgumentError(f"a configuration is a ModelServerConfig, or its text form; got {config!r}")
    return _piece(1, config.SerializeToString())


def reload_answer(body: bytes) -> None:
    """Raises what a serialized ReloadConfigResponse says went wrong."""
    status = parsed(pb.ReloadConfigResponse, body).status
    if status.error_code:
        raise error_of(status.error_code, status.error_message)
