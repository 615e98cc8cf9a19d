"""The HTTP/1.1 server: the connections of one listening socket, the watch over them, and the drain."""

from __future__ import annotations

import asyncio
import email.utils
import logging
import socket
import ssl
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

from noria.serving.batching.turn import Turn
from noria.serving.edge import Edge, Listening
from noria.serving.http1.connection import Connection
from noria.serving.http1.messages import Application, Heads, Limits

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from noria.serving.workers.sharing import Sharing

_LOG = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.02  # between two looks at the connections of a drain
_IDLE_SECONDS: Final = 0.5  # how long a draining connection without a request waits for one that may be on its way
_BODY_SECONDS: Final = 5.0  # how long a drain waits for the rest of a request
_LINGER_SECONDS: Final = 2.0  # how long a client may go on sending to a connection that has its last answer
_BYTES_PER_SECOND: Final = 1024  # of a request that is not too slow
_FILES_UNKNOWN: Final = 65536
_RESERVED_FILES: Final = 256  # descriptors kept for models, gRPC and logs


class HttpServer(Edge[Connection]):
    """An application on a listening socket; ``port`` is the one it is bound to.

    shared: how connections are taken where other processes listen on the same socket; turn: as ``Edge`` has it.
    """

    def __init__(
        self,
        app: Application,
        listener: socket.socket,
        limits: Limits | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        shared: Sharing | None = None,
        turn: Turn | None = None,
    ) -> None:
        super().__init__(turn)
        self.app = app
        self.limits = Limits() if limits is None else limits
        self.port: int = listener.getsockname()[1]
        self.heads = Heads()
        self.refused: Counter[int] = Counter()  # requests answered without the application, by status
        self.listening = [Listening(listener, tls, shared)]
        self._most = self.limits.connections
        self._watching: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Takes requests from now on."""
        if not self._most:
            files = open_files()
            self._most = max(files - _RESERVED_FILES, files // 2)
        self._tick()
        for listening in self.listening:
            await listening.start(lambda: Connection(self))

    def full(self) -> bool:
        """Whether the newest connection is one too many."""
        return len(self.connections) > self._most

    # ---- time

    def _tick(self) -> None:
        self.now = time.monotonic()
        self.heads.tick(email.utils.formatdate(usegmt=True).encode("ascii"))
        limits, now = self.limits, self.now
        for connection in list(self.connections):
            waited = now - connection.since
            if waited < _LINGER_SECONDS:
                continue
            if connection.ended:
                connection.abort() if waited > limits.slow_seconds else connection.close()
            elif connection.stuck:
                if waited > limits.slow_seconds:
                    connection.abort()
            elif connection.busy:
                continue
            elif connection.reading:
                if waited > limits.slow_seconds + connection.received / _BYTES_PER_SECOND:
                    connection.refuse(408, "The request did not arrive in time.")
            elif waited > limits.idle_seconds:
                connection.close()
        self._watching = self.loop.call_later(_WATCH_SECONDS, self._tick)

    # ---- the end

    async def drain(self, deadline: float) -> bool:
        """Takes no more connections, answers every request, closes.

        deadline: on ``time.monotonic``; connections that are open then are cut, and the answer is False.
        """
        self.draining = True
        if self._watching is None:  # it never started
            for listening in self.listening:
                listening.socket.close()
            return True
        for listening in self.listening:
            await listening.close()
        start = self.now = time.monotonic()
        while (self.connections or not self.last_come(self.now - start)) and self.now < deadline:
            for connection in list(self.connections):
                self._drain(connection, self.now - start)
            await asyncio.sleep(_LOOK_SECONDS)
            self.now = time.monotonic()
        cut = list(self.connections)
        for connection in cut:
            connection.abort()
        if self._watching is not None:
            self._watching.cancel()
        if cut:
            _LOG.warning("gave up %d REST connections at the end of the drain", len(cut))
            await asyncio.sleep(0)  # lets them go
        return not cut

    def _drain(self, connection: Connection, seconds: float) -> None:
        """Closes a connection if it may be closed ``seconds`` after draining began."""
        if connection.idle:
            waited = min(seconds, self.now - connection.since)
            if waited > _IDLE_SECONDS and not connection.unread():
                connection.let_go() if waited > _IDLE_SECONDS + _LINGER_SECONDS else connection.close()
        elif connection.ended:
            if seconds > _BODY_SECONDS + _LINGER_SECONDS:
                connection.let_go()
        elif connection.reading and not connection.busy and seconds > _BODY_SECONDS:
            connection.refuse(503, "The server is stopping, and the rest of the request did not arrive in time.")


def open_files() -> int:
    """How many files, and so connections, this process may have open."""
    if resource is None:
        return _FILES_UNKNOWN
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _FILES_UNKNOWN if soft == resource.RLIM_INFINITY else soft
