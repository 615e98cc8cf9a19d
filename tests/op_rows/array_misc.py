"""Cases of ``noria.ops.array_misc``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_F = np.float32
_BOTH = each(False, True)


def _i(*values: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(values, np.int32)


_RANGE = np.array([0, 5], _F)
_VALUES = np.array([-1, 0, 1.5, 2, 5, 15, np.inf, -np.inf], _F)

ROWS: list[Row] = [
    Row(
        "CumulativeLogsumexp",
        [[Rand((3, 4)), Const(0)], [Rand((3, 4)), Const(-1)], [Rand((0, 4)), Const(0)]],
        {"exclusive": _BOTH, "reverse": _BOTH},
        dtypes=(dtypes.float32, dtypes.float64, dtypes.float16),
        lowers=False,
    ),
    Row(
        "CumulativeLogsumexp",
        [np.array([1, 2, -np.inf, 3, np.inf, np.nan, 1], _F), Const(0)],
        {"reverse": _BOTH},
        lowers=False,
        id="infinite",
    ),
    Row("CumulativeLogsumexp", [[Rand((2,)), Const(2)], [Rand(()), Const(0)]], dtypes=(dtypes.float32,), error=_BAD),
    Row(
        "HistogramFixedWidth",
        [
            [_VALUES, Const(_RANGE), Const(5)],
            [np.zeros((2, 0), _F), Const(_RANGE), Const(3)],
            [np.array([-1, 2, 3, 7, 10], np.int32), Const([0, 10]), Const(4)],
            [np.linspace(0, 1, 12).reshape(3, 4), Const(np.array([0.0, 1.0])), Const(7)],
        ],
        {"dtype": each(dtypes.int32, dtypes.int64)},
        lowers=False,
    ),
    Row(
        "HistogramFixedWidth",
        [
            [np.array([np.nan], _F), Const(_RANGE), Const(5)],
            [_VALUES, Const(np.array([5, 5], _F)), Const(5)],
            [_VALUES, Const(_RANGE), Const(0)],
            [_VALUES, Const(np.array([1, 2, 3], _F)), Const(1)],
            [_VALUES, Const(_RANGE), Const([1])],
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "NthElement",
        [[Rand((2, 5)), Const(n)] for n in (0, 2, 4)],
        {"reverse": _BOTH},
        dtypes=(dtypes.float32, dtypes.int32, dtypes.float64, dtypes.int64),
        lowers=False,
    ),
    Row(
        "NthElement",
        [[Rand((3,)), Const(3)], [Rand((3,)), Const(-1)], [Rand((3,)), Const([1])], [Rand(()), Const(0)]],
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="refused",
    ),
    *(
        Row("PopulationCount", [np.array([-1, 0, 7, 100], np.int64).astype(dtype.numpy)], lowers=False, id=dtype.name)
        for dtype in (dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16, dtypes.int32, dtypes.int64)
    ),
    Row(
        "ConcatOffset",
        [
            [Const(1), _i(2, 2, 7), _i(2, 3, 7), _i(2, 9, 7)],
            [Const(-1), _i(2, 2, 7), _i(2, 2, 8)],
            [Const(0), _i(0), _i(3)],
        ],
        lowers=False,
    ),
    Row(
        "ConcatOffset",
        [
            [Const(1), _i(2, 2, 7), _i(2, 3, 8)],
            [Const(1), _i(2, 2, 7), _i(2, 3)],
            [Const(3), _i(2, 2, 7), _i(2, 3, 7)],
            [Const([1]), _i(2, 2, 7), _i(2, 3, 7)],
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "UnravelIndex",
        [[_i(2, 5, 7), Const([3, 3])], [np.array(5, np.int32), Const([2, 3])], [_i(2, -1, -5), Const([2, 2, 3])]],
        lowers=False,
    ),
    Row(
        "UnravelIndex",
        [
            [_i(2, 9), Const([3, 3])],
            [_i(2), Const([3, 0])],
            [_i([2]), Const([3, 3])],
            [_i(2), Const(3)],
            [_i(), Const([3, 3])],
        ],
        error=_BAD,
        id="refused",
    ),
    Row(
        "DataFormatDimMap", [[_i(-1, 0, 1, 2, 3)], [np.array(2, np.int32)], [np.array([1, -4], np.int64)]], lowers=False
    ),
    Row("DataFormatDimMap", [_i(0, 1, 2, 3)], {"src_format": "HWNC", "dst_format": "WHCN"}, lowers=False, id="other"),
    Row(
        "DataFormatVecPermute",
        [[_i(1, 2, 3, 4)], [_i(3, 4)], [_i([3, 4], [1, 2], [5, 6], [7, 8])], [np.array([1, 2, 3, 4], np.int64)]],
        {"src_format": "NHWC", "dst_format": each("NCHW", "NWHC", "HWCN")},
        lowers=False,
    ),
    Row(
        "DataFormatVecPermute",
        [_i(1, 2, 3, 4, 5)],
        {"src_format": "NDHWC", "dst_format": "NCDHW"},
        lowers=False,
        id="3D",
    ),
    Row("DataFormatVecPermute", [[_i(1, 2, 3)], [np.array(3, np.int32)]], error=_BAD, id="refused"),
    *(
        Row(
            op,
            [[Rand((4, 2)), Const([0, -1, 0]), Rand((3, 2))], [Rand((4,)), Const([2]), Rand((1,))]],
            dtypes=(dtypes.float32, dtypes.int32),
            lowers=False,
        )
        for op in ("InplaceUpdate", "InplaceAdd", "InplaceSub")
    ),
    Row(
        "InplaceUpdate",
        [[Rand((3, 2)), Const(1), Rand((2,))], [Rand((3, 2)), Const([1]), Rand((1,))]],
        dtypes=(dtypes.float32,),
        error=_BAD,
        id="refused",
    ),
    Row("DeepCopy", [[Rand((2, 3))], [Rand(())]], dtypes=(dtypes.float32, dtypes.int64), lowers=False),
    Row(
        "Empty",
        [[Const([2, 3])], [Const(np.zeros(0, np.int32))], [Const([0, 2])]],
        {"init": True},
        dtypes=(dtypes.float32, dtypes.int32, dtypes.bool_, dtypes.string),
        type_attr="dtype",
        lowers=False,
    ),
    Row("Empty", [[Const([-1])], [Const(3)]], dtypes=(dtypes.float32,), type_attr="dtype", error=_BAD, id="refused"),
    Row("Timestamp", [], lowers=False, undefined=(0,)),
    Row(
        "ExtractVolumePatches",
        [[Rand((1, 4, 5, 6, 2))], [Rand((2, 2, 3, 3, 1))], [Rand((0, 4, 5, 6, 2))]],
        {
            "ksizes": each([1, 2, 3, 2, 1], [1, 1, 1, 3, 1]),
            "strides": [1, 1, 2, 2, 1],
            "padding": each("SAME", "VALID"),
        },
        dtypes=(dtypes.float32, dtypes.int32),
        lowers=False,
    ),
    Row(
        "SparseMatMul",
        [Rand((3, 3)), Rand((3, 3))],
        {"transpose_a": _BOTH, "transpose_b": _BOTH, "Ta": dtypes.float32, "Tb": dtypes.float32},
        dtypes=(dtypes.float32,),
        type_attr="Ta",
        lowers=False,
    ),
    Row("SparseMatMul", [Rand((2, 3)), Rand((2, 3))], dtypes=(dtypes.float32,), type_attr="Ta", error=_BAD, id="sizes"),
]
