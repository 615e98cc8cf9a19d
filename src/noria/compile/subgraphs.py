"""Control flow within a segment: a ``While`` whose body lowers whole becomes ONNX ``Loop``, an ``If`` ONNX ``If``.

The engine then runs the rounds itself, which costs a tenth of a call from outside for each. What a body takes from
outside and what is the same in every round is captured by name; only what changes goes round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from noria import dtypes
from noria.compile.functions import LOOPS, argument, body_inputs, function_refs
from noria.compile.onnx_model import Constant, OnnxNode, SubGraph, ValueInfo
from noria.dtypes import DType
from noria.graph.graph import Function, FunctionRef, Node, Tensor
from noria.graph.rules import CannotLower, Info, Value


@dataclass(frozen=True, slots=True)
class Whole:
    """A function that lowered whole: its nodes and constants, the names of its fed arguments, its results."""

    nodes: list[OnnxNode]
    constants: Mapping[str, Constant]
    fed: tuple[str | None, ...]
    results: tuple[Value, ...]


class WholeBodies(Protocol):
    """Lowers functions (``BodyTable``)."""

    def whole(self, function: FunctionRef, inputs: Sequence[Info]) -> Whole:
        """``function`` as ONNX nodes; CannotLower where the host has to run part of it."""

    def calls(self, node: Node, infos: Mapping[Tensor, Info]) -> list[tuple[str, FunctionRef, Sequence[Info]]]: ...

    def function(self, ref: FunctionRef) -> Function: ...


class Enclosing(Protocol):
    """The lowering of the graph around: names of its values, new names, constants."""

    def value(self, tensor: Tensor) -> Value: ...

    def fresh(self, prefix: str) -> str: ...

    def take(self, constants: Mapping[str, Constant]) -> None: ...


def lower_control(
    work: Enclosing, bodies: WholeBodies, node: Node, infos: Mapping[Tensor, Info], allowed: Callable[[DType], bool]
) -> tuple[list[OnnxNode], tuple[Value, ...]]:
    """``node`` (a ``While`` or an ``If``) as ONNX nodes, and its results. Raises CannotLower."""
    for tensor in node.outputs:
        if not allowed(infos[tensor].dtype):
            raise CannotLower(f"{infos[tensor].dtype} does not go through the engine's control flow")
    if node.op in LOOPS:
        return _Control(work, bodies, node, infos).loop()
    if "then_branch" not in node.attrs:
        raise CannotLower(f"op {node.op} has no ONNX lowering")
    return _Control(work, bodies, node, infos).condition()


class _Control:
    def __init__(self, work: Enclosing, bodies: WholeBodies, node: Node, infos: Mapping[Tensor, Info]) -> None:
        self._work = work
        self._bodies = bodies
        self._node = node
        self._infos = infos
        self._inputs = [work.value(t) for t in body_inputs(node)]

    def loop(self) -> tuple[list[OnnxNode], tuple[Value, ...]]:
        node, work = self._node, self._work
        calls = {key: (ref, known) for key, ref, known in self._bodies.calls(node, self._infos)}
        step = self._bodies.function(calls["step"][0])
        varying = [i for i, r in enumerate(step.results[:-1]) if argument(step, r) != i]
        before = self._bodies.whole(*calls["cond"])
        _check_predicate(before.results[0])
        start, [first] = self._placed(before, [v.name for v in self._inputs])
        prefix = work.fresh(node.name)
        names = [f"{prefix}/in_{i}" if i in varying else v.name for i, v in enumerate(self._inputs)]
        rounds = self._bodies.whole(*calls["step"])
        _check_predicate(rounds.results[-1])
        nodes, results = self._placed(rounds, names)
        leaving = [results[-1], *(results[i] for i in varying)]
        counter, again = f"{prefix}/round", f"{prefix}/again"
        formal = [ValueInfo(counter, dtypes.int64, ()), ValueInfo(again, dtypes.bool_, ())]
        outs = [self._infos[Tensor(node.name, i)] for i in varying]
        formal += [ValueInfo(names[i], o.dtype, o.shape) for i, o in zip(varying, outs, strict=True)]
        body = self._subgraph(prefix, nodes, formal, leaving, [Info(dtypes.bool_, ()), *outs])
        made = [work.fresh(f"{node.name}/Loop") for _ in varying]
        given = ("", first.name, *(self._inputs[i].name for i in varying), *body.captures)
        emitted = OnnxNode("Loop", given, tuple(made), {"body": body}, captures=len(body.captures))
        values = list(self._inputs)
        for i, name, out in zip(varying, made, outs, strict=True):
            values[i] = Value(name, out.dtype, out.shape)
        if not varying:
            raise CannotLower("a loop without variables")
        return [*start, emitted], tuple(values)

    def condition(self) -> tuple[list[OnnxNode], tuple[Value, ...]]:
        node, work = self._node, self._work
        predicate = work.value(node.inputs[0])
        _check_predicate(predicate)
        if not node.outputs:
            raise CannotLower("an If without results")
        refs = function_refs(node)
        known = [self._infos[t] for t in body_inputs(node)]
        outs = [self._infos[t] for t in node.outputs]
        graphs = {}
        for key in ("then_branch", "else_branch"):
            nodes, results = self._placed(self._bodies.whole(refs[key][0], known), [v.name for v in self._inputs])
            graphs[key] = self._subgraph(work.fresh(node.name), nodes, [], results, outs)
        captures = tuple(dict.fromkeys(name for graph in graphs.values() for name in graph.captures))
        attrs = {key: replace(graph, captures=captures) for key, graph in graphs.items()}
        made = tuple(work.fresh(f"{node.name}/If") for _ in outs)
        emitted = OnnxNode("If", (predicate.name, *captures), made, attrs, captures=len(captures))
        return [emitted], tuple(Value(n, o.dtype, o.shape) for n, o in zip(made, outs, strict=True))

    def _placed(self, whole: Whole, args: Sequence[str]) -> tuple[list[OnnxNode], list[Value]]:
        """The nodes and results of ``whole`` with names that are its own here, its arguments called ``args``."""
        prefix = self._work.fresh(self._node.name) + "/"
        known = {fed: arg for fed, arg in zip(whole.fed, args, strict=True) if fed is not None}

        def rename(name: str) -> str:
            return known.get(name) or (prefix + name if name else name)

        self._work.take({rename(name): constant for name, constant in whole.constants.items()})
        nodes = [node.renamed(rename) for node in whole.nodes]
        return nodes, [replace(value, name=rename(value.name)) for value in whole.results]

    def _subgraph(
        self,
        prefix: str,
        nodes: list[OnnxNode],
        formal: Sequence[ValueInfo],
        results: Iterable[Value],
        outs: Sequence[Info],
    ) -> SubGraph:
        """The nodes as a graph whose results are its own: those made elsewhere, or given twice, are copied."""
        made = {name for node in nodes for name in node.outputs}
        nodes = list(nodes)
        outputs: list[ValueInfo] = []
        for i, (value, out) in enumerate(zip(results, outs, strict=True)):
            name = value.name
            if name not in made or name in {o.name for o in outputs}:
                name = f"{prefix}/out_{i}"
                nodes.append(OnnxNode("Identity", (value.name,), (name,)))
            outputs.append(ValueInfo(name, out.dtype, out.shape))
        local = made | {v.name for v in formal}
        captures = dict.fromkeys(n for node in nodes for n in node.inputs if n and n not in local)
        return SubGraph(tuple(nodes), tuple(formal), tuple(outputs), tuple(captures))


def _check_predicate(value: Value) -> None:
    if value.dtype is not dtypes.bool_ or value.shape != ():
        raise CannotLower("the predicate is not a boolean scalar")
