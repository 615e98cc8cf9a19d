"""The check of a conversion: source and result on the same random input, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from noria import dtypes
from noria.convert.registry import Array, Runner
from noria.dtypes import DType
from noria.errors import InternalError, TFError
from noria.model.signature import TensorSpec
from noria.shapes import Shape

BATCH: Final = 2  # the size given to an unknown first dimension
_SMALL: Final = 4  # and to any other unknown one
# Text for string inputs, tried in turn: words; numbers for who parses them; nothing, which is an empty tf.Example too.
_TEXTS: Final = ((b"", b"a", b"word", b"two words"), (b"1", b"-0.5", b"20"), (b"",))
_RTOL: Final = 1e-3
_ATOL: Final = 1e-4
_HALF_RTOL: Final = 2e-2  # of float16 and bfloat16


@dataclass(frozen=True)
class Difference:
    """How far two answers are apart. absolute, relative: the largest, over all outputs that hold numbers."""

    outputs: int
    absolute: float
    relative: float


def random_inputs(specs: Mapping[str, TensorSpec], seed: int) -> Iterator[dict[str, Array]]:
    """Inputs for ``specs``, several times where there are strings: the first that the source takes is the one."""
    strings = any(spec.dtype is dtypes.string for spec in specs.values())
    for texts in _TEXTS if strings else _TEXTS[:1]:
        generator = np.random.default_rng(seed)
        yield {k: random_input(s.dtype, s.shape, generator, texts) for k, s in specs.items()}


def random_input(
    dtype: DType, shape: Shape, generator: np.random.Generator, texts: Sequence[bytes] = _TEXTS[0]
) -> Array:
    """An array that fits ``shape``: normal numbers, integers 0 and 1 (an index must not leave its table), ``texts``."""
    dims = (
        (BATCH,)
        if shape is None
        else tuple(d if d is not None else _SMALL if i else BATCH for i, d in enumerate(shape))
    )
    if dtype is dtypes.string:
        return generator.choice(np.array(texts, object), dims)
    if dtype is dtypes.bool_ or not (dtype.is_floating or dtype.is_complex):
        return np.asarray(generator.integers(0, 2, dims)).astype(dtype.numpy)
    return np.asarray(generator.standard_normal(dims)).astype(dtype.numpy)


def compare(source: Runner, result: Runner, candidates: Iterable[Mapping[str, Array]]) -> Difference | str:
    """The difference between the answers to the first of ``candidates`` that the source takes; a sentence where it
    takes none, or gives another answer each time.

    Raises InternalError when the result fails where the source does not, gives other outputs, or differs by more than
    rounding does.
    """
    problem = "there is none"
    for inputs in candidates:
        try:
            wanted = source(inputs)
            break
        except TFError as error:
            problem = error.message
    else:
        return f"not checked: the source does not take random input ({problem})"
    try:
        found = result(inputs)
    except TFError as error:
        raise InternalError(f"the converted model fails on input that the source takes: {error.message}") from error
    if found.keys() != wanted.keys():
        raise InternalError(f"the converted model gives {sorted(found)}, the source {sorted(wanted)}")
    try:
        return _differences(found, wanted)
    except InternalError:
        try:
            _differences(source(inputs), wanted)
        except InternalError:
            return "not checked: the source draws random numbers or keeps state, its answers differ from call to call"
        raise


def _differences(found: Mapping[str, Array], wanted: Mapping[str, Array]) -> Difference:
    absolute = relative = 0.0
    for key, array in wanted.items():
        a, r = _difference(np.asarray(found[key]), np.asarray(array), key)
        absolute, relative = max(absolute, a), max(relative, r)
    return Difference(len(wanted), absolute, relative)


def _difference(found: Array, wanted: Array, key: str) -> tuple[float, float]:
    if found.shape != wanted.shape:
        raise InternalError(
            f"output {key!r} has shape {list(found.shape)} after conversion, {list(wanted.shape)} before"
        )
    if wanted.dtype.hasobject or wanted.dtype.kind in "bSU":
        if not np.array_equal(found, wanted):
            raise InternalError(f"output {key!r} differs after conversion")
        return 0.0, 0.0
    kind = np.complex128 if wanted.dtype.kind == "c" else np.float64
    a, b = found.astype(kind), wanted.astype(kind)
    finite = np.isfinite(b)
    if not np.array_equal(np.isfinite(a), finite) or not np.array_equal(a[~finite], b[~finite], equal_nan=True):
        raise InternalError(f"output {key!r} is infinite or NaN elsewhere after conversion")
    gap = np.abs(a[finite] - b[finite])
    if not gap.size:
        return 0.0, 0.0
    size = np.abs(b[finite])
    half = wanted.dtype.itemsize == 2 and wanted.dtype.kind not in "iu"
    if not (gap <= _ATOL + (_HALF_RTOL if half else _RTOL) * np.maximum(size, size.max() * 1e-2)).all():
        raise InternalError(f"output {key!r} differs by up to {gap.max():.3g} after conversion")
    # Relative to the output's own scale where an element is close to zero.
    return float(gap.max()), float((gap / np.maximum(size, max(size.max() * 1e-2, 1e-30))).max())
