"""Systems of linear equations: general, triangular, banded, tridiagonal, and least squares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.ops._matrices import adjoint, check_matrix, substitute
from noria.ops._numeric import dims_text, quiet, typed, wide
from noria.shapes import Shape

_SOLVE = ("MatrixSolve", "BatchMatrixSolve")
_TRIANGULAR = ("MatrixTriangularSolve", "BatchMatrixTriangularSolve")


@infer(*_SOLVE)
def _solve_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(1)]


def _check_pair(matrix: Array, rhs: Array) -> None:
    """The matrix and its right-hand side: batches of matrices that agree in their batch and their rows."""
    if matrix.ndim != rhs.ndim:
        raise InvalidArgumentError(
            f"All input tensors must have the same rank: {shape_text(matrix.shape)} vs {shape_text(rhs.shape)}"
        )
    check_matrix(matrix)
    if matrix.shape[:-2] != rhs.shape[:-2]:
        raise InvalidArgumentError(
            "All input tensors must have the same outer dimensions: "
            f"{shape_text(matrix.shape)} vs {shape_text(rhs.shape)}"
        )


def _check_rows(matrix: Array, rhs: Array) -> None:
    if matrix.shape[-2] != rhs.shape[-2]:
        raise InvalidArgumentError(
            f"Input matrix and rhs are incompatible: {shape_text(matrix.shape)} and {shape_text(rhs.shape)}"
        )


@kernel(*_SOLVE)
@quiet
def _solve(call: KernelCall, matrix: Array, rhs: Array) -> Array:
    _check_pair(matrix, rhs)
    if matrix.shape[-1] != matrix.shape[-2]:
        raise InvalidArgumentError(f"First input (lhs) must be a square matrix, got shape {shape_text(matrix.shape)}.")
    _check_rows(matrix, rhs)
    left = wide(adjoint(matrix) if call.flag("adjoint") else matrix)
    try:
        return typed(np.linalg.solve(left, wide(rhs)), rhs.dtype)
    except np.linalg.LinAlgError:
        raise InvalidArgumentError("Input matrix is not invertible.") from None


# ---- triangular -------------------------------------------------------------------------------------------------


@infer(*_TRIANGULAR)
def _triangular_infer(call: InferCall) -> Sequence[Shape]:
    matrix, rhs = call.shape(0), call.shape(1)
    if matrix is None or rhs is None or len(matrix) < 2 or len(rhs) < 2:
        return [None]
    return [(*(shapes.broadcast(matrix[:-2], rhs[:-2]) or ()), *rhs[-2:])]


def _check_triangular(matrix: Array, rhs: Array) -> None:
    for i, x in enumerate((matrix, rhs)):
        if x.ndim < 2:
            raise InvalidArgumentError(f"In[{i}] ndims must be >= 2: {x.ndim}")
    rows, columns = matrix.shape[-2:]
    if rows != columns:
        raise InvalidArgumentError(f"In[0] matrices in the last dimensions must be square ({columns} =/= {rows})")
    if rows != rhs.shape[-2]:
        raise InvalidArgumentError(
            f"In[0] mismatch In[1] shape: {rows} vs. {rhs.shape[-2]}: {dims_text(matrix.shape)} {dims_text(rhs.shape)}"
        )
    try:
        np.broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
    except ValueError:
        raise InvalidArgumentError(
            f"In[0] and In[1] must have compatible batch dimensions: {dims_text(matrix.shape)} vs. "
            f"{dims_text(rhs.shape)}"
        ) from None


@kernel(*_TRIANGULAR)
@quiet
def _triangular(call: KernelCall, matrix: Array, rhs: Array) -> Array:
    _check_triangular(matrix, rhs)
    lower, turned = call.flag("lower"), call.flag("adjoint")
    left = wide(adjoint(matrix) if turned else matrix)
    return typed(substitute(left, wide(rhs), lower=lower != turned), rhs.dtype)


# ---- banded -----------------------------------------------------------------------------------------------------


infer("BandedTriangularSolve")(_triangular_infer)


@infer("TridiagonalSolve")
def _tridiagonal_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(1)]


@kernel("BandedTriangularSolve")
@quiet
def _banded(call: KernelCall, bands: Array, rhs: Array) -> Array:
    """``bands`` [..., count, n] in rows: from the diagonal down for lower matrices, else down to the diagonal."""
    for i, x in enumerate((bands, rhs)):
        if x.ndim < 2:
            raise InvalidArgumentError(f"In[{i}] ndims must be >= 2: {x.ndim}")
    count, size = bands.shape[-2:]
    if size != rhs.shape[-2]:
        raise InvalidArgumentError(
            f"In[0] mismatch In[1] shape: {size} vs. {rhs.shape[-2]}: {dims_text(bands.shape)} {dims_text(rhs.shape)}"
        )
    lower, turned = call.flag("lower"), call.flag("adjoint")
    dense = np.zeros((*bands.shape[:-2], size, size), bands.dtype)
    for d in range(min(count, size)):
        along = np.arange(size - d)
        if lower:
            dense[..., along + d, along] = bands[..., d, d:]
        else:
            dense[..., along, along + d] = bands[..., count - 1 - d, : size - d]
    if not np.diagonal(dense, axis1=-2, axis2=-1).all():
        raise InvalidArgumentError("Input matrix is not invertible.")
    return typed(substitute(adjoint(dense) if turned else dense, rhs, lower=lower != turned), rhs.dtype)


@kernel("TridiagonalSolve")
@quiet
def _tridiagonal(call: KernelCall, diagonals: Array, rhs: Array) -> Array:
    """``diagonals`` [..., 3, n]: above (the last element is not read), main, below (the first is not read)."""
    _check_pair(diagonals, rhs)
    if diagonals.shape[-2] != 3:
        raise InvalidArgumentError(
            f"Expected diagonals to be provided as a matrix with 3 rows, got {diagonals.shape[-2]} rows."
        )
    size = diagonals.shape[-1]
    if size != rhs.shape[-2]:
        raise InvalidArgumentError(
            f"Expected the same number of left-hand sides and right-hand sides, got {size} and {rhs.shape[-2]}."
        )
    upper, main, lower = (diagonals[..., i, :].reshape(-1, size) for i in range(3))
    x = rhs.reshape(-1, size, rhs.shape[-1]).copy()
    # Rows of the eliminated matrix: the diagonal and two places to its right, which swapping rows may fill.
    band = np.zeros((len(x), size + 1, 3), x.dtype)
    band[:, :size, 0], band[:, :size, 1] = main, upper
    band[:, size - 1 :, 1] = 0
    swap_rows = call.flag("partial_pivoting")
    for i in range(size - 1):
        row, after = band[:, i].copy(), np.zeros((len(x), 3), x.dtype)
        after[:, 0], after[:, 1:] = lower[:, i + 1], band[:, i + 1, :2]
        if swap_rows:
            swap = (np.abs(after[:, 0]) > np.abs(row[:, 0]))[:, None]
            row, after = np.where(swap, after, row), np.where(swap, row, after)
            x[:, i], x[:, i + 1] = np.where(swap, x[:, i + 1], x[:, i]), np.where(swap, x[:, i], x[:, i + 1])
        factor = (after[:, 0] / row[:, 0])[:, None]
        band[:, i] = row
        band[:, i + 1, :2] = (after - factor * row)[:, 1:]
        band[:, i + 1, 2] = 0
        x[:, i + 1] -= factor * x[:, i]
    for i in range(size - 1, -1, -1):
        for d in (1, 2):
            if i + d < size:
                x[:, i] -= band[:, i, d, None] * x[:, i + d]
        x[:, i] /= band[:, i, 0, None]
    return x.reshape(rhs.shape)


@infer("TridiagonalMatMul")
def _tridiagonal_product_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(3)]


@kernel("TridiagonalMatMul")
@quiet
def _tridiagonal_product(call: KernelCall, upper: Array, main: Array, lower: Array, rhs: Array) -> Array:
    size = rhs.shape[-2] if rhs.ndim >= 2 else 0
    for name, x in (("superdiag", upper), ("maindiag", main), ("subdiag", lower)):
        if rhs.ndim < 2 or x.shape != (*rhs.shape[:-2], 1, size):
            raise InvalidArgumentError(
                f"{name} must have the shape [..., 1, {size}] that goes with rhs {shape_text(rhs.shape)}, "
                f"got {shape_text(x.shape)}"
            )
    result = main[..., 0, :, None] * rhs
    result[..., :-1, :] += upper[..., 0, :-1, None] * rhs[..., 1:, :]
    result[..., 1:, :] += lower[..., 0, 1:, None] * rhs[..., :-1, :]
    return result


# ---- least squares ----------------------------------------------------------------------------------------------


@infer("MatrixSolveLs", "BatchMatrixSolveLs")
def _least_squares_infer(call: InferCall) -> Sequence[Shape]:
    matrix, rhs = call.shape(0), call.shape(1)
    if matrix is None or rhs is None or len(matrix) < 2 or len(rhs) < 2:
        return [None]
    return [(*(shapes.merge(matrix[:-2], rhs[:-2]) or ()), matrix[-1], rhs[-1])]


@kernel("MatrixSolveLs", "BatchMatrixSolveLs")
@quiet
def _least_squares(call: KernelCall, matrix: Array, rhs: Array, l2_regularizer: Array) -> Array:
    """By the normal equations where ``fast``, which allow for the regularizer; else the least solution."""
    if l2_regularizer.ndim:
        raise InvalidArgumentError(f"l2_regularizer must be scalar, got shape {shape_text(l2_regularizer.shape)}")
    weight = float(l2_regularizer)
    if weight < 0:
        raise InvalidArgumentError(f"l2_regularizer must be >= 0., got {weight}.")
    _check_pair(matrix, rhs)
    _check_rows(matrix, rhs)
    rows, columns = matrix.shape[-2:]
    if not matrix.size or not rhs.size:
        return np.zeros((*matrix.shape[:-2], columns, rhs.shape[-1]), rhs.dtype)
    turned = adjoint(matrix)
    if not call.flag("fast"):
        return typed(np.matmul(np.linalg.pinv(matrix), rhs), rhs.dtype)
    tall = rows >= columns
    normal = np.matmul(turned, matrix) if tall else np.matmul(matrix, turned)
    normal = normal + np.eye(min(rows, columns), dtype=matrix.dtype) * matrix.dtype.type(weight)
    try:
        np.linalg.cholesky(normal)
        solved = np.linalg.solve(normal, np.matmul(turned, rhs) if tall else rhs)
    except np.linalg.LinAlgError:
        raise InvalidArgumentError(
            "Input matrix was rank deficient or ill-conditioned. Try setting fast=False or provide a larger "
            "l2_regularizer > 0."
        ) from None
    return typed(solved if tall else np.matmul(turned, solved), rhs.dtype)
