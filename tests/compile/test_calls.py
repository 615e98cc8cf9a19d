"""Calls of the engine from several threads: who computes, and that nobody notices."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.compile import calls, ort
from noria.compile.calls import Calls, caller
from noria.compile.onnx_model import Constant, OnnxNode, ValueInfo, serialize
from noria.errors import InvalidArgumentError

Array = np.ndarray[Any, np.dtype[Any]]
X = np.zeros(1, np.float32)
WAIT = 60.0


class Native:
    """In place of the engine's session: calls last until ``go`` is set, and note where they run."""

    def __init__(self, error: str = "") -> None:
        self.went: list[str] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()
        self.error = error
        self.refuses: Exception | None = None
        self.kept: object = None

    def run(self, outputs: list[str], feeds: Mapping[str, Array], options: object) -> list[Array]:
        self.went.append("here")
        self.begun.release()
        assert self.go.wait(WAIT)
        return [feeds["x"] + 1]

    def run_async(
        self,
        outputs: list[str],
        feeds: Mapping[str, Array],
        callback: Callable[[list[Array], object, str], None],
        kept: object,
        options: object,
    ) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.went.append("away")
        self.kept = kept
        found = [feeds["x"] + 1]

        def work() -> None:
            self.begun.release()
            self.go.wait(WAIT)
            callback([] if self.error else found, kept, self.error)

        threading.Thread(target=work).start()


@pytest.fixture(autouse=True)
def every_call_is_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "LONG", -1.0)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as found:
        yield found


def start(native: Native, pool: ThreadPoolExecutor, run: Callable[[], Any]) -> Future[Any]:
    """The call, once it has begun."""
    found = pool.submit(run)
    assert native.begun.acquire(timeout=WAIT)
    return found


@pytest.mark.parametrize(
    ("helpers", "went"),
    [
        (0, ["here", "here", "here", "here"]),
        (1, ["here", "away", "here", "here"]),
        (2, ["here", "away", "away", "here"]),
        (7, ["here", "away", "away", "away"]),
    ],
)
def test_calls_beside_the_first_move_to_the_pool_while_it_has_threads(
    helpers: int, went: list[str], pool: ThreadPoolExecutor
) -> None:
    native, shared = Native(), Calls(lambda: helpers)
    running = [start(native, pool, lambda: shared.run(native, ["y"], {"x": X})) for _ in went]
    assert native.went == went
    native.go.set()
    assert [call.result(WAIT)[0].tolist() for call in running] == [[1.0]] * len(went)


def test_calls_one_after_the_other_stay(pool: ThreadPoolExecutor) -> None:
    native, shared = Native(), Calls(lambda: 3)
    native.go.set()
    for _ in range(3):
        shared.run(native, ["y"], {"x": X})
    assert native.went == ["here"] * 3


def test_the_thread_that_calls_computes_while_another_call_is_in_the_pool(pool: ThreadPoolExecutor) -> None:
    first, second, shared = Native(), Native(), Calls(lambda: 3)
    one = start(first, pool, lambda: shared.run(first, ["y"], {"x": X}))
    two = start(second, pool, lambda: shared.run(second, ["y"], {"x": X}))
    first.go.set()
    one.result(WAIT)
    shared.run(first, ["y"], {"x": X})
    assert (first.went, second.went) == (["here", "here"], ["away"])
    second.go.set()
    two.result(WAIT)


def test_only_a_session_whose_last_call_was_long_moves(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    native, shared = Native(), Calls(lambda: 3)
    run = caller(native, ("x",), ["y"], shared, lambda error: error)
    native.go.set()
    monkeypatch.setattr(calls, "LONG", WAIT)
    start(native, pool, lambda: run([X])).result(WAIT)
    native.go.clear()
    together = [start(native, pool, lambda: run([X])) for _ in range(2)]
    monkeypatch.setattr(calls, "LONG", -1.0)
    native.go.set()
    for call in together:
        call.result(WAIT)
    assert native.went == ["here"] * 3
    native.go.clear()
    together = [start(native, pool, lambda: run([X])) for _ in range(2)]
    assert sorted(native.went[3:]) == ["away", "here"]
    native.go.set()
    for call in together:
        assert call.result(WAIT)[0].tolist() == [1.0]


@pytest.mark.parametrize("refuses", [None, ValueError("no such input")])
def test_an_error_in_the_pool_is_the_callers_and_gives_the_thread_back(
    refuses: Exception | None, pool: ThreadPoolExecutor
) -> None:
    first, bad, good, shared = Native(), Native("out of luck"), Native(), Calls(lambda: 1)
    bad.refuses = refuses
    bad.go.set()
    one = start(first, pool, lambda: shared.run(first, ["y"], {"x": X}))
    with pytest.raises(RuntimeError if refuses is None else ValueError, match=r"out of luck|no such input"):
        shared.run(bad, ["y"], {"x": X})
    two = start(good, pool, lambda: shared.run(good, ["y"], {"x": X}))
    assert good.went == ["away"]
    for native in (first, good):
        native.go.set()
    one.result(WAIT)
    two.result(WAIT)


def test_the_engine_keeps_the_feeds_of_a_call_whose_thread_may_be_interrupted(pool: ThreadPoolExecutor) -> None:
    first, native, shared = Native(), Native(), Calls(lambda: 1)
    native.go.set()
    one = start(first, pool, lambda: shared.run(first, ["y"], {"x": X}))
    feed = np.ones(3, np.float32)
    shared.run(native, ["y"], {"x": feed})
    assert native.kept == (feed,)
    first.go.set()
    one.result(WAIT)


def test_closing_waits_for_the_pool_and_moves_nothing_more(pool: ThreadPoolExecutor) -> None:
    first, second, third, shared = Native(), Native(), Native(), Calls(lambda: 2)
    running = [start(n, pool, partial(shared.run, n, ["y"], {"x": X})) for n in (first, second)]
    closing = pool.submit(shared.close)
    while not shared.closed:
        time.sleep(0.001)
    running.append(start(third, pool, lambda: shared.run(third, ["y"], {"x": X})))
    assert third.went == ["here"]
    assert not closing.done()
    second.go.set()
    closing.result(WAIT)
    for native in (first, third):
        native.go.set()
    for call in running:
        call.result(WAIT)


# ---- the engine itself -------------------------------------------------------------------------------------------


def session(nodes: Sequence[OnnxNode], shape: Sequence[int | None], constants: Mapping[str, Array]) -> ort.Session:
    held = {name: Constant(array, dtypes.from_numpy(array.dtype)) for name, array in constants.items()}
    leaving = nodes[-1].outputs[0]
    entering = [ValueInfo("x", dtypes.float32, tuple(shape))]
    model, external = serialize(nodes, entering, [ValueInfo(leaving, dtypes.float32, None)], held)
    return ort.Session(model, external, ["x"], [leaving])


def test_threads_together_get_what_each_would_get_alone(pool: ThreadPoolExecutor) -> None:
    random = np.random.default_rng(3)
    weights = random.standard_normal((32, 8, 3, 3)).astype(np.float32)
    matrix = random.standard_normal((30, 64)).astype(np.float32)
    nodes = [
        OnnxNode("Conv", ("x", "w"), ("a",), {"kernel_shape": [3, 3]}),
        OnnxNode("Relu", ("a",), ("b",), {}),
        OnnxNode("MatMul", ("b", "m"), ("y",), {}),
    ]
    engine = session(nodes, (None, 8, 32, 32), {"w": weights, "m": matrix})
    inputs = [random.standard_normal((rows, 8, 32, 32)).astype(np.float32) for rows in (1, 2, 3, 5)] * 8
    alone = [engine.run([x])[0] for x in inputs]
    together = list(pool.map(lambda x: engine.run([x])[0], inputs))
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_error_names_its_node_whoever_computes(pool: ThreadPoolExecutor) -> None:
    shape = np.array([4, 4], np.int64)
    engine = session([OnnxNode("Reshape", ("x", "s"), ("wrong/Reshape/0",))], (None,), {"s": shape})
    engine.run([np.zeros(16, np.float32)])

    def fails(_: int) -> tuple[str | None, str]:
        with pytest.raises(InvalidArgumentError) as caught:
            engine.run([np.zeros(6, np.float32)])
        return caught.value.node_name, caught.value.message

    told = set(pool.map(fails, range(64)))
    assert len(told) == 1
    assert told.pop()[0] == "wrong"
