"""What turning frames and branches into functions shares: a graph that is being rewritten, and parts cut out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.graph.graph import Attr, Function, FunctionRef, Graph, Node, Tensor
from noria.graph.op_spec import is_stateful


class FunctionLibrary(Protocol):
    """Where new functions go."""

    def add(self, function: Function) -> FunctionRef: ...

    def unique(self, prefix: str) -> str: ...


class Work:
    """A graph whose nodes are being replaced: who took a replaced tensor, or waited for its node, is told by follow."""

    def __init__(self, graph: Graph, library: FunctionLibrary) -> None:
        self.graph = graph
        self.library = library
        self._tensors: dict[Tensor, Tensor] = {}
        self._nodes: dict[str, str] = {}

    def follow(self, tensor: Tensor) -> Tensor:
        while tensor in self._tensors:
            tensor = self._tensors[tensor]
        return tensor

    def data(self, node: Node) -> tuple[Tensor, ...]:
        """What ``node`` takes now."""
        return tuple(self.follow(t) for t in node.inputs)

    def control(self, node: Node) -> tuple[str, ...]:
        """What ``node`` waits for now."""
        return tuple(dict.fromkeys(self.follow_name(c) for c in node.control_inputs))

    def follow_name(self, name: str) -> str:
        while name in self._nodes:
            name = self._nodes[name]
        return name

    def dtype(self, tensor: Tensor) -> DType:
        return self.graph.dtype(tensor)

    def add(self, node: Node) -> Node:
        return self.graph.add(node)

    def replace(self, name: str, outputs: Mapping[int, Tensor], by: str) -> None:
        """The outputs of node ``name`` become other tensors; who waits for it waits for ``by``."""
        for output, tensor in outputs.items():
            self._tensors[Tensor(name, output)] = tensor
        self._nodes[name] = by

    def stateful(self, function: Function) -> bool:
        """Whether running ``function`` may change, or depend on, anything but its arguments."""
        return any(is_stateful(n.op) for n in function.body if n.op != "_Arg")

    def settled(self) -> Graph:
        """The graph with all replacements made; nodes that are replaced stay, for who asks for them by name."""
        new = Graph(functions=self.graph.functions)
        for node in self.graph:
            inputs, control = self.data(node), self.control(node)
            if node.name in self._nodes:
                node = Node(node.name, "NoOp", control_inputs=(self.follow_name(node.name),))
            elif inputs != node.inputs or control != node.control_inputs:
                node = Node(node.name, node.op, inputs, control, node.attrs, node.output_dtypes, node.device)
            new.nodes[node.name] = node
        return new


class Cut:
    """A part of a graph that becomes the body of a function.

    member: whether a node belongs to the part; args: the tensors that are arguments, with their numbers; gates: nodes
    that only let it run. Tensors from outside that are no argument yet are ``captured``, control edges
    from outside noted in ``outside``: the whole part waits for them.
    """

    def __init__(
        self, work: Work, member: Callable[[str], bool], args: dict[Tensor, int], gates: Iterable[str] = ()
    ) -> None:
        self._work = work
        self._member = member
        self.args = args
        self._constants: dict[Tensor, bool] = {}
        self._gates = {*gates, *(t.node for t in args)}
        self.captured: list[Tensor] = []
        self.passed: dict[str, None] = {}  # gates on the way
        self.outside: list[str] = []

    def gate(self, tensor: Tensor, value: bool) -> None:
        """``tensor`` is true (or false) whenever the part runs."""
        self._constants[tensor] = value
        self._gates.add(tensor.node)

    def collect(self, tensors: Iterable[Tensor], operations: Iterable[str] = ()) -> None:
        """Looks for what ``tensors`` and ``operations`` need from outside the part."""
        self._visit(tensors, operations)

    def _visit(self, tensors: Iterable[Tensor], operations: Iterable[str]) -> set[str]:
        """The members that are needed."""
        work, seen = self._work, set[str]()
        stack: list[Tensor | str] = [*tensors, *operations]
        while stack:
            one = stack.pop()
            if isinstance(one, Tensor):
                one = work.follow(one)
                if one in self.args or one in self._constants:
                    continue
                if not self._member(one.node):
                    if one.node in self._gates:
                        self.passed[one.node] = None
                    if one not in self.captured:
                        self.captured.append(one)
                    continue
                name = one.node
            else:
                name = work.follow_name(one)
                if name in self._gates:
                    self.passed[name] = None
                    continue
                if not self._member(name):
                    self.outside.append(name)
                    continue
            if name not in seen:
                seen.add(name)
                node = work.graph[name]
                stack.extend(node.inputs)
                stack.extend(node.control_inputs)
        return seen

    def function(
        self, name: str, kinds: Sequence[DType], results: Sequence[Tensor | int], operations: Iterable[str]
    ) -> Function:
        """The part as a function of arguments of ``kinds``; a result that is a number is that argument."""
        work = self._work
        operations = list(operations)
        needed = self._visit([t for t in results if isinstance(t, Tensor)], operations)
        body = Graph(functions=work.graph.functions)
        names = []
        for i, dtype in enumerate(kinds):
            arg = _unused(f"arg_{i}", needed)
            attrs: dict[str, Attr] = {"T": dtype, "index": i}
            names.append(body.add(Node(arg, "_Arg", attrs=attrs, output_dtypes=(dtype,))).name)

        def inner(tensor: Tensor) -> Tensor:
            tensor = work.follow(tensor)
            if tensor in self._constants:
                return _constant(body, needed, self._constants[tensor])
            return Tensor(names[self.args[tensor]]) if tensor in self.args else tensor

        for member in work.graph.nodes:
            if member in needed:
                node = work.graph[member]
                control = tuple(c for c in work.control(node) if c in needed)
                inputs = tuple(inner(t) for t in node.inputs)
                body.nodes[member] = Node(member, node.op, inputs, control, node.attrs, node.output_dtypes, node.device)
        made = tuple(Tensor(names[r]) if isinstance(r, int) else inner(r) for r in results)
        waits = tuple(o for o in map(work.follow_name, operations) if o in needed)
        return Function(name, body, tuple(names), made, waits)


def _unused(name: str, taken: set[str]) -> str:
    k, found = 0, name
    while found in taken:
        k += 1
        found = f"{name}_{k}"
    return found


def _constant(body: Graph, taken: set[str], value: bool) -> Tensor:
    """A boolean constant of ``body``."""
    name = _unused("always" if value else "never", taken)
    if name not in body:
        attrs: dict[str, Attr] = {"dtype": dtypes.bool_, "value": np.asarray(value)}
        body.add(Node(name, "Const", attrs=attrs, output_dtypes=(dtypes.bool_,)))
    return Tensor(name)
