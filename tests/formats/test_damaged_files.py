"""Damaged files of every kind that a stranger may send: only Noria's own errors come out of their readers."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria
from noria.errors import InvalidArgumentError, NotFoundError, TFError
from noria.formats.checkpoint_dir import latest_checkpoint
from noria.formats.npz import NpzFile, write_npz
from noria.formats.safetensors import SafetensorsFile, write_safetensors
from noria.formats.weights import open_weights

GOLDEN = Path(__file__).parent.parent / "golden"
ARRAYS: dict[str, Any] = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b/c": np.arange(3), "s": np.array(3.0)}
ROUNDS = 200
_NUMBERS = (b"\xff" * 8, b"\xff" * 7 + b"\x7f", bytes(8), b"\x80" * 4, b"99")


def damaged(content: bytes, moments: random.Random) -> bytes:
    """``content`` cut short, or with bits, bytes or whole numbers changed; more often near its ends."""
    if moments.random() < 0.15:
        return content[: moments.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(moments.choice((1, 1, 2, 5))):
        near = moments.choice((len(changed), len(changed), 300, -200))
        at = moments.randrange(min(abs(near), len(changed)))
        at = at if near > 0 else len(changed) - 1 - at
        if moments.random() < 0.5:
            changed[at] ^= 1 << moments.randrange(8)
        else:
            number = moments.choice(_NUMBERS)[: len(changed) - at]
            changed[at : at + len(number)] = number
    return bytes(changed)


def read_all(path: Path) -> None:
    found = open_weights(str(path))
    for name in found:
        with suppress(TFError):
            found[name].tolist()


def _latest(path: Path) -> None:
    latest_checkpoint(path.parent)


def _write(folder: Path, name: str) -> Path:
    path = folder / name
    if name.endswith(".safetensors"):
        write_safetensors(path, ARRAYS, {"made by": "this test"})
    elif name == "deflated.npz":
        np.savez_compressed(path, **ARRAYS)
    elif name.endswith(".npz"):
        write_npz(path, ARRAYS)
    else:
        shutil.copytree(GOLDEN / "half_plus_two" / "checkpoint", folder, dirs_exist_ok=True)
    return path


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("a.safetensors", read_all),
        ("a.npz", read_all),
        ("deflated.npz", read_all),
        ("model.index", lambda path: read_all(path.with_suffix(""))),
        ("model.data-00000-of-00001", lambda path: read_all(path.with_suffix(""))),
        ("checkpoint", _latest),
    ],
)
def test_only_our_errors(tmp_path: Path, name: str, read: Callable[[Path], None]) -> None:
    moments = random.Random(name)
    path = _write(tmp_path, name)
    whole = path.read_bytes()
    for _ in range(ROUNDS):
        path.write_bytes(damaged(whole, moments))
        with suppress(TFError):
            read(path)


def test_a_header_that_asks_for_all_memory(tmp_path: Path) -> None:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    (tmp_path / "w.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(noria.errors.DataLossError):
        open_weights(str(tmp_path / "w.safetensors"))


@pytest.mark.parametrize("kind", [NpzFile, SafetensorsFile, noria.load_checkpoint])
def test_names_that_are_not_there(tmp_path: Path, kind: Callable[[str], NpzFile]) -> None:
    for write, name in ((write_npz, "NpzFile"), (write_safetensors, "SafetensorsFile")):
        write(tmp_path / name, ARRAYS)
    noria.save_checkpoint(tmp_path / "load_checkpoint", ARRAYS)
    found = kind(str(tmp_path / kind.__name__))
    assert [name in found for name in ("w", "x", "")] == [True, False, False]
    assert [found.get("x"), found.get("x", 5), found.get("w").shape] == [None, 5, (2, 3)]
    with pytest.raises(NotFoundError, match="'x' is not in"):
        found["x"]


def test_a_zero_byte_in_a_name_of_an_archive(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="zero byte in its name"):
        write_npz(tmp_path / "a.npz", {"a\0b": np.zeros(1), "a\0c": np.ones(1)})
    assert list(tmp_path.iterdir()) == []
