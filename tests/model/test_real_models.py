"""Real models that other people shipped, with the answers TensorFlow gave them; they lie beside the checkout."""

from __future__ import annotations

import pytest

import noria
from conftest import SHARED
from noria.errors import UnimplementedError
from real_models import RealModel, compare, corpus, zoo

MODELS = SHARED / "models"
FOUND = [*corpus(MODELS), *zoo(MODELS)] if MODELS.is_dir() else []

# Models with ops that have no rule yet. Each must say so, naming the ops; one that has come to work leaves the list.
NOT_YET: frozenset[str] = frozenset(
    [
        "corpus/v1_train_conv_rnn",
    ]
)


def _run(model: RealModel) -> None:
    loaded = noria.load(model.path, tags=model.tags, inputs=model.inputs, outputs=model.outputs)
    for call in model.calls:
        inputs, wanted = call.load()
        compare(loaded.signatures[call.signature].run(inputs), wanted, model.rtol)


@pytest.mark.skipif(not FOUND, reason=f"the real models are not on this machine ({MODELS} is absent)")
@pytest.mark.parametrize("model", FOUND, ids=lambda m: m.name)
def test_answers_are_those_of_tensorflow(model: RealModel) -> None:
    if model.name not in NOT_YET:
        _run(model)
        return
    with pytest.raises(UnimplementedError, match="no ONNX lowering or host kernel for: "):
        _run(model)


@pytest.mark.skipif(not FOUND, reason=f"the real models are not on this machine ({MODELS} is absent)")
def test_list_of_models_without_rules_names_real_ones() -> None:
    assert {m.name for m in FOUND} >= NOT_YET
