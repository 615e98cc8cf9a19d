"""Messages between a worker and its supervisor, over a connected pair of sockets.

On the wire, for each message: its length (4 bytes, big-endian), a JSON object, a line feed, and a payload of any bytes.
"""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any, Final

_LENGTH: Final = 4
_MOST: Final = 1 << 30  # bytes of one message; more is a broken peer
_BUFFERED: Final = 1 << 20

Header = dict[str, Any]


class Channel:
    """One end, on the running loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def over(cls, sock: socket.socket) -> Channel:
        """A channel over one of the two sockets of ``socket.socketpair()``, which it closes with itself."""
        sock.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=sock, limit=_BUFFERED))

    def send(self, header: Header, payload: bytes = b"") -> None:
        """Sends without waiting; what is sent to a peer that is gone is lost."""
        head = json.dumps(header).encode()
        if not self._writer.is_closing():
            self._writer.write((len(head) + 1 + len(payload)).to_bytes(_LENGTH) + head + b"\n" + payload)

    async def receive(self) -> tuple[Header, bytes] | None:
        """The next message; None when the peer is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH))
            if length > _MOST:
                raise ConnectionError(f"a message of {length} bytes")
            head, _, payload = (await self._reader.readexactly(length)).partition(b"\n")
        except (asyncio.IncompleteReadError, OSError):
            self.close()
            return None
        header: Header = json.loads(head)
        return header, payload

    def close(self) -> None:
        """Ends the connection; the peer receives None."""
        self._writer.close()
