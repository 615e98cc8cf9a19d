"""Special functions over float64 arrays, to about 1e-13: gamma and beta functions, error functions, integrals.

NumPy has none of them. Formulas are those of the Digital Library of Mathematical Functions (dlmf.nist.gov), by number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Final

import numpy as np

from noria.graph.graph import Array

_EPS: Final = 1e-16
_TINY: Final = 1e-300
_STEPS: Final = 3000  # of a series or continued fraction; what has not converged by then keeps its last value

# B(2k) / (2k)! for k = 1, 2, ...
_BERNOULLI: Final = [
    1 / 6,
    -1 / 30,
    1 / 42,
    -1 / 30,
    5 / 66,
    -691 / 2730,
    7 / 6,
    -3617 / 510,
    43867 / 798,
    -174611 / 330,
]
_BERNOULLI_TERMS: Final = [b / math.factorial(2 * k) for k, b in enumerate(_BERNOULLI, 1)]


def by_element(function: Callable[[float], float], x: Array) -> Array:
    """``function`` of every element, for those that the standard library has."""
    return np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size).reshape(x.shape)


# ---- gamma ------------------------------------------------------------------------------------------------------


def _lgamma(x: float) -> float:
    if x == -math.inf or (x <= 0.0 and x == math.floor(x)):
        return math.inf
    try:
        return math.lgamma(x)
    except OverflowError:
        return math.inf


def lgamma(x: Array) -> Array:
    """log |gamma(x)|; infinite at 0, -1, -2, ..."""
    return by_element(_lgamma, x)


def digamma(x: Array) -> Array:
    """The derivative of log gamma: DLMF 5.5.4 (reflection), 5.5.2 (recurrence), 5.11.2 (large x). NaN at poles."""
    negative = x <= 0
    y = np.where(negative, 1 - x, x)
    shift = np.zeros_like(y)
    for _ in range(10):
        small = y < 10
        shift -= np.where(small, 1 / y, 0)
        y = np.where(small, y + 1, y)
    square = 1 / (y * y)
    tail = np.zeros_like(y)
    for k in range(len(_BERNOULLI) - 1, -1, -1):
        tail = square * (_BERNOULLI[k] / (2 * k + 2) + tail)
    value = np.log(y) - 0.5 / y - tail + shift
    poles = negative & (x == np.floor(x))
    turned = x - np.rint(x)
    return np.where(poles, np.nan, np.where(negative, value - np.pi / np.tan(np.pi * turned), value))


def zeta(x: Array, q: Array) -> Array:
    """Hurwitz's zeta function, by Euler and Maclaurin (DLMF 25.11.28). Infinite at x = 1, NaN below."""
    x, q = np.broadcast_arrays(x, q)
    whole = q == np.floor(q)
    total = np.zeros(x.shape)
    moved = q.astype(np.float64)
    for _ in range(12):
        total += moved**-x
        moved = moved + 1
    last = moved**-x
    total += last * moved / (x - 1) + last / 2
    factor = x * last / moved
    for k, term in enumerate(_BERNOULLI_TERMS):
        total += term * factor
        factor = factor * (x + 2 * k + 1) * (x + 2 * k + 2) / (moved * moved)
    even = np.fmod(x, 2) == 0
    total = np.where((q <= 0) & whole, np.where(even, np.inf, np.nan), total)
    total = np.where((q <= 0) & ~whole & (x != np.floor(x)), np.nan, total)
    total = np.where(np.isinf(q) & (q > 0) & (x > 1), 0.0, total)
    total = np.where(np.isinf(x) & (x > 0), np.where(q < 1, np.inf, np.where(q == 1, 1.0, 0.0)), total)
    return np.where(x == 1, np.inf, np.where(x < 1, np.nan, total))


def polygamma(n: Array, x: Array) -> Array:
    """The n-th derivative of digamma (DLMF 25.11.12); NaN where n is no whole number."""
    n, x = np.broadcast_arrays(n, x)
    sign = np.where(np.fmod(n, 2) == 0, -1.0, 1.0)
    high = sign * np.exp(lgamma(n + 1)) * zeta(n + 1, x)
    value = np.where(n == 0, digamma(np.asarray(x, np.float64)), high)
    return np.where((n != np.floor(n)) | (n < 0), np.nan, value)


def _igamma_series(a: Array, x: Array) -> Array:
    """P(a, x) by DLMF 8.11.4."""
    term = np.ones_like(a)
    total = np.ones_like(a)
    for k in range(1, _STEPS):
        term = term * x / (a + k)
        total += term
        if not (np.abs(term) > np.abs(total) * _EPS).any():
            break
    return np.asarray(total * np.exp(a * np.log(x) - x - lgamma(a + 1)))


def _igammac_fraction(a: Array, x: Array) -> Array:
    """Q(a, x) by the continued fraction DLMF 8.9.2, evaluated forwards (Lentz)."""
    b = x + 1 - a
    c = np.full_like(x, 1 / _TINY)
    d = 1 / np.where(b == 0, _TINY, b)
    total = d
    for k in range(1, _STEPS):
        factor = -k * (k - a)
        b = b + 2
        d = 1 / _nonzero(factor * d + b)
        c = _nonzero(b + factor / c)
        step = c * d
        total = total * step
        if not (np.abs(step - 1) > _EPS * 4).any():
            break
    return np.asarray(total * np.exp(a * np.log(x) - x - lgamma(a)))


def _nonzero(x: Array) -> Array:
    return np.where(np.abs(x) < _TINY, _TINY, x)


def igamma(a: Array, x: Array, *, upper: bool) -> Array:
    """The regularised incomplete gamma function P(a, x), or Q(a, x) = 1 - P where ``upper``."""
    a, x = np.broadcast_arrays(a, x)
    a, x = a.astype(np.float64), x.astype(np.float64)
    good = (x > 0) & (a > 0) & np.isfinite(x) & np.isfinite(a)
    series = good & ((x <= 1) | (x < a))
    fraction = good & ~series
    lower = np.full(x.shape, np.nan)
    lower[series] = _igamma_series(a[series], x[series])
    lower[fraction] = _igammac_fraction(a[fraction], x[fraction])
    turned = series if upper else fraction
    lower[turned] = 1 - lower[turned]
    valid = (a > 0) & (x >= 0)
    lower = np.where((x == 0) & (valid | (not upper)), 1.0 if upper else 0.0, lower)
    lower = np.where(valid & np.isinf(x) & np.isfinite(a), 0.0 if upper else 1.0, lower)
    return np.where(valid & np.isinf(a), np.where(np.isfinite(x), 1.0, 0.0) if upper else 0.0, lower)


def _beta_fraction(a: Array, b: Array, x: Array) -> Array:
    """The continued fraction of the incomplete beta function, DLMF 8.17.22, evaluated forwards (Lentz)."""
    c = np.ones_like(x)
    d = 1 / _nonzero(1 - (a + b) * x / (a + 1))
    total = d
    for k in range(1, _STEPS):
        for factor in (
            k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k)),
            -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1)),
        ):
            d = 1 / _nonzero(1 + factor * d)
            c = _nonzero(1 + factor / c)
            total = total * c * d
        if not (np.abs(c * d - 1) > _EPS * 4).any():
            break
    return total


def betainc(a: Array, b: Array, x: Array) -> Array:
    """The regularised incomplete beta function I(a, b; x); NaN outside of a, b > 0 and 0 <= x <= 1."""
    a, b, x = (v.astype(np.float64) for v in np.broadcast_arrays(a, b, x))
    result = np.full(x.shape, np.nan)
    good = (a > 0) & (b > 0) & (x > 0) & (x < 1) & np.isfinite(a) & np.isfinite(b)
    far = good & (x > (a + 1) / (a + b + 2))  # there the fraction of the mirrored function converges fast
    p, q, z = np.where(far, b, a)[good], np.where(far, a, b)[good], np.where(far, 1 - x, x)[good]
    front = np.exp(lgamma(p + q) - lgamma(p) - lgamma(q) + p * np.log(z) + q * np.log1p(-z)) / p
    value = front * _beta_fraction(p, q, z)
    result[good] = np.where(far[good], 1 - value, value)
    valid = ~((a <= 0) | (b <= 0))
    result = np.where(valid & (x == 0), 0.0, result)
    return np.where(valid & (x == 1), 1.0, result)


# ---- error functions and integrals ------------------------------------------------------------------------------


_NORMAL = NormalDist()


def _ndtri(p: float) -> float:
    if 0.0 < p < 1.0:
        return _NORMAL.inv_cdf(p)
    return -math.inf if p == 0.0 else math.inf if p == 1.0 else math.nan


def ndtri(p: Array) -> Array:
    """The quantile of the normal distribution: infinite at 0 and 1, NaN outside."""
    return by_element(_ndtri, p)


def _erfinv(x: float) -> float:
    size = abs(x)
    if not size < 1.0:
        return math.copysign(math.inf, x) if size == 1.0 else math.nan
    if size > 0.5:
        return math.copysign(-_NORMAL.inv_cdf((1.0 - size) / 2) / math.sqrt(2), x)
    y = 0.0 if x == 0.0 else _NORMAL.inv_cdf((1.0 + x) / 2) / math.sqrt(2)
    # (1 + x) / 2 loses the last digits of a small x; Newton's step brings them back.
    return y - (math.erf(y) - x) * math.exp(y * y) * math.sqrt(math.pi) / 2


def erfinv(x: Array) -> Array:
    """The inverse of erf: infinite at -1 and 1, NaN outside."""
    return by_element(_erfinv, x)


def dawson(x: Array) -> Array:
    """Dawson's integral: a series near 0 (DLMF 7.6.3), Rybicki's sum (1989), an asymptotic series from 12 on."""
    size = np.abs(x)
    near = np.ones_like(x)
    for k in range(16, 0, -1):
        near = 1 - 2 * x * x / (2 * k + 1) * near
    step = 0.2
    middle = np.minimum(size, 12.0)
    centre = 2 * np.rint(middle / (2 * step))
    rest = middle - centre * step
    total = np.zeros_like(x)
    for m in range(-35, 36, 2):
        total += np.exp(-((rest - m * step) ** 2)) / (centre + m)
    tail = np.ones_like(x)
    for k in range(12, 0, -1):
        tail = 1 + (2 * k - 1) / (2 * size * size) * tail
    value = np.where(size < 12, total / math.sqrt(math.pi), tail / (2 * size))
    return np.where(size < 0.3, x * near, np.copysign(value, x))


def expint(x: Array) -> Array:
    """The exponential integral Ei(x) for x >= 0: DLMF 6.6.2, and 6.12.2 from 40 on. NaN below 0 and at infinity."""
    term = np.ones_like(x)
    total = np.zeros_like(x)
    low = np.minimum(x, 40.0)
    for k in range(1, 140):
        term = term * low / k
        total += term / k
    series = total + np.log(np.where(x > 0, x, 1.0)) + np.euler_gamma
    tail = np.ones_like(x)
    high = np.maximum(x, 40.0)
    for k in range(36, 0, -1):
        tail = 1 + k / high * tail
    value = np.where(x > 40, np.exp(x) / high * tail, series)
    return np.where(x == 0, -np.inf, np.where((x < 0) | (x == np.inf), np.nan, value))


_NODES, _WEIGHTS = (0.5 * v for v in np.polynomial.legendre.leggauss(96))
_NODES = _NODES + 0.5  # of the interval [0, 1]


def fresnel(x: Array, *, sine: bool) -> Array:
    """Fresnel's integrals of sin or cos of pi t^2 / 2: by quadrature, and DLMF 7.5.3, 7.12.2 from 6 on."""
    size = np.minimum(np.abs(x), 6.0)[..., None]
    wave = (np.sin if sine else np.cos)(np.pi / 2 * (size * _NODES) ** 2)
    near = (wave * size) @ _WEIGHTS
    far = np.clip(np.abs(x), 6.0, 1e50)
    z = 1 / (np.pi * far * far) ** 2
    f, g = np.ones_like(far), np.ones_like(far)
    for k in range(8, 0, -1):
        f = 1 - (4 * k - 1) * (4 * k - 3) * z * f
        g = 1 - (4 * k + 1) * (4 * k - 1) * z * g
    f, g = f / (np.pi * far), g / (np.pi * np.pi * far**3)
    half = np.pi / 2 * np.fmod(far * far, 4.0)
    wide = 0.5 - f * np.cos(half) - g * np.sin(half) if sine else 0.5 + f * np.sin(half) - g * np.cos(half)
    return np.copysign(np.where(np.abs(x) >= 6, wide, near), x)


def spence(x: Array) -> Array:
    """The dilogarithm Li2(1 - x), by its series in log x near 1 and its reflections elsewhere (DLMF 25.12.4, .6)."""
    above, below = x > 2, x < 0.5
    inner = np.where(above, 1 / x, np.where(below, 1 - x, x))
    mirrored = inner < 0.5  # 1/x below 0.5 is reflected once more
    core = np.where(mirrored, 1 - inner, inner)
    u = -np.log(core)
    total = u - u * u / 4
    power = u
    for k, term in enumerate(_BERNOULLI_TERMS, 1):
        power = power * u * u
        total += term * power / (2 * k + 1)
    product = np.where(inner > 0, np.log(np.where(inner > 0, inner, 1.0)) * np.log1p(-np.minimum(inner, 0.5)), 0)
    total = np.where(mirrored, np.pi**2 / 6 - product - total, total)
    positive = np.where(x > 0, x, 1.0)
    cross = np.where(below & (x > 0), np.log(positive) * np.log1p(-np.minimum(x, 0.5)), 0.0)
    total = np.where(above, -total - np.log(positive) ** 2 / 2, np.where(below, np.pi**2 / 6 - cross - total, total))
    return np.where((x < 0) | (x == np.inf), np.nan, total)
