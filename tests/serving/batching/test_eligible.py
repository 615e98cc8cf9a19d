"""Which signatures the graph rules out."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import noria
from noria import dtypes
from noria.serving.batching import eligible, examine
from serving.batching.signatures import row, row_signature
from serving.fakes import FakeSpec, half_plus_two

HALF_PLUS_TWO = Path(__file__).parents[2] / "golden" / "half_plus_two"


@pytest.mark.parametrize(
    ("ops", "changes_state", "shape", "wanted"),
    [
        ([], False, (None, 2), True),
        (["MatMul", "Softmax"], False, (None, 2), True),
        ([], True, (None, 2), False),
        ([], False, (4, 2), False),
        ([], False, (), False),
        ([], False, None, False),
        (["StringSplitV2"], False, (None, 2), False),
        (["SparseTensorDenseMatMul"], False, (None, 2), False),
        (["Unique"], False, (None, 2), False),
        (["While"], False, (None, 2), True),
        (["While"], False, (None, None), False),
    ],
)
def test_table(ops: list[str], changes_state: bool, shape: tuple[int | None, ...] | None, wanted: bool) -> None:
    signature = row_signature(lambda x: {"y": x})
    signature.ops = Counter(ops)
    signature.changes_state = changes_state
    signature.outputs = {"y": FakeSpec("y:0", dtypes.float32, shape)}
    assert eligible.may_mix(signature) is wanted


def test_what_tells_nothing_of_its_graph_is_not_batched() -> None:
    assert not eligible.may_mix(half_plus_two())


def test_a_saved_model() -> None:
    signature = noria.load(str(HALF_PLUS_TWO / "1")).signatures["serving_default"]
    assert eligible.may_mix(signature)
    (alias,) = signature.inputs
    assert examine.mixes(signature, {alias: row(1.0, 2.0)["x"][:, 0]})


def test_a_model_that_counts_is_not_batched(shared_models: Path) -> None:
    model = noria.load(str(shared_models / "serving" / "saved_model_counter" / "00000123"))
    assert not any(eligible.may_mix(signature) for signature in model.signatures.values())
