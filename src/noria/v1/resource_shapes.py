"""Shapes of what is read through handles and references: the variable's own op says what it holds."""

from __future__ import annotations

from typing import Any, Final

from noria import shapes
from noria.graph.graph import Node, ShapeAttr
from noria.graph.rules import Info
from noria.shapes import Shape

# Ops that pass a handle on; the first input is what comes out.
_PASS: Final = frozenset({"Identity", "Switch", "Enter", "RefEnter", "Exit", "Merge", "NextIteration"})
_READS: Final = frozenset({"ReadVariableOp", "ResourceGather", "ResourceGatherNd"})


def handle_shape(tensor: Any) -> Shape:
    """The shape of the variable behind a resource tensor of a graph being built; None where it is not known."""
    seen = 0
    while tensor.op.type in _PASS and tensor.op.inputs and seen < 1000:
        tensor = tensor.op.inputs[0]
        seen += 1
    if tensor.op.type != "VarHandleOp":
        return None
    shape = tensor.op.node.attrs["shape"]
    assert isinstance(shape, ShapeAttr)
    return shape.dims


def refine(node: Node, inputs: Any, infos: list[Info]) -> list[Info]:
    """What inference found for ``node``, with what the handle among ``inputs`` tells of the value read through it."""
    if not inputs or inputs[0] is None:
        return infos
    if node.op.startswith(("Scatter", "StridedSliceAssign")) and inputs[0].dtype._is_ref_dtype:
        return [Info(infos[0].dtype, inputs[0].info.shape)]  # a scatter gives the reference back
    if node.op == "LookupTableFindV2":
        return [Info(infos[0].dtype, shapes.merge(infos[0].shape, _found_shape(inputs)))]
    if node.op not in _READS:
        return infos
    held = handle_shape(inputs[0])
    if held is None:
        return infos
    found: Shape = held
    if node.op == "ResourceGather":
        batch_dims = node.attrs["batch_dims"]
        assert isinstance(batch_dims, int)
        indices = inputs[1].info.shape
        found = None if indices is None else held[:batch_dims] + indices[batch_dims:] + held[batch_dims + 1 :]
    elif node.op == "ResourceGatherNd":
        indices = inputs[1].info.shape
        known = indices is not None and len(indices) > 0 and indices[-1] is not None
        found = indices[:-1] + held[indices[-1] :] if known else None
    return [Info(infos[0].dtype, shapes.merge(infos[0].shape, found)), *infos[1:]]


def _found_shape(inputs: Any) -> Shape:
    """The shape of values found in a table: that of the keys, and of one value where the table says it."""
    keys, table = inputs[1].info.shape, inputs[0].op.node.attrs
    value = table.get("value_shape")
    return keys + value.dims if keys is not None and isinstance(value, ShapeAttr) and value.dims is not None else None
