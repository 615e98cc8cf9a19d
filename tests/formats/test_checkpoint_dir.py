"""The state file of a training folder."""

from __future__ import annotations

import uuid
from pathlib import Path

import numpy as np
import pytest

from noria.errors import DataLossError, InvalidArgumentError
from noria.formats import files
from noria.formats.bundle import write_bundle
from noria.formats.checkpoint_dir import latest_checkpoint, read_state, write_state


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
