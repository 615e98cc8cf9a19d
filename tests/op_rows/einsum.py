"""Cases of Einstein sums."""

from __future__ import annotations

from noria import dtypes
from noria.errors import Code
from op_cases import Rand, Row

_ENGINE = (dtypes.float32, dtypes.float64, dtypes.int32)
# TensorFlow rounds every partial sum of a half-precision Einsum; here they add up in float32 and round once.
_HALF_ATOL = 0.05
_TWO: list[tuple[str, tuple[int, ...], tuple[int, ...]]] = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk->ki", (2, 3), (3, 4)),
    ("abc,cde->abde", (2, 3, 4), (4, 2, 3)),
    ("abcd,cde->abe", (2, 3, 2, 2), (2, 2, 5)),
    ("aecd,abcd->acbe", (2, 3, 2, 4), (2, 5, 2, 4)),
    ("acbe,aecd->abcd", (2, 2, 5, 3), (2, 3, 2, 4)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 2)),
    ("ab,cb->ac", (2, 3), (4, 3)),
    ("ab,ab->ab", (2, 3), (2, 3)),
    ("ab,ab->a", (2, 3), (2, 3)),
    ("ab,ab->", (2, 3), (2, 3)),
    ("a,b->ab", (2,), (3,)),
    ("a,b->ba", (2,), (3,)),
    ("ab,bc->c", (2, 3), (3, 4)),
    ("abc,dc->bad", (2, 3, 4), (5, 4)),
    ("abcd,aecf->befd", (2, 3, 2, 2), (2, 2, 2, 3)),
    ("ab,->ab", (2, 3), ()),
    ("...ij,jk->...ik", (2, 3, 2, 4), (4, 5)),
    ("...ij,...jk->...ik", (2, 3, 4), (2, 4, 5)),
    ("...x,xy->...y", (2, 3, 4), (4, 5)),
    ("ij,jk->ik", (0, 3), (3, 4)),
    ("ij,jk->ik", (2, 0), (0, 4)),
    ("abc,cde->abde", (0, 3, 4), (4, 2, 3)),
    ("abcd,cde->abe", (0, 3, 2, 2), (2, 2, 5)),
    ("Ab,bC->AC", (2, 3), (3, 4)),
]
_ONE: list[tuple[str, tuple[int, ...]]] = [
    ("ij->ji", (2, 3)),
    ("ij->i", (2, 3)),
    ("ij->", (2, 3)),
    ("ij->ij", (2, 3)),
    ("...ij->...ji", (2, 3, 4)),
    ("abc->ca", (2, 3, 4)),
    ("i->i", (0,)),
]
_HOST: list[tuple[str, list[tuple[int, ...]]]] = [
    ("ii->i", [(3, 3)]),
    ("ii->", [(3, 3)]),
    ("i->ii", [(3,)]),
    ("ij->iji", [(2, 3)]),
    ("...ij,...jk->...ik", [(2, 2, 3), (1, 3, 4)]),
    ("...ij,...jk->...ik", [(2, 3), (5, 3, 4)]),
    ("iij,jk->ik", [(2, 2, 3), (3, 4)]),
]
_WRONG: list[tuple[str, list[tuple[int, ...]]]] = [
    ("ij,jk", [(2, 3), (3, 2)]),
    ("ij,jk->ik", [(2, 3), (4, 2)]),
    ("ij,jk->ik", [(2, 1), (4, 2)]),
    ("...j->j", [(2, 3)]),
    ("ijk->i", [(2, 3)]),
]

ROWS: list[Row] = [
    *[
        Row("Einsum", [Rand(a), Rand(b)], attrs={"equation": equation.encode()}, dtypes=_ENGINE, id=f"{equation} {a}")
        for equation, a, b in _TWO
    ],
    *[
        Row(
            "Einsum",
            [Rand(a), Rand(b)],
            attrs={"equation": equation.encode()},
            dtypes=(dtypes.float16, dtypes.bfloat16),
            atol=_HALF_ATOL,
            id=f"{equation} {a} half",
        )
        for equation, a, b in _TWO
    ],
    *[
        Row("Einsum", [Rand(a)], attrs={"equation": equation.encode()}, dtypes=_ENGINE, id=f"{equation} {a}")
        for equation, a in _ONE
    ],
    *[
        Row(
            "Einsum",
            [Rand(s) for s in given],
            attrs={"equation": equation.encode()},
            dtypes=(dtypes.float32,),
            lowers=False,
            id=f"{equation} {given[0]}",
        )
        for equation, given in _HOST
    ],
    *[
        Row(
            "Einsum",
            [Rand(a), Rand(b)],
            attrs={"equation": equation.encode()},
            lowers=False,
            dtypes=(dtypes.complex64,),
            id=f"{equation} host",
        )
        for equation, a, b in _TWO[:6]
    ],
    *[
        Row(
            "Einsum",
            [Rand(s) for s in given],
            attrs={"equation": equation.encode()},
            dtypes=(dtypes.float32,),
            lowers=False,
            error=Code.INVALID_ARGUMENT,
            id=f"{equation} {given}",
        )
        for equation, given in _WRONG
    ],
]
