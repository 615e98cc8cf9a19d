"""Cases of ``noria.ops.resize``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import FLOATS, INTS, Const, Rand, Row, each

_F32 = (dtypes.float32,)
_IMAGE = Rand((2, 4, 6, 3), 0, 9)
_SIZES = ([8, 12], [2, 3], [7, 5], [1, 1], [3, 13], [4, 6])


def _i32(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


_REFUSED = [
    [_IMAGE, Const([0, 4])],
    [_IMAGE, Const([4, -1])],
    [Rand((4, 6, 3)), Const([4, 4])],
    [Rand((2, 0, 6, 3)), Const([4, 4])],
    [Rand((2, 4, 6, 0)), Const([4, 4])],
    [_IMAGE, Const([4])],
]
_REFUSED_FED = [[_IMAGE, _i32(0, 4)], [_IMAGE, _i32(4, -1)], [Rand((2, 0, 6, 3)), _i32(4, 4)]]
_MODES: tuple[dict[str, bool], ...] = ({}, {"half_pixel_centers": True}, {"align_corners": True})

ROWS: list[Row] = [
    *(
        row
        for op, lowers in (("ResizeBilinear", True), ("ResizeNearestNeighbor", True), ("ResizeBicubic", False))
        for k, mode in enumerate(_MODES)
        for row in (
            Row(
                op,
                [[_IMAGE, Const(size)] for size in _SIZES],
                attrs=mode,
                dtypes=_F32,
                lowers=lowers,
                exact=op == "ResizeNearestNeighbor",
                id=f"m{k}",
            ),
            Row(
                op,
                [_IMAGE, Const([7, 5])],
                attrs=mode,
                dtypes=(*FLOATS[1:], *INTS),
                lowers=lowers and op != "ResizeNearestNeighbor",
                id=f"m{k}-dtypes",
            ),
            Row(
                op,
                [[_IMAGE, _i32(5, 7)], [_IMAGE, _i32(1, 12)]],
                attrs=mode,
                dtypes=_F32,
                lowers=lowers,
                id=f"m{k}-fed",
            ),
            Row(op, _REFUSED_FED, attrs=mode, dtypes=_F32, error=Code.INVALID_ARGUMENT, id=f"m{k}-fed-refused"),
        )
    ),
    Row("ResizeNearestNeighbor", [_IMAGE, Const([8, 12])], dtypes=(dtypes.uint8, dtypes.int32), exact=True, id="twice"),
    Row(
        "ResizeArea",
        [[_IMAGE, Const(s)] for s in _SIZES],
        attrs={"align_corners": each(False, True)},
        dtypes=_F32,
        rtol=1e-5,
        lowers=False,
    ),
    Row("ResizeArea", [_IMAGE, Const([3, 5])], dtypes=(dtypes.uint8, dtypes.float64), lowers=False, id="dtypes"),
    *(
        row
        for op in ("ResizeBilinear", "ResizeNearestNeighbor", "ResizeBicubic", "ResizeArea")
        for row in (
            Row(op, _REFUSED, dtypes=_F32, error=Code.INVALID_ARGUMENT, id="refused"),
            Row(op, [Rand((0, 4, 6, 3)), Const([5, 3])], dtypes=_F32, lowers=False, id="empty"),
        )
    ),
    Row(
        "ResizeBilinear",
        [_IMAGE, Const([3, 3])],
        attrs={"align_corners": True, "half_pixel_centers": True},
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="both-modes",
    ),
    Row(
        "CropAndResize",
        [
            [
                Rand((2, 5, 7, 3), 0, 9),
                np.array([[0, 0, 1, 1], [0.2, -0.1, 1.2, 0.7], [0.9, 0.8, 0.1, 0.2]], np.float32),
                _i32(0, 1, 1),
                Const([3, 4]),
            ],
            [Rand((2, 5, 7, 3), 0, 9), np.array([[0.1, 0.3, 0.7, 0.9]], np.float32), _i32(1), Const([1, 1])],
            [Rand((2, 5, 7, 3), 0, 9), np.zeros((0, 4), np.float32), _i32(), Const([2, 2])],
        ],
        attrs={"method": each("bilinear", "nearest"), "extrapolation_value": 7.0},
        dtypes=(dtypes.float32, dtypes.uint8),
        lowers=False,
        rtol=1e-4,
        atol=1e-5,
    ),
    Row(
        "CropAndResize",
        [
            [Rand((2, 5, 7, 3)), np.array([[np.nan, 0, 1, 1]], np.float32), _i32(0), Const([3, 4])],
            [Rand((2, 5, 7, 3)), np.array([[0, 0, 1, 1]], np.float32), _i32(0), Const([0, 4])],
            [Rand((2, 5, 7, 3)), np.array([[0, 0, 1]], np.float32), _i32(0), Const([3, 4])],
        ],
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "CropAndResize",
        [Rand((2, 5, 7, 3)), np.array([[0, 0, 1, 1]], np.float32), _i32(2), Const([3, 4])],
        dtypes=_F32,
        error=Code.OUT_OF_RANGE,
        id="no-such-image",
    ),
]
