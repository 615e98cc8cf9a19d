"""The ordered list of passes: graph → Program.

``prepare`` does what all signatures of a model share (calls inlined, references resolved, frames turned into ``If``
and ``While``); ``compile_program`` does the rest for one list of feeds and fetches: cut → prune → freeze → fold → fuse
→ lower → partition → sessions. Functions that control flow runs take the same way.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from noria.compile import freeze, refs
from noria.compile.assemble import BodiesOf, assemble
from noria.compile.bodies import BodyTable
from noria.compile.feeds import cut_feeds, follow, prune, replace_tensors
from noria.compile.fold import analyse, declared
from noria.compile.functions import BRANCHES, FUNCTIONAL, Functions, branch, bypass_unchanged, pruned, with_bodies
from noria.compile.fuse import fuse
from noria.compile.inline import inline
from noria.compile.lowering import Lowered, lower
from noria.compile.partition import live, partition
from noria.compile.program import Program
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError, named
from noria.graph import rules
from noria.graph.functionalize import INSIDE, functionalize
from noria.graph.graph import Attr, Function, FunctionRef, Graph, Node, ShapeAttr, Tensor
from noria.graph.graphdef import check_edges
from noria.graph.op_spec import is_stateful
from noria.graph.resources import Resources
from noria.graph.rules import CannotLower, Info
from noria.graph.verify import Stage, verify
from noria.shapes import Shape

_GIVEN = refs.RESOURCE_HANDLES | {"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A graph without calls, references and frames, and what became of the tensors asked for."""

    graph: Graph
    tensors: Mapping[Tensor, Tensor]


def prepare(graph: Graph, tensors: Iterable[Tensor], targets: Sequence[str] = ()) -> Prepared:
    """Inlines calls and resolves references, once for all signatures.

    ``tensors``: all they feed and fetch; ``targets``: nodes they run. The rest of the graph is left behind.
    """
    wanted = list(dict.fromkeys(tensors))
    for tensor in wanted:
        if graph[tensor.node].output_dtypes:  # an op nobody knows has none: it is reported when it is needed
            graph.dtype(tensor)
    needed = prune(graph, wanted, targets)
    check_edges(needed)
    functions = Functions(graph.functions, _prepare_function)
    prepared, found = _prepared(verify(needed, Stage.IMPORTED), wanted, targets, functions)
    return Prepared(prepared, dict(zip(wanted, found, strict=True)))


def _prepared(
    graph: Graph, wanted: list[Tensor], targets: Sequence[str], functions: Functions
) -> tuple[Graph, list[Tensor]]:
    """``graph`` without calls, references and frames, and what became of ``wanted``."""
    inlined, found = inline(graph, wanted)
    resolved, found = refs.resolve(verify(inlined, Stage.INLINED), found)
    resolved.functions = functions
    flat, found = functionalize(resolved, found, targets, functions)
    bypassed = bypass_unchanged(flat)
    if bypassed:
        flat, found = replace_tensors(flat, bypassed), [follow(bypassed, t) for t in found]
    return verify(flat, Stage.RESOLVED), found


def _prepare_function(function: Function, functions: Functions) -> Function:
    """A library function whose body is prepared too."""
    body, results = _prepared(function.body, list(function.results), function.control_results, functions)
    return pruned(Function(function.name, body, function.args, tuple(results), function.control_results))


@dataclass(frozen=True, slots=True)
class Feed:
    """A tensor that each call gives, with the dtype and shape it is compiled for."""

    tensor: Tensor
    dtype: DType
    shape: Shape


def compile_program(
    prepared: Prepared,
    feeds: Sequence[Feed],
    fetches: Sequence[Tensor],
    targets: Sequence[str] = (),
    *,
    resources: Resources,
    mutable: Collection[freeze.Key] = (),
    engine: bool = True,
) -> Program:
    """The program that computes ``fetches`` and runs ``targets`` from ``feeds``.

    mutable: variables that some signature assigns; all others are frozen at their present value.
    engine: False leaves every op to its host kernel, for what runs once or is to be looked into.
    Raises UnimplementedError naming every op that cannot run, InvalidArgumentError for placeholders left unfed.
    """
    given = [(prepared.tensors.get(f.tensor, f.tensor), f.dtype, f.shape) for f in feeds]
    graph, replaced, placeholders = cut_feeds(prepared.graph, given)
    wanted = [follow(replaced, prepared.tensors.get(t, t)) for t in fetches]
    graph = prune(graph, wanted, targets, placeholders)
    _check(graph, placeholders)
    return _Compiler(resources, mutable, engine=engine).program(graph, placeholders, wanted, targets)


class _Compiler:
    """What is the same for a graph and for the functions that its control flow runs."""

    def __init__(self, resources: Resources, mutable: Collection[freeze.Key], *, engine: bool) -> None:
        self._resources = resources
        self._mutable = mutable
        self._engine = engine

    def program(self, graph: Graph, feeds: Sequence[Tensor], wanted: list[Tensor], targets: Sequence[str]) -> Program:
        """The program of ``graph``, whose placeholders ``feeds`` are given in that order."""
        graph = freeze.freeze(graph, self._resources, self._mutable)
        graph = verify(prune(graph, wanted, targets, feeds), Stage.FROZEN)
        bodies = BodyTable(graph.functions, self._resources, self._mutable, self.program, _lower_whole)
        names = [str(p) for p in feeds]
        if not self._engine:
            return _for_host(graph, names, wanted, self._resources, bodies)
        order = graph.topological()
        infos = analyse(graph, order, self._resources, bodies)
        while chosen := _chosen(order, infos):
            graph, wanted = _taken(graph, chosen, wanted)
            graph = freeze.freeze(graph, self._resources, self._mutable)
            graph = prune(graph, wanted, targets, feeds)
            order = graph.topological()
            infos = analyse(graph, order, self._resources, bodies)
        return _for_engine(graph, order, infos, names, wanted, targets, self._resources, bodies)


def _chosen(order: Sequence[Node], infos: Mapping[Tensor, Info]) -> dict[str, FunctionRef]:
    """The branches that are known to be taken, by node."""
    found: dict[str, FunctionRef] = {}
    for node in order:
        if node.op in BRANCHES:
            value = infos[node.inputs[0]].value
            if value is not None:
                found[node.name] = branch(node, value)
    return found


def _taken(graph: Graph, chosen: Mapping[str, FunctionRef], wanted: list[Tensor]) -> tuple[Graph, list[Tensor]]:
    """``graph`` with the branches in ``chosen`` in place of the nodes that choose between them."""
    new = graph.copy()
    for name, ref in chosen.items():
        node = graph[name]
        attrs: dict[str, Attr] = {"f": ref}
        new.nodes[name] = Node(
            name, "StatefulPartitionedCall", node.inputs[1:], node.control_inputs, attrs, node.output_dtypes
        )
    return inline(new, wanted)


def _for_engine(
    graph: Graph,
    order: Sequence[Node],
    infos: dict[Tensor, Info],
    feeds: Sequence[str],
    wanted: list[Tensor],
    targets: Sequence[str],
    resources: Resources,
    bodies: BodyTable,
) -> Program:
    effects = _effects(order, infos, bodies)
    graph, wanted = fuse(graph, order, infos, wanted)
    needed = _needed(graph, wanted, (*targets, *effects), infos)
    run_order = [n for n in graph.topological() if n.name in needed]
    lowered = lower(run_order, infos, wanted, engine=True, host_only=effects, bodies=bodies)
    fetched = [lowered.values[t].name for t in wanted]
    lowered.items = live(lowered.items, set(fetched), {*targets, *effects})
    steps = partition(graph, lowered, effects, set(fetched))
    return assemble(lowered, steps, feeds, fetched, resources, effects=bool(effects), bodies=_bodies_of(bodies, infos))


def _effects(order: Iterable[Node], infos: Mapping[Tensor, Info], bodies: BodyTable) -> set[str]:
    """The nodes that read or change something outside the graph, themselves or in a function that they run."""
    return {n.name for n in order if _deep_effect(bodies, n, infos)}


def _deep_effect(bodies: BodyTable, node: Node, infos: Mapping[Tensor, Info]) -> bool:
    if node.op in FUNCTIONAL:
        return bodies.has_effect(node, infos, partial(_deep_effect, bodies))
    return _has_effect(node, infos)


def _lower_whole(
    graph: Graph, infos: dict[Tensor, Info], wanted: list[Tensor], targets: Sequence[str], bodies: BodyTable
) -> Lowered:
    """The body of a function, if the engine can run all of it; else CannotLower, or an item without ONNX nodes."""
    order = graph.topological()
    if _effects(order, infos, bodies):
        raise CannotLower("the body has effects")
    infos = dict(infos)
    graph, fetched = fuse(graph, order, infos, wanted)
    needed = _needed(graph, fetched, (), infos)
    run_order = [n for n in graph.topological() if n.name in needed]
    lowered = lower(run_order, infos, fetched, engine=True, host_only=set(), bodies=bodies)
    lowered.values.update((old, lowered.values[new]) for old, new in zip(wanted, fetched, strict=True))
    return lowered


def _bodies_of(bodies: BodyTable, infos: Mapping[Tensor, Info]) -> BodiesOf:
    return lambda node: bodies.bodies(node, infos) if node.op in FUNCTIONAL else {}


def _for_host(
    graph: Graph, feeds: Sequence[str], wanted: list[Tensor], resources: Resources, bodies: BodyTable
) -> Program:
    """Every node as it stands, in an order that data and control edges allow: nothing folded, nothing gathered."""
    order = [n for n in graph.topological() if n.op != "NoOp"]
    infos = {t: declared(n, i) for n in order for i, t in enumerate(n.outputs)}
    lowered = lower([n for n in order if n.op != "Const"], infos, wanted, engine=False, host_only=set())
    fetched = [lowered.values[t].name for t in wanted]
    return assemble(lowered, lowered.items, feeds, fetched, resources, effects=True, bodies=_bodies_of(bodies, infos))


def unsupported(prepared: Prepared, feeds: Iterable[Tensor], fetches: Iterable[Tensor]) -> str:
    """A sentence naming every op between ``feeds`` and ``fetches`` that cannot run; empty when all can."""
    stop = [prepared.tensors.get(t, t) for t in feeds]
    needed = prepared.graph.closure([prepared.tensors.get(t, t) for t in fetches], stop=stop)
    return rules.missing(n for n in with_bodies(prepared.graph, needed) if not _is_structure(n))


def _is_structure(node: Node) -> bool:
    return node.op in _STRUCTURE or node.op in refs.HANDLES


_STRUCTURE = frozenset({"Const", "NoOp", "Placeholder", "PlaceholderV2", INSIDE})


def _reason(node: Node) -> str:
    reason = node.attrs["reason"]
    return reason.decode() if isinstance(reason, bytes) else ""


def _check(graph: Graph, placeholders: Sequence[Tensor]) -> None:
    for node in graph:
        if node.op == INSIDE:
            raise InvalidArgumentError(_reason(node))
    missing = rules.missing(n for n in with_bodies(graph, graph.nodes) if not _is_structure(n))
    if missing:
        raise UnimplementedError(missing)
    fed = {p.node for p in placeholders}
    unfed = [n for n in graph if n.op in ("Placeholder", "PlaceholderV2") and n.name not in fed]
    if unfed:
        raise named(InvalidArgumentError(_must_feed(unfed)), unfed[0].name)


def _must_feed(unfed: Sequence[Node]) -> str:
    """TensorFlow's words for the first placeholder without a value; the others, if any, on a line of their own."""
    first = unfed[0]
    shape = first.attrs.get("shape")
    sizes = shape.dims if isinstance(shape, ShapeAttr) else None
    known = f" and shape [{','.join('?' if d is None else str(d) for d in sizes)}]" if sizes else ""
    text = f"You must feed a value for placeholder tensor {first.name!r} with dtype {first.output_dtypes[0].core_name}"
    others = ", ".join(repr(n.name) for n in unfed[1:6])
    return text + known + (f"\nNo value is fed for these either: {others}" if others else "")


def _has_effect(node: Node, infos: Mapping[Tensor, Info]) -> bool:
    """Whether ``node`` reads or changes something outside the graph, so that its place in time matters."""
    if node.op in _GIVEN or (all(infos[t].value is not None for t in node.outputs) and node.outputs):
        return False
    if node.op == "NoOp":
        return False
    return is_stateful(node.op) or any(infos[t].dtype.name == "resource" for t in node.inputs)


def _needed(graph: Graph, fetches: Iterable[Tensor], roots: Iterable[str], infos: Mapping[Tensor, Info]) -> set[str]:
    """What has to run: data edges back from ``fetches`` and ``roots``, nothing behind a constant."""
    needed: set[str] = set()
    stack = [t.node for t in fetches if infos[t].value is None]
    stack.extend(roots)
    while stack:
        name = stack.pop()
        if name not in needed:
            needed.add(name)
            stack.extend(t.node for t in graph[name].inputs if infos[t].value is None)
    return {n for n in needed if graph[n].op not in ("NoOp", "Const")}
