"""Checks of ranks, dtypes and order: ``tf.assert_rank``, ``tf.assert_type``, ``tf.is_non_decreasing`` …"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import rank, shape, size
from noria.v1.assertions import _prefix
from noria.v1.composite import SparseTensor
from noria.v1.constant import constant_value
from noria.v1.control_flow import assert_true, cond, with_dependencies
from noria.v1.convert import convert
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.groups import no_op
from noria.v1.indexing import strided_slice
from noria.v1.op_functions import Function
from noria.v1.operation import Operation, Tensor
from noria.v1.reductions import reduced


@export("debugging.assert_type", "assert_type")
def assert_type(tensor: Any, tf_type: Any, message: str | None = None, name: str | None = None) -> Operation:
    """TypeError unless ``tensor`` has dtype ``tf_type``."""
    wanted = as_dtype(tf_type)
    with name_scope(name, "assert_type", [tensor]):
        if not isinstance(tensor, SparseTensor):
            tensor = convert(tensor, None, "tensor")
        if tensor.dtype != wanted:
            called = getattr(tensor, "name", "tensor")
            raise TypeError(f"{_prefix(message)}{called} must be of type {wanted!r}; got {tensor.dtype!r}")
        return no_op("statically_determined_correct_type")


@export("debugging.assert_integer", "assert_integer")
def assert_integer(x: Any, message: str | None = None, name: str | None = None) -> Operation:
    """TypeError unless ``x`` has an integer dtype."""
    with name_scope(name, "assert_integer", [x]):
        x = convert(x, None, "x")
        if not x.dtype.is_integer:
            raise TypeError(f'{_prefix(message)}Expected "x" to be integer type.  Found: {x.name} of dtype {x.dtype}')
        return no_op("statically_determined_was_integer")


@export("debugging.assert_scalar", "assert_scalar")
def assert_scalar(tensor: Any, name: str | None = None, message: str | None = None) -> Tensor:
    """``tensor``; ValueError unless it is known to have rank 0."""
    with name_scope(name, "assert_scalar", [tensor]) as scope:
        tensor = convert(tensor, None, scope)
        if tensor.shape.ndims != 0:
            raise ValueError(f"{_prefix(message)}Expected scalar shape for {tensor.name}, saw shape: {tensor.shape}.")
        return tensor  # type: ignore[no-any-return]


def _rank_check(
    x: Any, given: Any, op_type: str, words: str, data: Any, summarize: Any, message: Any, many: bool = False
) -> Operation:
    """Whether the rank of ``x`` is as ``words`` say of the ranks ``given``; at once where both are known."""
    if not isinstance(x, SparseTensor):
        x = convert(x, None, "x")
    ranks: list[Any] = [convert(r, None, "rank") for r in (given if many else [given])]
    called = "" if isinstance(x, SparseTensor) else x.name
    if data is None:
        sizes = shape(x)
        data = [_prefix(message), f"Tensor {called} must have {words}", *ranks, "Received shape: ", sizes]
    for value in ranks:
        assert_type(value, "int32")
    known = [constant_value(r) for r in ranks]
    if any(k is not None and k.ndim != 0 for k in known):
        raise ValueError("Rank must be a scalar.")
    own = x.get_shape().ndims
    if own is not None and all(k is not None for k in known):
        wanted = tuple(int(k) for k in known if k is not None)
        if not _STATIC[op_type](own, wanted):
            shown = wanted if many else wanted[0]
            raise ValueError(
                f"{_prefix(message)}Tensor {called} must have {words} {shown}.  Received rank {own}, shape "
                f"{x.get_shape()}"
            )
        return no_op("static_checks_determined_all_ok")
    return assert_true(_rank_condition(x, ranks, known, op_type, many), data, summarize)


_STATIC: dict[str, Any] = {
    "Equal": lambda own, wanted: own in wanted,
    "GreaterEqual": lambda own, wanted: own >= wanted[0],
}


def _rank_condition(x: Any, ranks: list[Any], known: list[Any], op_type: str, many: bool) -> Any:
    own = rank(x)
    if many:
        tests = [apply_op("Equal", x=r, y=own) for r in ranks[:1]]
        for value in ranks[1:]:
            tests.append(apply_op("LogicalOr", x=tests.pop(), y=apply_op("Equal", x=value, y=own)))
        condition = tests[0] if tests else convert(False)
    else:
        condition = apply_op(op_type, x=own, y=ranks[0])
    for value, fixed in zip(ranks, known, strict=True):
        if fixed is None:
            check = assert_rank(value, 0, data=["Rank must be a scalar. Received rank: ", value])
            condition = with_dependencies([check], condition)
    return condition


@export("debugging.assert_rank", "assert_rank")
def assert_rank(
    x: Any, rank: Any, data: Any = None, summarize: Any = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails unless ``x`` has ``rank`` dimensions; ValueError at once where that is known."""
    with name_scope(name, "assert_rank", (x, rank, *(data or []))):
        return _rank_check(x, rank, "Equal", "rank", data, summarize, message)


@export("debugging.assert_rank_at_least", "assert_rank_at_least")
def assert_rank_at_least(
    x: Any, rank: Any, data: Any = None, summarize: Any = None, message: str | None = None, name: str | None = None
) -> Operation:
    """Fails unless ``x`` has at least ``rank`` dimensions; ValueError at once where that is known."""
    with name_scope(name, "assert_rank_at_least", (x, rank, *(data or []))):
        return _rank_check(x, rank, "GreaterEqual", "rank at least", data, summarize, message)


@export("debugging.assert_rank_in", "assert_rank_in")
def assert_rank_in(
    x: Any,
    ranks: Sequence[Any],
    data: Any = None,
    summarize: Any = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """Fails unless the number of dimensions of ``x`` is one of ``ranks``; ValueError at once where that is known."""
    with name_scope(name, "assert_rank_in", (x, *ranks, *(data or []))):
        return _rank_check(x, ranks, "Equal", "rank in", data, summarize, message, many=True)


@export("debugging.assert_proper_iterable", "assert_proper_iterable")
def assert_proper_iterable(values: Any) -> None:
    """TypeError unless ``values`` is a list or the like: no tensor, array or text."""
    if isinstance(values, Tensor | SparseTensor | np.ndarray | str | bytes):
        raise TypeError(f'Expected argument "values" to be a "proper" iterable.  Found: {type(values)}')
    if not hasattr(values, "__iter__"):
        raise TypeError(f'Expected argument "values" to be iterable.  Found: {type(values)}')


@export("debugging.is_numeric_tensor", "is_numeric_tensor")
def is_numeric_tensor(tensor: Any) -> bool:
    """Whether ``tensor`` is a Tensor of numbers."""
    return isinstance(tensor, Tensor) and tensor.dtype.name not in ("bool", "string", "resource", "variant")


@export("debugging.assert_same_float_dtype", "assert_same_float_dtype")
def assert_same_float_dtype(tensors: Sequence[Any] | None = None, dtype: Any = None) -> DType:
    """The float dtype that all ``tensors`` have (float32 for none); ValueError when they differ or have another."""
    wanted = None if dtype is None else as_dtype(dtype)
    for item in tensors or ():
        own = None if item is None else item.dtype.base_dtype
        if own is not None and wanted is not None and own != wanted:
            called = getattr(item, "name", str(item))
            raise ValueError(f"{called}, type={own}, must be of the same type ({wanted}).")
        wanted = wanted if own is None else own
    if wanted is not None and not wanted.is_floating:
        raise ValueError(f"Expected floating point type, got {wanted}.")
    return as_dtype("float32") if wanted is None else wanted


def _monotonic(called: str, op_type: str) -> Function:
    def function(x: Any, name: str | None = None) -> Tensor:
        with name_scope(name, called, [x]):
            flat = apply_op("Reshape", tensor=x, shape=[-1])
            if not is_numeric_tensor(flat):
                raise TypeError(f"Expected x to be numeric, instead found: {flat}")
            short = apply_op("Less", x=size(flat), y=2)
            length = shape(flat) - 1

            def pairs() -> Any:
                end = [1] + length  # noqa: RUF005  # a sum of tensors
                after = strided_slice(flat, [1], end)
                return apply_op(op_type, x=after, y=strided_slice(flat, [0], length))

            return reduced("All", cond(short, lambda: convert([], "bool"), pairs))  # type: ignore[no-any-return]

    function.__name__ = function.__qualname__ = called
    function.__doc__ = f"Whether each element is ``{op_type}`` to the one before it."
    export_constant(f"debugging.{called}", function)
    export_constant(called, function)
    return function


is_non_decreasing = _monotonic("is_non_decreasing", "GreaterEqual")
is_strictly_increasing = _monotonic("is_strictly_increasing", "Greater")
