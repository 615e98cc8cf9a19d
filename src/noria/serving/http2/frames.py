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


def window_update(stream: int, increment: int) -> bytes:
    """A WINDOW_UPDATE frame; stream 0 is the connection."""
    return frame(WINDOW_UPDATE, 0, stream, _LONG.pack(increment))


def reset(stream: int, code: int) -> bytes:
    """An RST_STREAM frame."""
    return frame(RST_STREAM, 0, stream, _LONG.pack(code))


def goaway(last: int, code: int = NO_ERROR, text: str = "") -> bytes:
    """A GOAWAY frame; last: the highest stream that is, or will be, worked on."""
    return frame(GOAWAY, 0, 0, _GOAWAY.pack(last, code) + text.encode())
