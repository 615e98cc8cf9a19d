"""The ordered list of passes: graph → Program.

``prepare`` does what all signatures of a model share (calls inlined, references resolved); ``compile_program`` does
the rest for one list of feeds and fetches: cut → prune → freeze → fold → fuse → lower → partition → sessions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from noria.compile import freeze, refs
from noria.compile.assemble import assemble
from noria.compile.feeds import cut_feeds, follow, prune
from noria.compile.fold import analyse, declared
from noria.compile.fuse import fuse
from noria.compile.inline import inline
from noria.compile.lowering import lower
from noria.compile.partition import live, partition
from noria.compile.program import Program
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph import rules
from noria.graph.graph import Graph, Node, Tensor
from noria.graph.graphdef import check_edges
from noria.graph.op_spec import is_stateful
from noria.graph.resources import Resources
from noria.graph.rules import Info
from noria.graph.verify import Stage, verify
from noria.shapes import Shape

_GIVEN = refs.RESOURCE_HANDLES | {"Placeholder", "PlaceholderWithDefault", "PlaceholderV2"}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A graph without calls and references, and what became of the tensors asked for."""

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
    inlined, found = inline(verify(needed, Stage.IMPORTED), wanted)
    resolved, found = refs.resolve(verify(inlined, Stage.INLINED), found)
    return Prepared(verify(resolved, Stage.RESOLVED), dict(zip(wanted, found, strict=True)))


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
    graph = freeze.freeze(graph, resources, mutable)
    graph = verify(prune(graph, wanted, targets, placeholders), Stage.FROZEN)
    _check(graph, placeholders)
    names = [str(p) for p in placeholders]
    if engine:
        return _for_engine(graph, names, wanted, targets, resources)
    return _for_host(graph, names, wanted, resources)


def _for_engine(
    graph: Graph, feeds: Sequence[str], wanted: list[Tensor], targets: Sequence[str], resources: Resources
) -> Program:
    order = graph.topological()
    infos = analyse(graph, order, resources)
    effects = {n.name for n in order if _has_effect(n, infos)}
    graph, wanted = fuse(graph, order, infos, wanted)
    needed = _needed(graph, wanted, (*targets, *effects), infos)
    run_order = [n for n in graph.topological() if n.name in needed]
    lowered = lower(run_order, infos, wanted, engine=True, host_only=effects)
    fetched = [lowered.values[t].name for t in wanted]
    lowered.items = live(lowered.items, set(fetched), {*targets, *effects})
    steps = partition(graph, lowered, effects, set(fetched))
    return assemble(lowered, steps, feeds, fetched, resources, effects=bool(effects))


def _for_host(graph: Graph, feeds: Sequence[str], wanted: list[Tensor], resources: Resources) -> Program:
    """Every node as it stands, in an order that data and control edges allow: nothing folded, nothing gathered."""
    order = [n for n in graph.topological() if n.op != "NoOp"]
    infos = {t: declared(n, i) for n in order for i, t in enumerate(n.outputs)}
    lowered = lower([n for n in order if n.op != "Const"], infos, wanted, engine=False, host_only=set())
    fetched = [lowered.values[t].name for t in wanted]
    return assemble(lowered, lowered.items, feeds, fetched, resources, effects=True)


def unsupported(prepared: Prepared, feeds: Iterable[Tensor], fetches: Iterable[Tensor]) -> str:
    """A sentence naming every op between ``feeds`` and ``fetches`` that cannot run; empty when all can."""
    stop = [prepared.tensors.get(t, t) for t in feeds]
    needed = prepared.graph.closure([prepared.tensors.get(t, t) for t in fetches], stop=stop)
    return rules.missing(prepared.graph[n] for n in needed if not _is_structure(prepared.graph[n]))


def _is_structure(node: Node) -> bool:
    return node.op in ("Const", "NoOp", "Placeholder", "PlaceholderV2") or node.op in refs.HANDLES


def _check(graph: Graph, placeholders: Sequence[Tensor]) -> None:
    missing = rules.missing(n for n in graph if not _is_structure(n))
    if missing:
        raise UnimplementedError(missing)
    fed = {p.node for p in placeholders}
    unfed = [n for n in graph if n.op in ("Placeholder", "PlaceholderV2") and n.name not in fed]
    if unfed:
        listed = ", ".join(f"{n.name!r} ({n.output_dtypes[0]})" for n in unfed[:5])
        raise InvalidArgumentError(f"you must feed a value for the placeholder tensors {listed}; they have no default")


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
