"""StridedSlice: Python's ``x[a:b:c, ..., None, i]`` with the parts that are absent given by bit masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from noria import dtypes, shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Out, Value, infer, kernel, lower
from noria.ops._arrays import INT64_MAX, INT64_MIN, as_int64, shape_text, vector_length
from noria.shapes import Dim


@dataclass(frozen=True, slots=True)
class _Part:
    """One step through a specification: what happens to one input axis, or a new axis.

    kind: ``index`` drops the axis, ``range`` keeps a part, ``all`` keeps it, ``new`` adds an axis; at: the place in
    begin, end and strides, -1 for the axes that an ellipsis stands for.
    """

    kind: Literal["index", "range", "all", "new"]
    at: int = -1


def _parts(call: InferCall | KernelCall | Lowering, length: int, rank: int) -> list[_Part]:
    """The specification of ``length`` places read for an input of rank ``rank``; an ellipsis beats the other masks."""
    ellipsis, new, shrink = (call.integer(f"{m}_mask") for m in ("ellipsis", "new_axis", "shrink_axis"))
    if (ellipsis & ((1 << length) - 1)).bit_count() > 1:
        raise InvalidArgumentError("Multiple ellipses in slice spec not allowed")
    at_ellipsis = next((i for i in range(length) if ellipsis >> i & 1), length)
    used = sum(not new >> i & 1 for i in range(length) if i != at_ellipsis)
    if used > rank:
        raise InvalidArgumentError(f"Index out of range using input dim {rank}; input has only {rank} dims")
    parts: list[_Part] = []
    for i in range(max(length, at_ellipsis + 1)):
        if i == at_ellipsis:
            parts.extend([_Part("all")] * (rank - used))
        elif new >> i & 1:
            parts.append(_Part("new", i))
        else:
            parts.append(_Part("index" if shrink >> i & 1 else "range", i))
    return parts


def _bounds(
    call: InferCall | KernelCall | Lowering, at: int, begin: Sequence[Any], end: Sequence[Any], strides: Sequence[Any]
) -> slice:
    return slice(
        None if call.integer("begin_mask") >> at & 1 else begin[at],
        None if call.integer("end_mask") >> at & 1 else end[at],
        strides[at],
    )


@infer("StridedSlice")
def _strided_slice_infer(call: InferCall) -> list[Out]:
    info = call.inputs[0]
    length = next((n for n in map(vector_length, call.inputs[1:]) if n is not None), None)
    if info.shape is None or length is None:
        return [Out(None)]
    if any(vector_length(i) not in (length, None) for i in call.inputs[1:]):
        raise InvalidArgumentError(
            "Expected begin, end, and strides to be 1D equal size tensors, but got shapes "
            f"{', '.join(shapes.text(i.shape) for i in call.inputs[1:])} instead."
        )
    nothing: tuple[Dim, ...] = (None,) * length
    begin, end, strides = (i.known_dims or nothing for i in call.inputs[1:])
    axes = iter(info.shape)
    dims: list[Dim] = []
    for part in _parts(call, length, len(info.shape)):
        if part.kind == "new":
            dims.append(1)
            continue
        dim = next(axes)
        if part.kind == "all":
            dims.append(dim)
        elif part.kind == "range":
            dims.append(_range_length(dim, _bounds(call, part.at, begin, end, strides), call, part.at))
        else:
            _check_index(dim, begin[part.at], strides[part.at], part.at)
    return [Out(tuple(dims), dims=_sliced_dims(call, info.known_dims, begin, end, strides))]


def _range_length(dim: Dim, bounds: slice, call: InferCall, at: int) -> Dim:
    """The number of elements a range keeps of ``dim``; None where that depends on what is unknown."""
    step = bounds.step
    if step == 0:
        raise InvalidArgumentError(f"strides[{at}] must be non-zero")
    begin_given = not call.integer("begin_mask") >> at & 1
    end_given = not call.integer("end_mask") >> at & 1
    if step is None or (begin_given and bounds.start is None) or (end_given and bounds.stop is None):
        return 0 if dim == 0 else None
    if dim is None:
        return None
    return len(range(*bounds.indices(dim)))


def _check_index(dim: Dim, index: Dim, stride: Dim, at: int) -> None:
    if stride is not None and stride < 0:
        raise InvalidArgumentError("only stride 1 allowed on non-range indexing.")
    if stride == 0:
        raise InvalidArgumentError(f"strides[{at}] must be non-zero")
    if dim is not None and index is not None and not -dim <= index < dim:
        shown = index + dim if index < 0 else index
        raise InvalidArgumentError(f"slice index {shown} of dimension {at} out of bounds.")


def _sliced_dims(
    call: InferCall, known: tuple[Dim, ...] | None, begin: Sequence[Dim], end: Sequence[Dim], strides: Sequence[Dim]
) -> tuple[Dim, ...] | None:
    """The elements that are left of a shape vector, where one place of the specification picks them."""
    if known is None or call.inputs[0].rank != 1 or len(begin) != 1:
        return None
    part = _parts(call, 1, 1)[0]
    if part.kind == "index":
        return None if begin[0] is None else (known[begin[0]],)
    if part.kind == "range":
        bounds = _bounds(call, 0, begin, end, strides)
        if _range_length(len(known), bounds, call, 0) is not None:
            return known[bounds]
    return known if part.kind == "all" else None


def numpy_index(call: KernelCall, shape: tuple[int, ...], begin: Array, end: Array, strides: Array) -> tuple[Any, ...]:
    """The index by which NumPy takes from an array of ``shape`` what the node's masks and these vectors describe."""
    if not begin.shape == end.shape == strides.shape or begin.ndim != 1:
        raise InvalidArgumentError(
            "Expected begin, end, and strides to be 1D equal size tensors, but got shapes "
            f"{shape_text(begin.shape)}, {shape_text(end.shape)}, and {shape_text(strides.shape)} instead."
        )
    first, last, steps = ([int(v) for v in a] for a in (begin, end, strides))
    for i, step in enumerate(steps):
        if step == 0:
            raise InvalidArgumentError(f"strides[{i}] must be non-zero")
    index: list[Any] = []
    axes = iter(shape)
    for part in _parts(call, len(first), len(shape)):
        if part.kind == "new":
            index.append(None)
            continue
        dim = next(axes)
        if part.kind == "all":
            index.append(slice(None))
        elif part.kind == "range":
            index.append(_bounds(call, part.at, first, last, steps))
        else:
            _check_index(dim, first[part.at], steps[part.at], part.at)
            index.append(first[part.at])
    return tuple(index)


@kernel("StridedSlice")
def _strided_slice(call: KernelCall, x: Array, begin: Array, end: Array, strides: Array) -> Array:
    result = x[numpy_index(call, x.shape, begin, end, strides)]
    return result if isinstance(result, np.ndarray) else _scalar(result, x.dtype)


def _scalar(value: Any, dtype: np.dtype[Any]) -> Array:
    result = np.empty((), dtype=dtype)
    result[()] = value
    return result


@lower("StridedSlice")
def _strided_slice_lower(op: Lowering) -> Value:
    x = op.inputs[0]
    rank = op.rank(0)
    strides = [int(s) for s in op.const(3)]
    parts = _parts(op, len(strides), rank)
    used = [part for part in parts if part.kind != "new"]
    value = x
    ranges = [(axis, part.at) for axis, part in enumerate(used) if part.kind == "range"]
    indexed = [(axis, part.at) for axis, part in enumerate(used) if part.kind == "index"]
    ranges = [(axis, at) for axis, at in ranges if not _is_whole(op, at, strides[at])]
    if ranges:
        value = _emit_ranges(op, value, ranges, strides)
    for axis, at in reversed(indexed):
        # A Gather of one index fails when it is out of range, as TensorFlow does, and takes negative ones likewise.
        shape = None if value.shape is None else (*value.shape[:axis], *value.shape[axis + 1 :])
        value = op.emit("Gather", value, _element(op, op.inputs[1], at), axis=axis, shape=shape)
    kept = [part for part in parts if part.kind != "index"]
    new = [i for i, part in enumerate(kept) if part.kind == "new"]
    if new:
        value = op.emit("Unsqueeze", value, op.constant(new, dtypes.int64), shape=op.outputs[0].shape)
    return value


def _is_whole(op: Lowering, at: int, step: int) -> bool:
    begin = op.inputs[1].const
    starts = op.integer("begin_mask") >> at & 1 or (begin is not None and begin[at] == 0)
    return bool(step == 1 and starts and op.integer("end_mask") >> at & 1)


def _element(op: Lowering, vector: Value, at: int) -> Value:
    """One element of a vector as an int64 scalar; a known one is a constant."""
    known = _known(vector, at)
    if known is not None:
        return op.constant(known, dtypes.int64)
    index = op.emit("Gather", vector, op.constant(at, dtypes.int64), axis=0, shape=())
    return as_int64(op, index)


def _known(vector: Value, at: int) -> int | None:
    if vector.const is not None:
        return int(vector.const[at])
    return vector.dims[at] if vector.dims is not None else None


def _emit_ranges(op: Lowering, x: Value, ranges: Sequence[tuple[int, int]], strides: Sequence[int]) -> Value:
    begins = _ends(op, "begin_mask", op.inputs[1], ranges, [0 if s > 0 else INT64_MAX for s in strides])
    ends = _ends(op, "end_mask", op.inputs[2], ranges, [INT64_MAX if s > 0 else INT64_MIN for s in strides])
    axes = op.constant([axis for axis, _ in ranges], dtypes.int64)
    inputs = [x, begins, ends, axes]
    if any(strides[at] != 1 for _, at in ranges):
        inputs.append(op.constant([strides[at] for _, at in ranges], dtypes.int64))
    return op.emit("Slice", *inputs, shape=_ranged_shape(op, x, ranges, strides))


def _ranged_shape(
    op: Lowering, x: Value, ranges: Sequence[tuple[int, int]], strides: Sequence[int]
) -> tuple[Dim, ...] | None:
    if x.shape is None:
        return None
    dims = list(x.shape)
    for axis, at in ranges:
        begin, end, dim = _known(op.inputs[1], at), _known(op.inputs[2], at), dims[axis]
        masked = (op.integer("begin_mask") >> at & 1, op.integer("end_mask") >> at & 1)
        if dim is None or (begin is None and not masked[0]) or (end is None and not masked[1]):
            dims[axis] = None
        else:
            bounds = slice(None if masked[0] else begin, None if masked[1] else end, strides[at])
            dims[axis] = len(range(*bounds.indices(dim)))
    return tuple(dims)


def _ends(op: Lowering, mask: str, vector: Value, ranges: Sequence[tuple[int, int]], absent: Sequence[int]) -> Value:
    """The begins (or ends) of ``ranges`` as an int64 vector; ``absent`` replaces the ones that the mask leaves out."""
    numbers = [absent[at] if op.integer(mask) >> at & 1 else _known(vector, at) for _, at in ranges]
    if all(n is not None for n in numbers):
        return op.constant(numbers, dtypes.int64)
    places = [at for _, at in ranges]
    if all(n is None for n in numbers) and vector.shape == (len(places),):
        return as_int64(op, vector)
    elements = [
        op.constant([n], dtypes.int64)
        if n is not None
        else as_int64(op, op.emit("Gather", vector, op.constant([at], dtypes.int64), axis=0, shape=(1,)))
        for n, at in zip(numbers, places, strict=True)
    ]
    return elements[0] if len(elements) == 1 else op.emit("Concat", *elements, axis=0, shape=(len(elements),))
