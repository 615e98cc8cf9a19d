"""Saves at steps, keeps the last three, restores by name map, reads without a graph, lists and compares."""
# mypy: ignore-errors

import os
import sys

import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.python.tools import inspect_checkpoint as chkp

tf.disable_v2_behavior()
folder = sys.argv[1].split("=")[1]
prefix = os.path.join(folder, "my_model")

theta = tf.Variable(tf.constant([[1.0], [2.0]]), name="theta")
counts = tf.get_variable("counts", shape=[2], dtype=tf.int64, initializer=tf.ones_initializer())
with tf.variable_scope("hidden1"):
    kernel = tf.get_variable("kernel", [2, 2], initializer=tf.initializers.identity())
step = tf.Variable(0, trainable=False, name="global_step")
grow = tf.group(tf.assign_add(counts, [1, 2]), tf.assign(theta, theta * 2.0))
init = tf.global_variables_initializer()
saver = tf.train.Saver(max_to_keep=3, keep_checkpoint_every_n_hours=10000)

with tf.Session() as sess:
    print("restorable", tf.train.latest_checkpoint(folder))
    sess.run(init)
    for epoch in range(1, 6):
        sess.run([grow, tf.assign(step, epoch)])
        saver.save(sess, prefix, global_step=step, write_meta_graph=epoch == 5)
    print([os.path.basename(p) for p in saver.last_checkpoints])
state = tf.train.get_checkpoint_state(folder)
print(os.path.basename(state.model_checkpoint_path), len(state.all_model_checkpoint_paths))
print(sorted(f for f in os.listdir(folder) if f.endswith((".index", ".meta"))))
latest = tf.train.latest_checkpoint(folder)
for name, shape in tf.train.list_variables(latest):
    print(name, shape)
reader = tf.train.NewCheckpointReader(latest)
print(sorted(reader.get_variable_to_shape_map().items()), reader.has_tensor("nothing"))
print(reader.get_tensor("theta").ravel().tolist(), tf.train.load_variable(latest, "counts").tolist())
chkp.print_tensors_in_checkpoint_file(latest, tensor_name="hidden1/kernel", all_tensors=False)
print([bool(tf.train.checkpoint_exists(p)) for p in (latest, prefix + "-1")])

with tf.Graph().as_default(), tf.Session() as sess:
    weights = tf.Variable(np.zeros((2, 1), np.float32), name="weights")
    other = tf.Variable(-1.0, name="other")
    tf.train.Saver({"theta": weights}).restore(sess, latest)
    print(weights.eval().ravel().tolist(), sess.run(tf.report_uninitialized_variables()))
    try:
        sess.run(other)
    except tf.errors.FailedPreconditionError as error:
        print("uninitialized value other" in str(error))
    for name, wrong in (("missing", {"nowhere": weights}), ("shape", {"counts": weights})):
        try:
            tf.train.Saver(wrong).restore(sess, latest)
        except tf.errors.OpError as error:
            print(name, type(error).__name__)
    with tf.variable_scope("tower"):
        copied = tf.get_variable("kernel", [2, 2])
    tf.train.init_from_checkpoint(latest, {"hidden1/": "tower/"})
    sess.run(copied.initializer)
    print(sess.run(copied).tolist())

with tf.Graph().as_default(), tf.Session() as sess:
    restorer = tf.train.import_meta_graph(latest + ".meta")
    restorer.restore(sess, latest)
    graph = tf.get_default_graph()
    print(sess.run(graph.get_tensor_by_name("theta:0")).ravel().tolist(), sess.run("global_step:0"))
    print([v.op.name for v in tf.global_variables()], [v.op.name for v in tf.trainable_variables()])
