"""Coroutines that are run at once as far as they go, and become tasks only where they wait."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Coroutine, Generator
from typing import Any, Final

_EAGER: Final = sys.version_info >= (3, 12)  # asyncio does it itself


def start(coroutine: Coroutine[Any, Any, Any], loop: asyncio.AbstractEventLoop) -> Any:
    """Runs a coroutine up to its first wait: what it returns, or the future of it; an error is a future's, too.

    It runs in a context of its own, so that variables it sets do not reach the next request.
    """
    context = contextvars.copy_context()
    if _EAGER:
        task: Any = asyncio.Task(coroutine, loop=loop, context=context, eager_start=True)  # type: ignore[call-arg]
        return task.result() if task.done() and not task.cancelled() and task.exception() is None else task
    try:
        waits_for = context.run(coroutine.send, None)
    except StopIteration as end:
        return end.value
    except (Exception, asyncio.CancelledError) as error:
        return _failed(error, loop)
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
