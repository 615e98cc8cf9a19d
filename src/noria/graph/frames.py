"""Loops of TensorFlow 1: frames of Enter, Merge, Switch, NextIteration and Exit nodes → ``While``.

One loop is one frame. Its variables are the Merge nodes that take an Enter and a NextIteration; ``LoopCond`` holds the
condition; a Switch hands each variable to the body or to its Exit. An Enter that is constant gives the same value in
every round. Frames are taken innermost first, so a loop within a loop is a node by the time the outer one is cut out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from noria.dtypes import DType
from noria.graph.extract import Cut, Work
from noria.graph.graph import Attr, Function, Graph, Node, Tensor

BACK = "NextIteration"


@dataclass(eq=False, slots=True)
class Frame:
    """One loop: its nodes (Enter and Exit among them), and the frame it is in."""

    name: str
    parent: Frame | None
    depth: int
    nodes: set[str] = field(default_factory=set)

    @property
    def title(self) -> str:
        """The scope of the loop; TensorFlow calls its frame ``<scope>/while_context``."""
        return self.name.removesuffix("/while_context")


def find_frames(graph: Graph) -> tuple[list[Frame], dict[str, Frame]]:
    """The frames of ``graph``, innermost first, and the frame of each node that is in one."""
    found: dict[tuple[Frame | None, str], Frame] = {}
    of: dict[str, Frame] = {}
    for node in forward_order(graph):
        frame = _deepest(_output_frame(graph, of, parent) for parent in _parents(graph, node))
        if node.op == "Enter":
            name = _text(node.attrs.get("frame_name", b""))
            child = found.get((frame, name))
            if child is None:
                child = found[frame, name] = Frame(name, frame, 0 if frame is None else frame.depth + 1)
            frame = child
        if frame is not None:
            of[node.name] = frame
            frame.nodes.add(node.name)
    return sorted(found.values(), key=lambda f: -f.depth), of


def _text(value: Attr) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else ""


def _deepest(frames: Iterable[Frame | None]) -> Frame | None:
    deepest: Frame | None = None
    for frame in frames:
        if frame is not None and (deepest is None or frame.depth > deepest.depth):
            deepest = frame
    return deepest


def _output_frame(graph: Graph, of: Mapping[str, Frame], name: str) -> Frame | None:
    frame = of.get(name)
    return frame.parent if frame is not None and graph[name].op == "Exit" else frame


def _parents(graph: Graph, node: Node) -> list[str]:
    names = [*(t.node for t in node.inputs), *node.control_inputs]
    return [n for n in names if graph[n].op != BACK] if node.op == "Merge" else names


def forward_order(graph: Graph) -> list[Node]:
    """The nodes so that each follows its inputs, the edges from NextIteration back to Merge left out."""
    forward = Graph(functions=graph.functions)
    for node in graph:
        if node.op == "Merge" and any(graph[t.node].op == BACK for t in node.inputs):
            inputs = tuple(t for t in node.inputs if graph[t.node].op != BACK)
            forward.nodes[node.name] = Node(node.name, node.op, inputs, node.control_inputs, {}, node.output_dtypes)
        else:
            forward.nodes[node.name] = node
    return [graph[n.name] for n in forward.topological()]


@dataclass(slots=True)
class _Variable:
    """A loop variable: its Merge, what it is before the loop, after a round, and where it leaves."""

    merge: str
    start: Tensor
    next: Tensor
    switch: str | None = None
    exits: list[str] = field(default_factory=list)


class _Malformed(Exception):
    """This frame is not a loop as TensorFlow writes them."""


def loop(work: Work, frame: Frame, finish: Callable[[Function], Function]) -> bool:
    """Turns ``frame`` into a ``While`` node of ``work``; False where it is no loop as TensorFlow writes them.

    finish: what is to be done with the loop's condition and body before they go into the library.
    """
    try:
        _Loop(work, frame).convert(finish)
    except _Malformed:
        return False
    return True


class _Loop:
    def __init__(self, work: Work, frame: Frame) -> None:
        self._work = work
        self._frame = frame
        nodes = [work.graph[n] for n in work.graph.nodes if n in frame.nodes]
        self._nodes = nodes
        conditions = [n for n in nodes if n.op == "LoopCond"]
        if len(conditions) != 1:
            raise _Malformed
        self._condition = conditions[0]
        self._variables = self._find_variables()
        merged = {t.node for v in self._variables for t in work.graph[v.merge].inputs}
        self._constant = [n for n in nodes if n.op == "Enter" and n.name not in merged]

    def _find_variables(self) -> list[_Variable]:
        work = self._work
        found: dict[str, _Variable] = {}
        for node in self._nodes:
            if node.op != "Merge":
                continue
            parents = {work.graph[t.node].op: t for t in node.inputs}
            if BACK not in parents:
                continue
            enter = work.graph[parents["Enter"].node] if "Enter" in parents else None
            if enter is None or len(node.inputs) != 2:
                raise _Malformed
            back = work.graph[parents[BACK].node]
            found[node.name] = _Variable(node.name, enter.inputs[0], back.inputs[0])
        for node in self._nodes:
            if node.op == "Switch" and node.inputs[1].node == self._condition.name:
                variable = found.get(node.inputs[0].node)
                if variable is None:
                    raise _Malformed
                variable.switch = node.name
        leaving = {Tensor(v.switch, 0): v for v in found.values() if v.switch is not None}
        for node in self._nodes:
            if node.op == "Exit":
                if node.inputs[0] not in leaving:
                    raise _Malformed
                leaving[node.inputs[0]].exits.append(node.name)
        return list(found.values())

    def convert(self, finish: Callable[[Function], Function]) -> None:
        work, frame = self._work, self._frame
        starts = [v.start for v in self._variables] + [e.inputs[0] for e in self._constant]
        kinds = [work.dtype(Tensor(v.merge)) for v in self._variables] + [e.output_dtypes[0] for e in self._constant]
        backs = [t.node for v in self._variables for t in work.graph[v.merge].inputs if work.graph[t.node].op == BACK]
        waits = [c for back in backs for c in work.control(work.graph[back])]
        tested = self._condition.inputs[0]
        results: list[Tensor | int] = [v.next for v in self._variables]
        cut = Cut(work, frame.nodes.__contains__, self._args(), [self._condition.name])
        cut.collect([tested])
        cut.collect([v.next for v in self._variables], waits)
        for tensor in cut.captured:
            cut.args[tensor] = len(kinds)
            kinds.append(work.dtype(tensor))
            starts.append(tensor)
        results.extend(range(len(self._variables), len(kinds)))
        cond = finish(cut.function(work.library.unique(f"{frame.title}/cond"), kinds, [tested], ()))
        body = finish(cut.function(work.library.unique(f"{frame.title}/body"), kinds, results, waits))
        self._add(cond, body, starts, kinds, cut.outside)

    def _args(self) -> dict[Tensor, int]:
        """The tensors that stand for the loop's variables within the frame, with their numbers."""
        args: dict[Tensor, int] = {}
        for i, variable in enumerate(self._variables):
            args[Tensor(variable.merge, 0)] = i
            if variable.switch is not None:
                args[Tensor(variable.switch, 1)] = i
        for i, enter in enumerate(self._constant, len(self._variables)):
            args[Tensor(enter.name, 0)] = i
        return args

    def _add(
        self, cond: Function, body: Function, starts: Sequence[Tensor], kinds: Sequence[DType], waits: Iterable[str]
    ) -> None:
        """Puts the ``While`` in the place of the frame."""
        work, frame = self._work, self._frame
        outside = dict.fromkeys(waits)
        for enter in (n for n in self._nodes if n.op == "Enter"):
            outside.update(dict.fromkeys(c for c in work.control(enter) if c not in frame.nodes))
        attrs: dict[str, Attr] = {
            "T": list(kinds), "cond": work.library.add(cond), "body": work.library.add(body),
            "output_shapes": [], "parallel_iterations": 10,
        }  # fmt: skip
        stateful = work.stateful(cond) or work.stateful(body)
        node = work.add(
            Node(
                work.graph.unique_name(frame.title),
                "While" if stateful else "StatelessWhile",
                tuple(work.follow(t) for t in starts),
                tuple(outside),
                attrs,
                tuple(kinds),
            )
        )
        for i, variable in enumerate(self._variables):
            for name in variable.exits:
                work.replace(name, {0: Tensor(node.name, i)}, node.name)
        if frame.parent is not None:
            frame.parent.nodes.add(node.name)
