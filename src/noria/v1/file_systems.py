"""Where ``tf.gfile`` finds files: the local disk, or any URL that fsspec knows.

Failures come out in TensorFlow's words: ``path; No such file or directory`` as NotFoundError, and so on by the number
of the system's error.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple, Protocol

from noria.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TFError,
    UnknownError,
)
from noria.formats import files

_BY_NUMBER: dict[int, type[TFError]] = {
    errno.ENOENT: NotFoundError,
    errno.EACCES: PermissionDeniedError,
    errno.EPERM: PermissionDeniedError,
    errno.EISDIR: FailedPreconditionError,
    errno.ENOTDIR: FailedPreconditionError,
    errno.ENOTEMPTY: FailedPreconditionError,
    errno.EEXIST: AlreadyExistsError,
    errno.EINVAL: InvalidArgumentError,
    errno.ENOSPC: ResourceExhaustedError,
    errno.EMFILE: ResourceExhaustedError,
}


class Stat(NamedTuple):
    """Size in bytes, time of the last change in nanoseconds since 1970, and whether it is a folder."""

    length: int
    mtime_nsec: int
    is_directory: bool


class FileSystem(Protocol):
    """What a place where files are can do; paths are those that ``place`` gives."""

    def open(self, path: str, mode: str) -> IO[bytes]: ...
    def exists(self, path: str) -> bool: ...
    def is_dir(self, path: str) -> bool: ...
    def list(self, path: str) -> list[str]: ...
    def make_dir(self, path: str) -> None: ...
    def make_dirs(self, path: str) -> None: ...
    def remove(self, path: str) -> None: ...
    def remove_tree(self, path: str) -> None: ...
    def rename(self, source: str, target: str) -> None: ...
    def stat(self, path: str) -> Stat: ...


def place(path: files.PathLike) -> tuple[FileSystem, str]:
    """The file system of ``path`` and the path within it."""
    if not files.is_url(path):
        return _LOCAL, files.text(path)
    from fsspec.core import url_to_fs  # an optional road, and slow to import

    try:
        system, name = url_to_fs(files.text(path))
    except (ValueError, ImportError) as error:
        raise InvalidArgumentError(f"{files.text(path)}: no file system for this URL: {error}") from error
    return _Remote(system), str(name)


@contextmanager
def explained(path: files.PathLike) -> Iterator[None]:
    """Turns the system's errors into ``tf.errors``, with the path in front."""
    try:
        yield
    except OSError as error:
        if isinstance(error, TFError):
            raise
        number = error.errno or (errno.ENOENT if isinstance(error, FileNotFoundError) else 0)
        reason = os.strerror(number) if number else str(error)
        raise _BY_NUMBER.get(number, UnknownError)(f"{files.text(path)}; {reason}") from error


class _Local:
    """The disk."""

    def open(self, path: str, mode: str) -> IO[bytes]:
        if "r" in mode and os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, "", path)
        return open(path, mode)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def is_dir(self, path: str) -> bool:
        return os.path.isdir(path)

    def list(self, path: str) -> list[str]:
        return os.listdir(path)

    def make_dir(self, path: str) -> None:
        os.mkdir(path)

    def make_dirs(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)

    def remove(self, path: str) -> None:
        os.remove(path)

    def remove_tree(self, path: str) -> None:
        shutil.rmtree(path)

    def rename(self, source: str, target: str) -> None:
        os.replace(source, target)

    def stat(self, path: str) -> Stat:
        found = os.stat(path)
        return Stat(found.st_size, found.st_mtime_ns, os.path.isdir(path))


class _Remote:
    """A file system of fsspec."""

    def __init__(self, system: Any) -> None:
        self._system = system

    def open(self, path: str, mode: str) -> IO[bytes]:
        opened: IO[bytes] = self._system.open(path, mode)
        return opened

    def exists(self, path: str) -> bool:
        return bool(self._system.exists(path))

    def is_dir(self, path: str) -> bool:
        return bool(self._system.isdir(path))

    def list(self, path: str) -> list[str]:
        return [str(name).rstrip("/").rpartition("/")[2] for name in self._system.ls(path, detail=False)]

    def make_dir(self, path: str) -> None:
        self._system.mkdir(path)

    def make_dirs(self, path: str) -> None:
        self._system.makedirs(path, exist_ok=True)

    def remove(self, path: str) -> None:
        self._system.rm_file(path)

    def remove_tree(self, path: str) -> None:
        self._system.rm(path, recursive=True)

    def rename(self, source: str, target: str) -> None:
        self._system.mv(source, target)

    def stat(self, path: str) -> Stat:
        found = self._system.info(path)
        changed = self._system.modified(path).timestamp() if found["type"] == "file" else 0.0
        return Stat(int(found.get("size") or 0), int(changed * 1e9), found["type"] == "directory")


_LOCAL = _Local()
