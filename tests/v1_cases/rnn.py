"""Recurrent cells and networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


def _inputs(seed: int, *shape: int) -> Any:
    return np.random.RandomState(seed).uniform(-1, 1, shape).astype(np.float32)


def _constant(tf: Any) -> Any:
    return tf.constant_initializer(0.1)


@case
def one_step_of_each_cell(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    cells = tf.nn.rnn_cell
    with tf.variable_scope("cells", initializer=tf.random_uniform_initializer(-0.5, 0.5, seed=1)):
        made = [
            cells.BasicRNNCell(4),
            cells.GRUCell(4),
            cells.BasicLSTMCell(4, forget_bias=0.5),
            cells.LSTMCell(4, use_peepholes=True, num_proj=2, cell_clip=3.0),
        ]
        found = [cell(x, cell.zero_state(2, tf.float32)) for cell in made]
    return found, {x: _inputs(0, 2, 3)}


@case
def dynamic(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 5, 3], name="x")
    with tf.variable_scope("net", initializer=_constant(tf)):
        outputs, state = tf.nn.dynamic_rnn(tf.nn.rnn_cell.BasicLSTMCell(4), x, dtype=tf.float32)
    return [outputs, state], {x: _inputs(1, 2, 5, 3)}


@case
def dynamic_with_lengths(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, None, 3], name="x")
    n = tf.placeholder(tf.int32, [None], name="lengths")
    cell = tf.nn.rnn_cell.GRUCell(4, kernel_initializer=_constant(tf))
    outputs, state = tf.nn.dynamic_rnn(cell, x, sequence_length=n, dtype=tf.float32)
    return [outputs, state], {x: _inputs(2, 2, 4, 3), n: [4, 2]}


@case
def layers_of_cells(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [4, None, 3], name="x")
    cell = tf.nn.rnn_cell.MultiRNNCell(
        [tf.nn.rnn_cell.LSTMCell(n, initializer=_constant(tf), activation=tf.nn.relu) for n in (4, 2)]
    )
    outputs, state = tf.nn.dynamic_rnn(cell, x, dtype=tf.float32, time_major=True)
    return [outputs, state], {x: _inputs(3, 4, 2, 3)}


@case
def both_ways(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [2, 4, 3], name="x")
    with tf.variable_scope("net", initializer=_constant(tf)):
        cells = [tf.nn.rnn_cell.BasicRNNCell(2) for _ in range(2)]
        found = tf.nn.bidirectional_dynamic_rnn(*cells, x, sequence_length=[4, 3], dtype=tf.float32)
    return found, {x: _inputs(4, 2, 4, 3)}


@case
def static(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [2, 3, 3], name="x")
    with tf.variable_scope("net", initializer=_constant(tf)):
        steps = tf.unstack(x, axis=1)
        plain = tf.nn.static_rnn(tf.nn.rnn_cell.BasicLSTMCell(2), steps, dtype=tf.float32)
        lengths = tf.nn.static_rnn(
            tf.nn.rnn_cell.BasicRNNCell(2), steps, dtype=tf.float32, sequence_length=[3, 1], scope="short"
        )
    return [plain, lengths], {x: _inputs(5, 2, 3, 3)}
