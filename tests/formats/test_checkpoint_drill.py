"""Saving is safe: killed at any moment, or on a full disk, the older checkpoint stays and nothing half is seen."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from checkpoint_drill import drill, save, verify
from noria.errors import DataLossError, ResourceExhaustedError
from noria.formats import files
from noria.formats.bundle import write_bundle
from noria.formats.checkpoint import open_checkpoint
from noria.formats.checkpoint_dir import update_checkpoint_state

KILLS = 15  # ``python tests/checkpoint_drill.py FOLDER --kills 500`` is the long one


def test_killed_while_saving(tmp_path: Path) -> None:
    assert drill(tmp_path, KILLS, seed=3) == []


def test_the_drill_sees_damage(tmp_path: Path) -> None:
    save(tmp_path / "model.ckpt-1", 1)
    update_checkpoint_state(tmp_path, str(tmp_path / "model.ckpt-1"))
    assert verify(tmp_path) == 1
    data = tmp_path / "model.ckpt-1.data-00000-of-00001"
    content = data.read_bytes()
    data.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataLossError, match=r"crc32c is"):
        verify(tmp_path)
    save(tmp_path / "model.ckpt-1", 2)
    with pytest.raises(ValueError, match="is not what step 1 saved"):
        verify(tmp_path)
    (tmp_path / "model.ckpt-1.index").unlink()
    with pytest.raises(ValueError, match="names a checkpoint that is not there"):
        verify(tmp_path)


FULL = """
import resource, signal, sys
import numpy as np
from noria.errors import ResourceExhaustedError
from noria.formats import files
from noria.formats.bundle import write_bundle
from noria.formats.bundle_merge import merge_bundles
from noria.formats.checkpoint_dir import update_checkpoint_state
from noria.formats.npz import write_npz
from noria.formats.safetensors import write_safetensors

if sys.argv[2] == "hidden":
    files._DESCRIPTORS = "/no/such/folder"
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
large = {"x": np.zeros(1 << 20, np.float32), "small": np.zeros(3)}
many = {f"layer/{i}": np.float32(i) for i in range(80000)}
for write, name, values in (
    (write_bundle, "new", large),
    (write_bundle, "old", large),
    (write_bundle, "many", many),
    (write_npz, "new.npz", large),
    (write_safetensors, "new.safetensors", large),
):
    try:
        write(sys.argv[1] + "/" + name, values)
    except ResourceExhaustedError as error:
        print(error)
"""


@pytest.mark.parametrize("how", ["without a name", "hidden"])
def test_a_limit_on_the_size_of_files(tmp_path: Path, how: str) -> None:
    """Stands for a full disk: writing fails in the middle of a file, in the data as in the index."""
    write_bundle(tmp_path / "old", {"x": np.arange(5)})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    printed = subprocess.check_output([sys.executable, "-c", FULL, str(tmp_path), how], text=True).splitlines()
    assert len(printed) == 5
    assert all("File too large; free some space" in line for line in printed)
    assert "many.index" in printed[2]
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert open_checkpoint(tmp_path / "old")["x"].tolist() == [0, 1, 2, 3, 4]


def test_a_full_disk(tmp_path: Path) -> None:
    """A small tmpfs, where the user may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    try:
        write_bundle(disk / "model.ckpt-1", {"x": np.arange(5)})
        update_checkpoint_state(disk, str(disk / "model.ckpt-1"))
        before = files.walk(disk)
        for prefix in ("model.ckpt-2", "model.ckpt-1"):
            with pytest.raises(ResourceExhaustedError, match="No space left on device; free some space"):
                write_bundle(disk / prefix, {"x": np.zeros(1 << 20, np.float32)})
            assert files.walk(disk) == before
        assert open_checkpoint(disk / "model.ckpt-1")["x"].tolist() == [0, 1, 2, 3, 4]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_limits_of_this_process_are_untouched() -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
