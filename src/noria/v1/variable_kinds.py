"""Which kind of variable ``tf.Variable`` makes: by its argument, the variable scope, or the process's choice."""

from __future__ import annotations

from typing import Any

from noria.protos.tensorflow import VariableDef
from noria.v1.exports import export
from noria.v1.ref_variable import RefVariable
from noria.v1.resource_variable import BaseResourceVariable, ResourceVariable
from noria.v1.scope_state import get_variable_scope
from noria.v1.variables import Variable, set_kinds

_resource_by_default = [False]


@export("enable_resource_variables")
def enable_resource_variables() -> None:
    """Variables are of the resource kind where nothing else is asked for."""
    _resource_by_default[0] = True


@export("disable_resource_variables")
def disable_resource_variables() -> None:
    """Variables are of the reference kind where nothing else is asked for: how a process begins."""
    _resource_by_default[0] = False


@export("resource_variables_enabled")
def resource_variables_enabled() -> bool:
    """Whether variables are of the resource kind by default."""
    return _resource_by_default[0]


def is_resource_variable(value: Any) -> bool:
    """Whether ``value`` is a variable of the resource kind."""
    return isinstance(value, BaseResourceVariable)


def default_variable_creator(next_creator: Any = None, **arguments: Any) -> Variable:
    """A variable of the kind that the arguments, the scope or the process ask for."""
    use_resource = arguments.pop("use_resource", None)
    if use_resource is None:
        use_resource = get_variable_scope().use_resource
    if use_resource is None:
        use_resource = resource_variables_enabled()
    if use_resource:
        arguments.pop("expected_shape", None)
        return ResourceVariable(**arguments)
    return RefVariable(**arguments)


def variable_from_proto(variable_def: VariableDef, import_scope: str | None = None) -> Variable:
    """The variable of a message, whose nodes are in the default graph."""
    kind = ResourceVariable if variable_def.is_resource else RefVariable
    return kind(variable_def=variable_def, import_scope=import_scope)


set_kinds(default_variable_creator, variable_from_proto)
