"""Graph models of TensorFlow.js, written here as its converter writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphs
import noria
from noria import dtypes
from noria.convert import Options, convert
from noria.errors import DataLossError, InvalidArgumentError, UnimplementedError
from noria.protos.tensorflow import GraphDef, NodeDef
from tfjs_model import image_model, write_tfjs

F = dtypes.float32
Array = np.ndarray[Any, np.dtype[Any]]


@pytest.mark.parametrize("quantization", [None, "float16", "uint8", "uint16"])
def test_fused_ops_and_quantized_weights(tmp_path: Path, quantization: str | None) -> None:
    graph, weights, reference = image_model()
    weights["kernel"] = (weights["kernel"][0], quantization)
    (tmp_path / "js").mkdir()
    source = write_tfjs(tmp_path / "js", graph, weights)
    report = convert(source, str(tmp_path / "m"))
    assert report.notes == ["not compared: nothing here runs TensorFlow.js models"]
    x = np.random.default_rng(1).standard_normal((2, 6, 6, 2)).astype(np.float32)
    found = noria.load(str(tmp_path / "m"))(x=x)["product"]
    tolerance = {None: 1e-5, "float16": 5e-3, "uint8": 5e-2, "uint16": 1e-3}[quantization]
    np.testing.assert_allclose(found, reference(x), atol=tolerance)


def test_signatures_strings_and_integers(tmp_path: Path) -> None:
    graph = GraphDef(
        node=[
            graphs.placeholder("x", dtypes.int64, shape=(None,)),
            graphs.node("words", "Const", dtype=dtypes.string, value=np.array([b"a", b"bc"], object)),
            graphs.const("axis", 0, dtypes.int32),
            graphs.node("y", "GatherV2", "words", "x", "axis", Tparams=dtypes.string, Tindices=dtypes.int64),
        ]
    )
    graph.node[3].attr["Taxis"].type = dtypes.int32.number
    weights: dict[str, tuple[Array, Any]] = {
        "words": (np.array([b"a", b"bc"], object), None),
        "axis": (np.array(0, np.int32), None),
    }
    shape = {"dim": [{"size": "-1"}]}
    signature = {
        "inputs": {"index": {"name": "x:0", "dtype": "DT_INT64", "tensorShape": shape}},
        "outputs": {"word": {"name": "y:0", "dtype": "DT_STRING", "tensorShape": shape}},
    }
    source = write_tfjs(tmp_path, graph, weights, userDefinedMetadata={"signature": signature})
    convert(source + "/model.json", str(tmp_path / "m"))
    model = noria.load(str(tmp_path / "m"))
    assert model(index=[1, 0])["word"].tolist() == [b"bc", b"a"]
    assert model.signature().outputs["word"].shape == (None,)
    given = Options(signature="s", inputs={"i": "x:0"}, outputs={"o": "y:0"}, check=False)
    assert convert(source, str(tmp_path / "n"), given).notes == []


def test_early_converters(tmp_path: Path) -> None:
    """Bytes as lists of numbers."""
    conv = graphs.node("y", "Conv2D", "x", "x", T=F, padding="SAME")
    conv.attr["strides"].list.i.extend([1, 1, 1, 1])
    graph = GraphDef(node=[graphs.placeholder("x"), conv])
    source = write_tfjs(tmp_path, graph, {})
    document = json.loads((tmp_path / "model.json").read_text())
    document["modelTopology"]["node"][1]["attr"]["padding"]["s"] = list(b"VALID")
    (tmp_path / "model.json").write_text(json.dumps(document))
    report = convert(source, str(tmp_path / "m"))
    assert list(report.outputs) == ["y"]


def test_damaged_models(tmp_path: Path) -> None:
    graph, weights, _ = image_model()
    source = write_tfjs(tmp_path, graph, weights)
    text = (tmp_path / "model.json").read_text()

    def attempt(changed: str, error: type[Exception], match: str) -> None:
        assert changed != text
        (tmp_path / "model.json").write_text(changed)
        with pytest.raises(error, match=match):
            convert(source, str(tmp_path / "m"))
        assert not (tmp_path / "m").exists()

    attempt("{", DataLossError, "not JSON")
    attempt("[]", DataLossError, "not a JSON object")
    attempt(text.replace("graph-model", "layers-model"), InvalidArgumentError, "not a graph model")
    attempt(text.replace("group1-shard1of2.bin", "../shard.bin"), InvalidArgumentError, "leads out")
    attempt(
        text.replace('"name": "matrix", "shape": [4, 3]', '"name": "matrix", "shape": [4, 4]'), DataLossError, "run"
    )
    attempt(
        text.replace('"name": "matrix", "shape": [4, 3]', '"name": "matrix", "shape": [4, 2]'), DataLossError, "take"
    )
    attempt(
        text.replace('"name": "matrix", "shape"', '"name": "other", "shape"'), DataLossError, "'matrix' has no weig"
    )
    attempt(text.replace('"paths"', '"ways"'), DataLossError, "weightsManifest is damaged")
    attempt(text.replace('"op": "Mean"', '"op": 3'), DataLossError, "not a GraphDef in JSON")
    graph.node[6].attr["fused_ops"].list.s[1] = b"Odd"
    source = write_tfjs(tmp_path, graph, weights)
    with pytest.raises(UnimplementedError, match="fuses 'Odd'"):
        convert(source, str(tmp_path / "m"))


def test_activations_of_fused_ops(tmp_path: Path) -> None:
    product = graphs.node("y", "_FusedMatMul", "x", "w", "b", T=F, transpose_b=True)
    product.attr["fused_ops"].list.s.extend([b"BiasAdd", b"LeakyRelu"])
    product.attr["leakyrelu_alpha"].f = 0.5
    graph = GraphDef(
        node=[
            graphs.placeholder("x", shape=(None, 2)),
            graphs.const("w", np.eye(2)),
            graphs.const("b", [0.0, -3.0]),
            product,
            NodeDef(name="z", op="Prelu", input=["y", "b"]),
        ]
    )
    weights: dict[str, tuple[Array, Any]] = {
        "w": (np.eye(2, dtype=np.float32), None),
        "b": (np.array([0, -3], np.float32), None),
    }
    convert(write_tfjs(tmp_path, graph, weights), str(tmp_path / "m"))
    found = noria.load(str(tmp_path / "m"))(x=np.array([[1, 1]], np.float32))["z"]
    assert found.tolist() == [[1.0, 3.0]]
