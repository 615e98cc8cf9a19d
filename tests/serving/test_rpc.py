"""What services and the edges that carry them agree on."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from noria import errors
from noria.errors import Code, TFError
from noria.serving.lifecycle.on_demand import AsleepError
from noria.serving.rpc import MAX_TEXT, Call, Unary, cut, service, short


async def _same(content: bytes, call: Call) -> bytes:
    return content


def test_paths() -> None:
    method = Unary(_same)
    assert service("a.b.C", {"D": method}) == {"/a.b.C/D": method}


def test_a_deadline_is_a_moment() -> None:
    assert Call("/a.B/C").deadline is None
    before = time.monotonic()
    deadline = Call("/a.B/C", timeout=5).deadline
    assert deadline is not None
    assert before + 5 <= deadline <= time.monotonic() + 5


def test_texts_are_cut() -> None:
    assert cut("x" * MAX_TEXT) == "x" * MAX_TEXT
    assert cut("x" * (MAX_TEXT + 1)) == "x" * MAX_TEXT + "...TRUNCATED"


def _classes(base: type[TFError] = TFError) -> Iterator[type[TFError]]:
    yield base
    for found in base.__subclasses__():
        yield from _classes(found)


def test_every_error_can_be_cut_and_keeps_its_code() -> None:
    found = set()
    for kind in _classes():
        error = kind("m", "x" * 2000) if kind is AsleepError else kind("x" * 2000)
        sent = short(error)
        found.add(sent.code)
        assert (sent.code, sent.message) == (error.code, cut(error.message))
        assert error.message == "x" * 2000  # REST sends it whole
    assert found == set(Code) - {Code.OK}


@pytest.mark.parametrize("text", ["", "why"])
def test_a_short_error_is_sent_itself(text: str) -> None:
    error = errors.NotFoundError(text)
    assert short(error) is error
