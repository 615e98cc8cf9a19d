"""Writes the models of ``tests/keras_models.py`` as Keras files, with what Keras answers.

Run in the environment that has TensorFlow::

    make oracle-env && .venv-oracle/bin/python tools/make_keras_golden.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from keras_models import MODELS, answers, inputs_for, randomise  # noqa: E402  # the path is set above


def main() -> None:
    home = TESTS / "golden" / "keras"
    home.mkdir(parents=True, exist_ok=True)
    for name, make in MODELS.items():
        keras.backend.clear_session()
        made = make(keras)
        randomise(made)
        inputs = inputs_for(made)
        made.save(home / f"{name}.keras")
        if name != "functional":  # a model within a model: the old format does not say whose weights are whose
            made.save(home / f"{name}.h5")
        outputs = {f"out_{i}": value for i, value in enumerate(answers(made, inputs))}
        np.savez(home / f"{name}.npz", allow_pickle=False, **{f"in_{k}": v for k, v in inputs.items()}, **outputs)
        print(name, list(inputs), list(outputs))


if __name__ == "__main__":
    main()
