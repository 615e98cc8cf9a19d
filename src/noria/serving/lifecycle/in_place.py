"""Finds out that files whose content a loaded version has mapped were written to.

A mapping shows what is written into its file, and ends the process (SIGBUS) where the file has become shorter. A file
that was removed, or that another one has replaced under its name, is not written to: its mappings stay as they were.
Nor is one that only got another time, by ``touch`` or as hard links to it are made: of a file of the same size pages
all over it are compared, which new weights would have changed.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Collection
from typing import Final, NamedTuple

from noria.formats import files

_FOLDER: Final = "variables"  # of a SavedModel; all else is read when it loads
_PAGES: Final = 64  # of a file that are compared
_PAGE: Final = 4096  # bytes


class Mapped(NamedTuple):
    """A file as it was when it was mapped, or a little before. sample: a checksum of some pages."""

    path: str
    inode: int
    size: int
    modified_ns: int
    sample: int


def mapped_files(path: str) -> tuple[Mapped, ...]:
    """The files of the version at ``path`` that a load maps; none for a URL, whose copy belongs to this process."""
    found = []
    if not files.is_url(path):
        try:
            with os.scandir(files.join(path, _FOLDER)) as entries:
                for entry in entries:
                    status = entry.stat()
                    if status.st_size >= files.MAPPED_BYTES:
                        sample = _sample(entry.path, status.st_size)
                        found.append(Mapped(entry.path, status.st_ino, status.st_size, status.st_mtime_ns, sample))
        except OSError:  # a model without variables; a load says what else is wrong
            pass
    return tuple(found)


def written(mapped: Collection[Mapped]) -> str:
    """The path of the first of these files that was written to since, "" for none. Costs a system call a file, and the
    reading of some pages where its time is another.
    """
    for file in mapped:
        try:
            status = os.stat(file.path)
            if status.st_ino != file.inode or (status.st_size, status.st_mtime_ns) == (file.size, file.modified_ns):
                continue
            if status.st_size != file.size or _sample(file.path, file.size) != file.sample:
                return file.path
        except OSError:
            continue
    return ""


def _sample(path: str, size: int) -> int:
    """A checksum of pages all over a file, the first and the last among them."""
    checksum = 0
    with open(path, "rb", buffering=0) as file:
        for at in (*range(0, size, max(size // _PAGES, _PAGE)), max(size - _PAGE, 0)):
            file.seek(at)
            checksum = zlib.crc32(file.read(_PAGE), checksum)
    return checksum
