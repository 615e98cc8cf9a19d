"""Files by local path or fsspec URL: read, map, list, write atomically.

A path without ``://`` is local; unless it is small it is mapped, not copied, and whoever holds a view of the mapping
keeps it alive.
``file://`` URLs are local too. Any other URL goes through fsspec, which is imported when the first one is met (it
costs more than the rest of Noria's import together); its content is read whole.

Failures come out as NotFoundError, PermissionDeniedError, InvalidArgumentError (a folder where a file is needed),
ResourceExhaustedError (no space left) or UnknownError, each naming the path.
"""

from __future__ import annotations

import errno
import itertools
import mmap
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from noria.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnknownError,
)

PathLike: TypeAlias = str | os.PathLike[str]
Bytes: TypeAlias = npt.NDArray[np.uint8]

MAPPED_BYTES: Final = 1 << 20  # of a file from which it is mapped: a mapping shows what is written to the file later
_DESCRIPTORS: Final = "/proc/self/fd"  # where Linux shows a process its open files
_BUFFER: Final = 1 << 17  # bytes; larger writes go straight to the system
_NAME: Final = 200  # characters of a file's name that its hidden name keeps
_COUNTER: Final = itertools.count()
_WILD: Final = re.compile(r"[*?\[\\]")
_WORDS: Final = re.compile(r"\\.|\[[!^]?[^\]]+\]|.", re.DOTALL)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def text(path: PathLike) -> str:
    """``path`` as text; ``file://`` URLs become the local path they name."""
    name = os.fspath(path)
    if not name.startswith("file://"):
        return name
    from urllib.parse import unquote, urlparse  # 3 ms of import that only such a URL should pay for

    return unquote(urlparse(name).path)


def is_url(path: PathLike) -> bool:
    """Whether ``path`` needs fsspec."""
    return "://" in text(path)


def join(folder: PathLike, *parts: str) -> str:
    """``folder/part/part``; URLs keep their form."""
    if is_url(folder):
        return "/".join([text(folder).rstrip("/"), *parts])
    return os.path.join(text(folder), *parts)


def split(path: PathLike) -> tuple[str, str]:
    """(folder, last part); the folder of a bare name is ``.``, as ``join`` takes it."""
    folder, slash, name = text(path).rpartition("/")
    if is_url(path):
        return (folder, name) if not folder.endswith("/") else (text(path), "")
    return (folder or ("/" if slash else "."), name)


def exists(path: PathLike) -> bool:
    """Whether there is a file or folder at ``path``."""
    if is_url(path):
        fs, name = _remote(path)
        return bool(fs.exists(name))
    return os.path.exists(text(path))


def is_dir(path: PathLike) -> bool:
    """Whether ``path`` is a folder."""
    if is_url(path):
        fs, name = _remote(path)
        return bool(fs.isdir(name))
    return os.path.isdir(text(path))


def list_dir(path: PathLike) -> list[str]:
    """The sorted names in the folder ``path``; empty where there is no such folder."""
    with explained(path):
        if is_url(path):
            fs, name = _remote(path)
            if not fs.isdir(name):
                return []
            entries = fs.ls(name, detail=False)
            return sorted({str(entry).rstrip("/").rpartition("/")[2] for entry in entries})
        return sorted(os.listdir(text(path))) if os.path.isdir(text(path)) else []


def walk(path: PathLike) -> list[str]:
    """Every file below the folder ``path``, as sorted relative names; empty where there is no such folder."""
    found: list[str] = []
    for name in list_dir(path):
        inner = join(path, name)
        found += [f"{name}/{below}" for below in walk(inner)] if is_dir(inner) else [name]
    return found


def match(pattern: PathLike) -> list[str]:
    """The sorted paths of files and folders that match ``pattern``, as TensorFlow's file system matches them.

    ``*`` (any text without ``/``), ``?`` (one character) and ``[...]`` may stand in any part; a name that begins with
    a dot is matched like any other. A backslash takes the next character as it is.
    """
    if is_url(pattern):
        fs, name = _remote(pattern)
        scheme = text(pattern).partition("://")[0]
        return sorted(f"{scheme}://{found.lstrip('/')}" for found in fs.glob(name))
    folder, _, last = text(pattern).rpartition("/")
    if not _WILD.search(text(pattern)):
        return [text(pattern)] if os.path.exists(text(pattern)) else []
    wanted = _pattern(last)
    start = "/" if text(pattern).startswith("/") and not folder else folder
    above = match(start) if start else [""]
    return sorted(
        join(place, name) if place else name for place in above for name in list_dir(place or ".") if wanted(name)
    )


def _pattern(part: str) -> Callable[[str], object]:
    """Whether a name matches one part of a pattern."""
    words = []
    for word in _WORDS.findall(part):
        if word in ("*", "?"):
            words.append(".*" if word == "*" else ".")
        elif len(word) > 2 and word[0] == "[":
            words.append(
                "[" + ("^" if word[1] in "!^" else "") + re.escape(word[1:-1].lstrip("!^")).replace(r"\-", "-") + "]"
            )
        else:
            words.append(re.escape(word[1] if len(word) == 2 and word[0] == "\\" else word))
    return re.compile("".join(words), re.DOTALL).fullmatch


def read_bytes(path: PathLike) -> bytes:
    """The whole content of the file at ``path``."""
    with explained(path):
        if is_url(path):
            fs, name = _remote(path)
            content: bytes = fs.cat_file(name)
            return content
        return Path(text(path)).read_bytes()


def map_bytes(path: PathLike) -> Bytes:
    """The content of ``path`` as read-only bytes: a mapping of a local file, a copy of a small or remote one.

    The array shows what is written to a mapped file later; where the file becomes shorter, reading beyond its end ends
    the process.
    """
    if is_url(path):
        return np.frombuffer(read_bytes(path), np.uint8)
    with explained(path):
        name = os.path.abspath(text(path))
        if os.path.getsize(name) < MAPPED_BYTES:
            return np.frombuffer(Path(name).read_bytes(), np.uint8)
        return np.memmap(name, np.uint8, mode="r").view(np.ndarray)  # slices of a plain array are five times cheaper


def locate(array: npt.NDArray[Any]) -> tuple[str, int] | None:
    """(absolute path, byte offset) of an array that is a contiguous view into a mapped local file, else None.

    The bytes are those of the file at the time it was mapped; a file replaced since then is another file.
    """
    if not array.flags.c_contiguous or array.size == 0:
        return None
    base: Any = array
    while isinstance(base, np.ndarray):
        inner = base.base
        if isinstance(base, np.memmap) and isinstance(inner, mmap.mmap):
            if base.filename is None:
                return None
            start = int(base.__array_interface__["data"][0])
            return os.fspath(base.filename), int(base.offset) + int(array.__array_interface__["data"][0]) - start
        base = inner
    return None


def release(array: npt.NDArray[Any]) -> None:
    """Lets the system take back the pages of the file that ``array`` is mapped from; a later read fetches them again.

    For weights that have been read once and packed by the engine. An array of ordinary memory is left alone.
    """
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)


def size(path: PathLike) -> int:
    """Bytes of the file at ``path``."""
    with explained(path):
        if is_url(path):
            fs, name = _remote(path)
            return int(fs.size(name) or 0)
        return os.stat(text(path)).st_size


def modified(path: PathLike) -> float:
    """When the file at ``path`` was last written, in seconds since 1970."""
    with explained(path):
        if is_url(path):
            fs, name = _remote(path)
            return float(fs.modified(name).timestamp())
        return os.stat(text(path)).st_mtime


def rename(path: PathLike, target: PathLike) -> None:
    """Move the file at ``path`` to ``target`` in the same file system; what stood there is replaced."""
    with explained(path):
        if is_url(path):
            fs, name = _remote(path)
            fs.mv(name, _remote(target)[1])
            return
        folder = os.path.dirname(text(target))
        if folder:
            os.makedirs(folder, exist_ok=True)
        os.replace(text(path), text(target))


def remove(path: PathLike) -> bool:
    """Remove the file at ``path``; False where there is none."""
    try:
        with explained(path):
            if is_url(path):
                fs, name = _remote(path)
                fs.rm_file(name)
            else:
                os.unlink(text(path))
    except NotFoundError:
        return False
    return True


class Replacement:
    """Files that are written beside their places and take them together, in the order in which they were opened.

    Used as a context manager: when the block ends well each file is complete before the first one takes its place;
    when it fails, nothing of them is left. Where the system has files without a name (``O_TMPFILE``) a process that is
    killed leaves nothing of new files either, and rarely a hidden ``.NAME.*.part`` of one that it replaces, until the
    next writer of NAME; elsewhere such a file may stay. No reader takes those for a checkpoint or a model.

    sync: also wait until files and folders are on the disk, so that they survive a loss of power. Without it they
    survive the end of the process, whatever its cause. Remote: object stores show a file when its writer closes it.
    """

    def __init__(self, *, sync: bool = True) -> None:
        self._sync = sync
        self._open: list[_Beside | _Remote] = []

    def __enter__(self) -> Replacement:
        return self

    def open(self, path: PathLike) -> IO[bytes]:
        """A new file that will be at ``path``; its folder is made where it is missing. Large writes are not copied."""
        with explained(path):
            beside = _Remote(path) if is_url(path) else _Beside(path)
        self._open.append(beside)
        return beside.file

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting, self._open = self._open, []
        at: _Beside | _Remote | None = None
        try:
            if kind is None:
                for at in waiting:
                    with explained(at.path):
                        at.complete(sync=self._sync)
                for at in waiting:
                    with explained(at.path):
                        at.take_place()
        finally:
            for at in waiting:
                at.drop()
        if kind is None and self._sync:
            for folder in dict.fromkeys(at.folder for at in waiting if isinstance(at, _Beside)):
                sync_folder(folder)


class _Beside:
    """A local file on its way to ``path``."""

    def __init__(self, path: PathLike) -> None:
        self.path = path
        self.folder, self._name = os.path.split(os.path.abspath(text(path)))
        os.makedirs(self.folder, exist_ok=True)
        self._part: str | None = None
        self._placed = False
        self.file: IO[bytes] = open(self._new(), "wb", buffering=_BUFFER)  # noqa: SIM115  # closed by drop

    def _new(self) -> int:
        """The descriptor of a file without a name, or of one with a hidden name where the system has no such files."""
        flags = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
        if hasattr(os, "O_TMPFILE") and os.path.isdir(_DESCRIPTORS):
            try:
                return os.open(self.folder, flags | os.O_TMPFILE, 0o666)
            except OSError as error:
                if error.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
                    raise
        self._part = self._part_name()
        return os.open(self._part, flags | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)

    def _part_name(self) -> str:
        name = f".{self._name[:_NAME]}.{os.getpid()}-{threading.get_ident()}-{next(_COUNTER)}.part"
        return os.path.join(self.folder, name)

    def complete(self, *, sync: bool) -> None:
        self.file.flush()
        if sync:
            os.fsync(self.file.fileno())
        if self._part is not None:
            self.file.close()

    def take_place(self) -> None:
        target = os.path.join(self.folder, self._name)
        if self._part is not None:
            os.replace(self._part, target)
        else:
            self._name_it(target)
        self._placed = True

    def _name_it(self, target: str) -> None:
        """Give a file without a name its own: at once where it is free, else by a hidden one that replaces it.

        Killed between the two steps, a process leaves the hidden name; the next writer of the target removes it.
        """
        hidden = self._part_name()
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            for name in (target, hidden):
                try:  # a folder's descriptor makes Python call linkat, which alone follows the link to the open file
                    os.link(f"{_DESCRIPTORS}/{self.file.fileno()}", name, dst_dir_fd=folder, follow_symlinks=True)
                except FileExistsError:
                    if name == hidden:
                        raise
                else:
                    break
        finally:
            os.close(folder)
        if name == hidden:
            self._part = hidden
            os.replace(hidden, target)
            self._remove_left()

    def _remove_left(self) -> None:
        """Remove the hidden names of this target that processes left which are no more."""
        left = re.compile(rf"\.{re.escape(self._name[:_NAME])}\.(\d+)-\d+-\d+\.part")
        for name in os.listdir(self.folder):
            found = left.fullmatch(name)
            if found and not _is_running(int(found[1])):
                with suppress(OSError):
                    os.unlink(os.path.join(self.folder, name))

    def drop(self) -> None:
        """Close the file; remove it where it did not take its place."""
        with suppress(OSError):
            self.file.close()
        if self._part is not None and not self._placed:
            with suppress(OSError):
                os.unlink(self._part)


def _is_running(process: int) -> bool:
    """Whether a process of this number runs here; True where that cannot be told."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


class _Remote:
    """A file of an fsspec file system, shown when it is closed."""

    def __init__(self, path: PathLike) -> None:
        self.path = path
        fs, name = _remote(path)
        fs.makedirs(name.rpartition("/")[0], exist_ok=True)
        self.file: IO[bytes] = fs.open(name, "wb")
        self._placed = False

    def complete(self, *, sync: bool) -> None:
        self.file.flush()

    def take_place(self) -> None:
        self.file.close()
        self._placed = True

    def drop(self) -> None:
        if not self._placed:
            discard = getattr(self.file, "discard", None)
            if discard is not None:
                discard()


@contextmanager
def atomic_writer(path: PathLike, *, sync: bool = True) -> Iterator[IO[bytes]]:
    """A file to write; it takes the place of ``path`` whole when the block ends well, and is dropped when it does not.

    See Replacement, for one file; errors of writing name ``path``.
    """
    with explained(path), Replacement(sync=sync) as files:
        yield files.open(path)


def write_bytes(path: PathLike, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_writer(path) as file:
        file.write(content)


def sync_folder(folder: str) -> None:
    """Make a rename durable, where the system lets a folder be opened."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remote(path: PathLike) -> tuple[Any, str]:
    from fsspec.core import url_to_fs  # an optional road, and slow to import

    try:
        fs, name = url_to_fs(text(path))
    except (ValueError, ImportError) as error:
        raise InvalidArgumentError(f"{text(path)}: no file system for this URL: {error}") from error
    return fs, str(name)


@contextmanager
def explained(path: PathLike) -> Iterator[None]:
    """Turn the operating system's errors into Noria's, with the path in front."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"{text(path)}: no such file or folder") from error
    except PermissionError as error:
        raise PermissionDeniedError(f"{text(path)}: no permission") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise InvalidArgumentError(f"{text(path)}: {error.strerror}") from error
    except FileExistsError as error:  # of making folders
        raise InvalidArgumentError(f"{text(path)}: {error.filename} is a file, not a folder") from error
    except OSError as error:
        if error.errno is None:  # one of Noria's own (DataLossError is an OSError), or a library's
            raise
        if error.errno in _FULL:
            raise ResourceExhaustedError(
                f"{text(path)}: {error.strerror}; free some space or write elsewhere (what stood there is untouched)"
            ) from error
        raise UnknownError(f"{text(path)}: {error.strerror or error}") from error
