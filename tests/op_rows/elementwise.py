"""Cases of the functions of one tensor."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from op_cases import Rand, Row

_INF = float("inf")
_NAN = float("nan")
_FLOATS = (dtypes.float32, dtypes.float64, dtypes.float16)
_SINGLES = (dtypes.float32, dtypes.float16)
_COMPLEX = (dtypes.complex64, dtypes.complex128)
_SIGNED = (dtypes.int32, dtypes.int64, dtypes.int8, dtypes.int16)
_SPECIAL = np.array([_NAN, _INF, -_INF, 0.0, -0.0], np.float32)


def _rows(
    op: str,
    *,
    low: float = -4.0,
    high: float = 4.0,
    double: bool = True,
    complex_too: bool = True,
    special: bool = True,
) -> list[Row]:
    """Random, scalar and empty inputs in ``[low, high)`` for the dtypes that lower, and for those that do not."""
    args = [[Rand((2, 3), low, high)], [Rand((), low, high)], [Rand((0, 3), low, high)]]
    rows = [
        Row(op, args, dtypes=_FLOATS if double else _SINGLES),
        Row(op, args, dtypes=(dtypes.bfloat16,), lowers=False, id="bfloat16"),
    ]
    if not double:
        rows.append(Row(op, args, dtypes=(dtypes.float64,), lowers=False, id="double"))
    if complex_too:
        rows.append(Row(op, args, dtypes=_COMPLEX, lowers=False, id="complex"))
    if special:
        rows.append(Row(op, [_SPECIAL], id="special"))
    return rows


ROWS: list[Row] = [
    *_rows("Neg"),
    Row("Neg", [[Rand((2, 3), -100, 100)], [Rand((0,))]], dtypes=_SIGNED, id="int"),
    *_rows("Abs", complex_too=False),
    Row("Abs", [[Rand((2, 3), -100, 100)], [Rand((0,))]], dtypes=_SIGNED, id="int"),
    Row("Abs", [np.array([-128, 127], np.int8)], id="minimum"),
    *_rows("Sign"),
    Row("Sign", [[Rand((2, 3), -2, 2)], [Rand((0,))]], dtypes=_SIGNED, id="int"),
    Row("Sign", [np.array([_NAN, 0, -2], np.float16)], id="half"),
    *_rows("Ceil", complex_too=False),
    *_rows("Floor", complex_too=False),
    *_rows("Round", complex_too=False),
    Row("Round", [np.array([0.5, 1.5, 2.5, -0.5, -1.5, 2.4999998], np.float32)], exact=True, id="ties"),
    Row("Rint", [np.array([0.5, 1.5, 2.5, -0.5, -1.5, _NAN], np.float32)], exact=True, id="ties"),
    Row("Rint", [Rand((2, 3))], dtypes=(dtypes.float32, dtypes.float64)),
    *_rows("Square"),
    Row("Square", [[Rand((2, 3), -100, 100)], [Rand((0,))]], dtypes=(*_SIGNED, dtypes.uint8), id="int"),
    *_rows("Sqrt", low=0.0),
    *_rows("Rsqrt", low=0.1),
    *_rows("Reciprocal", low=0.1),
    *_rows("Inv", low=0.1),
    *_rows("Exp"),
    *_rows("Expm1"),
    Row("Expm1", [np.array([1e-7, -1e-7, 1e-3, 0.49, 0.51, 80, 90, -200], np.float32)], atol=0.0, id="near zero"),
    *_rows("Log", low=0.1),
    *_rows("Log1p", low=-0.9),
    Row("Log1p", [np.array([1e-8, -1e-7, 1e-3, 1e30, -1, -2, 3e38], np.float32)], atol=0.0, id="near zero"),
    *_rows("Sigmoid"),
    Row("Sigmoid", [np.array([-100, -20, 20, 100], np.float32)], id="far"),
    *_rows("Tanh"),
    *_rows("Erf", double=False, complex_too=False),
    *_rows("Erfc", double=False, complex_too=False),
    Row("Erfc", [np.linspace(-4, 9, 27).astype(np.float32)], atol=0.0, id="tail"),
    Row("Erf", [np.linspace(-4, 4, 17).astype(np.float32)], id="body"),
    *_rows("Sin"),
    *_rows("Cos"),
    *_rows("Tan", low=-1.2, high=1.2, double=False),
    *_rows("Asin", low=-0.9, high=0.9, double=False),
    *_rows("Acos", low=-0.9, high=0.9, double=False),
    *_rows("Atan", double=False),
    *_rows("Sinh", double=False),
    *_rows("Cosh", double=False),
    *_rows("Asinh", double=False),
    *_rows("Acosh", low=1.1, double=False),
    *_rows("Atanh", low=-0.9, high=0.9, double=False),
    *_rows("IsNan", complex_too=False),
    *_rows("IsInf", complex_too=False),
    *_rows("IsFinite", complex_too=False),
    Row("LogicalNot", [[np.array([True, False])], [np.array(True)], [np.zeros((0, 2), np.bool_)]]),
]
