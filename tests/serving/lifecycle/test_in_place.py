"""Versions whose files are written to while they serve."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import noria
from noria.errors import DataLossError
from noria.formats import files
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import arrival
from noria.serving.lifecycle.in_place import mapped_files, written
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import State
from serving.lifecycle.disk import Disk, managing, states, until

GOLDEN = Path(__file__).parents[2] / "golden" / "half_plus_two" / "1"


@pytest.fixture(autouse=True)
def small_files_are_mapped_as_large_ones_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAPPED_BYTES", 8)
    monkeypatch.setattr(arrival, "QUIET_SECONDS", 0.05)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "v" / "variables" / "variables.data-00000-of-00001"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"12345678")
    (path.parent / "small").write_bytes(b"1234567")
    return path


def test_what_is_written_and_what_is_replaced(data: Path, tmp_path: Path) -> None:
    mapped = mapped_files(str(tmp_path / "v"))
    assert [file.path for file in mapped] == [str(data)]
    assert written(mapped) == ""
    os.utime(data, (1.0, 1.0))  # touched, as rsync and hard links do
    assert written(mapped) == ""
    (data.parent / "small").write_bytes(b"")
    other = tmp_path / "other"
    other.write_bytes(b"other")
    kept = tmp_path / "kept"  # as a mapping does, this keeps the file
    os.link(data, kept)
    other.replace(data)
    assert written(mapped) == ""
    data.unlink()
    assert written(mapped) == ""
    kept.replace(data)
    data.write_bytes(b"short")
    assert written(mapped) == str(data)
    data.write_bytes(b"87654321")
    assert written(mapped) == str(data)


@pytest.mark.parametrize("at", [0, 1_000_000, 2_345_678 - 1])
def test_new_content_of_the_same_size(data: Path, tmp_path: Path, at: int) -> None:
    data.write_bytes(bytes(2_345_678))
    mapped = mapped_files(str(tmp_path / "v"))
    with data.open("r+b") as file:
        file.seek(max(at - 20_000, 0))
        file.write(b"x" * 40_000)
        file.truncate(2_345_678)
    os.utime(data, (2.0, 2.0))
    assert written(mapped) == str(data)


def test_what_maps_nothing(tmp_path: Path) -> None:
    assert mapped_files("memory://somewhere/1") == ()
    assert mapped_files(str(tmp_path)) == ()


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path)
    _put(made, 1)
    return made


def _put(disk: Disk, version: int) -> None:
    """A version with variables, whole from the first moment."""
    folder = disk.put("coming", version)
    (folder / "variables").mkdir()
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(b"x" * 1000)
    (disk.root / "m").mkdir(exist_ok=True)
    folder.rename(disk.root / "m" / str(version))


def _overwrite(disk: Disk, version: int) -> None:
    with (disk.root / "m" / str(version) / "variables" / "variables.data-00000-of-00001").open("r+b") as file:
        file.truncate(500)


@pytest.fixture
def manager(disk: Disk) -> Iterator[Manager]:
    with managing(disk) as made:
        made.apply(disk.config(m=""))
        yield made


def test_a_version_that_is_overwritten_leaves_with_the_reason_and_loads_anew(disk: Disk, manager: Manager) -> None:
    (old,) = manager.versions("m")
    assert old.acquire()  # a request is under way
    _overwrite(disk, 1)
    manager.look_now("m")
    until(lambda: old.state is State.UNLOADING)
    assert manager.latest("m") is None
    old.release()
    until(lambda: manager.latest("m") is not None)
    assert old.state is State.END
    assert isinstance(old.error, DataLossError)
    assert "its files were changed in place; " in old.error.message
    assert "variables.data-00000-of-00001 is not what was loaded" in old.error.message
    assert manager.latest("m") is not old
    assert disk.loads == ["m/1", "m/1"]
    assert manager.missing() == []


def test_another_version_steps_in_meanwhile(disk: Disk, manager: Manager) -> None:
    _put(disk, 2)
    manager.look_now("m")
    until(lambda: states(manager, "m") == {1: "END", 2: "AVAILABLE"})
    _overwrite(disk, 2)
    manager.look_now("m")
    until(lambda: disk.loads[2:] in (["m/1", "m/2"], ["m/2"]) and states(manager, "m").get(2) == "AVAILABLE")


def test_a_version_that_is_replaced_by_renaming_stays(disk: Disk, manager: Manager) -> None:
    folder = disk.root / "m" / "1" / "variables"
    (folder / "new").write_bytes(b"y" * 1000)
    (folder / "new").replace(folder / "variables.data-00000-of-00001")
    (old,) = manager.versions("m")
    for _ in range(3):
        manager._look("m")
    assert old.state is State.AVAILABLE


def test_a_version_that_is_touched_stays(disk: Disk, manager: Manager) -> None:
    (old,) = manager.versions("m")
    for path in (disk.root / "m" / "1").rglob("*"):
        os.utime(path, (1.0, 1.0))
    for _ in range(3):
        manager._look("m")
    assert old.state is State.AVAILABLE


def test_copies_may_be_overwritten(tmp_path: Path) -> None:
    place = tmp_path / "m" / "1"
    shutil.copytree(GOLDEN, place)
    config = ServerConfig(copy_models=True, model_cache_dir=str(tmp_path / "cache"))
    model = make_loader(config)(str(place))
    assert isinstance(model, noria.model.Model)
    for file in place.rglob("*"):
        if file.is_file():
            file.write_bytes(b"")
    assert model.signatures["serving_default"](x=[2.0])["y"].tolist() == [3.0]
    manager = Manager(make_loader(config), None, config)
    shutil.copytree(GOLDEN, place, dirs_exist_ok=True)
    assert manager.load("m", 1, str(place)).mapped == ()
    manager.close()
