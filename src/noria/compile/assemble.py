"""The last pass: steps with value names → a Program over numbered slots, with a session for every segment."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from noria.compile.lowering import Item, Lowered
from noria.compile.onnx_model import ValueInfo, serialize
from noria.compile.ort import Session
from noria.compile.partition import Segment
from noria.compile.program import HostStep, Program, SegmentStep, Step
from noria.graph import rules
from noria.graph.resources import Resources
from noria.graph.rules import KernelCall


def assemble(
    lowered: Lowered,
    steps: Sequence[Item | Segment],
    feeds: Sequence[str],
    fetches: Sequence[str],
    resources: Resources,
) -> Program:
    """feeds, fetches: value names in the order a call gives and gets them."""
    return _Assembler(lowered, feeds, fetches, resources).run(steps)


class _Assembler:
    def __init__(self, lowered: Lowered, feeds: Sequence[str], fetches: Sequence[str], resources: Resources) -> None:
        self._lowered = lowered
        self._feeds = feeds
        self._fetches = fetches
        self._resources = resources
        self._slots: dict[str, int] = {}

    def run(self, steps: Sequence[Item | Segment]) -> Program:
        users = self._users(steps)
        feeds = [self._slot(name) for name in self._feeds]
        built = [
            self._segment(i, step, users) if isinstance(step, Segment) else self._host(step)
            for i, step in enumerate(steps)
        ]
        fetches = [self._slot(name) for name in self._fetches]
        constants = self._lowered.constants
        template = [constants[name].array if name in constants else None for name in self._slots]
        keep = {*fetches, *(s for name, s in self._slots.items() if name in constants)}
        return Program(template, feeds, fetches, _free_early(built, keep))

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
        call = KernelCall(item.node, self._resources)
        return HostStep(
            call,
            rules.kernel[item.node.op],
            tuple(self._slot(name) for name in item.inputs),
            tuple(self._slot(name) for name in item.outputs),
        )

    def _segment(self, index: int, segment: Segment, users: dict[str, set[int]]) -> SegmentStep:
        nodes = [n for item in segment.items for n in item.onnx or ()]
        made = {name for n in nodes for name in n.outputs}
        used = dict.fromkeys(name for n in nodes for name in n.inputs if name and name not in made)
        constants = {name: self._lowered.constants[name] for name in used if name in self._lowered.constants}
        inputs = [name for name in used if name not in constants]
        inputs.sort(key=lambda n: self._slots.get(n, len(self._slots)))
        leaving = {name for name in made if users.get(name, set()) - {index}}
        outputs = [name for name in dict.fromkeys(self._fetches) if name in leaving]
        outputs += sorted(leaving.difference(outputs))
        model, external = serialize(nodes, [self._info(n) for n in inputs], [self._info(n) for n in outputs], constants)
        session = Session(model, external, inputs, outputs)
        return SegmentStep(
            session,
            tuple(self._slot(n) for n in inputs),
            tuple(self._slot(n) for n in outputs),
            tuple(item.node for item in segment.items),
        )

    def _info(self, name: str) -> ValueInfo:
        value = self._lowered.infos[name]
        return ValueInfo(name, value.dtype, value.shape)


def _free_early(steps: Sequence[Step], keep: set[int]) -> list[Step]:
    """The steps, each with the slots that no later step reads."""
    seen = set(keep)
    freed: list[Step] = []
    for step in reversed(steps):
        last = tuple({*step.inputs, *step.outputs} - seen)
        seen.update(last)
        freed.append(_with_free(step, last))
    return freed[::-1]


def _with_free(step: Step, free: tuple[int, ...]) -> Step:
    if isinstance(step, HostStep):
        return HostStep(step.call, step.kernel, step.inputs, step.outputs, free)
    return SegmentStep(step.session, step.inputs, step.outputs, step.nodes, free)
