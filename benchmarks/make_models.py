"""Makes the models of the benchmark with real TensorFlow and Keras, random weights, fixed seed.

Run in the environment that has TensorFlow (``make bench`` does): ``python benchmarks/make_models.py FOLDER``. Each
model becomes ``FOLDER/<name>/1``, with ``FOLDER/<name>/inputs.npz``: eight rows of input, made here too. A model that
is already there is left alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

ROWS = 8
VOCABULARY = 1000
TOKENS = 128
WIDTH = 384


def iris(folder: str) -> dict[str, Any]:
    """4 features → two hidden layers of 16 → 3 classes."""
    layers = [keras.Input((4,), name="x"), keras.layers.Dense(16, "relu"), keras.layers.Dense(16, "relu")]
    _export(keras.Sequential([*layers, keras.layers.Dense(3, "softmax")]), folder)
    return {"x": _rng().uniform(0, 8, (ROWS, 4)).astype(np.float32)}


def mnist_cnn(folder: str) -> dict[str, Any]:
    """The usual example: two convolutions with pooling, then two dense layers."""
    layers = [
        keras.Input((28, 28, 1), name="x"),
        keras.layers.Conv2D(32, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(64, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Flatten(),
        keras.layers.Dense(128, "relu"),
        keras.layers.Dense(10, "softmax"),
    ]
    _export(keras.Sequential(layers), folder)
    return {"x": _images(28, 1)}


def mobilenet_v2(folder: str) -> dict[str, Any]:
    _export(keras.applications.MobileNetV2(weights=None), folder)
    return {"x": _images(224, 3)}


def resnet50(folder: str) -> dict[str, Any]:
    _export(keras.applications.ResNet50(weights=None), folder)
    return {"x": _images(224, 3)}


def transformer(folder: str) -> dict[str, Any]:
    """An encoder of 6 layers over 128 token ids: 384 wide, 6 heads, 1536 in the feed-forward layers, GELU."""
    ids = keras.Input((TOKENS,), dtype="int32", name="x")
    x = keras.layers.Embedding(VOCABULARY, WIDTH)(ids)
    for _ in range(6):
        attended = keras.layers.MultiHeadAttention(6, WIDTH // 6)(x, x)
        x = keras.layers.LayerNormalization()(x + attended)
        wide = keras.layers.Dense(4 * WIDTH, "gelu")(x)
        x = keras.layers.LayerNormalization()(x + keras.layers.Dense(WIDTH)(wide))
    _export(keras.Model(ids, x), folder)
    return {"x": _rng().integers(0, VOCABULARY, (ROWS, TOKENS)).astype(np.int32)}


class Text(tf.Module):  # type: ignore[misc]  # TensorFlow is untyped
    """16 words → their numbers in a table of 1000 → embedding of 64, mean → 2 classes."""

    def __init__(self, words: str) -> None:
        initializer = tf.lookup.TextFileInitializer(
            words, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        )
        self.table = tf.lookup.StaticVocabularyTable(initializer, num_oov_buckets=1)
        rng = _rng()
        self.embedding = tf.Variable(rng.normal(size=(VOCABULARY + 1, 64)).astype(np.float32))
        self.kernel = tf.Variable(rng.normal(size=(64, 2)).astype(np.float32))
        self.bias = tf.Variable(np.zeros(2, np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 16], tf.string, "x")])  # type: ignore[untyped-decorator]
    def __call__(self, x: Any) -> dict[str, Any]:
        vectors = tf.reduce_mean(tf.gather(self.embedding, self.table.lookup(x)), axis=1)
        return {"y": tf.nn.softmax(tf.matmul(vectors, self.kernel) + self.bias)}


def text(folder: str) -> dict[str, Any]:
    words = [f"word{i}" for i in range(VOCABULARY)]
    path = Path(folder).parent / "words.txt"
    path.write_text("\n".join(words) + "\n")
    module = Text(str(path))
    tf.saved_model.save(module, folder, signatures=module.__call__.get_concrete_function())
    chosen = _rng().integers(0, VOCABULARY + 50, (ROWS, 16))  # a few words are unknown
    return {"x": np.array([[f"word{i}" for i in row] for row in chosen], dtype="S")}


MODELS: dict[str, Callable[[str], dict[str, Any]]] = {
    "iris": iris,
    "mnist_cnn": mnist_cnn,
    "mobilenet_v2": mobilenet_v2,
    "resnet50": resnet50,
    "transformer": transformer,
    "text": text,
}


def _rng() -> np.random.Generator:
    return np.random.default_rng(0)


def _images(size: int, channels: int) -> Any:
    return _rng().uniform(0, 1, (ROWS, size, size, channels)).astype(np.float32)


def _export(model: Any, folder: str) -> None:
    model.export(folder, format="tf_saved_model", verbose=False)


def main(folder: Path) -> None:
    for name, make in MODELS.items():
        home = folder / name
        if (home / "inputs.npz").is_file():
            continue
        print(f"making {name}", flush=True)
        home.mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(0)
        inputs = make(str(home / "1"))
        (alias,) = tf.saved_model.load(str(home / "1")).signatures["serving_default"].structured_input_signature[1]
        (array,) = inputs.values()
        np.savez(home / "inputs.npz", **{alias: array})  # last: it marks the model as whole


if __name__ == "__main__":
    main(Path(sys.argv[1]))
