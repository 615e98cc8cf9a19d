"""Parses a large message piece by piece, so that other threads run in between.

The protobuf library parses without letting go of the interpreter: 10 ms for a graph of 2 MB. Merging the ranges of
fields of a serialised message one after the other gives the same message as parsing it whole (that is what merging
means in the encoding), so a large one is cut at the borders of fields, and a large inner message again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from noria.formats import coding
from noria.formats.coding import Malformed

PIECE_BYTES: Final = 1 << 16  # parsed in half a millisecond
_patient: ContextVar[bool] = ContextVar("patient", default=False)


@contextmanager
def patiently() -> Iterator[None]:
    """Within, this thread parses large messages in pieces: others run, and the parsing takes three times as long."""
    token = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(token)


def wanted(size: int) -> bool:
    """Whether a message of ``size`` bytes is to be parsed in pieces here and now."""
    return size > 2 * PIECE_BYTES and _patient.get()


def merge(message: Message, data: bytes) -> None:
    """Merges the serialised ``data`` into ``message``; DecodeError where it is no such message."""
    try:
        _merge(message, data, 0, len(data))
    except Malformed as error:
        raise DecodeError(str(error)) from None


def _merge(message: Message, data: bytes, at: int, end: int) -> None:
    inner = {
        field.number: field
        for field in message.DESCRIPTOR.fields
        if field.message_type is not None and not field.message_type.GetOptions().map_entry
    }
    start = at
    while at < end:
        tag, content = coding.get_varint(data, at, end)
        stop, kind = content, tag & 7
        if kind == 2:
            length, content = coding.get_varint(data, content, end)
            stop = content + length
        elif kind in (1, 5):
            stop += 8 if kind == 1 else 4
        elif kind == 0:
            stop = coding.get_varint(data, content, end)[1]
        else:
            raise Malformed(f"a group at {at}, which no message of ours has")
        if stop > end:
            raise Malformed(f"the field at {at} runs past the end")
        if kind == 2 and stop - content > PIECE_BYTES and tag >> 3 in inner:
            message.MergeFromString(data[start:at])
            _merge(_part(message, inner[tag >> 3]), data, content, stop)
            start = stop
        elif stop - start > PIECE_BYTES:
            message.MergeFromString(data[start:stop])
            start = stop
        at = stop
    message.MergeFromString(data[start:end])


def _part(message: Message, field: Any) -> Message:
    """The inner message that the next bytes of ``field`` are merged into."""
    part: Any = getattr(message, field.name)
    if hasattr(part, "add"):
        part = part.add()
    else:
        part.SetInParent()
    inner: Message = part
    return inner
