"""tf.contrib.framework and tf.contrib.slim: variables by name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import noria.v1 as tf


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


framework = tf.contrib.framework


def test_by_scope_suffix_and_name() -> None:
    with tf.variable_scope("a") as scope:
        w = framework.model_variable("w", [2], initializer=tf.zeros_initializer())
        b = framework.variable("b", [2], trainable=False, device="/cpu:0")
    other = framework.variable("w", [2])
    local = framework.local_variable(0, name="n")
    assert framework.get_variables() == [w, b, other]
    assert framework.get_variables(scope) == [w, b]
    assert framework.get_variables(suffix="w") == [w, other]
    assert framework.get_model_variables() == [w] == tf.contrib.slim.get_model_variables()
    assert framework.get_trainable_variables() == [w, other]
    assert framework.get_local_variables() == [local]
    assert framework.get_variables_by_name("w") == [w, other]
    assert framework.get_variables_by_suffix("b") == [b]
    assert b.device == "/device:CPU:0"
    framework.add_model_variable(other)
    framework.add_model_variable(other)
    assert tf.model_variables() == [w, other]


def test_unique_and_filtered() -> None:
    with tf.variable_scope("a"):
        w, b = tf.get_variable("w", [1]), tf.get_variable("b", [1])
    assert framework.get_unique_variable("a/w") is w
    with pytest.raises(ValueError, match="Couldn't find variable nothing"):
        framework.get_unique_variable("nothing")
    with pytest.raises(ValueError, match="does not uniquely identify"):
        framework.get_unique_variable("a/")
    assert framework.filter_variables([w, b], ["a/"], ["b$"]) == [w]
    assert framework.filter_variables([w, b], ["w"], reg_search=False) == []
    assert framework.get_variables_to_restore(exclude=["a/b"]) == [w]
    assert framework.get_variables_to_restore(include=["a/b"]) == [b]
    assert framework.get_variable_full_name(w) == "a/w"


def test_values_given_by_name() -> None:
    w = tf.get_variable("w", [2, 2])
    set_w = framework.assign_from_values_fn({"w": [1, 2, 3, 4]})
    with tf.Session() as session:
        set_w(session)
        assert session.run(w).tolist() == [[1.0, 2.0], [3.0, 4.0]]
