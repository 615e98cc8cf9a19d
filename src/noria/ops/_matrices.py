"""What the families of linear algebra share: checks of batches of matrices, substitution, and LU decomposition."""

from __future__ import annotations

import math

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.ops._arrays import shape_text


def check_matrix(x: Array, index: int = 0) -> None:
    """InvalidArgumentError unless ``x`` is a batch of matrices [..., m, n]."""
    if x.ndim < 2:
        raise InvalidArgumentError(f"Input tensor {index} must have rank >= 2, got {x.ndim}")


def check_square(x: Array, message: str = "Input matrix must be square.") -> None:
    """InvalidArgumentError unless ``x`` is a batch of square matrices [..., n, n]."""
    check_matrix(x)
    if x.shape[-1] != x.shape[-2]:
        raise InvalidArgumentError(f"{message} Got a matrix of shape {shape_text(x.shape)}")


def stacked(x: Array) -> Array:
    """``x`` with one batch dimension: [number, m, n]."""
    return x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])


def adjoint(x: Array) -> Array:
    """Each matrix transposed, and conjugated where it is complex."""
    turned = np.swapaxes(x, -1, -2)
    return np.conj(turned) if x.dtype.kind == "c" else turned


def substitute(matrix: Array, rhs: Array, *, lower: bool) -> Array:
    """``x`` of ``matrix @ x = rhs`` for triangular matrices [..., n, n], broadcast with ``rhs`` [..., n, k].

    What stands in the other triangle is not read. A zero on the diagonal divides.
    """
    batch = np.broadcast_shapes(matrix.shape[:-2], rhs.shape[:-2])
    x = np.array(np.broadcast_to(rhs, (*batch, *rhs.shape[-2:])))
    size = matrix.shape[-1]
    for i in range(size) if lower else range(size - 1, -1, -1):
        done = slice(0, i) if lower else slice(i + 1, size)
        if done.start < done.stop:
            x[..., i, :] -= np.matmul(matrix[..., i : i + 1, done], x[..., done, :])[..., 0, :]
        x[..., i, :] /= matrix[..., i, i, None]
    return x


def lu(x: Array) -> tuple[Array, Array]:
    """LU decomposition with partial pivoting of [..., n, n]: both factors in one array, and the order of rows."""
    size = x.shape[-1]
    flat = stacked(x).copy()
    order = np.tile(np.arange(size), (len(flat), 1))
    each = np.arange(len(flat))
    for i in range(size):
        pivot = i + np.argmax(np.abs(flat[:, i:, i]), axis=1)
        for rows in (flat, order):
            held = rows[:, i].copy()
            rows[:, i] = rows[each, pivot]
            rows[each, pivot] = held
        flat[:, i + 1 :, i] /= flat[:, i, i, None]
        flat[:, i + 1 :, i + 1 :] -= flat[:, i + 1 :, i, None] * flat[:, i, None, i + 1 :]
    return flat.reshape(x.shape), order.reshape(x.shape[:-1])
