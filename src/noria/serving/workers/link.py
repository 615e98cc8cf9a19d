"""A worker's end of the channel: asks all other workers a question, and answers theirs."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping

from noria.errors import TFError
from noria.serving.workers.channel import Channel, Header
from noria.serving.workers.hub import FAILED, OK, Reply, parse_replies

_LOG = logging.getLogger(__name__)

Handler = Callable[[bytes], Awaitable[bytes]]


class Link:
    """handlers: by question; what one raises is told to the asker.

    draining: called when the whole server is to stop; lost: when the supervisor is gone; missed: awaited with what was
    ordered while this worker got ready.
    """

    def __init__(
        self,
        channel: Channel,
        handlers: Mapping[str, Handler],
        *,
        draining: Callable[[], None],
        lost: Callable[[], None],
        missed: Callable[[Header, bytes], Awaitable[None]] | None = None,
    ) -> None:
        self._channel = channel
        self._handlers = handlers
        self._draining = draining
        self._lost = lost
        self._missed = missed
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[tuple[Header, bytes]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._keep(self._receive())

    def up(self) -> None:
        """Tells the supervisor that this worker's ports are open."""
        self._channel.send({"up": True})

    def ready(self, line: str) -> None:
        """Tells the supervisor that this worker's models have settled; ``line`` is what a server says then."""
        self._channel.send({"ready": line})

    def reloaded(self, request: bytes) -> None:
        """Tells the supervisor which configuration is in force, for workers to come."""
        self._channel.send({"reloaded": True}, request)

    def configured(self, names: Iterable[str]) -> None:
        """Tells the supervisor which models there are now: what was said of others is void."""
        self._channel.send({"configured": list(names)})

    async def ask(self, what: str, payload: bytes, seconds: float) -> tuple[list[Reply], bytes]:
        """The replies of all other workers, and what the supervisor adds to them. ``seconds`` bounds the wait."""
        number = next(self._numbers)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Header, bytes]] = loop.create_future()
        self._waiting[number] = future
        self._channel.send({"ask": what, "id": number, "seconds": seconds}, payload)
        timer = loop.call_later(seconds + 1, _give_up, future)  # asyncio.timeout needs a task, see ``eager.start``
        try:
            return parse_replies(*await future)
        finally:
            timer.cancel()
            del self._waiting[number]

    async def _receive(self) -> None:
        while (message := await self._channel.receive()) is not None:
            header, payload = message
            if "answers" in header:
                future = self._waiting.get(header["answers"])
                if future is not None and not future.done():
                    future.set_result(message)
            elif "draining" in header:
                self._draining()
            elif "hello" in header:
                if self._missed is not None:
                    self._keep(self._missed(header, payload))
            else:
                self._keep(self._answer(header, payload))
        self._lost()

    async def _answer(self, header: Header, payload: bytes) -> None:
        outcome, text, answer = OK, "", b""
        try:
            answer = await self._handlers[header["asked"]](payload)
        except TFError as error:
            outcome, text = FAILED, error.message
        except Exception as error:
            _LOG.exception("the question %r of another worker failed", header["asked"])
            outcome, text = FAILED, f"{type(error).__name__}: {error}"
        self._channel.send({"reply": header["id"], "outcome": outcome, "text": text}, answer)

    def _keep(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _give_up(future: asyncio.Future[tuple[Header, bytes]]) -> None:
    if not future.done():
        future.set_exception(TimeoutError("the supervisor did not answer"))
