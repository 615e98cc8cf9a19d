"""Keras and TensorFlow.js files from strangers: damaged, too large when unpacked, or reaching for other files."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from google.protobuf import json_format

import graphs
from formats.test_damaged_files import damaged
from noria import dtypes
from noria.compile.ort import run_file
from noria.convert import Options, convert
from noria.convert.keras_files import read_keras
from noria.convert.onnx_tensor import to_array
from noria.errors import DataLossError, InvalidArgumentError, TFError
from noria.protos import POOL
from noria.protos.onnx import TensorProto
from noria.protos.tensorflow import GraphDef

GOLDEN = Path(__file__).parent.parent / "golden" / "keras"
ROUNDS = 40


@pytest.mark.parametrize("name", ["functional.keras", "one_axis.h5"])
def test_keras(tmp_path: Path, name: str) -> None:
    moments = random.Random(name)
    whole = (GOLDEN / name).read_bytes()
    path = tmp_path / name
    for _ in range(ROUNDS):
        path.write_bytes(damaged(whole, moments))
        with suppress(TFError):
            read_keras(str(path))
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["model.json", "group1-shard1of1.bin"])
def test_tfjs(tmp_path: Path, name: str) -> None:
    moments = random.Random(name)
    weights = {
        "name": "w",
        "shape": [3, 2],
        "dtype": "float32",
        "quantization": {"dtype": "uint8", "scale": 2, "min": 1},
    }
    product = graphs.node("y", "MatMul", "x", "w", T=dtypes.float32)
    graph = GraphDef(
        node=[graphs.placeholder("x", shape=(None, 3)), graphs.const("w", np.ones((3, 2), np.float32)), product]
    )
    document = {
        "modelTopology": json_format.MessageToDict(graph, descriptor_pool=POOL),
        "weightsManifest": [{"paths": ["group1-shard1of1.bin"], "weights": [weights]}],
    }
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "group1-shard1of1.bin").write_bytes(bytes(range(6)))
    (tmp_path / "m" / "model.json").write_text(json.dumps(document))
    whole = (tmp_path / "m" / name).read_bytes()
    for _ in range(ROUNDS):
        (tmp_path / "m" / name).write_bytes(damaged(whole, moments))
        with suppress(TFError):
            convert(str(tmp_path / "m"), str(tmp_path / "out"), Options(force=True, check=False))
    assert {p.name for p in tmp_path.iterdir()} <= {"m", "out"}


def _changed(path: Path, change: Callable[[Any], None]) -> str:
    """The golden ``.h5`` model at ``path``, its first weight handed to ``change`` with its group and name."""
    shutil.copy(GOLDEN / "one_axis.h5", path)
    found: list[str] = []
    with h5py.File(path, "r+") as file:
        file["model_weights"].visititems(lambda n, o: found.append(n) if isinstance(o, h5py.Dataset) else None)
        name = "model_weights/" + found[0]
        del file[name]
        change(file.require_group(name.rpartition("/")[0]).file)
        file.move("new", name)
    return str(path)


def test_weights_in_another_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(bytes(64))

    def outside(file: Any) -> None:
        file.create_dataset("new", (4,), "f4", external=[(str(tmp_path / "secret"), 0, 16)])

    with pytest.raises(InvalidArgumentError, match="lies in another file"):
        read_keras(_changed(tmp_path / "m.h5", outside))


def test_weights_that_would_fill_the_memory(tmp_path: Path) -> None:
    def huge(file: Any) -> None:
        file.create_dataset("new", (1 << 40,), "f4", chunks=(1024,))

    with pytest.raises(DataLossError, match="says it has 4398046511104 bytes, of which the file holds 0"):
        read_keras(_changed(tmp_path / "m.h5", huge))


def test_an_archive_that_would_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", '{"class_name": "Sequential", "config": {"layers": []}}')
        archive.writestr("model.weights.h5", bytes(1 << 24))
    with pytest.raises(DataLossError, match="says it has 16777216 bytes"):
        read_keras(str(path))


def test_a_description_of_a_model_that_is_none(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "one_axis.h5", tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as file:
        text = file.attrs["model_config"]
        file.attrs["model_config"] = text.replace("layers", "liars") if isinstance(text, str) else text
    with pytest.raises(DataLossError, match="not well formed"):
        convert(str(tmp_path / "m.h5"), str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("path", "said"),
    [("../secret", "leads out of"), ("/etc/hostname", "leads out of"), ("a\0b", "leads out of"), ("link", "is a link")],
)
def test_shards_and_external_data_stay_in_their_folder(tmp_path: Path, path: str, said: str) -> None:
    (tmp_path / "secret").write_bytes(bytes(8))
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "link").symlink_to("../secret")
    manifest = [{"paths": [path], "weights": [{"name": "w", "shape": [2], "dtype": "float32"}]}]
    (folder / "model.json").write_text(json.dumps({"modelTopology": {"node": []}, "weightsManifest": manifest}))
    with pytest.raises(InvalidArgumentError, match=said):
        convert(str(folder), str(tmp_path / "out"))
    tensor = TensorProto(name="w", dims=[2], data_type=1, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=path)
    with pytest.raises(InvalidArgumentError, match=said):
        to_array(tensor, str(folder))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "secret"]


def test_a_graph_that_the_engine_refuses(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_bytes(b"\x08\x0a")  # a model of an IR version and nothing else
    with pytest.raises(InvalidArgumentError, match="the engine refuses"):
        run_file(str(tmp_path / "m.onnx"))
    assert capfd.readouterr().out == ""
