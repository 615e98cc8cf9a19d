"""When the run of a model should be over: a loop that goes on without end must not keep its thread for ever.

The time belongs to the thread. Loops on the host look at it in every round.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from noria.errors import DeadlineExceededError

_local = threading.local()


@contextmanager
def until(deadline: float | None) -> Iterator[None]:
    """What runs within, in this thread, should be over at ``deadline`` (on ``time.monotonic``); None: at any time."""
    before = current()
    _local.deadline = deadline
    try:
        yield
    finally:
        _local.deadline = before


def current() -> float | None:
    """The deadline of what runs in this thread."""
    deadline: float | None = getattr(_local, "deadline", None)
    return deadline


def check(deadline: float | None) -> None:
    """Raises DeadlineExceededError when ``deadline`` has passed."""
    if deadline is not None and time.monotonic() > deadline:
        raise DeadlineExceededError("the deadline passed while a loop ran")
