"""Sums, means, extremes over dimensions; cumulative sums; ``tf.argmax``.

Without ``axis`` everything is reduced: the dimensions become a constant where the rank is known, else a ``Range``.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import add, subtract
from noria.v1.array_shapes import rank, zeros
from noria.v1.arrays import matrix_diag_part, range_
from noria.v1.casts import cast
from noria.v1.constant import constant
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.op_functions import Function, export_rows, known, renamed
from noria.v1.operation import Tensor


def reduction_dims(x: Any, axis: Any) -> Any:
    """``axis``, or all dimensions of ``x`` as a tensor."""
    if axis is not None:
        return axis
    shape = known(x)
    return constant(np.arange(len(shape), dtype=np.int32)) if shape else range_(0, rank(x))


def reduced(op_type: str, x: Any, axis: Any = None, keepdims: Any = False, name: str | None = None) -> Any:
    """``op_type`` of ``x`` over ``axis``."""
    keep = bool(keepdims)
    dims = reduction_dims(x, axis)
    found = apply_op(op_type, name, input=x, reduction_indices=dims, keep_dims=keep)
    return _scalar_if_all(found, axis, keep)


def _scalar_if_all(found: Tensor, axis: Any, keepdims: Any) -> Tensor:
    if axis is None and not keepdims and not found.shape.is_fully_defined():
        found.set_shape(())
    return found


def _reduction(op_type: str) -> Function:
    def function(
        input_tensor: Any,
        axis: Any = None,
        keepdims: bool | None = None,
        name: str | None = None,
        reduction_indices: Any = None,
        keep_dims: bool | None = None,
    ) -> Any:
        axis = renamed("axis", axis, "reduction_indices", reduction_indices)
        return reduced(op_type, input_tensor, axis, renamed("keepdims", keepdims, "keep_dims", keep_dims), name)

    function.__name__ = function.__qualname__ = f"reduce_{op_type.lower()}"
    function.__doc__ = f"``{op_type}`` of ``input_tensor`` over ``axis`` (all by default); keepdims: leaves 1s there."
    return function


_REDUCTIONS: Final = {
    "sum": "Sum", "mean": "Mean", "prod": "Prod", "max": "Max", "min": "Min", "all": "All", "any": "Any",
}  # fmt: skip
for _name, _op in _REDUCTIONS.items():
    _function = _reduction(_op)
    export_constant(f"math.reduce_{_name}", _function)
    export_constant(f"reduce_{_name}", _function)


@export("math.reduce_euclidean_norm")
def reduce_euclidean_norm(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The square root of the sum of squares over ``axis``."""
    return reduced("EuclideanNorm", input_tensor, axis, keepdims, name)


@export("math.reduce_logsumexp", "reduce_logsumexp")
def reduce_logsumexp(
    input_tensor: Any,
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
) -> Any:
    """log(sum(exp(x))) over ``axis``, without overflow."""
    axis = renamed("axis", axis, "reduction_indices", reduction_indices)
    keep = renamed("keepdims", keepdims, "keep_dims", keep_dims)
    with name_scope(name, "ReduceLogSumExp", [input_tensor]) as scope:
        greatest = reduced("Max", input_tensor, axis, True)
        finite = apply_op("IsFinite", x=greatest)
        offset = apply_op("StopGradient", input=apply_op("SelectV2", condition=finite, t=greatest, e=0))
        total = reduced("Sum", apply_op("Exp", x=subtract(input_tensor, offset)), axis, keep)
        found = apply_op("Log", x=total)
        if not keep:
            offset = apply_op("Reshape", tensor=offset, shape=apply_op("Shape", input=found, out_type="int32"))
        return _scalar_if_all(add(found, offset, scope), axis, keep)


@export("math.reduce_variance")
def reduce_variance(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The mean squared distance from the mean over ``axis``. TypeError for integers."""
    with name_scope(name or "reduce_variance"):
        x = convert(input_tensor)
        means = reduced("Mean", x, axis, True)
        if means.dtype.is_integer:
            raise TypeError(f"Input must be either real or complex. Received integer type {means.dtype}.")
        distance = x - means
        if distance.dtype.is_complex:
            product = apply_op("Mul", x=apply_op("Conj", input=distance), y=distance)
            squares = apply_op("Real", input=product, Tout=distance.dtype.real_dtype)
        else:
            squares = apply_op("Square", x=distance)
        return reduced("Mean", squares, axis, keepdims)


@export("math.reduce_std")
def reduce_std(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: str | None = None) -> Any:
    """The square root of ``reduce_variance``."""
    with name_scope(name or "reduce_std"):
        return apply_op("Sqrt", x=reduce_variance(convert(input_tensor), axis, keepdims))


@export("math.count_nonzero", "count_nonzero")
def count_nonzero(
    input_tensor: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
    dtype: Any = "int64",
    name: str | None = None,
    reduction_indices: Any = None,
    keep_dims: bool | None = None,
    input: Any = None,
) -> Any:
    """How many elements are not zero (not empty for strings) over ``axis``."""
    keep = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    value = renamed("input", input, "input_tensor", input_tensor)
    axis = renamed("axis", axis, "reduction_indices", reduction_indices)
    with name_scope(name, "count_nonzero", [value]):
        value = convert(value, None, "input")
        if not value.dtype.is_bool:
            value = apply_op("NotEqual", x=value, y=zeros([], value.dtype))
        return cast(reduced("Sum", cast(value, "int64"), axis, keep), dtype)


@export("linalg.trace", "trace")
def trace(x: Any, name: str | None = None) -> Any:
    """The sum of the diagonal of each matrix."""
    with name_scope(name, "Trace", [x]) as scope:
        return reduced("Sum", matrix_diag_part(convert(x, None, "x")), [-1], False, scope)


@export("math.argmax", "argmax")
def argmax(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: Any = "int64"
) -> Any:
    """Where along ``axis`` (0) the greatest element stands, the first of equal ones."""
    axis = renamed("axis", axis, "dimension", dimension)
    axis = 0 if axis is None else axis
    dtype = getattr(axis, "dtype", None)
    if dtype is None and not isinstance(axis, int):
        raise TypeError("axis must be int or Tensor with integer datatype")
    if dtype is not None:
        if not as_dtype(dtype).is_integer:
            raise TypeError(f"axis tensor dtypes {dtype} is not supported")
        if as_dtype(dtype).base_dtype.name in ("int8", "int16", "uint8", "uint16"):
            axis = cast(axis, "int32")
    return apply_op("ArgMax", name, input=input, dimension=axis, output_type=output_type)


@export("math.argmin", "argmin")
def argmin(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: Any = "int64"
) -> Any:
    """Where along ``axis`` (0) the least element stands, the first of equal ones."""
    axis = renamed("axis", axis, "dimension", dimension)
    return apply_op("ArgMin", name, input=input, dimension=0 if axis is None else axis, output_type=output_type)


def _cumulative(op_type: str) -> Function:
    def function(x: Any, axis: Any = 0, exclusive: bool = False, reverse: bool = False, name: str | None = None) -> Any:
        with name_scope(name, op_type, [x]) as scope:
            x = convert(x, None, "x")
            return apply_op(op_type, scope, x=x, axis=axis, exclusive=exclusive, reverse=reverse)

    function.__name__ = function.__qualname__ = op_type.lower()
    function.__doc__ = f"``{op_type}`` along ``axis``; exclusive: without the element itself; reverse: from the end."
    return function


for _names, _op in [
    (("math.cumsum", "cumsum"), "Cumsum"),
    (("math.cumprod", "cumprod"), "Cumprod"),
    (("math.cumulative_logsumexp",), "CumulativeLogsumexp"),
]:
    _function = _cumulative(_op)
    for _name in _names:
        export_constant(_name, _function)

export_rows("""
arg_max: ArgMax input dimension output_type?
arg_min: ArgMin input dimension output_type?
""")
