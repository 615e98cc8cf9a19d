"""SavedModelEditor and ``noria edit``; TensorFlow judges the results in tests/oracle/test_edit.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import graphs
import noria
from noria import dtypes
from noria.cli import main
from noria.convert.edit import SavedModelEditor
from noria.errors import AlreadyExistsError, FailedPreconditionError, InvalidArgumentError, NotFoundError
from noria.formats.bundle import BundleReader
from noria.formats.example import make_example
from noria.formats.saved_model import read_saved_model
from noria.formats.saved_model_writer import saved_model, write_saved_model
from noria.graph.export import shape_proto
from noria.graph.saver import add_saver
from noria.protos.tensorflow import GraphDef, MetaGraphDef, NodeDef, TensorInfo, VariableDef

GOLDEN = Path(__file__).parent.parent / "golden"
HALF, TEXT, COUNTER = (str(GOLDEN / name / "1") for name in ("half_plus_two", "text", "counter"))
F = dtypes.float32


def _info(name: str, dtype: dtypes.DType = F, shape: tuple[int | None, ...] | None = (None, 2)) -> TensorInfo:
    return TensorInfo(name=name, dtype=dtype.number, tensor_shape=shape_proto(shape))


def _meta() -> MetaGraphDef:
    """Two signatures, each of one variable; a variable and an asset that neither needs."""
    graph = GraphDef(node=[graphs.placeholder("x", shape=(None, 2))])
    meta = MetaGraphDef()
    for name in ("a", "b", "lost"):
        graph.node.append(graphs.node(name, "VariableV2", dtype=F, shape=(2, 2)))
        graph.node.append(graphs.node(f"{name}/read", "Identity", name, T=F))
        graph.node.append(graphs.node(f"{name}/y", "MatMul", "x", f"{name}/read", T=F, transpose_a=False))
        graph.node[-1].device = "/cpu:0"
        variable = VariableDef(variable_name=f"{name}:0", snapshot_name=f"{name}/read:0")
        meta.collection_def["variables"].bytes_list.value.append(variable.SerializeToString())
    graph.node.append(NodeDef(name="check", op="CheckNumerics", input=["a/y"]))
    graph.node[-1].attr["T"].type = F.number
    graph.node[-1].attr["message"].s = b"bad"
    meta.saver_def.CopyFrom(add_saver(graph, ["a", "b", "lost"]))
    path = graphs.node("file", "Const", dtype=dtypes.string, value=np.array(b"words", object))
    graph.node.extend([path, graphs.node("y", "Identity", "a/y", T=F)])
    meta.graph_def.CopyFrom(graph)
    meta.asset_file_def.add(filename="words").tensor_info.name = "file:0"
    meta.meta_info_def.tags.append("serve")
    for key, output in (("serving_default", "y"), ("other", "b/y")):
        meta.signature_def[key].inputs["x"].CopyFrom(_info("x:0"))
        meta.signature_def[key].outputs["y"].CopyFrom(_info(f"{output}:0"))
        meta.signature_def[key].method_name = "tensorflow/serving/predict"
    meta.collection_def["nodes"].node_list.value.extend(["a/y", "lost/y"])
    meta.collection_def["train_op"].node_list.value.append("lost/y")
    return meta


VALUES = {"a": np.eye(2, dtype=np.float32), "b": 2 * np.eye(2, dtype=np.float32), "lost": np.ones((2, 2), np.float32)}
X = np.array([[1, 2]], np.float32)


@pytest.fixture
def model(tmp_path: Path) -> str:
    folder = tmp_path / "m"
    extra = {"note": b"n"}
    write_saved_model(folder, saved_model([_meta()]), variables=VALUES, assets={"words": b"w"}, assets_extra=extra)
    return str(folder)


def _saved(editor: SavedModelEditor, tmp_path: Path) -> noria.Model:
    editor.save(str(tmp_path / "out"))
    return noria.load(str(tmp_path / "out"), tags=list(editor.meta.meta_info_def.tags))


def test_signatures(model: str, tmp_path: Path) -> None:
    editor = SavedModelEditor(model)
    editor.add_signature("read", {"in": "x"}, {"w": "b/read:0", "z": "b/y"}, "tensorflow/serving/predict")
    editor.copy_signature("other", "third").rename_signature("serving_default", "first")
    editor.rename_input("first", "x", "pixels").rename_output("first", "y", "score")
    editor.drop_signature("other").set_method_name("first", "classify").drop_output("read", "w")
    loaded = _saved(editor, tmp_path)
    assert sorted(loaded.signatures) == ["first", "read", "third"]
    assert loaded.signatures["first"](pixels=X)["score"].tolist() == X.tolist()
    assert loaded.signatures["first"].method_name == "tensorflow/serving/classify"
    assert loaded.signatures["read"].run({"in": X})["z"].tolist() == (2 * X).tolist()
    assert loaded.signatures["read"].outputs["z"].shape == (None, 2)
    assert loaded.signatures["third"](x=X)["y"].tolist() == (2 * X).tolist()
    assert read_saved_model(tmp_path / "out").assets_extra == ("note",)
    assert not editor.notes


def test_wrong_names(model: str) -> None:
    editor = SavedModelEditor(model)
    with pytest.raises(NotFoundError, match="no signature 'odd'; it has other, serving_default"):
        editor.rename_signature("odd", "new")
    with pytest.raises(AlreadyExistsError, match="there is a signature 'other' already"):
        editor.copy_signature("serving_default", "other")
    with pytest.raises(NotFoundError, match="no input of signature 'other' called 'z'; there are \\['x'\\]"):
        editor.rename_input("other", "z", "w")
    with pytest.raises(NotFoundError, match="has no output 'z'"):
        editor.drop_output("other", "z")
    with pytest.raises(NotFoundError, match="no node 'odd'"):
        editor.add_signature("new", {}, {"y": "odd:0"})
    with pytest.raises(InvalidArgumentError, match="cannot be the key"):
        editor.copy_signature("other", "__saved_model_init_op")
    with pytest.raises(InvalidArgumentError, match="needs a tag"):
        editor.set_tags()
    editor.add_signature("two", {"x": "x:0"}, {"y": "y:0", "z": "b/y:0"})
    with pytest.raises(AlreadyExistsError, match="called 'z' already"):
        editor.rename_output("two", "y", "z")


def test_pruning(model: str, tmp_path: Path) -> None:
    editor = SavedModelEditor(model).keep_signatures("serving_default").prune()
    loaded = _saved(editor, tmp_path)
    assert loaded(x=X)["y"].tolist() == X.tolist()
    out = read_saved_model(tmp_path / "out")
    assert out.variables_prefix is not None
    assert list(BundleReader(out.variables_prefix)) == ["a"]
    assert not (tmp_path / "out/assets").exists()
    meta = out.meta_graph()
    assert meta.collection_def["nodes"].node_list.value[:] == ["a/y"]
    assert "train_op" not in meta.collection_def
    assert len(meta.collection_def["variables"].bytes_list.value) == 1
    assert not [n.name for n in meta.graph_def.node if n.name.startswith(("b", "lost"))]
    assert [op.name for op in meta.meta_info_def.stripped_op_list.op][:2] == ["Assign", "Const"]
    again = SavedModelEditor(str(tmp_path / "out")).prune()
    again.save(str(tmp_path / "again"))
    assert noria.load(str(tmp_path / "again"))(x=X)["y"].tolist() == X.tolist()


def test_freezing(model: str, tmp_path: Path) -> None:
    loaded = _saved(SavedModelEditor(model).freeze(), tmp_path)
    assert loaded(x=X)["y"].tolist() == X.tolist()
    assert loaded.signatures["other"](x=X)["y"].tolist() == (2 * X).tolist()
    out = read_saved_model(tmp_path / "out")
    assert out.variables_prefix is None
    assert not out.meta_graph().HasField("saver_def")
    assert not any("Variable" in n.op for n in out.meta_graph().graph_def.node)


def test_stripping(model: str, tmp_path: Path) -> None:
    editor = SavedModelEditor(model).strip_training_nodes().strip_default_attrs().clear_devices()
    loaded = _saved(editor, tmp_path)
    assert loaded(x=X)["y"].tolist() == X.tolist()
    nodes = {n.name: n for n in read_saved_model(tmp_path / "out").meta_graph().graph_def.node}
    assert "check" not in nodes
    assert "a/read" in nodes  # a collection names it
    assert "y" in nodes  # a signature names it
    assert not nodes["a/y"].device
    assert "transpose_a" not in nodes["a/y"].attr
    assert read_saved_model(tmp_path / "out").meta_graph().meta_info_def.stripped_default_attrs


def test_tables_stay_or_go(tmp_path: Path) -> None:
    words = noria.load(TEXT)
    key = next(iter(words.signatures))
    editor = SavedModelEditor(TEXT).keep_signatures(key).prune()
    loaded = _saved(editor, tmp_path)
    shape = tuple(d or 1 for d in words.signatures[key].inputs[next(iter(words.signatures[key].inputs))].shape or ())
    given = {next(iter(words.signatures[key].inputs)): np.full(shape, b"a", object)}
    for name, value in words.signatures[key].run(given).items():
        assert np.array_equal(loaded.signatures[key].run(given)[name], value)
    assert editor.notes == [
        "the Python objects of the SavedModel are dropped: tf.saved_model.load gives its signatures only"
    ]
    alone = SavedModelEditor(TEXT)
    tensor = next(iter(alone.signatures[key].inputs.values())).name
    alone.add_signature("same", {"x": tensor}, {"y": tensor}).keep_signatures("same").prune()
    alone.save(str(tmp_path / "alone"))
    assert not (tmp_path / "alone/assets").exists()
    assert not (tmp_path / "alone/variables").exists()


def test_several_meta_graphs(tmp_path: Path) -> None:
    train = _meta()
    train.meta_info_def.tags[:] = ["train"]
    write_saved_model(tmp_path / "m", saved_model([_meta(), train]), variables=VALUES, assets={"words": b"w"})
    editor = SavedModelEditor(str(tmp_path / "m"), "train")
    with pytest.raises(FailedPreconditionError, match="share its variables"):
        editor.prune()
    with pytest.raises(AlreadyExistsError, match="another MetaGraph"):
        editor.set_tags("serve")
    editor.set_tags("train", "gpu").save(str(tmp_path / "both"))
    assert read_saved_model(tmp_path / "both").tag_sets == [frozenset({"train", "gpu"}), frozenset({"serve"})]
    editor.drop_other_meta_graphs().set_tags("serve").prune().save(str(tmp_path / "one"))
    assert noria.load(str(tmp_path / "one"))(x=X)["y"].tolist() == X.tolist()


def test_a_signature_that_assigns_is_not_frozen() -> None:
    with pytest.raises(FailedPreconditionError, match="more than read variable"):
        SavedModelEditor(COUNTER).freeze()


def _typed_model(folder: Path, **inputs: tuple[dtypes.DType, tuple[int | None, ...] | None]) -> str:
    """Each input is an output too."""
    meta = MetaGraphDef()
    meta.meta_info_def.tags.append("serve")
    for name, (dtype, shape) in inputs.items():
        meta.graph_def.node.append(graphs.placeholder(name, dtype, shape))
        meta.graph_def.node.append(graphs.node(f"{name}_out", "Identity", name, T=dtype))
        signature = meta.signature_def["serving_default"]
        signature.inputs[name].CopyFrom(_info(f"{name}:0", dtype, shape))
        signature.outputs[name].CopyFrom(_info(f"{name}_out:0", dtype, shape))
    meta.graph_def.versions.producer = 1000
    write_saved_model(folder, saved_model([meta]))
    return str(folder)


def test_a_parser_in_front(tmp_path: Path) -> None:
    source = _typed_model(
        tmp_path / "m",
        f=(F, (None, 2)),
        d=(dtypes.float64, (None,)),
        i=(dtypes.int32, (None, 1)),
        s=(dtypes.string, (None, None)),
        b=(dtypes.bool_, (None,)),
    )
    editor = SavedModelEditor(source).put_parser("serving_default", as_signature="parse")
    loaded = _saved(editor, tmp_path)
    example = make_example({"f": [1.5, 2.5], "d": [0.5], "i": [7], "s": [b"x", b"y"], "b": [1]})
    found = loaded.signatures["parse"](examples=[example, example])
    assert found["f"].tolist() == [[1.5, 2.5]] * 2
    assert found["d"].dtype == np.float64
    assert found["d"].tolist() == [0.5, 0.5]
    assert found["i"].dtype == np.int32
    assert found["i"].tolist() == [[7], [7]]
    assert found["s"].tolist() == [[b"x", b"y"]] * 2
    assert found["b"].tolist() == [True, True]
    plain = {"f": [[1, 2]], "d": [1], "i": [[1]], "s": [[b"q"]], "b": [True]}
    assert loaded.signatures["serving_default"].run(plain)["s"].tolist() == [[b"q"]]


@pytest.mark.parametrize(
    ("dtype", "shape", "message"),
    [
        (F, (), "is a scalar"),
        (F, None, "no declared rank"),
        (F, (None, 2, None), "only its first two sizes"),
        (dtypes.complex64, (None,), "cannot hold"),
    ],
)
def test_what_no_example_can_give(tmp_path: Path, dtype: dtypes.DType, shape: Any, message: str) -> None:
    editor = SavedModelEditor(_typed_model(tmp_path / "m", x=(dtype, shape)))
    with pytest.raises(InvalidArgumentError, match=message):
        editor.put_parser("serving_default")


def test_decoders_in_front(tmp_path: Path) -> None:
    source = _typed_model(
        tmp_path / "m",
        text=(dtypes.string, (None,)),
        flat=(dtypes.int32, (None, 3)),
        deep=(F, (None, 2, 2)),
        open=(dtypes.uint8, (None, None, 2)),
    )
    editor = SavedModelEditor(source)
    for name, kind in (("text", "base64"), ("flat", "raw"), ("deep", "raw"), ("open", "raw")):
        editor.put_decoder("serving_default", name, kind)
    arrays: dict[str, np.ndarray[Any, np.dtype[Any]]] = {
        "flat": np.arange(6, dtype=np.int32).reshape(2, 3),
        "deep": np.arange(8, dtype=np.float32).reshape(2, 2, 2),
        "open": np.arange(12, dtype=np.uint8).reshape(2, 3, 2),
    }
    given: dict[str, Any] = {k: np.array([row.tobytes() for row in v], object) for k, v in arrays.items()}
    given["text"] = np.array([b"aGk", b"_-8"], object)
    found = _saved(editor, tmp_path).signature().run(given)
    assert found["text"].tolist() == [b"hi", b"\xff\xef"]
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)


def test_images_in_front(tmp_path: Path) -> None:
    image_module = pytest.importorskip("PIL.Image", reason="Pillow, which makes the pictures, is not installed")
    source = _typed_model(tmp_path / "m", image=(F, (None, 4, 4, 3)), small=(dtypes.uint8, (None, 4, 4, 1)))
    files: list[bytes] = []
    for size in ((8, 8), (4, 12)):
        pixels = np.full((*size, 3), 51 * (len(files) + 1), np.uint8)
        image_module.fromarray(pixels).save(tmp_path / "p.png")
        files.append((tmp_path / "p.png").read_bytes())
    editor = SavedModelEditor(source).put_decoder("serving_default", "image", "image", scale=1 / 255)
    editor.put_decoder("serving_default", "small", "image")
    found = _saved(editor, tmp_path).signature().run({"image": files, "small": files})
    assert found["image"].shape == (2, 4, 4, 3)
    np.testing.assert_allclose(found["image"].mean((1, 2, 3)), [0.2, 0.4], rtol=1e-5)
    assert found["small"][:, 0, 0, 0].tolist() == [51, 102]


def test_what_cannot_be_decoded(tmp_path: Path) -> None:
    source = _typed_model(tmp_path / "m", x=(F, (None, 2)), y=(F, (None, None, None)), s=(dtypes.string, (None,)))
    editor = SavedModelEditor(source)
    for name, kind, message in (
        ("x", "base64", "decoded to a string"),
        ("y", "raw", "cannot be told"),
        ("s", "raw", "cannot be told"),
        ("x", "image", "images need"),
        ("x", "odd", "no decoder 'odd'"),
    ):
        with pytest.raises(InvalidArgumentError, match=message):
            editor.put_decoder("serving_default", name, kind)
    with pytest.raises(NotFoundError, match="no input 'z'"):
        editor.put_decoder("serving_default", "z", "raw")
    editor.add_signature("inner", {"x": "x_out:0"}, {"y": "x_out:0"})
    with pytest.raises(InvalidArgumentError, match="not a placeholder"):
        editor.put_decoder("inner", "x", "raw")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["edit", *arguments])


def test_the_command(model: str, tmp_path: Path) -> None:
    target = str(tmp_path / "n")
    done = run(
        model, target, "--rename-input", "image=x", "--copy-signature", "again=other", "--drop-signature", "other",
        "--method-name", "regress", "--prune", "--strip-training-nodes", "--strip-default-attrs", "--clear-devices",
        "--set-tags", "serve,mine", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert document["tags"] == ["mine", "serve"]
    assert document["signatures"]["serving_default"] == {
        "inputs": ["image"],
        "outputs": ["y"],
        "method_name": "tensorflow/serving/regress",
    }
    assert noria.load(target, tags=["serve", "mine"])(image=X)["y"].tolist() == X.tolist()
    assert "--force" in run(model, target).output
    done = run(target, target, "--tags", "serve,mine", "--freeze", "--force", "--text", "--put-parser", "examples")
    assert "serving_default: examples -> y" in done.output
    assert Path(target, "saved_model.pbtxt").exists()


def test_wrong_options(model: str, tmp_path: Path) -> None:
    target = str(tmp_path / "n")
    assert "two names with = between" in run(model, target, "--rename-input", "x").output
    assert "needs --outputs" in run(model, target, "--add-signature", "k").output
    assert "belong to --add-signature" in run(model, target, "--inputs", "x=x:0").output
    assert "no signature 'odd'" in run(model, target, "--drop-signature", "odd").output
    assert not Path(target).exists()
