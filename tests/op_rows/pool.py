"""Cases of ``noria.ops.pool``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import FLOATS, Const, Rand, Row, each

_F32 = (dtypes.float32,)
_NARROW = (dtypes.float32, dtypes.float16, dtypes.bfloat16)
_BYTES = (dtypes.int8, dtypes.uint8)
_HOST = (dtypes.float64, dtypes.int32, dtypes.int64, dtypes.int16)
_GRIDS = {"strides": each([1, 1, 1, 1], [1, 2, 2, 1], [1, 2, 3, 1]), "padding": each("SAME", "VALID")}
_CUBES = {"strides": each([1, 1, 1, 1, 1], [1, 2, 2, 1, 1]), "padding": each("SAME", "VALID")}
_NAN = np.array([[np.nan, 1, 2, -np.inf], [np.nan, np.nan, -np.inf, -np.inf]], np.float32).reshape(1, 2, 4, 1)
_NCHW_CPU = "TensorFlow has no channels-first kernel on the CPU"

ROWS: list[Row] = [
    *(
        row
        for op in ("MaxPool", "AvgPool")
        for row in (
            Row(
                op,
                [[Rand((2, 5, 6, 3))], [Rand((1, 4, 4, 2))]],
                attrs={"ksize": [1, 2, 3, 1], **_GRIDS},
                dtypes=_NARROW,
            ),
            Row(op, [Rand((0, 5, 6, 3))], attrs={"ksize": [1, 2, 2, 1], **_GRIDS}, dtypes=_F32, id="empty"),
            Row(
                op,
                [[Rand((2, 0, 6, 3))], [Rand((2, 1, 6, 0))]],
                attrs={"ksize": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "padding": "SAME"},
                dtypes=_F32,
                lowers=False,
                id="nothing",
            ),
            Row(
                op,
                [Rand((2, 3, 5, 6))],
                attrs={
                    "ksize": [1, 1, 2, 3],
                    "strides": [1, 1, 2, 2],
                    "padding": each("SAME", "VALID"),
                    "data_format": "NCHW",
                },
                dtypes=_F32,
                skip_oracle=_NCHW_CPU,
                id="channels-first",
            ),
            Row(
                op,
                [[Rand((2, 5, 6, 3))], [Rand((5, 6, 3))]],
                attrs={"ksize": [1, 9, 9, 1], "strides": [1, 2, 2, 1], "padding": "VALID"},
                dtypes=_F32,
                error=Code.INVALID_ARGUMENT,
                id="refused",
            ),
            Row(
                op,
                [Rand((2, 5, 6, 3))],
                attrs={"ksize": [2, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "VALID"},
                dtypes=_F32,
                error=Code.UNIMPLEMENTED,
                id="batch",
            ),
        )
    ),
    Row("AvgPool", [Rand((1, 5, 6, 2))], attrs={"ksize": [1, 2, 3, 1], **_GRIDS}, dtypes=FLOATS[1:2], lowers=False),
    Row("MaxPool", [Rand((1, 5, 6, 2), -90, 90)], attrs={"ksize": [1, 2, 3, 1], **_GRIDS}, dtypes=_BYTES, exact=True),
    Row(
        "MaxPool",
        [Rand((1, 5, 6, 2), -90, 90)],
        attrs={"ksize": [1, 2, 3, 1], **_GRIDS},
        dtypes=_HOST,
        lowers=False,
        exact=True,
    ),
    Row(
        "MaxPool",
        [Rand((1, 5, 6, 2), -90, -10)],
        attrs={
            "ksize": [1, 3, 3, 1],
            "strides": [1, 1, 1, 1],
            "padding": "EXPLICIT",
            "explicit_paddings": [0, 0, 1, 2, 0, 1, 0, 0],
        },
        dtypes=_F32,
        id="explicit",
    ),
    Row(
        "MaxPool",
        [Rand((2, 3, 2, 6))],
        attrs={"ksize": [1, 1, 1, 3], "strides": [1, 1, 1, 3], "padding": each("SAME", "VALID")},
        dtypes=_F32,
        lowers=False,
        id="channels",
    ),
    # The engine's answer to NaN depends on where it stands in the window, and beside padding it gives -inf where
    # TensorFlow gives the lowest number: so these are checked in float64, on the host.
    Row(
        "MaxPool",
        [[_NAN.astype(np.float64)], [np.full((1, 2, 2, 1), -np.inf)]],
        attrs={"ksize": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "padding": each("SAME", "VALID")},
        lowers=False,
        id="nan",
    ),
    Row(
        "MaxPool",
        [np.full((1, 2, 2, 1), -np.inf, np.float32)],
        attrs={"ksize": [1, 2, 2, 1], "strides": [1, 1, 1, 1], "padding": "VALID"},
        id="infinite",
    ),
    Row(
        "MaxPoolV2",
        [Rand((2, 5, 6, 3)), Const([1, 2, 3, 1]), Const([1, 2, 2, 1])],
        attrs={"padding": each("SAME", "VALID")},
        dtypes=_F32,
    ),
    Row(
        "MaxPoolV2",
        [Rand((2, 5, 6, 3)), np.array([1, 2, 3, 1], np.int32), np.array([1, 2, 2, 1], np.int32)],
        attrs={"padding": "SAME"},
        dtypes=_F32,
        lowers=False,
        id="fed",
    ),
    Row(
        "MaxPoolV2",
        [Rand((2, 5, 6, 3)), Const([2, 3]), Const([1, 2, 2, 1])],
        attrs={"padding": "SAME"},
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row("MaxPool3D", [Rand((2, 4, 5, 3, 2))], attrs={"ksize": [1, 2, 2, 3, 1], **_CUBES}, dtypes=_F32),
    Row("AvgPool3D", [Rand((2, 4, 5, 3, 2))], attrs={"ksize": [1, 2, 2, 3, 1], **_CUBES}, dtypes=_F32),
    Row(
        "MaxPoolWithArgmax",
        [Rand((2, 5, 6, 3))],
        attrs={"ksize": [1, 2, 3, 1], **_GRIDS, "include_batch_in_index": each(False, True)},
        dtypes=(dtypes.float32, dtypes.int32),
        lowers=False,
    ),
]
