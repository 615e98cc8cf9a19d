"""Control flow of TensorFlow 1 → functional control flow: what becomes a branch, a loop, or an error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from graphs import call, const, function, graph, node, placeholder, program
from noria import dtypes
from noria.compile.freeze import assigned_variables
from noria.compile.functions import with_bodies
from noria.compile.pipeline import Prepared, prepare, unsupported
from noria.compile.program import HostStep, SegmentStep
from noria.dtypes import DType
from noria.errors import DeadlineExceededError, InvalidArgumentError, UnimplementedError
from noria.graph.deadline import until
from noria.graph.graph import Graph, Tensor, parse_tensor_name
from noria.graph.resources import Resources, Variable
from noria.protos.tensorflow import AttrValue, NodeDef

F, I32, B, R = dtypes.float32, dtypes.int32, dtypes.bool_, dtypes.resource
X = placeholder("x", F, (2,))
P = placeholder("p", B, ())
ONES = np.ones(2, np.float32)
YES, NO = np.array(True), np.array(False)


def prepared(made: Graph, *wanted: str, targets: Sequence[str] = ()) -> Prepared:
    return prepare(made, [parse_tensor_name(w) for w in wanted], targets)


def ops(found: Prepared) -> list[str]:
    return sorted(n.op for n in found.graph)


def named(function: str) -> AttrValue:
    proto = AttrValue()
    proto.func.name = function
    return proto


def switch(name: str, data: str, pred: str = "p", dtype: DType = F) -> NodeDef:
    return node(name, "Switch", data, pred, T=dtype)


def merge(name: str, no: str, yes: str, dtype: DType = F) -> NodeDef:
    return node(name, "Merge", no, yes, T=dtype, N=2)


def condition(prefix: str, data: str = "x", pred: str = "p") -> list[NodeDef]:
    """``-data`` where ``pred`` holds, else ``|data|``."""
    return [
        switch(f"{prefix}/Switch", data, pred),
        node(f"{prefix}/Neg", "Neg", f"{prefix}/Switch:1", T=F),
        node(f"{prefix}/Abs", "Abs", f"{prefix}/Switch", T=F),
        merge(f"{prefix}/Merge", f"{prefix}/Abs", f"{prefix}/Neg"),
    ]


def counting_loop(*body: NodeDef, result: str = "w/next_y") -> list[NodeDef]:
    """``i`` counts to 3; ``y`` starts as ``x`` and becomes ``result`` in each round."""
    frame = "w/while_context"
    return [
        const("zero", 0, I32),
        node("w/Enter", "Enter", "zero", T=I32, frame_name=frame, is_constant=False),
        node("w/Enter_1", "Enter", "x", T=F, frame_name=frame, is_constant=False),
        merge("w/Merge", "w/Enter", "w/Next", I32),
        merge("w/Merge_1", "w/Enter_1", "w/Next_1"),
        node("w/three", "Const", "^w/Merge", dtype=I32, value=np.array(3, np.int32)),
        node("w/Less", "Less", "w/Merge", "w/three", T=I32),
        node("w/Cond", "LoopCond", "w/Less"),
        switch("w/Switch", "w/Merge", "w/Cond", I32),
        switch("w/Switch_1", "w/Merge_1", "w/Cond"),
        node("w/i", "Identity", "w/Switch:1", T=I32),
        node("w/y", "Identity", "w/Switch_1:1", T=F),
        node("w/one", "Const", "^w/i", dtype=I32, value=np.array(1, np.int32)),
        node("w/next_i", "AddV2", "w/i", "w/one", T=I32),
        *body,
        node("w/Next", "NextIteration", "w/next_i", T=I32),
        node("w/Next_1", "NextIteration", result, T=F),
        node("w/Exit", "Exit", "w/Switch", T=I32),
        node("w/Exit_1", "Exit", "w/Switch_1", T=F),
    ]


DOUBLE = node("w/next_y", "AddV2", "w/y", "w/y", T=F)


# --- conditions


def test_switches_and_merges_of_one_predicate_are_one_if() -> None:
    made = graph(
        X,
        P,
        *condition("c"),
        merge("c/Merge_1", "c/Switch", "c/Neg"),
        node("y", "Pack", "c/Merge", "c/Merge_1", N=2, T=F),
    )
    assert ops(prepared(made, "y")) == ["Pack", "Placeholder", "Placeholder", "StatelessIf"]
    compiled = program(made, {"x": (2,), "p": ()}, ["y"])
    assert compiled.run([-ONES, YES])[0].tolist() == [[1, 1], [1, 1]]
    assert compiled.run([-ONES, NO])[0].tolist() == [[1, 1], [-1, -1]]


def test_conditions_on_one_predicate_one_after_the_other() -> None:
    made = graph(X, P, *condition("a"), *condition("b", "a/Merge"))
    assert ops(prepared(made, "b/Merge")).count("StatelessIf") == 2
    assert program(made, {"x": (2,), "p": ()}, ["b/Merge"]).run([-ONES, YES])[0].tolist() == [-1, -1]


def test_condition_within_a_condition() -> None:
    """The inner predicate goes through a Switch of the outer one, as everything from outside does."""
    made = graph(
        X, P, placeholder("q", B, ()),
        switch("o/x", "x"), switch("o/q", "q", dtype=B),
        *condition("i", "o/x:1", "o/q:1"),
        merge("o/Merge", "o/x", "i/Merge"),
    )  # fmt: skip
    found = prepared(made, "o/Merge")
    assert ops(found) == ["Placeholder"] * 3 + ["StatelessIf"]
    compiled = program(made, {"x": (2,), "p": (), "q": ()}, ["o/Merge"])
    answers = [compiled.run([ONES, p, q])[0][0] for p in (NO, YES) for q in (NO, YES)]
    assert answers == [1, 1, 1, -1]


def test_condition_on_a_predicate_within_its_own_branch_is_settled() -> None:
    made = graph(X, P, switch("o/x", "x"), *condition("i", "o/x:1"), merge("o/Merge", "o/x", "i/Merge"))
    compiled = program(made, {"x": (2,), "p": ()}, ["o/Merge"])
    assert compiled.run([ONES, YES])[0].tolist() == [-1, -1]
    assert compiled.run([ONES, NO])[0].tolist() == [1, 1]


def test_number_of_the_way_taken() -> None:
    made = graph(X, P, *condition("c"))
    compiled = program(made, {"x": (2,), "p": ()}, ["c/Merge:1", "c/Merge"])
    assert [compiled.run([ONES, p])[0].tolist() for p in (NO, YES)] == [0, 1]


def test_constant_predicate_leaves_only_its_branch() -> None:
    made = graph(X, const("p", True, B), *condition("c"))
    [step] = program(made, {"x": (2,)}, ["c/Merge"]).steps
    assert isinstance(step, SegmentStep)
    assert [n.op for n in step.nodes] == ["Neg"]


def test_branch_that_is_not_taken_does_not_run() -> None:
    made = graph(
        X, P, const("no", False, B),
        switch("c/Switch", "x"),
        switch("c/bad", "no", dtype=B),
        node("c/Assert", "Assert", "c/bad:1", "c/Switch:1", T=[F]),
        node("c/guarded", "Identity", "c/Switch:1", "^c/Assert", T=F),
        merge("c/Merge", "c/Switch", "c/guarded"),
    )  # fmt: skip
    assert "If" in ops(prepared(made, "c/Merge"))
    compiled = program(made, {"x": (2,), "p": ()}, ["c/Merge"])
    assert compiled.run([ONES, NO])[0].tolist() == [1, 1]
    with pytest.raises(InvalidArgumentError, match="assertion failed"):
        compiled.run([ONES, YES])


@pytest.mark.parametrize("engine", [True, False])
def test_branch_whose_shapes_cannot_be_does_not_keep_the_other_from_running(engine: bool) -> None:
    made = graph(
        X, P,
        switch("c/Switch", "x"),
        node("c/three", "Const", "^c/yes", dtype=I32, value=np.array([3], np.int32)),
        node("c/yes", "Identity", "c/pivot:1", T=B),
        switch("c/pivot", "p", dtype=B),
        node("c/Reshape", "Reshape", "c/Switch:1", "c/three", T=F, Tshape=I32),
        merge("c/Merge", "c/Switch", "c/Reshape"),
    )  # fmt: skip
    compiled = program(made, {"x": (2,), "p": ()}, ["c/Merge"], engine=engine)
    assert compiled.run([ONES, NO])[0].tolist() == [1, 1]
    with pytest.raises(InvalidArgumentError):
        compiled.run([ONES, YES])


def test_what_a_predicate_waits_for_comes_before_the_condition() -> None:
    made = graph(
        X, P, const("no", False, B),
        node("check", "Assert", "no", "x", T=[F]),
        node("c/pred_id", "Identity", "p", "^check", T=B),
        *condition("c", "x", "c/pred_id"),
    )  # fmt: skip
    with pytest.raises(InvalidArgumentError, match="assertion failed"):
        program(made, {"x": (2,), "p": ()}, ["c/Merge"]).run([ONES, NO])


def test_merge_that_joins_nothing_is_reported() -> None:
    made = graph(X, P, placeholder("q", B, ()), switch("a", "x"), switch("b", "x", "q"), merge("m", "a:1", "b:1"))
    with pytest.raises(UnimplementedError, match=r"Merge \(1 node, first 'm'\), Switch \(2 nodes, first 'a'\)"):
        program(made, {"x": (2,), "p": (), "q": ()}, ["m"])


def test_tensor_of_a_branch_cannot_be_fetched() -> None:
    made = graph(X, P, *condition("c"))
    with pytest.raises(InvalidArgumentError, match=r"'c/Neg' has been marked as not fetchable.*condition on p:0"):
        program(made, {"x": (2,), "p": ()}, ["c/Neg"])


# --- loops


def test_frame_is_a_while() -> None:
    made = graph(X, *counting_loop(DOUBLE))
    assert ops(prepared(made, "w/Exit", "w/Exit_1")) == ["Const", "Placeholder", "StatelessWhile"]
    i, y = program(made, {"x": (2,)}, ["w/Exit", "w/Exit_1"]).run([ONES])
    assert (i.tolist(), y.tolist()) == (3, [8, 8])


def test_target_of_a_loop_keeps_its_name() -> None:
    made = graph(X, *counting_loop(DOUBLE))
    assert "w/Exit" in prepared(made, targets=["w/Exit"]).graph


def test_constant_enter_is_no_result_of_the_loop() -> None:
    """What is the same in every round goes in, and who asks for it after the loop gets what went in."""
    outside = [const("k", [2, 3]), node("w/k", "Enter", "k", T=F, frame_name="w/while_context", is_constant=True)]
    made = graph(X, *outside, *counting_loop(node("w/next_y", "Mul", "w/y", "w/k", T=F)))
    assert program(made, {"x": (2,)}, ["w/Exit_1"]).run([ONES])[0].tolist() == [8, 27]


def test_condition_within_a_loop() -> None:
    odd = [
        node("w/mod", "FloorMod", "w/i", "w/two", T=I32),
        node("w/two", "Const", "^w/i", dtype=I32, value=np.array(2, np.int32)),
        node("w/odd", "Equal", "w/mod", "w/one", T=I32),
    ]
    made = graph(X, *counting_loop(*odd, *condition("w/c", "w/y", "w/odd"), result="w/c/Merge"))
    assert program(made, {"x": (2,)}, ["w/Exit_1"]).run([ONES])[0].tolist() == [1, 1]
    shorter = program(made, {"x": (2,)}, ["w/Exit"], engine=False)
    assert shorter.run([ONES])[0].tolist() == 3


def test_pure_loop_is_part_of_a_segment() -> None:
    """The engine runs the rounds, and a condition within them, itself."""
    odd = [
        node("w/half", "FloorDiv", "w/i", "w/two", T=I32),
        node("w/two", "Const", "^w/i", dtype=I32, value=np.array(2, np.int32)),
        node("w/late", "Less", "w/one", "w/i", T=I32),
    ]
    made = graph(
        X,
        *counting_loop(*odd, *condition("w/c", "w/y", "w/late"), result="w/c/Merge"),
        node("y", "Neg", "w/Exit_1", T=F),
        node("t", "AddV2", "w/Exit_1", "x", T=F),
    )
    compiled = program(made, {"x": (2,)}, ["y", "t", "w/Exit"])
    assert [type(step) for step in compiled.steps] == [SegmentStep]
    y, t, i = compiled.run([-ONES])
    assert (y.tolist(), t.tolist(), i.tolist()) == ([1, 1], [-2, -2], 3)


def test_loop_with_a_host_step_runs_on_the_host() -> None:
    text = [node("w/text", "AsString", "w/y", T=F), node("w/next_y", "StringToNumber", "w/text", out_type=F)]
    made = graph(X, *counting_loop(*text), node("y", "Neg", "w/Exit_1", T=F))
    compiled = program(made, {"x": (2,)}, ["y"])
    assert [type(step) for step in compiled.steps] == [HostStep, SegmentStep]
    assert compiled.run([ONES])[0].tolist() == [-1, -1]


def test_loop_ends_at_the_deadline_of_its_thread() -> None:
    made = graph(X, *counting_loop(DOUBLE))
    compiled = program(made, {"x": (2,)}, ["w/Exit_1"], engine=False)
    with until(time.monotonic() - 1), pytest.raises(DeadlineExceededError, match="while a loop ran"):
        compiled.run([ONES])
    with until(time.monotonic() + 60):
        assert compiled.run([ONES])[0].tolist() == [8, 8]


def test_weights_reach_into_a_loop() -> None:
    """A big constant is captured, not fed round by round; the loop's shape is known by what goes in."""
    w = np.full((128, 128), 1 / 128, np.float32)
    frame = node("w/k", "Enter", "k", T=F, frame_name="w/while_context", is_constant=True)
    step = node("w/next_y", "MatMul", "w/y", "w/k", T=F)
    made = graph(placeholder("x", F, (None, 128)), const("k", w), frame, *counting_loop(step))
    compiled = program(made, {"x": (None, 128)}, ["w/Exit_1"])
    assert [type(step) for step in compiled.steps] == [SegmentStep]
    x = np.ones((2, 128), np.float32)
    np.testing.assert_allclose(compiled.run([x])[0], x, rtol=1e-5)


def test_loop_without_condition_is_reported() -> None:
    nodes = [n for n in counting_loop(DOUBLE) if n.op != "LoopCond"]
    nodes = [*nodes, const("w/Cond", True, B)]
    with pytest.raises(UnimplementedError, match=r"Enter \(1 node, first 'w/Enter_1'\)"):
        program(graph(X, *nodes), {"x": (2,)}, ["w/Exit_1"])


def test_tensor_of_a_loop_cannot_be_fetched() -> None:
    made = graph(X, *counting_loop(DOUBLE))
    with pytest.raises(InvalidArgumentError, match=r"'w/next_y' has been .* not fetchable.* inside the loop 'w'"):
        program(made, {"x": (2,)}, ["w/next_y"])


# --- functions


def test_function_that_calls_itself() -> None:
    """``f(n) = n < 1 ? n : f(n - 2)``, by way of the branch of an If."""
    both = {"then_branch": named("base"), "else_branch": named("again")}
    made = graph(
        placeholder("n", I32, ()),
        call("f", "count", "n", tin=[I32], tout=[I32]),
        functions=[
            function(
                "count", {"n": I32}, {"y": (I32, "if:output:0")},
                node("one", "Const", dtype=I32, value=np.array(1, np.int32)),
                node("less", "Less", "n", "one:output:0", T=I32),
                node("if", "StatelessIf", "less:z:0", "n", Tcond=B, Tin=[I32], Tout=[I32], **both),
            ),
            function("base", {"n": I32}, {"y": (I32, "n")}),
            function(
                "again", {"n": I32}, {"y": (I32, "call:output:0")},
                node("two", "Const", dtype=I32, value=np.array(2, np.int32)),
                node("less", "Sub", "n", "two:output:0", T=I32),
                call("call", "count", "less:z:0", tin=[I32], tout=[I32]),
            ),
        ],
    )  # fmt: skip
    for engine in (True, False):
        compiled = program(made, {"n": ()}, ["f"], engine=engine)
        assert [int(compiled.run([np.array(n, np.int32)])[0]) for n in (7, 4, 0)] == [-1, 0, 0]


# --- what other passes see of bodies


def test_missing_ops_within_bodies_are_reported() -> None:
    made = graph(X, *counting_loop(node("w/next_y", "Unheard", "w/y")))
    found = prepared(made, "x", "w/Exit_1")
    wanted = "no ONNX lowering or host kernel for: Unheard (1 node, first 'w/next_y')"
    assert unsupported(found, [Tensor("x")], [Tensor("w/Exit_1")]) == wanted


def test_variable_that_a_body_assigns_is_mutable() -> None:
    made = graph(
        P,
        node("v", "VarHandleOp", dtype=F, shape=(), shared_name="v"),
        node("kept", "VarHandleOp", dtype=F, shape=(), shared_name="kept"),
        node(
            "if", "If", "p", "v", "kept", Tcond=B, Tin=[R, R], Tout=[F],
            then_branch=named("grow"), else_branch=named("keep"),
        ),
        functions=[
            function(
                "grow", {"a": R, "b": R}, {"y": (F, "read:value:0")},
                node("read", "ReadVariableOp", "b", dtype=F),
                node("set", "AssignVariableOp", "a", "read:value:0", dtype=F),
                control=["set"],
            ),
            function("keep", {"a": R, "b": R}, {"y": (F, "r:value:0")}, node("r", "ReadVariableOp", "b", dtype=F)),
        ],
    )  # fmt: skip
    found = prepared(made, "if")
    assert assigned_variables(found.graph, found.graph.nodes) == {("", "v")}
    assert {n.op for n in with_bodies(found.graph, ["if"])} >= {"If", "AssignVariableOp", "ReadVariableOp"}
    resources = Resources()
    for name, value in (("v", 1.0), ("kept", 5.0)):
        variable = resources.get_or_create("", name, Variable, partial(Variable, name, F, ()))
        variable.assign(np.array(value, np.float32))
    for engine in (True, False):
        compiled = program(made, {"p": ()}, ["if"], resources=resources, mutable=[("", "v")], engine=engine)
        assert [compiled.run([p])[0].tolist() for p in (YES, NO)] == [5.0, 5.0]
