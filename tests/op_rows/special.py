"""Cases of special functions: points in every range of their formulas, and where they end."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code
from op_cases import Array, Rand, Row

_FLOATS = (dtypes.float32, dtypes.float64)
_HALF = (dtypes.float16,)  # TensorFlow has no bfloat16 of them
_EDGES = (0.0, -0.0, -1.0, -2.0, 1.0, np.inf, -np.inf, np.nan)
_POINTS = (0.3, 0.7, 1.3, 2.6, 5.2, 9.1, 14.3, 24.6, 31.0, 55.0, 1e-5, -0.3, -0.7, -1.3, -2.6, -9.1, -24.6)
_INSIDE = (-1.0, -0.999, -0.8, -0.3, -1e-6, 0.0, 1e-8, 0.2, 0.45, 0.5, 0.55, 0.9, 0.999, 1.0, 1.5, np.nan)
_UNARY = ("Lgamma", "Digamma", "Dawsn", "Expint", "FresnelCos", "FresnelSin", "Spence")
_BESSEL = tuple(
    f"Bessel{name}" for name in ("I0", "I0e", "I1", "I1e", "J0", "J1", "K0", "K0e", "K1", "K1e", "Y0", "Y1")
)
# Functions of float32 that TensorFlow computes in float32 lose digits where they are steep or cancel.
_RTOL = {"float32": 1e-4, "float64": 1e-9}
_ATOL = {"float32": 2e-5, "float64": 1e-11}


def _array(values: object, dtype: DType) -> Array:
    return np.array(values, dtype.numpy)


def _row(op: str, dtype: DType, *args: list[Array]) -> Row:
    return Row(op, list(args), lowers=False, rtol=_RTOL[dtype.name], atol=_ATOL[dtype.name], id=dtype.name)


def _grid(*axes: tuple[float, ...], dtype: DType) -> list[Array]:
    return [_array(v, dtype) for v in np.meshgrid(*axes)]


_A = (-1.0, 0.0, 0.1, 0.5, 1.0, 3.0, 30.0, np.nan)
_X = (-1.0, 0.0, 0.05, 0.5, 0.9, 1.0, 3.0, 9.0, 40.0, np.inf)

ROWS: list[Row] = [
    *(
        _row(op, dtype, [_array((*_EDGES, *_POINTS), dtype)], [_array(0.5, dtype)], [_array([], dtype)])
        for op in (*_UNARY, *_BESSEL)
        for dtype in _FLOATS
    ),
    *(_row(op, dtype, [_array(_INSIDE, dtype)]) for op in ("Erfinv", "Ndtri") for dtype in _FLOATS),
    *(
        Row(op, [[Rand((5,), 0.2, 3)], [Rand(())]], dtypes=_HALF, lowers=False)
        for op in ("Lgamma", "Digamma", "BesselI0e")
    ),
    *(
        _row(op, dtype, _grid(_A, _X, dtype=dtype), [_array(0.5, dtype), _array([0.2, 3.0], dtype)])
        for op in ("Igamma", "Igammac")
        for dtype in _FLOATS
    ),
    *(
        _row(
            "Zeta",
            dtype,
            _grid((0.5, 1.0, 1.3, 2.0, 3.0, 20.0), (-1.5, -1.0, 0.0, 0.1, 1.0, 7.5, 200.0), dtype=dtype),
            [_array([2.0, 4.0], dtype), _array(3.0, dtype)],
        )
        for dtype in _FLOATS
    ),
    *(
        _row("Polygamma", dtype, _grid((-1.0, 0.0, 0.5, 1.0, 2.0, 5.0), (0.1, 1.0, 3.5, 40.0), dtype=dtype))
        for dtype in _FLOATS
    ),
    *(
        _row(
            "Betainc",
            dtype,
            _grid((0.0, 0.1, 1.0, 7.0, 60.0), (0.0, 0.5, 2.0, 30.0), (-0.5, 0.0, 0.01, 0.4, 0.9, 1.0), dtype=dtype),
            [_array(0.5, dtype), _array(2.0, dtype), _array([0.1, 0.9], dtype)],
            [_array(0.5, dtype), _array(2.0, dtype), _array(0.3, dtype)],
        )
        for dtype in _FLOATS
    ),
    Row(
        "Betainc",
        [Rand((2,), 0, 1), Rand((3,), 0, 1), Rand((3,), 0, 1)],
        dtypes=(dtypes.float32,),
        error=Code.INVALID_ARGUMENT,
        id="shapes",
    ),
    Row(
        "Xlog1py",
        [
            [np.array([0, 0, 0, 1, 2, np.nan], np.float32), np.array([-1, np.nan, np.inf, 0, 1, 2], np.float32)],
            [Rand((3, 1)), Rand((2,), 0, 3)],
            [Rand((3, 1), dtype=dtypes.float64), Rand((2,), 0, 3, dtype=dtypes.float64)],
            [Rand((3, 1), dtype=dtypes.complex64), Rand((2,), 0, 3, dtype=dtypes.complex64)],
        ],
        lowers=False,
    ),
    Row("Xlog1py", [Rand((3,)), Rand((2,))], dtypes=(dtypes.float32,), error=Code.INVALID_ARGUMENT, id="shapes"),
    *(
        Row(
            "NextAfter",
            [
                [_array([1, 0, np.nan, np.inf, 0, -1, 2], dtype), _array([2, -1, 0, 0, 0, -np.inf, 2], dtype)],
                [_array([[1], [2]], dtype), _array([2, -1, 0], dtype)],
            ],
            lowers=False,
            exact=True,
            id=dtype.name,
        )
        for dtype in _FLOATS
    ),
]
