"""Variables on the Python side: errors, messages for MetaGraphs, operators, values in sessions."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import noria.v1 as tf
from noria.protos.tensorflow import VariableDef


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


def test_is_an_instance_of_variable_whatever_its_kind() -> None:
    for kind in (False, True):
        v = tf.Variable(1.0, use_resource=kind)
        assert isinstance(v, tf.Variable)
        assert tf.is_tensor(v)
        assert v.trainable
        assert v.synchronization is tf.VariableSynchronization.AUTO
        assert v.aggregation is tf.VariableAggregation.NONE
        assert v.shape == [] == v.get_shape()
        assert v.ref() == v.experimental_ref()
        assert repr(v).startswith("<tf.Variable 'Variable")


def test_arguments_are_checked() -> None:
    with pytest.raises(ValueError, match="initial_value must be specified"):
        tf.Variable()
    with pytest.raises(TypeError, match="unexpected keyword argument 'shapes'"):
        tf.Variable(1, shapes=2)
    with pytest.raises(TypeError, match="multiple values for argument 'initial_value'"):
        tf.Variable(1, initial_value=2)
    with pytest.raises(ValueError, match="collections argument to Variable constructor must be a list"):
        tf.Variable(1, collections="variables")
    with pytest.raises(ValueError, match="must be a callable"):
        tf.Variable(1, constraint=3)
    with pytest.raises(ValueError, match="initial_value must have a shape specified"):
        tf.Variable(tf.placeholder(tf.float32, [None]))
    with pytest.raises(ValueError, match="Invalid variable aggregation mode"):
        tf.Variable(1, aggregation=9)
    with pytest.raises(ValueError, match="Invalid variable synchronization mode"):
        tf.Variable(1, synchronization=9)


def test_on_read_variables_are_not_trainable() -> None:
    v = tf.Variable(1.0, synchronization=tf.VariableSynchronization.ON_READ)
    assert not v.trainable
    assert tf.trainable_variables() == []


def test_kind_follows_scope_and_process() -> None:
    with tf.variable_scope("s", use_resource=True):
        assert hasattr(tf.Variable(1.0), "handle")
    assert not hasattr(tf.Variable(1.0), "handle")
    tf.enable_resource_variables()
    try:
        assert tf.resource_variables_enabled()
        assert hasattr(tf.Variable(1.0), "handle")
        assert not hasattr(tf.Variable(1.0, use_resource=False), "handle")
    finally:
        tf.disable_resource_variables()


@pytest.mark.parametrize("kind", [False, True])
def test_message_and_back(kind: bool) -> None:
    with tf.name_scope("scope"):
        v = tf.Variable([1.0, 2.0], name="v", use_resource=kind, trainable=False)
    v._set_save_slice_info(tf.Variable.SaveSliceInfo("scope/whole", [4], [2], [2]))
    proto = v.to_proto()
    assert isinstance(proto, VariableDef)
    assert proto.variable_name == "scope/v:0"
    assert proto.is_resource is kind
    again = tf.Variable.from_proto(proto)
    assert again.name == v.name
    assert again.initializer is v.initializer
    assert again.initial_value is v.initial_value
    assert not again.trainable
    assert again._get_save_slice_info().spec == "4 2,2"
    assert again.shape == [2]
    assert again.to_proto() == proto
    assert v.to_proto("elsewhere") is None
    short = v.to_proto("scope")
    assert short.variable_name == "v:0"
    assert short.save_slice_info_def.full_name == "whole"
    assert tf.Variable.from_proto(short, import_scope="scope").name == "scope/v:0"


@pytest.mark.parametrize("kind", [False, True])
def test_load_eval_and_assign(kind: bool) -> None:
    v = tf.Variable([1.0, 2.0], use_resource=kind)
    with pytest.raises(ValueError, match="default session should be established"):
        v.load([0.0, 0.0])
    with tf.Session() as session:
        with pytest.raises(tf.errors.FailedPreconditionError):
            session.run(v)
        session.run(v.initializer)
        np.testing.assert_array_equal(v.eval(), [1.0, 2.0])
        v.load([3.0, 4.0])
        np.testing.assert_array_equal(session.run(v.value()), [3.0, 4.0])
        np.testing.assert_array_equal(session.run(v.assign_add([1.0, 1.0])), [4.0, 5.0])
        assert session.run(v.assign([7.0, 8.0], read_value=False)) is None
        np.testing.assert_array_equal(session.run(v.read_value()), [7.0, 8.0])
        np.testing.assert_array_equal(session.run(v, {v: [0.0, 1.0]}), [0.0, 1.0])


def test_sessions_have_their_own_values() -> None:
    v = tf.Variable(1)
    with tf.Session() as first, tf.Session() as second:
        first.run(v.initializer)
        second.run(v.initializer)
        first.run(tf.assign(v, 5))
        assert first.run(v) == 5
        assert second.run(v) == 1


@pytest.mark.parametrize("kind", [True, False])
def test_what_was_fetched_stays_as_it_was(kind: bool) -> None:
    v = tf.Variable([1.0, 2.0], use_resource=kind)
    step = tf.assign_add(v, tf.fill([2], 1.0))
    with tf.control_dependencies([tf.identity(v.read_value(), name="before")]):
        after_read = tf.assign_add(v, [1.0, 1.0])
    with tf.Session() as session:
        session.run(v.initializer)
        fetched = [session.run(v), session.run(step), session.run(v.read_value())]
        session.run(step.op)
        fetched.append(session.run(v))
        session.run([step.op, tf.group(step)])
        before, after = session.run(["before:0", after_read])
        assert [f.tolist() for f in fetched] == [[1, 2], [2, 3], [2, 3], [3, 4]]
        assert (before.tolist(), after.tolist()) == ([4, 5], [5, 6])
        fetched[0][:] = 7  # what a caller got is the caller's
        assert session.run(v).tolist() == [5, 6]


@pytest.mark.parametrize("kind", [True, False])
def test_a_fill_added_to_a_variable_keeps_its_rules(kind: bool) -> None:
    v = tf.Variable(tf.zeros([300, 300], tf.int32), use_resource=kind)
    size, number = tf.placeholder(tf.int32, [2]), tf.placeholder(tf.int32, [])
    step = tf.assign_sub(v, tf.fill(size, number))
    with tf.Session() as session:
        session.run(v.initializer)
        for _ in range(3):
            session.run(step.op, {size: [300, 300], number: 2})
        assert (session.run(v) == -6).all()
        with pytest.raises(tf.errors.InvalidArgumentError, match="shape"):
            session.run(step.op, {size: [300, 1], number: 2})
        with pytest.raises(tf.errors.InvalidArgumentError, match="Dimension -1 must be >= 0"):
            session.run(step.op, {size: [300, -1], number: 2})
        assert (session.run(v) == -6).all()


def test_assigning_another_shape() -> None:
    v = tf.Variable([1.0, 2.0], use_resource=True)
    with pytest.raises(ValueError, match="Shape mismatch"):
        v.assign([1.0, 2.0, 3.0])
    with pytest.raises(TypeError, match="is not IndexedSlices"):
        v.scatter_add([1.0])
    with pytest.raises(RuntimeError, match=r"variable \+= value"):
        v += 1.0


def test_creators_see_every_argument() -> None:
    seen: list[dict[str, object]] = []

    def creator(next_creator: object, **arguments: object) -> object:
        seen.append(arguments)
        return next_creator(**arguments)  # type: ignore[operator]

    with tf.variable_creator_scope(creator):
        tf.Variable(1.0, name="v")
    tf.Variable(1.0, name="w")
    assert [a["name"] for a in seen] == ["v"]


def test_names_in_report_and_lists() -> None:
    tf.Variable(1, name="a")
    local = tf.Variable(1, name="b", collections=[tf.GraphKeys.LOCAL_VARIABLES])
    report = tf.report_uninitialized_variables()
    with tf.Session() as session:
        assert list(session.run(report)) == [b"a", b"b"]
        session.run(tf.local_variables_initializer())
        assert list(session.run(report)) == [b"a"]
        session.run(tf.global_variables_initializer())
        assert list(session.run(report)) == []
        session.run(tf.assert_variables_initialized([local]))
