"""Lists of tensors as values (``tf.TensorArray`` of TensorFlow 2, ``map_fn``, ``scan``, recurrent layers).

An element that was never set reads as zeros, of a shape that the op, the list or another element tells. Refusals have
the words of TensorFlow's ``list_kernels``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, Info, KernelCall, infer, kernel
from noria.ops._tensor_list import TensorList, concatenated, partial_shape, stacked, zeros
from noria.shapes import Shape


def _given_shape(info: Info) -> Shape:
    """The element shape that a shape tensor tells, as far as it is known."""
    dims = info.known_dims
    if dims is None or info.shape == () or info.shape is None:
        return None
    return tuple(None if d is None or d < 0 else d for d in dims)


def _static(shape: Shape, message: str) -> tuple[int, ...]:
    if shape is None or None in shape:
        raise InvalidArgumentError(f"{message}{shapes.text(shape)}")
    return tuple(d for d in shape if d is not None)


def _list(value: Any) -> TensorList:
    if not isinstance(value, TensorList):
        raise InvalidArgumentError(f"Input handle is not a list. Saw: {type(value).__name__}")
    return value


@infer(
    "TensorListReserve", "EmptyTensorList", "TensorListFromTensor", "TensorListSetItem", "TensorListPushBack",
    "TensorListLength", "TensorListScatter", "TensorListScatterV2", "TensorListScatterIntoExistingList",
    "TensorListSplit", "TensorListResize",
)  # fmt: skip
def _scalar_infer(call: InferCall) -> list[Shape]:
    return [()]


# --- making lists


@kernel("TensorListReserve")
def _reserve(call: KernelCall, element_shape: Array, count: Array) -> TensorList:
    n = int(count)
    if n < 0:
        raise InvalidArgumentError(f"The num_elements to reserve must be a non negative number, but got {n}")
    return TensorList(call.dtype("element_dtype"), partial_shape(element_shape), [None] * n)


@kernel("EmptyTensorList")
def _empty(call: KernelCall, element_shape: Array, most: Array) -> TensorList:
    return TensorList(call.dtype("element_dtype"), partial_shape(element_shape), [])


@kernel("TensorListFromTensor")
def _from_tensor(call: KernelCall, tensor: Array, element_shape: Array) -> TensorList:
    shape = partial_shape(element_shape)
    _check_rows(tensor, shape)
    return TensorList(call.dtype("element_dtype"), shape, _rows(tensor))


def _rows(tensor: Array) -> list[Any]:
    """The parts of ``tensor`` along its first axis, as arrays where they are numbers or text, whatever their rank."""
    if tensor.ndim > 1:
        return list(tensor)
    if tensor.dtype == object and tensor.size and not isinstance(tensor[0], bytes):
        return list(tensor)  # variants are objects as they are
    return [tensor[i : i + 1].reshape(()) for i in range(len(tensor))]


def _check_rows(tensor: Array, shape: Shape) -> None:
    if tensor.ndim == 0:
        raise InvalidArgumentError("Tensor must be at least a vector, but saw shape: []")
    if not shapes.compatible(shape, tensor.shape[1:]):
        raise InvalidArgumentError(
            f"Specified a list with shape {shapes.text(shape)} from a tensor with shape {shapes.text(tensor.shape[1:])}"
        )


@kernel("TensorListScatter", "TensorListScatterV2")
def _scatter(
    call: KernelCall, tensor: Array, indices: Array, element_shape: Array, count: Array | None = None
) -> TensorList:
    shape = partial_shape(element_shape)
    _check_rows(tensor, shape)
    if indices.size != len(tensor):
        raise InvalidArgumentError(
            f"Invalid number of rows in input tensor. Expected: {indices.size} Actual: {len(tensor)}"
        )
    n = -1 if count is None else int(count)
    if n < -1:
        raise InvalidArgumentError(f"TensorListScatter expects num_elements >= -1, found: {n}")
    places = [int(i) for i in indices.reshape(-1)]
    if any(i < 0 for i in places):
        raise InvalidArgumentError("Indices in TensorListScatter must all be non-negative.")
    highest = max(places, default=-1)
    if n != -1 and highest >= n:
        raise InvalidArgumentError(f"TensorListScatter: Trying to scatter at index {highest} in list with size {n}")
    items: list[Any] = [None] * (highest + 1 if n == -1 else n)
    for place, row in zip(places, _rows(tensor), strict=True):
        items[place] = row
    return TensorList(call.dtype("element_dtype"), shape, items)


@kernel("TensorListScatterIntoExistingList")
def _scatter_into(call: KernelCall, handle: Any, tensor: Array, indices: Array) -> TensorList:
    found = _list(handle)
    found.check_dtype(call.dtype("element_dtype"))
    if tensor.ndim == 0:
        raise InvalidArgumentError("Tensor must be at least a vector, but saw shape: []")
    if indices.ndim != 1:
        raise InvalidArgumentError(f"Expected indices to be a vector, but received shape: {shapes.text(indices.shape)}")
    if indices.size != len(tensor):
        raise InvalidArgumentError(
            f"Expected len(indices) == tensor.shape[0], but saw: {indices.size} vs. {len(tensor)}"
        )
    items = list(found.items)
    items += [None] * (int(indices.max(initial=-1)) + 1 - len(items))
    for place, row in zip(indices, _rows(tensor), strict=True):
        if place < 0:
            raise InvalidArgumentError(f"Trying to scatter at index {place} in a list with {len(items)} elements")
        items[place] = row
    return found.copy(items)


@kernel("TensorListSplit")
def _split(call: KernelCall, tensor: Array, element_shape: Array, lengths: Array) -> TensorList:
    shape = partial_shape(element_shape)
    if shape == ():
        raise InvalidArgumentError("TensorListSplit requires element_shape to be at least of rank 1, but saw: []")
    if tensor.ndim == 0:
        raise InvalidArgumentError("Tensor must be at least a vector, but saw shape: []")
    if shape is not None and not shapes.compatible(shape[1:], tensor.shape[1:]):
        raise InvalidArgumentError(
            f"tensor shape {shapes.text(tensor.shape)} is not compatible with element_shape {shapes.text(shape)}"
        )
    if lengths.ndim != 1:
        raise InvalidArgumentError(f"Expected lengths to be a vector, received shape: {shapes.text(lengths.shape)}")
    return TensorList(call.dtype("element_dtype"), shape, split_rows(tensor, lengths))


def split_rows(tensor: Array, lengths: Array) -> list[Array]:
    """``tensor`` cut along its first axis into pieces of these lengths, which must use it up."""
    pieces = []
    start = 0
    for length in lengths.tolist():
        if length < 0:
            raise InvalidArgumentError(f"Invalid value in lengths: {length}")
        end = start + length
        if end > len(tensor):
            raise InvalidArgumentError(f"Attempting to slice [{start}, {end}] from tensor with length {len(tensor)}")
        pieces.append(tensor[start:end])
        start = end
    if start != len(tensor):
        raise InvalidArgumentError(f"Unused values in tensor. Length of tensor: {len(tensor)} Values used: {start}")
    return pieces


# --- single elements


@infer("TensorListGetItem")
def _get_infer(call: InferCall) -> list[Shape]:
    return [_given_shape(call.inputs[2])]


@kernel("TensorListGetItem")
def _get(call: KernelCall, handle: Any, index: Array, element_shape: Array) -> Any:
    found = _list(handle)
    dtype = call.dtype("element_dtype")
    if dtype is not found.dtype:
        found.check_dtype(dtype)
    items, i = found.items, int(index)
    if not 0 <= i < len(items):
        raise InvalidArgumentError(f"Trying to access element {i} in a list with {len(items)} elements.")
    item = items[i]
    if item is not None:
        return item
    shape = found.wanted(element_shape)
    if not shapes.is_static(shape):
        shape = found.merged(shape, items)
    if not shapes.is_static(shape):
        raise InvalidArgumentError(
            "Trying to read an uninitialized tensor but element_shape is not fully defined: "
            f"{shapes.text(shape)} and no list element is set."
        )
    return zeros(dtype, _static(shape, ""))


@kernel("TensorListSetItem")
def _set(call: KernelCall, handle: Any, index: Array, item: Any) -> TensorList:
    found = _list(handle)
    dtype: DType = call.dtype("element_dtype")
    if dtype is not found.dtype:
        found.check_dtype(dtype)
    i, n = int(index), len(found.items)
    if i >= n and i >= 0 and call.flag("resize_if_index_out_of_bounds"):
        found = found.copy([*found.items, *[None] * (i + 1 - n)])
    elif not 0 <= i < n:
        raise InvalidArgumentError(f"Trying to modify element {i} in a list with {n} elements.")
    if not shapes.compatible(found.shape, np.shape(item)):
        raise InvalidArgumentError(
            f"Tried to set a tensor with incompatible shape at a list index. Item element shape: "
            f"{shapes.text(np.shape(item))} list shape: {shapes.text(found.shape)}"
        )
    return found.with_item(i, item)


@kernel("TensorListPushBack")
def _push(call: KernelCall, handle: Any, item: Any) -> TensorList:
    found = _list(handle)
    found.check_dtype(call.dtype("element_dtype"))
    if not shapes.compatible(found.shape, np.shape(item)):
        raise InvalidArgumentError(
            "Tried to append a tensor with incompatible shape to a list. Op element shape: "
            f"{shapes.text(np.shape(item))} list shape: {shapes.text(found.shape)}"
        )
    return found.pushed(item)


@infer("TensorListPopBack")
def _pop_infer(call: InferCall) -> list[Shape]:
    return [(), _given_shape(call.inputs[1])]


@kernel("TensorListPopBack")
def _pop(call: KernelCall, handle: Any, element_shape: Array) -> tuple[TensorList, Any]:
    found = _list(handle)
    found.check_dtype(call.dtype("element_dtype"))
    if not found.items:
        raise InvalidArgumentError("Trying to pop from an empty list.")
    item = found.items[-1]
    if item is None:
        shape = found.wanted(element_shape)
        item = zeros(
            found.dtype,
            _static(shape, "Trying to read an uninitialized tensor but element_shape is not fully defined."),
        )
    return found.popped(), item


@infer("TensorListPushBackBatch")
def _push_batch_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("TensorListPushBackBatch")
def _push_batch(call: KernelCall, handles: Array, tensor: Array) -> Array:
    if tensor.ndim == 0 or handles.ndim != 1 or len(tensor) != len(handles):
        raise InvalidArgumentError(
            f"Expected tensor.shape[0] == input_handles.size, but saw {shapes.text(tensor.shape)} vs. "
            f"{shapes.text(handles.shape)}"
        )
    out = np.empty(len(handles), object)
    for i, (handle, row) in enumerate(zip(handles, _rows(tensor), strict=True)):
        out[i] = _push(call, handle, row)
    return out


# --- whole lists


@kernel("TensorListLength")
def _length(call: KernelCall, handle: Any) -> Array:
    return np.array(len(_list(handle).items), np.int32)


@infer("TensorListElementShape")
def _element_shape_infer(call: InferCall) -> list[Shape]:
    return [None]


@kernel("TensorListElementShape")
def _element_shape(call: KernelCall, handle: Any) -> Array:
    shape = _list(handle).shape
    if shape is None:
        return np.array(-1, call.dtype("shape_type").numpy)
    return np.array([-1 if d is None else d for d in shape], call.dtype("shape_type").numpy)


@kernel("TensorListResize")
def _resize(call: KernelCall, handle: Any, size: Array) -> TensorList:
    found, n = _list(handle), int(size)
    if n < 0:
        raise InvalidArgumentError(f"TensorListSlice expects size to be non-negative. Got: {n}")
    return found.copy([*found.items[:n], *[None] * (n - len(found.items))])


@infer("TensorListStack")
def _stack_infer(call: InferCall) -> list[Shape]:
    element = _given_shape(call.inputs[1])
    count = call.integer("num_elements")
    return [None if element is None else (None if count < 0 else count, *element)]


@kernel("TensorListStack")
def _stack(call: KernelCall, handle: Any, element_shape: Array) -> Array:
    found = _list(handle)
    dtype = call.dtype("element_dtype")
    found.check_dtype(dtype)
    items, wanted = found.items, call.integer("num_elements")
    if wanted not in (-1, len(items)):
        raise InvalidArgumentError(
            f"Operation expected a list with {wanted} elements but got a list with {len(items)} elements."
        )
    shape = found.wanted(element_shape)
    if not items and not shapes.is_static(shape):
        raise InvalidArgumentError(
            "Tried to stack elements of an empty list with non-fully-defined element_shape: " + shapes.text(shape)
        )
    shape = found.merged(shape, items)
    return stacked(
        items,
        dtype,
        _static(
            shape,
            "Tried to stack list which only contains uninitialized tensors and has a non-fully-defined element_shape: ",
        ),
    )


@infer("TensorListGather")
def _gather_infer(call: InferCall) -> list[Shape]:
    element, indices = _given_shape(call.inputs[2]), call.shape(1)
    count = indices[0] if indices is not None and len(indices) == 1 else None
    return [None if element is None else (count, *element)]


@kernel("TensorListGather")
def _gather(call: KernelCall, handle: Any, indices: Array, element_shape: Array) -> Array:
    found = _list(handle)
    dtype = call.dtype("element_dtype")
    found.check_dtype(dtype)
    shape = found.wanted(element_shape)
    if not indices.size and not shapes.is_static(shape):
        raise InvalidArgumentError(
            f"Tried to gather 0-elements from a list with non-fully-defined shape: {shapes.text(shape)}"
        )
    items = found.items
    for i in indices.reshape(-1):
        if not 0 <= i < len(items):
            raise InvalidArgumentError(f"Trying to gather element {i} in a list with {len(items)} elements.")
    chosen = [items[i] for i in indices.reshape(-1)]
    shape = found.merged(shape, chosen)
    return stacked(
        chosen,
        dtype,
        _static(shape, "Tried to gather uninitialized tensors from a list with non-fully-defined element_shape: "),
    )


@infer("TensorListConcat", "TensorListConcatV2")
def _concat_infer(call: InferCall) -> list[Shape]:
    element = call.shape_attr("element_shape") if call.node.op == "TensorListConcat" else _given_shape(call.inputs[1])
    return [None if not element else (None, *element[1:]), (None,)]


@kernel("TensorListConcat")
def _concat(call: KernelCall, handle: Any) -> tuple[Array, Array]:
    shape = call.shape_attr("element_shape")
    if shape == ():
        raise InvalidArgumentError("element_shape must not be empty")
    found = _list(handle)
    return _concatenate(call, found, None, None if shape is None else shape[1:], np.empty(0, np.int64))


@kernel("TensorListConcatV2")
def _concat_v2(call: KernelCall, handle: Any, element_shape: Array, leading: Array) -> tuple[Array, Array]:
    found = _list(handle)
    shape = found.wanted(element_shape)
    if shape == ():
        raise InvalidArgumentError("Concat requires elements to be at least vectors, found scalars instead.")
    first = None if shape is None else shape[0]
    return _concatenate(call, found, first, None if shape is None else shape[1:], leading)


def _concatenate(
    call: KernelCall, found: TensorList, first: int | None, rest: Shape, leading: Array
) -> tuple[Array, Array]:
    """first: rows of every element, where the op says so; leading: rows of elements that were never set."""
    dtype = call.dtype("element_dtype")
    found.check_dtype(dtype)
    items = found.items
    if not items and not shapes.is_static(rest):
        raise InvalidArgumentError(
            "All except the first dimension must be fully defined when concating an empty tensor list. "
            f"element_shape: {shapes.text(rest)}"
        )
    rows: set[int] = set()
    for i, item in enumerate(items):
        if item is None:
            continue
        shape = np.shape(item)
        if not shape:
            raise InvalidArgumentError(f"Concat saw a scalar shape at index {i} but requires at least vectors.")
        rest = found.merged(rest, [item[:1].reshape(shape[1:])]) if shape[0] else shapes.merge(rest, shape[1:])
        if first not in (None, shape[0]):
            raise InvalidArgumentError(
                "First entry of element_shape input does not match the first dim of list element at index: "
                f"{i} Expected: {first} Actual: {shape[0]}"
            )
        rows.add(shape[0])
    if first is None and len(rows) == 1:
        [first] = rows
    row = _static(
        rest,
        "Trying to concat list with only uninitialized tensors but element_shape_except_first_dim is not fully "
        "defined: ",
    )
    lengths = [_rows_of(item, i, first, leading) for i, item in enumerate(items)]
    parts = [zeros(dtype, (n, *row)) if item is None else item for n, item in zip(lengths, items, strict=True)]
    return concatenated(parts, dtype, row), np.array(lengths, np.int64)


def _rows_of(item: Any, index: int, first: int | None, leading: Array) -> int:
    if item is not None:
        return int(np.shape(item)[0])
    if index < leading.size:
        return int(leading.reshape(-1)[index])
    if first is None:
        raise InvalidArgumentError(
            f"List contains uninitialized tensor at index {index} but leading_dims has only {leading.size} elements."
        )
    return first


@infer("TensorListConcatLists")
def _concat_lists_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("TensorListConcatLists")
def _concat_lists(call: KernelCall, a: Any, b: Any) -> Any:
    dtype = call.dtype("element_dtype")
    if isinstance(a, TensorList):
        first, second = a, _list(b)
        first.check_dtype(dtype)
        second.check_dtype(dtype)
        return first.copy([*first.items, *second.items])
    out = np.empty(a.shape, object)
    for i in np.ndindex(a.shape):
        out[i] = _concat_lists(call, a[i], b[i])
    return out
