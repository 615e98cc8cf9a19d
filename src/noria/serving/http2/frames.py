"""HTTP/2's frames (RFC 9113): their numbers, and the bytes of those that the server sends."""

from __future__ import annotations

import struct
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD: Final = struct.Struct(">HBBBL")  # length (24 bits, in two parts), type, flags, stream
HEAD_BYTES: Final = HEAD.size
ID: Final = 0x7FFFFFFF  # a stream's number, without the reserved bit
MAX_WINDOW: Final = 2**31 - 1
FIRST_WINDOW: Final = 65535  # of a connection, and of a stream until settings say otherwise
MIN_MAX_FRAME: Final = 16384
MAX_MAX_FRAME: Final = 2**24 - 1

# Types
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

# Flags
END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20

# Settings
HEADER_TABLE_SIZE = 1
ENABLE_PUSH = 2
MAX_CONCURRENT_STREAMS = 3
INITIAL_WINDOW_SIZE = 4
MAX_FRAME_SIZE = 5
MAX_HEADER_LIST_SIZE = 6

# Error codes
NO_ERROR = 0
PROTOCOL_ERROR = 1
INTERNAL_ERROR = 2
FLOW_CONTROL_ERROR = 3
SETTINGS_TIMEOUT = 4
STREAM_CLOSED = 5
FRAME_SIZE_ERROR = 6
REFUSED_STREAM = 7
CANCEL = 8
COMPRESSION_ERROR = 9
ENHANCE_YOUR_CALM = 11

SETTINGS_ACK: Final = b"\0\0\0\4\1\0\0\0\0"

_SETTING: Final = struct.Struct(">HL")
_LONG: Final = struct.Struct(">L")
_GOAWAY: Final = struct.Struct(">LL")


class FrameError(Exception):
    """The peer broke the protocol so that the connection cannot go on. code: HTTP/2's error code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame; the payload has at most 2**24 - 1 bytes."""
    length = len(payload)
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream) + payload


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(_SETTING.pack(key, value) for key, value in values.items()))


def read_settings(payload: bytes) -> list[tuple[int, int]]:
    """The settings of a SETTINGS frame, in order. Raises FrameError for one whose size is wrong."""
    if len(payload) % _SETTING.size:
        raise FrameError(FRAME_SIZE_ERROR, f"a SETTINGS frame of {len(payload)} bytes")
    return list(_SETTING.iter_unpack(payload))


def check(name: str, payload: bytes, size: int | None, stream_fits: bool) -> None:
    """Raises FrameError for a frame of the wrong size, and where it is no frame of its stream."""
    if not stream_fits:
        raise FrameError(PROTOCOL_ERROR, f"a {name} frame of the wrong stream")
    if size is not None and len(payload) != size:
        raise FrameError(FRAME_SIZE_ERROR, f"a {name} frame of {len(payload)} bytes, not {size}")


def check_priority(id: int, payload: bytes) -> None:
    """Raises FrameError for a stream that is to depend on itself, which RFC 7540 (5.3.1) forbade."""
    if _LONG.unpack_from(payload)[0] & ID == id:
        raise FrameError(PROTOCOL_ERROR, f"stream {id} is made to depend on itself")


def stripped(id: int, flags: int, payload: bytes) -> bytes:
    """A HEADERS frame's block, without padding and priority. Raises FrameError where they do not fit."""
    begin, end = 0, len(payload)
    if flags & PADDED:
        if not payload:
            raise FrameError(FRAME_SIZE_ERROR, "a padded HEADERS frame is empty")
        begin, end = 1, end - payload[0]
    if flags & PRIORITISED:
        begin += 5
    if begin > end:
        raise FrameError(PROTOCOL_ERROR, "a frame's padding is longer than the frame")
    if flags & PRIORITISED:
        check_priority(id, payload[begin - 5 : begin])
    return payload[begin:end]


def window_update(stream: int, increment: int) -> bytes:
    """A WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _LONG.pack(increment))


def reset(stream: int, code: int) -> bytes:
    """An RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, _LONG.pack(code))


def goaway(last: int, code: int = NO_ERROR, text: str = "") -> bytes:
    """A GOAWAY frame; last: the highest stream that is, or will be, worked on."""
    return frame(GOAWAY, 0, 0, _GOAWAY.pack(last, code) + text.encode())
