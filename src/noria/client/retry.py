"""Sends the exchanges of a call: again, later, while the server is unavailable and the deadline allows.

Before the n-th repetition a call waits a random time of up to ``first * 2**n`` seconds, never more than ``longest``:
clients that failed together do not come back together. A wait that would pass the deadline is not begun; the caller
gets the server's own error then.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Final, NamedTuple, TypeVar

from noria.client.exchange import AsyncTransport, Exchange, Reply, Talk, Transport
from noria.errors import DeadlineExceededError, InvalidArgumentError, UnavailableError

T = TypeVar("T")

_LONGEST: Final = 1e6  # seconds; sockets and gRPC overflow at some months, and so at "no limit"


class Retries(NamedTuple):
    """How often, and after which waits (seconds), a repeatable exchange is sent again."""

    times: int = 5
    first: float = 0.1
    longest: float = 2.0

    def waits(self) -> Iterator[float]:
        """Seconds before each repetition."""
        for n in range(self.times):
            yield random.uniform(0.0, min(self.first * 2.0 ** min(n, 64), self.longest))


def run(talk: Talk[T], transport: Transport, retries: Retries, timeout: float) -> T:
    """The result of a call. timeout: seconds for all of it, or infinity. Raises errors of ``noria.errors``."""
    deadline = _deadline(timeout)
    try:
        exchange = next(talk)
        while True:
            try:
                reply = _send(exchange, transport, retries, deadline)
            except Exception as error:
                exchange = talk.throw(error)  # a call may know what to do instead
            else:
                exchange = talk.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result
    except UnicodeEncodeError as error:
        raise _unsendable(error) from None


def _send(exchange: Exchange, transport: Transport, retries: Retries, deadline: float) -> Reply:
    waits = retries.waits() if exchange.repeatable else iter(())
    while True:
        try:
            return transport.send(exchange, _left(deadline))
        except UnavailableError:
            wait = next(waits, None)
            if wait is None or time.monotonic() + wait >= deadline:
                raise
        transport.pause(wait)


async def run_async(talk: Talk[T], transport: AsyncTransport, retries: Retries, timeout: float) -> T:
    """As ``run``, on an event loop."""
    deadline = _deadline(timeout)
    try:
        exchange = next(talk)
        while True:
            try:
                reply = await _send_async(exchange, transport, retries, deadline)
            except Exception as error:
                exchange = talk.throw(error)
            else:
                exchange = talk.send(reply)
    except StopIteration as end:
        result: T = end.value
        return result
    except UnicodeEncodeError as error:
        raise _unsendable(error) from None


async def _send_async(exchange: Exchange, transport: AsyncTransport, retries: Retries, deadline: float) -> Reply:
    import asyncio  # 30 ms of import, which only a program that runs a loop has paid already

    waits = retries.waits() if exchange.repeatable else iter(())
    while True:
        try:
            return await transport.send(exchange, _left(deadline))
        except UnavailableError:
            wait = next(waits, None)
            if wait is None or time.monotonic() + wait >= deadline:
                raise
        await asyncio.sleep(wait)


def _deadline(timeout: float) -> float:
    if timeout != timeout:
        raise InvalidArgumentError(f"a timeout is a number of seconds; got {timeout}")
    return time.monotonic() + timeout


def _unsendable(error: UnicodeEncodeError) -> InvalidArgumentError:
    return InvalidArgumentError(f"names and strings are sent as UTF-8, which {error.object!r} has no form in: {error}")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise DeadlineExceededError("the deadline passed before the request could be sent")
    return min(left, _LONGEST)
