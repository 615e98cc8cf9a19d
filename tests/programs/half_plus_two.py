"""Exports a model that halves and adds two, with classify, regress and predict signatures and an asset."""
# mypy: ignore-errors

import os

import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
tf.flags.DEFINE_string("folder", None, "where to write", required=True)
FLAGS = tf.flags.FLAGS


def signature(inputs, outputs, method):
    infos = tf.saved_model.utils.build_tensor_info
    return tf.saved_model.signature_def_utils.build_signature_def(
        inputs={k: infos(v) for k, v in inputs.items()},
        outputs={k: infos(v) for k, v in outputs.items()},
        method_name=method,
    )


def main(_):
    export = os.path.join(FLAGS.folder, "half_plus_two")
    constants = tf.saved_model.signature_constants
    asset = os.path.join(os.path.dirname(export), "note.txt")
    with tf.gfile.Open(asset, "w") as f:
        f.write("half plus two\n")
    with tf.Session() as sess:
        a = tf.Variable(0.5, name="a")
        b = tf.Variable(2.0, name="b")
        serialized = tf.placeholder(tf.string, name="tf_example")
        parsed = tf.parse_example(serialized, {"x": tf.FixedLenFeature([1], tf.float32, default_value=[0.0])})
        x = tf.identity(parsed["x"], name="x")
        y = tf.add(tf.multiply(a, x), b, name="y")
        original = tf.convert_to_tensor(asset)
        kept = tf.Variable(original, trainable=False, collections=[], name="note")
        assign = tf.assign(kept, original)
        tf.add_to_collection(tf.GraphKeys.ASSET_FILEPATHS, original)
        sess.run(tf.global_variables_initializer())
        builder = tf.saved_model.builder.SavedModelBuilder(export)
        builder.add_meta_graph_and_variables(
            sess,
            [tf.saved_model.tag_constants.SERVING],
            signature_def_map={
                "regress": signature({"inputs": serialized}, {"outputs": y}, constants.REGRESS_METHOD_NAME),
                constants.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature(
                    {"x": x}, {"y": y}, constants.PREDICT_METHOD_NAME
                ),
            },
            assets_collection=tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
            main_op=tf.group(assign),
        )
        builder.save()
    for folder, _, files in sorted(os.walk(export)):
        print(os.path.relpath(folder, export), sorted(files))
    with tf.Session(graph=tf.Graph()) as sess:
        meta = tf.saved_model.loader.load(sess, ["serve"], export)
        print(sorted(meta.signature_def), meta.meta_info_def.tags)
        print(sess.run("y:0", {"x:0": [[1.0], [2.0], [6.0]]}).tolist())
        example = tf.train.Example()
        example.features.feature["x"].float_list.value.append(10.0)
        regress = meta.signature_def["regress"]
        feed = {regress.inputs["inputs"].name: [example.SerializeToString(), b""]}
        print(sess.run(regress.outputs["outputs"].name, feed).tolist())
        path = sess.run("note:0")
        print(os.path.basename(path), tf.gfile.GFile(path).read().strip())


if __name__ == "__main__":
    tf.app.run()
