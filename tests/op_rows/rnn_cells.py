"""Rows of ``noria.ops.rnn_cells``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Rand, Row, each

CELL = [Rand((2, 3)), Rand((2, 4)), Rand((2, 4)), Rand((7, 16)), Rand((4,)), Rand((4,)), Rand((4,)), Rand((16,))]
NO_BATCH = [Rand((0, 3)), Rand((0, 4)), Rand((0, 4)), *CELL[3:]]
OPTIONS = {"use_peephole": each(False, True), "cell_clip": each(0.0, 0.5)}
THREE, FIVE = np.array(3, np.int64), np.array(5, np.int64)
STEPS = Rand((5, 2, 3))
GRU = [Rand((2, 3)), Rand((2, 4)), Rand((7, 8)), Rand((7, 4)), Rand((8,)), Rand((4,))]
FLOATS = (dtypes.float32, dtypes.float16)
INVALID = Code.INVALID_ARGUMENT

ROWS: list[Row] = [
    Row(
        "LSTMBlockCell",
        CELL,
        {**OPTIONS, "forget_bias": each(1.0, 0.0)},
        dtypes=FLOATS,
        lowers=False,
        rtol=1e-2,  # TensorFlow rounds after each step in float16
        atol=1e-2,
        id="both",
    ),
    Row("LSTMBlockCell", CELL, OPTIONS, dtypes=(dtypes.float32,), lowers=False),
    Row("LSTMBlockCell", [*CELL[:7], Rand((15,))], dtypes=(dtypes.float32,), error=INVALID, id="bias"),
    Row("LSTMBlockCell", NO_BATCH, dtypes=(dtypes.float32,), error=INVALID, id="empty"),
    Row("BlockLSTM", [FIVE, STEPS, *CELL[1:]], OPTIONS, dtypes=(dtypes.float32,), lowers=False),
    Row("BlockLSTMV2", [FIVE, STEPS, *CELL[1:]], OPTIONS, dtypes=(dtypes.float32,), lowers=False),
    Row(
        "BlockLSTM",
        [THREE, STEPS, *CELL[1:]],
        dtypes=(dtypes.float32,),
        lowers=False,
        undefined=(0, 2, 3, 4, 5),  # those steps are never written
        id="short",
    ),
    Row("BlockLSTM", [FIVE, Rand((2, 3)), *CELL[1:]], dtypes=(dtypes.float32,), error=INVALID, id="rank"),
    Row("GRUBlockCell", GRU, dtypes=(dtypes.float32,), lowers=False),
    Row("GRUBlockCell", [*GRU[:5], Rand((5,))], dtypes=(dtypes.float32,), error=INVALID, id="bias"),
]
