"""``tf.contrib.framework`` (and ``tf.contrib.slim``): variables by name, model variables, values given by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from noria.v1.exports import constant as export_value
from noria.v1.exports import export
from noria.v1.global_step import (
    assert_global_step,
    create_global_step,
    get_global_step,
    get_or_create_global_step,
)
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.groups import group
from noria.v1.placeholder import placeholder
from noria.v1.scope_state import VariableScope
from noria.v1.variable_scope import get_variable
from noria.v1.variables import Variable

_F = TypeVar("_F", bound=Callable[..., Any])


def _both(name: str) -> Callable[[_F], _F]:
    """Exports under both packages."""
    return export(f"contrib.framework.{name}", f"contrib.slim.{name}")


@_both("variable")
def variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: bool | None = None,
) -> Any:
    """As ``tf.get_variable``, on ``device``; GLOBAL_VARIABLES is always among the collections."""
    wanted = set(collections if collections is not None else [GraphKeys.GLOBAL_VARIABLES])
    wanted.add(GraphKeys.GLOBAL_VARIABLES)
    with get_default_graph().device(device or ""):
        return get_variable(
            name,
            shape=shape,
            dtype=dtype,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
            collections=sorted(wanted),
            caching_device=caching_device,
            partitioner=partitioner,
            custom_getter=custom_getter,
            use_resource=use_resource,
        )


@_both("model_variable")
def model_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    use_resource: bool | None = None,
) -> Any:
    """As ``variable``, in MODEL_VARIABLES too."""
    wanted = [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES]
    return variable(
        name, shape, dtype, initializer, regularizer, trainable, wanted, caching_device, device, partitioner,
        custom_getter, use_resource,
    )  # fmt: skip


@_both("local_variable")
def local_variable(
    initial_value: Any, validate_shape: bool = True, name: str | None = None, use_resource: bool | None = None
) -> Variable:
    """A variable that is local and not trainable."""
    return Variable(
        initial_value,
        trainable=False,
        collections=[GraphKeys.LOCAL_VARIABLES],
        validate_shape=validate_shape,
        name=name,
        use_resource=use_resource,
    )


@_both("add_model_variable")
def add_model_variable(var: Any) -> None:
    """Adds to MODEL_VARIABLES what is not there."""
    if all(var is not other for other in get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES)):
        get_default_graph().add_to_collection(GraphKeys.MODEL_VARIABLES, var)


@_both("get_variables")
def get_variables(
    scope: Any = None, suffix: str | None = None, collection: str = GraphKeys.GLOBAL_VARIABLES
) -> list[Any]:
    """The variables in ``scope`` (a name, a pattern or a VariableScope) whose names end in ``suffix``."""
    if isinstance(scope, VariableScope):
        scope = scope.name
    if suffix is not None:
        suffix = suffix if ":" in suffix else f"{suffix}:0"
        scope = (scope or "") + ".*" + suffix
    return get_default_graph().get_collection(collection, scope)


def _of(collection: str) -> Callable[..., list[Any]]:
    def function(scope: Any = None, suffix: str | None = None) -> list[Any]:
        return get_variables(scope, suffix, collection)

    function.__doc__ = f"The variables of the collection ``{collection}`` in ``scope``, ending in ``suffix``."
    return function


get_model_variables = _both("get_model_variables")(_of(GraphKeys.MODEL_VARIABLES))
get_local_variables = _both("get_local_variables")(_of(GraphKeys.LOCAL_VARIABLES))
get_trainable_variables = _both("get_trainable_variables")(_of(GraphKeys.TRAINABLE_VARIABLES))


@_both("get_variables_by_suffix")
def get_variables_by_suffix(suffix: str, scope: Any = None) -> list[Any]:
    """The variables in ``scope`` whose names end in ``suffix``."""
    return get_variables(scope, suffix)


@_both("get_variables_by_name")
def get_variables_by_name(given_name: str, scope: Any = None) -> list[Any]:
    """The variables in ``scope`` whose last name is ``given_name``."""
    return [v for v in get_variables(scope) if v.op.name.rpartition("/")[2] == given_name]


@_both("get_unique_variable")
def get_unique_variable(var_op_name: str) -> Any:
    """The variable of this name; ValueError when there is none, or several begin with it."""
    found = get_variables(var_op_name)
    exact = [v for v in found if v.op.name == var_op_name]
    if len(exact) == 1:
        return exact[0]
    if not found:
        raise ValueError(f"Couldn't find variable {var_op_name}")
    raise ValueError(f"Variable {var_op_name} does not uniquely identify a variable")


@_both("filter_variables")
def filter_variables(
    var_list: Sequence[Any],
    include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    reg_search: bool = True,
) -> list[Any]:
    """The variables whose names match one of the first patterns and none of the second.

    reg_search: a pattern may match anywhere, not only from the start.
    """
    matches = re.search if reg_search else re.match
    patterns = include_patterns or [""]
    included = [v for p in patterns for v in var_list if matches(p, v.op.name)]
    excluded = {id(v) for p in exclude_patterns or () for v in var_list if matches(p, v.op.name)}
    return [v for v in dict.fromkeys(included) if id(v) not in excluded]


@_both("get_variables_to_restore")
def get_variables_to_restore(include: Sequence[str] | None = None, exclude: Sequence[str] | None = None) -> list[Any]:
    """The global variables in the scopes ``include`` (all if left out) and not in ``exclude``."""
    found = get_variables() if include is None else [v for scope in include for v in get_variables(scope)]
    left_out = {id(v) for scope in exclude or () for v in get_variables(scope)}
    return [v for v in found if id(v) not in left_out]


@_both("get_variable_full_name")
def get_variable_full_name(var: Any) -> str:
    """The name in checkpoints: of the whole where ``var`` is a slice."""
    info = var._save_slice_info
    return str(var.op.name if info is None else info.full_name)


@_both("assign_from_values")
def assign_from_values(var_names_to_values: Mapping[str, Any]) -> tuple[Any, dict[Any, Any]]:
    """An operation that sets variables, found by name, and the feeds it needs."""
    operations, feeds = [], {}
    for name, value in var_names_to_values.items():
        var = get_unique_variable(name)
        given = placeholder(var.dtype.base_dtype, var.get_shape())
        operations.append(var.assign(given))
        feeds[given] = np.reshape(value, var.get_shape().as_list())
    return group(*operations), feeds


@_both("assign_from_values_fn")
def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], None]:
    """A function of a session that sets variables."""
    operation, feeds = assign_from_values(var_names_to_values)

    def callback(session: Any) -> None:
        session.run(operation, feeds)

    return callback


for _function in (get_or_create_global_step, create_global_step, get_global_step, assert_global_step):
    export_value(f"contrib.slim.{_function.__name__}", _function)
