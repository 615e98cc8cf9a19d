"""Functions of matrices, by their complex Schur form: MatrixSquareRoot and MatrixLogarithm."""

from __future__ import annotations

import math

import numpy as np

from noria.graph.graph import Array
from noria.graph.rules import KernelCall, infer, kernel
from noria.ops._matrices import check_square, stacked, substitute
from noria.ops._numeric import quiet, same_shape, typed

_STEPS = 60  # shifted QR steps for one eigenvalue; two or three are usual
_NODES = 8  # nodes of the quadrature that is the Padé approximant of the logarithm
_NEAR = 0.25  # norm of T - 1 below which that approximant is exact to rounding


def _rotation(a: complex, b: complex) -> Array:
    """The unitary matrix [2, 2] that takes the vector (a, b) to (r, 0)."""
    length = math.hypot(abs(a), abs(b))
    if length == 0.0:
        return np.eye(2, dtype=np.complex128)
    return np.array([[np.conj(a), np.conj(b)], [-b, a]]) / length


def _hessenberg(a: Array) -> tuple[Array, Array]:
    """``q`` unitary and ``h``, zero below its first subdiagonal, with ``a = q @ h @ q^H``."""
    size = len(a)
    h, q = a.copy(), np.eye(size, dtype=np.complex128)
    for column in range(size - 2):
        v = h[column + 1 :, column].copy()
        length = np.linalg.norm(v)
        if length == 0.0:
            continue
        v[0] += length * (v[0] / abs(v[0]) if v[0] else 1.0)
        v /= np.linalg.norm(v)
        h[column + 1 :] -= 2 * np.outer(v, v.conj() @ h[column + 1 :])
        h[:, column + 1 :] -= 2 * np.outer(h[:, column + 1 :] @ v, v.conj())
        q[:, column + 1 :] -= 2 * np.outer(q[:, column + 1 :] @ v, v.conj())
    return q, h


def _shift(block: Array) -> complex:
    """The eigenvalue of ``block`` [2, 2] that is nearer to its last element (Wilkinson's shift)."""
    half = (block[0, 0] + block[1, 1]) / 2
    root = np.sqrt((block[0, 0] - block[1, 1]) ** 2 / 4 + block[0, 1] * block[1, 0])
    near, far = half + root, half - root
    return complex(near if abs(near - block[1, 1]) <= abs(far - block[1, 1]) else far)


def schur(a: Array) -> tuple[Array, Array]:
    """``q`` unitary and ``t`` upper triangular, complex128 [n, n], with ``a = q @ t @ q^H``.

    Shifted QR steps on the Hessenberg form (Golub and Van Loan, Matrix Computations, 7.5).
    """
    q, t = _hessenberg(a.astype(np.complex128))
    top, steps = len(a) - 1, 0
    while top > 0:
        sizes = np.abs(np.diagonal(t))
        small = np.abs(np.diagonal(t, -1)) <= np.finfo(np.float64).eps * (sizes[1:] + sizes[:-1])
        if small[top - 1] or steps > _STEPS:
            t[top, top - 1] = 0
            top, steps = top - 1, 0
            continue
        start = top - 1
        while start > 0 and not small[start - 1]:
            start -= 1
        steps += 1
        shift = _shift(t[top - 1 : top + 1, top - 1 : top + 1]) if steps % 10 else complex(abs(t[top, top - 1]))
        diagonal = np.arange(start, top + 1)
        t[diagonal, diagonal] -= shift
        turns = []
        for i in range(start, top):
            turn = _rotation(t[i, i], t[i + 1, i])
            t[i : i + 2, i:] = turn @ t[i : i + 2, i:]
            turns.append(turn.conj().T)
        for i, turn in zip(range(start, top), turns, strict=True):
            t[: min(i + 3, top + 1), i : i + 2] = t[: min(i + 3, top + 1), i : i + 2] @ turn
            q[:, i : i + 2] = q[:, i : i + 2] @ turn
        t[diagonal, diagonal] += shift
    return q, np.triu(t)


def _root_of_triangle(t: Array) -> Array:
    """The square root of an upper triangular matrix (Björck and Hammarling, 1983)."""
    size = len(t)
    root = np.zeros_like(t)
    for j in range(size):
        root[j, j] = np.sqrt(t[j, j])
        for i in range(j - 1, -1, -1):
            rest = t[i, j] - root[i, i + 1 : j] @ root[i + 1 : j, j]
            root[i, j] = rest / (root[i, i] + root[j, j]) if rest else 0.0
    return root


def _logarithm_of_triangle(t: Array) -> Array:
    """The logarithm of an upper triangular matrix: roots until it is near 1, then Gauss-Legendre quadrature.

    log(1 + x) is the integral of x / (1 + s x) over s in [0, 1] (Higham, Functions of Matrices, chapter 11).
    """
    if not np.diagonal(t).all():
        return np.full_like(t, np.nan)
    one = np.eye(len(t), dtype=t.dtype)
    roots = 0
    while np.linalg.norm(t - one, 1) > _NEAR and roots < 100:
        t, roots = _root_of_triangle(t), roots + 1
    x = t - one
    places, weights = np.polynomial.legendre.leggauss(_NODES)
    total = np.zeros_like(t)
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        total += weight * substitute(one + place * x, x, lower=False)
    return total * 2.0**roots


infer("MatrixSquareRoot", "MatrixLogarithm")(same_shape)


@kernel("MatrixSquareRoot", "MatrixLogarithm")
@quiet
def _matrix_function(call: KernelCall, x: Array) -> Array:
    """The principal value; NaN where a real matrix has no real one."""
    check_square(x)
    function = _root_of_triangle if call.node.op == "MatrixSquareRoot" else _logarithm_of_triangle
    result = np.empty_like(x)
    for out, matrix in zip(stacked(result), stacked(x), strict=True):
        if not np.isfinite(matrix).all():
            out[...] = np.nan
            continue
        q, t = schur(matrix)
        found = q @ function(t) @ q.conj().T
        if x.dtype.kind != "c":
            if np.abs(found.imag).max(initial=0.0) > 1e-6 * np.abs(found).max(initial=1.0):
                found = np.full_like(found, np.nan)
            found = found.real
        out[...] = typed(found, x.dtype)
    return result
