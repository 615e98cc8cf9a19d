"""Cases of ``noria.ops.loss``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import FLOATS, Const, Rand, Row, each

_F32 = (dtypes.float32,)
_LOGITS = np.array([[1, 2, 3], [0, -1, 1e9]], np.float32)
_PREDICTIONS = np.array(
    [[0.1, 0.5, 0.5, 0.2], [np.nan, 1, 2, 3], [1, np.inf, 2, 3], [1, 2, 3, 4], [1, 1, 1, 1]], np.float32
)


def _labels(*values: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.array(values, np.int64)


ROWS: list[Row] = [
    Row("SoftmaxCrossEntropyWithLogits", [Rand((3, 4)), Rand((3, 4), 0, 1)], dtypes=FLOATS),
    Row(
        "SoftmaxCrossEntropyWithLogits",
        [
            [_LOGITS, np.array([[0, 1, 0], [0.5, 0.5, 0]], np.float32)],
            [np.array([[-np.inf, 0, 1]], np.float32), np.array([[0, 1, 0]], np.float32)],
            [np.array([[np.nan, 0, 1]], np.float32), np.array([[0, 1, 0]], np.float32)],
        ],
        id="special",
    ),
    Row(
        "SoftmaxCrossEntropyWithLogits",
        [
            [Rand((3, 4)), Rand((1, 4), 0, 1)],
            [Rand((3, 4)), Rand((4,), 0, 1)],
            [Rand((3, 1)), Rand((3, 4), 0, 1)],
            [Rand((0, 3)), Rand((0, 3))],
        ],
        dtypes=_F32,
        id="broadcast",
        lowers=False,
    ),
    Row(
        "SoftmaxCrossEntropyWithLogits",
        [[Rand((3,)), Rand((3,))], [Rand((3, 4)), Rand((2, 4))]],
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row("SparseSoftmaxCrossEntropyWithLogits", [Rand((3, 4)), _labels(1, 3, 0)], dtypes=FLOATS, lowers=False),
    Row(
        "SparseSoftmaxCrossEntropyWithLogits",
        [
            [_LOGITS, np.array([0, 2], np.int32)],
            [np.array([[-np.inf, 0, 1]], np.float32), _labels(0)],
            [np.zeros((0, 3), np.float32), _labels()],
        ],
        lowers=False,
        id="special",
    ),
    Row(
        "SparseSoftmaxCrossEntropyWithLogits",
        [
            [_LOGITS, _labels(0, 3)],
            [_LOGITS, _labels(-1, 0)],
            [_LOGITS, _labels(0)],
            [_LOGITS[0], _labels(0)],
            [_LOGITS[:, :0], _labels(0, 0)],
        ],
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "InTopKV2",
        [[_PREDICTIONS, _labels(2, 1, 1, 3, 0), Const(k, dtypes.int64)] for k in (0, 1, 2, 9, -1)],
        lowers=False,
    ),
    Row(
        "InTopKV2",
        [_PREDICTIONS, np.array([2, 1, 9, -1, 0], np.int32), np.array(2, np.int32)],
        lowers=False,
        id="outside",
    ),
    Row("InTopK", [_PREDICTIONS, _labels(2, 1, 1, 3, 0)], attrs={"k": each(1, 2)}, lowers=False),
    Row(
        "InTopKV2",
        [_PREDICTIONS, _labels(0), Const(2, dtypes.int64)],
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
]
