"""The functions that control flow ops of one program run: what is known of their results, and their programs.

A function is specialised to its call: an argument that is constant there, or a known variable or table, becomes that
in the body, so that shapes, frozen weights and folding reach into loops and branches. The others are fed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from noria.compile.counters import without_twins
from noria.compile.feeds import prune
from noria.compile.fold import analyse
from noria.compile.freeze import Key, freeze, handle_key
from noria.compile.functions import LOOPS, Functions, argument, body_inputs, function_refs, unchanged, waits_of
from noria.compile.inline import inline
from noria.compile.lowering import Lowered
from noria.compile.program import Program, picker
from noria.compile.refs import RESOURCE_HANDLES
from noria.compile.subgraphs import Whole
from noria.errors import TFError
from noria.graph.graph import Attr, Function, FunctionRef, Graph, Node, ShapeAttr, Tensor
from noria.graph.resources import Resources
from noria.graph.rules import Body, CannotLower, Info
from noria.ops.state import ANONYMOUS

IsEffect = Callable[[Node, Mapping[Tensor, Info]], bool]


class Compile(Protocol):
    """The rest of the compiler: a graph whose placeholders are fed → its program."""

    def __call__(
        self, graph: Graph, feeds: Sequence[Tensor], wanted: list[Tensor], targets: Sequence[str]
    ) -> Program: ...


class Lower(Protocol):
    """The middle of the compiler: a graph of which everything is known → ONNX nodes and host steps, in order."""

    def __call__(
        self,
        graph: Graph,
        infos: dict[Tensor, Info],
        wanted: list[Tensor],
        targets: Sequence[str],
        bodies: BodyTable,
    ) -> Lowered: ...


@dataclass(frozen=True, slots=True)
class Specialised:
    """A function for one kind of call: its graph, and for each argument the placeholder that is fed, None if none."""

    graph: Graph
    fed: tuple[Tensor | None, ...]
    results: tuple[Tensor, ...]
    targets: tuple[str, ...]


class BodyTable:
    """The functions of one program (``rules.Bodies``)."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        resources: Resources,
        mutable: Collection[Key],
        compile_: Compile,
        lower_: Lower,
    ) -> None:
        self._functions = functions
        self._resources = resources
        self._mutable = mutable
        self._compile = compile_
        self._lower_graph = lower_
        self._known: dict[tuple[Any, ...], tuple[Specialised, dict[Tensor, Info]]] = {}
        self._alive: list[Info] = []  # whose identity is a key of ``_known``
        self._busy: set[str] = set()  # functions that are being looked into: one that calls itself is not followed
        self.lock = threading.RLock()  # programs are compiled at the first call, by any thread

    # --- what is known of results

    def infer(self, function: FunctionRef, inputs: Sequence[Info]) -> list[Info]:
        """What is known of the results of ``function``."""
        if function.name in self._busy:
            found = self._functions[function.name]
            return [Info(found.body.dtype(t), None) for t in found.results]
        special, infos = self._analysed(self._functions[function.name], inputs)
        return [infos[t] for t in special.results]

    def unchanged(self, function: FunctionRef) -> frozenset[int]:
        """The results that are the argument of the same number."""
        return unchanged(self._functions[function.name])

    def _analysed(self, function: Function, inputs: Sequence[Info]) -> tuple[Specialised, dict[Tensor, Info]]:
        key = (function.name, *((i.shape, id(i.value), _identity(i.handle)) for i in inputs))
        found = self._known.get(key)
        if found is None:
            self._alive.extend(inputs)
            try:
                found = self._analyse(function, inputs)
            except TFError:
                # Shapes that contradict each other in a branch that is not taken must not keep the rest from running.
                found = self._analyse(function, [Info(i.dtype, None, handle=i.handle) for i in inputs])
            self._known[key] = found
        return found

    def _analyse(self, function: Function, inputs: Sequence[Info]) -> tuple[Specialised, dict[Tensor, Info]]:
        special = self._specialise(function, inputs)
        with self._looking_into(function.name):
            return special, analyse(special.graph, special.graph.topological(), self._resources, self)

    @contextmanager
    def _looking_into(self, name: str) -> Iterator[None]:
        fresh = name not in self._busy
        self._busy.add(name)
        try:
            yield
        finally:
            if fresh:
                self._busy.discard(name)

    def _specialise(self, function: Function, inputs: Sequence[Info]) -> Specialised:
        graph = function.body.copy()
        fed: list[Tensor | None] = []
        for arg, info in zip(function.args, inputs, strict=True):
            graph.nodes[arg] = node = _argument(graph[arg], info)
            fed.append(Tensor(arg) if node.op == "Placeholder" else None)
        graph = freeze(graph, self._resources, self._mutable)
        graph = prune(graph, function.results, function.control_results)
        fed = [t if t is not None and t.node in graph else None for t in fed]
        return Specialised(graph, tuple(fed), function.results, function.control_results)

    # --- what order matters to

    def has_effect(self, node: Node, infos: Mapping[Tensor, Info], is_effect: IsEffect) -> bool:
        """Whether a function that ``node`` runs reads or changes anything but its arguments."""
        for _, ref, known in self.calls(node, infos):
            if ref.name in self._busy:
                continue
            special, inner = self._analysed(self._functions[ref.name], known)
            with self._looking_into(ref.name):
                if any(is_effect(n, inner) for n in special.graph):
                    return True
        return False

    # --- programs

    def bodies(self, node: Node, infos: Mapping[Tensor, Info]) -> dict[str, tuple[Body, ...]]:
        """The functions of ``node`` as what its kernel calls, by attribute; each is compiled at its first call."""
        found: dict[str, tuple[Body, ...]] = {}
        for key, ref, known in self.calls(node, infos):
            found[key] = (*found.get(key, ()), _LazyBody(self, self._functions[ref.name], known))
        return found

    def plan(self, function: Function, inputs: Sequence[Info]) -> Plan:
        """``function`` compiled for a call with such inputs."""
        special, _ = self._analysed(function, inputs)
        places = {t: i for i, t in enumerate(special.fed) if t is not None}
        given = [argument(function, t) for t in special.results]
        computed: list[Tensor] = []
        targets = list(special.targets)
        for tensor, place in zip(special.results, given, strict=True):
            if place is None:
                computed.append(tensor)
            else:
                targets += waits_of(function, tensor)
        program = self._compile(special.graph, list(places), computed, targets)
        made = iter(range(len(computed)))
        results = tuple((False, next(made)) if place is None else (True, place) for place in given)
        return Plan(program, tuple(places.values()), results)

    def function(self, ref: FunctionRef) -> Function:
        return self._functions[ref.name]

    def whole(self, function: FunctionRef, inputs: Sequence[Info]) -> Whole:
        """``function`` as ONNX nodes (``subgraphs.WholeBodies``); CannotLower where the host has to run part of it."""
        if function.name in self._busy:
            raise CannotLower("a function that calls itself")
        special, infos = self._analysed(self._functions[function.name], inputs)
        with self._looking_into(function.name):
            lowered = self._lower_graph(special.graph, infos, list(special.results), special.targets, self)
        if any(item.onnx is None for item in lowered.items):
            raise CannotLower("part of the body stays on the host")
        nodes = [node for item in lowered.items for node in item.onnx or ()]
        fed = tuple(None if t is None else str(t) for t in special.fed)
        return Whole(nodes, lowered.constants, fed, tuple(lowered.values[t] for t in special.results))

    def calls(self, node: Node, infos: Mapping[Tensor, Info]) -> list[tuple[str, FunctionRef, Sequence[Info]]]:
        """Each function that ``node`` runs: its attribute, its name, and what is known of its arguments."""
        refs = function_refs(node)
        inputs = [infos[t] for t in body_inputs(node)]
        if node.op not in LOOPS:
            return [(key, ref, inputs) for key, listed in refs.items() for ref in listed]
        [cond], [body] = refs["cond"], refs["body"]
        kept = self.unchanged(body)
        rounds = [
            info if i in kept else Info(info.dtype, infos[Tensor(node.name, i)].shape) for i, info in enumerate(inputs)
        ]
        assert isinstance(self._functions, Functions)
        step = self._functions.step(self._functions[cond.name], self._functions[body.name], inline)
        step = without_twins(self._functions, step, [info.value for info in inputs])
        return [("cond", cond, rounds), ("step", FunctionRef(step.name), rounds)]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled function: which arguments its program takes, and where each result comes from.

    results: whether it is an argument, and the number of that argument or of the program's result.
    """

    program: Program
    takes: tuple[int, ...]
    results: tuple[tuple[bool, int], ...]


class _LazyBody:
    """A function that is compiled when it is first called, by whichever thread comes first (``rules.Body``)."""

    __slots__ = ("_function", "_inputs", "_run", "_table")

    def __init__(self, table: BodyTable, function: Function, inputs: Sequence[Info]) -> None:
        self._table = table
        self._function = function
        self._inputs = inputs
        self._run: Body | None = None

    def __call__(self, values: Sequence[Any], /) -> list[Any]:
        run = self._run
        if run is None:
            with self._table.lock:
                run = self._run
                if run is None:
                    run = self._run = _runner(self._table.plan(self._function, self._inputs))
        return run(values)


def _runner(plan: Plan) -> Body:
    run, take, results = plan.program.run, picker(plan.takes), plan.results
    if not any(given for given, _ in results):
        return lambda values: run(take(values))
    made = sum(not given for given, _ in results)
    pick = picker([made + i if given else i for given, i in results])
    return lambda values: list(pick([*run(take(values)), *values]))


def _identity(handle: Node | None) -> tuple[str, Key] | None:
    return None if handle is None else (handle.op, handle_key(handle))


def _argument(arg: Node, info: Info) -> Node:
    """What stands for an argument in a specialised body: a constant, a variable's or table's handle, a feed."""
    dtype = arg.output_dtypes[0]
    if info.value is not None:
        return Node(arg.name, "Const", attrs={"value": info.value, "dtype": dtype}, output_dtypes=(dtype,))
    handle = info.handle
    attrs: dict[str, Attr]
    if handle is not None and handle.op in RESOURCE_HANDLES and handle.attrs.get("shared_name") != ANONYMOUS.encode():
        container, name = handle_key(handle)
        attrs = {**handle.attrs, "container": container.encode(), "shared_name": name.encode()}
        return Node(arg.name, handle.op, attrs=attrs, output_dtypes=handle.output_dtypes)
    attrs = {"dtype": dtype, "shape": ShapeAttr(info.shape)}
    if handle is not None and "element_shape" in handle.attrs:
        attrs["element_shape"] = handle.attrs["element_shape"]  # of a TensorArray
    return Node(arg.name, "Placeholder", attrs=attrs, output_dtypes=(dtype,))
