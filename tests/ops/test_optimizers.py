"""Updates of gradient descent and Adam. The numbers are TensorFlow 2.21's, from two steps of the same raw ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.resources import Variable
from noria.ops.state import kept
from op_kernel import run_kernel

_ADAM = [np.float32(x) for x in (0.9, 0.99, 0.1, 0.9, 0.99, 1e-7)]  # powers, rate, betas, epsilon
_GRADIENT = np.array([0.5, -3], np.float32)


def variable(*values: float) -> Variable:
    made = Variable("v", dtypes.float32, None)
    made.assign(kept(np.array(values, np.float32)))
    return made


@pytest.mark.parametrize("op", ["ApplyGradientDescent", "ResourceApplyGradientDescent"])
def test_gradient_descent(op: str) -> None:
    v = variable(1, -2)
    result: Any = run_kernel(op, v, np.float32(0.1), _GRADIENT)
    np.testing.assert_allclose(v.read(), [0.949999988079071, -1.7000000476837158], rtol=1e-6)
    if op == "ApplyGradientDescent":
        np.testing.assert_array_equal(result, v.read())
    else:
        assert result == ()


@pytest.mark.parametrize("op", ["ApplyAdam", "ResourceApplyAdam"])
@pytest.mark.parametrize(
    ("nesterov", "wanted"),
    [(False, [0.9294769167900085, -1.773937463760376]), (True, [0.9142102003097534, -1.632603406906128])],
)
def test_adam(op: str, nesterov: bool, wanted: list[float]) -> None:
    v, first, second = variable(1, -2), variable(0.1, 0), variable(0.2, 0.01)
    for _ in range(2):
        run_kernel(op, v, first, second, *_ADAM, _GRADIENT, use_nesterov=nesterov)
    np.testing.assert_allclose(v.read(), wanted, rtol=1e-6)
    np.testing.assert_allclose(first.read(), [0.17600002884864807, -0.5700001120567322], rtol=1e-6)
    np.testing.assert_allclose(second.read(), [0.20099499821662903, 0.18890082836151123], rtol=1e-6)


def test_readers_keep_what_they_got() -> None:
    v = variable(1, -2)
    before = v.read()
    run_kernel("ResourceApplyGradientDescent", v, np.float32(0.1), _GRADIENT)
    np.testing.assert_array_equal(before, [1, -2])


@pytest.mark.parametrize(("rate", "gradient"), [(np.ones(1, np.float32), _GRADIENT), (np.float32(1), _GRADIENT[:1])])
def test_what_does_not_fit_is_refused(rate: Any, gradient: Any) -> None:
    v = variable(1, -2)
    with pytest.raises(InvalidArgumentError):
        run_kernel("ResourceApplyGradientDescent", v, rate, gradient)
    np.testing.assert_array_equal(v.read(), [1, -2])
