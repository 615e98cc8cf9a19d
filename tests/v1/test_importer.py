"""What import_graph_def refuses, in TensorFlow's words, and that a refused import leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

import noria.v1 as tf
from noria.protos.tensorflow import GraphDef


def graph_def() -> GraphDef:
    with tf.Graph().as_default() as graph:
        a = tf.placeholder(tf.float32, [2], name="a")
        b = tf.constant([1.0, 2.0], name="b")
        with tf.control_dependencies([b]):
            c = tf.raw_ops.AddV2(x=a, y=b, name="s/c")
        tf.raw_ops.Identity(input=c, name="d")
        found: GraphDef = graph.as_graph_def()
        return found


def _unknown_op(g: Any) -> None:
    g.node[1].op = "NoSuchOp"


def _unknown_input(g: Any) -> None:
    g.node[2].input[0] = "zzz"


def _unknown_output(g: Any) -> None:
    g.node[2].input[0] = "a:3"


def _missing_attr(g: Any) -> None:
    del g.node[2].attr["T"]


def _two_of_one_name(g: Any) -> None:
    g.node[1].name = "a"


def _other_dtype(g: Any) -> None:
    g.node[1].attr["dtype"].type = 3
    g.node[1].attr["value"].tensor.dtype = 3


def _other_shape(g: Any) -> None:
    g.node[0].attr["shape"].shape.dim[0].size = 3


def _cycle(g: Any) -> None:
    g.node[2].input[0] = "d"


def _name_with_space(g: Any) -> None:
    g.node[3].name = "d d"


def _control_first(g: Any) -> None:
    g.node[2].input[:] = ["^b", "a", "b"]


def _unknown_colocation(g: Any) -> None:
    g.node[3].attr["_class"].list.s.append(b"loc:@nosuch")


def _newer(g: Any) -> None:
    g.versions.min_consumer = 99999


def _other_hint(g: Any) -> None:
    g.node[2].attr["_output_shapes"].list.shape.add().dim.add().size = 5


REFUSED: list[tuple[Callable[[Any], None], type[Exception], str]] = [
    (_unknown_op, tf.errors.NotFoundError, "Op type not registered 'NoSuchOp' in binary running"),
    (_unknown_input, ValueError, "Node 's/c': Unknown input node 'zzz'"),
    (_unknown_output, ValueError, "Node 's/c': Connecting to invalid output 3 of source node a which has 1 outputs."),
    (_missing_attr, ValueError, "'T'"),
    (_two_of_one_name, ValueError, "Node 'a' is not unique"),
    (
        _other_dtype,
        ValueError,
        "Input 1 of node import/s/c was passed int32 from import/b:0 incompatible with expected",
    ),
    (_other_shape, ValueError, "import/s/c"),
    (_cycle, ValueError, "2 nodes in a cycle"),
    (_name_with_space, ValueError, "Node 'd d': Node name contains invalid characters"),
    (_control_first, ValueError, "Node 's/c': Control dependencies must come after regular dependencies"),
    (_unknown_colocation, ValueError, "Node 'd' expects to be colocated with unknown node 'nosuch'"),
    (_newer, ValueError, "GraphDef min consumer version 99999 above current version 2474"),
    (_other_hint, ValueError, "Node 'import/s/c' has an _output_shapes attribute inconsistent"),
]


@pytest.mark.parametrize(("damage", "kind", "text"), REFUSED, ids=lambda p: getattr(p, "__name__", ""))
def test_graphs_that_are_not_well_formed(damage: Callable[[Any], None], kind: type[Exception], text: str) -> None:
    part = graph_def()
    damage(part)
    with tf.Graph().as_default() as graph:
        with pytest.raises(kind) as caught:
            tf.import_graph_def(part)
        assert text in str(caught.value)
        assert not graph.get_operations()
        tf.import_graph_def(graph_def(), name="after")  # the graph can be used on
        assert len(graph.get_operations()) == 4


ARGUMENTS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"graph_def": 3}, TypeError, "Argument `graph_def` must be a GraphDef proto."),
    ({"input_map": [1]}, TypeError, "Argument `input_map` must be a dictionary. Obtained list"),
    ({"input_map": {3: 1}}, TypeError, "All keys for argument `input_map` must be strings. Obtained keys: [3]"),
    ({"input_map": {"zz": 1.0}}, ValueError, "not found in graph_def: [zz:0]"),
    ({"input_map": {"a:1": 1.0}}, ValueError, "not found in graph_def: [a:1]"),
    ({"input_map": {"a": 1.0}, "name": ""}, ValueError, "requires a non-empty `name`"),
    ({"return_elements": ["zz"]}, ValueError, "Requested return node 'zz' not found in graph def"),
    ({"return_elements": ["zz:0"]}, ValueError, "Requested return tensor 'zz:0' not found in graph def"),
    ({"return_elements": ["a:2"]}, ValueError, "Invalid return output 2 of node 'a', which has 1 output(s)"),
    ({"return_elements": [3]}, TypeError, "Argument `return_elements` must be a list of strings. Obtained [3]."),
    ({"return_elements": ["a:x"]}, ValueError, "should be an int. Got x."),
    ({"return_elements": ["a:1:2"]}, ValueError, "should not contain more than 1 `:`. Obtained 2"),
]


@pytest.mark.parametrize(("arguments", "kind", "text"), ARGUMENTS)
def test_arguments_that_do_not_fit(arguments: dict[str, Any], kind: type[Exception], text: str) -> None:
    with tf.Graph().as_default(), pytest.raises(kind) as caught:
        tf.import_graph_def(**{"graph_def": graph_def(), **arguments})
    assert text in str(caught.value)


def test_nothing_is_returned_unless_asked() -> None:
    with tf.Graph().as_default():
        assert tf.import_graph_def(graph_def()) is None
        assert tf.import_graph_def(graph_def(), return_elements=[]) == []


def test_what_is_mapped_is_returned() -> None:
    with tf.Graph().as_default():
        given = tf.constant([1.0, 1.0])
        tensor, operation = tf.import_graph_def(graph_def(), {"a": given}, ["a:0", "a"])
        assert tensor is given
        assert operation.type == "Placeholder"


def test_versions_become_the_older_of_both() -> None:
    part = graph_def()
    part.versions.producer = 21
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(part)
        assert graph.as_graph_def().versions.producer == 21


def test_placeholders_of_old_graphs_have_no_known_shape() -> None:
    part = graph_def()
    part.versions.producer = 20
    part.node[0].attr["shape"].shape.Clear()
    with tf.Graph().as_default():
        (a,) = tf.import_graph_def(part, return_elements=["a:0"])
        assert a.shape.ndims is None


def test_a_loop_is_closed() -> None:
    part = GraphDef()
    for name, op, inputs in [
        ("start", "Const", ()),
        ("enter", "Enter", ("start",)),
        ("merge", "Merge", ("enter", "next")),
        ("limit", "Const", ("^merge",)),
        ("less", "Less", ("merge", "limit")),
        ("go", "LoopCond", ("less",)),
        ("switch", "Switch", ("merge", "go")),
        ("one", "Const", ("^switch",)),
        ("add", "AddV2", ("switch:1", "one")),
        ("next", "NextIteration", ("add",)),
        ("exit", "Exit", ("switch",)),
    ]:
        node = part.node.add(name=name, op=op)
        node.input.extend(inputs)
        if op == "Const":
            node.attr["dtype"].type = 3
            node.attr["value"].tensor.dtype = 3
            node.attr["value"].tensor.tensor_shape.SetInParent()
            node.attr["value"].tensor.int_val.append({"start": 0, "limit": 10, "one": 3}[name])
        elif op != "LoopCond":
            node.attr["T"].type = 3
        if op == "Enter":
            node.attr["frame_name"].s = b"frame"
        if op == "Merge":
            node.attr["N"].i = 2
    with tf.Graph().as_default() as graph:
        merge, after, result = tf.import_graph_def(part, return_elements=["merge", "next:0", "exit:0"], name="")
        assert merge.inputs[1] is after
        assert graph.as_graph_def().node[2].input[:] == ["enter", "next"]
        with tf.Session() as session:
            assert session.run(result) == 12


def test_library_functions_come_along() -> None:
    part = GraphDef()
    function = part.library.function.add()
    function.signature.name = "twice"
    arg = function.signature.input_arg.add(name="x")
    arg.type = 1
    result = function.signature.output_arg.add(name="y")
    result.type = 1
    node = function.node_def.add(name="sum", op="AddV2")
    node.input.extend(["x", "x"])
    node.attr["T"].type = 1
    function.ret["y"] = "sum:z:0"
    call = part.node.add(name="call", op="PartitionedCall")
    call.input.append("given")
    call.attr["Tin"].list.type.append(1)
    call.attr["Tout"].list.type.append(1)
    call.attr["f"].func.name = "twice"
    with tf.Graph().as_default() as graph:
        given = tf.constant(4.0)
        (found,) = tf.import_graph_def(part, {"given": given}, ["call:0"])
        assert [f.signature.name for f in graph.as_graph_def().library.function] == ["twice"]
        with tf.Session() as session:
            assert session.run(found) == 8.0


def test_a_large_graph_takes_well_under_a_second() -> None:
    part = GraphDef()
    part.CopyFrom(graph_def())
    for i in range(1500):
        node = part.node.add(name=f"relu{i}", op="Relu")
        node.input.append("d" if not i else f"relu{i - 1}")
        node.attr["T"].type = 1
    with tf.Graph().as_default() as graph:
        start = time.thread_time()
        tf.import_graph_def(part)
        assert len(graph.get_operations()) == 1504
        assert time.thread_time() - start < 3  # 0.2 s on an idle core
