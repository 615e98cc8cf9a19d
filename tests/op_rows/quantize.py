"""Cases of ``noria.ops.quantize``."""

from __future__ import annotations

import numpy as np

from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT


def _f(*values: object) -> Array:
    return np.array(values, np.float32)


_X = _f(-10, -1, -0.5, -0.3, -0.0, 0, 0.1, 0.25, 0.5, 1, 3, 10, np.nan, np.inf, -np.inf)
_MANY = np.linspace(-3, 3, 997, dtype=np.float32)
_BITS = {"num_bits": each(2, 3, 8, 16), "narrow_range": each(False, True)}
_RANGES = [(-1, 1), (0.5, 2), (-2, -0.5), (-0.37, 1.29), (0, 6), (1e-3, 2.5), (-0.003, 0.001)]


def _scalar(value: float) -> Array:
    return np.array(value, np.float32)


ROWS: list[Row] = [
    Row(
        "FakeQuantWithMinMaxVars",
        [
            *([_X, Const(_scalar(a)), Const(_scalar(b))] for a, b in _RANGES),
            *([_MANY, Const(_scalar(a)), Const(_scalar(b))] for a, b in _RANGES),
            [Rand((2, 3, 0)), Const(_scalar(-1)), Const(_scalar(1))],
            [Rand(()), Const(_scalar(-1)), Const(_scalar(1))],
            [Rand((2, 3, 2)), Const(_scalar(1)), Const(_scalar(-1))],
        ],
        _BITS,
        exact=True,
    ),
    Row(
        "FakeQuantWithMinMaxVars",
        [
            [_X, _scalar(-0.37), _scalar(1.29)],
            [_X, Const(_scalar(0)), Const(_scalar(0))],
            [_X, Const(_scalar(1)), Const(_scalar(1))],
            [_X, Const(_scalar(np.nan)), Const(_scalar(1))],
            [_X, Const(_scalar(-np.inf)), Const(_scalar(np.inf))],
        ],
        lowers=False,
        exact=True,
        id="host",
    ),
    Row(
        "FakeQuantWithMinMaxVarsPerChannel",
        [
            [Rand((5, 2)), Const(_f(-1, 0.5)), Const(_f(1, 2))],
            [Rand((2,)), Const(_f(-1, -3)), Const(_f(1, 0.3))],
            [np.stack([_MANY, _MANY], axis=1), Const(_f(-0.37, -1)), Const(_f(1.29, 1))],
            [Rand((2, 2, 2, 3)), Const(_f(-1, -3, -0.2)), Const(_f(1, 0.3, 0.7))],
            [Rand((0, 2)), Const(_f(-1, 0.5)), Const(_f(1, 2))],
            [Rand((1, 2, 1, 2, 2)), Const(_f(-1, 0.5)), Const(_f(1, 2))],
        ],
        _BITS,
        exact=True,
    ),
    Row(
        "FakeQuantWithMinMaxVarsPerChannel",
        [[Rand((5, 2)), _f(-1, 0.5), _f(1, 2)], [Rand((5, 2)), Const(_f(-1, 0)), Const(_f(1, 0))]],
        lowers=False,
        exact=True,
        id="host",
    ),
    *(
        Row("FakeQuantWithMinMaxArgs", [[_X], [_MANY]], _BITS | {"min": a, "max": b}, exact=True, id=f"{a}-{b}")
        for a, b in [(-6.0, 6.0), (0.5, 2.0), (-0.37, 1.29)]
    ),
    Row("FakeQuantWithMinMaxVars", [_X, _f(-1), _f(1)], error=_BAD, id="vector-range"),
    Row("FakeQuantWithMinMaxVars", [_X, _scalar(-1), _scalar(1)], {"num_bits": each(1, 17)}, error=_BAD, id="bits"),
    Row("FakeQuantWithMinMaxArgs", [_X], {"num_bits": each(1, 17)}, error=_BAD, id="bits"),
    Row("FakeQuantWithMinMaxArgs", [_X], {"min": 1.0, "max": each(-1.0, 1.0)}, error=_BAD, id="range"),
    Row(
        "FakeQuantWithMinMaxVarsPerChannel",
        [[Rand((1, 2)), _f(-1), _f(1)], [Rand((1, 2)), Const(_f(-1)), Const(_f(1))]],
        error=_BAD,
        id="channels",
    ),
]
