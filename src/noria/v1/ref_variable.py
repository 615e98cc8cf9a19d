"""Reference variables: a ``VariableV2`` node, ``Assign`` ops that change what it refers to, and an ``Identity`` that
reads it (``w``, ``w/Assign``, ``w/read``): the kind that TensorFlow 1 programs have unless they ask for the other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from noria.protos.tensorflow import AttrValue, VariableDef
from noria.v1.apply_op import apply_op
from noria.v1.control_flow import cond
from noria.v1.convert import convert, register_tensor_conversion_function
from noria.v1.dtypes import DType
from noria.v1.framework import init_scope, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.initial_value import safe_initial_value
from noria.v1.naming import prepend_name_scope, strip_name_scope
from noria.v1.operation import Operation, Tensor
from noria.v1.state_ops import batch_scatter_update
from noria.v1.tensor_shape import TensorShape, as_shape, unknown_shape
from noria.v1.variables import SaveSliceInfo, Variable, distribution


class RefVariable(Variable):
    """A variable of the reference kind. See ``Variable`` for the arguments."""

    _variable: Tensor
    _snapshot: Tensor
    SaveSliceInfo = SaveSliceInfo

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: VariableDef | None = None,
        dtype: Any = None,
        expected_shape: Any = None,
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
        self._caching_device, self._constraint = caching_device, constraint
        with init_scope():
            values = [] if callable(initial_value) else [initial_value]
            with name_scope(name, "Variable", values) as scope:
                self._build(initial_value, scope, dtype, shape, validate_shape)
            get_default_graph().add_to_collections(collections, self)

    def _build(self, initial_value: Any, scope: str, dtype: Any, shape: Any, validate_shape: bool) -> None:
        """Adds the variable's operations, in TensorFlow's order."""
        graph = get_default_graph()
        if callable(initial_value):
            with colocated(scope[:-1]):
                with graph.name_scope("Initializer"), graph.device(None):
                    self._initial_value = convert(initial_value(), dtype, "initial_value")
                self._make(shape, scope, validate_shape)
        else:
            self._initial_value = convert(initial_value, dtype, "initial_value")
            check_not_in_flow(self._initial_value, scope)
            self._make(shape, scope, validate_shape)
        if validate_shape and not self._initial_value.shape.is_fully_defined():
            raise ValueError(f"initial_value must have a shape specified: {self._initial_value}")
        self._initializer_op = apply_op(
            "Assign",
            None,
            ref=self._variable,
            value=safe_initial_value(scope, self._initial_value),
            validate_shape=validate_shape,
        ).op
        where: AbstractContextManager[Any] = (
            graph.device(self._caching_device)
            if self._caching_device is not None
            else graph.colocate_with(self._variable.op)
        )
        with where:
            self._snapshot = apply_op("Identity", "read", input=self._variable)

    def _make(self, shape: Any, scope: str, validate_shape: bool) -> None:
        if shape is None:
            shape = self._initial_value.shape if validate_shape else unknown_shape()
        self._variable = apply_op(
            "VariableV2", scope, shape=as_shape(shape), dtype=self._initial_value.dtype.base_dtype
        )

    def _init_from_proto(self, proto: VariableDef, import_scope: str | None) -> None:
        graph = get_default_graph()
        self._common_from_proto(proto, import_scope)
        self._variable = _tensor(graph.as_graph_element(prepend_name_scope(proto.variable_name, import_scope)))
        self._snapshot = _tensor(graph.as_graph_element(prepend_name_scope(proto.snapshot_name, import_scope)))

    @property
    def name(self) -> str:
        return self._variable.name

    @property
    def op(self) -> Operation:
        return self._variable.op

    @property
    def dtype(self) -> DType:
        return self._variable.dtype

    @property
    def shape(self) -> TensorShape:
        return self._variable.shape

    def set_shape(self, shape: Any) -> None:
        """Merges what ``shape`` says into what is known."""
        self._variable.set_shape(shape)
        self._snapshot.set_shape(shape)

    def _as_graph_element(self) -> Tensor:
        return self._variable

    def _ref(self) -> Tensor:
        return self._variable

    def value(self) -> Tensor:
        """The tensor ``w/read:0``."""
        return self._snapshot

    def read_value(self) -> Tensor:
        found: Tensor = apply_op("Identity", "read", input=self._variable)
        return found

    def initialized_value(self) -> Tensor:
        """The value, or the initial value while the variable has none."""
        with init_scope():
            ready = apply_op("IsVariableInitialized", None, ref=self._variable)
            found: Tensor = cond(ready, self.read_value, lambda: self.initial_value)
        return found

    def to_proto(self, export_scope: str | None = None) -> VariableDef | None:
        if export_scope is not None and not self.name.startswith(export_scope):
            return None
        proto = VariableDef(variable_name=strip_name_scope(self.name, export_scope))
        proto.snapshot_name = strip_name_scope(self._snapshot.name, export_scope)
        return self._common_proto(proto, export_scope)

    # --- changes: each gives the reference after it, or the operation

    def _change(self, op_type: str, name: str | None, **arguments: Any) -> Any:
        return apply_op(op_type, name, ref=self._variable, **arguments)

    def assign(self, value: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Gives it ``value``: the reference afterwards, or the operation where ``read_value`` is False."""
        found = self._change("Assign", name, value=value, use_locking=use_locking)
        return found if read_value else found.op

    def assign_add(self, delta: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Adds ``delta`` to it."""
        found = self._change("AssignAdd", name, value=delta, use_locking=use_locking)
        return found if read_value else found.op

    def assign_sub(self, delta: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Subtracts ``delta`` from it."""
        found = self._change("AssignSub", name, value=delta, use_locking=use_locking)
        return found if read_value else found.op

    def _scatter_slices(self, op_type: str, delta: Any, use_locking: Any, name: str | None) -> Any:
        indices, values = slices_of(delta)
        return self._change(op_type, name, indices=indices, updates=values, use_locking=use_locking)

    def batch_scatter_update(self, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        """Replaces rows within each batch; see ``tf.batch_scatter_update``."""
        return batch_scatter_update(self, sparse_delta.indices, sparse_delta.values, use_locking, name)

    def _scatter_nd(self, op_type: str, indices: Any, updates: Any, name: str | None) -> Any:
        return self._change(op_type, name, indices=indices, updates=updates, use_locking=True)

    def count_up_to(self, limit: int) -> Any:
        """Adds 1 until it is ``limit``, and gives the value before; OutOfRangeError from then on."""
        return self._change("CountUpTo", None, limit=limit)

    def _strided_slice_assign(self, value: Any, name: str, where: dict[str, Any]) -> Any:
        return apply_op("StridedSliceAssign", name, ref=self._variable, value=value, **where)

    def __iadd__(self, other: Any) -> Any:
        return self + other

    def __isub__(self, other: Any) -> Any:
        return self - other

    def __imul__(self, other: Any) -> Any:
        return self * other

    def __itruediv__(self, other: Any) -> Any:
        return self / other

    def __ipow__(self, other: Any) -> Any:
        return self**other


def wanted_collections(initial_value: Any, collections: Any, constraint: Any) -> Any:
    """The collections a new variable goes into; ValueError for arguments that no variable can have."""
    if initial_value is None:
        raise ValueError("initial_value must be specified.")
    collections = [GraphKeys.GLOBAL_VARIABLES] if collections is None else collections
    if not isinstance(collections, list | tuple | set):
        raise ValueError(
            "collections argument to Variable constructor must be a list, tuple, or set. "
            f"Got {collections} of type {type(collections)}"
        )
    if constraint is not None and not callable(constraint):
        raise ValueError("The `constraint` argument must be a callable.")
    return collections


def colocated(name: str) -> AbstractContextManager[None]:
    """A block whose operations are to stay with the operation ``name``, which need not be there yet."""
    value = AttrValue()
    value.list.s.append(b"loc:@" + name.encode())
    return get_default_graph()._attr_scope_block({"_class": value})


def check_not_in_flow(value: Tensor, scope: str) -> None:
    """ValueError for an initial value that only exists within a conditional or a loop."""
    if value.op._get_control_flow_context() is not None:
        raise ValueError(
            f"Initializer for variable {scope} is from inside a control-flow construct, such as a loop or conditional. "
            "When creating a variable inside a loop or conditional, use a lambda as the initializer."
        )


def slices_of(delta: Any) -> tuple[Any, Any]:
    """Indices and values of IndexedSlices; TypeError for anything else."""
    if not (hasattr(delta, "indices") and hasattr(delta, "values") and hasattr(delta, "dense_shape")):
        raise TypeError(f"sparse_delta is not IndexedSlices: {delta}")
    return delta.indices, delta.values


def _tensor(found: Any) -> Tensor:
    assert isinstance(found, Tensor)
    return found


def _convert(value: RefVariable, dtype: DType | None = None, name: str | None = None, as_ref: bool = False) -> Tensor:
    if dtype is not None and not dtype.is_compatible_with(value.dtype):
        raise ValueError(
            f"Incompatible type conversion requested to type '{dtype.name}' for variable of type '{value.dtype.name}'"
        )
    return value._ref() if as_ref else value.value()


register_tensor_conversion_function(RefVariable, _convert, 100)
