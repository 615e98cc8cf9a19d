"""The state file of a training folder."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from noria.errors import DataLossError, FailedPreconditionError, InvalidArgumentError
from noria.formats import files
from noria.formats.bundle import write_bundle
from noria.formats.checkpoint_dir import (
    V1,
    checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    meta_graph_path,
    read_state,
    remove_checkpoint,
    update_checkpoint_state,
    write_state,
)


@pytest.mark.parametrize("memory", [False, True])
def test_write_and_read(tmp_path: Path, memory: bool) -> None:
    folder = f"memory://{uuid.uuid4().hex}" if memory else str(tmp_path)
    assert read_state(folder) is None
    assert latest_checkpoint(folder) is None
    first, second = (files.join(folder, name) for name in ("model.ckpt-1", "model.ckpt-2"))
    write_state(folder, second, [first], timestamps=[1.5, 2.5], last_preserved_timestamp=1.0)
    text = files.read_bytes(files.join(folder, "checkpoint")).decode()
    assert 'model_checkpoint_path: "model.ckpt-2"' in text
    state = read_state(folder)
    assert state is not None
    assert (state.latest, state.all, state.timestamps) == (second, (first, second), (1.5, 2.5))
    assert latest_checkpoint(folder) is None  # named, but not there
    write_bundle(second, {"x": np.float32(1)})
    assert latest_checkpoint(folder) == second


def test_moved_folder(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "/gone/for/good/m-7"\n')
    write_bundle(tmp_path / "m-7", {"x": np.float32(1)})
    assert latest_checkpoint(tmp_path) == str(tmp_path / "m-7")


def test_damage_and_misuse(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("model_checkpoint_path: 3")
    with pytest.raises(DataLossError, match=r"checkpoint: not a tensorflow\.CheckpointState in text form"):
        read_state(tmp_path)
    with pytest.raises(InvalidArgumentError, match="1 timestamps for 2 checkpoints"):
        write_state(tmp_path, "b", ["a"], timestamps=[1.0])


def test_shared_state_files(shared_models: Path) -> None:
    found = [latest_checkpoint(path.parent) for path in shared_models.rglob("checkpoint") if path.is_file()]
    assert len(found) > 5
    assert all(found)


def test_update_and_get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    update_checkpoint_state("d", "d/m-2", ["d/m-1", "/far/m"], all_model_checkpoint_timestamps=[1.5, 2, 3])
    assert (tmp_path / "d" / "checkpoint").read_text() == (
        'model_checkpoint_path: "m-2"\n'
        'all_model_checkpoint_paths: "m-1"\nall_model_checkpoint_paths: "/far/m"\nall_model_checkpoint_paths: "m-2"\n'
        "all_model_checkpoint_timestamps: 1.5\nall_model_checkpoint_timestamps: 2.0\n"
        "all_model_checkpoint_timestamps: 3.0\n"
    )
    state = get_checkpoint_state("d")
    assert state is not None
    assert state.model_checkpoint_path == "d/m-2"
    assert list(state.all_model_checkpoint_paths) == ["d/m-1", "/far/m", "d/m-2"]
    folder = str(tmp_path / "d")
    update_checkpoint_state(folder, f"{folder}/m-3", save_relative_paths=True, latest_filename="other")
    assert (tmp_path / "d" / "other").read_text().startswith('model_checkpoint_path: "m-3"\n')
    assert get_checkpoint_state("nowhere") is None


def test_states_that_cannot_be(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(FailedPreconditionError, match="conflicts with path used for checkpoint state"):
        update_checkpoint_state(tmp_path, str(tmp_path / "checkpoint"))
    with pytest.raises(InvalidArgumentError, match="must match checkpoint paths"):
        update_checkpoint_state(tmp_path, "a", all_model_checkpoint_timestamps=[1, 2])
    (tmp_path / "checkpoint").write_text("no such thing")
    assert get_checkpoint_state(tmp_path) is None
    assert "Checkpoint ignored" in caplog.text
    (tmp_path / "checkpoint").write_text("")
    with pytest.raises(InvalidArgumentError, match="Invalid checkpoint state loaded from"):
        get_checkpoint_state(tmp_path)


def test_only_the_files_of_the_checkpoint_are_removed(tmp_path: Path) -> None:
    """Whatever characters stand in the prefix: they are no pattern."""
    for name in ("m-1", "m-11", "m-?", "m-[1]"):
        write_bundle(tmp_path / name, {"x": np.float32(1)})
        (tmp_path / f"{name}.meta").write_bytes(b"")
    others = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("m-?"))
    remove_checkpoint(tmp_path / "m-?")
    assert sorted(p.name for p in tmp_path.iterdir()) == others
    for name in ("m-[1]", "m-1"):
        remove_checkpoint(tmp_path / name)
        remove_checkpoint(tmp_path / name)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m-11.data-00000-of-00001", "m-11.index", "m-11.meta"]


def test_files_of_version_1_are_removed(tmp_path: Path) -> None:
    for name in ("m-1-00000-of-00002", "m-1-00001-of-00002", "m-1.meta", "m-2"):
        (tmp_path / name).write_bytes(b"")
    assert meta_graph_path("d/m-1-?????-of-00002") == "d/m-1.meta"
    assert len(checkpoint_mtimes([str(tmp_path / "m-1-?????-of-00002"), "none"])) == 1
    remove_checkpoint(tmp_path / "m-1-?????-of-00002", V1)
    assert [p.name for p in tmp_path.iterdir()] == ["m-2"]
    remove_checkpoint(tmp_path / "m-2", V1)
    assert list(tmp_path.iterdir()) == []
