"""Build a SavedModel with two tag-sets and an asset, and one with simple_save; load by tag, run by signature.

python examples/saved_model.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import noria
import noria.v1 as tf

WORDS = ["cat", "dog", "horse"]


def build(folder: str) -> None:
    """Words become numbers by a table, numbers scores by a variable; training sees the logits, serving the scores."""
    vocabulary = Path(folder, "words.txt")
    vocabulary.write_text("\n".join(WORDS) + "\n")
    with tf.Graph().as_default(), tf.Session() as session:
        words = tf.placeholder(tf.string, [None], name="words")
        column = tf.lookup.TextFileIndex
        lines = tf.lookup.TextFileInitializer(
            str(vocabulary), tf.string, column.WHOLE_LINE, tf.int64, column.LINE_NUMBER
        )
        ids = tf.lookup.StaticHashTable(lines, default_value=3).lookup(words)
        logits = tf.gather(tf.get_variable("logits", initializer=[0.0, 1.0, -1.0, 5.0]), ids)
        scores = tf.sigmoid(logits, name="scores")
        session.run([tf.global_variables_initializer(), tf.tables_initializer()])
        builder = tf.saved_model.builder.SavedModelBuilder(f"{folder}/words")
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.tag_constants.TRAINING],
            {"train": tf.saved_model.predict_signature_def({"words": words}, {"logits": logits})},
            assets_collection=tf.get_collection(tf.GraphKeys.ASSET_FILEPATHS),
            main_op=tf.tables_initializer(),
        )
        builder.add_meta_graph(
            [tf.saved_model.tag_constants.SERVING],
            {"serving_default": tf.saved_model.predict_signature_def({"words": words}, {"scores": scores})},
        )
        print("wrote", builder.save().decode().removeprefix(folder + "/"))
    vocabulary.unlink()  # the model has a copy


def run(path: str, tags: list[str], signature_key: str, feeds: dict[str, Any]) -> None:
    """Loads the graph of ``tags`` and runs one signature: keys in, keys out."""
    with tf.Graph().as_default(), tf.Session() as session:
        meta = tf.saved_model.loader.load(session, tags, path)
        signature = meta.signature_def[signature_key]
        fed = {signature.inputs[key].name: value for key, value in feeds.items()}
        found = session.run({key: info.name for key, info in signature.outputs.items()}, fed)
        for key, value in found.items():
            print(f"{'+'.join(tags)} {signature_key}: {key} = {value.round(3)}")


def simple(folder: str) -> None:
    """The short way: one signature, tagged for serving."""
    with tf.Graph().as_default(), tf.Session() as session:
        x = tf.placeholder(tf.float32, [None], name="x")
        y = tf.add(x * tf.get_variable("a", initializer=0.5), tf.get_variable("b", initializer=2.0), name="y")
        session.run(tf.global_variables_initializer())
        tf.saved_model.simple_save(session, f"{folder}/half_plus_two", inputs={"x": x}, outputs={"y": y})
    print("half_plus_two:", noria.load(f"{folder}/half_plus_two")(x=[1.0, 2.0, 5.0])["y"].tolist())


def main(folder: str) -> None:
    """All of it, in ``folder``."""
    build(folder)
    run(f"{folder}/words", ["train"], "train", {"words": ["dog", "horse"]})
    run(f"{folder}/words", ["serve"], "serving_default", {"words": ["cat", "unicorn"]})
    simple(folder)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
