"""Cases of ``noria.ops.strided_slice``."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.errors import Code
from op_cases import Const, Row

_X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
_V = np.array([7, 8, 9, 10], np.int32)
_TEXT = np.array([[b"a", b"b"], [b"c", b"d"]], object)
_BIG = 2**40
_MASKS = {"no_begin": "begin_mask", "no_end": "end_mask", "new": "new_axis_mask", "shrink": "shrink_axis_mask"}


def _row(name: str, x: Any, begin: list[int], end: list[int], strides: list[int], **masks: int) -> list[Row]:
    """The slice with constant bounds, and with bounds that are fed."""
    attrs = {_MASKS.get(k, f"{k}_mask"): v for k, v in masks.items()}
    dtype = np.int64 if any(abs(v) > 2**31 - 1 for v in (*begin, *end)) else np.int32
    b, e, s = (np.array(v, dtype) for v in (begin, end, strides))
    host = x.dtype == object
    kind = dtypes.from_numpy(np.dtype(dtype))
    return [
        Row("StridedSlice", [x, Const(b, kind), Const(e, kind), Const(s, kind)], attrs, lowers=not host, id=name),
        Row("StridedSlice", [x, b, e, Const(s, kind)], attrs, lowers=not host, id=name + "-fed"),
    ]


def _refused(name: str, x: Any, begin: list[int], end: list[int], strides: list[int], **masks: int) -> list[Row]:
    rows = _row(name, x, begin, end, strides, **masks)
    return [Row(r.op, r.args, r.attrs, error=Code.INVALID_ARGUMENT, id=r.id) for r in rows]


ROWS: list[Row] = [
    *_row("range", _X, [0, 1, 1], [1, 3, 3], [1, 1, 1]),
    *_row("lead", _X, [1], [2], [1]),
    *_row("steps", _X, [0, 2, 3], [2, 0, 0], [1, -1, -2]),
    *_row("negative", _X, [-1, -2], [5, -1], [1, 1]),
    *_row("clamped", _X, [5, -9], [-9, 9], [-1, 1]),
    *_row("far", _X, [_BIG], [-_BIG], [-1]),
    *_row("none", _X, [1], [1], [1]),
    *_row("backwards", _X, [2], [0], [1]),
    *_row("begin-mask", _X, [1, 1], [2, 2], [1, 1], no_begin=1),
    *_row("end-mask", _X, [1, 1], [1, 2], [1, 1], no_end=1),
    *_row("reverse", _X, [0, 0], [0, 0], [-1, 1], no_begin=3, no_end=3),
    *_row("reverse-to", _X, [0, 0], [0, 2], [-1, -1], no_begin=3, no_end=1),
    *_row("index", _X, [1], [2], [1], shrink=1),
    *_row("index-last", _X, [0, 0, -1], [0, 0, 0], [1, 1, 1], no_begin=3, no_end=3, shrink=4),
    *_row("indices", _X, [1, 0, -4], [2, 1, -3], [1, 1, 1], shrink=7),
    *_row("index-ranges", _X, [0, 1, 1], [1, 2, 3], [1, 1, 1], shrink=2),
    *_row("index-stride", _X, [1], [0], [2], shrink=1),
    *_row("index-masked", _X, [1], [0], [1], shrink=1, no_begin=1, no_end=1),
    *_row("new", _X, [0, 0], [0, 2], [1, 1], new=1),
    *_row("new-index", _X, [0, 1], [0, 2], [1, 1], new=1, shrink=3),
    *_row("ellipsis", _X, [0, 1], [0, 3], [1, 1], ellipsis=1),
    *_row("ellipsis-middle", _X, [1, 0, 0, 2], [2, 0, 0, 4], [1, 1, 1, 1], ellipsis=2, new=4, shrink=1),
    *_row("ellipsis-wins", _X, [1], [0], [1], ellipsis=1, shrink=1, new=1),
    *_row("ellipsis-empty", _X, [0, 0, 1, 1], [1, 0, 2, 2], [1, 1, 1, 1], ellipsis=2),
    *_row("vector", _V, [1], [3], [1]),
    *_row("element", _V, [-1], [0], [1], shrink=1),
    *_row("empty", np.zeros((0, 3), np.float32), [0, 1], [2, 2], [1, 1]),
    *_row("scalar", np.array(3, np.int64), [], [], []),
    *_row("scalar-new", np.array(3, np.int64), [0], [0], [1], new=1),
    *_row("text", _TEXT, [0, 1], [2, 2], [1, 1], shrink=2),
    *_row("text-element", _TEXT, [0, 1], [2, 2], [1, 1], shrink=3),
    Row(
        "StridedSlice",
        [_X, np.array([0], np.int32), np.array([2], np.int32), np.array([1], np.int32)],
        lowers=False,
        id="all-fed",
    ),
    *_refused("index-over", _X, [2], [3], [1], shrink=1),
    *_refused("index-under", _X, [0, -4], [1, -3], [1, 1], shrink=2),
    *_refused("stride-zero", _X, [0], [1], [0]),
    *_refused("index-back", _X, [1], [0], [-1], shrink=1),
    *_refused("too-many", _V, [0, 0], [1, 1], [1, 1]),
    *_refused("two-ellipses", _X, [0, 0], [1, 1], [1, 1], ellipsis=3),
    Row(
        "StridedSlice",
        [_X, Const([0, 0]), Const([1]), Const([1])],
        error=Code.INVALID_ARGUMENT,
        id="lengths",
    ),
]
