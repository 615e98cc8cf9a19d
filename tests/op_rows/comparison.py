"""Cases of comparison and choice."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Rand, Row, each

_NAN = float("nan")
_ENGINE = (
    dtypes.float32,
    dtypes.float64,
    dtypes.float16,
    dtypes.int32,
    dtypes.int64,
    dtypes.int8,
    dtypes.uint8,
    dtypes.int16,
)
_PAIRS = [
    [Rand((2, 3), -2, 2), Rand((2, 3), -2, 2)],
    [Rand((2, 3), -2, 2), Rand((3,), -2, 2)],
    [Rand((2, 1), -2, 2), Rand((3,), -2, 2)],
    [Rand(()), Rand((2,))],
    [Rand((0, 3)), Rand((3,))],
]
_STRINGS = [np.array([b"a", b"b", b""], object), np.array([b"a", b"\xff", b""], object)]
_X = np.array([_NAN, 1, 2, -0.0], np.float32)
_Y = np.array([_NAN, 1, 3, 0.0], np.float32)
_BOOL = Rand((2, 3), dtype=dtypes.bool_)


def _choices(condition: tuple[int, ...], x: tuple[int, ...], y: tuple[int, ...]) -> list[Rand]:
    return [Rand(condition, dtype=dtypes.bool_), Rand(x), Rand(y)]


ROWS: list[Row] = [
    *[Row(op, _PAIRS, dtypes=_ENGINE) for op in ("Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual")],
    *[Row(op, [_X, _Y], id="nan") for op in ("Less", "LessEqual", "Greater", "GreaterEqual", "Equal", "NotEqual")],
    *[Row(op, _PAIRS[:2], dtypes=(dtypes.bfloat16,), lowers=False) for op in ("Less", "GreaterEqual", "Equal")],
    *[Row(op, _PAIRS[:2], dtypes=(dtypes.bool_,), id="bool") for op in ("Equal", "NotEqual")],
    *[Row(op, _PAIRS[:2], dtypes=(dtypes.complex64,), lowers=False) for op in ("Equal", "NotEqual")],
    *[
        Row(
            op,
            [_STRINGS, [_STRINGS[0], np.array(b"b", object)], [np.array(b"b", object)] * 2],
            lowers=False,
            id="string",
        )
        for op in ("Equal", "NotEqual")
    ],
    *[
        Row(op, [Rand((2,)), Rand((3,))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="mismatch")
        for op in ("Less", "Equal", "NotEqual")
    ],
    *[
        Row(
            op,
            [Rand((2, 3)), Rand((3,))],
            attrs={"incompatible_shape_error": False},
            dtypes=(dtypes.float32,),
            id="lenient",
        )
        for op in ("Equal", "NotEqual")
    ],
    *[
        Row(op, [[_BOOL, _BOOL], [_BOOL, Rand((), dtype=dtypes.bool_)], [Rand((0,), dtype=dtypes.bool_)] * 2])
        for op in ("LogicalAnd", "LogicalOr")
    ],
    Row(
        "ApproximateEqual",
        [np.array([1, 1, _NAN, 2], np.float32), np.array([1.000001, 1.1, _NAN, 2.4], np.float32)],
        attrs={"tolerance": each(1e-5, 0.5)},
    ),
    Row(
        "ApproximateEqual", [Rand((2,)), Rand((1,))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="shape"
    ),
    Row(
        "Select",
        [
            _choices((2, 3), (2, 3), (2, 3)),
            _choices((), (2, 3), (2, 3)),
            _choices((2,), (2, 3), (2, 3)),
            _choices((3,), (3,), (3,)),
            _choices((), (), ()),
            _choices((0,), (0, 2), (0, 2)),
        ],
        dtypes=(*_ENGINE, dtypes.bool_),
    ),
    Row("Select", [_choices((2,), (2, 3), (2, 3))], dtypes=(dtypes.bfloat16, dtypes.complex64), lowers=False),
    Row("Select", [[np.array([True, False, True]), *_STRINGS]], lowers=False, id="string"),
    *[
        Row("Select", _choices(*s), dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="mismatch")
        for s in (((1,), (2,), (2,)), ((2,), (2,), (1,)), ((3,), (2, 3), (2, 3)))
    ],
    Row(
        "SelectV2",
        [
            _choices((2, 3), (2, 3), (2, 3)),
            _choices((), (2, 3), (3,)),
            _choices((3,), (2, 3), ()),
            _choices((2, 1), (3,), ()),
            _choices((0, 1), (3,), ()),
            _choices((), (), ()),
        ],
        dtypes=(*_ENGINE, dtypes.bool_),
    ),
    Row("SelectV2", [_choices((2,), (), (2,))], dtypes=(dtypes.bfloat16, dtypes.complex64), lowers=False),
    Row(
        "SelectV2",
        [[np.array([True, False, True]), *_STRINGS], [np.array(True), np.array(b"a", object), np.array(b"", object)]],
        lowers=False,
        id="string",
    ),
    Row(
        "SelectV2",
        [np.array([True, False]), np.array([_NAN, 1], np.float32), np.array([2, _NAN], np.float32)],
        id="nan",
    ),
    Row("SelectV2", _choices((2,), (3,), (3,)), dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="mismatch"),
]
