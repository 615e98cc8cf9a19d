"""Partitioned variables: a list of variables that are slices of one, and the functions that say how to slice."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.convert import register_tensor_conversion_function
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import export, lookup
from noria.v1.framework import name_scope
from noria.v1.graph import Graph
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import TensorShape, as_shape

Partitioner = Callable[..., list[int]]


class PartitionedVariable:
    """Slices of one variable along one axis. As a tensor it is the slices put together.

    partitions: how many slices there are along each axis.
    """

    def __init__(
        self, name: str, shape: Any, dtype: Any, variable_list: Sequence[Any], partitions: Sequence[int]
    ) -> None:
        if not isinstance(variable_list, list | tuple):
            raise TypeError(f"variable_list is not a list or tuple: {variable_list}")
        if not isinstance(partitions, list | tuple):
            raise TypeError(f"partitions is not a list or tuple: {partitions}")
        if not all(p >= 1 for p in partitions):
            raise ValueError(f"partition values must be positive: {partitions}")
        if not variable_list:
            raise ValueError("variable_list may not be empty")
        self._shape = as_shape(shape)
        if len(self._shape) != len(partitions):
            raise ValueError(f"len(shape) != len(partitions): {shape} vs. {partitions}")
        for variable in variable_list:
            info = variable._get_save_slice_info()
            if info is None:
                names = [v.name for v in variable_list]
                raise ValueError(f"All variables must have a save_slice_info available: {names}")
            if as_shape(info.full_shape) != self._shape:
                raise ValueError(
                    f"All variables' full shapes must match shape: {shape}; but full shapes were: {[info.full_shape]}"
                )
        self._variable_list = sorted(variable_list, key=lambda v: v._get_save_slice_info().var_offset)
        self._name = name
        self._dtype = dtype
        self._partitions = partitions

    @property
    def name(self) -> str:
        return self._name

    @property
    def dtype(self) -> DType:
        return as_dtype(self._dtype)

    @property
    def shape(self) -> TensorShape:
        return self._shape

    @property
    def graph(self) -> Graph:
        graph: Graph = self._variable_list[0].graph
        return graph

    def get_shape(self) -> TensorShape:
        return self._shape

    def __iter__(self) -> Iterator[Any]:
        return iter(self._variable_list)

    def __len__(self) -> int:
        axes = self._partition_axes()
        if len(axes) > 1:
            raise ValueError(f"Cannot get a length for {len(axes)} > 1 partition axes")
        return len(self._variable_list)

    def _partition_axes(self) -> list[int]:
        return [i for i, p in enumerate(self._partitions) if p > 1] or [0]

    def _get_variable_list(self) -> list[Any]:
        return self._variable_list

    def _get_partitions(self) -> Sequence[int]:
        return self._partitions

    def _one_axis(self, what: str) -> int:
        axes = self._partition_axes()
        if len(axes) > 1:
            raise NotImplementedError(f"Cannot {what} along more than one dimension: {axes}")
        return axes[0]

    def as_tensor(self) -> Tensor:
        """The slices put together, called as the variable is."""
        graph = self.graph
        found: Tensor
        with graph.as_default(), graph.control_dependencies(None):
            whole: Any = self._variable_list[0]
            if len(self._variable_list) > 1:
                axis = self._one_axis("concatenate")
                with name_scope(self._name + "/ConcatPartitions/"):
                    whole = apply_op("ConcatV2", "concat", values=self._variable_list, axis=axis)
            with name_scope(None):
                found = apply_op("Identity", self._name, input=whole)
        return found

    def _assign(self, method: str, value: Any, use_locking: Any, name: str | None, read_value: bool) -> list[Any]:
        axis = self._one_axis("do assign action")
        if isinstance(value, list | PartitionedVariable):
            parts = list(value)
        else:
            sizes = [v.shape.as_list()[axis] for v in self._variable_list]
            parts = lookup("", "split")(value, sizes, axis=axis)
        return [
            getattr(v, method)(part, use_locking=use_locking, name=name, read_value=read_value)
            for v, part in zip(self._variable_list, parts, strict=True)
        ]

    def assign(self, value: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Gives each slice its part of ``value`` (a tensor, or a list with one for each)."""
        return self._assign("assign", value, use_locking, name, read_value)

    def assign_add(self, value: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Adds to each slice its part of ``value``."""
        return self._assign("assign_add", value, use_locking, name, read_value)

    def assign_sub(self, value: Any, use_locking: Any = False, name: str | None = None, read_value: bool = True) -> Any:
        """Subtracts from each slice its part of ``value``."""
        return self._assign("assign_sub", value, use_locking, name, read_value)


def _convert(
    value: PartitionedVariable, dtype: DType | None = None, name: str | None = None, as_ref: bool = False
) -> Tensor:
    if dtype is not None and not dtype.is_compatible_with(value.dtype):
        raise ValueError(
            f"Incompatible type conversion requested to type '{dtype.name}' for variable of type '{value.dtype.name}'"
        )
    if as_ref:
        raise NotImplementedError("PartitionedVariable doesn't support being used as a reference.")
    return value.as_tensor()


register_tensor_conversion_function(PartitionedVariable, _convert, 100)


def call_partitioner(partitioner: Any, shape: TensorShape, dtype: Any) -> list[int]:
    """How many slices along each axis; ValueError for an answer that cannot be used."""
    if not shape.is_fully_defined():
        raise ValueError(f"Shape of a new partitioned variable must be fully defined, but instead was {shape}.")
    if len(shape) < 1:
        raise ValueError(f"A partitioned Variable must have rank at least 1, shape: {shape}")
    slicing = partitioner(shape=shape, dtype=dtype)
    if not isinstance(slicing, Sequence):
        raise ValueError(f"Partitioner must return a sequence, but saw: {slicing}")
    if len(slicing) != len(shape):
        raise ValueError(
            f"Partitioner returned a partition list that does not match the Variable's rank: {slicing} vs. {shape}"
        )
    if any(p < 1 for p in slicing):
        raise ValueError(f"Partitioner returned zero partitions for some axes: {slicing}")
    if sum(p > 1 for p in slicing) > 1:
        raise ValueError(f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {slicing}")
    return list(slicing)


def slice_axis(slicing: Sequence[int]) -> tuple[int, int]:
    """The axis that is sliced and into how many slices."""
    return next(((i, n) for i, n in enumerate(slicing) if n > 1), (0, 1))


def slices(full_shape: list[int], count: int, axis: int) -> Iterator[tuple[list[int], list[int]]]:
    """Offset and shape of each slice; the first ones are longer by 1 where the axis does not divide."""
    least, more = divmod(full_shape[axis], count)
    at = 0
    for i in range(count):
        offset, shape = [0] * len(full_shape), list(full_shape)
        offset[axis], shape[axis] = at, least + (i < more)
        at += shape[axis]
        yield offset, shape


class PartitionInfo:
    """What an initializer is told of the slice it fills: the whole shape, and where the slice begins."""

    def __init__(self, full_shape: Any, var_offset: Any) -> None:
        for name, value in (("full_shape", full_shape), ("var_offset", var_offset)):
            if not isinstance(value, list | tuple):
                raise TypeError(f"`{name}` must be a sequence (like tuple or list) instead of {type(value).__name__}")
        if len(var_offset) != len(full_shape):
            raise ValueError(
                f"Expected equal length, but `var_offset` is of length {len(var_offset)} while full_shape is of length "
                f"{len(full_shape)}."
            )
        for offset, size in zip(var_offset, full_shape, strict=True):
            if offset < 0 or offset >= size:
                raise ValueError(
                    f"Expected 0 <= offset < shape but found offset={offset}, shape={size} for "
                    f"var_offset={var_offset}, full_shape={full_shape}"
                )
        self.full_shape = full_shape
        self.var_offset = var_offset

    def single_offset(self, shape: Any) -> int:
        """Where a slice of ``shape`` begins along the axis that is sliced; 0 when none is."""
        axis = self.single_slice_dim(shape)
        return 0 if axis is None else int(self.var_offset[axis])

    def single_slice_dim(self, shape: Any) -> int | None:
        """The axis along which a slice of ``shape`` is cut, None when it is the whole; ValueError for several."""
        if len(shape) != len(self.full_shape):
            raise ValueError(
                f"Expected equal length, but received shape={shape} of length {len(shape)} while "
                f"self.full_shape={self.full_shape} is of length {len(self.full_shape)}."
            )
        for i, size in enumerate(shape):
            if self.var_offset[i] + size > self.full_shape[i]:
                raise ValueError(
                    f"With self.var_offset={self.var_offset}, a partition of shape={shape} would exceed "
                    f"self.full_shape={self.full_shape} in dimension {i}."
                )
        cut = [i for i, size in enumerate(shape) if size != self.full_shape[i]]
        if len(cut) > 1:
            raise ValueError(
                f"Cannot use single_slice_dim() with shape={shape} and self.full_shape={self.full_shape} since slice "
                f"dim could be either dimension {cut[0]} or {cut[1]}."
            )
        return cut[0] if cut else None


@export("fixed_size_partitioner")
def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Partitioner:
    """Slices ``axis`` into ``num_shards``, or fewer where it is shorter."""

    def partitioner(shape: Any, **unused: Any) -> list[int]:
        partitions = [1] * len(shape)
        partitions[axis] = min(num_shards, as_shape(shape).as_list()[axis] or 1)
        return partitions

    return partitioner


def _bytes_each(dtype: Any, text: int) -> int:
    found = as_dtype(dtype)
    return text if found.name == "string" else found.size


@export("variable_axis_size_partitioner")
def variable_axis_size_partitioner(
    max_shard_bytes: int, axis: int = 0, bytes_per_string_element: int = 16, max_shards: int | None = None
) -> Partitioner:
    """Slices ``axis`` so that no slice takes more than ``max_shard_bytes``, in ``max_shards`` slices at most."""
    if max_shard_bytes < 1 or bytes_per_string_element < 1:
        raise ValueError(
            "Both max_shard_bytes and bytes_per_string_element must be positive. Currently, max_shard_bytes is "
            f"{max_shard_bytes} andbytes_per_string_element is {bytes_per_string_element}"
        )
    if max_shards is not None and max_shards < 1:
        raise ValueError("max_shards must be positive.")

    def partitioner(shape: Any, dtype: Any, **unused: Any) -> list[int]:
        shape = as_shape(shape)
        if not shape.is_fully_defined():
            raise ValueError(f"shape is not fully defined: {shape}")
        sizes = [int(d or 0) for d in shape.as_list()]
        partitions = [1] * len(sizes)
        row = math.prod(
            sizes[:axis] + sizes[axis + 1 :] if axis >= 0 else sizes[:axis] + sizes[len(sizes) + axis + 1 :]
        )
        each = row * _bytes_each(dtype, bytes_per_string_element)
        rows = max(1, max_shard_bytes // each) if each else sizes[axis]
        count = math.ceil(sizes[axis] / rows) if rows else 1
        partitions[axis] = max(1, count if max_shards is None else min(max_shards, count))
        return partitions

    return partitioner


@export("min_max_variable_partitioner")
def min_max_variable_partitioner(
    max_partitions: int = 1, axis: int = 0, min_slice_size: int = 256 << 10, bytes_per_string_element: int = 16
) -> Partitioner:
    """Slices ``axis`` into as many slices of at least ``min_slice_size`` bytes as there can be, or max_partitions."""

    def partitioner(shape: Any, dtype: Any, **unused: Any) -> list[int]:
        shape = as_shape(shape)
        if not shape.is_fully_defined():
            raise ValueError(f"Shape is not fully defined: {shape}")
        sizes = [int(d or 0) for d in shape.as_list()]
        if axis >= len(sizes):
            raise ValueError(f"Cannot partition variable along axis {axis} when shape is only {shape}")
        total = math.prod(sizes) * _bytes_each(dtype, bytes_per_string_element)
        partitions = [1] * len(sizes)
        partitions[axis] = max(1, min(sizes[axis], max_partitions, math.ceil(total / min_slice_size)))
        return partitions

    return partitioner
