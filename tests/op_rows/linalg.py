"""Cases of matrix products and bands."""

from __future__ import annotations

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row

_FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16)
_ENGINE = (*_FLOATS, dtypes.int32, dtypes.int64)


_SIZES = [
    (((2, 3), (3, 4)), (False, False)),
    (((3, 2), (3, 4)), (True, False)),
    (((2, 3), (4, 3)), (False, True)),
    (((3, 2), (4, 3)), (True, True)),
    (((2, 0), (0, 4)), (False, False)),
    (((0, 3), (3, 4)), (False, False)),
    (((0, 3), (4, 3)), (False, True)),
    (((2, 3), (3, 0)), (False, False)),
]
_WEIGHT = [[0.5, -1.0], [2.0, 0.25], [1.5, -0.75]]

ROWS: list[Row] = [
    *[
        Row(
            "MatMul",
            [Rand(pair[0]), Rand(pair[1])],
            attrs={"transpose_a": a, "transpose_b": b},
            dtypes=_ENGINE,
            id=f"{pair}",
        )
        for pair, (a, b) in _SIZES
    ],
    *[
        Row(
            "MatMul",
            [Rand(pair[0]), Rand(pair[1])],
            attrs={"transpose_a": a, "transpose_b": b},
            lowers=False,
            dtypes=(dtypes.bfloat16, dtypes.complex64),
            id=f"{pair} host",
        )
        for pair, (a, b) in _SIZES[:4]
    ],
    Row(
        "MatMul",
        [[Rand((4, 3)), Const(_WEIGHT, dtypes.float32)], [Rand((0, 3)), Const(_WEIGHT, dtypes.float32)]],
        dtypes=(dtypes.float32,),
        id="weight",
    ),
    Row(
        "MatMul",
        [Rand((4, 2)), Const(_WEIGHT, dtypes.float32)],
        attrs={"transpose_b": True},
        dtypes=(dtypes.float32,),
        id="turned weight",
    ),
    Row(
        "MatMul",
        [Rand((4, 2), dtype=dtypes.float16), Const(_WEIGHT, dtypes.float16)],
        attrs={"transpose_b": True},
        id="half weight",
    ),
    Row("MatMul", [Rand((2, 4)), Rand((3, 3))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="mismatch"),
    Row("MatMul", [Rand((2,)), Rand((2, 3))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="rank"),
    *[
        Row(
            op,
            [
                [Rand((2, 3, 2, 3)), Rand((2, 3, 3, 4))],
                [Rand((2, 3)), Rand((3, 4))],
                [Rand((0, 2, 3)), Rand((0, 3, 4))],
                [Rand((2, 2, 0)), Rand((2, 0, 4))],
            ],
            dtypes=_ENGINE,
        )
        for op in ("BatchMatMul", "BatchMatMulV2")
    ],
    *[
        Row(op, [Rand((2, 3, 2)), Rand((2, 4, 3))], attrs={"adj_x": True, "adj_y": True}, dtypes=_ENGINE, id="adjoint")
        for op in ("BatchMatMul", "BatchMatMulV2")
    ],
    Row("BatchMatMulV2", [Rand((2, 3, 2)), Rand((2, 3, 2))], attrs={"adj_y": True}, dtypes=_ENGINE, id="adjoint y"),
    Row(
        "BatchMatMulV2",
        [Rand((2, 3, 2)), Rand((2, 4, 3))],
        attrs={"adj_x": True, "adj_y": True},
        dtypes=(dtypes.bfloat16, dtypes.complex64),
        lowers=False,
        id="host",
    ),
    Row(
        "BatchMatMulV2",
        [[Rand((3, 1, 2, 3)), Rand((2, 3, 4))], [Rand((2, 3)), Rand((5, 3, 4))], [Rand((5, 2, 3)), Rand((3, 4))]],
        dtypes=_ENGINE,
        id="broadcast",
    ),
    Row("BatchMatMulV2", [Rand((5, 2, 3)), Const(_WEIGHT, dtypes.float32)], dtypes=(dtypes.float32,), id="weight"),
    Row(
        "BatchMatMulV3",
        [[Rand((2, 2, 3)), Rand((2, 3, 4))], [Rand((2, 3)), Rand((5, 3, 4))]],
        attrs={"Tout": dtypes.float32},
        dtypes=(dtypes.float32,),
        type_attr="Ta",
    ),
    Row(
        "BatchMatMulV3",
        [Rand((2, 2, 3), -100, 100), Rand((2, 3, 4), -100, 100)],
        attrs={"Tout": dtypes.int32},
        dtypes=(dtypes.int8, dtypes.uint8),
        type_attr="Ta",
        id="int8",
    ),
    *[
        Row(op, [Rand(a), Rand(b)], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id=f"{a}{b}")
        for op, a, b in (
            ("BatchMatMul", (1, 2, 2), (2, 2, 3)),
            ("BatchMatMulV2", (1, 2, 2), (2, 3, 3)),
            ("BatchMatMulV2", (3, 2, 2), (2, 2, 3)),
            ("BatchMatMulV2", (2,), (2, 3)),
        )
    ],
    *[
        Row(
            "MatrixBandPart",
            [
                [Rand((2, 3, 4)), Const(low), Const(high)],
                [Rand((3, 2)), Const(low), Const(high)],
                [Rand((0, 3, 2)), Const(low), Const(high)],
            ],
            dtypes=(*_ENGINE, dtypes.bool_, dtypes.int8),
            id=f"{low},{high}",
        )
        for low, high in ((-1, 0), (0, -1), (0, 0), (1, 1), (-1, -1), (2, 2))
    ],
    Row("MatrixBandPart", [Rand((2, 3)), Const(1), Const(0)], dtypes=(dtypes.bfloat16, dtypes.complex64), lowers=False),
    Row(
        "MatrixBandPart",
        [Rand((2, 3)), Const(3), Const(0)],
        dtypes=(dtypes.float32,),
        error=Code.INVALID_ARGUMENT,
        id="too many",
    ),
    Row(
        "MatrixBandPart",
        [Rand((3,)), Const(0), Const(0)],
        dtypes=(dtypes.float32,),
        error=Code.INVALID_ARGUMENT,
        id="vector",
    ),
]
