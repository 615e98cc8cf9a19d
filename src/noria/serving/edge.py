"""What the servers of both ports share: their listening sockets, their connections, and the turns they work in."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
import time
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from noria.serving.batching.turn import Turn
from noria.serving.listening import BACKLOG, TCP, close_gently
from noria.serving.security import tls as tls_files
from noria.serving.workers.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LOG = logging.getLogger(__name__)

_HANDSHAKE_SECONDS: Final = 3.0  # what a TLS handshake that is under way may take at the end


def write_pieces(transport: asyncio.WriteTransport, pieces: Sequence[bytes | memoryview]) -> None:
    """Writes what is too large to be joined first, where that can be.

    asyncio's own ``writelines`` does not tell the protocol that the client has stopped reading (Python 3.12 to 3.13.0).
    """
    if type(transport).__module__.startswith("asyncio"):
        transport.write(b"".join(pieces))
    else:
        transport.writelines(pieces)


def peer_of(transport: asyncio.BaseTransport) -> str | None:
    """The address of a client; ``unix:`` for one of a UNIX socket, None where the system does not tell.

    Of a client that has reset its connection by now Linux tells no address, and hands over what it sent all the same.
    """
    name = transport.get_extra_info("peername")
    if isinstance(name, tuple):
        return str(name[0])
    return None if name is None else "unix:"


def let_go(transport: asyncio.WriteTransport) -> None:
    """Closes a connection on which nothing more is to be said, to be called again until it is gone.

    Where all is written it ends now: TLS would wait half a minute for the client's last word, which one that only keeps
    a connection for later does not send.
    """
    if not transport.is_closing():
        transport.close()
    elif not transport.get_write_buffer_size():
        transport.abort()


class Worker(Protocol):
    """A connection, as far as turns go. pending: requests that have come and are not worked on."""

    @property
    def pending(self) -> int: ...

    def work(self) -> None:
        """Works on the requests that have come."""

    def flush(self) -> None:
        """Writes the answers that there are."""

    def abort(self) -> None:
        """Closes at once."""


C = TypeVar("C", bound=Worker)


class Listening:
    """A listening socket. shared: how connections are taken where other processes listen on it too."""

    def __init__(
        self,
        listener: socket.socket,
        tls: ssl.SSLContext | None,
        shared: Sharing | None,
        handshake_seconds: float | None = None,
    ) -> None:
        self.socket = listener
        self.shared = shared
        self._tls = tls
        self._handshake_seconds = tls_files.HANDSHAKE_SECONDS if handshake_seconds is None else handshake_seconds
        self._server: asyncio.Server | None = None
        self._taking = shared
        if tls is not None and shared is None and sys.platform != "win32":  # whose loop watches no sockets
            self._taking = Sharing.alone()  # asyncio's own server does not tell what handshakes are under way

    @property
    def coming(self) -> int:
        """Connections whose handshakes are under way."""
        return 0 if self._taking is None else self._taking.coming

    def holds(self, connections: int) -> None:
        """To be called at every change of the number of connections."""
        if self._taking is not None:
            self._taking.holds(connections)

    async def start(self, make: Callable[[], asyncio.Protocol]) -> None:
        """Takes connections from now on."""
        if self._taking is not None:
            self._taking.start(self.socket, make, self._tls, self._handshake_seconds)
            return
        loop = asyncio.get_running_loop()
        seconds = self._handshake_seconds if self._tls else None
        create = loop.create_server if self.socket.family in TCP else loop.create_unix_server
        self._server = await create(
            make, sock=self.socket, backlog=BACKLOG, ssl=self._tls, ssl_handshake_timeout=seconds
        )

    async def close(self) -> None:
        """Takes no more, once those that had connected are taken."""
        await close_gently(self.socket, close=False, shared=self.shared is not None)
        if self._taking is not None:
            self._taking.close()
        if self._server is not None:
            self._server.close()
        self.socket.close()


class Edge(Generic[C]):
    """A server's connections.

    turn: where the requests that come together meet; now: the time of the loop's last tick, good to a second, which is
    enough for patience and costs nothing.
    """

    def __init__(self, turn: Turn | None = None) -> None:
        self._turn = Turn() if turn is None else turn
        self.loop = asyncio.get_running_loop()
        self.now = time.monotonic()
        self.draining = False
        self.connections: set[C] = set()
        self.listening: list[Listening] = []
        self._ready: list[C] = []

    def opened(self, connection: C) -> None:
        """To be called as a connection is made."""
        self.connections.add(connection)
        self._tell()

    def lost(self, connection: C) -> None:
        """To be called as a connection ends."""
        self.connections.discard(connection)
        self._tell()

    def _tell(self) -> None:
        for listening in self.listening:
            listening.holds(len(self.connections))

    def last_come(self, seconds: float) -> bool:
        """Whether nobody is to come any more ``seconds`` after draining began: no TLS handshake is under way."""
        return seconds > _HANDSHAKE_SECONDS or not any(listening.coming for listening in self.listening)

    def soon(self, connection: C) -> None:
        """Has ``connection`` work on its requests once all sockets that are ready have been read.

        Sockets are read one after the other, then all requests are worked on, then all answers written: each part finds
        its code in the processor's caches.
        """
        if not self._ready:
            self.loop.call_soon(self._work)
        self._ready.append(connection)

    def _work(self) -> None:
        ready, self._ready = self._ready, []
        turn = self._turn
        turn.begin(len(ready) if len(ready) > 1 else ready[0].pending)
        for connection in ready:
            try:
                connection.work()
            except Exception:
                _LOG.exception("a connection failed and is closed")
                connection.abort()
        turn.end()
        for connection in ready:
            connection.flush()
