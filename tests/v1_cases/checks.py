"""Assertions, groups and order of operations."""

from __future__ import annotations

from typing import Any

from v1_cases import case


@case
def assertions(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None], "x")
    n = tf.placeholder(tf.int32, [None], "n")
    found = [tf.Assert(tf.reduce_all(n > 0), [n, "message"]), tf.Assert(True, [x]), tf.assert_equal(n, n)]
    found += [tf.assert_equal(n, [1, 2]), tf.assert_less(x, 5.0, message="small", name="less"), tf.assert_positive(x)]
    found += [tf.assert_negative(-x), tf.assert_non_negative(n), tf.assert_non_positive(-n), tf.assert_none_equal(n, 7)]
    found += [tf.assert_less_equal(n, 2), tf.assert_greater(x, 0.0), tf.assert_greater_equal(n, 1, data=["d", n])]
    found += [
        tf.assert_near(x, [1.0, 2.0], rtol=0.1),
        tf.assert_equal(3, 3),
        tf.assert_equal(x, [1.0, 2.0], summarize=2),
    ]
    return found, {x: [1.0, 2.0], n: [1, 2]}


@case
def ranks(tf: Any) -> Any:
    x, u = tf.placeholder(tf.float32, [None], "x"), tf.placeholder(tf.float32, None, "u")
    found = [tf.assert_rank(x, 1), tf.assert_rank(u, 2), tf.assert_rank_at_least(u, 1), tf.assert_rank_in(u, [1, 2])]
    found += [tf.assert_rank_at_least(x, 1, name="r"), tf.assert_rank_in(x, [0, 1]), tf.assert_type(x, tf.float32)]
    found += [tf.assert_integer([1]), tf.assert_scalar(3.0), tf.is_non_decreasing(x), tf.is_strictly_increasing([1, 2])]
    found += [tf.verify_tensor_all_finite(x, "bad")]
    assert tf.is_numeric_tensor(x)
    assert not tf.is_numeric_tensor(3)
    assert tf.assert_same_float_dtype([x, u]) == tf.float32
    return found, {x: [1.0, 2.0], u: [[1.0]]}


@case
def groups(tf: Any) -> Any:
    a, b = tf.constant(1.0, name="a"), tf.constant(2.0, name="b")
    with tf.device("/cpu:0"):
        c = tf.constant(3.0, name="c")
    found = [tf.group(a, b), tf.group([a, (b, a.op)], name="g"), tf.group(a, c), tf.group(), tf.no_op(name="nothing")]
    found += tf.tuple([a, b, a.op], control_inputs=[c])
    return [*found, tf.add_check_numerics_ops()]
