"""Compiles what a session is asked to run, once for each combination of fetches, targets and feeds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from noria import shapes
from noria.compile.feeds import cut_feeds, follow, prune
from noria.compile.freeze import handle_key
from noria.compile.pipeline import Feed, compile_program, prepare
from noria.compile.program import HostStep, Program, SegmentStep, Step
from noria.compile.refs import HANDLES, RESOURCE_HANDLES
from noria.errors import InvalidArgumentError, TFError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.op_spec import op_spec
from noria.graph.resources import Resources
from noria.shapes import Shape
from noria.v1.graph import Graph
from noria.v1.operation import Operation, Tensor

# Initialisers, saves and restores run once or twice: their kernels beat what an engine session costs to make.
_RUNS_ON_HOST: Final = 2
_ONLY_READS = RESOURCE_HANDLES | {"ReadVariableOp", "VarIsInitializedOp", "LookupTableFind", "LookupTableFindV2"}


@dataclass(frozen=True, slots=True)
class _Key:
    fetches: tuple[Tensor, ...]
    targets: tuple[Operation, ...]
    feeds: tuple[Tensor, ...]
    ranks: tuple[int, ...] | None
    changes: int


class Plan:
    """One compiled run. The arrays it gives belong to the caller."""

    def __init__(self, compile_it: Callable[[bool], Program], *, only_targets: bool) -> None:
        self._compile = compile_it
        self._left_on_host = _RUNS_ON_HOST if only_targets else 0
        self._program: Program | None = None
        self._lock = threading.Lock()

    def run(self, values: Sequence[Array]) -> list[Any]:
        """Feeds in order → fetches in order."""
        program = self._ready()
        try:
            results = program.run(values)
        except InvalidArgumentError as error:
            raise self._as_kernels_say(program, values) or error from error
        return [
            array if own and array.flags.writeable else array.copy()
            for array, own in zip(results, program.fresh, strict=True)
        ]

    def _as_kernels_say(self, program: Program, values: Sequence[Array]) -> TFError | None:
        """The error of the same run without the engine: kernels use TensorFlow's words and name the operation.

        None where no engine took part, and where a second run could change anything.
        """
        if all(isinstance(s, HostStep) for s in program.steps) or not all(_repeatable(s) for s in program.steps):
            return None
        try:
            self._compile(False).run(values)
        except UnimplementedError:
            return None
        except TFError as error:
            return error
        return None

    def _ready(self) -> Program:
        program = self._program
        if program is not None and self._left_on_host <= 0:
            return program
        with self._lock:
            if self._left_on_host > 0:
                self._left_on_host -= 1
                if self._program is None:
                    self._program = self._compile(False)
                found = self._program
                if self._left_on_host == 0:
                    self._program = None
                return found
            if self._program is None:
                self._program = self._compile(True)
            return self._program


def _repeatable(step: Step) -> bool:
    if isinstance(step, SegmentStep) or step.call.node.op in _ONLY_READS:
        return True
    node = step.call.node
    spec = op_spec(node.op)
    if spec is None or spec.is_stateful:
        return False
    kinds = {d.name for arg in spec.inputs for d in arg.dtypes(node.attrs)}
    return not kinds & {"resource", "variant"} and not any(arg.is_ref for arg in spec.inputs)


class Executor:
    """The plans of one session."""

    def __init__(self, graph: Graph, resources: Resources) -> None:
        self._graph = graph
        self._resources = resources
        self._plans: dict[_Key, Plan] = {}

    def plan(
        self,
        fetches: tuple[Tensor, ...],
        targets: tuple[Operation, ...],
        feeds: tuple[Tensor, ...],
        values: Sequence[Array],
    ) -> Plan:
        """The plan for these fetches and feeds. Tensors without a declared rank are compiled for the fed one."""
        open_ranks = any(t.info.shape is None for t in feeds)
        ranks = tuple(v.ndim for v in values) if open_ranks else None
        key = _Key(fetches, targets, feeds, ranks, self._graph.changes)
        found = self._plans.get(key)
        if found is None:
            found = self._plans[key] = Plan(lambda engine: self._compile(key, engine), only_targets=not fetches)
        return found

    def clear(self) -> None:
        self._plans.clear()

    def _compile(self, key: _Key, engine: bool) -> Program:
        graph = self._graph.core
        given = [(t.edge, t.dtype.core, _fed_shape(t, i, key.ranks)) for i, t in enumerate(key.feeds)]
        edges = [t.edge for t in key.fetches]
        names = [op.name for op in key.targets]
        needed = graph.closure(edges, names, stop=[e for e, _, _ in given]) | {e.node for e, _, _ in given}
        part = type(graph)(functions=graph.functions)
        part.nodes = {name: graph.nodes[name] for name in needed_in_order(graph, needed)}
        # Feeds are cut first: what is fed may be a variable's reference, or stand behind what cannot run here.
        cut, replaced, placeholders = cut_feeds(part, given)
        wanted = [follow(replaced, e) for e in edges]
        cut = prune(cut, wanted, names, placeholders)
        prepared = prepare(cut, [*wanted, *placeholders], names)
        fed = [Feed(p, dtype, shape) for p, (_, dtype, shape) in zip(placeholders, given, strict=True)]
        mutable = {handle_key(n) for n in prepared.graph if n.op in HANDLES}
        return compile_program(prepared, fed, wanted, names, resources=self._resources, mutable=mutable, engine=engine)


def needed_in_order(graph: Any, needed: set[str]) -> list[str]:
    """The names of ``needed`` in the order in which the graph was built."""
    return [name for name in graph.nodes if name in needed]


def _fed_shape(tensor: Tensor, index: int, ranks: tuple[int, ...] | None) -> Shape:
    shape = tensor.info.shape
    return shapes.unknown(ranks[index]) if shape is None and ranks is not None else shape
