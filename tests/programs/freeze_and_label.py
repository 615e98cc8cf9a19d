"""Freezes a small image classifier, then labels an image with the frozen graph, as two scripts in one."""
# mypy: ignore-errors

import argparse
import os

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()


def train_free_model(folder):
    with tf.Graph().as_default() as graph:
        image = tf.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        with tf.variable_scope("conv", initializer=tf.constant_initializer(0.05)):
            kernel = tf.get_variable("kernel", [3, 3, 3, 4])
            net = tf.nn.relu(tf.nn.conv2d(image, kernel, strides=[1, 2, 2, 1], padding="SAME"))
        pooled = tf.reduce_mean(net, axis=[1, 2], keep_dims=True)
        flat = tf.squeeze(pooled, squeeze_dims=[1, 2])
        slope = tf.get_variable("slope", initializer=np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3))
        dropped = tf.nn.dropout(flat, keep_prob=tf.placeholder_with_default(1.0, [], name="keep"))
        tf.nn.softmax(tf.nn.xw_plus_b(dropped, slope, tf.Variable([0.1, 0.2, 0.3])), name="final_result")
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            kept = tf.graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["final_result"])
    kept = tf.graph_util.remove_training_nodes(kept)
    with tf.gfile.FastGFile(os.path.join(folder, "frozen.pb"), "wb") as f:
        f.write(kept.SerializeToString())
    print(f"{len(kept.node)} ops in the final graph.", sorted({n.op for n in kept.node}))


def load_graph(path):
    graph, graph_def = tf.Graph(), tf.GraphDef()
    with open(path, "rb") as f:
        graph_def.ParseFromString(f.read())
    with graph.as_default():
        tf.import_graph_def(graph_def)
    return graph


def read_tensor(file_name, height, width, mean=128, std=127):
    with tf.Session(graph=tf.Graph()) as sess:
        decoded = tf.image.decode_png(tf.read_file(file_name, "file_reader"), channels=3, name="png_reader")
        dims = tf.expand_dims(tf.cast(decoded, tf.float32), 0)
        resized = tf.image.resize_bilinear(dims, [height, width])
        return sess.run(tf.divide(tf.subtract(resized, [mean]), [std]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True)
    folder = parser.parse_args().folder
    train_free_model(folder)
    png = os.path.join(folder, "picture.png")
    pixels = (np.arange(16 * 12 * 3) % 251).reshape(16, 12, 3).astype(np.uint8)
    with tf.Session(graph=tf.Graph()) as sess, open(png, "wb") as f:
        f.write(sess.run(tf.image.encode_png(pixels)))
    with open(os.path.join(folder, "labels.txt"), "w") as f:
        f.write("daisy\ntulip\nrose\n")
    graph = load_graph(os.path.join(folder, "frozen.pb"))
    inputs = graph.get_operation_by_name("import/input")
    outputs = graph.get_operation_by_name("import/final_result")
    with tf.Session(graph=graph) as sess:
        results = sess.run(outputs.outputs[0], {inputs.outputs[0]: read_tensor(png, 8, 8)})
    results = np.squeeze(results)
    labels = [line.rstrip() for line in tf.gfile.GFile(os.path.join(folder, "labels.txt")).readlines()]
    for i in results.argsort()[-5:][::-1]:
        print(labels[i], f"{results[i]:.4f}")


if __name__ == "__main__":
    main()
