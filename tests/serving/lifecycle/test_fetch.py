"""Versions in an object store are copied to this machine for as long as they are loaded."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest

from noria.errors import NotFoundError, ResourceExhaustedError, UnknownError
from noria.serving.lifecycle import fetch as fetching
from noria.serving.lifecycle.fetch import fetch
from serving.lifecycle.records import GOLDEN, manager, predict_log, warm_up_with

BUCKET = "memory://bucket"


def put(source: Path, place: str) -> None:
    system = fsspec.filesystem("memory")
    for path in source.rglob("*"):
        if path.is_file():
            system.pipe_file(f"/bucket/{place}/{path.relative_to(source)}", path.read_bytes())


@pytest.fixture(autouse=True)
def bucket() -> Iterator[None]:
    yield
    system = fsspec.filesystem("memory")
    if system.exists("/bucket"):
        system.rm("/bucket", recursive=True)


def test_a_version_with_assets_under_a_url(tmp_path: Path) -> None:
    put(GOLDEN / "text" / "1", "text/3")
    models = manager(model_cache_dir=str(tmp_path))
    servable = models.load("text", 3, f"{BUCKET}/text/3")
    (copy,) = tmp_path.iterdir()
    assert (copy / "3" / "saved_model.pb").exists()
    assert servable.resident_bytes
    models.unload("text", 3)
    assert list(tmp_path.iterdir()) == []


def test_warm_up_requests_under_a_url(tmp_path: Path) -> None:
    source = tmp_path / "model"
    put(GOLDEN / "half_plus_two" / "1", "half/1")
    put(warm_up_with(source, predict_log()).parent.parent, "half/1")
    models = manager(model_cache_dir=str(tmp_path / "cache"))
    servable = models.load("half", 1, f"{BUCKET}/half/1")
    with models.handle("half") as held:
        signature = held.model.signatures["serving_default"]
        assert signature.run_arrays({"x": np.ones((1, 1), np.float32)})["y"] == 2.5
    assert set(servable.costs) == {"serving_default"}
    models.close()


def test_a_load_that_fails_leaves_no_copy(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe_file("/bucket/bad/1/saved_model.pb", b"no message \xff")
    with pytest.raises(OSError, match="not a"):
        manager(model_cache_dir=str(tmp_path)).load("bad", 1, f"{BUCKET}/bad/1")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFoundError, match="memory://bucket/none/1"):
        fetch(f"{BUCKET}/none/1", str(tmp_path))
    put(GOLDEN / "iris" / "1", "iris/1")
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "_MAX_FILES", 1)
        with pytest.raises(ResourceExhaustedError, match="--model_cache_dir"):
            fetch(f"{BUCKET}/iris/1", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "_copy_file", lambda *_: 3)
        with pytest.raises(UnknownError, match="arrived with 3 bytes of"):
            fetch(f"{BUCKET}/iris/1", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_copies_of_servers_that_were_killed_are_removed(tmp_path: Path) -> None:
    put(GOLDEN / "iris" / "1", "iris/1")
    held = fetch(f"{BUCKET}/iris/1", str(tmp_path))
    left = tmp_path / "noria-copy-left"
    left.mkdir()
    (left / "lock").touch()
    other = tmp_path / "something-else"
    other.mkdir()
    old = time.time() - 1000
    for path in tmp_path.iterdir():
        os.utime(path, (old, old))
    again = fetch(f"{BUCKET}/iris/1", str(tmp_path))
    assert {p.name for p in tmp_path.iterdir()} == {
        os.path.basename(held.folder), os.path.basename(again.folder), other.name
    }  # fmt: skip
    held.remove()
    again.remove()
