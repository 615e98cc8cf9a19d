"""Assertions: what is known fails at once, the rest when it runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def _graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def test_what_is_known_to_be_wrong_fails_at_once() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be one\nCondition x == y did not hold"):
        tf.assert_equal(1, 2, message="must be one")
    with pytest.raises(tf.errors.InvalidArgumentError, match="Condition x > 0 did not hold element-wise"):
        tf.assert_positive([1, 0])
    with pytest.raises(tf.errors.InvalidArgumentError):
        tf.assert_less([1.0], [0.5])


def test_the_rest_fails_when_it_runs() -> None:
    x = tf.placeholder(tf.float32, [None])
    with tf.control_dependencies([tf.assert_positive(x, message="sizes")]):
        y = tf.identity(x)
    with tf.Session() as session:
        assert session.run(y, {x: [1.0]}) == [1.0]
        with pytest.raises(tf.errors.InvalidArgumentError, match="sizes"):
            session.run(y, {x: [0.0]})


def test_ranks() -> None:
    with pytest.raises(ValueError, match=r"Tensor Const:0 must have rank 2.  Received rank 1, shape \(1,\)"):
        tf.assert_rank(tf.constant([1]), 2)
    with pytest.raises(ValueError, match="must have rank at least 2"):
        tf.assert_rank_at_least([1], 2)
    with pytest.raises(ValueError, match=r"must have rank in \(0, 2\)"):
        tf.assert_rank_in([1], [0, 2])
    with pytest.raises(ValueError, match="Rank must be a scalar"):
        tf.assert_rank([1], [1])
    u = tf.placeholder(tf.float32)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="must have rank"):
        session.run(tf.assert_rank(u, 1), {u: 3.0})


def test_dtypes() -> None:
    with pytest.raises(TypeError, match=r"must be of type tf\.int32; got tf\.float32"):
        tf.assert_type(1.5, tf.int32)
    with pytest.raises(TypeError, match='Expected "x" to be integer type'):
        tf.assert_integer(1.5)
    with pytest.raises(ValueError, match="must be of the same type"):
        tf.assert_same_float_dtype([tf.constant(1.0), tf.constant(1.0, tf.float64)])
    with pytest.raises(ValueError, match="Expected floating point type"):
        tf.assert_same_float_dtype([tf.constant(1)])
    assert tf.assert_same_float_dtype() == tf.float32
    with pytest.raises(ValueError, match="Expected scalar shape"):
        tf.assert_scalar([1])


def test_iterables() -> None:
    tf.assert_proper_iterable([1])
    for value in (tf.constant(1), "text", 3):
        with pytest.raises(TypeError, match='Expected argument "values"'):
            tf.assert_proper_iterable(value)


def test_groups() -> None:
    with pytest.raises(ValueError, match="Unknown keyword arguments: nam"):
        tf.group(nam="x")
    with pytest.raises(TypeError, match="should be zero or more"):
        tf.group(3)
    with pytest.raises(ValueError, match="at least one Tensor"):
        tf.tuple([None])
    with pytest.raises(TypeError, match="must only contain Operation or Tensor"):
        tf.tuple([tf.constant(1)], control_inputs=[3])


def test_numbers_that_are_not_finite() -> None:
    x = tf.placeholder(tf.float32)
    with tf.Session() as session, pytest.raises(tf.errors.InvalidArgumentError, match="no good"):
        session.run(tf.verify_tensor_all_finite(x, "no good"), {x: float("nan")})
    with pytest.raises(ValueError, match="'msg' and 'message'"):
        tf.verify_tensor_all_finite(x, "a", message="b")


def test_clipping_keeps_the_shape() -> None:
    with pytest.raises(ValueError, match="incompatible"):
        tf.clip_by_value(tf.constant(1.0), [0.0, 0.0], 1.0)
    with pytest.raises(TypeError, match="should be a sequence of tensors"):
        tf.global_norm(tf.constant(1.0))
