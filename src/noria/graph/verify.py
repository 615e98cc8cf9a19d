"""What may stand in a graph at each stage, checked after every pass: in all tests, and wherever ``enable`` is called.

A pass that breaks a rule is a bug of Noria, so a violation is an InternalError that names the stage and the node.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from noria.errors import InternalError
from noria.graph.graph import FunctionRef, Graph, Node
from noria.graph.op_spec import op_spec


class Stage(Enum):
    """imported: as TensorFlow wrote it; inlined: no calls; resolved: no references; frozen: ready to be lowered."""

    IMPORTED = 1
    INLINED = 2
    RESOLVED = 3
    FROZEN = 4


_CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
_REF_VARIABLES = frozenset({"Variable", "VariableV2", "TemporaryVariable"})
_LOOP_BACK = frozenset({"NextIteration", "RefNextIteration"})  # the only edges that may close a cycle
_HANDS_ON = frozenset({"Switch", "Enter"})  # of TensorFlow 1's control flow: handles go through
_enabled = False


def enable(on: bool = True) -> None:
    """Turns verification on or off for the process."""
    global _enabled
    _enabled = on


def verify(graph: Graph, stage: Stage) -> Graph:
    """``graph`` itself, after checking it for ``stage`` where verification is on."""
    if _enabled:
        for node in graph:
            for check in _CHECKS:
                problem = check(graph, node, stage)
                if problem:
                    raise InternalError(f"stage {stage.name.lower()}: node {node.name!r} ({node.op}): {problem}")
        if not any(node.op in _LOOP_BACK for node in graph):
            graph.topological()
    return graph


def _edges(graph: Graph, node: Node, stage: Stage) -> str:
    for tensor in node.inputs:
        producer = graph.nodes.get(tensor.node)
        if producer is None:
            return f"takes {tensor}, which does not exist"
        if producer.output_dtypes and tensor.output >= len(producer.output_dtypes):
            return f"takes {tensor}, but its producer has {len(producer.output_dtypes)} outputs"
    lost = [c for c in node.control_inputs if c not in graph]
    return f"waits for {lost}, which do not exist" if lost else ""


def _name(graph: Graph, node: Node, stage: Stage) -> str:
    return "" if graph.nodes.get(node.name) is node else "is filed under another name"


def _no_calls(graph: Graph, node: Node, stage: Stage) -> str:
    if stage.value < Stage.INLINED.value or (node.op not in _CALLS and node.op not in graph.functions):
        return ""
    return "a call that should have been inlined"


def _no_references(graph: Graph, node: Node, stage: Stage) -> str:
    """A variable's handle goes only where a handle is taken: reads of its value are explicit."""
    if stage.value < Stage.RESOLVED.value:
        return ""
    spec = op_spec(node.op)
    if spec is None:
        return ""
    if node.op in _HANDS_ON or any(isinstance(a, FunctionRef) for a in node.attrs.values()):
        return ""
    for tensor, ref in zip(node.inputs, spec.input_refs(node.attrs), strict=True):
        if graph[tensor.node].op in _REF_VARIABLES and not ref and node.op != "ReadVariableOp":
            return f"takes the reference {tensor} as a value"
    return ""


def _dtypes(graph: Graph, node: Node, stage: Stage) -> str:
    """Inputs have the dtypes that the op definition asks for, references and handles aside."""
    spec = op_spec(node.op)
    if spec is None or stage is Stage.IMPORTED or any(isinstance(a, FunctionRef) for a in node.attrs.values()):
        return ""
    for tensor, wanted in zip(node.inputs, spec.input_dtypes(node.attrs), strict=True):
        found = graph[tensor.node].output_dtypes
        if found and found[tensor.output] is not wanted and found[tensor.output].name != "resource":
            return f"takes {tensor} of {found[tensor.output]} as {wanted}"
    return ""


_CHECKS: tuple[Callable[[Graph, Node, Stage], str], ...] = (_name, _edges, _no_calls, _no_references, _dtypes)
