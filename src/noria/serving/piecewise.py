"""Reads a big request of examples a piece at a time.

Protobuf reads a message in one call that lets no other Python thread run, the event loop's included: 30 ms for 50,000
examples. On the wire, messages that follow each other are one message (protobuf.dev/programming-guides/encoding, "last
one wins"), so that a list of examples may be read some of its fields at a time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from noria.formats import coding

_PIECE: Final = 16 * 1024  # bytes that are read in one call
_LENGTH_DELIMITED: Final = 2
_VARINT: Final = 0
_FIXED: Final = {1: 8, 5: 4}  # bytes by wire type
_LISTS: Final = {1: "example_list", 2: "example_list_with_context"}  # of tensorflow.serving.Input


def parse(kind: Any, content: bytes) -> Any:
    """``kind.FromString(content)``, for a thread of its own; kind: a request with a ``tensorflow.serving.Input``.

    Raises DecodeError.
    """
    message = kind()
    number = kind.DESCRIPTOR.fields_by_name["input"].number
    try:
        for field, outer in _fields(memoryview(content)):
            if field != number:
                message.MergeFromString(bytes(outer))
                continue
            message.input.SetInParent()
            for inner_field, inner in _fields(_content(outer)):
                if inner_field not in _LISTS:
                    message.input.MergeFromString(bytes(inner))
                    continue
                examples = getattr(message.input, _LISTS[inner_field])
                examples.SetInParent()
                for piece in _pieces(_content(inner)):
                    examples.MergeFromString(piece)
                    time.sleep(0)  # lets the loop run
    except (DecodeError, coding.Malformed):  # in the words that the message as a whole gets
        return kind.FromString(content)
    return message


def _pieces(data: memoryview) -> Iterator[bytes]:
    """Whole fields, together no longer than a piece where they are shorter than one."""
    start = end = 0
    for _, field in _fields(data):
        if end > start and end + len(field) - start > _PIECE:
            yield bytes(data[start:end])
            start = end
        end += len(field)
    yield bytes(data[start:end])


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Each field's number and its bytes, with the tag. Raises DecodeError or Malformed for what is none."""
    at, size = 0, len(data)
    while at < size:
        start = at
        tag, at = coding.get_varint(data, at, size)
        kind = tag & 7
        if kind == _LENGTH_DELIMITED:
            length, at = coding.get_varint(data, at, size)
            at += length
        elif kind == _VARINT:
            _, at = coding.get_varint(data, at, size)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise DecodeError(f"wire type {kind}")
        if at > size:
            raise DecodeError("a field ends beyond its message")
        yield tag >> 3, data[start:at]


def _content(field: memoryview) -> memoryview:
    """What a length-delimited field holds."""
    tag, at = coding.get_varint(field, 0, len(field))
    if tag & 7 != _LENGTH_DELIMITED:
        raise DecodeError(f"wire type {tag & 7}")
    _, at = coding.get_varint(field, at, len(field))
    return field[at:]
