"""Cases of ``noria.ops.conv``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import FLOATS, Const, Rand, Row, each

_F32 = (dtypes.float32,)
_NARROW = (dtypes.float32, dtypes.float16, dtypes.bfloat16)
_TAPS = np.random.default_rng(5).uniform(-1, 1, (3, 3, 4, 6)).astype(np.float32)
_NCHW_CPU = "TensorFlow has no channels-first kernel on the CPU"


def _sizes(*sizes: int) -> Const:
    return Const(np.array(sizes, np.int32))


ROWS: list[Row] = [
    Row(
        "Conv2D",
        [[Rand((2, 5, 6, 4)), Const(_TAPS)], [Rand((1, 4, 7, 4)), Const(_TAPS)]],
        attrs={
            "strides": each([1, 1, 1, 1], [1, 2, 2, 1], [1, 1, 2, 1]),
            "padding": each("SAME", "VALID"),
        },
        rtol=1e-4,
        atol=1e-5,
        id="constant",
    ),
    Row(
        "Conv2D",
        [Rand((2, 5, 6, 4)), Const(_TAPS)],
        attrs={
            "strides": [1, 1, 1, 1],
            "padding": each("SAME", "VALID"),
            "dilations": each([1, 2, 2, 1], [1, 1, 2, 1]),
        },
        id="dilated",
    ),
    Row(
        "Conv2D",
        [Rand((2, 5, 6, 4)), Const(_TAPS)],
        attrs={"strides": [1, 2, 2, 1], "padding": "EXPLICIT", "explicit_paddings": [0, 0, 1, 2, 0, 3, 0, 0]},
        id="explicit",
    ),
    Row(
        "Conv2D",
        [[Rand((2, 5, 6, 4)), Rand((3, 2, 4, 3))], [Rand((1, 5, 6, 4)), Rand((1, 1, 4, 1))]],
        attrs={"strides": [1, 2, 2, 1], "padding": "SAME"},
        dtypes=(dtypes.float32, dtypes.float16),
        rtol=1e-2,
        atol=3e-1,  # TensorFlow accumulates float16 in float16
        id="fed",
    ),
    Row(
        "Conv2D",
        [Rand((2, 5, 6, 4)), Rand((3, 2, 4, 3))],
        attrs={"strides": [1, 2, 2, 1], "padding": "SAME"},
        dtypes=(dtypes.float64, dtypes.int32),
        lowers=False,
        id="wide",
    ),
    Row(
        "Conv2D",
        [[Rand((2, 5, 6, 4)), Rand((3, 3, 1, 8))], [Rand((2, 5, 6, 4)), Rand((3, 3, 2, 6))]],
        attrs={"strides": [1, 1, 1, 1], "padding": "SAME"},
        dtypes=_F32,
        rtol=1e-4,
        id="grouped",
    ),
    Row("Conv2D", [Rand((0, 5, 6, 4)), Const(_TAPS)], attrs={"strides": [1, 1, 1, 1], "padding": "SAME"}, id="empty"),
    Row(
        "Conv2D",
        [
            [Rand((2, 0, 6, 4)), Const(_TAPS)],
            [Rand((2, 2, 6, 4)), Const(_TAPS)],
            [Rand((2, 4, 6, 4)), Rand((3, 3, 4, 0))],
        ],
        attrs={"strides": [1, 2, 2, 1], "padding": "VALID"},
        lowers=False,
        id="no-output",
    ),
    Row(
        "Conv2D",
        [Rand((2, 4, 5, 6)), Const(_TAPS)],
        attrs={"strides": [1, 1, 2, 2], "padding": each("SAME", "VALID"), "data_format": "NCHW"},
        skip_oracle=_NCHW_CPU,
        id="channels-first",
    ),
    Row(
        "Conv2D",
        [
            [Rand((2, 5, 6, 4)), Rand((7, 7, 4, 2))],
            [Rand((2, 5, 6, 4)), Rand((3, 3, 3, 2))],
            [Rand((5, 6, 4)), Rand((3, 3, 4, 2))],
            [Rand((2, 5, 6, 3)), Rand((3, 3, 1, 2))],
            [Rand((2, 5, 6, 4)), Rand((1, 0, 4, 2))],
        ],
        attrs={"strides": [1, 1, 1, 1], "padding": "VALID"},
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "DepthwiseConv2dNative",
        [
            [Rand((2, 5, 6, 4)), Rand((3, 3, 4, 2))],
            [Rand((1, 6, 6, 3)), Rand((2, 3, 3, 1))],
            [Rand((0, 5, 6, 4)), Rand((3, 3, 4, 1))],
        ],
        attrs={"strides": each([1, 1, 1, 1], [1, 2, 2, 1]), "padding": each("SAME", "VALID")},
        dtypes=_NARROW,
        rtol=3e-2,
        atol=2e-1,  # TensorFlow accumulates half precision in half precision
    ),
    Row(
        "DepthwiseConv2dNative",
        [Rand((2, 5, 6, 4)), Rand((3, 3, 4, 2))],
        attrs={"strides": [1, 1, 1, 1], "padding": "SAME"},
        dtypes=(dtypes.float64,),
        lowers=False,
        id="wide",
    ),
    Row(
        "DepthwiseConv2dNative",
        [Rand((2, 5, 6, 4)), Const(_TAPS[..., :2])],
        attrs={"strides": [1, 2, 2, 1], "padding": "EXPLICIT", "explicit_paddings": [0, 0, 1, 1, 2, 0, 0, 0]},
        id="explicit",
    ),
    Row(
        "DepthwiseConv2dNative",
        [Rand((2, 5, 6, 4)), Rand((3, 3, 3, 2))],
        attrs={"strides": [1, 1, 1, 1], "padding": "SAME"},
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    *(
        Row(
            "Conv2DBackpropInput",
            [_sizes(*sizes), Const(_TAPS[:k, :k]), Rand((2, 5, 6, 6))],
            attrs={"strides": [1, stride, stride, 1], "padding": padding},
            id=f"{padding}-{k}-{stride}-{sizes[1]}",
        )
        for sizes, k, stride, padding in (
            ((2, 5, 6, 4), 3, 1, "SAME"),
            ((2, 9, 11, 4), 3, 2, "SAME"),
            ((2, 10, 12, 4), 3, 2, "SAME"),
            ((2, 10, 12, 4), 2, 2, "SAME"),
            ((2, 9, 11, 4), 1, 2, "SAME"),
            ((2, 10, 12, 4), 1, 2, "SAME"),
            ((2, 14, 17, 4), 2, 3, "SAME"),
            ((2, 7, 8, 4), 3, 1, "VALID"),
            ((2, 11, 13, 4), 3, 2, "VALID"),
            ((2, 12, 14, 4), 3, 2, "VALID"),
        )
    ),
    Row(
        "Conv2DBackpropInput",
        [_sizes(10, 12), Rand((3, 3, 4, 6)), Rand((2, 5, 6, 6))],
        attrs={"strides": [1, 2, 2, 1], "padding": "SAME"},
        dtypes=_F32,
        rtol=1e-4,
        atol=1e-5,
        id="spatial-sizes",
    ),
    Row(
        "Conv2DBackpropInput",
        [_sizes(2, 10, 12, 4), Const(_TAPS), Rand((2, 5, 6, 6))],
        attrs={"strides": [1, 2, 2, 1], "padding": "EXPLICIT", "explicit_paddings": [0, 0, 0, 1, 1, 0, 0, 0]},
        id="explicit",
    ),
    Row(
        "Conv2DBackpropInput",
        [
            [np.array([2, 10, 12, 4], np.int32), Const(_TAPS), Rand((2, 5, 6, 6))],
            [np.array([2, 9, 11, 4], np.int32), Const(_TAPS[:1, :1]), Rand((2, 5, 6, 6))],
        ],
        attrs={"strides": [1, 2, 2, 1], "padding": "SAME"},
        id="fed-sizes",
    ),
    Row(
        "Conv2DBackpropInput",
        [np.array([2, 12, 14, 4], np.int32), Const(_TAPS), Rand((2, 5, 6, 6))],
        attrs={"strides": [1, 2, 2, 1], "padding": "VALID"},
        id="fed-sizes-valid",
    ),
    Row(
        "Conv2DBackpropInput",
        [np.array([2, 11, 12, 4], np.int32), Const(_TAPS), Rand((2, 5, 6, 6))],
        attrs={"strides": [1, 2, 2, 1], "padding": "SAME"},
        error=Code.INVALID_ARGUMENT,
        id="fed-sizes-refused",
    ),
    Row(
        "Conv2DBackpropInput",
        [_sizes(2, 4, 10, 12), Const(_TAPS), Rand((2, 6, 5, 6))],
        attrs={"strides": [1, 1, 2, 2], "padding": "SAME", "data_format": "NCHW"},
        skip_oracle=_NCHW_CPU,
        id="channels-first",
    ),
    Row(
        "Conv2DBackpropInput",
        [
            [_sizes(2, 12, 14, 4), Rand((3, 3, 4, 6)), Rand((2, 5, 6, 6))],
            [_sizes(3, 10, 12, 4), Rand((3, 3, 4, 6)), Rand((2, 5, 6, 6))],
            [_sizes(2, 10, 12, 4), Rand((3, 3, 4, 5)), Rand((2, 5, 6, 6))],
            [_sizes(2, 10, -1, 4), Rand((3, 3, 4, 6)), Rand((2, 5, 6, 6))],
        ],
        attrs={"strides": [1, 2, 2, 1], "padding": "SAME"},
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "Conv3D",
        [[Rand((2, 3, 5, 4, 2)), Rand((2, 3, 3, 2, 3))], [Rand((1, 4, 4, 4, 2)), Rand((1, 1, 1, 2, 1))]],
        attrs={"strides": each([1, 1, 1, 1, 1], [1, 1, 2, 2, 1]), "padding": each("SAME", "VALID")},
        dtypes=_F32,
        rtol=1e-4,
        atol=1e-5,
    ),
    Row(
        "Conv3D",
        [Rand((2, 3, 5, 4, 2)), Rand((2, 3, 3, 2, 3))],
        attrs={"strides": [1, 1, 1, 1, 1], "padding": "SAME"},
        dtypes=(FLOATS[1],),
        lowers=False,
        id="wide",
    ),
    Row(
        "Conv3DBackpropInputV2",
        [
            [_sizes(2, 6, 9, 8, 2), Rand((2, 3, 3, 2, 3)), Rand((2, 3, 5, 4, 3))],
            [_sizes(1, 4, 4, 3, 2), Rand((1, 2, 1, 2, 1)), Rand((1, 2, 2, 2, 1))],
        ],
        attrs={"strides": [1, 2, 2, 2, 1], "padding": "SAME"},
        dtypes=_F32,
        rtol=1e-4,
        atol=1e-5,
    ),
]
