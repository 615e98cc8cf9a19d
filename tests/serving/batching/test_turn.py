"""Small requests that come in one turn of the loop run together, and each gets what it would have got alone."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from noria.errors import InvalidArgumentError
from noria.serving.batching.profile import Profile
from noria.serving.batching.turn import Turn
from noria.serving.eager import Pause, start
from noria.serving.lifecycle.manager import Manager
from noria.serving.runner import Runner
from serving.batching.signatures import Array, RowSignature, row_signature, servable
from serving.fakes import FakeModel, serving


class Ran:
    """The sizes of the runs of y = 2 x; a row that holds 13 is refused."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def __call__(self, x: Array) -> dict[str, Array]:
        self.sizes.append(len(x))
        if (x == 13).any():
            raise InvalidArgumentError("13 is refused")
        return {"y": x * 2}


def row(value: float) -> dict[str, Array]:
    return {"x": np.array([[value]], np.float32)}


def small(ran: Ran, *, mixes: bool = True) -> tuple[Any, RowSignature]:
    """A held servable whose one signature is known to be small."""
    held, signature = servable(), row_signature(ran)
    profile = Profile(limit=1, mixes=mixes)
    profile.seconds, profile.nbytes = 1e-5, 1000.0
    held.costs["s"] = profile
    return held, signature


def in_one_turn(runner: Runner, held: Any, signature: Any, given: Sequence[Mapping[str, Array]]) -> list[Any]:
    """What each request gets when all come in one turn: its outputs or its error."""
    found: list[Any] = [None] * len(given)

    def note(at: int, begun: Any) -> None:
        if isinstance(begun, asyncio.Future):
            begun.add_done_callback(lambda done: note(at, done.exception() or done.result()))
        else:
            found[at] = begun

    async def main() -> None:
        loop = asyncio.get_running_loop()
        runner.turn.begin(len(given))
        for at, arrays in enumerate(given):
            begun = start(runner.run(held, signature, arrays), loop)
            if type(begun) is Pause:
                begun.then = lambda begun, at=at: note(at, begun)
            else:
                note(at, begun)
        runner.turn.end()
        end = loop.time() + 60
        while any(each is None for each in found) and loop.time() < end:
            await asyncio.sleep(0.001)

    asyncio.run(main())
    return found


@pytest.fixture
def runner() -> Any:
    made = Runner(2)
    yield made
    made.close()


def test_one_run_for_all(runner: Runner) -> None:
    ran = Ran()
    given = [row(1.0), {"x": np.array([[2.0], [3.0]], np.float32)}, row(4.0)]
    found = in_one_turn(runner, *small(ran), given)
    assert [f["y"].tolist() for f in found] == [[[2.0]], [[4.0], [6.0]], [[8.0]]]
    assert ran.sizes == [4]


def test_one_bad_request_harms_no_other(runner: Runner) -> None:
    ran = Ran()
    found = in_one_turn(runner, *small(ran), [row(1.0), row(13.0), row(2.0)])
    assert found[0]["y"].tolist() == [[2.0]]
    assert found[2]["y"].tolist() == [[4.0]]
    assert isinstance(found[1], InvalidArgumentError)
    assert ran.sizes == [3, 1, 1, 1]


def test_what_must_not_mix_runs_alone(runner: Runner) -> None:
    ran = Ran()
    in_one_turn(runner, *small(ran, mixes=False), [row(1.0), row(2.0)])
    assert ran.sizes == [1, 1]


def test_other_shapes_are_another_run(runner: Runner) -> None:
    ran = Ran()
    wide = {"x": np.ones((1, 5), np.float32)}
    found = in_one_turn(runner, *small(ran), [row(1.0), wide, row(2.0), wide])
    assert [f["y"].shape for f in found] == [(1, 1), (1, 5), (1, 1), (1, 5)]
    assert ran.sizes == [2, 2]


def test_no_run_is_larger_than_may_gather(runner: Runner) -> None:
    ran = Ran()
    given = [{"x": np.full((10, 1), i, np.float32)} for i in range(6)]
    found = in_one_turn(runner, *small(ran), given)
    assert [f["y"][0, 0] for f in found] == [0, 2, 4, 6, 8, 10]
    assert ran.sizes == [30, 30]


def test_none_are_shared_where_none_may_gather() -> None:
    runner, ran = Runner(2, most=1), Ran()
    in_one_turn(runner, *small(ran), [row(1.0), row(2.0)])
    runner.close()
    assert ran.sizes == [1, 1]


def test_outputs_that_lose_the_rows_are_run_alone(runner: Runner) -> None:
    sizes: list[int] = []

    def total(x: Array) -> dict[str, Array]:
        sizes.append(len(x))
        return {"y": x.sum(axis=0, keepdims=True)}

    held, signature = small(Ran())
    signature.function = total
    found = in_one_turn(runner, held, signature, [row(1.0), row(2.0)])
    assert [f["y"].tolist() for f in found] == [[[1.0]], [[2.0]]]
    assert sizes == [2, 1, 1]


def test_a_request_by_itself_does_not_wait(runner: Runner) -> None:
    ran = Ran()
    held, signature = small(ran)

    async def main() -> Any:
        return start(runner.run(held, signature, row(1.0)), asyncio.get_running_loop())

    assert asyncio.run(main())["y"].tolist() == [[2.0]]


def test_a_coroutine_may_wait_for_something_else_afterwards() -> None:
    turn, signature = Turn(), row_signature(Ran())
    got: list[Any] = []

    async def handler() -> Any:
        outputs = await turn.join(signature, row(1.0), None, 1).pause
        await asyncio.sleep(0.001)
        return outputs["y"].tolist()

    async def main() -> None:
        begun = start(handler(), asyncio.get_running_loop())
        assert type(begun) is Pause
        begun.then = got.append
        turn.end()
        assert isinstance(got[0], asyncio.Future)
        assert await got[0] == [[2.0]]

    asyncio.run(main())


def test_over_sockets() -> None:
    """Many clients at once: all answers are right, and there are fewer runs than requests."""
    ran = Ran()
    signature = row_signature(ran)
    signature.name = "serving_default"
    manager = Manager(lambda path: FakeModel(signature))
    manager.load("m", 1, "path")
    wrong: list[Any] = []

    def ask(client: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
        with contextlib.closing(connection):
            for i in range(150):
                value = client * 1000 + i + 0.5
                connection.request("POST", "/v1/models/m:predict", json.dumps({"instances": [[value]]}))
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
                if status != 200 or json.loads(body)["predictions"] != [[2 * value]]:
                    wrong.append((status, body))

    with serving(manager) as server:
        with manager.handle("m") as held:
            profile = Profile(limit=1, mixes=True)
            profile.seconds, profile.nbytes = 1e-5, 1000.0
            held.costs["serving_default"] = profile
        threads = [threading.Thread(target=ask, args=(client,)) for client in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong
    assert sum(ran.sizes) == 8 * 150
    assert max(ran.sizes) > 1
