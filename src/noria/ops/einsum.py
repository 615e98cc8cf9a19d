"""Einstein sums of one or two tensors.

An equation is cut into labels once shapes are known; an ellipsis becomes labels of its own. The lowering writes a sum
of two tensors as one matrix product between transpositions and reshapes (which a constant weight undergoes once, when
the model is compiled), because that is where the engine is fast.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.ops._numeric import quiet, typed, wide
from noria.shapes import Dim, Shape


@dataclass(frozen=True, slots=True)
class _Equation:
    """inputs, output: the labels of each tensor, one per axis; ``...k`` is an axis of the ellipsis, k from its end."""

    inputs: tuple[tuple[str, ...], ...]
    output: tuple[str, ...]


def _labels(term: str, ellipsis_rank: int) -> tuple[str, ...]:
    before, dots, after = term.partition("...")
    covered = tuple(f"...{k}" for k in range(ellipsis_rank, 0, -1)) if dots else ()
    return (*before, *covered, *after)


def _parse(equation: str, ranks: Sequence[int]) -> _Equation:
    """The labels of every axis; InvalidArgumentError where the equation is none or does not fit the ranks."""
    left, arrow, right = equation.partition("->")
    if not arrow or "->" in right:
        raise InvalidArgumentError(f"Expecting exactly one '->' in einsum equation: {equation}")
    terms = left.split(",")
    if len(terms) not in (1, 2):
        raise InvalidArgumentError(
            f"Expecting 1 or 2 input subscripts in equation '{equation}' but got: {len(terms)}; "
            "split the sum into steps of two tensors"
        )
    if len(terms) != len(ranks):
        raise InvalidArgumentError(f"equation '{equation}' is of {len(terms)} tensors but {len(ranks)} are given")
    inputs: list[tuple[str, ...]] = []
    covered = 0
    for i, (term, rank) in enumerate(zip(terms, ranks, strict=True)):
        named = len(term.replace("...", "", 1))
        if rank != named and ("..." not in term or rank < named):
            raise InvalidArgumentError(
                f"Expected input {i} to have rank {'at least ' if '...' in term else ''}{named} but got: {rank}"
            )
        inputs.append(_labels(term, rank - named))
        covered = max(covered, rank - named)
    if covered and "..." not in right:
        raise InvalidArgumentError(
            f"Output contains {covered} broadcasting dimension(s) but no ellipsis (...) was found in the output "
            "subscripts."
        )
    output = _labels(right, covered)
    for label in output:
        if not any(label in labels for labels in inputs):
            raise InvalidArgumentError(f"label '{label}' of the output of '{equation}' is in no input")
    return _Equation(tuple(inputs), output)


def _sizes(equation: _Equation, given: Sequence[Shape]) -> dict[str, Dim]:
    """The size of each label; ellipsis axes broadcast, all others must agree."""
    sizes: dict[str, Dim] = {}
    for i, (labels, shape) in enumerate(zip(equation.inputs, given, strict=True)):
        for axis, (label, dim) in enumerate(zip(labels, shape or (), strict=True)):
            if label.startswith("..."):
                sizes[label] = shapes.broadcast_sizes(sizes[label], dim) if label in sizes else dim
                continue
            before = sizes.get(label)
            if before is not None and dim is not None and before != dim:
                raise InvalidArgumentError(
                    f"Expected dimension {before} at axis {axis} of the input {i} shaped {shapes.text(shape)} "
                    f"but got dimension {dim}"
                )
            sizes[label] = dim if before is None else before
    return sizes


@infer("Einsum")
def _einsum_infer(call: InferCall) -> Sequence[Shape]:
    given = [info.shape for info in call.inputs]
    if any(shape is None for shape in given):
        return [None]
    equation = _parse(call.text("equation"), [len(shape or ()) for shape in given])
    sizes = _sizes(equation, given)
    return [tuple(sizes[label] for label in equation.output)]


@kernel("Einsum")
@quiet
def _einsum(call: KernelCall, *inputs: Array) -> Array:
    equation = _parse(call.text("equation"), [x.ndim for x in inputs])
    sizes = _sizes(equation, [x.shape for x in inputs])
    number = {label: i for i, label in enumerate(sizes)}
    unique = list(dict.fromkeys(equation.output))
    operands: list[Any] = []
    for x, labels in zip(inputs, equation.inputs, strict=True):
        operands += [wide(x), [number[label] for label in labels]]
    total = np.einsum(*operands, [number[label] for label in unique], optimize=len(inputs) > 1)
    if len(unique) < len(equation.output):
        total = _on_diagonal(np.asarray(total), unique, equation.output, sizes)
    return typed(total, call.output_dtype)


def _on_diagonal(total: Array, unique: Sequence[str], output: Sequence[str], sizes: Mapping[str, Dim]) -> Array:
    """``total`` on the diagonal of axes whose label the output repeats, 0 beside it."""
    spread = np.zeros([sizes[label] or 0 for label in output], total.dtype)
    grid = np.indices(total.shape, sparse=True)
    spread[tuple(grid[unique.index(label)] for label in output)] = total
    return spread


# ---- lowering ---------------------------------------------------------------------------------------------------


@lower("Einsum")
def _einsum_lower(op: Lowering) -> Value:
    given = [v.shape for v in op.inputs]
    dtype = op.inputs[0].dtype
    if any(shape is None for shape in given):
        op.cannot("the rank of an input is unknown")
    equation = _parse(op.text("equation"), [len(shape or ()) for shape in given])
    sizes = _sizes(equation, given)
    if any(len(set(labels)) < len(labels) for labels in (*equation.inputs, equation.output)):
        op.cannot("a tensor repeats a label")
    if _ellipsis_broadcasts(equation, given):
        op.cannot("the axes of the ellipsis may broadcast")
    through = dtypes.float32 if dtype in (dtypes.float16, dtypes.bfloat16) else op.widened("MatMul", dtype)
    operands = [_Operand(op.cast(v, through), labels) for v, labels in zip(op.inputs, equation.inputs, strict=True)]
    if len(operands) == 1:
        result = _summed(op, operands[0], set(equation.output))
    else:
        result = _contract(op, operands[0], operands[1], equation.output, sizes)
    result = _ordered(op, result, equation.output)
    return op.cast(result.value, dtype)


def _ellipsis_broadcasts(equation: _Equation, given: Sequence[Shape]) -> bool:
    """Whether an axis of the ellipsis that two tensors share is not known to be of one size in both."""
    found: dict[str, Dim] = {}
    for labels, shape in zip(equation.inputs, given, strict=True):
        for label, dim in zip(labels, shape or (), strict=True):
            if label.startswith("...") and label in found and (dim is None or dim != found[label]):
                return True
            found[label] = dim
    return False


@dataclass(frozen=True, slots=True)
class _Operand:
    value: Value
    labels: tuple[str, ...]


def _summed(op: Lowering, operand: _Operand, keep: set[str]) -> _Operand:
    """``operand`` summed over the labels that nothing else needs."""
    axes = [i for i, label in enumerate(operand.labels) if label not in keep]
    if not axes:
        return operand
    total = op.emit("ReduceSum", operand.value, op.constant(axes, dtypes.int64), keepdims=0)
    return _Operand(total, tuple(label for label in operand.labels if label in keep))


def _ordered(op: Lowering, operand: _Operand, labels: Sequence[str]) -> _Operand:
    perm = [operand.labels.index(label) for label in labels]
    return _Operand(op.transpose(operand.value, perm), tuple(labels))


def _contract(op: Lowering, a: _Operand, b: _Operand, output: Sequence[str], sizes: Mapping[str, Dim]) -> _Operand:
    """Two operands as one matrix product [batch, rows, inner] x [batch, inner, columns]."""
    a = _summed(op, a, {*output, *b.labels})
    b = _summed(op, b, {*output, *a.labels})
    batch = [x for x in output if x in a.labels and x in b.labels]
    inner = [x for x in a.labels if x in b.labels and x not in output]
    rows = [x for x in output if x in a.labels and x not in b.labels]
    columns = [x for x in output if x in b.labels and x not in a.labels]
    # The side without batch axes may keep several row axes as they are: the product broadcasts over them.
    left = _grouped(op, a, [*[[x] for x in batch], *([[x] for x in rows] if not batch else [rows]), inner], sizes)
    right = _grouped(op, b, [*[[x] for x in batch], inner, columns], sizes)
    product = op.emit("MatMul", left, right)
    order = [*batch, *rows, *columns]
    row_groups = [rows] if batch else [[x] for x in rows]
    if all(len(group) == 1 for group in (*row_groups, columns)):
        return _Operand(product, tuple(order))
    return _Operand(_split(op, product, [*[[x] for x in batch], *row_groups, columns], sizes, (a, b)), tuple(order))


def _grouped(op: Lowering, operand: _Operand, groups: Sequence[Sequence[str]], sizes: Mapping[str, Dim]) -> Value:
    """``operand`` transposed to the labels of ``groups`` in order, each group flattened to one axis."""
    labels = [label for group in groups for label in group]
    value = _ordered(op, operand, labels).value
    if all(len(group) == 1 for group in groups):
        return value
    return _reshaped(op, value, labels, groups, sizes)


def _flat_size(group: Sequence[str], sizes: Mapping[str, Dim]) -> Dim:
    known = [d for d in (sizes[label] for label in group) if d is not None]
    return math.prod(known) if len(known) == len(group) else None


def _reshaped(
    op: Lowering, value: Value, labels: Sequence[str], groups: Sequence[Sequence[str]], sizes: Mapping[str, Dim]
) -> Value:
    dims = [_flat_size(group, sizes) for group in groups]
    if _one_unknown(dims):
        return op.reshape(value, [-1 if d is None else d for d in dims])
    parts: list[Value] = []
    whole = op.shape_of(value)
    for group, dim in zip(groups, dims, strict=True):
        if dim is not None:
            parts.append(op.constant([dim], dtypes.int64))
            continue
        own = op.emit("Gather", whole, op.constant([labels.index(x) for x in group], dtypes.int64))
        parts.append(own if len(group) == 1 else op.emit("ReduceProd", own, keepdims=1))
    return _reshape_to(op, value, parts, tuple(dims))


def _one_unknown(dims: Sequence[Dim]) -> bool:
    """Whether a constant Reshape says it all: no unknown, or one that -1 stands for (not beside a 0)."""
    return None not in dims or (dims.count(None) == 1 and 0 not in dims)


def _reshape_to(op: Lowering, value: Value, parts: Sequence[Value], shape: Shape) -> Value:
    target = op.emit("Concat", *parts, axis=0)
    return op.emit("Reshape", value, target, shape=shape, allowzero=1)


def _split(
    op: Lowering,
    product: Value,
    groups: Sequence[Sequence[str]],
    sizes: Mapping[str, Dim],
    operands: tuple[_Operand, _Operand],
) -> Value:
    """The axes of a product taken apart again into the labels of ``groups``."""
    labels = [label for group in groups for label in group]
    dims = [sizes[label] for label in labels]
    if _one_unknown(dims):
        return op.reshape(product, [-1 if d is None else d for d in dims])
    leading = 0  # axes that stay in their place can be copied: 0 in a Reshape without allowzero
    while leading < len(groups) and len(groups[leading]) == 1:
        leading += 1
    if dims[leading:].count(None) == 0 and 0 not in dims:
        copied = [0] * leading + [d or 0 for d in dims[leading:]]
        return op.emit("Reshape", product, op.constant(copied, dtypes.int64), shape=tuple(dims))
    parts = [_size_of(op, label, sizes, operands) for label in labels]
    return _reshape_to(op, product, parts, tuple(dims))


def _size_of(op: Lowering, label: str, sizes: Mapping[str, Dim], operands: tuple[_Operand, _Operand]) -> Value:
    dim = sizes[label]
    if dim is not None:
        return op.constant([dim], dtypes.int64)
    owner = next(o for o in operands if label in o.labels)
    return op.emit("Gather", op.shape_of(owner.value), op.constant([owner.labels.index(label)], dtypes.int64))
