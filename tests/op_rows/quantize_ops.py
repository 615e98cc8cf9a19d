"""Cases of QuantizeAndDequantize. Quantised tensors are checked in tests/ops/test_quantize_ops.py."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_F = np.float32
_X = np.array([-3, -1.2, 0, 0.4, 2.7, 9, 0.013], _F)
_GRID = np.linspace(-4, 4, 24, dtype=_F).reshape(2, 3, 4)


def _f(value: object) -> Const:
    return Const(value, dtypes.float32)


_RANGES = [(-2.0, 4.0), (-3.0, 1.0), (0.0, 6.0), (2.0, 5.0), (-6.0, -1.0), (2.0, 2.0)]

ROWS: list[Row] = [
    Row(
        "QuantizeAndDequantizeV2",
        [[x, _f(low), _f(high)] for x in (_X, _GRID) for low, high in _RANGES[:5]],
        {
            "num_bits": each(8, 4),
            "signed_input": each(True, False),
            "range_given": each(True, False),
            "round_mode": each("HALF_TO_EVEN", "HALF_UP"),
        },
        lowers=False,
    ),
    Row(
        "QuantizeAndDequantizeV3",
        [[_X, _f(-2.0), _f(4.0), Const(bits)] for bits in (8, 5)],
        {"narrow_range": each(True, False), "range_given": each(True, False)},
        lowers=False,
    ),
    Row(
        "QuantizeAndDequantizeV2",
        [_GRID, _f([-2.0, -1.0, -0.5]), _f([4.0, 1.0, 3.0])],
        {"axis": 1, "range_given": True},
        lowers=False,
        skip_oracle="TensorFlow's CPU kernel refuses ranges that are no scalars",
        id="axis",
    ),
    Row(
        "QuantizeAndDequantizeV4",
        [Rand((3, 4)), _f(-2.0), _f(4.0)],
        {"range_given": True},
        dtypes=(dtypes.float32,),
        lowers=False,
    ),
    Row("QuantizeAndDequantizeV2", [_X, _f(2.0), _f(-4.0)], {"range_given": True}, error=_BAD, id="range"),
    Row("QuantizeAndDequantizeV2", [_X, _f(-2.0), _f(4.0)], {"num_bits": 0}, error=_BAD, id="bits"),
]
