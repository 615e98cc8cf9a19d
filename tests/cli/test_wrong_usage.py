"""Wrong usage of the commands that write: one sentence, a status that is not 0, nothing half written or lost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import noria
from noria.cli import main
from noria.cli.render import counted

GOLDEN = Path(__file__).parent.parent / "golden"
HALF = GOLDEN / "half_plus_two" / "1"


def fails(*arguments: object) -> str:
    """The one line that a command which fails prints."""
    result = CliRunner().invoke(main, [*map(str, arguments)])
    assert result.exit_code == 1, result.output
    assert result.output.startswith("error: ")
    assert result.output.count("\n") == 1
    return result.output


def below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


@pytest.mark.parametrize("command", ["edit", "convert"])
def test_a_model_replaces_no_other_folder(tmp_path: Path, command: str) -> None:
    (tmp_path / "home" / "letters").mkdir(parents=True)
    (tmp_path / "home" / "letters" / "a.txt").write_text("dear")
    (tmp_path / "file").write_text("kept")
    before = below(tmp_path)
    assert "holds 'letters' but no saved_model.pb" in fails(command, HALF, tmp_path / "home", "--force")
    assert "a file stands here" in fails(command, HALF, tmp_path / "file", "--force")
    assert "file is a file, not a folder" in fails(command, HALF, tmp_path / "file" / "m")
    assert below(tmp_path) == before
    for _ in range(2):
        assert CliRunner().invoke(main, [command, str(HALF), str(tmp_path / "m"), "--force"]).exit_code == 0
    assert all(not name.startswith(".") for name in below(tmp_path))


def test_a_file_replaces_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x.pb").mkdir()
    (tmp_path / "x.pb" / "a").touch()
    assert "a folder stands here" in fails("convert", HALF, tmp_path / "x.pb", "--force")
    assert "x.pb" in fails("freeze", HALF, "-o", tmp_path / "x.pb", "--force")
    assert below(tmp_path) == ["x.pb", "x.pb/a"]


@pytest.mark.parametrize(
    "command",
    [
        ["edit", HALF, "/proc/x"],
        ["convert", HALF, "/proc/x"],
        ["convert", HALF, "/proc/x.pb"],
        ["freeze", HALF, "-o", "/proc/x.pb"],
        ["checkpoint", "export", HALF, "/proc/x.npz"],
        ["checkpoint", "prune", HALF, "/proc/x", "--drop", "a"],
    ],
)
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder in which nobody can write")
def test_a_place_that_cannot_be_written(command: list[object]) -> None:
    said = fails(*command)
    assert ".part" not in said
    assert "Errno" not in said
    assert "/proc/x" in said


def test_a_file_where_a_saved_model_should_be(tmp_path: Path) -> None:
    (tmp_path / "g.pb").write_bytes(b"")
    assert "this is a file, not a folder" in fails("edit", tmp_path / "g.pb", tmp_path / "m")


def test_text_exports_are_not_read_back(tmp_path: Path) -> None:
    noria.save_checkpoint(tmp_path / "m", {"a": np.zeros(1, np.float32)})
    said = CliRunner().invoke(main, ["checkpoint", "export", str(tmp_path / "m"), str(tmp_path / "t"), "--format=text"])
    assert said.output == f"1 tensor, 4 B, written to {tmp_path / 't'}\n"
    assert "exported as text" in fails("checkpoint", "import", tmp_path / "t", tmp_path / "n")


def test_diff_of_files_that_hold_other_names(tmp_path: Path) -> None:
    noria.save_checkpoint(tmp_path / "m", {"a": np.zeros(1, np.float32)})
    np.savez(tmp_path / "n.npz", b=np.zeros(1, np.float32))
    for pair in (("m", "n.npz"), ("n.npz", "m")):
        done = CliRunner().invoke(main, ["checkpoint", "diff", *(str(tmp_path / p) for p in pair)])
        assert done.exit_code == 1
        assert done.output.endswith("\n0 tensors compared, 2 differences\n")


@pytest.mark.parametrize("spelling", ["--tag_set", "--tag-set", "--tags"])
@pytest.mark.parametrize("command", ["show", "freeze", "edit", "convert"])
def test_spellings_of_options(tmp_path: Path, command: str, spelling: str) -> None:
    arguments = {"show": [], "freeze": ["-o", str(tmp_path / "m.pb")]}.get(command, [str(tmp_path / "m")])
    done = CliRunner().invoke(main, [command, str(HALF), *arguments, spelling, "serve"])
    assert done.exit_code == 0, done.output


def test_counted() -> None:
    assert [counted(n, "tensor") for n in (0, 1, 2000)] == ["0 tensors", "1 tensor", "2,000 tensors"]


_FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))  # bytes: the disk is full then, for this process
from click.testing import CliRunner
from noria.cli import main
for arguments in COMMANDS:
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 1, done.output
    print(done.output, end="")
"""


def test_a_full_disk(tmp_path: Path) -> None:
    large = {"small": np.zeros(8, np.float32), "zeros": np.zeros(20_000, np.float32)}
    noria.save_checkpoint(tmp_path / "m", large)
    (tmp_path / "new").mkdir()
    new = str(tmp_path / "new")
    commands = [
        *(["checkpoint", "export", str(tmp_path / "m"), f"{new}/{n}"] for n in ("a.npz", "a.safetensors", "folder")),
        ["checkpoint", "prune", str(tmp_path / "m"), f"{new}/small", "--drop", "small"],
    ]
    code = _FULL.replace("COMMANDS", repr(commands))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert [line.partition(": File too large")[0] for line in lines] == [
        f"error: {new}/{name}" for name in ("a.npz", "a.safetensors", "folder/zeros.npy", "small.data-00000-of-00001")
    ]
    assert below(tmp_path / "new") == []


def test_an_export_replaces_exports_only(tmp_path: Path) -> None:
    noria.save_checkpoint(tmp_path / "m", {"a": np.zeros(1, np.float32)})
    noria.save_checkpoint(tmp_path / "n", {"b": np.zeros(1, np.float32)})
    for name in ("m", "n"):
        arguments = ["checkpoint", "export", str(tmp_path / name), str(tmp_path / "out"), "--force"]
        assert CliRunner().invoke(main, arguments).exit_code == 0
    assert below(tmp_path / "out") == ["b.npy", "tensors.json"]
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter").touch()
    assert "is no export" in fails("checkpoint", "export", tmp_path / "m", tmp_path / "home", "--force")
    assert "is no export" in fails("checkpoint", "export", tmp_path / "m", tmp_path / "home" / "letter", "--force")
    assert below(tmp_path / "home") == ["letter"]


@pytest.mark.parametrize("file", ["../secret.npy", "/etc/passwd", "a\0b.npy", ""])
def test_files_of_an_export_stay_in_its_folder(tmp_path: Path, file: str) -> None:
    (tmp_path / "tensors.json").write_text(json.dumps([{"name": "a", "file": file, "dtype": "int8", "shape": []}]))
    assert "only files of the folder itself are read" in fails("checkpoint", "ls", tmp_path)
