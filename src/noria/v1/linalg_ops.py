"""``tf.linalg``: norms, decompositions, systems of equations."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import absolute, power, real
from noria.v1.array_shapes import rank, shape
from noria.v1.arrays import matrix_diag_part, matrix_transpose, range_, squeeze, transpose
from noria.v1.control_flow import cond
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.eye import eye
from noria.v1.framework import name_scope
from noria.v1.functional_ops import map_fn
from noria.v1.joining import concat
from noria.v1.linear import conj, matmul
from noria.v1.op_functions import export_rows, renamed
from noria.v1.operation import Tensor
from noria.v1.reductions import reduced

_CACHE_BYTES: Final = 256000  # batches larger than this are left to one op


@export("linalg.norm", "norm")
def norm(
    tensor: Any,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: bool | None = None,
    name: str | None = None,
    keep_dims: bool | None = None,
) -> Any:
    """The norm of vectors along ``axis`` (of everything by default), or of matrices in two axes.

    ord: euclidean, 1, 2, inf or any positive number; for matrices fro, euclidean, 1, 2, inf.
    """
    keepdims = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
    axis = _norm_axes(axis, ord)
    of_matrices = axis is not None and len(axis) == 2
    with name_scope(name, "norm", [tensor]):
        tensor = convert(tensor)
        if ord in ("fro", "euclidean", 2, 2.0):
            if of_matrices and ord == 2:
                found = _spectral_norm(tensor, axis)
            else:
                found = apply_op("Sqrt", x=reduced("Sum", tensor * conj(tensor), axis, True))
        else:
            found = _power_norm(absolute(tensor), ord, axis, of_matrices)
        return found if keepdims else squeeze(found, axis)


def _norm_axes(axis: Any, ord: Any) -> Any:
    if isinstance(axis, tuple | list) and len(axis) == 2:
        if not all(isinstance(a, int) for a in axis) or axis[0] == axis[1]:
            raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}")
        if ord not in ("euclidean", "fro", 1, 2, np.inf):
            raise ValueError(f"'ord' must be a supported matrix norm, euclidean, fro, 1, 2 or inf, got {ord}")
        return tuple(axis)
    if not (isinstance(axis, int) or axis is None):
        raise ValueError(f"'axis' must be None, an integer, or a tuple of 2 unique integers, got {axis}")
    if ord != "euclidean" and (isinstance(ord, str) or not np.isreal(ord) or ord <= 0):
        raise ValueError(f"'ord' must be a supported vector norm, got {ord}")
    return None if axis is None else (axis,)


def _power_norm(size: Any, ord: Any, axis: Any, of_matrices: bool) -> Any:
    first = None if axis is None else axis[0]
    if ord == 1:
        found = reduced("Sum", size, first, True)
        return reduced("Max", found, axis[-1], True) if of_matrices else found
    if ord == np.inf:
        found = reduced("Sum", size, axis[1], True) if of_matrices else size
        return reduced("Max", found, first, True)
    return power(reduced("Sum", power(size, ord), axis, True), 1.0 / ord)


def _spectral_norm(tensor: Tensor, axis: Any) -> Any:
    """The greatest singular value of the matrices in two axes."""
    count = rank(tensor)
    positive = map_fn(lambda i: cond(i >= 0, lambda: i, lambda: i + count), convert(axis))
    axes = range_(count)
    others = apply_op("ListDiff", x=axes, y=positive, out_idx="int32")[0]
    before = concat([others, positive], axis=0)

    def place(i: Any) -> Any:
        found = squeeze(apply_op("Where", input=apply_op("Equal", x=before, y=i)))
        return apply_op("Cast", x=found, DstT="int32")

    after = map_fn(place, axes)
    turned = transpose(tensor, before)
    values = apply_op("Svd", input=turned, compute_uv=False)[0]
    greatest = reduced("Max", absolute(values), -1, True)
    return transpose(apply_op("ExpandDims", input=greatest, dim=-1), after)


@export("linalg.svd", "svd")
def svd(tensor: Any, full_matrices: bool = False, compute_uv: bool = True, name: str | None = None) -> Any:
    """The singular values of matrices, and unless ``compute_uv`` is False both sets of singular vectors."""
    s, u, v = apply_op("Svd", name, input=tensor, compute_uv=compute_uv, full_matrices=full_matrices)
    return (real(s), u, v) if compute_uv else real(s)


@export("linalg.eigh", "self_adjoint_eig")
def self_adjoint_eig(tensor: Any, name: str | None = None) -> tuple[Any, Any]:
    """The eigenvalues and eigenvectors of self-adjoint matrices."""
    values, vectors = apply_op("SelfAdjointEigV2", name, input=tensor, compute_v=True)
    return values, vectors


@export("linalg.eigvalsh", "self_adjoint_eigvals")
def self_adjoint_eigvals(tensor: Any, name: str | None = None) -> Any:
    """The eigenvalues of self-adjoint matrices."""
    return apply_op("SelfAdjointEigV2", name, input=tensor, compute_v=False)[0]


@export("linalg.triangular_solve", "matrix_triangular_solve")
def matrix_triangular_solve(
    matrix: Any, rhs: Any, lower: bool = True, adjoint: bool = False, name: str | None = None
) -> Any:
    """The solutions of systems of equations with triangular matrices."""
    with name_scope(name, "triangular_solve", [matrix, rhs]):
        return apply_op("MatrixTriangularSolve", matrix=matrix, rhs=rhs, lower=lower, adjoint=adjoint)


@export("linalg.cholesky_solve", "cholesky_solve")
def cholesky_solve(chol: Any, rhs: Any, name: str | None = None) -> Any:
    """The solutions of systems of equations of whose matrices the Cholesky decomposition is given."""
    with name_scope(name, "cholesky_solve", [chol, rhs]):
        half = apply_op("MatrixTriangularSolve", matrix=chol, rhs=rhs, adjoint=False, lower=True)
        return apply_op("MatrixTriangularSolve", matrix=chol, rhs=half, adjoint=True, lower=True)


@export("linalg.lstsq", "matrix_solve_ls")
def matrix_solve_ls(
    matrix: Any, rhs: Any, l2_regularizer: Any = 0.0, fast: bool = True, name: str | None = None
) -> Any:
    """The least squares solutions of systems of equations."""
    matrix = convert(matrix, None, "matrix")
    own = matrix.shape
    if not fast or _leave_to_op(matrix):
        return apply_op("MatrixSolveLs", name, matrix=matrix, rhs=rhs, l2_regularizer=l2_regularizer, fast=fast)
    with name_scope(name, "matrix_solve_ls", [matrix, rhs, l2_regularizer]):
        last = own[-2:]
        if last.is_fully_defined():
            rows, columns = last.as_list()
            return (_tall if rows >= columns else _wide)(matrix, rhs, l2_regularizer)
        sizes = shape(matrix)[-2:]
        tall = sizes[-2] >= sizes[-1]
        return cond(tall, lambda: _tall(matrix, rhs, l2_regularizer), lambda: _wide(matrix, rhs, l2_regularizer))


def _leave_to_op(matrix: Tensor) -> bool:
    sizes = matrix.shape
    if not sizes.is_fully_defined():
        return False
    bytes_ = (sizes.num_elements() or 0) * matrix.dtype.size
    return bytes_ > _CACHE_BYTES and (sizes[:-2].num_elements() or 0) > min(d or 0 for d in sizes.as_list()[-2:])


def _tall(matrix: Any, rhs: Any, l2: Any) -> Any:
    chol = _gramian_cholesky(matrix, l2, tall=True)
    return cholesky_solve(chol, matmul(matrix, rhs, adjoint_a=True))


def _wide(matrix: Any, rhs: Any, l2: Any) -> Any:
    chol = _gramian_cholesky(matrix, l2, tall=False)
    return matmul(matrix, cholesky_solve(chol, rhs), adjoint_a=True)


def _gramian_cholesky(matrix: Any, l2: Any, *, tall: bool) -> Any:
    gramian: Any = matmul(matrix, matrix, adjoint_a=tall, adjoint_b=not tall)
    if isinstance(l2, Tensor) or l2 != 0:
        sizes = shape(matrix)
        batch = sizes[:-2]
        small = sizes[-1] if tall else sizes[-2]
        unit = eye(small, batch_shape=batch, dtype=matrix.dtype)
        known = matrix.shape[-1 if tall else -2]
        unit.set_shape(matrix.shape[:-2].concatenate([known, known]))
        gramian = gramian + l2 * unit
    return apply_op("Cholesky", input=gramian)


@export("linalg.adjoint")
def adjoint(matrix: Any, name: str | None = None) -> Any:
    """The last two dimensions exchanged, complex numbers conjugated."""
    with name_scope(name, "adjoint", [matrix]):
        return matrix_transpose(convert(matrix, None, "matrix"), conjugate=True)


@export("linalg.logdet")
def logdet(matrix: Any, name: str | None = None) -> Any:
    """The logarithm of the determinant of positive definite matrices."""
    with name_scope(name, "logdet", [matrix]):
        chol = apply_op("Cholesky", input=matrix)
        return 2.0 * reduced("Sum", apply_op("Log", x=real(matrix_diag_part(chol))), [-1])


export_rows("""
linalg.inv matrix_inverse: MatrixInverse input adjoint?
linalg.det matrix_determinant: MatrixDeterminant input
linalg.solve matrix_solve: MatrixSolve matrix rhs adjoint?
linalg.cholesky cholesky: Cholesky input
linalg.qr qr: Qr input full_matrices?
linalg.cross cross: Cross a b
linalg.slogdet: LogMatrixDeterminant input
linalg.sqrtm matrix_square_root: MatrixSquareRoot input
linalg.logm: MatrixLogarithm input
linalg.lu: Lu input output_idx_type?
""")
