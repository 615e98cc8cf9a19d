"""Runs signatures for the event loop: what takes microseconds at once, what takes milliseconds in a worker thread.

A hop to a thread and back costs more than a small model, and a big model in the loop would stall every other client;
which is which is measured, per signature (``batching.profile``). What goes to a thread goes through bounded queues,
where requests gather into batches (``batching``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from noria.compile.ort import available_cpus
from noria.errors import DeadlineExceededError, ResourceExhaustedError
from noria.serving.batching import parameters, tf_queue
from noria.serving.batching import rows as row_arrays
from noria.serving.batching.greedy import GreedyLane
from noria.serving.batching.lane import Lane
from noria.serving.batching.observer import BatchObserver, Unobserved
from noria.serving.batching.parameters import Batching, Parameters
from noria.serving.batching.profile import Profile
from noria.serving.batching.scheduler import Limits, Scheduler
from noria.serving.batching.task import Task
from noria.serving.batching.turn import Share, Turn
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.servable import Cost, Servable, Signature
from noria.serving.observe.metrics import Metrics
from noria.serving.observe.request_log import RequestLog

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")

_IN_LOOP_SECONDS: Final = 1e-3  # a run shorter than this does not leave the loop
_SHARED_SECONDS: Final = 1e-4  # nor does one that runs together with those of its turn, if it is shorter than this
_MOST_RUNS: Final = 16  # of one signature at the same time: each holds its own intermediate results in memory
_HOPELESS: Final = 1.5  # how far the estimated wait must be beyond a deadline before a request is refused for it


class Runner:
    """The worker threads of a server, and what waits for them."""

    def __init__(
        self,
        threads: int,
        metrics: Metrics | None = None,
        *,
        limits: Limits | None = None,
        batching: Batching | None = None,
        most: int = 32,
        slots: int = 1,
        log: RequestLog | None = None,
        observer: BatchObserver | None = None,
    ) -> None:
        """threads: runs at the same time, of all signatures.

        batching: TensorFlow Serving's, in place of gathering while the engine is busy; most: rows that gather into
        one run, 1 for none; slots: runs of one signature at the same time.
        """
        self._metrics = Metrics() if metrics is None else metrics
        self._log = log
        self._observer: BatchObserver = observer or Unobserved()
        self._batching = batching
        self._most = most
        self._slots = slots
        self._scheduler = Scheduler(batching.threads if batching else threads, limits)
        self._parameters: WeakKeyDictionary[Servable, Parameters | None] = WeakKeyDictionary()
        self._pool = ThreadPoolExecutor(max(2, available_cpus()), thread_name_prefix="noria-read")
        self._calls = 0
        self.turn = Turn(most)

    @classmethod
    def make(cls, config: ServerConfig, metrics: Metrics, log: RequestLog | None = None) -> Runner:
        """The runner that the flags ask for. Raises InvalidArgumentError for a wrong batching parameters file."""
        cpus = available_cpus()
        return cls(
            max(4, 2 * cpus),
            metrics,
            limits=Limits(
                config.max_waiting_requests, config.max_waiting_requests_per_model, config.max_waiting_megabytes << 20
            ),
            batching=parameters.from_flags(config),
            most=max(config.gather_max_rows, 1),
            slots=engine_slots(config, cpus),
            log=log,
            observer=metrics if isinstance(metrics, BatchObserver) else None,
        )

    async def run(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None = None,
        *,
        deadline: float | None = None,
        api: str = "Predict",
        gone: Callable[[], bool] | None = None,
    ) -> dict[str, Array]:
        """The outputs of a signature of a held servable.

        api: Predict, Classify, Regress or MultiInference, for the metrics; gone: tells, from any thread, whether the
        client went away.
        deadline: on ``time.monotonic``. Raises DeadlineExceededError when it passes before the run has begun, or, in a
        thread, before it has ended. The thread then finishes on its own, a loop on the host at its next round, and
        keeps the servable held until it has. A call that is cancelled, or past its deadline, while it waits does not
        run. Raises ResourceExhaustedError or UnavailableError when too many wait.
        """
        arrived = time.perf_counter()
        share = self._share(servable, signature, arrays, outputs) if self.turn.open else None
        found = self._now(servable, signature, arrays, outputs, api) if share is None else None
        if found is not None:
            return found
        nbytes, rows = _size(arrays)
        if share is not None:
            found = await share.pause
        else:
            found = await self._queued(servable, signature, arrays, outputs, nbytes, deadline, gone)
        self._metrics.run(servable, signature.name, api, time.perf_counter() - arrived, rows)
        if self._log is not None and self._log.wants(servable, api):
            self._log.run(servable, api, signature, arrays, outputs, found)
        return found

    def at_once(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None = None,
        *,
        api: str = "Predict",
    ) -> dict[str, Array] | None:
        """``run`` for a signature that is known to take microseconds: its outputs.

        None for any other signature, and where the request may share its run with others of this turn (``run`` does).
        """
        if self.turn.open and _sharable(servable.costs.get(signature.name)):
            return None
        return self._now(servable, signature, arrays, outputs, api)

    def _now(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None,
        api: str,
    ) -> dict[str, Array] | None:
        """``at_once``, whether or not others came in the same turn."""
        nbytes, rows = _size(arrays)
        cost = servable.costs.get(signature.name)
        if cost is None or cost.estimate(nbytes) >= _IN_LOOP_SECONDS or self._batching is not None:
            return None
        start = time.perf_counter()
        found = signature.run_arrays(arrays, outputs)
        seconds = time.perf_counter() - start
        cost.add(seconds, nbytes)
        self._metrics.run(servable, signature.name, api, seconds, rows)
        if self._log is not None and self._log.wants(servable, api):
            self._log.run(servable, api, signature, arrays, outputs, found)
        return found

    def _share(
        self, servable: Servable, signature: Signature, arrays: Mapping[str, Array], outputs: Sequence[str] | None
    ) -> Share | None:
        """A part in this turn's run of a small signature, where one may be shared."""
        cost = servable.costs.get(signature.name)
        if cost is None or not _sharable(cost) or self._batching is not None:
            return None
        if cost.estimate(sum([array.nbytes for array in arrays.values()])) >= _SHARED_SECONDS:
            return None
        rows = row_arrays.count(arrays)
        return self.turn.join(signature, arrays, outputs, rows) if rows else None

    async def _queued(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None,
        nbytes: int,
        deadline: float | None,
        gone: Callable[[], bool] | None,
    ) -> dict[str, Array]:
        profile = self._profile(servable, signature)
        rule = None if self._batching is None else self._parameters_of(servable)
        make: Callable[[Hashable], Lane]
        if rule is not None:
            assert self._batching is not None
            pool = self._batching.pool
            rows: int | None = tf_queue.check(arrays)
            names = tuple(sorted(signature.outputs if outputs is None else outputs))
            key: Hashable = (profile, names)
            make = lambda key: tf_queue.TfQueue(key, rule, pool, self._observer)  # noqa: E731
            sizes = self._tf_pieces(key, rule, rows or 0)
        else:
            self._refuse_hopeless(servable, profile, deadline)
            rows = row_arrays.count(arrays)
            most = 1 if profile.mixes is False or not rows else self._most
            shapes = tuple([a.shape[1:] for a in arrays.values()]) if most > 1 else None
            key = (profile, None if outputs is None else tuple(outputs), shapes)
            make = lambda key: GreedyLane(key, profile, most, self._observer)  # noqa: E731
            sizes = self._greedy_pieces(profile, rows, nbytes, most)
        tasks: list[Task] = []
        for part in [arrays] if len(sizes) == 1 else row_arrays.cut(arrays, sizes):
            size = rows if len(sizes) == 1 else sizes[len(tasks)]
            share = nbytes if len(sizes) == 1 else sum(a.nbytes for a in part.values())
            tasks.append(
                Task(servable, signature, profile, part, outputs, rows=size, nbytes=share, deadline=deadline, gone=gone)
            )
        try:
            self._scheduler.submit(key, make, tasks)
        except BaseException:
            for task in tasks:
                servable.let_go()
                task.future.cancel()
            raise
        return await self._outcome(tasks, deadline)

    def _profile(self, servable: Servable, signature: Signature) -> Profile:
        found = servable.costs.get(signature.name)
        if isinstance(found, Profile) and found.limit:
            return found
        profile = found if isinstance(found, Profile) else Profile()
        profile.limit = self._slots if _on_engine(signature) else max(self._slots, available_cpus())
        if found is not None:
            profile.seconds, profile.nbytes = found.seconds, found.nbytes
        servable.costs[signature.name] = profile
        return profile

    def _parameters_of(self, servable: Servable) -> Parameters | None:
        assert self._batching is not None
        if not self._batching.per_model:
            return self._batching.parameters
        if servable not in self._parameters:
            self._parameters[servable] = self._batching.of(servable.path)
        return self._parameters[servable]

    def _tf_pieces(self, key: Hashable, rule: Parameters, rows: int) -> list[int]:
        lane = self._scheduler.lane(key)
        if isinstance(lane, tf_queue.TfQueue):
            return lane.pieces(rows)
        return tf_queue.pieces(rule, rows)

    def _greedy_pieces(self, profile: Profile, rows: int | None, nbytes: int, most: int) -> list[int]:
        if not rows or rows <= most or not profile.mixes:
            return [rows or 0]
        size = profile.piece(most, rows, nbytes)
        return [min(size, rows - start) for start in range(0, rows, size)]

    def _refuse_hopeless(self, servable: Servable, profile: Profile, deadline: float | None) -> None:
        """Refuses at once what would only wait for its deadline."""
        if deadline is None or not profile.waiting:
            return
        wait = profile.wait()
        if wait > _HOPELESS * max(deadline - time.monotonic(), 0.0):
            raise ResourceExhaustedError(
                f"the server is overloaded: requests for model {servable.id.name} wait about {wait:.1f} s, which is "
                "longer than this one's deadline; try again later"
            )

    async def _outcome(self, tasks: Sequence[Task], deadline: float | None) -> dict[str, Array]:
        """What the tasks of a request gave, joined; the first error where one failed."""
        timer = None
        if deadline is not None:
            delay = max(deadline - time.monotonic(), 0.0)
            timer = tasks[0].loop.call_later(delay, self._expire, tasks)
        try:
            if len(tasks) == 1:
                return await tasks[0].future
            return row_arrays.join(await asyncio.gather(*(task.future for task in tasks)))
        except BaseException:
            for task in tasks:
                self._scheduler.drop(task)
                if not task.future.cancelled() and not task.future.done():
                    task.future.cancel()
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _expire(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            lane = task.lane
            if self._scheduler.drop(task):
                assert lane is not None
                error = lane.late_error()
            elif task.cuts_off:
                error = DeadlineExceededError("the deadline passed while the model ran")
            else:
                continue
            if not task.future.done():
                task.future.set_exception(error)

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Any other work that would stall the loop: reading a big body. Raises ResourceExhaustedError when too much
        of it waits.
        """
        if self._calls >= self._scheduler.limits.requests:
            raise ResourceExhaustedError(f"the server is overloaded: {self._calls} bodies wait to be read")
        self._calls += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)
        finally:
            self._calls -= 1

    def check(self, model: str) -> None:
        """Raises ResourceExhaustedError when a request for ``model`` would find the queues full: to be asked before
        a body is read or parsed, at next to no cost.
        """
        self._scheduler.check(model)

    def waiting(self) -> dict[tuple[str, int, str], int]:
        """How many requests wait, by model, version and signature."""
        return self._scheduler.waiting()

    def close(self) -> None:
        """Ends the threads; runs that have begun are waited for. Idempotent."""
        self._scheduler.close()
        self._pool.shutdown(wait=True)


def engine_slots(config: ServerConfig, cpus: int) -> int:
    """Runs of one signature at the same time: one for each CPU that this process has (``compile.calls`` tells why)."""
    return min(max(1, cpus // max(config.workers, 1)), _MOST_RUNS)


def _size(arrays: Mapping[str, Array]) -> tuple[int, int]:
    """Bytes of all inputs, and the rows of the last one, 1 for a scalar."""
    nbytes, shape = 0, ()
    for array in arrays.values():
        nbytes += array.nbytes
        shape = array.shape
    return nbytes, shape[0] if shape else 1


def _sharable(cost: Cost | None) -> bool:
    """Whether requests of a signature are small, and may share a run."""
    return isinstance(cost, Profile) and cost.mixes is True and cost.seconds < _SHARED_SECONDS


def _on_engine(signature: Signature) -> bool:
    """Whether a run takes the engine's threads, all of them, and nothing else."""
    return bool(getattr(signature, "on_engine", False))
