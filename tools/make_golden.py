"""Makes the small models under ``tests/golden`` with real TensorFlow, and the answers that TensorFlow gives.

Run in the environment that has TensorFlow::

    make oracle-env && .venv-oracle/bin/python tools/make_golden.py

Each model lies at ``tests/golden/<name>/1`` (the layout a server wants), each recorded call beside it in
``tests/golden/<name>/golden/<signature>.<k>.npz``: ``in_<alias>`` and ``out_<alias>``, strings as fixed-width bytes,
base64 of them for the keys listed in ``__b64__``.
The calls of a stateful model were made in the order of ``k`` over all signatures.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
# Made-up cluster centres and spreads (length and width of two leaves, cm): like Fisher's iris data, not taken from it.
CENTRES = np.array([[5.0, 3.4, 1.5, 0.3], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]])
SPREADS = np.array([[0.35, 0.38, 0.17, 0.10], [0.51, 0.31, 0.47, 0.20], [0.63, 0.32, 0.55, 0.27]])
WORDS = ["bad", "boring", "fine", "good", "great", "lovely", "poor", "weak"]

v1 = tf.compat.v1


def _fresh(name: str) -> str:
    home = GOLDEN / name
    shutil.rmtree(home, ignore_errors=True)
    (home / "golden").mkdir(parents=True)
    return str(home / "1")


def _record(folder: str, calls: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Runs the calls through TensorFlow, from the saved model, and writes each with its answer."""
    loaded = tf.saved_model.load(folder)
    for k, (signature, inputs) in enumerate(calls):
        outputs = loaded.signatures[signature](**{a: tf.constant(v) for a, v in inputs.items()})
        _write(Path(folder).parent, f"{signature}.{k}", inputs, {a: t.numpy() for a, t in outputs.items()})


def _write(home: Path, name: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    arrays = {f"in_{a}": np.asarray(v) for a, v in inputs.items()}
    arrays |= {f"out_{a}": np.asarray(v) for a, v in outputs.items()}
    binary = [k for k, v in arrays.items() if v.dtype.kind == "O" and any(s.endswith(b"\0") for s in v.reshape(-1))]
    for key in binary:  # fixed-width strings lose trailing zeros: these are kept as base64
        arrays[key] = np.array([base64.b64encode(s) for s in arrays[key].reshape(-1)]).reshape(arrays[key].shape)
    saved: dict[str, Any] = {k: v.astype("S") if v.dtype.kind in "OU" else v for k, v in arrays.items()}
    if binary:
        saved["__b64__"] = np.array(binary, "S")
    np.savez_compressed(home / "golden" / f"{name}.npz", **saved)


def iris() -> None:
    """A classifier 4 → 16 → 16 → 3 with softmax, trained on synthetic clusters of flower-like measures."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 900)
    features = rng.normal(CENTRES[labels], SPREADS[labels]).astype(np.float32)
    layers = [keras.Input((4,), name="x"), keras.layers.Dense(16, "relu"), keras.layers.Dense(16, "relu")]
    model = keras.Sequential([*layers, keras.layers.Dense(3, "softmax", name="species")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(features, labels, epochs=60, batch_size=32, verbose=0)
    print(f"iris: accuracy {model.evaluate(features, labels, verbose=0)[1]:.3f} on its training data")
    folder = _fresh("iris")

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, "x")])  # type: ignore[untyped-decorator]
    def serve(x: Any) -> dict[str, Any]:
        return {"probabilities": model(x, training=False)}

    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serve", serve)
    archive.write_out(folder, options=tf.saved_model.SaveOptions(save_debug_info=False), verbose=False)
    batches = [CENTRES.astype(np.float32), features[:1], features[:7], np.zeros((0, 4), np.float32)]
    _record(folder, [("serving_default", {"x": batch}) for batch in batches])


def half_plus_two() -> None:
    """y = x / 2 + 2 as TensorFlow 1 saved it: Predict, Classify and Regress signatures, the last two over tf.Example.

    Also the same graph frozen (``frozen.pb``) and as MetaGraph with its checkpoint (``checkpoint/model.meta``).
    """
    folder = _fresh("half_plus_two")
    home = Path(folder).parent
    with v1.Graph().as_default() as graph, v1.Session() as session:
        a, b = v1.Variable(0.5, name="a", use_resource=False), v1.Variable(2.0, name="b", use_resource=False)
        serialized = v1.placeholder(tf.string, [None], name="tf_example")
        features = {"x": v1.io.FixedLenFeature([1], tf.float32, [0.0])}
        x = v1.identity(v1.io.parse_example(serialized, features)["x"], name="x")
        y = v1.add(v1.multiply(a, x), b, name="y")
        classes = v1.as_string(v1.cast(y, tf.int64), name="classes")
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(folder)
        sig = v1.saved_model.signature_def_utils
        signatures = {
            "serving_default": sig.predict_signature_def({"x": x}, {"y": y}),
            "classify_x_to_y": sig.classification_signature_def(serialized, classes, y),
            "regress_x_to_y": sig.regression_signature_def(serialized, y),
        }
        builder.add_meta_graph_and_variables(session, ["serve"], signatures, strip_default_attrs=True)
        builder.save()
        frozen = v1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["y"])
        v1.io.write_graph(frozen, str(home), "frozen.pb", as_text=False)
        (home / "checkpoint").mkdir()
        v1.train.Saver(save_relative_paths=True).save(session, str(home / "checkpoint" / "model"))
    values = np.array([[0.0], [1.0], [-3.5]], np.float32)
    examples = np.array([_example(v) for v in values[:, 0]], object)
    _record(
        folder,
        [
            ("serving_default", {"x": values}),
            ("classify_x_to_y", {"inputs": examples}),
            ("regress_x_to_y", {"inputs": examples}),
        ],
    )


def _example(x: float) -> bytes:
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[x]))
    found: bytes = tf.train.Example(features=tf.train.Features(feature={"x": feature})).SerializeToString()
    return found


class Counter(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """A number that its signatures read, add to and reset."""

    def __init__(self) -> None:
        self.value = tf.Variable(0.0)

    @tf.function(input_signature=[])  # type: ignore[untyped-decorator]
    def get(self) -> dict[str, Any]:
        return {"value": self.value.read_value()}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "delta")])  # type: ignore[untyped-decorator]
    def add(self, delta: Any) -> dict[str, Any]:
        return {"value": self.value.assign_add(delta, read_value=True)}

    @tf.function(input_signature=[])  # type: ignore[untyped-decorator]
    def reset(self) -> dict[str, Any]:
        return {"value": self.value.assign(0.0, read_value=True)}


def counter() -> None:
    """State that its signatures change."""
    folder = _fresh("counter")
    module = Counter()
    signatures = {name: getattr(module, name).get_concrete_function() for name in ("get", "add", "reset")}
    tf.saved_model.save(module, folder, signatures=signatures)
    one, two = {"delta": np.float32(1.5)}, {"delta": np.float32(-4.0)}
    none: dict[str, Any] = {}
    _record(folder, [("get", none), ("add", one), ("add", two), ("get", none), ("reset", none), ("get", none)])


class Sentiment(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """Words → their numbers in a table read from a file → embedding → mean → two classes."""

    def __init__(self, words: str) -> None:
        whole, line = tf.lookup.TextFileIndex.WHOLE_LINE, tf.lookup.TextFileIndex.LINE_NUMBER
        self.table = tf.lookup.StaticVocabularyTable(
            tf.lookup.TextFileInitializer(words, tf.string, whole, tf.int64, line), num_oov_buckets=2
        )
        rng = np.random.default_rng(1)
        self.embedding = tf.Variable(rng.normal(size=(len(WORDS) + 2, 6)).astype(np.float32))
        self.kernel = tf.Variable(rng.normal(size=(6, 2)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.string, "words")])  # type: ignore[untyped-decorator]
    def __call__(self, words: Any) -> dict[str, Any]:
        ids = self.table.lookup(tf.strings.lower(words))
        scores = tf.nn.softmax(tf.matmul(tf.reduce_mean(tf.gather(self.embedding, ids), 1), self.kernel))
        label = tf.gather(tf.constant(["negative", "positive"]), tf.argmax(scores, 1))
        return {"ids": ids, "label": label, "scores": scores}


def text() -> None:
    """Strings in, strings out, and an asset file (weights are random: it knows nothing of sentiment)."""
    folder = _fresh("text")
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):  # the graph holds the path as given
        Path("words.txt").write_text("\n".join(WORDS) + "\n")
        module = Sentiment("words.txt")
        tf.saved_model.save(module, folder, signatures=module.__call__.get_concrete_function())
    inputs = [[["good", "film"], ["Boring", "plot"], ["", "größe"]], [["lovely"]]]
    _record(folder, [("serving_default", {"words": np.char.encode(np.array(rows), "utf-8")}) for rows in inputs])


def main() -> None:
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it says of each TensorFlow 1 symbol that it is old
    keras.utils.set_random_seed(0)
    for make in (iris, half_plus_two, counter, text):
        make()


if __name__ == "__main__":
    main()
