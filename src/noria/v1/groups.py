"""``tf.group``, ``tf.tuple``, ``tf.no_op``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from noria.v1.apply_op import create
from noria.v1.control_flow import with_dependencies
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.nest import flatten
from noria.v1.operation import Operation, Tensor


@export("no_op")
def no_op(name: str | None = None) -> Operation:
    """An operation that does nothing."""
    return create("NoOp", name)


def _after(device: str, inputs: Sequence[Any], name: str | None = None) -> Operation:
    graph = get_default_graph()
    with graph.control_dependencies(inputs), graph.device(device):
        return no_op(name)


@export("group")
def group(*inputs: Any, **kwargs: Any) -> Operation:
    """An operation that is done when all of ``inputs`` (nested tensors and operations) are; ``name``."""
    name = kwargs.pop("name", None)
    if kwargs:
        raise ValueError("Unknown keyword arguments: " + ", ".join(kwargs))
    with name_scope(name, "group_deps", inputs) as scope:
        if not inputs:
            return no_op(scope)
        by_device: dict[str, list[Any]] = {}
        for value in flatten(inputs, composites=True):
            if not hasattr(value, "device"):
                raise TypeError(
                    f"'inputs' should be zero or more (nested) Tensors. Received '{value}' with type '{type(value)}'."
                )
            by_device.setdefault(value.device, []).append(value)
        if len(by_device) == 1:
            ((device, values),) = by_device.items()
            return _after(device, values, scope)
        ends = [_after(device, by_device[device]) for device in sorted(by_device)]
        with get_default_graph().control_dependencies(ends):
            return no_op(scope)


@export("tuple")
def tuple_(tensors: Sequence[Any], name: str | None = None, control_inputs: Sequence[Any] | None = None) -> list[Any]:
    """``tensors``, each of them only there when all of them are, and ``control_inputs`` have run.

    Raises ValueError when there is no tensor, TypeError for control inputs of another kind.
    """
    with name_scope(name, "tuple", tensors):
        values = [v if v is None or isinstance(v, Operation) or is_tensor(v) else convert(v) for v in tensors]
        gates = [v if isinstance(v, Operation) else v.op for v in values if v is not None]
        for value in control_inputs or ():
            if not isinstance(value, Tensor | Operation):
                raise TypeError(f"`control_inputs` must only contain Operation or Tensor. Received: {control_inputs}")
            gates.append(value.op if isinstance(value, Tensor) else value)
        if not gates:
            raise ValueError(f"`tensors` must have at least one Tensor. Received: {tensors}.")
        gate = group(*sorted(set(gates), key=lambda op: op._id))
        found: list[Any] = []
        for value in values:
            if isinstance(value, Operation):
                with get_default_graph().control_dependencies([gate]):
                    found.append(group(value))
            else:
                found.append(None if value is None else with_dependencies([gate], value))
        return found
