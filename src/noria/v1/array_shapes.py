"""Shapes of tensors as tensors, and tensors of one value: ``tf.shape``, ``tf.zeros``, ``tf.ones_like``, ``tf.fill`` …

What is known while the graph is built becomes a constant, as in TensorFlow: the shape of a tensor whose shape is fully
known, zeros and ones of fewer than 1000 elements.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from noria import shapes
from noria.v1.apply_op import apply_op
from noria.v1.composite import SparseTensor, SparseTensorValue
from noria.v1.constant import constant
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.op_functions import export_rows
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import TensorShape, as_shape, dimension_value, of_core

_SMALL: Final = 1000  # constants of fewer elements stand in the graph as they are


def shape_internal(input: Any, name: str | None = None, optimize: bool = True, out_type: Any = None) -> Tensor:
    """The shape as a vector of ``out_type`` (int32); ``optimize``: a constant where it is fully known."""
    found: Tensor
    with name_scope(name, "Shape", [input]) as scope:
        if isinstance(input, SparseTensor | SparseTensorValue):
            found = apply_op("Cast", x=input.dense_shape, DstT=out_type or "int32")
            return found
        input = convert(input)
        if optimize and input.shape.is_fully_defined():
            if out_type is None:
                return convert(input.shape)
            return constant(input.shape.as_list(), out_type, name=scope)
        found = apply_op("Shape", scope, input=input, out_type=out_type or "int32")
        return found


@export("shape")
def shape(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The shape of ``input`` as a vector of ``out_type`` (int32)."""
    return shape_internal(input, name, out_type=out_type or "int32")


@export("size")
def size(input: Any, name: str | None = None, out_type: Any = None) -> Tensor:
    """The number of elements of ``input``."""
    out_type = out_type or as_dtype("int32")
    found: Tensor
    with name_scope(name, "Size", [input]) as scope:
        if isinstance(input, SparseTensor | SparseTensorValue):
            found = apply_op(
                "Prod", scope, input=apply_op("Cast", x=input.dense_shape, DstT=out_type), reduction_indices=0
            )
            return found
        input = convert(input)
        sizes = input.info.shape
        if sizes is not None and (shapes.is_static(sizes) or 0 in sizes):
            return constant(0 if 0 in sizes else math.prod(sizes), out_type, name=scope)
        found = apply_op("Size", scope, input=input, out_type=out_type)
        return found


@export("rank")
def rank(input: Any, name: str | None = None) -> Tensor:
    """The number of dimensions of ``input``."""
    found: Tensor
    with name_scope(name, "Rank", [input]) as scope:
        if isinstance(input, SparseTensor | SparseTensorValue):
            found = apply_op("Size", scope, input=input.dense_shape)
            return found
        input = convert(input)
        if input.shape.ndims is not None:
            return constant(input.shape.ndims, "int32", name=scope)
        found = apply_op("Rank", scope, input=input)
        return found


@export("fill")
def fill(dims: Any, value: Any, name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of shape ``dims`` (an integer vector) that holds ``value`` everywhere."""
    found: Tensor = apply_op("Fill", name, dims=dims, value=value)
    return found


@export("zeros")
def zeros(shape: Any, dtype: Any = "float32", name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of zeros: False for bool, empty for string. shape: sizes, or an integer vector tensor."""
    return _filled(shape, as_dtype(dtype).base_dtype, name, "zeros")


@export("ones")
def ones(shape: Any, dtype: Any = "float32", name: str | None = None, layout: Any = None) -> Tensor:
    """A tensor of ones, True for bool. shape: sizes, or an integer vector tensor."""
    return _filled(shape, as_dtype(dtype).base_dtype, name, "ones")


def _filled(shape: Any, dtype: DType, name: str | None, kind: str) -> Tensor:
    value = _unit(dtype, 0 if kind == "zeros" else 1)
    with name_scope(name, kind, [shape]) as scope:
        if not isinstance(shape, Tensor):
            if _is_small(shape):
                return constant(value, dtype, shape=shape, name=scope)
            shape = _shape_tensor(shape)
        if not shape.info.shape:  # a scalar, or nobody knows
            shape = apply_op("Reshape", tensor=shape, shape=[-1])
        return fill(shape, constant(value, dtype), name=scope)


def _unit(dtype: DType, value: int) -> Any:
    if dtype.is_bool:
        return bool(value)
    if dtype == as_dtype("string") and value == 0:
        return ""
    return np.array(value, dtype.as_numpy_dtype) if dtype.is_quantized else value


def _is_small(shape: Any) -> bool:
    """Whether ``shape`` is a list of known sizes that make fewer than 1000 elements; a single number is no list."""
    if isinstance(shape, TensorShape):
        shape = [None] if shape.ndims is None else shape.dims
    elif not isinstance(shape, list | tuple | np.ndarray):
        return False
    sizes: list[Any] = [dimension_value(d) for d in shape]
    if any(s is None or is_tensor(s) or not hasattr(s, "__index__") for s in sizes):
        return False
    return math.prod(int(s) for s in sizes) < _SMALL


def _shape_tensor(shape: Any) -> Tensor:
    try:
        return convert(as_shape(shape))
    except (TypeError, ValueError):
        return convert(shape, "int32")


@export("zeros_like")
def zeros_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Zeros of the shape of ``tensor``, and of its dtype unless another is given."""
    with name_scope(name, "zeros_like", [tensor]) as scope:
        if not is_tensor(tensor):
            tensor = convert(tensor, None, "tensor")
        own = tensor.dtype.base_dtype
        wanted = None if dtype is None else as_dtype(dtype)
        if optimize and tensor.shape.is_fully_defined() and own != as_dtype("variant"):
            return zeros(tensor.shape, wanted or own, scope)
        if wanted is not None and wanted != own and wanted != as_dtype("variant"):
            return zeros(shape_internal(tensor, optimize=optimize), wanted, scope)
        found: Tensor = apply_op("ZerosLike", scope, x=tensor)
        return found


@export("ones_like")
def ones_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """Ones of the shape of ``tensor``, and of its dtype unless another is given."""
    with name_scope(name, "ones_like", [tensor]) as scope:
        tensor = convert(tensor, None, "tensor")
        found = ones(shape_internal(tensor, optimize=optimize), dtype or tensor.dtype, scope)
        found.set_shape(tensor.shape)
        return found


@export("broadcast_static_shape")
def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """The shape that both shapes broadcast to; ValueError when they do not."""
    return of_core(shapes.broadcast(as_shape(shape_x).core, as_shape(shape_y).core))


@export("broadcast_dynamic_shape")
def broadcast_dynamic_shape(shape_x: Any, shape_y: Any) -> Tensor:
    """The shape, as a vector, that both shape vectors broadcast to."""
    found: Tensor = apply_op("BroadcastArgs", s0=shape_x, s1=shape_y)
    return found


def int_tensor(value: Any, name: str, dtype: Any = "int32") -> Tensor:
    """``value`` as an integer tensor of ``dtype``; TypeError when it is no integer."""
    tensor = convert(value, None, name, "int32" if dtype is None else dtype)
    if not tensor.dtype.is_integer:
        raise TypeError(f"{name} must be of type integer, received {tensor} of dtype {tensor.dtype.name}")
    found: Tensor = tensor if dtype is None else apply_op("Cast", x=tensor, DstT=dtype)
    return found


export_rows("""
shape_n: ShapeN input out_type?
reshape manip.reshape: Reshape tensor shape
broadcast_to: BroadcastTo input shape
""")
