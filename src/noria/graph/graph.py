"""The graph: nodes with typed attributes, data and control edges, and a library of functions.

Nodes refer to each other by name, so a graph copies cheaply and a pass may replace a node without visiting its users.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from noria.dtypes import DType
from noria.errors import InvalidArgumentError, NotFoundError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Tensor(NamedTuple):
    """The output number ``output`` of the node called ``node``."""

    node: str
    output: int = 0

    def __str__(self) -> str:
        return f"{self.node}:{self.output}"


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """An attribute that names a library function (``func`` in AttrValue)."""

    name: str
    attrs: Mapping[str, Attr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShapeAttr:
    """A ``shape`` attribute; wrapped so that an unknown rank (``dims`` None) differs from an absent attribute."""

    dims: tuple[int | None, ...] | None


# The values of node attributes: AttrValue's kinds as plain Python values.
Attr: TypeAlias = bytes | int | float | bool | DType | ShapeAttr | Array | FunctionRef | list[Any]


@dataclass(slots=True)
class Node:
    """One operation.

    name: unique in its graph; op: the type, a name of TensorFlow's op definitions; inputs: data edges in order;
    control_inputs: names of nodes that must have run before; attrs: with defaults filled in; output_dtypes: one for
    each output; device: as recorded, never acted on.
    """

    name: str
    op: str
    inputs: tuple[Tensor, ...] = ()
    control_inputs: tuple[str, ...] = ()
    attrs: dict[str, Attr] = field(default_factory=dict)
    output_dtypes: tuple[DType, ...] = ()
    device: str = ""

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        return tuple(Tensor(self.name, i) for i in range(len(self.output_dtypes)))

    def output(self, index: int = 0) -> Tensor:
        return Tensor(self.name, index)


@dataclass(slots=True)
class Function:
    """A library function: a body graph with named arguments and results.

    args: names of the ``_Arg`` nodes of ``body``, in order; results: the tensors returned, in order;
    control_results: nodes of the body that run even where no result needs them (``control_ret``).
    """

    name: str
    body: Graph
    args: tuple[str, ...]
    results: tuple[Tensor, ...]
    control_results: tuple[str, ...] = ()


class Graph:
    """Nodes by name, in insertion order, with the functions they may call."""

    __slots__ = ("functions", "nodes")

    def __init__(self, nodes: Iterable[Node] = (), functions: Mapping[str, Function] | None = None) -> None:
        self.nodes: MutableMapping[str, Node] = {}
        self.functions: Mapping[str, Function] = {} if functions is None else functions
        for node in nodes:
            self.add(node)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __len__(self) -> int:
        return len(self.nodes)

    def __contains__(self, name: object) -> bool:
        return name in self.nodes

    def __getitem__(self, name: str) -> Node:
        try:
            return self.nodes[name]
        except KeyError:
            raise NotFoundError(f"the graph has no node {name!r} (it has {len(self.nodes)} nodes)") from None

    def add(self, node: Node) -> Node:
        """Adds ``node``; InvalidArgumentError when its name is taken."""
        if node.name in self.nodes:
            raise InvalidArgumentError(f"two nodes are called {node.name!r}; node names must be unique in a graph")
        self.nodes[node.name] = node
        return node

    def dtype(self, tensor: Tensor) -> DType:
        """The dtype of ``tensor``; NotFoundError when its node has no such output."""
        node = self[tensor.node]
        dtypes = node.output_dtypes
        if not 0 <= tensor.output < len(dtypes):
            raise NotFoundError(
                f"node {node.name!r} (op {node.op}) has {len(dtypes)} outputs, so there is no tensor {tensor}"
            )
        return dtypes[tensor.output]

    def copy(self) -> Graph:
        """A graph of its own with the same node objects: replace nodes in it, never change them."""
        new = Graph(functions=self.functions)
        new.nodes = copy.copy(self.nodes)
        return new

    def unique_name(self, prefix: str) -> str:
        """``prefix``, or ``prefix_1``, ``prefix_2``, … where that is taken."""
        if prefix not in self.nodes:
            return prefix
        k = 1
        while f"{prefix}_{k}" in self.nodes:
            k += 1
        return f"{prefix}_{k}"

    def closure(
        self, tensors: Iterable[Tensor], operations: Iterable[str] = (), *, stop: Iterable[Tensor] = ()
    ) -> set[str]:
        """Names of the nodes needed to compute ``tensors`` and run ``operations``, control edges included.

        Tensors in ``stop`` are given from outside: nothing behind them counts.
        """
        given = set(stop)
        seen: set[str] = set()
        stack = [t.node for t in tensors if t not in given]
        stack.extend(operations)
        while stack:
            name = stack.pop()
            if name in seen:
                continue
            seen.add(name)
            node = self[name]
            stack.extend(t.node for t in node.inputs if t not in given)
            stack.extend(node.control_inputs)
        return seen

    def topological(self, names: Iterable[str] | None = None) -> list[Node]:
        """The nodes (of ``names``, or all) so that each follows its inputs, otherwise in insertion order.

        Raises InvalidArgumentError naming the nodes of a cycle.
        """
        chosen = self.nodes if names is None else set(names)
        order: list[Node] = []
        state: dict[str, int] = {}  # 1: being visited, 2: done
        for root in self.nodes:
            if root not in chosen or state.get(root) == 2:
                continue
            stack: list[tuple[str, Iterator[str]]] = [(root, self._parents(root))]
            state[root] = 1
            while stack:
                name, parents = stack[-1]
                parent = next(parents, None)
                if parent is None:
                    stack.pop()
                    state[name] = 2
                    order.append(self.nodes[name])
                elif parent in chosen and state.get(parent) != 2:
                    if state.get(parent) == 1:
                        cycle = [n for n, _ in stack[[n for n, _ in stack].index(parent) :]]
                        raise InvalidArgumentError("the graph has a cycle: " + " -> ".join([*cycle[:8], parent]))
                    state[parent] = 1
                    stack.append((parent, self._parents(parent)))
        return order

    def _parents(self, name: str) -> Iterator[str]:
        node = self[name]
        yield from (t.node for t in node.inputs)
        yield from node.control_inputs

    def users(self) -> dict[Tensor, list[tuple[Node, int]]]:
        """For every tensor in use: the nodes that take it, and as which input."""
        found: dict[Tensor, list[tuple[Node, int]]] = {}
        for node in self:
            for i, tensor in enumerate(node.inputs):
                found.setdefault(tensor, []).append((node, i))
        return found


def parse_tensor_name(name: str) -> Tensor:
    """``"scope/op:1"`` or ``"scope/op"`` as a Tensor; InvalidArgumentError for ``"^op"`` and bad indices."""
    node, colon, index = name.rpartition(":")
    if not colon:
        node, index = name, "0"
    if not node or node.startswith("^") or not index.isascii() or not index.isdigit() or len(index) > 9:
        raise InvalidArgumentError(
            f"{name!r} is not a tensor name; expected 'node' or 'node:output', as 'dense/Relu:0'"
        )
    return Tensor(node, int(index))
