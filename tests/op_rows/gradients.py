"""Cases of ``noria.ops.gradients``."""

from __future__ import annotations

import numpy as np

from noria.errors import Code
from op_cases import NUMBERS, Array, Rand, Row

_BAD = Code.INVALID_ARGUMENT


def _i(*values: int) -> Array:
    return np.array(values, np.int32)


_PAIRS = [
    ([2, 3], [2, 3]),
    ([2, 3], [3]),
    ([2, 1], [2, 3]),
    ([1], [1]),
    ([1, 1], [1]),
    ([], []),
    ([], [2]),
    ([1, 3], [2, 1]),
    ([1, 2, 3], [2, 3]),
    ([1, 1, 2], [1, 1, 1]),
    ([0, 1], [1]),
    ([1, 0, 1], [2, 1, 1]),
    ([2, 1, 1, 3], [1, 1, 3]),
    ([1], []),
]
_EDGES = np.array([-1, -0.0, 0, 2, np.nan, np.inf, -np.inf], np.float32)

ROWS: list[Row] = [
    Row("BroadcastGradientArgs", [[_i(*a), _i(*b)] for a, b in _PAIRS], lowers=False),
    Row("BroadcastGradientArgs", [np.array([2, 1]), np.array([3])], lowers=False, id="int64"),
    Row("BroadcastGradientArgs", [[_i(2), _i(3)], [_i(2, 0), _i(2)]], error=_BAD, id="refused"),
    Row(
        "ReluGrad",
        [[Rand((2, 3)), Rand((2, 3))], [Rand(()), Rand(())], [Rand((0, 2)), Rand((0, 2))]],
        dtypes=NUMBERS,
        exact=True,
        lowers=False,
    ),
    Row("ReluGrad", [np.repeat(_EDGES, 7), np.tile(_EDGES, 7)], lowers=False, id="edges"),
    Row("ReluGrad", [Rand((2, 3)), Rand((3, 2))], error=_BAD, id="refused"),
]
