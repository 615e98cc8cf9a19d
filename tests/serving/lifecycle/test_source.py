"""When models are looked at: at once, again and again, on demand, never by two at a time."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from noria.errors import NotFoundError
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import arrival, source
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.source import Intervals, Source
from serving.fakes import FakeModel, half_plus_two
from serving.lifecycle.disk import QUICK, Disk, until


class Looks:
    """Counts looks, and how many of one model run at a time; ``gate`` holds back those of "stuck"."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()
        self.running: Counter[str] = Counter()
        self.most = 0
        self.soon: set[str] = set()
        self.gate = threading.Event()
        self._lock = threading.Lock()

    def look(self, name: str) -> bool:
        with self._lock:
            self.count[name] += 1
            self.running[name] += 1
            self.most = max(self.most, self.running[name])
        if name == "stuck":
            self.gate.wait(120)
        if name == "broken":
            raise ValueError("a bug")
        with self._lock:
            self.running[name] -= 1
        return name in self.soon


@pytest.fixture
def looks() -> Iterator[Looks]:
    found = Looks()
    yield found
    found.gate.set()


def test_local_and_remote_intervals(looks: Looks) -> None:
    watcher = Source(looks.look, Intervals(local=0.02, remote=None))
    watcher.watch({"local": "/a", "remote": "s3://b/c", "file": "file:///d"})
    until(lambda: looks.count["local"] > 5 and looks.count["file"] > 5)
    assert looks.count["remote"] == 1
    watcher.ask("remote")
    until(lambda: looks.count["remote"] == 2)
    watcher.close()


def test_off_is_off_for_every_path(looks: Looks) -> None:
    watcher = Source(looks.look, Intervals(local=None, remote=0.01))
    watcher.watch({"local": "/a", "remote": "s3://b/c"})
    until(lambda: looks.count == {"local": 1, "remote": 1})
    time.sleep(0.15)
    assert looks.count == {"local": 1, "remote": 1}
    watcher.close()


def test_a_look_that_hangs_holds_up_its_own_model_alone(looks: Looks) -> None:
    watcher = Source(looks.look, Intervals(local=0.01, remote=None))
    watcher.watch({"stuck": "/a", "broken": "/b", "good": "/c"})
    until(lambda: looks.count["good"] > 10 and looks.count["broken"] > 10 and looks.count["stuck"])
    watcher.ask("stuck")
    assert looks.count["stuck"] == 1
    looks.gate.set()
    until(lambda: looks.count["stuck"] > 2)
    watcher.close()


def test_what_arrives_is_looked_at_soon_again(looks: Looks) -> None:
    watcher = Source(looks.look, Intervals(local=None, remote=60.0, arriving=0.01))
    looks.soon = {"arriving", "far"}
    watcher.watch({"arriving": "/a", "far": "s3://b", "quiet": "/c"})
    until(lambda: looks.count["arriving"] > 5 and looks.count["far"] > 5 and looks.count["quiet"])
    assert looks.count["quiet"] == 1
    looks.soon.clear()

    def over() -> bool:
        before = looks.count["arriving"]
        time.sleep(0.1)
        return looks.count["arriving"] == before

    until(over)  # the look that was due may still come
    watcher.close()


def test_models_that_are_left_out_are_not_looked_at(looks: Looks) -> None:
    watcher = Source(looks.look, Intervals(local=0.01, remote=None))
    watcher.watch({"a": "/a", "b": "/b"})
    until(lambda: looks.count["a"] > 2 and looks.count["b"] > 2)
    watcher.watch({"b": "/b"})

    def over() -> bool:
        before, more = looks.count["a"], looks.count["b"] + 10
        until(lambda: looks.count["b"] > more)
        return looks.count["a"] == before

    until(over)  # the look that was under way may still come
    watcher.close()


def test_many_asks_are_one_look_at_a_time(looks: Looks) -> None:
    watcher = Source(looks.look, Intervals(local=None, remote=None))
    watcher.watch({"a": "/a"})

    def ask() -> None:
        for _ in range(200):
            watcher.ask("a")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: looks.count["a"] and not looks.running["a"])
    assert looks.most == 1
    assert looks.count["a"] <= 801
    watcher.close()


def test_a_base_path_that_may_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(NotFoundError, match=r"cannot list the model base path .*: Permission denied"):
        source.scan(str(tmp_path))


def test_an_entry_that_cannot_be_looked_at_hides_no_version(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "2").symlink_to(tmp_path / "2")
    (tmp_path / "3").symlink_to(tmp_path / "absent")
    assert source.scan(str(tmp_path)) == {1: str(tmp_path / "1")}


def test_versions_behind_a_url_are_found_loaded_and_swapped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(arrival, "QUIET_SECONDS", 0.0)
    content = (Disk(tmp_path).put("m", 1) / "saved_model.pb").read_bytes()
    system = fsspec.filesystem("memory")
    loaded: list[str] = []

    def load(path: str) -> FakeModel:
        loaded.append(path)
        return FakeModel(half_plus_two())

    manager = Manager(load, config=ServerConfig(**QUICK, remote_file_system_poll_wait_seconds=0.02))
    config = Disk(tmp_path).config(m="")
    config.model_config_list.config[0].base_path = "memory://bucket/m"
    try:
        manager.apply(config, wait=False)
        until(lambda: "does not exist" in manager.trouble("m"))
        system.pipe("/bucket/m/1/saved_model.pb", content)
        until(lambda: manager.available("m") == {1})
        system.pipe("/bucket/m/2/saved_model.pb", content)
        until(lambda: manager.available("m") == {2})
        assert loaded == ["memory:///bucket/m/1", "memory:///bucket/m/2"]
    finally:
        manager.close()
        system.rm("/bucket", recursive=True)
