"""TensorFlow's tools that programs import: ``freeze_graph`` and ``strip_unused_lib``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import noria.v1 as tf
from conftest import REPOSITORY
from noria.errors import NotFoundError
from noria.v1 import saved_model_utils
from noria.v1.freeze_graph import freeze_graph, main
from noria.v1.optimize_for_inference import optimize_for_inference
from noria.v1.strip_unused import strip_unused


@pytest.fixture(params=[False, True], ids=["ref", "resource"])
def saved(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with ``y = 2 x + 1`` as graph.pb, graph.pbtxt, saver.pb and a checkpoint ``model``."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None], name="x")
        with graph.device("/gpu:0"):
            w = tf.Variable(0.0, name="w", use_resource=request.param)
            b = tf.Variable(1.0, name="b", use_resource=request.param)
        tf.identity(x * w + b, name="y")
        w.assign(2.0, name="set_w")
        session.run(tf.global_variables_initializer())
        session.run("set_w")
        saver = tf.train.Saver()
        saver.save(session, str(tmp_path / "model"))
        graph_def = graph.as_graph_def()
        (tmp_path / "saver.pb").write_bytes(saver.as_saver_def().SerializeToString())
    (tmp_path / "graph.pb").write_bytes(graph_def.SerializeToString())
    (tmp_path / "graph.pbtxt").write_text(str(graph_def))
    return tmp_path


def freeze(folder: Path, **changed: Any) -> Any:
    arguments: dict[str, Any] = {
        "input_graph": str(folder / "graph.pb"),
        "input_saver": "",
        "input_binary": True,
        "input_checkpoint": str(folder / "model"),
        "output_node_names": "y",
        "restore_op_name": None,
        "filename_tensor_name": None,
        "output_graph": str(folder / "frozen.pb"),
        "clear_devices": True,
        "initializer_nodes": "",
    }
    return freeze_graph(**{**arguments, **changed})


def run(graph_def: Any) -> list[float]:
    with tf.Graph().as_default(), tf.Session() as session:
        (y,) = tf.import_graph_def(graph_def, return_elements=["y:0"], name="")
        found: list[float] = session.run(y, {"x:0": [3.0]}).tolist()
        return found


def test_a_graph_and_a_checkpoint(saved: Path) -> None:
    frozen = freeze(saved)
    assert tf.GraphDef.FromString((saved / "frozen.pb").read_bytes()) == frozen
    assert run(frozen) == [7.0]
    assert {node.op for node in frozen.node} <= {"Placeholder", "Const", "Identity", "Mul", "Add", "AddV2"}
    assert not any(node.device for node in frozen.node)
    text = freeze(saved, input_graph=str(saved / "graph.pbtxt"), input_binary=False, output_graph="")
    assert text == frozen
    assert freeze(saved, input_saver=str(saved / "saver.pb")) == frozen


def test_a_meta_graph(saved: Path) -> None:
    assert run(freeze(saved, input_graph="", input_meta_graph=str(saved / "model.meta"))) == [7.0]


def test_nodes_to_run_first_and_variables_to_leave(saved: Path) -> None:
    assert run(freeze(saved, initializer_nodes="w/Assign")) == [1.0]
    kept = freeze(saved, variable_names_blacklist="b")
    assert [node.name for node in kept.node if node.op.startswith("Var")] == ["b"]


def test_what_is_wrong(saved: Path) -> None:
    with pytest.raises(NotFoundError, match="Input graph file 'none' does not exist!"):
        freeze(saved, input_graph="none")
    with pytest.raises(ValueError, match="Input checkpoint 'none' doesn't exist!"):
        freeze(saved, input_checkpoint="none")
    with pytest.raises(ValueError, match="--output_node_names"):
        freeze(saved, output_node_names="")
    with pytest.raises(ValueError, match="no graph is given"):
        freeze(saved, input_graph="")
    freeze(saved)
    with pytest.raises(ValueError, match="cannot be frozen twice"):
        freeze(saved, input_graph=str(saved / "frozen.pb"))


def test_the_command(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        f"--input_graph={saved / 'graph.pb'}",
        "--input_binary=true",
        f"--input_checkpoint={saved / 'model'}",
        "--output_node_names=y",
        f"--output_graph={saved / 'out.pb'}",
    ]
    assert main(options) == 0
    assert capsys.readouterr().out.endswith(" ops in the final graph.\n")
    first = (saved / "out.pb").read_bytes()
    (saved / "out.pb").unlink()
    command = [sys.executable, "-m", "noria", "exec", "-m", "tensorflow.python.tools.freeze_graph", *options]
    subprocess.run(command, check=True, capture_output=True)
    assert (saved / "out.pb").read_bytes() == first


def test_strip_unused(saved: Path) -> None:
    graph_def = tf.GraphDef.FromString((saved / "graph.pb").read_bytes())
    product = next(node.name for node in graph_def.node if node.op == "Mul")
    cut = strip_unused(graph_def, [product, "x"], ["y"], [1, 1])
    found = {node.name: node.op for node in cut.node}
    assert found[product] == "Placeholder"
    assert "w" not in found
    assert "x" not in found
    assert strip_unused(graph_def, ["x"], ["x"], 2).node[0].attr["dtype"].type == 2
    with pytest.raises(ValueError, match="refer to a Tensor"):
        strip_unused(graph_def, ["x:0"], ["y"], 1)
    with pytest.raises(KeyError, match="none"):
        strip_unused(graph_def, ["none"], ["y"], 1)


def test_a_saved_model() -> None:
    model = REPOSITORY / "tests/golden/half_plus_two/1"
    frozen = freeze(model, input_saved_model_dir=str(model), output_graph="", input_checkpoint=None)
    assert not any(node.op.startswith("Var") for node in frozen.node)
    with tf.Graph().as_default(), tf.Session() as session:
        (y,) = tf.import_graph_def(frozen, return_elements=["y:0"], name="")
        assert session.run(y, {"x:0": [[2.0]]}).tolist() == [[3.0]]


def test_meta_graphs_of_a_saved_model() -> None:
    model = str(REPOSITORY / "tests/golden/half_plus_two/1")
    assert saved_model_utils.get_saved_model_tag_sets(model) == [["serve"]]
    meta = saved_model_utils.get_meta_graph_def(model, "serve")
    assert meta == saved_model_utils.read_saved_model(model).meta_graphs[0]
    with pytest.raises(RuntimeError, match=r"tag-set serve,gpu could not be found .* following tag-sets: \['serve'\]"):
        saved_model_utils.get_meta_graph_def(model, "serve,gpu")


def test_optimize_for_inference() -> None:
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None], name="x")
        check = tf.raw_ops.CheckNumerics(tensor=x, message="bad")
        with tf.control_dependencies([check]):
            product = x * 2.0
        tf.add(tf.identity(product, name="same"), 1.0, name="y")
        tf.zeros([2], name="unused")
    cut = optimize_for_inference(graph.as_graph_def(), ["x"], ["y"], 1)
    assert not {"unused", "same"} & {node.name for node in cut.node}
    assert "CheckNumerics" not in {node.op for node in cut.node}
    assert run(cut) == [7.0]
