"""uvicorn's HTTP/1.1 protocol, with a bound on the head of a request, answers written in one piece, and a drain.

uvicorn writes the head and the body of an answer one after the other: two system calls, two packets, and a client that
wakes twice. Here the head waits for its body.

uvicorn ends by closing every connection that has no request, and so resets those whose request is on its way. Here a
connection that drains answers what still comes, with ``Connection: close``, and is closed when it has been idle for a
while.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD: Final = 64 * 1024  # bytes of request line and headers together
IDLE_SECONDS: Final = 0.5  # how long a draining connection without a request waits for one that may be on its way
BODY_SECONDS: Final = 5.0  # how long a drain waits for the rest of a request
_LINGER_SECONDS: Final = 2.0  # how long a client may go on sending to a connection that has its last answer

_TOO_LATE: Final = b'{"error": "The server is stopping, and the rest of the request did not arrive in time."}'
_TOO_LATE_ANSWER: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%s" % (len(_TOO_LATE), _TOO_LATE)
)


class Connections(ServerState):
    """What uvicorn's protocols of one server share."""

    draining = False


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

    def can_write_eof(self) -> bool:
        return self._transport.can_write_eof()

    def write_eof(self) -> None:
        self.flush()
        self._transport.write_eof()

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
    _ended = False  # whether the last answer has gone out before the whole request came in: what comes is thrown away

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(_WholeAnswers(transport))

    def on_response_complete(self) -> None:
        cast(_WholeAnswers, self.transport).flush()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
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
        if cast(Connections, self.server_state).draining and self.cycle is not None:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        self._in_head, self._moved = True, True
        super().on_message_complete()

    def begin_drain(self) -> None:
        """The answer to the request at hand, if there is one, is the last."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def drain(self, seconds: float) -> None:
        """Closes the connection if it may be closed ``seconds`` after draining began; to be called now and again."""
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if self._ended:
            if seconds > BODY_SECONDS + _LINGER_SECONDS:
                self.transport.close()
        elif cycle is not None and not cycle.response_complete:
            if cycle.more_body and not cycle.response_started and seconds > BODY_SECONDS:
                self._end()
        elif seconds > (BODY_SECONDS if self._head else IDLE_SECONDS) and not _unread(self.transport):
            self.transport.close()

    def _end(self) -> None:
        """Answers a request that did not arrive; what the client still sends must not reset the answer."""
        self._ended = True
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        self.transport.write(_TOO_LATE_ANSWER)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()


def _unread(transport: asyncio.Transport) -> bool:
    """Whether the system holds bytes of this connection that the loop has not read yet."""
    sock = transport.get_extra_info("socket")
    if sock is None or not hasattr(socket, "MSG_DONTWAIT"):
        return False
    try:
        with socket.socket(fileno=os.dup(sock.fileno())) as copy:
            return bool(copy.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:
        return False  # nothing there, or nobody
