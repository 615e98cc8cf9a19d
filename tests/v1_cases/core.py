"""Graph, names, scopes, constants, placeholders, raw ops."""

from __future__ import annotations

from typing import Any

import numpy as np

from v1_cases import case


@case
def constants(tf: Any) -> Any:
    values = [1, 2.5, True, "text", [1, 2, 3], [[1.5, 2.5]], [True, False], ["a", b"b\0"], 1 << 40, np.float64(3.0), []]
    found = [tf.constant(v) for v in values]
    found += [
        tf.constant(np.arange(6, dtype=d).reshape(2, 3)) for d in ("float32", "int64", "uint8", "int8", "float16")
    ]
    found.append(tf.constant(7, dtype=tf.int64, shape=[2, 2], name="filled"))
    found.append(tf.constant([1.0, 2.0], shape=[3], name="repeated"))
    found.append(tf.constant(1, tf.float32))
    found.append(tf.constant(np.array([1 + 2j], np.complex64)))
    return found


@case
def names_and_scopes(tf: Any) -> Any:
    a = tf.constant(1.0, name="a")
    tf.constant(1.0, name="a")
    tf.constant(1.0, name="A")
    with tf.name_scope("scope") as scope:
        b = tf.constant(2.0, name="b")
        tf.constant(2.0, name="b")
        with tf.name_scope("inner"):
            tf.constant(0, name="c")
        with tf.name_scope("inner"):
            tf.constant(0, name="c")
    with tf.name_scope("scope"):
        tf.constant(0, name="b")
    with tf.name_scope(scope):
        tf.constant(0, name="b")
    with tf.name_scope(None):
        tf.constant(0, name="root")
    with tf.name_scope(None, "default", [a, b]):
        tf.constant(0)
    return tf.raw_ops.AddV2(x=a, y=b)


@case
def raw_ops(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 3], name="x")
    y = tf.raw_ops.MatMul(a=x, b=[[1.0], [2.0], [3.0]], name="mm")
    z = tf.raw_ops.AddV2(x=y, y=1.0, name="plus")
    packed = tf.raw_ops.Pack(values=[y, z], axis=0, name="pack")
    top = tf.raw_ops.TopKV2(input=packed, k=1, sorted=True, name="top")
    with tf.control_dependencies([z]):
        waits = tf.raw_ops.Identity(input=x, name="waits")
        follows = tf.raw_ops.Neg(x=waits, name="follows")
    return [z, top, waits, follows], {x: np.ones((2, 3), np.float32)}


@case(values=False)
def devices(tf: Any) -> Any:
    with tf.device("/gpu:0"):
        a = tf.constant(1.0)
        with tf.device("/job:worker/task:1"):
            tf.constant(2.0)
        with tf.device(None):
            tf.constant(3.0)
    with tf.device(lambda op: "/cpu:0" if op.type == "Const" else ""):
        tf.constant(4.0)
        tf.raw_ops.Neg(x=a)
    with tf.colocate_with(a.op):
        tf.constant(5.0)
    return a


@case
def placeholders(tf: Any) -> Any:
    x = tf.placeholder(tf.int32, shape=(2, None))
    y = tf.placeholder_with_default([1, 2, 3], [None], name="given")
    z = tf.placeholder(tf.string)
    s = tf.placeholder(tf.float32, [])
    return [x, y, tf.raw_ops.Identity(input=z), s], {x: [[1], [2]], z: [["a", "b"]], "Placeholder_2:0": 2.5}


@case
def control_dependencies(tf: Any) -> Any:
    a, b, c = (tf.constant(float(i), name=n) for i, n in enumerate("abc"))
    with tf.control_dependencies([b, a]):
        d = tf.raw_ops.AddV2(x=a, y=c, name="d")
        with tf.control_dependencies([c]):
            tf.raw_ops.Neg(x=d, name="e")
            f = tf.constant(1.0, name="f")
        with tf.control_dependencies(None):
            tf.raw_ops.Neg(x=c, name="g")
    return [d, f]
