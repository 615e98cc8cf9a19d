"""FarmHash's 64-bit fingerprint (``farmhash::Fingerprint64``, which is ``farmhashna::Hash64``).

The algorithm is Google's, published in https://github.com/google/farmhash. PyPI's binding has no wheels for ARM, so it
is written out here, once for both uses: the formulas take Python integers (one string) as well as ``uint64`` arrays (a
batch of strings of one length, one element a string). Both wrap at 64 bits: arrays by themselves, integers by ``_M``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from noria.graph.graph import Array

_M: Final = 0xFFFFFFFFFFFFFFFF
_K0: Final = 0xC3A5C85C97CB3127
_K1: Final = 0xB492B66FBE98F273
_K2: Final = 0x9AE16A3B2F90404F
_BATCH: Final = 24  # strings of one length from which arrays beat Python's integers

# A word is an int or an array of uint64; Fetch(at, n) gives the n bytes at ``at``, little end first, as a word.
Word = Any
Fetch = Callable[[int, int], Word]


def _rotate(value: Word, shift: int) -> Word:
    """``value`` (already below 2**64) rotated right."""
    return (value >> shift) | (value << (64 - shift) & _M)


def _mix(value: Word) -> Word:
    return value ^ (value >> 47)


def _pair(u: Word, v: Word, mul: Word) -> Word:
    """Two words hashed to one (``HashLen16``)."""
    a = _mix((u ^ v) * mul & _M)
    return _mix((v ^ a) * mul & _M) * mul & _M


def _to_16(fetch: Fetch, size: int) -> Word:
    mul = (_K2 + size * 2) & _M
    if size >= 8:
        a = (fetch(0, 8) + _K2) & _M
        b = fetch(size - 8, 8)
        c = (_rotate(b, 37) * mul + a) & _M
        d = (_rotate(a, 25) + b) * mul & _M
        return _pair(c, d, mul)
    if size >= 4:
        return _pair((fetch(0, 4) << 3) + size, fetch(size - 4, 4), mul)
    y = fetch(0, 1) + (fetch(size >> 1, 1) << 8)
    z = (fetch(size - 1, 1) << 2) + size
    return _mix((y * _K2 & _M) ^ (z * _K0 & _M)) * _K2 & _M


def _to_32(fetch: Fetch, size: int) -> Word:
    mul = (_K2 + size * 2) & _M
    a = fetch(0, 8) * _K1 & _M
    b = fetch(8, 8)
    c = fetch(size - 8, 8) * mul & _M
    d = fetch(size - 16, 8) * _K2 & _M
    u = (_rotate((a + b) & _M, 43) + _rotate(c, 30) + d) & _M
    return _pair(u, (a + _rotate((b + _K2) & _M, 18) + c) & _M, mul)


def _to_64(fetch: Fetch, size: int) -> Word:
    mul = (_K2 + size * 2) & _M
    a = fetch(0, 8) * _K2 & _M
    b = fetch(8, 8)
    c = fetch(size - 8, 8) * mul & _M
    d = fetch(size - 16, 8) * _K2 & _M
    y = (_rotate((a + b) & _M, 43) + _rotate(c, 30) + d) & _M
    z = _pair(y, (a + _rotate((b + _K2) & _M, 18) + c) & _M, mul)
    e = fetch(16, 8) * mul & _M
    f = fetch(24, 8)
    g = (y + fetch(size - 32, 8)) * mul & _M
    h = (z + fetch(size - 24, 8)) * mul & _M
    u = (_rotate((e + f) & _M, 43) + _rotate(g, 30) + h) & _M
    return _pair(u, (e + _rotate((f + a) & _M, 18) + g) & _M, mul)


def _absorb(fetch: Fetch, at: int, a: Word, b: Word) -> tuple[Word, Word]:
    """32 bytes at ``at`` hashed into the two seeds (``WeakHashLen32WithSeeds``)."""
    w, x, y, z = fetch(at, 8), fetch(at + 8, 8), fetch(at + 16, 8), fetch(at + 24, 8)
    a = (a + w) & _M
    b = _rotate((b + a + z) & _M, 21)
    c = a
    a = (a + x + y) & _M
    return (a + z) & _M, (b + _rotate(a, 44) + c) & _M


def _long(fetch: Fetch, size: int) -> Word:
    """More than 64 bytes: 56 bytes of state take in blocks of 64, the last of which may overlap."""
    seed = 81
    x: Word = seed * _K2 & _M
    y: Word = (seed * _K1 + 113) & _M
    z: Word = _mix((y * _K2 + 113) & _M) * _K2 & _M
    x = (x + fetch(0, 8)) & _M
    v: tuple[Word, Word] = (0, 0)
    w: tuple[Word, Word] = (0, 0)
    blocks = (size - 1) // 64

    def step(at: int, mul: Word, w_weight: int) -> None:
        nonlocal x, y, z, v, w
        x = _rotate((x + y + v[0] + fetch(at + 8, 8)) & _M, 37) * mul & _M
        y = _rotate((y + v[1] + fetch(at + 48, 8)) & _M, 42) * mul & _M
        x = x ^ (w[1] * w_weight & _M)
        y = (y + v[0] * w_weight + fetch(at + 40, 8)) & _M
        z = _rotate((z + w[0]) & _M, 33) * mul & _M
        v = _absorb(fetch, at, v[1] * mul & _M, (x + w[0]) & _M)
        w = _absorb(fetch, at + 32, (z + w[1]) & _M, (y + fetch(at + 16, 8)) & _M)
        x, z = z, x

    for block in range(blocks):
        step(block * 64, _K1, 1)
    mul = (_K1 + ((z & 0xFF) << 1)) & _M
    w = ((w[0] + ((size - 1) & 63)) & _M, w[1])
    v = ((v[0] + w[0]) & _M, v[1])
    w = ((w[0] + v[0]) & _M, w[1])
    step(size - 64, mul, 9)
    u = (_pair(v[0], w[0], mul) + (_mix(y) * _K0 & _M) + z) & _M
    return _pair(u, (_pair(v[1], w[1], mul) + x) & _M, mul)


def _hash(fetch: Fetch, size: int) -> Word:
    if size <= 16:
        return _to_16(fetch, size)
    if size <= 32:
        return _to_32(fetch, size)
    return _to_64(fetch, size) if size <= 64 else _long(fetch, size)


def fingerprint64(data: bytes) -> int:
    """The fingerprint of ``data``, below 2**64."""
    size = len(data)
    if not size:
        return _K2
    read = int.from_bytes
    result: int = _hash(lambda at, n: read(data[at : at + n], "little"), size)
    return result


# Words come again and again, and hashing one in Python takes longer than the rest of a small text model.
_known: dict[bytes, int] = {}
_MOST_KNOWN = 1 << 14
_WORD = 32  # bytes up to which a string is taken for a word and remembered


def fingerprints(strings: Sequence[bytes]) -> Array:
    """The fingerprints of ``strings``, uint64; those of words are remembered."""
    found = [_known.get(s) for s in strings]
    if None in found:
        missing = list({s for s, known in zip(strings, found, strict=True) if known is None})
        fresh = dict(zip(missing, _computed(missing).tolist(), strict=True))
        found = [fresh[s] if known is None else known for s, known in zip(strings, found, strict=True)]
        if len(_known) + len(fresh) > _MOST_KNOWN:
            _known.clear()
        _known.update((s, value) for s, value in islice(fresh.items(), _MOST_KNOWN) if len(s) <= _WORD)
    return np.array(found, np.uint64)


def _computed(strings: Sequence[bytes]) -> Array:
    """Many of one length are computed together."""
    result = np.empty(len(strings), np.uint64)
    if len(strings) < _BATCH:
        result[:] = [fingerprint64(s) for s in strings]
        return result
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for k, text in enumerate(strings):
        by_size[len(text)].append(k)
    for size, members in by_size.items():
        if len(members) < _BATCH or not size:
            result[members] = [fingerprint64(strings[k]) for k in members]
        else:
            rows = np.frombuffer(b"".join([strings[k] for k in members]), np.uint8).reshape(len(members), size)
            result[members] = _hash(_column_fetch(rows), size)
    return result


def _column_fetch(rows: Array) -> Fetch:
    def fetch(at: int, n: int) -> Array:
        part = np.ascontiguousarray(rows[:, at : at + n])
        return part.view(f"<u{n}")[:, 0].astype(np.uint64)

    return fetch
