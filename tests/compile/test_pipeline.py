"""Graph → Program: what runs where, in which order, and what is said when it cannot run."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from graphs import call, const, function, graph, node, placeholder, program
from noria import dtypes
from noria.compile.program import HostStep, SegmentStep
from noria.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from noria.graph.resources import Resources, Variable
from noria.protos.tensorflow import FunctionDef, NodeDef

F, S = dtypes.float32, dtypes.string
X = placeholder("x", shape=(None, 2))


def test_numeric_graph_is_one_segment() -> None:
    made = graph(X, const("w", [[1, 2], [3, 4]]), node("y", "MatMul", "x", "w", T=F), node("z", "Relu", "y", T=F))
    compiled = program(made, {"x": (None, 2)}, ["z"])
    assert [type(s) for s in compiled.steps] == [SegmentStep]
    [z] = compiled.run([np.array([[1, -1]], np.float32)])
    assert z.tolist() == [[0.0, 0.0]]


def test_host_step_between_segments_cuts_once() -> None:
    """Numbers → text → numbers: a segment, a host step or two, a segment; nothing more."""
    made = graph(
        X,
        node("a", "Mul", "x", "x", T=F),
        node("b", "AddV2", "a", "x", T=F),
        node("t", "AsString", "b", T=F),
        node("n", "StringToNumber", "t", out_type=F),
        node("y", "Sub", "n", "a", T=F),
    )
    compiled = program(made, {"x": (None, 2)}, ["y"])
    assert [type(s) for s in compiled.steps] == [SegmentStep, HostStep, HostStep, SegmentStep]
    assert compiled.run([np.array([[2, 3]], np.float32)])[0].tolist() == [[2.0, 3.0]]


def test_segment_after_host_step_takes_items_that_nothing_needs_earlier() -> None:
    """What only the later segment uses is computed there, so a graph that begins with text has one segment."""
    made = graph(
        placeholder("t", S),
        X,
        node("n", "StringToNumber", "t", out_type=F),
        node("a", "Mul", "x", "x", T=F),
        node("y", "AddV2", "a", "n", T=F),
    )
    compiled = program(made, {"t": (), "x": (None, 2)}, ["y"])
    assert [type(s) for s in compiled.steps] == [HostStep, SegmentStep]


def test_constants_are_folded() -> None:
    made = graph(const("a", 2), const("b", 3), node("c", "Mul", "a", "b", T=F), X, node("y", "Mul", "x", "c", T=F))
    compiled = program(made, {"x": (None, 2)}, ["y", "c"])
    [step] = compiled.steps
    assert isinstance(step, SegmentStep)
    assert [n.op for n in step.nodes] == ["Mul"]
    y, c = compiled.run([np.ones((1, 2), np.float32)])
    assert (y.tolist(), c.tolist()) == ([[6.0, 6.0]], 6.0)


def test_static_shape_is_a_constant() -> None:
    made = graph(X, node("s", "Shape", "x", T=F, out_type=dtypes.int32))
    compiled = program(made, {"x": (3, 2)}, ["s"])
    assert compiled.steps == ()
    assert compiled.run([np.zeros((3, 2), np.float32)])[0].tolist() == [3, 2]


def test_any_tensor_may_be_fed_and_a_fed_tensor_fetched() -> None:
    made = graph(X, node("a", "Mul", "x", "x", T=F), node("y", "AddV2", "a", "a", T=F))
    compiled = program(made, {"a": (None,)}, ["y", "a"])
    y, a = compiled.run([np.array([5], np.float32)])
    assert (y.tolist(), a.tolist()) == ([10.0], [5.0])


def test_missing_ops_are_reported_all_at_once() -> None:
    made = graph(
        X,
        node("a", "Unspoken", "x", T=F),
        node("b/c", "Unspoken", "a", T=F),
        node("d", "Unheard", "b/c"),
        node("e", "AddV2", "b/c", "d", T=F),
    )
    with pytest.raises(UnimplementedError) as caught:
        program(made, {"x": (None, 2)}, ["e"])
    assert str(caught.value) == (
        "no ONNX lowering or host kernel for: Unheard (1 node, first 'd'), Unspoken (2 nodes, first 'a')"
    )


def test_unfed_placeholder_is_named() -> None:
    made = graph(X, placeholder("k"), node("y", "Mul", "x", "k", T=F))
    with pytest.raises(InvalidArgumentError, match="placeholder tensor 'k' with dtype float"):
        program(made, {"x": (None, 2)}, ["y"])


def test_placeholder_with_default_uses_it_unless_fed() -> None:
    made = graph(
        const("d", 2), node("p", "PlaceholderWithDefault", "d", dtype=F, shape=()), X, node("y", "Mul", "x", "p", T=F)
    )
    one = np.ones((1, 2), np.float32)
    assert program(made, {"x": (None, 2)}, ["y"]).run([one])[0].tolist() == [[2.0, 2.0]]
    assert program(made, {"x": (None, 2), "p": ()}, ["y"]).run([one, np.array(7, np.float32)])[0].tolist() == [
        [7.0, 7.0]
    ]


def test_unknown_fetch_names_the_node() -> None:
    with pytest.raises(NotFoundError, match="'nothing'"):
        program(graph(X), {}, ["nothing"])


def double() -> FunctionDef:
    return function(
        "double", {"a": F}, {"r": (F, "mul:z:0")}, node("mul", "Mul", "a", "two:output:0", T=F), const("two", 2)
    )


def test_calls_are_inlined() -> None:
    twice = function(
        "twice", {"v": F}, {"r": (F, "again:output:0")},
        call("once", "double", "v", tin=[F], tout=[F]), call("again", "double", "once:output:0", tin=[F], tout=[F]),
    )  # fmt: skip
    made = graph(X, call("f", "twice", "x", tin=[F], tout=[F]), functions=[double(), twice])
    compiled = program(made, {"x": (None, 2)}, ["f"])
    assert [type(s) for s in compiled.steps] == [SegmentStep]
    assert compiled.run([np.ones((1, 2), np.float32)])[0].tolist() == [[4.0, 4.0]]


def test_node_named_by_a_function_is_a_call() -> None:
    made = graph(X, node("f", "double", "x"), functions=[double()])
    assert program(made, {"x": (None, 2)}, ["f"]).run([np.ones((1, 2), np.float32)])[0].tolist() == [[2.0, 2.0]]


def test_endless_recursion_is_refused() -> None:
    loop = function("loop", {"a": F}, {"r": (F, "again:output:0")}, call("again", "loop", "a", tin=[F], tout=[F]))
    made = graph(X, call("f", "loop", "x", tin=[F], tout=[F]), functions=[loop])
    with pytest.raises(InvalidArgumentError, match="'loop' is called 65 levels deep"):
        program(made, {"x": (None, 2)}, ["f"])


def test_missing_function_is_named() -> None:
    made = graph(X, call("f", "gone", "x", tin=[F], tout=[F]))
    with pytest.raises(InvalidArgumentError, match="'gone'"):
        program(made, {"x": (None, 2)}, ["f"])


def handle(name: str) -> NodeDef:
    return node(name, "VarHandleOp", dtype=F, shape=(), shared_name=name)


def variable(resources: Resources, name: str, value: float) -> Variable:
    found = resources.get_or_create("", name, Variable, lambda: Variable(name, F, ()))
    found.assign(np.array(value, np.float32))
    return found


def test_variable_that_nothing_assigns_is_frozen() -> None:
    resources = Resources()
    variable(resources, "v", 3)
    made = graph(handle("v"), node("r", "ReadVariableOp", "v", dtype=F), X, node("y", "Mul", "x", "r", T=F))
    compiled = program(made, {"x": (None, 2)}, ["y"], resources=resources)
    assert [type(s) for s in compiled.steps] == [SegmentStep]
    variable(resources, "v", 100)
    assert compiled.run([np.ones((1, 2), np.float32)])[0].tolist() == [[3.0, 3.0]]


def test_control_results_run_and_reads_keep_their_order() -> None:
    """A function reads, assigns, reads: each read sees what its control edges say."""
    body = function(
        "bump", {"v": dtypes.resource}, {"before": (F, "r0:value:0"), "after": (F, "r1:value:0")},
        node("r0", "ReadVariableOp", "v", dtype=F),
        const("one", 1),
        node("add", "AddV2", "r0:value:0", "one:output:0", T=F),
        node("set", "AssignVariableOp", "v", "add:z:0", dtype=F),
        node("r1", "ReadVariableOp", "v", "^set", dtype=F),
        control=["set"],
    )  # fmt: skip
    made = graph(handle("v"), call("f", "bump", "v", tin=[dtypes.resource], tout=[F, F]), functions=[body])
    resources = Resources()
    v = variable(resources, "v", 5)
    both = program(made, {}, ["f:0", "f:1"], resources=resources, mutable=[("", "v")])
    assert [float(a) for a in both.run([])] == [5.0, 6.0]
    only_first = program(made, {}, ["f:0"], ["f"], resources=resources, mutable=[("", "v")])
    assert [float(a) for a in only_first.run([])] == [6.0]
    assert float(v.read()) == 7.0, "the control result runs although no fetch needs it"


def test_reference_variable_reads_what_control_edges_say() -> None:
    made = graph(
        node("v", "VariableV2", dtype=F, shape=()),
        const("ten", 10),
        node("set", "Assign", "v", "ten", T=F),
        node("old", "Identity", "v", T=F),
        node("new", "Identity", "v", "^set", T=F),
        node("sum", "AddV2", "set", "new", T=F),
    )
    resources = Resources()
    variable(resources, "v", 1)
    compiled = program(made, {}, ["sum", "v"], resources=resources, mutable=[("", "v")])
    total, _ = compiled.run([])
    assert float(total) == 20.0
    assert float(program(made, {}, ["old"], resources=resources, mutable=[("", "v")]).run([])[0]) == 10.0


def test_handles_are_looked_up_when_the_program_is_made() -> None:
    resources = Resources()
    variable(resources, "v", 3)
    made = graph(handle("v"), node("r", "ReadVariableOp", "v", dtype=F))
    [step] = program(made, {}, ["r"], resources=resources, mutable=[("", "v")]).steps
    assert isinstance(step, HostStep)
    assert step.call.node.op == "ReadVariableOp"


def test_concurrent_updates_are_whole() -> None:
    made = graph(node("v", "VariableV2", dtype=F, shape=()), const("one", 1), node("inc", "AssignAdd", "v", "one", T=F))
    resources = Resources()
    v = variable(resources, "v", 0)
    compiled = program(made, {}, ["inc"], resources=resources, mutable=[("", "v")])
    seen: list[float] = []
    threads = [
        threading.Thread(target=lambda: seen.extend(float(compiled.run([])[0]) for _ in range(200))) for _ in range(8)
    ]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert float(v.read()) == 1600.0
    assert sorted(seen) == [float(i) for i in range(1, 1601)], "every call sees its own update"


def test_failed_assertion_stops_the_assignment_that_waits_for_it() -> None:
    made = graph(
        handle("v"),
        placeholder("ok", dtypes.bool_),
        const("message", b"no", S),
        const("nine", 9),
        node("check", "Assert", "ok", "message", T=[S]),
        node("set", "AssignVariableOp", "v", "nine", "^check", dtype=F),
    )
    resources = Resources()
    v = variable(resources, "v", 1)
    compiled = program(made, {"ok": ()}, [], ["set"], resources=resources, mutable=[("", "v")])
    with pytest.raises(InvalidArgumentError, match="assertion failed"):
        compiled.run([np.array(False)])
    assert float(v.read()) == 1.0
    compiled.run([np.array(True)])
    assert float(v.read()) == 9.0


def test_bfloat16_crosses_the_border_of_a_segment() -> None:
    half = dtypes.bfloat16
    made = graph(placeholder("x", half, (None,)), node("y", "Mul", "x", "x", T=half))
    compiled = program(made, {"x": (None,)}, ["y"])
    assert [type(s) for s in compiled.steps] == [SegmentStep]
    [y] = compiled.run([np.array([1.5, 3], half.numpy)])
    assert y.dtype == half.numpy
    assert y.astype(np.float32).tolist() == [2.25, 9.0]
