"""Python operators, subscripts and lists that hold tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def arithmetic(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 3], "x")
    n = tf.constant([[7, -7], [3, 2]], name="n")
    text = tf.constant(["a", "b"]) + "c"
    found = [x + 1, 1 + x, x - 2.0, 2 - x, x * 3, 3 * x, x / 2, 2 / x, x // 2, x % 2, 2 % x, x**2, 2**x, -x, abs(x)]
    found += [n / 2, n // 2, n % 3, n / n, 7 // n, n * n, n + np.array([1, 2], np.int32), text]
    found += [x @ tf.constant(np.ones((3, 2), np.float32)), np.ones((2, 3), np.float32) + x]
    found += [tf.add(x, [1.0, 2.0, 3.0], name="plus"), tf.div(n, 2), tf.divide(3, n), tf.divide(x, 2, name="d")]
    return found, {x: [[1.0, 2.0, 3.0], [-1.0, 0.5, 4.0]]}


@case
def comparisons(tf: Any) -> Any:
    x = tf.constant([1.0, 2.0, 3.0], name="x")
    a, b = x > 1, x <= [2.0, 2.0, 3.5]
    n = tf.constant([6, 3])
    found = [a, b, x < 2, x >= 2, a & b, a | b, a ^ b, ~a, n & 3, n | 8, n ^ 1, ~n, a * b]
    found += [tf.equal(x, 2), tf.not_equal(x, 2, name="ne"), tf.logical_xor(a, b), tf.logical_not(a)]
    return found


@case
def old_names(tf: Any) -> Any:
    x = tf.constant([[1.0, -2.0]])
    return [tf.multiply(x, 2), tf.subtract(x, 1), tf.negative(x), tf.truediv(x, 2), tf.floordiv(x, 2), tf.mod(x, 3),
            tf.realdiv(x, 4.0), tf.pow(x, 2), tf.scalar_mul(3, x), tf.truncatediv(7, 2), tf.floor_div(x, 2.0),
            tf.math.multiply_no_nan(x, 0.0), tf.div_no_nan(x, 0.0), tf.squared_difference(x, 1.0),
            tf.maximum(x, 0), tf.minimum(x, 0), tf.add_n([x, x, x]), tf.add_n([x]), tf.add_n([x], name="one"),
            tf.accumulate_n([x, x])]  # fmt: skip


@case
def subscripts(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [2, 3, None], "x")
    i = tf.constant(1, name="i")
    wide = tf.constant(1, tf.int64, name="wide")
    found = [x[0], x[0, 1], x[:, 1:], x[..., -1], x[:, tf.newaxis], x[::2, ::-1], x[i], x[:i], x[i:, 0], x[wide]]
    found += [x[0:1, ..., None], x[:wide, :, wide], x[()], x[tf.shape(x)[0] - 1], x[i, 2, 1:3:2], x[1:, i:]]
    return found, {x: np.arange(24, dtype=np.float32).reshape(2, 3, 4)}


@case
def masks(tf: Any) -> Any:
    x = tf.constant([[1, 2], [3, 4]])
    y = tf.placeholder(tf.float32, [None, 2], "y")
    found = [x[x > 2], x[np.array([True, False])], tf.boolean_mask(y, [True, False, True])]
    found.append(tf.boolean_mask(x, [False, True], axis=1))
    return found, {y: [[1, 2], [3, 4], [5, 6]]}


@case
def packed_lists(tf: Any) -> Any:
    a, b = tf.constant(1.0, name="a"), tf.placeholder(tf.float32, [], "b")
    n = tf.shape(tf.placeholder(tf.float32, [None, 2], "p"))[0]
    found = [tf.convert_to_tensor([a, 2.0, b]), tf.convert_to_tensor([[a, b], [3.0, 4.0]], name="nested")]
    found += [tf.stack([a, b]), tf.stack([[a, 1.0]], name="s"), tf.reshape(tf.ones([6]), [n, -1]), tf.zeros([n, 2])]
    found += [tf.stack([a, b], axis=-1), tf.add([a, b], 1.0), tf.convert_to_tensor([n, 1], dtype=tf.int64)]
    found += [tf.convert_to_tensor(range(4))]
    return found, {b: 5.0, "p:0": np.ones((2, 2))}


@case
def sparse_operators(tf: Any) -> Any:
    s = tf.SparseTensor([[0, 1], [1, 0]], [2.0, 6.0], [2, 2])
    d = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    return [s * d, s / d, d * s]
