"""Finds the versions of models under their base paths, again and again, in threads of its own."""

from __future__ import annotations

import heapq
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from noria.errors import NotFoundError
from noria.formats import files

_LOG = logging.getLogger(__name__)

_MAX_VERSION: Final = 2**63 - 1
_NUMBER: Final = re.compile(r"[0-9]+")
_MAX_LOOKERS: Final = 16  # threads that list directories: one that hangs must not keep the others from being seen


def scan(base_path: str) -> dict[int, str]:
    """Versions under ``base_path`` (a local path or any fsspec URL) and their paths.

    Leading zeros are fine; of two names for one number the last in name order counts. Raises NotFoundError when the
    base path does not exist or cannot be listed.
    """
    try:
        folders = _remote_folders(base_path) if files.is_url(base_path) else _local_folders(files.text(base_path))
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(
            f"the model base path {base_path} does not exist or is no directory; it must hold one numbered directory "
            "for each version, as in <base path>/1/saved_model.pb"
        ) from None
    except OSError as error:
        raise NotFoundError(f"cannot list the model base path {base_path}: {error.strerror or error}") from None
    found = {}
    for name, path in sorted(folders):
        if _NUMBER.fullmatch(name) and int(name) <= _MAX_VERSION:
            found[int(name)] = path
    return found


def _local_folders(path: str) -> list[tuple[str, str]]:
    with os.scandir(path) as entries:
        return [(entry.name, entry.path) for entry in entries if _NUMBER.match(entry.name) and _is_folder(entry)]


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """False also for what cannot be looked at, such as a link to itself: it must not hide the other versions."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _remote_folders(url: str) -> list[tuple[str, str]]:
    import fsspec.core  # only remote models should pay for this import

    system, root = fsspec.core.url_to_fs(url)
    system.invalidate_cache()
    found = []
    for entry in system.ls(root, detail=True):
        if entry["type"] == "directory":
            name = str(entry["name"]).rstrip("/")
            found.append((name.rsplit("/", 1)[-1], str(system.unstrip_protocol(name))))
    return found


def missing_version_message(name: str, base_path: str) -> str:
    """Why there is nothing to serve, and what to do about it."""
    message = f"No versions of servable {name} found under base path {base_path}."
    if any(files.exists(files.join(base_path, file)) for file in ("saved_model.pb", "saved_model.pbtxt")):
        return f"{message} It is itself a SavedModel: move it into a numbered directory, as in {base_path}/1/"
    return f"{message} A version is a directory with a number for a name, as in {base_path}/1/saved_model.pb"


@dataclass(slots=True)
class _Watched:
    interval: float | None  # seconds between two looks; None: only when asked
    due: float | None = 0.0  # on time.monotonic; None: not until asked
    looking: bool = False
    again: bool = False  # asked for while a look was under way


@dataclass(frozen=True, slots=True)
class Intervals:
    """Seconds between looks; None for never, after the first look."""

    local: float | None
    remote: float | None
    arriving: float = 0.25  # while a version is being copied

    def of(self, base_path: str) -> float | None:
        """The interval for a model under ``base_path``."""
        if self.local is None:
            return None  # off is off for every path
        return self.remote if files.is_url(base_path) else self.local


@dataclass(slots=True)
class Source:
    """Calls ``look(name)`` for each watched model when it is due, at most once at a time for one model.

    ``look`` returns whether something is on its way that should be looked at again soon. Threads start with ``watch``
    and end with ``close``; a look that hangs holds up its own model alone.
    """

    look: Callable[[str], bool]
    intervals: Intervals
    _watched: dict[str, _Watched] = field(default_factory=dict)
    _timetable: list[tuple[float, str]] = field(default_factory=list)  # a heap; entries may be out of date
    _changed: threading.Condition = field(default_factory=threading.Condition)
    _due: queue.SimpleQueue[str | None] = field(default_factory=queue.SimpleQueue)
    _lookers: int = 0
    _busy: int = 0
    _timer: threading.Thread | None = None
    _closed: bool = False

    def watch(self, base_paths: Mapping[str, str], now: Iterable[str] = ()) -> None:
        """Watches these models, by name, and no others; those that are new, and ``now``, are looked at at once."""
        with self._changed:
            for name in self._watched.keys() - base_paths.keys():
                del self._watched[name]
            for name, base_path in base_paths.items():
                interval = self.intervals.of(base_path)
                if name in self._watched:
                    self._watched[name].interval = interval
                else:
                    self._watched[name] = _Watched(interval)
                    self._plan(name, 0.0)
            for name in now:
                self._ask(name)
            if self._timer is None and not self._closed:
                self._timer = threading.Thread(target=self._run, name="noria-poll", daemon=True)
                self._timer.start()
            self._changed.notify()

    def ask(self, name: str) -> None:
        """Looks at a model as soon as possible."""
        with self._changed:
            if name in self._watched:
                self._ask(name)
                self._changed.notify()

    def close(self) -> None:
        """Ends the threads; a look under way is not waited for."""
        with self._changed:
            self._closed = True
            for _ in range(self._lookers):
                self._due.put(None)
            self._changed.notify()

    def _ask(self, name: str) -> None:
        watched = self._watched[name]
        if watched.looking:
            watched.again = True
        else:
            self._plan(name, 0.0)

    def _plan(self, name: str, due: float) -> None:
        self._watched[name].due = due
        heapq.heappush(self._timetable, (due, name))

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                while self._timetable and self._timetable[0][0] <= now:
                    due, name = heapq.heappop(self._timetable)
                    watched = self._watched.get(name)
                    if watched is not None and watched.due == due and not watched.looking:
                        watched.looking = True
                        self._submit(name)
                self._changed.wait(self._timetable[0][0] - now if self._timetable else None)

    def _submit(self, name: str) -> None:
        self._busy += 1
        if self._busy > self._lookers and self._lookers < _MAX_LOOKERS:
            self._lookers += 1
            threading.Thread(target=self._look_on, name=f"noria-look-{self._lookers}", daemon=True).start()
        self._due.put(name)

    def _look_on(self) -> None:
        while (name := self._due.get()) is not None:
            soon = False
            try:
                soon = self.look(name)
            except Exception:
                _LOG.exception("looking for versions of %s failed", name)
            with self._changed:
                self._busy -= 1
                if name in self._watched and (due := self._next_due(self._watched[name], soon=soon)) is not None:
                    self._plan(name, due)
                    if self._timetable[0][0] == due:
                        self._changed.notify()

    def _next_due(self, watched: _Watched, *, soon: bool) -> float | None:
        """When to look again after a look that has just ended."""
        watched.looking, watched.due = False, None
        interval = watched.interval
        if watched.again:
            watched.again = False
            return 0.0
        if soon:
            return time.monotonic() + min(self.intervals.arriving, interval or self.intervals.arriving)
        return None if interval is None else time.monotonic() + interval
