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


@case
def signatures(tf: Any) -> Any:
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    text = tf.placeholder(tf.string, [None], name="text")
    w = tf.Variable([[1.0], [2.0]], name="w")
    sparse = tf.SparseTensor(tf.constant([[0, 1]], tf.int64), tf.constant([1.0]), tf.constant([2, 2], tf.int64))
    model, utils = tf.saved_model, tf.saved_model.signature_def_utils
    dense, parts, variable = (model.utils.build_tensor_info(t) for t in (x, sparse, w))
    assert model.utils.get_tensor_from_tensor_info(dense) is x
    assert model.get_tensor_from_tensor_info(parts).values.name == sparse.values.name
    found = [
        utils.build_signature_def({"x": dense, "s": parts}, {"w": variable}, "method"),
        utils.build_signature_def(defaults={"d": tf.constant([3])}),
        utils.predict_signature_def({"x": x}, {"y": w}),
        utils.regression_signature_def(text, x),
        utils.classification_signature_def(text, text, x),
        utils.classification_signature_def(text, None, x),
    ]
    valid = [model.is_valid_signature(f) for f in (*found, None)]
    for function, arguments in [
        (utils.predict_signature_def, ({}, {"y": w})),
        (utils.predict_signature_def, ({"x": x}, None)),
        (utils.regression_signature_def, (x, x)),
        (utils.regression_signature_def, (None, x)),
        (utils.regression_signature_def, (text, text)),
        (utils.classification_signature_def, (text, None, None)),
        (utils.classification_signature_def, (text, x, None)),
        (utils.classification_signature_def, (text, None, text)),
    ]:
        try:
            function(*arguments)
        except ValueError as error:
            found.append(error)
    constants = [
        model.signature_constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY, model.signature_constants.PREDICT_INPUTS,
        model.signature_constants.PREDICT_METHOD_NAME, model.signature_constants.PREDICT_OUTPUTS,
        model.signature_constants.CLASSIFY_INPUTS, model.signature_constants.CLASSIFY_METHOD_NAME,
        model.signature_constants.CLASSIFY_OUTPUT_CLASSES, model.signature_constants.CLASSIFY_OUTPUT_SCORES,
        model.signature_constants.REGRESS_INPUTS, model.signature_constants.REGRESS_METHOD_NAME,
        model.signature_constants.REGRESS_OUTPUTS, model.tag_constants.SERVING, model.tag_constants.TRAINING,
        model.tag_constants.GPU, model.tag_constants.TPU, model.constants.ASSETS_DIRECTORY,
        model.constants.ASSETS_KEY, model.constants.DEBUG_DIRECTORY, model.constants.DEBUG_INFO_FILENAME_PB,
        model.constants.LEGACY_INIT_OP_KEY, model.constants.MAIN_OP_KEY, model.constants.SAVED_MODEL_FILENAME_PB,
        model.constants.SAVED_MODEL_FILENAME_PBTXT, model.constants.SAVED_MODEL_SCHEMA_VERSION,
        model.constants.VARIABLES_DIRECTORY, model.constants.VARIABLES_FILENAME,
    ]  # fmt: skip
    messages = [m.SerializeToString(deterministic=True).hex() if hasattr(m, "DESCRIPTOR") else str(m) for m in found]
    return [tf.constant(messages), tf.constant([str(v) for v in valid]), tf.constant([str(c) for c in constants])]


@case
def saved_model(tf: Any) -> Any:
    folder = _folder()
    for name in ("vocabulary.txt", "other/vocabulary.txt"):
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name}\n")
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w = tf.Variable([[1.0], [2.0]], name="w")
        y = tf.matmul(x, w, name="y")
        first, second, third = (
            tf.constant(f"{folder}/{name}") for name in ("vocabulary.txt", "other/vocabulary.txt", "vocabulary.txt")
        )
        text = tf.raw_ops.ReadFile(filename=first, name="text")
        with tf.control_dependencies([text]):
            main = tf.no_op(name="main")
        session.run(tf.global_variables_initializer())
        signature = tf.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder = tf.saved_model.builder.SavedModelBuilder(f"{folder}/model")
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, assets_collection=[first, second, third], main_op=main
        )
        builder.add_meta_graph(["train", "gpu"], {"training": signature}, clear_devices=True, strip_default_attrs=True)
        assert builder.save(as_text=True).endswith(b"saved_model.pbtxt")
        builder.save()
    tf.saved_model.loader.load(tf.Session(graph=tf.Graph()), ["train", "gpu"], f"{folder}/model")
    assert tf.saved_model.loader.maybe_saved_model_directory(f"{folder}/model")
    assert not tf.saved_model.contains_saved_model(folder)
    with tf.Session(graph=tf.Graph()) as session:  # not the case's own: the folder's name stands in it
        meta = tf.saved_model.loader.load(session, ["serve"], f"{folder}/model", import_scope="loaded")
        inputs = meta.signature_def["serving_default"].inputs["x"]
        outputs = meta.signature_def["serving_default"].outputs["y"]
        x = tf.saved_model.get_tensor_from_tensor_info(inputs, import_scope="loaded")
        y = tf.saved_model.get_tensor_from_tensor_info(outputs, import_scope="loaded")
        value = session.run(y, {x: [[1.0, 1.0]]})
    files = sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file())
    return [tf.constant(value), tf.constant(files)]


@case
def simple_save(tf: Any) -> Any:
    folder = _folder()
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        y = tf.matmul(x, tf.get_variable("w", initializer=[[1.0], [2.0]]), name="y")
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, f"{folder}/model", {"x": x}, {"y": y})
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, [tf.saved_model.tag_constants.SERVING], f"{folder}/model")
        value = session.run("y:0", {"x:0": [[2.0, 3.0]]})
    return [tf.constant(value), tf.constant(sorted(meta.signature_def))]


@case(values=False)
def main_op(tf: Any) -> Any:
    tf.Variable(1.0, name="v")
    saver = tf.train.Saver()
    tf.saved_model.main_op.main_op()
    restore = tf.get_default_graph().get_operation_by_name(saver.saver_def.restore_op_name)
    tf.saved_model.main_op_with_restore(restore)
