"""Conversions between TensorFlow's own kinds, and to ONNX."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner

import graphs
import noria
from noria import dtypes
from noria.cli import main
from noria.compile.ort import run_file
from noria.convert import Options, convert
from noria.convert.check import Difference, compare, random_inputs
from noria.convert.to_onnx import export
from noria.errors import (
    AlreadyExistsError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UnimplementedError,
)
from noria.formats.bundle import write_bundle
from noria.formats.graph_def import write_graph_def, write_meta_graph_def
from noria.formats.saved_model import read_saved_model
from noria.model.signature import TensorSpec
from noria.protos.tensorflow import GraphDef, MetaGraphDef, NodeDef

GOLDEN = Path(__file__).parent.parent / "golden"
HALF, IRIS, TEXT, COUNTER = (str(GOLDEN / name / "1") for name in ("half_plus_two", "iris", "text", "counter"))
F = dtypes.float32


def _difference(found: Any) -> Difference:
    assert isinstance(found, Difference), found
    return found


def _matmul(*more: NodeDef) -> GraphDef:
    return GraphDef(
        node=[
            graphs.placeholder("in/x", shape=(None, 2)),
            graphs.const("w", [[1.0, 2.0], [3.0, 4.0]]),
            graphs.node("out/y", "MatMul", "in/x", "w", T=F),
            *more,
        ]
    )


@pytest.mark.parametrize("model", [HALF, IRIS])
def test_saved_model_to_onnx(tmp_path: Path, model: str) -> None:
    target = str(tmp_path / "m.onnx")
    report = convert(model, target)
    assert _difference(report.difference).absolute < 1e-5
    proto = onnx.load(target)
    onnx.checker.check_model(proto, full_check=True)
    signature = noria.load(model).signature()
    assert [i.name for i in proto.graph.input] == list(signature.inputs)
    assert [o.name for o in proto.graph.output] == list(signature.outputs)
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert proto.ir_version == 10
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 21)]
    assert isinstance(compare(signature.run, run_file(target), random_inputs(signature.inputs, 5)), Difference)


def test_weights_beside_the_onnx_model(tmp_path: Path) -> None:
    signature = noria.load(IRIS).signature()
    path = str(tmp_path / "m.onnx")
    export(signature, path, external_bytes=0)
    assert (tmp_path / "m.onnx.data").stat().st_size > 0
    onnx.checker.check_model(path, full_check=True)
    assert isinstance(compare(signature.run, run_file(path), random_inputs(signature.inputs, 1)), Difference)


def test_what_onnx_cannot_express(tmp_path: Path) -> None:
    with pytest.raises(UnimplementedError, match=r"needs the host for .*Lookup"):
        convert(TEXT, str(tmp_path / "m.onnx"))
    assert list(tmp_path.iterdir()) == []


def _frozen(tmp_path: Path, graph: GraphDef) -> str:
    path = str(tmp_path / "g.pb")
    write_graph_def(path, graph)
    return path


def test_outputs_that_onnx_has_no_name_for(tmp_path: Path) -> None:
    """An output called like an input, twice the same tensor, an input as output, a constant, an assertion."""
    check = graphs.node("check", "Assert", "yes", "in/x", summarize=3)
    check.attr["T"].list.type.append(F.number)
    path = _frozen(
        tmp_path,
        _matmul(graphs.const("yes", True, dtypes.bool_), check, graphs.node("z", "Relu", "out/y", "^check", T=F)),
    )
    outputs = {"x": "z:0", "again": "z:0", "same": "in/x:0", "w": "w:0"}
    target = str(tmp_path / "m.onnx")
    report = convert(path, target, Options(inputs={"x": "in/x:0"}, outputs=outputs))
    assert "assertions of the model are left out" in report.notes
    assert _difference(report.difference).outputs == 4
    onnx.checker.check_model(target, full_check=True)
    assert {o.name for o in onnx.load(target).graph.output} == {"x_output", "again", "same", "w"}


def test_frozen_to_saved_model_and_back(tmp_path: Path) -> None:
    path = _frozen(tmp_path, _matmul())
    target = str(tmp_path / "m" / "1")
    report = convert(path, target)
    assert (report.source_kind, report.target_kind) == ("frozen", "saved_model")
    assert report.notes == ["taken for inputs: in/x; for outputs: out/y"]
    assert _difference(report.difference).absolute == 0
    model = noria.load(target)
    assert (list(model.signature().inputs), list(model.signature().outputs)) == (["x"], ["y"])
    x = np.ones((1, 2), np.float32)
    assert model(x=x)["y"].tolist() == [[4, 6]]
    assert read_saved_model(target).meta_graph().meta_info_def.stripped_op_list.op[0].name == "Const"
    again = convert(target, str(tmp_path / "h.pbtxt"))
    assert _difference(again.difference).absolute == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g.pb", "h.pbtxt", "m"]


def test_named_tensors(tmp_path: Path) -> None:
    path = _frozen(tmp_path, _matmul(graphs.node("z", "Relu", "out/y", T=F)))
    options = Options(signature="predict", inputs={"a": "in/x:0"}, outputs={"b": "out/y:0", "z": "z"})
    report = convert(path, str(tmp_path / "m"), options)
    assert (report.signature, report.notes) == ("predict", [])
    signature = noria.load(str(tmp_path / "m")).signatures["predict"]
    assert (list(signature.inputs), list(signature.outputs)) == (["a"], ["b", "z"])


def test_variables_of_a_saved_model_are_frozen(tmp_path: Path) -> None:
    report = convert(HALF, str(tmp_path / "half.pb"))
    assert _difference(report.difference).absolute == 0
    assert report.target_kind == "frozen"


def test_tables_are_filled_by_a_node(tmp_path: Path) -> None:
    report = convert(TEXT, str(tmp_path / "text.pb"))
    assert report.difference is None
    assert any("run it once after importing" in note for note in report.notes)


def _meta(tmp_path: Path) -> MetaGraphDef:
    variable = graphs.node("v", "VariableV2", dtype=F, shape=(2, 2))
    graph = GraphDef(
        node=[
            graphs.placeholder("x", shape=(None, 2)),
            variable,
            graphs.node("v/read", "Identity", "v", T=F),
            graphs.node("y", "MatMul", "x", "v/read", T=F),
        ]
    )
    write_bundle(tmp_path / "model.ckpt-1", {"v": np.eye(2, dtype=np.float32)})
    return MetaGraphDef(graph_def=graph)


@pytest.mark.parametrize("told", ["guessed", "json", "names", "given"])
def test_meta_graphs(tmp_path: Path, told: str) -> None:
    meta = _meta(tmp_path)
    options = Options()
    if told == "json":
        meta.collection_def["inputs"].bytes_list.value.append(b'{"a": "x:0"}')
        meta.collection_def["outputs"].bytes_list.value.append(b'{"b": "y:0"}')
    elif told == "names":
        meta.collection_def["inputs"].node_list.value.append("x:0")
        meta.collection_def["outputs"].node_list.value.append("y:0")
    elif told == "given":
        options = Options(inputs={"a": "x:0"}, outputs={"b": "y:0"})
    write_meta_graph_def(tmp_path / "model.ckpt-1.meta", meta)
    report = convert(str(tmp_path / "model.ckpt-1.meta"), str(tmp_path / "m"), options)
    assert _difference(report.difference).absolute == 0
    wanted = ["a"] if told in ("json", "given") else ["x"]
    assert list(noria.load(str(tmp_path / "m")).signature().inputs) == wanted


def test_assets_and_tables_of_meta_graphs(tmp_path: Path) -> None:
    meta = _meta(tmp_path)
    (tmp_path / "words").write_text("a\nb\n")
    name = graphs.node("file", "Const", dtype=dtypes.string, value=np.array(str(tmp_path / "words").encode(), object))
    meta.graph_def.node.extend([name, NodeDef(name="fill", op="NoOp")])
    meta.collection_def["asset_filepaths"].node_list.value.append("file:0")
    meta.collection_def["table_initializer"].node_list.value.append("fill")
    write_meta_graph_def(tmp_path / "model.ckpt-1.meta", meta)
    options = Options(inputs={"x": "x:0"}, outputs={"y": "y:0"})
    convert(str(tmp_path / "model.ckpt-1"), str(tmp_path / "m"), options)
    assert (tmp_path / "m/assets/words").read_text() == "a\nb\n"
    found = read_saved_model(tmp_path / "m").meta_graph()
    assert found.asset_file_def[0].tensor_info.name == "file:0"
    assert found.collection_def["saved_model_main_op"].node_list.value[:] == ["noria_init_tables"]


def test_assets_that_lie_elsewhere_are_not_taken(tmp_path: Path) -> None:
    """A MetaGraph may name any file of the machine; one that was moved finds its own beside it."""
    (tmp_path / "m").mkdir()
    (tmp_path / "words").write_text("a secret")
    meta = _meta(tmp_path / "m")
    value = np.array(str(tmp_path / "words").encode(), object)
    meta.graph_def.node.append(graphs.node("file", "Const", dtype=dtypes.string, value=value))
    meta.collection_def["asset_filepaths"].node_list.value.append("file:0")
    write_meta_graph_def(tmp_path / "m" / "model.ckpt-1.meta", meta)
    options = Options(inputs={"x": "x:0"}, outputs={"y": "y:0"})
    with pytest.raises(NotFoundError, match="does not lie beside it"):
        convert(str(tmp_path / "m" / "model.ckpt-1.meta"), str(tmp_path / "out"), options)
    (tmp_path / "m" / "words").write_text("its own")
    convert(str(tmp_path / "m" / "model.ckpt-1.meta"), str(tmp_path / "out"), options)
    assert (tmp_path / "out/assets/words").read_text() == "its own"


def test_links_out_of_the_model_are_not_followed(tmp_path: Path) -> None:
    meta = _meta(tmp_path)
    (tmp_path / "words").write_text("a")
    meta.graph_def.node.append(graphs.node("file", "Const", dtype=dtypes.string, value=np.array(b"words", object)))
    asset = meta.asset_file_def.add(filename="words")
    asset.tensor_info.name = "file:0"
    write_meta_graph_def(tmp_path / "model.ckpt-1.meta", meta)
    model = tmp_path / "m"
    convert(str(tmp_path / "model.ckpt-1"), str(model), Options(inputs={"x": "x:0"}, outputs={"y": "y:0"}))
    (model / "assets").mkdir(exist_ok=True)
    (model / "assets" / "words").unlink(missing_ok=True)
    (model / "assets" / "words").symlink_to(tmp_path / "words")
    with pytest.raises(InvalidArgumentError, match="outside the model"):
        convert(str(model), str(tmp_path / "n"))


def test_what_is_refused(tmp_path: Path) -> None:
    path = _frozen(tmp_path, _matmul())
    with pytest.raises(AlreadyExistsError):
        convert(path, path)
    with pytest.raises(NotFoundError, match="no such file"):
        convert(str(tmp_path / "gone.pb"), str(tmp_path / "m"))
    with pytest.raises(NotFoundError, match="no signature 'odd'"):
        convert(HALF, str(tmp_path / "m.onnx"), Options(signature="odd"))
    (tmp_path / "odd.xyz").write_text("")
    with pytest.raises(InvalidArgumentError, match="what kind of model"):
        convert(str(tmp_path / "odd.xyz"), str(tmp_path / "m"))
    with pytest.raises(InvalidArgumentError, match="cannot read models of kind 'odd'"):
        convert(path, str(tmp_path / "m"), source_kind="odd")
    with pytest.raises(InvalidArgumentError, match="cannot write models of kind 'meta'"):
        convert(path, str(tmp_path / "m.meta"))
    variables = _frozen(tmp_path, _meta(tmp_path).graph_def)
    with pytest.raises(InvalidArgumentError, match="freeze it first"):
        convert(variables, str(tmp_path / "m"))


def test_the_check(tmp_path: Path) -> None:
    spec = {"x": TensorSpec("x", "x:0", F, (None, 3))}
    inputs = list(random_inputs(spec, 0))
    assert inputs[0]["x"].shape == (2, 3)

    def plus(amount: float) -> Any:
        return lambda given: {"y": given["x"] + np.float32(amount)}

    assert _difference(compare(plus(0), plus(1e-6), inputs)).absolute > 0
    with pytest.raises(InternalError, match="differs by up to"):
        compare(plus(0), plus(1), inputs)
    with pytest.raises(InternalError, match="gives \\['z'\\]"):
        compare(plus(0), lambda given: {"z": given["x"]}, inputs)
    with pytest.raises(InternalError, match="has shape"):
        compare(plus(0), lambda given: {"y": given["x"][:1]}, inputs)
    with pytest.raises(InternalError, match="infinite or NaN"):
        compare(plus(0), plus(np.nan), inputs)
    generator = np.random.default_rng(0)
    drawn = compare(lambda given: {"y": generator.random(3)}, lambda given: {"y": np.zeros(3)}, inputs)
    assert "differ from call to call" in str(drawn)

    def fails(given: Any) -> Any:
        raise InvalidArgumentError("no")

    assert compare(fails, plus(0), inputs) == "not checked: the source does not take random input (no)"
    with pytest.raises(InternalError, match="fails on input that the source takes: no"):
        compare(plus(0), fails, inputs)


def test_the_command(tmp_path: Path) -> None:
    path = _frozen(tmp_path, _matmul())
    arguments = ["convert", path, str(tmp_path / "m"), "--inputs", "a=in/x:0", "--outputs", "b=out/y:0"]
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert document["inputs"] == {"a": "float32 [?,2]"}
    assert document["difference"] == {"outputs": 1, "absolute": 0.0, "relative": 0.0}
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "something here already" in again.output
    forced = CliRunner().invoke(main, [*arguments, "--force"])
    assert "Checked on random input: 1 output," in forced.output
    unchecked = CliRunner().invoke(main, [*arguments, "--force", "--no-check"])
    assert "hecked" not in unchecked.output
