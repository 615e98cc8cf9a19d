"""SavedModels that noria.v1 builds, under TensorFlow; and TensorFlow's, of both ages, in a session of noria.v1."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow.compat.v1 as real
from tensorflow.python.tools import saved_model_cli

import noria.v1 as tf
from noria.formats.saved_model import read_saved_model
from saving_checks import assert_equal, assert_same_meta

real.disable_v2_behavior()

BOTH = pytest.mark.parametrize(("writer", "reader"), [(tf, real), (real, tf)], ids=["noria-tf", "tf-noria"])


def write(t: Any, folder: Path, *, as_text: bool = False, strip: bool = False) -> str:
    """A model with a table that an asset fills, two tag-sets, three signatures."""
    words = folder / "words.txt"
    words.write_text("red\ngreen\nblue\n")
    path = str(folder / f"model_{t.__name__.partition('.')[0]}_{as_text}_{strip}")
    with t.Graph().as_default(), t.Session() as session:
        text = t.placeholder(t.string, [None], name="text")
        columns = t.lookup.TextFileIndex
        lines = t.lookup.TextFileInitializer(str(words), t.string, columns.WHOLE_LINE, t.int64, columns.LINE_NUMBER)
        table = t.lookup.StaticVocabularyTable(lines, num_oov_buckets=1)
        index = table.lookup(text)
        with t.device("/device:CPU:0"):
            w = t.get_variable("w", initializer=t.constant([1.0, 2.0, 3.0, 4.0]))
            steps = t.get_variable("steps", initializer=t.constant(7, t.int64), trainable=False, use_resource=True)
        score = t.gather(w, index, name="score")
        count = t.identity(steps, name="count")
        session.run([t.global_variables_initializer(), t.tables_initializer()])
        model = t.saved_model
        signatures = {
            "serving_default": model.predict_signature_def({"text": text}, {"score": score, "steps": count}),
            "regress": model.regression_signature_def(text, score),
            "classify": model.classification_signature_def(text, None, score),
        }
        builder = model.builder.SavedModelBuilder(path)
        builder.add_meta_graph_and_variables(
            session, [model.tag_constants.SERVING], signatures, strip_default_attrs=strip,
            assets_collection=t.get_collection(t.GraphKeys.ASSET_FILEPATHS), main_op=t.tables_initializer(),
        )  # fmt: skip
        builder.add_meta_graph(["train", "gpu"], {"train": signatures["regress"]}, clear_devices=True)
        builder.save(as_text=as_text)
    return path


def predict(t: Any, path: str, **options: Any) -> list[Any]:
    with t.Graph().as_default(), t.Session() as session:
        meta = t.saved_model.loader.load(session, ["serve"], path, **options)
        scope = options.get("import_scope")
        signature = meta.signature_def["serving_default"]
        find = t.saved_model.utils.get_tensor_from_tensor_info
        inputs = find(signature.inputs["text"], import_scope=scope)
        outputs = [find(signature.outputs[key], import_scope=scope) for key in ("score", "steps")]
        found: list[Any] = session.run(outputs, {inputs: ["blue", "red", "black"]})
        return found


@BOTH
@pytest.mark.parametrize("as_text", [False, True])
def test_load_what_the_other_built(tmp_path: Path, writer: Any, reader: Any, as_text: bool) -> None:
    path = write(writer, tmp_path, as_text=as_text)
    (tmp_path / "words.txt").unlink()  # the model has its own copy
    for options in ({}, {"import_scope": "inner"}):
        score, steps = predict(reader, path, **options)
        assert_equal(score, np.array([3.0, 1.0, 4.0], np.float32))
        assert_equal(steps, np.int64(7))
    with reader.Graph().as_default(), reader.Session() as session:
        reader.saved_model.loader.load(session, ["gpu", "train"], path)
        with pytest.raises(RuntimeError, match="MetaGraphDef associated with tags 'nosuch' could not be found"):
            reader.saved_model.loader.load(session, ["nosuch"], path)


@pytest.mark.parametrize("strip", [False, True])
def test_the_same_model_is_written(tmp_path: Path, strip: bool) -> None:
    paths = [Path(write(t, tmp_path, strip=strip)) for t in (tf, real)]
    files = [{p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()} for path in paths]
    assert sorted(files[0]) == sorted(files[1])
    for name in files[0].keys() - {"saved_model.pb"}:
        assert files[0][name].read_bytes() == files[1][name].read_bytes(), name
    mine, theirs = (read_saved_model(path).proto for path in paths)
    assert mine.saved_model_schema_version == theirs.saved_model_schema_version
    assert len(mine.meta_graphs) == len(theirs.meta_graphs) == 2
    for a, b in zip(mine.meta_graphs, theirs.meta_graphs, strict=True):
        assert list(a.meta_info_def.tags) == list(b.meta_info_def.tags)
        assert_same_meta(a, b)


def test_saved_model_cli_shows_the_same(tmp_path: Path) -> None:
    texts = []
    for t in (tf, real):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            saved_model_cli._show_all(write(t, tmp_path))
        texts.append(out.getvalue())
    assert texts[0] == texts[1]
    assert "signature_def['serving_default']" in texts[0]


MODULE = """
import sys
import tensorflow as tf

class Model(tf.Module):
    def __init__(self):
        self.w = tf.Variable([[1.0], [2.0]])
        self.calls = tf.Variable(0)
        init = tf.lookup.TextFileInitializer(sys.argv[2], tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
                                             tf.lookup.TextFileIndex.LINE_NUMBER)
        self.table = tf.lookup.StaticHashTable(init, -1)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32), tf.TensorSpec([None], tf.string)])
    def __call__(self, x, words):
        self.calls.assign_add(1)
        return {"y": x @ self.w, "index": self.table.lookup(words), "calls": self.calls + 0}

model = Model()
tf.saved_model.save(model, sys.argv[1], signatures=model.__call__)
"""


def test_models_of_tensorflow_2(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("red\ngreen\n")
    path = str(tmp_path / "model")
    subprocess.run([sys.executable, "-c", MODULE, path, str(words)], check=True, capture_output=True)
    words.unlink()
    for scope in (None, "inner"):
        with tf.Graph().as_default() as graph, tf.Session() as session:
            tf.constant(0.0, name="x")
            meta = tf.saved_model.loader.load(session, ["serve"], path, import_scope=scope)
            signature = meta.signature_def["serving_default"]
            find = tf.saved_model.get_tensor_from_tensor_info
            feeds = {
                find(signature.inputs["x"], graph, scope): [[1.0, 1.0]],
                find(signature.inputs["words"], graph, scope): ["green", "black"],
            }
            outputs = {key: find(info, graph, scope) for key, info in signature.outputs.items()}
            for count in (1, 2):
                found = session.run(outputs, feeds)
                assert_equal(found["y"], np.array([[3.0]], np.float32))
                assert_equal(found["index"], np.array([1, -1], np.int64))
                assert_equal(found["calls"], np.int32(count))


def test_predictor(tmp_path: Path) -> None:
    predict_ = tf.contrib.predictor.from_saved_model(write(real, tmp_path))
    assert_equal(predict_({"text": ["green"]})["score"], np.array([2.0], np.float32))
    with pytest.raises(ValueError, match="Got unexpected keys"):
        predict_({"words": ["green"]})
