"""Graphs written as GraphDefs, read again, and run."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import graphs
from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.export import function_def, graph_def, node_def, tensor_proto, to_attr_value
from noria.graph.graph import FunctionRef, Node, ShapeAttr, Tensor
from noria.graph.graphdef import import_graph
from noria.graph.op_spec import attr_value
from noria.protos.tensorflow import AttrValue, GraphDef, NodeDef


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (3, "int"),
        (2, "float"),
        (True, "bool"),
        (b"x", "string"),
        (dtypes.float16, "type"),
        (ShapeAttr(None), "shape"),
        (ShapeAttr((2, None)), "shape"),
        (ShapeAttr(()), "shape"),
        (np.arange(3.0), "tensor"),
        (FunctionRef("f", {"T": dtypes.int32}), "func"),
        ([], "list(type)"),
        ([1, 2], "list(int)"),
        ([True], "list(bool)"),
        ([1.5], "list(float)"),
        ([b"a"], "list(string)"),
        ([dtypes.int8], "list(type)"),
        ([ShapeAttr((None,))], "list(shape)"),
        ([FunctionRef("g")], "list(func)"),
    ],
)
def test_attributes_come_back(value: Any, kind: str) -> None:
    proto = to_attr_value(value, kind)
    assert proto.WhichOneof("value") is not None
    found = attr_value(proto)
    if isinstance(value, np.ndarray):
        assert isinstance(found, np.ndarray)
        assert np.array_equal(found, value)
    else:
        assert found == value


def test_an_empty_list_is_a_list() -> None:
    assert to_attr_value([], "list(shape)").HasField("list")


def test_what_python_means() -> None:
    values: list[Any] = ["text", (2, None), np.int64(4), "name"]
    assert to_attr_value(values[0]).s == b"text"
    assert to_attr_value(values[1], "shape").shape.dim[1].size == -1
    assert to_attr_value(values[2]).i == 4
    assert to_attr_value(values[3], "func").func.name == "name"


@pytest.mark.parametrize(("value", "kind"), [(b"x", "int"), (3, "type"), (1.5, "string"), (3, "list(int)"), (1, "odd")])
def test_a_wrong_kind_is_refused(value: Any, kind: str) -> None:
    with pytest.raises(InvalidArgumentError):
        to_attr_value(value, kind)


def test_a_wrong_attribute_names_its_node() -> None:
    with pytest.raises(InvalidArgumentError, match="'n' \\(Cast\\), attribute 'SrcT'"):
        node_def(Node("n", "Cast", attrs={"SrcT": 3}))


def test_constants_keep_their_dtype() -> None:
    value = np.array([1, 2], np.uint8)
    made = node_def(Node("c", "Const", attrs={"dtype": dtypes.quint8, "value": value}, output_dtypes=(dtypes.quint8,)))
    assert made.attr["value"].tensor.dtype == dtypes.quint8.number
    assert made.attr["value"].tensor.tensor_content == b"\1\2"


def test_tensors_too_big_for_a_message() -> None:
    with pytest.raises(InvalidArgumentError, match="less than 2 GiB"):
        tensor_proto(np.broadcast_to(np.float32(0), (1 << 15, 1 << 15)))
    assert tensor_proto(np.array([1], ml_dtypes.bfloat16)).half_val[:] == [0x3F80]


def _round(proto: GraphDef) -> GraphDef:
    return graph_def(import_graph(proto))


def test_a_graph_comes_back() -> None:
    proto = GraphDef(
        node=[
            graphs.placeholder("x", shape=(None, 2)),
            graphs.const("c", [1.0, 2.0]),
            graphs.node("split", "Split", "dim", "x", num_split=2, T=dtypes.float32),
            graphs.const("dim", 1, dtypes.int32),
            graphs.node("y", "AddV2", "split:1", "c", "^x", T=dtypes.float32),
        ]
    )
    proto.node[-1].device = "/cpu:0"
    found = _round(proto)
    assert [n.name for n in found.node] == ["x", "c", "split", "dim", "y"]
    assert found.node[-1].input[:] == ["split:1", "c", "^x"]
    assert found.node[-1].device == "/cpu:0"
    again = import_graph(found)
    assert again["x"].attrs["shape"] == ShapeAttr((None, 2))
    run = graphs.program(again, {"x": (None, 2)}, ["y:0"])
    assert run.run([np.array([[1, 2]], np.float32)])[0].tolist() == [[3.0, 4.0]]


def _with_function() -> GraphDef:
    proto = GraphDef(
        node=[graphs.placeholder("x"), graphs.call("y", "f", "x", tin=[dtypes.float32], tout=[dtypes.float32])]
    )
    proto.library.function.append(
        graphs.function(
            "f",
            {"a": dtypes.float32},
            {"r": (dtypes.float32, "parts:output:1")},
            graphs.const("axis", 0, dtypes.int32),
            graphs.node("parts", "Split", "axis:output:0", "a", num_split=2, T=dtypes.float32),
        )
    )
    return proto


def test_functions_are_kept_as_they_were_read() -> None:
    proto = _with_function()
    assert _round(proto).library.function[0] == proto.library.function[0]


def test_functions_are_written_anew() -> None:
    graph = import_graph(_with_function())
    made = function_def(graph.functions["f"])
    assert made.signature.input_arg[0].name == "a"
    assert made.node_def[1].input[:] == ["axis:output:0", "a"]
    assert list(made.ret.values()) == ["parts:output:1"]
    proto = GraphDef(node=list(_with_function().node))
    proto.library.function.append(made)
    run = graphs.program(import_graph(proto), {"x": (2,)}, ["y:0"])
    assert run.run([np.array([3, 4], np.float32)])[0].tolist() == [4.0]


def test_function_control_edges_name_arguments() -> None:
    function = graphs.function("f", {"x": dtypes.float32}, {"r": (dtypes.float32, "x")}, control=["n"])
    function.node_def.append(NodeDef(name="n", op="NoOp", input=["^x"]))
    proto = GraphDef()
    proto.library.function.append(function)
    made = function_def(import_graph(proto).functions["f"])
    assert made.node_def[0].input[:] == ["^x"]
    assert made.control_ret == {"control_0": "n"}
    assert list(made.ret.values()) == ["x"]


def test_inputs_of_ops_nobody_knows() -> None:
    node = Node("n", "Custom", (Tensor("a", 1),), attrs={"k": [], "m": 2})
    made = node_def(node)
    assert made.input[:] == ["a:1"]
    assert made.attr["k"] == AttrValue(list=AttrValue.ListValue())
