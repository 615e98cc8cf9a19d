"""Control flow of TensorFlow 1 (Switch, Merge, Enter, Exit, NextIteration) → ``If`` and ``While`` on functions.

Below this pass there is one representation of control flow. What is not written as TensorFlow writes it (a Merge that
joins no two ways of one predicate, a frame without a condition) stays in the graph, where the compiler reports it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from noria.graph.branches import Branches
from noria.graph.extract import FunctionLibrary, Work
from noria.graph.frames import BACK, find_frames, loop
from noria.graph.graph import Function, Graph, Node, Tensor

INSIDE: Final = "_NoriaInside"  # in place of a node that was asked for and runs inside a branch or loop
_OPS: Final = frozenset({"Enter", "Exit", BACK, "LoopCond", "Switch", "Merge"})


def functionalize(
    graph: Graph, wanted: Sequence[Tensor], targets: Iterable[str], library: FunctionLibrary
) -> tuple[Graph, list[Tensor]]:
    """``graph`` with functional control flow, and what became of the tensors ``wanted``.

    ``targets`` keep their names. New functions go into ``library``. A tensor or target within a branch or a loop
    becomes a node ``INSIDE``, whose attribute ``reason`` says why it cannot be had.
    """
    targets = list(targets)
    if not any(node.op in _OPS for node in graph):
        return graph, list(wanted)
    graph, wanted = _without_loops(graph, wanted, targets, library)
    if any(node.op == BACK for node in graph):
        return graph, list(wanted)  # a loop that is none: reported by the name of its ops
    return _without_conditions(graph, wanted, targets, library)


def _without_loops(
    graph: Graph, wanted: Sequence[Tensor], targets: Sequence[str], library: FunctionLibrary
) -> tuple[Graph, list[Tensor]]:
    work = Work(graph.copy(), library)
    frames, frame_of = find_frames(graph)

    def finished(function: Function) -> Function:
        results, waits = function.results, function.control_results
        if any(node.op == BACK for node in function.body):
            return function
        body, found = _without_conditions(function.body, results, waits, library, keep=function.args)
        return Function(function.name, body, function.args, tuple(found), waits)

    for frame in frames:
        loop(work, frame, finished)
    inside = {
        name: f"it runs inside the loop {frame.title!r}, once in each round; ask for what leaves the loop instead"
        for name, frame in frame_of.items()
        if graph[name].op != "Exit"
    }
    return _settled(work, wanted, targets, inside)


def _without_conditions(
    graph: Graph, wanted: Sequence[Tensor], targets: Sequence[str], library: FunctionLibrary, keep: Sequence[str] = ()
) -> tuple[Graph, list[Tensor]]:
    if not any(node.op in ("Switch", "Merge") for node in graph):
        return graph, list(wanted)
    work = Work(graph.copy(), library)
    branches = Branches(work, wanted)
    branches.convert()
    inside = {
        name: f"it runs only under a condition on {', '.join(map(str, state))}; ask for the result of the condition "
        "(the output of its Merge) instead"
        for name, state in branches.states.items()
        if name in graph
    }
    return _settled(work, wanted, targets, inside, keep)


def _settled(
    work: Work, wanted: Sequence[Tensor], targets: Sequence[str], inside: Mapping[str, str], keep: Sequence[str] = ()
) -> tuple[Graph, list[Tensor]]:
    """The rewritten graph with only what ``wanted`` and ``targets`` need, and what became of ``wanted``."""
    found = [work.follow(t) for t in wanted]
    graph = work.settled()
    for name in dict.fromkeys([*(t.node for t in found), *(work.follow_name(n) for n in targets)]):
        if name in inside:
            node = graph[name]
            reason = f"Operation {name!r} has been marked as not fetchable: {inside[name]}."
            graph.nodes[name] = Node(
                name, INSIDE, attrs={"reason": reason.encode()}, output_dtypes=node.output_dtypes, device=node.device
            )
    needed = graph.closure(found, targets) | set(keep)
    new = Graph(functions=graph.functions)
    new.nodes = {name: graph.nodes[name] for name in graph.nodes if name in needed}
    return new, found
