"""The calls over REST: TensorFlow Serving's URLs and JSON.

A server that lists its models under ``/v1/models``, which TensorFlow Serving refuses, is Noria's: it takes and gives
the messages of gRPC as bodies too, and those it is sent from then on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar
from urllib.parse import quote

from noria.client import messages, rest_json, values
from noria.client.answers import Metadata, VersionStatus
from noria.client.exchange import Exchange, Reply, Talk
from noria.client.messages import Array, Example
from noria.client.protocol import Calls, Classes
from noria.client.target import Target
from noria.errors import (
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    TFError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
)

T = TypeVar("T")

JSON: Final = "application/json"
PROTO: Final = "application/x-protobuf"
_MODELS: Final = "/v1/models"
_ASK_SECONDS: Final = 60.0
# What reading an answer of another form raises.
_MISFITS: Final = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError)


def _parsed(parse: Callable[[bytes], T], reply: Reply) -> T:
    """What an answer says. Raises InternalError for one of another form: what answered is no model server."""
    try:
        return parse(reply.body)
    except _MISFITS as error:
        if isinstance(error, TFError):
            raise
        raise InternalError(f"the server's answer has an unexpected form: {type(error).__name__}: {error}") from None


class RestCalls(Calls):
    """The calls over REST. prefix: a path before ``/v1``."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self._root = quote(prefix, safe="/%:@!$&'()*+,;=~") + _MODELS
        self._ask_after = 0.0  # on time.monotonic
        self._binary: bool | None = None  # whether messages are taken as bodies; None until it is known

    def _path(self, target: Target, after: str = "") -> str:
        path = f"{self._root}/{quote(target.model, safe='')}"
        if target.version is not None:
            path += f"/versions/{target.version}"
        elif target.label is not None:
            path += f"/labels/{quote(target.label, safe='')}"
        return path + after

    def predict(self, target: Target, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Talk[dict[str, Array]]:
        if not target.model:
            raise InvalidArgumentError("the model's name is empty")
        binary = self._binary
        if binary is None and time.monotonic() >= self._ask_after:
            binary = yield from self._takes_messages()
        if binary:
            found = yield from self._predict_binary(target, inputs, outputs)
            if found is not None:
                return found
        return (yield from self._predict_json(target, inputs, outputs))

    def _takes_messages(self) -> Talk[bool]:
        """Asks the server, once; one that did not say is taken for TensorFlow Serving, and asked again in a minute."""
        try:
            yield from self.models()
        except (InvalidArgumentError, NotFoundError, UnimplementedError):
            self._binary = False
        except PermissionDeniedError:
            self._binary = True  # a server that knows tokens is not TensorFlow Serving; if it is, it will say so
        except (UnavailableError, UnauthenticatedError, DeadlineExceededError):
            raise  # as the request itself would
        except TFError:
            self._ask_after = time.monotonic() + _ASK_SECONDS
        else:
            self._binary = True
        return bool(self._binary)

    def _predict_binary(
        self, target: Target, inputs: Mapping[str, Any], outputs: Sequence[str]
    ) -> Talk[dict[str, Array] | None]:
        """None where it turns out that the server takes JSON only, as one of several behind an address may."""
        arrays = values.arrays_of(inputs)
        if arrays is None:
            arrays = values.bind(inputs, (yield from self.signature(target)))
        body = messages.predict_request(target, arrays, outputs)
        try:
            reply = yield Exchange("POST", self._path(target, ":predict"), body, PROTO)
        except InvalidArgumentError as error:
            if not error.message.startswith("JSON "):
                raise
            self._binary = False
            return None
        if reply.content != PROTO:
            self._binary = False
            return None
        return messages.predict_answer(reply.body)

    def _predict_json(
        self, target: Target, inputs: Mapping[str, Any], outputs: Sequence[str]
    ) -> Talk[dict[str, Array]]:
        signature = yield from self.signature(target)
        if unknown := [alias for alias in outputs if alias not in signature.outputs]:
            raise InvalidArgumentError(
                f"signature {signature.name!r} has no output {', '.join(unknown)}; it has: "
                f"{', '.join(signature.outputs)}"
            )
        body = rest_json.predict_body(signature, values.bind(inputs, signature), target.signature)
        reply = yield Exchange("POST", self._path(target, ":predict"), body, JSON)
        try:
            found = rest_json.predict_answer(reply.body, signature)
        except _MISFITS:
            # Another version, with another signature, may have taken over since it was asked for.
            signature = yield from self.signature(target, fresh=True)
            try:
                found = rest_json.predict_answer(reply.body, signature)
            except _MISFITS as error:
                raise InternalError(
                    f"the answer does not fit the outputs of signature {signature.name!r}: {error}"
                ) from None
        return {alias: found[alias] for alias in outputs} if outputs else found

    def classify(self, target: Target, examples: Iterable[Example], context: Example | None) -> Talk[Classes]:
        body = rest_json.examples_body(examples, context, target.signature)
        reply = yield Exchange("POST", self._path(target, ":classify"), body, JSON)
        return _parsed(rest_json.classes, reply)

    def regress(self, target: Target, examples: Iterable[Example], context: Example | None) -> Talk[Array]:
        body = rest_json.examples_body(examples, context, target.signature)
        reply = yield Exchange("POST", self._path(target, ":regress"), body, JSON)
        return _parsed(rest_json.values_of, reply)

    def multi_inference(
        self, target: Target, tasks: Sequence[tuple[str, str]], examples: Iterable[Example], context: Example | None
    ) -> Talk[list[Classes | Array]]:
        raise UnimplementedError("REST has no MultiInference; use the server's gRPC address")
        yield  # which makes it a generator, as the others

    def metadata(self, target: Target) -> Talk[Metadata]:
        reply = yield Exchange("GET", self._path(target, "/metadata"))
        return _parsed(rest_json.metadata, reply)

    def status(self, target: Target) -> Talk[list[VersionStatus]]:
        reply = yield Exchange("GET", self._path(target))
        return _parsed(rest_json.status, reply)

    def models(self) -> Talk[list[dict[str, Any]]]:
        try:
            reply = yield Exchange("GET", self._root)
        except (InvalidArgumentError, NotFoundError) as error:
            raise UnimplementedError(
                f"this server, like TensorFlow Serving, does not list its models; ask for one by its name ({error})"
            ) from None
        return _parsed(rest_json.models, reply)

    def reload(self, config: Any) -> Talk[None]:
        raise UnimplementedError("REST has no reload; use the server's gRPC address")
        yield  # as above
