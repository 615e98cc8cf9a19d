"""Inlining: calls of library functions are replaced by the functions' bodies.

A call runs when all its inputs are there and its control inputs have run, and is over when its control results
(``control_ret``) have run. So stateful nodes of the body wait for an entry node that waits as the call did, and a
``NoOp`` of the call's name waits for the control results. Pure nodes of the body are free: only data orders them.
"""

from __future__ import annotations

from collections.abc import Iterable

from noria.compile.feeds import follow, with_inputs
from noria.errors import InvalidArgumentError
from noria.graph.graph import Function, FunctionRef, Graph, Node, Tensor
from noria.graph.op_spec import is_stateful

_MAX_DEPTH = 64
_MAX_NODES = 2_000_000  # functions that call functions twice grow exponentially: refuse before memory runs out


def called_function(graph: Graph, node: Node) -> Function | None:
    """The library function that ``node`` calls, by attribute or by its own type; None when it is no call."""
    if node.op in ("PartitionedCall", "StatefulPartitionedCall"):
        ref = node.attrs.get("f")
        if not isinstance(ref, FunctionRef) or ref.name not in graph.functions:
            name = ref.name if isinstance(ref, FunctionRef) else None
            raise InvalidArgumentError(
                f"node {node.name!r} calls function {name!r}, which the library does not have "
                f"({len(graph.functions)} functions)"
            )
        return graph.functions[ref.name]
    return graph.functions[node.op] if node.op in graph.functions else None  # noqa: SIM401  # get() would import


def inline(graph: Graph, fetches: Iterable[Tensor]) -> tuple[Graph, list[Tensor]]:
    """``graph`` without calls, and what stands for each of ``fetches`` in it."""
    if not any(called_function(graph, node) for node in graph):
        return graph, list(fetches)
    work = _Inliner(graph)
    for node in graph:
        work.add(node, node.name, {}, 0)
    result = Graph(functions=graph.functions)
    for node in work.out:
        inputs = tuple(follow(work.replaced, t) for t in node.inputs)
        result.nodes[node.name] = node if inputs == node.inputs else with_inputs(node, inputs)
    return result, [follow(work.replaced, t) for t in fetches]


class _Inliner:
    def __init__(self, graph: Graph) -> None:
        self.out = Graph(functions=graph.functions)
        self.replaced: dict[Tensor, Tensor] = {}
        self._graph = graph
        self._reserved = set(graph.nodes)

    def add(self, node: Node, name: str, renamed: dict[str, str], depth: int, entry: str = "") -> None:
        """Adds ``node`` as ``name``; ``renamed`` maps names of its own body to names of the result."""
        inputs = tuple(Tensor(renamed.get(t.node, t.node), t.output) for t in node.inputs)
        control = tuple(self._control(renamed.get(c, c)) for c in node.control_inputs)
        function = called_function(self._graph, node)
        if entry and (function is not None or is_stateful(node.op)):
            control = (*control, entry)
        if function is None:
            self.out.nodes[name] = Node(name, node.op, inputs, control, node.attrs, node.output_dtypes, node.device)
        else:
            self._call(function, name, inputs, control, depth + 1)
        if len(self.out) > _MAX_NODES:
            raise InvalidArgumentError(f"inlining function calls gives more than {_MAX_NODES} nodes; giving up")

    def _call(
        self, function: Function, name: str, inputs: tuple[Tensor, ...], control: tuple[str, ...], depth: int
    ) -> None:
        if depth > _MAX_DEPTH:
            raise InvalidArgumentError(f"function {function.name!r} is called {depth} levels deep; is it recursive?")
        if len(inputs) != len(function.args):
            raise InvalidArgumentError(
                f"node {name!r} passes {len(inputs)} arguments to function {function.name!r}, which takes "
                f"{len(function.args)}"
            )
        renamed = {inner: self._unique(f"{name}/{inner}") for inner in function.body.nodes}
        for arg, tensor in zip(function.args, inputs, strict=True):
            self.replaced[Tensor(renamed[arg], 0)] = tensor
        entry = self._entry(name, inputs, control)
        for inner in function.body:
            if inner.op == "_Arg":
                continue
            self.add(inner, renamed[inner.name], renamed, depth, entry)
        for i, result in enumerate(function.results):
            self.replaced[Tensor(name, i)] = Tensor(renamed[result.node], result.output)
        args = set(function.args)
        after = tuple(renamed[c] for c in function.control_results if c not in args)
        self.out.nodes[name] = Node(name, "NoOp", control_inputs=(*after, *((entry,) if entry else ())))

    def _entry(self, name: str, inputs: tuple[Tensor, ...], control: tuple[str, ...]) -> str:
        """A node that waits for what the call waits for; "" when there is nothing to wait for."""
        waits = tuple(dict.fromkeys((*control, *(follow(self.replaced, t).node for t in inputs))))
        if not waits:
            return ""
        entry = self._unique(f"{name}/entry")
        self.out.nodes[entry] = Node(entry, "NoOp", control_inputs=waits)
        return entry

    def _control(self, name: str) -> str:
        """What waiting for node ``name`` means: an argument is there when its producer has run."""
        return follow(self.replaced, Tensor(name, 0)).node if Tensor(name, 0) in self.replaced else name

    def _unique(self, name: str) -> str:
        unique, k = name, 0
        while unique in self._reserved:
            k += 1
            unique = f"{name}_{k}"
        self._reserved.add(unique)
        return unique
