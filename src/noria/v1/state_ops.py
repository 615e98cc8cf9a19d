"""``tf.assign`` and its kin: changes of either kind of variable, and of references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones_like
from noria.v1.array_shapes import shape as shape_of
from noria.v1.arrays import expand_dims
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.joining import concat


def is_reference(ref: Any) -> bool:
    """Whether ``ref`` is a reference: a reference variable, or a tensor that refers to one."""
    return bool(ref.dtype._is_ref_dtype)


@export("is_variable_initialized")
def is_variable_initialized(variable: Any) -> Any:
    """Whether the variable has a value, as a tensor."""
    if is_reference(variable):
        return apply_op("IsVariableInitialized", None, ref=variable)
    return variable.is_initialized()


@export("assign")
def assign(ref: Any, value: Any, validate_shape: Any = None, use_locking: Any = None, name: str | None = None) -> Any:
    """Gives ``ref`` the value; the result is ``ref`` afterwards. validate_shape=False lets the shape change."""
    if is_reference(ref):
        return apply_op("Assign", name, ref=ref, value=value, validate_shape=validate_shape, use_locking=use_locking)
    return ref.assign(value, name=name)


@export("assign_add")
def assign_add(ref: Any, value: Any, use_locking: Any = None, name: str | None = None) -> Any:
    """Adds ``value`` to ``ref``; the result is ``ref`` afterwards."""
    if is_reference(ref):
        return apply_op("AssignAdd", name, ref=ref, value=value, use_locking=use_locking)
    return ref.assign_add(value)


@export("assign_sub")
def assign_sub(ref: Any, value: Any, use_locking: Any = None, name: str | None = None) -> Any:
    """Subtracts ``value`` from ``ref``; the result is ``ref`` afterwards."""
    if is_reference(ref):
        return apply_op("AssignSub", name, ref=ref, value=value, use_locking=use_locking)
    return ref.assign_sub(value)


@export("count_up_to")
def count_up_to(ref: Any, limit: int, name: str | None = None) -> Any:
    """Adds 1 to ``ref`` until it is ``limit``, and gives the value before; OutOfRangeError from then on."""
    if is_reference(ref):
        return apply_op("CountUpTo", name, ref=ref, limit=limit)
    return apply_op("ResourceCountUpTo", name, resource=ref.handle, limit=limit, T=ref.dtype)


def _scatter(op_type: str, what: str, *, locking: bool = False) -> Callable[..., Any]:
    """The function of one scatter op; ``locking`` is the default of use_locking."""

    def function(ref: Any, indices: Any, updates: Any, use_locking: bool = locking, name: str | None = None) -> Any:
        if is_reference(ref):
            return apply_op(op_type, name, ref=ref, indices=indices, updates=updates, use_locking=use_locking)
        return ref.scatter(f"Resource{op_type}", indices, updates, name)

    function.__doc__ = f"{what}; the result is ``ref`` afterwards."
    return function


for _name, _op, _what, _locking in (
    ("scatter_update", "ScatterUpdate", "Replaces the rows of ``ref`` at ``indices`` by ``updates``", True),
    ("scatter_add", "ScatterAdd", "Adds ``updates`` to the rows of ``ref`` at ``indices``", False),
    ("scatter_sub", "ScatterSub", "Subtracts ``updates`` from the rows of ``ref`` at ``indices``", False),
    ("scatter_mul", "ScatterMul", "Multiplies the rows of ``ref`` at ``indices`` by ``updates``", False),
    ("scatter_div", "ScatterDiv", "Divides the rows of ``ref`` at ``indices`` by ``updates``", False),
    ("scatter_min", "ScatterMin", "Takes the smaller of ``updates`` and the rows of ``ref`` at ``indices``", False),
    ("scatter_max", "ScatterMax", "Takes the greater of ``updates`` and the rows of ``ref`` at ``indices``", False),
    ("scatter_nd_update", "ScatterNdUpdate", "Writes ``updates`` into ``ref`` at ``indices``", True),
    ("scatter_nd_add", "ScatterNdAdd", "Adds ``updates`` to ``ref`` at ``indices``", False),
    ("scatter_nd_sub", "ScatterNdSub", "Subtracts ``updates`` from ``ref`` at ``indices``", False),
):
    export(_name)(_scatter(_op, _what, locking=_locking))

scatter_nd_update = _scatter("ScatterNdUpdate", "Writes ``updates`` into ``ref`` at ``indices``", locking=True)


@export("batch_scatter_update")
def batch_scatter_update(
    ref: Any, indices: Any, updates: Any, use_locking: bool = True, name: str | None = None
) -> Any:
    """Replaces rows within each batch: ``ref[i, indices[i, j]] = updates[i, j]``. ValueError for unknown ranks."""
    with name_scope(name):
        given = convert(indices, name="indices")
        shape = shape_of(given)
        if given.shape.ndims is None:
            raise ValueError("batch_gather does not allow indices with unknown shape.")
        last = expand_dims(given, axis=-1)
        parts = []
        for axis in range(given.shape.ndims - 1):
            size = shape[axis]
            sizes: list[Any] = [1] * (given.shape.ndims + 1)
            sizes[axis] = size
            steps = apply_op("Range", None, start=0, limit=size, delta=1)
            steps = apply_op("Reshape", None, tensor=steps, shape=sizes)
            if steps.dtype.base_dtype != last.dtype:
                steps = apply_op("Cast", None, x=steps, DstT=last.dtype)
            parts.append(steps * ones_like(last))
        where = concat([*parts, last], axis=-1)
        return scatter_nd_update(ref, where, updates, use_locking=use_locking)
