"""MetaGraphs: what goes in, what comes out, in scopes and between graphs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import noria.v1
from noria.formats.graph_def import read_meta_graph_def
from noria.protos.tensorflow import MetaGraphDef
from noria.v1.meta_graph import copy_scoped_meta_graph, export_scoped_meta_graph, import_scoped_meta_graph

tf: Any = noria.v1  # for mypy, noria.v1.constant is the file of that name


@pytest.fixture(autouse=True)
def fresh_graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def program() -> Any:
    outside = tf.placeholder(tf.float32, [2], name="outside")
    with tf.name_scope("part"), tf.device("/device:CPU:0"):
        w = tf.Variable([1.0, 2.0], name="w")
        y = tf.raw_ops.AddV2(x=w.value(), y=outside, name="y")
    tf.add_to_collection("ends", y)
    tf.add_to_collection("numbers", 3)
    tf.add_to_collection("floats", 2.5)
    tf.add_to_collection("words", "word")
    return w


def test_a_fresh_graph_gets_everything(tmp_path: Path) -> None:
    program()
    path = str(tmp_path / "new" / "m.meta")
    meta = tf.train.export_meta_graph(path)
    assert read_meta_graph_def(path) == meta
    assert meta.meta_info_def.tensorflow_version == "1.15.0"
    assert meta.meta_info_def.tensorflow_git_version.startswith("noria ")
    assert {"AddV2", "VariableV2"} <= {op.name for op in meta.meta_info_def.stripped_op_list.op}
    with tf.Graph().as_default():
        saver = tf.train.import_meta_graph(path)
        (w,) = tf.trainable_variables()
        assert tf.global_variables() == [w]  # one object in both
        assert tf.get_collection("ends")[0].name == "part/y:0"
        assert tf.get_collection("numbers") == [3]
        assert tf.get_collection("floats") == [2.5]
        assert tf.get_collection("words") == [b"word"]
        with tf.Session() as sess:
            sess.run(w.initializer)
            assert saver.save(sess, str(tmp_path / "m")) == f"{tmp_path}/m"
            assert sess.run("part/y:0", {"outside:0": [1.0, 1.0]}).tolist() == [2.0, 3.0]


def test_options() -> None:
    w = program()
    tf.train.Saver()
    mine = tf.train.Saver([w], name="mine")
    plain = tf.train.export_meta_graph(collection_list=["numbers"], clear_devices=True, strip_default_attrs=True)
    assert list(plain.collection_def) == ["numbers"]
    assert not any(n.device for n in plain.graph_def.node)
    assert plain.meta_info_def.stripped_default_attrs
    assert not plain.HasField("saver_def")
    cleared = mine.export_meta_graph(clear_extraneous_savers=True)
    scopes = {n.name.partition("/")[0] for n in cleared.graph_def.node}
    assert "mine" in scopes
    assert "save" not in scopes
    assert cleared.saver_def == mine.saver_def


def test_scopes_and_unbound_inputs() -> None:
    program()
    meta, variables = export_scoped_meta_graph(export_scope="part")
    assert [n.name for n in meta.graph_def.node][-1] == "y"
    assert list(variables) == ["w:0"]
    assert [v.decode() for v in meta.collection_def["unbound_inputs"].bytes_list.value] == ["$unbound_inputs_outside"]
    with tf.Graph().as_default():
        with pytest.raises(ValueError, match="Graph contains unbound inputs: "):
            import_scoped_meta_graph(meta)
        given = tf.constant([5.0, 5.0])
        found = import_scoped_meta_graph(meta, import_scope="other", input_map={"$unbound_inputs_outside": given})
        assert found["w:0"].name == "other/w:0"
        assert tf.get_default_graph().get_operation_by_name("other/y").inputs[1] is given


def test_what_no_message_holds_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    program()
    tf.add_to_collection("objects", object())
    tf.add_to_collection("mixed", 1)
    tf.add_to_collection("mixed", "one")
    tf.add_to_collection(("a", "tuple"), 1)
    with caplog.at_level(logging.WARNING):
        meta = tf.train.export_meta_graph(collection_list=["objects", "mixed", "numbers"])
    assert list(meta.collection_def) == ["numbers"]
    assert "Issue encountered when serializing objects" in caplog.text


def test_registered_collections() -> None:
    class Thing:
        def __init__(self, text: str) -> None:
            self.text = text

    tf.register_proto_function(
        "things", tf.train.BytesList,
        lambda thing, export_scope=None: tf.train.BytesList(value=[thing.text.encode()]),
        lambda proto, import_scope=None: Thing(f"{import_scope}{proto.value[0].decode()}"),
    )  # fmt: skip
    with pytest.raises(TypeError, match="to_proto must be callable"):
        tf.register_proto_function("others", None, 3)
    program()
    tf.add_to_collection("things", Thing("one"))
    meta = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        tf.train.import_meta_graph(meta, import_scope="inner")
        assert tf.get_collection("things")[0].text == "innerone"


def test_copies_within_a_graph() -> None:
    with tf.name_scope("one"):
        tf.raw_ops.Neg(x=tf.Variable(1.0, name="w").value(), name="y")
    assert copy_scoped_meta_graph("one", "two")["w:0"].name == "two/w:0"
    assert tf.get_default_graph().get_operation_by_name("two/y").inputs[0].op.name == "two/w/read"
    with pytest.raises(ValueError, match="need to be different"):
        copy_scoped_meta_graph("one", "one")


def test_no_variables_no_saver() -> None:
    tf.constant(1.0)
    meta = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(meta) is None


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="File does not exist"):
        tf.train.import_meta_graph(str(tmp_path / "m.meta"))
    (tmp_path / "m.meta").write_bytes(b"\xff\0\xff")
    with pytest.raises(OSError, match="Cannot parse file"):
        tf.train.import_meta_graph(str(tmp_path / "m.meta"))
    with pytest.raises(TypeError, match="graph_def must be of type GraphDef"):
        tf.train.export_meta_graph(graph_def=MetaGraphDef())
