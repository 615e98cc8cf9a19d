"""When a worker that died starts again, and what is said of it."""

from __future__ import annotations

from noria.serving.workers.restarts import Deaths, describe


def test_the_first_restart_is_at_once_and_later_ones_wait_longer() -> None:
    deaths = Deaths()
    assert [deaths.add(float(second), 1) for second in range(9)] == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]
    assert deaths.count == 9


def test_a_quiet_minute_forgives() -> None:
    deaths = Deaths()
    for second in range(4):
        deaths.add(float(second), -9)
    assert deaths.looping(3.0)
    assert deaths.story(3.0) == "it died 4 times in the last minute, at last by SIGKILL (out of memory?)"
    assert not deaths.looping(100.0)
    assert deaths.story(100.0) == ""
    assert deaths.add(100.0, 3) == 0
    assert deaths.story(100.0) == "it died once in the last minute, at last with exit status 3"


def test_ends_in_words() -> None:
    assert describe(0) == "with exit status 0"
    assert describe(-11) == "by SIGSEGV"
    assert describe(-200) == "by signal 200"
