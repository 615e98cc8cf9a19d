"""How many rows a batch takes, by what batches cost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from noria.serving.batching.profile import Profile


def learned(cost: Callable[[int], float], waiting: int = 64, most: int = 32, batches: int = 40) -> list[int]:
    """The sizes chosen for a signature whose batch of n rows takes cost(n) seconds."""
    profile = Profile()
    sizes = []
    for _ in range(batches):
        size = profile.choose(waiting, 1, most, 8.0)
        sizes.append(size)
        profile.measured(size, 8 * size, cost(size))
    return sizes


@pytest.mark.parametrize(
    ("cost", "wanted"),
    [
        (lambda n: 0.01 * n, 1),  # no gain: each is answered as soon as can be
        (lambda n: 0.01 + 0.0001 * n, 32),
        (lambda n: 0.01 * n if n > 4 else 0.01 + 0.001 * n, 4),
        (lambda n: 0.01 * n**1.5, 1),
    ],
)
def test_the_smallest_of_the_best_sizes(cost: Callable[[int], float], wanted: int) -> None:
    sizes = learned(cost)
    assert max(set(sizes), key=sizes.count) == wanted


def test_larger_sizes_are_not_tried_once_they_are_worse() -> None:
    assert max(learned(lambda n: 0.01 * n**1.5)) == 2


def test_never_more_than_there_are() -> None:
    profile = Profile()
    for waiting, most, wanted in ((1, 32, 1), (5, 1, 1)):
        assert profile.choose(waiting, 1, most) == wanted
    assert profile.choose(5, 3, 32) == 4  # rounded up to a step: no more than five are there
    assert profile.choose(50, 40, 32) == 40


def test_pieces_of_large_requests() -> None:
    profile = Profile()
    assert profile.piece(32, 100, 800) == 32
    profile.measured(1, 8, 0.001)  # tiny sizes do not count
    assert profile.piece(32, 100, 800) == 32
    for rows, seconds in ((8, 0.08), (16, 0.16), (32, 0.6), (64, 0.1)):
        profile.measured(rows, 8 * rows, seconds)
    assert profile.piece(32, 100, 800) == 16
    assert profile.piece(4, 100, 800) == 4


def test_pieces_are_worth_their_own_costs() -> None:
    profile = Profile()
    profile.measured(32, 320, 0.00032)  # 10 microseconds a row
    assert profile.piece(32, 2000, 20_000) == 512
    assert profile.piece(32, 2000, 40_000) == 256  # of twice the bytes each
    assert profile.piece(32, 40, 400) == 64  # all of it


def test_no_request_is_cut_into_more_pieces_than_the_queues_can_bear() -> None:
    assert Profile().piece(32, 2_000_000, 8_000_000) == 31_264
    profile = Profile()
    profile.measured(32, 128, 3.2)
    assert profile.piece(32, 64_000, 256_000) == 1024


def test_a_slow_first_measure_is_measured_again() -> None:
    calls = 0

    def cost(n: int) -> float:
        nonlocal calls
        calls += n == 8
        return 5.0 if n == 8 and calls == 1 else 0.01 + 0.0001 * n

    last = learned(cost, batches=300)[-20:]
    assert max(set(last), key=last.count) == 32


def test_wait_is_what_waits_times_its_cost() -> None:
    profile = Profile()
    profile.waiting = 800
    assert profile.wait() == 0.0
    profile.measured(1, 8, 5.0)
    assert profile.wait() == 0.0
    profile.measured(1, 8, 0.5)
    assert profile.wait() == pytest.approx(50.0)


def test_runs_at_the_same_time_share_what_they_cost() -> None:
    alone, beside = Profile(), Profile(limit=2)
    for profile, seconds, running in ((alone, 0.5, 1.0), (beside, 1.0, 2.0)):
        profile.waiting = 800
        for _ in range(3):
            profile.measured(1, 8, seconds, running)
        assert profile.wait() == pytest.approx(50.0)


def test_no_batch_is_tried_that_takes_long() -> None:
    """At 0.1 s a row, four rows take 0.4 s, and eight would keep everyone in them for 0.8 s, and bring nothing."""
    assert max(learned(lambda n: 0.1 * n**0.99)) == 4
    assert max(learned(lambda n: 2.0 * n)) == 1
    assert max(learned(lambda n: 0.3 + 0.02 * n)) == 32
