"""Variable scopes, reuse, assignment, slices of variables, counters shared between sessions of one graph."""
# mypy: ignore-errors

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def layer(x, units, activation=None, name=None):
    with tf.variable_scope(name, default_name="layer"):
        n = int(x.get_shape()[1])
        w = tf.get_variable("w", [n, units], initializer=tf.constant_initializer(1.0 / n))
        b = tf.get_variable("b", [units], initializer=tf.zeros_initializer)
        z = tf.matmul(x, w) + b
        return activation(z) if activation is not None else z


x = tf.placeholder(tf.float32, shape=(None, 3), name="X")
with tf.name_scope("dnn"):
    hidden = layer(x, 4, tf.nn.elu, name="hidden")
    logits = layer(hidden, 2)
with tf.variable_scope("hidden", reuse=True):
    shared = tf.get_variable("w")
with tf.variable_scope("relu"):
    threshold = tf.get_variable("threshold", shape=(), initializer=tf.constant_initializer(0.0))


def relu(values):
    with tf.variable_scope("relu", reuse=tf.AUTO_REUSE):
        return tf.maximum(values, tf.get_variable("threshold", shape=()), name="max")


relus = [relu(x) for _ in range(3)]
output = tf.add_n(relus, name="output")
counter = tf.Variable(0, name="counter", trainable=False)
count = counter.assign_add(1)
rows = tf.Variable(np.arange(6.0).reshape(3, 2), name="rows")
patch = tf.scatter_update(rows, [0, 2], [[9.0, 9.0], [8.0, 8.0]])
corner = rows[1:, :1].assign([[-1.0], [-2.0]])

print([v.name for v in tf.global_variables()])
print([v.op.name for v in tf.trainable_variables(scope="hidden")], shared.name, logits.name, logits.shape)
print([t.name for t in relus], output.op.type, [c.name for c in tf.get_default_graph().get_operations()][:5])
for attempt in ("reuse", "again", "shape"):
    try:
        with tf.variable_scope("hidden", reuse=attempt != "again"):
            tf.get_variable("missing" if attempt == "reuse" else "w", [5, 5] if attempt == "shape" else [3, 4])
    except ValueError as error:
        print(attempt, str(error).split(".")[0].split(", ")[0])

first, second = tf.Session(), tf.Session()
for sess in (first, second):
    sess.run(tf.global_variables_initializer())
print([first.run(count), first.run(count), second.run(count)])
print(first.run(patch).shape, first.run(corner).shape, first.run(rows).tolist(), second.run(rows).tolist())
with first.as_default():
    threshold.load(2.0)
    print(output.eval({x: [[1, 2, 3]]}).tolist(), np.round(logits.eval({x: [[1, 2, 3]]}), 5).tolist())
    print(shared.eval().tolist()[0], tf.global_norm([shared]).eval() > 0, threshold.value().eval())
print(second.run(output, {x: [[1, 2, -3]]}).tolist())
print(second.run(tf.trainable_variables())[0].sum(), second.run("hidden/w:0").dtype)
