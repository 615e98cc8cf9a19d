"""tf.TensorSpec."""

from __future__ import annotations

import pickle

import pytest

import noria.v1 as tf


def test_of_a_tensor() -> None:
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 3], name="x")
        spec = tf.TensorSpec.from_tensor(x)
        assert (spec.shape.as_list(), spec.dtype, spec.name) == ([None, 3], tf.float32, "x")
        assert spec.is_compatible_with(x)
        assert tf.TensorSpec([2, 3]).is_compatible_with(x)
        assert not tf.TensorSpec([2, 4]).is_compatible_with(x)
        assert not tf.TensorSpec([None, 3], tf.int32).is_compatible_with(x)
    with pytest.raises(ValueError, match=r"should be a tf\.Tensor"):
        tf.TensorSpec.from_tensor([1.0])


def test_compares_and_travels() -> None:
    spec = tf.TensorSpec([None], tf.string, "words")
    assert spec == tf.TensorSpec.from_spec(spec)
    assert spec != tf.TensorSpec.from_spec(spec, "others")
    assert hash(spec) == hash(tf.TensorSpec([None], tf.string))
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert repr(tf.TensorSpec([2], "int32")) == "TensorSpec(shape=(2,), dtype=tf.int32, name=None)"
