"""Graph rewriting against TensorFlow's ``graph_util`` and ``meta_graph``, on real models where they are present."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import meta_graph as tf_meta_graph
from tensorflow.python.framework import op_def_registry

import noria.ops
from noria import dtypes
from noria.formats.saved_model import read_saved_model
from noria.graph import rewrite
from noria.graph.export import graph_def, tensor_proto
from noria.graph.graphdef import import_graph
from noria.protos import op_defs
from noria.protos.tensorflow import GraphDef, MetaGraphDef, NodeDef

assert noria.ops  # its import fills the rule tables

v1 = tf.compat.v1
MODELS = Path(__file__).resolve().parents[2].parent / "shared" / "models"
# Its Python knows no element of the others: "Element type not supported in TensorProto".
WRITTEN = [d.name for d in dtypes.ALL if not d.numpy.hasobject and not d.name.endswith("fnuz")]


def _saved_models() -> list[str]:
    found = [*(MODELS / "corpus").glob("*/model"), *(MODELS / "zoo").glob("*/model"), *(MODELS / "serving").glob("*/*")]
    return sorted(str(p) for p in found if (p / "saved_model.pb").exists())


def _graphs() -> list[Any]:
    paths = _saved_models()
    if not paths:
        reason = f"the real models are not on this machine ({MODELS} is absent)"
        return [pytest.param("", marks=pytest.mark.skip(reason=reason))]
    return [pytest.param(p, id="/".join(Path(p).parts[-3:])) for p in paths]


def _theirs(proto: GraphDef) -> Any:
    return v1.GraphDef.FromString(proto.SerializeToString())


def _same(ours: Any, theirs: Any) -> None:
    assert ours.SerializeToString(deterministic=True) == theirs.SerializeToString(deterministic=True)


@pytest.mark.parametrize("path", _graphs())
def test_rewrites_of_real_graphs(path: str) -> None:
    for meta in read_saved_model(path).proto.meta_graphs:
        proto = meta.graph_def
        theirs = _theirs(proto)
        ends = [n.name for n in proto.node][-3:]
        _same(rewrite.extract_sub_graph(proto, ends), v1.graph_util.extract_sub_graph(theirs, ends))
        _same(
            rewrite.remove_training_nodes(proto, ends),
            v1.graph_util.remove_training_nodes(theirs, protected_nodes=ends),
        )
        _same(rewrite.remove_training_nodes(proto), v1.graph_util.remove_training_nodes(theirs))
        stripped = v1.MetaGraphDef(graph_def=theirs)
        tf_meta_graph.strip_graph_default_valued_attrs(stripped)
        _same(rewrite.strip_default_attrs(proto), stripped.graph_def)
        _same(rewrite.stripped_op_list(proto), tf_meta_graph.stripped_op_list_for_graph(theirs))
        for node in proto.node:
            of_theirs = v1.NodeDef.FromString(node.SerializeToString())
            for pin in (False, True):
                assert rewrite.must_run_on_cpu(node, pin) == v1.graph_util.must_run_on_cpu(of_theirs, pin)


@pytest.mark.parametrize("path", _graphs())
def test_exported_graphs_load(path: str) -> None:
    """What the importer read and the exporter wrote is the same graph to TensorFlow."""
    proto = read_saved_model(path).proto.meta_graphs[0].graph_def
    ours = graph_def(import_graph(proto), producer=proto.versions.producer)
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(_theirs(ours), name="")
    with tf.Graph().as_default() as expected:
        tf.import_graph_def(_theirs(proto), name="")
    assert [op.name for op in graph.get_operations()] == [op.name for op in expected.get_operations()]
    for a, b in zip(graph.get_operations(), expected.get_operations(), strict=True):
        assert [t.name for t in a.inputs] == [t.name for t in b.inputs]
        assert [t.dtype for t in a.outputs] == [t.dtype for t in b.outputs]
        assert {o.name for o in a.control_inputs} == {o.name for o in b.control_inputs}


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3)])
@pytest.mark.parametrize("name", WRITTEN)
def test_tensors_are_written_as_make_tensor_proto_does(name: str, shape: tuple[int, ...]) -> None:
    dtype = dtypes.from_name(name)
    values = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2).astype(np.float32).astype(dtype.numpy)
    of_theirs = tf.dtypes.as_dtype(dtype.number)
    theirs = tf.make_tensor_proto(values.astype(of_theirs.as_numpy_dtype), dtype=of_theirs)
    _same(tensor_proto(values, dtype), theirs)


def test_strings_are_written_as_make_tensor_proto_does() -> None:
    for value in ([b"a", b"bc"], b"x", []):
        array = np.array(value, object)
        theirs = tf.make_tensor_proto(value, dtype=tf.string) if value != [] else tf.make_tensor_proto([], tf.string)
        _same(tensor_proto(array, dtypes.string), theirs)


def test_defaults_of_every_kind_go() -> None:
    """Nodes that give every attribute of an op its default value, for all ops."""
    proto = GraphDef()

    for op in op_defs.op_names():
        if op_def_registry.get(op) is None:
            continue  # of a build for GPUs
        node = proto.node.add(name=op, op=op)
        for attr in op_defs.op_def(op).attr:
            if attr.HasField("default_value"):
                node.attr[attr.name].CopyFrom(attr.default_value)
    stripped = v1.MetaGraphDef(graph_def=_theirs(proto))
    tf_meta_graph.strip_graph_default_valued_attrs(stripped)
    ours = rewrite.strip_default_attrs(proto)
    _same(ours, stripped.graph_def)
    assert not any(n.attr for n in ours.node)
    _same(rewrite.stripped_op_list(proto), tf_meta_graph.stripped_op_list_for_graph(_theirs(proto)))


def test_shapes_by_name() -> None:
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 3], name="x")
        tf.split(tf.nn.relu(x), 3, axis=1, name="parts")
    ours = import_graph(GraphDef.FromString(graph.as_graph_def().SerializeToString()))
    for name in ("x", "parts:1", "Relu:0"):
        shape = v1.graph_util.tensor_shape_from_node_def_name(graph, name).as_list()
        assert rewrite.tensor_shape_from_node_def_name(ours, name) == tuple(shape)


def test_messages_are_the_same_on_the_wire() -> None:
    node = NodeDef(name="n", op="NoOp")
    assert v1.NodeDef.FromString(node.SerializeToString()).name == "n"
    assert MetaGraphDef.FromString(v1.MetaGraphDef().SerializeToString()) == MetaGraphDef()
