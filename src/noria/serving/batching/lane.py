"""A queue of requests that may share a run of the engine: what the scheduler wants of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from noria.errors import DeadlineExceededError, TFError
from noria.serving.batching.task import Array, Outcome, Task


@dataclass(slots=True)
class Batch:
    """Tasks that run together, and those found late when it was put together, which do not run.

    error: why no batch could be made of the tasks, which all fail by it.
    examine: look afterwards whether the signature batches, by the inputs in ``sample``.
    """

    lane: Lane
    tasks: list[Task] = field(default_factory=list)
    late: list[Task] = field(default_factory=list)
    error: Exception | None = None
    examine: bool = False
    sample: Mapping[str, Array] = field(default_factory=dict)

    @property
    def deadline(self) -> float | None:
        """When all of them have no time left; None when one of them has no deadline."""
        latest = 0.0
        for task in self.tasks:
            if task.deadline is None:
                return None
            latest = max(latest, task.deadline)
        return latest


class Lane(ABC):
    """Tasks of one signature, in order of arrival. All methods but ``run`` are called with the scheduler's lock held.

    waiting: how many tasks wait. cuts_off: see ``Task``.
    """

    cuts_off = True

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.waiting = 0

    @abstractmethod
    def put(self, tasks: Sequence[Task], now: float) -> None:
        """Queues all tasks of a request, or raises and queues none."""

    @abstractmethod
    def tasks(self) -> list[Task]:
        """What waits, in order."""

    def ready(self) -> bool:
        """Whether it is worth waking a worker for what was put last."""
        return True

    def delay(self, now: float) -> float | None:
        """Seconds until what waits can be taken by the clock alone; None where the clock plays no part."""
        return None

    @abstractmethod
    def take(self, now: float) -> Batch | None:
        """The next batch; None while none can begin."""

    @abstractmethod
    def remove(self, task: Task) -> None:
        """Takes a task out that will not run."""

    def done(self, batch: Batch) -> None:  # noqa: B027  # most lanes have nothing to do
        """A batch that was taken has run."""

    def examine(self, batch: Batch) -> None:  # noqa: B027
        """Looks whether the signature of a batch that has run may be batched, in a worker thread. Raises nothing."""

    @abstractmethod
    def run(self, batch: Batch) -> list[tuple[Task, Outcome]]:
        """Runs the tasks of a batch, in a worker thread; what fails is an outcome too."""

    def late_error(self) -> TFError:
        """What a task is told whose time passed while it waited."""
        return DeadlineExceededError("the deadline passed before the run could begin")
