"""``tf.logging``: messages of the logger ``tensorflow`` on stderr, as ``LEVEL:tensorflow:message``.

The logger has Python's levels; below ``WARN`` it is silent until ``set_verbosity``. Where the program configured the
root logger first, its handlers write instead.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from functools import cache
from typing import Any, TextIO

from noria.v1.exports import constant, export

_calls: Counter[tuple[str, int]] = Counter()  # by place in the program, for log_every_n and log_first_n


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what ``sys.stderr`` is at the time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:
        return sys.stderr

    @stream.setter
    def stream(self, value: TextIO) -> None:
        raise NotImplementedError("the messages of tf.logging go to sys.stderr")


@export("get_logger")
@cache
def get_logger() -> logging.Logger:
    """The logger called ``tensorflow``."""
    logger = logging.getLogger("tensorflow")
    if not logging.getLogger().handlers:
        handler = _Stderr()
        handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
        logger.addHandler(handler)
    return logger


@export("logging.log", "logging.vlog")
def log(level: int, msg: object, *args: object, **kwargs: Any) -> None:
    """Logs ``msg % args`` at ``level``."""
    get_logger().log(level, msg, *args, **kwargs)


@export("logging.debug")
def debug(msg: object, *args: object, **kwargs: Any) -> None:
    """Logs ``msg % args`` at DEBUG."""
    log(logging.DEBUG, msg, *args, **kwargs)


@export("logging.info")
def info(msg: object, *args: object, **kwargs: Any) -> None:
    """Logs ``msg % args`` at INFO."""
    log(logging.INFO, msg, *args, **kwargs)


@export("logging.warn", "logging.warning")
def warning(msg: object, *args: object, **kwargs: Any) -> None:
    """Logs ``msg % args`` at WARN."""
    log(logging.WARNING, msg, *args, **kwargs)


@export("logging.error")
def error(msg: object, *args: object, **kwargs: Any) -> None:
    """Logs ``msg % args`` at ERROR."""
    log(logging.ERROR, msg, *args, **kwargs)


@export("logging.fatal")
def fatal(msg: object, *args: object, **kwargs: Any) -> None:
    """Logs ``msg % args`` at FATAL; the program goes on, as in TensorFlow."""
    log(logging.CRITICAL, msg, *args, **kwargs)


@export("logging.TaskLevelStatusMessage")
def task_level_status_message(msg: object) -> None:
    """Logs ``msg`` at ERROR."""
    error(msg)


@export("logging.log_if")
def log_if(level: int, msg: object, condition: object, *args: object) -> None:
    """Logs ``msg % args`` at ``level`` where ``condition`` is true."""
    if condition:
        log(level, msg, *args)


@export("logging.log_every_n")
def log_every_n(level: int, msg: object, n: int, *args: object) -> None:
    """Logs the first of every ``n`` calls from the same line of the program."""
    log_if(level, msg, _earlier_calls() % n == 0, *args)


@export("logging.log_first_n")
def log_first_n(level: int, msg: object, n: int, *args: object) -> None:
    """Logs the first ``n`` calls from the same line of the program."""
    log_if(level, msg, _earlier_calls() < n, *args)


def _earlier_calls() -> int:
    caller = sys._getframe(2)
    place = (caller.f_code.co_filename, caller.f_lineno)
    _calls[place] += 1
    return _calls[place] - 1


@export("logging.flush")
def flush() -> None:
    """Writes out what handlers hold back."""
    for handler in get_logger().handlers:
        handler.flush()


@export("logging.set_verbosity")
def set_verbosity(v: int | str) -> None:
    """Lets messages of level ``v`` and above through."""
    get_logger().setLevel(v)


@export("logging.get_verbosity")
def get_verbosity() -> int:
    """The level from which on messages are written."""
    return get_logger().getEffectiveLevel()


for _name, _level in (("DEBUG", 10), ("INFO", 20), ("WARN", 30), ("ERROR", 40), ("FATAL", 50)):
    constant(f"logging.{_name}", _level)
