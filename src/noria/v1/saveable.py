"""What a Saver saves: variables, slices of partitioned ones, and objects that say themselves how they are stored.

A saveable is one thing that is restored at once: the tensors to store with their names in the checkpoint (specs), and
how restored tensors are put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.convert import convert
from noria.v1.device import DeviceSpec
from noria.v1.dtypes import DType
from noria.v1.exports import export, lookup
from noria.v1.graph import get_default_graph
from noria.v1.operation import Tensor
from noria.v1.resource_variable import BaseResourceVariable
from noria.v1.tensor_shape import as_shape
from noria.v1.variables import Variable

_REFERENCES = frozenset({"Variable", "VariableV2", "AutoReloadVariable"})
_VARIABLES = _REFERENCES | {"VarHandleOp", "ReadVariableOp"}


@export("python.training.saving.saveable_object.SaveSpec")
class SaveSpec:
    """One tensor to store: its key and, for a partition, which slice of the whole it is.

    tensor: the tensor, or a function that makes it where it is stored.
    """

    def __init__(self, tensor: Any, slice_spec: str, name: str, dtype: Any = None, device: str | None = None) -> None:
        self._tensor = tensor
        self.slice_spec = slice_spec
        self.name = name
        if callable(tensor) and (dtype is None or device is None):
            raise AssertionError(
                "When passing a callable `tensor` to a SaveSpec, an explicit dtype and device must be provided."
            )
        self.dtype: DType = tensor.dtype if not callable(tensor) else dtype
        self.device: str = tensor.device if device is None else device

    @property
    def tensor(self) -> Tensor:
        found: Tensor = self._tensor() if callable(self._tensor) else self._tensor
        return found


@export("python.training.saving.saveable_object.SaveableObject")
class SaveableObject:
    """Base of what can stand in a Saver's list. ``op``: what it stands for; ``specs``: what is stored for it."""

    def __init__(self, op: Any, specs: Sequence[SaveSpec], name: str) -> None:
        self.op = op
        self.specs = list(specs)
        self.name = name

    @property
    def device(self) -> str:
        return self.specs[0].device

    def restore(self, restored_tensors: Sequence[Tensor], restored_shapes: Sequence[Any] | None) -> Any:
        """Adds the operation that puts restored tensors back; restored_shapes: what to reshape them to, if anything."""
        raise ValueError("Calling an abstract method.")


class ReferenceVariableSaveable(SaveableObject):
    """A reference variable, by its reference tensor or the variable itself."""

    def __init__(self, var: Any, slice_spec: str, name: str) -> None:
        super().__init__(var, [SaveSpec(var, slice_spec, name, dtype=var.dtype)], name)

    def restore(self, restored_tensors: Sequence[Tensor], restored_shapes: Sequence[Any] | None) -> Any:
        value = _reshaped(restored_tensors[0], restored_shapes)
        check = restored_shapes is None and self.op.get_shape().is_fully_defined()
        return apply_op("Assign", None, ref=self.op, value=value, validate_shape=check)


class ResourceVariableSaveable(SaveableObject):
    """A resource variable, or a tensor that reads one."""

    def __init__(self, var: Any, slice_spec: str, name: str) -> None:
        self._device = var.device
        self._shape = var.shape
        self.handle_op = var.op.inputs[0] if isinstance(var, Tensor) else var.handle
        tensor = var if isinstance(var, Tensor) else _reader(var)
        super().__init__(var, [SaveSpec(tensor, slice_spec, name, dtype=var.dtype, device=var.device)], name)

    def restore(self, restored_tensors: Sequence[Tensor], restored_shapes: Sequence[Any] | None) -> Any:
        value = _reshaped(restored_tensors[0], restored_shapes)
        graph = get_default_graph()
        with graph.device(self._device):
            value = apply_op("Identity", None, input=value)
            if not as_shape(self._shape).is_compatible_with(value.shape):
                raise ValueError(
                    f"Received incompatible tensor with shape {value.shape} when attempting to restore variable with "
                    f"shape {self._shape} and name {self.name}."
                )
            return apply_op("AssignVariableOp", None, resource=self.handle_op, value=value)


def _reader(variable: BaseResourceVariable) -> Callable[[], Tensor]:
    def read() -> Tensor:
        graph = get_default_graph()
        with graph.device(variable.device):
            with graph.name_scope("Read"):
                apply_op("DisableCopyOnRead", None, resource=variable.handle)
                value = apply_op("ReadVariableOp", None, resource=variable.handle, dtype=variable.dtype)
            value = apply_op("Identity", None, input=value)
            with graph.device("/device:CPU:0"):
                found: Tensor = apply_op("Identity", None, input=value)
        return found

    return read


def _reshaped(tensor: Tensor, shapes: Sequence[Any] | None) -> Tensor:
    if shapes is None:
        return tensor
    found: Tensor = lookup("", "reshape")(tensor, shapes[0])
    return found


def is_partitioned(value: Any) -> bool:
    """Whether ``value`` is a partitioned variable."""
    return hasattr(value, "_get_variable_list") and hasattr(value, "as_tensor")


def set_cpu0(device: str) -> str:
    """The first CPU of the task that ``device`` is of."""
    spec = DeviceSpec.from_string(device)
    return DeviceSpec(spec.job, spec.replica, spec.task, "CPU", 0).to_string()


def saveables_of(value: Any, name: str) -> Iterator[SaveableObject]:
    """The saveables of what stands under ``name`` in a Saver's dictionary. TypeError and ValueError for anything else.

    value: a variable or its tensor, a SaveableObject, a partitioned variable or the list of its slices.
    """
    if not isinstance(name, str):
        raise TypeError(
            "names_to_saveables must be a dict mapping string names to trackable operations. "
            f"Name is not a string: {name}"
        )
    if isinstance(value, SaveableObject):
        yield value
    elif isinstance(value, list | tuple) or is_partitioned(value):
        yield from _slices(list(value), name)
    elif isinstance(value, BaseResourceVariable):
        yield ResourceVariableSaveable(value._as_graph_element(), "", name)
    elif hasattr(value, "_gather_saveables_for_checkpoint") and not isinstance(value, Variable):
        for attr, factory in value._gather_saveables_for_checkpoint().items():
            full = name if attr == "VARIABLE_VALUE" else f"{name}_{attr}"
            inner = factory(full) if callable(factory) else factory
            yield from saveables_of(inner, inner.name)
    else:
        tensor = convert(value, as_ref=True)
        if not _of_variable(tensor):
            raise TypeError(
                f"names_to_saveables must be a dict mapping string names to Tensors/Variables. Not a variable: {tensor}"
            )
        kind = ReferenceVariableSaveable if tensor.op.type in _REFERENCES else ResourceVariableSaveable
        yield kind(tensor, "", name)


def _slices(parts: Iterable[Any], name: str) -> Iterator[SaveableObject]:
    whole = None
    for part in parts:
        if isinstance(part, SaveableObject):
            yield part
            continue
        if not isinstance(part, Variable):
            raise ValueError(f"Slices must all be Variables: {part}")
        info = part._save_slice_info
        if info is None:
            raise ValueError(f"Slices must all be slices: {part}")
        whole = info.full_name if whole is None else whole
        if whole != info.full_name:
            raise ValueError(f"Slices must all be from the same tensor: {whole} != {info.full_name}")
        kind = ReferenceVariableSaveable if part.op.type in _REFERENCES else ResourceVariableSaveable
        yield kind(part, info.spec, name)


def _of_variable(tensor: Any) -> bool:
    return isinstance(tensor, Tensor) and tensor.op.type in _VARIABLES


def by_name(values: Any) -> dict[str, Any]:
    """A Saver's list as a dictionary: each under the name it has in checkpoints.

    Raises TypeError for what is no list, ValueError for two variables of one name.
    """
    if not isinstance(values, list | tuple | set):
        raise TypeError(f"Variables to save should be passed in a dict or a list. Got {values}")
    found: dict[str, Any] = {}
    for value in sorted(_flat(values), key=lambda v: str(v.name)):
        if isinstance(value, SaveableObject):
            found[value.name] = value
        elif is_partitioned(value):
            if value.name in found:
                raise ValueError(f"At least two variables have the same name: {value.name}")
            found[value.name] = value
        elif isinstance(value, Variable) and value._save_slice_info is not None:
            name = str(value._save_slice_info.full_name)
            if not isinstance(found.setdefault(name, []), list):
                raise ValueError(f"Mixing slices and non-slices with the same name: {name}")
            found[name].append(value)
        elif hasattr(value, "_gather_saveables_for_checkpoint") and not isinstance(value, Variable):
            factories = value._gather_saveables_for_checkpoint().values()
            found.update(by_name([factory() if callable(factory) else factory for factory in factories]))
        else:
            tensor = value._as_graph_element() if isinstance(value, BaseResourceVariable) else None
            tensor = convert(value, as_ref=True) if tensor is None else tensor
            if not _of_variable(tensor):
                raise TypeError(f"Variable to save is not a Variable: {tensor}")
            op = tensor.op.inputs[0].op if tensor.op.type == "ReadVariableOp" else tensor.op
            if op.name in found:
                raise ValueError(f"At least two variables have the same name: {op.name}")
            found[op.name] = tensor
    return found


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple | set):
            yield from _flat(value)
        else:
            yield value


def all_saveables(values: Mapping[str, Any]) -> list[SaveableObject]:
    """The saveables of a Saver's dictionary, by name; ValueError for a thing that is there twice."""
    found: list[SaveableObject] = []
    seen: set[int] = set()  # by identity: variables have operators of their own
    for name, value in sorted(values.items(), key=lambda item: item[0]):
        for saveable in saveables_of(value, name):
            if saveable.op is not None and id(saveable.op) in seen:
                raise ValueError(f"The same saveable will be restored with two names: {saveable.name}")
            found.append(saveable)
            seen.add(id(saveable.op))
    return found
