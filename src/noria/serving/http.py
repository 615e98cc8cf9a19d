"""uvicorn's HTTP/1.1 protocol, with a bound on the head of a request and with answers written in one piece.

uvicorn writes the head and the body of an answer one after the other: two system calls, two packets, and a client that
wakes twice. Here the head waits for its body.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 64 * 1024  # bytes of request line and headers together


class _WholeAnswers(asyncio.Transport):
    """A transport that holds the head of an answer back until the next write.

    For applications that send the body right after the head, as RestApi does; ``flush`` and ``close`` let a head go
    that has no body.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__()
        self._transport = transport
        self._head = b""

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head + data)
        elif data[-4:] == b"\r\n\r\n" and data[:9] == b"HTTP/1.1 " and data[9:10] != b"1":
            self._head = bytes(data)
        else:
            self._transport.write(data)

    def flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.write(head)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers a head of more than ``MAX_HEAD`` bytes with 400 and closes the connection."""

    _head = 0  # bytes of the chunks that held nothing but a part of one head
    _in_head = True
    _moved = False  # whether the chunk at hand brought a head or a message to its end

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_WholeAnswers(transport))

    def on_response_complete(self) -> None:
        cast(_WholeAnswers, self.transport).flush()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        was_in_head, self._moved = self._in_head, False
        super().data_received(data)
        if self._moved or not was_in_head:
            self._head = 0
            return
        self._head += len(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request line and headers are too long.")

    def on_headers_complete(self) -> None:
        self._in_head, self._moved = False, True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._moved = True, True
        super().on_message_complete()
