"""Builds graphs in pieces: write and read text graphs, import with a map, extract parts, collections, devices."""
# mypy: ignore-errors

import os
import sys

import tensorflow.compat.v1 as tf
from google.protobuf import text_format

tf.disable_v2_behavior()
folder = sys.argv[1].partition("=")[2]

with tf.Graph().as_default() as first:
    with tf.device("/cpu:0"), tf.name_scope("model"):
        a = tf.placeholder(tf.float32, [None, 2], name="a")
        b = tf.constant([[1.0], [2.0]], name="b")
        c = tf.matmul(a, b, name="c")
    d = tf.sigmoid(c, name="probability")
    unused = tf.negative(a, name="unused")
    tf.add_to_collection("ends", d)
    tf.add_to_collection("ends", "note")
print(os.path.basename(tf.train.write_graph(first, folder, "graph.pbtxt")))
tf.train.write_graph(first.as_graph_def(), folder, "graph.pb", as_text=False)

text, binary = tf.GraphDef(), tf.GraphDef()
with open(os.path.join(folder, "graph.pbtxt")) as f:
    text_format.Merge(f.read(), text)
with tf.gfile.GFile(os.path.join(folder, "graph.pb"), "rb") as f:
    binary.ParseFromString(f.read())
print(text == binary, [(n.name, n.op, list(n.input), n.device) for n in text.node])
part = tf.graph_util.extract_sub_graph(text, ["model/c"])
print([n.name for n in part.node])

with tf.Graph().as_default() as second:
    given = tf.placeholder_with_default([[3.0, 4.0]], [None, 2], name="given")
    probability, op = tf.import_graph_def(
        text, input_map={"model/a:0": given * 2.0}, return_elements=["probability:0", "model/c"], name="left"
    )
    tf.import_graph_def(text, name="")
    tf.import_graph_def(text, name="left")
    print(probability.name, op.name, op.type, [i.name for i in op.inputs])
    print([n.name for n in second.as_graph_def().node])
    with tf.Session() as sess:
        print(sess.run([op.outputs[0], "model/c:0"], {"model/a:0": [[1, 1]]}))
        print(sess.run(op.outputs[0], {given: [[0.5, 0.5]]}).tolist(), sess.run("model/c:0", {"model/c:0": [[5.0]]}))
        try:
            sess.run("left_1/probability:0")
        except tf.errors.InvalidArgumentError as error:
            print("You must feed a value for placeholder tensor 'left_1/model/a' with dtype float" in error.message)
    for wrong in ({"nothing:0": given}, {"model/a:0": tf.constant([1, 2])}):
        try:
            tf.import_graph_def(text, input_map=wrong)
        except ValueError:
            print("no such input")

meta = tf.train.export_meta_graph(os.path.join(folder, "all.meta"), graph=first, clear_devices=True)
print(
    sorted(meta.collection_def),
    {n.device for n in meta.graph_def.node},
    meta.meta_info_def.stripped_op_list.op[0].name,
)
with tf.Graph().as_default() as third:
    tf.train.import_meta_graph(os.path.join(folder, "all.meta"), import_scope="again")
    print([getattr(e, "name", e) for e in tf.get_collection("ends")], len(third.get_operations()))
    third.finalize()
    try:
        tf.constant(1)
    except RuntimeError as error:
        print(error)
print(first.get_tensor_by_name("model/c:0") is c, [op.name for op in c.consumers()], c.op.device, d.op.node_def.op)
