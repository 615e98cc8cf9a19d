"""Cases of ``noria.ops.activation``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import FLOATS, NUMBERS, Const, Rand, Row, each

_NARROW = (dtypes.float32, dtypes.float16, dtypes.bfloat16)
_WIDE = (dtypes.float64,)  # the engine has these in single precision only
_SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, -1, 1, 80, -80, 7, 1e30, -1e-8], np.float32)
_ROWS = np.array([[1, 2, 3], [np.inf, 1, 2], [-np.inf, -np.inf, -np.inf], [np.nan, 1, 2], [6e4, -6e4, 5]], np.float32)
_SHAPES = [[Rand((3, 5))], [Rand(())], [Rand((0, 4))], [Rand((2, 3, 2, 4), -20, 20)]]

ROWS: list[Row] = [
    *(
        row
        for op in ("Elu", "Selu", "Softplus", "Softsign")
        for row in (
            Row(op, _SHAPES, dtypes=_NARROW),
            Row(op, _SHAPES, dtypes=_WIDE, lowers=False),
            Row(op, [_SPECIAL], id="special"),
        )
    ),
    *(
        row
        for op in ("Relu", "Relu6")
        for row in (
            Row(op, [[Rand((3, 5), -20, 20)], [Rand(())], [Rand((0, 4))]], dtypes=FLOATS),
            Row(op, [Rand((3, 5), -20, 20)], dtypes=NUMBERS[4:], exact=True),
            Row(op, [np.array([0, 3, 250], np.uint16)], exact=True),
            Row(op, [_SPECIAL], id="special"),
        )
    ),
    Row("LeakyRelu", _SHAPES, attrs={"alpha": each(0.2, 1.5)}, dtypes=_NARROW),
    Row("LeakyRelu", _SHAPES, attrs={"alpha": each(0.2, 1.5)}, dtypes=_WIDE, lowers=False),
    Row("LeakyRelu", [_SPECIAL], id="special"),
    *(
        row
        for op in ("Softmax", "LogSoftmax")
        for row in (
            Row(
                op, [[Rand((3, 5))], [Rand((4,))], [Rand((2, 1, 3, 4))], [Rand((0, 4))], [Rand((4, 0))]], dtypes=FLOATS
            ),
            Row(op, [_ROWS], id="special"),
            Row(op, [Rand(())], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="scalar"),
        )
    ),
    Row("BiasAdd", [[Rand((2, 3)), Rand((3,))], [Rand((2, 2, 1, 3)), Rand((3,))]], dtypes=NUMBERS),
    Row("BiasAdd", [[Rand((0, 3)), Rand((3,))], [Rand((2, 2, 1, 2, 3)), Rand((3,))]], dtypes=(dtypes.float32,)),
    Row("BiasAdd", [Rand((2, 3)), Const(np.ones(3, np.float32))], id="constant"),
    Row(
        "BiasAdd",
        [[Rand((2, 3)), Rand((3,))], [Rand((2, 3, 2)), Rand((3,))], [Rand((2, 3, 1, 2)), Rand((3,))]],
        attrs={"data_format": "NCHW"},
        dtypes=(dtypes.float32, dtypes.int32),
        id="channels-first",
    ),
    Row("BiasAdd", [np.full((2, 2), 100, np.int8), np.array([100, -100], np.int8)], id="wraps"),
    Row("BiasAddV1", [Rand((2, 3)), Rand((3,))], dtypes=(dtypes.float32, dtypes.int32)),
    Row(
        "BiasAdd",
        [
            [Rand((3,)), Rand((3,))],
            [Rand((2, 3)), Rand((2,))],
            [Rand((2, 3)), Rand((1, 3))],
            [Rand((2, 3)), Rand((1,))],
        ],
        dtypes=(dtypes.float32,),
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
]
