"""Coroutines that are run at once as far as they go, and become tasks only where they wait."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Callable, Coroutine, Generator
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
    except Exception as error:
        failed: asyncio.Future[Any] = loop.create_future()
        failed.set_exception(error)
        return failed
    return loop.create_task(_rest(coroutine, waits_for), context=context)


async def _rest(coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> Any:
    """The rest of a coroutine that has been run up to its first wait, as a task of its own."""
    return await _Resumed(coroutine, waits_for)


class _Resumed:
    """Waits for what the coroutine waits for, then goes on with it."""

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waits_for: Any) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                value = yield waits_for
            except BaseException as error:
                step: Callable[[Any], Any] = self._coroutine.throw
                argument: Any = error
            else:
                step, argument = self._coroutine.send, value
            try:
                waits_for = step(argument)
            except StopIteration as end:
                return end.value
