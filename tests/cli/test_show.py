"""``noria show`` on the models that the repository carries."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from noria.cli import main
from noria.cli.report import count_ops, model_name
from noria.protos.tensorflow import GraphDef, SavedModel, TensorInfo

GOLDEN = Path(__file__).parent.parent / "golden"
HALF = GOLDEN / "half_plus_two" / "1"
PREDICT_ROW = ["serving_default", "tensorflow/serving/predict", "x:", "float", "[?,1]", "y:", "float", "[?,1]", "yes"]


def show(*arguments: Any) -> str:
    result = CliRunner().invoke(main, ["show", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return result.stdout


def show_json(*arguments: Any) -> Any:
    return json.loads(show(*arguments, "--json"))


@pytest.fixture
def two_graphs(tmp_path: Path) -> Path:
    """half_plus_two with a second MetaGraph, tagged serve and gpu, that has one signature less."""
    folder = tmp_path / "two"
    shutil.copytree(HALF, folder)
    saved = SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    second = saved.meta_graphs.add()
    second.CopyFrom(saved.meta_graphs[0])
    second.meta_info_def.tags.append("gpu")
    del second.signature_def["classify_x_to_y"]
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    return folder


def test_the_overview() -> None:
    lines = show(HALF).splitlines()
    assert lines[:2] == ["The given SavedModel contains the following tag-sets:", "'serve'"]
    assert "MetaGraph 'serve', written by TensorFlow 2.21.0" in lines
    row = next(line for line in lines if line.startswith("  serving_default"))
    assert row.split() == PREDICT_ROW
    assert "2 variables, 2 parameters, 8 B" in lines
    assert any(line.startswith("Ops: Const 17, ") for line in lines)


def test_dir_is_the_path() -> None:
    assert show("--dir", HALF) == show(HALF) == show(HALF / "saved_model.pb")


def test_a_tag_set_lists_its_signatures() -> None:
    lines = show("--dir", HALF, "--tag_set", "serve").splitlines()
    assert lines[:4] == [
        "The given SavedModel MetaGraphDef contains SignatureDefs with the following keys:",
        'SignatureDef key: "classify_x_to_y"',
        'SignatureDef key: "regress_x_to_y"',
        'SignatureDef key: "serving_default"',
    ]
    listed = show("--dir", HALF, "--tag_set", "serve", "--list_ops").splitlines()
    assert listed[0].startswith("The MetaGraph with tag set ['serve'] contains the following ops: {'Const', ")
    assert listed[-len(lines) :] == lines


def test_a_signature_shows_its_tensors_and_requests() -> None:
    text = show("--dir", HALF, "--tag_set", "serve", "--signature_def", "serving_default")
    assert text.startswith(
        """\
The given SavedModel SignatureDef contains the following input(s):
  inputs['x'] tensor_info:
      dtype: DT_FLOAT
      shape: (-1, 1)
      name: x:0
The given SavedModel SignatureDef contains the following output(s):
  outputs['y'] tensor_info:
      dtype: DT_FLOAT
      shape: (-1, 1)
      name: y:0
Method name is: tensorflow/serving/predict
Runs here: yes
"""
    )
    assert '\nREST body\n{"instances": [[1.0]]}\n' in text
    assert "curl -d '{\"instances\": [[1.0]]}' http://localhost:8501/v1/models/half_plus_two:predict\n" in text
    assert "request.inputs['x'].CopyFrom(tf.make_tensor_proto(np.ones((1, 1)), dtype=tf.float32))\n" in text


def test_everything_of_every_graph(two_graphs: Path) -> None:
    text = show(two_graphs, "--all")
    assert text.count("contains the following SignatureDefs:") == 2
    assert "\nMetaGraphDef with tag-set: 'serve, gpu' contains the following SignatureDefs:\n" in text
    assert text.count("\nsignature_def['classify_x_to_y']:\n") == 1
    assert text.count("\nsignature_def['serving_default']:\n") == 2
    assert show(two_graphs).splitlines()[1:3] == ["'gpu, serve'", "'serve'"]
    assert "classify" not in show(two_graphs, "--tag_set", "gpu,serve")


def test_json_has_all_that_the_pages_have(two_graphs: Path) -> None:
    found = show_json(two_graphs)
    assert [graph["tags"] for graph in found["meta_graphs"]] == [["serve", "gpu"], ["serve"]]
    graph = found["meta_graphs"][1]
    assert (graph["parameters"], graph["variable_bytes"]) == (2, 8)
    assert [variable["name"] for variable in graph["variables"]] == ["a", "b"]
    assert graph["ops"]["Const"] == 17
    signature = graph["signatures"]["serving_default"]
    assert signature["inputs"] == {"x": {"dtype": "DT_FLOAT", "shape": [None, 1], "tensor": "x:0"}}
    assert (signature["runs"], signature["problem"]) == (True, "")
    assert signature["ops"]["Mul"] == 1
    assert signature["requests"]["rest_body"] == {"instances": [[1.0]]}
    only = show_json(two_graphs, "--signature_def", "classify_x_to_y")["meta_graphs"]
    assert [list(graph["signatures"]) for graph in only] == [["classify_x_to_y"]]
    assert show_json(two_graphs, "--tag_set", "serve")["meta_graphs"][0]["tags"] == ["serve"]


def test_examples_are_made_of_the_features_that_the_model_parses() -> None:
    signatures = show_json(HALF)["meta_graphs"][0]["signatures"]
    regress = signatures["regress_x_to_y"]["requests"]
    assert regress["rest_body"] == {"signature_name": "regress_x_to_y", "examples": [{"x": 1.0}]}
    assert "half_plus_two:regress" in regress["curl"]
    assert "example.features.feature['x'].float_list.value.extend([1.0])" in regress["grpc"]


def test_copies_of_a_variable_count_once() -> None:
    graph = show_json(GOLDEN / "iris" / "1")["meta_graphs"][0]
    assert graph["parameters"] == 4 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3
    kernel = next(v for v in graph["variables"] if v["name"] == "sequential/dense/kernel")
    assert len(kernel["keys"]) == 2  # variables/0/... and _all_variables/<n>/..., in an order that Keras chooses


def test_functions_and_internal_signatures_of_tf2() -> None:
    found = show_json(GOLDEN / "counter" / "1")["meta_graphs"][0]
    assert found["signatures"]["__saved_model_init_op"]["runs"] is None
    assert {"name": "add", "options": [["argument 1: delta: float32 []"]]} in found["functions"]
    text = show(GOLDEN / "counter" / "1", "--all")
    assert (
        "  Function Name: 'add'\n    Option #1\n      Callable with:\n        argument 1: delta: float32 []\n" in text
    )


def test_a_frozen_graph_and_a_checkpoint() -> None:
    frozen = show_json(GOLDEN / "half_plus_two" / "frozen.pb")
    assert frozen["saved_model"] is False
    assert frozen["meta_graphs"][0]["signatures"]["serving_default"]["runs"] is True
    assert "No variables" in show(GOLDEN / "half_plus_two" / "frozen.pb")
    checkpoint = show_json(GOLDEN / "half_plus_two" / "checkpoint" / "model.meta")
    assert checkpoint["meta_graphs"][0]["parameters"] == 2


def test_a_signature_that_does_not_run_says_why(tmp_path: Path) -> None:
    shutil.copytree(HALF, tmp_path / "1")
    saved = SavedModel.FromString((HALF / "saved_model.pb").read_bytes())
    node = next(node for node in saved.meta_graphs[0].graph_def.node if node.name == "y")
    node.op = "NcclAllReduce"  # an op of TensorFlow's that has no meaning on one machine
    del node.input[1:], node.attr["T"]
    node.attr["T"].type = 1
    node.attr["reduction"].s = b"sum"
    node.attr["num_devices"].i = 1
    (tmp_path / "1" / "saved_model.pb").write_bytes(saved.SerializeToString())
    found = show_json(tmp_path / "1")["meta_graphs"][0]
    assert found["signatures"]["serving_default"]["runs"] is False
    assert "NcclAllReduce (1 node, first 'y')" in found["signatures"]["serving_default"]["problem"]
    assert "serving_default does not run here: " in show(tmp_path / "1")
    assert "Runs here: no: " in show(tmp_path / "1", "--tag_set", "serve", "--signature_def", "serving_default")


def test_lost_variables_leave_the_rest_to_be_seen(tmp_path: Path) -> None:
    shutil.copytree(HALF, tmp_path / "1")
    for file in (tmp_path / "1" / "variables").iterdir():
        file.write_bytes(file.read_bytes()[:20])
    text = show(tmp_path / "1")
    assert "The model does not load here: " in text
    assert "serving_default" in text


def test_names_from_a_model_cannot_reach_the_terminal(tmp_path: Path) -> None:
    shutil.copytree(HALF, tmp_path / "1")
    saved = SavedModel.FromString((HALF / "saved_model.pb").read_bytes())
    saved.meta_graphs[0].signature_def["evil\x1b[2J"].CopyFrom(saved.meta_graphs[0].signature_def["serving_default"])
    (tmp_path / "1" / "saved_model.pb").write_bytes(saved.SerializeToString())
    for arguments in ([], ["--all"], ["--tag_set", "serve"], ["--signature_def", "evil\x1b[2J"]):
        text = show(tmp_path / "1", *arguments)
        assert "\x1b" not in text
        assert "evil\\x1b[2J" in text


def test_sparse_inputs_name_their_parts(tmp_path: Path) -> None:
    shutil.copytree(HALF, tmp_path / "1")
    saved = SavedModel.FromString((HALF / "saved_model.pb").read_bytes())
    info = saved.meta_graphs[0].signature_def["serving_default"].inputs["x"]
    info.coo_sparse.CopyFrom(
        TensorInfo.CooSparse(values_tensor_name="x:0", indices_tensor_name="x:0", dense_shape_tensor_name="x:0")
    )
    (tmp_path / "1" / "saved_model.pb").write_bytes(saved.SerializeToString())
    assert "name: sparse: values x:0, indices x:0, shape x:0" in show(tmp_path / "1", "--all")


def test_ops_are_counted_through_functions_once() -> None:
    graph = GraphDef()
    for name in ("a", "b"):
        node = graph.node.add(name=name, op="PartitionedCall")
        node.attr["f"].func.name = "inner"
    graph.node.add(name="c", op="inner")
    inner = graph.library.function.add()
    inner.signature.name = "inner"
    branch = inner.node_def.add(name="if", op="If")
    branch.attr["then_branch"].func.name = "inner"
    inner.node_def.add(name="d", op="Add")
    unused = graph.library.function.add()
    unused.signature.name = "unused"
    unused.node_def.add(name="e", op="Mul")
    assert count_ops(graph) == {"PartitionedCall": 3, "Add": 1, "If": 1}


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/models/iris/3", "iris"),
        ("/models/iris/3/", "iris"),
        ("models/iris/00000123/saved_model.pb", "iris"),
        ("s3://bucket/iris/1", "iris"),
        ("frozen.pb", "frozen.pb"),
        ("7", "7"),
    ],
)
def test_model_names(path: str, name: str) -> None:
    assert model_name(path) == name


def test_every_real_model_is_shown(shared_models: Path) -> None:
    folders = sorted({path.parent for path in shared_models.rglob("saved_model.pb*")})
    assert len(folders) > 50
    for folder in folders:
        found = show_json(folder, "--all")
        for graph in found["meta_graphs"]:
            for key, signature in graph["signatures"].items():
                assert (signature["runs"] is None) == key.startswith("__saved_model_")
                assert signature["runs"] is not False or signature["problem"]
            assert np.sum(list(graph["ops"].values())) > 0
