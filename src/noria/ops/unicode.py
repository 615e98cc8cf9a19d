"""Text as code points: UnicodeDecode, with offsets or not, UnicodeEncode and UnicodeTranscode; ICU's rules for damage.

ICU and Python agree on those for Unicode encodings: each maximal part of a sequence that cannot be completed is one
error (The Unicode Standard, section 3.9).
"""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterable, Sequence

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError, UnimplementedError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._strings import string_array
from noria.shapes import Shape

_MARK = 0xDC00  # stands for an error: a lone surrogate, which no valid text decodes to
_MARKING = "noria_mark"
_REPLACEMENT = 0xFFFD
_LAST = 0x10FFFF
_SPACE = 0x20
# Python's names of the encodings that it shares with ICU; others of its codecs are no text encodings.
_KNOWN = re.compile(
    r"utf-(8|16|32)(-[bl]e)?|ascii|iso8859-\d+|cp125\d|cp866|koi8-[ru]|shift_jis|euc_jp|euc_kr|gb2312|gbk|gb18030|big5"
)


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return chr(_MARK), error.end


codecs.register_error(_MARKING, _mark)


def _codec(call: KernelCall) -> str:
    """Python's name of the input encoding."""
    wanted = call.text("input_encoding")
    try:
        name = codecs.lookup(wanted).name
    except LookupError:
        name = ""
    if not _KNOWN.fullmatch(name):
        raise InvalidArgumentError(
            f"Could not create converter for input encoding: {wanted}. Use UTF-8, UTF-16-BE, UTF-32-BE or a code page"
        )
    return name


def _replacement(call: KernelCall) -> int:
    number = call.integer("replacement_char")
    if not 0 <= number <= _LAST:
        raise InvalidArgumentError(f"replacement_char out of unicode codepoint range: {number} is not in [0, {_LAST}]")
    return number


def _decoded(call: KernelCall, texts: Iterable[bytes]) -> Iterable[list[int]]:
    """The code points of each text, errors (and control characters, if asked for) replaced, left out or refused."""
    return (points for points, _ in _decoded_places(call, texts))


def _decoded_places(call: KernelCall, texts: Iterable[bytes]) -> Iterable[tuple[list[int], Sequence[int]]]:
    """As ``_decoded``, and the number of each code point among those of the text before any was left out."""
    codec, replacement, errors = _codec(call), _replacement(call), call.text("errors")
    control = call.flag("replace_control_characters")
    for text in texts:
        points = [ord(c) for c in text.decode(codec, _MARKING)]
        places: Sequence[int] = range(len(points))
        if errors == "strict" and _MARK in points:
            raise InvalidArgumentError(
                f"Invalid formatting on input string: {text[:40]!r} is not {call.text('input_encoding')}; "
                "set errors to 'replace' or 'ignore' to accept it"
            )
        if _MARK in points or (control and any(p < _SPACE for p in points)):
            bad = [p == _MARK or (control and p < _SPACE) for p in points]
            if errors == "ignore":
                places = [k for k, b in enumerate(bad) if not b]
                points = [p for p, b in zip(points, bad, strict=True) if not b]
            else:
                points = [replacement if b else p for p, b in zip(points, bad, strict=True)]
        yield points, places


def _encoded(points: Iterable[int], encoding: str) -> bytes:
    return "".join(chr(_REPLACEMENT if _surrogate(p) else p) for p in points).encode(encoding)


def _surrogate(point: int) -> bool:
    return 0xD800 <= point <= 0xDFFF


# Decode


@infer("UnicodeDecode")
def _decode_infer(call: InferCall) -> list[Shape]:
    count = shapes.num_elements(call.shape(0))
    return [(None if count is None else count + 1,), (None,)]


@kernel("UnicodeDecode")
def _decode(call: KernelCall, texts: Array) -> tuple[Array, Array]:
    """Row splits and code points of a ragged tensor, one row a text."""
    rows = list(_decoded(call, texts.reshape(-1).tolist()))
    splits = np.cumsum([0, *(len(r) for r in rows)]).astype(call.output_dtype)
    return splits, np.array([p for row in rows for p in row], np.int32)


def _starts(text: bytes, codec: str) -> list[int]:
    """Where each character of ``text`` begins, and each error, in bytes."""
    starts: list[int] = []
    at = 0
    while at < len(text):
        try:
            good, bad = text[at:].decode(codec), 0
        except UnicodeDecodeError as error:
            good, bad = text[at : at + error.start].decode(codec), error.end - error.start
        for character in good:
            starts.append(at)
            at += len(character.encode(codec))
        if bad:
            starts.append(at)
            at += bad
    return starts


@infer("UnicodeDecodeWithOffsets")
def _decode_offsets_infer(call: InferCall) -> list[Shape]:
    count = shapes.num_elements(call.shape(0))
    return [(None if count is None else count + 1,), (None,), (None,)]


@kernel("UnicodeDecodeWithOffsets")
def _decode_offsets(call: KernelCall, texts: Array) -> tuple[Array, Array, Array]:
    """As UnicodeDecode, and the byte at which each character begins in its text."""
    codec = _codec(call)
    if codec in ("utf-16", "utf-32"):
        raise UnimplementedError(f"offsets in {codec} text whose byte order is not given; use {codec}-be or {codec}-le")
    splits, points, offsets = [0], [], []
    listed: list[bytes] = texts.reshape(-1).tolist()
    for text, (row, places) in zip(listed, _decoded_places(call, listed), strict=True):
        starts = _starts(text, codec)
        points += row
        offsets += [starts[k] for k in places]
        splits.append(len(points))
    return np.array(splits, call.output_dtype), np.array(points, np.int32), np.array(offsets, np.int64)


# Encode


@infer("UnicodeEncode")
def _encode_infer(call: InferCall) -> list[Shape]:
    splits = call.shape(1)
    return [(None if not splits or splits[0] is None else max(splits[0] - 1, 0),)]


def _check_splits(splits: Array, count: int) -> None:
    if not splits.size:
        raise InvalidArgumentError("Input_splits should contain elements, but given input_values has 0 elements")
    if splits[0] != 0:
        raise InvalidArgumentError(f"First value in input_splits must be zero. Got {int(splits[0])}")
    if (splits[1:] < splits[:-1]).any():
        raise InvalidArgumentError("Values in input_splits must be equal or in ascending order.")
    if splits[-1] != count:
        raise InvalidArgumentError(
            f"Last value in input_splits must be equal to length of input_tensor. Got {int(splits[-1])}, not {count}"
        )


@kernel("UnicodeEncode")
def _encode(call: KernelCall, values: Array, splits: Array) -> Array:
    """A text for each row of a ragged tensor of code points."""
    _check_splits(splits, values.size)
    replacement, errors, encoding = _replacement(call), call.text("errors"), call.text("output_encoding")
    points: list[int] = values.reshape(-1).tolist()
    bad = [not 0 <= p <= _LAST or _surrogate(p) for p in points]
    if errors == "strict" and any(bad):
        k = bad.index(True)
        raise InvalidArgumentError(
            f"Code point is out of range for Unicode, or is a surrogate. input_values[{k}] is {points[k]}"
        )
    ends = splits.tolist()
    texts = []
    for start, end in itertools.pairwise(ends):
        kept = (replacement if bad[k] else points[k] for k in range(start, end) if errors != "ignore" or not bad[k])
        texts.append(_encoded(kept, encoding))
    return string_array(texts, (len(texts),))


# Transcode


@infer("UnicodeTranscode")
def _transcode_infer(call: InferCall) -> list[Shape]:
    return [call.shape(0)]


@kernel("UnicodeTranscode")
def _transcode(call: KernelCall, texts: Array) -> Array:
    encoding = call.text("output_encoding")
    rows = _decoded(call, texts.reshape(-1).tolist())
    return string_array([_encoded(points, encoding) for points in rows], texts.shape)
