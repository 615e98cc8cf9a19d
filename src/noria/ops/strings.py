"""Strings: joining, splitting, case, length, slices, numbers, base64.

A string is ``bytes``; ops with a ``unit`` or an ``encoding`` may count or map UTF-8 characters. A character starts at
every byte that is no continuation byte (``10xxxxxx``), whether or not the text is valid.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, Final

import numpy as np

from noria import dtypes, shapes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, OutOfRangeError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._numbers import parse_number
from noria.ops._strings import string_array
from noria.shapes import Shape

_CONTINUATION: Final = bytes(range(0x80, 0xC0))


def _each(x: Array, change: Callable[[bytes], bytes]) -> Array:
    return string_array([change(s) for s in x.ravel().tolist()], x.shape)


@infer(
    "StringLower", "StringUpper", "StringStrip", "StringLength", "AsString", "StringToNumber", "EncodeBase64",
    "DecodeBase64",
)  # fmt: skip
def _same_shape_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


# --- join


@infer("StringJoin")
def _join_infer(call: InferCall) -> list[Shape]:
    shape: Shape = ()
    for info in call.inputs:
        if info.shape is None:
            return [None] if shape == () else [shape]
        if info.shape != ():
            shape = info.shape if shape == () else shapes.merge(shape, info.shape)
    return [shape]


@kernel("StringJoin")
def _join(call: KernelCall, *inputs: Array) -> Array:
    shape = next((x.shape for x in inputs if x.ndim), ())
    for x in inputs:
        if x.ndim and x.shape != shape:
            raise InvalidArgumentError(f"Input shapes do not match: {shapes.text(shape)} vs. {shapes.text(x.shape)}")
    size = math.prod(shape)
    columns = [x.ravel().tolist() if x.ndim else [x.item()] * size for x in inputs]
    separator: bytes = call.attr("separator")
    if not columns:
        return string_array([b""] * size, shape)
    return string_array([separator.join(parts) for parts in zip(*columns, strict=True)], shape)


@infer("ReduceJoin")
def _reduce_join_infer(call: InferCall) -> list[Shape]:
    shape, axes = call.shape(0), call.inputs[1].value
    if shape is None:
        return [None]
    if axes is None:
        return [shapes.unknown(len(shape)) if call.flag("keep_dims") else None]
    reduced = _reduced_axes(axes, len(shape))
    if call.flag("keep_dims"):
        return [tuple(1 if i in reduced else d for i, d in enumerate(shape))]
    return [tuple(d for i, d in enumerate(shape) if i not in reduced)]


def _reduced_axes(axes: Array, rank: int) -> list[int]:
    found: list[int] = []
    for axis in axes.ravel().tolist():
        if not -rank <= axis < rank:
            raise OutOfRangeError(f"Invalid reduction dimension {axis} for input with {rank} dimension(s)")
        if axis % rank in found:
            raise InvalidArgumentError(f"Duplicate reduction dimension {axis % rank}")
        found.append(axis % rank)
    return found


@kernel("ReduceJoin")
def _reduce_join(call: KernelCall, x: Array, axes: Array) -> Array:
    """Joins along ``axes``, one after the other, so the first moves fastest; no axes at all leave ``x`` as it is."""
    reduced = _reduced_axes(axes, x.ndim)
    if not reduced:
        return x
    separator: bytes = call.attr("separator")
    kept = [i for i in range(x.ndim) if i not in reduced]
    kept_shape = tuple(x.shape[i] for i in kept)
    width = math.prod(x.shape[i] for i in reduced)
    rows = x.transpose([*kept, *reversed(reduced)]).reshape((math.prod(kept_shape), width)).tolist()
    shape = tuple(1 if i in reduced else d for i, d in enumerate(x.shape)) if call.flag("keep_dims") else kept_shape
    return string_array([separator.join(row) for row in rows], shape)


# --- split


@infer("StringSplit", "StringSplitV2")
def _split_infer(call: InferCall) -> list[Shape]:
    return [(None, 2), (None,), (2,)]


def _sparse_rows(rows: list[list[bytes]]) -> tuple[Array, Array, Array]:
    """Lists of tokens as a sparse matrix: indices (int64, n × 2), values, dense shape."""
    lengths = [len(row) for row in rows]
    total = sum(lengths)
    indices = np.empty((total, 2), np.int64)
    indices[:, 0] = np.repeat(np.arange(len(rows)), lengths)
    indices[:, 1] = [j for n in lengths for j in range(n)]
    values = string_array([token for row in rows for token in row], (total,))
    return indices, values, np.array([len(rows), max(lengths, default=0)], np.int64)


def _check_split(x: Array, separator: Array, what: str) -> bytes:
    if x.ndim != 1:
        raise InvalidArgumentError(f"input must be a vector, got shape: {shapes.text(x.shape)}")
    if separator.ndim != 0:
        raise InvalidArgumentError(f"{what} must be a scalar, got shape: {shapes.text(separator.shape)}")
    value: bytes = separator.item()
    return value


@kernel("StringSplit")
def _split(call: KernelCall, x: Array, delimiter: Array) -> tuple[Array, Array, Array]:
    """Splits at every byte of ``delimiter``, or between all bytes if it is empty; an empty string has no tokens."""
    characters = _check_split(x, delimiter, "delimiter")
    keep_empty = not call.flag("skip_empty")
    rows: list[list[bytes]] = []
    for text in x.tolist():
        if not characters:
            rows.append([text[i : i + 1] for i in range(len(text))])
            continue
        first = characters[:1]
        if len(characters) > 1:
            text = text.translate(bytes.maketrans(characters, first * len(characters)))
        rows.append([t for t in text.split(first) if t or keep_empty] if text else [])
    return _sparse_rows(rows)


@kernel("StringSplitV2")
def _split_v2(call: KernelCall, x: Array, sep: Array) -> tuple[Array, Array, Array]:
    """Splits at ``sep``, or at runs of white space if it is empty, as Python's ``split`` does."""
    separator = _check_split(x, sep, "sep") or None
    limit = call.integer("maxsplit")
    if limit == 0:
        return _sparse_rows([[text] for text in x.tolist()])
    return _sparse_rows([text.split(separator, limit) for text in x.tolist()])


# --- case, space, length


def _by_encoding(
    call: KernelCall, x: Array, as_bytes: Callable[[bytes], bytes], as_text: Callable[[str], str]
) -> Array:
    encoding = call.text("encoding")
    if encoding == "":
        return _each(x, as_bytes)
    if encoding != "utf-8":
        raise InvalidArgumentError(f"only utf-8 or '' (no encoding) is supported, received {encoding}")
    return _each(x, lambda s: as_text(s.decode("utf-8", "replace")).encode("utf-8"))


@kernel("StringLower")
def _lower(call: KernelCall, x: Array) -> Array:
    return _by_encoding(call, x, bytes.lower, str.lower)


@kernel("StringUpper")
def _upper(call: KernelCall, x: Array) -> Array:
    return _by_encoding(call, x, bytes.upper, str.upper)


@kernel("StringStrip")
def _strip(call: KernelCall, x: Array) -> Array:
    return _each(x, bytes.strip)


@kernel("StringLength")
def _length(call: KernelCall, x: Array) -> Array:
    if call.text("unit") == "BYTE":
        counts = [len(s) for s in x.ravel().tolist()]
    else:
        counts = [len(s.translate(None, _CONTINUATION)) for s in x.ravel().tolist()]
    return np.array(counts, np.int32).reshape(x.shape)


# --- substrings


@infer("Substr")
def _substr_infer(call: InferCall) -> list[Shape]:
    return [shapes.broadcast(call.shape(0), shapes.merge(call.shape(1), call.shape(2)))]


@kernel("Substr")
def _substr(call: KernelCall, x: Array, pos: Array, length: Array) -> Array:
    if pos.shape != length.shape:
        raise InvalidArgumentError(
            f"pos and len should have the same shape, got: {shapes.text(pos.shape)} vs. {shapes.text(length.shape)}"
        )
    cut = _cut_bytes if call.text("unit") == "BYTE" else _cut_characters
    if pos.ndim == 0:
        start, size = pos.item(), length.item()
        return string_array([cut(text, start, size, k) for k, text in enumerate(x.ravel().tolist())], x.shape)
    try:
        texts, starts, lengths = np.broadcast_arrays(x, pos, length)
    except ValueError:
        raise InvalidArgumentError(
            f"Incompatible shapes: {shapes.text(x.shape)} vs. {shapes.text(pos.shape)}"
        ) from None
    rows: Iterable[tuple[bytes, int, int]] = zip(
        texts.ravel().tolist(), starts.ravel().tolist(), lengths.ravel().tolist(), strict=True
    )
    return string_array([cut(text, start, size, k) for k, (text, start, size) in enumerate(rows)], texts.shape)


def _cut_bytes(text: bytes, start: int, size: int, index: int) -> bytes:
    if not -len(text) <= start <= len(text):
        raise InvalidArgumentError(f"pos {start} out of range for string {text!r} at index {index}")
    if start < 0:
        start += len(text)
    return text[start:] if size < 0 else text[start : start + size]  # a negative length is a huge unsigned one


def _cut_characters(text: bytes, start: int, size: int, index: int) -> bytes:
    edges = [i for i, c in enumerate(text) if c & 0xC0 != 0x80]
    count = len(edges)
    if not -count <= start <= count:
        raise InvalidArgumentError(f"pos {start} out of range for string at index {index}")
    if start < 0:
        start += count
    edges.append(len(text))
    return text[edges[start] : edges[min(start + max(size, 0), count)]]


# --- numbers


@kernel("AsString")
def _as_string(call: KernelCall, x: Array) -> Array:
    dtype = call.dtype("T")
    if dtype is dtypes.string:
        return x
    if "show" not in call.cache:
        call.cache["show"] = _printf(call, dtype)
    show: Callable[[Any], bytes] = call.cache["show"]
    return string_array([show(v) for v in x.ravel().tolist()], x.shape)


def _printf(call: KernelCall, dtype: DType) -> Callable[[Any], bytes]:
    """The formatter of one value that the attributes describe: C's printf with one flag, a width, a precision."""
    scientific, shortest = call.flag("scientific"), call.flag("shortest")
    precision, width = call.integer("precision"), call.integer("width")
    fill: bytes = call.attr("fill")
    if scientific and shortest:
        raise InvalidArgumentError("Cannot select both scientific and shortest notation")
    if len(fill) > 1:
        raise InvalidArgumentError(f"Fill string must be one or fewer characters, got {fill!r}")
    if fill not in (b"", b" ", b"+", b"-", b"0", b"#"):
        raise InvalidArgumentError(f'Fill argument not supported: "{fill.decode("utf-8", "replace")}"')
    real = dtype.is_floating or dtype.is_complex
    if not real and (scientific or shortest):
        raise InvalidArgumentError(f"scientific and shortest format not supported for datatype {dtype}")
    if not real and precision >= 0:
        raise InvalidArgumentError(f"precision not supported for datatype {dtype}")
    if dtype is dtypes.bool_:
        return lambda v: b"true" if v else b"false"
    size = b"%d" % width if width > -1 else b""
    if not real:
        template = b"%" + fill + size + b"d"
        return lambda v: template % v
    kind = (b".%d" % precision if precision > -1 else b"") + (b"e" if scientific else b"g" if shortest else b"f")
    finite = b"%" + fill + size + kind
    other = finite if fill != b"0" else b"%" + size + kind  # zeros never fill up nan and inf

    def show(value: float) -> bytes:
        return (finite if math.isfinite(value) else other) % value

    if dtype.is_complex:
        return lambda v: b"(" + show(v.real) + b"," + show(v.imag) + b")"
    return lambda v: show(float(v))


@kernel("StringToNumber")
def _to_number(call: KernelCall, x: Array) -> Array:
    dtype = call.dtype("out_type")
    numbers = []
    for text in x.ravel().tolist():
        number = parse_number(text, dtype)
        if number is None:
            raise InvalidArgumentError(
                f"StringToNumberOp could not correctly convert string: {text.decode('utf-8', 'replace')} (to {dtype})"
            )
        numbers.append(number)
    return np.array(numbers, dtype.numpy).reshape(x.shape)


# --- base64, the alphabet for URLs


@kernel("EncodeBase64")
def _encode_base64(call: KernelCall, x: Array) -> Array:
    if call.flag("pad"):
        return _each(x, base64.urlsafe_b64encode)
    return _each(x, lambda s: base64.urlsafe_b64encode(s).rstrip(b"="))


_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9_-]{4})*(?:[A-Za-z0-9_-]{2}(?:==)?|[A-Za-z0-9_-]{3}=?)?")


@kernel("DecodeBase64")
def _decode_base64(call: KernelCall, x: Array) -> Array:
    return _each(x, _from_base64)


def _from_base64(text: bytes) -> bytes:
    if not _BASE64.fullmatch(text):
        if len(text) % 4 == 1:
            raise InvalidArgumentError(f"Base64 string length cannot be 1 modulo 4. (got {len(text)} characters)")
        raise InvalidArgumentError(f"Invalid character found in base64. (in {text[:80]!r})")
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
