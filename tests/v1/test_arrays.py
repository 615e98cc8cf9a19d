"""Functions of arrays: what they refuse, and what they know while the graph is built."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def _graph() -> Iterator[None]:
    with tf.Graph().as_default():
        yield


def test_both_spellings_of_an_argument_are_refused() -> None:
    x = tf.constant([[1.0]])
    with pytest.raises(ValueError, match="Cannot specify both 'reduction_indices' and 'axis'"):
        tf.reduce_sum(x, axis=0, reduction_indices=1)
    with pytest.raises(ValueError, match="Cannot specify both 'keep_dims' and 'keepdims'"):
        tf.reduce_mean(x, keepdims=True, keep_dims=True)
    with pytest.raises(ValueError, match="'dim' and 'axis'"):
        tf.expand_dims(x, axis=0, dim=1)
    with pytest.raises(ValueError, match="'squeeze_dims' and 'axis'"):
        tf.squeeze(x, axis=0, squeeze_dims=[0])
    with pytest.raises(ValueError, match="Must specify an axis"):
        tf.expand_dims(x)


def test_lists_with_tensors_of_several_dtypes_do_not_become_one_tensor() -> None:
    with pytest.raises(TypeError, match="that don't all match"):
        tf.convert_to_tensor([tf.constant(1.0), tf.constant(1)])


def test_a_list_that_holds_tensors_may_be_asked_for_in_another_dtype() -> None:
    packed = tf.convert_to_tensor([tf.constant(1), 2], dtype=tf.int64)
    assert packed.dtype == tf.int64
    assert packed.op.type == "Pack"


def test_subscripts_that_are_no_indices() -> None:
    x = tf.constant([1, 2, 3])
    with pytest.raises(TypeError, match="Only integers, slices"):
        x[1.5]
    with pytest.raises(TypeError, match="Only integers, slices"):
        x[tf.constant([0, 1])]


def test_masks_must_have_a_known_rank_and_fit() -> None:
    x = tf.zeros([2, 3])
    with pytest.raises(ValueError, match="mask cannot be scalar"):
        tf.boolean_mask(x, True)
    with pytest.raises(ValueError, match="Number of mask dimensions must be specified"):
        tf.boolean_mask(x, tf.placeholder(tf.bool))
    with pytest.raises(ValueError, match="incompatible"):
        tf.boolean_mask(x, [True, False, True])


def test_stacks_and_splits_out_of_range() -> None:
    x = tf.zeros([2])
    with pytest.raises(ValueError, match=r"`axis` = 3 not in range \[-2, 2\)"):
        tf.stack([x, x], axis=3)
    with pytest.raises(ValueError, match="Cannot infer argument `num`"):
        tf.unstack(tf.placeholder(tf.float32, [None]))
    with pytest.raises(ValueError, match="Rank-0 tensors are not supported"):
        tf.split(x, tf.constant(2))


def test_where_takes_both_or_neither() -> None:
    with pytest.raises(ValueError, match="both be non-None or both be None"):
        tf.where([True], x=[1])


def test_one_hot_values_of_different_dtypes() -> None:
    with pytest.raises(TypeError, match="does not match dtype parameter"):
        tf.one_hot([0], 2, on_value=1.5, dtype=tf.int32)
    with pytest.raises(TypeError, match="does not match dtype"):
        tf.one_hot([0], 2, on_value=tf.constant(1.5), off_value=tf.constant(1))


def test_pad_modes() -> None:
    with pytest.raises(ValueError, match='expected to be one of "CONSTANT", "REFLECT", or "SYMMETRIC"'):
        tf.pad([1], [[0, 1]], mode="WRAP")


def test_large_zeros_are_filled_when_they_are_needed() -> None:
    assert tf.zeros([999]).op.type == "Const"
    assert tf.zeros([1000]).op.type == "Fill"
    assert tf.zeros_like(tf.placeholder(tf.float32, [None])).op.type == "ZerosLike"


def test_division_follows_python_three() -> None:
    with tf.Session() as session:
        assert session.run(tf.constant(7) / 2) == 3.5
        assert session.run(tf.constant(-7) // 2) == -4
        assert session.run(tf.div(-7, 2)) == -4
        assert (tf.constant([1], tf.int8) / tf.constant([2], tf.int8)).dtype == tf.float32
    with pytest.raises(TypeError, match="must have the same dtype"):
        tf.constant(1.0) / tf.constant(1)


def test_operators_refuse_other_dtypes() -> None:
    with pytest.raises(TypeError, match="type int32 that does not match type float32"):
        tf.constant(1.0) + tf.constant(1)
    with pytest.raises(TypeError):
        tf.constant(1) + 1.5


def test_numpy_leaves_operators_to_tensors() -> None:
    both = np.ones(2, np.float32) + tf.constant([1.0, 2.0])
    assert isinstance(both, tf.Tensor)
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(both), [2.0, 3.0])


def test_a_tensor_is_equal_only_to_itself() -> None:
    x, y = tf.constant(1), tf.constant(1)
    assert x == x
    assert x != y
    assert len({x, y}) == 2


def test_meshgrid_arguments() -> None:
    assert tf.meshgrid() == []
    with pytest.raises(ValueError, match="must be either 'xy' or 'ij'"):
        tf.meshgrid([1], indexing="yx")
    with pytest.raises(TypeError, match="invalid keyword argument"):
        tf.meshgrid([1], sparse=True)


def test_gradients_do_not_hide_wrong_matrix_arguments() -> None:
    x = tf.zeros([2, 2])
    with pytest.raises(ValueError, match="Only one of `transpose_a` and `adjoint_a`"):
        tf.matmul(x, x, transpose_a=True, adjoint_a=True)
    with pytest.raises(ValueError, match="Different number of contraction axes"):
        tf.tensordot(x, x, [[0], [0, 1]])
    with pytest.raises(ValueError, match="expecting 1"):
        tf.einsum("ij->ji", x, x)
    with pytest.raises(ValueError, match="incorrect format"):
        tf.einsum("i2->i", x)
    with pytest.raises(TypeError, match="Invalid keyword arguments"):
        tf.einsum("ij->ji", x, optimise=True)


def test_sort_directions() -> None:
    with pytest.raises(ValueError, match="should be one of ASCENDING, DESCENDING"):
        tf.sort([1], direction="UP")
    with pytest.raises(ValueError, match="must be a constant scalar"):
        tf.sort([1], axis=tf.placeholder(tf.int32, []))


def test_norms_that_are_not_there() -> None:
    with pytest.raises(ValueError, match="supported vector norm"):
        tf.norm([1.0], ord="nuclear")
    with pytest.raises(ValueError, match="2 unique integers"):
        tf.norm([[1.0]], axis=(0, 0))


def test_random_numbers_want_limits() -> None:
    with pytest.raises(ValueError, match="Must specify maxval for integer dtype"):
        tf.random_uniform([2], dtype=tf.int32)
    with pytest.raises(ValueError, match="invalid value"):
        tf.random_uniform([2], dtype=tf.string)
    with pytest.raises(ValueError, match="both None or not None"):
        tf.random.stateless_uniform([2], [1, 2], minval=0, dtype=tf.int32)


def test_random_numbers_repeat_with_their_seed() -> None:
    drawn = tf.random_normal([3], seed=7)
    with tf.Session() as first, tf.Session() as second:
        once, again = first.run(drawn), first.run(drawn)
        np.testing.assert_array_equal(second.run(drawn), once)
    assert not np.array_equal(once, again)


def test_names_of_early_releases() -> None:
    x = tf.constant([1.0, 2.0])
    with tf.Session() as session:
        np.testing.assert_array_equal(session.run(tf.mul(x, tf.sub(x, 1.0))), [0.0, 2.0])
        np.testing.assert_array_equal(session.run(tf.neg(x)), [-1.0, -2.0])
        np.testing.assert_array_equal(session.run(tf.pack([x, x])), [[1.0, 2.0], [1.0, 2.0]])
        np.testing.assert_array_equal(session.run(tf.unpack(tf.concat_v2([x, x], 0))), [1.0, 2.0, 1.0, 2.0])
        np.testing.assert_array_equal(
            session.run(tf.batch_matmul(tf.ones([2, 1, 2]), tf.ones([2, 2, 1]))), [[[2.0]]] * 2
        )
