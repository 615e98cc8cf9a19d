"""What is found out at load."""

from __future__ import annotations

import asyncio

import pytest

from noria.serving.batching.learn import at_load
from noria.serving.batching.profile import Profile
from noria.serving.lifecycle.servable import Cost
from noria.serving.runner import Runner
from serving.batching.signatures import row, row_signature, servable


def cost(seconds: float) -> Cost:
    found = Cost()
    found.seconds = seconds
    return found


@pytest.mark.parametrize(("seconds", "examined"), [(0.01, True), (0.00001, True), (1.0, False), (float("inf"), False)])
def test_only_what_is_known_and_not_slow(seconds: float, examined: bool) -> None:
    costs = {"s": cost(seconds)}
    at_load(costs, {"s": (row_signature(lambda x: {"y": x * 2}), row(1.0))})
    assert isinstance(costs["s"], Profile) is examined
    assert costs["s"].seconds == seconds


def test_a_no_is_not_kept() -> None:
    costs = {"s": cost(0.01)}
    at_load(costs, {"s": (row_signature(lambda x: {"y": x * 0}), row(1.0))})
    assert not isinstance(costs["s"], Profile)


def test_the_runner_sets_the_limit() -> None:
    held, signature = servable(), row_signature(lambda x: {"y": x * 2})
    held.costs["s"] = cost(0.01)
    at_load(held.costs, {"s": (signature, row(1.0))})
    runner = Runner(2, slots=3)
    asyncio.run(runner.run(held, signature, row(2.0)))
    runner.close()
    profile = held.costs["s"]
    assert isinstance(profile, Profile)
    assert profile.mixes
    assert profile.limit >= 3
