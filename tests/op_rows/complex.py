"""Cases of complex numbers and Fourier transforms."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code
from op_cases import Const, Rand, Row

_BAD = Code.INVALID_ARGUMENT
_KINDS = ((dtypes.complex64, dtypes.float32), (dtypes.complex128, dtypes.float64))
_SHAPES: tuple[tuple[int, ...], ...] = ((2, 3, 4, 5), (4, 4, 4), (0, 2, 3, 4))


def _length(kind: str, shape: tuple[int, ...], rank: int, less: int) -> Const:
    """The length that goes with the shape of a real input, or of half of a spectrum, ``less`` shorter."""
    sizes = list(shape[-rank:])
    if kind == "IRFFT":
        sizes[-1] = 2 * (sizes[-1] - 1)
    return Const([max(n - less, 1) for n in sizes])


def _real_rows(rank: int, suffix: str, complex_type: DType, real_type: DType) -> list[Row]:
    given = {"RFFT": real_type, "IRFFT": complex_type}
    return [
        Row(
            kind + suffix,
            [[Rand(s, dtype=given[kind]), _length(kind, s, rank, less)] for s in _SHAPES for less in (0, 1)],
            {"Treal": real_type, "Tcomplex": complex_type},
            lowers=False,
            rtol=1e-4 if real_type is dtypes.float32 else 1e-9,
            atol=2e-5 if real_type is dtypes.float32 else 1e-11,
            id=real_type.name,
        )
        for kind in ("RFFT", "IRFFT")
    ]


ROWS: list[Row] = [
    *(
        Row(
            op,
            [[Rand((2, 3), dtype=complex_type)], [Rand((), dtype=complex_type)], [Rand((0,), dtype=complex_type)]],
            {"Tout": real_type},
            lowers=False,
            id=complex_type.name,
        )
        for op in ("Real", "Imag", "Angle", "ComplexAbs")
        for complex_type, real_type in _KINDS
    ),
    Row("ComplexAbs", [np.array([3e30 + 4e30j, np.inf, 0], np.complex64)], lowers=False, id="large"),
    Row("Angle", [np.array([-1, 0, 1j, -1j, np.nan], np.complex64)], lowers=False, id="axes"),
    Row("Conj", [[Rand((2, 3))], [Rand(())]], dtypes=(dtypes.complex64, dtypes.complex128), lowers=False),
    *(
        Row(
            "Complex",
            [
                [Rand(a, dtype=real_type), Rand(b, dtype=real_type)]
                for a, b in (((2, 3), (2, 3)), ((2, 1), (3,)), ((), ()), ((0,), (0,)))
            ],
            {"Tout": complex_type},
            lowers=False,
            id=complex_type.name,
        )
        for complex_type, real_type in _KINDS
    ),
    Row("Complex", [Rand((2,)), Rand((3,))], dtypes=(dtypes.float32,), error=_BAD, id="shapes"),
    *(
        Row(
            kind + suffix,
            [[Rand(s)] for s in _SHAPES],
            dtypes=(dtypes.complex64, dtypes.complex128),
            type_attr="Tcomplex",
            lowers=False,
            rtol=1e-4,
            atol=2e-5,
        )
        for kind in ("FFT", "IFFT")
        for suffix in ("", "2D", "3D")
    ),
    *(
        row
        for rank, suffix in ((1, ""), (2, "2D"), (3, "3D"))
        for complex_type, real_type in _KINDS
        for row in _real_rows(rank, suffix, complex_type, real_type)
    ),
    Row("FFT2D", [Rand((3,))], dtypes=(dtypes.complex64,), type_attr="Tcomplex", error=_BAD, id="vector"),
    Row(
        "RFFT",
        [
            [np.zeros(3, np.float32), Const([5])],
            [np.zeros(3, np.float32), Const([2, 2])],
            [np.zeros((), np.float32), Const([1])],
        ],
        error=_BAD,
        id="refused",
    ),
    Row("IRFFT", [np.zeros(3, np.complex64), Const([8])], error=_BAD, id="short"),
]
