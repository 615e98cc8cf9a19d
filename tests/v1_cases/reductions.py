"""Reductions and cumulative sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def sums(tf: Any) -> Any:
    x = tf.constant([[1.0, 2.0], [3.0, 4.0]], name="x")
    p, u = tf.placeholder(tf.float32, [None, 2], "p"), tf.placeholder(tf.float32, None, "u")
    found = [tf.reduce_sum(x), tf.reduce_sum(p), tf.reduce_sum(u), tf.reduce_mean(x, 0), tf.reduce_mean(p, [0, 1])]
    found += [tf.reduce_sum(p, axis=1, keepdims=True), tf.reduce_sum(p, reduction_indices=1, keep_dims=True)]
    found += [tf.reduce_max(p, name="m"), tf.reduce_min(u, 0), tf.reduce_prod([1, 2, 3]), tf.reduce_all(x > 0)]
    found += [tf.reduce_any(p > 2, 1), tf.reduce_sum(3.0), tf.reduce_mean(u, keepdims=True), tf.reduce_sum([[1, 2]], 1)]
    return found, {p: [[1, 2], [3, 4]], u: [[5, 6]]}


@case
def others(tf: Any) -> Any:
    p = tf.placeholder(tf.float32, [None, 2], "p")
    u = tf.placeholder(tf.float32, None, "u")
    found = [tf.reduce_logsumexp(p), tf.reduce_logsumexp(p, 1, name="l"), tf.reduce_logsumexp(u, 0, keepdims=True)]
    found += [tf.math.reduce_variance(p, 0), tf.math.reduce_std(p, 0), tf.math.reduce_euclidean_norm(p, 1)]
    found += [tf.count_nonzero(p), tf.count_nonzero(p, axis=0, dtype=tf.int32), tf.count_nonzero([True, False])]
    return [*found, tf.trace(p), tf.linalg.trace([[1.0, 2.0], [3.0, 4.0]])], {p: [[1, 0], [3, 4]], u: [[5, 6]]}


@case
def places(tf: Any) -> Any:
    p = tf.placeholder(tf.float32, [None, 3], "p")
    found = [tf.argmax(p, 1), tf.argmin(p), tf.argmax(p, axis=-1, output_type=tf.int32), tf.argmax(p, dimension=0)]
    found += [tf.arg_max(p, 1), tf.arg_min(p, 0, name="least"), tf.argmax([1, 3, 2], 0)]
    found += [tf.cumsum(p), tf.cumsum(p, 1, exclusive=True), tf.cumprod(p, reverse=True, axis=1), tf.cumsum([1, 2])]
    return found, {p: np.array([[1.0, 3.0, 2.0], [4.0, 0.0, 5.0]])}


@case
def normalized(tf: Any) -> Any:
    p = tf.placeholder(tf.float32, [None, 2], "p")
    found = [tf.nn.l2_normalize(p, 1), tf.math.l2_normalize(p, dim=0, epsilon=0.5, name="n"), tf.nn.l2_normalize(p)]
    return [*found, tf.linalg.l2_normalize(tf.complex(p, p), axis=1)], {p: [[3, 4], [0, 1]]}
