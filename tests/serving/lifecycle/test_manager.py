"""Versions on disk, states, handles, and the manager that is told what to load."""

from __future__ import annotations

import threading
import weakref
from pathlib import Path

import fsspec
import pytest

from noria.errors import (
    AlreadyExistsError,
    Code,
    DataLossError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    TFError,
)
from noria.serving.lifecycle import source
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import Cost, Model, Servable, ServableId, State
from serving.fakes import FakeModel, half_plus_two


def load(path: str) -> Model:
    if "bad" in path:
        raise DataLossError("damaged")
    if "bug" in path:
        raise KeyError("bug")
    return FakeModel(half_plus_two())


# ---- source


def test_scan_finds_numbered_directories(tmp_path: Path) -> None:
    for name in ("1", "00000123", "123", "x2", "-4", "99999999999999999999", ".5"):
        (tmp_path / name).mkdir()
    (tmp_path / "7").write_text("a file")
    found = source.scan(str(tmp_path))
    assert found == {1: str(tmp_path / "1"), 123: str(tmp_path / "123")}


def test_scan_of_a_url() -> None:
    system = fsspec.filesystem("memory")
    system.makedirs("/models/3")
    assert list(source.scan("memory://models")) == [3]
    system.rm("/models", recursive=True)


def test_scan_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        source.scan(str(tmp_path / "absent"))


def test_missing_version_says_what_to_do(tmp_path: Path) -> None:
    text = source.missing_version_message("m", str(tmp_path))
    assert text.startswith(f"No versions of servable m found under base path {tmp_path}.")
    assert "saved_model.pb" in text
    (tmp_path / "saved_model.pb").touch()
    assert "is itself a SavedModel" in source.missing_version_message("m", str(tmp_path))


# ---- servable


def test_states_move_one_way() -> None:
    servable = Servable(ServableId("m", 1), "path")
    with pytest.raises(InternalError, match="cannot move from START to AVAILABLE; from START it can move to LOADING"):
        servable.move(State.AVAILABLE)
    for state in (State.LOADING, State.AVAILABLE, State.UNLOADING, State.END):
        servable.move(state, model=FakeModel() if state is State.AVAILABLE else None)
        assert servable.state is state
    with pytest.raises(InternalError, match="from END it can move to none"):
        servable.move(State.LOADING)


def test_available_comes_with_a_model() -> None:
    servable = Servable(ServableId("m", 1), "path")
    servable.move(State.LOADING)
    with pytest.raises(InternalError, match="a model comes with the move to AVAILABLE"):
        servable.move(State.AVAILABLE)


def test_cost_ignores_the_first_run_and_scales_with_size() -> None:
    cost = Cost()
    assert cost.estimate(10) == float("inf")
    cost.add(5.0, 100)
    assert cost.estimate(10) == float("inf")
    cost.add(0.001, 100)
    assert cost.estimate(10) == 0.001
    assert cost.estimate(1000) == pytest.approx(0.01)
    cost.add(0.002, 100)
    assert 0.001 < cost.estimate(100) < 0.002


# ---- manager


def test_lookup_by_name_and_version() -> None:
    manager = Manager(load)
    for version in (2, 10, 1):
        manager.load("m", version, f"m/{version}")
    with manager.handle("m") as servable:
        assert servable.id == ServableId("m", 10)
    with manager.handle("m", 1) as servable:
        assert servable.id.version == 1
    assert [s.id.version for s in manager.versions("m")] == [10, 2, 1]
    manager.unload("m", 10)
    with manager.handle("m") as servable:
        assert servable.id.version == 2
    with pytest.raises(NotFoundError, match=r"Servable not found for request: Specific\(m, 10\)"):
        manager.handle("m", 10)


@pytest.mark.parametrize(
    ("name", "version", "label", "kind", "message"),
    [
        ("", None, None, InvalidArgumentError, "ModelSpec has no name specified."),
        ("", None, "l", InvalidArgumentError, "ModelSpec has no name specified."),
        ("n", None, None, NotFoundError, "Servable not found for request: Latest(n)"),
        ("m", 7, None, NotFoundError, "Servable not found for request: Specific(m, 7)"),
        ("m", None, "l", InvalidArgumentError, "Unrecognized servable version label: l"),
        ("n", None, "", InvalidArgumentError, "Unrecognized servable version label: "),
    ],
)
def test_lookup_errors(name: str, version: int | None, label: str | None, kind: type[TFError], message: str) -> None:
    manager = Manager(load)
    manager.load("m", 1, "m/1")
    with pytest.raises(kind) as caught:
        manager.handle(name, version, label)
    assert str(caught.value) == message


def test_a_failed_load_ends_and_keeps_its_reason() -> None:
    manager = Manager(load)
    manager.load("m", 1, "m/1")
    with pytest.raises(DataLossError, match="damaged"):
        manager.load("m", 2, "bad")
    with pytest.raises(InternalError, match="KeyError"):
        manager.load("m", 3, "bug")
    assert [(s.id.version, s.state, s.code) for s in manager.versions("m")] == [
        (3, State.END, Code.INTERNAL),
        (2, State.END, Code.DATA_LOSS),
        (1, State.AVAILABLE, Code.OK),
    ]
    with manager.handle("m") as servable:
        assert servable.id.version == 1
    manager.load("m", 2, "m/2")  # a version that ended may come again
    with pytest.raises(AlreadyExistsError, match="m version 2 is already there, in state AVAILABLE"):
        manager.load("m", 2, "m/2")


def test_unload_waits_for_requests_in_flight() -> None:
    manager = Manager(load)
    servable = manager.load("m", 1, "m/1")
    with manager.handle("m") as held:
        model = weakref.ref(held.model)
        thread = threading.Thread(target=manager.unload, args=("m", 1))
        thread.start()
        while servable.state == State.AVAILABLE:
            thread.join(0.001)
        with pytest.raises(NotFoundError):
            manager.handle("m")
        assert model() is not None
    thread.join(60)
    assert servable.state is State.END
    assert model() is None
    with pytest.raises(InternalError, match="has no model in state END"):
        _ = servable.model


def test_unload_of_what_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="Could not find version 1 of model m"):
        Manager(load).unload("m", 1)
