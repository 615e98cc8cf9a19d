"""What the op case table cannot say of random ops: the stream of a stateful op goes on, and differs without a seed.

The numbers are TensorFlow 2.21's own, of one session running ``RandomUniform(seed=7, seed2=9)`` of shape [2, 5] thrice,
and likewise the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.compile.pipeline import compile_program, prepare
from noria.compile.program import Program
from noria.graph.resources import Resources
from noria.ops import _philox
from op_cases import Const, Row, expand
from op_runner import build

_SHAPE = Const([2, 5])


def _program(op: str, inputs: list[Any], **attrs: Any) -> Program:
    (case,) = expand(Row(op, inputs, attrs))
    graph, node = build(case)
    prepared = prepare(graph, node.outputs, [node.name])
    return compile_program(prepared, [], node.outputs, [node.name], resources=Resources(), engine=True)


def _first_numbers(program: Program, calls: int = 3) -> list[Any]:
    return [program.run([])[0].reshape(-1)[0].item() for _ in range(calls)]


@pytest.mark.parametrize(
    ("op", "inputs", "attrs", "wanted"),
    [
        (
            "RandomUniform",
            [_SHAPE],
            {"dtype": dtypes.float32},
            [0.5363448858261108, 0.29351890087127686, 0.5003154277801514],
        ),
        (
            "RandomStandardNormal",
            [_SHAPE],
            {"dtype": dtypes.float32},
            [0.1868204027414322, 1.4485831260681152, 0.24785606563091278],
        ),
        (
            "TruncatedNormal",
            [_SHAPE],
            {"dtype": dtypes.float32},
            [0.1868204027414322, 1.4485831260681152, 0.24785606563091278],
        ),
        ("RandomUniformInt", [_SHAPE, Const(0), Const(100)], {}, [31, 63, 78]),
        ("RandomShuffle", [Const(np.arange(10))], {}, [1, 2, 0]),
    ],
)
def test_each_call_goes_on(op: str, inputs: list[Any], attrs: dict[str, Any], wanted: list[float]) -> None:
    got = _first_numbers(_program(op, inputs, seed=7, seed2=9, **attrs))
    np.testing.assert_allclose(got, wanted, rtol=1e-6)


def test_without_a_seed_numbers_differ() -> None:
    numbers = [n for _ in range(2) for n in _first_numbers(_program("RandomUniform", [_SHAPE], dtype=dtypes.float32))]
    assert len(set(numbers)) == len(numbers)


def test_a_stream_may_start_anywhere() -> None:
    stream = _philox.from_seeds(1, 2)
    np.testing.assert_array_equal(stream.blocks(9)[4:], stream.skip(4).blocks(5))
    late = _philox.Philox(5, 2**128 - 2)  # the counter starts again
    np.testing.assert_array_equal(late.blocks(3)[2], _philox.Philox(5, 0).blocks(1)[0])


def test_distributions_have_their_moments() -> None:
    stream, float32 = _philox.from_seeds(3, 4), np.dtype(np.float32)
    normal = _philox.normal(stream, 40_000, float32)
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1) < 0.02
    truncated = _philox.truncated_normal(stream, 40_000, float32)
    assert np.abs(truncated).max() < 2
    assert abs(truncated.std() - 0.8796) < 0.02  # that of a normal distribution cut at 2
    uniform = _philox.uniform(stream, 40_000, float32)
    assert 0 <= uniform.min() < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
