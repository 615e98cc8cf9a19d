"""The SavedModel builder and loader: what they refuse, and that nobody sees half a model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria
import noria.v1
from noria.v1.inspect_checkpoint import main as inspect

tf: Any = noria.v1  # for mypy, noria.v1.constant is the file of that name


@pytest.fixture(autouse=True)
def fresh_graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def program() -> tuple[Any, Any]:
    x = tf.placeholder(tf.float32, [None], name="x")
    w = tf.Variable(2.0, name="w")
    return x, tf.raw_ops.Mul(x=x, y=w.value(), name="y")


def session() -> Any:
    sess = tf.Session()
    sess.run(tf.global_variables_initializer())
    return sess


def test_simple_save_makes_a_model_that_noria_serves(tmp_path: Path) -> None:
    x, y = program()
    path = str(tmp_path / "model")
    with session() as sess:
        tf.saved_model.simple_save(sess, path, {"x": x}, {"y": y})
    assert noria.load(path)(x=[1.0, 2.0])["y"].tolist() == [2.0, 4.0]
    predict = tf.contrib.predictor.from_saved_model(path, tags="serve")
    assert predict({"x": [3.0]})["y"].tolist() == [6.0]
    with pytest.raises(ValueError, match="Available signatures are"):
        tf.contrib.predictor.from_saved_model(path, signature_def_key="nosuch")


def test_nothing_is_seen_before_save(tmp_path: Path) -> None:
    program()
    path = tmp_path / "model"
    builder = tf.saved_model.builder.SavedModelBuilder(str(path))
    with session() as sess:
        builder.add_meta_graph_and_variables(sess, ["serve"])
        assert not path.exists()
        assert builder.save() == f"{path}/saved_model.pb".encode()
    assert sorted(p.name for p in path.iterdir()) == ["saved_model.pb", "variables"]
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    builder.save(as_text=True)
    assert (path / "saved_model.pbtxt").exists()


def test_files_of_the_user_stay(tmp_path: Path) -> None:
    program()
    path = tmp_path / "model"
    path.mkdir()
    builder = tf.saved_model.Builder(str(path))
    with session() as sess:
        builder.add_meta_graph_and_variables(sess, ["serve"])
        (path / "assets.extra").mkdir()
        (path / "assets.extra" / "readme").write_text("mine")
        builder.save()
    assert sorted(p.name for p in path.iterdir()) == ["assets.extra", "saved_model.pb", "variables"]


def test_an_abandoned_builder_leaves_nothing(tmp_path: Path) -> None:
    program()
    builder = tf.saved_model.builder.SavedModelBuilder(str(tmp_path / "model"))
    with session() as sess:
        builder.add_meta_graph_and_variables(sess, ["serve"])
    assert list(tmp_path.iterdir())
    del builder
    assert not list(tmp_path.iterdir())


def test_assets_the_first_of_a_name_wins(tmp_path: Path) -> None:
    program()
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "words").write_text(folder)
    a, b, again = (tf.constant(f"{tmp_path}/{folder}/words") for folder in ("a", "b", "a"))
    builder = tf.saved_model.builder.SavedModelBuilder(str(tmp_path / "model"))
    with session() as sess:
        builder.add_meta_graph_and_variables(sess, ["serve"], assets_collection=[a, b, again])
        builder.add_meta_graph(["other"], assets_collection=[b])
        builder.save()
    assets = {p.name: p.read_text() for p in (tmp_path / "model" / "assets").iterdir()}
    assert assets == {"words": "a", "words_1": "b"}


def test_refusals(tmp_path: Path) -> None:
    x, y = program()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    build = tf.saved_model.builder.SavedModelBuilder
    with pytest.raises(AssertionError, match="already exists, and isn't empty"):
        build(str(tmp_path / "full"))
    builder = build(str(tmp_path / "model"))
    with pytest.raises(AssertionError, match="has not been saved yet"):
        builder.add_meta_graph(["serve"])
    info = tf.saved_model.build_tensor_info(x)
    nameless = {"s": tf.saved_model.build_signature_def({"x": type(info)()}, {})}
    untyped = {"s": tf.saved_model.build_signature_def({"x": type(info)(name="x:0")}, {})}
    reserved = {"__saved_model_init_op": tf.saved_model.build_signature_def({"x": info})}
    with session() as sess:
        for signatures, kind, text in [
            (nameless, AssertionError, "one of the 'encoding' fields"),
            (untyped, AssertionError, "the dtype field set"),
            (reserved, KeyError, "is reserved for initialization"),
        ]:
            with pytest.raises(kind, match=text):
                builder.add_meta_graph_and_variables(sess, ["serve"], signatures)
        for asset, text in [
            (3, "must be a Tensor"), (y, "must be of type constant"), (tf.constant(1), "must be of dtype string"),
            (tf.constant(["a", "b"]), "must be a scalar"),
        ]:  # fmt: skip
            with pytest.raises(TypeError, match=text):
                builder.add_meta_graph_and_variables(sess, ["serve"], assets_collection=[asset])
        with pytest.raises(TypeError, match="to be an Operation"):
            builder.add_meta_graph_and_variables(sess, ["serve"], main_op=y)
        builder.add_meta_graph_and_variables(sess, ["serve"], main_op=tf.no_op())
        with pytest.raises(AssertionError, match="has already been saved"):
            builder.add_meta_graph_and_variables(sess, ["serve"])
        with pytest.raises(ValueError, match="already contains one or more main ops"):
            builder.add_meta_graph(["other"], legacy_init_op=tf.no_op())
        builder.save()
        with pytest.raises(RuntimeError, match="with available tags '\\[\\{'serve'\\}\\]'"):
            tf.saved_model.loader.load(sess, ["nosuch"], str(tmp_path / "model"))
        with pytest.raises(OSError, match="SavedModel file does not exist at"):
            tf.saved_model.loader.load(sess, ["serve"], str(tmp_path / "full"))


def test_method_names_can_be_changed(tmp_path: Path) -> None:
    x, y = program()
    path = str(tmp_path / "model")
    with session() as sess:
        tf.saved_model.simple_save(sess, path, {"x": x}, {"y": y})
    updater = tf.saved_model.signature_def_utils.MethodNameUpdater(path)
    updater.replace_method_name("serving_default", "mine", tags=["serve"])
    with pytest.raises(ValueError, match="does not have a signature_def with key: 'nosuch'"):
        updater.replace_method_name("nosuch", "mine")
    updater.save()
    with tf.Session(graph=tf.Graph()) as sess:
        assert tf.saved_model.load(sess, ["serve"], path).signature_def["serving_default"].method_name == "mine"


def test_inspect_checkpoint_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program()
    with session() as sess:
        prefix = tf.train.Saver().save(sess, str(tmp_path / "m"))
    with np.printoptions():  # what the command sets holds for the process
        assert inspect([f"--file_name={prefix}", "--all_tensors", "--printoptions", "precision=2"]) == 0
    assert capsys.readouterr().out == "tensor: w (float32) []\n2.0\n# Total number of params: 1\n"
    assert inspect([f"--file_name={prefix}.data-00000-of-00001"]) == 0
    assert f"inspect checkpoint --file_name = {prefix}\n" in capsys.readouterr().out
    assert inspect([]) == 1
