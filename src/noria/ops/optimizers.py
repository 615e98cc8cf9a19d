"""The updates of gradient descent and Adam, on reference and on resource variables; nothing in them is lowered."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.resources import Variable
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._numeric import quiet, wide
from noria.ops.state import kept
from noria.shapes import Shape


@infer("ApplyGradientDescent", "ApplyAdam")
def _ref_infer(call: InferCall) -> list[Shape]:
    return [call.shape(len(call.inputs) - 1)]  # that of the gradient


@infer("ResourceApplyGradientDescent", "ResourceApplyAdam")
def _resource_infer(call: InferCall) -> list[Shape]:
    return []


def _check_update(variable: Variable, gradient: Array, *scalars: Array) -> None:
    held = variable.read()
    if held.dtype != gradient.dtype or held.shape != gradient.shape:
        raise InvalidArgumentError(
            f"var and grad do not have the same shape and dtype: variable {variable.name!r} is {held.dtype} "
            f"{shape_text(held.shape)}, the gradient {gradient.dtype} {shape_text(gradient.shape)}"
        )
    for scalar in scalars:
        if scalar.ndim:
            raise InvalidArgumentError(
                f"the numbers of an update are scalars, but one has the shape {shape_text(scalar.shape)} "
                f"(variable {variable.name!r})"
            )


def _set(variable: Variable, value: Any, dtype: np.dtype[Any]) -> Array:
    new = kept(np.asarray(value, dtype))
    variable.assign(new)
    return new


@quiet
def _descend(variable: Variable, rate: Array, gradient: Array) -> Array:
    with variable.lock:
        _check_update(variable, gradient, rate)
        return variable.update(lambda old, room: np.asarray(np.subtract(old, gradient * rate, out=room)))


@kernel("ApplyGradientDescent")
def _descent(call: KernelCall, variable: Variable, rate: Array, gradient: Array) -> Array:
    return _descend(variable, rate, gradient)


@kernel("ResourceApplyGradientDescent")
def _resource_descent(call: KernelCall, variable: Variable, rate: Array, gradient: Array) -> tuple[()]:
    _descend(variable, rate, gradient)
    return ()


@quiet
def _adam_step(call: KernelCall, variables: tuple[Variable, Variable, Variable], inputs: tuple[Array, ...]) -> Array:
    """Kingma and Ba, "Adam: A Method for Stochastic Optimization" (2015), in the order of its section 2's last form."""
    *scalars, gradient = inputs
    variable, first, second = variables
    # The locks of slots are only ever taken under their variable's.
    with variable.lock, first.lock, second.lock:
        for each in variables:
            _check_update(each, gradient, *scalars)
        power1, power2, rate, beta1, beta2, epsilon = (wide(s) for s in scalars)
        g = wide(gradient)
        one = g.dtype.type(1)
        step = rate * np.sqrt(one - power2) / (one - power1)
        m, v = wide(first.read()), wide(second.read())
        m = m + (g - m) * (one - beta1)
        v = v + (g * g - v) * (one - beta2)
        direction = g * (one - beta1) + beta1 * m if call.flag("use_nesterov") else m
        _set(first, m, gradient.dtype)
        _set(second, v, gradient.dtype)
        moved = wide(variable.read()) - direction * step / (np.sqrt(v) + epsilon)
        return _set(variable, moved, gradient.dtype)


@kernel("ApplyAdam")
def _adam(call: KernelCall, variable: Variable, first: Variable, second: Variable, *inputs: Array) -> Array:
    return _adam_step(call, (variable, first, second), inputs)


@kernel("ResourceApplyAdam")
def _resource_adam(
    call: KernelCall, variable: Variable, first: Variable, second: Variable, *inputs: Array
) -> tuple[()]:
    _adam_step(call, (variable, first, second), inputs)
    return ()
