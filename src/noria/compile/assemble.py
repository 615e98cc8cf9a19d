"""The last pass: steps with value names → a Program over numbered slots, with a session for every segment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from noria import dtypes
from noria.compile.layout import improve
from noria.compile.lowering import Item, Lowered
from noria.compile.onnx_model import OnnxNode, ValueInfo, serialize
from noria.compile.ort import Session
from noria.compile.partition import Segment
from noria.compile.program import HostStep, Program, SegmentStep, Step
from noria.compile.refs import RESOURCE_HANDLES
from noria.graph import rules
from noria.graph.graph import Node
from noria.graph.resources import Resources
from noria.graph.rules import Body, KernelCall

BodiesOf: TypeAlias = Callable[[Node], Mapping[str, Sequence[Body]]]


def assemble(
    lowered: Lowered,
    steps: Sequence[Item | Segment],
    feeds: Sequence[str],
    fetches: Sequence[str],
    resources: Resources,
    *,
    effects: bool,
    bodies: BodiesOf,
) -> Program:
    """feeds, fetches: value names in the order a call gives and gets them; effects: see Program.

    bodies: gives the functions that a control flow node runs.
    """
    return _Assembler(lowered, feeds, fetches, resources, bodies).run(steps, effects=effects)


class _Assembler:
    def __init__(
        self,
        lowered: Lowered,
        feeds: Sequence[str],
        fetches: Sequence[str],
        resources: Resources,
        bodies: BodiesOf,
    ) -> None:
        self._lowered = lowered
        self._feeds = feeds
        self._fetches = fetches
        self._resources = resources
        self._bodies = bodies
        self._slots: dict[str, int] = {}
        self._handles: dict[str, Any] = {}

    def run(self, steps: Sequence[Item | Segment], *, effects: bool) -> Program:
        steps = [step for step in steps if not self._is_handle(step)]
        users = self._users(steps)
        feeds = [self._slot(name) for name in self._feeds]
        made = [
            self._segment(i, step, users) if isinstance(step, Segment) else self._host(step)
            for i, step in enumerate(steps)
        ]
        built = [step for step in made if step is not None]
        fetches = [self._slot(name) for name in self._fetches]
        known = {name: constant.array for name, constant in self._lowered.constants.items()} | self._handles
        template = [known.get(name) for name in self._slots]
        keep = {*fetches, *(s for name, s in self._slots.items() if name in known)}
        return Program(template, feeds, fetches, _free_early(built, keep), effects=effects)

    def _is_handle(self, step: Item | Segment) -> bool:
        """Whether ``step`` only gives a handle: that is looked up once, when the program is made."""
        if isinstance(step, Segment) or step.node.op not in RESOURCE_HANDLES or step.inputs:
            return False
        call = KernelCall(step.node, self._resources)
        self._handles[step.outputs[0]] = rules.kernel[step.node.op](call)
        return True

    def _users(self, steps: Sequence[Item | Segment]) -> dict[str, set[int]]:
        """For each value name, the steps that take it; -1 stands for the caller."""
        users: dict[str, set[int]] = {name: {-1} for name in self._fetches}
        for i, step in enumerate(steps):
            items: Iterable[Item] = step.items if isinstance(step, Segment) else (step,)
            for item in items:
                for name in item.inputs:
                    users.setdefault(name, set()).add(i)
        return users

    def _slot(self, name: str) -> int:
        return self._slots.setdefault(name, len(self._slots))

    def _host(self, item: Item) -> HostStep:
        call = KernelCall(item.node, self._resources, self._bodies(item.node))
        return HostStep(
            call,
            rules.kernel[item.node.op],
            tuple(self._slot(name) for name in item.inputs),
            tuple(self._slot(name) for name in item.outputs),
        )

    def _segment(self, index: int, segment: Segment, users: dict[str, set[int]]) -> SegmentStep | None:
        """The segment's step; None where nothing that it computes is used."""
        nodes = [n for item in segment.items for n in item.onnx or ()]
        made = {name for n in nodes for name in n.outputs}
        used = dict.fromkeys(name for n in nodes for name in n.inputs if name and name not in made)
        constants = {name: self._lowered.constants[name] for name in used if name in self._lowered.constants}
        inputs = [name for name in used if name not in constants]
        inputs.sort(key=lambda n: self._slots.get(n, len(self._slots)))
        leaving = {name for name in made if users.get(name, set()) - {index}}
        if not leaving:
            return None
        outputs = [name for name in dict.fromkeys(self._fetches) if name in leaving]
        outputs += sorted(leaving.difference(outputs))
        nodes, constants = improve(nodes, constants, leaving)
        entering_names = {name for n in nodes for name in n.inputs}
        inputs = [name for name in inputs if name in entering_names]
        infos = self._lowered.infos
        nodes, entering, leaving_as = _through_float32(
            nodes,
            [ValueInfo(n, infos[n].dtype, infos[n].shape) for n in inputs],
            [ValueInfo(n, infos[n].dtype, infos[n].shape) for n in outputs],
        )
        model, external = serialize(nodes, entering, leaving_as, constants)
        return SegmentStep(
            Session(model, external, [v.name for v in entering], [v.name for v in leaving_as]),
            tuple(self._slot(n) for n in inputs),
            tuple(self._slot(n) for n in outputs),
            tuple(item.node for item in segment.items),
            widen=tuple(i for i, n in enumerate(inputs) if infos[n].dtype is dtypes.bfloat16),
            narrow=tuple(i for i, n in enumerate(outputs) if infos[n].dtype is dtypes.bfloat16),
        )


_WIDE = "/as_float32"


def _through_float32(
    nodes: list[OnnxNode], inputs: list[ValueInfo], outputs: list[ValueInfo]
) -> tuple[list[OnnxNode], list[ValueInfo], list[ValueInfo]]:
    """bfloat16 at the border of a segment becomes float32, cast inside: the engine takes no such NumPy arrays."""
    half = dtypes.bfloat16
    entering = [OnnxNode("Cast", (v.name + _WIDE,), (v.name,), {"to": half.onnx}) for v in inputs if v.dtype is half]
    leaving = [
        OnnxNode("Cast", (v.name,), (v.name + _WIDE,), {"to": dtypes.float32.onnx}) for v in outputs if v.dtype is half
    ]
    return [*entering, *nodes, *leaving], [_widened(v) for v in inputs], [_widened(v) for v in outputs]


def _widened(value: ValueInfo) -> ValueInfo:
    if value.dtype is not dtypes.bfloat16:
        return value
    return ValueInfo(value.name + _WIDE, dtypes.float32, value.shape)


def _free_early(steps: Sequence[Step], keep: set[int]) -> list[Step]:
    """The steps, each with the slots that no later step reads."""
    seen = set(keep)
    freed: list[Step] = []
    for step in reversed(steps):
        last = tuple({*step.inputs, *step.outputs} - seen)
        seen.update(last)
        freed.append(replace(step, free=last) if last else step)
    return freed[::-1]
