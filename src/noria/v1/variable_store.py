"""The variables that ``tf.get_variable`` made, by name, and the rules of making and sharing them."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.convert import convert, register_tensor_conversion_function
from noria.v1.dtypes import DType, as_dtype, float32
from noria.v1.framework import init_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.initializers import GlorotUniform, Zeros
from noria.v1.operation import Tensor
from noria.v1.partitioned_variable import (
    PartitionedVariable,
    PartitionInfo,
    call_partitioner,
    slice_axis,
    slices,
)
from noria.v1.tensor_shape import TensorShape, as_shape
from noria.v1.variables import SaveSliceInfo, Variable, VariableAggregation, VariableSynchronization, distribution


class VariableStore:
    """Variables and partitioned variables by their full names."""

    def __init__(self) -> None:
        self._vars: dict[str, Any] = {}
        self._partitioned_vars: dict[str, PartitionedVariable] = {}

    def get_variable(
        self,
        name: str,
        shape: Any = None,
        dtype: Any = float32,
        initializer: Any = None,
        regularizer: Any = None,
        reuse: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        validate_shape: bool = True,
        use_resource: bool | None = None,
        custom_getter: Any = None,
        constraint: Any = None,
        synchronization: Any = VariableSynchronization.AUTO,
        aggregation: Any = VariableAggregation.NONE,
    ) -> Any:
        """The variable ``name``, new or there already as ``reuse`` says; see ``tf.get_variable``.

        Raises ValueError for one that exists and should not, or the other way, or has another shape or dtype.
        """
        if custom_getter is not None and not callable(custom_getter):
            raise ValueError(f"Passed a custom_getter which is not callable: {custom_getter}")
        synchronization, aggregation, trainable = distribution(synchronization, aggregation, trainable, name)
        arguments = {
            "shape": shape, "dtype": getattr(dtype, "base_dtype", dtype), "initializer": initializer,
            "regularizer": regularizer, "reuse": reuse, "trainable": trainable, "collections": collections,
            "caching_device": caching_device, "partitioner": partitioner, "validate_shape": validate_shape,
            "use_resource": use_resource, "synchronization": synchronization, "aggregation": aggregation,
        }  # fmt: skip
        if custom_getter is None:
            return self._get(name, **arguments, constraint=constraint)
        if _takes(custom_getter, "constraint", any_keyword=True):
            arguments["constraint"] = constraint
        return custom_getter(getter=self._get, name=name, **arguments)

    def _get(
        self,
        name: str,
        shape: Any = None,
        dtype: Any = float32,
        initializer: Any = None,
        regularizer: Any = None,
        reuse: Any = None,
        trainable: bool | None = None,
        collections: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        validate_shape: bool = True,
        use_resource: bool | None = None,
        constraint: Any = None,
        synchronization: Any = VariableSynchronization.AUTO,
        aggregation: Any = VariableAggregation.NONE,
    ) -> Any:
        """What custom getters call: one variable, or a partitioned one."""
        how = {
            "regularizer": regularizer, "reuse": reuse, "trainable": trainable, "collections": collections,
            "caching_device": caching_device, "validate_shape": validate_shape, "use_resource": use_resource,
            "constraint": constraint, "synchronization": synchronization, "aggregation": aggregation,
        }  # fmt: skip
        scalar = isinstance(shape, Sequence) and not shape
        if partitioner is not None and not scalar:
            if not callable(partitioner):
                raise ValueError(f"Partitioner must be callable, but received: {partitioner}")
            with get_default_graph().name_scope(None):
                return self.get_partitioned(name, partitioner, shape, dtype, initializer, **how)
        if reuse is True and partitioner is None and name in self._partitioned_vars:
            return self.get_partitioned(name, None, shape, dtype, initializer, **how)
        if f"{name}/part_0" in self._vars:
            raise ValueError(
                f"No partitioner was provided, but a partitioned version of the variable was found: {name}/part_0. "
                "Perhaps a variable of the same name was already created with partitioning?"
            )
        return self._single(name, shape, dtype, initializer, None, **how)

    # --- partitioned

    def get_partitioned(
        self, name: str, partitioner: Any, shape: Any, dtype: Any, initializer: Any, *, reuse: Any = None, **how: Any
    ) -> PartitionedVariable:
        """The partitioned variable ``name``."""
        if name in self._vars:
            raise ValueError(
                "A partitioner was provided, but an unpartitioned version of the variable was found: "
                f"{name}.  Perhaps a variable of the same name was already created without partitioning?"
            )
        whole = as_shape(shape)
        dtype = as_dtype(dtype)
        if isinstance(initializer, Tensor):
            whole = whole.merge_with(initializer.shape)
        partitions = call_partitioner(partitioner, whole, dtype) if not reuse or partitioner else None
        if name in self._partitioned_vars:
            return self._shared_partitions(name, whole, dtype, partitions, reuse)
        if reuse is True:
            raise ValueError(
                f"PartitionedVariable {name} does not exist, or was not created with tf.get_variable(). Did you mean "
                "to set reuse=False or reuse=tf.AUTO_REUSE in VarScope?"
            )
        assert partitions is not None  # there is a partitioner unless a variable is reused
        axis, count = slice_axis(partitions)
        self._check_parts(name, count)
        sizes = [int(d or 0) for d in whole.as_list()]
        parts = []
        for i, (offset, part) in enumerate(slices(sizes, count, axis)):
            made = self._part(f"{name}/part_{i}", (sizes, offset, part), dtype, initializer, reuse=reuse, **how)
            made._set_save_slice_info(SaveSliceInfo(name, sizes, offset, part))
            parts.append(made)
        found = PartitionedVariable(name, whole, dtype, parts, partitions)
        self._partitioned_vars[name] = found
        return found

    def _shared_partitions(
        self, name: str, shape: TensorShape, dtype: DType, partitions: list[int] | None, reuse: Any
    ) -> PartitionedVariable:
        if reuse is False:
            raise ValueError(
                f"Partitioned variable with name {name} already exists. Did you mean to set reuse=True or "
                "reuse=tf.AUTO_REUSE in VarScope?"
            )
        found = self._partitioned_vars[name]
        start = f"Trying to reuse partitioned variable {name}, but specified"
        if not shape.is_compatible_with(found.shape):
            raise ValueError(f"{start} shape {shape} and found shape {found.shape}.")
        if not dtype.is_compatible_with(found.dtype):
            raise ValueError(f"{start} dtype {dtype.name} and found dtype {found.dtype.name}.")
        if partitions is not None and list(found._get_partitions()) != partitions:
            raise ValueError(f"{start} partitions {partitions} and found partitions {found._get_partitions()}.")
        return found

    def _check_parts(self, name: str, count: int) -> None:
        if f"{name}/part_0" not in self._vars:
            return
        start = (
            "Partitioner returned a different partitioning than what was already found.  Partitioner returned "
            f"{count} shards, and shard {name}/part_0 was found, but"
        )
        if f"{name}/part_{count - 1}" not in self._vars:
            raise ValueError(f"{start} {name}/part_{count - 1} was not.")
        if f"{name}/part_{count}" in self._vars:
            raise ValueError(f"{start} so was the extra shard {name}/part_{count}.")

    def _part(self, name: str, where: tuple[Any, Any, Any], dtype: DType, initializer: Any, **how: Any) -> Any:
        whole, offset, part = where
        shape: Any = part
        with get_default_graph().name_scope(f"{name}/PartitionedInitializer"):
            if initializer is None:
                initializer = default_initializer(name, dtype)
            elif not callable(initializer):
                given = convert(initializer, None if isinstance(initializer, Tensor) else dtype)
                initializer = apply_op("Slice", None, input=given, begin=offset, size=part)
                dtype, shape = initializer.dtype.base_dtype, None
        with get_default_graph().name_scope(None):
            return self._single(name, shape, dtype, initializer, PartitionInfo(whole, offset), **how)

    # --- one variable

    def _single(
        self,
        name: str,
        shape: Any,
        dtype: Any,
        initializer: Any,
        partition_info: PartitionInfo | None,
        *,
        regularizer: Any,
        reuse: Any,
        use_resource: bool | None,
        **how: Any,
    ) -> Any:
        if shape is not None and initializer is not None and not callable(initializer):
            raise ValueError("If initializer is a constant, do not specify shape.")
        dtype = as_dtype(dtype)
        wanted = None if shape is None else as_shape(shape)
        if name in self._vars:
            return self._shared(name, wanted, dtype, reuse)
        if reuse is True:
            raise ValueError(
                f"Variable {name} does not exist, or was not created with tf.get_variable(). Did you mean to set "
                "reuse=tf.AUTO_REUSE in VarScope?"
            )
        if initializer is None:
            if wanted is None:
                raise ValueError(
                    f"Variable {name} did not get an initializer, so its `shape` argument must be specified."
                )
            initializer = default_initializer(name, dtype)
        with init_scope():
            value, value_dtype = initial_value(initializer, wanted, dtype, partition_info)
        made = Variable(value, name=name, dtype=value_dtype, use_resource=use_resource, shape=wanted, **how)
        self._vars[name] = made
        if regularizer:
            _regularize(made, name, regularizer)
        return made

    def _shared(self, name: str, shape: TensorShape | None, dtype: DType, reuse: Any) -> Any:
        if reuse is False:
            raise ValueError(
                f"Variable {name} already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in "
                "VarScope?"
            )
        found = self._vars[name]
        start = f"Trying to share variable {name}, but specified"
        if shape is not None and not shape.is_compatible_with(found.shape):
            raise ValueError(f"{start} shape {shape} and found shape {found.shape}.")
        if not dtype.is_compatible_with(found.dtype):
            raise ValueError(f"{start} dtype {dtype.name} and found dtype {found.dtype.name}.")
        return found


def default_initializer(name: str, dtype: DType) -> Any:
    """Glorot's for floats, zeros for integers, bools and strings; ValueError for others."""
    if dtype.is_floating:
        return GlorotUniform()
    if dtype.is_integer or dtype.is_bool or dtype.name == "string":
        return Zeros()
    raise ValueError(f"An initializer for variable {name} of {dtype.base_dtype} is required")


def initial_value(
    initializer: Any, shape: TensorShape | None, dtype: DType, partition_info: PartitionInfo | None
) -> tuple[Any, DType | None]:
    """What ``tf.Variable`` takes as initial value and dtype: the value given, or a function that makes it."""
    if not callable(initializer):
        return initializer, None
    if inspect.isclass(initializer):
        initializer = initializer()
    if shape is not None and shape.is_fully_defined():
        more = {"partition_info": partition_info} if _takes(initializer, "partition_info") else {}
        return functools.partial(initializer, shape.as_list(), dtype=dtype, **more), dtype.base_dtype
    if _needs_nothing(initializer):
        return initializer, None
    raise ValueError(
        "The initializer passed is not valid. It should be a callable with no arguments and the shape should not be "
        "provided or an instance of `tf.keras.initializers.*' and `shape` should be fully defined."
    )


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a function of C without a signature
        return []


def _takes(function: Callable[..., Any], name: str, *, any_keyword: bool = False) -> bool:
    found = _parameters(function)
    return any(p.name == name or (any_keyword and p.kind is p.VAR_KEYWORD) for p in found)


def _needs_nothing(function: Callable[..., Any]) -> bool:
    return all(p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in _parameters(function))


class LazyLoss:
    """A regularisation loss: computed again wherever it is used as a tensor, so that it may be used in a loop."""

    is_tensor_like = True

    def __init__(self, make: Callable[[], Tensor]) -> None:
        self._make = make
        self._first = make()

    def _as_graph_element(self) -> Tensor:
        return self._first

    def __getattr__(self, name: str) -> Any:
        return getattr(self._first, name)


def _convert_loss(value: LazyLoss, dtype: DType | None = None, name: str | None = None, as_ref: bool = False) -> Tensor:
    return value._make()


register_tensor_conversion_function(LazyLoss, _convert_loss, 0)


def _delegate(operator: str) -> Callable[..., Any]:
    def run(self: LazyLoss, *args: Any) -> Any:
        return getattr(Tensor, operator)(self._make(), *args)

    return run


for _operator in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "neg", "abs",
                  "lt", "le", "gt", "ge", "getitem"):  # fmt: skip
    setattr(LazyLoss, f"__{_operator}__", _delegate(f"__{_operator}__"))


def _regularize(variable: Any, name: str, regularizer: Any) -> None:
    def make() -> Any:
        graph = get_default_graph()
        with graph.colocate_with(variable.op), graph.name_scope(f"{name}/Regularizer/"):
            return regularizer(variable)

    if regularizer(variable) is not None:
        get_default_graph().add_to_collection(GraphKeys.REGULARIZATION_LOSSES, LazyLoss(make))


_STORE: Any = ("__variable_store",)  # a collection that no MetaGraph takes along: its key is no string


def default_store() -> VariableStore:
    """The store of the default graph."""
    kept = get_default_graph().get_collection_ref(_STORE)
    if not kept:
        kept.append(VariableStore())
    found: VariableStore = kept[0]
    return found


@contextmanager
def with_variable_store(store: VariableStore) -> Iterator[None]:
    """A block in which ``get_variable`` uses ``store``."""
    kept = get_default_graph().get_collection_ref(_STORE)
    saved = list(kept)
    kept[:] = [store]
    try:
        yield
    finally:
        kept[:] = saved
