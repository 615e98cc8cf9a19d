"""Keras models converted to SavedModels: TensorFlow runs them with Keras' answers."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow.compat.v1 as tf

from keras_models import MODELS, answers, inputs_for, randomise
from noria.convert import convert


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras with NumPy 2
@pytest.mark.parametrize("name", MODELS)
def test_answers(name: str, tmp_path: Path) -> None:
    made = MODELS[name](keras)
    randomise(made, seed=5)
    inputs = inputs_for(made, seed=6)
    wanted = list(answers(made, inputs))
    made.save(tmp_path / "model.keras")
    convert(str(tmp_path / "model.keras"), str(tmp_path / "saved"))
    with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
        meta = tf.saved_model.loader.load(session, ["serve"], str(tmp_path / "saved"))
        signature = meta.signature_def["serving_default"]
        names = sorted(signature.inputs)
        given = inputs if set(names) == set(inputs) else dict(zip(names, inputs.values(), strict=True))
        feeds = {signature.inputs[k].name: v for k, v in given.items()}
        found = session.run({k: t.name for k, t in signature.outputs.items()}, feeds)
    for value in wanted:
        assert any(v.shape == value.shape and np.allclose(v, value, rtol=1e-4, atol=1e-5) for v in found.values())
