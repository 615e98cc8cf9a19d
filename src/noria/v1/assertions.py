"""Checks of values: ``tf.assert_equal``, ``tf.assert_positive`` …

What is known while the graph is built is checked at once: the error is then raised by the call.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError
from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import absolute
from noria.v1.constant import constant_value
from noria.v1.control_flow import assert_true, with_dependencies
from noria.v1.convert import convert
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.groups import group, no_op
from noria.v1.op_functions import Function, renamed
from noria.v1.operation import Operation, Tensor
from noria.v1.reductions import reduced


def _prefix(message: str | None) -> str:
    return "" if message is None else f"{message}.  "


def _compared(
    symbol: str, op_type: str, static: Any, x: Any, y: Any, data: Any, summarize: Any, message: Any, name: Any
) -> Operation:
    """The assertion that ``x symbol y`` holds everywhere; InvalidArgumentError when it is known not to."""
    default = _NAMES[op_type]
    with name_scope(name, default, [x, y, data]):
        x, y = convert(x, None, "x"), convert(y, None, "y")
        if data is None:
            data = [f"Condition x {symbol} y did not hold element-wise:", f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
        if message is not None:
            data = [message, *data]
        condition = reduced("All", apply_op(op_type, x=x, y=y))
        left, right = constant_value(x), constant_value(y)
        if left is not None and right is not None and not np.all(static(left, right)):
            raise InvalidArgumentError("\n".join(_text(v) for v in data))
        return assert_true(condition, data, summarize)


def _text(value: Any) -> str:
    known = constant_value(value) if isinstance(value, Tensor) else None
    return str(value if known is None else known)


_NAMES = {
    "Equal": "assert_equal",
    "NotEqual": "assert_none_equal",
    "Less": "assert_less",
    "LessEqual": "assert_less_equal",
    "Greater": "assert_greater",
    "GreaterEqual": "assert_greater_equal",
}


def _comparison(symbol: str, op_type: str, static: Any) -> Function:
    def function(
        x: Any, y: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: Any = None
    ) -> Operation:
        if op_type == "Equal":
            with name_scope(name, "assert_equal", [x, y, data]):
                if x is y:
                    return no_op()
        return _compared(symbol, op_type, static, x, y, data, summarize, message, name)

    function.__name__ = function.__qualname__ = _NAMES[op_type]
    function.__doc__ = f"An operation that fails unless ``x {symbol} y`` holds for every element."
    export_constant(f"debugging.{_NAMES[op_type]}", function)
    export_constant(_NAMES[op_type], function)
    return function


assert_equal = _comparison("==", "Equal", np.equal)
assert_none_equal = _comparison("!=", "NotEqual", np.not_equal)
assert_less = _comparison("<", "Less", np.less)
assert_less_equal = _comparison("<=", "LessEqual", np.less_equal)
assert_greater = _comparison(">", "Greater", np.greater)
assert_greater_equal = _comparison(">=", "GreaterEqual", np.greater_equal)


def _against_zero(called: str, symbol: str, check: Function, zero_first: bool) -> Function:
    def function(
        x: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: Any = None
    ) -> Operation:
        with name_scope(name, called, [x, data]):
            x = convert(x, None, "x")
            if data is None:
                start = f"Condition x {symbol} 0 did not hold element-wise:"
                shown = f"x ({x.name}) = "
                # TensorFlow's own list lacks a comma for this one
                data = [_prefix(message), *([start + shown] if symbol == "<=" else [start, shown]), x]
            zero = convert(0, x.dtype.base_dtype)
            sides = (zero, x) if zero_first else (x, zero)
            return check(*sides, data=data, summarize=summarize)  # type: ignore[no-any-return]

    function.__name__ = function.__qualname__ = called
    function.__doc__ = f"An operation that fails unless ``x {symbol} 0`` holds for every element."
    export_constant(f"debugging.{called}", function)
    export_constant(called, function)
    return function


assert_negative = _against_zero("assert_negative", "<", assert_less, False)
assert_positive = _against_zero("assert_positive", ">", assert_less, True)
assert_non_negative = _against_zero("assert_non_negative", ">=", assert_less_equal, True)
assert_non_positive = _against_zero("assert_non_positive", "<=", assert_less_equal, False)


@export("debugging.assert_near", "assert_near")
def assert_near(
    x: Any,
    y: Any,
    rtol: Any = None,
    atol: Any = None,
    data: Any = None,
    summarize: int | None = None,
    message: str | None = None,
    name: str | None = None,
) -> Operation:
    """An operation that fails unless ``|x - y| <= atol + rtol |y|``; both tolerances are 10 epsilon by default."""
    with name_scope(name, "assert_near", [x, y, rtol, atol, data]):
        x = convert(x, None, "x")
        y = convert(y, x.dtype, "y")
        dtype = x.dtype.real_dtype
        epsilon = np.finfo(dtype.as_numpy_dtype).eps
        rtol = convert(10 * epsilon if rtol is None else rtol, dtype, "rtol")
        atol = convert(10 * epsilon if atol is None else atol, dtype, "atol")
        if data is None:
            tolerance = f"x and y not equal to tolerance rtol = {rtol}, atol = {atol}"
            data = [_prefix(message), tolerance, f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
        allowed = atol + rtol * absolute(y)
        near = apply_op("Less", x=absolute(x - y), y=allowed)
        return assert_true(reduced("All", near), data, summarize)


@export("debugging.assert_all_finite", "verify_tensor_all_finite")
def verify_tensor_all_finite(
    t: Any = None, msg: str | None = None, name: str | None = None, x: Any = None, message: str | None = None
) -> Tensor:
    """``x``, once it is checked that it holds no infinity and no NaN."""
    x = renamed("x", x, "t", t)
    message = renamed("message", message, "msg", msg)
    with name_scope(name, "VerifyFinite", [x]):
        x = convert(x, None, "x")
        with get_default_graph().colocate_with(x):
            check = apply_op("CheckNumerics", tensor=x, message=message)
            return with_dependencies([check], x)


@export("add_check_numerics_ops")
def add_check_numerics_ops() -> Operation:
    """An operation that checks every float tensor of the graph for infinities and NaN, in order of creation.

    ValueError for graphs with conditionals or loops.
    """
    graph = get_default_graph()
    check: list[Any] = []
    for op in graph.get_operations():
        for output in op.outputs:
            if output.dtype.name not in ("float16", "float32", "float64"):
                continue
            if op._get_control_flow_context() is not None:
                raise ValueError(
                    "`tf.add_check_numerics_ops() is not compatible with TensorFlow control flow operations such as "
                    "`tf.cond()` or `tf.while_loop()`."
                )
            with graph.control_dependencies(check):
                message = f"{op.name}:{output.value_index}"
                check = [apply_op("CheckNumerics", tensor=output, message=message)]
    return group(*check)
