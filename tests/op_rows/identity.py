"""Cases of ``noria.ops.identity``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import Code
from noria.graph.graph import ShapeAttr
from op_cases import Rand, Row, each

_TEXT = np.array([b"a", b"", b"\xff\x00"], object)
_NAN = np.array([1.0, np.nan, 2.0], np.float32)
_INF = np.array([1.0, -np.inf], np.float32)
_MIXED = np.array([np.nan, np.inf, -np.inf], np.float64)

_NO_SNAPSHOT = "TensorFlow has no kernel of Snapshot for strings"

ROWS: list[Row] = [
    *(
        row
        for op in ("Identity", "StopGradient", "PreventGradient", "Snapshot")
        for row in (
            Row(op, [[Rand((2, 3))], [Rand(())], [Rand((0, 4))]], dtypes=(dtypes.float32, dtypes.int8)),
            Row(op, [_TEXT], lowers=False, id="text", skip_oracle=_NO_SNAPSHOT if op == "Snapshot" else ""),
        )
    ),
    Row("IdentityN", [Rand((2, 3)), np.array(3, np.int64), np.array([True])]),
    Row("IdentityN", [Rand((2, 3)), _TEXT], lowers=False, id="text"),
    *(
        row
        for op in ("CheckNumerics", "CheckNumericsV2")
        for row in (
            Row(
                op,
                [[Rand((2, 3))], [Rand((0, 2))]],
                attrs={"message": b"seen"},
                dtypes=(dtypes.float32, dtypes.float64, dtypes.float16),
                lowers=False,
            ),
            Row(op, [[_NAN], [_INF], [_MIXED]], attrs={"message": b"seen"}, error=Code.INVALID_ARGUMENT, id="refused"),
        )
    ),
    Row("EnsureShape", [Rand((2, 3))], attrs={"shape": each(ShapeAttr((None, 3)), ShapeAttr((2, 3)), ShapeAttr(None))}),
    Row("EnsureShape", [_TEXT], attrs={"shape": ShapeAttr((3,))}, lowers=False, id="text"),
    Row(
        "EnsureShape",
        [Rand((2, 3))],
        attrs={"shape": each(ShapeAttr((2, 4)), ShapeAttr((2,)))},
        error=Code.INVALID_ARGUMENT,
        id="refused",
    ),
    Row("PlaceholderWithDefault", [Rand((2, 3))], attrs={"shape": each(ShapeAttr((None, 3)), ShapeAttr(None))}),
    Row("NoOp", []),
]
