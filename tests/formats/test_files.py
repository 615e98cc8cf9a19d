"""Local paths and URLs behave the same; local files are mapped."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import files


@pytest.fixture(params=["local", "file", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}"
    return str(tmp_path) if request.param == "local" else tmp_path.as_uri()


def test_write_read_list(folder: str) -> None:
    path = files.join(folder, "a", "b.bin")
    assert not files.exists(path)
    assert files.list_dir(folder) == []
    files.write_bytes(path, b"one")
    files.write_bytes(path, b"two")
    files.write_bytes(files.join(folder, "c"), b"")
    assert files.read_bytes(path) == b"two"
    assert files.map_bytes(path).tobytes() == b"two"
    assert files.map_bytes(files.join(folder, "c")).tobytes() == b""
    assert not files.map_bytes(path).flags.writeable
    assert files.is_dir(files.join(folder, "a"))
    assert not files.is_dir(path)
    assert files.exists(path)
    assert files.list_dir(folder) == ["a", "c"]
    assert files.walk(folder) == ["a/b.bin", "c"]
    assert files.split(path) == (files.join(folder, "a").removeprefix("file://"), "b.bin")


def test_missing(folder: str) -> None:
    path = files.join(folder, "none")
    for read in (files.read_bytes, files.map_bytes):
        with pytest.raises(NotFoundError, match="none: no such file"):
            read(path)
    assert files.list_dir(path) == []


def test_failed_write_leaves_the_old_file(folder: str) -> None:
    path = files.join(folder, "a")
    files.write_bytes(path, b"old")
    if files.is_url(folder):
        return  # fsspec's stores show what was written when the writer closes; there is nothing to rename

    def write_half() -> None:
        with files.atomic_writer(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert files.list_dir(folder) == ["a"]
    assert files.read_bytes(path) == b"old"


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="directory"):
        files.read_bytes(tmp_path)


def test_unknown_scheme() -> None:
    with pytest.raises(InvalidArgumentError, match="no file system for this URL"):
        files.read_bytes("nosuch://x")


def test_locate(tmp_path: Path) -> None:
    path = tmp_path / "data"
    path.write_bytes(bytes(range(64)))
    mapped = files.map_bytes(path)
    assert files.locate(mapped) == (str(path), 0)
    view = mapped[5:29].view(np.float32).reshape(2, 3)
    assert files.locate(view) == (str(path), 5)
    assert files.locate(view[1:]) == (str(path), 17)
    assert files.locate(view[:, 1:]) is None  # not contiguous
    assert files.locate(view.copy()) is None
    assert files.locate(np.frombuffer(b"abcd", np.uint8)) is None
    assert files.locate(np.memmap(path, np.uint8, mode="r", offset=8, shape=(8,))[2:]) == (str(path), 10)
