"""Resource variables: a handle (``VarHandleOp``), and reads and assignments that happen where control flow puts them.

The ops are ``w``, ``w/Initializer/…``, ``w/IsInitialized/VarIsInitializedOp``, ``w/Assign``, ``w/Read/ReadVariableOp``;
every use of the value reads it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from noria.protos.tensorflow import VariableDef
from noria.v1.apply_op import apply_op
from noria.v1.control_flow import cond
from noria.v1.convert import convert, register_tensor_conversion_function
from noria.v1.dtypes import DType, as_dtype
from noria.v1.framework import init_scope, name_scope
from noria.v1.graph import Graph, get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.initial_value import safe_initial_value
from noria.v1.naming import prepend_name_scope, strip_name_scope
from noria.v1.operation import Operation, Tensor
from noria.v1.ref_variable import colocated, slices_of, wanted_collections
from noria.v1.resource_shapes import handle_shape
from noria.v1.state_ops import batch_scatter_update
from noria.v1.tensor_shape import TensorShape, as_shape, of_core
from noria.v1.variables import SaveSliceInfo, Variable, VariableAggregation, VariableSynchronization, distribution


class BaseResourceVariable(Variable):
    """What is done with a handle."""

    _handle: Tensor
    _dtype: DType
    _shape: TensorShape
    _graph_element: Tensor
    _cached_value: Tensor | None = None
    _validate_shape = True
    _is_initialized_op: Tensor | None = None
    SaveSliceInfo = SaveSliceInfo

    @property
    def handle(self) -> Tensor:
        """The resource tensor."""
        return self._handle

    @property
    def name(self) -> str:
        return self._handle.name

    @property
    def op(self) -> Operation:
        return self._handle.op

    @property
    def graph(self) -> Graph:
        return self._handle.graph

    @property
    def device(self) -> str:
        return self._handle.device

    @property
    def dtype(self) -> DType:
        return self._dtype

    @property
    def shape(self) -> TensorShape:
        return self._shape

    def set_shape(self, shape: Any) -> None:
        """Merges what ``shape`` says into what is known."""
        self._shape = self._shape.merge_with(shape)

    @property
    def create(self) -> Operation:
        """The operation that gives it the initial value."""
        return self._initializer_op

    def _as_graph_element(self) -> Tensor:
        return self._graph_element

    def value(self) -> Tensor:
        """The value, read here; the cached one where there is a caching device."""
        if self._cached_value is not None:
            return self._cached_value
        with self.graph.as_default(), self.graph.colocate_with(None, ignore_existing=True):
            return self._read_variable_op()

    def _read_variable_op(self) -> Tensor:
        found: Tensor
        if self._caching_device is not None:
            graph = self.graph
            with graph.colocate_with(None, ignore_existing=True), graph.device(self._caching_device):
                found = apply_op("ReadVariableOp", None, resource=self._handle, dtype=self._dtype)
        else:
            found = apply_op("ReadVariableOp", None, resource=self._handle, dtype=self._dtype)
        return found

    def read_value(self) -> Tensor:
        """The value, read here."""
        with name_scope("Read"):
            value = self._read_variable_op()
        found: Tensor = apply_op("Identity", None, input=value)
        return found

    def sparse_read(self, indices: Any, name: str | None = None) -> Tensor:
        """The rows at ``indices``."""
        with name_scope("Gather" if name is None else name) as scope:
            found: Tensor = apply_op("ResourceGather", scope, resource=self._handle, indices=indices, dtype=self._dtype)
        return found

    def gather_nd(self, indices: Any, name: str | None = None) -> Tensor:
        """The slices at ``indices``."""
        with name_scope("GatherNd" if name is None else name) as scope:
            value = apply_op("ResourceGatherNd", scope, resource=self._handle, indices=indices, dtype=self._dtype)
        found: Tensor = apply_op("Identity", None, input=value)
        return found

    def is_initialized(self, name: str | None = None) -> Tensor:
        """Whether it has a value."""
        found: Tensor = apply_op("VarIsInitializedOp", name, resource=self._handle)
        return found

    def initialized_value(self) -> Tensor:
        """The value, or the initial value while the variable has none."""
        with init_scope():
            ready = self.is_initialized()
            found: Tensor = cond(ready, self.read_value, lambda: self.initial_value)
        return found

    def count_up_to(self, limit: int) -> Tensor:
        """Adds 1 until it is ``limit``, and gives the value before; OutOfRangeError from then on."""
        found: Tensor = apply_op("ResourceCountUpTo", None, resource=self._handle, limit=limit, T=self._dtype)
        return found

    def to_proto(self, export_scope: str | None = None) -> VariableDef | None:
        if export_scope is not None and not self._handle.name.startswith(export_scope):
            return None
        snapshot = self._graph_element if self._cached_value is None else self._cached_value
        proto = VariableDef(variable_name=strip_name_scope(self._handle.name, export_scope), is_resource=True)
        proto.snapshot_name = strip_name_scope(snapshot.name, export_scope)
        return self._common_proto(proto, export_scope)

    # --- changes: each gives a variable that is read after it, or the operation

    def _lazy_read(self, op: Operation) -> UnreadVariable:
        return UnreadVariable(self._handle, self._dtype, self._shape, op)

    @contextmanager
    def _before_changes(self) -> Iterator[None]:
        """Changes come after what was read ahead."""
        graph = self.graph
        if self._cached_value is None:
            with graph.as_default():
                yield
            return
        with graph.as_default(), graph.control_dependencies([self._cached_value]):
            yield

    def assign(self, value: Any, use_locking: Any = None, name: str | None = None, read_value: bool = True) -> Any:
        """Gives it ``value``. ValueError for a shape that does not fit."""
        with self.graph.as_default():
            given = convert(value, self._dtype)
            if not self._shape.is_compatible_with(given.shape):
                raise ValueError(
                    f"Cannot assign value to variable ' {self.name}': Shape mismatch.The variable shape {self._shape}, "
                    f"and the assigned value shape {given.shape} are incompatible."
                )
            check = self._validate_shape and self._shape.is_fully_defined()
            op = apply_op("AssignVariableOp", name, resource=self._handle, value=given, validate_shape=check)
            return self._lazy_read(op) if read_value else op

    def _assign_by(self, op_type: str, delta: Any, name: str | None, read_value: bool) -> Any:
        with self._before_changes():
            op = apply_op(op_type, name, resource=self._handle, value=convert(delta, self._dtype))
        return self._lazy_read(op) if read_value else op

    def assign_add(self, delta: Any, use_locking: Any = None, name: str | None = None, read_value: bool = True) -> Any:
        """Adds ``delta`` to it."""
        return self._assign_by("AssignAddVariableOp", delta, name, read_value)

    def assign_sub(self, delta: Any, use_locking: Any = None, name: str | None = None, read_value: bool = True) -> Any:
        """Subtracts ``delta`` from it."""
        return self._assign_by("AssignSubVariableOp", delta, name, read_value)

    def scatter(self, op_type: str, indices: Any, updates: Any, name: str | None = None) -> Any:
        """Changes rows or elements by one of the ``ResourceScatter…`` ops."""
        given = convert(updates, self._dtype)
        key = "ref" if op_type.startswith("ResourceScatterNd") else "resource"
        op = apply_op(op_type, name, indices=indices, updates=given, **{key: self._handle})
        return self._lazy_read(op)

    def _scatter_slices(self, op_type: str, delta: Any, use_locking: Any, name: str | None) -> Any:
        return self.scatter(f"Resource{op_type}", *slices_of(delta), name)

    def _scatter_nd(self, op_type: str, indices: Any, updates: Any, name: str | None) -> Any:
        return self.scatter(f"Resource{op_type}", indices, updates, name)

    def batch_scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Replaces rows within each batch; see ``tf.batch_scatter_update``."""
        return batch_scatter_update(self, sparse_delta.indices, sparse_delta.values, use_locking, name)

    def _strided_slice_assign(self, value: Any, name: str, where: dict[str, Any]) -> Any:
        with self._before_changes():
            given = convert(value, self._dtype)
            op = apply_op("ResourceStridedSliceAssign", name, ref=self._handle, value=given, **where)
            return self._lazy_read(op)


def _refused(operator: str, instead: str) -> Callable[[Any, Any], NoReturn]:
    def refuse(self: Any, other: Any) -> NoReturn:
        raise RuntimeError(
            f"`variable {operator}= value` with `tf.Variable`s is not supported. Use `variable.{instead}` to modify "
            f"the variable, or `out = variable {operator} value` if you need to get a new output Tensor."
        )

    return refuse


for _method, _operator, _instead in (
    ("__iadd__", "+", "assign_add(value)"),
    ("__isub__", "-", "assign_sub(value)"),
    ("__imul__", "*", "assign(var * value)"),
    ("__itruediv__", "/", "assign(var / value)"),
    ("__ipow__", "**", "assign(var ** value)"),
):
    setattr(BaseResourceVariable, _method, _refused(_operator, _instead))


class ResourceVariable(BaseResourceVariable):
    """A variable of the resource kind. See ``Variable`` for the arguments."""

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        dtype: Any = None,
        variable_def: VariableDef | None = None,
        import_scope: str | None = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if variable_def is not None:
            if initial_value is not None:
                raise ValueError("variable_def and initial_value are mutually exclusive.")
            self._init_from_proto(variable_def, import_scope)
            return
        collections = wanted_collections(initial_value, collections, constraint)
        self._synchronization, self._aggregation, self._trainable = distribution(
            synchronization, aggregation, trainable, name
        )
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in collections:
            collections = [*collections, GraphKeys.TRAINABLE_VARIABLES]
        self._caching_device, self._constraint, self._validate_shape = caching_device, constraint, validate_shape
        with init_scope():
            values = [] if callable(initial_value) else [initial_value]
            with name_scope(name, "Variable", values) as scope:
                self._make_handle(initial_value, scope, dtype, shape)
                self._add_operations(scope)
                get_default_graph().add_to_collections(collections, self)

    def _make_handle(self, initial_value: Any, scope: str, dtype: Any, shape: Any) -> None:
        graph = get_default_graph()
        name = scope[:-1]
        with colocated(name):
            with graph.name_scope("Initializer"), graph.device(None):
                given = initial_value() if callable(initial_value) else initial_value
                self._initial_value = convert(given, dtype, "initial_value")
            if shape is not None and not self._initial_value.shape.is_compatible_with(shape):
                raise ValueError(
                    f"In this `tf.Variable` creation, the initial value's shape ({self._initial_value.shape}) is not "
                    f"compatible with the explicitly supplied `shape` argument ({shape})."
                )
            self._shape = as_shape(self._initial_value.shape if shape is None else shape)
            self._dtype = self._initial_value.dtype.base_dtype
            self._handle = apply_op(
                "VarHandleOp",
                scope,
                shape=self._shape,
                dtype=self._dtype,
                shared_name=name,
                debug_name=scope,
                container=graph._container,
            )
        if self._initial_value.op._get_control_flow_context() is not None:
            raise ValueError(
                f"The `initial_value` passed to `tf.Variable` {scope} is from inside a control-flow  construct, such "
                "as a loop or conditional. When creating a `tf.Variable` inside a loop or conditional, use a lambda as "
                f"the `initial_value`. Got: initial_value=({self._initial_value})"
            )

    def _add_operations(self, scope: str) -> None:
        graph = get_default_graph()
        handle = self._handle
        with graph.name_scope("IsInitialized"):
            self._is_initialized_op = apply_op("VarIsInitializedOp", None, resource=handle)
        with (
            graph.name_scope("Assign") as assign,
            graph.colocate_with(None, ignore_existing=True),
            graph.device(handle.device),
        ):
            value = safe_initial_value(scope, self._initial_value)
            self._initializer_op = apply_op("AssignVariableOp", assign, resource=handle, value=value)
        with graph.name_scope("Read"):
            with graph.device(handle.device):
                self._graph_element = apply_op("ReadVariableOp", None, resource=handle, dtype=self._dtype)
            if self._caching_device is not None:
                with graph.colocate_with(None, ignore_existing=True), graph.device(self._caching_device):
                    self._cached_value = apply_op("Identity", None, input=self._graph_element)

    def _init_from_proto(self, proto: VariableDef, import_scope: str | None) -> None:
        if not proto.is_resource:
            raise ValueError(
                "Trying to restore a TF 1.x Reference Variable as a TF 2.x ResourceVariable. This is unsupported. "
                f"Got variable_def={proto}"
            )
        graph = get_default_graph()
        self._common_from_proto(proto, import_scope)
        handle = graph.as_graph_element(prepend_name_scope(proto.variable_name, import_scope), allow_operation=False)
        assert isinstance(handle, Tensor)
        self._handle = handle
        self._shape = of_core(handle_shape(handle))
        self._dtype = as_dtype(handle.op.get_attr("dtype"))
        if not proto.snapshot_name:
            self._graph_element = graph.get_tensor_by_name(f"{handle.op.name}/Read/ReadVariableOp:0")
            return
        snapshot = graph.as_graph_element(prepend_name_scope(proto.snapshot_name, import_scope))
        assert isinstance(snapshot, Tensor)
        if snapshot.op.type != "ReadVariableOp":
            self._cached_value = snapshot
        while snapshot.op.type != "ReadVariableOp":
            snapshot = snapshot.op.inputs[0]
        self._graph_element = snapshot


class UnreadVariable(BaseResourceVariable):
    """A variable as it is after an operation changed it; reading it waits for that operation."""

    def __init__(self, handle: Tensor, dtype: DType, shape: TensorShape, parent: Operation) -> None:
        self._handle, self._dtype, self._shape, self._parent_op = handle, dtype, shape, parent
        self._initial_value = None
        self._trainable = True
        self._synchronization = VariableSynchronization.AUTO
        self._aggregation = VariableAggregation.NONE
        with parent.graph.as_default(), parent.graph.control_dependencies([parent]):
            self._graph_element = apply_op("ReadVariableOp", None, resource=handle, dtype=dtype)

    @property
    def name(self) -> str:
        return self._parent_op.name

    @property
    def op(self) -> Operation:
        return self._parent_op

    def value(self) -> Tensor:
        return self._read_variable_op()

    def read_value(self) -> Tensor:
        return self._read_variable_op()

    def _read_variable_op(self) -> Tensor:
        with self.graph.control_dependencies([self._parent_op]):
            found: Tensor = apply_op("ReadVariableOp", None, resource=self._handle, dtype=self._dtype)
        return found

    def assign(self, value: Any, use_locking: Any = None, name: str | None = None, read_value: bool = True) -> Any:
        with self.graph.control_dependencies([self._parent_op]):
            return super().assign(value, use_locking, name, read_value)

    def _assign_by(self, op_type: str, delta: Any, name: str | None, read_value: bool) -> Any:
        with self.graph.control_dependencies([self._parent_op]):
            return super()._assign_by(op_type, delta, name, read_value)

    def scatter(self, op_type: str, indices: Any, updates: Any, name: str | None = None) -> Any:
        with self.graph.control_dependencies([self._parent_op]):
            return super().scatter(op_type, indices, updates, name)


def _convert(
    value: BaseResourceVariable, dtype: DType | None = None, name: str | None = None, as_ref: bool = False
) -> Tensor:
    if dtype is not None and not dtype.is_compatible_with(value.dtype):
        raise ValueError(
            f"Incompatible type conversion requested to type {dtype.name} for `tf.Variable of type {value.dtype.name}. "
            f"(Variable: {value})"
        )
    return value.read_value().op.inputs[0] if as_ref else value.value()


register_tensor_conversion_function(BaseResourceVariable, _convert, 100)
