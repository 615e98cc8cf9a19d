"""Rows of ``noria.ops.sample_box``."""

from __future__ import annotations

import numpy as np

from noria.errors import Code
from op_cases import Row, each

SIZE = np.array([60, 100, 3], np.int32)
BOXES = np.array([[[0.1, 0.2, 0.6, 0.9], [0.0, 0.0, 0.3, 0.3]]], np.float32)
NO_BOXES = np.zeros((1, 0, 4), np.float32)
COVERED = np.array(0.3, np.float32)
SEEDS = [np.array([k, 7 * k + 1], np.int64) for k in range(8)]

ROWS: list[Row] = [
    Row(
        "StatelessSampleDistortedBoundingBox",
        [[SIZE, BOXES, COVERED, seed] for seed in SEEDS]
        + [[SIZE.astype(np.int64), BOXES, np.array(0.95, np.float32), seed] for seed in SEEDS],
        {"area_range": each([0.05, 1.0], [0.5, 0.6]), "max_attempts": each(100, 1)},
        lowers=False,
    ),
    Row(
        "StatelessSampleDistortedBoundingBox",
        [[SIZE, NO_BOXES, COVERED, seed] for seed in SEEDS]
        + [[np.array([7, 5, 1], np.uint8), NO_BOXES, COVERED, seed] for seed in SEEDS],
        {"use_image_if_no_bounding_boxes": True, "aspect_ratio_range": each([0.75, 1.33], [3.0, 4.0])},
        lowers=False,
        id="none",
    ),
    Row("SampleDistortedBoundingBox", [SIZE, BOXES], {"seed": 3, "seed2": 4}, lowers=False),
    Row("SampleDistortedBoundingBoxV2", [SIZE, BOXES, COVERED], {"seed": 3, "seed2": 4}, lowers=False),
    Row(
        "SampleDistortedBoundingBoxV2",
        [
            [SIZE, NO_BOXES, COVERED],
            [SIZE[:2], BOXES, COVERED],
            [SIZE, BOXES[0, 0], COVERED],
            [SIZE, BOXES + 1, COVERED],
            [SIZE, BOXES, COVERED - 1],
        ],
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
]
