"""Variable scopes: what is refused, and in which words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


def test_a_name_is_given_once() -> None:
    tf.get_variable("x", [1])
    with pytest.raises(ValueError, match=r"Variable x already exists, disallowed\. Did you mean to set reuse=True"):
        tf.get_variable("x", [1])


def test_reuse_needs_a_variable() -> None:
    with (
        tf.variable_scope("s", reuse=True),
        pytest.raises(ValueError, match=r"Variable s/x does not exist, or was not created with tf.get_variable\(\)"),
    ):
        tf.get_variable("x", [1])


def test_sharing_with_another_shape_or_dtype() -> None:
    tf.get_variable("x", [1])
    with tf.variable_scope("", reuse=True):
        with pytest.raises(ValueError, match=r"share variable x, but specified shape \(2,\) and found shape \(1,\)"):
            tf.get_variable("x", [2])
        with pytest.raises(ValueError, match="specified dtype int32 and found dtype float32"):
            tf.get_variable("x", [1], tf.int32)


def test_initializers_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="If initializer is a constant, do not specify shape"):
        tf.get_variable("x", [1], initializer=tf.constant([1.0]))
    with pytest.raises(ValueError, match="did not get an initializer, so its `shape` argument must be specified"):
        tf.get_variable("x")
    with pytest.raises(ValueError, match="The initializer passed is not valid"):
        tf.get_variable("x", initializer=tf.ones_initializer())
    with pytest.raises(ValueError, match="don't match"):
        tf.get_variable("x", initializer=tf.constant([1.0]), dtype=tf.int32)
    with pytest.raises(ValueError, match="An initializer for variable x of"):
        tf.get_variable("x", [1], tf.complex64)


def test_scope_arguments() -> None:
    with pytest.raises(TypeError, match="name_or_scope is required"):
        tf.variable_scope(None)
    with pytest.raises(ValueError, match="The reuse parameter must be True or False or None"):
        tf.variable_scope("a", reuse="yes")
    with (
        pytest.raises(ValueError, match="reuse=True cannot be used without a name_or_scope"),
        tf.variable_scope(None, "a", reuse=True),
    ):
        pass
    with pytest.raises(TypeError, match="must be a string or VariableScope"), tf.variable_scope(3):
        pass


def test_partitioned_and_whole_do_not_mix() -> None:
    two = tf.fixed_size_partitioner(2)
    tf.get_variable("a", [4], partitioner=two)
    with pytest.raises(ValueError, match="No partitioner was provided, but a partitioned version"):
        tf.get_variable("a", [4])
    tf.get_variable("b", [4])
    with pytest.raises(ValueError, match="A partitioner was provided, but an unpartitioned version"):
        tf.get_variable("b", [4], partitioner=two)
    with pytest.raises(ValueError, match="Partitioned variable with name a already exists"):
        tf.get_variable("a", [4], partitioner=two)
    with tf.variable_scope("", reuse=True):
        with pytest.raises(ValueError, match="specified partitions"):
            tf.get_variable("a", [4], partitioner=tf.fixed_size_partitioner(4))
        with pytest.raises(ValueError, match="PartitionedVariable c does not exist"):
            tf.get_variable("c", [4], partitioner=two)
    with pytest.raises(ValueError, match="Can only slice a variable along one dimension"):
        tf.get_variable("d", [4, 4], partitioner=lambda shape, dtype: [2, 2])


def test_getters_and_templates_are_checked() -> None:
    with pytest.raises(ValueError, match="not callable"):
        tf.get_variable("a", [1], custom_getter=3)

    def grows(state: list[int]) -> Any:
        state.append(1)
        return tf.Variable(1.0) if len(state) > 1 else tf.constant(1.0)

    template = tf.make_template("t", grows, state=[])
    template()
    with pytest.raises(ValueError, match="Trainable variable created when calling a template after the first time"):
        template()


def test_scopes_know_their_variables() -> None:
    with tf.variable_scope("s") as scope:
        x = tf.get_variable("x", [1])
        y = tf.get_variable("y", [1], trainable=False)
        z = tf.get_local_variable("z", [1])
    tf.get_variable("x", [1])
    assert scope.global_variables() == [x, y]
    assert scope.trainable_variables() == [x]
    assert scope.local_variables() == [z]
    assert scope.get_collection("nothing") == []


def test_each_graph_has_its_own() -> None:
    x = tf.get_variable("x", [1])
    with tf.Graph().as_default():
        assert tf.get_variable("x", [1]) is not x
