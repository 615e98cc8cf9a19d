"""Tensors as the text in which Assert, Print and StringFormat show them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from noria.graph.graph import Array

_ESCAPES: Final = {10: b"\\n", 13: b"\\r", 9: b"\\t", 34: b'\\"', 39: b"\\'", 92: b"\\\\"}


def escaped(text: bytes, *, keep_high: bool = False) -> bytes:
    """``text`` with C escapes for quotes, backslashes and what does not print; bytes from 128 stay if ``keep_high``."""
    return b"".join(
        _ESCAPES.get(c) or (bytes((c,)) if 32 <= c < 127 or (keep_high and c >= 128) else b"\\%03o" % c) for c in text
    )


def float_text(value: float, single: bool) -> bytes:
    """The shorter of 6 and 9 digits (single precision), or of 15 and 17, that gives ``value`` back."""
    if math.isnan(value):
        return b"nan"
    if math.isinf(value):
        return b"inf" if value > 0 else b"-inf"
    short = b"%.*g" % (6 if single else 15, value)
    same = np.float32(float(short)) == np.float32(value) if single else float(short) == value
    return short if same else b"%.*g" % (9 if single else 17, value)


def _element_text(array: Array, quoted: bool) -> Callable[[Any], bytes]:
    kind = array.dtype.kind
    if kind == "O":
        if quoted:
            return lambda v: b'"' + escaped(v, keep_high=True) + b'"'
        return escaped
    if kind == "b":
        return lambda v: b"1" if v else b"0"
    if kind in "iu":
        return lambda v: b"%d" % v
    single = array.dtype not in (np.dtype(np.float64), np.dtype(np.complex128))
    if kind == "c":
        return lambda v: b"(" + float_text(v.real, single) + b"," + float_text(v.imag, single) + b")"
    return lambda v: float_text(float(v), single)


def summary(array: Array, limit: int) -> bytes:
    """The first ``limit`` elements (all for a negative one) with ``...`` where there are more: ``[1 2][3...]...``."""
    if limit < 0:
        limit = array.size
    text = _element_text(array, quoted=False)
    elements = array.ravel()[:limit].tolist()
    shown = _rows(elements, array.shape, 0, text) if array.ndim else b"".join(map(text, elements))
    return shown + (b"..." if array.size > limit else b"")


def _rows(
    elements: list[Any], shape: tuple[int, ...], start: int, text: Callable[[Any], bytes], depth: int = 0
) -> bytes:
    """The part of ``elements`` from ``start`` that fills ``shape[depth:]``."""
    if depth == len(shape) - 1:
        part = elements[start : start + shape[depth]]
        cut = b"..." if depth and len(part) < shape[depth] else b""
        return b" ".join(map(text, part)) + cut
    size = math.prod(shape[depth + 1 :])
    starts = range(start, start + size * shape[depth], size) if size else ()
    return b"".join(b"[" + _rows(elements, shape, s, text, depth + 1) + b"]" for s in starts if s < len(elements))


def pretty(array: Array, edge: int) -> bytes:
    """``array`` as StringFormat prints it: nested brackets, ``edge`` elements at both ends of each axis (-1: all)."""
    edge = array.size if edge < 0 else min(edge, array.size)
    return _pretty(array, edge, _element_text(array, quoted=True), array.ndim)


def _pretty(array: Array, edge: int, text: Callable[[Any], bytes], rank: int) -> bytes:
    if array.ndim == 0:
        return text(array.item())
    count = array.shape[0]
    depth = rank - array.ndim
    gap = b" " if array.ndim == 1 else b"\n" * (array.ndim - 1) + b" " * (depth + 1)
    head = [_pretty(array[i, ...], edge, text, rank) for i in range(min(edge, count))]
    tail = [_pretty(array[i, ...], edge, text, rank) for i in range(max(edge, count - edge), count)]
    shown = gap.join(head)
    if count > 2 * edge:
        shown += gap + b"..."
    return b"[" + shown + b"".join(gap + t for t in tail) + b"]"
