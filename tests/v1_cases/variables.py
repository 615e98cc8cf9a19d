"""Variables of both kinds: their nodes, their changes, their lists."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def ref_kind(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [2], name="x")
    v = tf.Variable([1.0, 2.0], name="v")
    unnamed = tf.Variable(3)
    with tf.name_scope("scope"):
        w = tf.Variable(np.ones((2, 2), np.float64), name="w", trainable=False)
        again = tf.Variable(tf.constant(True), name="w")
    text = tf.Variable(["a", "b"], name="text", collections=[tf.GraphKeys.LOCAL_VARIABLES])
    made = tf.Variable(lambda: [4, 5], name="made", dtype=tf.int64)
    free = tf.Variable([1.0, 2.0, 3.0], validate_shape=False, name="free")
    converted = tf.Variable([1, 2], dtype=tf.float32, name="converted")
    total = tf.raw_ops.AddV2(x=v, y=x)
    found = [total, v, unnamed, w, again, text, made, free, converted, v.read_value(), v.value()]
    return found, {x: [10.0, 20.0]}


@case
def resource_kind(tf: Any) -> Any:
    v = tf.Variable([1.0, 2.0], name="v", use_resource=True)
    unnamed = tf.Variable(3, use_resource=True)
    with tf.name_scope("scope"):
        w = tf.Variable(np.ones((2, 2), np.float64), name="w", trainable=False, use_resource=True)
        again = tf.Variable(tf.constant(True), name="w", use_resource=True)
    made = tf.Variable(lambda: tf.constant([4, 5]), name="made", use_resource=True)
    free = tf.Variable([1.0, 2.0, 3.0], shape=tf.TensorShape(None), validate_shape=False, use_resource=True)
    total = tf.raw_ops.AddV2(x=v, y=[10.0, 20.0])
    rows = [w.sparse_read([1, 0]), w.gather_nd([[1, 1]]), v.is_initialized()]
    return [total, v, unnamed, w, again, made, free, v.read_value(), v.value(), *rows]


@case
def devices(tf: Any) -> Any:
    with tf.device("/cpu:0"):
        v = tf.Variable(1.0, name="v")
        r = tf.Variable(lambda: 1.0, name="r", use_resource=True)
        made = tf.Variable(lambda: tf.constant(2.0), name="made")
    other = tf.Variable(1.0, name="other", caching_device="/cpu:0")
    cached = tf.Variable(1.0, name="cached", caching_device="/cpu:0", use_resource=True)
    with tf.device("/cpu:0"):
        r.read_value()
    tf.global_variables_initializer()
    return [v, r, made, other, cached, cached.value()]


@case
def assignments(tf: Any) -> Any:
    v = tf.Variable([1.0, 2.0], name="v")
    u = tf.Variable([1, 2, 3], name="u")
    first = tf.assign(v, [3.0, 4.0])
    with tf.control_dependencies([first]):
        second = tf.assign_add(v, [1.0, 1.0], name="more")
    with tf.control_dependencies([second]):
        third = v.assign_sub([0.5, 0.5])
        done = u.assign([7, 8, 9], read_value=False)
    with tf.control_dependencies([done]):
        fourth = tf.assign_sub(u, [1, 1, 1], use_locking=True)
    counter = tf.Variable(0, name="counter")
    wide = tf.Variable([0.0], validate_shape=False, name="wide")
    return [third, fourth, counter.count_up_to(5), tf.assign(wide, [1.0, 2.0], validate_shape=False)]


@case
def resource_assignments(tf: Any) -> Any:
    v = tf.Variable([1.0, 2.0], name="v", use_resource=True)
    u = tf.Variable([1, 2, 3], name="u", use_resource=True)
    first = tf.assign(v, [3.0, 4.0], name="given")
    second = first.assign_add([1.0, 1.0])
    third = second.assign_sub([0.5, 0.5])
    done = u.assign([7, 8, 9], read_value=False)
    with tf.control_dependencies([done]):
        fourth = tf.assign_sub(u, [1, 1, 1])
    counter = tf.Variable(0, name="counter", use_resource=True)
    return [third, fourth, third.value(), third.read_value(), tf.count_up_to(counter, 5)]


@case
def scatters(tf: Any) -> Any:
    found = []
    for kind in (False, True):
        for name in ("update", "add", "sub", "mul", "div", "min", "max", "nd_update", "nd_add", "nd_sub"):
            v = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], name=f"v_{name}", use_resource=kind)
            rows = [[0], [2]] if name.startswith("nd") else [0, 2]
            found.append(getattr(tf, f"scatter_{name}")(v, rows, [[2.0, 2.0], [3.0, 3.0]]))
    v = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="own")
    found.append(v.scatter_nd_add([[0]], [[1.0, 1.0]]))
    return found


@case(values=False)
def lists(tf: Any) -> Any:
    v = tf.Variable(1.0, name="v")
    w = tf.Variable(1.0, name="w", use_resource=True)
    local = tf.Variable(1, collections=[tf.GraphKeys.LOCAL_VARIABLES], trainable=False, name="local")
    assert tf.global_variables() == [v, w] == tf.all_variables()
    assert tf.trainable_variables() == [v, w]
    assert tf.trainable_variables("w") == [w]
    assert tf.local_variables() == [local]
    assert tf.model_variables() == [] == tf.moving_average_variables()
    tf.global_variables_initializer()
    tf.local_variables_initializer()
    tf.initialize_all_variables()
    tf.initialize_local_variables()
    tf.variables_initializer([v], name="only")
    tf.initialize_variables([])
    with tf.device("/cpu:0"):
        other = tf.Variable(2.0, name="other")
    tf.variables_initializer([v, other], name="two_devices")
    tf.is_variable_initialized(v)
    tf.is_variable_initialized(w)
    tf.assert_variables_initialized([v, local])
    tf.assert_variables_initialized([v])
    return v


@case
def derived_initial_value(tf: Any) -> Any:
    x = tf.constant([1.0, 2.0], name="x")
    return tf.Variable(tf.raw_ops.Mul(x=x, y=x, name="square"), name="v")


@case
def creators(tf: Any) -> Any:
    def doubled(next_creator: Any, **arguments: Any) -> Any:
        arguments["name"] = f"{arguments['name']}_made"
        return next_creator(**arguments)

    def resource(next_creator: Any, **arguments: Any) -> Any:
        arguments["use_resource"] = True
        return next_creator(**arguments)

    with tf.variable_creator_scope(doubled), tf.variable_creator_scope(resource):
        v = tf.Variable(1.0, name="v")
    return [v, tf.Variable(1.0, name="v")]


@case
def depends_on_variables(tf: Any) -> Any:
    v = tf.Variable([1.0, 2.0], name="v")
    twice = tf.Variable(v * 2.0, name="twice")
    same = tf.Variable(v.initialized_value(), name="same")
    added = tf.Variable(lambda: v + v, name="added")
    again = tf.get_variable("again", initializer=v)
    return [v, twice, same, added, again]


@case
def operators(tf: Any) -> Any:
    found = []
    for kind in (False, True):
        v = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="v", use_resource=kind)
        flags = tf.Variable([True, False], name="flags", use_resource=kind)
        whole = tf.Variable([7, 8], name="whole", use_resource=kind)
        found += [v + 1.0, 1.0 + v, v - v, 2.0 - v, v * 3.0, 3.0 * v, v / 2.0, 2.0 / v, v**2.0, 2.0**v, -v, abs(v)]
        found += [v > 2.0, v >= 2.0, v < 2.0, v <= 2.0, v @ v, ~flags, flags & True, flags | True, flags ^ True]
        found += [whole // 2, whole % 3, 9 // whole, 9 % whole, v[0], v[:, 1], v[1, 0], v[..., tf.newaxis]]
    return found


@case
def slice_assignments(tf: Any) -> Any:
    v = tf.Variable([1.0, 2.0, 3.0, 4.0], name="v")
    r = tf.Variable([[1, 2], [3, 4]], name="r", use_resource=True)
    return [v[1:3].assign([8.0, 9.0]), r[0].assign([5, 6], name="first")]


@case
def sparse_changes(tf: Any) -> Any:
    found = []
    for kind in (False, True):
        for name in ("update", "add", "sub", "mul", "div", "min", "max"):
            v = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name=f"v_{name}", use_resource=kind)
            delta = tf.IndexedSlices(tf.constant([[2.0, 3.0]]), tf.constant([1]))
            found.append(getattr(v, f"scatter_{name}")(delta))
        for name in ("update", "add", "sub"):
            w = tf.Variable([1, 2, 3], name="w", use_resource=kind)
            found.append(getattr(w, f"scatter_nd_{name}")([[0]], [5]))
    return found


@case
def batch_updates(tf: Any) -> Any:
    v = tf.Variable([[1, 2, 3], [4, 5, 6]], name="v")
    r = tf.Variable([[1, 2, 3], [4, 5, 6]], name="r", use_resource=True)
    return [
        tf.batch_scatter_update(v, [[0, 2], [1, 0]], [[7, 8], [9, 10]]),
        tf.batch_scatter_update(r, [[0, 2], [1, 0]], [[7, 8], [9, 10]]),
    ]


@case
def reports(tf: Any) -> Any:
    tf.Variable(1.0, name="a")
    tf.Variable(2.0, name="b", use_resource=True)
    hidden = tf.Variable(3.0, name="hidden", collections=[])
    return [tf.report_uninitialized_variables(), tf.report_uninitialized_variables([hidden], name="one")]
