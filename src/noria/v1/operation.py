"""``tf.Operation`` and ``tf.Tensor``: the nodes and edges of a graph that is being built.

An operation's NodeDef is the truth: it is what ``as_graph_def`` gives, and the node that runs is read from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import FunctionRef, Node, ShapeAttr
from noria.graph.graph import Tensor as Edge
from noria.graph.op_spec import OpSpec, attr_value
from noria.graph.rules import Info
from noria.protos.op_defs import op_def
from noria.protos.tensorflow import AttrValue, NameAttrList, NodeDef, OpDef
from noria.shapes import Shape
from noria.v1 import dtypes
from noria.v1.dtypes import DType
from noria.v1.exports import export
from noria.v1.tensor_shape import TensorShape, as_shape, of_core

if TYPE_CHECKING:
    from noria.v1.graph import Graph


@export("Tensor")
class Tensor:
    """A symbolic output of an operation. Python operators build operations."""

    __array_priority__ = 100  # NumPy leaves `array + tensor` to us

    def __init__(self, op: Operation, value_index: int, dtype: DType, info: Info) -> None:
        self._op = op
        self._value_index = value_index
        self._dtype = dtype
        self._info = info

    @property
    def op(self) -> Operation:
        """The operation that gives this tensor."""
        return self._op

    @property
    def value_index(self) -> int:
        """Which output of its operation this is."""
        return self._value_index

    @property
    def graph(self) -> Graph:
        return self._op.graph

    @property
    def dtype(self) -> DType:
        return self._dtype

    @property
    def name(self) -> str:
        """``op:index``."""
        return f"{self._op.name}:{self._value_index}"

    @property
    def device(self) -> str:
        return self._op.device

    @property
    def shape(self) -> TensorShape:
        """The shape as far as it is known."""
        return of_core(self._info.shape)

    def get_shape(self) -> TensorShape:
        """The shape as far as it is known."""
        return of_core(self._info.shape)

    def _shape_as_list(self) -> list[int | None] | None:
        return None if self._info.shape is None else list(self._info.shape)

    @property
    def _rank(self) -> int | None:
        return self._info.rank

    def set_shape(self, shape: Any) -> None:
        """Merges what ``shape`` says into what is known; ValueError when they contradict each other."""
        wanted = as_shape(shape).core
        if not shapes.compatible(self._info.shape, wanted):
            raise ValueError(
                f"Tensor's shape {self.shape} is not compatible with supplied shape {as_shape(shape)} ({self.name!r})"
            )
        self._info = Info(self._info.dtype, shapes.merge(self._info.shape, wanted), self._info.value, self._info.dims)

    @property
    def info(self) -> Info:
        """What inference knows: dtype, shape, and the value where it is constant and small."""
        return self._info

    @property
    def edge(self) -> Edge:
        """The name of this tensor in the graph that runs."""
        return Edge(self._op.name, self._value_index)

    def consumers(self) -> list[Operation]:
        """The operations that take this tensor."""
        return [op for op in self.graph.get_operations() if any(t is self for t in op.inputs)]

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The value, computed in ``session`` or the default session."""
        return self.graph.session_for(session, "eval").run(self, feed_dict)

    def experimental_ref(self) -> Reference:
        return Reference(self)

    ref = experimental_ref

    def __iter__(self) -> Iterator[Tensor]:
        raise TypeError(
            "Tensor objects are only iterable when eager execution is enabled. Use tf.map_fn or tf.unstack."
        )

    def __len__(self) -> int:
        raise TypeError(
            f"len is not well defined for a symbolic Tensor ({self.name}). Use `x.shape[0]` or tf.shape(x)."
        )

    def __bool__(self) -> bool:
        raise TypeError(
            f"Using a `tf.Tensor` as a Python `bool` is not allowed ({self.name}). Use `if t is not None:` instead of "
            "`if t:` to test if a tensor is defined, and tf.cond to run code depending on its value."
        )

    __nonzero__ = __bool__

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"Cannot convert a symbolic Tensor ({self.name}) to a numpy array; run it in a Session."
        )

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __copy__(self) -> Tensor:
        return self

    def __str__(self) -> str:
        shape = "" if self._info.shape is None else f", shape={self.shape}"
        return f'Tensor("{self.name}"{shape}, dtype={self._dtype.name})'

    def __repr__(self) -> str:
        return f"<tf.Tensor {self.name!r} shape={self.shape} dtype={self._dtype.name}>"

    if TYPE_CHECKING:  # what `register_operator` adds

        def __getitem__(self, key: Any) -> Tensor: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __abs__(self) -> Tensor: ...
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __invert__(self) -> Tensor: ...


def register_operator(name: str, function: Callable[..., Any]) -> None:
    """Makes ``function`` the Python operator ``name`` (``"__add__"``) of tensors."""
    setattr(Tensor, name, function)


class Reference:
    """A hashable stand-in for a tensor or variable: equal to others of the same object."""

    def __init__(self, wrapped: Any) -> None:
        self._wrapped = wrapped

    def deref(self) -> Any:
        return self._wrapped

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and other._wrapped is self._wrapped

    def __hash__(self) -> int:
        return id(self._wrapped)


@export("Operation")
class Operation:
    """A node of a graph. Made by ``Graph.create_op`` and by the op functions, never directly."""

    def __init__(
        self, graph: Graph, proto: NodeDef, spec: OpSpec | None, inputs: Sequence[Tensor], control: Sequence[Operation]
    ) -> None:
        self._graph = graph
        self._proto = proto
        self._spec = spec
        self._inputs = list(inputs)
        self._control = list(control)
        self._outputs: list[Tensor] = []
        self._control_flow_context: Any = None
        self._original_op: Operation | None = None
        self._number = 0
        self.traceback: tuple[Any, ...] = ()

    @property
    def graph(self) -> Graph:
        return self._graph

    @property
    def name(self) -> str:
        return self._proto.name

    @property
    def type(self) -> str:
        """The op: a name of TensorFlow's op definitions, ``MatMul``."""
        return self._proto.op

    @property
    def device(self) -> str:
        return self._proto.device

    @property
    def inputs(self) -> list[Tensor]:
        return list(self._inputs)

    @property
    def control_inputs(self) -> list[Operation]:
        """The operations that must have run before this one."""
        return list(self._control)

    @property
    def outputs(self) -> list[Tensor]:
        return list(self._outputs)

    @property
    def _id(self) -> int:
        """Its place in the order of creation, from 1."""
        return self._number

    @property
    def node_def(self) -> NodeDef:
        """A copy of the NodeDef; control inputs sorted by name, as TensorFlow writes them."""
        proto = NodeDef()
        proto.CopyFrom(self._proto)
        return proto

    @property
    def op_def(self) -> OpDef:
        """The definition of the op; NotFoundError for an op that TensorFlow does not know."""
        return op_def(self.type)

    @cached_property
    def is_stateful(self) -> bool:
        return self._spec is None or self._spec.is_stateful

    def get_attr(self, name: str) -> Any:
        """An attribute as a Python value: dtypes as DType, strings as bytes, shapes and tensors as messages.

        Raises ValueError when the operation has no attribute of that name.
        """
        if name not in self._proto.attr:
            raise ValueError(f"Operation {self.name!r} has no attr named {name!r}.")
        return _attr_for_user(self._proto.attr[name])

    def values(self) -> tuple[Tensor, ...]:
        return tuple(self._outputs)

    def colocation_groups(self) -> list[bytes]:
        """The names of the groups (``loc:@op``) that this operation is to share a device with."""
        default = [b"loc:@" + self.name.encode()]
        if "_class" not in self._proto.attr:
            return default
        return [s for s in self._proto.attr["_class"].list.s if s.startswith(b"loc:@")] or default

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Runs this operation in ``session`` or the default session."""
        self._graph.session_for(session, "run").run(self, feed_dict)

    def _set_attr(self, name: str, value: AttrValue) -> None:
        self._proto.attr[name].CopyFrom(value)
        self._graph.changed(self)

    def _clear_attr(self, name: str) -> None:
        if name in self._proto.attr:
            del self._proto.attr[name]
            self._graph.changed(self)

    def _set_device(self, device: Any) -> None:
        self._proto.device = str(device)

    def _add_control_inputs(self, ops: Sequence[Operation]) -> None:
        new = [op for op in ops if op not in self._control]
        if new:
            self._control.extend(new)
            self._graph.rewire(self)

    def _add_control_input(self, op: Operation) -> None:
        self._add_control_inputs([op])

    def _remove_all_control_inputs(self) -> None:
        if self._control:
            self._control.clear()
            self._graph.rewire(self)

    def _update_input(self, index: int, tensor: Tensor) -> None:
        """Replaces one input: how a loop closes."""
        if tensor.graph is not self._graph:
            raise ValueError(f"{tensor} is not of the graph of {self.name!r}")
        self._inputs[index] = tensor
        self._graph.rewire(self)

    def _set_control_flow_context(self, context: Any) -> None:
        self._control_flow_context = context

    def _get_control_flow_context(self) -> Any:
        return self._control_flow_context

    @property
    def node(self) -> Node:
        """The node as the graph that runs has it."""
        return self._graph.core[self.name]

    def __str__(self) -> str:
        return str(self._proto)

    def __repr__(self) -> str:
        return f"<tf.Operation {self.name!r} type={self.type}>"


def _attr_for_user(proto: AttrValue) -> Any:
    kind = proto.WhichOneof("value")
    if kind == "list":
        for field in ("s", "i", "f", "b", "type", "shape", "tensor", "func"):
            found = list(getattr(proto.list, field))
            if found:
                return [dtypes.as_dtype(t) for t in found] if field == "type" else found
        return []
    if kind == "type":
        return dtypes.as_dtype(proto.type)
    if kind in ("shape", "tensor", "func"):
        return getattr(proto, kind)
    value = attr_value(proto)
    if isinstance(value, ShapeAttr | FunctionRef):
        raise InvalidArgumentError(f"attribute of kind {kind} has no Python value")
    return value


def function_attr(name: str) -> AttrValue:
    """The attribute value that names a library function."""
    return AttrValue(func=NameAttrList(name=name))


def partial_shape(tensor: Tensor) -> Shape:
    """The shape of ``tensor`` as Noria's own."""
    return tensor.info.shape
