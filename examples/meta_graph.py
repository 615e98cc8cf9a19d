"""Export a graph with its collections; import it in a fresh process, which has no code of the model, and run it.

python examples/meta_graph.py [FOLDER]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

import noria.v1 as tf


def export(folder: str) -> None:
    """The graph goes to model.ckpt.meta, its variables to the checkpoint beside it."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        hidden = tf.nn.relu(tf.matmul(x, tf.get_variable("hidden", initializer=[[1.0, -1.0], [1.0, -1.0]])))
        tf.matmul(hidden, tf.get_variable("output", initializer=[[2.0], [3.0]]), name="y")
        tf.add_to_collection("activations", hidden)
        session.run(tf.global_variables_initializer())
        print("exported to", tf.train.Saver().save(session, f"{folder}/model.ckpt").rpartition("/")[2] + ".meta")


def import_and_run(folder: str) -> None:
    """What was a program is data now: tensors are found by name and in collections."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        saver = tf.train.import_meta_graph(f"{folder}/model.ckpt.meta")
        saver.restore(session, f"{folder}/model.ckpt")
        y = graph.get_tensor_by_name("y:0")
        (hidden,) = tf.get_collection("activations")
        print("y:", session.run(y, {"x:0": [[1.0, 2.0]]}).tolist())
        print("activations:", session.run(hidden, {"x:0": [[1.0, 2.0]]}).tolist())
        print("variables:", ", ".join(v.op.name for v in tf.trainable_variables()))


def main(folder: str) -> None:
    """Exports here, imports there."""
    export(folder)
    fresh = subprocess.run([sys.executable, __file__, folder, "import"], capture_output=True, text=True, check=True)
    print(fresh.stdout, end="")


if __name__ == "__main__":
    if sys.argv[2:] == ["import"]:
        import_and_run(sys.argv[1])
    else:
        main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
