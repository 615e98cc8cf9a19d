"""The functions of ``file_io`` under both sets of names and argument names: ``tf.gfile`` and ``tf.io.gfile``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from typing import TypeAlias

from noria.formats import files
from noria.v1 import file_io
from noria.v1.exports import constant, export
from noria.v1.file_systems import Stat

_Path: TypeAlias = str | bytes | PathLike[str]
_Folder: TypeAlias = tuple[str, list[str], list[str]]


@export("gfile.Exists")
def exists(filename: _Path) -> bool:
    """Whether there is a file or folder."""
    return file_io.exists(filename)


@export("gfile.Remove")
def remove(filename: _Path) -> None:
    """Removes a file."""
    file_io.remove(filename)


@export("gfile.Glob")
def glob(filename: _Path | Iterable[_Path]) -> list[str]:
    """The paths that match a pattern, or any of several."""
    return file_io.glob(filename)


@export("gfile.MkDir")
def make_dir(dirname: _Path) -> None:
    """Makes a folder in a folder that exists."""
    file_io.make_dir(dirname)


@export("gfile.MakeDirs")
def make_dirs(dirname: _Path) -> None:
    """Makes a folder and those above it that are missing."""
    file_io.make_dirs(dirname)


@export("gfile.DeleteRecursively")
def remove_tree(dirname: _Path) -> None:
    """Removes a folder with all that is in it."""
    file_io.remove_tree(dirname)


@export("gfile.IsDirectory")
def is_dir(dirname: _Path) -> bool:
    """Whether there is a folder."""
    return file_io.is_dir(dirname)


@export("gfile.ListDirectory")
def list_dir(dirname: _Path) -> list[str]:
    """The sorted names in a folder."""
    return file_io.list_dir(dirname)


@export("gfile.Copy")
def copy(oldpath: _Path, newpath: _Path, overwrite: bool = False) -> None:
    """Copies a file."""
    file_io.copy(oldpath, newpath, overwrite)


@export("gfile.Rename")
def rename(oldname: _Path, newname: _Path, overwrite: bool = False) -> None:
    """Moves a file or folder."""
    file_io.rename(oldname, newname, overwrite)


@export("gfile.Stat")
def stat(filename: _Path) -> Stat:
    """Size, time of the last change, and whether it is a folder."""
    return file_io.stat(filename)


@export("gfile.Walk")
def walk(top: _Path, in_order: bool = True) -> Iterator[_Folder]:
    """(folder, names of folders in it, names of files in it) for ``top`` and all folders below it."""
    return file_io.walk(top, in_order)


@export("io.gfile.walk")
def walk_v2(
    top: _Path, topdown: bool = True, onerror: Callable[[Exception], object] | None = None
) -> Iterator[_Folder]:
    """(folder, names of folders in it, names of files in it) for ``top`` and all folders below it."""
    return file_io.walk(top, topdown, onerror)


@export("io.gfile.copy")
def copy_v2(src: _Path, dst: _Path, overwrite: bool = False) -> None:
    """Copies a file."""
    file_io.copy(src, dst, overwrite)


@export("io.gfile.rename")
def rename_v2(src: _Path, dst: _Path, overwrite: bool = False) -> None:
    """Moves a file or folder."""
    file_io.rename(src, dst, overwrite)


@export("io.gfile.join")
def join(path: str, *paths: str) -> str:
    """``path`` and ``paths`` as one path; URLs keep their form."""
    return files.join(path, *paths)


constant("io.gfile.exists", file_io.exists)
constant("io.gfile.glob", file_io.glob)
constant("io.gfile.isdir", file_io.is_dir)
constant("io.gfile.listdir", file_io.list_dir)
constant("io.gfile.makedirs", file_io.make_dirs)
constant("io.gfile.mkdir", file_io.make_dir)
constant("io.gfile.remove", file_io.remove)
constant("io.gfile.rmtree", file_io.remove_tree)
constant("io.gfile.stat", file_io.stat)
constant("gfile.ListDir", list_dir)
constant("gfile.OpenFast", file_io.FastGFile)
