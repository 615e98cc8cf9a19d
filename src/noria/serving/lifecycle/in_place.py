"""Finds out that files whose content a loaded version has mapped were written to.

A mapping shows what is written into its file, and ends the process (SIGBUS) where the file has become shorter. A file
that was removed, or that another one has replaced under its name, is not written to: its mappings stay as they were.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Final, NamedTuple

from noria.formats import files

_FOLDER: Final = "variables"  # of a SavedModel; all else is read when it loads


class Mapped(NamedTuple):
    """A file as it was when it was mapped, or a little before."""

    path: str
    inode: int
    size: int
    modified_ns: int


def mapped_files(path: str) -> tuple[Mapped, ...]:
    """The files of the version at ``path`` that a load maps; none for a URL, whose copy belongs to this process."""
    found = []
    if not files.is_url(path):
        try:
            with os.scandir(files.join(path, _FOLDER)) as entries:
                for entry in entries:
                    status = entry.stat()
                    if status.st_size >= files.MAPPED_BYTES:
                        found.append(Mapped(entry.path, status.st_ino, status.st_size, status.st_mtime_ns))
        except OSError:  # a model without variables; a load says what else is wrong
            pass
    return tuple(found)


def written(mapped: Collection[Mapped]) -> str:
    """The path of the first of these files that was written to since, "" for none. Costs a system call a file."""
    for file in mapped:
        try:
            status = os.stat(file.path)
        except OSError:
            continue
        if status.st_ino == file.inode and (status.st_size, status.st_mtime_ns) != (file.size, file.modified_ns):
            return file.path
    return ""
