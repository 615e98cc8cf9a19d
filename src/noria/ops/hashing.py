"""Hashes of strings: buckets for categorical features, and fingerprints of rows.

The hashes must be TensorFlow's to the bit, because trained weights depend on them: FarmHash's fingerprint
(``StringToHashBucketFast``), SipHash-2-4 (``StringToHashBucketStrong``), and a variant of MurmurHash64A (the old
``StringToHashBucket``).
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from siphash24 import siphash24

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._farmhash import fingerprint64, fingerprints
from noria.shapes import Shape

_MASK: Final = 0xFFFFFFFFFFFFFFFF
_MURMUR: Final = 0xC6A4A7935BD1E995  # MurmurHash64A's multiplier
_SEED: Final = 0xDECAFCAFFE  # TensorFlow's seed for it


@infer("StringToHashBucketFast", "StringToHashBucketStrong", "StringToHashBucket")
def _same_shape_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("StringToHashBucketFast")
def _fast(call: KernelCall, x: Array) -> Array:
    buckets = call.integer("num_buckets")
    return (fingerprints(x.ravel().tolist()) % np.uint64(buckets)).astype(np.int64).reshape(x.shape)


@kernel("StringToHashBucketStrong")
def _strong(call: KernelCall, x: Array) -> Array:
    words = call.integers("key")
    if len(words) != 2:
        raise InvalidArgumentError(f"Key must have 2 elements, got {len(words)}")
    key = struct.pack("<2Q", *(w & _MASK for w in words))
    buckets = call.integer("num_buckets")
    hashes = [int.from_bytes(siphash24(s, key=key).digest(), "little") % buckets for s in x.ravel().tolist()]
    return np.array(hashes, np.int64).reshape(x.shape)


@kernel("StringToHashBucket")
def _plain(call: KernelCall, x: Array) -> Array:
    buckets = call.integer("num_buckets")
    return np.array([_murmur(s) % buckets for s in x.ravel().tolist()], np.int64).reshape(x.shape)


def _murmur(data: bytes) -> int:
    """MurmurHash64A of ``data`` (by Austin Appleby, public domain) with TensorFlow's seed."""
    size = len(data)
    whole = size & ~7
    h = _SEED ^ (size * _MURMUR & _MASK)
    for (word,) in struct.iter_unpack("<Q", data[:whole]):
        k = word * _MURMUR & _MASK
        k = (k ^ (k >> 47)) * _MURMUR & _MASK
        h = (h ^ k) * _MURMUR & _MASK
    if whole < size:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _MURMUR & _MASK
    h = (h ^ (h >> 47)) * _MURMUR & _MASK
    return h ^ (h >> 47)


@infer("Fingerprint")
def _fingerprint_infer(call: InferCall) -> list[Shape]:
    shape = call.shape(0)
    return [(None if shape is None else shape[0] if shape else None, 8)]


@kernel("Fingerprint")
def _fingerprint(call: KernelCall, data: Array, method: Array) -> Array:
    """A fingerprint of each row, 8 bytes; a row of several strings is that of its strings' fingerprints."""
    if method.item() != b"farmhash64":
        raise InvalidArgumentError(f"Unsupported fingerprint method: {method.item().decode('utf-8', 'replace')}")
    if data.ndim == 0:
        raise InvalidArgumentError(f"`data` should have at least one dimension: {shapes.text(data.shape)}")
    rows = data.reshape(len(data), -1) if data.size else data.reshape(len(data), 0)
    if rows.dtype.hasobject:
        words = fingerprints(rows.ravel().tolist()).astype("<u8")
        if rows.shape[1] == 1:
            return words.view(np.uint8).reshape(len(rows), 8)
        rows = words.reshape(rows.shape)
    result = np.array([fingerprint64(np.ascontiguousarray(row).tobytes()) for row in rows], "<u8")
    return result.view(np.uint8).reshape(len(rows), 8)
