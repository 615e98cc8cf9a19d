"""Batching by parameters: TensorFlow Serving's semantics, codes and words."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import (
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
    UnavailableError,
)
from noria.serving.batching.parameters import Batching, Parameters
from noria.serving.batching.tf_queue import pieces
from noria.serving.runner import Runner
from serving.batching.signatures import Array, RowSignature, open_specs, row, row_signature, servable

PATIENCE = 0.25  # seconds; what is sent at once must have come by then, on a busy machine too


def run(
    parameters: Parameters,
    signature: RowSignature,
    requests: list[dict[str, Array]],
    *,
    threads: int = 1,
    outputs: list[list[str] | None] | None = None,
    deadlines: list[float | None] | None = None,
    open_gate: float = 0.0,
) -> list[Any]:
    """What each request gets, all sent at once to a server with one batch thread."""
    runner = Runner(4, batching=Batching(threads, "pool", parameters))
    held = servable()

    async def calls() -> list[Any]:
        now = time.monotonic()
        ends = [None if d is None else now + d for d in deadlines or [None] * len(requests)]
        names = outputs or [None] * len(requests)
        tasks = [
            asyncio.ensure_future(runner.run(held, signature, request, names[i], deadline=ends[i]))
            for i, request in enumerate(requests)
        ]
        if open_gate:
            await asyncio.sleep(open_gate)
            signature.gate.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    try:
        return asyncio.run(calls())
    finally:
        runner.close()


def double(x: Array) -> dict[str, Array]:
    return {"y": x * 2}


def right(found: list[Any], requests: list[dict[str, Array]]) -> bool:
    return all(np.array_equal(f["y"], r["x"] * 2) for f, r in zip(found, requests, strict=True))


@pytest.mark.parametrize(
    ("parameters", "sizes", "runs"),
    [
        (Parameters(max_batch_size=4, timeout=PATIENCE), [1, 1, 1, 1], [4]),
        (Parameters(max_batch_size=4, timeout=PATIENCE), [1, 1, 1], [3]),
        (Parameters(max_batch_size=4, timeout=PATIENCE), [3, 2, 2, 4], [3, 4, 4]),
        (Parameters(max_batch_size=4, timeout=PATIENCE, allowed=(2, 4)), [1], [2]),
        (Parameters(max_batch_size=4, timeout=PATIENCE, allowed=(2, 4)), [1, 2], [4]),
        (Parameters(max_batch_size=4, timeout=PATIENCE, allowed=(2, 4)), [2], [2]),
        (Parameters(100, PATIENCE, split=True, max_execution_batch_size=2), [5], [2, 2, 1]),
        (Parameters(100, PATIENCE, split=True, max_execution_batch_size=4), [3, 5, 1], [4, 4, 1]),
        (Parameters(4, PATIENCE, 10, (2, 4), split=True, max_execution_batch_size=4), [5], [4, 2]),
        (Parameters(max_batch_size=4, timeout=PATIENCE), [0], [0]),
    ],
)
def test_batches(parameters: Parameters, sizes: list[int], runs: list[int]) -> None:
    requests = [row(*(10.0 * i + j for j in range(size))) for i, size in enumerate(sizes)]
    signature = row_signature(double)
    assert right(run(parameters, signature, requests), requests)
    assert signature.runs == runs


def test_without_a_timeout_a_batch_runs_at_once() -> None:
    start = time.monotonic()
    assert right(run(Parameters(), row_signature(double), [row(1.0)]), [row(1.0)])
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((), np.float32)}, "input tensors must have at least one dimension"),
        ({"x": np.zeros((2, 1), np.float32), "z": np.zeros((1, 1), np.float32)}, "must have equal 0th-dimension size"),
        ({}, "must have at least one input tensor"),
        (row(1, 2, 3, 4, 5), "Task size 5 is larger than maximum input batch size 4"),
    ],
)
def test_requests_that_cannot_be_batched(arrays: dict[str, Array], message: str) -> None:
    (error,) = run(Parameters(max_batch_size=4), row_signature(double), [arrays])
    assert isinstance(error, InvalidArgumentError)
    assert message in error.message


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: {"y": x.sum()}, "Batched output tensor 'y' has 0 dimensions"),
        (lambda x: {"y": x[:1]}, "0th dimension does not equal the sum of the 0th dimension sizes"),
    ],
)
def test_outputs_must_keep_the_rows(function: Callable[..., Any], message: str) -> None:
    found = run(Parameters(timeout=PATIENCE), row_signature(function), [row(1.0), row(2.0)])
    for error in found:
        assert isinstance(error, FailedPreconditionError)
        assert message in error.message


def test_a_full_queue() -> None:
    signature = row_signature(double, shut=True)
    requests = [row(float(i)) for i in range(6)]
    found = run(Parameters(1, max_enqueued_batches=2), signature, requests, open_gate=0.1)
    refused = [outcome for outcome in found if isinstance(outcome, UnavailableError)]
    assert len(refused) in (3, 4)  # whether the thread had taken the first one by then
    assert refused[0].message == "The batch scheduling queue to which this task was submitted is full"


def test_a_request_of_more_pieces_than_fit_is_refused_whole() -> None:
    signature = row_signature(double, shut=True)
    parameters = Parameters(100, 10.0, 3, split=True, max_execution_batch_size=2)
    found = run(parameters, signature, [row(*range(9)), row(*range(4))], open_gate=0.05)
    assert isinstance(found[0], UnavailableError)
    assert right(found[1:], [row(*range(4))])


def test_outputs_of_different_filters_never_mix() -> None:
    signature = row_signature(lambda x: {"y": x * 2, "z": x})
    signature.outputs = open_specs(y=dtypes.float32, z=dtypes.float32)
    found = run(
        Parameters(timeout=PATIENCE),
        signature,
        [row(1.0), row(2.0), row(3.0), row(4.0)],
        outputs=[["y"], ["z"], ["y", "z"], ["z", "y"]],
    )
    assert sorted(signature.runs) == [1, 1, 2]
    assert [sorted(outputs) for outputs in found] == [["y"], ["z"], ["y", "z"], ["y", "z"]]


def words(*rows_of_words: list[bytes]) -> dict[str, Array]:
    return {"x": np.array(rows_of_words, object)}


def test_different_shapes_without_padding_fail_together() -> None:
    wide = {"x": np.ones((1, 3), np.float32)}
    found = run(Parameters(timeout=PATIENCE), row_signature(double), [row(1.0), wide])
    for error in found:
        assert isinstance(error, FailedPreconditionError)
        assert "Tensors with name 'x:0' from different tasks have different shapes and padding is turned off" in str(
            error
        )


@pytest.mark.parametrize(("padding", "filled"), [(None, 7.0), (0.0, 0.0), (-1.5, -1.5)])
def test_padding(padding: float | None, filled: float) -> None:
    short, long = {"x": np.array([[7, 8]], np.float32)}, {"x": np.ones((2, 4), np.float32)}
    signature = row_signature(double)
    found = run(Parameters(timeout=PATIENCE, pad=True, padding=padding), signature, [short, long])
    assert signature.runs == [3]
    assert found[0]["y"].tolist() == [[14.0, 16.0, 2 * filled, 2 * filled]]
    assert found[1]["y"].tolist() == [[2.0] * 4] * 2


def test_padding_of_words_and_of_different_ranks() -> None:
    parameters = Parameters(timeout=PATIENCE, pad=True)
    signature = row_signature(lambda x: {"y": x}, dtype=dtypes.string)
    found = run(parameters, signature, [words([b"a"]), words([b"b", b"c"])])
    assert found[0]["y"].tolist() == [[b"a", b"a"]]
    deep = {"x": np.ones((1, 2, 2), np.float32)}
    for error in run(parameters, row_signature(double), [row(1.0), deep]):
        assert isinstance(error, FailedPreconditionError)
        assert "different ranks" in error.message
    seven = [{"x": np.ones((1, 1, 1, 1, 1, 1, n), np.float32)} for n in (1, 2)]
    for error in run(parameters, row_signature(double), seven):
        assert isinstance(error, InvalidArgumentError)
        assert "rank from 1 to 6" in error.message


def test_time_that_ends_in_the_queue() -> None:
    signature = row_signature(double, shut=True)
    requests = [row(0.0), row(1.0), row(2.0)]
    found = run(Parameters(1), signature, requests, deadlines=[None, 0.05, None], open_gate=0.15)
    assert right([found[0], found[2]], [requests[0], requests[2]])
    assert isinstance(found[1], ResourceExhaustedError)
    assert found[1].message == "Run() timeout exceeded while waiting in batching queue"
    assert signature.runs == [1, 1]


def test_a_batch_that_runs_is_not_cut_off() -> None:
    for seconds in (0.03, 0.3, 3.0):  # on a busy machine it may not begin in time
        signature = row_signature(double, shut=True)
        found = run(Parameters(), signature, [row(1.0)], deadlines=[seconds], open_gate=seconds + 0.05)
        if signature.runs:
            break
    assert right(found, [row(1.0)])


def test_a_failing_run_fails_its_batch() -> None:
    def fails(x: Array) -> dict[str, Array]:
        raise DeadlineExceededError("over")

    found = run(Parameters(timeout=PATIENCE), row_signature(fails), [row(1.0), row(2.0)])
    assert [type(error) for error in found] == [DeadlineExceededError] * 2


def test_a_bad_request_does_not_fail_its_neighbours() -> None:
    def picky(x: Array) -> dict[str, Array]:
        if (x < 0).any():
            raise InvalidArgumentError("negative")
        return {"y": x * 2}

    signature = row_signature(picky)
    found = run(Parameters(timeout=PATIENCE), signature, [row(1.0), row(-2.0)])
    assert right(found[:1], [row(1.0)])
    assert isinstance(found[1], InvalidArgumentError)
    signature.changes_state = True  # then it must not run twice
    found = run(Parameters(timeout=PATIENCE), signature, [row(1.0), row(-2.0)])
    assert [type(error) for error in found] == [InvalidArgumentError] * 2


def test_errors_that_are_not_ours_fail_the_batch_too() -> None:
    def fails(x: Array) -> dict[str, Array]:
        raise MemoryError("none left")

    found = run(Parameters(timeout=PATIENCE), row_signature(fails), [row(1.0), row(2.0)])
    assert [type(error) for error in found] == [MemoryError] * 2


@pytest.mark.parametrize(
    ("size", "room", "wanted"),
    [(5, 0, [2, 2, 1]), (5, 1, [1, 2, 2]), (1, 2, [1]), (2, 0, [2]), (0, 0, [0]), (3, 1, [1, 2])],
)
def test_pieces(size: int, room: int, wanted: list[int]) -> None:
    assert pieces(Parameters(100, split=True, max_execution_batch_size=2), size, room) == wanted


def test_queues_take_turns() -> None:
    """A queue that is always full does not keep another one waiting."""
    busy, quiet = row_signature(double, shut=True), row_signature(double, shut=True)
    quiet.name = "quiet"
    order: list[str] = []

    def noting(name: str) -> Callable[[Array], dict[str, Array]]:
        def function(x: Array) -> dict[str, Array]:
            order.append(name)
            return double(x)

        return function

    busy.function, quiet.function = noting("busy"), noting("quiet")
    runner = Runner(4, batching=Batching(1, "pool", Parameters(1, max_enqueued_batches=100)))
    held = servable()

    async def calls() -> None:
        many = [asyncio.ensure_future(runner.run(held, busy, row(0.0))) for _ in range(20)]
        few = [asyncio.ensure_future(runner.run(held, quiet, row(0.0))) for _ in range(2)]
        await asyncio.sleep(0.02)
        busy.gate.set()
        quiet.gate.set()
        await asyncio.gather(*many, *few)

    asyncio.run(calls())
    runner.close()
    assert max(i for i, name in enumerate(order) if name == "quiet") < 6
