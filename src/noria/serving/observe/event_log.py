"""The server's log on standard error: one line an event, as text or as JSON.

Any part logs through ``logging``; what a program may want to read besides the sentence goes into ``extra=event(...)``.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Final, TextIO

import orjson

from noria.errors import Code, InvalidArgumentError

_LOG = logging.getLogger(__name__)

TEXT: Final = "text"
JSON: Final = "json"
_QUIET_SECONDS: Final = 10.0  # between two lines about the same kind of refusal
_REFUSALS: Final = frozenset({Code.RESOURCE_EXHAUSTED, Code.UNAVAILABLE, Code.UNAUTHENTICATED, Code.PERMISSION_DENIED})


def event(name: str, **fields: Any) -> dict[str, Any]:
    """The ``extra`` of a log call: what happened, and its data for the JSON form."""
    return {"event": name, "fields": fields}


def start(kind: str = TEXT, stream: TextIO | None = None, *, worker: int | None = None) -> None:
    """Logs to ``stream`` (standard error by default) from now on. kind: ``text`` or ``json``.

    worker: the number of this process among several, for every line.

    A second call replaces the first. Raises InvalidArgumentError for another kind.
    """
    if kind not in _FORMATS:
        raise InvalidArgumentError(f"--log_format is {' or '.join(_FORMATS)}; got {kind!r}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_FORMATS[kind](worker))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _stamp(record: logging.LogRecord) -> str:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return f"{seconds}.{int(record.msecs):03d}Z"


def _trace(record: logging.LogRecord) -> str:
    return "".join(traceback.format_exception(*record.exc_info)).rstrip() if record.exc_info else ""


class _Formatter(logging.Formatter):
    def __init__(self, worker: int | None) -> None:
        super().__init__()
        self._worker = worker


class _Text(_Formatter):
    """``TIME LEVEL logger: sentence``; line feeds are written as ``\\n``."""

    def format(self, record: logging.LogRecord) -> str:
        where = "" if self._worker is None else f"worker {self._worker}: "
        text = f"{_stamp(record)} {record.levelname} {record.name}: {where}{record.getMessage()}"
        if record.exc_info:
            text = f"{text}\n{_trace(record)}"
        return text.replace("\r", "\\r").replace("\n", "\\n")


class _Json(_Formatter):
    """An object: ``time``, ``level``, ``logger``, ``process``, ``message``; ``event`` and its data if it has any."""

    def format(self, record: logging.LogRecord) -> str:
        found: dict[str, Any] = {
            "time": _stamp(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            **({} if self._worker is None else {"worker": self._worker}),
            "message": record.getMessage(),
        }
        name = getattr(record, "event", None)
        if name is not None:
            found |= {"event": name, **getattr(record, "fields", {})}
        if record.exc_info:
            found["exception"] = _trace(record)
        return orjson.dumps(_clean(found), default=str).decode()


def _clean(value: dict[str, Any]) -> dict[str, Any]:
    """JSON has no lone surrogates, which names from a URL or a file system may hold."""
    return {k: v.encode("utf-8", "replace").decode() if isinstance(v, str) else v for k, v in value.items()}


_FORMATS: Final[dict[str, Callable[[int | None], logging.Formatter]]] = {TEXT: _Text, JSON: _Json}


class Refusals:
    """Tells of refused requests, by code: of the first at once, of those that follow every ten seconds at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since: dict[Code, float] = {}
        self._count: dict[Code, int] = {}

    def tell(self, model: str, code: Code) -> None:
        """A request for ``model`` failed with ``code``; codes that are no refusals are left alone."""
        if code not in _REFUSALS:
            return
        now = time.monotonic()
        with self._lock:
            count = self._count[code] = self._count.get(code, 0) + 1
            if now - self._since.get(code, -_QUIET_SECONDS) < _QUIET_SECONDS:
                return
            self._since[code], self._count[code] = now, 0
        _LOG.warning(
            *("refused %d requests since the last line like this: %s, the last one for model %r", count),
            *(code.name, model),
            extra=event("refused", code=code.name, model=model, requests=count),
        )
