"""Joining and taking apart rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from noria.serving.batching import rows


@pytest.mark.parametrize(
    ("shapes", "wanted"),
    [
        ([(3, 2)], 3),
        ([(3,), (3, 4)], 3),
        ([(3,), (2,)], None),
        ([()], None),
        ([(2,), ()], None),
        ([], None),
        ([(0,)], 0),
    ],
)
def test_count(shapes: list[tuple[int, ...]], wanted: int | None) -> None:
    assert rows.count({str(i): np.zeros(shape) for i, shape in enumerate(shapes)}) == wanted


def test_cut_undoes_join() -> None:
    parts = [{"a": np.arange(n), "b": np.full((n, 2), n)} for n in (1, 3, 0, 2)]
    back = rows.cut(rows.join(parts), [1, 3, 0, 2])
    for part, found in zip(parts, back, strict=True):
        assert all(np.array_equal(part[name], found[name]) for name in part)


@pytest.mark.parametrize(
    ("array", "shape", "value", "wanted"),
    [
        (np.array([[7, 8]]), (1, 3), None, [[7, 8, 7]]),
        (np.array([[7, 8]]), (1, 3), 0.0, [[7, 8, 0]]),
        (np.array([[7.0], [8.0]]), (2, 2), -1.0, [[7, -1], [8, -1]]),
        (np.array([[b"a"]], object), (1, 2), None, [[b"a", b"a"]]),
        (np.array([[b"a"]], object), (1, 2), 0.0, [[b"a", b""]]),
        (np.zeros((1, 0)), (1, 2), None, [[0, 0]]),
        (np.zeros((1, 0), object), (1, 1), None, [[b""]]),
        (np.array([[1, 2]]), (1, 2), 5.0, [[1, 2]]),
    ],
)
def test_stretch(array: Any, shape: tuple[int, ...], value: float | None, wanted: Any) -> None:
    found = rows.stretch(array, shape, value)
    assert found.dtype == array.dtype
    assert found.tolist() == wanted
