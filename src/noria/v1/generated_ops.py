"""``tf.raw_ops``: every op of TensorFlow's definitions as a function of keyword arguments, made when asked for."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from noria.protos import op_defs
from noria.v1.apply_op import apply_op
from noria.v1.exports import made_on_demand


@cache
def raw_op(op_type: str) -> Callable[..., Any]:
    """The function of one op: inputs and attributes by the names of its definition, and ``name``.

    AttributeError, with the nearest names, for an op TensorFlow does not have.
    """
    if not op_defs.has_op(op_type):
        near = difflib.get_close_matches(op_type, op_defs.op_names(), 3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise AttributeError(f"module 'tf.raw_ops' has no op {op_type!r}{hint}")

    def function(*, name: str | None = None, **arguments: Any) -> Any:
        return apply_op(op_type, name, **arguments)

    definition = op_defs.op_def(op_type)
    keyword = inspect.Parameter.KEYWORD_ONLY
    given = [inspect.Parameter(arg.name, keyword) for arg in definition.input_arg]
    inferred = {a for arg in definition.input_arg for a in (arg.type_attr, arg.number_attr, arg.type_list_attr)}
    for attr in definition.attr:
        if attr.name not in inferred:
            default = None if attr.HasField("default_value") else inspect.Parameter.empty
            given.append(inspect.Parameter(attr.name, keyword, default=default))
    given.append(inspect.Parameter("name", keyword, default=None))
    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = f"Adds a {op_type} operation and gives its outputs."
    function.__signature__ = inspect.Signature(given)  # type: ignore[attr-defined]
    return function


made_on_demand("raw_ops", raw_op)
