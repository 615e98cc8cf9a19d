"""``tf.TensorArray`` of graph mode: a handle, and a flow tensor that orders what is done to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.constant import constant_value
from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import as_dtype, int32, int64
from noria.v1.exports import export, tf
from noria.v1.flow_context import identity
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import TensorShape, as_shape


@export("TensorArray")
class TensorArray:
    """Tensors by index, written once each, as a loop makes them. Writing gives a new object: use that one."""

    def __init__(
        self,
        dtype: Any,
        size: Any = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: str | None = None,
        handle: Tensor | None = None,
        flow: Tensor | None = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:
        given = {"size": size, "element_shape": element_shape, "dynamic_size": dynamic_size,
                 "clear_after_read": clear_after_read, "tensor_array_name": tensor_array_name}  # fmt: skip
        if handle is not None and any(v is not None for v in given.values()):
            both = next(k for k, v in given.items() if v is not None)
            raise ValueError(f"Cannot provide both a `handle` and `{both}` arguments at the same time.")
        if handle is None and size is None:
            raise ValueError("Argument `size` must be provided if handle is not provided.")
        self._dtype = as_dtype(dtype).base_dtype
        self._size = size
        self._dynamic_size = bool(dynamic_size)
        self._infer_shape = infer_shape
        self._element_shape = [as_shape(element_shape)]  # shared by all that stand for the same array
        self._first_written: list[Tensor] | None = [] if colocate_with_first_write_call else None
        with name_scope(name, "TensorArray", [handle, size, flow]) as scope:
            if handle is not None:
                if flow is None:
                    raise ValueError("flow must not be None if handle is not None.")
                self._handle, self._flow = handle, flow
                return
            graph = get_default_graph()
            attrs = {
                "dtype": self._dtype,
                "element_shape": as_shape(element_shape),
                "identical_element_shapes": infer_shape,
                "dynamic_size": self._dynamic_size,
                "clear_after_read": True if clear_after_read is None else clear_after_read,
                "tensor_array_name": tensor_array_name or "",
            }
            if colocate_with_first_write_call:
                with graph.device(None), graph.colocate_with(None, ignore_existing=True):
                    self._handle, self._flow = apply_op("TensorArrayV3", scope, size=size, **attrs)
            else:
                self._handle, self._flow = apply_op("TensorArrayV3", scope, size=size, **attrs)

    def with_flow(self, flow: Tensor) -> TensorArray:
        """The same array in the state that ``flow`` stands for."""
        found = TensorArray.__new__(TensorArray)
        found.__dict__.update(self.__dict__)
        found._flow = flow
        return found

    @property
    def flow(self) -> Tensor:
        return self._flow

    @property
    def handle(self) -> Tensor:
        return self._handle

    @property
    def dtype(self) -> Any:
        return self._dtype

    @property
    def element_shape(self) -> TensorShape:
        return self._element_shape[0]

    @property
    def dynamic_size(self) -> bool:
        return self._dynamic_size

    def _check_value(self, value: Tensor, element: TensorShape) -> None:
        if value.dtype.base_dtype != self._dtype:
            raise ValueError(f"Invalid type {value.dtype.name} for {value!r}, expected {self._dtype.name}.")
        if not element.is_compatible_with(self.element_shape):
            raise ValueError(f"Inconsistent shapes: saw {element} but expected {self.element_shape} ")
        if self._infer_shape:
            self._element_shape[0] = self.element_shape.merge_with(element)

    @contextmanager
    def _beside(self, value: Tensor) -> Iterator[None]:
        """On the device of what was written first."""
        if self._first_written is None:
            yield
            return
        if not self._first_written:
            self._first_written.append(value)
        with value.graph.colocate_with(self._first_written[0].op):
            yield

    def identity(self) -> TensorArray:
        return self.with_flow(identity(self._flow))

    def read(self, index: Any, name: str | None = None) -> Tensor:
        """The tensor at ``index``."""
        value: Tensor = apply_op(
            "TensorArrayReadV3", name, handle=self._handle, index=index, flow_in=self._flow, dtype=self._dtype
        )
        value.set_shape(self.element_shape)
        return value

    def write(self, index: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with ``value`` at ``index``."""
        with name_scope(name, "TensorArrayWrite", [self._handle, index, value]):
            tensor = convert_to_tensor(value, preferred_dtype=self._dtype, name="value")
            self._check_value(tensor, tensor.shape)
            with self._beside(tensor):
                flow = apply_op(
                    "TensorArrayWriteV3", name, handle=self._handle, index=index, value=tensor, flow_in=self._flow
                )
        return self.with_flow(flow)

    def stack(self, name: str | None = None) -> Tensor:
        """All elements as one tensor."""
        with self._handle.graph.colocate_with(self._handle.op), name_scope(name, "TensorArrayStack", [self._handle]):
            value = self.gather(tf.range(0, self.size()), name=name)
            if self.element_shape.ndims is not None and not self._dynamic_size and self._size is not None:
                size = constant_value(self._size)
                value.set_shape([None if size is None else int(size), *self.element_shape.as_list()])
            return value

    def gather(self, indices: Any, name: str | None = None) -> Tensor:
        """The elements at ``indices`` as one tensor."""
        value: Tensor = apply_op(
            "TensorArrayGatherV3",
            name,
            handle=self._handle,
            indices=indices,
            flow_in=self._flow,
            dtype=self._dtype,
            element_shape=self.element_shape,
        )
        if self.element_shape.ndims is not None:
            value.set_shape([None, *self.element_shape.as_list()])
        return value

    def concat(self, name: str | None = None) -> Tensor:
        """All elements, joined along their first axis."""
        value: Tensor = apply_op(
            "TensorArrayConcatV3",
            name,
            handle=self._handle,
            flow_in=self._flow,
            dtype=self._dtype,
            element_shape_except0=self.element_shape[1:],
        )[0]
        if self.element_shape.ndims is not None:
            first = None
            size = constant_value(self.size()) if self._infer_shape else None
            if size is not None and self.element_shape.as_list()[0] is not None:
                first = int(size) * (self.element_shape.as_list()[0] or 0)
            value.set_shape([first, *self.element_shape.as_list()[1:]])
        return value

    def unstack(self, value: Any, name: str | None = None) -> TensorArray:
        """The array with the rows of ``value``."""
        with name_scope(name, "TensorArrayUnstack", [self._handle, value]):
            count = tf.shape(value)[0]
            return self.scatter(tf.range(0, count), value, name=name)

    def scatter(self, indices: Any, value: Any, name: str | None = None) -> TensorArray:
        """The array with the rows of ``value`` at ``indices``."""
        with name_scope(name, "TensorArrayScatter", [self._handle, value, indices]):
            tensor = convert_to_tensor(value, preferred_dtype=self._dtype, name="value")
            self._check_value(tensor, tensor.shape[1:])
            with self._beside(tensor):
                flow = apply_op(
                    "TensorArrayScatterV3", name, handle=self._handle, indices=indices, value=tensor, flow_in=self._flow
                )
        return self.with_flow(flow)

    def split(self, value: Any, lengths: Any, name: str | None = None) -> TensorArray:
        """The array with pieces of ``value``, cut along its first axis into ``lengths``."""
        with name_scope(name, "TensorArraySplit", [self._handle, value, lengths]):
            tensor = convert_to_tensor(value, dtype=self._dtype, name="value")
            with self._beside(tensor):
                wide = tf.cast(lengths, int64)
                known = constant_value(wide)
                if known is not None and known.size and known.min() == known.max() and tensor.shape.ndims is not None:
                    self._check_value(tensor, TensorShape([int(known[0])]).concatenate(tensor.shape[1:]))
                flow = apply_op(
                    "TensorArraySplitV3", name, handle=self._handle, value=tensor, lengths=wide, flow_in=self._flow
                )
        return self.with_flow(flow)

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements."""
        if not self._dynamic_size and self._size is not None:
            return convert_to_tensor(self._size, dtype=int32)
        found: Tensor = apply_op("TensorArraySizeV3", name, handle=self._handle, flow_in=self._flow)
        return found

    def close(self, name: str | None = None) -> Operation:
        """Frees the elements."""
        found: Operation = apply_op("TensorArrayCloseV3", name, handle=self._handle)
        return found
