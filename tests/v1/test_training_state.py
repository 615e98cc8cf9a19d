"""Global steps, moving averages and init_from_checkpoint on the Python side."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import noria.v1 as tf
from noria.v1.global_step import get_or_create_global_step_read, increment_global_step


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


@pytest.fixture
def prefix(tmp_path: Path) -> str:
    with tf.Graph().as_default():
        tf.get_variable("w", initializer=np.arange(4, dtype=np.float32))
        tf.get_variable("in/b", initializer=np.float32(5.0))
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            return str(tf.train.Saver().save(session, str(tmp_path / "model")))


def test_one_global_step() -> None:
    step = tf.train.create_global_step()
    with pytest.raises(ValueError, match='"global_step" already exists'):
        tf.train.create_global_step()
    with tf.Session() as session:
        session.run(step.initializer)
        session.run(step.assign_add(3))
        assert tf.train.global_step(session, step) == 3
    tf.add_to_collection(tf.GraphKeys.GLOBAL_STEP, step)
    assert tf.train.get_global_step() is None


def test_what_cannot_be_a_global_step() -> None:
    with pytest.raises(TypeError, match="must be a Variable or Tensor"):
        tf.train.assert_global_step(3)
    with pytest.raises(TypeError, match="does not have integer type"):
        tf.train.assert_global_step(tf.Variable(1.0))
    with pytest.raises(TypeError, match="is not scalar"):
        tf.train.assert_global_step(tf.Variable([1]))


def test_step_is_read_before_it_grows() -> None:
    with pytest.raises(ValueError, match="should be created"):
        increment_global_step(1)
    assert get_or_create_global_step_read() is None
    step = tf.train.create_global_step()
    read = get_or_create_global_step_read()
    assert get_or_create_global_step_read() is read
    grow = increment_global_step(1)
    with tf.Session() as session:
        session.run(step.initializer)
        assert session.run([read, grow])[0] == 0
        assert session.run(step) == 1


def test_only_floats_are_averaged() -> None:
    with pytest.raises(TypeError, match="must be half, float, or double"):
        tf.train.ExponentialMovingAverage(0.9).apply([tf.Variable(1)])


def test_average_follows_and_is_restored_by_name(tmp_path: Path) -> None:
    v = tf.Variable(1.0, name="v")
    ema = tf.train.ExponentialMovingAverage(0.5)
    update = ema.apply([v])
    saver = tf.train.Saver()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(v.assign(3.0))
        session.run(update)
        assert session.run(ema.average(v)) == 2.0
        path = saver.save(session, str(tmp_path / "model"))
    with tf.Graph().as_default(), tf.Session() as session:
        v = tf.Variable(0.0, name="v")
        names = tf.train.ExponentialMovingAverage(0.5).variables_to_restore()
        assert list(names) == ["v/ExponentialMovingAverage"]
        tf.train.Saver(names).restore(session, path)
        assert session.run(v) == 2.0


def test_names_that_are_not_in_the_checkpoint(prefix: str) -> None:
    w = tf.get_variable("w", [4], initializer=tf.zeros_initializer())
    with pytest.raises(ValueError, match="Tensor nothing is not found in"):
        tf.train.init_from_checkpoint(prefix, {"nothing": w})
    with pytest.raises(ValueError, match="should map to scope only"):
        tf.train.init_from_checkpoint(prefix, {"w": "elsewhere"})
    with pytest.raises(ValueError, match=r"Tensor in/w \(w in in/\) is not found"):
        tf.train.init_from_checkpoint(prefix, {"in/": "/"})
    with pytest.raises(ValueError, match=r"Shape of variable other:0 \(\(3,\)\) doesn't match with shape of tensor w"):
        tf.train.init_from_checkpoint(prefix, {"w": tf.get_variable("other", [3])})


def test_takes_values_from_a_folder(prefix: str) -> None:
    w = tf.get_variable("mine", [4], initializer=tf.zeros_initializer())
    tf.train.init_from_checkpoint(str(Path(prefix).parent), {"w": "mine"})
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(w).tolist() == [0.0, 1.0, 2.0, 3.0]
