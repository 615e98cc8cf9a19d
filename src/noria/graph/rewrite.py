"""Pure functions GraphDef → GraphDef, with the results of TensorFlow's ``graph_util`` and ``meta_graph``.

They work on messages, not on ``Graph``: what TensorFlow wrote and Noria has no use for (hints, debug information,
unknown attributes) stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.formats.tensor_proto import to_array
from noria.graph import rules
from noria.graph.graph import Graph, Node, Tensor, parse_tensor_name
from noria.graph.rules import Info
from noria.protos import op_defs
from noria.protos.tensorflow import AttrValue, GraphDef, MetaGraphDef, NodeDef, OpList
from noria.shapes import Shape

COLOCATION: Final = "_class"  # attribute: nodes to stand beside, each as ``loc:@name``
GRADIENT_TYPE: Final = "_gradient_op_type"  # attribute: the name under which the node's gradient is registered
_LOC: Final = b"loc:@"
_REMOVED_IN_TRAINING: Final = "CheckNumerics"
_SPLICED_IN_TRAINING: Final = frozenset({"Identity", "StopGradient"})
_VARIABLE_OPS: Final = frozenset(
    {
        "Assign", "AssignAdd", "AssignSub", "Queue", "ScatterAdd", "ScatterSub", "ScatterUpdate", "TruncatedNormal",
        "Variable", "VariableV2",
    }
)  # fmt: skip


def node_name(text: str) -> str:
    """The node that an input names: ``^a`` and ``a:1`` are ``a``."""
    return text[1:] if text.startswith("^") else text.partition(":")[0]


def colocated(node: NodeDef) -> list[str]:
    """The nodes that ``node`` asks to stand beside."""
    if COLOCATION not in node.attr:
        return []
    return [s.removeprefix(_LOC).decode() for s in node.attr[COLOCATION].list.s]


def all_nodes(graph_def: GraphDef) -> Iterator[NodeDef]:
    """The nodes of the graph and of every function in its library."""
    yield from graph_def.node
    for function in graph_def.library.function:
        yield from function.node_def


def extract_sub_graph(graph_def: GraphDef, dest_nodes: Iterable[str]) -> GraphDef:
    """The nodes that ``dest_nodes`` need, control and colocation edges followed, in their order; the whole library.

    Raises InvalidArgumentError for a destination or an input that the graph does not have, TypeError (as TensorFlow)
    where ``dest_nodes`` is one string.
    """
    if isinstance(dest_nodes, str):
        raise TypeError(f"dest_nodes must be an iterable of strings, but got type {type(dest_nodes)}.")
    nodes = {n.name: n for n in graph_def.node}
    stack = list(dest_nodes)
    for name in stack:
        if name not in nodes:
            raise InvalidArgumentError(f"{name} is not in graph (it has {len(nodes)} nodes)")
    keep: set[str] = set()
    while stack:
        name = stack.pop()
        if name in keep:
            continue
        if name not in nodes:
            raise InvalidArgumentError(f"a node takes its input from {name!r}, which is not in graph")
        keep.add(name)
        stack += [node_name(i) for i in nodes[name].input]
        stack += colocated(nodes[name])
    out = GraphDef(library=graph_def.library, versions=graph_def.versions)
    out.node.extend(n for n in graph_def.node if n.name in keep)
    return out


def drop_unused_functions(graph_def: GraphDef) -> GraphDef:
    """The graph with only those library functions that its nodes call, however indirectly; gradients likewise.

    A gradient belongs to a function, or (custom gradients) to a type that nodes name in ``_gradient_op_type``.
    """
    functions = {f.signature.name: f for f in graph_def.library.function}
    gradients = {g.function_name: g.gradient_func for g in graph_def.library.gradient}
    registered = {g.registered_op_type: g.gradient_func for g in graph_def.library.registered_gradients}

    def needed(nodes: Iterable[NodeDef]) -> list[str]:
        found = [name for node in nodes for name in called(node)]
        types = [n.attr[GRADIENT_TYPE].s.decode("utf-8", "replace") for n in nodes if GRADIENT_TYPE in n.attr]
        return found + [registered[t] for t in types if t in registered]

    used: set[str] = set()
    stack = needed(graph_def.node)
    while stack:
        name = stack.pop()
        if name in used or name not in functions:
            continue
        used.add(name)
        stack += needed(functions[name].node_def)
        if name in gradients:
            stack.append(gradients[name])
    out = GraphDef()
    out.CopyFrom(graph_def)
    del out.library.function[:]
    out.library.function.extend(f for f in graph_def.library.function if f.signature.name in used)
    del out.library.gradient[:]
    out.library.gradient.extend(g for g in graph_def.library.gradient if g.function_name in used)
    kept = [g for g in graph_def.library.registered_gradients if g.gradient_func in used]
    del out.library.registered_gradients[:]
    out.library.registered_gradients.extend(kept)
    return out


def called(node: NodeDef) -> Iterator[str]:
    """The functions that ``node`` may call: its type, and every function among its attributes."""
    yield node.op
    for value in node.attr.values():
        yield from _functions_of(value)


def _functions_of(value: AttrValue) -> Iterator[str]:
    kind = value.WhichOneof("value")
    if kind == "func":
        yield value.func.name
        for inner in value.func.attr.values():
            yield from _functions_of(inner)
    elif kind == "list":
        yield from (f.name for f in value.list.func)


def remove_training_nodes(graph_def: GraphDef, protected_nodes: Collection[str] | None = None) -> GraphDef:
    """The nodes without what only training needs; library and versions are left out, as TensorFlow does.

    ``CheckNumerics`` goes with the edges to it; ``Identity`` and ``StopGradient`` are spliced out, except where a
    control edge or a colocation touches them. ``protected_nodes`` stay.
    """
    protected = set(protected_nodes or ())
    removed = {n.name for n in graph_def.node if n.op == _REMOVED_IN_TRAINING and n.name not in protected}
    kept = [n for n in graph_def.node if n.name not in removed]
    inputs = {n.name: [i for i in n.input if i.removeprefix("^") not in removed] for n in kept}
    fixed = {name for node in kept for name in colocated(node)}
    for node in kept:
        controls = [i[1:] for i in inputs[node.name] if i.startswith("^")]
        if controls:
            fixed.update((node.name, *controls))
    spliced = {
        n.name: inputs[n.name][0]
        for n in kept
        if n.op in _SPLICED_IN_TRAINING and n.name not in protected and n.name not in fixed and inputs[n.name]
    }
    out = GraphDef()
    for node in kept:
        if node.name not in spliced:
            added = out.node.add()
            added.CopyFrom(node)
            added.input[:] = [_end(spliced, i) for i in inputs[node.name]]
    return out


def _end(spliced: Mapping[str, str], name: str) -> str:
    """What ``name`` is in the end; bounded by the number of links, so that a cycle of identities does not hang."""
    for _ in range(len(spliced) + 1):
        found = spliced.get(name.removeprefix("^"))
        if found is None:
            return name
        name = found
    raise InvalidArgumentError(f"the identities behind {name!r} form a cycle")


def strip_default_attrs(graph_def: GraphDef) -> GraphDef:
    """The graph without attributes that have their op's default value, in library functions too."""
    out = GraphDef()
    out.CopyFrom(graph_def)
    functions = {f.signature.name for f in out.library.function}
    for node in all_nodes(out):
        if node.op in functions or not op_defs.has_op(node.op) or not node.attr:
            continue
        for attr in op_defs.op_def(node.op).attr:
            # Asked first whether it is there: indexing would add it.
            given = attr.HasField("default_value") and attr.name in node.attr
            if given and _equal(node.attr[attr.name], attr.default_value):
                del node.attr[attr.name]
    return out


def _equal(a: AttrValue, b: AttrValue) -> bool:
    if a == b:
        return True
    if a.WhichOneof("value") != b.WhichOneof("value") or a.WhichOneof("value") != "tensor":
        return False
    if a.tensor.dtype != b.tensor.dtype:
        return False
    return bool(np.array_equal(to_array(a.tensor), to_array(b.tensor)))


def ops_used(graph_def: GraphDef) -> set[str]:
    """The op types of the graph and of the functions that its nodes call (by type or by a PartitionedCall)."""
    functions = {f.signature.name: f for f in graph_def.library.function}
    used: set[str] = set()
    stack = _types(graph_def.node)
    while stack:
        name = stack.pop()
        if name not in used:
            used.add(name)
            if name in functions:
                stack += _types(functions[name].node_def)
    return used - functions.keys()


def _types(nodes: Iterable[NodeDef]) -> list[str]:
    found = []
    for node in nodes:
        found.append(node.op)
        if node.op in ("PartitionedCall", "StatefulPartitionedCall") and "f" in node.attr:
            found.append(node.attr["f"].func.name)
    return found


def stripped_op_list(graph_def: GraphDef) -> OpList:
    """The definitions of the ops in use, sorted, without descriptions, as ``MetaInfoDef.stripped_op_list`` has them.

    Ops that TensorFlow does not register are left out. Like TensorFlow's, the list does not follow the branches of
    If and While.
    """
    return OpList(op=[op_defs.op_def(op) for op in sorted(ops_used(graph_def)) if op_defs.has_op(op)])


def clear_devices(graph_def: GraphDef) -> GraphDef:
    """The graph with no device asked for, in library functions neither."""
    out = GraphDef()
    out.CopyFrom(graph_def)
    for node in all_nodes(out):
        node.ClearField("device")
    return out


def must_run_on_cpu(node: NodeDef, pin_variables_on_cpu: bool = False) -> bool:
    """Whether ``node`` runs on a CPU only: strings, int32 constants and what moves them; variables when pinned."""
    if pin_variables_on_cpu and node.op in _VARIABLE_OPS:
        return True
    int32, string = dtypes.int32.number, dtypes.string.number
    if node.op == "Const":
        return "dtype" in node.attr and node.attr["dtype"].type in (string, int32)
    if node.op in ("DynamicStitch", "ParallelDynamicStitch"):
        return "T" in node.attr and node.attr["T"].type == int32
    return node.op == "Cast" and "SrcT" in node.attr and node.attr["SrcT"].type == int32


def rename_nodes(graph_def: GraphDef, rename: Callable[[str], str]) -> GraphDef:
    """The graph with every node called ``rename(name)``: inputs, control edges and colocations follow.

    Library functions have names of their own inside and stay. Raises InvalidArgumentError when two nodes would get
    the same name.
    """
    out = GraphDef(library=graph_def.library, versions=graph_def.versions)
    seen: dict[str, str] = {}
    for node in graph_def.node:
        added = out.node.add()
        added.CopyFrom(node)
        added.name = rename(node.name)
        if added.name in seen:
            raise InvalidArgumentError(
                f"nodes {seen[added.name]!r} and {node.name!r} would both be called {added.name!r}"
            )
        seen[added.name] = node.name
        added.input[:] = [rename_input(i, rename) for i in node.input]
        if COLOCATION in node.attr:
            added.attr[COLOCATION].list.s[:] = [_renamed_class(s, rename) for s in node.attr[COLOCATION].list.s]
    return out


def rename_input(text: str, rename: Callable[[str], str]) -> str:
    """An input or tensor name with its node renamed: ``^a``, ``a`` and ``a:1`` keep their form."""
    if text.startswith("^"):
        return "^" + rename(text[1:])
    node, colon, rest = text.partition(":")
    return rename(node) + colon + rest


def _renamed_class(value: bytes, rename: Callable[[str], str]) -> bytes:
    return _LOC + rename(value[len(_LOC) :].decode()).encode() if value.startswith(_LOC) else value


def unique_name(name: str, taken: Collection[str]) -> str:
    """``name``, or ``name_1``, ``name_2``, … where that is taken."""
    found, k = name, 0
    while found in taken:
        k += 1
        found = f"{name}_{k}"
    return found


def uniquify(graph_def: GraphDef, taken: Collection[str]) -> tuple[GraphDef, dict[str, str]]:
    """The graph with every node whose name is ``taken`` called otherwise, and the new name of each of its nodes."""
    used = {*taken, *(n.name for n in graph_def.node)}
    names = {n.name: n.name for n in graph_def.node}
    for name in names:
        if name in taken:
            names[name] = unique_name(name, used)
            used.add(names[name])
    return rename_nodes(graph_def, lambda n: names.get(n, n)), names


def tensor_shape_from_node_def_name(graph: Graph, input_name: str) -> Shape:
    """The shape, as far as it is known, of the tensor that an input ``node`` or ``node:1`` names.

    By the shape rules of the ops behind it; None where one of them has none. Raises NotFoundError for a tensor that the
    graph does not have.
    """
    tensor = parse_tensor_name(input_name)
    graph.dtype(tensor)
    infos: dict[Tensor, Info] = {}
    for node in graph.topological(graph.closure([tensor])):
        inputs = tuple(infos[t] for t in node.inputs)
        infos.update(zip(node.outputs, _infer(node, inputs), strict=True))
    return infos[tensor].shape


def _infer(node: Node, inputs: tuple[Info, ...]) -> list[Info]:
    value = node.attrs.get("value")
    if node.op == "Const" and isinstance(value, np.ndarray):
        return [Info(node.output_dtypes[0], value.shape, value)]
    return rules.inferred(node, inputs)


def describe(meta: MetaGraphDef) -> MetaGraphDef:
    """Brings what ``meta`` says of its graph up to date: the list of its ops. Changes and returns ``meta``."""
    meta.meta_info_def.stripped_op_list.CopyFrom(stripped_op_list(meta.graph_def))
    return meta
