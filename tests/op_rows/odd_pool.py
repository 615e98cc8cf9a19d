"""Cases of ``noria.ops.odd_pool``; fractional pooling the numbers of a seed are TensorFlow's."""

from __future__ import annotations

from noria import dtypes
from noria.errors import Code
from op_cases import Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_RATIO = [1.0, 1.44, 1.73, 1.0]

ROWS: list[Row] = [
    Row(
        "Dilation2D",
        [
            [Rand((2, 6, 7, 2)), Rand((2, 3, 2))],
            [Rand((1, 3, 3, 1)), Rand((1, 1, 1))],
            [Rand((0, 6, 7, 2)), Rand((2, 3, 2))],
        ],
        {"strides": each([1, 1, 1, 1], [1, 2, 3, 1]), "rates": each([1, 1, 1, 1], [1, 2, 2, 1]), "padding": "SAME"},
        dtypes=(dtypes.float32, dtypes.float64, dtypes.int32, dtypes.uint8),
        lowers=False,
    ),
    Row(
        "Dilation2D",
        [Rand((2, 6, 7, 2)), Rand((2, 3, 2))],
        {"strides": each([1, 1, 1, 1], [1, 2, 3, 1]), "rates": each([1, 1, 1, 1], [1, 2, 2, 1]), "padding": "VALID"},
        dtypes=(dtypes.float32,),
        lowers=False,
        id="valid",
    ),
    Row(
        "Dilation2D",
        [[Rand((2, 6, 7, 2)), Rand((2, 3, 1))], [Rand((6, 7, 2)), Rand((2, 3, 2))]],
        {"strides": [1, 1, 1, 1], "rates": [1, 1, 1, 1], "padding": "SAME"},
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="refused",
    ),
    *(
        Row(
            op,
            [Rand((2, 6, 8, 2))],
            {
                "pooling_ratio": [1.0, 2.0, 2.0, 1.0],
                "overlapping": each(False, True),
                "pseudo_random": each(False, True),
            },
            dtypes=(dtypes.float32, dtypes.float64),
            lowers=False,
        )
        for op in ("FractionalMaxPool", "FractionalAvgPool")
    ),
    *(
        Row(
            op,
            [Rand((1, 7, 9, 2))],
            {"pooling_ratio": _RATIO, "pseudo_random": even, "deterministic": True, "seed": 5, "seed2": number},
            dtypes=(dtypes.float32,),
            lowers=False,
            id=f"{even} {number}",
        )
        for op in ("FractionalMaxPool", "FractionalAvgPool")
        for even in (False, True)
        for number in (6, 7, 8)
    ),
    Row(
        "FractionalMaxPool",
        [Rand((2, 6, 8))],
        {"pooling_ratio": _RATIO},
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="rank",
    ),
]
