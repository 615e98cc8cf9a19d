"""Notices that a small file has changed, when it is asked in the course of other work: no thread, one look a second."""

from __future__ import annotations

import os
import threading
import time
from typing import Final

_LOOK_SECONDS: Final = 1.0


class Watch:
    """One local file. Thread-safe; asking costs a look at the clock, and once a second one at the file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._looking = threading.Lock()
        self._stamp = _stamp(path)
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def changed(self) -> bool:
        """Whether the file is another one than when it last said so (or began): told to one caller only."""
        if time.monotonic() < self._next_look or not self._looking.acquire(blocking=False):
            return False
        try:
            self._next_look = time.monotonic() + _LOOK_SECONDS
            before, self._stamp = self._stamp, _stamp(self._path)
            return self._stamp != before
        finally:
            self._looking.release()


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
