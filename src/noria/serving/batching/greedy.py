"""The lane of every server: requests gather while the engine is busy with their signature; when it is free, it takes
what is there. An idle server waits for nobody.

Only requests of one signature, the same outputs, shapes and dtypes share a run, only once the signature has been
examined, and only as many rows as measuring has shown to pay. A batch that fails is run again one by one, so that
each request gets its own error and no other's.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Sequence

from noria.serving.batching import eligible, examine, rows, run
from noria.serving.batching.lane import Batch, Lane
from noria.serving.batching.observer import BatchObserver
from noria.serving.batching.profile import Profile
from noria.serving.batching.task import Outcome, Task

POOL = "greedy"


class GreedyLane(Lane):
    """Requests of one signature, one list of outputs and one shape.

    most: rows of a batch at most; 1 for requests that never share a run.
    """

    def __init__(self, key: Hashable, profile: Profile, most: int, observer: BatchObserver) -> None:
        super().__init__(key)
        self._profile = profile
        self._most = most
        self._observer = observer
        self._tasks: deque[Task] = deque()
        self._rows = 0

    def put(self, tasks: Sequence[Task], now: float) -> None:
        for task in tasks:
            self._tasks.append(task)
            self._rows += task.rows or 0
        self.waiting += len(tasks)

    def tasks(self) -> list[Task]:
        return list(self._tasks)

    def ready(self) -> bool:
        return self._profile.running < self._profile.limit

    def remove(self, task: Task) -> None:
        self._tasks.remove(task)
        self._gone(task)

    def take(self, now: float) -> Batch | None:
        if not self.ready():
            return None
        batch = Batch(self)
        wanted = taken = 0
        while self._tasks:
            task = self._tasks[0]
            late = task.late(now)
            if not late and batch.tasks and taken + (task.rows or 0) > wanted:
                break
            if not late and not batch.tasks:
                wanted = self._wanted(task)
            self._tasks.popleft()
            self._gone(task)
            if late:
                batch.late.append(task)
                continue
            batch.tasks.append(task)
            taken += task.rows or 0
            if taken >= wanted:
                break
        if not batch.tasks and not batch.late:
            return None
        batch.examine = bool(self._most > 1 and self._profile.mixes is None and batch.tasks and self._worth(batch))
        self._profile.running += 1
        return batch

    def _wanted(self, first: Task) -> int:
        least = first.rows or 0
        if self._most == 1 or not self._profile.mixes or not least:
            return least
        return self._profile.choose(self._rows, least, self._most, first.nbytes / least)

    def _worth(self, batch: Batch) -> bool:
        """Whether batches would have helped now: others wait, or the request is too large."""
        return bool(self._tasks) or (batch.tasks[0].rows or 0) > self._most

    def _gone(self, task: Task) -> None:
        self.waiting -= 1
        self._rows -= task.rows or 0

    def done(self, batch: Batch) -> None:
        self._profile.running -= 1

    def run(self, batch: Batch) -> list[tuple[Task, Outcome]]:
        began = time.monotonic()
        tasks = batch.tasks
        if batch.examine:
            batch.sample = tasks[0].arrays
            tasks[0].servable.hold()
        outcomes = self._outcomes(batch)
        run.observe(self._observer, POOL, tasks, sum(task.rows or 0 for task in tasks), began)
        return list(zip(tasks, outcomes, strict=True))

    def _outcomes(self, batch: Batch) -> list[Outcome]:
        tasks = batch.tasks
        if len(tasks) > 1:
            found = run.together(tasks, rows.join([task.arrays for task in tasks]), batch.deadline)
            if isinstance(found, list):
                return list(found)
        return [run.alone(task) for task in tasks]

    def examine(self, batch: Batch) -> None:
        task = batch.tasks[0]
        try:
            # Another worker may come to the same end at the same time, which does no harm.
            self._profile.mixes = eligible.may_mix(task.signature) and examine.mixes(
                task.signature, batch.sample, task.outputs
            )
        finally:
            batch.sample = {}
            task.servable.let_go()
