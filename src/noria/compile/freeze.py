"""Freezing: variables that no signature assigns become constants; nothing is copied.

A handle's identity is its container and shared name (its node name where that is empty), as in TensorFlow.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from noria import dtypes
from noria.compile.functions import FUNCTIONAL, body_inputs, called, function_refs
from noria.compile.refs import HANDLES
from noria.graph.graph import Attr, Graph, Node, Tensor
from noria.graph.resources import Resources, Variable

Key = tuple[str, str]

_READS = frozenset({"ReadVariableOp", "VarIsInitializedOp", "IsVariableInitialized", "DisableCopyOnRead"})


def handle_key(node: Node) -> Key:
    """Container and name of the variable that the handle ``node`` stands for."""
    return _text(node.attrs.get("container", b"")), _text(node.attrs.get("shared_name", b"")) or node.name


def _text(value: Attr) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def assigned_variables(graph: Graph, names: Iterable[str]) -> set[Key]:
    """Variables that some node of ``names`` may change: any that goes into an op that does more than read it.

    Functions that control flow runs are looked into, with the variables that they are handed.
    """
    keys: set[Key] = set()
    _assigned(graph, names, {}, keys, set())
    return keys


def _assigned(
    graph: Graph, names: Iterable[str], given: Mapping[str, Key], keys: set[Key], seen: set[tuple[object, ...]]
) -> None:
    """given: the variables that arguments of this graph stand for, by the argument's name."""
    for name in names:
        node = graph[name]
        if node.op in _READS or node.op == "Identity":
            continue
        held = [_key(source(graph, t), given) for t in node.inputs]
        if node.op not in FUNCTIONAL:
            keys.update(key for key in held if key is not None)
            continue
        passed = held[len(held) - len(body_inputs(node)) :]
        for ref in (ref for refs in function_refs(node).values() for ref in refs):
            if (ref.name, *passed) not in seen:
                seen.add((ref.name, *passed))
                function = called(graph, ref, node)
                inner = {arg: key for arg, key in zip(function.args, passed, strict=True) if key is not None}
                _assigned(function.body, function.body.nodes, inner, keys, seen)


def source(graph: Graph, tensor: Tensor) -> Node:
    """The node that makes ``tensor``, past those that hand it on."""
    node = graph[tensor.node]
    while node.op == "Identity":
        node = graph[node.inputs[0].node]
    return node


def _key(node: Node, given: Mapping[str, Key]) -> Key | None:
    return handle_key(node) if node.op in HANDLES else given.get(node.name)


def freeze(graph: Graph, resources: Resources, mutable: Collection[Key]) -> Graph:
    """Reads of variables that have a value and are not in ``mutable`` become constants."""
    new = Graph(functions=graph.functions)
    for node in graph:
        new.nodes[node.name] = _frozen(graph, node, resources, mutable) or node
    return new


def _frozen(graph: Graph, node: Node, resources: Resources, mutable: Collection[Key]) -> Node | None:
    if node.op not in _READS or not node.inputs or not node.output_dtypes:
        return None
    handle = source(graph, node.inputs[0])
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
