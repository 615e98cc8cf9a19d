"""``tf.gfile`` and ``tf.io.gfile``: files and folders by path or URL, with TensorFlow's rules and errors.

As in TensorFlow: a file is opened by the first read or write, so a writer that wrote nothing leaves no file; ``r+``
starts an empty file; positions and sizes count bytes; lines end in ``\\n`` and lose every ``\\r``; text is UTF-8.
"""

from __future__ import annotations

import glob as python_glob
import os
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import IO, Any, Self, TypeAlias

from noria.errors import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
)
from noria.formats import files
from noria.v1.exports import export
from noria.v1.file_systems import Stat, explained, place

_Path: TypeAlias = str | bytes | os.PathLike[str]
_MODES = ("r", "w", "a", "r+", "w+", "a+")


def _text(path: _Path) -> str:
    return path.decode() if isinstance(path, bytes) else os.fspath(path)


@export("gfile.GFile", "gfile.Open", "io.gfile.GFile")
class GFile:
    """A file that is opened by its first use.

    mode: ``r``, ``w``, ``a``, ``r+``, ``w+`` or ``a+``, with ``b`` to read bytes instead of text. Raises
    InvalidArgumentError for another mode; reading and writing raise PermissionDeniedError where the mode does not
    allow it, NotFoundError where there is no such file or folder.
    """

    _reader: IO[bytes] | None = None
    _writer: IO[bytes] | None = None

    def __init__(self, name: _Path, mode: str = "r", encoding: str = "utf-8") -> None:
        plain = mode.replace("b", "")
        if plain not in _MODES:
            raise InvalidArgumentError("mode is not 'r' or 'w' or 'a' or 'r+' or 'w+' or 'a+'")
        self._name, self._mode, self._encoding = name, mode, encoding
        self._binary = "b" in mode
        self._may_read = plain not in ("w", "a")
        self._may_write = plain != "r"

    @property
    def name(self) -> _Path:
        """The path as it was given."""
        return self._name

    @property
    def mode(self) -> str:
        """The mode as it was given."""
        return self._mode

    def _reading(self) -> IO[bytes]:
        if self._reader is None:
            if not self._may_read:
                raise PermissionDeniedError("File isn't open for reading")
            self._reader = self._open("rb")
        return self._reader

    def _writing(self) -> IO[bytes]:
        if self._writer is None:
            if not self._may_write:
                raise PermissionDeniedError("File isn't open for writing")
            self._writer = self._open("ab" if "a" in self._mode else "wb")
        return self._writer

    def _open(self, mode: str) -> IO[bytes]:
        path = _text(self._name)
        with explained(path):
            system, inner = place(path)
            return system.open(inner, mode)

    def _answer(self, data: bytes) -> Any:
        return data if self._binary else data.decode(self._encoding)

    def size(self) -> int:
        """The size in bytes of what the file holds now."""
        return stat(self._name).length

    def read(self, n: int = -1) -> Any:
        """The next ``n`` bytes, all that is left by default: text, or bytes in a binary mode."""
        return self._answer(self._reading().read(n))

    def readline(self) -> Any:
        """The next line with its ``\\n``; empty at the end."""
        return self._answer(self._reading().readline().replace(b"\r", b""))

    def readlines(self) -> list[Any]:
        """All lines that are left."""
        return list(self)

    def write(self, file_content: str | bytes) -> None:
        """Writes text or bytes at the end."""
        data = file_content if isinstance(file_content, bytes) else file_content.encode(self._encoding)
        with explained(_text(self._name)):
            self._writing().write(data)

    def seek(self, offset: int | None = None, whence: int = 0, position: int | None = None) -> None:
        """Moves the next read to a byte: from the start (0), from here (1) or from the end (2)."""
        if (offset is None) == (position is None):
            raise TypeError("seek() takes one of offset and position")
        if whence not in (0, 1, 2):
            raise InvalidArgumentError(f"Invalid whence argument: {whence}. Valid values are 0, 1, or 2.")
        self._reading().seek(position if offset is None else offset, whence)  # type: ignore[arg-type]  # one is given

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The position in bytes of the next read; of the next write in a file that is only written."""
        return (self._reading() if self._may_read else self._writing()).tell()

    def flush(self) -> None:
        """Hands what was written to the system."""
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Ends reading and writing; a later use opens the file again."""
        for file in (self._reader, self._writer):
            if file is not None:
                with explained(_text(self._name)):
                    file.close()
        self._reader = self._writer = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:  # many programs never close; what they wrote must not be lost
        self.close()

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    next = __next__


@export("gfile.FastGFile")
class FastGFile(GFile):
    """The same as ``GFile``, under its older name."""


def exists(path: _Path) -> bool:
    """Whether there is a file or folder."""
    system, inner = place(_text(path))
    return system.exists(inner)


def remove(path: _Path) -> None:
    """Removes a file."""
    with explained(_text(path)):
        system, inner = place(_text(path))
        system.remove(inner)


def make_dir(path: _Path) -> None:
    """Makes a folder in a folder that exists; one that is there already stays."""
    with explained(_text(path)):
        system, inner = place(_text(path))
        if not system.is_dir(inner):
            system.make_dir(inner)


def make_dirs(path: _Path) -> None:
    """Makes a folder and those above it that are missing."""
    with explained(_text(path)):
        system, inner = place(_text(path))
        system.make_dirs(inner)


def is_dir(path: _Path) -> bool:
    """Whether there is a folder."""
    system, inner = place(_text(path))
    return system.is_dir(inner)


def list_dir(path: _Path) -> list[str]:
    """The sorted names in a folder."""
    with explained(_text(path)):
        system, inner = place(_text(path))
        if not system.is_dir(inner):
            raise NotFoundError(f"Could not find directory {_text(path)}")
        return sorted(system.list(inner))


def remove_tree(path: _Path) -> None:
    """Removes a folder with all that is in it, or a file."""
    with explained(_text(path)):
        system, inner = place(_text(path))
        if not system.exists(inner):
            raise NotFoundError(f"{_text(path)} not found")
        (system.remove_tree if system.is_dir(inner) else system.remove)(inner)


def rename(source: _Path, target: _Path, overwrite: bool = False) -> None:
    """Moves a file or folder; what is at the target is replaced with ``overwrite`` only."""
    if not overwrite and exists(target):
        raise AlreadyExistsError("file already exists")
    with explained(_text(source)):
        system, inner = place(_text(source))
        system.rename(inner, place(_text(target))[1])


def copy(source: _Path, target: _Path, overwrite: bool = False) -> None:
    """Copies a file, between file systems too; what is at the target is replaced with ``overwrite`` only."""
    if not overwrite and exists(target):
        raise AlreadyExistsError("file already exists")
    if is_dir(source):
        raise FailedPreconditionError(f"{_text(source)}; Is a directory")
    with GFile(source, "rb") as reader, GFile(target, "wb") as writer:
        while True:
            piece = reader.read(1 << 22)
            writer.write(piece)
            if not piece:
                break


def stat(path: _Path) -> Stat:
    """Size, time of the last change, and whether it is a folder."""
    with explained(_text(path)):
        system, inner = place(_text(path))
        return system.stat(inner)


def glob(pattern: _Path | Iterable[_Path]) -> list[str]:
    """The paths that match a pattern, or any of several, each pattern's sorted: ``*``, ``?``, ``[a-z]``, ``[^a]``."""
    patterns = [pattern] if isinstance(pattern, str | bytes | os.PathLike) else list(pattern)
    return [path for each in patterns for path in sorted(_matching(_text(each)))]


def _matching(pattern: str) -> list[str]:
    if files.is_url(pattern):
        from fsspec.core import url_to_fs  # an optional road, and slow to import

        system, inner = url_to_fs(pattern)
        return [str(system.unstrip_protocol(name)) for name in system.glob(inner)]
    translated = files.text(pattern).replace("[^", "[!")
    while (at := translated.find("\\")) >= 0 and at + 1 < len(translated):  # \* is a star, which Python writes [*]
        translated = f"{translated[:at]}[{translated[at + 1]}]{translated[at + 2 :]}"
    return python_glob.glob(translated, include_hidden=True)


def walk(
    top: _Path, in_order: bool = True, onerror: Callable[[Exception], object] | None = None
) -> Iterator[tuple[str, list[str], list[str]]]:
    """(folder, names of folders in it, names of files in it) for ``top`` and all folders below it.

    in_order: a folder before those in it. onerror: called with the error of a folder that cannot be listed.
    """
    top = _text(top)
    try:
        names = list_dir(top)
    except NotFoundError as error:
        if onerror is not None:
            onerror(error)
        return
    folders = [name for name in names if is_dir(files.join(top, name))]
    here = (top, folders, [name for name in names if name not in folders])
    if in_order:
        yield here
    for folder in folders:
        yield from walk(files.join(top, folder), in_order, onerror)
    if not in_order:
        yield here
