"""Cases of ``noria.ops.cast``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Rand, Row, each

_ENGINE = (
    dtypes.float32,
    dtypes.float64,
    dtypes.float16,
    dtypes.int32,
    dtypes.int64,
    dtypes.int8,
    dtypes.uint8,
    dtypes.int16,
    dtypes.uint16,
    dtypes.bool_,
)
_OTHER = (dtypes.bfloat16, dtypes.complex64, dtypes.complex128)
# Three elements at a time: TensorFlow's long vectors convert by another rule than its last few elements.
_WIDE = [
    np.array([np.nan, 1e20, -1e20], np.float32),
    np.array([np.inf, 2147483520.0, -2147483648.0], np.float32),
    np.array([300.7, -1.9, 0.999], np.float32),
]
_HALVES = np.array([65519.0, 65520.0, 1e-8, np.nan, -np.inf, 1.0009, 1.9999, 3.3e38], np.float32)
_ROUNDED_TWICE = np.array([1.0 + 2.0**-11 + 2.0**-30, 4.0, 0.1], np.float64)
_INTS = np.array([-1, 300, 70000, -(2**31), 2**31 - 1], np.int64)

ROWS: list[Row] = [
    Row(
        "Cast",
        [[Rand((2, 3), -100, 100)], [Rand(())], [Rand((0, 2))]],
        attrs={"DstT": each(*_ENGINE)},
        dtypes=(dtypes.float32, dtypes.int32, dtypes.int64, dtypes.bool_),
        type_attr="SrcT",
    ),
    Row(
        "Cast",
        [Rand((2, 3), 0, 100)],
        attrs={"DstT": each(dtypes.float32, dtypes.int32, dtypes.float16)},
        dtypes=(dtypes.float64, dtypes.float16, dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16),
        type_attr="SrcT",
        id="sources",
    ),
    Row(
        "Cast",
        [Rand((2, 3), 0, 100)],
        attrs={"DstT": each(dtypes.float32, dtypes.int32, dtypes.int8, dtypes.bool_, *_OTHER)},
        dtypes=_OTHER,
        type_attr="SrcT",
        lowers=False,
        id="host",
    ),
    Row("Cast", [Rand((2, 3))], attrs={"DstT": each(*_OTHER)}, lowers=False, id="to-host"),
    Row(
        "Cast",
        [[x] for x in _WIDE],
        attrs={
            "DstT": each(
                dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16, dtypes.bool_
            )
        },
        id="out-of-range",
    ),
    Row("Cast", [_WIDE[2]], attrs={"DstT": each(dtypes.uint32, dtypes.uint64)}, id="unsigned"),
    Row("Cast", [_INTS], attrs={"DstT": each(dtypes.int32, dtypes.int8, dtypes.uint16, dtypes.float16)}, id="integers"),
    Row("Cast", [_HALVES], attrs={"DstT": dtypes.float16}, exact=True, id="to-half"),
    Row("Cast", [_ROUNDED_TWICE], attrs={"DstT": dtypes.float16}, exact=True, id="double-to-half"),
    Row(
        "Cast",
        [[_HALVES], [_ROUNDED_TWICE]],
        attrs={"DstT": each(dtypes.float16, dtypes.bfloat16), "Truncate": True},
        exact=True,
        lowers=False,
        id="truncate",
    ),
    Row("Cast", [np.array([b"1"], object)], attrs={"DstT": dtypes.int32}, error=Code.UNIMPLEMENTED, id="text"),
    Row(
        "Bitcast",
        [[np.array([[1.0, 2.5]], np.float32)], [np.array(1.5, np.float32)], [np.zeros((0, 2), np.float32)]],
        attrs={"type": each(dtypes.int32, dtypes.uint8, dtypes.float16)},
        lowers=False,
    ),
    Row("Bitcast", [np.arange(8, dtype=np.uint8).reshape(2, 4)], attrs={"type": dtypes.float32}, lowers=False, id="up"),
    Row(
        "Bitcast",
        [[np.arange(6, dtype=np.uint8).reshape(2, 3)], [np.array(1, np.uint8)]],
        attrs={"type": dtypes.float32},
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
]
