"""Variables made constants. TensorFlow's own results are compared in tests/oracle/test_freeze.py."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphs
from noria import dtypes
from noria.errors import FailedPreconditionError, InvalidArgumentError
from noria.formats.tensor_proto import to_array
from noria.graph.graphdef import import_graph
from noria.graph.to_constants import convert_variables_to_constants
from noria.protos.tensorflow import FunctionDef, GraphDef, NodeDef

F = dtypes.float32
W = np.array([[1, 2], [3, 4]], np.float32)


def _handle(name: str = "w") -> NodeDef:
    return graphs.node(name, "VarHandleOp", dtype=F, shape=(2, 2))


def _names(graph: GraphDef) -> dict[str, str]:
    return {n.name: n.op for n in graph.node}


def _run(graph: GraphDef, fetch: str, **feeds: Any) -> Any:
    given = {name: np.asarray(value) for name, value in feeds.items()}
    program = graphs.program(import_graph(graph), {k: v.shape for k, v in given.items()}, [fetch])
    return program.run(list(given.values()))[0]


def test_reference_variables() -> None:
    read = graphs.node("w/read", "Identity", "w", T=F)
    read.attr["_output_shapes"].list.SetInParent()
    read.attr["_class"].list.s.append(b"loc:@w")
    graph = GraphDef(
        node=[
            graphs.node("w", "VariableV2", dtype=F, shape=(2, 2)),
            read,
            graphs.node("y", "Relu", "w/read", T=F),
            graphs.node("set", "Assign", "w", "y", T=F),
        ]
    )
    found = convert_variables_to_constants(graph, {"w": W}, ["y"])
    assert _names(found) == {"w": "Const", "w/read": "Identity", "y": "Relu"}
    assert sorted(found.node[1].attr) == ["T", "_class"]
    assert np.array_equal(to_array(found.node[0].attr["value"].tensor), W)
    assert graph.node[0].op == "VariableV2"
    with pytest.raises(FailedPreconditionError, match="'set' \\(Assign\\) does more than read variable 'w'"):
        convert_variables_to_constants(graph, {"w": W}, ["set"])


def test_reads_of_resources() -> None:
    graph = GraphDef(
        node=[
            _handle(),
            graphs.const("i", [1], dtypes.int32),
            graphs.const("ij", [[1, 0]], dtypes.int32),
            graphs.node("read", "ReadVariableOp", "w", dtype=F),
            graphs.node("rows", "ResourceGather", "w", "i", dtype=F, Tindices=dtypes.int32, batch_dims=0),
            graphs.node("cells", "ResourceGatherNd", "w", "ij", dtype=F, Tindices=dtypes.int32),
            graphs.node("shape", "VariableShape", "w", out_type=dtypes.int64),
            graphs.node("there", "VarIsInitializedOp", "w"),
            NodeDef(name="off", op="DisableCopyOnRead", input=["w", "^there"]),
        ]
    )
    ends = ["read", "rows", "cells", "shape", "there", "off"]
    found = convert_variables_to_constants(graph, lambda name: W, ends)
    assert _names(found) == {
        "w": "Const", "i": "Const", "ij": "Const", "read": "Identity", "rows": "GatherV2", "cells": "GatherNd",
        "shape": "Shape", "there": "Const", "off": "NoOp", "rows/axis": "Const",
    }  # fmt: skip
    assert found.node[8].input[:] == ["^there"]
    assert _run(found, "rows:0").tolist() == [[3, 4]]
    assert _run(found, "cells:0").tolist() == [3]
    assert _run(found, "shape:0").tolist() == [2, 2]
    assert _run(found, "there:0").item() is True


def test_lists() -> None:
    graph = GraphDef(
        node=[
            _handle("a"),
            _handle("b"),
            graphs.node("ra", "ReadVariableOp", "a", dtype=F),
            graphs.node("rb", "ReadVariableOp", "b", dtype=F),
            graphs.node("y", "AddV2", "ra", "rb", T=F),
        ]
    )
    white = convert_variables_to_constants(graph, {"a": W}, ["y"], ["a"])
    black = convert_variables_to_constants(graph, {"a": W}, ["y"], None, ["b"])
    assert _names(white)["b"] == _names(black)["b"] == "VarHandleOp"
    assert _names(white)["rb"] == "ReadVariableOp"
    assert _names(black)["ra"] == "Identity"
    with pytest.raises(FailedPreconditionError, match="'b' has no value"):
        convert_variables_to_constants(graph, {"a": W}, ["y"])


def _reader(name: str) -> FunctionDef:
    made = graphs.function(
        name,
        {"x": F, "v": dtypes.resource},
        {"r": (F, "sum:z:0"), "h": (dtypes.resource, "same:output:0")},
        graphs.node("same", "Identity", "v", T=dtypes.resource),
        graphs.node("read", "ReadVariableOp", "same:output:0", "^x", dtype=F),
        graphs.node("i", "Const", dtype=dtypes.int32, value=np.array([0], np.int32)),
        graphs.node("row", "ResourceGather", "v", "i:output:0", dtype=F, Tindices=dtypes.int32),
        graphs.node("part", "AddV2", "read:value:0", "row:output:0", T=F),
        graphs.node("sum", "AddV2", "x", "part:z:0", T=F),
    )
    made.attr["_input_shapes"].list.shape.add()
    made.attr["_input_shapes"].list.shape.add()
    made.arg_attr[1].attr["_output_shapes"].list.shape.add()
    return made


def _calling(*more: NodeDef) -> GraphDef:
    tin, tout = [F, dtypes.resource], [F, dtypes.resource]
    graph = GraphDef(
        node=[
            graphs.placeholder("x", shape=()),
            _handle(),
            graphs.call("first", "reader_7", "x", "w", tin=tin, tout=tout),
            graphs.call("second", "reader_7", "first", "first:1", tin=tin, tout=tout),
            *more,
        ]
    )
    graph.library.function.append(_reader("reader_7"))
    graph.library.function.append(_reader("unused"))
    return graph


def test_functions_that_read() -> None:
    """Both calls, of which the second gets the handle through the first, share one copy of the function."""
    found = convert_variables_to_constants(_calling(), {"w": W}, ["second"])
    assert [f.signature.name for f in found.library.function] == ["reader_frozen_0"]
    function = found.library.function[0]
    assert [a.type for a in function.signature.input_arg] == [F.number, F.number]
    assert [a.type for a in function.signature.output_arg] == [F.number, F.number]
    assert {n.name: n.op for n in function.node_def}["row"] == "GatherV2"
    assert function.node_def[4].input[:] == ["read:output:0", "row:output:0"]
    assert function.attr["_input_shapes"].list.shape[1].unknown_rank
    assert found.node[2].attr["Tin"].list.type[:] == [F.number, F.number]
    assert np.array_equal(_run(found, "second:0", x=np.float32(1)), 1 + 2 * (W + W[:1]))


def test_one_function_called_with_and_without_a_constant() -> None:
    tin, tout = [F, dtypes.resource], [F, dtypes.resource]
    graph = _calling(
        _handle("other"),
        graphs.call("third", "reader_7", "second", "other", tin=tin, tout=tout),
    )
    found = convert_variables_to_constants(graph, {"w": W}, ["third"], None, ["other"])
    assert {n.name: n.attr["f"].func.name for n in found.node if n.op.endswith("Call")} == {
        "first": "reader_frozen_0",
        "second": "reader_frozen_0",
        "third": "reader_7",
    }
    assert [f.signature.name for f in found.library.function] == ["reader_7", "reader_frozen_0"]


def test_functions_that_assign_are_refused() -> None:
    graph = GraphDef(node=[_handle(), graphs.call("c", "f", "w", tin=[dtypes.resource], tout=[])])
    add = graphs.node("add", "AssignAddVariableOp", "v", "one:output:0", dtype=F)
    graph.library.function.append(graphs.function("f", {"v": dtypes.resource}, {}, graphs.const("one", 1), add))
    with pytest.raises(FailedPreconditionError, match="'add' \\(AssignAddVariableOp\\)"):
        convert_variables_to_constants(graph, {"w": W}, ["c"])
    graph.node[1].attr["f"].func.name = "gone"
    with pytest.raises(InvalidArgumentError, match="'gone'"):
        convert_variables_to_constants(graph, {"w": W}, ["c"])


def test_loops_carry_values() -> None:
    graph = GraphDef(
        node=[
            graphs.placeholder("x", shape=()),
            _handle(),
            graphs.node("loop", "While", "x", "w", cond=NodeDef().attr["f"], body=NodeDef().attr["f"]),
        ]
    )
    loop = graph.node[2]
    loop.attr["T"].list.type.extend([F.number, dtypes.resource.number])
    loop.attr["output_shapes"].list.shape.add()
    loop.attr["output_shapes"].list.shape.add()
    loop.attr["cond"].func.name = "cond"
    loop.attr["body"].func.name = "body"
    args = {"x": F, "v": dtypes.resource}
    less = graphs.node("less", "Less", "x", "ten:output:0", T=F)
    graph.library.function.extend(
        [
            graphs.function("cond", args, {"r": (dtypes.bool_, "less:z:0")}, graphs.const("ten", 10), less),
            graphs.function("body", args, {"a": (F, "x"), "b": (dtypes.resource, "v")}),
        ]
    )
    found = convert_variables_to_constants(graph, {"w": W}, ["loop"])
    made = found.node[2]
    assert made.attr["T"].list.type[:] == [F.number, F.number]
    assert [d.size for d in made.attr["output_shapes"].list.shape[1].dim] == [2, 2]
    assert {f.signature.name for f in found.library.function} == {"cond_frozen_0", "body_frozen_1"}
    graph.library.function[1].ret["b"] = "other:output:0"
    with pytest.raises(InvalidArgumentError, match="changes which variables it carries"):
        convert_variables_to_constants(graph, {"w": W}, ["loop"])


def test_frames_of_old_loops() -> None:
    graph = GraphDef(
        node=[
            _handle(),
            graphs.placeholder("p", dtypes.bool_, shape=()),
            graphs.node("enter", "Enter", "w", T=dtypes.resource, frame_name="f"),
            graphs.node("switch", "Switch", "enter", "p", T=dtypes.resource),
            graphs.node("read", "ReadVariableOp", "switch:1", dtype=F),
        ]
    )
    found = convert_variables_to_constants(graph, {"w": W}, ["read"])
    assert [n.attr["T"].type for n in found.node[2:]] == [F.number] * 3
    assert found.node[4].op == "Identity"
