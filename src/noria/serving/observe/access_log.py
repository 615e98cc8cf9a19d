"""A line for each request, or for each slow one, where a flag asks for it.

The lines go through a bounded queue to a thread: a reader of standard error that stalls loses lines and delays nobody.
"""

from __future__ import annotations

import contextlib
import logging
import queue
from logging.handlers import QueueHandler, QueueListener
from typing import Any, Final, cast

from noria.errors import Code
from noria.serving.config import ServerConfig
from noria.serving.observe.event_log import event

LOGGER: Final = "noria.access"
_MAX_WAITING: Final = 10_000  # lines
_CLOSE_SECONDS: Final = 5.0


class _DroppingHandler(QueueHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        """The queue is full: the line is lost, as it is meant to be."""


class _Listener(QueueListener):
    def enqueue_sentinel(self) -> None:
        """Ends the thread behind the lines that wait, also when the queue is full of them."""
        with contextlib.suppress(queue.Full):
            cast("queue.Queue[Any]", self.queue).put(None, timeout=_CLOSE_SECONDS)


class _ToRoot(logging.Handler):
    """Hands a record to the server's own log as it is configured at that moment."""

    def handle(self, record: logging.LogRecord) -> bool:
        logging.getLogger().handle(record)
        return True


def _start() -> QueueListener:
    """Sends what is logged under ``noria.access`` on its way through the queue."""
    waiting: queue.Queue[Any] = queue.Queue(_MAX_WAITING)
    logger = logging.getLogger(LOGGER)
    for handler in logger.handlers.copy():
        logger.removeHandler(handler)
    logger.addHandler(_DroppingHandler(waiting))
    logger.setLevel(logging.INFO)
    logger.propagate = False
    listener = _Listener(waiting, _ToRoot())
    listener.start()
    return listener


def make(config: ServerConfig) -> AccessLog | None:
    """The log that the flags ask for, None where they ask for none."""
    if not config.log_requests and config.log_slow_requests_ms <= 0:
        return None
    return AccessLog(every=config.log_requests, slow_seconds=max(config.log_slow_requests_ms, 0.0) / 1000)


class AccessLog:
    """Logs requests: all of them, or those that take longer than ``slow_seconds`` (0 for none)."""

    def __init__(self, *, every: bool, slow_seconds: float) -> None:
        self._every = every
        self._slow = slow_seconds or float("inf")
        self._logger = logging.getLogger(LOGGER)
        self._listener = _start()

    def close(self) -> None:
        """Writes what waits."""
        self._listener.stop()

    def request(
        self, model: str, api: str, entrypoint: str, code: Code, seconds: float, received: int, sent: int
    ) -> None:
        """For ``TellingMetrics``."""
        slow = seconds > self._slow
        if slow or self._every:
            self._logger.log(
                logging.WARNING if slow else logging.INFO,
                *("%s %s of model %r: %s in %.3f ms, %d bytes in, %d out", entrypoint, api or "look-up", model),
                *(code.name, seconds * 1e3, received, sent),
                extra=event(
                    "slow_request" if slow else "request",
                    model=model,
                    api=api,
                    entrypoint=entrypoint,
                    code=code.name,
                    milliseconds=round(seconds * 1e3, 3),
                    received=received,
                    sent=sent,
                ),
            )
