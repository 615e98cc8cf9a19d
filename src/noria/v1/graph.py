"""``tf.Graph``: operations by name, the scopes they are built in, collections; and the default graph of each thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from noria.errors import InvalidArgumentError
from noria.graph.graph import Graph as CoreGraph
from noria.graph.graph import Node
from noria.graph.graphdef import Library, import_node
from noria.graph.op_spec import OpSpec
from noria.graph.rules import Info
from noria.protos.tensorflow import AttrValue, FunctionDef, FunctionDefLibrary, GraphDef, NodeDef, VersionDef
from noria.v1 import stacks
from noria.v1.collections_store import Collections
from noria.v1.device import Placement, place
from noria.v1.dtypes import DType, from_core, runtime_name
from noria.v1.exports import export
from noria.v1.inference import infer_outputs
from noria.v1.naming import UniqueNames, check_op_name, check_scope_name
from noria.v1.operation import Operation, Tensor
from noria.v1.resource_shapes import refine
from noria.v1.tensor_shape import of_core, shape_proto

# TensorFlow 1.15's graph version: TensorFlow of every age from 1.x on reads graphs of this producer.
_VERSIONS = VersionDef(producer=134)


class ControlBlock:
    """One ``control_dependencies`` block: what operations made in it wait for.

    An operation that takes the result of another one of the block need not wait itself.
    """

    def __init__(self, graph: Graph, control_inputs: Sequence[Operation] | None) -> None:
        self._graph = graph
        self.control_inputs = list(control_inputs or ())
        self._new_stack = control_inputs is None
        self._seen: set[Operation] = set()
        self._saved: tuple[list[ControlBlock], Any] | None = None

    def __enter__(self) -> ControlBlock:
        graph = self._graph
        if self._new_stack:  # None: leave all blocks, and the conditional or loop around them
            self._saved = graph.control_blocks, graph._control_flow_context
            graph.control_blocks, graph._control_flow_context = [], None
        graph.control_blocks.append(self)
        return self

    def __exit__(self, *unused: object) -> None:
        self._graph.control_blocks.remove(self)
        if self._saved is not None:
            self._graph.control_blocks, self._graph._control_flow_context = self._saved

    def add(self, op: Operation) -> None:
        self._seen.add(op)

    def covers(self, ops: Sequence[Operation]) -> bool:
        return any(op in self._seen for op in ops)


@export("Graph")
class Graph(Collections):
    """A dataflow graph that is being built.

    ``core`` is the graph that runs: the same nodes, kept in step with every change.
    """

    def __init__(self) -> None:
        super().__init__()
        self._operations: dict[str, Operation] = {}
        self._library_proto = FunctionDefLibrary()
        self._library = Library(self._library_proto)
        self.core = CoreGraph(functions=self._library)
        self.changes = 0  # how often existing nodes were changed: what was compiled before may be stale
        self.versions = VersionDef()
        self.versions.CopyFrom(_VERSIONS)
        self.seed: int | None = None
        self._op_seeds = 0
        self.finalized = False
        self.building_function = False
        self.names = UniqueNames()
        self._name_stack = ""
        self.control_blocks: list[ControlBlock] = []
        self._control_flow_context: Any = None
        self._devices: list[Placement] = []
        self._colocation: list[Operation] = []
        self._container = ""
        self._attr_scope: dict[str, AttrValue | Callable[[NodeDef], AttrValue | None] | None] = {}
        self._gradient_overrides: dict[str, str] = {}
        self._unfeedable: set[Tensor] = set()
        self._unfetchable: set[Operation] = set()
        self._variable_creators: list[Any] = []  # the innermost last: see variables.variable_creator_scope

    # --- operations -------------------------------------------------------------------------------------------------

    def create_op(
        self,
        op_type: str,
        inputs: Sequence[Tensor],
        dtypes: Sequence[Any] | None = None,
        input_types: Sequence[Any] | None = None,
        name: str | None = None,
        attrs: Mapping[str, AttrValue] | None = None,
        op_def: Any = None,
        compute_shapes: bool = True,
        compute_device: bool = True,
    ) -> Operation:
        """Adds an operation. ``attrs`` are AttrValue messages; ``name`` is made unique unless it ends in ``/``.

        Raises InvalidArgumentError (a ValueError) for unknown ops, missing attributes and inputs that do not fit.
        """
        self._check_not_finalized()
        proto = NodeDef(op=op_type)
        spec = self._library.spec(op_type)
        for key, value in self._default_attrs(spec):
            proto.attr[key].CopyFrom(value)
        for key, value in (attrs or {}).items():
            proto.attr[key].CopyFrom(value)
        name = op_type if name is None else name
        proto.name = name[:-1] if name.endswith("/") else self.unique_name(name)
        check_op_name(proto.name)
        return self.add_operation(proto, inputs, self._control_inputs_for(inputs))

    def add_operation(self, proto: NodeDef, inputs: Sequence[Tensor], control: Sequence[Operation] = ()) -> Operation:
        """Adds the operation that ``proto`` describes, its name taken as it is, in the present scopes.

        The inputs of ``proto`` are written from ``inputs`` and ``control``. ValueError when the name is taken.
        """
        self._check_not_finalized()
        if proto.name in self._operations:
            raise InvalidArgumentError(f"Duplicate node name in graph: '{proto.name}'")
        for tensor in inputs:
            if tensor.graph is not self:
                raise ValueError(f"{tensor!r} must be from the same graph as {proto.name!r} (op {proto.op})")
        op = Operation(self, proto, self._library.spec(proto.op), inputs, control)
        _write_inputs(op)
        self._infer(op, import_node(proto, self._library), [t.info for t in inputs])
        op._number = len(self._operations) + 1
        self._operations[proto.name] = op
        self.names.mark(proto.name)
        self._place(op)
        for block in self.control_blocks:
            block.add(op)
        context = self._control_flow_context
        op._control_flow_context = context
        if context is not None:
            context.AddOp(op)
        return op

    def adopt(
        self, proto: NodeDef, spec: OpSpec, inputs: Sequence[Tensor | None], control: Sequence[Operation]
    ) -> Operation:
        """Adds an operation of an imported graph: ``proto`` as it is, inputs written in it, whatever scopes are open.

        An input that is None closes a loop; whoever imports puts it into the operation's inputs later.
        """
        op = Operation(self, proto, spec, [], control)
        node = import_node(proto, self._library)
        wanted = spec.input_dtypes(node.attrs)
        for i, (tensor, dtype) in enumerate(zip(inputs, wanted, strict=True)):
            if tensor is not None and tensor.info.dtype is not dtype:
                raise InvalidArgumentError(
                    f"Input {i} of node {proto.name} was passed {runtime_name(tensor.dtype)} from {tensor.name} "
                    f"incompatible with expected {runtime_name(from_core(dtype))}."
                )
        op._inputs = list(inputs)  # type: ignore[arg-type]  # None only until the loop is closed
        infos = [Info(d, None) if t is None else t.info for t, d in zip(inputs, wanted, strict=True)]
        self._infer(op, node, infos)
        op._number = len(self._operations) + 1
        self._operations[proto.name] = op
        self.names.mark(proto.name)
        return op

    def forget(self, names: Iterable[str]) -> None:
        """Takes back operations that were just adopted, when the import fails."""
        for name in names:
            del self._operations[name]
            del self.core.nodes[name]

    def enter_blocks(self, op: Operation) -> None:
        """Lets an adopted operation wait and belong where the open blocks say."""
        op._add_control_inputs(self._control_inputs_for(op._inputs))
        context = self._control_flow_context
        op._control_flow_context = context
        if context is not None:
            context.AddOp(op)

    def names_and_scopes(self) -> set[str]:
        """The names of all operations, and of every scope that one lies in."""
        found = set(self._operations)
        for name in self._operations:
            at = name.rfind("/")
            while at > 0 and name[:at] not in found:
                found.add(name[:at])
                at = name.rfind("/", 0, at)
        return found

    def _infer(self, op: Operation, node: Node, inputs: Sequence[Info]) -> None:
        """Gives ``op`` its outputs with what is known of them, and the graph its node."""
        try:
            infos = refine(node, op._inputs, infer_outputs(node, inputs))
        except InvalidArgumentError as error:
            shapes = ", ".join(str(of_core(i.shape)) for i in inputs)
            raise InvalidArgumentError(
                f"{error.message} for '{op.name}' (op: '{op.type}') with input shapes: {shapes}."
            ) from None
        self.core.nodes[op.name] = node
        types = _output_types(op, node)
        op._outputs = [Tensor(op, i, t, info) for i, (t, info) in enumerate(zip(types, infos, strict=True))]

    def apply_devices(self, op: Operation) -> None:
        """Sets the device of ``op`` as the open device blocks say."""
        if self._devices:
            place(self._devices, op)

    def _place(self, op: Operation) -> None:
        self.apply_devices(op)
        if self._colocation:
            groups = sorted({g for other in self._colocation for g in other.colocation_groups()})
            value = AttrValue()
            value.list.s.extend(groups)
            op._proto.attr["_class"].CopyFrom(value)
            device = next((other.device for other in self._colocation if other.device), "")
            if device:
                op._set_device(device)
        for key, wanted in self._attr_scope.items():
            found = wanted(op._proto) if callable(wanted) else wanted
            if found is not None and key not in op._proto.attr:
                op._proto.attr[key].CopyFrom(found)
        override = self._gradient_overrides.get(op.type)
        if override is not None and "_gradient_op_type" not in op._proto.attr:
            op._proto.attr["_gradient_op_type"].s = override.encode()
        if self._container and op.is_stateful and "container" in op._proto.attr and not op._proto.attr["container"].s:
            op._set_attr("container", AttrValue(s=self._container.encode()))

    def changed(self, op: Operation) -> None:
        """The attributes of ``op`` were changed: its node follows."""
        self.core.nodes[op.name] = import_node(op._proto, self._library)
        self.changes += 1

    def rewire(self, op: Operation) -> None:
        """The inputs of ``op`` were changed: its node follows."""
        _write_inputs(op)
        self.changed(op)

    @staticmethod
    def _default_attrs(spec: OpSpec | None) -> Iterator[tuple[str, AttrValue]]:
        return iter(()) if spec is None else iter(spec.default_protos)

    def _check_not_finalized(self) -> None:
        if self.finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")

    def finalize(self) -> None:
        """No operation can be added from now on."""
        self.finalized = True

    def _unsafe_unfinalize(self) -> None:
        self.finalized = False

    @property
    def version(self) -> int:
        """Grows with every operation."""
        return len(self._operations)

    _last_id = version

    def next_op_seed(self) -> int:
        """The seed of a random operation that was given none: their number so far, as TensorFlow 2 counts."""
        self._op_seeds += 1
        return self._op_seeds - 1

    def get_operations(self) -> list[Operation]:
        """All operations, in the order they were made."""
        return list(self._operations.values())

    def get_operation_by_name(self, name: str) -> Operation:
        """KeyError when there is none, ValueError for the name of a tensor."""
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        found = self._operations.get(name)
        if found is None and ":" in name:
            raise ValueError(f"Name {name!r} appears to refer to a Tensor, not a Operation.")
        if found is None:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return found

    def get_tensor_by_name(self, name: str) -> Tensor:
        """``"op:0"``; ValueError for a malformed name, KeyError when there is no such tensor."""
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        found = self.as_graph_element(name, allow_operation=False)
        assert isinstance(found, Tensor)
        return found

    def as_graph_element(self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True) -> Operation | Tensor:
        """The Operation or Tensor of this graph that ``obj`` is, names, or stands for (``_as_graph_element``)."""
        if hasattr(obj, "_as_graph_element"):
            stands_for = obj._as_graph_element()
            obj = obj if stands_for is None else stands_for
        if isinstance(obj, str):
            return self._named(obj, allow_tensor, allow_operation)
        if (isinstance(obj, Tensor) and allow_tensor) or (isinstance(obj, Operation) and allow_operation):
            if obj.graph is not self:
                raise ValueError(f"{type(obj).__name__} {obj!r} is not an element of this graph.")
            return obj
        kinds = "Tensor or Operation" if allow_tensor and allow_operation else "Tensor" if allow_tensor else "Operation"
        raise TypeError(f"Can not convert a {type(obj).__name__} into a {kinds}.")

    _as_graph_element_locked = as_graph_element

    def _named(self, name: str, allow_tensor: bool, allow_operation: bool) -> Operation | Tensor:
        op_name, colon, index = name.rpartition(":")
        form = 'Tensor names must be of the form "<op_name>:<output_index>".'
        if colon and allow_tensor:
            if not op_name or not index.strip().isdigit() or ":" in op_name:
                raise ValueError(f"The name {name!r} looks a like a Tensor name, but is not a valid one. {form}")
            op = self._operations.get(op_name)
            start = f"The name {name!r} refers to a Tensor which does not exist. The operation, {op_name!r}, "
            if op is None:
                raise KeyError(start + "does not exist in the graph.")
            if int(index) >= len(op._outputs):
                raise KeyError(start + f"exists but only has {len(op._outputs)} outputs.")
            return op._outputs[int(index)]
        if colon:
            raise ValueError(f"Name {name!r} appears to refer to a Tensor, not a Operation.")
        if not allow_operation and name in self._operations:
            raise ValueError(
                f'The name {name!r} refers to an Operation, not a Tensor. {form} Perhaps you meant "{name}:0".'
            )
        if not allow_operation:
            raise ValueError(f"The name {name!r} looks like an (invalid) Operation name, not a Tensor. {form}")
        found = self._operations.get(name)
        if found is None:
            raise KeyError(f"The name {name!r} refers to an Operation not in the graph.")
        return found

    def as_graph_def(self, from_version: int | None = None, add_shapes: bool = False) -> GraphDef:
        """The GraphDef of all operations (of those made after ``from_version``), functions included.

        add_shapes: also write what is known of every output's shape (``_output_shapes``).
        """
        graph_def = GraphDef(versions=self.versions)
        graph_def.node.extend(op._proto for op in list(self._operations.values())[from_version or 0 :])
        if self._library_proto.function:
            graph_def.library.CopyFrom(self._library_proto)
        if add_shapes:
            for node in graph_def.node:
                outputs = self._operations[node.name]._outputs
                if outputs:
                    node.attr["_output_shapes"].list.shape.extend(shape_proto(t.info.shape) for t in outputs)
        return graph_def

    def add_functions(self, functions: Sequence[FunctionDef]) -> None:
        """Adds library functions; one of a name that is there is left out."""
        there = {f.signature.name for f in self._library_proto.function}
        new = [f for f in functions if f.signature.name not in there]
        if new:
            self._library_proto.function.extend(new)
            self._library.add(new)
            self.changes += 1

    # --- names and scopes -------------------------------------------------------------------------------------------

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """``name`` in the present name scope, with a number where it is taken."""
        return self.names.unique(f"{self._name_stack}/{name}" if self._name_stack else name, mark=mark_as_used)

    def get_name_scope(self) -> str:
        """The present name scope, without a slash at the end."""
        return self._name_stack

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Operations made in the block are called ``scope/...``; gives ``"scope/"``.

        A name that ends in ``/`` is entered as it is; None or ``""`` is the root.
        """
        if name:
            if not isinstance(name, str):
                raise TypeError(f"name for name_scope must be a string, got {type(name).__name__}")
            check_scope_name(name, at_root=not self._name_stack)
        old = self._name_stack
        new = ""
        if name:
            new = name[:-1] if name.endswith("/") else self.unique_name(name)
        self._name_stack = new
        try:
            yield new + "/" if new else ""
        finally:
            self._name_stack = old

    def control_dependencies(self, control_inputs: Sequence[Any] | None) -> ControlBlock:
        """Operations made in the block run after ``control_inputs``; None leaves all such blocks."""
        if control_inputs is None:
            return ControlBlock(self, None)
        current = {op for block in self.control_blocks for op in block.control_inputs}
        wanted: dict[Operation, None] = {}  # in order, once each
        for item in control_inputs:
            found = item.op if hasattr(item, "op") else self.as_graph_element(item)
            op = found.op if isinstance(found, Tensor) else found
            if op not in current:
                wanted[op] = None
        return ControlBlock(self, list(wanted))

    def _current_control_dependencies(self) -> list[Operation]:
        return list(dict.fromkeys(op for block in self.control_blocks for op in block.control_inputs))

    def _control_inputs_for(self, inputs: Sequence[Tensor]) -> list[Operation]:
        ops = [t.op for t in inputs]
        wanted = [
            c for block in self.control_blocks if not block.covers(ops) for c in block.control_inputs if c not in ops
        ]
        return list(dict.fromkeys(wanted))

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Records a device on operations made in the block; None cancels the blocks around it."""
        self._devices.append(device_name_or_function)
        try:
            yield
        finally:
            self._devices.pop()

    @contextmanager
    def colocate_with(self, op: Any, ignore_existing: bool = False) -> Iterator[None]:
        """Operations made in the block share ``op``'s device (``_class`` in their NodeDef)."""
        if op is not None and not isinstance(op, Operation):
            op = op.op if hasattr(op, "op") else self.as_graph_element(op)
        saved = self._colocation, self._devices
        self._devices = [] if op is not None or ignore_existing else self._devices
        self._colocation = ([] if ignore_existing else list(self._colocation)) + ([] if op is None else [op])
        try:
            yield
        finally:
            self._colocation, self._devices = saved

    _colocate_with_for_gradient = colocate_with

    @contextmanager
    def container(self, container_name: str) -> Iterator[str]:
        """Stateful operations made in the block keep their resources in this container."""
        saved, self._container = self._container, container_name
        try:
            yield container_name
        finally:
            self._container = saved

    @contextmanager
    def gradient_override_map(self, op_type_map: Mapping[str, str]) -> Iterator[None]:
        """Operations of these types made in the block name another gradient (``_gradient_op_type``)."""
        saved = self._gradient_overrides
        self._gradient_overrides = {**saved, **op_type_map}
        try:
            yield
        finally:
            self._gradient_overrides = saved

    @contextmanager
    def _attr_scope_block(self, attrs: Mapping[str, Any]) -> Iterator[None]:
        saved = self._attr_scope
        self._attr_scope = {**saved, **attrs}
        try:
            yield
        finally:
            self._attr_scope = saved

    # --- running ----------------------------------------------------------------------------------------------------

    def prevent_feeding(self, tensor: Tensor) -> None:
        self._unfeedable.add(tensor)

    def is_feedable(self, tensor: Tensor) -> bool:
        return tensor not in self._unfeedable

    def prevent_fetching(self, op: Operation) -> None:
        self._unfetchable.add(op)

    def is_fetchable(self, tensor_or_op: Any) -> bool:
        op = tensor_or_op.op if isinstance(tensor_or_op, Tensor) else tensor_or_op
        return op not in self._unfetchable

    def session_for(self, session: Any, what: str) -> Any:
        """``session``, or the default one; ValueError when there is none, or it runs another graph.

        what: the method that wants it, ``eval`` of a tensor or ``run`` of an operation.
        """
        deed = "evaluate tensor" if what == "eval" else "execute operation"
        if session is None:
            session = stacks.sessions.top()
            if session is None:
                raise ValueError(
                    f"Cannot {deed} using `{what}()`: No default session is registered. "
                    f"Use `with sess.as_default()` or pass an explicit session to `{what}(session=sess)`"
                )
        if session.graph is not self:
            kind = deed.split()[1]
            raise ValueError(
                f"Cannot use the given session to {deed}: the {kind}'s graph is different from the session's graph."
            )
        return session

    @contextmanager
    def as_default(self) -> Iterator[Graph]:
        """This graph is the default within the block."""
        with graphs.put(self):
            yield self

    def _get_control_flow_context(self) -> Any:
        return self._control_flow_context

    def _set_control_flow_context(self, context: Any) -> None:
        self._control_flow_context = context


def _output_types(op: Operation, node: Node) -> list[DType]:
    spec = op._spec
    if spec is None:
        return []
    if not spec.has_refs:
        return [from_core(d) for d in node.output_dtypes]
    refs = [arg.is_ref for arg in spec.outputs for _ in arg.dtypes(node.attrs)]
    plain = [from_core(d) for d in node.output_dtypes]
    return [d._as_ref if ref else d for d, ref in zip(plain, refs, strict=True)]


def _write_inputs(op: Operation) -> None:
    """The inputs in a NodeDef: ``op`` or ``op:1`` for data, then ``^op``, sorted, for control."""
    del op._proto.input[:]
    op._proto.input.extend(t.op.name if t.value_index == 0 else t.name for t in op._inputs)
    op._proto.input.extend(sorted("^" + c.name for c in op._control))


graphs: stacks.DefaultStack[Graph] = stacks.DefaultStack()
_global: list[Graph] = []


@export("get_default_graph")
def get_default_graph() -> Graph:
    """The innermost graph entered by ``as_default`` in this thread, else the one graph of the process."""
    top = graphs.top()
    if top is not None:
        return top
    if not _global:
        _global.append(Graph())
    return _global[0]


@export("reset_default_graph")
def reset_default_graph() -> None:
    """Replaces the process's graph by an empty one. AssertionError inside ``with graph.as_default()``."""
    if graphs.items:
        raise AssertionError(
            "Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, exit the nesting "
            "and create a new graph."
        )
    _global.clear()
