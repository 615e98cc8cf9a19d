"""Whatever is sent, in whatever mix, every caller gets exactly its own rows."""

from __future__ import annotations

import asyncio
import random
import time
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from noria.serving.batching.parameters import Batching, Parameters
from noria.serving.batching.profile import Profile
from noria.serving.runner import Runner
from serving.batching.signatures import Array, row_signature, servable

REQUESTS = st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), min_size=1, max_size=30)  # rows, columns


def answered(runner: Runner, profile: Profile | None, shapes: list[tuple[int, int]], pads: bool) -> None:
    def work(x: Array) -> dict[str, Array]:
        if random.random() < 0.3:
            time.sleep(0.0005)
        return {"y": x * 3 + 1, "n": np.arange(len(x))[:, None] * 0 + x[:, :1]}

    signature, held = row_signature(work), servable()
    signature.outputs = {"y": signature.inputs["x"], "n": signature.inputs["x"]}
    if profile is not None:
        profile.seconds = 1.0
        held.costs["s"] = profile
    inputs = [
        np.arange(i * 100, i * 100 + rows * columns, dtype=np.float32).reshape(rows, columns)
        for i, (rows, columns) in enumerate(shapes)
    ]

    async def calls() -> list[dict[str, Any]]:
        return await asyncio.gather(*(runner.run(held, signature, {"x": x}) for x in inputs))

    try:
        found = asyncio.run(calls())
    finally:
        runner.close()
    for x, outputs in zip(inputs, found, strict=True):
        y = outputs["y"]
        assert len(y) == len(x)
        assert np.array_equal(y[:, : x.shape[1]], x * 3 + 1)
        assert pads or y.shape == x.shape
        assert np.array_equal(outputs["n"][:, 0], x[:, 0])


@settings(max_examples=40, deadline=None)
@given(REQUESTS, st.integers(1, 8), st.integers(1, 3), st.booleans())
def test_greedy(shapes: list[tuple[int, int]], most: int, limit: int, known: bool) -> None:
    answered(Runner(3, most=most), Profile(limit, mixes=True) if known else None, shapes, pads=False)


@settings(max_examples=40, deadline=None)
@given(
    REQUESTS,
    st.integers(1, 3),
    st.sampled_from([0.0, 0.001]),
    st.sampled_from([(), (3, 9), (1, 2, 9)]),
    st.integers(1, 9),
    st.booleans(),
)
def test_by_parameters(
    shapes: list[tuple[int, int]], threads: int, timeout: float, allowed: tuple[int, ...], part: int, split: bool
) -> None:
    rule = Parameters(9, timeout, 1000, allowed, pad=True, split=split, max_execution_batch_size=part if split else 9)
    answered(Runner(3, batching=Batching(threads, "pool", rule)), None, shapes, pads=True)
