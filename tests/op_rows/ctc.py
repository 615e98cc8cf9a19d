"""Cases of CTC decoders."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Rand, Row, each

_LENGTHS = np.array([5, 3], np.int32)
_WANTED = [Rand((5, 2, 4)), _LENGTHS]

ROWS: list[Row] = [
    Row(
        "CTCGreedyDecoder",
        [_WANTED, [Rand((2, 1, 2)), np.array([0], np.int32)]],
        {"merge_repeated": each(False, True), "blank_index": each(-1, 0)},
        dtypes=(dtypes.float32, dtypes.float64),
        lowers=False,
    ),
    Row(
        "CTCGreedyDecoder",
        [Rand((5, 2, 4)), np.array([6, 3], np.int32)],
        dtypes=(dtypes.float32,),
        error=Code.FAILED_PRECONDITION,
        id="long",
    ),
    Row(
        "CTCGreedyDecoder",
        [[Rand((5, 2)), _LENGTHS], [Rand((5, 2, 4)), np.array([[5, 3]], np.int32)]],
        dtypes=(dtypes.float32,),
        error=Code.INVALID_ARGUMENT,
        id="rank",
    ),
    Row(
        "CTCBeamSearchDecoder",
        _WANTED,
        {"beam_width": each(10, 30), "top_paths": 2, "merge_repeated": each(False, True)},
        dtypes=(dtypes.float32, dtypes.float64),
        lowers=False,
        rtol=1e-4,
        atol=1e-5,
    ),
    Row(
        "CTCBeamSearchDecoder",
        [Rand((8, 3, 6)), np.array([8, 8, 2], np.int32)],
        {"beam_width": 100, "top_paths": 2},
        dtypes=(dtypes.float32,),
        lowers=False,
        rtol=1e-4,
        atol=1e-5,
        id="wide",
    ),
]
