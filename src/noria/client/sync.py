"""The client for blocking calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from noria.client import address, options, retry
from noria.client.address import Address
from noria.client.exchange import Transport
from noria.client.options import Options, Pem
from noria.client.target import target as target_of

if TYPE_CHECKING:
    from noria.client.answers import Metadata, VersionStatus
    from noria.client.exchange import Talk
    from noria.client.messages import Array, Example
    from noria.client.protocol import Calls, Classes

T = TypeVar("T")

DEFAULT_TIMEOUT: Final = 60.0
DEFAULT_RETRIES: Final = 5


def calls_of(place: Address) -> Calls:
    """The calls for an address."""
    # NumPy and protobuf take longer to import than all else here: a program pays when it makes a client.
    if place.rest:
        from noria.client.rest_calls import RestCalls

        return RestCalls(place.prefix)
    from noria.client.grpc_calls import GrpcCalls

    return GrpcCalls()


def _transport(place: Address, given: Options) -> Transport:
    # gRPC is not imported, and need not be installed, for REST.
    if place.rest:
        from noria.client.http_transport import HttpTransport

        return HttpTransport(place, given)
    from noria.client.grpc_transport import GrpcTransport

    return GrpcTransport(place, given)


class Client:
    """A client of one server, for any number of threads; a context manager.

    url: ``host:8500``, ``grpc://``, ``grpcs://``, ``unix:/path`` or ``http://``, ``https://`` (``address``).
    timeout: seconds a call may take, retries included, where it does not say itself; None for no limit. retries: how
    often a request is sent again when the server is unavailable; reloads never are. A model that changes with every
    call (a counter) should be asked with 0, for a request may have arrived though its answer was lost. token: a bearer
    token. ca, cert, key: PEM files, or their content as bytes; server_name: the name in the server's certificate, where
    it is not the host's.

    Calls raise the errors of ``noria.errors`` with the server's own words. Arrays are sent as they are; Python numbers,
    strings and lists of them take the dtype of the signature, which is asked for when they first come.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        retries: int = DEFAULT_RETRIES,
        token: str | None = None,
        ca: Pem | None = None,
        cert: Pem | None = None,
        key: Pem | None = None,
        server_name: str | None = None,
    ) -> None:
        place = address.parse(url)
        given = options.make(token, ca, cert, key, server_name, retries)
        self.url = url
        self._timeout = math.inf if timeout is None else timeout
        self._retries = given.retries
        self._calls = calls_of(place)
        self._transport = _transport(place, given)

    def _run(self, talk: Talk[T], timeout: float | None) -> T:
        return retry.run(talk, self._transport, self._retries, self._timeout if timeout is None else timeout)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        version: int | None = None,
        label: str | None = None,
        signature: str = "",
        outputs: Sequence[str] = (),
        timeout: float | None = None,
    ) -> dict[str, Array]:
        """The outputs of a signature by alias; strings are object arrays of bytes.

        inputs: by alias; version or label: which version, else the newest; signature: else ``serving_default``;
        outputs: only these; timeout: seconds, retries included.
        """
        target = target_of(model, version, label, signature)
        return self._run(self._calls.predict(target, inputs, outputs), timeout)

    def classify(
        self,
        model: str,
        examples: Iterable[Example],
        *,
        context: Example | None = None,
        version: int | None = None,
        label: str | None = None,
        signature: str = "",
        timeout: float | None = None,
    ) -> Classes:
        """For each example its (label, score) pairs.

        examples: dicts of features (a value or a list: numbers, bytes or str), or serialized ``tf.Example``; context:
        features that all of them share.
        """
        target = target_of(model, version, label, signature)
        return self._run(self._calls.classify(target, examples, context), timeout)

    def regress(
        self,
        model: str,
        examples: Iterable[Example],
        *,
        context: Example | None = None,
        version: int | None = None,
        label: str | None = None,
        signature: str = "",
        timeout: float | None = None,
    ) -> Array:
        """One float32 for each example; the arguments are those of ``classify``."""
        target = target_of(model, version, label, signature)
        return self._run(self._calls.regress(target, examples, context), timeout)

    def multi_inference(
        self,
        model: str,
        examples: Iterable[Example],
        tasks: Sequence[tuple[str, str]],
        *,
        context: Example | None = None,
        version: int | None = None,
        label: str | None = None,
        timeout: float | None = None,
    ) -> list[Classes | Array]:
        """The results of several (signature, ``classify`` or ``regress``) on the same examples; gRPC only."""
        target = target_of(model, version, label, "")
        return self._run(self._calls.multi_inference(target, tasks, examples, context), timeout)

    def metadata(
        self, model: str, *, version: int | None = None, label: str | None = None, timeout: float | None = None
    ) -> Metadata:
        """The signatures of a version."""
        return self._run(self._calls.metadata(target_of(model, version, label, "")), timeout)

    def status(self, model: str, *, version: int | None = None, timeout: float | None = None) -> list[VersionStatus]:
        """The state of every version, or of one."""
        return self._run(self._calls.status(target_of(model, version, None, "")), timeout)

    def models(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """The models of the server as ``GET /v1/models`` lists them; of Noria's server only, over REST."""
        return self._run(self._calls.models(), timeout)

    def reload(self, config: Any, *, timeout: float | None = None) -> None:
        """Serves the models of ``config`` from now on; gRPC only.

        config: a ``noria.protos.serving.ModelServerConfig``, or its text form. Returns when they are loaded.
        """
        self._run(self._calls.reload(config), timeout)

    def close(self) -> None:
        """Closes the connections; calls made from now on fail."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
