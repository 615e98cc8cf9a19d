"""Random numbers with and without state; what follows from seeds is TensorFlow's."""

from __future__ import annotations

from typing import Any

from v1_cases import case


@case
def seeded(tf: Any) -> Any:
    p = tf.placeholder(tf.float32, [None, 2], "p")
    found = [tf.random_normal([2, 3], seed=1), tf.random_uniform([3]), tf.random_uniform([2], 1.0, 5.0, seed=2)]
    found += [
        tf.random_uniform([2], maxval=9, dtype=tf.int32),
        tf.random_uniform([2], 0, 5.0),
        tf.truncated_normal([4]),
    ]
    found += [tf.random_normal(tf.shape(p), 1.0, 2.0, name="n"), tf.random_normal([], dtype=tf.float64)]
    found += [tf.random_uniform([tf.shape(p)[0], 2]), tf.random_normal((2,), stddev=tf.constant(0.5))]
    return found, {p: [[1, 2]]}


@case
def drawn(tf: Any) -> Any:
    logits = tf.constant([[0.1, 0.9], [5.0, 0.0]], name="logits")
    found = [tf.multinomial(logits, 3), tf.random.categorical(logits, 2, dtype=tf.int32, seed=5)]
    return [*found, tf.random_shuffle([1, 2, 3, 4], seed=1), tf.random_crop([[1, 2, 3], [4, 5, 6]], [1, 2], seed=3)]


_NO_RULE = [f"{scope}/{op}" for scope in ("random_gamma", "g") for op in ("RandomGamma", "truediv", "Maximum")]


@case(values=False, looser=(*_NO_RULE, "random_poisson/RandomPoissonV2", "random_poisson_1/RandomPoissonV2"))
def distributions(tf: Any) -> Any:
    return [tf.random_gamma([2], 1.5, seed=1), tf.random_gamma([2], [1.0, 2.0], beta=0.5, name="g"),
            tf.random_poisson(2.0, [3], seed=2), tf.random.poisson([1.0, 2.0], [2])]  # fmt: skip


@case
def stateless(tf: Any) -> Any:
    r = tf.random
    found = [r.stateless_normal([2], [1, 2]), r.stateless_uniform([2], [1, 2], 1.0, 3.0)]
    found += [r.stateless_truncated_normal([2], [5, 6], name="t"), r.stateless_uniform([3], [3, 4])]
    return [*found, r.stateless_uniform([2], [1, 2], 0, 10, dtype=tf.int32)]


@case(values=False)
def stateless_drawn(tf: Any) -> Any:
    r, logits = tf.random, tf.constant([[0.1, 0.9]])
    return [r.stateless_uniform([2], [1, 2], None, None, tf.int32), r.stateless_categorical(logits, 2, [1, 2]),
            r.stateless_multinomial(logits, 2, [1, 2])]  # fmt: skip
