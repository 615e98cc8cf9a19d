"""Predict over REST in other forms than JSON: NumPy's files, and the messages of the gRPC API.

In, by Content-Type: ``application/x-npy`` or ``application/x-npz`` (one input as ``.npy``, several as ``.npz``; the
signature by the header ``X-Signature-Name``) and ``application/x-protobuf`` (a serialised ``PredictRequest``; the model
is the URL's). Out, by Accept: the same, or JSON in column form; a ``PredictRequest`` gets a ``PredictResponse`` unless
another is asked for. TensorFlow Serving looks at neither header, so only these names change anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from google.protobuf.message import DecodeError

from noria.errors import InvalidArgumentError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving import encode_json, npy, predict
from noria.serving.core import Core
from noria.serving.http1.messages import JSON, Header
from noria.serving.lifecycle.servable import Signature
from noria.serving.messages import is_long, predict_response
from noria.serving.routes import Route
from noria.serving.strict import StrictInputs

Array = np.ndarray[Any, np.dtype[Any]]

NPY: Final[Header] = (b"content-type", b"application/x-npy")
NPZ: Final[Header] = (b"content-type", b"application/x-npz")
PROTOBUF: Final[Header] = (b"content-type", b"application/x-protobuf")
NUMPY: Final = b"application/x-np"  # what the names of both begin with
_PROTOBUF_NAME, _JSON_NAME = PROTOBUF[1], JSON[1]
_SLOW: Final = 256 * 1024  # bytes from which reading or writing leaves the loop


def is_other(content_type: bytes) -> bool:
    """Whether a body of this type is one for ``Forms.predict``."""
    return content_type.startswith((NUMPY, _PROTOBUF_NAME))


class Forms:
    """Predict on bodies that are no JSON."""

    def __init__(self, core: Core) -> None:
        config = core.config
        self._manager = core.manager
        self._runner = core.runner
        self._limit = config.rest_api_max_body_bytes
        self._check_method = config.enable_signature_method_name_check
        self._strict = StrictInputs.of(config.strict_model_inputs)
        self._as_content = config.enable_serialization_as_tensor_content

    async def predict(
        self, route: Route, headers: Mapping[bytes, bytes], body: bytes, deadline: float | None
    ) -> tuple[Header, bytes]:
        """The content type and the body of the answer. Raises TFError."""
        as_proto = headers[b"content-type"].startswith(_PROTOBUF_NAME)
        request, given = pb.PredictRequest(), None
        if as_proto:
            request = await self._off_loop(len(body), _parse, body)
            name, output_filter = request.model_spec.signature_name, list(request.output_filter)
            if request.model_spec.name not in ("", route.name):
                raise InvalidArgumentError(
                    f"the PredictRequest asks for the model {request.model_spec.name!r}, the URL for {route.name!r}"
                )
        else:
            given = await self._off_loop(len(body), npy.decode, body, self._limit)
            name, output_filter = headers.get(b"x-signature-name", b"").decode("utf-8", "replace"), []
        with self._manager.handle(route.name, route.version, route.label) as servable:
            signature = predict.find_signature(servable.model, name, check_method=self._check_method)
            if given is None:
                arrays = predict.bind_inputs(signature, request.inputs, tensor_proto.to_array)
            else:
                arrays = _bind(signature, given)
            wanted = predict.check_filter(signature, output_filter)
            if self._strict is not None:
                self._strict.check(servable, signature, arrays)
            predict.check_dtypes(signature, arrays)
            outputs = await self._runner.run(servable, signature, arrays, wanted, deadline=deadline)
            accept = headers.get(b"accept", b"")
            if _PROTOBUF_NAME in accept or (as_proto and _JSON_NAME not in accept and NUMPY not in accept):
                arguments = servable, signature, outputs, self._as_content
                if is_long(outputs):
                    return PROTOBUF, await self._runner.call(predict_response, *arguments)
                return PROTOBUF, predict_response(*arguments)
        if NUMPY in accept:
            return await self.npy(outputs)
        return JSON, await self._off_loop(_size(outputs), encode_json.predict_response, outputs, False)

    async def npy(self, outputs: Mapping[str, Array]) -> tuple[Header, bytes]:
        """The outputs as NumPy's file, with its type."""
        return (NPY if len(outputs) == 1 else NPZ), await self._off_loop(_size(outputs), npy.encode, outputs)

    async def _off_loop(self, size: int, function: Any, *args: Any) -> Any:
        """``function(*args)``, in a worker thread where its work is on many bytes."""
        return await self._runner.call(function, *args) if size >= _SLOW else function(*args)


def _parse(body: bytes) -> pb.PredictRequest:
    try:
        return pb.PredictRequest.FromString(body)
    except DecodeError as error:
        raise InvalidArgumentError(f"the body is no tensorflow.serving.PredictRequest: {error}") from None


def _bind(signature: Signature, given: dict[str, Array] | Array) -> dict[str, Array]:
    if isinstance(given, np.ndarray):
        if len(signature.inputs) != 1:
            raise InvalidArgumentError(
                f"an .npy body is one input; the signature has {', '.join(sorted(signature.inputs)) or 'none'}. Send "
                "an .npz with one array for each"
            )
        given = {next(iter(signature.inputs)): given}
    arrays = predict.bind_inputs(signature, given, lambda array: array)
    return {alias: npy.typed(array, signature.inputs[alias].dtype) for alias, array in arrays.items()}


def _size(outputs: Mapping[str, Array]) -> int:
    return sum(array.nbytes for array in outputs.values())
