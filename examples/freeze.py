"""Freeze a graph: variables become constants, training falls away; reload the one file and predict.

python examples/freeze.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile

import noria
import noria.v1 as tf


def freeze(folder: str) -> None:
    """Writes frozen.pb."""
    with tf.Graph().as_default() as graph, tf.Session() as session:
        x = tf.placeholder(tf.float32, [None, 2], name="x")
        w = tf.get_variable("w", initializer=[[1.0, 0.0], [0.0, 2.0]])
        b = tf.get_variable("b", initializer=[0.5, -0.5], use_resource=True)
        tf.nn.softmax(tf.nn.bias_add(tf.matmul(x, w), b), name="probabilities")
        w.assign_sub([[0.1, 0.1], [0.1, 0.1]], name="train")
        session.run(tf.global_variables_initializer())
        frozen = tf.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["probabilities"])
        frozen = tf.graph_util.remove_training_nodes(frozen, protected_nodes=["probabilities"])
        tf.train.write_graph(frozen, folder, "frozen.pb", as_text=False)
        print(f"{len(graph.get_operations())} nodes before, {len(frozen.node)} after")


def predict(folder: str) -> None:
    """In a session, and without one."""
    graph_def = tf.GraphDef()
    with tf.gfile.GFile(f"{folder}/frozen.pb", "rb") as file:
        graph_def.ParseFromString(file.read())
    with tf.Graph().as_default(), tf.Session() as session:
        x, y = tf.import_graph_def(graph_def, name="model", return_elements=["x:0", "probabilities:0"])
        print(y.name, session.run(y, {x: [[2.0, 1.0]]}).round(3))
    model = noria.load(f"{folder}/frozen.pb")
    print("noria.load:", model(x=[[2.0, 1.0]])["probabilities"].round(3))


def main(folder: str) -> None:
    """Both."""
    freeze(folder)
    predict(folder)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
