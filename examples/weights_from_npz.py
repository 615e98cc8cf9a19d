"""Give a model weights that came as a NumPy archive, and save them as a checkpoint.

python examples/weights_from_npz.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile

import numpy as np

import noria
import noria.v1 as tf


def main(folder: str) -> None:
    """Writes weights.npz, reads it into variables, saves these."""
    np.savez(f"{folder}/weights.npz", w=np.eye(2, dtype=np.float32) * 3, b=np.array([1.0, -1.0], np.float32))
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        with tf.variable_scope("dense"):
            y = tf.matmul(x, tf.get_variable("w", [2, 2])) + tf.get_variable("b", [2])
        # A placeholder for each variable: values that stand in the graph as constants would be saved with it.
        feeds = {v: tf.placeholder(v.dtype.base_dtype, v.shape) for v in tf.trainable_variables()}
        assign = tf.group([v.assign(given) for v, given in feeds.items()])
        with np.load(f"{folder}/weights.npz") as weights:
            session.run(assign, {given: weights[v.op.name.rpartition("/")[2]] for v, given in feeds.items()})
        print("y:", session.run(y, {x: [[1.0, 2.0]]}).tolist())
        prefix = tf.train.Saver().save(session, f"{folder}/model.ckpt")
    for name, value in noria.load_checkpoint(prefix).items():
        print(f"{name}:", value.tolist())


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
