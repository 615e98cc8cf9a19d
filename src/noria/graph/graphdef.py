"""GraphDef and its FunctionDefLibrary → Graph.

In a GraphDef an input is ``node``, ``node:3`` or ``^node``; in a FunctionDef it is an argument's name or
``node:result:k``, where ``result`` is named by the op definition. Both become ``Tensor(node, output)`` here.
Attributes left out take the default of the op definition. A node of an op that neither TensorFlow nor the library
knows is kept, so that the compiler can report all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph import rules
from noria.graph.graph import Attr, Function, Graph, Node, Tensor
from noria.graph.op_spec import OpSpec, attr_value, op_spec
from noria.protos.tensorflow import FunctionDef, FunctionDefLibrary, GraphDef, NodeDef


def import_graph(graph_def: GraphDef) -> Graph:
    """The graph of ``graph_def``. A node is imported when it is first asked for: most of a training graph never is.

    Raises InvalidArgumentError for two nodes of one name; asking for a node that is not well formed raises it too.
    """
    library = Library(graph_def.library)
    graph = Graph(functions=library)
    graph.nodes = _LazyNodes(graph_def.node, library)
    return graph


class _LazyNodes(MutableMapping[str, Node]):
    """The nodes of a GraphDef by name."""

    def __init__(self, protos: Iterable[NodeDef], library: Library) -> None:
        self._library = library
        self._nodes: dict[str, Node | NodeDef] = {}
        for proto in protos:
            if proto.name in self._nodes:
                raise InvalidArgumentError(f"two nodes are called {proto.name!r}; node names are unique in a graph")
            self._nodes[proto.name] = proto

    def __getitem__(self, name: str) -> Node:
        found = self._nodes[name]
        if not isinstance(found, Node):
            found = self._nodes[name] = _node(found, self._library, _graph_input)
        return found

    def __setitem__(self, name: str, node: Node) -> None:
        self._nodes[name] = node

    def __delitem__(self, name: str) -> None:
        del self._nodes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def popitem(self) -> tuple[str, Any]:
        """Takes the last node out; as it is stored: who empties a graph wants none of them made."""
        return self._nodes.popitem()

    def __copy__(self) -> _LazyNodes:
        new = _LazyNodes((), self._library)
        new._nodes = dict(self._nodes)
        return new


class Library(Mapping[str, Function]):
    """The functions of a GraphDef; each is imported when it is first called for."""

    def __init__(self, proto: FunctionDefLibrary) -> None:
        self._protos = {f.signature.name: f for f in proto.function}
        self._specs: dict[str, OpSpec] = {}
        self._functions: dict[str, Function] = {}

    def __getitem__(self, name: str) -> Function:
        found = self._functions.get(name)
        if found is None:
            found = self._functions[name] = _function(self._protos[name], self)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._protos)

    def __len__(self) -> int:
        return len(self._protos)

    def __contains__(self, name: object) -> bool:
        return name in self._protos

    def proto(self, name: str) -> FunctionDef:
        """The function as it was read; a shared message, not to be changed."""
        return self._protos[name]

    def add(self, functions: Iterable[FunctionDef]) -> None:
        """Adds functions; one of a name that is there takes its place."""
        for proto in functions:
            name = proto.signature.name
            self._protos[name] = proto
            self._specs.pop(name, None)
            self._functions.pop(name, None)

    def forget(self) -> None:
        """Drops what has been imported; it is imported again when called for. Function bodies hold the library."""
        self._functions.clear()

    def spec(self, op: str) -> OpSpec | None:
        """The spec of a library function or of a TensorFlow op; None when there is neither."""
        if op in self._protos:
            if op not in self._specs:
                self._specs[op] = OpSpec(self._protos[op].signature)
            return self._specs[op]
        return op_spec(op)


def _graph_input(text: str) -> Tensor:
    node, colon, index = text.partition(":")
    if not colon:
        return Tensor(text, 0)
    if not (index.isascii() and index.isdigit() and len(index) < 10):
        raise InvalidArgumentError(f"input {text!r} is not 'node' or 'node:output'")
    return Tensor(node, int(index))


class _FunctionInputs:
    """Reads the inputs of one function's nodes, which name results by the op definition of their producer."""

    def __init__(self, args: Mapping[str, str], nodes: Mapping[str, NodeDef], library: Library) -> None:
        self._args = args
        self._nodes = nodes
        self._library = library
        self._attrs: dict[str, dict[str, Attr]] = {}

    def __call__(self, text: str) -> Tensor:
        if text in self._args:
            return Tensor(self._args[text], 0)
        node, _, rest = text.partition(":")
        result, _, index = rest.partition(":")
        if node in self._args and rest.isascii() and rest.isdigit():
            return Tensor(self._args[node], int(rest))
        if node not in self._nodes:
            raise InvalidArgumentError(f"input {text!r} names neither an argument nor a node of the function")
        if not index.isascii() or not (index.isdigit() or not index) or len(index) > 9:
            raise InvalidArgumentError(f"input {text!r} is not 'argument' or 'node:result:number'")
        number = int(index or 0)
        proto = self._nodes[node]
        spec = self._library.spec(proto.op)
        if spec is None or not result:
            return Tensor(node, number)
        if result in spec.plain_outputs:
            return Tensor(node, spec.plain_outputs[result] + number)
        if node not in self._attrs:
            self._attrs[node] = _attrs(proto, spec)
        return Tensor(node, spec.output_start(result, self._attrs[node]) + number)


def _attrs(proto: NodeDef, spec: OpSpec | None) -> dict[str, Attr]:
    attrs = {} if spec is None else dict(spec.defaults)
    kinds = {} if spec is None else spec.kinds
    for name, proto_value in proto.attr.items():
        if name.startswith("_"):  # "_output_shapes", "_class" and the like: hints no rule reads, and most of the bytes
            continue
        value = attrs[name] = attr_value(proto_value)
        if not isinstance(value, kinds.get(name, object)):
            raise InvalidArgumentError(f"attribute {name!r} should be a {kinds[name].__name__} and is {value!r:.80}")
    missing = spec.required - attrs.keys() if spec is not None else ()
    if missing and proto.op in rules.infer:  # an op without rules is reported as such, when something needs it
        raise InvalidArgumentError(f"it lacks the attributes {sorted(missing)}")
    return attrs


def import_node(proto: NodeDef, library: Library) -> Node:
    """The node of one NodeDef of a graph; InvalidArgumentError, with its name, when it is not well formed."""
    return _node(proto, library, _graph_input)


def _node(proto: NodeDef, library: Library, parse: Callable[[str], Tensor]) -> Node:
    try:
        spec = library.spec(proto.op)
        attrs = _attrs(proto, spec)
        data = tuple(parse(i) for i in proto.input if not i.startswith("^"))
        control = tuple(dict.fromkeys(i[1:] for i in proto.input if i.startswith("^")))
        output_dtypes: tuple[DType, ...] = ()
        if spec is not None:
            wanted = spec.input_count(attrs)
            if len(data) != wanted:
                raise InvalidArgumentError(f"it has {len(data)} inputs; op {proto.op} takes {wanted}")
            output_dtypes = spec.output_dtypes(attrs)
        return Node(proto.name, proto.op, data, control, attrs, output_dtypes, proto.device)
    except KeyError as error:
        raise InvalidArgumentError(f"node {proto.name!r} ({proto.op}) lacks the attribute {error}") from None
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"node {proto.name!r} ({proto.op}): {error}") from None


def check_edges(graph: Graph, where: str = "the graph") -> None:
    """Every edge ends at an output that exists: later passes may then follow edges without asking."""
    for node in graph:
        for tensor in node.inputs:
            producer = graph.nodes.get(tensor.node)
            if producer is None:
                raise InvalidArgumentError(
                    f"node {node.name!r} takes {tensor}, but {where} has no node {tensor.node!r}"
                )
            known = producer.output_dtypes or producer.op in graph.functions or op_spec(producer.op) is not None
            if known and tensor.output >= len(producer.output_dtypes):
                raise InvalidArgumentError(
                    f"node {node.name!r} takes {tensor}, but {producer.name!r} ({producer.op}) has "
                    f"{len(producer.output_dtypes)} outputs"
                )
        for name in node.control_inputs:
            if name not in graph:
                raise InvalidArgumentError(f"node {node.name!r} waits for {name!r}, which {where} does not have")


def _function(proto: FunctionDef, library: Library) -> Function:
    name = proto.signature.name
    taken = {n.name for n in proto.node_def}
    args: dict[str, str] = {}
    body = Graph(functions=library)
    for i, arg in enumerate(proto.signature.input_arg):
        node = arg.name
        while node in taken:
            node += "_arg"
        args[arg.name] = node
        taken.add(node)
        # A polymorphic argument (type_attr) is bound by the call; TensorFlow's own exports never have one.
        dtype = dtypes.from_number(arg.type) if arg.type else dtypes.variant
        body.add(Node(node, "_Arg", attrs={"T": dtype, "index": i}, output_dtypes=(dtype,)))
    parse = _FunctionInputs(args, {n.name: n for n in proto.node_def}, library)
    try:
        for node_def in proto.node_def:
            body.add(_node(node_def, library, parse))
        results = tuple(parse(_result(proto, arg.name)) for arg in proto.signature.output_arg)
        check_edges(body, "the function")
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"function {name!r}: {error}") from None
    controls = tuple(args.get(n, n) for n in proto.control_ret.values())
    lost = [n for n in (*controls, *(r.node for r in results)) if n not in body]
    if lost:
        raise InvalidArgumentError(f"function {name!r} gives the results of nodes that it does not have: {lost}")
    return Function(name, body, tuple(args.values()), results, controls)


def _result(proto: FunctionDef, name: str) -> str:
    if name not in proto.ret:
        raise InvalidArgumentError(f"result {name!r} is declared but 'ret' does not say which tensor it is")
    return proto.ret[name]
