"""The server's log: one line an event, what its fields are, and which requests have a line."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from noria.errors import Code, InvalidArgumentError
from noria.serving.config import ServerConfig
from noria.serving.observe import access_log, event_log
from noria.serving.observe.access_log import AccessLog
from noria.serving.observe.event_log import event
from noria.serving.observe.metrics import Metrics, TellingMetrics

_LOG = logging.getLogger("noria.serving.test")


@contextlib.contextmanager
def logging_to(stream: Any, kind: str) -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers.copy(), root.level
    for handler in handlers:  # basicConfig would close them
        root.removeHandler(handler)
    try:
        event_log.start(kind, stream)
        yield
    finally:
        for handler in root.handlers.copy():
            root.removeHandler(handler)
        for handler in handlers:
            root.addHandler(handler)
        root.setLevel(level)


def log_of(kind: str, *calls: Any) -> list[str]:
    stream = io.StringIO()
    with logging_to(stream, kind):
        for call in calls:
            call()
    return stream.getvalue().splitlines()


def _fail() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        _LOG.exception("it failed\nbadly")


def test_text_is_one_line_an_event() -> None:
    one, other = log_of("text", lambda: _LOG.info("model %s", "m", extra=event("x", model="m")), _fail)
    assert one.endswith(" INFO noria.serving.test: model m")
    assert one[:2] == "20"
    assert one.split(" ")[0].endswith("Z")
    assert "it failed\\nbadly\\nTraceback" in other
    assert other.endswith("ValueError: two\\nlines")


def test_json_is_one_object_an_event() -> None:
    lines = log_of(
        "json",
        lambda: _LOG.warning("model %s", "m", extra=event("model_state", model="\ud800", version=3, seconds=0.5)),
        _fail,
        lambda: _LOG.info("plain"),
    )
    one, failed, plain = map(json.loads, lines)
    assert one.pop("time").endswith("Z")
    assert one.pop("process") > 0
    assert one == {
        "level": "WARNING",
        "logger": "noria.serving.test",
        "message": "model m",
        "event": "model_state",
        "model": "?",
        "version": 3,
        "seconds": 0.5,
    }
    assert failed["message"] == "it failed\nbadly"
    assert failed["exception"].startswith("Traceback")
    assert "event" not in plain


def test_an_unknown_format() -> None:
    with pytest.raises(InvalidArgumentError, match="--log_format is text or json; got 'xml'"):
        event_log.start("xml")


def test_refusals_are_told_once_in_a_while() -> None:
    metrics = Metrics(lambda name: True)

    def refuse() -> None:
        for _ in range(1000):
            metrics.request("m", "predict", "REST", Code.RESOURCE_EXHAUSTED, 0.0)
        metrics.request("m", "predict", "REST", Code.NOT_FOUND, 0.0)
        metrics.request("m", "predict", "REST", Code.UNAUTHENTICATED, 0.0)

    found = [json.loads(line) for line in log_of("json", refuse)]
    assert [(line["event"], line["code"], line["requests"]) for line in found] == [
        ("refused", "RESOURCE_EXHAUSTED", 1),
        ("refused", "UNAUTHENTICATED", 1),
    ]


def _answer(log: AccessLog, *milliseconds: float) -> None:
    metrics = TellingMetrics(lambda name: True, [log.request])
    for each in milliseconds:
        metrics.request("m", "predict", "REST", Code.OK, each / 1000, 10, 20)
    log.close()


def test_every_request_has_a_line_where_asked_for() -> None:
    stream = io.StringIO()
    with logging_to(stream, "json"):
        _answer(AccessLog(every=True, slow_seconds=0.05), 1.0, 70.0)
    one, slow = map(json.loads, stream.getvalue().splitlines())
    assert one["logger"] == access_log.LOGGER
    assert (one["event"], one["level"], one["milliseconds"]) == ("request", "INFO", 1.0)
    assert (one["model"], one["api"], one["entrypoint"], one["code"]) == ("m", "predict", "REST", "OK")
    assert (one["received"], one["sent"]) == (10, 20)
    assert (slow["event"], slow["level"], slow["milliseconds"]) == ("slow_request", "WARNING", 70.0)


def test_slow_requests_alone() -> None:
    stream = io.StringIO()
    with logging_to(stream, "text"):
        _answer(AccessLog(every=False, slow_seconds=0.05), 1.0, 70.0, 2.0)
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("noria.access: REST predict of model 'm': OK in 70.000 ms, 10 bytes in, 20 out")


def test_nothing_is_logged_by_default() -> None:
    stream = io.StringIO()
    with logging_to(stream, "text"):
        Metrics(lambda name: True).request("m", "predict", "REST", Code.OK, 70.0)
    assert access_log.make(ServerConfig()) is None
    assert stream.getvalue() == ""


def test_a_reader_that_stalls_delays_no_request() -> None:
    gate = threading.Event()

    class Stalled(io.StringIO):
        def write(self, text: str) -> int:
            gate.wait(120)
            return super().write(text)

    stream = Stalled()
    with logging_to(stream, "text"):
        log = AccessLog(every=True, slow_seconds=0.0)
        for _ in range(11_000):
            log.request("m", "predict", "REST", Code.OK, 0.001, 0, 0)
        gate.set()
        log.close()
    assert 10_000 <= len(stream.getvalue().splitlines()) < 11_000
