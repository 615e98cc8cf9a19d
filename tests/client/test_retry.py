"""Repetitions: when, how long, and when not."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from noria.client import options
from noria.client.exchange import Exchange, Reply, Talk
from noria.client.retry import Retries, run, run_async
from noria.errors import DeadlineExceededError, InternalError, InvalidArgumentError, NotFoundError, UnavailableError


class Flaky:
    """Unavailable for the first ``failures`` exchanges."""

    def __init__(self, failures: int, error: Exception | None = None) -> None:
        self.failures = failures
        self.error = error or UnavailableError("down")
        self.seconds: list[float] = []

    def send(self, exchange: Exchange, seconds: float) -> Reply:
        self.seconds.append(seconds)
        if len(self.seconds) <= self.failures:
            raise self.error
        return Reply(exchange.body)

    def pause(self, seconds: float) -> None:
        time.sleep(seconds)

    def close(self) -> None:
        """Nothing is open."""


class AsyncFlaky:
    def __init__(self, inner: Flaky) -> None:
        self.inner = inner

    async def send(self, exchange: Exchange, seconds: float) -> Reply:
        return self.inner.send(exchange, seconds)

    async def close(self) -> None:
        """Nothing is open."""


def echo(*, repeatable: bool = True) -> Talk[bytes]:
    reply = yield Exchange("", "/echo", b"x", repeatable=repeatable)
    return reply.body


FAST = Retries(3, first=0.001, longest=0.002)


def both(talk: Talk[bytes], talk_again: Talk[bytes], flaky: Flaky, timeout: float, retries: Retries = FAST) -> bytes:
    """The result of the blocking and of the awaited form, which must be the same."""
    other = Flaky(flaky.failures, flaky.error)
    try:
        result = run(talk, flaky, retries, timeout)
    except Exception as error:
        with pytest.raises(type(error)):
            asyncio.run(run_async(talk_again, AsyncFlaky(other), retries, timeout))
        assert len(other.seconds) == len(flaky.seconds)
        raise
    assert asyncio.run(run_async(talk_again, AsyncFlaky(other), retries, timeout)) == result
    assert len(other.seconds) == len(flaky.seconds)
    return result


def test_an_unavailable_server_is_asked_again() -> None:
    flaky = Flaky(3)
    assert both(echo(), echo(), flaky, 5) == b"x"
    assert len(flaky.seconds) == 4
    assert all(later < earlier <= 5 for earlier, later in zip(flaky.seconds, flaky.seconds[1:], strict=False))


def test_but_not_for_ever() -> None:
    flaky = Flaky(100)
    with pytest.raises(UnavailableError, match="down"):
        both(echo(), echo(), flaky, 5)
    assert len(flaky.seconds) == 4


def test_other_errors_are_final() -> None:
    flaky = Flaky(1, NotFoundError("no"))
    with pytest.raises(NotFoundError):
        both(echo(), echo(), flaky, 5)
    assert len(flaky.seconds) == 1


def test_what_changes_something_is_sent_once() -> None:
    flaky = Flaky(1)
    with pytest.raises(UnavailableError):
        both(echo(repeatable=False), echo(repeatable=False), flaky, 5)
    assert len(flaky.seconds) == 1


def test_no_wait_passes_the_deadline() -> None:
    start = time.monotonic()
    patient = Retries(5000, first=0.05, longest=5.0)
    with pytest.raises(UnavailableError, match="down"):
        run(echo(), Flaky(10000), patient, 0.2)
    with pytest.raises(UnavailableError, match="down"):
        asyncio.run(run_async(echo(), AsyncFlaky(Flaky(10000)), patient, 0.2))
    assert time.monotonic() - start < 20
    with pytest.raises(DeadlineExceededError):
        both(echo(), echo(), Flaky(0), 0.0)


def test_waits_grow_up_to_a_limit() -> None:
    retries = Retries(12, first=0.05, longest=2.0)
    most = [max(column) for column in zip(*(list(retries.waits()) for _ in range(200)), strict=True)]
    assert len(most) == 12
    for n, wait in enumerate(most):
        assert wait <= min(0.05 * 2**n, 2.0)
        assert wait > min(0.05 * 2**n, 2.0) / 2
    assert min(next(retries.waits()) for _ in range(200)) < 0.02  # any time up to the limit: full jitter


def test_a_call_may_do_something_else_after_an_error() -> None:
    def talk() -> Talk[bytes]:
        try:
            yield Exchange("", "/a")
        except NotFoundError:
            reply = yield Exchange("", "/b", b"second")
            return reply.body
        raise InternalError("not reached")

    assert both(talk(), talk(), Flaky(1, NotFoundError("no")), 5) == b"second"


@pytest.mark.parametrize("timeout", [math.inf, 1e18])
def test_no_limit(timeout: float) -> None:
    flaky = Flaky(1)
    assert both(echo(), echo(), flaky, timeout) == b"x"
    assert max(flaky.seconds) <= 1e6  # more overflows in sockets and gRPC


def test_a_timeout_that_is_no_number() -> None:
    with pytest.raises(InvalidArgumentError, match="nan"):
        both(echo(), echo(), Flaky(0), math.nan)


def test_options() -> None:
    assert options.make("t", None, None, None, None, 0).retries.times == 0
    for given, text in (
        ((None, None, b"-----BEGIN X", None, None, 1), "give cert and key"),
        ((None, b"text", None, None, None, 1), "PEM"),
        (("a\nb", None, None, None, None, 1), "token"),
        (("", None, None, None, None, 1), "token"),
        ((None, None, None, None, None, -1), "retries"),
    ):
        with pytest.raises(InvalidArgumentError, match=text):
            options.make(*given)
