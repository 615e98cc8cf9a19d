"""Runs signatures for the event loop: what takes microseconds at once, what takes milliseconds in a worker thread.

A hop to a thread and back costs more than a small model, and a big model in the loop would stall every other client;
which is which is measured, per signature (``servable.Cost``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import numpy as np

from noria.errors import DeadlineExceededError
from noria.graph.deadline import until
from noria.serving.lifecycle.servable import Cost, Servable, Signature
from noria.serving.observe.metrics import Metrics

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")

_IN_LOOP_SECONDS: Final = 1e-3  # a run shorter than this does not leave the loop


class Runner:
    """The worker threads of a server."""

    def __init__(self, threads: int, metrics: Metrics | None = None) -> None:
        self._metrics = Metrics() if metrics is None else metrics
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="noria-run")

    async def run(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None = None,
        *,
        deadline: float | None = None,
        api: str = "Predict",
    ) -> dict[str, Array]:
        """The outputs of a signature of a held servable.

        api: Predict, Classify, Regress or MultiInference, for the metrics.
        deadline: on ``time.monotonic``. Raises DeadlineExceededError when it passes before the run has begun, or, in a
        thread, before it has ended. The thread then finishes on its own, a loop on the host at its next round, and
        keeps the servable held until it has.
        """
        nbytes, shape = 0, ()
        for array in arrays.values():
            nbytes += array.nbytes
            shape = array.shape
        rows = shape[0] if shape else 1
        cost = servable.costs.get(signature.name)
        if cost is None:
            cost = servable.costs.setdefault(signature.name, Cost())
        if cost.estimate(nbytes) < _IN_LOOP_SECONDS:
            start = time.perf_counter()
            found = signature.run_arrays(arrays, outputs)
            seconds = time.perf_counter() - start
            cost.add(seconds, nbytes)
            self._metrics.run(servable, signature.name, api, seconds, rows)
            return found

        arrived = time.perf_counter()
        servable.hold()
        known_cost = cost

        def job() -> dict[str, Array]:
            try:
                if deadline is not None and time.monotonic() > deadline:
                    raise DeadlineExceededError("the deadline passed before the run could begin")
                start = time.perf_counter()
                with until(deadline):
                    found = signature.run_arrays(arrays, outputs)
                known_cost.add(time.perf_counter() - start, nbytes)
                return found
            finally:
                servable.release()

        found = await self._wait(asyncio.get_running_loop().run_in_executor(self._pool, job), deadline)
        self._metrics.run(servable, signature.name, api, time.perf_counter() - arrived, rows)
        return found

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Any other work that would stall the loop: reading a big body."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *args)

    async def _wait(self, future: asyncio.Future[T], deadline: float | None) -> T:
        if deadline is None:
            return await future
        try:
            # Shielded: a job that was cancelled before it began would never give its handle back.
            return await asyncio.wait_for(asyncio.shield(future), max(deadline - time.monotonic(), 0.0))
        except TimeoutError:
            if future.done() and not future.cancelled():
                return future.result()
            future.add_done_callback(_forget)
            raise DeadlineExceededError("the deadline passed while the model ran") from None

    def close(self) -> None:
        """Ends the threads; jobs that still run are waited for."""
        self._pool.shutdown(wait=True)


def _forget(future: asyncio.Future[Any]) -> None:
    """Looks at the outcome of a run nobody waits for, so that asyncio does not report it."""
    if not future.cancelled():
        future.exception()
