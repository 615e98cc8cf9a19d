"""Sets the weights of a softmax classifier by hand, exports it with two signatures, loads it and classifies."""
# mypy: ignore-errors

import sys

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()

SIZE, CLASSES = 16, 3


def build():
    serialized = tf.placeholder(tf.string, name="tf_example")
    features = {"x": tf.FixedLenFeature(shape=[SIZE], dtype=tf.float32)}
    images = tf.identity(tf.parse_example(serialized, features)["x"], name="x")
    w = tf.Variable(tf.zeros([SIZE, CLASSES]), name="w")
    b = tf.Variable(tf.zeros([CLASSES]), name="b")
    scores = tf.nn.softmax(tf.matmul(images, w) + b, name="y")
    values, indices = tf.nn.top_k(scores, CLASSES)
    labels = tf.gather(tf.constant(["zero", "one", "two"]), tf.cast(indices, tf.int64))
    return serialized, images, (w, b), scores, values, labels


def main(folder):
    serialized, images, weights, scores, values, labels = build()
    rng = np.random.RandomState(3)
    sess = tf.InteractiveSession()
    sess.run(tf.global_variables_initializer())
    sess.run(tf.tables_initializer())
    for variable in weights:
        variable.load(rng.uniform(-1, 1, variable.shape.as_list()).astype(np.float32), sess)
    builder = tf.saved_model.builder.SavedModelBuilder(folder + "/1")
    info = tf.saved_model.utils.build_tensor_info
    classification = tf.saved_model.signature_def_utils.build_signature_def(
        inputs={tf.saved_model.signature_constants.CLASSIFY_INPUTS: info(serialized)},
        outputs={
            tf.saved_model.signature_constants.CLASSIFY_OUTPUT_CLASSES: info(labels),
            tf.saved_model.signature_constants.CLASSIFY_OUTPUT_SCORES: info(values),
        },
        method_name=tf.saved_model.signature_constants.CLASSIFY_METHOD_NAME,
    )
    prediction = tf.saved_model.signature_def_utils.predict_signature_def({"images": images}, {"scores": scores})
    builder.add_meta_graph_and_variables(
        sess,
        [tf.saved_model.tag_constants.SERVING],
        signature_def_map={"predict_images": prediction, "serving_default": classification},
        main_op=tf.tables_initializer(),
        strip_default_attrs=True,
    )
    builder.save()
    sess.close()
    tf.reset_default_graph()
    with tf.Session() as sess:
        model = tf.saved_model.loader.load(sess, [tf.saved_model.tag_constants.SERVING], folder + "/1")
        for name in sorted(model.signature_def):
            found = model.signature_def[name]
            print(name, found.method_name, sorted((k, v.name, v.dtype) for k, v in found.outputs.items()))
        rows = np.eye(SIZE, dtype=np.float32)[:3]
        print(np.round(sess.run("y:0", {"x:0": rows}), 5).tolist())
        examples = [
            tf.train.Example(
                features=tf.train.Features(feature={"x": tf.train.Feature(float_list=tf.train.FloatList(value=row))})
            ).SerializeToString()
            for row in rows
        ]
        served = model.signature_def["serving_default"]
        print(sess.run(served.outputs["classes"].name, {served.inputs["inputs"].name: examples}).tolist())
        try:
            sess.run("y:0", {"tf_example:0": [b"nonsense"]})
        except tf.errors.InvalidArgumentError as error:
            print("refused", "Could not parse example" in error.message)


if __name__ == "__main__":
    main(sys.argv[1].partition("=")[2])
