"""The library of a prepared graph: functions whose bodies went through the same passes as the graph itself.

Control flow ops (``If``, ``While``, ``Case``) run library functions. A function is prepared when it is first asked
for: calls inlined, references resolved, frames turned into such ops, and what neither a result nor a control result
needs left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeAlias

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array, Attr, Function, FunctionRef, Graph, Node, Tensor
from noria.ops.functional import is_true

Inline: TypeAlias = Callable[[Graph, list[Tensor]], tuple[Graph, list[Tensor]]]
Prepare: TypeAlias = "Callable[[Function, Functions], Function]"

LOOPS = frozenset({"While", "StatelessWhile"})
BRANCHES = frozenset({"If", "StatelessIf", "Case", "StatelessCase"})
FUNCTIONAL = LOOPS | BRANCHES
_STEP = "/step"  # what a loop's fused body and condition are called, beside the loop's own functions


class Functions(Mapping[str, Function]):
    """Prepared functions by name, over the library as it was imported."""

    def __init__(self, library: Mapping[str, Function], prepare: Prepare) -> None:
        self._library = library
        self._prepare = prepare
        self._ready: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        found = self._ready.get(name)
        if found is None:
            found = self._ready[name] = self._prepare(self._library[name], self)
        return found

    def __iter__(self) -> Iterator[str]:
        yield from self._library
        yield from (name for name in self._ready if name not in self._library)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._ready or name in self._library

    def add(self, function: Function) -> FunctionRef:
        """Adds a function that is ready as it is."""
        if function.name in self:
            raise InvalidArgumentError(f"the library has two functions called {function.name!r}")
        self._ready[function.name] = function
        return FunctionRef(function.name)

    def forget(self) -> None:
        """Drops all functions, for a graph that is done with: their bodies hold this table."""
        self._ready.clear()

    def unique(self, prefix: str) -> str:
        """A name that no function has yet."""
        name, k = prefix, 0
        while name in self:
            k += 1
            name = f"{prefix}_{k}"
        return name

    def step(self, cond: Function, body: Function, inline: Inline) -> Function:
        """``body`` and, on its results, ``cond``: what a loop does in each round."""
        name = f"{body.name}{_STEP}/{cond.name}"
        if name not in self._ready:
            graph = Graph(functions=self)
            kinds = [body.body[arg].output_dtypes[0] for arg in body.args]
            for i, (arg, dtype) in enumerate(zip(body.args, kinds, strict=True)):
                graph.add(Node(arg, "_Arg", attrs={"T": dtype, "index": i}, output_dtypes=(dtype,)))
            taken = tuple(Tensor(arg) for arg in body.args)
            work = graph.unique_name("body")
            attrs: dict[str, Attr] = {"f": FunctionRef(body.name)}
            graph.add(Node(work, "StatefulPartitionedCall", taken, (), attrs, tuple(kinds)))
            test = graph.unique_name("cond")
            made = tuple(Tensor(work, i) for i in range(len(kinds)))
            attrs = {"f": FunctionRef(cond.name)}
            graph.add(Node(test, "StatefulPartitionedCall", made, (work,), attrs, (dtypes.bool_,)))
            graph, results = inline(graph, [*made, Tensor(test)])
            self._ready[name] = Function(name, graph, body.args, tuple(results), (work, test))
        return self._ready[name]


def function_refs(node: Node) -> dict[str, list[FunctionRef]]:
    """The functions that ``node`` names, by attribute."""
    found: dict[str, list[FunctionRef]] = {}
    for key, value in node.attrs.items():
        listed = value if isinstance(value, list) else [value]
        refs = [ref for ref in listed if isinstance(ref, FunctionRef)]
        if refs:
            found[key] = refs
    return found


def branch(node: Node, value: Array) -> FunctionRef:
    """The function that an ``If`` or ``Case`` runs when its first input is ``value``."""
    refs = function_refs(node)
    if "branches" not in refs:
        return refs["then_branch" if is_true(value) else "else_branch"][0]
    index = int(value)
    return refs["branches"][index if 0 <= index < len(refs["branches"]) else -1]


def body_inputs(node: Node) -> tuple[Tensor, ...]:
    """What a control flow node hands to its functions: all inputs but the predicate or the number of the branch."""
    return node.inputs[1:] if node.op in BRANCHES else node.inputs


def called(graph: Graph, ref: FunctionRef, node: Node) -> Function:
    """The function ``ref`` of ``node``; InvalidArgumentError where there is none of that name and arity."""
    if ref.name not in graph.functions:
        raise InvalidArgumentError(
            f"node {node.name!r} ({node.op}) runs function {ref.name!r}, which the library does not have"
        )
    function = graph.functions[ref.name]
    if len(function.args) != len(body_inputs(node)):
        raise InvalidArgumentError(
            f"node {node.name!r} ({node.op}) passes {len(body_inputs(node))} values to function {ref.name!r}, which "
            f"takes {len(function.args)}"
        )
    return function


def with_bodies(graph: Graph, names: Iterable[str]) -> Iterator[Node]:
    """The nodes called ``names``, and those of every function that control flow among them may run."""
    seen: set[str] = set()
    left = deque(graph[name] for name in names)
    while left:
        node = left.popleft()
        yield node
        if node.op not in FUNCTIONAL:
            continue
        for refs in function_refs(node).values():
            for ref in refs:
                if ref.name not in seen:
                    seen.add(ref.name)
                    left.extend(n for n in called(graph, ref, node).body if n.op != "_Arg")


def unchanged(function: Function) -> frozenset[int]:
    """The numbers of the results that are the argument of the same number."""
    return frozenset(i for i, result in enumerate(function.results) if argument(function, result) == i)


def argument(function: Function, tensor: Tensor) -> int | None:
    """The number of the argument that ``tensor`` of the function's body is, however often handed on; else None."""
    source = [function.body[tensor.node], *_handing_on(function, tensor)][-1]
    return function.args.index(source.name) if source.name in function.args else None


def waits_of(function: Function, tensor: Tensor) -> list[str]:
    """The nodes that ``tensor`` waits for where it is handed on."""
    nodes = [function.body[tensor.node], *_handing_on(function, tensor)]
    return [c for node in nodes if node.op == "Identity" for c in node.control_inputs]


def _handing_on(function: Function, tensor: Tensor) -> Iterator[Node]:
    """The nodes that ``tensor`` comes from, one Identity after the other."""
    node = function.body[tensor.node]
    while node.op == "Identity":
        node = function.body[node.inputs[0].node]
        yield node


def bypass_unchanged(graph: Graph) -> dict[Tensor, Tensor]:
    """What the outputs of loops that are just their inputs may be replaced by.

    Whoever takes such an output may ask for it to make the loop run, so that is done for loops without effects, and
    for handles.
    """
    found: dict[Tensor, Tensor] = {}
    for node in graph:
        if node.op in LOOPS:
            body = node.attrs["body"]
            assert isinstance(body, FunctionRef)
            for i in unchanged(called(graph, body, node)):
                if node.op == "StatelessWhile" or node.output_dtypes[i] is dtypes.resource:
                    found[Tensor(node.name, i)] = node.inputs[i]
    return found


def pruned(function: Function, keep: Collection[str] = ()) -> Function:
    """``function`` with only the nodes that its results and control results need, and its arguments."""
    needed = function.body.closure(function.results, function.control_results) | {*function.args, *keep}
    body = Graph(functions=function.body.functions)
    body.nodes = {n.name: n for n in function.body if n.name in needed}
    return Function(function.name, body, function.args, function.results, function.control_results)
