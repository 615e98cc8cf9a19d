"""When a version's directory has arrived: its files are all there, and nobody is still writing them.

A directory is quiet when a second look, some time after the first, finds the same names, sizes and times; one whose
newest change is older than that is quiet at the first look, so that a server starts without waiting.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from noria.errors import NotFoundError
from noria.formats import files
from noria.serving.lifecycle.completeness import missing_parts

CHANGING: Final = "its files are still changing"
QUIET_SECONDS = 1.0  # a copy changes something more often than this
_MAX_FILES: Final = 100_000  # of one version; what lies beyond is not watched
_REMOTE_TIMES: Final = ("LastModified", "last_modified", "updated", "mtime", "created")

Listing = tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Arrival:
    """What a look at a version's directory found.

    waiting: why it cannot be loaded yet, "" when it can; listing: names, sizes and times of its files, to tell later
    whether they have changed.
    """

    waiting: str
    listing: Listing


@dataclass(slots=True)
class _Watch:
    listing: Listing
    since: float  # when this listing was first seen, on the caller's clock
    answer: Arrival | None = None


class Arrivals:
    """Remembers looks at the version directories of one model. Not thread-safe: one look at a time.

    settle_seconds: how long a directory that lacks a part may stay unchanged until it counts as arrived all the same;
    the load then says what is wrong with it.
    """

    def __init__(
        self,
        settle_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        missing: Callable[[str], str] = missing_parts,
    ) -> None:
        self._settle = settle_seconds
        self._clock = clock
        self._wall_clock = wall_clock
        self._missing = missing
        self._watched: dict[str, _Watch] = {}

    def look(self, path: str) -> Arrival:
        """Whether the version at ``path`` can be loaded now. Raises what listing the files raises, as NotFoundError."""
        listing, newest = list_files(path)
        now = self._clock()
        watch = self._watched.get(path)
        if watch is None or watch.listing != listing:
            # What changed between two looks changed just now, whatever the file server's clock says.
            age = self._wall_clock() - newest if newest is not None and watch is None else 0.0
            watch = _Watch(listing, now - max(age, 0.0))
            self._watched[path] = watch
        if watch.answer is not None:
            return watch.answer
        quiet = now - watch.since
        if quiet < QUIET_SECONDS:
            return Arrival(CHANGING, listing)
        waiting = self._missing(path)
        if waiting and quiet < self._settle:
            return Arrival(waiting, listing)
        watch.answer = Arrival("", listing)
        return watch.answer

    def keep(self, paths: Collection[str]) -> None:
        """Forgets all others: they are gone, or no longer of interest."""
        self._watched = {path: watch for path, watch in self._watched.items() if path in paths}


def list_files(path: str) -> tuple[Listing, float | None]:
    """Names, sizes and times of the files below ``path``, and the newest time, seconds since 1970; None if unknown.

    Raises NotFoundError when the directory cannot be listed.
    """
    try:
        return _list_remote(path) if files.is_url(path) else _list_local(files.text(path))
    except OSError as error:
        raise NotFoundError(f"cannot list {path}: {error.strerror or error}") from None


def _list_local(path: str) -> tuple[Listing, float | None]:
    found: list[tuple[object, ...]] = []
    newest = 0
    folders = [path]
    while folders and len(found) < _MAX_FILES:
        folder = folders.pop()
        newest = max(newest, os.stat(folder).st_ctime_ns)
        with os.scandir(folder) as entries:
            for entry in entries:
                # A link counts as what it points to. ctime tells of every change; no copy command can set it back.
                try:
                    if entry.is_dir():
                        folders.append(entry.path)
                        continue
                    status = entry.stat()
                except OSError:  # a link to nothing or to itself, or just gone
                    found.append((entry.path, -1))
                    continue
                newest = max(newest, status.st_ctime_ns)
                found.append((entry.path, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
    return tuple(sorted(found, key=_by_name)), newest / 1e9


def _list_remote(path: str) -> tuple[Listing, float | None]:
    import fsspec.core  # only remote models should pay for this import

    system, root = fsspec.core.url_to_fs(path)
    system.invalidate_cache()
    times: list[float] = []
    found: list[tuple[object, ...]] = []
    for name, info in system.find(root, detail=True).items():
        changed = _time_of(info)
        found.append((name, info.get("size"), changed))
        if changed is not None:
            times.append(changed)
    known = len(times) == len(found) and bool(times)
    return tuple(sorted(found, key=_by_name)), max(times) if known else None


def _by_name(entry: tuple[object, ...]) -> str:
    return str(entry[0])


def _time_of(info: dict[str, Any]) -> float | None:
    for key in _REMOTE_TIMES:
        value = info.get(key)
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(value)
            except ValueError:
                continue
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return None
