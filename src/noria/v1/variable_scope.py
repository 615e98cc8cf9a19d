"""``tf.variable_scope`` and ``tf.get_variable``: variables by name, shared where the scope says so.

Each ``with variable_scope("a")`` opens a name scope of its own (``a``, ``a_1``, …) for operations, while the variables
are called ``a/x`` every time.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from noria.v1.apply_op import graph_of
from noria.v1.dtypes import float32
from noria.v1.exports import export
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.scope_state import AUTO_REUSE, VariableScope, get_variable_scope, scope_store
from noria.v1.variable_store import default_store
from noria.v1.variables import VariableAggregation, VariableSynchronization


@export("get_variable")
def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """The variable ``name`` of the present variable scope: a new one, or with reuse the one that is there.

    initializer: a function of shape and dtype, or a tensor or array (then without ``shape``); Glorot's uniform one for
    floats and zeros for others if there is none here and in the scope. Raises ValueError for one that exists and should
    not, or the other way, or has another shape or dtype.
    """
    return get_variable_scope().get_variable(
        default_store(),
        name,
        shape=shape,
        dtype=dtype,
        initializer=initializer,
        regularizer=regularizer,
        trainable=trainable,
        collections=collections,
        caching_device=caching_device,
        partitioner=partitioner,
        validate_shape=validate_shape,
        use_resource=use_resource,
        custom_getter=custom_getter,
        constraint=constraint,
        synchronization=synchronization,
        aggregation=aggregation,
    )


@export("get_local_variable")
@functools.wraps(get_variable)
def get_local_variable(*args: Any, **keywords: Any) -> Any:
    """As ``get_variable``, in the collection LOCAL_VARIABLES and not trainable."""
    given = inspect.signature(get_variable).bind(*args, **keywords).arguments
    given["collections"] = [*(given.get("collections") or ()), GraphKeys.LOCAL_VARIABLES]
    return get_variable(**{**given, "trainable": False})


@export("no_regularizer")
def no_regularizer(_: Any) -> None:
    """A regularizer that gives no loss, against one of the scope around."""


_SETTINGS = ("initializer", "regularizer", "caching_device", "partitioner", "dtype", "use_resource", "custom_getter",
             "constraint")  # fmt: skip


class PureScope:
    """The part of a variable scope that has nothing to do with names of operations."""

    def __init__(
        self,
        name_or_scope: Any,
        reuse: Any = None,
        old_name_scope: str | None = None,
        given: dict[str, Any] | None = None,
    ) -> None:
        self._name_or_scope = name_or_scope
        self._reuse = reuse
        self._old_name_scope = old_name_scope
        self._given = {**dict.fromkeys(_SETTINGS), **(given or {})}
        self._store = scope_store()
        self._saved_counts: dict[str, int] = {}
        self._scope: VariableScope | None = None
        self._outer = self._store.current_scope
        self._name = ""
        if isinstance(name_or_scope, VariableScope):
            self._name = name_or_scope.name
            reuse = self._reuse or name_or_scope.reuse
            self._scope = self._derived(name_or_scope, reuse, name_or_scope.original_name_scope)

    def _derived(self, base: VariableScope, reuse: Any, name_scope: str) -> VariableScope:
        """A scope with the settings of ``base`` where no other ones are given; a constraint is not inherited."""
        given = self._given
        settings = {key: getattr(base, key) if given[key] is None else given[key] for key in _SETTINGS[:6]}
        getter = given["custom_getter"]
        settings["custom_getter"] = base.custom_getter if getter is None else _nested(getter, base.custom_getter)
        return VariableScope(reuse, name=self._name, name_scope=name_scope, constraint=given["constraint"], **settings)

    def __enter__(self) -> VariableScope:
        store = self._store
        self._outer = outer = store.current_scope
        if isinstance(self._name_or_scope, VariableScope):
            assert self._scope is not None
            store.open(self._name)
            self._saved_counts = dict(store.variable_scopes_count)
        else:
            self._name = f"{outer.name}/{self._name_or_scope}" if outer.name else self._name_or_scope
            self._reuse = self._reuse or outer.reuse
            name_scope = self._name_or_scope if self._old_name_scope is None else self._old_name_scope
            self._scope = self._derived(outer, self._reuse, name_scope)
            store.open(self._name)
        store.current_scope = self._scope
        return self._scope

    def __exit__(self, *error: object) -> None:
        store = self._store
        if store.current_scope is not self._scope:
            raise RuntimeError("Improper nesting of variable_scope.")
        if isinstance(self._name_or_scope, VariableScope):
            store.variable_scopes_count = self._saved_counts
        else:
            store.close_subscopes(self._name)
        store.current_scope = self._outer


def _nested(inner: Callable[..., Any], outer: Callable[..., Any] | None) -> Callable[..., Any]:
    """``inner`` around the getter of the scope outside."""
    if outer is None:
        return inner

    def nested(getter: Any, *args: Any, **keywords: Any) -> Any:
        return inner(functools.partial(outer, getter), *args, **keywords)

    return nested


@export("variable_scope")
class variable_scope:  # its public name
    """A block that puts variables of ``get_variable`` under a name, with defaults for them; gives a VariableScope.

    name_or_scope: a name within the present scope, a VariableScope to enter again, or None to take ``default_name``
    made unique; reuse: True, AUTO_REUSE, or None to take it from outside; auxiliary_name_scope: False stays in the
    present name scope.
    """

    def __init__(
        self,
        name_or_scope: Any,
        default_name: str | None = None,
        values: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Any = None,
        reuse: Any = None,
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Any = None,
        auxiliary_name_scope: bool = True,
    ) -> None:
        if default_name is None and name_or_scope is None:
            raise TypeError("If default_name is None then name_or_scope is required")
        if reuse not in (True, False, None, AUTO_REUSE):
            raise ValueError("The reuse parameter must be True or False or None.")
        if not isinstance(auxiliary_name_scope, bool):
            raise TypeError(f"The auxiliary_name_scope must be `True` or `False`, while get {auxiliary_name_scope}")
        self._name_or_scope = name_or_scope
        self._default_name = default_name
        self._reuse = reuse or None
        self._auxiliary = auxiliary_name_scope
        self._graph = graph_of(values or ())
        self._given = {
            "initializer": initializer, "regularizer": regularizer, "caching_device": caching_device,
            "partitioner": partitioner, "custom_getter": custom_getter, "dtype": dtype, "use_resource": use_resource,
            "constraint": constraint,
        }  # fmt: skip
        self._pure: PureScope | None = None
        self._name_scope: str | None = None
        self._stack: list[ExitStack] = []

    def __enter__(self) -> VariableScope:
        with ExitStack() as stack:
            stack.enter_context(self._graph.as_default())
            if self._pure is None:
                self._pure = self._first_entry(stack)
            elif self._name_scope is not None:  # entered again: the same operations' scope, another number
                stack.enter_context(self._graph.name_scope(self._name_scope))
            found: VariableScope = stack.enter_context(self._pure)
            self._stack.append(stack.pop_all())
        return found

    def _first_entry(self, stack: ExitStack) -> PureScope:
        wanted: Any = self._name_or_scope
        if wanted is not None and not isinstance(wanted, VariableScope | str):
            raise TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        if wanted is None and self._reuse:
            raise ValueError("reuse=True cannot be used without a name_or_scope")
        again = wanted if isinstance(wanted, VariableScope) else None
        name: str | None = self._default_name if wanted is None else str(wanted)
        if again is not None:
            name = again.name.split("/")[-1]
        if not self._auxiliary:
            present = self._graph.get_name_scope()
            name = f"{present}/" if present else ""
        old_name_scope = None
        if name or wanted is None or not self._auxiliary:
            self._name_scope = name
            entered = stack.enter_context(self._graph.name_scope(name))
            old_name_scope = entered if again is None else again.original_name_scope
        if wanted is None:
            wanted = scope_store().unique(str(self._default_name))
            return PureScope(wanted, None, old_name_scope, self._given)
        return PureScope(wanted, self._reuse, old_name_scope, self._given)

    def __exit__(self, *error: Any) -> None:
        self._stack.pop().__exit__(*error)


@export("variable_op_scope")
@contextmanager
def variable_op_scope(
    values: Any,
    name_or_scope: Any,
    default_name: str | None = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    reuse: Any = None,
    dtype: Any = None,
    use_resource: bool | None = None,
    constraint: Any = None,
) -> Iterator[VariableScope]:
    """The old order of ``variable_scope``'s arguments."""
    with variable_scope(
        name_or_scope,
        default_name=default_name,
        values=values,
        initializer=initializer,
        regularizer=regularizer,
        caching_device=caching_device,
        partitioner=partitioner,
        custom_getter=custom_getter,
        reuse=reuse,
        dtype=dtype,
        use_resource=use_resource,
        constraint=constraint,
    ) as scope:
        yield scope


@export("create_partitioned_variables")
def create_partitioned_variables(
    shape: Any,
    slicing: Any,
    initializer: Any,
    dtype: Any = float32,
    trainable: bool = True,
    collections: Any = None,
    name: str | None = None,
    reuse: Any = None,
) -> list[Any]:
    """The slices of a new variable; ``slicing`` says into how many each axis is cut."""
    if len(shape) != len(slicing):
        raise ValueError(
            "The 'shape' and 'slicing' of a partitioned Variable must have the length: shape: "
            f"{shape}, slicing: {slicing}"
        )
    if len(shape) < 1:
        raise ValueError(f"A partitioned Variable must have rank at least 1: shape: {shape}")
    with variable_scope(name, "PartitionedVariable", reuse=reuse) as scope, get_default_graph().name_scope(None):
        found = default_store().get_partitioned(
            scope.name,
            lambda **unused: slicing,
            shape,
            dtype,
            scope.initializer if initializer is None else initializer,
            regularizer=scope.regularizer,
            reuse=scope.reuse,
            trainable=trainable,
            collections=collections,
            caching_device=scope.caching_device,
            validate_shape=True,
            use_resource=scope.use_resource,
            constraint=scope.constraint,
            synchronization=VariableSynchronization.AUTO,
            aggregation=VariableAggregation.NONE,
        )
    return list(found)
