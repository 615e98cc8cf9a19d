"""Whether a signature gives every row of a batch what a run of its own would give it: found out by trying.

From one row of a real request others are made (numbers changed, words changed), run one by one and together, in two
orders, beside a row of NaN, which spoils whatever is computed across rows. The rows must differ in what they give,
else agreement would say nothing. Any doubt, any failure, is a no.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from noria.serving.batching import rows

Array = np.ndarray[Any, np.dtype[Any]]
Rows = Mapping[str, Array]

_LOG = logging.getLogger(__name__)

_RELATIVE: Final = 1e-3  # engines sum in another order for another batch size
_ABSOLUTE: Final = 1e-5  # times the largest number of the output
_STEPS: Final = (0.5, 1.5, 5.0, 50.0, 500.0, 5000.0)  # how far numbers are changed, times their mean size
_VARIANTS: Final = len(_STEPS)


def mixes(signature: Any, arrays: Rows, outputs: Sequence[str] | None = None) -> bool:
    """True when batches of ``signature`` give the same rows as single runs. Takes some ten runs; raises nothing."""
    try:
        first = {name: array[:1] for name, array in arrays.items()}
        if not arrays or not rows.count(first):
            return False
        alone = signature.run_arrays(first, outputs)
        if not rows.keeps(alone, 1):
            return False
        other = _other(signature, first, alone, outputs)
        return other is not None and _agrees(signature, (first, alone), other, outputs)
    except Exception as error:
        _LOG.info("signature %s is not batched: %s", signature.name, error)
        return False


def _other(signature: Any, first: Rows, alone: Rows, outputs: Sequence[str] | None) -> tuple[Rows, Rows] | None:
    """Another row and what it gives, which must not be what the first one gives; None where none is found."""
    for variant in _variants(first):
        try:
            found = signature.run_arrays(variant, outputs)
        except Exception:  # a made-up row may be refused: the next one may not
            continue
        if rows.keeps(found, 1) and not all(_same(found[name], alone[name]) for name in alone):
            return variant, found
    return None


def _agrees(signature: Any, one: tuple[Rows, Rows], two: tuple[Rows, Rows], outputs: Sequence[str] | None) -> bool:
    """Whether two rows give the same together, in either order, three times over, and beside NaN, as one by one."""
    trials = [[one, two], [two, one, one]]
    if any(array.dtype.kind == "f" for array in one[0].values()):
        spoiled = {n: np.full_like(a, np.nan) if a.dtype.kind == "f" else a for n, a in one[0].items()}
        trials.append([two, (spoiled, {}), one])
    for trial in trials:
        found = signature.run_arrays(rows.join([given for given, _ in trial]), outputs)
        if not rows.keeps(found, len(trial)):
            return False
        for row, (_, wanted) in zip(rows.cut(found, [1] * len(trial)), trial, strict=True):
            if not all(_same(row[name], wanted[name]) for name in wanted):
                return False
    return True


def _variants(row: Rows) -> Iterator[Rows]:
    """Rows of the same shapes that are likely to be taken, and to give something else."""
    random = np.random.default_rng(0)
    for turn in range(_VARIANTS):
        yield {name: _varied(array, turn, random) for name, array in row.items()}


def _varied(array: Array, turn: int, random: np.random.Generator) -> Array:
    kind = array.dtype.kind
    if kind == "b":
        return np.asarray(random.integers(0, 2, array.shape).astype(bool) ^ (turn % 2 == 0))
    if kind in "fcV":
        wide = array.astype(np.complex64 if kind == "c" else np.float32)
        scale = float(np.abs(wide[np.isfinite(wide)]).mean()) if np.isfinite(wide).any() else 1.0
        noise = random.standard_normal(array.shape) * (scale or 1.0) * _STEPS[turn]
        return np.asarray((wide * random.uniform(0.5, 1.5, array.shape) + noise).astype(array.dtype))
    if kind in "iu":
        if turn % 2 == 0:  # the row's own numbers in another order: as likely in range as they were
            return np.asarray(random.permutation(array.reshape(-1)).reshape(array.shape))
        return np.asarray((array // (1 + turn)) if array.any() else array + array.dtype.type(1))
    words = [bytes(word) for word in array.reshape(-1)]
    changed = np.empty(len(words), object)
    for index, word in enumerate(words):
        changed[index] = (word[: len(word) // 2], word + b" " + word, b"")[turn % 3] if turn < 3 else word[::-1]
    return np.asarray(random.permutation(changed).reshape(array.shape))


def _same(a: Array, b: Array) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    if a.dtype.kind not in "fcV":
        return bool(np.array_equal(a, b))
    wide = np.complex64 if a.dtype.kind == "c" else np.float64
    left, right = a.astype(wide), b.astype(wide)
    finite = np.abs(left[np.isfinite(left)])
    loose = _ABSOLUTE * float(finite.max()) if finite.size else 0.0
    return bool(np.allclose(left, right, rtol=_RELATIVE, atol=loose, equal_nan=True))
