"""Where a signature runs, and what a deadline does."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import DeadlineExceededError, InvalidArgumentError
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.servable import Cost, Servable, ServableId, State
from noria.serving.runner import Runner, engine_slots
from serving.fakes import FakeModel, FakeSignature, specs

ARRAYS = {"x": np.zeros(1, np.float32)}


@pytest.fixture
def runner() -> Iterator[Runner]:
    found = Runner(2)
    yield found
    found.close()


def servable() -> Servable:
    found = Servable(ServableId("m", 1), "path")
    found.move(State.LOADING)
    found.move(State.AVAILABLE, model=FakeModel())
    assert found.acquire()
    return found


def signature(function: Any) -> FakeSignature:
    return FakeSignature("s", function, specs(x=dtypes.float32), specs(y=dtypes.float32))


def test_a_fast_signature_moves_into_the_loop(runner: Runner) -> None:
    threads = []

    def run(x: Any) -> dict[str, Any]:
        threads.append(threading.current_thread())
        return {"y": x}

    async def calls() -> None:
        held, fast = servable(), signature(run)
        for _ in range(30):
            await runner.run(held, fast, ARRAYS)

    asyncio.run(calls())
    assert threads[0] is not threading.main_thread()
    assert threads[-1] is threading.main_thread()


def test_a_slow_signature_stays_out_of_the_loop(runner: Runner) -> None:
    threads = []

    def run(x: Any) -> dict[str, Any]:
        threads.append(threading.current_thread())
        time.sleep(0.01)
        return {"y": x}

    async def calls() -> None:
        held, slow = servable(), signature(run)
        for _ in range(8):
            await runner.run(held, slow, ARRAYS)

    asyncio.run(calls())
    assert threading.main_thread() not in threads


def test_one_slow_run_does_not_send_a_fast_signature_away() -> None:
    cost = Cost()
    for _ in range(20):
        cost.add(5e-5, 16)
    cost.add(10.0, 16)
    assert cost.estimate(16) < 1e-4


def test_deadline_while_it_runs_keeps_the_servable_held(runner: Runner) -> None:
    release = threading.Event()

    def run(x: Any) -> dict[str, Any]:
        release.wait(60)
        return {"y": x}

    async def call(held: Servable, seconds: float) -> None:
        await runner.run(held, signature(run), ARRAYS, deadline=time.monotonic() + seconds)

    for seconds in (0.05, 0.5, 5.0):  # on a busy machine it may not begin in time
        held = servable()
        with pytest.raises(DeadlineExceededError) as caught:
            asyncio.run(call(held, seconds))
        if "while the model ran" in str(caught.value):
            break
    assert "while the model ran" in str(caught.value)
    held.release()
    held.move(State.UNLOADING)
    assert not held.wait_until_free(0.05)
    release.set()
    assert held.wait_until_free(60)


def test_deadline_before_it_begins(runner: Runner) -> None:
    ran = []
    release = threading.Event()

    def stuck(x: Any) -> dict[str, Any]:
        release.wait(60)
        return {"y": x}

    def note(x: Any) -> dict[str, Any]:
        ran.append(x)
        return {"y": x}

    async def calls() -> None:
        held, slow, late = servable(), signature(stuck), signature(note)
        first = [asyncio.ensure_future(runner.run(held, slow, ARRAYS)) for _ in range(2)]
        await asyncio.sleep(0.01)
        with pytest.raises(DeadlineExceededError):
            await runner.run(held, late, ARRAYS, deadline=time.monotonic() + 0.01)
        release.set()
        await asyncio.gather(*first)

    asyncio.run(calls())
    runner.close()
    assert ran == []


@pytest.mark.parametrize(
    ("cpus", "workers", "slots"), [(8, 0, 8), (8, 1, 8), (8, 4, 2), (8, 3, 2), (1, 0, 1), (1, 4, 1), (64, 0, 16)]
)
def test_runs_of_the_engine_at_the_same_time(cpus: int, workers: int, slots: int) -> None:
    assert engine_slots(ServerConfig(workers=workers), cpus) == slots


def test_errors_come_through(runner: Runner) -> None:
    def run(x: Any) -> dict[str, Any]:
        raise InvalidArgumentError("no")

    held = servable()
    for _ in range(4):
        with pytest.raises(InvalidArgumentError, match="no"):
            asyncio.run(runner.run(held, signature(run), ARRAYS, deadline=time.monotonic() + 10))
    held.release()
    held.move(State.UNLOADING)
    assert held.wait_until_free(60)
