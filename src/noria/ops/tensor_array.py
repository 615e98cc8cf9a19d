"""TensorArray and Stack of TensorFlow 1: arrays of tensors that one run makes, fills and reads.

The handle is the array itself, made anew in every run. The flow, a float that nothing reads, orders the ops; a reader
that takes the flow of a writer runs after it. Refusals have the words of TensorFlow's ``tensor_array``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array, ShapeAttr
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._tensor_list import concatenated, stacked, zeros
from noria.shapes import Shape

_FLOW = np.float32(0.0)
_PLACE = "Could not write to TensorArray index {} because"


class TensorArray:
    """The array behind a handle.

    dynamic: it grows when something is written behind its end; clear: an element is forgotten when it is read; same:
    all elements have the shape of the first; sums: writing to an index again adds, as gradients do.
    """

    __slots__ = (
        "_cleared", "_items", "_shapes", "clear", "closed", "dtype", "dynamic", "grads", "name", "same", "shape",
        "sums",
    )  # fmt: skip

    def __init__(
        self, name: str, dtype: DType, shape: Shape, size: int, *, dynamic: bool, clear: bool, same: bool
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.dynamic = dynamic
        self.clear = clear
        self.same = same
        self.sums = False
        self.closed = False
        self.grads: dict[str, TensorArray] = {}
        self._items: list[Any] = [None] * size
        self._shapes: dict[int, Shape] = {}  # of elements, that of a gradient's element even before it is written
        self._cleared: set[int] = set()

    def __len__(self) -> int:
        return len(self._items)

    def gradient(self, source: str) -> TensorArray:
        """The array that gathers the gradients which ``source`` computes, made at first use; as long as this one."""
        found = self.grads.get(source)
        if found is None:
            found = TensorArray(
                f"{self.name}@{source}", self.dtype, self.shape, len(self), dynamic=False, clear=False, same=self.same
            )
            found.sums = True
            found._shapes = dict(self._shapes)
            self.grads[source] = found
        return found

    def write(self, index: int, value: Any) -> None:
        if index < 0 or (index >= len(self._items) and not self.dynamic):
            raise self._error(
                f"Tried to write to index {index} but array is not resizeable and size is: {len(self._items)}"
            )
        if index >= len(self._items):
            self._items.extend([None] * (index + 1 - len(self._items)))
        shape = value.shape if isinstance(value, np.ndarray) else np.shape(value)
        if not shapes.compatible(self.shape, shape):
            raise self._error(
                f"{_PLACE.format(index)} the value shape is {shapes.text(shape)} which is incompatible with the "
                f"TensorArray's inferred element shape: {shapes.text(self.shape)} (consider setting infer_shape=False)."
            )
        if index in self._cleared:
            raise self._error(f"{_PLACE.format(index)} it has already been read.")
        old = self._items[index]
        if old is not None and not self.sums:
            raise self._error(f"{_PLACE.format(index)} it has already been written to.")
        if old is not None:
            value = np.add(old, value)
        if self.same:
            self.shape = shape  # which it was, or was not known to be
        self._items[index] = value
        self._shapes[index] = shape

    def read(self, index: int) -> Any:
        if not 0 <= index < len(self._items):
            if not (self.sums and index >= 0):
                raise InvalidArgumentError(f"Tried to read from index {index} but array size is: {len(self._items)}")
            self._items.extend([None] * (index + 1 - len(self._items)))
        if index in self._cleared:
            raise self._error(
                f"Could not read index {index} twice because it was cleared after a previous read "
                "(perhaps try setting clear_after_read = false?)."
            )
        item = self._items[index]
        if item is None:
            shape = self._shapes.get(index, self.shape) if self.sums else self.shape
            if shape is None or None in shape:
                raise self._error(
                    f"Could not read from TensorArray index {index}.  Furthermore, the element shape is not fully "
                    f"defined: {shapes.text(shape)}.  It is possible you are working with a resizeable "
                    "TensorArray and stop_gradients is not allowing the gradients to be written."
                )
            item = zeros(self.dtype, tuple(d for d in shape if d is not None))
        if self.clear:
            self._items[index] = None
            self._cleared.add(index)
        return item

    def narrow(self, shape: Shape) -> None:
        """All elements have ``shape`` too."""
        if not shapes.compatible(self.shape, shape):
            raise self._error(
                f"The given shape {shapes.text(shape)} does not match that of the array: {shapes.text(self.shape)}"
            )
        self.shape = shapes.merge(self.shape, shape)

    def _error(self, text: str) -> InvalidArgumentError:
        return InvalidArgumentError(f"TensorArray {self.name}: {text}")


def _array(handle: Any) -> TensorArray:
    if not isinstance(handle, TensorArray):
        raise InvalidArgumentError(f"the handle is a {type(handle).__name__}, a TensorArray is expected")
    if handle.closed:
        raise InvalidArgumentError(f"TensorArray {handle.name} has already been closed.")
    return handle


def _checked(call: KernelCall, handle: Any, dtype: DType) -> TensorArray:
    if isinstance(handle, TensorArray) and handle.dtype is dtype and not handle.closed:
        return handle
    found = _array(handle)
    if found.dtype is not dtype:
        raise InvalidArgumentError(
            f"TensorArray dtype is {found.dtype.core_name} but Op is trying to use dtype {dtype.core_name}."
        )
    return found


@infer("TensorArrayV3")
def _new_infer(call: InferCall) -> list[Shape]:
    return [(2,), ()]


@kernel("TensorArrayV3")
def _new(call: KernelCall, size: Array) -> tuple[TensorArray, Any]:
    n = int(size)
    if n < 0:
        raise InvalidArgumentError(f"Size should be >= 0, but is: {n}")
    made = TensorArray(
        call.text("tensor_array_name") or call.name, call.dtype("dtype"), call.shape_attr("element_shape"), n,
        dynamic=call.flag("dynamic_size"), clear=call.flag("clear_after_read"),
        same=call.flag("identical_element_shapes"),
    )  # fmt: skip
    return made, _FLOW


@infer("TensorArrayGradV3")
def _grad_infer(call: InferCall) -> list[Shape]:
    return [(2,), ()]


@kernel("TensorArrayGradV3")
def _grad(call: KernelCall, handle: Any, flow: Array) -> tuple[TensorArray, Any]:
    return _array(handle).gradient(call.text("source")), _FLOW


@infer("TensorArrayWriteV3", "TensorArrayScatterV3", "TensorArraySplitV3", "TensorArraySizeV3")
def _scalar_infer(call: InferCall) -> list[Shape]:
    return [()]


@kernel("TensorArrayWriteV3")
def _write(call: KernelCall, handle: Any, index: Array, value: Any, flow: Array) -> Any:
    _checked(call, handle, call.dtype("T")).write(int(index), value)
    return flow


def _element_shape(call: InferCall) -> Shape:
    """The shape of the array's elements as far as the op that makes it declares it."""
    handle = call.inputs[0].handle
    declared = None if handle is None else handle.attrs.get("element_shape")
    return declared.dims if isinstance(declared, ShapeAttr) else None


@infer("TensorArrayReadV3")
def _read_infer(call: InferCall) -> list[Shape]:
    return [_element_shape(call)]


@kernel("TensorArrayReadV3")
def _read(call: KernelCall, handle: Any, index: Array, flow: Array) -> Any:
    return _checked(call, handle, call.dtype("dtype")).read(int(index))


@infer("TensorArrayGatherV3")
def _gather_infer(call: InferCall) -> list[Shape]:
    element, indices = call.shape_attr("element_shape"), call.shape(1)
    if element is None:
        element = _element_shape(call)
    count = indices[0] if indices is not None and len(indices) == 1 else None
    return [None if element is None else (count, *element)]


@kernel("TensorArrayGatherV3")
def _gather(call: KernelCall, handle: Any, indices: Array, flow: Array) -> Array:
    dtype = call.dtype("dtype")
    found = _checked(call, handle, dtype)
    found.narrow(call.shape_attr("element_shape"))
    if indices.ndim != 1:
        raise InvalidArgumentError(f"Expected indices to be a vector, but received shape: {shapes.text(indices.shape)}")
    if not indices.size:
        return _empty(dtype, found.shape)
    items = [found.read(i) for i in indices.tolist()]
    first = np.shape(items[0])
    for i, item in enumerate(items):
        if np.shape(item) != first:
            raise InvalidArgumentError(
                f"TensorArray has inconsistent shapes.  Index 0 has shape: {shapes.text(first)} but index {i} has "
                f"shape: {shapes.text(np.shape(item))}"
            )
    return stacked(items, dtype, first)


@kernel("TensorArrayScatterV3")
def _scatter(call: KernelCall, handle: Any, indices: Array, value: Array, flow: Array) -> Any:
    found = _checked(call, handle, call.dtype("T"))
    if indices.ndim != 1:
        raise InvalidArgumentError(f"Expected indices to be a vector, but received shape: {shapes.text(indices.shape)}")
    if value.ndim == 0 or len(value) != indices.size:
        raise InvalidArgumentError(
            f"Expected len(indices) == values.shape[0], but saw: {indices.size} vs. "
            f"{len(value) if value.ndim else 'a scalar'}"
        )
    highest = int(indices.max(initial=-1))
    if highest >= len(found) and not found.dynamic:
        raise InvalidArgumentError(f"Max scatter index must be < array size ({highest} vs. {len(found)})")
    found.narrow(value.shape[1:])
    for index, row in zip(indices.tolist(), value, strict=True):
        found.write(index, row if isinstance(row, np.ndarray) else np.asarray(row, value.dtype))
    return flow


def _empty(dtype: DType, shape: Shape) -> Array:
    """No elements of a shape that must be known."""
    if shape is None or None in shape:
        raise UnimplementedError(
            f"TensorArray has size zero, but element shape {shapes.text(shape)} is not fully defined. Currently only "
            "static shapes are supported when packing zero-size TensorArrays."
        )
    return np.empty((0, *(d for d in shape if d is not None)), dtype.numpy)


@infer("TensorArrayConcatV3")
def _concat_infer(call: InferCall) -> list[Shape]:
    rest = call.shape_attr("element_shape_except0")
    if rest is None:
        element = _element_shape(call)
        rest = element[1:] if element else None
    return [None if rest is None else (None, *rest), (None,)]


@kernel("TensorArrayConcatV3")
def _concat(call: KernelCall, handle: Any, flow: Array) -> tuple[Array, Array]:
    dtype = call.dtype("dtype")
    found = _checked(call, handle, dtype)
    rest = call.shape_attr("element_shape_except0")
    if not len(found):
        return _empty(dtype, rest), np.empty(0, np.int64)
    items = [found.read(i) for i in range(len(found))]
    first = np.shape(items[0])
    for i, item in enumerate(items):
        shape = np.shape(item)
        if not shape:
            raise InvalidArgumentError(f"Concat saw a scalar shape at index {i} but requires at least vectors.")
        if shape[1:] != first[1:] or not shapes.compatible(rest, shape[1:]):
            raise InvalidArgumentError(
                "TensorArray has inconsistent shapes.  Index 0 has (excepting dimension 0) shape: "
                f"{shapes.text(first[1:])} but index {i} has (excepting dimension 0) shape: {shapes.text(shape[1:])}"
            )
    return concatenated(items, dtype, first[1:]), np.array([len(item) for item in items], np.int64)


@kernel("TensorArraySplitV3")
def _split(call: KernelCall, handle: Any, value: Array, lengths: Array, flow: Array) -> Any:
    found = _checked(call, handle, call.dtype("T"))
    if lengths.ndim != 1:
        raise InvalidArgumentError(f"Expected lengths to be a vector, received shape: {shapes.text(lengths.shape)}")
    if value.ndim == 0:
        raise InvalidArgumentError("Expected value to be at least a vector, but received shape: []")
    total = int(lengths.sum())
    if total != len(value):
        raise InvalidArgumentError(
            "Expected sum of lengths to be equal to values.shape[0], but sum of lengths is "
            f"{total} and value's shape is: {shapes.text(value.shape)} "
        )
    if len(found) != lengths.size and not (found.dynamic and len(found) < lengths.size):
        raise InvalidArgumentError(
            f"TensorArray's size is not equal to the size of lengths ({len(found)} vs. {lengths.size}), and the "
            "TensorArray is not marked as dynamically resizeable"
        )
    start = 0
    for i, length in enumerate(lengths.tolist()):
        found.write(i, value[start : start + length])
        start += length
    return flow


@kernel("TensorArraySizeV3")
def _size(call: KernelCall, handle: Any, flow: Array) -> Array:
    return np.array(len(_array(handle)), np.int32)


@infer("TensorArrayCloseV3", "StackCloseV2")
def _close_infer(call: InferCall) -> list[Shape]:
    return []


@kernel("TensorArrayCloseV3")
def _close(call: KernelCall, handle: Any) -> tuple[()]:
    _array(handle).closed = True
    return ()


# --- stacks, which keep what the gradient of a loop needs


class Stack:
    """A stack of tensors; ``most``: how many it may hold, any number where negative."""

    __slots__ = ("dtype", "items", "most", "name")

    def __init__(self, name: str, dtype: DType, most: int) -> None:
        self.name = name
        self.dtype = dtype
        self.most = most
        self.items: list[Any] | None = []


def _stack_of(handle: Any) -> list[Any]:
    if not isinstance(handle, Stack):
        raise InvalidArgumentError(f"the handle is a {type(handle).__name__}, a Stack is expected")
    if handle.items is None:
        raise InvalidArgumentError(f"Stack[{handle.name}] has already been closed.")
    return handle.items


@infer("StackV2")
def _stack_infer(call: InferCall) -> list[Shape]:
    return [(2,)]


@kernel("StackV2")
def _stack(call: KernelCall, most: Array) -> Stack:
    return Stack(call.text("stack_name") or call.name, call.dtype("elem_type"), int(most))


@infer("StackPushV2")
def _push_infer(call: InferCall) -> list[Shape]:
    return [call.shape(1)]


@kernel("StackPushV2")
def _push(call: KernelCall, handle: Any, value: Any) -> Any:
    items = _stack_of(handle)
    if handle.dtype is not call.dtype("T"):
        raise InvalidArgumentError(f"Must have type {handle.dtype.core_name} but got {call.dtype('T').core_name}")
    if 0 <= handle.most <= len(items):
        raise InvalidArgumentError(f"Stack[{handle.name}] overflowed its max_size ({handle.most})")
    items.append(value)
    return value


@infer("StackPopV2")
def _pop_infer(call: InferCall) -> list[Shape]:
    return [None]


@kernel("StackPopV2")
def _pop(call: KernelCall, handle: Any) -> Any:
    items = _stack_of(handle)
    if not items:
        raise InvalidArgumentError(f"Stack[{handle.name}] is empty when calling Pop().")
    return items.pop()


@kernel("StackCloseV2")
def _close_stack(call: KernelCall, handle: Any) -> tuple[()]:
    _stack_of(handle)
    handle.items = None
    return ()
