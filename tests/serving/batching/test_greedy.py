"""Requests gather while the engine is busy, and each gets its own rows back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import numpy as np
import pytest

from noria.errors import DeadlineExceededError, InvalidArgumentError, ResourceExhaustedError, TFError, UnavailableError
from noria.serving.batching.profile import Profile
from noria.serving.batching.scheduler import Limits
from noria.serving.lifecycle.servable import Servable, State
from noria.serving.runner import Runner
from serving.batching.signatures import Array, RowSignature, row, row_signature, servable


def double(x: Array) -> dict[str, Array]:
    return {"y": x * 2}


@pytest.fixture
def runner() -> Iterator[Runner]:
    found = Runner(2)
    yield found
    found.close()


class Eager(Profile):
    """Takes all the rows that there are, whatever they cost; a byte costs a second."""

    def choose(self, waiting: int, least: int, most: int, row_bytes: float = 1.0) -> int:
        return most

    def wait(self) -> float:
        return float(self.waiting)

    def add(self, seconds: float, nbytes: int) -> None:
        return None


def ready(held: Servable) -> Profile:
    """The profile of a signature that has been examined, and takes so long that nothing runs in the loop."""
    profile = Eager(mixes=True)
    profile.seconds = 100.0
    held.costs["s"] = profile
    return profile


async def begun(signature: RowSignature, task: asyncio.Task[Any], runner: Runner) -> None:
    """Until nothing waits in the queues: a worker has taken it."""
    while runner.waiting() or not task.get_loop().is_running():
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.005)


def test_what_comes_while_the_engine_is_busy_shares_the_next_run(runner: Runner) -> None:
    signature, held = row_signature(double, shut=True), servable()
    ready(held)

    async def calls() -> list[dict[str, Array]]:
        first = asyncio.ensure_future(runner.run(held, signature, row(0.0)))
        await asyncio.sleep(0)
        await begun(signature, first, runner)
        given = [row(*map(float, range(i, 2 * i))) for i in (1, 2, 3)]
        rest = [asyncio.ensure_future(runner.run(held, signature, x)) for x in given]
        await asyncio.sleep(0.01)
        assert runner.waiting() == {("m", 1, "s"): 3}
        signature.gate.set()
        return [await first, *[await task for task in rest]]

    found = asyncio.run(calls())
    assert signature.runs == [1, 6]
    for outputs, values in zip(found, ([0.0], [1.0], [2.0, 3.0], [3.0, 4.0, 5.0]), strict=True):
        assert np.array_equal(outputs["y"], row(*values)["x"] * 2)


def test_other_shapes_outputs_and_models_are_not_mixed(runner: Runner) -> None:
    signature, held, other = row_signature(double, shut=True), servable(), servable("n")
    ready(held)
    ready(other)
    wide = {"x": np.ones((1, 3), np.float32)}

    async def calls() -> list[dict[str, Array]]:
        first = asyncio.ensure_future(runner.run(held, signature, row(0.0)))
        await asyncio.sleep(0)
        await begun(signature, first, runner)
        rest: list[Coroutine[Any, Any, dict[str, Array]]] = [
            runner.run(held, signature, row(1.0)), runner.run(held, signature, wide), runner.run(held, signature, wide),
            runner.run(held, signature, row(2.0), ["y"]), runner.run(other, signature, row(3.0)),
            runner.run(held, signature, {"x": np.zeros((), np.float32)}),
        ]  # fmt: skip
        tasks = [asyncio.ensure_future(call) for call in rest]
        await asyncio.sleep(0.01)
        signature.gate.set()
        return [await task for task in (first, *tasks)]

    found = asyncio.run(calls())
    assert sorted(signature.runs) == [-1, 1, 1, 1, 1, 2]
    assert [outputs["y"].shape for outputs in found] == [(1, 2), (1, 2), (1, 3), (1, 3), (1, 2), (1, 2), ()]


def test_one_bad_request_does_not_fail_its_neighbours(runner: Runner) -> None:
    def picky(x: Array) -> dict[str, Array]:
        if (x < 0).any():
            raise InvalidArgumentError(f"negative: {x[x < 0].tolist()}")
        return {"y": x}

    signature, held = row_signature(picky, shut=True), servable()
    ready(held)

    async def calls() -> list[Any]:
        tasks = [asyncio.ensure_future(runner.run(held, signature, row(v))) for v in (0.0, 1.0, -2.0, 3.0, -4.0)]
        await asyncio.sleep(0.01)
        signature.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    found = asyncio.run(calls())
    assert [type(outcome) for outcome in found] == [dict, dict, InvalidArgumentError, dict, InvalidArgumentError]
    assert str(found[2]) == "negative: [-2.0, -1.5]"
    assert str(found[4]) == "negative: [-4.0, -3.5]"


def test_a_signature_is_examined_under_load_and_then_batched(runner: Runner) -> None:
    def slow(x: Array) -> dict[str, Array]:
        time.sleep(0.003)
        return double(x)

    signature, held = row_signature(slow), servable()

    async def calls() -> None:
        await asyncio.gather(*(runner.run(held, signature, row(float(i))) for i in range(60)))

    for _ in range(50):  # what a size costs may look worse than it is on a busy machine; it is measured again
        asyncio.run(calls())
        if max(signature.runs) > 3:
            break
    profile = held.costs["s"]
    assert isinstance(profile, Profile)
    assert profile.mixes is True
    assert max(signature.runs) > 3


def test_a_signature_that_mixes_rows_is_never_batched(runner: Runner) -> None:
    def centred(x: Array) -> dict[str, Array]:
        time.sleep(0.003)
        return {"y": x - x.mean(axis=0)}

    signature, held = row_signature(centred), servable()

    async def calls() -> list[dict[str, Array]]:
        return await asyncio.gather(*(runner.run(held, signature, row(float(i), 5.0)) for i in range(40)))

    for index, outputs in enumerate(asyncio.run(calls())):
        x = row(float(index), 5.0)["x"]
        assert np.array_equal(outputs["y"], x - x.mean(axis=0))
    profile = held.costs["s"]
    assert isinstance(profile, Profile)
    assert profile.mixes is False


def test_a_large_request_is_cut_and_joined(runner: Runner) -> None:
    signature, held = row_signature(double), servable()
    ready(held)
    given = row(*range(100))
    found = asyncio.run(runner.run(held, signature, given))
    assert np.array_equal(found["y"], given["x"] * 2)
    assert sorted(signature.runs) == [4, 32, 32, 32]


def test_late_and_cancelled_and_left_alone_do_not_run(runner: Runner) -> None:
    signature, held = row_signature(double, shut=True), servable()
    ready(held)

    async def calls() -> list[Any]:
        first = asyncio.ensure_future(runner.run(held, signature, row(0.0)))
        await asyncio.sleep(0)
        await begun(signature, first, runner)
        late = asyncio.ensure_future(runner.run(held, signature, row(1.0), deadline=time.monotonic() + 0.03))
        cancelled = asyncio.ensure_future(runner.run(held, signature, row(2.0)))
        left = asyncio.ensure_future(runner.run(held, signature, row(3.0), gone=lambda: True))
        stays = asyncio.ensure_future(runner.run(held, signature, row(4.0)))
        await asyncio.sleep(0.01)
        cancelled.cancel()
        await asyncio.wait([late], timeout=60)
        assert late.done()
        signature.gate.set()
        return list(await asyncio.gather(first, late, cancelled, left, stays, return_exceptions=True))

    found = asyncio.run(calls())
    kinds = [dict, DeadlineExceededError, asyncio.CancelledError, DeadlineExceededError, dict]
    assert [type(outcome) for outcome in found] == kinds
    assert signature.runs == [1, 1]
    held.release()
    held.move(State.UNLOADING)
    assert held.wait_until_free(60)


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(requests=3), "3 requests wait, and at most 3 may"),
        (Limits(model_requests=3), "3 requests wait for model m, and at most 3 may"),
        (Limits(nbytes=24), "MiB of input wait"),
    ],
)
def test_a_full_queue_refuses_at_once(limits: Limits, what: str) -> None:
    runner = Runner(2, limits=limits)
    signature, held = row_signature(double, shut=True), servable()
    ready(held)

    async def calls() -> list[Any]:
        first = asyncio.ensure_future(runner.run(held, signature, row(0.0)))
        await asyncio.sleep(0)
        await begun(signature, first, runner)
        waiting = [asyncio.ensure_future(runner.run(held, signature, row(1.0))) for _ in range(3)]
        await asyncio.sleep(0.01)
        with pytest.raises(ResourceExhaustedError, match=what):
            await runner.run(held, signature, row(2.0))
        if limits.nbytes > 24:
            with pytest.raises(ResourceExhaustedError, match=what):
                runner.check("m")
        signature.gate.set()
        return await asyncio.gather(first, *waiting)

    assert len(asyncio.run(calls())) == 4
    runner.check("m")
    runner.close()


def test_a_request_larger_than_the_limit_passes_when_nothing_waits() -> None:
    runner = Runner(2, limits=Limits(nbytes=4))
    held = servable()
    ready(held)
    assert asyncio.run(runner.run(held, row_signature(double), row(1.0)))
    runner.close()


def test_no_hope_within_the_deadline_is_told_at_once(runner: Runner) -> None:
    signature, held = row_signature(double, shut=True), servable()
    ready(held).waiting = 10

    async def call() -> None:
        await runner.run(held, signature, row(1.0), deadline=time.monotonic() + 5.0)

    with pytest.raises(ResourceExhaustedError, match=r"wait about 10\.0 s"):
        asyncio.run(call())
    assert signature.runs == []


def test_what_waits_when_the_server_stops_is_refused() -> None:
    runner = Runner(1)
    signature, held = row_signature(double, shut=True), servable()
    ready(held)

    async def calls() -> list[Any]:
        first = asyncio.ensure_future(runner.run(held, signature, row(0.0)))
        await asyncio.sleep(0)
        await begun(signature, first, runner)
        second = asyncio.ensure_future(runner.run(held, signature, row(1.0)))
        await asyncio.sleep(0.01)
        closing = asyncio.ensure_future(asyncio.to_thread(runner.close))
        await asyncio.wait([second], timeout=60)
        assert second.done()
        signature.gate.set()
        await closing
        last = runner.run(held, signature, row(2.0))
        return list(await asyncio.gather(first, second, last, return_exceptions=True))

    found = asyncio.run(calls())
    assert [type(outcome) for outcome in found] == [dict, UnavailableError, UnavailableError]


def test_errors_that_are_not_ours_come_through(runner: Runner) -> None:
    def fails(x: Array) -> dict[str, Array]:
        raise MemoryError("none left")

    held = servable()
    ready(held)
    with pytest.raises(MemoryError, match="none left"):
        asyncio.run(runner.run(held, row_signature(fails), row(1.0)))


def test_each_caller_gets_an_exception_of_its_own(runner: Runner) -> None:
    known = InvalidArgumentError("no")

    def fails(x: Array) -> dict[str, Array]:
        raise known

    held = servable()
    ready(held)

    async def call() -> None:
        await runner.run(held, row_signature(fails), row(1.0))

    with pytest.raises(TFError, match="no") as caught:
        asyncio.run(call())
    assert caught.value is not known


def test_a_fault_in_the_choice_of_batches_hangs_nobody(runner: Runner) -> None:
    class Broken(Eager):
        def choose(self, waiting: int, least: int, most: int, row_bytes: float = 1.0) -> int:
            raise KeyError("a fault")

    held, signature = servable(), row_signature(double)
    profile = held.costs["s"] = Broken(mixes=True)
    profile.seconds = 100.0

    async def calls() -> list[Any]:
        return await asyncio.gather(*(runner.run(held, signature, row(1.0)) for _ in range(3)), return_exceptions=True)

    for _ in range(2):
        assert [type(outcome) for outcome in asyncio.run(calls())] == [KeyError] * 3
    held.costs["s"] = ready(held)
    assert all(isinstance(outcome, dict) for outcome in asyncio.run(calls()))
    assert runner.waiting() == {}
