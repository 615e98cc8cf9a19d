"""Decompositions whose vectors have a free sign: the product of the parts is the matrix, whatever the signs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.ops.matrix_function import schur
from op_kernel import run_kernel

Array = np.ndarray[Any, np.dtype[Any]]


def _matrix(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-2, 2, shape)


@pytest.mark.parametrize("shape", [(3, 3), (2, 5, 3), (2, 3, 5)])
@pytest.mark.parametrize("full", [False, True])
def test_singular_vectors_give_the_matrix(shape: tuple[int, ...], full: bool) -> None:
    x = _matrix(*shape)
    values, u, v = run_kernel("Svd", x, T=dtypes.float64, compute_uv=True, full_matrices=full)
    count = values.shape[-1]
    product = (u[..., :count] * values[..., None, :]) @ np.swapaxes(v[..., :count], -1, -2)
    np.testing.assert_allclose(product, x, atol=1e-12)
    assert u.shape[-1] == (shape[-2] if full else count)
    assert v.shape[-2:] == (shape[-1], shape[-1] if full else count)


def test_eigenvectors_of_a_symmetric_matrix() -> None:
    x = _matrix(2, 4, 4)
    x = x + np.swapaxes(x, -1, -2)
    values, vectors = run_kernel("SelfAdjointEigV2", x, T=dtypes.float64, compute_v=True)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose((vectors * values[..., None, :]) @ np.swapaxes(vectors, -1, -2), x, atol=1e-12)


def test_eigenvectors_of_any_matrix() -> None:
    x = _matrix(2, 4, 4)
    values, vectors = run_kernel("Eig", x, T=dtypes.float64, Tout=dtypes.complex128, compute_v=True)
    np.testing.assert_allclose(x @ vectors, vectors * values[..., None, :], atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-2), 1)


@pytest.mark.parametrize("size", [1, 2, 3, 6, 20])
def test_schur_form(size: int) -> None:
    x = _matrix(size, size, seed=size)
    q, t = schur(x)
    np.testing.assert_allclose(q @ t @ q.conj().T, x, atol=1e-12)
    np.testing.assert_allclose(q @ q.conj().T, np.eye(size), atol=1e-12)
    assert not np.tril(t, -1).any()


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.eye(4), np.ones((3, 3)), np.diag([1.0, 2.0], 1)])
def test_schur_form_of_special_matrices(matrix: Array) -> None:
    q, t = schur(matrix)
    np.testing.assert_allclose(q @ t @ q.conj().T, matrix, atol=1e-12)
