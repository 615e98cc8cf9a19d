"""The global step, moving averages, and variables that begin with a checkpoint's values."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from v1_cases import case


@case
def global_step(tf: Any) -> Any:
    assert tf.train.get_global_step() is None
    step = tf.train.get_or_create_global_step()
    assert tf.train.get_global_step() is step
    assert tf.train.get_or_create_global_step() is step
    tf.train.assert_global_step(step)
    return tf.assign_add(step, 1)


@case
def own_global_step(tf: Any) -> Any:
    step = tf.Variable(5, name="global_step", trainable=False)
    assert tf.train.get_global_step() is tf.get_default_graph().get_tensor_by_name("global_step:0")
    return step


@case
def averages(tf: Any) -> Any:
    a = tf.Variable([1.0, 2.0], name="a")
    b = tf.get_variable("scope/b", initializer=np.float64(3.0))
    ema = tf.train.ExponentialMovingAverage(0.9)
    assert ema.average(a) is None
    assert ema.average_name(a) == "a/ExponentialMovingAverage"
    apply = ema.apply([a, b])
    assert ema.name == "ExponentialMovingAverage"
    assert ema.average_name(b) == "scope/b/ExponentialMovingAverage"
    assert tf.moving_average_variables() == [a, b]
    names = sorted(ema.variables_to_restore())
    assert names == ["a/ExponentialMovingAverage", "scope/b/ExponentialMovingAverage"]
    with tf.control_dependencies([apply]):
        return [ema.average(a).read_value(), ema.average(b).read_value()]


@case
def resource_averages(tf: Any) -> Any:
    a = tf.Variable([1.0, 2.0], name="a", use_resource=True)
    step = tf.Variable(10, name="step", trainable=False)
    ema = tf.train.ExponentialMovingAverage(0.99, num_updates=step, name="avg")
    change = a.assign_add([1.0, 1.0])
    with tf.control_dependencies([change.op]):
        apply = ema.apply()
    with tf.control_dependencies([apply]):
        return ema.average(a).read_value()


@case
def averages_of_tensors(tf: Any) -> Any:
    x = tf.constant([2.0, 4.0], name="x")
    ema = tf.train.ExponentialMovingAverage(0.5, zero_debias=True)
    apply = ema.apply([x])
    with tf.control_dependencies([apply]):
        return ema.average(x).read_value()


def checkpoint(tf: Any) -> str:
    """A checkpoint that is at the same place in every run."""
    folder = Path(tempfile.gettempdir()) / "noria_case_checkpoint"
    with tf.Graph().as_default():
        tf.get_variable("w", initializer=np.arange(6, dtype=np.float32).reshape(3, 2))
        with tf.variable_scope("old"):
            tf.get_variable("b", initializer=np.int64(7))
            tf.get_variable("deep/c", initializer=np.ones((2,), np.float32))
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            return str(tf.train.Saver().save(session, str(folder / "model"), write_meta_graph=False))


@case
def from_checkpoint(tf: Any) -> Any:
    prefix = checkpoint(tf)
    zeros = tf.zeros_initializer()
    with tf.variable_scope("new"):
        b = tf.get_variable("b", [], tf.int64, initializer=zeros)
        c = tf.get_variable("deep/c", [2], initializer=zeros, use_resource=True)
    w = tf.get_variable("w", [3, 2], initializer=zeros)
    again = tf.get_variable("again", [3, 2], initializer=zeros)
    parts = tf.get_variable("parts", [3, 2], initializer=zeros, partitioner=tf.fixed_size_partitioner(2))
    tf.train.init_from_checkpoint(prefix, {"old/": "new/", "w": w})
    tf.train.init_from_checkpoint(str(Path(prefix).parent), [("w", "again"), ("w", list(parts))])
    assert w.initial_value.op.type == "RestoreV2"
    return [b, c, w, again, *parts]


@case
def from_checkpoint_root(tf: Any) -> Any:
    prefix = checkpoint(tf)
    zeros = tf.zeros_initializer()
    w = tf.get_variable("w", [3, 2], initializer=zeros)
    b = tf.get_variable("old/b", [], tf.int64, initializer=zeros)
    tf.train.init_from_checkpoint(prefix, {"/": "/"})
    return [w, b]
