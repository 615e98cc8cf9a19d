"""Calls of the engine from several threads at the same time.

A call computes in the thread that makes it, helped by the engine's pool: every operation is cut into a part for each
thread, and ends when its last part does. For one call at a time nothing is faster. Several at a time would be more
threads than CPUs, each waiting for parts that another call keeps from running. So the first call runs as above, and
those beside it move whole into a thread of the pool, as many as it has: a thread with a call of its own takes no parts
of others, so that in the end each call computes alone and waits for nobody. (ResNet-50 on 2 CPUs: 1.1 to 1.5 times the
images a second of one call after the other, at any batch size.)

All calls use the same session, so its weights are there once, and an operation gives the same whoever computes it.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from noria.graph.graph import Array

LONG: Final = 2e-3  # seconds: a call that took less stays in its thread, for moving one takes some 0.1 ms
_PATIENCE: Final = 10.0  # seconds that the end of the process waits for calls in the pool

Feeds = Mapping[str, Array]


class Calls:
    """The long calls under way in this process. Thread-safe.

    helpers: how many threads the engine's pool has, beside the one that calls. closed: whether ``close`` was called.
    """

    def __init__(self, helpers: Callable[[], int]) -> None:
        self._helpers = helpers
        self._changed = threading.Condition(threading.Lock())
        self._here = 0  # calls that compute in the thread that made them
        self._away = 0  # calls in a thread of the pool
        self.closed = False

    def run(self, native: Any, outputs: list[str], feeds: Feeds) -> list[Array]:
        """The outputs of one call of a native session. Raises what the engine raises, or a RuntimeError of its text."""
        with self._changed:
            away = self._here > 0 and self._away < self._helpers() and not self.closed
            if away:
                self._away += 1
            else:
                self._here += 1
        if away:
            return self._run_away(native, outputs, feeds)
        try:
            found: list[Array] = native.run(outputs, feeds, None)
            return found
        finally:
            with self._changed:
                self._here -= 1

    def _run_away(self, native: Any, outputs: list[str], feeds: Feeds) -> list[Array]:
        ended = threading.Lock()
        ended.acquire()
        result: list[tuple[list[Array], str]] = []

        def done(found: list[Array], _: object, error: str) -> None:
            result.append((found, error))
            self._left()
            ended.release()

        try:
            # The engine reads the feeds where they lie, and keeps what is handed over with the callback: they must
            # outlive this frame, which an interrupt may end.
            native.run_async(outputs, feeds, done, tuple(feeds.values()), None)
        except BaseException:
            self._left()
            raise
        ended.acquire()
        found, error = result[0]
        if error:
            raise RuntimeError(error)
        return found

    def _left(self) -> None:
        with self._changed:
            self._away -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Moves no more calls, and waits for those in the pool: their threads cannot call back into Python once it
        is taken down.
        """
        with self._changed:
            self.closed = True
            self._changed.wait_for(lambda: not self._away, _PATIENCE)


def caller(
    native: Any, inputs: Sequence[str], outputs: list[str], calls: Calls, refused: Callable[[Exception], Exception]
) -> Callable[[Sequence[Array]], list[Array]]:
    """A function that runs a native session: the values of ``inputs`` → those of ``outputs``.

    refused: the error to raise for one of the engine's. Calls that take long, as far as the last one tells, go through
    ``calls``; the others cost two looks at the clock more than the engine's own.
    """
    run, clock = native.run, time.perf_counter
    name = inputs[0] if len(inputs) == 1 else None  # a literal is made in a fifth of the time
    long = False

    def call(values: Sequence[Array]) -> list[Array]:
        nonlocal long
        start = clock()
        feeds = {name: values[0]} if name is not None else dict(zip(inputs, values, strict=True))
        try:
            found: list[Array] = calls.run(native, outputs, feeds) if long else run(outputs, feeds, None)
        except Exception as error:
            raise refused(error) from error
        long = clock() - start > LONG
        return found

    return call


def for_process(helpers: Callable[[], int]) -> Calls:
    """``Calls`` that the end of the process waits for."""
    found = Calls(helpers)
    atexit.register(found.close)
    return found
