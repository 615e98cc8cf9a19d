"""One call on a connection: what has come of it, and what is still to go out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Self

from noria.serving.http2.wire import Head, Incoming
from noria.serving.rpc import Method, Unary

_IN_A_ROW: Final = 8  # messages of a stream that are worked on before others have their turn
_AHEAD: Final = 16  # messages of a stream that wait for the method; the client is given no more room beyond


class Stream:
    """A call. Attributes:

    head, method: what is asked for; message: the one request of a unary method; incoming: requests whose bytes are not
    whole; ended: the client has sent all; gone: nobody waits for an answer; window: bytes the client has room for;
    owed: bytes that came and for which the client has been given no new room; got: bytes that came of a request that
    is not whole in its first frame; since: when the message at hand began to come, or when the answer last moved;
    opened: the head of the answer is out; out: bytes of the answer that wait for room, in order; tail: the frame that
    ends the answer, once it is known.
    """

    __slots__ = (
        "ended", "gone", "got", "head", "id", "incoming", "message", "method", "opened", "out", "owed", "ready",
        "room", "since", "tail", "task", "timer", "window",
    )  # fmt: skip

    def __init__(self, id: int, head: Head, method: Method | None, window: int, since: float) -> None:
        self.id = id
        self.head = head
        self.method = method
        self.window = window
        self.since = since
        self.message: bytes | None = None
        self.incoming: Incoming | None = None
        self.ended = self.gone = self.opened = False
        self.owed = self.got = 0
        self.out: deque[memoryview] = deque()
        self.tail: bytes | None = None
        self.task: asyncio.Future[Any] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.ready: asyncio.Future[None] | None = None  # of a streaming method that waits for a request
        self.room: asyncio.Future[None] | None = None  # of one that waits until its answers are out

    def wake(self) -> None:
        """Lets a streaming method look for requests again."""
        if self.ready is not None and not self.ready.done():
            self.ready.set_result(None)

    def emptied(self) -> None:
        """All that was to go out is out."""
        if self.room is not None and not self.room.done():
            self.room.set_result(None)

    @property
    def crowded(self) -> bool:
        """Whether so many requests wait for the method that the client is to wait."""
        return self.incoming is not None and len(self.incoming.messages) >= _AHEAD

    @property
    def waits_for_bytes(self) -> bool:
        """Whether the client has begun a message and owes the rest, or owes the request of a unary method."""
        if self.ended:
            return False
        partial = self.incoming is not None and self.incoming.partial
        return partial or type(self.method) is Unary

    @property
    def come(self) -> int:
        """Bytes of the message at hand that have come."""
        return 0 if self.incoming is None else self.incoming.size

    def stop(self) -> None:
        """Nobody waits for the answer any more: ends what works on it."""
        self.gone = True
        self.out.clear()
        if self.timer is not None:
            self.timer.cancel()
        if self.task is not None:
            self.task.cancel()


class Requests:
    """The requests of a streaming method, as they come. taken: called with the stream after each that is taken.

    A client may send hundreds of thousands of them at once: every few of them, whatever else the loop has to do goes
    first.
    """

    __slots__ = ("_in_a_row", "_loop", "_stream", "_taken")

    def __init__(self, stream: Stream, loop: asyncio.AbstractEventLoop, taken: Callable[[Stream], None]) -> None:
        self._stream = stream
        self._loop = loop
        self._taken = taken
        self._in_a_row = 0  # requests that were taken without a wait

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """The next request. Raises ResourceExhaustedError or InternalError for one that cannot be inflated."""
        stream = self._stream
        incoming = stream.incoming
        assert incoming is not None
        while not incoming.messages:
            if stream.ended:
                raise StopAsyncIteration
            stream.ready = self._loop.create_future()
            await stream.ready
            stream.ready = None
            self._in_a_row = 0
        self._in_a_row += 1
        if self._in_a_row > _IN_A_ROW:
            self._in_a_row = 1
            await asyncio.sleep(0)
        if incoming.heavy:
            message = await self._loop.run_in_executor(None, incoming.take)
        else:
            message = incoming.take()
        self._taken(stream)
        return message
