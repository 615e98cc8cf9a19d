"""Cases of gamma and Poisson numbers. TensorFlow's eager calls share a stream by attributes: no two rows may."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Row

_SHAPE = Const([4, 3])

ROWS: list[Row] = [
    *(
        Row(
            "RandomGamma",
            [_SHAPE, np.array([[0.5, 2, 1], [0.05, 30, 7.5]], dtype.numpy)],
            {"seed": 5, "seed2": 6},
            lowers=False,
            id=dtype.name,
        )
        for dtype in (dtypes.float32, dtypes.float64)
    ),
    *(
        Row(
            "RandomPoissonV2",
            [_SHAPE, np.array([0.5, 20, 9.9, 0, 150.5], np.float32)],
            {"seed": 5, "seed2": 6, "dtype": dtype},
            lowers=False,
            id=dtype.name,
        )
        for dtype in (dtypes.float32, dtypes.int64)
    ),
    Row("RandomGamma", [Const([-1]), np.ones(2, np.float32)], {"seed": 1}, error=Code.INVALID_ARGUMENT, id="shape"),
    Row("RandomPoissonV2", [Const(3), np.ones(2, np.float32)], {"seed": 1}, error=Code.INVALID_ARGUMENT, id="shape"),
]
