"""RNN cells by hand, static and dynamic, with sequence lengths; saved, imported by MetaGraph, run by name."""
# mypy: ignore-errors

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
folder = sys.argv[1].partition("=")[2]
steps, inputs, neurons = 3, 2, 4
fill = tf.constant_initializer(np.linspace(-0.5, 0.5, 7)[3] + 0.1)

x = tf.placeholder(tf.float32, [None, steps, inputs], name="x")
lengths = tf.placeholder(tf.int32, [None], name="lengths")
batch = np.arange(12, dtype=np.float32).reshape(2, steps, inputs) / 10

with tf.variable_scope("plain", initializer=fill):
    wx, wy = tf.get_variable("wx", [inputs, neurons]), tf.get_variable("wy", [neurons, neurons])
    state = tf.zeros([tf.shape(x)[0], neurons])
    for t in tf.unstack(tf.transpose(x, perm=[1, 0, 2])):
        state = tf.tanh(tf.matmul(t, wx) + tf.matmul(state, wy))
with tf.variable_scope("basic", initializer=fill):
    basic = tf.nn.rnn_cell.BasicRNNCell(num_units=neurons)
    outputs, last = tf.nn.dynamic_rnn(basic, x, dtype=tf.float32, sequence_length=lengths)
with tf.variable_scope("deep", initializer=fill):
    cells = [tf.nn.rnn_cell.BasicLSTMCell(neurons), tf.nn.rnn_cell.BasicLSTMCell(3)]
    deep = tf.nn.rnn_cell.MultiRNNCell(cells)
    deep_outputs, deep_state = tf.nn.dynamic_rnn(deep, x, dtype=tf.float32)
with tf.variable_scope("gru", initializer=fill):
    gru = tf.nn.rnn_cell.DropoutWrapper(tf.nn.rnn_cell.GRUCell(2), input_keep_prob=1.0)
    gru_outputs, _ = tf.nn.static_rnn(gru, tf.unstack(x, axis=1), dtype=tf.float32)
both = tf.concat([last, deep_state[1].h, gru_outputs[-1]], 1, name="both")
mask = tf.sequence_mask(lengths, steps, dtype=tf.float32)
masked = tf.reduce_sum(outputs * tf.expand_dims(mask, -1), axis=1, name="masked")
saver = tf.train.Saver()

print([(v.name, v.shape.as_list()) for v in tf.trainable_variables()])
print(outputs.shape, last.shape, deep_state[0].c.shape, both.shape)
with tf.Session() as sess:
    tf.global_variables_initializer().run()
    feed = {x: batch, lengths: [3, 1]}
    print(np.round(state.eval(feed), 4).tolist())
    print(np.round(sess.run(outputs, feed), 4).tolist())
    print(np.round(sess.run(both, feed_dict=feed), 4).tolist())
    values = sess.run({"state": deep_state, "masked": masked}, feed)
    print(type(values["state"][0]).__name__, np.round(values["state"][0].c, 4).tolist())
    path = saver.save(sess, os.path.join(folder, "rnn"))
tf.reset_default_graph()
with tf.Session() as sess:
    tf.train.import_meta_graph(path + ".meta").restore(sess, path)
    print(np.round(sess.run("both:0", {"x:0": batch[:1], "lengths:0": [2]}), 4).tolist())
