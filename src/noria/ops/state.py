"""Variables: handles, reads, assignments and updates.

Between ops a variable travels as the ``Variable`` object itself. Reference variables do too: the importer gives every
consumer that wants a value a ``ReadVariableOp``, and the ops that change a reference take the ``Variable`` and return
the value they gave it, so a fetched ``Assign`` shows its own update whatever other calls do meanwhile.

Arrays of variables are read-only, and are changed in place only while the variable alone holds them
(``Variable.update``): a reader may keep what it got.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError, OutOfRangeError
from noria.graph.graph import Array, ShapeAttr
from noria.graph.resources import Variable
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.shapes import Shape

ANONYMOUS: Final = "cd2c89b7-88b7-44c8-ad83-06c2a9158347"  # TensorFlow's name for a resource that nobody else may find


def kept(value: Array) -> Array:
    """``value`` as an array that nobody can change: itself if no writeable array owns its memory, else a copy.

    Arrays of a checkpoint are read-only views of the file and stay uncopied, whatever their size.
    """
    part: object = value
    while isinstance(part, np.ndarray):
        if part.flags.writeable:
            copy = value.copy()
            copy.flags.writeable = False
            return copy
        part = part.base
    return value


def _own(value: Any) -> Array:
    """A result that an update has just made, sealed."""
    array = np.asarray(value)
    array.flags.writeable = False
    return array


# --- handles and reads


@infer("VarHandleOp")
def _handle_infer(call: InferCall) -> list[Shape]:
    return [()]


@infer("VariableV2", "Variable")
def _variable_infer(call: InferCall) -> list[Shape]:
    shape = call.shape_attr("shape")
    # "Variable" wrote an unknown shape as a scalar's, so () says nothing there.
    return [None if call.node.op == "Variable" and shape == () else shape]


@kernel("VarHandleOp", "VariableV2", "Variable")
def _handle(call: KernelCall) -> Variable:
    name = call.text("shared_name") or call.name
    dtype, shape = call.dtype("dtype"), call.shape_attr("shape")
    if call.node.op == "Variable" and shape == ():
        shape = None
    by_reference = call.node.op != "VarHandleOp"
    if name == ANONYMOUS:
        return Variable(call.name, dtype, shape)
    found = call.resources.get_or_create(
        call.text("container"), name, Variable, lambda: Variable(name, dtype, shape, by_reference=by_reference)
    )
    if found.dtype is not dtype:
        raise InvalidArgumentError(
            f"Trying to access variable {name!r} of dtype {found.dtype} as {dtype} (node {call.name!r})"
        )
    return found


@infer("ReadVariableOp")
def _read_infer(call: InferCall) -> list[Shape]:
    handle = call.inputs[0].handle
    shape = handle.attrs.get("shape") if handle is not None else None
    if not isinstance(shape, ShapeAttr) or (handle is not None and handle.op == "Variable" and shape.dims == ()):
        return [None]
    return [shape.dims]


@kernel("ReadVariableOp")
def _read(call: KernelCall, variable: Variable) -> Array:
    if variable.dtype is not call.dtype("dtype"):
        raise InvalidArgumentError(
            f"Trying to read variable with wrong dtype. Expected {call.dtype('dtype')} got {variable.dtype}"
            f" (variable {variable.name!r})"
        )
    return variable.read()


@infer("VarIsInitializedOp", "IsVariableInitialized")
def _is_initialized_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("VarIsInitializedOp", "IsVariableInitialized")
def _is_initialized(call: KernelCall, variable: Variable) -> Array:
    return np.asarray(variable.value is not None)


@infer("VariableShape")
def _variable_shape_infer(call: InferCall) -> list[Shape]:
    return [(None,)]


@kernel("VariableShape")
def _variable_shape(call: KernelCall, variable: Variable) -> Array:
    return np.array(variable.read().shape, call.output_dtype)


@infer("DestroyResourceOp", "DisableCopyOnRead", "AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp")
def _no_output_infer(call: InferCall) -> list[Shape]:
    return []


@kernel("DestroyResourceOp")
def _destroy(call: KernelCall, resource: Any) -> tuple[()]:
    """Forgets a variable's value. Other resources live as long as their model."""
    if isinstance(resource, Variable):
        resource.assign(None)
    return ()


@kernel("DisableCopyOnRead")
def _disable_copy_on_read(call: KernelCall, variable: Variable) -> tuple[()]:
    return ()  # reads never copy here


# --- assignment


def _assign(variable: Variable, value: Array, *, validate_shape: bool) -> Array:
    if value.dtype != variable.dtype.numpy:
        raise InvalidArgumentError(
            f"Trying to assign variable with wrong dtype. Expected {variable.dtype} got {value.dtype}"
            f" (variable {variable.name!r})"
        )
    new = kept(value)
    with variable.lock:
        if validate_shape:
            expected = variable.shape if variable.value is None else variable.value.shape
            if not shapes.compatible(expected, new.shape):
                raise InvalidArgumentError(
                    "Trying to assign to variable with tensor with wrong shape. "
                    f"Expected {shapes.text(expected)} got {shapes.text(new.shape)} (variable {variable.name!r})"
                )
        variable.assign(new)
    return new


@kernel("AssignVariableOp")
def _assign_variable(call: KernelCall, variable: Variable, value: Array) -> tuple[()]:
    _assign(variable, value, validate_shape=call.flag("validate_shape"))
    return ()


@infer("Assign")
def _assign_infer(call: InferCall) -> list[Shape]:
    variable, value = call.inputs
    # A graph that is being built has a reference here, one that is compiled a handle, which has no shape to compare.
    if not call.flag("validate_shape") or variable.dtype is dtypes.resource:
        return [value.shape]
    if not shapes.compatible(variable.shape, value.shape):
        raise InvalidArgumentError(_difference(variable.shape, value.shape))
    return [shapes.merge(variable.shape, value.shape)]


def _difference(a: Shape, b: Shape) -> str:
    """Why two shapes are not one, in the words of TensorFlow's shape functions."""
    if a is None or b is None or len(a) != len(b):
        return f"Shapes must be equal rank, but are {len(a or ())} and {len(b or ())}"
    at = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if None not in (x, y) and x != y)
    return (
        f"Dimension {at} in both shapes must be equal, but are {a[at]} and {b[at]}. "
        f"Shapes are {shapes.text(a)} and {shapes.text(b)}."
    )


@kernel("Assign")
def _assign_ref(call: KernelCall, variable: Variable, value: Array) -> Array:
    if call.flag("validate_shape") and not shapes.compatible(variable.shape, value.shape):
        raise InvalidArgumentError(
            "Assign requires shapes of both tensors to match. "
            f"lhs shape= {shapes.text(variable.shape)} rhs shape= {shapes.text(value.shape)}"
            f" (variable {variable.name!r})"
        )
    return _assign(variable, value, validate_shape=False)


def _add_to(variable: Variable, value: Array, step: Callable[..., Any]) -> Array:
    if value.dtype != variable.dtype.numpy:
        raise InvalidArgumentError(
            f"DType of variable handle and value does not match: variable {variable.name!r} is {variable.dtype}, "
            f"the value {value.dtype}"
        )

    def change(old: Array, room: Array | None) -> Array:
        if old.shape != value.shape:
            raise InvalidArgumentError(
                f"Cannot update variable with shape {shapes.text(old.shape)} using a Tensor with shape "
                f"{shapes.text(value.shape)}, shapes must be equal. (variable {variable.name!r})"
            )
        with np.errstate(all="ignore"):
            return np.asarray(step(old, value, out=room))

    return variable.update(change)


@kernel("AssignAddVariableOp", "AssignSubVariableOp")
def _assign_step(call: KernelCall, variable: Variable, value: Array) -> tuple[()]:
    _add_to(variable, value, np.add if call.node.op == "AssignAddVariableOp" else np.subtract)
    return ()


@infer("AssignAdd", "AssignSub")
def _assign_step_ref_infer(call: InferCall) -> list[Shape]:
    return [call.shape(1)]


@kernel("AssignAdd", "AssignSub")
def _assign_step_ref(call: KernelCall, variable: Variable, value: Array) -> Array:
    return _add_to(variable, value, np.add if call.node.op == "AssignAdd" else np.subtract)


@infer("CountUpTo", "ResourceCountUpTo")
def _count_up_to_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("CountUpTo", "ResourceCountUpTo")
def _count_up_to(call: KernelCall, variable: Variable) -> Array:
    """Adds one to a scalar and returns what it was; OutOfRangeError, and no change, once it has reached ``limit``."""
    limit = call.integer("limit")
    with variable.lock:
        old = variable.read()
        if old.ndim:
            raise InvalidArgumentError(f"input is not a scalar: {shapes.text(old.shape)}")
        if int(old) >= limit:
            raise OutOfRangeError(f"Reached limit of {limit}")
        variable.assign(_own(old + old.dtype.type(1)))
    return old
