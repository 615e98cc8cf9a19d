"""Cases of ``noria.ops.spatial``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import NUMBERS, Const, Rand, Row, each

_F32 = (dtypes.float32,)
_SOME = (dtypes.float32, dtypes.float16, dtypes.int32, dtypes.uint8)
_ENGINE = (dtypes.float32, dtypes.float16, dtypes.bfloat16, dtypes.int8, dtypes.uint8)
_NCHW_CPU = "TensorFlow has no channels-first kernel on the CPU"


def _i32(value: object) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    return np.array(value, np.int32)


ROWS: list[Row] = [
    Row(
        "SpaceToBatchND",
        [
            [Rand((2, 4, 6, 3)), Const([2, 3]), Const([[0, 0], [0, 0]])],
            [Rand((2, 3, 5, 3)), Const([2, 2]), Const([[0, 1], [2, 1]])],
            [Rand((2, 4)), Const([2]), Const([[1, 1]])],
            [Rand((2, 4, 2, 2, 3)), Const([2, 1, 2]), Const([[0, 0], [1, 0], [0, 0]])],
        ],
        dtypes=_SOME,
        exact=True,
    ),
    Row(
        "SpaceToBatchND",
        [
            [Rand((2, 4, 6, 3)), _i32([2, 3]), _i32([[0, 2], [3, 0]])],
            [Rand((0, 4, 6, 3)), Const([2, 3]), Const([[0, 0], [0, 0]])],
            [Rand((2, 4, 6, 3)), _i32([]), np.zeros((0, 2), np.int32)],
        ],
        dtypes=_F32,
        lowers=False,
        exact=True,
        id="host",
    ),
    Row(
        "SpaceToBatchND",
        [
            [Rand((2, 4, 6, 3)), Const([2, 2]), Const([[0, 0], [0, 1]])],
            [Rand((2, 4, 6, 3)), Const([2, 0]), Const([[0, 0], [0, 0]])],
            [Rand((2, 4, 6, 3)), Const([2, 3]), Const([[0, 0], [-1, 1]])],
            [Rand((2, 4, 6, 3)), Const([2, 3]), Const([[0, 0]])],
            [Rand((2, 4)), Const([1, 1]), Const([[0, 0], [0, 0]])],
        ],
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "BatchToSpaceND",
        [
            [Rand((8, 2, 3, 1)), Const([2, 2]), Const([[0, 0], [0, 0]])],
            [Rand((8, 2, 3, 2)), Const([2, 2]), Const([[0, 1], [2, 0]])],
            [Rand((6, 4)), Const([3]), Const([[1, 1]])],
        ],
        dtypes=_SOME,
        exact=True,
    ),
    Row(
        "BatchToSpaceND",
        [
            [Rand((8, 2, 3, 1)), _i32([2, 2]), _i32([[0, 1], [2, 0]])],
            [Rand((8, 2, 3, 1)), Const([2, 2]), Const([[3, 1], [2, 0]])],
            [Rand((0, 2, 3, 1)), Const([2, 2]), Const([[0, 1], [2, 0]])],
        ],
        dtypes=_F32,
        lowers=False,
        exact=True,
        id="host",
    ),
    Row(
        "BatchToSpaceND",
        [
            [Rand((8, 2, 3, 1)), Const([2, 2]), Const([[3, 2], [2, 0]])],
            [Rand((7, 2, 3, 1)), Const([2, 2]), Const([[0, 1], [2, 0]])],
            [Rand((8, 2, 3, 1)), Const([2, 2]), Const([[-1, 1], [2, 0]])],
        ],
        dtypes=_F32,
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row(
        "SpaceToBatch",
        [[Rand((2, 4, 6, 3)), Const([[0, 0], [0, 0]])], [Rand((1, 3, 6, 1)), Const([[1, 0], [1, 1]])]],
        attrs={"block_size": 2},
        dtypes=_SOME,
        exact=True,
    ),
    Row(
        "BatchToSpace",
        [[Rand((8, 2, 3, 1)), Const([[0, 0], [0, 0]])], [Rand((4, 2, 3, 2)), Const([[1, 0], [1, 1]])]],
        attrs={"block_size": 2},
        dtypes=_SOME,
        exact=True,
    ),
    *(
        row
        for op, shape in (("SpaceToDepth", (2, 4, 6, 3)), ("DepthToSpace", (2, 2, 3, 12)))
        for row in (
            Row(op, [Rand(shape)], attrs={"block_size": 2}, dtypes=_ENGINE, exact=True),
            Row(op, [Rand(shape)], attrs={"block_size": 2}, dtypes=NUMBERS[4:6], lowers=False, exact=True, id="host"),
            Row(op, [Rand((0, *shape[1:]))], attrs={"block_size": 2}, dtypes=_F32, lowers=False, id="empty"),
            Row(
                op,
                [Rand((2, shape[3], *shape[1:3]))],
                attrs={"block_size": 2, "data_format": "NCHW"},
                dtypes=_F32,
                skip_oracle=_NCHW_CPU,
                id="channels-first",
            ),
            Row(
                op,
                [[Rand((2, 5, 6, 3))], [Rand((4, 6, 4))]],
                attrs={"block_size": 2},
                dtypes=_F32,
                error=Code.INVALID_ARGUMENT,
                id="refused",
            ),
        )
    ),
    Row("DepthToSpace", [np.array([[[[b"a", b"b", b"c", b"d"]]]], object)], attrs={"block_size": 2}, lowers=False),
    Row(
        "ExtractImagePatches",
        [[Rand((2, 4, 6, 3))], [Rand((0, 4, 6, 1))]],
        attrs={
            "ksizes": [1, 2, 3, 1],
            "strides": each([1, 1, 1, 1], [1, 2, 2, 1]),
            "rates": each([1, 1, 1, 1], [1, 1, 2, 1]),
            "padding": each("SAME", "VALID"),
        },
        dtypes=(dtypes.float32, dtypes.int32),
        lowers=False,
        exact=True,
    ),
]
