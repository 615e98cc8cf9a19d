"""Cases of ``noria.ops.unicode_script``: every script of Unicode's first plane, and its ends."""

from __future__ import annotations

import numpy as np

from op_cases import Row

ROWS: list[Row] = [
    Row(
        "UnicodeScript",
        [
            [
                np.array(
                    [65, 0x3B1, 0x4E00, 48, -1, 0x110000, 0x5D0, 0x1F600, 0x627, 0xD800, 0xE000, 0x10FFFF], np.int32
                )
            ],
            [np.array([[0x41, 0x410], [0x301, 0x10330]], np.int32)],
            [np.array(0x905, np.int32)],
            [np.zeros((0, 2), np.int32)],
            [np.arange(0x40, 0x610, 7, dtype=np.int32)],
            [np.arange(0x1000, 0x2F00, 97, dtype=np.int32)],
            [np.arange(0x3000, 0xA000, 997, dtype=np.int32)],
        ],
        lowers=False,
    ),
]
