"""What is asked so often that one answer serves all who ask within a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """The answer of ``ask``, good for ``seconds`` from when it came. On one event loop.

    While it is being asked for, all wait for the same answer, so that never more than one question is under way.
    """

    def __init__(self, ask: Callable[[], Awaitable[T]], seconds: float) -> None:
        self._ask = ask
        self._seconds = seconds
        self._asking: asyncio.Task[T] | None = None
        self._until = 0.0

    async def get(self, *, new: bool = False) -> T:
        """The answer; raises what ``ask`` raises, which is not remembered. new: not one that came before this call."""
        asking = self._asking
        if asking is None or (asking.done() and (new or time.monotonic() >= self._until)):
            asking = self._asking = asyncio.create_task(self._renewed())
        return await asyncio.shield(asking)  # one who goes away takes the answer from nobody

    def forget(self) -> None:
        """The next one asks anew, even where a question is under way."""
        self._asking = None

    async def _renewed(self) -> T:
        self._until = 0.0
        answer = await self._ask()
        self._until = time.monotonic() + self._seconds
        return answer
