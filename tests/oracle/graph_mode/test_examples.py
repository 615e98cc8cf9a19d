"""What the programs under ``examples/`` write, TensorFlow reads back."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow.compat.v1 as real

from saving_checks import assert_equal

real.disable_v2_behavior()

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
Run = Callable[[str], Path]


@pytest.fixture
def example(tmp_path: Path) -> Run:
    """Runs an example in a process of its own, and gives the folder that it wrote into."""

    def run(name: str) -> Path:
        subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py"), str(tmp_path)], check=True, capture_output=True)
        return tmp_path

    return run


def test_save_and_restore(example: Run) -> None:
    folder = example("save_and_restore")
    state = real.train.get_checkpoint_state(str(folder))
    assert [p.rpartition("-")[2] for p in state.all_model_checkpoint_paths] == [str(n) for n in range(40, 101, 10)]
    with real.Graph().as_default(), real.Session() as session:
        saver = real.train.import_meta_graph(state.model_checkpoint_path + ".meta")
        saver.restore(session, state.model_checkpoint_path)
        assert session.run(real.train.get_global_step()) == 100
        assert_equal(session.run("dense/kernel:0"), np.array([[51, 52], [53, 54]], np.float32))
        session.run(real.get_default_graph().get_operation_by_name("group_deps"))  # the training step goes on
        assert session.run("global_step:0") == 101
    for path in state.all_model_checkpoint_paths:
        assert real.train.checkpoint_exists(path)
        assert real.train.load_variable(path, "global_step") == int(path.rpartition("-")[2])


def test_meta_graph(example: Run) -> None:
    prefix = f"{example('meta_graph')}/model.ckpt"
    with real.Graph().as_default(), real.Session() as session:
        real.train.import_meta_graph(prefix + ".meta").restore(session, prefix)
        (hidden,) = real.get_collection("activations")
        y, activations = session.run(["y:0", hidden], {"x:0": [[1.0, 2.0]]})
        assert_equal(y, np.array([[6]], np.float32))
        assert_equal(activations, np.array([[3, 0]], np.float32))
        assert [v.op.name for v in real.trainable_variables()] == ["hidden", "output"]


def test_saved_model(example: Run) -> None:
    folder = example("saved_model")
    for tags, key, output, words, wanted in [
        (["train"], "train", "logits", ["dog", "horse"], [1.0, -1.0]),
        (["serve"], "serving_default", "scores", ["cat", "unicorn"], [0.5, 1 / (1 + np.exp(-5.0))]),
    ]:
        with real.Graph().as_default(), real.Session() as session:
            meta = real.saved_model.loader.load(session, tags, f"{folder}/words")
            signature = meta.signature_def[key]
            found = session.run(signature.outputs[output].name, {signature.inputs["words"].name: words})
            np.testing.assert_allclose(found, wanted, rtol=1e-6)
    with real.Graph().as_default(), real.Session() as session:
        real.saved_model.loader.load(session, ["serve"], f"{folder}/half_plus_two")
        assert_equal(session.run("y:0", {"x:0": [1.0, 2.0, 5.0]}), np.array([2.5, 3.0, 4.5], np.float32))


def test_freeze(example: Run) -> None:
    graph_def = real.GraphDef.FromString((example("freeze") / "frozen.pb").read_bytes())
    with real.Graph().as_default(), real.Session() as session:
        x, y = real.import_graph_def(graph_def, return_elements=["x:0", "probabilities:0"])
        np.testing.assert_allclose(session.run(y, {x: [[2.0, 1.0]]}), [[0.7310586, 0.26894143]], rtol=1e-6)


def test_weights_from_npz(example: Run) -> None:
    prefix = f"{example('weights_from_npz')}/model.ckpt"
    assert_equal(real.train.load_variable(prefix, "dense/w"), np.eye(2, dtype=np.float32) * 3)
    assert_equal(real.train.load_variable(prefix, "dense/b"), np.array([1, -1], np.float32))
