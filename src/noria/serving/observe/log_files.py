"""Files that grow by whole records, begin anew by size and age, and never take more room than they may.

Names are ``<prefix>-<UTC time>-<process>-<number>.<ending>``. A record is written by one call and cut off again when
the disk takes only a part of it, so the file being written can be read at any moment.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import re
import time
from dataclasses import dataclass
from typing import Final

from noria.errors import TFError, UnavailableError
from noria.formats import files

_NUMBERS: Final = itertools.count(1)
_RETRY_SECONDS: Final = 1.0  # how long a file that does not open is left alone


@dataclass(frozen=True, slots=True)
class Bounds:
    """When a file is closed for the next one, in bytes and seconds, and the bytes of all files of one prefix."""

    file_bytes: int = 64 << 20
    file_seconds: float = 3600.0
    total_bytes: int = 1 << 30


class LogFiles:
    """The files of one prefix and ending, for one writing thread."""

    def __init__(self, prefix: str, ending: str, bounds: Bounds) -> None:
        self._folder, self._stem = os.path.split(os.path.abspath(prefix))
        self._ending = ending
        self._bounds = bounds
        self._file = -1  # descriptor
        self._size = 0
        self._opened = 0.0
        self._failure: TFError | None = None
        self._retry_at = 0.0

    def write(self, record: bytes) -> None:
        """Appends a record.

        Raises NotFoundError, PermissionDeniedError, ResourceExhaustedError (the disk is full) or another TFError that
        names the path; nothing of the record is in the file then.
        """
        now = time.monotonic()
        if self._file >= 0 and (
            (self._size and self._size + len(record) > self._bounds.file_bytes)
            or now - self._opened >= self._bounds.file_seconds
            or os.fstat(self._file).st_nlink == 0  # somebody removed it
        ):
            self.close()
        if self._file < 0:
            self._open(now, len(record))
        with files.explained(os.path.join(self._folder, self._stem)):
            self._append(record)

    def _append(self, record: bytes) -> None:
        try:
            written = os.write(self._file, record)
            while written < len(record):
                more = os.write(self._file, memoryview(record)[written:])
                if not more:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += more
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(record)

    def _open(self, now: float, coming: int) -> None:
        if self._failure is not None and now < self._retry_at:
            raise self._failure
        try:
            with files.explained(os.path.join(self._folder, self._stem)):
                os.makedirs(self._folder, exist_ok=True)
                self._make_room(max(self._bounds.file_bytes, coming))
                stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
                name = f"{self._stem}-{stamp}-{os.getpid()}-{next(_NUMBERS)}.{self._ending}"
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
                self._file = os.open(os.path.join(self._folder, name), flags, 0o640)
        except TFError as error:
            self._failure, self._retry_at = error, now + _RETRY_SECONDS
            raise
        self._failure = None
        self._size, self._opened = 0, now

    def _make_room(self, wanted: int) -> None:
        """Removes the oldest files until ``wanted`` more bytes fit under the bound; only files with names of ours."""
        pattern = re.compile(re.escape(self._stem) + r"-(\d{8}T\d{6}Z)-\d+-(\d+)\." + re.escape(self._ending))
        found = []
        with os.scandir(self._folder) as entries:
            for entry in entries:
                match = pattern.fullmatch(entry.name)
                if match is not None:
                    found.append((match[1], int(match[2]), entry.path, entry.stat().st_size))
        total = sum(row[3] for row in found)
        for _, _, path, size in sorted(found):
            if total + wanted <= self._bounds.total_bytes:
                return
            with contextlib.suppress(FileNotFoundError):  # another process of this server was faster
                os.remove(path)
            total -= size
        if wanted > self._bounds.total_bytes:
            raise UnavailableError(
                f"a record of {wanted} bytes is more than all request logs may take ({self._bounds.total_bytes} bytes)"
            )

    def close(self) -> None:
        """Closes the file at hand; the next record opens a new one."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
