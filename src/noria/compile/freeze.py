"""Freezing: variables that no signature assigns become constants; nothing is copied.

A handle's identity is its container and shared name (its node name where that is empty), as in TensorFlow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import numpy as np

from noria import dtypes
from noria.compile.refs import HANDLES
from noria.graph.graph import Attr, Graph, Node
from noria.graph.resources import Resources, Variable

Key = tuple[str, str]

_READS = frozenset({"ReadVariableOp", "VarIsInitializedOp", "IsVariableInitialized", "DisableCopyOnRead"})


def handle_key(node: Node) -> Key:
    """Container and name of the variable that the handle ``node`` stands for."""
    return _text(node.attrs.get("container", b"")), _text(node.attrs.get("shared_name", b"")) or node.name


def _text(value: Attr) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def assigned_variables(graph: Graph, names: Iterable[str]) -> set[Key]:
    """Variables that some node of ``names`` may change: any that goes into an op that does more than read it."""
    keys: set[Key] = set()
    for name in names:
        node = graph[name]
        if node.op in _READS:
            continue
        for tensor in node.inputs:
            producer = graph[tensor.node]
            if producer.op in HANDLES:
                keys.add(handle_key(producer))
    return keys


def freeze(graph: Graph, resources: Resources, mutable: Collection[Key]) -> Graph:
    """Reads of variables that have a value and are not in ``mutable`` become constants."""
    new = Graph(functions=graph.functions)
    for node in graph:
        new.nodes[node.name] = _frozen(graph, node, resources, mutable) or node
    return new


def _frozen(graph: Graph, node: Node, resources: Resources, mutable: Collection[Key]) -> Node | None:
    if node.op not in _READS or not node.inputs or not node.output_dtypes:
        return None
    handle = graph[node.inputs[0].node]
    if handle.op not in HANDLES or handle_key(handle) in mutable:
        return None
    variable = resources.find(*handle_key(handle))
    if not isinstance(variable, Variable) or variable.value is None:
        return None
    if node.op == "ReadVariableOp":
        value, dtype = variable.value, variable.dtype
    else:
        value, dtype = np.asarray(True), dtypes.bool_
    return Node(node.name, "Const", attrs={"value": value, "dtype": dtype}, output_dtypes=(dtype,))
