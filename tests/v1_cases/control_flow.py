"""Conditionals, loops and TensorArrays."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from v1_cases import case


@case
def cond_of_constants_and_captures(tf: Any) -> Any:
    p = tf.placeholder(tf.bool, [], name="p")
    x = tf.placeholder(tf.float32, [None], name="x")
    y = tf.constant([1.0, 2.0], name="y")
    one = tf.cond(p, lambda: x + y, lambda: x * 3.0)
    several = tf.cond(p, lambda: (x, tf.constant(1)), lambda: [y, tf.constant(2)][:0] or (y, tf.constant(2)))
    outside = tf.cond(p, lambda: x, lambda: y, name="outside")
    return [one, several, outside], {p: False, x: [5.0, 6.0]}


@case
def nested_cond(tf: Any) -> Any:
    a = tf.placeholder(tf.bool, [])
    b = tf.placeholder(tf.bool, [])
    x = tf.constant(2.0)

    def inner() -> Any:
        return tf.cond(b, lambda: x * 10.0, lambda: x * 100.0)

    return tf.cond(a, inner, lambda: x), {a: True, b: False}


@case
def cond_with_operations(tf: Any) -> Any:
    v = tf.Variable(1.0, name="v")
    p = tf.placeholder(tf.bool, [])
    with tf.control_dependencies([tf.cond(p, lambda: tf.group(v.assign(5.0)), lambda: tf.no_op())]):
        after = tf.identity(v.read_value())
    return after, {p: True}


@case
def case_of_predicates(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [])
    pairs = [(x > 10.0, lambda: tf.constant(1)), (x > 5.0, lambda: tf.constant(2))]
    chosen = tf.case(pairs, default=lambda: tf.constant(3))
    ordered = tf.case(OrderedDict(pairs), default=lambda: tf.constant(4), name="ordered")
    return [chosen, ordered], {x: 7.0}


@case
def counting_loop(tf: Any) -> Any:
    i = tf.constant(0)
    n = tf.placeholder(tf.int32, [])
    final = tf.while_loop(lambda i: i < n, lambda i: i + 2, [i])
    return final, {n: 9}


@case
def loop_over_several(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [2, 2])
    w = tf.constant([[0.5, 0.0], [0.0, 2.0]])

    def body(i: Any, y: Any) -> Any:
        return i + 1, tf.matmul(y, w)

    return tf.while_loop(lambda i, y: i < 3, body, (0, x), name="powers"), {x: np.eye(2)}


@case
def loop_with_limit_and_invariants(tf: Any) -> Any:
    start = tf.zeros([1, 2])

    def body(i: Any, rows: Any) -> Any:
        return [i + 1, tf.concat([rows, rows], 0)]

    free = tf.while_loop(
        lambda i, rows: i < 100,
        body,
        [tf.constant(0), start],
        shape_invariants=[tf.TensorShape([]), tf.TensorShape([None, 2])],
        maximum_iterations=3,
        parallel_iterations=4,
    )
    single = tf.while_loop(lambda i: i < 100, lambda i: i * 2, [tf.constant(1)], maximum_iterations=5)
    return [free, single]


@case
def loop_in_loop_and_cond(tf: Any) -> Any:
    n = tf.placeholder(tf.int32, [])

    def body(i: Any, total: Any) -> Any:
        inner = tf.while_loop(lambda j, s: j < i, lambda j, s: (j + 1, s + j), [0, 0])[1]
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: total + inner, lambda: total - inner)

    return tf.while_loop(lambda i, total: i < n, body, [0, 0]), {n: 6}


@case
def loop_with_control_dependencies(tf: Any) -> Any:
    v = tf.Variable(0, name="count")

    def body(i: Any) -> Any:
        with tf.control_dependencies([tf.assign_add(v, 1)]):
            return i + 1

    done = tf.while_loop(lambda i: i < 4, body, [tf.constant(0)])
    with tf.control_dependencies([done]):
        return tf.identity(v.read_value())


@case
def tensor_arrays(tf: Any) -> Any:
    ta = tf.TensorArray(tf.float32, size=3, clear_after_read=False)
    ta = ta.unstack(tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    other = tf.TensorArray(tf.int32, size=0, dynamic_size=True, clear_after_read=False, infer_shape=False)
    other = other.write(0, [1, 2]).write(1, [3, 4])
    return [ta.read(1), ta.stack(), other.concat(), other.size(), other.gather([1, 0]), other.read(0)]


@case
def map_functions(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 2])
    squares = tf.map_fn(lambda row: row * row, x)
    pairs = tf.map_fn(lambda row: (tf.reduce_sum(row), row[0]), x, dtype=(tf.float32, tf.float32))
    static = tf.map_fn(lambda v: v + 1, tf.constant([1, 2, 3]))
    named = tf.map_fn(lambda d: d["a"] + d["b"], {"a": tf.range(3), "b": tf.range(3)}, dtype=tf.int32)
    return [squares, pairs, static, named], {x: [[1.0, 2.0], [3.0, 4.0]]}


@case
def folds_and_scans(tf: Any) -> Any:
    x = tf.constant([1.0, 2.0, 3.0, 4.0])
    y = tf.placeholder(tf.float32, [None])
    return [
        tf.foldl(lambda a, v: a + v, x),
        tf.foldr(lambda a, v: a - v, x, initializer=tf.constant(10.0)),
        tf.scan(lambda a, v: a * v, x),
        tf.scan(lambda a, v: a + v, y, initializer=0.0),
        tf.scan(lambda a, v: (a[0] + v, a[1] * v), y, initializer=(0.0, 1.0), reverse=True),
    ], {y: [1.0, 2.0, 3.0]}
