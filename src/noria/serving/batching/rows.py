"""Rows of arrays: joining requests into a batch, and taking its outputs apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def count(arrays: Mapping[str, Array]) -> int | None:
    """The first dimension that all arrays share; None where one has none, they differ, or there is no array."""
    rows = None
    for array in arrays.values():
        if not array.ndim or (rows is not None and array.shape[0] != rows):
            return None
        rows = array.shape[0]
    return rows


def join(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """The arrays of all parts, one below the other, by name."""
    if len(parts) == 1:
        return dict(parts[0])
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def cut(arrays: Mapping[str, Array], sizes: Sequence[int]) -> list[dict[str, Array]]:
    """The first ``sizes[0]`` rows, the next ``sizes[1]``, …; what is left over is dropped. Views, no copies."""
    bounds = list(pairwise(accumulate(sizes, initial=0)))
    return [{name: array[start:end] for name, array in arrays.items()} for start, end in bounds]


def keeps(outputs: Mapping[str, Array], rows: int) -> bool:
    """Whether every output has one row for each of the input's."""
    return all(array.ndim and array.shape[0] == rows for array in outputs.values())


def stretch(array: Array, shape: Sequence[int], value: float | None) -> Array:
    """``array`` grown at the end of each dimension to ``shape``.

    value: what fills the new room, by default the array's own first element, as TensorFlow Serving does (an empty
    array has none: zero, or the empty string).
    """
    if tuple(array.shape) == tuple(shape):
        return array
    fill: Any = b"" if array.dtype.hasobject else 0
    if value is not None:
        fill = fill if array.dtype.hasobject else value
    elif array.size:
        fill = array.flat[0]
    grown = np.full(tuple(shape), fill, array.dtype)
    grown[tuple(slice(0, size) for size in array.shape)] = array
    return grown
