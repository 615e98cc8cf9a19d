"""Slots: variables that belong to another one, such as its moving average, and are called after it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from noria.v1.array_shapes import shape as shape_of
from noria.v1.array_shapes import zeros
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.initializers import Zeros
from noria.v1.ref_variable import RefVariable
from noria.v1.scope_state import get_variable_scope
from noria.v1.variable_kinds import is_resource_variable
from noria.v1.variable_scope import get_variable, variable_scope
from noria.v1.variables import SaveSliceInfo, Variable


@export("python.training.slot_creator.create_slot")
def create_slot(primary: Any, val: Any, name: str, colocate_with_primary: bool = True) -> Any:
    """A variable ``primary/name`` that begins with the tensor ``val``."""
    return _slot(primary, val, name, None, None, val.get_shape().is_fully_defined(), colocate=colocate_with_primary)


@export("python.training.slot_creator.create_slot_with_initializer")
def create_slot_with_initializer(
    primary: Any, initializer: Any, shape: Any, dtype: Any, name: str, colocate_with_primary: bool = True
) -> Any:
    """A variable ``primary/name`` of this shape and dtype."""
    known = shape.is_fully_defined()
    return _slot(primary, initializer, name, shape, dtype, known, colocate=colocate_with_primary)


@export("python.training.slot_creator.create_zeros_slot")
def create_zeros_slot(primary: Any, name: str, dtype: Any = None, colocate_with_primary: bool = True) -> Any:
    """A variable ``primary/name`` of zeros, of the shape of ``primary``."""
    dtype = primary.dtype if dtype is None else dtype
    shape = primary.get_shape()
    if shape.is_fully_defined():
        return create_slot_with_initializer(primary, Zeros(), shape, dtype, name, colocate_with_primary)
    sizes = shape_of(primary.initialized_value() if isinstance(primary, Variable) else primary)
    return create_slot(primary, zeros(sizes, dtype), name, colocate_with_primary)


def _slot(primary: Any, value: Any, name: str, shape: Any, dtype: Any, validate_shape: bool, *, colocate: bool) -> Any:
    prefix = primary._shared_name if isinstance(primary, Variable) else primary.op.name
    with variable_scope(None, f"{prefix}/{name}"):
        where: AbstractContextManager[Any] = (
            get_default_graph().colocate_with(primary.op) if colocate else nullcontext()
        )
        with where:
            return _slot_variable(primary, value, shape if callable(value) else None, dtype, validate_shape)


def _slot_variable(primary: Any, value: Any, shape: Any, dtype: Any, validate_shape: bool) -> Any:
    scope = get_variable_scope()
    partitioner = scope.partitioner
    scope.set_partitioner(None)  # the primary may be a slice: its slots are not sliced again
    kind = True if is_resource_variable(primary) else False if isinstance(primary, RefVariable) else None
    try:
        slot = get_variable(
            "",
            initializer=value,
            trainable=False,
            use_resource=kind,
            shape=shape,
            dtype=dtype,
            validate_shape=validate_shape,
        )
    finally:
        scope.set_partitioner(partitioner)
    info = primary._save_slice_info if isinstance(primary, Variable) else None
    rank = slot.shape.ndims
    if info is not None and rank != 0:
        name = f"{info.full_name}/{slot.name[len(primary.op.name) + 1 : -2]}"
        slot._set_save_slice_info(
            SaveSliceInfo(name, info.full_shape[:rank], info.var_offset[:rank], info.var_shape[:rank])
        )
    return slot
