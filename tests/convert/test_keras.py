"""Keras files that Keras wrote, converted: the SavedModel gives Keras' answers."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import noria
from noria.convert import convert
from noria.convert.keras_files import read_keras
from noria.errors import DataLossError, InvalidArgumentError, UnimplementedError

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "keras"
FILES = sorted(p.name for p in GOLDEN.iterdir() if p.suffix in (".keras", ".h5"))


@pytest.mark.parametrize("name", FILES)
def test_answers(name: str, tmp_path: Path) -> None:
    report = convert(str(GOLDEN / name), str(tmp_path / "model"))
    assert report.target_kind == "saved_model"
    recorded = np.load(GOLDEN / f"{Path(name).stem}.npz")
    inputs = {k[3:]: recorded[k] for k in recorded.files if k.startswith("in_")}
    signature = noria.load(str(tmp_path / "model")).signatures["serving_default"]
    names = list(signature.inputs)
    given = inputs if set(names) == set(inputs) else dict(zip(names, inputs.values(), strict=True))
    found = signature.run(given)
    wanted = [recorded[f"out_{i}"] for i in range(len(found))]
    for value in wanted:  # outputs are called by their layers, which sort in another order than the model has them
        assert any(v.shape == value.shape and np.allclose(v, value, rtol=1e-4, atol=1e-5) for v in found.values())


def test_every_golden_has_a_file() -> None:
    assert {Path(f).stem for f in FILES} == {p.stem for p in GOLDEN.glob("*.npz")}


def test_unknown_layers_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "odd.keras"
    config = {"class_name": "Sequential", "config": {"layers": [
        {"class_name": "InputLayer", "config": {"batch_shape": [None, 2], "name": "x"}},
        {"class_name": "Lambda", "config": {"name": "code"}},
        {"class_name": "MyLayer", "config": {"name": "mine"}},
    ]}}  # fmt: skip
    with zipfile.ZipFile(GOLDEN / "convnet.keras") as source, zipfile.ZipFile(path, "w") as target:
        target.writestr("config.json", json.dumps(config))
        target.writestr("model.weights.h5", source.read("model.weights.h5"))
    with pytest.raises(UnimplementedError, match="Lambda, MyLayer"):
        convert(str(path), str(tmp_path / "model"))
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04 nothing", b"\x89HDF\r\n\x1a\n", b"text"])
def test_damaged_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.keras"
    path.write_bytes(content)
    with pytest.raises((DataLossError, InvalidArgumentError)):
        read_keras(str(path))
