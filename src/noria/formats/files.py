"""Files by local path or fsspec URL: read, map, list, write atomically.

A path without ``://`` is local; it is mapped, never copied, and whoever holds a view of the mapping keeps it alive.
``file://`` URLs are local too. Any other URL goes through fsspec, which is imported when the first one is met (it
costs more than the rest of Noria's import together); its content is read whole.

Failures come out as NotFoundError, PermissionDeniedError, InvalidArgumentError (a folder where a file is needed) or
UnknownError, each naming the path.
"""

from __future__ import annotations

import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from noria.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError, UnknownError

PathLike: TypeAlias = str | os.PathLike[str]
Bytes: TypeAlias = npt.NDArray[np.uint8]


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
    with _explained(path):
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


def read_bytes(path: PathLike) -> bytes:
    """The whole content of the file at ``path``."""
    with _explained(path):
        if is_url(path):
            fs, name = _remote(path)
            content: bytes = fs.cat_file(name)
            return content
        return Path(text(path)).read_bytes()


def map_bytes(path: PathLike) -> Bytes:
    """The content of ``path`` as a read-only array of bytes: a mapping of a local file, a copy of a remote one."""
    if is_url(path):
        return np.frombuffer(read_bytes(path), np.uint8)
    with _explained(path):
        name = os.path.abspath(text(path))
        if os.path.getsize(name) == 0:  # an empty file cannot be mapped
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


@contextmanager
def atomic_writer(path: PathLike) -> Iterator[IO[bytes]]:
    """A file to write; it takes the place of ``path`` whole when the block ends well, and is dropped when it does not.

    Local: written beside, synced, renamed. Remote: object stores show a file when its writer closes it.
    """
    with _explained(path):
        if is_url(path):
            fs, name = _remote(path)
            fs.makedirs(name.rpartition("/")[0], exist_ok=True)
            with fs.open(name, "wb") as file:
                yield file
            return
        target = Path(text(path))
        target.parent.mkdir(parents=True, exist_ok=True)
        beside = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.part")
        try:
            with open(beside, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, target)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync_folder(target.parent)


def write_bytes(path: PathLike, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    with atomic_writer(path) as file:
        file.write(content)


def _sync_folder(folder: Path) -> None:
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
def _explained(path: PathLike) -> Iterator[None]:
    """Turn the operating system's errors into Noria's, with the path in front."""
    try:
        yield
    except FileNotFoundError as error:
        raise NotFoundError(f"{text(path)}: no such file or folder") from error
    except PermissionError as error:
        raise PermissionDeniedError(f"{text(path)}: no permission") from error
    except (IsADirectoryError, NotADirectoryError) as error:
        raise InvalidArgumentError(f"{text(path)}: {error.strerror}") from error
    except OSError as error:
        if error.errno is None:  # one of Noria's own (DataLossError is an OSError), or a library's
            raise
        raise UnknownError(f"{text(path)}: {error.strerror or error}") from error
