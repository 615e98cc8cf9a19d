"""Cases of reductions, positions of extrema, running sums and products."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Rand, Row, each

_NAN = float("nan")
_INF = float("inf")
_FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16)
_INTS = (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8)
_AXES: tuple[Any, ...] = (0, -1, [0, 2], [], [0, 1, 2], [1, -3])
_FEW_AXES: tuple[Any, ...] = (0, -1, [])
_NANS = np.array([[1, _NAN, 3], [_NAN, 1, 2], [1, 2, _NAN], [_INF, 1, -_INF]], np.float32)


def _axes(axes: Any) -> Const:
    return Const(np.asarray(axes, np.int32))


def _all_axes(low: float = -3.0, high: float = 3.0) -> list[list[Any]]:
    return [[Rand((2, 3, 4), low, high), _axes(a)] for a in _AXES] + [
        [Rand((), low, high), _axes([])],
        [Rand((0, 3)), _axes([1])],
        [Rand((2, 0)), _axes([0])],
    ]


_NOTHING = [[Rand((2, 0)), _axes([1])], [Rand((0,)), _axes([0])]]


def _errors(op: str, dtype: Any) -> list[Row]:
    return [
        Row(op, [Rand((2, 2)), _axes(axes)], dtypes=(dtype,), error=Code.INVALID_ARGUMENT, id=str(axes))
        for axes in ([2], [-3], [0, 0], [0, -2])
    ]


def _rows(op: str, *, ints: tuple[Any, ...] = _INTS, low: float = -3.0) -> list[Row]:
    keep = {"keep_dims": each(False, True)}
    return [
        Row(op, _all_axes(low), attrs=keep, dtypes=_FLOATS),
        *([Row(op, _all_axes(), attrs=keep, dtypes=ints, id="int")] if ints else []),
        Row(op, _all_axes(low)[:3], attrs=keep, dtypes=(dtypes.bfloat16,), lowers=False, id="bfloat16"),
        Row(op, _NOTHING, attrs=keep, dtypes=_FLOATS, id="nothing"),
        Row(op, [Rand((2, 3)), np.array([1], np.int32)], dtypes=(dtypes.float32,), lowers=False, id="fed axes"),
        Row(op, [Rand((2, 3)), Const([[0, 1]], dtypes.int64)], dtypes=(dtypes.float32,), id="axes of rank 2"),
        *_errors(op, dtypes.float32),
    ]


ROWS: list[Row] = [
    *_rows("Sum"),
    Row("Sum", [np.array([2**31 - 1, 2**31 - 1], np.int32), _axes(0)], id="overflow"),
    Row("Sum", [np.array([2**62, 2**62 + 1, -3], np.int64), _axes(0)], id="large"),
    Row("Sum", [np.array([100, 100], np.int8), _axes(0)], id="int8 overflow"),
    Row("Sum", _all_axes()[:3], dtypes=(dtypes.complex64,), lowers=False),
    Row("Sum", _NOTHING, dtypes=_INTS, id="no integers"),
    *_rows("Prod", ints=()),
    Row(
        "Prod",
        [[Rand((2, 3, 4)), _axes(a)] for a in _FEW_AXES] + [[Rand((3,), 1, 5), _axes(0)], [Rand((0, 2)), _axes(1)]],
        attrs={"keep_dims": each(False, True)},
        dtypes=_INTS,
        id="int",
    ),
    Row("Prod", _all_axes(), dtypes=_INTS, lowers=False, id="many ints"),
    Row("Prod", [np.array([2**31 - 1, 2**31 - 1], np.int32), _axes(0)], id="overflow"),
    Row("Prod", [np.array([3**20, 3**20, -7], np.int64), _axes(0)], id="large"),
    Row("Prod", _NOTHING, dtypes=_INTS, lowers=False, id="no integers"),
    *_rows("Mean"),
    Row("Mean", [np.array([[-3, -4, 0], [100, 100, 99]], np.int8), _axes(1)], id="truncates"),
    Row("Mean", [np.array([2**31 - 1, 2**31 - 1, -7], np.int32), _axes(0)], id="wide sum"),
    Row("Mean", _NOTHING, dtypes=(dtypes.int32,), lowers=False, id="no integers"),
    *_rows("Max"),
    *_rows("Min"),
    *[
        Row(op, [[_NANS, _axes(0)], [_NANS, _axes(1)], [_NANS.astype(np.float64), _axes(1)]], id="nan")
        for op in ("Max", "Min", "Sum")
    ],
    *[Row(op, _NOTHING, dtypes=(dtypes.int32, dtypes.int64, dtypes.int8), id="no integers") for op in ("Max", "Min")],
    *[
        Row(
            op,
            [[Rand((2, 3, 2), dtype=dtypes.bool_), _axes(a)] for a in _AXES]
            + [[Rand((2, 0), dtype=dtypes.bool_), _axes(1)], [Rand((0, 2), dtype=dtypes.bool_), _axes(1)]],
            attrs={"keep_dims": each(False, True)},
        )
        for op in ("All", "Any")
    ],
    Row(
        "EuclideanNorm",
        _all_axes() + _NOTHING,
        attrs={"keep_dims": each(False, True)},
        dtypes=(dtypes.float32, dtypes.float64),
    ),
    Row(
        "EuclideanNorm",
        [
            [np.array([3, 5], np.int32), _axes(0)],
            [np.array([100, 100], np.int8), _axes(0)],
            [np.array([3 + 4j, 1j], np.complex64), _axes(0)],
            [np.array([300, 300], np.float16), _axes(0)],
        ],
        lowers=False,
        id="host",
    ),
    Row("L2Loss", [[Rand((2, 3))], [Rand(())], [Rand((0,))]], dtypes=_FLOATS),
    *[
        Row(
            op,
            [[Rand((2, 3, 4)), _axes(a)] for a in (0, 1, -1)] + [[Rand((0, 3)), _axes(1)]],
            attrs={"output_type": each(dtypes.int64, dtypes.int32)},
            dtypes=(*_FLOATS, *_INTS),
        )
        for op in ("ArgMax", "ArgMin")
    ],
    *[
        Row(
            op,
            [
                [np.array([2, 3, 3, 2], np.float32), _axes(0)],
                [_NANS, _axes(1)],
                [_NANS, _axes(0)],
                [np.full((2, 3), _NAN, np.float32), _axes(1)],
                [np.array([False, True, True]), _axes(0)],
            ],
            id="ties",
        )
        for op in ("ArgMax", "ArgMin")
    ],
    Row("ArgMax", [np.array([1, 7, 7], np.int16), _axes(0)], attrs={"output_type": each(dtypes.int16, dtypes.uint16)}),
    Row("ArgMax", [Rand((2, 3)), np.array(1, np.int32)], dtypes=(dtypes.float32,), lowers=False, id="fed axis"),
    *[
        Row(
            "ArgMax",
            [Rand(shape), _axes(axis)],
            dtypes=(dtypes.float32,),
            error=Code.INVALID_ARGUMENT,
            id=f"{shape}{axis}",
        )
        for shape, axis in (((2, 0), 1), ((), 0), ((1,), 1), ((1,), -2))
    ],
    *[
        Row(
            op,
            [
                [Rand((2, 3)), _axes(0)],
                [Rand((2, 3)), _axes(-1)],
                [Rand((3,)), Const(0, dtypes.int64)],
                [Rand((0, 3)), _axes(0)],
                [Rand((2, 0)), _axes(1)],
            ],
            attrs={"exclusive": each(False, True), "reverse": each(False, True)},
            dtypes=chosen,
            lowers=lowers,
        )
        for op, chosen, lowers in (
            ("Cumsum", (dtypes.float32, dtypes.float64, *_INTS), True),
            ("Cumsum", (dtypes.float16, dtypes.bfloat16, dtypes.complex64), False),
            ("Cumprod", (*_FLOATS, *_INTS), False),
        )
    ],
    Row("Cumsum", [np.array([100, 100, 100], np.int8), _axes(0)], id="overflow"),
    Row("Cumsum", [np.array([1, _INF, 2, -_INF, 1], np.float32), _axes(0)], id="infinite"),
    *[
        Row(
            "Cumsum",
            [Rand(shape), _axes(axis)],
            dtypes=(dtypes.float32,),
            error=Code.INVALID_ARGUMENT,
            id=f"{shape}{axis}",
        )
        for shape, axis in (((3,), 1), ((), 0), ((3,), [0]))
    ],
]
