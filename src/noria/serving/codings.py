"""Content codings of the REST port: bodies inflated within a bound, answers deflated for clients that ask for it."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Any, Final

from noria.errors import InvalidArgumentError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_GZIP: Final = 31  # zlib's window bits for a gzip header and trailer
_FAST: Final = 1  # levels: an answer is worth little time


def inflate(body: bytes, coding: bytes, limit: int) -> bytes:
    """``body`` without the coding that a Content-Encoding header names; other codings than these are left alone.

    A body that is no gzip is taken as empty, as TensorFlow Serving has it; so is one that is no zstd. Raises
    InvalidArgumentError where more than ``limit`` bytes would come out.
    """
    coding = coding.lower()
    if b"gzip" in coding:
        return _bounded(body, zlib.decompressobj(wbits=_GZIP), limit, "gzip")
    if b"zstd" in coding:
        return _bounded(body, zstd.ZstdDecompressor(), limit, "zstd")
    if b"deflate" in coding:
        return _bounded(body, zlib.decompressobj(), limit, "deflate")
    return body


def _bounded(body: bytes, inflater: Any, limit: int, name: str) -> bytes:
    try:
        inflated: bytes = inflater.decompress(body, limit + 1)
    except (zlib.error, zstd.ZstdError, EOFError):
        return b""
    if len(inflated) > limit:
        raise InvalidArgumentError(f"the {name} body inflates to more than {limit} bytes; send smaller batches")
    return inflated if inflater.eof else b""


def accepted(header: bytes) -> bytes | None:
    """The best coding that an Accept-Encoding header asks for by name: ``zstd``, ``gzip`` or none."""
    found = set()
    for item in header.lower().split(b","):
        name, _, weight = item.partition(b";")
        if weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            found.add(name.strip())
    return b"zstd" if b"zstd" in found else b"gzip" if b"gzip" in found else None


def _gzip(body: bytes) -> bytes:
    deflater = zlib.compressobj(_FAST, wbits=_GZIP)
    return deflater.compress(body) + deflater.flush()


def _zstd(body: bytes) -> bytes:
    return zstd.compress(body, _FAST)


DEFLATE: Final[dict[bytes, Callable[[bytes], bytes]]] = {b"gzip": _gzip, b"zstd": _zstd}
