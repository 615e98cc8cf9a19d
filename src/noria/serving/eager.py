"""Coroutines that are run at once as far as they go, and become tasks only where they wait for another turn.

Inside, a coroutine that has not become a task yet may await a ``Pause``: it is then left as it is, and gone on with by
whoever resumes the pause in the same turn of the loop.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Pause:
    """What a coroutine that ``start`` runs can wait for without a task; to be resumed once, in the same turn.

    then: called with what ``start`` would have returned had there been no pause; set by who called ``start``.
    """

    __slots__ = ("_context", "_coroutine", "_loop", "then")

    def __init__(self) -> None:
        self.then: Callable[[Any], None] | None = None

    def __await__(self) -> Generator[Any, Any, Any]:
        return (yield self)

    def hold(
        self, coroutine: Coroutine[Any, Any, Any], context: contextvars.Context, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Keeps the coroutine that waits."""
        self._coroutine, self._context, self._loop = coroutine, context, loop

    def resume(self, value: Any) -> None:
        """Goes on, with ``value`` as what was waited for."""
        self._go_on(self._coroutine.send, value)

    def fail(self, error: Exception) -> None:
        """Goes on, with ``error`` raised."""
        self._go_on(self._coroutine.throw, error)

    def _go_on(self, step: Callable[[Any], Any], argument: Any) -> None:
        then = self.then
        assert then is not None
        then(_step(step, argument, self._coroutine, self._context, self._loop))


def start(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    """Runs a coroutine up to its first wait: what it returns, the ``Pause`` it waits for, or the future of it.

    An error is a future's, too. It runs in a context of its own, so that variables it sets do not reach the next
    request. Up to its first wait it is in no task: ``asyncio.timeout`` and ``wait_for`` do not work there.
    """
    return _step(coroutine.send, None, coroutine, contextvars.copy_context(), loop)


def _step(
    step: Callable[[Any], Any],
    argument: Any,
    coroutine: Coroutine[Any, Any, Any],
    context: contextvars.Context,
    loop: asyncio.AbstractEventLoop,
) -> Any:
    try:
        waits_for = context.run(step, argument)
    except StopIteration as end:
        return end.value
    except (Exception, asyncio.CancelledError) as error:
        return _failed(error, loop)
    if type(waits_for) is Pause:
        waits_for.hold(coroutine, context, loop)
        return waits_for
    return loop.create_task(_Rest(coroutine, waits_for), context=context)


def _failed(error: BaseException, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Any]:
    """The future of an error; made here, as the error holds the frames that it has gone through, and these no cycle."""
    found: asyncio.Future[Any] = loop.create_future()
    if isinstance(error, asyncio.CancelledError):
        found.cancel()
    else:
        found.set_exception(error)
    return found


class _Rest(Coroutine[Any, Any, Any]):
    """The rest of a coroutine that has been run up to its first wait, for a task of its own.

    A task that is cancelled before its first step would not run a coroutine at all; this one is told all the same, and
    so is the future that it waits for.
    """

    __slots__ = ("_coroutine", "_waiting", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for
        self._waiting = False  # the task knows what for

    def send(self, value: Any) -> Any:
        if self._waiting:
            return self._coroutine.send(value)
        self._waiting = True
        waits_for, self._waits_for = self._waits_for, None
        return waits_for

    def throw(self, *error: Any) -> Any:
        if not self._waiting:
            self._waiting = True
            waits_for, self._waits_for = self._waits_for, None
            if isinstance(waits_for, asyncio.Future):
                waits_for.cancel()
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise NotImplementedError("it is for a task")
