"""Local paths and URLs behave the same; local files are mapped."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from noria.errors import InvalidArgumentError, NotFoundError, ResourceExhaustedError
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


def test_small_files_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAPPED_BYTES", 10)
    (tmp_path / "small").write_bytes(b"x" * 9)
    (tmp_path / "large").write_bytes(b"x" * 10)
    small, large = (files.map_bytes(tmp_path / name) for name in ("small", "large"))
    assert files.locate(small) is None
    assert files.locate(large) is not None
    assert not small.flags.writeable
    (tmp_path / "small").write_bytes(b"")
    assert small.tobytes() == b"x" * 9


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


@pytest.fixture(params=["without a name", "hidden"])
def beside(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of writing beside: files without a name, where the system has them, and hidden ones."""
    if request.param == "hidden":
        monkeypatch.setattr(files, "_DESCRIPTORS", "/no/such/folder")


@pytest.mark.usefixtures("beside")
def test_several_files_take_their_places_together(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"old")
    with files.Replacement() as replacement:
        for name in ("a", "b", "deep/c"):
            replacement.open(tmp_path / name).write(name.encode())
        assert [p.name for p in tmp_path.glob("[a-z]")] == ["b"]
        assert (tmp_path / "b").read_bytes() == b"old"
    assert files.walk(tmp_path) == ["a", "b", "deep/c"]
    assert (tmp_path / "b").read_bytes() == b"b"


@pytest.mark.usefixtures("beside")
def test_a_failure_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"old")

    def fail() -> None:
        with files.Replacement() as replacement:
            replacement.open(tmp_path / "a").write(b"new")
            replacement.open(tmp_path / "b").write(b"new")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert files.walk(tmp_path) == ["b"]
    assert (tmp_path / "b").read_bytes() == b"old"


@pytest.mark.usefixtures("beside")
def test_a_full_disk(tmp_path: Path) -> None:
    """The device that is always full stands for it; the limit on file sizes is tested with checkpoints."""
    path = tmp_path / "full"
    with (
        pytest.raises(ResourceExhaustedError, match=r"full: No space left on device; free some space"),
        files.explained(path),
    ):
        Path("/dev/full").write_bytes(b"x")


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="files always have a name on this system")
def test_names_that_killed_writers_left(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    left = f".a.{process.pid}-1-1.part"
    for name in (left, f".b.{process.pid}-1-1.part", f".a.{os.getpid()}-1-1.part"):
        (tmp_path / name).write_bytes(b"left")
    files.write_bytes(tmp_path / "a", b"one")
    files.write_bytes(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert not (tmp_path / left).exists()
    assert len(list(tmp_path.iterdir())) == 3, "not those of other files and of processes that run"


def test_many_writers_of_one_file(tmp_path: Path) -> None:
    contents = [bytes([65 + i]) * 5000 for i in range(8)]

    def write(content: bytes) -> None:
        for _ in range(30):
            files.write_bytes(tmp_path / "a", content)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, contents))
    assert (tmp_path / "a").read_bytes() in contents
    assert files.list_dir(tmp_path) == ["a"]


def test_the_mode_of_a_file_follows_the_umask(tmp_path: Path) -> None:
    files.write_bytes(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_rename_and_remove(folder: str) -> None:
    one, two = files.join(folder, "one"), files.join(folder, "two")
    files.write_bytes(one, b"1")
    assert files.modified(one) > 1e9
    files.rename(one, two)
    assert files.list_dir(folder) == ["two"]
    assert files.remove(two)
    assert not files.remove(two)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*", [".hidden", "a", "ab", "b", "c.txt", "d", "x[1]"]),
        ("?", ["a", "b", "d"]),
        ("a*", ["a", "ab"]),
        ("[ab]", ["a", "b"]),
        ("[!a]", ["b", "d"]),
        ("[^a]", ["b", "d"]),
        ("[b-d]", ["b", "d"]),
        ("*.t?t", ["c.txt"]),
        ("*/*", ["d/e"]),
        ("d/*", ["d/e"]),
        ("z*", []),
        ("d", ["d"]),
        ("none", []),
        (r"x\[1]", ["x[1]"]),
        ("{a,b}", []),
    ],
)
def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, found: list[str]) -> None:
    for name in (".hidden", "a", "ab", "b", "c.txt", "d/e", "x[1]"):
        files.write_bytes(tmp_path / name, b"")
    assert files.match(tmp_path / pattern) == [str(tmp_path / name) for name in found]
    monkeypatch.chdir(tmp_path)
    assert files.match(pattern) == found
    assert files.match(f"./{pattern}") == [f"./{name}" for name in found]
