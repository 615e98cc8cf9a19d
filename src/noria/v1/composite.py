"""``tf.SparseTensor`` and ``tf.IndexedSlices``: several tensors that are one value, how they are fetched and fed."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.constant import constant_value_as_shape
from noria.v1.convert import convert, register_tensor_conversion_function
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import constant, export
from noria.v1.fetch import register_composite
from noria.v1.framework import name_scope
from noria.v1.graph import Graph
from noria.v1.nest import Composite
from noria.v1.operation import Operation, Tensor
from noria.v1.tensor_shape import TensorShape, as_shape

SparseTensorValue = namedtuple("SparseTensorValue", ["indices", "values", "dense_shape"])
IndexedSlicesValue = namedtuple("IndexedSlicesValue", ["values", "indices", "dense_shape"])
constant("SparseTensorValue", SparseTensorValue)
constant("IndexedSlicesValue", IndexedSlicesValue)


@export("SparseTensor")
class SparseTensor(Composite):
    """Values at some places of an array: ``indices`` int64 [n, rank], ``values`` [n], ``dense_shape`` int64 [rank]."""

    is_tensor_like = True
    __array_priority__ = 100

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        with name_scope(None, "SparseTensor", [indices, values, dense_shape]):
            self._indices = convert(indices, "int64", "indices")
            self._values = convert(values, None, "values")
            self._dense_shape = convert(dense_shape, "int64", "dense_shape")
        self._shape = constant_value_as_shape(self._dense_shape)
        places, count = self._indices.shape.with_rank(2), self._values.shape.with_rank(1)
        rank = self._dense_shape.shape.with_rank(1)
        places.dims[0].assert_is_compatible_with(count.dims[0])
        places.dims[1].assert_is_compatible_with(rank.dims[0])

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> SparseTensor:
        """The SparseTensor of a SparseTensor or SparseTensorValue; TypeError for anything else."""
        if not is_sparse(sparse_tensor_value):
            raise TypeError(f"{sparse_tensor_value!r} is neither a SparseTensor nor a SparseTensorValue.")
        return cls(sparse_tensor_value.indices, sparse_tensor_value.values, sparse_tensor_value.dense_shape)

    def _components(self) -> list[Any]:
        return [self._indices, self._values, self._dense_shape]

    def _with_components(self, components: Sequence[Any]) -> SparseTensor:
        return SparseTensor(*components)

    @property
    def indices(self) -> Tensor:
        return self._indices

    @property
    def values(self) -> Tensor:
        return self._values

    @property
    def dense_shape(self) -> Tensor:
        return self._dense_shape

    @property
    def op(self) -> Operation:
        return self._values.op

    @property
    def dtype(self) -> DType:
        return self._values.dtype

    @property
    def graph(self) -> Graph:
        return self._indices.graph

    @property
    def shape(self) -> TensorShape:
        """The dense shape as far as it is known."""
        return self._shape

    def get_shape(self) -> TensorShape:
        """The dense shape as far as it is known."""
        return self._shape

    def set_shape(self, shape: Any) -> None:
        """Merges what ``shape`` says into what is known; ValueError when they contradict each other."""
        self._shape = self._shape.merge_with(as_shape(shape))

    def with_values(self, new_values: Any) -> SparseTensor:
        """The same places with other values."""
        return SparseTensor(self._indices, new_values, self._dense_shape)

    def consumers(self) -> list[Operation]:
        return [op for part in (self._indices, self._values, self._dense_shape) for op in part.consumers()]

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """The SparseTensorValue, computed in ``session`` or the default session."""
        return self.graph.session_for(session, "eval").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"SparseTensor(indices={self._indices}, values={self._values}, dense_shape={self._dense_shape})"


@export("IndexedSlices")
class IndexedSlices(Composite):
    """Rows of an array: ``values[i]`` stands at row ``indices[i]`` of an array of shape ``dense_shape``."""

    is_tensor_like = True

    def __init__(self, values: Tensor, indices: Tensor, dense_shape: Tensor | None = None) -> None:
        self._values, self._indices, self._dense_shape = values, indices, dense_shape

    def _components(self) -> list[Any]:
        return _slice_parts(self)

    def _with_components(self, components: Sequence[Any]) -> IndexedSlices:
        return IndexedSlices(*components)

    @property
    def values(self) -> Tensor:
        return self._values

    @property
    def indices(self) -> Tensor:
        return self._indices

    @property
    def dense_shape(self) -> Tensor | None:
        return self._dense_shape

    @property
    def shape(self) -> TensorShape:
        """The dense shape as far as it is known."""
        return TensorShape(None) if self._dense_shape is None else constant_value_as_shape(self._dense_shape)

    @property
    def name(self) -> str:
        return self._values.name

    @property
    def device(self) -> str:
        return self._values.device

    @property
    def op(self) -> Operation:
        return self._values.op

    @property
    def dtype(self) -> DType:
        return self._values.dtype

    @property
    def graph(self) -> Graph:
        return self._values.graph

    def __neg__(self) -> IndexedSlices:
        return IndexedSlices(-self._values, self._indices, self._dense_shape)

    def __str__(self) -> str:
        shape = "" if self._dense_shape is None else f", dense_shape={self._dense_shape}"
        return f"IndexedSlices(indices={self._indices}, values={self._values}{shape})"


def sparse_too(function: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a function of each element, which is 0 at 0, take a SparseTensor: it is applied to the values."""

    @wraps(function)
    def either(x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, SparseTensor):
            return function(x, *args, **kwargs)
        # TensorFlow tries it as a dense tensor first, and its name is taken by then.
        with suppress(TypeError, ValueError):
            return function(x, *args, **kwargs)
        return SparseTensor(x.indices, function(x.values, *args, **kwargs), x.dense_shape)

    return either


def is_sparse(value: Any) -> bool:
    """Whether ``value`` is a SparseTensor or the value of one."""
    return isinstance(value, SparseTensor | SparseTensorValue)


def is_dense(value: Any) -> bool:
    """Whether ``value`` is a tensor or a variable, not made of several tensors."""
    return isinstance(value, Tensor) or (
        hasattr(value, "is_tensor_like") and not isinstance(value, SparseTensor | IndexedSlices)
    )


@export("convert_to_tensor_or_sparse_tensor")
def convert_to_tensor_or_sparse_tensor(value: Any, dtype: Any = None, name: str | None = None) -> Any:
    """``value`` as a SparseTensor where it is one, else as a Tensor. RuntimeError when the dtype differs."""
    if isinstance(value, SparseTensorValue):
        value = SparseTensor.from_value(value)
    if not isinstance(value, SparseTensor):
        return convert(value, dtype, name)
    if dtype is not None and not as_dtype(dtype).is_compatible_with(value.dtype):
        raise RuntimeError(f"Sparse dtype mismatch. Requested: {as_dtype(dtype).name},  Actual: {value.dtype.name}")
    return value


@export("convert_to_tensor_or_indexed_slices")
def convert_to_tensor_or_indexed_slices(value: Any, dtype: Any = None, name: str | None = None) -> Any:
    """``value`` as it is where it is IndexedSlices or a SparseTensor, else as a Tensor."""
    if not isinstance(value, IndexedSlices | SparseTensor):
        return convert(value, dtype, name)
    if dtype is not None and not as_dtype(dtype).is_compatible_with(value.dtype):
        raise ValueError(f"{as_dtype(dtype).name} was asked for, but {value!r} has dtype {value.dtype.name}")
    return value


def convert_n_to_tensor_or_indexed_slices(values: Iterable[Any]) -> list[Any]:
    """Each of ``values`` by ``convert_to_tensor_or_indexed_slices``; None stays None."""
    return [None if v is None else convert_to_tensor_or_indexed_slices(v) for v in values]


def _slices_to_tensor(
    value: IndexedSlices, dtype: DType | None = None, name: str | None = None, as_ref: bool = False
) -> Tensor:
    """IndexedSlices as a dense tensor; rows that stand twice are added."""
    if dtype is not None and not dtype.is_compatible_with(value.dtype):
        raise ValueError(f"{dtype.name} was asked for, but the IndexedSlices have dtype {value.dtype.name}")
    if value.dense_shape is None:
        raise ValueError(f"IndexedSlices without dense_shape cannot become a Tensor: {value}")
    found: Tensor = apply_op(
        "UnsortedSegmentSum",
        name,
        data=value.values,
        segment_ids=value.indices,
        num_segments=value.dense_shape[0],
    )
    return found


register_tensor_conversion_function(IndexedSlices, _slices_to_tensor)


def _slice_parts(value: Any) -> list[Any]:
    return [value.values, value.indices, *([] if value.dense_shape is None else [value.dense_shape])]


def _feed_sparse(sparse: SparseTensor, fed: Any) -> list[tuple[Any, Any]]:
    if len(fed) != 3:
        raise ValueError(f"a sparse tensor is fed with its indices, values and dense shape, got {len(fed)} values")
    return list(zip((sparse.indices, sparse.values, sparse.dense_shape), fed, strict=True))


register_composite(
    SparseTensor,
    lambda s: ([s.indices, s.values, s.dense_shape], lambda found: SparseTensorValue(*found)),
    _feed_sparse,
)
register_composite(
    IndexedSlices,
    lambda s: (_slice_parts(s), lambda found: IndexedSlicesValue(*found, *([None] * (3 - len(found))))),
    lambda s, fed: list(zip(_slice_parts(s), fed, strict=False)),
)


def static_rank(shape: Any) -> int | None:
    """How many dimensions a shape vector stands for: a tensor, list or array of sizes."""
    if isinstance(shape, Tensor):
        core = shape.info.shape
        return None if core is None or len(core) != 1 else core[0]
    return int(np.size(shape))
