"""``tf.Variable``: what both kinds of variables share, and how a call of ``tf.Variable`` chooses the kind.

A reference variable (``ref_variable``) is a ``VariableV2`` node whose output refers to the value; a resource variable
(``resource_variable``) is a ``VarHandleOp`` with explicit reads and assignments.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from noria.protos.tensorflow import SaveSliceInfoDef, VariableDef
from noria.v1 import stacks
from noria.v1.exports import export
from noria.v1.graph import Graph, get_default_graph
from noria.v1.naming import prepend_name_scope, strip_name_scope
from noria.v1.operation import Operation, Reference, Tensor
from noria.v1.tensor_shape import TensorShape


@export("VariableSynchronization")
class VariableSynchronization(enum.Enum):
    """When copies of a distributed variable are brought together. Recorded, never acted on."""

    AUTO = 0
    NONE = 1
    ON_WRITE = 2
    ON_READ = 3


@export("VariableAggregation")
class VariableAggregation(enum.Enum):
    """How copies of a distributed variable are brought together. Recorded, never acted on."""

    NONE = 0
    SUM = 1
    MEAN = 2
    ONLY_FIRST_REPLICA = 3
    ONLY_FIRST_TOWER = 3  # noqa: PIE796  # the old name


def distribution(
    synchronization: Any, aggregation: Any, trainable: bool | None, name: str | None
) -> tuple[VariableSynchronization, VariableAggregation, bool]:
    """The three arguments with their defaults; ValueError for a mode that there is none of."""
    try:
        found = VariableAggregation.NONE if aggregation is None else VariableAggregation(aggregation)
    except ValueError:
        raise ValueError(f"Invalid variable aggregation mode: {aggregation} for variable: {name}") from None
    try:
        when = VariableSynchronization.AUTO if synchronization is None else VariableSynchronization(synchronization)
    except ValueError:
        raise ValueError(f"Invalid variable synchronization mode: {synchronization} for variable: {name}") from None
    return when, found, when is not VariableSynchronization.ON_READ if trainable is None else trainable


class SaveSliceInfo:
    """Which part of a whole a partition is: how it is called and sliced in checkpoints."""

    def __init__(
        self,
        full_name: str | None = None,
        full_shape: Any = None,
        var_offset: Any = None,
        var_shape: Any = None,
        save_slice_info_def: SaveSliceInfoDef | None = None,
        import_scope: str | None = None,
    ) -> None:
        if save_slice_info_def is not None:
            full_name = prepend_name_scope(save_slice_info_def.full_name, import_scope)
            full_shape = list(save_slice_info_def.full_shape)
            var_offset, var_shape = list(save_slice_info_def.var_offset), list(save_slice_info_def.var_shape)
        self.full_name = full_name
        self.full_shape = full_shape
        self.var_offset = var_offset
        self.var_shape = var_shape

    @property
    def spec(self) -> str:
        """The slice as checkpoints' ops write it: ``"10 4 0,5:0,4"`` is rows 0 to 5 of a 10 by 4 matrix."""
        sizes = "".join(f"{int(d)} " for d in self.full_shape)
        return sizes + ":".join(f"{int(o)},{int(s)}" for o, s in zip(self.var_offset, self.var_shape, strict=True))

    def to_proto(self, export_scope: str | None = None) -> SaveSliceInfoDef | None:
        """The message; None when the variable is not in ``export_scope``."""
        full_name = self.full_name or ""
        if export_scope is not None and not full_name.startswith(export_scope):
            return None
        proto = SaveSliceInfoDef(full_name=strip_name_scope(full_name, export_scope))
        proto.full_shape.extend(self.full_shape)
        proto.var_offset.extend(self.var_offset)
        proto.var_shape.extend(self.var_shape)
        return proto


SliceInfo = SaveSliceInfo
Creator = Callable[..., Any]
_kinds: dict[str, Creator] = {}  # "create", "from_proto": set by variable_kinds, which knows the kinds

_ARGUMENTS: Final = (
    "initial_value", "trainable", "collections", "validate_shape", "caching_device", "name", "variable_def", "dtype",
    "expected_shape", "import_scope", "constraint", "use_resource", "synchronization", "aggregation", "shape",
)  # fmt: skip
_DEFAULTS: Final = {
    "validate_shape": True,
    "synchronization": VariableSynchronization.AUTO,
    "aggregation": VariableAggregation.NONE,
}


def set_kinds(create: Creator, from_proto: Creator) -> None:
    """Tells ``tf.Variable`` how a variable of the wanted kind is made, and made again from its message."""
    _kinds.update(create=create, from_proto=from_proto)


class _VariableType(type):
    """``Variable(...)`` makes a variable of the kind that is asked for; the kinds themselves are plain classes."""

    def __call__(cls, *args: Any, **keywords: Any) -> Any:
        if cls.__name__ != "Variable" or "_is_face" not in cls.__dict__:
            return super().__call__(*args, **keywords)
        if len(args) > len(_ARGUMENTS):
            raise TypeError(f"Variable() takes at most {len(_ARGUMENTS)} arguments, got {len(args)}")
        given: dict[str, Any] = {**dict.fromkeys(_ARGUMENTS), **_DEFAULTS}
        positional = dict(zip(_ARGUMENTS, args, strict=False))
        for key in keywords:
            if key in positional:
                raise TypeError(f"Variable() got multiple values for argument {key!r}")
            if key not in given:
                raise TypeError(f"Variable() got an unexpected keyword argument {key!r}")
        return create_variable(**{**given, **positional, **keywords})


def create_variable(**arguments: Any) -> Any:
    """A variable, made by the creators of the present scope: the innermost first, each with the next one to call."""
    creator = functools.partial(_kinds["create"], None)
    for outer in get_default_graph()._variable_creators:
        creator = functools.partial(outer, creator)
    return creator(**arguments)


@export("variable_creator_scope")
@contextmanager
def variable_creator_scope(variable_creator: Creator) -> Iterator[None]:
    """In the block variables are made by ``variable_creator(next_creator, **arguments of tf.Variable)``."""
    creators = get_default_graph()._variable_creators
    saved = list(creators)
    creators.append(variable_creator)
    try:
        yield
    finally:
        creators[:] = saved


@export("Variable")
class Variable(metaclass=_VariableType):
    """A value that a session keeps between runs, with the ops that read and change it.

    initial_value: array, tensor, or a function without arguments that makes it; trainable: whether it is in the
    collection TRAINABLE_VARIABLES; collections: in which others, GLOBAL_VARIABLES if left out; validate_shape: whether
    its shape is fixed by the initial value; use_resource: its kind, else that of the variable scope or the process;
    variable_def: take it from a message instead. Raises ValueError without an initial value or with one whose shape is
    not known.
    """

    _is_face = True
    is_tensor_like = True
    __array_priority__ = 100
    SaveSliceInfo = SaveSliceInfo
    _save_slice_info: SliceInfo | None = None
    _initial_value: Any
    _initializer_op: Operation
    _trainable: bool
    _synchronization: VariableSynchronization
    _aggregation: VariableAggregation
    _constraint: Any = None
    _caching_device: Any = None

    if TYPE_CHECKING:  # the arguments of _ARGUMENTS: the metaclass sorts them out

        def __init__(self, *args: Any, **keywords: Any) -> None: ...

    # --- what it is: the kinds answer

    @property
    def name(self) -> str:
        raise NotImplementedError

    @property
    def op(self) -> Operation:
        raise NotImplementedError

    @property
    def graph(self) -> Graph:
        return self.op.graph

    @property
    def dtype(self) -> Any:
        raise NotImplementedError

    @property
    def shape(self) -> TensorShape:
        raise NotImplementedError

    def value(self) -> Tensor:
        """The value, read once for all users or each time, as the kind has it."""
        raise NotImplementedError

    def read_value(self) -> Tensor:
        """The value at the time when the result is computed."""
        raise NotImplementedError

    def initialized_value(self) -> Tensor:
        """The value, or the initial value while the variable has none."""
        raise NotImplementedError

    def _as_graph_element(self) -> Tensor:
        raise NotImplementedError

    def to_proto(self, export_scope: str | None = None) -> VariableDef | None:
        """The VariableDef for a MetaGraph; None when the variable is not in ``export_scope``."""
        raise NotImplementedError

    def assign(self, value: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        raise NotImplementedError

    def set_shape(self, shape: Any) -> None:
        """Merges what ``shape`` says into what is known."""
        raise NotImplementedError

    def assign_add(self, delta: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Adds ``delta`` to it."""
        raise NotImplementedError

    def assign_sub(self, delta: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Subtracts ``delta`` from it."""
        raise NotImplementedError

    def count_up_to(self, limit: int) -> Any:
        """Adds 1 until it is ``limit``, and gives the value before; OutOfRangeError from then on."""
        raise NotImplementedError

    def batch_scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Replaces rows within each batch; see ``tf.batch_scatter_update``."""
        raise NotImplementedError

    def _scatter_slices(self, op_type: str, delta: Any, use_locking: Any, name: str | None) -> Any:
        raise NotImplementedError

    def _scatter_nd(self, op_type: str, indices: Any, updates: Any, name: str | None) -> Any:
        raise NotImplementedError

    # --- what follows from that

    def scatter_sub(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Subtracts IndexedSlices from its rows."""
        return self._scatter_slices("ScatterSub", sparse_delta, use_locking, name)

    def scatter_add(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Adds IndexedSlices to its rows."""
        return self._scatter_slices("ScatterAdd", sparse_delta, use_locking, name)

    def scatter_max(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Takes the greater of its rows and those of IndexedSlices."""
        return self._scatter_slices("ScatterMax", sparse_delta, use_locking, name)

    def scatter_min(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Takes the smaller of its rows and those of IndexedSlices."""
        return self._scatter_slices("ScatterMin", sparse_delta, use_locking, name)

    def scatter_mul(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Multiplies its rows by IndexedSlices."""
        return self._scatter_slices("ScatterMul", sparse_delta, use_locking, name)

    def scatter_div(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Divides its rows by IndexedSlices."""
        return self._scatter_slices("ScatterDiv", sparse_delta, use_locking, name)

    def scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Replaces its rows by IndexedSlices."""
        return self._scatter_slices("ScatterUpdate", sparse_delta, use_locking, name)

    def scatter_nd_sub(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Subtracts ``updates`` at ``indices``."""
        return self._scatter_nd("ScatterNdSub", indices, updates, name)

    def scatter_nd_add(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Adds ``updates`` at ``indices``."""
        return self._scatter_nd("ScatterNdAdd", indices, updates, name)

    def scatter_nd_update(self, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Writes ``updates`` at ``indices``."""
        return self._scatter_nd("ScatterNdUpdate", indices, updates, name)

    @staticmethod
    def from_proto(variable_def: VariableDef, import_scope: str | None = None) -> Variable:
        """The variable of a message, whose nodes are in the default graph (under ``import_scope``)."""
        found: Variable = _kinds["from_proto"](variable_def, import_scope)
        return found

    @property
    def device(self) -> str:
        return self.op.device

    def get_shape(self) -> TensorShape:
        return self.shape

    def _shape_as_list(self) -> list[int | None] | None:
        return None if self.shape.ndims is None else self.shape.as_list()

    def _shape_tuple(self) -> tuple[int | None, ...] | None:
        return None if self.shape.ndims is None else tuple(self.shape.as_list())

    @property
    def trainable(self) -> bool:
        return self._trainable

    @property
    def synchronization(self) -> VariableSynchronization:
        return self._synchronization

    @property
    def aggregation(self) -> VariableAggregation:
        return self._aggregation

    @property
    def constraint(self) -> Any:
        """The function that projects the value after each step of an optimizer, or None."""
        return self._constraint

    @property
    def initial_value(self) -> Any:
        """The tensor that the variable begins with."""
        return self._initial_value

    @property
    def initializer(self) -> Operation:
        """The operation that gives it the initial value."""
        return self._initializer_op

    @property
    def _shared_name(self) -> str:
        return self.name[: self.name.index(":")]

    def eval(self, session: Any = None) -> Any:
        """The value in ``session`` or the default session."""
        return self._as_graph_element().eval(session=session)

    def load(self, value: Any, session: Any = None) -> None:
        """Gives it ``value`` in ``session``, without adding to the graph. ValueError without a session."""
        session = session or stacks.sessions.top()
        if session is None:
            raise ValueError("Either session argument should be provided or default session should be established")
        session.run(self.initializer, {self.initializer.inputs[1]: value})

    def _set_save_slice_info(self, save_slice_info: SliceInfo) -> None:
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self) -> SliceInfo | None:
        return self._save_slice_info

    def experimental_ref(self) -> Reference:
        return Reference(self)

    ref = experimental_ref

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __iter__(self) -> Iterator[Any]:
        return iter(self.read_value())

    def __repr__(self) -> str:
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}>"

    def __getitem__(self, key: Any) -> Any:
        """A slice of the value; its ``assign`` changes that part of the variable."""
        found: Any = self.value()[key]
        if found.op.type == "StridedSlice":
            found.assign = functools.partial(self._assign_slice, found.op)
        return found

    def _assign_slice(self, read: Operation, value: Any, name: str | None = None) -> Any:
        begin, end, strides = read.inputs[1:4]
        masks = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
        where = {"begin": begin, "end": end, "strides": strides, **{m: read.get_attr(m) for m in masks}}
        return self._strided_slice_assign(value, name or f"{read.name}/_assign", where)

    def _strided_slice_assign(self, value: Any, name: str, where: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _common_proto(self, proto: VariableDef, export_scope: str | None) -> VariableDef:
        """Fills in what messages of both kinds have."""
        if self._initial_value is not None:
            proto.initial_value_name = strip_name_scope(self._initial_value.name, export_scope)
        proto.initializer_name = strip_name_scope(self.initializer.name, export_scope)
        proto.trainable = self._trainable
        proto.synchronization = self._synchronization.value
        proto.aggregation = self._aggregation.value
        if self._save_slice_info is not None:
            info = self._save_slice_info.to_proto(export_scope)
            if info is not None:
                proto.save_slice_info_def.CopyFrom(info)
        return proto

    def _common_from_proto(self, proto: VariableDef, import_scope: str | None) -> None:
        """Takes from a message what both kinds have."""
        graph = get_default_graph()

        def element(name: str) -> Any:
            return graph.as_graph_element(prepend_name_scope(name, import_scope))

        self._initializer_op = element(proto.initializer_name)
        self._initial_value = element(proto.initial_value_name) if proto.initial_value_name else None
        self._synchronization, self._aggregation, self._trainable = distribution(
            proto.synchronization, proto.aggregation, proto.trainable, proto.variable_name
        )
        if proto.HasField("save_slice_info_def"):
            self._save_slice_info = SaveSliceInfo(
                save_slice_info_def=proto.save_slice_info_def, import_scope=import_scope
            )


_OPERATORS: Final = (
    "add", "radd", "sub", "rsub", "mul", "rmul", "div", "rdiv", "truediv", "rtruediv", "floordiv", "rfloordiv", "mod",
    "rmod", "lt", "le", "gt", "ge", "and", "rand", "or", "ror", "xor", "rxor", "pow", "rpow", "invert", "neg", "abs",
    "matmul", "rmatmul",
)  # fmt: skip


def _delegate(operator: str) -> Callable[..., Any]:
    """The operator of tensors, on the value. It is looked up when it is used: other modules register it."""

    def run(self: Any, *args: Any) -> Any:
        return getattr(Tensor, operator)(self.value(), *args)

    run.__name__ = operator
    return run


for _operator in _OPERATORS:
    setattr(Variable, f"__{_operator}__", _delegate(f"__{_operator}__"))
