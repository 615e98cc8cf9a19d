"""``tf.make_template``: a function whose variables are made at its first call and shared by the later ones."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.scope_state import VariableScope, scope_store
from noria.v1.tf_logging import info
from noria.v1.variable_scope import PureScope, variable_scope


@export("make_template")
def make_template(
    name_: str,
    func_: Callable[..., Any],
    create_scope_now_: bool = False,
    unique_name_: str | None = None,
    custom_getter_: Any = None,
    **kwargs: Any,
) -> Template:
    """``func_`` (with ``kwargs`` given), sharing the variables that it gets by ``tf.get_variable``.

    name_: of its variable scope, made unique; unique_name_: taken as it is; create_scope_now_: claims the name at once.
    """
    function = functools.partial(func_, **kwargs) if kwargs else func_
    return Template(name_, function, create_scope_now_, unique_name_, custom_getter_)


class Template:
    """What ``make_template`` gives."""

    def __init__(
        self,
        name: str,
        func: Callable[..., Any],
        create_scope_now: bool = False,
        unique_name: str | None = None,
        custom_getter: Any = None,
    ) -> None:
        if name is None:
            raise ValueError("name cannot be None.")
        self._name, self._func = name, func
        self._unique_name, self._custom_getter = unique_name, custom_getter
        self._variables_created = False
        self._first_call = True
        self._variable_scope: VariableScope | None = None
        if create_scope_now:
            wanted = unique_name or scope_store().unique(name)
            with PureScope(wanted, given={"custom_getter": custom_getter}) as scope:
                self._variable_scope = scope

    def __call__(self, *args: Any, **keywords: Any) -> Any:
        if self._variable_scope is not None:
            with variable_scope(self._variable_scope, reuse=not self._first_call):
                return self._call(args, keywords)
        with variable_scope(self._unique_name, self._name, custom_getter=self._custom_getter) as scope:
            self._variable_scope = scope
            return self._call(args, keywords)

    def _call(self, args: Any, keywords: Any) -> Any:
        if not self._variables_created:
            first, self._first_call = self._first_call, False
            try:
                result = self._func(*args, **keywords)
            except BaseException:
                self._first_call = first
                raise
            self._variables_created = self._variables_created or first
            return result
        graph = get_default_graph()
        trainable = len(graph.get_collection(GraphKeys.TRAINABLE_VARIABLES))
        others = len(graph.get_collection(GraphKeys.GLOBAL_VARIABLES))
        result = self._func(*args, **keywords)
        new = graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)[trainable:]
        if new:
            raise ValueError(
                "Trainable variable created when calling a template after the first time, perhaps you used tf.Variable "
                f"when you meant tf.get_variable: {new}"
            )
        new = graph.get_collection(GraphKeys.GLOBAL_VARIABLES)[others:]
        if new:
            info(
                "New variables created when calling a template after the first time, perhaps you used tf.Variable when "
                "you meant tf.get_variable: %s",
                new,
            )
        return result

    @property
    def name(self) -> str:
        return self._name

    @property
    def func(self) -> Callable[..., Any]:
        return self._func

    @property
    def variable_scope(self) -> VariableScope | None:
        """The scope of its variables; None before the first call."""
        return self._variable_scope

    var_scope = variable_scope

    @property
    def variable_scope_name(self) -> str | None:
        """The scope's name with a slash at its end."""
        if self._variable_scope is None:
            return None
        name = self._variable_scope.name
        return name if not name or name.endswith("/") else f"{name}/"

    def _collected(self, key: str) -> list[Any]:
        return get_default_graph().get_collection(key, self.variable_scope_name) if self._variables_created else []

    @property
    def trainable_variables(self) -> list[Any]:
        return self._collected(GraphKeys.TRAINABLE_VARIABLES)

    @property
    def global_variables(self) -> list[Any]:
        return self._collected(GraphKeys.GLOBAL_VARIABLES)

    @property
    def local_variables(self) -> list[Any]:
        return self._collected(GraphKeys.LOCAL_VARIABLES)

    @property
    def variables(self) -> list[Any]:
        return self.global_variables + self.local_variables

    @property
    def non_trainable_variables(self) -> list[Any]:
        trainable = set(self.trainable_variables)
        return [v for v in self.global_variables if v not in trainable]

    weights = variables
    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables
