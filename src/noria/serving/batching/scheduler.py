"""The worker threads of a server: they take batches from the lanes in turn, run them, and hand the outcomes back.

All queues are bounded: a request that finds them full is refused at once, before it costs anything. Workers take the
next batch themselves, without the event loop, so that the engine does not wait for it.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from noria.errors import ResourceExhaustedError, UnavailableError
from noria.serving.batching.lane import Batch, Lane
from noria.serving.batching.task import Outcome, Task, deliver

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What may wait for the engine at most: requests in all, requests of one model, bytes of input in all."""

    requests: int = 2000
    model_requests: int = 1000
    nbytes: int = 1 << 30


class Scheduler:
    """Threads and lanes. ``submit``, ``drop`` and ``check`` are for the event loop, ``close`` for any thread."""

    def __init__(self, threads: int, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.threads = threads
        self._lock = threading.Lock()
        self._ring: deque[Lane] = deque()  # the lanes with waiting tasks, the next one first
        self._lanes: dict[Hashable, Lane] = {}  # the same by key
        self._idle = 0
        self._calls: queue.SimpleQueue[None] = queue.SimpleQueue()  # one entry wakes one idle worker
        self._closed = False
        self._waiting = 0
        self._nbytes = 0
        self._by_model: dict[str, int] = {}
        self._workers: list[threading.Thread] = []

    def check(self, model: str) -> None:
        """Raises ResourceExhaustedError when a request for ``model`` would be refused: cheap, for before it is read."""
        if self._waiting:
            self._check(model, 1, 0)

    def submit(self, key: Hashable, make: Callable[[Hashable], Lane], tasks: Sequence[Task]) -> None:
        """Queues the tasks of one request in the lane of that key, all or none.

        make: makes the lane where it is missing. Raises ResourceExhaustedError when the queues are full, and what the
        lane raises.
        """
        now = time.monotonic()
        with self._lock:
            if self._closed:
                raise UnavailableError("the server stops")
            self._check(tasks[0].servable.id.name, len(tasks), sum(t.nbytes for t in tasks))
            lane = self._lanes.get(key)
            fresh = lane is None
            if lane is None:
                lane = make(key)
            lane.put(tasks, now)
            for task in tasks:
                task.lane, task.cuts_off = lane, lane.cuts_off
                self._count(task, 1)
            if fresh:
                self._lanes[key] = lane
                self._ring.append(lane)
            if len(self._workers) < self.threads and not self._idle:
                self._start_worker()
            wake = self._idle > 0 and lane.ready()
        if wake:
            self._calls.put(None)

    def drop(self, task: Task) -> bool:
        """Takes a task out that still waits; False when it runs already, or has run."""
        with self._lock:
            if task.lane is None:
                return False
            task.lane.remove(task)
            self._left(task)
        task.arrays = {}
        task.servable.let_go()
        return True

    def lane(self, key: Hashable) -> Lane | None:
        """The lane of that key, where something waits."""
        return self._lanes.get(key)

    def waiting(self) -> dict[tuple[str, int, str], int]:
        """How many requests wait, by model, version and signature."""
        found: dict[tuple[str, int, str], int] = {}
        with self._lock:
            for lane in self._ring:
                for task in lane.tasks():
                    key = (task.servable.id.name, task.servable.id.version, task.signature.name)
                    found[key] = found.get(key, 0) + 1
        return found

    def close(self) -> None:
        """Ends the threads: what runs is waited for, what still waits is refused. Idempotent."""
        with self._lock:
            self._closed = True
            workers = list(self._workers)
            tasks = [task for lane in self._ring for task in lane.tasks()]
            for task in tasks:
                self._left(task)
            self._ring.clear()
            self._lanes.clear()
        deliver([(task, UnavailableError("the server stops")) for task in tasks])
        for _ in workers:
            self._calls.put(None)
        for worker in workers:
            worker.join()

    def _check(self, model: str, requests: int, nbytes: int) -> None:
        limits = self.limits
        mine = self._by_model.get(model, 0)
        if mine + requests > limits.model_requests and mine:
            text = f"{mine} requests wait for model {model}, and at most {limits.model_requests} may"
            raise ResourceExhaustedError(f"the server is overloaded: {text}; try again later")
        if self._waiting + requests > limits.requests and self._waiting:
            text = f"{self._waiting} requests wait, and at most {limits.requests} may"
            raise ResourceExhaustedError(f"the server is overloaded: {text}; try again later")
        if self._nbytes + nbytes > limits.nbytes and self._nbytes:
            text = f"{self._nbytes >> 20} MiB of input wait, and at most {limits.nbytes >> 20} MiB may"
            raise ResourceExhaustedError(f"the server is overloaded: {text}; try again later")

    def _count(self, task: Task, sign: int) -> None:
        name = task.servable.id.name
        self._waiting += sign
        self._nbytes += sign * task.nbytes
        task.profile.waiting += sign * task.nbytes
        left = self._by_model.get(name, 0) + sign
        if left:
            self._by_model[name] = left
        else:
            self._by_model.pop(name, None)

    def _left(self, task: Task) -> None:
        """A task waits no more: with the lock held."""
        task.lane = None
        self._count(task, -1)

    def _start_worker(self) -> None:
        name = f"noria-run-{len(self._workers)}"
        worker = threading.Thread(target=self._work, name=name, daemon=True)
        self._workers.append(worker)
        worker.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                batch = self._next()
                closed = self._closed
                if batch is None:
                    self._idle += 1
                    delay = self._delay()
            if batch is not None:
                self._run(batch)
                continue
            if closed:
                return
            with contextlib.suppress(queue.Empty):
                self._calls.get(timeout=delay)
            with self._lock:
                self._idle -= 1

    def _delay(self) -> float | None:
        """Seconds until a lane can be taken by the clock; None where none will: with the lock held."""
        now = time.monotonic()
        delays = [delay for lane in self._ring if (delay := lane.delay(now)) is not None]
        return min(delays, default=None)

    def _next(self) -> Batch | None:
        """The next batch of the lanes in turn: with the lock held."""
        now = time.monotonic()
        found = None
        for _ in range(len(self._ring)):
            lane = self._ring.popleft()
            found = self._take(lane, now)
            if lane.waiting:
                self._ring.append(lane)
            else:
                del self._lanes[lane.key]
            if found is not None:
                for task in (*found.tasks, *found.late):
                    self._left(task)
                break
        if found is not None and self._ring:
            if self._idle:
                self._calls.put(None)
            elif len(self._workers) < self.threads:
                self._start_worker()
        return found

    def _take(self, lane: Lane, now: float) -> Batch | None:
        try:
            return lane.take(now)
        except Exception as error:  # a fault of ours: those who wait are told, and the thread lives on
            _LOG.exception("no batch could be made")
            lane.waiting = 0
            return Batch(lane, [task for task in lane.tasks() if task.lane is not None], error=error)

    def _outcomes(self, batch: Batch) -> list[tuple[Task, Outcome]]:
        try:
            return batch.lane.run(batch)
        except Exception as error:  # whatever goes wrong, somebody waits, and the thread is needed
            _LOG.exception("a batch failed")
            return [(task, error) for task in batch.tasks]

    def _run(self, batch: Batch) -> None:
        lane = batch.lane
        if batch.late:
            deliver([(task, lane.late_error()) for task in batch.late])
        if batch.error is not None:
            deliver([(task, batch.error) for task in batch.tasks])
            return
        try:
            if batch.tasks:
                deliver(self._outcomes(batch))
                if batch.examine:
                    lane.examine(batch)
        finally:
            with self._lock:
                lane.done(batch)
