"""Variables of a graph and what is done with all of them: initialise, ask which have no value."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.constant import constant
from noria.v1.dtypes import string
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.groups import group as group_of
from noria.v1.indexing import boolean_mask
from noria.v1.operation import Operation, Tensor
from noria.v1.state_ops import is_variable_initialized


def _lister(key: str, what: str) -> Callable[..., list[Any]]:
    def function(scope: str | None = None) -> list[Any]:
        return get_default_graph().get_collection(key, scope)

    function.__doc__ = f"{what}; scope: a pattern that their names begin with."
    return function


global_variables = export("global_variables")(
    _lister(GraphKeys.GLOBAL_VARIABLES, "The variables that are shared and saved")
)
local_variables = export("local_variables")(
    _lister(GraphKeys.LOCAL_VARIABLES, "The variables that belong to the process and are not saved")
)
model_variables = export("model_variables")(
    _lister(GraphKeys.MODEL_VARIABLES, "The variables that inference needs, as layers marked them")
)
trainable_variables = export("trainable_variables")(
    _lister(GraphKeys.TRAINABLE_VARIABLES, "The variables that optimizers change")
)
moving_average_variables = export("moving_average_variables")(
    _lister(GraphKeys.MOVING_AVERAGE_VARIABLES, "The variables that moving averages are kept of")
)


@export("all_variables")
def all_variables() -> list[Any]:
    """The old name of ``global_variables``."""
    return global_variables()


@export("variables_initializer", "initialize_variables")
def variables_initializer(var_list: Any, name: str = "init") -> Operation:
    """One operation that runs the initializers of ``var_list``."""
    initializers = [v.initializer for v in var_list or ()]
    return group(initializers, name)


@export("global_variables_initializer", "initialize_all_variables")
def global_variables_initializer() -> Operation:
    """One operation that initialises all global variables."""
    return variables_initializer(global_variables())


@export("local_variables_initializer", "initialize_local_variables")
def local_variables_initializer() -> Operation:
    """One operation that initialises all local variables."""
    return variables_initializer(local_variables())


def group(operations: Sequence[Operation], name: str) -> Operation:
    """A NoOp that runs after ``operations``."""
    return group_of(*operations, name=name)


def _listed_or_all(var_list: Any) -> list[Any]:
    """``var_list``, else the global and local variables, else the nodes of variables that are in no collection."""
    if var_list is not None:
        return list(var_list)
    found = global_variables() + local_variables()
    kinds = ("Variable", "VariableV2", "AutoReloadVariable")
    return found or [op.outputs[0] for op in get_default_graph().get_operations() if op.type in kinds]


@export("report_uninitialized_variables")
def report_uninitialized_variables(var_list: Any = None, name: str = "report_uninitialized_variables") -> Tensor:
    """A string vector: the names of those of ``var_list`` (all global and local ones if left out) without a value."""
    wanted = _listed_or_all(var_list)
    with name_scope(name):
        ready = [is_variable_initialized(v) for v in wanted]
        device = os.environ.get("TF_DEVICE_FOR_UNINITIALIZED_VARIABLE_REPORTING", "/cpu:0")
        with get_default_graph().device(device):
            if not wanted:
                return constant([], dtype=string)
            mask = apply_op("LogicalNot", None, x=apply_op("Pack", "stack", values=ready, axis=0))
            names = constant([v.op.name for v in wanted])
            return boolean_mask(names, mask)


@export("assert_variables_initialized")
def assert_variables_initialized(var_list: Any = None) -> Tensor | None:
    """An operation that fails with FailedPreconditionError while a variable has no value; None without variables."""
    wanted = _listed_or_all(var_list)
    ranks = []
    for variable in wanted:
        with get_default_graph().colocate_with(variable.op):
            ranks.append(apply_op("Rank", None, input=variable))
    if not ranks:
        return None
    found: Tensor = ranks[0] if len(ranks) == 1 else apply_op("Pack", "stack", values=ranks, axis=0)
    return found
