"""Cases of arithmetic on two tensors and more."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code
from op_cases import Const, Rand, Row

_INF = float("inf")
_NAN = float("nan")
_FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16)
_INTS = (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.int16, dtypes.uint16, dtypes.uint32)
_COMPLEX = (dtypes.complex64, dtypes.complex128)


def _shapes(low: float = -4.0, high: float = 4.0, divisor: float | None = None) -> list[list[Rand]]:
    """Equal shapes, broadcast both ways, scalars, empty; the second input in ``[divisor, high)`` where given."""
    second = low if divisor is None else divisor
    pairs = [((2, 3), (2, 3)), ((2, 3), (3,)), ((3,), (2, 1)), ((), (2,)), ((), ()), ((0, 3), (1, 3)), ((2, 0), ())]
    return [[Rand(a, low, high), Rand(b, second, high)] for a, b in pairs]


def _rows(
    op: str, *, ints: bool = False, complex_too: bool = True, low: float = -4.0, divisor: float | None = None
) -> list[Row]:
    args = _shapes(low, divisor=divisor)
    rows = [
        Row(op, args, dtypes=_FLOATS),
        Row(op, args, dtypes=(dtypes.bfloat16,), lowers=False, id="bfloat16"),
        Row(op, [Rand((2,)), Rand((3,))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="mismatch"),
    ]
    if complex_too:
        rows.append(Row(op, args, dtypes=_COMPLEX, lowers=False, id="complex"))
    if ints:
        rows.append(Row(op, _shapes(-100, 100), dtypes=_INTS, id="int"))
    return rows


def _f(*values: float) -> Any:
    return np.array(values, np.float32)


def _i(*values: int, dtype: DType = dtypes.int32) -> Any:
    return np.array(values).astype(dtype.numpy)


_DIVIDENDS = [7, -7, 7, -7, 6, -6, 0, -1]
_SPECIAL_X = _f(5, -5, 5, -5, -4, 4, 0, -0.0, _INF, 1, -1, 1, _NAN, -1)
_SPECIAL_Y = _f(3, 3, -3, -3, 2, -2, -3, 3, 2, _INF, _INF, 0, 1, 0)
_ZERO_X = _f(_NAN, _INF, 1, 0, 2, -0.0)
_ZERO_Y = _f(0, -0.0, 0, _NAN, 3, 5)


def _quotients(op: str, dtypes_of: tuple[DType, ...], *, double_signs: bool = True) -> list[Row]:
    """Integer quotients by constants that lower, by fed divisors and by -1, which the host divides."""
    rows = []
    for dtype in dtypes_of:
        signed = not dtype.name.startswith("uint")
        x = _i(*(_DIVIDENDS if signed else map(abs, _DIVIDENDS)), dtype=dtype)
        limits = np.array([np.iinfo(dtype.numpy).min, np.iinfo(dtype.numpy).max], dtype.numpy)
        divisors = [3, -3] if signed else [3]
        rows += [Row(op, [[x, Const(d, dtype)], [limits, Const(d, dtype)]], id=f"{dtype}{d}") for d in divisors]
        rows.append(Row(op, [[x, _i(3, dtype=dtype)], [x[:2], x[:2]], [x[:0], x[:1]]], lowers=False, id=f"{dtype} fed"))
        if signed:
            rows.append(Row(op, [limits, Const(-1, dtype)], lowers=False, id=f"{dtype} minimum"))
    return rows


ROWS: list[Row] = [
    *_rows("Add"),
    Row("Add", _shapes(-100, 100), dtypes=(dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8), id="int"),
    Row(
        "Add",
        [
            [np.array([b"a", b"\xff\0"], object), np.array(b"x\0", object)],
            [np.array(b"a", object), np.array(b"b", object)],
        ],
        lowers=False,
        id="string",
    ),
    *_rows("AddV2", ints=True),
    *_rows("Sub", ints=True),
    *_rows("Mul", ints=True),
    Row("Mul", [_i(2**31 - 1, -(2**31)), _i(2, -1)], id="overflow"),
    *_rows("RealDiv", divisor=0.5),
    Row("RealDiv", [_SPECIAL_X, _SPECIAL_Y], id="special"),
    *_rows("Maximum", ints=True, complex_too=False),
    *_rows("Minimum", ints=True, complex_too=False),
    Row("Maximum", [_f(_NAN, 1, 2, -_INF), _f(1, _NAN, 3, _INF)], id="nan"),
    Row("Minimum", [_f(_NAN, 1, 2, -_INF), _f(1, _NAN, 3, _INF)], id="nan"),
    *_rows("SquaredDifference"),
    Row("SquaredDifference", _shapes(-100, 100), dtypes=(dtypes.int32, dtypes.int64), id="int"),
    *_rows("Div", divisor=0.5),
    *_quotients("Div", (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8)),
    *_rows("FloorDiv", complex_too=False, divisor=0.5),
    Row("FloorDiv", [_SPECIAL_X, _SPECIAL_Y], exact=True, id="special"),
    Row("FloorDiv", [_f(1, 0.6, 6), _f(0.1, 0.2, 0.1)], exact=True, id="rounded"),
    Row("FloorDiv", [_f(1, 0.6, 6).astype(np.float16), _f(0.1, 0.2, 0.1).astype(np.float16)], exact=True, id="half"),
    *_quotients("FloorDiv", (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.uint32)),
    *_rows("FloorMod", complex_too=False, divisor=0.5),
    Row("FloorMod", [_SPECIAL_X, _SPECIAL_Y], exact=True, id="special"),
    *_quotients("FloorMod", (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8, dtypes.uint32)),
    Row("TruncateDiv", _shapes(divisor=0.5), dtypes=(dtypes.float32, dtypes.float16), lowers=False, id="float"),
    *_quotients("TruncateDiv", (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8)),
    Row("TruncateMod", _shapes(divisor=0.5), dtypes=(dtypes.float32, dtypes.float64)),
    *_quotients("TruncateMod", (dtypes.int32, dtypes.int64)),
    Row("Mod", [_SPECIAL_X, _SPECIAL_Y], id="special"),
    *_quotients("Mod", (dtypes.int32, dtypes.int64)),
    *[
        Row(op, [_i(1, 5), divisor], error=code, lowers=False, id="zero")
        for op, code in {
            "Div": Code.INVALID_ARGUMENT,
            "FloorDiv": Code.INVALID_ARGUMENT,
            "FloorMod": Code.INVALID_ARGUMENT,
            "TruncateDiv": Code.INTERNAL,
            "TruncateMod": Code.INTERNAL,
        }.items()
        for divisor in (_i(1, 0), Const(0))
    ],
    *_rows("DivNoNan"),
    *_rows("MulNoNan"),
    *_rows("Xdivy", divisor=0.5),
    *_rows("Xlogy", divisor=0.5),
    *[Row(op, [_ZERO_X, _ZERO_Y], id="zero") for op in ("DivNoNan", "MulNoNan")],
    *[Row(op, [_ZERO_Y, _ZERO_X], id="zero") for op in ("Xdivy", "Xlogy")],
    *_rows("Pow", low=0.1),
    Row("Pow", [_f(0, -1, -8, _NAN, 1, _INF, 0, -0.0, -2), _f(0, 0.5, 1 / 3, 0, _NAN, -1, -1, -1, 3)], id="special"),
    Row(
        "Pow",
        [
            [Rand((2, 3)), Const(2.0, dtypes.float32)],
            [Rand((2, 3)), Const(1.0, dtypes.float32)],
            [Rand((2, 3), 0.1), Const(0.5, dtypes.float32)],
            [Rand((2, 3)), Const(3.0, dtypes.float32)],
            [Rand((2,)), Const([[2.0]], dtypes.float32)],
        ],
        id="constant",
    ),
    Row("Pow", [_i(3, -2, 2**20), Const(2)], id="int square"),
    Row("Pow", [_i(3, 2, 0, -2, -3), _i(40, 31, 0, 3, 2)], lowers=False, id="int"),
    Row("Pow", [_i(3, 2, 0, -2, dtype=dtypes.int8), _i(40, 7, 0, 3, dtype=dtypes.int8)], lowers=False, id="int8"),
    Row("Pow", [_i(1, 2), _i(1, -1)], error=Code.INVALID_ARGUMENT, lowers=False, id="negative"),
    Row("Atan2", _shapes(), dtypes=(dtypes.float32, dtypes.float64), lowers=False),
    Row("Atan2", [_f(0, -0.0, 0, -0.0, 1, -1), _f(1, 1, -1, -1, 0, 0)], lowers=False, id="axes"),
    *[Row("AddN", [Rand((2, 3))] * n, dtypes=(*_FLOATS, dtypes.int32, dtypes.int8), id=str(n)) for n in (1, 2, 3)],
    Row("AddN", [Rand((0, 3))] * 2, dtypes=(dtypes.float32,), id="empty"),
    Row("AddN", [Rand((2,)), Rand((1,))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="mismatch"),
    Row(
        "AccumulateNV2",
        [Rand((2, 3))] * 3,
        attrs={"shape": None},
        dtypes=(dtypes.float32,),
        skip_oracle="TensorFlow rewrites the op before it runs and has no kernel of it",
    ),
    *[
        Row(op, [[Rand((2, 3), -100, 100), Rand((3,), -100, 100)], [Rand((0,)), Rand(())]], dtypes=_INTS)
        for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor")
    ],
    Row("Invert", [[Rand((2, 3), -100, 100)], [Rand(())], [Rand((0,))]], dtypes=_INTS),
    *[
        Row("LeftShift", [Rand((2, 4), -100, 100), Const([1, 0, 40, 7], dtype)], dtypes=(dtype,), id="constant")
        for dtype in (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.uint8)
    ],
    *[
        Row(op, [[_i(-100, 100, 3, 1, dtype=dtype), _i(2, 40, 1, 100, dtype=dtype)]], lowers=False, id=str(dtype))
        for op in ("LeftShift", "RightShift")
        for dtype in (dtypes.int32, dtypes.int64, dtypes.int8)
    ],
    Row("RightShift", [_i(100, 200, dtype=dtypes.uint8), _i(2, 40, dtype=dtypes.uint8)], lowers=False, id="uint8"),
    Row("LeftShift", [_i(1, -1, 4), _i(-1, -5, -100)], lowers=False, id="negative"),
    *[
        Row("ClipByValue", [Rand((2, 3), -4), Const(0, dtype), Const(2, dtype)], dtypes=(dtype,))
        for dtype in (*_FLOATS, dtypes.int32, dtypes.int64, dtypes.uint8)
    ],
    Row(
        "ClipByValue",
        [[Rand((2, 3)), Rand(()), Rand((2, 3))], [Rand((0, 3)), Rand(()), Rand(())]],
        dtypes=(*_FLOATS, dtypes.int32, dtypes.int8),
        id="fed",
    ),
    *[
        Row("ClipByValue", [_f(_NAN, 1, 5, -5), Const(low, dtypes.float32), Const(high, dtypes.float32)], id=name)
        for name, low, high in (("nan", 0, 2), ("crossed", 2, 0), ("nan low", _NAN, 0), ("nan high", -1, _NAN))
    ],
    Row(
        "ClipByValue",
        [Rand((2, 3)), Rand((3,)), Rand(())],
        dtypes=(dtypes.float32,),
        lowers=False,
        error=Code.INVALID_ARGUMENT,
        id="broadcast",
    ),
]
