"""``tf.gfile`` and ``tf.io.gfile``: TensorFlow's answers step by step, and URLs."""

from __future__ import annotations

from pathlib import Path

import fsspec
import pytest

import noria.v1 as tf
from conftest import REPOSITORY
from noria.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from v1.gfile_cases import outcomes


def test_every_step_as_in_tensorflow(tmp_path: Path) -> None:
    assert outcomes(tf, tmp_path) == (REPOSITORY / "tests/golden/v1/gfile.txt").read_text().splitlines()


def test_io_gfile_has_the_same_functions(tmp_path: Path) -> None:
    gfile = tf.io.gfile
    path = gfile.join(str(tmp_path), "a", "b")
    gfile.makedirs(path)
    with gfile.GFile(gfile.join(path, "c"), "w") as file:
        file.write("x")
    assert gfile.glob(f"{path}/*") == [f"{path}/c"]
    assert next(gfile.walk(str(tmp_path), topdown=False)) == (path, [], ["c"])
    missing: list[Exception] = []
    assert list(gfile.walk(f"{path}/none", onerror=missing.append)) == []
    assert isinstance(missing[0], NotFoundError)
    gfile.copy(f"{path}/c", f"{path}/d")
    gfile.rename(src=f"{path}/d", dst=f"{path}/e")
    assert gfile.listdir(path) == ["c", "e"]
    assert gfile.stat(f"{path}/e").mtime_nsec > 1e18
    gfile.rmtree(str(tmp_path / "a"))
    assert not gfile.exists(path)


def test_paths_may_be_objects_and_bytes(tmp_path: Path) -> None:
    with tf.gfile.Open(tmp_path / "a", "wb") as file:
        file.write(b"\xff")
    assert tf.gfile.Exists(str(tmp_path / "a").encode())
    assert tf.gfile.GFile(tmp_path / "a", "rb").read() == b"\xff"


def test_seek_wants_one_place(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abc")
    file = tf.gfile.GFile(tmp_path / "a")
    file.seek(position=1)
    assert file.read() == "bc"
    with pytest.raises(TypeError, match="one of"):
        file.seek()


def test_urls(tmp_path: Path) -> None:
    top = "memory://gfile_test"
    tf.gfile.MakeDirs(f"{top}/d")
    with tf.gfile.GFile(f"{top}/d/a", "w") as file:
        file.write("one\ntwo\n")
    assert list(tf.gfile.GFile(f"{top}/d/a")) == ["one\n", "two\n"]
    (found,) = tf.gfile.Glob(f"{top}/d/*")
    assert tf.gfile.GFile(found).readline() == "one\n"
    tf.gfile.Copy(f"{top}/d/a", str(tmp_path / "here"))
    assert (tmp_path / "here").read_text() == "one\ntwo\n"
    with pytest.raises(AlreadyExistsError):
        tf.gfile.Copy(str(tmp_path / "here"), f"{top}/d/a")
    tf.gfile.Rename(f"{top}/d/a", f"{top}/d/b")
    assert tf.gfile.ListDirectory(f"{top}/d") == ["b"]
    assert tf.gfile.Stat(f"{top}/d/b").length == 8
    assert list(tf.gfile.Walk(top)) == [(top, ["d"], []), (f"{top}/d", [], ["b"])]
    with pytest.raises(NotFoundError, match="memory://gfile_test/none; No such file or directory"):
        tf.gfile.GFile(f"{top}/none").read()
    tf.gfile.Remove(f"{top}/d/b")
    tf.gfile.MkDir(f"{top}/m")
    tf.gfile.DeleteRecursively(top)
    assert not fsspec.filesystem("memory").exists("/gfile_test")
    assert tf.gfile.GFile(f"file://{tmp_path}/here").readline() == "one\n"
    with pytest.raises(InvalidArgumentError, match="no file system"):
        tf.gfile.Exists("nosuchscheme://a/b")
