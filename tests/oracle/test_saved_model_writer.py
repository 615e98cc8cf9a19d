"""SavedModels that Noria writes, loaded by TensorFlow; names of assets as its builder gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from noria.formats.graph_def import read_graph_def, read_meta_graph_def, write_graph_def, write_meta_graph_def
from noria.formats.saved_model import read_saved_model
from noria.formats.saved_model_writer import AssetNames, saved_model, write_saved_model
from noria.protos.tensorflow import GraphDef, MetaGraphDef

v1 = tf.compat.v1


def _export(folder: Path, assets: list[str]) -> None:
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        y = tf.multiply(x, v1.get_variable("w", initializer=3.0), name="y")
        for path in assets:
            v1.add_to_collection(v1.GraphKeys.ASSET_FILEPATHS, tf.constant(path))
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.builder.SavedModelBuilder(str(folder))
        signature = v1.saved_model.signature_def_utils.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session,
            ["serve"],
            {"serving_default": signature},
            assets_collection=v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS),
        )
        builder.save()


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("copied", [False, True])
def test_tensorflow_loads_what_noria_writes(tmp_path: Path, as_text: bool, copied: bool) -> None:
    (tmp_path / "words").write_text("a")
    _export(tmp_path / "theirs", [str(tmp_path / "words")])
    theirs = read_saved_model(tmp_path / "theirs")
    variables: Any = theirs.variables_prefix if copied else {"w": np.float32(3)}
    assets = theirs.assets(theirs.meta_graph())
    write_saved_model(
        tmp_path / "ours",
        saved_model(theirs.proto.meta_graphs),
        variables=variables,
        assets={Path(p).name: p for p in assets.values()},
        as_text=as_text,
    )
    assert v1.saved_model.contains_saved_model(str(tmp_path / "ours"))
    with tf.Graph().as_default(), v1.Session() as session:
        v1.saved_model.loader.load(session, ["serve"], str(tmp_path / "ours"))
        assert session.run("y:0", {"x:0": [2.0]}).tolist() == [6.0]
    assert (tmp_path / "ours/assets/words").read_text() == "a"
    if not as_text:
        same = (tmp_path / "ours/saved_model.pb").read_bytes() == (tmp_path / "theirs/saved_model.pb").read_bytes()
        assert same


def test_assets_get_the_names_that_tensorflow_gives(tmp_path: Path) -> None:
    paths = []
    for folder, content in (("a", "1"), ("b", "2"), ("c", "1"), ("d", "3"), ("e", "2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "v.txt").write_text(content)
        paths.append(str(tmp_path / folder / "v.txt"))
    _export(tmp_path / "theirs", paths)
    names = AssetNames()
    found = [names.add(p) for p in paths]
    packed = read_saved_model(tmp_path / "theirs").meta_graph().collection_def["saved_model_assets"].any_list.value
    assert len(packed) == len(found)
    theirs = {p.name: p.read_text() for p in (tmp_path / "theirs/assets").iterdir()}
    assert {name: Path(source).read_text() for name, source in names.files.items()} == theirs


@pytest.mark.parametrize("name", ["g.pb", "g.pbtxt"])
def test_graphs_in_files(tmp_path: Path, name: str) -> None:
    with tf.Graph().as_default() as graph:
        v1.placeholder(tf.float32, [None], name="x")
        tf.constant([1.5, 2.5], name="c")
    theirs = graph.as_graph_def()
    ours = GraphDef.FromString(theirs.SerializeToString())
    write_graph_def(tmp_path / name, ours)
    v1.train.write_graph(theirs, str(tmp_path), "their_" + name, as_text=name.endswith("txt"))
    assert read_graph_def(tmp_path / ("their_" + name)) == ours
    assert (tmp_path / name).read_bytes() == (tmp_path / ("their_" + name)).read_bytes()
    with graph.as_default():
        meta = v1.train.export_meta_graph(str(tmp_path / "m.meta"), as_text=name.endswith("txt"))
    read = read_meta_graph_def(tmp_path / "m.meta")
    assert read == MetaGraphDef.FromString(meta.SerializeToString())
    write_meta_graph_def(tmp_path / "n.meta", read, as_text=name.endswith("txt"))
    with tf.Graph().as_default() as again:
        v1.train.import_meta_graph(str(tmp_path / "n.meta"))
        assert [op.name for op in again.get_operations()] == ["x", "c"]
