"""One program, unchanged, under TensorFlow and under ``noria exec``: the same words, files that both read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = '''
"""Counts, saves, restores and inspects."""
import os
import numpy as np
import tensorflow.compat.v1 as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.python.framework import dtypes, ops
from tensorflow.python.lib.io import file_io
from tensorflow.python.platform import gfile
from tensorflow.python.tools import inspect_checkpoint

tf.disable_v2_behavior()
tf.flags.DEFINE_string("folder", None, "where to write", required=True)
tf.flags.DEFINE_integer("steps", 3, "how many")
FLAGS = tf.flags.FLAGS


def model():
    x = tf.placeholder(dtypes.float32, [None, 4], name="x")
    with tf.variable_scope("hidden"):
        w = tf.get_variable("w", [4, 2], initializer=tf.constant_initializer(0.5))
        b = tf.get_variable("b", [2], initializer=tf.zeros_initializer())
    y = tf.nn.softmax(tf.matmul(x, w) + b + tf.constant([0.0, 1.0]), name="y")
    step = tf.train.get_or_create_global_step()
    return x, y, tf.assign_add(step, 1)


def main(argv):
    print("rest", argv[1:], "steps", FLAGS.steps)
    gfile.MakeDirs(FLAGS.folder)
    prefix = os.path.join(FLAGS.folder, "model")
    with ops.Graph().as_default() as graph, tf.Session() as session:
        x, y, count = model()
        session.run(tf.global_variables_initializer())
        saver = tf.train.Saver(max_to_keep=2)
        for _ in range(FLAGS.steps):
            path = saver.save(session, prefix, global_step=session.run(count))
        print("saved", os.path.basename(path), [round(float(v), 6) for v in session.run(y, {x: np.eye(4)[:1]})[0]])
        tf.train.write_graph(graph, FLAGS.folder, "graph.pbtxt")
    with ops.Graph().as_default(), tf.Session() as session:
        restored = tf.train.import_meta_graph(path + ".meta")
        restored.restore(session, tf.train.latest_checkpoint(FLAGS.folder))
        print("restored", session.run("global_step:0"), session.run("hidden/w:0").tolist())
        try:
            session.run("y:0")
        except tf.errors.InvalidArgumentError as error:
            print("must be fed:", "placeholder" in error.message, error.error_code)
    inspect_checkpoint.print_tensors_in_checkpoint_file(path, "", True)
    names = [n.name for n in graph_pb2.GraphDef.FromString(graph.as_graph_def().SerializeToString()).node]
    print(names[:6], file_io.file_exists(prefix), sorted(gfile.ListDirectory(FLAGS.folder)))
    return 5


if __name__ == "__main__":
    tf.app.run()
'''


def test_a_program_under_both(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    outputs = []
    for folder, command in (("theirs", [sys.executable]), ("ours", [sys.executable, "-m", "noria", "exec"])):
        done = subprocess.run(
            [*command, str(tmp_path / "program.py"), f"--folder={tmp_path / folder}", "--steps=4", "more"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "TF_ENABLE_ONEDNN_OPTS": "0"},
        )
        assert done.returncode == 5, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
