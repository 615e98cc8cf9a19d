"""Loops, conditions, cases, arrays of tensors, map, fold and scan over data that is fed."""
# mypy: ignore-errors

import numpy as np
import tensorflow as tf

tf = tf.compat.v1
tf.disable_v2_behavior()

n = tf.placeholder(tf.int32, [], name="n")
data = tf.placeholder(tf.float32, [None], name="data")


def collatz(start):
    def body(value, steps):
        even = tf.equal(value % 2, 0)
        return tf.cond(even, lambda: value // 2, lambda: 3 * value + 1), steps + 1

    return tf.while_loop(lambda value, _: value > 1, body, [start, tf.constant(0)], name="collatz")


def fibonacci(count):
    def body(i, a, b, found):
        return i + 1, b, a + b, found.write(i, a)

    array = tf.TensorArray(tf.int32, size=count)
    return tf.while_loop(lambda i, *_: i < count, body, [0, tf.constant(0), tf.constant(1), array])[3].stack()


steps = collatz(n)[1]
numbers = fibonacci(n)
grown = tf.while_loop(
    lambda i, _: tf.less(i, 3),
    lambda i, x: [i + 1, tf.concat([x, x], 0)],
    [tf.constant(0), data],
    shape_invariants=[tf.TensorShape([]), tf.TensorShape([None])],
)[1]
squares = tf.map_fn(lambda v: v * v, data)
pairs = tf.map_fn(lambda p: (p[0] + p[1], p[0] * p[1]), (data, data), dtype=(tf.float32, tf.float32))
total = tf.foldl(lambda a, v: a + v, data, initializer=0.0)
running = tf.scan(lambda a, v: a * 0.5 + v, data)
size = tf.case(
    [(tf.less(n, 3), lambda: tf.constant("few")), (tf.less(n, 10), lambda: tf.constant("some"))],
    default=lambda: tf.constant("many"),
    exclusive=False,
)
seen = tf.Variable(0, name="seen")
with tf.control_dependencies([tf.assign_add(seen, n)]):
    after = tf.identity(seen.read_value())
checked = tf.cond(tf.reduce_any(data < 0), lambda: tf.constant(-1.0), lambda: tf.sqrt(tf.reduce_sum(data)))
safe = tf.where(data > 0, tf.log(tf.maximum(data, 1e-6)), tf.zeros_like(data))

with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for k in (1, 6, 27):
        print(k, sess.run(steps, {n: k}), sess.run(numbers, {n: min(k, 9)}).tolist(), sess.run(size, {n: k}))
    for values in ([1.0, 2.0, 3.0], [4.0], [-1.0, 5.0]):
        found = sess.run([grown, squares, pairs, total, running, checked, safe], {data: values})
        print([np.round(v, 4).tolist() for v in found])
    print([int(sess.run(after, {n: k})) for k in (1, 2, 3)], sess.run(seen))
    print(sess.run(squares, {data: []}).shape, sess.run(grown, {data: []}).tolist())
print(grown.shape, squares.shape, pairs[1].shape, total.shape, running.shape)
