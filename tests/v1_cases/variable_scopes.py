"""Variable scopes: names of variables and of operations, sharing, defaults, getters, partitions, templates."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def scopes_and_names(tf: Any) -> Any:
    with tf.variable_scope("a") as scope:
        x = tf.get_variable("x", [2], initializer=tf.zeros_initializer())
        tf.constant(1.0, name="op")
        with tf.variable_scope("b"):
            y = tf.get_variable("y", initializer=np.float32(3.0))
            tf.constant(1.0, name="op")
        assert scope.original_name_scope == "a/"
    with tf.variable_scope("a", reuse=True) as again:
        assert tf.get_variable("x", [2]) is x
        tf.constant(1.0, name="op")
        assert again.original_name_scope == "a_1/"
    with tf.variable_scope(scope, reuse=True):
        assert tf.get_variable("b/y") is y
        tf.constant(1.0, name="op")
    with tf.variable_scope(scope, auxiliary_name_scope=False), tf.name_scope(scope.original_name_scope):
        tf.constant(1.0, name="op")
    with tf.name_scope("names"), tf.variable_scope("c"):
        z = tf.get_variable("z", [], initializer=tf.constant_initializer(2.0))
        made = tf.Variable(1.0, name="made")
    with tf.variable_scope("auto", reuse=tf.AUTO_REUSE) as auto:
        first = tf.get_variable("v", [1], initializer=tf.ones_initializer())
        assert tf.get_variable("v", [1]) is first
        auto.reuse_variables()
        assert auto.reuse is True
    with tf.variable_scope(""):
        plain = tf.get_variable("plain", [1], initializer=tf.ones_initializer())
    return [x, y, z, made, first, plain]


@case
def default_names(tf: Any) -> Any:
    found = []
    for _ in range(2):
        with tf.variable_scope(None, "layer") as scope:
            found.append(tf.get_variable("w", [1], initializer=tf.ones_initializer()))
            tf.constant(0, name=scope.name.replace("/", "_"))
            for _ in range(2):
                with tf.variable_scope(None, default_name="inner"):
                    found.append(tf.get_variable("w", [1], initializer=tf.ones_initializer()))
    with tf.variable_scope("layer"), tf.variable_scope(None, "inner"):
        found.append(tf.get_variable("u", [1], initializer=tf.ones_initializer()))
    with tf.variable_scope("given", "unused", [found[0]]):
        found.append(tf.get_variable("w", [1], initializer=tf.ones_initializer()))
    with tf.variable_op_scope([found[0]], None, "old"):
        found.append(tf.get_variable("w", [1], initializer=tf.ones_initializer()))
    reenter = tf.variable_scope("twice")
    for i in range(2):
        with reenter:
            tf.constant(0, name="op")
            found.append(tf.get_variable(f"v{i}", [1], initializer=tf.ones_initializer()))
    return found


@case
def inherited_settings(tf: Any) -> Any:
    def scaled(getter: Any, name: str, *args: Any, **keywords: Any) -> Any:
        keywords["trainable"] = False
        return getter(f"{name}_scaled", *args, **keywords)

    def outer(getter: Any, name: str, **keywords: Any) -> Any:
        return getter(f"{name}_outer", **keywords)

    with tf.variable_scope("s", initializer=tf.constant_initializer(4.0), dtype=tf.float64, use_resource=True):
        a = tf.get_variable("a", [2])
        with tf.variable_scope("t", dtype=tf.float32) as inner:
            b = tf.get_variable("b", [2])
            inner.set_use_resource(False)
            inner.set_initializer(tf.ones_initializer())
            c = tf.get_variable("c", [2])
    with tf.variable_scope("g", custom_getter=outer), tf.variable_scope("h", custom_getter=scaled):
        d = tf.get_variable("d", [1], initializer=tf.ones_initializer())
    tf.get_variable_scope().set_regularizer(tf.no_regularizer)
    local = tf.get_local_variable("local", [1], initializer=tf.zeros_initializer())
    e = tf.get_variable("ints", [2], tf.int32)
    f = tf.get_variable("flags", [2], tf.bool)
    text = tf.get_variable("text", [2], tf.string)
    given = tf.get_variable("given", initializer=tf.constant([1, 2, 3]))
    made = tf.get_variable("made", initializer=lambda: tf.constant([5.0]))
    kind = tf.get_variable("kind", [2], initializer=tf.zeros_initializer, dtype=tf.int64)
    assert [v.name for v in tf.trainable_variables()][:3] == ["s/a:0", "s/t/b:0", "s/t/c:0"]
    assert tf.get_variable_scope().name == ""
    return [a, b, c, d, local, e, f, text, given, made, kind]


@case
def regularizers(tf: Any) -> Any:
    def loss(w: Any) -> Any:
        return tf.raw_ops.L2Loss(t=w, name="loss")

    with tf.variable_scope("r", regularizer=loss):
        a = tf.get_variable("a", [2], initializer=tf.ones_initializer())
        b = tf.get_variable("b", [2], initializer=tf.ones_initializer(), regularizer=tf.no_regularizer)
        c = tf.get_variable("c", [2], initializer=tf.ones_initializer(), use_resource=True)
    losses = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    return [a, b, c, tf.raw_ops.AddN(inputs=losses), *losses]


@case(values=False)
def default_initializers(tf: Any) -> Any:
    tf.get_variable("w", [3, 4])
    tf.get_variable("r", [3, 4], use_resource=True)
    tf.get_variable("half", [5], tf.float16)
    with tf.variable_scope("in"), tf.device("/cpu:0"):
        return tf.get_variable("w", [2, 2, 3, 4], tf.float64)


@case
def partitions(tf: Any) -> Any:
    one = tf.ones_initializer()
    with tf.variable_scope("p", partitioner=tf.fixed_size_partitioner(3)):
        a = tf.get_variable("a", [7, 2], initializer=one)
        scalar = tf.get_variable("scalar", [], initializer=one)
    b = tf.get_variable(
        "b", [4, 6], initializer=one, partitioner=tf.variable_axis_size_partitioner(32, axis=1, max_shards=4)
    )
    c = tf.get_variable("c", [4, 6], initializer=one, partitioner=tf.min_max_variable_partitioner(2, 0, 16))
    whole = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    d = tf.get_variable("d", initializer=whole, partitioner=tf.fixed_size_partitioner(2))
    single = tf.get_variable("single", [2], initializer=one, partitioner=tf.fixed_size_partitioner(1))
    drawn = tf.get_variable("drawn", [4, 2], partitioner=tf.fixed_size_partitioner(2), use_resource=True)
    made = tf.create_partitioned_variables([4, 2], [2, 1], one, name="made")
    with tf.variable_scope("", reuse=True):
        assert tf.get_variable("d") is d
    assert [v._get_save_slice_info().spec for v in d] == ["3 2 0,2:0,2", "3 2 2,1:0,2"]
    assert [len(a), len(b), len(c), drawn.shape.as_list()] == [3, 3, 2, [4, 2]]
    return [a.as_tensor(), scalar, b.as_tensor(), c.as_tensor(), tf.convert_to_tensor(d), single.as_tensor(), *made]


@case
def partition_assignments(tf: Any) -> Any:
    one = tf.ones_initializer()
    a = tf.get_variable("a", [3, 2], initializer=one, partitioner=tf.fixed_size_partitioner(2))
    b = tf.get_variable("b", [3, 2], initializer=one, partitioner=tf.fixed_size_partitioner(2))
    return [a.assign(np.arange(6, dtype=np.float32).reshape(3, 2)), *b.assign_add(np.ones((3, 2), np.float32))]


@case
def templates(tf: Any) -> Any:
    def scale(x: Any, by: str) -> Any:
        w = tf.get_variable(by, [2], initializer=tf.ones_initializer())
        return tf.raw_ops.Mul(x=x, y=w, name="product")

    layer = tf.make_template("layer", scale, by="w")
    other = tf.make_template("layer", scale, by="w")
    now = tf.make_template("now", scale, create_scope_now_=True, by="w")
    unique = tf.make_template("u", scale, unique_name_="own", by="w")
    x = tf.constant([2.0, 3.0])
    found = [layer(x), layer(x), other(x), now(x), now(x), unique(x)]
    assert [v.name for v in layer.variables] == ["layer/w:0"]
    assert layer.variable_scope_name == "layer/"
    return found
