"""Counters of a loop that run alike are one in each round, and nobody can tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import noria.v1 as tf
from noria.compile import bodies
from noria.compile.counters import without_twins
from noria.compile.functions import Functions
from noria.graph.graph import Function

HOST = "x"  # text is the host's: a loop that has some does not go to the engine whole


@pytest.fixture
def merged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What stands behind the names of functions of which counters were left out."""
    found: list[str] = []

    def spy(functions: Functions, step: Function, start: Sequence[Any]) -> Function:
        result = without_twins(functions, step, start)
        if result is not step:
            found.append(result.name.rpartition("/")[2])
        return result

    monkeypatch.setattr(bodies, "without_twins", spy)
    return found


def run(start: Sequence[Any], body: Any, rounds: int = 4, **options: Any) -> list[Any]:
    """The loop's variables after so many rounds; the first counts them, text is carried along."""
    with tf.Graph().as_default(), tf.Session() as session:
        text = tf.placeholder(tf.string, [])
        *results, _ = tf.while_loop(
            lambda i, *_: i < rounds,
            lambda *values: [*body(*values[:-1]), tf.strings.join([values[-1], HOST])],
            [tf.constant(0), *map(tf.constant, start), text],
            **options,
        )
        return [value.tolist() for value in session.run(results, {text: HOST})]


def test_counters_that_start_and_step_alike_are_one(merged: list[str]) -> None:
    assert run([0, 0], lambda i, j, k: (i + 1, 1 + j, k + j)) == [4, 4, 6]
    assert set(merged) == {"1=0"}


def test_the_limit_of_a_loop_counts_beside_its_counter(merged: list[str]) -> None:
    assert run([0], lambda i, s: (i + 1, s + i), maximum_iterations=3) == [3, 3]
    assert set(merged) == {"1=0"}


@pytest.mark.parametrize(
    ("start", "step", "wanted"),
    [(1, 1, 5), (0, 2, 8), (np.int64(0), np.int64(1), 4), (0.0, 1.0, 4.0), ([0, 0], 1, [4, 4])],
)
def test_other_counters_stay_apart(start: Any, step: Any, wanted: Any, merged: list[str]) -> None:
    assert run([start], lambda i, j: (i + 1, j + step)) == [4, wanted]
    assert not merged


def test_a_start_that_is_only_known_in_the_run_keeps_counters_apart(merged: list[str]) -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        start = tf.placeholder(tf.int32, [])
        i, j, text = tf.while_loop(
            lambda i, j, t: i < 3, lambda i, j, t: (i + 1, j + 1, t + t), [tf.constant(0), start, tf.constant("x")]
        )
        assert session.run([i, j, text], {start: 5}) == [3, 8, b"x" * 8]
    assert not merged


def test_who_takes_the_counter_of_the_round_before_still_gets_it(merged: list[str]) -> None:
    assert run([0, 9], lambda i, j, last: (i + 1, j + 1, j)) == [4, 4, 3]
    assert set(merged) == {"1=0"}


def test_what_a_counter_waits_for_still_happens(merged: list[str]) -> None:
    with tf.Graph().as_default(), tf.Session() as session:
        v = tf.Variable(0, use_resource=True)

        def body(i: Any, j: Any, t: Any) -> Any:
            with tf.control_dependencies([v.assign_add(10, read_value=False)]):
                j = j + 1
            return i + 1, j, t + t

        i, j, _ = tf.while_loop(lambda i, j, t: i < 3, body, [tf.constant(0), tf.constant(0), tf.constant("x")])
        session.run(v.initializer)
        assert session.run([i, j]) == [3, 3]
        assert session.run(v) == 30
    assert not merged
