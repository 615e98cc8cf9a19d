"""Feeds and pruning: what a call gives becomes placeholders, what it does not need goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from noria.dtypes import DType
from noria.graph.graph import Attr, Graph, Node, ShapeAttr, Tensor
from noria.shapes import Shape


def replace_tensors(graph: Graph, replaced: Mapping[Tensor, Tensor]) -> Graph:
    """A graph in which users of each tensor of ``replaced`` take its replacement, chains followed to their end."""
    new = Graph(functions=graph.functions)
    for node in graph:
        if any(t in replaced for t in node.inputs):
            node = with_inputs(node, tuple(follow(replaced, t) for t in node.inputs))
        new.nodes[node.name] = node
    return new


def follow(replaced: Mapping[Tensor, Tensor], tensor: Tensor) -> Tensor:
    """The tensor that stands for ``tensor`` after all replacements."""
    while tensor in replaced:
        tensor = replaced[tensor]
    return tensor


def with_inputs(node: Node, inputs: tuple[Tensor, ...], control_inputs: tuple[str, ...] | None = None) -> Node:
    """A copy of ``node`` with other inputs."""
    control = node.control_inputs if control_inputs is None else control_inputs
    return Node(node.name, node.op, inputs, control, node.attrs, node.output_dtypes, node.device)


def cut_feeds(
    graph: Graph, feeds: Sequence[tuple[Tensor, DType, Shape]]
) -> tuple[Graph, dict[Tensor, Tensor], list[Tensor]]:
    """Replaces every fed tensor by a placeholder of its own.

    Returns the new graph, the replacement of each fed tensor (a fetch may be fed too), and the placeholders in the
    order of ``feeds``.
    """
    new = graph.copy()
    replaced: dict[Tensor, Tensor] = {}
    placeholders: list[Tensor] = []
    for tensor, dtype, shape in feeds:
        name = new.unique_name(f"{tensor.node}/feed_{tensor.output}")
        attrs: dict[str, Attr] = {"dtype": dtype, "shape": ShapeAttr(shape)}
        placeholder = new.add(Node(name, "Placeholder", attrs=attrs, output_dtypes=(dtype,))).output()
        replaced.setdefault(tensor, placeholder)
        placeholders.append(placeholder)
    return _wait_for_feeds(replace_tensors(new, replaced), replaced), replaced, placeholders


def _wait_for_feeds(graph: Graph, replaced: Mapping[Tensor, Tensor]) -> Graph:
    """A node whose first output is fed does not run: who waits for it waits for the feed."""
    fed = {old.node: new.node for old, new in replaced.items() if old.output == 0}
    for node in list(graph):
        if any(c in fed for c in node.control_inputs):
            control = tuple(dict.fromkeys(fed.get(c, c) for c in node.control_inputs))
            graph.nodes[node.name] = with_inputs(node, node.inputs, control)
    return graph


def prune(graph: Graph, fetches: Iterable[Tensor], targets: Iterable[str], keep: Iterable[Tensor] = ()) -> Graph:
    """Only the nodes that ``fetches`` and ``targets`` need, control edges followed; ``keep`` stay in any case."""
    needed = graph.closure(fetches, targets) | {t.node for t in keep}
    new = Graph(functions=graph.functions)
    new.nodes = {name: graph.nodes[name] for name in graph.nodes if name in needed}
    return new
