"""Bessel functions of orders 0 and 1 over float64 arrays, to about 1e-13.

Below a bound by integrals whose trapezoidal sums converge exponentially, above it by asymptotic series; the numbers in
brackets are those of the Digital Library of Mathematical Functions (dlmf.nist.gov).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from noria.graph.graph import Array

_FAR: Final = 25.0  # from which the asymptotic series are exact to rounding
_SERIES: Final = 8.0  # below which the power series of y loses few digits
_CIRCLE: Final = np.arange(64) * (np.pi / 32)
_LINE: Final = np.arange(257) / 256
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(64)
_CHUNK: Final = 1 << 14  # elements at a time, to bound memory


def _chunked(x: Array, function: Callable[[Array], Array]) -> Array:
    """``function`` of columns [n, 1], which makes a row of each element, a bounded number of them at a time."""
    flat = x.reshape(-1, 1)
    parts = [function(flat[i : i + _CHUNK]) for i in range(0, len(flat), _CHUNK)]
    return np.concatenate(parts).reshape(x.shape) if parts else np.zeros(x.shape)


def _hankel(order: int, z: Array, *, alternate: bool) -> tuple[Array, Array]:
    """The even and the odd part of the series of a_k / z^k (10.17.1)."""
    even, odd, term = np.ones_like(z), np.zeros_like(z), np.ones_like(z)
    for k in range(1, 24):
        term = term * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k * z)
        sign = -1.0 if alternate and k % 4 in (2, 3) else 1.0
        if k % 2:
            odd += sign * term
        else:
            even += sign * term
    return even, odd


def i_scaled(order: int, x: Array) -> Array:
    """exp(-|x|) I(x): (10.32.3) and (10.40.1)."""
    size = np.abs(x)
    near = _chunked(
        np.minimum(size, _FAR), lambda v: (np.exp(v * (np.cos(_CIRCLE) - 1)) * np.cos(order * _CIRCLE)).mean(axis=1)
    )
    if order:  # a mean of what cancels loses the digits of a small result; its series does not
        small = np.minimum(size, 1.0)
        total, term = np.zeros_like(small), small / 2
        for k in range(1, 14):
            total += term
            term = term * small * small / (4 * k * (k + 1))
        near = np.where(size < 1, total * np.exp(-small), near)
    even, odd = _hankel(order, np.where(np.isinf(size), _FAR, np.maximum(size, _FAR)), alternate=False)
    far = (even - odd) / np.sqrt(2 * np.pi * np.maximum(size, _FAR))
    value = np.where(size < _FAR, near, far)
    return value * np.sign(x) if order else value


def i_plain(order: int, x: Array) -> Array:
    """I(x)."""
    return np.exp(np.abs(x)) * i_scaled(order, x)


def _k_sum(order: int, x: Array) -> Array:
    """exp(x) K(x) for x > 0: (10.32.9), whose integrand is a bell that falls to nothing at ``end``."""
    end = np.arccosh(1 + 45.0 / x)
    t = end * _LINE
    values = np.exp(-x * 2 * np.sinh(t / 2) ** 2) * (np.cosh(t) if order else 1.0)
    return np.asarray((values.sum(axis=1) - values[:, 0] / 2) * end[:, 0] / 256)


def k_scaled(order: int, x: Array) -> Array:
    """exp(x) K(x); infinite at 0 and below."""
    inside = (x > 0) & np.isfinite(x)
    value = _chunked(np.where(inside, np.maximum(x, 1e-290), 1.0), lambda v: _k_sum(order, v))
    value = np.where(inside, value, np.where(x <= 0, np.inf, np.where(x > 0, 0.0, np.nan)))
    if order:
        return np.where(inside & (x < 1e-10), 1 / np.where(inside, x, 1.0), value)
    return value


def k_plain(order: int, x: Array) -> Array:
    """K(x); infinite at 0 and below."""
    return np.exp(-np.maximum(x, 0)) * k_scaled(order, x)


def _waves(order: int, x: Array) -> tuple[Array, Array]:
    """J and Y for x >= 25: (10.17.3), (10.17.4)."""
    even, odd = _hankel(order, x, alternate=True)
    phase = x - (2 * order + 1) * np.pi / 4
    scale = np.sqrt(2 / (np.pi * x))
    return scale * (np.cos(phase) * even - np.sin(phase) * odd), scale * (np.sin(phase) * even + np.cos(phase) * odd)


def j(order: int, x: Array) -> Array:
    """J(x): (10.9.2). NaN at infinity, as TensorFlow has it."""
    size = np.abs(x)
    near = _chunked(np.minimum(size, _FAR), lambda v: np.cos(order * _CIRCLE - v * np.sin(_CIRCLE)).mean(axis=1))
    if order:
        near = np.where(size < 1, _power_series(1, np.minimum(size, 1.0)), near)
    far = _waves(order, np.where(np.isinf(size), _FAR, np.maximum(size, _FAR)))[0]
    value = np.where(size < _FAR, near, far)
    value = np.where(np.isfinite(x), value, np.nan)
    return value * np.sign(x) if order else value


def _power_series(order: int, x: Array) -> Array:
    """J(x) near 0: (10.2.2)."""
    term = (x / 2) ** order
    total = np.zeros_like(x)
    for k in range(1, 40):
        total += term
        term = -term * x * x / (4 * k * (k + order))
    return total


def _y_series(order: int, x: Array) -> Array:
    """Y(x) near 0: (10.8.1)."""
    quarter = x * x / 4
    total = np.zeros_like(x)
    term = (x / 2) ** order
    psi, psi_next = -np.euler_gamma, -np.euler_gamma + (1.0 if order else 0.0)
    for k in range(40):
        total += term * (psi + psi_next)
        psi += 1 / (k + 1)
        psi_next += 1 / (k + 1 + order)
        term = -term * quarter / ((k + 1) * (k + 1 + order))
    value = 2 / np.pi * np.log(x / 2) * _power_series(order, x) - total / np.pi
    return value - 2 / (np.pi * x) if order else value


def _y_integral(order: int, x: Array) -> Array:
    """Y(x) for x from 8 to 25: (10.9.7)."""
    angle = (_NODES + 1) * (np.pi / 2)
    first = np.sin(x * np.sin(angle) - order * angle) @ _WEIGHTS / 2
    end = math.asinh(45.0 / _SERIES)
    t = (_NODES + 1) * (end / 2)
    growth = np.exp(order * t) + (-1) ** order * np.exp(-order * t)
    second = (np.exp(-x * np.sinh(t)) * growth) @ _WEIGHTS * (end / (2 * np.pi))
    return np.asarray(first - second)


def y(order: int, x: Array) -> Array:
    """Y(x); minus infinity at 0 and below, NaN at infinity, as TensorFlow has it."""
    inside = (x > 0) & np.isfinite(x)
    given = np.where(inside, x, 1.0)
    near = _y_series(order, np.minimum(given, _SERIES))
    middle = _chunked(np.clip(given, _SERIES, _FAR), lambda v: _y_integral(order, v))
    far = _waves(order, np.maximum(given, _FAR))[1]
    value = np.where(given < _SERIES, near, np.where(given < _FAR, middle, far))
    return np.where(inside, value, np.where(x <= 0, -np.inf, np.nan))
