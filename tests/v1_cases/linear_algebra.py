"""Norms, decompositions, systems of equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def norms(tf: Any) -> Any:
    x, p = tf.constant([[3.0, -4.0]], name="x"), tf.placeholder(tf.float32, [None, 2], "p")
    found = [tf.norm(x), tf.norm(p, axis=1), tf.norm(p, ord=1, axis=1, keepdims=True), tf.norm(p, ord=np.inf)]
    found += [tf.norm(p, ord=3, name="three"), tf.norm(x, ord="fro", axis=[0, 1]), tf.norm(x, 1, axis=(0, 1))]
    return [*found, tf.norm(x, np.inf, axis=(0, 1), keep_dims=True), tf.linalg.norm(x, axis=-1)], {p: [[1, 2], [3, 4]]}


@case(looser=("SelfAdjointEigV2", "Svd"))
def solved(tf: Any) -> Any:
    m = tf.constant([[4.0, 1.0], [1.0, 3.0]], name="m")
    r = tf.constant([[1.0], [2.0]], name="r")
    found = [
        tf.matrix_inverse(m),
        tf.matrix_determinant(m),
        tf.matrix_solve(m, r),
        tf.cholesky(m),
        tf.linalg.slogdet(m),
    ]
    found += [tf.cholesky_solve(tf.cholesky(m), r), tf.matrix_triangular_solve(m, r), tf.matrix_solve_ls(m, r)]
    found += [tf.self_adjoint_eigvals(m), tf.svd(m, compute_uv=False), tf.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])]
    found += [tf.matrix_solve_ls(m, r, l2_regularizer=0.5, name="ls"), tf.linalg.sqrtm(m), tf.linalg.adjoint(m)]
    return [*found, tf.linalg.logdet(m), tf.linalg.inv(m, adjoint=True, name="inverse")]


@case(values=False)
def vectors_of_either_sign(tf: Any) -> Any:
    m = tf.constant([[4.0, 1.0], [1.0, 3.0]], name="m")
    return [tf.qr(m), tf.svd(m), tf.self_adjoint_eig(m), tf.linalg.lu(m)]
