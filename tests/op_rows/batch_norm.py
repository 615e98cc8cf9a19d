"""Cases of ``noria.ops.batch_norm``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_F32 = (dtypes.float32,)
_HALF = (dtypes.float16, dtypes.bfloat16)
_SCALE = np.array([1, 2, 0.5, -1], np.float32)
_OFFSET = np.array([0, 1, 2, 3], np.float32)
_MEAN = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
_VARIANCE = np.array([1, 2, 3, 0.5], np.float32)
_VECTORS = (_SCALE, _OFFSET, _MEAN, _VARIANCE)
_KNOWN = tuple(Const(v) for v in _VECTORS)
_NONE = np.zeros(0, np.float32)
_RESERVED = (3, 4)  # without training TensorFlow allocates the reserve spaces and does not write them

ROWS: list[Row] = [
    *(
        row
        for op in ("FusedBatchNorm", "FusedBatchNormV2", "FusedBatchNormV3")
        for row in (
            Row(
                op,
                [[Rand((2, 3, 2, 4)), *_KNOWN], [Rand((1, 1, 1, 4)), *_KNOWN]],
                attrs={"is_training": False, "epsilon": each(1e-3, 1e-5)},
                dtypes=_F32,
                undefined=_RESERVED,
                id="constant",
            ),
            Row(
                op,
                [Rand((2, 3, 2, 4)), *_VECTORS],
                attrs={"is_training": False},
                dtypes=_F32,
                undefined=_RESERVED,
                id="fed",
            ),
            Row(
                op,
                [[Rand((2, 3, 2, 4)), *_VECTORS], [Rand((1, 1, 1, 4)), *_VECTORS]],
                attrs={"is_training": True, "exponential_avg_factor": each(1.0, 0.3)},
                dtypes=_F32,
                rtol=1e-4,
                atol=1e-5,
                lowers=False,
                id="training",
            ),
            Row(
                op,
                [Rand((2, 3, 2, 4)), _SCALE, _OFFSET, _NONE, _NONE],
                attrs={"is_training": True},
                dtypes=_F32,
                rtol=1e-4,
                atol=1e-5,
                lowers=False,
                id="no-statistics",
            ),
            Row(
                op,
                [[Rand((2, 3, 2, 4)), _SCALE[:3], *_VECTORS[1:]], [Rand((2, 3, 2, 4)), _SCALE, _OFFSET, _NONE, _NONE]],
                attrs={"is_training": False},
                dtypes=_F32,
                error=Code.INVALID_ARGUMENT,
                id="refused",
            ),
        )
    ),
    Row(
        "FusedBatchNormV3",
        [Rand((2, 3, 2, 4)), *_KNOWN],
        attrs={"is_training": False},
        dtypes=_HALF,
        undefined=_RESERVED,
        id="half",
    ),
    Row(
        "FusedBatchNormV3",
        [Rand((2, 2, 3, 2, 4)), *_KNOWN],
        attrs={"is_training": False, "data_format": each("NDHWC", "NHWC")},
        dtypes=_F32,
        undefined=_RESERVED,
        id="volume",
    ),
    Row(
        "FusedBatchNormV3",
        [Rand((2, 4, 3, 2)), *_KNOWN],
        attrs={"is_training": False, "data_format": "NCHW"},
        dtypes=_F32,
        undefined=_RESERVED,
        id="channels-first",
    ),
    Row(
        "FusedBatchNormV3",
        [Rand((0, 3, 2, 4)), *_VECTORS],
        attrs={"is_training": each(False, True)},
        dtypes=_F32,
        undefined=_RESERVED,
        lowers=False,
        id="empty",
    ),
    Row(
        "LRN",
        [[Rand((2, 3, 2, 7))], [Rand((1, 1, 1, 1))]],
        attrs={"depth_radius": each(1, 2, 5), "bias": each(1.0, 2.0), "alpha": 0.5, "beta": each(0.5, 0.75)},
        dtypes=_F32,
    ),
    Row("LRN", [Rand((2, 3, 2, 7))], attrs={"depth_radius": 1}, dtypes=(dtypes.float16,), atol=1e-2),
    Row("LRN", [Rand((0, 3, 2, 7))], dtypes=_F32, lowers=False, id="empty"),
    Row("LRN", [Rand((3, 2, 7))], dtypes=_F32, error=Code.INVALID_ARGUMENT, id="refused"),
]
