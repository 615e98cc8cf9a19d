"""The cut: lowered items are gathered into as few convex ONNX segments as their order allows.

Stages alternate: host steps have odd stages, segments even ones. A host step comes after every segment it reads from,
a segment after every host step it reads from, so all items of one even stage form one segment, and no path leaves it
and comes back. Only data orders pure items; host steps with effects also keep the order of control edges between them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from noria.compile.lowering import Item, Lowered
from noria.graph.graph import Graph

_FIRST_HOST = -1  # host steps that read no segment come before the first one


@dataclass(frozen=True, slots=True)
class Segment:
    """Items that become one ONNX model, in order."""

    items: tuple[Item, ...]


def partition(
    graph: Graph, lowered: Lowered, effects: Collection[str], fetched: Collection[str]
) -> list[Item | Segment]:
    """The program's steps in order. effects: names of nodes that must keep their order; fetched: value names."""
    stages = _stages(graph, lowered, effects)
    _sink(lowered, stages, fetched)
    by_stage: dict[int, list[Item]] = {}
    for item, stage in zip(lowered.items, stages, strict=True):
        by_stage.setdefault(stage, []).append(item)
    steps: list[Item | Segment] = []
    for stage in sorted(by_stage):
        if stage % 2:
            steps.extend(by_stage[stage])
        else:
            steps.append(Segment(tuple(by_stage[stage])))
    return steps


def live(items: Sequence[Item], fetched: Collection[str], roots: Collection[str]) -> list[Item]:
    """The items that a fetched value or a root (a node that must run) depends on.

    Lowering writes what inference knows as constants, so what computed it, a shape say, may have no user left.
    """
    needed = set(fetched)
    kept = []
    for item in reversed(items):
        if item.node.name in roots or not needed.isdisjoint(item.outputs):
            needed.update(item.inputs)
            kept.append(item)
    return kept[::-1]


def _stages(graph: Graph, lowered: Lowered, effects: Collection[str]) -> list[int]:
    """The stage of each item; ``waits`` is the latest stage with effects that a node comes after."""
    waits: dict[str, int] = {}
    of_value: dict[str, tuple[int, bool]] = {}  # value name → stage of its item, whether the host makes it
    positions = {item.node.name: i for i, item in enumerate(lowered.items)}
    stage_of: dict[int, int] = {}
    for node in graph.topological():
        parents = [*(t.node for t in node.inputs), *node.control_inputs]
        wait = max((waits.get(p, _FIRST_HOST) for p in parents), default=_FIRST_HOST)
        position = positions.get(node.name)
        if position is not None:
            item = lowered.items[position]
            stage = _data_stage(item, of_value)
            if item.onnx is None and node.name in effects:
                stage = max(stage, wait)
                wait = stage
            stage_of[position] = stage
            of_value.update((name, (stage, item.onnx is None)) for name in item.outputs)
        waits[node.name] = wait
    return [stage_of[i] for i in range(len(lowered.items))]


def _data_stage(item: Item, of_value: Mapping[str, tuple[int, bool]]) -> int:
    host = item.onnx is None
    stage = _FIRST_HOST if host else 0
    for name in item.inputs:
        if name in of_value:
            made, by_host = of_value[name]
            stage = max(stage, made if by_host == host else made + 1)
    return stage


def _sink(lowered: Lowered, stages: list[int], fetched: Collection[str]) -> None:
    """Moves ONNX items whose users all lie in later segments into the first of those."""
    first_use: dict[str, int] = {}
    for i in range(len(lowered.items) - 1, -1, -1):
        item = lowered.items[i]
        uses = [first_use.get(name) for name in item.outputs]
        if item.onnx is not None and not any(name in fetched for name in item.outputs):
            used = [u for u in uses if u is not None]
            if used and min(used) > stages[i] and min(used) % 2 == 0:
                stages[i] = min(used)
        for name in item.inputs:
            first_use[name] = min(first_use.get(name, stages[i]), stages[i])
