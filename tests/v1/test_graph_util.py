"""graph_util and write_graph."""

from __future__ import annotations

from pathlib import Path

import pytest

import noria.v1 as tf
from noria.formats.graph_def import read_graph_def


def _graph() -> tf.Graph:
    graph = tf.Graph()
    with graph.as_default():
        a = tf.constant([[1.0, 2.0]], name="a")
        tf.raw_ops.Neg(x=a, name="b")
    return graph


def test_outputs_that_are_not_there() -> None:
    part = _graph().as_graph_def()
    with pytest.raises(AssertionError, match="zz is not in graph"):
        tf.graph_util.extract_sub_graph(part, ["zz"])
    with pytest.raises(TypeError, match="dest_nodes must be an iterable of strings"):
        tf.graph_util.extract_sub_graph(part, "b")


def test_shape_by_name() -> None:
    graph = _graph()
    assert tf.graph_util.tensor_shape_from_node_def_name(graph, "b").as_list() == [1, 2]
    assert tf.graph_util.tensor_shape_from_node_def_name(graph, "b:0").as_list() == [1, 2]


@pytest.mark.parametrize(("name", "as_text"), [("g.pb", False), ("g.pbtxt", True), ("text.pb", True)])
def test_write_graph(tmp_path: Path, name: str, as_text: bool) -> None:
    graph = _graph()
    folder = str(tmp_path / "new" / "folder")
    path = tf.train.write_graph(graph, folder, name, as_text=as_text)
    assert path == f"{folder}/{name}"
    assert read_graph_def(path) == graph.as_graph_def()
    assert tf.train.write_graph(graph.as_graph_def(), folder, name, as_text) == path
    assert Path(path).read_bytes().startswith(b"node {") is as_text
