"""ONNX → SavedModel: each op against ONNX Runtime, whole models there and back, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import noria
from noria.compile.ort import run_file
from noria.convert import Options, convert
from noria.convert.check import Difference, compare
from noria.convert.onnx_rules import RULES
from noria.errors import DataLossError, InvalidArgumentError, UnimplementedError
from noria.formats.saved_model import read_saved_model
from onnx_cases import Case, cases, model_of

GOLDEN = Path(__file__).parent.parent / "golden"


@pytest.mark.parametrize("case", cases(), ids=lambda c: f"{c.op} {c.label}".strip())
def test_ops(tmp_path: Path, case: Case) -> None:
    model, feeds = model_of(case)
    path = str(tmp_path / "m.onnx")
    Path(path).write_bytes(model)
    report = convert(path, str(tmp_path / "m"), Options(check=False))
    assert report.source_kind == "onnx"
    signature = noria.load(str(tmp_path / "m")).signature()
    assert list(signature.inputs) == sorted(feeds)
    found = compare(run_file(path), signature.run, [feeds])
    assert isinstance(found, Difference), found


def test_every_rule_has_a_case() -> None:
    assert RULES.keys() - {c.op for c in cases()} == {"Constant"}


@pytest.mark.parametrize("name", ["half_plus_two", "iris"])
def test_there_and_back(tmp_path: Path, name: str) -> None:
    convert(str(GOLDEN / name / "1"), str(tmp_path / "m.onnx"))
    report = convert(str(tmp_path / "m.onnx"), str(tmp_path / "m"))
    assert isinstance(report.difference, Difference)
    first, last = noria.load(str(GOLDEN / name / "1")).signature(), noria.load(str(tmp_path / "m")).signature()
    assert list(first.inputs) == list(last.inputs)
    assert list(first.outputs) == list(last.outputs)


def make_model(nodes: list[Any], inputs: list[Any], outputs: list[str], initializers: list[Any]) -> Any:
    infos = [helper.make_empty_tensor_value_info(name) for name in outputs]
    graph = helper.make_graph(nodes, "g", inputs, infos, initializers)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnx.shape_inference.infer_shapes(made)


def _floats(name: str, *shape: Any) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def _convolutions() -> Any:
    weights = np.random.default_rng(0)
    tensors = [
        numpy_helper.from_array(weights.standard_normal((4, 4, 3, 3)).astype(np.float32) / 6, "w"),
        numpy_helper.from_array(weights.standard_normal((1, 4, 1, 1)).astype(np.float32), "s"),
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["c", "b"], ["d"]),
        helper.make_node("Mul", ["d", "s"], ["e"]),
        helper.make_node("Concat", ["e", "d"], ["f"], axis=1),
        helper.make_node("MaxPool", ["f"], ["g"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("ReduceMean", ["g"], ["h"], axes=[2, 3], keepdims=0),
    ]
    return make_model(nodes, [_floats("x", "n", 4, 8, 8)], ["h"], tensors)


def test_layouts_are_not_changed_back_and_forth(tmp_path: Path) -> None:
    onnx.save(_convolutions(), tmp_path / "m.onnx")
    report = convert(str(tmp_path / "m.onnx"), str(tmp_path / "m"))
    assert isinstance(report.difference, Difference)
    graph = read_saved_model(tmp_path / "m").meta_graph().graph_def
    assert [n.op for n in graph.node].count("Transpose") == 1


def test_external_data_and_chosen_outputs(tmp_path: Path) -> None:
    onnx.save(_convolutions(), tmp_path / "m.onnx", save_as_external_data=True, size_threshold=0, location="w.bin")
    report = convert(str(tmp_path / "m.onnx"), str(tmp_path / "m"), Options(outputs={"middle": "d"}))
    assert report.outputs == {"middle": "float32 [?,4,8,8]"}
    proto = onnx.load(tmp_path / "m.onnx", load_external_data=False)
    proto.graph.initializer[0].external_data[0].value = "../w.bin"
    (tmp_path / "bad.onnx").write_bytes(proto.SerializeToString())
    with pytest.raises(InvalidArgumentError, match="leads out"):
        convert(str(tmp_path / "bad.onnx"), str(tmp_path / "n"))


def test_what_is_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("StringNormalizer", ["x"], ["y"]),
        helper.make_node("LSTM", ["x"], ["z"]),
        helper.make_node("Odd", ["x"], ["w"], domain="my.own"),
    ]
    graph = helper.make_graph(nodes, "g", [_floats("x", 1)], [_floats("y", 1)])
    path = tmp_path / "m.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    with pytest.raises(UnimplementedError, match=r"counterpart here: LSTM, StringNormalizer, my\.own\.Odd"):
        convert(str(path), str(tmp_path / "m"))
    path.write_bytes(b"\xff\xff")
    with pytest.raises(DataLossError):
        convert(str(path), str(tmp_path / "m"))
    path.write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="without nodes"):
        convert(str(path), str(tmp_path / "m"))
    assert not (tmp_path / "m").exists()


@pytest.mark.parametrize(
    ("op", "attrs", "match"),
    [
        ("MaxPool", {"kernel_shape": [2, 2], "dilations": [2, 2]}, "dilation"),
        ("Resize", {"mode": "cubic"}, "mode cubic"),
        ("Gather", {"axis": 9}, "axis 9"),
    ],
)
def test_ways_that_have_no_counterpart(tmp_path: Path, op: str, attrs: dict[str, Any], match: str) -> None:
    """The error names the node."""
    extra = {
        "Resize": ["", "", "s"],
        "Gather": ["s"],
        "MaxPool": [],
    }[op]
    sizes = numpy_helper.from_array(np.array([2, 4, 3, 11]), "s")
    node = helper.make_node(op, ["x", *extra], ["y"], name="here", **attrs)
    graph = helper.make_graph([node], "g", [_floats("x", 2, 4, 6, 8)], [_floats("y", 1)], [sizes])
    (tmp_path / "m.onnx").write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString()
    )
    with pytest.raises((UnimplementedError, InvalidArgumentError), match=match):
        convert(str(tmp_path / "m.onnx"), str(tmp_path / "m"), Options(check=False))


def test_constants_of_every_form(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.array([1, 2], np.float16))
    nodes = [
        helper.make_node("Constant", [], ["a"], value_floats=[1.0, 2.0]),
        helper.make_node("Constant", [], ["b"], value_float=3.0),
        helper.make_node("Constant", [], ["c"], value=tensor),
        helper.make_node("Cast", ["c"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("Constant", [], ["e"], value_ints=[1]),
        helper.make_node("Sum", ["x", "a", "b", "d"], ["s"]),
        helper.make_node("Unsqueeze", ["s", "e"], ["y"]),
    ]
    onnx.save(make_model(nodes, [_floats("x", 2)], ["y"], []), tmp_path / "m.onnx")
    assert isinstance(convert(str(tmp_path / "m.onnx"), str(tmp_path / "m")).difference, Difference)
