"""``tf.import_graph_def``: the nodes of a GraphDef become operations of the default graph.

The order of creation, the names that nodes get where theirs are taken, what an error says: as in TensorFlow's
``graph_constructor.cc``. Nodes follow their inputs, the first of the file first; what closes a loop (a
``NextIteration`` that a ``Merge`` takes) is connected at the end.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from noria import shapes
from noria.errors import InvalidArgumentError, NotFoundError
from noria.graph.export import PRODUCER
from noria.graph.op_spec import OpSpec, shape_attr
from noria.graph.rewrite import COLOCATION
from noria.graph.rules import Info
from noria.protos import op_defs
from noria.protos.tensorflow import GraphDef, NodeDef, OpList, VersionDef
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import Graph, get_default_graph
from noria.v1.naming import is_op_name
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import of_core

_LOC = b"loc:@"
_SHAPES = "_output_shapes"
_SCALARS_SINCE = 21  # the last version of graphs whose placeholders could not say "scalar"
_Key = tuple[str, int]  # node and output; output -1 is a control edge


@export("graph_util.import_graph_def", "import_graph_def")
def import_graph_def(
    graph_def: Any,
    input_map: Any = None,
    return_elements: Any = None,
    name: str | None = None,
    op_dict: Any = None,
    producer_op_list: Any = None,
) -> list[Any] | None:
    """Adds the nodes of ``graph_def`` to the default graph, called ``name/...`` (``import/...``; ``""``: as they are).

    input_map: tensors to take instead of those of these names (``"x"``, ``"x:1"``, ``"^x"`` for a control edge);
    return_elements: names of the operations (``"a"``) and tensors (``"a:0"``) to return; producer_op_list: the ops as
    whoever wrote the graph knew them: attributes that are unknown here and have their default there are dropped.

    Raises TypeError for arguments of the wrong kind, ValueError (InvalidArgumentError) for a graph that is not well
    formed and for names that it does not have, NotFoundError for an op that is not known.
    """
    given = _graph_def(graph_def)
    mapping = _input_map(input_map)
    wanted = _return_elements(return_elements)
    graph = get_default_graph()
    graph._check_not_finalized()
    with name_scope(name, "import", mapping.values()) as scope:
        tensors = _map_values(name, mapping)
    library = given.library
    graph.add_functions(library.function)
    _add_gradients(graph, library)
    maker = _Import(graph, given, scope, tensors, producer_op_list)
    maker.check_returns(wanted or ())
    maker.run()
    return None if wanted is None else [maker.returned(key, text) for key, text in wanted]


def _graph_def(value: Any) -> GraphDef:
    """``value`` as a GraphDef of ours; a message of another library is read from its bytes."""
    if isinstance(value, GraphDef):
        return value
    descriptor = getattr(value, "DESCRIPTOR", None)
    if getattr(descriptor, "full_name", "") != "tensorflow.GraphDef":
        raise TypeError("Argument `graph_def` must be a GraphDef proto.")
    return GraphDef.FromString(value.SerializeToString())


def _input_map(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise TypeError(f"Argument `input_map` must be a dictionary. Obtained {type(value).__name__}")
    if not all(isinstance(k, str | bytes) for k in value):
        raise TypeError(f"All keys for argument `input_map` must be strings. Obtained keys: {list(value)}")
    return {_text(k): v for k, v in value.items()}


def _map_values(name: str | None, mapping: Mapping[str, Any]) -> dict[_Key, Tensor]:
    if not all(isinstance(v, Tensor) for v in mapping.values()):
        if name == "":
            raise ValueError(
                "tf.import_graph_def() requires a non-empty `name` if `input_map` contains non-Tensor values. Try "
                "calling tf.convert_to_tensor() on `input_map` values before calling tf.import_graph_def()."
            )
        with name_scope("_inputs"):
            mapping = {k: convert(v) for k, v in mapping.items()}
    return {(k[1:], -1) if k.startswith("^") else tensor_key(k): v for k, v in mapping.items()}


def _return_elements(value: Any) -> list[tuple[_Key, str]] | None:
    if value is None:
        return None
    names = list(value)
    if not all(isinstance(n, str | bytes) for n in names):
        raise TypeError(f"Argument `return_elements` must be a list of strings. Obtained {value}.")
    return [(tensor_key(text) if ":" in text else (text, -1), text) for text in map(_text, names)]


def tensor_key(text: str) -> _Key:
    """``a:1`` or ``a`` as node and output; ValueError for anything else."""
    node, *rest = text.split(":")
    if len(rest) > 1:
        raise ValueError(
            f"Cannot convert '{text}' to a tensor name. Tensor names should not contain more than 1 `:`. "
            f"Obtained {len(rest)}"
        )
    try:
        return node, int(rest[0]) if rest else 0
    except ValueError:
        raise ValueError(
            f"Cannot convert {text!r} to a tensor name. Second component of the name following the `:` should be an "
            f"int. Got {rest[0]}."
        ) from None


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _add_gradients(graph: Graph, library: Any) -> None:
    there = {g.function_name for g in graph._library_proto.gradient}
    graph._library_proto.gradient.extend(g for g in library.gradient if g.function_name not in there)


class _Import:
    """One import: what the nodes are called here, and which operations they became."""

    def __init__(
        self, graph: Graph, graph_def: GraphDef, scope: str, mapping: Mapping[_Key, Tensor], producer: OpList | None
    ) -> None:
        self._graph = graph
        self._protos = graph_def.node
        self._prefix = scope
        self._map = mapping
        self._used: set[_Key] = set()
        self._unknown = {} if producer is None else _unknown_attrs(producer)
        self._versions = graph_def.versions
        self._index: dict[str, int] = {}
        for i, proto in enumerate(self._protos):
            if self._index.setdefault(proto.name, i) != i:
                raise InvalidArgumentError(f"Node '{proto.name}' is not unique")
            if not is_op_name(proto.name):
                raise InvalidArgumentError(f"Node '{proto.name}': Node name contains invalid characters")
        self._inputs = [self._parsed(proto) for proto in self._protos]
        self._names: dict[str, str] = {}
        self.ops: dict[str, Operation] = {}

    def _parsed(self, proto: NodeDef) -> list[_Key]:
        """The inputs of a node: data first, then control."""
        found: list[_Key] = []
        for text in proto.input:
            if text.startswith("^"):
                key = (text[1:], -1)
            elif found and found[-1][1] < 0:
                raise InvalidArgumentError(
                    f"Node '{proto.name}': Control dependencies must come after regular dependencies"
                )
            else:
                node, colon, index = text.rpartition(":")
                key = (node, int(index)) if colon and index.isdigit() else (text, 0)
            if key in self._map:
                self._used.add(key)
            elif key[0] not in self._index:
                raise InvalidArgumentError(f"Node '{proto.name}': Unknown input node '{text}'")
            found.append(key)
        return found

    def check_returns(self, wanted: Sequence[tuple[_Key, str]]) -> None:
        """Errors for what is to be returned and the keys of the map, before anything is added."""
        for key, text in wanted:
            if key[0] not in self._index and key not in self._map:
                kind = "tensor" if key[1] >= 0 else "node"
                raise InvalidArgumentError(f"Requested return {kind} '{text}' not found in graph def")

    def run(self) -> None:
        """Adds everything, or nothing when one node is refused."""
        _check_versions(self._versions)
        order = self._order()
        self._check_ops()
        self._name(order)
        self._check_colocations()
        late: list[tuple[Operation, int, _Key]] = []
        try:
            for i in order:
                self._add(i, late)
            for op, place, key in late:
                op._inputs[place] = self._tensor(op.name, key)
            self._check_map()
        except BaseException:
            self._graph.forget(op.name for op in self.ops.values())
            raise
        self._settle()
        _merge_versions(self._graph.versions, self._versions)

    def _order(self) -> list[int]:
        """Indices of the nodes: each after its inputs, lower ones first; loops enter at their Merge."""
        loops = {i for i, p in enumerate(self._protos) if p.op in ("NextIteration", "RefNextIteration")}
        users: list[list[int]] = [[] for _ in self._protos]
        pending = [0] * len(self._protos)
        for i, keys in enumerate(self._inputs):
            back = self._protos[i].op in ("Merge", "RefMerge")
            for key in keys:
                if key in self._map:
                    continue
                source = self._index[key[0]]
                if back and source in loops and key[1] >= 0:
                    continue
                users[source].append(i)
                pending[i] += 1
        ready = [i for i, n in enumerate(pending) if not n]
        order: list[int] = []
        while ready:
            i = heapq.heappop(ready)
            order.append(i)
            for user in users[i]:
                pending[user] -= 1
                if not pending[user]:
                    heapq.heappush(ready, user)
        if len(order) < len(self._protos):
            raise InvalidArgumentError(f"{len(self._protos) - len(order)} nodes in a cycle")
        return order

    def _check_ops(self) -> None:
        spec = self._graph._library.spec
        unknown = [p for p in self._protos if spec(p.op) is None]
        if unknown:
            others = sorted({p.op for p in unknown} - {unknown[0].op})
            raise NotFoundError(
                f"Op type not registered '{unknown[0].op}' in binary running noria: node '{unknown[0].name}' is of an "
                "op that neither TensorFlow 2.21 nor the graph's function library has"
                + (f"; nor are {', '.join(others)}" if others else "")
            )

    def _name(self, order: Iterable[int]) -> None:
        """What each node will be called: its name in the scope, with a number where that is taken."""
        theirs: set[str] = set()
        for name in self._index:
            theirs.add(name)
            theirs.update(_parents(name))
        existing = self._graph.names_and_scopes()
        made: set[str] = set()
        for i in order:
            name = found = self._prefix + self._protos[i].name
            number = 0
            while found in existing or found in made or (number and found.removeprefix(self._prefix) in theirs):
                number += 1
                found = f"{name}_{number}"
            made.add(found)
            self._names[self._protos[i].name] = found

    def _check_colocations(self) -> None:
        for proto in self._protos:
            if COLOCATION not in proto.attr:
                continue
            for value in proto.attr[COLOCATION].list.s:
                other = value.removeprefix(_LOC).decode()
                if value.startswith(_LOC) and other != proto.name and other not in self._index:
                    raise InvalidArgumentError(
                        f"Node '{proto.name}' expects to be colocated with unknown node '{other}'"
                    )

    def _add(self, i: int, late: list[tuple[Operation, int, _Key]]) -> None:
        source = self._protos[i]
        spec = self._graph._library.spec(source.op)
        assert spec is not None
        proto = self._proto(source, spec)
        tensors: list[Tensor | None] = []
        control: list[Operation] = []
        for key in self._inputs[i]:
            if key[1] >= 0:
                known = key in self._map or key[0] in self.ops
                tensors.append(self._tensor(source.name, key) if known else None)
            else:
                control.append(self._map[key].op if key in self._map else self.ops[key[0]])
        texts = [self._input_name(key) for key in self._inputs[i] if key[1] >= 0]
        control = list(dict.fromkeys(control))
        proto.input[:] = [*texts, *sorted("^" + op.name for op in control)]
        hints = _hints(proto)
        op = self._graph.adopt(proto, spec, tensors, control)
        self.ops[source.name] = op
        late.extend((op, at, self._inputs[i][at]) for at, t in enumerate(tensors) if t is None)
        if source.op == "Placeholder" and self._versions.producer <= _SCALARS_SINCE:
            _forget_scalar(op)
        if hints is not None:
            _refine(op, hints)

    def _proto(self, source: NodeDef, spec: OpSpec) -> NodeDef:
        proto = NodeDef()
        proto.CopyFrom(source)
        proto.name = self._names[source.name]
        attrs = proto.attr
        for key, value in spec.default_protos:
            if key not in attrs or attrs[key].WhichOneof("value") is None:
                attrs[key].CopyFrom(value)
        if COLOCATION in attrs:
            attrs[COLOCATION].list.s[:] = [self._class(value) for value in attrs[COLOCATION].list.s]
        for attr in self._unknown.get(proto.op, ()):
            if attr.name in attrs and attrs[attr.name] == attr.default_value:
                del attrs[attr.name]
        return proto

    def _class(self, value: bytes) -> bytes:
        if not value.startswith(_LOC):
            return value
        name = value[len(_LOC) :].decode()
        return _LOC + self._names.get(name, self._prefix + name).encode()

    def _tensor(self, user: str, key: _Key) -> Tensor:
        if key in self._map:
            return self._map[key]
        op = self.ops[key[0]]
        if key[1] >= len(op._outputs):
            raise InvalidArgumentError(
                f"Node '{user}': Connecting to invalid output {key[1]} of source node {key[0]} which has "
                f"{len(op._outputs)} outputs."
            )
        return op._outputs[key[1]]

    def _input_name(self, key: _Key) -> str:
        if key in self._map:
            tensor = self._map[key]
            return tensor.op.name if tensor.value_index == 0 else tensor.name
        return self._names[key[0]] if key[1] == 0 else f"{self._names[key[0]]}:{key[1]}"

    def _check_map(self) -> None:
        missing = []
        for node, output in self._map.keys() - self._used:
            outputs = len(self.ops[node]._outputs) if node in self.ops else 0
            if node not in self.ops or output >= outputs:
                missing.append(f"^{node}" if output < 0 else f"{node}:{output}")
        if missing:
            raise InvalidArgumentError(
                f"Attempted to map inputs that were not found in graph_def: [{', '.join(sorted(missing))}]"
            )

    def _settle(self) -> None:
        """Devices, control blocks and contexts around the import, once all nodes are there."""
        ops = list(self.ops.values())
        colocated: list[tuple[Operation, list[str]]] = []
        for op in ops:
            others = _others(op)
            device = op._proto.device
            op._proto.device = ""
            if others:
                colocated.append((op, others))
            elif device or self._graph._devices:
                with self._graph.device(device) if device else nullcontext():
                    self._graph.apply_devices(op)
            self._graph.enter_blocks(op)
        for op, others in colocated:
            device = next((d for d in (self._graph._operations[n].device for n in others) if d), "")
            if device:
                op._set_device(device)

    def returned(self, key: _Key, text: str) -> Operation | Tensor:
        """The element that ``text`` in ``return_elements`` asks for."""
        node, output = key
        if output < 0:
            return self.ops[node]
        if key in self._map:
            return self._map[key]
        outputs = self.ops[node]._outputs
        if output >= len(outputs):
            raise InvalidArgumentError(
                f"Invalid return output {output} of node '{node}', which has {len(outputs)} output(s)"
            )
        return outputs[output]


def _unknown_attrs(producer: OpList) -> dict[str, list[Any]]:
    """By op: the attributes that whoever wrote the graph knew and we do not, and that have a default."""
    found: dict[str, list[Any]] = {}
    for definition in producer.op:
        if op_defs.has_op(definition.name):
            known = {a.name for a in op_defs.op_def(definition.name).attr}
            unknown = [a for a in definition.attr if a.name not in known and a.HasField("default_value")]
            if unknown:
                found[definition.name] = unknown
    return found


def _parents(name: str) -> Iterable[str]:
    """The scopes that ``name`` lies in."""
    at = name.rfind("/")
    while at > 0:
        yield name[:at]
        at = name.rfind("/", 0, at)


def _others(op: Operation) -> list[str]:
    """The operations that ``op`` shares a device with."""
    if COLOCATION not in op._proto.attr:
        return []
    names = [s[len(_LOC) :].decode() for s in op._proto.attr[COLOCATION].list.s if s.startswith(_LOC)]
    return [n for n in names if n != op.name]


def _hints(proto: NodeDef) -> list[Any] | None:
    """What a node says of its outputs' shapes; taken out of it."""
    if _SHAPES not in proto.attr:
        return None
    found = list(proto.attr[_SHAPES].list.shape)
    del proto.attr[_SHAPES]
    return found


def _forget_scalar(op: Operation) -> None:
    """In old graphs a placeholder of no dimensions is one of unknown shape."""
    info = op._outputs[0].info
    if info.shape == ():
        op._outputs[0]._info = Info(info.dtype, None)


def _refine(op: Operation, hints: Sequence[Any]) -> None:
    """Merges the shapes that were written with the graph into the inferred ones."""
    for i, (tensor, hint) in enumerate(zip(op._outputs, hints, strict=False)):
        info, shape = tensor.info, shape_attr(hint).dims
        if not shapes.compatible(info.shape, shape):
            raise InvalidArgumentError(
                f"Node '{op.name}' has an _output_shapes attribute inconsistent with the GraphDef for output #{i}: "
                f"Shapes are {of_core(info.shape)} and {of_core(shape)}."
            )
        if shape is not None and info.shape != shape:
            tensor._info = Info(info.dtype, shapes.merge(info.shape, shape), info.value, info.dims)


def _check_versions(versions: VersionDef) -> None:
    if versions.min_consumer > PRODUCER:
        raise InvalidArgumentError(
            f"GraphDef min consumer version {versions.min_consumer} above current version {PRODUCER} for TensorFlow "
            "2.21.0.  Please upgrade TensorFlow."
        )
    if PRODUCER in versions.bad_consumers:
        raise InvalidArgumentError(f"GraphDef disallows consumer version {PRODUCER}.")


def _merge_versions(mine: VersionDef, theirs: VersionDef) -> None:
    mine.producer = min(mine.producer, theirs.producer)
    mine.min_consumer = max(mine.min_consumer, theirs.min_consumer)
    mine.bad_consumers.extend(b for b in theirs.bad_consumers if b not in mine.bad_consumers)
