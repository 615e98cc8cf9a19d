"""Cases of candidate samplers. Each row has its own seed: TensorFlow's eager calls share a stream by attributes."""

from __future__ import annotations

import numpy as np

from noria.errors import Code
from op_cases import Row

_BAD = Code.INVALID_ARGUMENT
_TRUE = np.array([[1], [4]], np.int64)
_SEED = {"num_true": 1, "num_sampled": 5, "seed": 7, "seed2": 9}
_SAMPLED = np.array([1, 4, 7, 1, 2], np.int64)


def _row(op: str, number: int, **attrs: object) -> Row:
    return Row(op, [_TRUE], {**_SEED, "seed2": number, **attrs}, lowers=False, id=str(number))


ROWS: list[Row] = [
    *(
        _row(op, number, unique=unique, range_max=size)
        for op in ("UniformCandidateSampler", "LogUniformCandidateSampler")
        for number, (unique, size) in enumerate(((True, 6), (False, 16), (True, 1000), (False, 20), (True, 5)), 1)
    ),
    *(
        _row(op, number, unique=unique, range_max=20)
        for op in ("LearnedUnigramCandidateSampler", "ThreadUnsafeUnigramCandidateSampler")
        for number, unique in ((1, True), (2, False))
    ),
    _row("FixedUnigramCandidateSampler", 1, unique=False, range_max=6, unigrams=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
    _row(
        "FixedUnigramCandidateSampler",
        2,
        unique=True,
        range_max=6,
        unigrams=[1.0, 2.0, 3.0, 4.0, 6.0],
        num_reserved_ids=1,
        distortion=0.75,
    ),
    Row("AllCandidateSampler", [_TRUE], {**_SEED, "unique": True}, lowers=False),
    Row("UniformCandidateSampler", [_TRUE], {**_SEED, "unique": True, "range_max": 4}, error=_BAD, id="small"),
    Row("LogUniformCandidateSampler", [_TRUE], {**_SEED, "unique": False, "range_max": 3}, error=_BAD, id="outside"),
    Row(
        "UniformCandidateSampler",
        [np.array([[1, 2]], np.int64)],
        {**_SEED, "unique": False, "range_max": 9},
        error=_BAD,
        id="columns",
    ),
    Row(
        "ComputeAccidentalHits",
        [[np.array([[1, 2], [4, 1]], np.int64), _SAMPLED], [np.zeros((0, 2), np.int64), _SAMPLED]],
        {"num_true": 2},
        lowers=False,
    ),
    Row("ComputeAccidentalHits", [_TRUE, _SAMPLED], {"num_true": 2}, error=_BAD, id="columns"),
]
