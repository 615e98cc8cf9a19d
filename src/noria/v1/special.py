"""Functions made of several ops, or of one in a scope of its own: ``tf.sigmoid``, ``tf.math.xdivy`` …"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import complex_number, imag, real
from noria.v1.array_shapes import ones, rank, shape_internal, zeros_like
from noria.v1.constant import constant
from noria.v1.convert import convert
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.joining import concat
from noria.v1.op_functions import Function, renamed
from noria.v1.operation import Tensor
from noria.v1.reductions import reduced


@export("math.sigmoid", "sigmoid")
def sigmoid(x: Any, name: str | None = None) -> Any:
    """1 / (1 + exp(-x))."""
    with name_scope(name, "Sigmoid", [x]) as scope:
        return apply_op("Sigmoid", scope, x=convert(x, None, "x"))


@export("math.log_sigmoid", "log_sigmoid")
def log_sigmoid(x: Any, name: str | None = None) -> Any:
    """log(1 / (1 + exp(-x)))."""
    with name_scope(name, "LogSigmoid", [x]) as scope:
        x = convert(x, None, "x")
        return apply_op("Neg", scope, x=apply_op("Softplus", features=-x))


def _inside(op_type: str, called: str, arguments: Sequence[str]) -> Function:
    """A function whose one op stands, by its own name, in the scope ``called``."""
    if len(arguments) == 1:

        def function(x: Any, name: str | None = None) -> Any:
            with name_scope(name, called, [x]):
                return apply_op(op_type, x=x)
    else:

        def function(x: Any, y: Any, name: str | None = None) -> Any:  # type: ignore[misc]
            with name_scope(name, called, [x]):
                return apply_op(op_type, x=x, y=y)

    function.__name__ = function.__qualname__ = called
    function.__doc__ = f"``{op_type}``, elementwise."
    export_constant(f"math.{called}", function)
    return function


xdivy = _inside("Xdivy", "xdivy", "xy")
xlog1py = _inside("Xlog1py", "xlog1py", "xy")
erfinv = _inside("Erfinv", "erfinv", "x")
ndtri = _inside("Ndtri", "ndtri", "x")


@export("math.erfcinv")
def erfcinv(x: Any, name: str | None = None) -> Any:
    """The inverse of ``erfc``."""
    with name_scope(name, "erfcinv", [x]):
        x = convert(x, None, "start")
        return -ndtri(0.5 * x) * np.sqrt(0.5)


@export("math.reciprocal_no_nan")
def reciprocal_no_nan(x: Any, name: str | None = None) -> Any:
    """1 / x, and 0 where x is 0."""
    with name_scope(name, "reciprocal_no_nan", [x]) as scope:
        x = convert(x, None, "x")
        return apply_op("DivNoNan", scope, x=constant(1, x.dtype.base_dtype, name="one"), y=x)


@export("math.polyval")
def polyval(coeffs: Any, x: Any, name: str | None = None) -> Any:
    """The polynomial of ``coeffs``, the highest power first, at ``x``."""
    if not isinstance(coeffs, list):
        raise ValueError(f"Argument coeffs must be list type. Received type {type(coeffs)}.")
    with name_scope(name, "polyval", [*coeffs, x]) as scope:
        x = convert(x, None, "x")
        if not coeffs:
            return zeros_like(x, name=scope)
        parts = [convert(c, None, f"coeff_{i}") for i, c in enumerate(coeffs)]
        total: Any = parts[0]
        for part in parts[1:]:
            total = part + total * x
        return total


def _unsorted(called: str, scope_name: str, root: bool) -> Function:
    def function(data: Any, segment_ids: Any, num_segments: Any, name: str | None = None) -> Any:
        with name_scope(name, scope_name):
            data, segment_ids = convert(data), convert(segment_ids)
            count = _segment_sizes(data, segment_ids, num_segments)
            total = apply_op("UnsortedSegmentSum", data=data, segment_ids=segment_ids, num_segments=num_segments)
            return total / (apply_op("Sqrt", x=count) if root else count)

    function.__name__ = function.__qualname__ = called
    function.__doc__ = "The sum of each segment over " + ("the square root of its size." if root else "its size.")
    export_constant(f"math.{called}", function)
    export_constant(called, function)
    return function


def _segment_sizes(data: Tensor, segment_ids: Tensor, num_segments: Any) -> Any:
    """How many elements each segment has, at least 1, in a shape that broadcasts against ``data``."""
    segments = convert(num_segments)
    single = ones(shape_internal(segment_ids), data.dtype)
    count = apply_op("UnsortedSegmentSum", data=single, segment_ids=segment_ids, num_segments=segments)
    first = segments[None]
    rest = rank(data) - rank(segment_ids)
    sizes = concat([first, ones([rest], segments.dtype)], axis=0)
    return apply_op("Maximum", x=apply_op("Reshape", tensor=count, shape=sizes), y=1)


unsorted_segment_mean = _unsorted("unsorted_segment_mean", "UnsortedSegmentMean", False)
unsorted_segment_sqrt_n = _unsorted("unsorted_segment_sqrt_n", "UnsortedSegmentSqrtN", True)


def _bessel(called: str, op_type: str) -> Function:
    def function(x: Any, name: str | None = None) -> Any:
        with name_scope(name, called, [x]):
            return apply_op(op_type, x=x)

    function.__name__ = function.__qualname__ = called
    function.__doc__ = f"``{op_type}``, elementwise."
    return function


_SPECIAL = ["BesselI0", "BesselI1", "BesselI0e", "BesselI1e"]
_ONLY_SPECIAL = [
    "BesselK0", "BesselK0e", "BesselK1", "BesselK1e", "BesselJ0", "BesselJ1", "BesselY0", "BesselY1", "Dawsn", "Expint",
    "FresnelCos", "FresnelSin", "Spence",
]  # fmt: skip
for _op in _SPECIAL + _ONLY_SPECIAL:
    _called = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", _op).lower()
    _function = _bessel(_called, _op)
    export_constant(f"math.special.{_called}", _function)
    if _op in _SPECIAL:
        export_constant(f"math.{_called}", _function)


@export("math.lbeta", "lbeta")
def lbeta(x: Any, name: str | None = None) -> Any:
    """The logarithm of the Beta function of each last dimension."""
    with name_scope(name, "lbeta", [x]):
        x = convert(x, None, "x")
        parts = reduced("Sum", apply_op("Lgamma", x=x), [-1])
        return parts - apply_op("Lgamma", x=reduced("Sum", x, [-1]))


@export("math.l2_normalize", "nn.l2_normalize", "linalg.l2_normalize")
def l2_normalize(x: Any, axis: Any = None, epsilon: float = 1e-12, name: str | None = None, dim: Any = None) -> Any:
    """``x`` over its L2 norm along ``axis``; the squared norm counts as at least ``epsilon``."""
    axis = renamed("axis", axis, "dim", dim)
    with name_scope(name, "l2_normalize", [x]) as scope:
        x = convert(x, None, "x")
        if not x.dtype.is_complex:
            total = reduced("Sum", apply_op("Square", x=x), axis, True)
            inverse = apply_op("Rsqrt", x=apply_op("Maximum", x=total, y=epsilon))
            return apply_op("Mul", scope, x=x, y=inverse)
        squares = [apply_op("Square", x=part(x)) for part in (real, imag)]
        total = real(reduced("Sum", squares[0] + squares[1], axis, True))  # which takes a name, as TensorFlow does
        inverse = apply_op("Rsqrt", x=apply_op("Maximum", x=total, y=epsilon))
        whole, turned = (apply_op("Mul", x=part(x), y=inverse) for part in (real, imag))
        return complex_number(whole, turned, scope)
