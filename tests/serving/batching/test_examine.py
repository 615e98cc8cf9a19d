"""Which signatures are found to give a row the same whatever stands beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.serving.batching import examine
from serving.batching.signatures import row, row_signature

F32 = np.float32


def softmax(x: Any) -> Any:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def refuse_nan(x: Any) -> Any:
    if np.isnan(x).any():
        raise ValueError("not a number")
    return x * 2


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        (lambda x: x * 2, True),
        (softmax, True),
        (lambda x: x @ np.array([[1, 2], [3, 4]], F32), True),
        (lambda x: x - x.mean(axis=0), False),
        (lambda x: np.cumsum(x, axis=0), False),
        (lambda x: np.sort(x, axis=0), False),
        (lambda x: x / F32(len(x)), False),
        (lambda x: x[::-1], False),
        (lambda x: np.broadcast_to(x.max(), x.shape), False),
        (lambda x: x.sum(axis=0), False),  # the rows are lost
        (lambda x: x.sum(), False),
        (lambda x: np.concatenate([x, x]), False),
        (lambda x: np.ones_like(x), False),  # always the same: agreement would say nothing
        (lambda x: np.where(len(x) > 2, x * 0, x), False),
        (refuse_nan, False),
        (lambda x: np.random.default_rng().random(x.shape, F32), False),
    ],
)
def test_numbers(function: Callable[[Any], Any], wanted: bool) -> None:
    signature = row_signature(lambda x: {"y": function(x)})
    assert examine.mixes(signature, row(1.0, 2.0)) is wanted
    assert examine.mixes(signature, row(-3.0)) is wanted


def test_a_constant_beside_an_output_that_varies() -> None:
    signature = row_signature(lambda x: {"y": x, "labels": np.array([[b"a", b"b"]] * len(x), object)})
    signature.outputs = {"y": signature.inputs["x"], "labels": signature.inputs["x"]}
    assert examine.mixes(signature, row(1.0))


@pytest.mark.parametrize("start", [[[1, 2, 3]], [[0, 0, 0]], [[5, 5, 5]]])
def test_numbers_of_a_vocabulary(start: list[list[int]]) -> None:
    table = np.arange(60, dtype=F32).reshape(6, 10)
    signature = row_signature(lambda x: {"y": table[x].sum(axis=1)}, dtype=dtypes.int32)
    assert examine.mixes(signature, {"x": np.array(start, np.int32)})


def test_words() -> None:
    def lengths(x: Any) -> Any:
        return {"y": np.array([[len(v) for v in given] for given in x], np.int64)}

    signature = row_signature(lengths, dtype=dtypes.string)
    assert examine.mixes(signature, {"x": np.array([[b"a few words"]], object)})


def test_no_rows_no_answer() -> None:
    signature = row_signature(lambda x: {"y": x})
    assert not examine.mixes(signature, {})
    assert not examine.mixes(signature, row())
