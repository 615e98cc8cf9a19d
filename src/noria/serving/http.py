"""uvicorn's HTTP/1.1 protocol with a bound on the head of a request, which would grow without end otherwise."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD: Final = 64 * 1024  # bytes of request line and headers together


class BoundedHttpProtocol(HttpToolsProtocol):
    """Answers a head of more than ``MAX_HEAD`` bytes with 400 and closes the connection."""

    _head = 0  # bytes of the chunks that held nothing but a part of one head
    _in_head = True
    _moved = False  # whether the chunk at hand brought a head or a message to its end

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
