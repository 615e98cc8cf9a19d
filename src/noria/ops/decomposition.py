"""Matrix decompositions and what follows from them: Cholesky, LU, QR, singular and eigenvalues, determinant, inverse.

They run on LAPACK through NumPy. Singular vectors and eigenvectors are determined up to a factor (a sign, for real
numbers), which is LAPACK's choice here and not always TensorFlow's.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria.errors import FailedPreconditionError, InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._matrices import adjoint, check_matrix, check_square, lu, stacked
from noria.ops._numeric import quiet, same_shape, typed, wide
from noria.shapes import Dim, Shape

_CHOLESKY = ("Cholesky", "BatchCholesky")
_INVERSE = ("MatrixInverse", "BatchMatrixInverse")
_DETERMINANT = ("MatrixDeterminant", "BatchMatrixDeterminant")
_SVD = ("Svd", "BatchSvd")


def _batch_of(shape: Shape, trailing: int = 2) -> Shape:
    return None if shape is None or len(shape) < trailing else shape[:-trailing]


# ---- Cholesky ---------------------------------------------------------------------------------------------------


infer(*_CHOLESKY)(same_shape)


@kernel(*_CHOLESKY)
def _cholesky(call: KernelCall, x: Array) -> Array:
    """The lower factor; a matrix that is not positive definite gives NaN in its lower triangle."""
    check_square(x)
    if not x.size:
        return x
    try:
        return typed(np.linalg.cholesky(x), x.dtype)
    except np.linalg.LinAlgError:
        result = np.empty_like(x)
        for out, matrix in zip(stacked(result), stacked(x), strict=True):
            try:
                out[...] = np.linalg.cholesky(matrix)
            except np.linalg.LinAlgError:
                out[...] = np.tril(np.full(out.shape, np.nan, x.dtype))
        return result


# ---- inverse, determinants, LU ----------------------------------------------------------------------------------


infer(*_INVERSE)(same_shape)


@kernel(*_INVERSE)
@quiet
def _inverse(call: KernelCall, x: Array) -> Array:
    check_square(x)
    try:
        found = np.linalg.inv(wide(x))
    except np.linalg.LinAlgError:
        found = np.array(np.nan)
    if not np.isfinite(found).all():
        raise InvalidArgumentError("Input is not invertible.")
    matrices = adjoint(found) if call.flag("adjoint") else found
    return typed(matrices, x.dtype)


@infer(*_DETERMINANT)
def _determinant_infer(call: InferCall) -> Sequence[Shape]:
    return [_batch_of(call.shape(0))]


@kernel(*_DETERMINANT)
@quiet
def _determinant(call: KernelCall, x: Array) -> Array:
    check_square(x)
    return typed(np.linalg.det(wide(x)), x.dtype)


@infer("LogMatrixDeterminant")
def _log_determinant_infer(call: InferCall) -> Sequence[Shape]:
    batch = _batch_of(call.shape(0))
    return [batch, batch]


@kernel("LogMatrixDeterminant")
@quiet
def _log_determinant(call: KernelCall, x: Array) -> tuple[Array, Array]:
    """The sign (for complex numbers: the phase) of the determinant, and the logarithm of its size."""
    check_square(x)
    sign, logarithm = np.linalg.slogdet(wide(x))
    return typed(sign, x.dtype), typed(logarithm, x.dtype)


@infer("Lu")
def _lu_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [shape, None if shape is None else shape[:-1]]


@kernel("Lu")
@quiet
def _lu(call: KernelCall, x: Array) -> tuple[Array, Array]:
    check_square(x)
    factors, order = lu(x)
    if not np.diagonal(factors, axis1=-2, axis2=-1).all():
        raise InvalidArgumentError("Input is not invertible.")
    return factors, order.astype(call.node.output_dtypes[1].numpy)


# ---- QR and singular values -------------------------------------------------------------------------------------


def _least(a: Dim, b: Dim) -> Dim:
    return None if a is None or b is None else min(a, b)


@infer("Qr")
def _qr_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    if shape is None or len(shape) < 2:
        return [None, None]
    *batch, rows, columns = shape
    inner = rows if call.flag("full_matrices") else _least(rows, columns)
    return [(*batch, rows, inner), (*batch, inner, columns)]


@kernel("Qr")
def _qr(call: KernelCall, x: Array) -> tuple[Array, Array]:
    check_matrix(x)
    full = call.flag("full_matrices")
    rows, columns = x.shape[-2:]
    inner = rows if full else min(rows, columns)
    if not x.size:
        q = np.zeros((*x.shape[:-2], rows, inner), x.dtype)
        q[...] = np.eye(rows, inner, dtype=x.dtype)
        return q, np.zeros((*x.shape[:-2], inner, columns), x.dtype)
    q, r = np.linalg.qr(wide(x), mode="complete" if full else "reduced")
    return typed(q, x.dtype), typed(r, x.dtype)


@infer(*_SVD)
def _svd_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    if shape is None or len(shape) < 2:
        return [None, None, None]
    *batch, rows, columns = shape
    inner = _least(rows, columns)
    if not call.flag("compute_uv"):
        return [(*batch, inner), None, None]
    full = call.flag("full_matrices")
    return [
        (*batch, inner),
        (*batch, rows, rows if full else inner),
        (*batch, columns, columns if full else inner),
    ]


@kernel(*_SVD)
def _svd(call: KernelCall, x: Array) -> tuple[Array, Array, Array]:
    """Singular values, and ``u`` and ``v`` (not transposed): ``x = u @ diag(s) @ v^H``."""
    check_matrix(x)
    full = call.flag("full_matrices")
    if not call.flag("compute_uv"):
        values = np.linalg.svd(wide(x), compute_uv=False)
        nothing = np.zeros((), x.dtype)
        return typed(values, x.dtype), nothing, nothing
    u, values, v = np.linalg.svd(wide(x), full_matrices=full)
    return typed(values, x.dtype), typed(u, x.dtype), typed(adjoint(v), x.dtype)


# ---- eigenvalues ------------------------------------------------------------------------------------------------


@infer("SelfAdjointEigV2", "Eig")
def _eigen_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    if shape is None or len(shape) < 2:
        return [None, None]
    return [shape[:-1], shape if call.flag("compute_v") else None]


@kernel("SelfAdjointEigV2")
def _self_adjoint_eigen(call: KernelCall, x: Array) -> tuple[Array, Array]:
    """Eigenvalues in rising order and eigenvectors in columns; only the lower triangle of ``x`` is read."""
    check_square(x)
    if not call.flag("compute_v"):
        return typed(np.linalg.eigvalsh(wide(x)), x.dtype), np.zeros((), x.dtype)
    values, vectors = np.linalg.eigh(wide(x))
    return typed(values, x.dtype), typed(vectors, x.dtype)


@kernel("Eig")
def _eigen(call: KernelCall, x: Array) -> tuple[Array, Array]:
    """Eigenvalues, in the order in which LAPACK finds them, and eigenvectors in columns."""
    check_square(x)
    dtype = call.dtype("Tout").numpy
    try:
        if not call.flag("compute_v"):
            return typed(np.linalg.eigvals(x), dtype), np.zeros((), dtype)
        values, vectors = np.linalg.eig(x)
    except np.linalg.LinAlgError as error:
        raise InvalidArgumentError(f"Eigen decomposition was not successful: {error}") from None
    return typed(values, dtype), typed(vectors, dtype)


# ---- cross product ----------------------------------------------------------------------------------------------


infer("Cross")(same_shape)


@kernel("Cross")
@quiet
def _cross(call: KernelCall, a: Array, b: Array) -> Array:
    if a.shape != b.shape:
        raise InvalidArgumentError(
            f"Both inputs must be of same shape: {shape_text(a.shape)} vs. {shape_text(b.shape)}"
        )
    if a.ndim < 1:
        raise InvalidArgumentError(f"Input must be at least 1D, got shape {shape_text(a.shape)}")
    if a.shape[-1] != 3:
        raise FailedPreconditionError("Cross-products are only defined for 3-element vectors.")
    a0, a1, a2 = np.moveaxis(wide(a), -1, 0)
    b0, b1, b2 = np.moveaxis(wide(b), -1, 0)
    return typed(np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1), a.dtype)
