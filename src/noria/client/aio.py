"""The client for event loops: that for blocking calls, awaited."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from noria.client import address, options, retry
from noria.client.address import Address
from noria.client.exchange import AsyncTransport
from noria.client.options import Options, Pem
from noria.client.sync import DEFAULT_RETRIES, DEFAULT_TIMEOUT, calls_of
from noria.client.target import target as target_of

if TYPE_CHECKING:
    from noria.client.answers import Metadata, VersionStatus
    from noria.client.exchange import Talk
    from noria.client.messages import Array, Example
    from noria.client.protocol import Classes

T = TypeVar("T")


def _transport(place: Address, given: Options) -> AsyncTransport:
    # gRPC is not imported, and need not be installed, for REST.
    if place.rest:
        from noria.client.http_transport import AsyncHttpTransport

        return AsyncHttpTransport(place, given)
    from noria.client.grpc_transport import AsyncGrpcTransport

    return AsyncGrpcTransport(place, given)


class AsyncClient:
    """``Client`` for an event loop: the same arguments, calls and errors, awaited; an asynchronous context manager.

    Made anywhere, used on one loop. Over gRPC a call is a task of the loop; over REST it waits in a thread.
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

    async def _run(self, talk: Talk[T], timeout: float | None) -> T:
        return await retry.run_async(
            talk, self._transport, self._retries, self._timeout if timeout is None else timeout
        )

    async def predict(
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
        """As ``Client.predict``."""
        target = target_of(model, version, label, signature)
        return await self._run(self._calls.predict(target, inputs, outputs), timeout)

    async def classify(
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
        """As ``Client.classify``."""
        target = target_of(model, version, label, signature)
        return await self._run(self._calls.classify(target, examples, context), timeout)

    async def regress(
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
        """As ``Client.regress``."""
        target = target_of(model, version, label, signature)
        return await self._run(self._calls.regress(target, examples, context), timeout)

    async def multi_inference(
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
        """As ``Client.multi_inference``."""
        target = target_of(model, version, label, "")
        return await self._run(self._calls.multi_inference(target, tasks, examples, context), timeout)

    async def metadata(
        self, model: str, *, version: int | None = None, label: str | None = None, timeout: float | None = None
    ) -> Metadata:
        """As ``Client.metadata``."""
        return await self._run(self._calls.metadata(target_of(model, version, label, "")), timeout)

    async def status(
        self, model: str, *, version: int | None = None, timeout: float | None = None
    ) -> list[VersionStatus]:
        """As ``Client.status``."""
        return await self._run(self._calls.status(target_of(model, version, None, "")), timeout)

    async def models(self, *, timeout: float | None = None) -> list[dict[str, Any]]:
        """As ``Client.models``."""
        return await self._run(self._calls.models(), timeout)

    async def reload(self, config: Any, *, timeout: float | None = None) -> None:
        """As ``Client.reload``."""
        await self._run(self._calls.reload(config), timeout)

    async def close(self) -> None:
        """Closes the connections; calls made from now on fail."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
