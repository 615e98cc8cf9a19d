"""Numbers that describe an array: range, mean, deviation, what is not finite, a histogram. Read a run at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BINS: Final = 10
_RUN: Final = 1 << 20  # elements looked at together


@dataclass(frozen=True, slots=True)
class Statistics:
    """Of the finite elements, of magnitudes where they are complex, of lengths where they are strings.

    counts: elements in each of BINS intervals of equal width between least and greatest.
    """

    count: int
    nan: int
    infinite: int
    zeros: int
    least: float | int | None
    greatest: float | int | None
    mean: float | None
    deviation: float | None
    counts: tuple[int, ...]


def statistics(array: Array) -> Statistics:
    """The statistics of ``array``."""
    nan = infinite = zeros = count = 0
    least: float | int | None = None
    greatest: float | int | None = None
    mean = squares = 0.0
    for run in _runs(array):
        finite = run[np.isfinite(run)]
        nan += int(np.isnan(run).sum())
        infinite += int(np.isinf(run).sum())
        if not finite.size:
            continue
        zeros += int((finite == 0).sum())
        low, high = finite.min().item(), finite.max().item()
        least = low if least is None else min(least, low)
        greatest = high if greatest is None else max(greatest, high)
        wide = finite.astype(np.float64)
        run_mean = float(wide.mean())
        total = count + finite.size
        squares += float(((wide - run_mean) ** 2).sum()) + (run_mean - mean) ** 2 * count * finite.size / total
        mean += (run_mean - mean) * finite.size / total
        count = total
    if least is None or greatest is None:
        return Statistics(array.size, nan, infinite, zeros, None, None, None, None, ())
    deviation = math.sqrt(squares / count)
    return Statistics(
        array.size, nan, infinite, zeros, least, greatest, mean, deviation, _histogram(array, least, greatest)
    )


def _histogram(array: Array, least: float, greatest: float) -> tuple[int, ...]:
    if least == greatest or not math.isfinite(float(greatest) - float(least)):
        return ()
    counts = np.zeros(BINS, np.int64)
    for run in _runs(array):
        finite = run[np.isfinite(run)].astype(np.float64)
        counts += np.histogram(finite, BINS, (float(least), float(greatest)))[0]
    return tuple(counts.tolist())


def _runs(array: Array) -> Iterator[Array]:
    """The elements as plain numbers, a run at a time."""
    for start in range(0, array.size, _RUN):
        run = array.flat[start : start + _RUN] if not array.flags.c_contiguous else array.reshape(-1)[start:][:_RUN]
        if run.dtype.hasobject or run.dtype.kind in "SU":
            yield np.array([len(item) for item in run.tolist()])
        elif run.dtype.kind == "c":
            yield np.abs(run)
        elif run.dtype.kind in "iuf":
            yield run
        elif run.dtype.kind == "b":
            yield run.view(np.uint8)
        else:  # bfloat16, float8, integers of less than a byte
            yield run.astype(np.float32)
