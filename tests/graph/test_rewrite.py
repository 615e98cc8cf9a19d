"""GraphDefs rewritten. TensorFlow's own results are compared in tests/oracle/test_rewrite.py."""

from __future__ import annotations

import numpy as np
import pytest

import graphs
import noria.ops
from noria import dtypes
from noria.errors import InvalidArgumentError, NotFoundError
from noria.graph import rewrite
from noria.graph.graphdef import import_graph
from noria.protos.tensorflow import GraphDef, MetaGraphDef, NodeDef

assert noria.ops


def _graph() -> GraphDef:
    proto = GraphDef(
        node=[
            graphs.placeholder("x", shape=(None, 3)),
            NodeDef(name="check", op="CheckNumerics", input=["x"]),
            graphs.node("id", "Identity", "x", T=dtypes.float32),
            graphs.node("y", "Relu", "id", T=dtypes.float32),
            graphs.node("z", "Relu", "y", "^check", T=dtypes.float32),
            graphs.node("unused", "Relu", "x", T=dtypes.float32),
        ]
    )
    proto.node[3].attr["_class"].list.s.append(b"loc:@z")
    return proto


def test_sub_graphs_follow_colocations() -> None:
    found = rewrite.extract_sub_graph(_graph(), ["y"])
    assert [n.name for n in found.node] == ["x", "check", "id", "y", "z"]


def test_sub_graphs_of_nothing_known() -> None:
    with pytest.raises(InvalidArgumentError, match="nope is not in graph"):
        rewrite.extract_sub_graph(_graph(), ["nope"])
    with pytest.raises(TypeError, match="iterable of strings"):
        rewrite.extract_sub_graph(_graph(), "y")
    broken = GraphDef(node=[NodeDef(name="a", op="NoOp", input=["^gone"])])
    with pytest.raises(InvalidArgumentError, match="'gone'"):
        rewrite.extract_sub_graph(broken, ["a"])


def test_training_nodes_go() -> None:
    found = rewrite.remove_training_nodes(_graph())
    assert [n.name for n in found.node] == ["x", "y", "z", "unused"]
    assert found.node[1].input[:] == ["x"]
    assert found.node[2].input[:] == ["y"]
    kept = rewrite.remove_training_nodes(_graph(), ["id", "check"])
    assert [n.name for n in kept.node] == [n.name for n in _graph().node]


def test_a_cycle_of_identities_ends() -> None:
    loop = GraphDef(
        node=[
            NodeDef(name="a", op="Identity", input=["b"]),
            NodeDef(name="b", op="Identity", input=["a"]),
            NodeDef(name="c", op="Relu", input=["a"]),
        ]
    )
    with pytest.raises(InvalidArgumentError, match="cycle"):
        rewrite.remove_training_nodes(loop)


def test_defaults_go() -> None:
    node = graphs.node("y", "MatMul", "a", "b", T=dtypes.float32, transpose_a=False, transpose_b=True)
    proto = GraphDef(node=[node])
    proto.library.function.append(graphs.function("f", {}, {}, node))
    found = rewrite.strip_default_attrs(proto)
    assert sorted(found.node[0].attr) == ["T", "transpose_b"]
    assert sorted(found.library.function[0].node_def[0].attr) == ["T", "transpose_b"]
    assert "transpose_a" in proto.node[0].attr


def test_the_list_of_ops_follows_calls() -> None:
    proto = GraphDef(node=[graphs.call("c", "f"), NodeDef(name="odd", op="NotAnOp")])
    proto.library.function.append(graphs.function("f", {}, {}, NodeDef(name="r", op="Relu")))
    proto.library.function.append(graphs.function("g", {}, {}, NodeDef(name="r", op="Tanh")))
    assert rewrite.ops_used(proto) == {"StatefulPartitionedCall", "NotAnOp", "Relu"}
    meta = rewrite.describe(MetaGraphDef(graph_def=proto))
    assert [op.name for op in meta.meta_info_def.stripped_op_list.op] == ["Relu", "StatefulPartitionedCall"]
    assert [f.signature.name for f in rewrite.drop_unused_functions(proto).library.function] == ["f"]


def test_custom_gradients_stay_with_their_nodes() -> None:
    proto = GraphDef(node=[graphs.call("c", "f")])
    node = NodeDef(name="i", op="IdentityN")
    node.attr["_gradient_op_type"].s = b"CustomGradient-1"
    proto.library.function.append(graphs.function("f", {}, {}, node))
    for name in ("grad", "other"):
        proto.library.function.append(graphs.function(name, {}, {}))
        kind = f"CustomGradient-{1 if name == 'grad' else 2}"
        proto.library.registered_gradients.add(gradient_func=name, registered_op_type=kind)
    found = rewrite.drop_unused_functions(proto).library
    assert [f.signature.name for f in found.function] == ["f", "grad"]
    assert [g.gradient_func for g in found.registered_gradients] == ["grad"]


def test_devices_go() -> None:
    proto = _graph()
    proto.node[0].device = "/gpu:0"
    proto.library.function.append(graphs.function("f", {}, {}, NodeDef(name="r", op="Relu", device="/gpu:0")))
    assert all(not n.device for n in rewrite.all_nodes(rewrite.clear_devices(proto)))


def test_renaming() -> None:
    found = rewrite.rename_nodes(_graph(), lambda name: "m/" + name)
    assert found.node[4].input[:] == ["m/y", "^m/check"]
    assert found.node[3].attr["_class"].list.s[:] == [b"loc:@m/z"]
    with pytest.raises(InvalidArgumentError, match="both be called 'a'"):
        rewrite.rename_nodes(_graph(), lambda name: "a")
    assert rewrite.rename_input("a:2", str.upper) == "A:2"


def test_unique_names() -> None:
    found, names = rewrite.uniquify(_graph(), {"x", "y", "y_1"})
    assert names["x"] == "x_1"
    assert names["y"] == "y_2"
    assert found.node[3].input[:] == ["id"]
    assert found.node[4].input[:] == ["y_2", "^check"]


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (graphs.const("c", 1, dtypes.int32), True),
        (graphs.const("c", 1), False),
        (graphs.node("c", "Cast", "x", SrcT=dtypes.int32, DstT=dtypes.float32), True),
        (graphs.node("c", "DynamicStitch", T=dtypes.int32), True),
        (NodeDef(name="v", op="VariableV2"), False),
    ],
)
def test_what_runs_on_a_cpu_only(node: NodeDef, expected: bool) -> None:
    assert rewrite.must_run_on_cpu(node) is expected
    assert rewrite.must_run_on_cpu(NodeDef(name="v", op="VariableV2"), pin_variables_on_cpu=True)


def test_shapes_by_name() -> None:
    graph = import_graph(_graph())
    assert rewrite.tensor_shape_from_node_def_name(graph, "y") == (None, 3)
    assert rewrite.tensor_shape_from_node_def_name(graph, "x:0") == (None, 3)
    with pytest.raises(NotFoundError):
        rewrite.tensor_shape_from_node_def_name(graph, "y:1")


def test_equal_tensors_written_differently() -> None:
    one = graphs.node("f", "FakeOp")
    one.attr["a"].tensor.CopyFrom(graphs.attr(np.zeros(3, np.float32)).tensor)
    assert rewrite._equal(one.attr["a"], graphs.attr(np.zeros(3, np.float32)))
