"""Converted models, run by TensorFlow: every ONNX op that maps back, and TensorFlow.js graph models."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from noria.compile.ort import run_file
from noria.convert import Options, convert
from noria.formats.graph_def import read_graph_def
from onnx_cases import Case, cases, model_of
from tfjs_model import image_model, write_tfjs

v1 = tf.compat.v1


def _run(path: str, inputs: dict[str, Any]) -> dict[str, Any]:
    with tf.Graph().as_default(), v1.Session() as session:
        signature = v1.saved_model.loader.load(session, ["serve"], path).signature_def["serving_default"]
        feeds = {signature.inputs[k].name: v for k, v in inputs.items()}
        found: dict[str, Any] = session.run({k: v.name for k, v in signature.outputs.items()}, feeds)
        return found


@pytest.mark.parametrize("case", cases(), ids=lambda c: f"{c.op} {c.label}".strip())
def test_onnx_ops(tmp_path: Path, case: Case) -> None:
    model, feeds = model_of(case)
    path = str(tmp_path / "m.onnx")
    Path(path).write_bytes(model)
    convert(path, str(tmp_path / "m"), Options(check=False))
    found = _run(str(tmp_path / "m"), feeds)
    for key, wanted in run_file(path)(feeds).items():
        assert found[key].dtype == wanted.dtype
        assert found[key].shape == wanted.shape
        np.testing.assert_allclose(found[key], wanted, rtol=1e-4, atol=1e-5)


def test_tensorflow_runs_what_becomes_of_a_frozen_graph(tmp_path: Path) -> None:
    """A graph of TensorFlow's own, frozen, to a SavedModel, to ONNX and back."""
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 8, 8, 3], name="x")
        kernel = tf.constant(np.random.default_rng(0).standard_normal((3, 3, 3, 4)).astype(np.float32))
        y = tf.nn.relu(tf.nn.conv2d(x, kernel, strides=2, padding="SAME"))
        tf.identity(tf.nn.softmax(tf.reduce_mean(y, [1, 2])), name="y")
    image = np.random.default_rng(1).standard_normal((2, 8, 8, 3)).astype(np.float32)
    with v1.Session(graph=graph) as session:
        wanted = session.run("y:0", {"x:0": image})
    v1.train.write_graph(graph.as_graph_def(), str(tmp_path), "g.pb", as_text=False)
    paths = [str(tmp_path / name) for name in ("g.pb", "m1", "m.onnx", "m2", "back.pb")]
    for source, target in itertools.pairwise(paths):
        convert(source, target)
    for name in ("m1", "m2"):
        np.testing.assert_allclose(_run(str(tmp_path / name), {"x": image})["y"], wanted, rtol=1e-5)
    back = v1.GraphDef.FromString(read_graph_def(paths[-1]).SerializeToString())
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(back, name="")
        found = session.run("y:0", {"x:0": image})
    np.testing.assert_allclose(found, wanted, rtol=1e-5)


@pytest.mark.parametrize("quantization", [None, "float16", "uint8", "uint16"])
def test_tensorflow_js_models(tmp_path: Path, quantization: str | None) -> None:
    graph, weights, reference = image_model()
    weights["kernel"] = (weights["kernel"][0], quantization)
    (tmp_path / "js").mkdir()
    convert(write_tfjs(tmp_path / "js", graph, weights), str(tmp_path / "m"))
    x = np.random.default_rng(1).standard_normal((2, 6, 6, 2)).astype(np.float32)
    tolerance = {None: 1e-5, "float16": 5e-3, "uint8": 5e-2, "uint16": 1e-3}[quantization]
    np.testing.assert_allclose(_run(str(tmp_path / "m"), {"x": x})["product"], reference(x), atol=tolerance)
