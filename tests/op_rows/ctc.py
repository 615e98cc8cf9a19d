"""Cases of CTC decoders and losses."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_LENGTHS = np.array([5, 3], np.int32)
_WANTED = [Rand((5, 2, 4)), _LENGTHS]


def places(*pairs: tuple[int, int]) -> Const:
    return Const(np.array(pairs, np.int64).reshape(-1, 2), dtypes.int64)


def ints(*values: int) -> Array:
    return np.array(values, np.int32)


_LOGITS = Rand((4, 2, 4))
_THREE = places((0, 0), (0, 1), (1, 0))
_REPEATS = [_LOGITS, places((0, 0), (0, 1), (0, 2), (1, 0)), ints(1, 1, 2, 2), ints(4, 3)]
_INFINITE = np.array([[[np.inf, 0, 1]], [[0, 1, 2]]], np.float32)
_IMPOSSIBLE = np.array([[[-np.inf, 0, 1]], [[-np.inf, 1, 2]]], np.float32)

LOSSES = [
    Row(
        "CTCLoss",
        [[_LOGITS, _THREE, ints(0, 1, 2), ints(4, 3)], _REPEATS, [_LOGITS, _THREE, ints(0, 3, 2), ints(4, 3)]],
        {"preprocess_collapse_repeated": each(False, True), "ctc_merge_repeated": each(False, True)},
        dtypes=(dtypes.float32, dtypes.float64),
        lowers=False,
        rtol=1e-5,  # TensorFlow adds logarithms in float32 also for float64
        atol=1e-6,
    ),
    Row(
        "CTCLoss",
        [
            [_LOGITS, _THREE, ints(1, 1, 2), ints(2, 3)],
            [_LOGITS, _THREE, ints(0, 1, 2), ints(4, 0)],
            [_LOGITS, _THREE, ints(0, 1, 2), ints(1, 1)],
            [_LOGITS, places((0, 1), (1, 3)), ints(0, 9), ints(4, 0)],
        ],
        {"ignore_longer_outputs_than_inputs": True},
        dtypes=(dtypes.float32, dtypes.float64),
        lowers=False,
        rtol=1e-5,
        atol=1e-6,
        id="short",
    ),
    Row(
        "CTCLoss",
        [
            [_INFINITE, places((0, 0)), ints(0), ints(2)],
            [_IMPOSSIBLE, places((0, 0)), ints(0), ints(2)],
            [_IMPOSSIBLE, places((0, 0)), ints(1), ints(2)],
        ],
        lowers=False,
        id="infinite",
    ),
    Row(
        "CTCLoss",
        [
            [_LOGITS, _THREE, ints(0, 1, 2), ints(4, 0)],
            [_LOGITS, places((0, 0), (0, 1)), ints(0, 1), ints(4, 3)],
            [_LOGITS, _THREE, ints(3, 0, 2), ints(4, 3)],
            [_LOGITS, _THREE, ints(-1, 0, 2), ints(4, 3)],
            [_LOGITS, places((0, 0), (2, 0)), ints(0, 1), ints(4, 3)],
            [_LOGITS, places((1, 0), (0, 0)), ints(0, 1), ints(4, 3)],
            [_LOGITS, _THREE, ints(0, 1, 2), ints(5, 3)],
            [_LOGITS, _THREE, ints(0, 1, 2), ints(4, -1)],
            [_LOGITS, _THREE, ints(0, 1, 2), ints(4)],
            [_LOGITS, _THREE, ints(0, 1), ints(4, 3)],
            [Rand((4, 4)), _THREE, ints(0, 1, 2), ints(4, 3)],
            [Rand((0, 2, 4)), _THREE, ints(0, 1, 2), ints(0, 0)],
            [Rand((4, 0, 4)), places(), ints(), ints()],
        ],
        dtypes=(dtypes.float32,),
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "CTCLossV2",
        [_LOGITS, _THREE, ints(1, 2, 3), ints(4, 3)],
        dtypes=(dtypes.float32,),
        type_attr="unused",
        lowers=False,
        skip_oracle="TensorFlow has no CPU kernel",
    ),
]

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
    *LOSSES,
]
