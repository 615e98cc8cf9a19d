"""The programs under ``examples/`` run and print what they should; the oracle's tests read what they write."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PRINTED = {
    "save_and_restore": """\
kept: 40, 50, 60, 70, 80, 90, 100
restored at step 100: [[51.0, 52.0], [53.0, 54.0]]
encoder/w from step 50: [[26.0, 27.0], [28.0, 29.0]]
dense/kernel: [2, 2]
global_step: []
tensor: dense/kernel (float32) [2, 2]
[[51. 52.]
 [53. 54.]]
# Total number of params: 5
""",
    "meta_graph": """\
exported to model.ckpt.meta
y: [[6.0]]
activations: [[3.0, 0.0]]
variables: hidden, output
""",
    "saved_model": """\
wrote words/saved_model.pb
train train: logits = [ 1. -1.]
serve serving_default: scores = [0.5   0.993]
half_plus_two: [2.5, 3.0, 4.5]
""",
    "freeze": """\
17 nodes before, 6 after
model/probabilities:0 [[0.731 0.269]]
noria.load: [[0.731 0.269]]
""",
    "weights_from_npz": """\
y: [[4.0, 5.0]]
dense/b: [1.0, -1.0]
dense/w: [[3.0, 0.0], [0.0, 3.0]]
""",
}


@pytest.mark.parametrize("name", PRINTED)
def test_example(name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.main(str(tmp_path))
    assert capfd.readouterr().out == PRINTED[name]


def test_every_example_is_tested() -> None:
    there = {path.stem for path in EXAMPLES.glob("*.py")}
    assert there - {"demo"} == set(PRINTED)  # the demo starts a server: CI runs it by itself
