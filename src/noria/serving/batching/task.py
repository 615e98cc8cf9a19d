"""One request (or one piece of a large one) on its way to the engine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from noria.errors import TFError
from noria.serving.batching.profile import Profile
from noria.serving.lifecycle.servable import Servable, Signature

if TYPE_CHECKING:
    from noria.serving.batching.lane import Lane

Array = np.ndarray[Any, np.dtype[Any]]
Outcome = dict[str, Array] | BaseException


class Task:
    """What to run, until when, and the future that waits for it. Made in the event loop.

    rows: the size of the first dimension that all inputs share, None where they share none; gone: tells whether the
    client went away; cuts_off: whether it is told at once when its time passes while it runs, rather than given the
    late outcome. A task holds its servable until it has been run or dropped. ``lane`` is set while it waits, ``began``
    (time.monotonic) when it has run.
    """

    __slots__ = (
        "arrays", "arrived", "began", "cuts_off", "deadline", "future", "gone", "lane", "loop", "nbytes", "outputs",
        "profile", "rows", "servable", "signature",
    )  # fmt: skip

    def __init__(
        self,
        servable: Servable,
        signature: Signature,
        profile: Profile,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None,
        *,
        rows: int | None,
        nbytes: int,
        deadline: float | None,
        gone: Callable[[], bool] | None = None,
    ) -> None:
        self.servable = servable
        self.signature = signature
        self.profile = profile
        self.arrays = arrays
        self.outputs = outputs
        self.rows = rows
        self.nbytes = nbytes
        self.deadline = deadline
        self.gone = gone
        self.lane: Lane | None = None
        self.cuts_off = True
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[dict[str, Array]] = self.loop.create_future()
        self.arrived = time.monotonic()
        self.began = 0.0
        servable.hold()

    def late(self, now: float) -> bool:
        """Whether nobody waits for the outcome any more, or will when it is there."""
        if self.deadline is not None and now > self.deadline:
            return True
        return self.gone is not None and self.gone()


def deliver(outcomes: Sequence[tuple[Task, Outcome]]) -> None:
    """Hands outcomes to the futures that wait, from any thread. The tasks give their servables back."""
    for task, _ in outcomes:
        task.arrays = {}
        task.servable.let_go()
    if not outcomes:
        return
    try:
        outcomes[0][0].loop.call_soon_threadsafe(_set, outcomes)
    except RuntimeError:  # the loop is closed: nobody waits
        return


def _set(outcomes: Sequence[tuple[Task, Outcome]]) -> None:
    for task, outcome in outcomes:
        if task.future.done():
            continue
        if isinstance(outcome, BaseException):
            # A batch may fail as a whole; an exception that several callers raise would gather all their tracebacks.
            task.future.set_exception(type(outcome)(outcome.message) if isinstance(outcome, TFError) else outcome)
        else:
            task.future.set_result(outcome)
