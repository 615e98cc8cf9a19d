"""``tf.concat``, ``tf.stack``, ``tf.split`` …: tensors put together and taken apart."""

from __future__ import annotations

import numbers
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.casts import identity
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.op_functions import export_rows
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import Dimension, TensorShape, dimension_value


@export("concat")
def concat(values: Any, axis: Any, name: str | None = "concat") -> Any:
    """``values`` one after the other along ``axis``; a single one is itself."""
    if not isinstance(values, list | tuple):
        values = [values]
    if len(values) == 1:
        with name_scope(name):
            convert(axis, "int32", "concat_dim").shape.assert_has_rank(0)
            return identity(values[0], name)
    return apply_op("ConcatV2", name, values=values, axis=axis)


@export("concat_v2")
def concat_v2(values: Any, axis: Any, name: str | None = "concat_v2") -> Any:
    """``concat`` as releases before 1.0 called it."""
    return concat(values, axis, name)


@export("stack")
def stack(values: Any, axis: int = 0, name: str | None = "stack") -> Any:
    """``values`` as the slices of one tensor along a new dimension ``axis``. ValueError for an axis out of range."""
    if axis == 0:
        try:
            return convert(values, None, name)
        except (TypeError, ValueError):
            pass  # values that are one tensor only as a whole are packed below
    shape = convert(values[0], None, name).info.shape
    if shape is not None and not -len(shape) - 1 <= axis <= len(shape):
        raise ValueError(f"Argument `axis` = {axis} not in range [{-len(shape) - 1}, {len(shape) + 1})")
    return apply_op("Pack", name, values=values, axis=axis)


@export("unstack")
def unstack(value: Any, num: int | None = None, axis: int = 0, name: str | None = "unstack") -> list[Tensor]:
    """The slices of ``value`` along ``axis``. ValueError when their number is neither known nor given."""
    if num is None:
        value = convert(value)
        shape = value.info.shape
        if shape is not None:
            if not -len(shape) <= axis < len(shape):
                raise ValueError(f"Argument `axis` = {axis} not in range [{-len(shape)}, {len(shape)})")
            num = shape[axis]
        if num is None:
            raise ValueError(f"Cannot infer argument `num` from shape {value.shape}")
    found: list[Tensor] = apply_op("Unpack", name, value=value, num=num, axis=axis)
    return found


@export("pack")
def pack(values: Any, axis: int = 0, name: str | None = "pack") -> Any:
    """``stack`` as releases before 1.0 called it."""
    return stack(values, axis, name)


@export("unpack")
def unpack(value: Any, num: int | None = None, axis: int = 0, name: str | None = "unpack") -> list[Tensor]:
    """``unstack`` as releases before 1.0 called it."""
    return unstack(value, num, axis, name)


@export("parallel_stack")
def parallel_stack(values: Any, name: str | None = "parallel_stack") -> Tensor:
    """As ``stack`` along the first dimension; every value has the same, fully known shape."""
    with name_scope(name):
        first = convert(values[0])
        rows = [apply_op("ExpandDims", input=v, dim=0) for v in values]
        shape = TensorShape([len(values)]).concatenate(first.shape)
        found: Tensor = apply_op("ParallelConcat", values=rows, shape=shape)
        return found


@export("split")
def split(
    value: Any, num_or_size_splits: Any, axis: Any = 0, num: int | None = None, name: str | None = "split"
) -> list[Tensor]:
    """Equal parts of ``value`` along ``axis``, or parts of the given sizes (``num``: how many, if not known)."""
    found: list[Tensor]
    if isinstance(num_or_size_splits, numbers.Integral | Dimension):
        count = dimension_value(num_or_size_splits)
        found = apply_op("Split", name, split_dim=axis, value=value, num_split=count)
        return found
    sizes = convert(num_or_size_splits)
    if sizes.shape.ndims == 0:
        raise ValueError(
            "Rank-0 tensors are not supported as the num_or_size_splits argument to split. "
            f"Argument provided: {num_or_size_splits}"
        )
    if num is None:
        num = sizes.info.shape[0] if sizes.info.shape else None
        if num is None:
            raise ValueError(f"Cannot infer argument `num` from shape {num_or_size_splits}")
    found = apply_op("SplitV", name, value=value, size_splits=sizes, split_dim=axis, num_split=num)
    return found


export_rows("""
dynamic_partition: DynamicPartition data partitions num_partitions
dynamic_stitch: DynamicStitch indices data
""")
