"""When a version's directory counts as arrived."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import fsspec
import pytest

from noria.errors import NotFoundError
from noria.serving.lifecycle.arrival import Arrivals, list_files


class Clock:
    """Both clocks of Arrivals; the wall's starts where the files' times are."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self._offset = path.stat().st_ctime - 100.0

    def monotonic(self) -> float:
        return self.now

    def wrote(self, path: Path) -> None:
        """A file was written now, however long that took on another clock."""
        self._offset = path.stat().st_ctime - self.now

    def wall(self) -> float:
        return self.now + self._offset


def version(tmp_path: Path) -> Path:
    path = tmp_path / "7"
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"graph")
    (path / "variables" / "variables.index").write_bytes(b"index")
    return path


def arrivals(clock: Clock, missing: list[str], settle: float = 10.0) -> Arrivals:
    return Arrivals(settle, clock=clock.monotonic, wall_clock=clock.wall, missing=lambda path: missing[0])


def test_an_old_directory_has_arrived_at_the_first_look(tmp_path: Path) -> None:
    path = version(tmp_path)
    clock = Clock(path)
    clock.now += 1000
    assert arrivals(clock, [""]).look(str(path)).waiting == ""


def test_a_fresh_one_must_be_quiet_first(tmp_path: Path) -> None:
    path = version(tmp_path)
    clock = Clock(path)
    watched = arrivals(clock, [""])
    assert watched.look(str(path)).waiting == "its files are still changing"
    clock.now += 0.5
    data = path / "variables" / "variables.data-00000-of-00001"
    data.write_bytes(b"more")
    clock.wrote(data)
    assert watched.look(str(path)).waiting == "its files are still changing"
    clock.now += 0.9
    assert watched.look(str(path)).waiting == "its files are still changing"
    clock.now += 0.5
    assert watched.look(str(path)).waiting == ""


def test_what_is_missing_is_waited_for_until_nothing_has_changed_for_long(tmp_path: Path) -> None:
    path = version(tmp_path)
    clock = Clock(path)
    missing = ["no shard"]
    watched = arrivals(clock, missing)
    watched.look(str(path))
    for _ in range(30):  # it grows for a minute
        clock.now += 2
        with (path / "variables" / "data").open("ab") as file:
            file.write(b"x")
        assert watched.look(str(path)).waiting in ("no shard", "its files are still changing")
    clock.now += 9.9
    assert watched.look(str(path)).waiting == "no shard"
    clock.now += 0.2
    assert watched.look(str(path)).waiting == ""  # the load will say what is wrong
    missing[0] = ""
    assert watched.look(str(path)).waiting == ""


def test_a_whole_one_is_not_examined_again_until_it_changes(tmp_path: Path) -> None:
    path = version(tmp_path)
    clock = Clock(path)
    clock.now += 1000
    asked: list[str] = []

    def missing(path: str) -> str:
        asked.append(path)
        return ""

    watched = Arrivals(1, clock=clock.monotonic, wall_clock=clock.wall, missing=missing)
    first = watched.look(str(path))
    assert watched.look(str(path)) is first
    (path / "saved_model.pb").write_bytes(b"another")
    changed = watched.look(str(path))
    assert changed.listing != first.listing
    assert changed.waiting == "its files are still changing"
    clock.now += 2
    assert watched.look(str(path)).waiting == ""
    assert len(asked) == 2
    watched.keep(())
    watched.look(str(path))
    assert len(asked) == 3


def test_a_copy_that_keeps_times_is_seen(tmp_path: Path) -> None:
    path = version(tmp_path)
    clock = Clock(path)
    for file in path.rglob("*"):
        os.utime(file, (1.0, 1.0))
    assert arrivals(clock, [""]).look(str(path)).waiting == "its files are still changing"


def test_links_count_as_what_they_point_to(tmp_path: Path) -> None:
    path = version(tmp_path)
    (tmp_path / "8").symlink_to(path)
    (path / "nowhere").symlink_to(tmp_path / "absent")
    (path / "itself").symlink_to(path / "itself")
    clock = Clock(path)
    clock.now += 1000
    assert arrivals(clock, [""]).look(str(tmp_path / "8")).waiting == ""


def test_a_remote_directory() -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/arrivals/7/saved_model.pb", b"graph")
    system.pipe("/arrivals/7/variables/variables.index", b"index")
    listing, newest = list_files("memory://arrivals/7")
    assert [entry[:2] for entry in listing] == [
        ("/arrivals/7/saved_model.pb", 5),
        ("/arrivals/7/variables/variables.index", 5),
    ]
    assert newest is not None
    system.rm("/arrivals", recursive=True)


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    path = version(tmp_path)
    clock = Clock(path)
    shutil.rmtree(path)
    with pytest.raises(NotFoundError, match=r"cannot list .*7: No such file"):
        arrivals(clock, [""]).look(str(path))
