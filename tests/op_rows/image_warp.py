"""Cases of ``noria.ops.image_warp``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_F = np.float32
_KERNELS = each("lanczos1", "lanczos3", "lanczos5", "gaussian", "box", "triangle", "keyscubic", "mitchellcubic")
_TURN = np.array([[0.8, -0.6, 2.5, 0.6, 0.8, -1.5, 0, 0]], _F)
_BEND = np.array([[1, 0.2, -1, 0.1, 1.1, 0.5, 0.01, 0.02], [0.5, 0, 0, 0, 0.5, 0, 0, 0]], _F)
_FAR = np.array([[3, 0, -11, 0, 2.5, -9, 0, 0]], _F)


def _f(*values: float) -> Const:
    return Const(list(values), dtypes.float32)


ROWS: list[Row] = [
    Row(
        "ScaleAndTranslate",
        [
            [Rand((2, 5, 6, 2)), Const([7, 4]), _f(1.4, 0.7), _f(0, 0)],
            [Rand((1, 8, 9, 1)), Const([3, 9]), _f(0.3, 1), _f(0.5, -2)],
            [Rand((1, 3, 3, 1)), Const([6, 6]), _f(1, 1), _f(2, 1)],
        ],
        {"kernel_type": _KERNELS, "antialias": each(False, True)},
        dtypes=(dtypes.float32,),
        lowers=False,
        rtol=1e-4,
        atol=1e-5,
    ),
    Row(
        "ScaleAndTranslate",
        [Rand((1, 5, 6, 2), 0, 99), Const([7, 4]), _f(1.4, 0.7), _f(0, 0)],
        dtypes=(dtypes.uint8, dtypes.int32, dtypes.float64),
        lowers=False,
        rtol=1e-4,
        atol=1e-4,
        id="dtypes",
    ),
    Row(
        "ScaleAndTranslate",
        [
            [Rand((1, 5, 6, 2)), Const([7, 4]), _f(0, 1), _f(0, 0)],
            [Rand((1, 5, 6, 2)), Const([0, 4]), _f(1, 1), _f(0, 0)],
            [Rand((5, 6, 2)), Const([7, 4]), _f(1, 1), _f(0, 0)],
        ],
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="refused",
    ),
    *(
        Row(
            f"ImageProjectiveTransform{version}",
            [
                [
                    Rand((2, 5, 6, 2), 0, 99),
                    matrix,
                    Const([5, 7]),
                    *([Const(7.0, dtypes.float32)] if version == "V3" else []),
                ]
                for matrix in (_TURN, _BEND, _FAR)
            ],
            {
                "interpolation": each("NEAREST", "BILINEAR"),
                "fill_mode": each("CONSTANT", "REFLECT", "WRAP", "NEAREST"),
            },
            dtypes=(dtypes.float32, dtypes.uint8),
            type_attr="dtype",
            lowers=False,
            rtol=1e-4,
            atol=1e-4,
        )
        for version in ("V2", "V3")
    ),
    Row(
        "ImageProjectiveTransformV2",
        [
            [Rand((2, 5, 6, 2)), np.zeros((3, 8), _F), Const([5, 7])],
            [Rand((2, 5, 6, 2)), np.zeros((1, 7), _F), Const([5, 7])],
            [Rand((2, 5, 6, 2)), _TURN, Const([0, 7])],
            [Rand((5, 6, 2)), _TURN, Const([5, 7])],
        ],
        {"interpolation": "NEAREST"},
        dtypes=(dtypes.float32,),
        type_attr="dtype",
        error=_BAD,
        id="refused",
    ),
]
