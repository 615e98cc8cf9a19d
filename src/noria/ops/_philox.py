"""Random numbers as TensorFlow draws them: the counter-based generator Philox4x32-10, and distributions over it.

Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (2011). One step turns a 128-bit counter and a 64-bit key
into four 32-bit numbers, a block. Distributions take whole blocks in order, so any part of a stream can be computed
alone.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from noria.graph.graph import Array

_ROUNDS = 10
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
_SCRAMBLE_KEY = 0x02461E29_3EC8F720  # the key with which TensorFlow turns a seed into key and counter
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MASK64, _MASK128 = (1 << 64) - 1, (1 << 128) - 1
_SMALLEST = 1e-7  # what Box-Muller takes for uniform numbers below it
_BLOCKS_PER_GROUP = 64  # blocks of its own that TensorFlow gives to each truncated normal number
_TRUNCATED_AT = 2.0
_AHEAD = 64  # blocks that are computed at once where numbers are taken one by one


@dataclass(frozen=True, slots=True)
class Philox:
    """A stream: key of 64 bits, counter of 128 bits of its first block."""

    key: int
    counter: int

    def skip(self, blocks: int) -> Philox:
        return Philox(self.key, (self.counter + blocks) & _MASK128)

    def blocks(self, count: int) -> Array:
        """The next ``count`` blocks: uint64 [count, 4], each number below 2**32."""
        return _blocks(self.key, self._counters(np.arange(count, dtype=np.uint64)))

    def blocks_at(self, places: Array) -> Array:
        """The blocks that many steps further on: uint64 [n, 4] for uint64 [n]."""
        return _blocks(self.key, self._counters(places))

    def words(self, count: int) -> Array:
        """The next ``count`` numbers of 32 bits, as uint64."""
        return self.blocks(-(-count // 4)).reshape(-1)[:count]

    def _counters(self, steps: Array) -> tuple[Array, Array]:
        low = np.uint64(self.counter & _MASK64)
        high = np.uint64(self.counter >> 64)
        with np.errstate(over="ignore"):
            sums = steps + low
            return sums, high + (sums < low).astype(np.uint64)


def _blocks(key: int, counters: tuple[Array, Array]) -> Array:
    c0, c1, c2, c3 = (part for c in counters for part in (c & _LOW, c >> _HALF))
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(_ROUNDS):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c2 = (p1 >> _HALF) ^ c1 ^ np.uint64(k0), (p0 >> _HALF) ^ c3 ^ np.uint64(k1)
        c1, c3 = p1 & _LOW, p0 & _LOW
        k0, k1 = (k0 + _KEY_STEPS[0]) & 0xFFFFFFFF, (k1 + _KEY_STEPS[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3], axis=-1)


def from_seeds(seed: int, seed2: int) -> Philox:
    """The stream of an op with the attributes ``seed`` and ``seed2``."""
    return Philox(seed & _MASK64, (seed2 & _MASK64) << 64)


def from_stateless_seed(first: int, second: int) -> Philox:
    """The stream of a stateless op with the seed ``[first, second]``."""
    block = Philox(_SCRAMBLE_KEY, (first & _MASK64) | (second & _MASK64) << 64).blocks(1)[0].tolist()
    return Philox(block[0] | block[1] << 32, (block[2] | block[3] << 32) << 64)


class Generator:
    """The stream of a stateful op: each call takes the next part of it."""

    def __init__(self, seed: int, seed2: int) -> None:
        self._lock = threading.Lock()
        if seed == 0 and seed2 == 0:
            seed, seed2 = np.random.SeedSequence().generate_state(2, np.uint64).tolist()
        self._next = from_seeds(seed, seed2)

    def reserve(self, blocks: int) -> Philox:
        """A stream that has ``blocks`` blocks to itself."""
        with self._lock:
            reserved = self._next
            self._next = reserved.skip(blocks)
        return reserved


class Numbers:
    """The numbers of a stream one by one."""

    def __init__(self, stream: Philox) -> None:
        self._stream = stream
        self._words: list[int] = []
        self._at = 0

    def word(self) -> int:
        if self._at == len(self._words):
            self._words = self._stream.blocks(_AHEAD).reshape(-1).tolist()
            self._stream = self._stream.skip(_AHEAD)
            self._at = 0
        self._at += 1
        return self._words[self._at - 1]

    def below(self, count: int, bits: int) -> int:
        """A number below ``count``, of a word (``bits`` 32) or of two (64): others are drawn until one fits evenly."""
        uneven = 0 if count & (count - 1) == 0 else (1 << bits) % count
        while True:
            number = self.word() | (self.word() << 32 if bits == 64 else 0)
            if number >= uneven:
                return number % count

    def unit(self) -> float:
        """In [0, 1), with 52 bits."""
        high = self.word() & 0xFFFFF
        return (high << 32 | self.word()) / (1 << 52)

    def unit32(self) -> float:
        """In [0, 1), with 23 bits."""
        return (self.word() & 0x7FFFFF) / (1 << 23)


# Distributions


def pairs(words: Array) -> Array:
    """Numbers of 64 bits, each from two of 32 (the lower half first)."""
    joined: Array = words[0::2] | words[1::2] << _HALF
    return joined


def raw(stream: Philox, count: int, dtype: np.dtype[Any]) -> Array:
    """``count`` numbers of all bits of an integer ``dtype`` of 32 or 64 bits."""
    bits = stream.words(count) if dtype.itemsize == 4 else pairs(stream.words(2 * count))
    return bits.astype(f"u{dtype.itemsize}").view(dtype)


def integers(stream: Philox, count: int, low: int, high: int, dtype: np.dtype[Any]) -> Array:
    """``count`` integers from ``low`` up to, not including, ``high``."""
    unsigned = np.dtype(f"u{dtype.itemsize}")
    offsets = raw(stream, count, unsigned) % unsigned.type(high - low)
    with np.errstate(over="ignore"):
        moved: Array = (offsets + np.asarray(low, dtype).view(unsigned)).view(dtype)
    return moved


def _unit(bits: Array, mantissa: int, exponent: int, unsigned: Any, dtype: Any) -> Array:
    """Floats in [0, 1) whose mantissa, one exponent higher, are the lowest bits."""
    kept = (bits & np.uint64((1 << mantissa) - 1)) | np.uint64(exponent << mantissa)
    floats: Array = kept.astype(unsigned).view(dtype) - np.asarray(1, dtype)
    return floats


def _unit32(words: Array) -> Array:
    return _unit(words, 23, 127, np.uint32, np.float32)


def _unit64(high: Array, low: Array) -> Array:
    return _unit(high << _HALF | low, 52, 1023, np.uint64, np.float64)


def uniform(stream: Philox, count: int, dtype: np.dtype[Any]) -> Array:
    """``count`` floats in [0, 1)."""
    if dtype == np.float64:
        words = stream.words(2 * count)
        return _unit64(words[0::2], words[1::2])
    words = stream.words(count)
    if dtype == np.float32:
        return _unit32(words)
    if dtype == np.float16:
        return _unit(words, 10, 15, np.uint16, np.float16)
    return _unit(words, 7, 127, np.uint16, ml_dtypes.bfloat16)


def _box_muller(u: Array, v: Array) -> tuple[Array, Array]:
    """Two normal numbers from two uniform ones, rounded to their dtype after each step.

    Functions of float32 are computed in float64, which agrees with a C library that rounds them right.
    """
    kind = u.dtype
    u = np.maximum(u, kind.type(_SMALLEST))
    angle = (2 * math.pi * v.astype(np.float64)).astype(kind).astype(np.float64)
    radius = np.sqrt(kind.type(-2) * np.log(u.astype(np.float64)).astype(kind))
    return np.sin(angle).astype(kind) * radius, np.cos(angle).astype(kind) * radius


def normals(blocks: Array, dtype: np.dtype[Any]) -> Array:
    """Normal numbers from blocks [n, 4]: [n, 2] of float64, else [n, 4] of float32."""
    if dtype == np.float64:
        made = _box_muller(_unit64(blocks[:, 0], blocks[:, 1]), _unit64(blocks[:, 2], blocks[:, 3]))
        return np.stack(made, axis=1)
    sines, cosines = _box_muller(_unit32(blocks[:, 0::2]), _unit32(blocks[:, 1::2]))
    return np.stack([sines, cosines], axis=2).reshape(-1, 4)


def normal(stream: Philox, count: int, dtype: np.dtype[Any]) -> Array:
    """``count`` normal floats of mean 0 and deviation 1."""
    blocks = stream.blocks(-(-count // 2) if dtype == np.float64 else -(-count // 4))
    return normals(blocks, dtype).reshape(-1)[:count].astype(dtype)


def truncated_normal(stream: Philox, count: int, dtype: np.dtype[Any]) -> Array:
    """``count`` normal floats nearer than 2 to 0: each group has blocks of its own, and takes the first that are."""
    width = 2 if dtype == np.float64 else 4
    starts = np.arange(-(-count // width), dtype=np.uint64) * np.uint64(_BLOCKS_PER_GROUP * width)
    kind = np.float64 if dtype == np.float64 else np.float32
    found = np.zeros((starts.size, width), kind)
    filled = np.zeros(starts.size, np.int64)
    step = 0
    open_groups = np.arange(starts.size)
    while open_groups.size:
        numbers = normals(stream.blocks_at(starts[open_groups] + np.uint64(step)), dtype)
        for column in numbers.T:
            fits = (np.abs(column) < _TRUNCATED_AT) & (filled[open_groups] < width)
            groups = open_groups[fits]
            found[groups, filled[groups]] = column[fits]
            filled[groups] += 1
        open_groups = open_groups[filled[open_groups] < width]
        step += 1
    return found.reshape(-1)[:count].astype(dtype)


def categorical(stream: Philox, logits: Array, count: int) -> Array:
    """int64 [rows, count]: classes drawn with the probabilities that ``logits`` [rows, classes] stand for.

    TensorFlow splits many rows between threads and starts each with a stream of its own, so it draws these numbers
    only where it takes one thread.
    """
    rows, classes = logits.shape
    words = stream.words(2 * rows * count)
    units = _unit64(words[0::2], words[1::2]).reshape(rows, count)
    result = np.empty((rows, count), np.int64)
    for row in range(rows):
        finite = np.isfinite(logits[row])
        weights = np.zeros(classes)
        if finite.any():
            weights[finite] = np.exp((logits[row, finite] - logits[row, finite].max()).astype(np.float64))
        sums = np.cumsum(weights)
        result[row] = np.searchsorted(sums, units[row] * sums[-1], side="right")
    return result


def permutation(stream: Philox, count: int) -> Array:
    """The numbers below ``count`` in random order (Fisher and Yates)."""
    order = list(range(count))
    for place, word in enumerate(stream.words(max(count - 1, 0)).tolist()):
        other = place + word % (count - place)
        order[place], order[other] = order[other], order[place]
    return np.array(order, np.int64)
