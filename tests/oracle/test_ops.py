"""Every row of the op case table against TensorFlow: the host kernel gives its answers and its error codes."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from noria.dtypes import DType
from noria.errors import TFError
from noria.graph.graph import ShapeAttr
from noria.graph.op_spec import op_spec
from op_cases import Case, collect, expand
from op_runner import assert_same, bound_attrs, run_case

# Attributes that TensorFlow's Python functions call differently.
_RENAMED = {"squeeze_dims": "axis"}

CASES = [case for row in collect() for case in expand(row)]


def tensorflow_outputs(case: Case) -> list[Any]:
    """Runs the case through ``tf.raw_ops``, eagerly."""
    spec = op_spec(case.row.op)
    assert spec is not None
    function = getattr(tf.raw_ops, case.row.op)
    accepted = inspect.signature(function).parameters
    attrs = bound_attrs(spec, case) | dict(case.attrs)

    # Inputs that they call differently are matched by their place among the arguments that nothing else is called.
    own = {arg.name for arg in spec.inputs} | set(attrs) | set(_RENAMED.values() if "squeeze_dims" in attrs else ())
    missing = [arg.name for arg in spec.inputs if arg.name not in accepted]
    renamed = _RENAMED | dict(zip(missing, (p for p in accepted if p not in own and p != "name"), strict=False))

    def name(given: str) -> str:
        return given if given in accepted else renamed.get(given, given)

    arguments = {name(k): _attr(v) for k, v in attrs.items() if name(k) in accepted}
    tensors = [tf.constant(a, _dtype(a, case)) for a in case.inputs]
    for arg in spec.inputs:
        if arg.number_attr or arg.type_list_attr:
            listed = attrs[arg.type_list_attr] if arg.type_list_attr else range(attrs[arg.number_attr])
            count = len(listed)
            arguments[name(arg.name)] = [tensors.pop(0) for _ in range(count)]
        else:
            arguments[name(arg.name)] = tensors.pop(0)
    result = function(**arguments)
    if result is None or isinstance(result, tf.Operation):
        return []
    flat = tf.nest.flatten(list(result) if isinstance(result, tuple) else result)
    return [np.asarray(t.numpy(), object if t.dtype == tf.string else None) for t in flat]


def _dtype(array: Any, case: Case) -> Any:
    return tf.string if array.dtype == object else tf.dtypes.as_dtype(array.dtype)


def _attr(value: Any) -> Any:
    if isinstance(value, DType):
        return tf.dtypes.as_dtype(value.number)
    if isinstance(value, ShapeAttr):
        return tf.TensorShape(value.dims)
    if isinstance(value, list):
        return [_attr(v) for v in value]
    return value


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.id)
def test_kernel_agrees_with_tensorflow(case: Case) -> None:
    if case.row.skip_oracle:
        pytest.skip(case.row.skip_oracle)
    if case.row.error is not None:
        with pytest.raises(tf.errors.OpError) as refused:
            tensorflow_outputs(case)
        assert refused.value.error_code == case.row.error
        with pytest.raises(TFError) as caught:
            run_case(case, engine=False)
        assert caught.value.code == case.row.error
        return
    assert_same(run_case(case, engine=False), tensorflow_outputs(case), case, what="the kernel against TensorFlow")
