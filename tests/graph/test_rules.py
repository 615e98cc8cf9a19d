"""The helpers of lower rules."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from noria.graph.rules import _ones_in_place, _single_moves


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 4, 5), (2, 1, 4, 1), (1, 1, 1, 1)])
def test_a_permutation_is_the_sum_of_its_moves(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape)).reshape(shape)
    for perm in itertools.permutations(range(4)):
        moved, left = _ones_in_place(array, perm)
        assert moved.flags.c_contiguous, "no byte has moved yet"
        for step in _single_moves(left):
            moved = moved.transpose(step)
        assert np.array_equal(moved, array.transpose(perm))


def test_moving_one_axis_is_one_step() -> None:
    assert _single_moves([3, 0, 1, 2]) == [[3, 0, 1, 2]]
    assert len(_single_moves([3, 2, 0, 1])) == 2
