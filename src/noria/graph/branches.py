"""Conditions of TensorFlow 1: Switch and Merge → ``If``.

A Switch sends a tensor one of two ways, and whatever depends on it runs only when that way is taken. So each node has a
*state*: the predicates that must hold (or not) for it to run. A Merge whose two inputs differ in one predicate takes
whichever ran, and runs itself under what both have in common: the Merges of one predicate are the results of one
``If``, and what runs under the predicate is its branches. Innermost states are cut out first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from noria import dtypes
from noria.graph.extract import Cut, Work
from noria.graph.graph import Attr, Function, Graph, Node, Tensor

State: TypeAlias = Mapping[Tensor, int]  # predicate → 1 where it must hold, 0 where it must not
_ALWAYS: State = {}


@dataclass(slots=True)
class _Group:
    """The Merges that become one ``If``, and the nodes of each branch that run for their effect alone."""

    common: State
    pred: Tensor
    merges: list[str] = field(default_factory=list)
    effects: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))


class Branches:
    """Turns the conditions of one graph without loops into ``If`` nodes.

    states: of each node that runs under some condition; a Merge that joins nothing recognisable is in none and stays.
    """

    def __init__(self, work: Work, wanted: Iterable[Tensor]) -> None:
        self._work = work
        self.states: dict[str, State] = {}
        self._roots: dict[Tensor, Tensor] = {}
        self._dead: set[Tensor | str] = set()  # what never runs: a way within its own opposite
        taken = {t for n in work.graph for t in n.inputs} | set(wanted)
        self._numbered = {t.node for t in taken if t.output == 1 and work.graph[t.node].op == "Merge"}

    def convert(self) -> None:
        order = self._work.graph.topological()
        groups = self._find(order)
        for group in sorted(groups, key=lambda g: -len(g.common)):
            self._make(group)

    # --- states

    def _pred(self, tensor: Tensor) -> Tensor:
        """The tensor that a predicate is a copy of: each condition has an Identity of its own."""
        found = self._roots.get(tensor)
        if found is None:
            node = self._work.graph[tensor.node]
            copied = node.op == "Identity"
            found = self._roots[tensor] = self._pred(self._work.follow(node.inputs[0])) if copied else tensor
        return found

    def _output_state(self, tensor: Tensor) -> State:
        state = self.states.get(tensor.node, _ALWAYS)
        node = self._work.graph[tensor.node]
        if node.op == "Switch":
            pred = self._pred(self._work.follow(node.inputs[1]))
            return {**state, pred: tensor.output}
        return state

    def _find(self, order: Sequence[Node]) -> list[_Group]:
        work = self._work
        groups: dict[tuple[frozenset[tuple[Tensor, int]], Tensor], _Group] = {}
        for node in order:
            if self._decided(node):
                continue
            if node.op == "Merge":
                found = self._joined(node)
                state = _ALWAYS
                if found is not None:
                    pred, state = found
                    key = (frozenset(state.items()), pred)
                    groups.setdefault(key, _Group(state, pred)).merges.append(node.name)
            elif node.op == "ControlTrigger":  # runs whatever became of what it waits for
                state = _ALWAYS
                for name in work.control(node):
                    inner = self.states.get(name, _ALWAYS)
                    if len(inner) == 1:
                        [(pred, way)] = inner.items()
                        groups.setdefault((frozenset(), pred), _Group(_ALWAYS, pred)).effects[way].append(name)
            else:
                state = self._conjunction(node)
            if state:
                self.states[node.name] = state
        return [part for group in groups.values() for part in self._levels(group, order)]

    def _decided(self, node: Node) -> bool:
        """Deals with nodes that never run, and with Switches and Merges whose way is settled further out."""
        work = self._work
        alive = [t for t in work.data(node) if t not in self._dead and t.node not in self._dead]
        if node.op == "Merge" and len(alive) == 1 < len(node.inputs) and node.name not in self._numbered:
            work.replace(node.name, {0: alive[0]}, alive[0].node)
            return True
        if node.op == "Merge" and alive:
            return False
        if len(alive) < len(node.inputs) or any(c in self._dead for c in work.control(node)) or self._contradicts(node):
            self._dead.add(node.name)
            return True
        if node.op == "Switch":
            way = self._conjunction(node).get(self._pred(alive[1]))
            if way is not None:
                work.replace(node.name, {way: alive[0]}, alive[0].node)
                self._dead.add(Tensor(node.name, 1 - way))
                return True
        return False

    def _contradicts(self, node: Node) -> bool:
        """Whether ``node`` needs both ways of a predicate."""
        state = self._conjunction(node)
        return node.op not in ("Merge", "ControlTrigger") and any(
            state[p] != way for t in self._work.data(node) for p, way in self._output_state(t).items()
        )

    def _conjunction(self, node: Node) -> State:
        """The state of a node that runs when all its inputs have."""
        states = [self._output_state(t) for t in self._work.data(node)]
        states += [self.states.get(c, _ALWAYS) for c in self._work.control(node)]
        states = [s for s in states if s]
        if not states:
            return _ALWAYS
        if len(states) == 1:
            return states[0]
        merged: dict[Tensor, int] = {}
        for state in states:
            merged.update(state)
        return merged

    def _joined(self, node: Node) -> tuple[Tensor, State] | None:
        """The predicate that ``node`` joins the two ways of, and the state it runs under."""
        inputs = self._work.data(node)
        if len(inputs) != 2:
            return None
        a, b = (self._output_state(t) for t in inputs)
        differ = [p for p in a if p in b and a[p] != b[p]]
        if len(differ) != 1:
            return None
        [pred] = differ
        rest = {p: way for p, way in a.items() if p != pred}
        if rest != {p: way for p, way in b.items() if p != pred}:
            return None
        return pred, rest

    def _levels(self, group: _Group, order: Sequence[Node]) -> list[_Group]:
        """``group``, cut where one of its Merges needs another: conditions on one predicate, one after the other."""
        if len(group.merges) < 2:
            return [group]
        level: dict[str, int] = {}
        members = set(group.merges)
        parts: dict[int, _Group] = {}
        for node in order:
            parents = [*(t.node for t in self._work.data(node)), *self._work.control(node)]
            reached = max((level.get(p, 0) for p in parents), default=0)
            if node.name in members:
                part = parts.setdefault(reached, _Group(group.common, group.pred))
                part.merges.append(node.name)
                reached += 1
            if reached:
                level[node.name] = reached
        first = next(iter(parts.values()))
        first.effects[0].extend(group.effects[0])
        first.effects[1].extend(group.effects[1])
        return list(parts.values())

    # --- cutting out

    def _make(self, group: _Group) -> None:
        work = self._work
        cuts = [self._cut(group, way) for way in (0, 1)]
        kinds = [work.graph[m].output_dtypes[0] for m in group.merges]
        roots: tuple[list[Tensor], list[Tensor]] = ([], [])
        numbers: tuple[list[int], list[int]] = ([], [])  # which of its inputs each Merge takes
        for merge in group.merges:
            for i, tensor in enumerate(work.data(work.graph[merge])):
                way = self._output_state(tensor)[group.pred]
                roots[way].append(tensor)
                numbers[way].append(i)
        for way in (0, 1):
            cuts[way].collect(roots[way], group.effects[way])
        inputs, args = self._inputs(group, cuts)
        given = [work.dtype(t) for t in inputs]
        numbered = [i for i, m in enumerate(group.merges) if m in self._numbered]
        name = work.graph.unique_name(_scope(group.merges[0] if group.merges else group.pred.node))
        functions = []
        for way, label in enumerate(("else", "then")):
            cuts[way].args.update(args[way])
            made = cuts[way].function(work.library.unique(f"{name}_{label}"), given, roots[way], group.effects[way])
            functions.append(_with_numbers(made, [numbers[way][i] for i in numbered]))
        results = [*kinds, *(dtypes.int32 for _ in numbered)]
        stateful = any(work.stateful(f) for f in functions)
        attrs: dict[str, Attr] = {
            "Tcond": dtypes.bool_, "Tin": list(given), "Tout": list(results), "output_shapes": [],
            "else_branch": work.library.add(functions[0]), "then_branch": work.library.add(functions[1]),
        }  # fmt: skip
        waits = dict.fromkeys([*cuts[0].outside, *cuts[1].outside])
        for gate in (g for cut in cuts for g in cut.passed):
            waits.update(dict.fromkeys(self._gate_waits(work.graph[gate])))
        op = "If" if stateful else "StatelessIf"
        work.add(Node(name, op, (group.pred, *inputs), tuple(waits), attrs, tuple(results)))
        if group.common:
            self.states[name] = group.common
        for i, merge in enumerate(group.merges):
            outputs = {0: Tensor(name, i)}
            if i in numbered:
                outputs[1] = Tensor(name, len(kinds) + numbered.index(i))
            work.replace(merge, outputs, name)
        self._release_triggers(group, name)

    def _cut(self, group: _Group, way: int) -> Cut:
        def member(name: str) -> bool:
            return self.states.get(name, _ALWAYS).get(group.pred) == way

        gates = [n.name for n in self._work.graph if n.op == "Switch" and self._is_gate(n, group)]
        return Cut(self._work, member, {}, gates)

    def _is_gate(self, node: Node, group: _Group) -> bool:
        return self._pred(self._work.follow(node.inputs[1])) == group.pred and group.pred not in self.states.get(
            node.name, _ALWAYS
        )

    def _gate_waits(self, gate: Node) -> list[str]:
        """What a Switch, and the copies of its predicate, wait for."""
        work = self._work
        waits = list(work.control(gate))
        node = work.graph[work.follow(gate.inputs[1]).node]
        while node.op == "Identity":
            waits += work.control(node)
            node = work.graph[work.follow(node.inputs[0]).node]
        return waits

    def _inputs(self, group: _Group, cuts: Sequence[Cut]) -> tuple[list[Tensor], list[dict[Tensor, int]]]:
        """What the ``If`` takes, and for each branch the number of the argument that a captured tensor becomes."""
        work = self._work
        inputs: dict[Tensor, int] = {}
        args: list[dict[Tensor, int]] = [{}, {}]
        for way, cut in enumerate(cuts):
            for tensor in cut.captured:
                node = work.graph[tensor.node]
                source = tensor
                if node.op == "Switch" and self._is_gate(node, group):
                    source = work.follow(node.inputs[0])
                    if self._pred(source) == group.pred:
                        cut.gate(tensor, bool(way))
                        continue
                args[way][tensor] = inputs.setdefault(source, len(inputs))
        return list(inputs), args

    def _release_triggers(self, group: _Group, name: str) -> None:
        """Who waited for effects within the branches, whether they ran or not, waits for the ``If``."""
        effects = {*group.effects[0], *group.effects[1]}
        if not effects:
            return
        graph = self._work.graph
        for node in list(graph):
            if node.op == "ControlTrigger" and not effects.isdisjoint(self._work.control(node)):
                control = tuple(dict.fromkeys(name if c in effects else c for c in self._work.control(node)))
                graph.nodes[node.name] = Node(node.name, node.op, (), control, node.attrs, (), node.device)


def _scope(merge: str) -> str:
    """A name for the ``If``: the scope that its first Merge stands in."""
    scope, _, last = merge.rpartition("/")
    return scope if scope and last.startswith("Merge") else f"{merge}/if"


def _with_numbers(function: Function, numbers: Sequence[int]) -> Function:
    """``function`` with a constant result more for each of ``numbers``."""
    body: Graph = function.body
    extra = []
    for number in numbers:
        name = body.unique_name(f"value_index_{number}")
        attrs: dict[str, Attr] = {"dtype": dtypes.int32, "value": np.array(number, np.int32)}
        extra.append(body.add(Node(name, "Const", attrs=attrs, output_dtypes=(dtypes.int32,))).output())
    return Function(function.name, body, function.args, (*function.results, *extra), function.control_results)
