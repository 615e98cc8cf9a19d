"""Cases of non-maximum suppression."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Array, Const, Rand, Row, each

_BAD = Code.INVALID_ARGUMENT
_F = np.float32


def _boxes(count: int) -> Array:
    """Random boxes that overlap a lot, some with their corners exchanged."""
    rng = np.random.default_rng(count)
    corner, size = rng.uniform(0, 1, (count, 2)), rng.uniform(-0.6, 0.9, (count, 2))
    return np.concatenate([corner, corner + size], axis=1).astype(_F)


def _f(value: float) -> Const:
    return Const(value, dtypes.float32)


_SCORES = np.random.default_rng(1).uniform(0, 1, 20).astype(_F)
_TIES = np.round(_SCORES, 1)
_ALL = [[_boxes(20), scores, Const(count)] for scores in (_SCORES, _TIES) for count in (0, 5, 30)]
_NOTHING = [np.zeros((0, 4), _F), np.zeros(0, _F), Const(3)]
_LIKE = np.abs(np.random.default_rng(2).uniform(-1, 1, (6, 6))).astype(_F)

ROWS: list[Row] = [
    Row("NonMaxSuppression", [*_ALL, _NOTHING], {"iou_threshold": each(0.0, 0.3, 0.5, 1.0)}, lowers=False),
    Row("NonMaxSuppressionV2", [[*a, _f(t)] for a in (*_ALL, _NOTHING) for t in (0.1, 0.5)], lowers=False),
    Row(
        "NonMaxSuppressionV3",
        [[*a, _f(t), _f(s)] for a in (*_ALL, _NOTHING) for t, s in ((0.1, 0.3), (0.5, -1.0), (0.5, 0.9))],
        lowers=False,
    ),
    Row(
        "NonMaxSuppressionV4",
        [[*a, _f(0.4), _f(0.3)] for a in (*_ALL, _NOTHING)],
        {"pad_to_max_output_size": each(False, True)},
        lowers=False,
    ),
    Row(
        "NonMaxSuppressionV5",
        [[*a, _f(0.4), _f(0.3), _f(sigma)] for a in (*_ALL, _NOTHING) for sigma in (0.0, 0.5, 0.05)],
        {"pad_to_max_output_size": each(False, True)},
        lowers=False,
    ),
    Row(
        "NonMaxSuppressionWithOverlaps",
        [_LIKE + _LIKE.T, _SCORES[:6], Const(4), _f(0.8), _f(0.1)],
        lowers=False,
    ),
    Row(
        "NonMaxSuppression",
        [
            [_boxes(3), _SCORES[:2], Const(3)],
            [_boxes(3)[:, :3], _SCORES[:3], Const(3)],
            [_boxes(3)[None], _SCORES[:3], Const(3)],
            [_boxes(3), _SCORES[:3], Const([3])],
        ],
        error=_BAD,
        id="refused",
    ),
    Row("NonMaxSuppressionV2", [_boxes(3), _SCORES[:3], Const(3), _f(1.5)], error=_BAD, id="threshold"),
    Row(
        "CombinedNonMaxSuppression",
        [
            [
                Rand((2, 9, groups, 4), 0, 1.2, dtype=dtypes.float32),
                Rand((2, 9, 3), 0, 1, dtype=dtypes.float32),
                Const(per),
                Const(total),
                _f(0.2),
                _f(0.1),
            ]
            for groups in (1, 3)
            for per, total in ((2, 5), (4, 30), (20, 3))
        ],
        {"pad_per_class": each(False, True), "clip_boxes": each(False, True)},
        lowers=False,
    ),
    Row(
        "CombinedNonMaxSuppression",
        [
            [np.zeros((1, 3, 2, 4), _F), np.zeros((1, 3, 3), _F), Const(2), Const(5), _f(0.2), _f(0.1)],
            [np.zeros((1, 3, 1, 4), _F), np.zeros((1, 3, 3), _F), Const(0), Const(5), _f(0.2), _f(0.1)],
            [np.zeros((1, 3, 1, 4), _F), np.zeros((1, 3, 3), _F), Const(2), Const(5), _f(1.2), _f(0.1)],
        ],
        error=_BAD,
        id="refused",
    ),
]
