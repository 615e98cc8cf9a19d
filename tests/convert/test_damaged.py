"""Damaged models: freezing, editing and converting them either works or raises one of Noria's own errors."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from noria.convert import Options, convert
from noria.convert.edit import SavedModelEditor
from noria.errors import TFError
from noria.model.freeze import freeze_model, read_source

GOLDEN = Path(__file__).parent.parent / "golden"
ROUNDS = 15


def _damaged(data: bytes, moments: random.Random) -> bytes:
    """A few bits or bytes changed in place, so that most of the message still parses."""
    changed = bytearray(data)
    for _ in range(moments.randint(1, 3)):
        at = moments.randrange(len(changed))
        changed[at] = changed[at] ^ 1 << moments.randrange(8) if moments.random() < 0.5 else moments.randrange(256)
    return bytes(changed)


def _edit(path: str, target: str) -> None:
    editor = SavedModelEditor(path)
    key = next(iter(editor.signatures), "none")
    editor.copy_signature(key, "copied").put_parser(key, "examples", as_signature="parsed")
    editor.strip_training_nodes().strip_default_attrs().clear_devices().prune().save(target, overwrite=True)


def _freeze_in_place(path: str, target: str) -> None:
    SavedModelEditor(path).freeze().save(target, overwrite=True)


def _freeze(path: str, target: str) -> None:
    freeze_model(read_source(path))


@pytest.mark.parametrize("action", [_edit, _freeze_in_place, _freeze])
@pytest.mark.parametrize("name", ["iris", "text"])
def test_saved_models(tmp_path: Path, name: str, action: Callable[[str, str], None]) -> None:
    moments = random.Random(f"{name} {action.__name__}")
    whole = (GOLDEN / name / "1" / "saved_model.pb").read_bytes()
    shutil.copytree(GOLDEN / name / "1", tmp_path / "m")
    for _ in range(ROUNDS):
        (tmp_path / "m" / "saved_model.pb").write_bytes(_damaged(whole, moments))
        with suppress(TFError):
            action(str(tmp_path / "m"), str(tmp_path / "out"))


@pytest.mark.parametrize("name", ["g.pb", "g.onnx"])
def test_graphs(tmp_path: Path, name: str) -> None:
    moments = random.Random(name)
    convert(str(GOLDEN / "iris" / "1"), str(tmp_path / name))
    whole = (tmp_path / name).read_bytes()
    for _ in range(ROUNDS):
        (tmp_path / name).write_bytes(_damaged(whole, moments))
        with suppress(TFError):
            convert(str(tmp_path / name), str(tmp_path / "out"), Options(force=True))
        assert sorted(p.name for p in tmp_path.iterdir() if p.name != "out") == [name]
