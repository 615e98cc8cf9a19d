"""``tensor[...]``, ``tf.slice``, ``tf.strided_slice``, ``tf.gather`` and their kin."""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones_like, shape
from noria.v1.constant import constant, constant_value
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.joining import concat, stack
from noria.v1.op_functions import export_rows
from noria.v1.operation import Tensor, register_operator
from noria.v1.tensor_shape import Dimension

_INDEX_DTYPES: Final = ("int16", "int32", "int64")
_INDEX_ERROR: Final = (
    "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar tf.int32/tf.int64 tensors are valid "
    "indices"
)


class _Indices:
    """Begins, ends, strides and masks of a subscript while it is taken apart."""

    def __init__(self, key: Any) -> None:
        self.begin: list[Any] = []
        self.end: list[Any] = []
        self.strides: list[Any] = []
        self.masks = dict.fromkeys(("begin_mask", "end_mask", "shrink_axis_mask", "new_axis_mask", "ellipsis_mask"), 0)
        for index, item in enumerate(key if isinstance(key, list | tuple) else [key]):
            self._bit = 1 << index
            if isinstance(item, slice):
                self._slice(item)
            elif item is Ellipsis:
                self._whole("ellipsis_mask")
            elif item is None:
                self._whole("new_axis_mask")
            else:
                self._one(item)

    def _put(self, begin: Any, end: Any, stride: Any) -> None:
        self.begin.append(begin)
        self.end.append(end)
        self.strides.append(stride)

    def _whole(self, mask: str) -> None:
        self._put(0, 0, 1)
        self.masks[mask] |= self._bit

    def _one(self, item: Any) -> None:
        _check_index(item)
        after = item + 1
        wide = isinstance(item, Tensor) and item.dtype.base_dtype.name in ("int16", "int64")
        self._put(item, after, constant(1, item.dtype.base_dtype) if wide else 1)
        self.masks["shrink_axis_mask"] |= self._bit

    def _slice(self, item: slice) -> None:
        dtype = _slice_dtype(item)

        def part(value: Any, instead: int, mask: str | None) -> Any:
            if value is not None and not (isinstance(value, Dimension) and value.value is None):
                _check_index(value)
                return value
            if mask is not None:
                self.masks[mask] |= self._bit
            return instead if dtype is None else constant(instead, dtype)

        self._put(part(item.start, 0, "begin_mask"), part(item.stop, 0, "end_mask"), part(item.step, 1, None))


def _slice_dtype(item: slice) -> str | None:
    """The widest dtype among the tensors of a slice, None where there is none."""
    kinds = {t.dtype.base_dtype.name for t in (item.start, item.stop, item.step) if isinstance(t, Tensor)}
    return next((k for k in ("int64", "int32", "int16") if k in kinds), None)


def _check_index(index: Any) -> None:
    if isinstance(index, numbers.Integral | Dimension):
        return
    dtype = getattr(index, "dtype", None)
    if dtype is not None and as_dtype(dtype).base_dtype.name in _INDEX_DTYPES:
        shape = index.shape
        if not (shape and len(shape) == 1):
            return
    raise TypeError(f"{_INDEX_ERROR}, got {index!r}")


def getitem(tensor: Any, key: Any, var: Any = None) -> Any:
    """``tensor[key]``: as NumPy's basic indexing, and by a boolean mask. var: of which the tensor is the value."""
    tensor = convert(tensor)
    if isinstance(key, bool) or getattr(key, "dtype", None) in (np.dtype(bool), as_dtype("bool")):
        return boolean_mask(tensor, key)
    indices = _Indices(key)
    values = [tensor, *indices.begin, *indices.end, *indices.strides]
    with name_scope(None, "strided_slice", values) as scope:
        if indices.begin:
            begin, end, strides = _same_dtype(stack(indices.begin), stack(indices.end), stack(indices.strides))
        else:
            begin = end = strides = constant([], "int32")
        return strided_slice(tensor, begin, end, strides, var=var, name=scope, **indices.masks)


def _same_dtype(*vectors: Tensor) -> Iterator[Any]:
    wide = any(v.dtype.name == "int64" for v in vectors)
    for vector in vectors:
        yield apply_op("Cast", x=vector, DstT="int64") if wide and vector.dtype.name != "int64" else vector


register_operator("__getitem__", getitem)


@export("strided_slice")
def strided_slice(
    input_: Any,
    begin: Any,
    end: Any,
    strides: Any = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Any:
    """The elements from ``begin`` to before ``end`` in steps of ``strides``; bit i of a mask concerns entry i.

    var: a variable; the result then has ``assign``, which writes to that part of it.
    """
    masks = {
        "begin_mask": begin_mask,
        "end_mask": end_mask,
        "ellipsis_mask": ellipsis_mask,
        "new_axis_mask": new_axis_mask,
        "shrink_axis_mask": shrink_axis_mask,
    }
    strides = ones_like(begin) if strides is None else strides
    found = apply_op("StridedSlice", name, input=input_, begin=begin, end=end, strides=strides, **masks)
    if var is not None:
        parent = name

        def assign(val: Any, name: str | None = None) -> Any:
            called = f"{parent}_assign" if name is None else name
            return var._strided_slice_assign(begin=begin, end=end, strides=strides, value=val, name=called, **masks)

        found.assign = assign
    return found


@export("boolean_mask")
def boolean_mask(tensor: Any, mask: Any, name: str | None = "boolean_mask", axis: Any = None) -> Tensor:
    """The parts of ``tensor`` where ``mask`` is true; the mask covers its dimensions from ``axis`` on.

    ValueError for a scalar mask, one of unknown rank, and one that does not fit.
    """
    with name_scope(name, None, [tensor, mask]):
        tensor, mask = convert(tensor, None, "tensor"), convert(mask, None, "mask")
        width = mask.shape.ndims
        if width == 0:
            raise ValueError("mask cannot be scalar.")
        if width is None:
            raise ValueError(
                "Number of mask dimensions must be specified, even if some dimensions are None.  E.g. shape=[None] is "
                "ok, but shape=None is not."
            )
        axis = 0 if axis is None else axis
        at = constant_value(axis)
        own = tensor.shape
        if at is not None:
            axis = int(at)
            own[axis : axis + width].assert_is_compatible_with(mask.shape)
        leading = apply_op("Prod", input=shape(tensor)[axis : axis + width], reduction_indices=[0])
        sizes = concat([shape(tensor)[:axis], [leading], shape(tensor)[axis + width :]], 0)
        tensor = apply_op("Reshape", tensor=tensor, shape=sizes)
        if at is not None:
            count = own[axis : axis + width].num_elements()
            tensor.set_shape(own[:axis].concatenate([count]).concatenate(own[axis + width :]))
        places = apply_op("Where", input=apply_op("Reshape", tensor=mask, shape=[-1]))
        return gather(tensor, apply_op("Squeeze", input=places, squeeze_dims=[1]), axis=axis)


@export("gather")
def gather(
    params: Any,
    indices: Any,
    validate_indices: Any = None,
    name: str | None = None,
    axis: Any = None,
    batch_dims: int = 0,
) -> Tensor:
    """The slices of ``params`` at ``indices`` along ``axis``; the first ``batch_dims`` dimensions go together."""
    axis = batch_dims if axis is None else axis
    if constant_value(axis) != 0:
        found: Tensor = apply_op("GatherV2", name, params=params, indices=indices, axis=axis, batch_dims=batch_dims)
        return found
    if hasattr(params, "sparse_read"):
        return params.sparse_read(indices, name=name)  # type: ignore[no-any-return]
    return apply_op("GatherV2", name, params=params, indices=indices, axis=axis)  # type: ignore[no-any-return]


export_rows("""
slice: Slice input_:input begin size
""")
