"""Fourier transforms, sets, special functions, functions of sparse elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def fourier(tf: Any) -> Any:
    x, p = tf.constant(np.arange(8, dtype=np.float32).reshape(2, 4)), tf.placeholder(tf.float32, [None, None], "p")
    z = tf.complex(x, x)
    found = [tf.fft(z), tf.ifft(z), tf.fft2d(z), tf.ifft2d(z), tf.signal.rfft(x), tf.signal.rfft(x, [6])]
    found += [tf.signal.irfft(z), tf.signal.irfft(z, [8], name="longer"), tf.signal.rfft2d(x), tf.signal.rfft(p, [4])]
    found += [tf.signal.rfft(p), tf.signal.irfft(tf.complex(p, p)), tf.signal.irfft2d(z), tf.signal.fft3d([z])]
    return [*found, tf.signal.ifft3d([z]), tf.signal.rfft3d([x]), tf.signal.irfft3d([z])], {p: np.ones((2, 4))}


@case
def special(tf: Any) -> Any:
    x, s = tf.constant([0.25, 0.5, 1.5]), tf.math.special
    names = [
        "bessel_i0",
        "bessel_i1",
        "bessel_i1e",
        "bessel_k0",
        "bessel_k0e",
        "bessel_k1",
        "bessel_k1e",
        "bessel_j0",
        "bessel_j1",
    ]
    names += ["bessel_y0", "bessel_y1", "dawsn", "expint", "fresnel_cos", "fresnel_sin", "spence"]
    return [*[getattr(s, name)(x) for name in names], tf.lbeta([x, x])]


@case
def of_sparse(tf: Any) -> Any:
    s = tf.SparseTensor([[0, 1], [1, 0]], [0.25, -0.5], [2, 2])
    names = ["abs", "negative", "asinh", "sin", "tan", "atan", "asin", "atanh", "sign", "square", "erf", "tanh"]
    found = [getattr(tf, name)(s) for name in names]
    return [*found, tf.sqrt(tf.abs(s)), tf.sparse.expand_dims(s), tf.sparse.expand_dims(s, 0), tf.sparse.eye(2, 3)]


_SETS = ("SetSize", "DenseToDenseSetOperation", "DenseToSparseSetOperation", "SparseToSparseSetOperation")


@case(values=False, looser=_SETS)
def sets(tf: Any) -> Any:
    a, s = tf.constant([[1, 2], [3, 4]]), tf.SparseTensor([[0, 0], [1, 0]], [1, 3], [2, 1])
    return [tf.sets.size(s), tf.sets.intersection(a, a), tf.sets.difference(s, a), tf.sets.union(s, s)]


_DRAWN = [f"stateless_random_{k}" for k in ("poisson/StatelessRandomPoisson", "binomial/StatelessRandomBinomial")]
_DRAWN += [f"stateless_random_gamma/{op}" for op in ("StatelessRandomGammaV3", "truediv", "Maximum")]


@case(values=False, looser=tuple(_DRAWN))
def distributions(tf: Any) -> Any:
    r = tf.random
    return [r.stateless_poisson([2], [1, 2], 1.5), r.stateless_binomial([2], [1, 2], 3.0, 0.5),
            r.stateless_gamma([2], [1, 2], 1.5)]  # fmt: skip


@case
def other_maths(tf: Any) -> Any:
    x, n = tf.constant([[1.0, 2.0], [3.0, 4.0]], name="x"), tf.constant([6, -7], name="n")
    truth = tf.constant([True, False])
    found = [tf.less_equal(x, 2.0), tf.greater(x, 2.0), tf.greater_equal(n, 6), tf.logical_and(truth, True)]
    found += [tf.logical_or(truth, truth, name="either"), tf.truncatemod(n, 4)]
    found += [tf.math.cumulative_logsumexp(x, 1), tf.to_complex128(x), tf.convert_to_tensor_or_indexed_slices(x)]
    found += [tf.sparse_matmul(x, x, transpose_b=True), tf.strings.unicode_script([65, 1046])]
    return found


@case(values=False)
def without_kernel(tf: Any) -> Any:
    a, b = (tf.SparseTensor([[0, 0], [0, 1]], [word, "b"], [1, 2]) for word in "ac")
    return [tf.edit_distance(a, b), tf.edit_distance(a, b, normalize=False, name="distance")]


@case(values=False)
def other_matrices(tf: Any) -> Any:
    m = tf.complex([[4.0, 1.0], [1.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]])
    return [tf.linalg.logm(m)]
