"""Variables → constants: a graph that needs no checkpoint, as TensorFlow's ``convert_variables_to_constants`` makes it.

    VariableV2, VarHandleOp   -> Const of the same name
    ReadVariableOp            -> Identity of it; the ``read`` Identity of a reference variable stays
    ResourceGather[Nd]        -> GatherV2 (its axis in a new node ``name/axis``), GatherNd
    Identity, Switch, Enter … -> the same, of the variable's dtype
    PartitionedCall, If, Case, While -> the same, of a copy of the function that takes a value instead of a handle

Names and order of nodes stay. Unlike TensorFlow it refuses what would not load: a graph that assigns a variable which
is to become a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import FailedPreconditionError, InvalidArgumentError, TFError
from noria.graph.export import shape_proto, tensor_proto
from noria.graph.graph import Array
from noria.graph.rewrite import COLOCATION, drop_unused_functions, extract_sub_graph, node_name
from noria.protos import op_defs
from noria.protos.tensorflow import FunctionDef, GraphDef, NodeDef

VARIABLE_OPS: Final = frozenset({"Variable", "VariableV2", "VarHandleOp"})
_PASSED_ON: Final = frozenset(
    {"Identity", "Switch", "_SwitchN", "Merge", "Enter", "Exit", "NextIteration"}
    | {"RefIdentity", "RefSwitch", "RefMerge", "RefEnter", "RefExit", "RefNextIteration"}
)
_SWITCHED: Final = ("output_false", "output_true")


@dataclass(frozen=True, slots=True)
class _Const:
    """What is known of a handle that has become a value."""

    variable: str
    dtype: DType
    shape: tuple[int, ...]
    is_handle: bool


@dataclass(frozen=True, slots=True)
class _Call:
    """How an op calls functions: attributes that name them, the first input that is an argument, types in and out."""

    functions: tuple[str, ...]
    first: int
    types_in: str
    types_out: str


_CALLS: Final[Mapping[str, _Call]] = {
    "PartitionedCall": _Call(("f",), 0, "Tin", "Tout"),
    "StatefulPartitionedCall": _Call(("f",), 0, "Tin", "Tout"),
    "If": _Call(("then_branch", "else_branch"), 1, "Tin", "Tout"),
    "StatelessIf": _Call(("then_branch", "else_branch"), 1, "Tin", "Tout"),
    "Case": _Call(("branches",), 1, "Tin", "Tout"),
    "StatelessCase": _Call(("branches",), 1, "Tin", "Tout"),
    "While": _Call(("cond", "body"), 0, "T", "T"),
    "StatelessWhile": _Call(("cond", "body"), 0, "T", "T"),
}
_Frozen: TypeAlias = dict[str, _Const]  # by the text of an input


def convert_variables_to_constants(
    graph_def: GraphDef,
    values: Mapping[str, Array] | Callable[[str], Array],
    output_node_names: Iterable[str],
    variable_names_whitelist: Collection[str] | None = None,
    variable_names_blacklist: Collection[str] | None = None,
) -> GraphDef:
    """The part of ``graph_def`` behind ``output_node_names``, its variables replaced by ``values``.

    values: node name of the variable → its value, or a function that gives it; asked for the variables in use only.
    whitelist, blacklist: node names of the variables to convert (None: all), and of those to leave.
    Raises InvalidArgumentError for outputs that the graph does not have, FailedPreconditionError for variables without
    a value and for variables that the outputs assign.
    """
    graph = extract_sub_graph(graph_def, output_node_names)
    return _Converter(graph, values).run(variable_names_whitelist, set(variable_names_blacklist or ()))


class _Converter:
    def __init__(self, graph: GraphDef, values: Mapping[str, Array] | Callable[[str], Array]) -> None:
        self._graph = graph
        self._values = values
        self._functions = {f.signature.name: f for f in graph.library.function}
        self._specialised: dict[tuple[str, tuple[tuple[int, _Const], ...]], tuple[str, dict[int, _Const]]] = {}
        self._made: list[FunctionDef] = []

    def run(self, whitelist: Collection[str] | None, blacklist: Collection[str]) -> GraphDef:
        frozen: _Frozen = {}
        for node in self._graph.node:
            chosen = whitelist is None or node.name in whitelist
            if node.op in VARIABLE_OPS and chosen and node.name not in blacklist:
                frozen[node.name] = frozen[node.name + ":0"] = self._constant(node)
        body = _Body(list(self._graph.node), frozen, is_function=False)
        self._walk(body)
        out = GraphDef(versions=self._graph.versions)
        out.node.extend([*self._graph.node, *body.added])
        out.library.gradient.extend(self._graph.library.gradient)
        out.library.registered_gradients.extend(self._graph.library.registered_gradients)
        out.library.function.extend(self._graph.library.function)
        out.library.function.extend(self._made)
        return drop_unused_functions(out)

    def _constant(self, node: NodeDef) -> _Const:
        """Makes ``node``, a variable, a constant."""
        try:
            value = np.asarray(self._values(node.name) if callable(self._values) else self._values[node.name])
        except LookupError:
            raise FailedPreconditionError(
                f"variable {node.name!r} has no value; give a checkpoint that holds it, or leave it with a blacklist"
            ) from None
        dtype = dtypes.from_number(node.attr["dtype"].type)
        is_handle = node.op == "VarHandleOp"
        name = node.name
        node.Clear()
        node.name, node.op = name, "Const"
        node.attr["dtype"].type = dtype.number
        node.attr["value"].tensor.CopyFrom(tensor_proto(value, dtype))
        return _Const(name, dtype, value.shape, is_handle)

    def _walk(self, body: _Body) -> None:
        for node in body.order():
            given = {
                i: body.frozen[text]
                for i, text in enumerate(node.input)
                if not text.startswith("^") and text in body.frozen
            }
            if given and node.op != "Const":
                try:
                    self._convert(body, node, given)
                except TFError:
                    raise
                except (LookupError, ValueError, TypeError) as error:
                    raise InvalidArgumentError(f"node {node.name!r} is not well formed: {error}") from None

    def _convert(self, body: _Body, node: NodeDef, given: Mapping[int, _Const]) -> None:
        first = given.get(0)
        if node.op in _PASSED_ON:
            _pass_on(body, node, next(iter(given.values())))
        elif not all(c.is_handle for c in given.values()):
            _refuse_references(node, given)
        elif node.op in _CALLS:
            self._call(body, node, given, _CALLS[node.op])
        elif node.op in self._functions:
            name, results = self._specialise(node.op, dict(given))
            node.op = name
            body.freeze(node.name, results)
        elif node.op in _REWRITES and first is not None and len(given) == 1:
            _REWRITES[node.op](body, node, first)
        else:
            raise _assigned(node, given)

    def _call(self, body: _Body, node: NodeDef, given: Mapping[int, _Const], call: _Call) -> None:
        arguments = {i - call.first: c for i, c in given.items()}
        if min(arguments) < 0:
            raise _assigned(node, given)
        found: list[dict[int, _Const]] = []
        for attr in call.functions:
            value = node.attr[attr]
            for func in value.list.func if value.HasField("list") else [value.func]:
                func.name, results = self._specialise(func.name, arguments)
                found.append(results)
        results = found[-1]  # of a While: the body's
        if call.types_in == call.types_out and results != arguments:
            raise InvalidArgumentError(f"node {node.name!r} ({node.op}): its body changes which variables it carries")
        for i, const in arguments.items():
            node.attr[call.types_in].list.type[i] = const.dtype.number
            shapes = node.attr["output_shapes"].list.shape if call.types_in == "T" else ()
            if i < len(shapes):
                shapes[i].CopyFrom(shape_proto(const.shape))
        for i, const in results.items():
            node.attr[call.types_out].list.type[i] = const.dtype.number
        node.attr.pop("_output_shapes", None)
        body.freeze(node.name, results)

    def _specialise(self, name: str, arguments: Mapping[int, _Const]) -> tuple[str, dict[int, _Const]]:
        """The copy of function ``name`` whose ``arguments`` are values, and which of its results are such values."""
        if name not in self._functions:
            raise InvalidArgumentError(f"function {name!r} is called, but the library does not have it")
        key = (name, tuple(sorted(arguments.items(), key=lambda item: item[0])))
        if key in self._specialised:
            return self._specialised[key]
        function = FunctionDef()
        function.CopyFrom(self._functions[name])
        base, _, number = name.rpartition("_")
        new = f"{base if base and number.isdigit() else name}_frozen_{len(self._specialised)}"
        while new in self._functions:
            new += "_"
        self._specialised[key] = (new, {})  # for a function that calls itself
        function.signature.name = new
        frozen: _Frozen = {}
        for i, const in arguments.items():
            _retype(function, i, const)
            frozen[function.signature.input_arg[i].name] = const
        body = _Body(list(function.node_def), frozen, is_function=True)
        self._walk(body)
        function.node_def.extend(body.added)
        results: dict[int, _Const] = {}
        for i, arg in enumerate(function.signature.output_arg):
            const_ = frozen.get(function.ret[arg.name])
            if const_ is not None:
                results[i] = const_
                arg.type = const_.dtype.number
        body.rename_outputs(function)
        self._made.append(function)
        self._specialised[key] = (new, results)
        return new, results


def _retype(function: FunctionDef, index: int, const: _Const) -> None:
    """Argument ``index`` becomes a value; hints of its shape, which were those of a handle, go."""
    function.signature.input_arg[index].type = const.dtype.number
    function.signature.input_arg[index].ClearField("handle_data")
    if "_input_shapes" in function.attr and index < len(function.attr["_input_shapes"].list.shape):
        function.attr["_input_shapes"].list.shape[index].CopyFrom(shape_proto(None))
    if index in function.arg_attr and "_output_shapes" in function.arg_attr[index].attr:
        function.arg_attr[index].attr["_output_shapes"].list.shape[0].CopyFrom(shape_proto(None))


class _Body:
    """The nodes of the graph or of one function, and which of their tensors are values now."""

    def __init__(self, nodes: Sequence[NodeDef], frozen: _Frozen, *, is_function: bool) -> None:
        self.nodes = nodes
        self.frozen = frozen
        self.is_function = is_function
        self.added: list[NodeDef] = []
        self._outputs: dict[str, str] = {}  # node -> the name its only output has after the rewrite

    def order(self) -> list[NodeDef]:
        """The nodes so that each follows its inputs; edges that close a loop are left out."""
        by_name = {n.name: n for n in self.nodes}
        done: set[str] = set()
        order: list[NodeDef] = []
        for root in self.nodes:
            stack = [(root, False)]
            while stack:
                node, ready = stack.pop()
                if ready:
                    order.append(node)
                elif node.name not in done:
                    done.add(node.name)
                    stack.append((node, True))
                    parents = (node_name(i) for i in node.input if not i.startswith("^"))
                    stack += [(by_name[p], False) for p in parents if p in by_name and p not in done]
        return order

    def output(self, node: str, name: str = "output", index: int = 0) -> str:
        """How an input names that output of ``node`` here."""
        if self.is_function:
            return f"{node}:{name}:{index}"
        return f"{node}:{index}" if index else node

    def freeze(self, node: str, outputs: Mapping[int, _Const]) -> None:
        """The results of a call that are values."""
        for i, const in outputs.items():
            self.frozen[self.output(node, "output", i)] = const
            if i == 0 and not self.is_function:
                self.frozen[f"{node}:0"] = const

    def renamed(self, node: str) -> None:
        """The only output of ``node`` is called ``output`` from now on."""
        self._outputs[node] = "output"

    def rename_outputs(self, function: FunctionDef) -> None:
        """Users of the nodes given to ``renamed`` name their output as the new op does."""
        for node in function.node_def:
            node.input[:] = [self._renamed(i) for i in node.input]
        for name in list(function.ret):
            function.ret[name] = self._renamed(function.ret[name])

    def _renamed(self, text: str) -> str:
        parts = text.split(":")
        if len(parts) == 3 and parts[0] in self._outputs:
            parts[1] = self._outputs[parts[0]]
        return ":".join(parts)


def _pass_on(body: _Body, node: NodeDef, const: _Const) -> None:
    node.op = node.op.removeprefix("Ref")
    node.attr["T"].type = const.dtype.number
    node.attr.pop("_output_shapes", None)
    outputs: tuple[str, ...] = _SWITCHED if node.op == "Switch" else ("output",)
    if node.op == "_SwitchN":
        outputs = tuple(["outputs"] * node.attr["num_outs"].i)
    for i, name in enumerate(outputs):
        text = body.output(node.name, name, 0 if node.op == "Switch" and body.is_function else i)
        body.frozen[text] = const
        if i == 0 and not body.is_function:
            body.frozen[f"{node.name}:0"] = const


def _assigned(node: NodeDef, given: Mapping[int, _Const]) -> FailedPreconditionError:
    names = sorted({c.variable for c in given.values()})
    return FailedPreconditionError(
        f"node {node.name!r} ({node.op}) does more than read variable {', '.join(map(repr, names))}, which therefore "
        "cannot become a constant; name other outputs, or leave the variable with a blacklist"
    )


def _refuse_references(node: NodeDef, given: Mapping[int, _Const]) -> None:
    """A reference variable's value is taken as it is; only an op that takes the reference itself is in the way."""
    if not op_defs.has_op(node.op):
        return
    arguments = op_defs.op_def(node.op).input_arg
    if any(i < len(arguments) and arguments[i].is_ref for i in given):
        raise _assigned(node, given)


def _restart(node: NodeDef, op: str, inputs: Sequence[str]) -> NodeDef:
    """``node`` as an ``op`` of ``inputs``, with its name and colocation; returns what it was."""
    old = NodeDef()
    old.CopyFrom(node)
    node.Clear()
    node.name, node.op = old.name, op
    node.input.extend(inputs)
    if COLOCATION in old.attr:
        node.attr[COLOCATION].CopyFrom(old.attr[COLOCATION])
    return old


def _read(body: _Body, node: NodeDef, const: _Const) -> None:
    old = _restart(node, "Identity", node.input[:1])
    node.attr["T"].CopyFrom(old.attr["dtype"])
    body.renamed(node.name)


def _gather(body: _Body, node: NodeDef, const: _Const) -> None:
    axis = NodeDef(name=node.name + "/axis", op="Const")
    old = _restart(node, "GatherV2", [*node.input[:2], body.output(axis.name)])
    indices = dtypes.from_number(old.attr["Tindices"].type)
    batch = old.attr["batch_dims"].i
    axis.attr["dtype"].type = indices.number
    axis.attr["value"].tensor.CopyFrom(tensor_proto(np.array(batch, indices.numpy)))
    body.added.append(axis)
    node.attr["Tparams"].CopyFrom(old.attr["dtype"])
    node.attr["Tindices"].CopyFrom(old.attr["Tindices"])
    node.attr["Taxis"].type = indices.number
    if batch:
        node.attr["batch_dims"].i = batch


def _gather_nd(body: _Body, node: NodeDef, const: _Const) -> None:
    old = _restart(node, "GatherNd", node.input[:2])
    node.attr["Tparams"].CopyFrom(old.attr["dtype"])
    node.attr["Tindices"].CopyFrom(old.attr["Tindices"])


def _shape(body: _Body, node: NodeDef, const: _Const) -> None:
    old = _restart(node, "Shape", node.input[:1])
    node.attr["T"].type = const.dtype.number
    node.attr["out_type"].type = old.attr["out_type"].type or dtypes.int32.number


def _is_initialized(body: _Body, node: NodeDef, const: _Const) -> None:
    _restart(node, "Const", [i for i in node.input if i.startswith("^")])
    node.attr["dtype"].type = dtypes.bool_.number
    node.attr["value"].tensor.CopyFrom(tensor_proto(np.array(True)))
    body.renamed(node.name)


def _nothing(body: _Body, node: NodeDef, const: _Const) -> None:
    _restart(node, "NoOp", [i for i in node.input if i.startswith("^")])


_REWRITES: Final[Mapping[str, Callable[[_Body, NodeDef, _Const], None]]] = {
    "ReadVariableOp": _read,
    "ResourceGather": _gather,
    "ResourceGatherNd": _gather_nd,
    "VariableShape": _shape,
    "VarIsInitializedOp": _is_initialized,
    "DisableCopyOnRead": _nothing,
}
