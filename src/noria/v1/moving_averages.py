"""``tf.train.ExponentialMovingAverage``: averages of variables that forget slowly, kept beside them."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import divide
from noria.v1.arithmetic import truediv as true_quotient
from noria.v1.casts import cast
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import init_scope, name_scope
from noria.v1.graph import get_default_graph
from noria.v1.graph_keys import GraphKeys
from noria.v1.initializers import Zeros
from noria.v1.operation import Operation, Reference
from noria.v1.scope_state import get_variable_scope
from noria.v1.slots import create_slot, create_zeros_slot
from noria.v1.state_ops import assign, assign_sub
from noria.v1.variable_lists import global_variables, group, moving_average_variables, trainable_variables
from noria.v1.variable_scope import get_variable, variable_scope
from noria.v1.variables import Variable


@export("python.training.moving_averages.assign_moving_average")
def assign_moving_average(
    variable: Any, value: Any, decay: Any, zero_debias: bool = True, name: str | None = None
) -> Any:
    """``variable = variable * decay + value * (1 - decay)``.

    zero_debias: corrects for a variable that began with zero, over two variables of its own.
    """
    with name_scope(name, "AssignMovingAvg", [variable, value, decay]) as scope:
        rate = convert(1.0 - decay, name="decay")
        if rate.dtype != variable.dtype.base_dtype:
            rate = cast(rate, variable.dtype.base_dtype)
        if zero_debias:
            return _zero_debias(variable, value, rate)
        return assign_sub(variable, (variable - value) * rate, name=scope)


def _zero_debias(variable: Any, value: Any, rate: Any) -> Any:
    """Kingma and Ba 2014, section 3: the biased average over ``1 - decay ** steps``."""
    graph = get_default_graph()
    settings = {"initializer": Zeros(), "dtype": variable.dtype, "trainable": False}
    scope = variable_scope(variable.name.removesuffix(":0"), values=[variable, value, rate])
    with scope, graph.colocate_with(variable.op):
        biased = get_variable(_free_name("biased"), shape=variable.get_shape(), **settings)
        steps = get_variable(_free_name("local_step"), shape=[], **settings)
    updated = assign_sub(biased, (biased - value) * rate)
    count = steps.assign_add(1)
    factor = 1 - apply_op("Pow", None, x=1.0 - rate, y=count)
    return assign(variable, updated / factor, name=f"{graph.get_name_scope()}/")


def _free_name(name: str) -> str:
    scope = get_variable_scope()
    if scope.reuse:
        return name
    taken = {v.op.name for v in scope.global_variables()}
    i = 0
    while f"{scope.name}/{name}" + (f"_{i}" if i else "") in taken:
        i += 1
    return f"{name}_{i}" if i else name


@export("train.ExponentialMovingAverage")
class ExponentialMovingAverage:
    """Keeps ``average = average * decay + variable * (1 - decay)`` of variables.

    num_updates: how often they were updated; a decay of ``(1 + n) / (10 + n)`` is used where that is less; zero_debias:
    corrects averages of tensors, which begin with zero.
    """

    def __init__(
        self, decay: Any, num_updates: Any = None, zero_debias: bool = False, name: str = "ExponentialMovingAverage"
    ) -> None:
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = zero_debias
        self._name = name
        self._averages: dict[Reference, Any] = {}

    @property
    def name(self) -> str:
        return self._name

    def apply(self, var_list: Any = None) -> Operation:
        """The operation that updates the averages of ``var_list`` (all trainable variables if left out).

        Averages are made at the first call and begin with the variable's initial value. Raises TypeError for what is
        no float.
        """
        wanted = trainable_variables() if var_list is None else list(var_list)
        debiased: set[Reference] = set()
        for var in wanted:
            if var.dtype.base_dtype.name not in ("bfloat16", "float16", "float32", "float64"):
                raise TypeError(f"The variables must be half, float, or double: {var.name}")
            if var.ref() not in self._averages:
                with init_scope():
                    self._averages[var.ref()] = self._new_average(var, debiased)
        with name_scope(self._name) as scope:
            decay = convert(self._decay, "float32", "decay")
            if self._num_updates is not None:
                count = cast(self._num_updates, "float32", name="num_updates")
                decay = apply_op("Minimum", None, x=decay, y=(1.0 + count) / (10.0 + count))
            updates = []
            for var in wanted:
                average = self._averages[var.ref()]
                updates.append(assign_moving_average(average, var, decay, average.ref() in debiased))
            return group(updates, scope)

    def _new_average(self, var: Any, debiased: set[Reference]) -> Any:
        if isinstance(var, Variable):
            with get_default_graph().device(var.device):
                value = var.initialized_value()
            average = create_slot(var, value, self._name)
            get_default_graph().add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, var)
            return average
        average = create_zeros_slot(
            var, self._name, colocate_with_primary=var.op.type in ("Variable", "VariableV2", "VarHandleOp")
        )
        if self._zero_debias:
            debiased.add(average.ref())
        return average

    def average(self, var: Any) -> Any:
        """The variable that holds the average of ``var``, or None."""
        return self._averages.get(var.ref())

    def average_name(self, var: Any) -> str:
        """The name that the average of ``var`` has, or would have: under which a checkpoint holds it."""
        if var.ref() in self._averages:
            return str(self._averages[var.ref()].name.removesuffix(":0"))
        return get_default_graph().unique_name(f"{var.name.removesuffix(':0')}/{self._name}", mark_as_used=False)

    def variables_to_restore(self, moving_avg_variables: Any = None) -> dict[str, Any]:
        """Variables by the names to restore them by: the averages' names for those that have one."""
        if moving_avg_variables is None:
            moving_avg_variables = trainable_variables() + moving_average_variables()
        averaged = list(dict.fromkeys(moving_avg_variables))
        found = {self.average_name(v): v for v in averaged}
        names = {v.name for v in averaged}
        for v in dict.fromkeys(global_variables()):
            if v.name not in names and v.op.name not in found:
                found[v.op.name] = v
        return found


@export("python.training.moving_averages.weighted_moving_average")
def weighted_moving_average(
    value: Any, decay: Any, weight: Any, truediv: bool = True, collections: Any = None, name: str | None = None
) -> Any:
    """The moving average of ``value`` in which each one counts as ``weight`` says."""
    collections = [GraphKeys.GLOBAL_VARIABLES] if collections is None else collections
    with variable_scope(name, "WeightedMovingAvg", [value, weight, decay]) as scope:
        parts = []
        for key, of in (("value_x_weight", value), ("weight", weight)):
            made = get_variable(
                key,
                shape=of.get_shape(),
                dtype=of.dtype,
                initializer=Zeros(),
                trainable=False,
                collections=collections,
            )
            parts.append(made)
        above = assign_moving_average(parts[0], value * weight, decay, zero_debias=False)
        below = assign_moving_average(parts[1], weight, decay, zero_debias=False)
        return (true_quotient if truediv else divide)(above, below, name=scope.name)
