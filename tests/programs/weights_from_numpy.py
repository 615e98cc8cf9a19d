"""Loads weights from an .npz file into two networks, by assign and by initializer; freezes and compares."""
# mypy: ignore-errors

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf

tf.disable_v2_behavior()
folder = sys.argv[1].partition("=")[2]
path = os.path.join(folder, "weights.npz")
rng = np.random.RandomState(0)
np.savez(
    path,
    conv1_W=rng.normal(0, 0.1, (3, 3, 1, 2)).astype(np.float32),
    conv1_b=np.array([0.1, -0.1], np.float32),
    fc_W=rng.normal(0, 0.1, (32, 3)).astype(np.float32),
    fc_b=np.zeros(3, np.float32),
)


class Network:
    def __init__(self, images, trainable=False):
        self.parameters = []
        with tf.name_scope("preprocess"):
            images = images - tf.constant([0.5], dtype=tf.float32, shape=[1, 1, 1, 1], name="mean")
        with tf.name_scope("conv1") as scope:
            kernel = tf.Variable(tf.truncated_normal([3, 3, 1, 2], stddev=1e-1), name="weights", trainable=trainable)
            biases = tf.Variable(tf.constant(0.0, shape=[2]), trainable=trainable, name="biases")
            out = tf.nn.bias_add(tf.nn.conv2d(images, kernel, [1, 1, 1, 1], padding="SAME"), biases)
            self.conv1 = tf.nn.relu(out, name=scope)
            self.parameters += [kernel, biases]
        pool = tf.nn.max_pool(self.conv1, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME", name="pool1")
        with tf.name_scope("fc"):
            size = int(np.prod(pool.get_shape()[1:]))
            weights = tf.Variable(tf.truncated_normal([size, 3], stddev=1e-1), name="weights")
            biases = tf.Variable(tf.ones([3]), name="biases")
            self.parameters += [weights, biases]
            self.logits = tf.nn.bias_add(tf.matmul(tf.reshape(pool, [-1, size]), weights), biases)
        self.probs = tf.nn.softmax(self.logits, name="probs")

    def load_weights(self, weight_file, sess):
        weights = np.load(weight_file)
        for i, key in enumerate(sorted(weights.keys())):
            print(i, key, np.shape(weights[key]))
            sess.run(self.parameters[i].assign(weights[key]))


images = tf.placeholder(tf.float32, [None, 8, 8, 1], name="images")
network = Network(images)
picture = (np.arange(64, dtype=np.float32).reshape(1, 8, 8, 1) % 7) / 7
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    network.load_weights(path, sess)
    probs = sess.run(network.probs, feed_dict={network.probs.graph.get_tensor_by_name("images:0"): picture})
    print([v.name for v in tf.trainable_variables()], network.conv1.name, network.conv1.shape)
    print(np.round(probs, 4).tolist(), np.argsort(probs[0])[::-1].tolist())
    frozen = tf.graph_util.convert_variables_to_constants(
        sess, sess.graph_def, ["probs"], variable_names_blacklist=["fc/biases"]
    )
    print(sorted(n.op for n in frozen.node if "eights" in n.name or "iases" in n.name))

with tf.Graph().as_default(), tf.Session() as sess:
    found = tf.import_graph_def(frozen, name="", return_elements=["probs:0"])[0]
    sess.run("fc/biases:0", {"fc/biases:0": np.zeros(3, np.float32)})
    same = sess.run(found, {"images:0": picture, "fc/biases/read:0": np.zeros(3)})
    print(np.allclose(same, probs, atol=1e-6))
    big = np.ones((4, 5), np.float32)
    held = tf.placeholder(tf.float32, shape=big.shape)
    filled = tf.Variable(held, trainable=False, collections=[])
    sess.run(filled.initializer, feed_dict={held: big})
    print(filled.eval().sum(), filled.op.name)
