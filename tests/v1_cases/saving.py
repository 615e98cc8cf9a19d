"""The operations that Savers add, and graphs that go through MetaGraphs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from v1_cases import case


def _folder() -> str:
    return tempfile.mkdtemp(prefix="v1-saving-")


def _variables(tf: Any) -> list[Any]:
    return [
        tf.Variable([[1.0, 2.0]], name="w"),
        tf.Variable(3, name="scope/b"),
        tf.Variable([4.0, 5.0], name="r", use_resource=True),
        tf.Variable("text", name="s"),
    ]


@case(values=False)
def saver(tf: Any) -> Any:
    _variables(tf)
    tf.train.Saver()
    tf.train.Saver(max_to_keep=7, name="other")


@case(values=False)
def lists_and_dictionaries(tf: Any) -> Any:
    w, b, r, s = _variables(tf)
    tf.train.Saver([b, w])
    tf.train.Saver({"new/w": w, "new/r": r})
    tf.train.Saver([w, [s]], filename="elsewhere")


@case(values=False)
def reshape(tf: Any) -> Any:
    _variables(tf)
    tf.train.Saver(reshape=True)


@case(values=False)
def sharded(tf: Any) -> Any:
    with tf.device("/gpu:0"):
        tf.Variable([[1.0, 2.0]], name="w")
        tf.Variable([4.0, 5.0], name="r", use_resource=True)
    with tf.device("/job:ps/task:1"):
        tf.Variable(3, name="b")
    tf.Variable(3.5, name="c")
    tf.train.Saver(sharded=True)
    tf.train.Saver(sharded=True, write_version=tf.train.SaverDef.V1)


@case(values=False)
def first_format(tf: Any) -> Any:
    _variables(tf)[:2]
    tf.train.Saver(write_version=tf.train.SaverDef.V1, restore_sequentially=True)


@case(values=False)
def devices(tf: Any) -> Any:
    with tf.device("/gpu:0"):
        tf.Variable([[1.0, 2.0]], name="w")
        r = tf.Variable([4.0, 5.0], name="r", use_resource=True)
    with tf.name_scope("inner"):
        tf.train.Saver()
        tf.train.Saver([r], name="mine")


@case
def save_and_restore(tf: Any) -> Any:
    w, b, r, s = _variables(tf)
    step = tf.Variable(12, trainable=False, name="step")
    all_of_them = tf.train.Saver()
    some = tf.train.Saver({"w": w})
    folder = _folder()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        prefix = all_of_them.save(session, f"{folder}/m.ckpt", global_step=step)
        assert prefix == f"{folder}/m.ckpt-12"
    with tf.Session() as session:
        all_of_them.restore(session, prefix)
        values = session.run([w, b, r, s])
        session.run(w.assign([[0.0, 0.0]]))
        some.restore(session, prefix)
        values.append(session.run(w))
    assert tf.train.latest_checkpoint(folder) == prefix
    return [tf.constant(np.asarray(v)) for v in values]


@case
def meta_graph(tf: Any) -> Any:
    folder = _folder()
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w, b, r, s = _variables(tf)
        with tf.name_scope("layer"):
            y = tf.raw_ops.MatMul(a=x, b=w, transpose_b=True, name="y")
        for key, value in [("ends", y), ("ends", x), ("numbers", 3), ("floats", 2.5), ("names", "some"), ("ops", y.op)]:
            tf.add_to_collection(key, value)
        tf.add_to_collection("unsaveable", object())
        tf.add_to_collection("savers", tf.train.Saver([w, b, r, s]))
        tf.train.export_meta_graph(f"{folder}/all.meta")
        tf.train.export_meta_graph(f"{folder}/all.pbtxt", as_text=True)
    assert tf.train.import_meta_graph(f"{folder}/all.meta") is not None
    graph = tf.get_default_graph()
    for name in ("all.pbtxt", "all.meta"):
        tf.train.import_meta_graph(f"{folder}/{name}", import_scope=Path(name).suffix[1:])
    tf.train.import_meta_graph(f"{folder}/all.meta", import_scope="meta")
    names = {key: [getattr(v, "name", v) for v in graph.get_collection(key)] for key in sorted(graph.collections)}
    return [tf.constant(f"{key}: {value}") for key, value in names.items() if key != "savers"]
