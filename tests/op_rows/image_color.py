"""Cases of ``noria.ops.image_color``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_F = np.float32
_RGB = np.array(
    [[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0.2], [0.2, 0.7, 0.7], [0.9, 0.1, 0.9]], _F
)
_IMAGES = [[Rand((2, 3, 3), 0, 1)], [Rand((2, 2, 3, 3), 0, 1)], [Rand((0, 2, 3), 0, 1)]]
_BOXES = np.array(
    [[[0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1]], [[-0.5, 0.3, 0.5, 1.5], [0.9, 0.1, 0.2, 0.4]]],
    _F,
)
_COLOURS = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.8, 0.7, 0.6]], _F)

ROWS: list[Row] = [
    *(
        Row(op, [[_RGB], [_RGB.astype(np.float64)], [np.zeros((0, 3), _F)]], lowers=False)
        for op in ("RGBToHSV", "HSVToRGB")
    ),
    *(Row(op, [Rand((4, 2, 3), 0, 1)], dtypes=(dtypes.float16,), lowers=False) for op in ("RGBToHSV", "HSVToRGB")),
    *(
        Row(op, [Rand((2, 4))], dtypes=(dtypes.float32,), error=Code.FAILED_PRECONDITION, id="channels")
        for op in ("RGBToHSV", "HSVToRGB")
    ),
    *(
        Row(
            op,
            [[image, Const(amount, dtypes.float32)] for (image,) in _IMAGES for amount in (-0.4, 0.0, 0.3, 1.7)],
            dtypes=(dtypes.float32,),
            lowers=False,
            atol=2e-6,
        )
        for op in ("AdjustContrastv2", "AdjustHue", "AdjustSaturation")
    ),
    Row("AdjustHue", [_RGB[None], Const(0.3, dtypes.float32)], lowers=False, atol=2e-6, id="colours"),
    Row("AdjustSaturation", [_RGB[None], Const(0.3, dtypes.float32)], lowers=False, atol=2e-6, id="colours"),
    *(
        Row(
            op,
            [
                [Rand((2, 3)), Const(0.5, dtypes.float32)],
                [Rand((2, 2, 3)), Const([0.5], dtypes.float32)],
                *([] if op == "AdjustContrastv2" else [[Rand((2, 2, 4)), Const(0.5, dtypes.float32)]]),
            ],
            dtypes=(dtypes.float32,),
            error=_BAD,
            id="refused",
        )
        for op in ("AdjustContrastv2", "AdjustHue", "AdjustSaturation")
    ),
    *(
        Row(
            "DrawBoundingBoxes",
            [Rand((2, 6, 7, channels), 0, 1), _BOXES],
            dtypes=(dtypes.float32,),
            lowers=False,
            id=str(channels),
        )
        for channels in (1, 3, 4)
    ),
    Row("DrawBoundingBoxesV2", [Rand((2, 6, 7, 3), 0, 1), _BOXES, _COLOURS], dtypes=(dtypes.float32,), lowers=False),
    Row("DrawBoundingBoxes", [Rand((2, 6, 3), 0, 1), _BOXES], dtypes=(dtypes.float32,), error=_BAD, id="rank"),
    *(
        Row(
            op,
            [Rand((2, 5, 6, 2), dtype=dtypes.float32), Const([3, 2]), np.array([[0, 0.1], [-0.4, 1.6]], _F)],
            {"centered": each(False, True), "normalized": each(False, True), "uniform_noise": False, "noise": "zero"},
            lowers=False,
        )
        for op in ("ExtractGlimpse", "ExtractGlimpseV2")
    ),
    Row(
        "ExtractGlimpseV2",
        [Rand((1, 5, 6, 2), dtype=dtypes.float32), Const([2]), np.zeros((1, 2), _F)],
        error=_BAD,
        id="size",
    ),
]
