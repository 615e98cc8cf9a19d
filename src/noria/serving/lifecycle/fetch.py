"""Versions in an object store: a copy in a local directory, from which they are loaded, mapped and shared.

    <cache>/noria-<random>/lock                          locked while the copy is in use
                           <version>/saved_model.pb ...  removed, with all above, when the version has left

A copy that nobody holds, because its server was killed, is removed by the next fetch: the system lets go of a lock when
its process ends, and knows processes of other containers too.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from noria.errors import ResourceExhaustedError, UnknownError
from noria.formats import files

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX: Final = "noria-copy-"
_MAX_FILES: Final = 100_000  # of one version
_PIECE: Final = 8 << 20  # bytes read at a time
_YOUNG_SECONDS: Final = 60.0  # a directory this new may not be locked yet


@dataclass(frozen=True, slots=True)
class Copy:
    """A version on this machine: ``path``, and what ``remove`` needs."""

    path: str
    folder: str
    lock: int

    def remove(self) -> None:
        """Removes it; mappings of its files stay valid."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self.lock)


def fetch(url: str, cache_dir: str = "") -> Copy:
    """Copies the version at ``url`` (any fsspec URL) to this machine.

    cache_dir: where copies lie; by default the system's directory for temporary files. Raises NotFoundError when there
    is nothing at ``url``, ResourceExhaustedError when the disk has no room for it, UnknownError when a file arrives in
    another size than the store says. Nothing is left of a copy that failed.
    """
    cache = cache_dir or tempfile.gettempdir()
    with files.explained(cache):
        os.makedirs(cache, exist_ok=True)
        _remove_left(cache)
        folder = tempfile.mkdtemp(prefix=_PREFIX, dir=cache)
        lock = os.open(os.path.join(folder, "lock"), os.O_RDWR | os.O_CREAT, 0o600)
        _try_lock(lock)
    copy = Copy(os.path.join(folder, files.split(url.rstrip("/"))[1] or "model"), folder, lock)
    try:
        with files.explained(url):
            _copy(url, copy.path, cache)
    except BaseException:
        copy.remove()
        raise
    return copy


def _copy(url: str, target: str, cache: str) -> None:
    from fsspec.core import url_to_fs  # only remote models should pay for this import

    system, root = url_to_fs(url)
    root = str(root).rstrip("/")
    found = system.find(root, detail=True)
    if not found:
        raise FileNotFoundError(url)
    sizes = {str(name): int(entry.get("size") or 0) for name, entry in found.items() if entry["type"] == "file"}
    total, free = sum(sizes.values()), shutil.disk_usage(cache).free
    if len(sizes) > _MAX_FILES or total > free:
        raise ResourceExhaustedError(
            f"{url}: {len(sizes)} files of {total} bytes do not fit in {cache}, which has {free} bytes free; at most "
            f"{_MAX_FILES} files are taken. Give another directory with --model_cache_dir"
        )
    for name, size in sizes.items():
        relative = name.lstrip("/").removeprefix(root.lstrip("/")).lstrip("/")
        place = os.path.normpath(os.path.join(target, relative))
        if not place.startswith(target + os.sep):  # a key such as m/../../x
            continue
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if (got := _copy_file(system, name, place)) != size:
            raise UnknownError(f"{url}: {relative} arrived with {got} bytes of {size}; it may be changing")


def _copy_file(system: Any, name: str, place: str) -> int:
    copied = 0
    with system.open(name, "rb") as source, open(place, "wb") as file:
        while piece := source.read(_PIECE):
            file.write(piece)
            copied += len(piece)
    return copied


def _remove_left(cache: str) -> None:
    for name in os.listdir(cache):
        folder = os.path.join(cache, name)
        if name.startswith(_PREFIX) and time.time() - _modified(folder) > _YOUNG_SECONDS:
            with suppress(OSError):
                lock = os.open(os.path.join(folder, "lock"), os.O_RDWR)
                try:
                    if _try_lock(lock):
                        shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)


def _modified(path: str) -> float:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return time.time()


def _try_lock(file: int) -> bool:
    """Whether the lock is ours now; False too where the system has no such locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
