"""Initializers: what they build and, where nothing is random, what they give."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def plain(tf: Any) -> Any:
    shape = [2, 3]
    kinds = [
        tf.zeros_initializer(), tf.zeros_initializer(tf.int32), tf.initializers.zeros(), tf.ones_initializer(),
        tf.initializers.ones(tf.float64), tf.constant_initializer(3), tf.constant_initializer([1, 2, 3, 4, 5, 6]),
        tf.initializers.constant(np.arange(6.0)), tf.constant_initializer(2, tf.int64),
        tf.keras.initializers.Zeros(), tf.keras.initializers.Ones(),
    ]  # fmt: skip
    found = [kind(shape) for kind in kinds]
    found.append(tf.zeros_initializer()([2000]))
    found.append(tf.zeros_initializer()([2], dtype=tf.string))
    found.append(tf.initializers.identity(2.0)([2, 3]))
    return found


@case(values=False)
def random(tf: Any) -> Any:
    kinds = [
        tf.random_uniform_initializer(-2.0, 2.0), tf.random_uniform_initializer(0.0, 1.0, seed=3),
        tf.random_uniform_initializer(0, 10, dtype=tf.int32), tf.random_normal_initializer(1.0, 2.0, seed=5),
        tf.truncated_normal_initializer(0.0, 0.1), tf.initializers.random_normal(),
        tf.initializers.random_uniform(maxval=4.0), tf.initializers.truncated_normal(stddev=3.0),
        tf.uniform_unit_scaling_initializer(1.5), tf.initializers.uniform_unit_scaling(seed=1),
    ]  # fmt: skip
    for kind in kinds:
        kind([2, 3, 4])
    return tf.random_normal_initializer()([4], dtype=tf.float64)


@case(values=False)
def variance(tf: Any) -> Any:
    for mode in ("fan_in", "fan_out", "fan_avg"):
        for distribution in ("uniform", "normal", "truncated_normal", "untruncated_normal"):
            tf.variance_scaling_initializer(2.0, mode, distribution)([3, 3, 4, 5])
    for made in (
        tf.glorot_uniform_initializer(), tf.glorot_normal_initializer(seed=2), tf.initializers.glorot_uniform(),
        tf.initializers.he_normal(), tf.initializers.he_uniform(seed=1), tf.initializers.lecun_normal(),
        tf.initializers.lecun_uniform(), tf.initializers.variance_scaling(),
    ):  # fmt: skip
        for shape in ([], [4], [4, 5]):
            made(shape)
    return None


@case(values=False)
def orthogonal(tf: Any) -> Any:
    tf.orthogonal_initializer()([4, 3])
    tf.initializers.orthogonal(gain=2.0, seed=1)([2, 3, 8])
    return None


@case
def configurations(tf: Any) -> Any:
    made = [
        tf.variance_scaling_initializer(3.0, "fan_out", "uniform", seed=4),
        tf.random_uniform_initializer(1, 2),
        tf.truncated_normal_initializer(1.0, 2.0, dtype=tf.float64),
        tf.constant_initializer(7),
        tf.orthogonal_initializer(2.0),
        tf.glorot_uniform_initializer(seed=3),
        tf.zeros_initializer(),
        tf.uniform_unit_scaling_initializer(),
        tf.initializers.identity(),
    ]
    texts = []
    for one in made:
        config = one.get_config()
        assert type(one).from_config(config).get_config() == config
        texts.append(str(sorted(config.items())))
    return tf.constant(texts)
