"""The gRPC server: the connections of its listening sockets, the watch over them, and the drain.

A client that is to make no more calls is told so twice, as RFC 9113 (6.8) has it: a GOAWAY that still lets all calls
pass, and, when the client has answered a ping that came after it, the GOAWAY that names the last. No call is lost
between the two.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import ssl
import time
from typing import TYPE_CHECKING, Final

from noria.serving.batching.turn import Turn
from noria.serving.edge import Edge, Listening
from noria.serving.http2.connection import Connection
from noria.serving.http2.options import Options
from noria.serving.rpc import Methods

if TYPE_CHECKING:
    from noria.serving.workers.sharing import Sharing

_LOG = logging.getLogger(__name__)

_WATCH_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.02  # between two looks at the connections of a drain
_GOODBYE_SECONDS: Final = 1.0  # how long a client may take to answer the ping of a drain
_LINGER_SECONDS: Final = 2.0  # how long a client may keep a connection that has its last answer
_BYTES_PER_SECOND: Final = 1024  # of a request that is not too slow
_AGE_SPREAD: Final = 0.1  # ages differ by this part, so that not all clients come again at once


class GrpcServer(Edge[Connection]):
    """gRPC methods on TCP and UNIX sockets; ``port`` is the first TCP port, 0 without one."""

    def __init__(self, methods: Methods, options: Options, turn: Turn | None = None) -> None:
        super().__init__(turn)
        self.methods = methods
        self.options = options
        self.port = 0
        self._watching: asyncio.TimerHandle | None = None

    def listen(
        self, listener: socket.socket, *, tls: ssl.SSLContext | None = None, shared: Sharing | None = None
    ) -> None:
        """Adds a listening socket, before ``start``. shared: how connections are taken where other processes listen."""
        self.listening.append(Listening(listener, tls, shared, self.options.handshake_seconds))
        name = listener.getsockname()
        if isinstance(name, tuple) and not self.port:
            self.port = name[1]

    async def start(self) -> None:
        """Takes calls from now on."""
        self._tick()
        for listening in self.listening:
            await listening.start(lambda: Connection(self))

    def opened(self, connection: Connection) -> None:
        connection.born = connection.since = connection.heard = self.now  # the handshake of TLS may have taken a while
        super().opened(connection)

    # ---- time

    def _tick(self) -> None:
        self._watching = self.loop.call_later(_WATCH_SECONDS, self._tick)
        self.now = time.monotonic()
        for connection in list(self.connections):
            self._look(connection)

    def _look(self, connection: Connection) -> None:
        options, now = self.options, self.now
        connection.calm()
        if connection.ended:
            if now - connection.since > _LINGER_SECONDS:
                connection.abort() if now - connection.since > options.slow_seconds else connection.close()
        elif connection.stuck:
            if now - connection.stuck > options.slow_seconds:
                connection.abort()
        elif not connection.settled:
            if now - connection.born > options.settings_seconds:
                connection.close()
        else:
            self._look_at_calls(connection)
            self._look_at_age(connection)

    def _look_at_calls(self, connection: Connection) -> None:
        """Gives up calls whose bytes do not come, and connections from which nothing comes at all."""
        options, now = self.options, self.now
        slow = options.slow_seconds
        for stream in list(connection.streams.values()):
            if stream.waits_for_bytes:
                if now - stream.since > slow + stream.come / _BYTES_PER_SECOND:
                    connection.refuse_slow(stream)
            elif stream.tail is not None:
                moved = stream.since if stream.window <= 0 else connection.sent
                if now - moved > slow:
                    connection.give_up(stream)
        if connection.pinged > connection.heard:
            if now - connection.pinged > options.keepalive_timeout_seconds:
                connection.abort()
        elif now - connection.heard > options.keepalive_seconds:
            connection.ping()

    def _look_at_age(self, connection: Connection) -> None:
        options, now = self.options, self.now
        if connection.leaving:
            if now - connection.left > _GOODBYE_SECONDS:
                connection.leave_now()
            grace = options.age_grace_seconds
            if grace is not None and now - connection.left > grace:
                connection.abort()
            return
        idle, age = options.idle_seconds, options.age_seconds
        if (idle is not None and connection.idle and now - connection.since > idle) or (
            age is not None and now - connection.born > age * connection.spread
        ):
            connection.leave()

    @staticmethod
    def spread() -> float:
        """By how much the greatest age of a connection differs from the one that is set."""
        return random.uniform(1 - _AGE_SPREAD, 1 + _AGE_SPREAD)

    # ---- the end

    async def drain(self, deadline: float) -> bool:
        """Takes no more connections, asks clients to leave, answers every call.

        deadline: on ``time.monotonic``; calls that run then are cut, and the answer is False.
        """
        self.draining = True
        if self._watching is None:  # it never started
            for listening in self.listening:
                listening.socket.close()
            return True
        await asyncio.gather(*(listening.close() for listening in self.listening))
        start = self.now = time.monotonic()
        while (self.connections or not self.last_come(self.now - start)) and self.now < deadline:
            for connection in list(self.connections):
                self._drain(connection)
            await asyncio.sleep(_LOOK_SECONDS)
            self.now = time.monotonic()
        cut = list(self.connections)
        for connection in cut:
            connection.abort()
        self._watching.cancel()
        if cut:
            _LOG.warning("gave up %d gRPC connections at the end of the drain", len(cut))
            await asyncio.sleep(0)  # lets them go
        return not cut

    def _drain(self, connection: Connection) -> None:
        if connection.ended:
            if self.now - connection.since > _LINGER_SECONDS:
                connection.let_go()
        elif not connection.leaving:
            if connection.greeted or self.now - connection.born > _GOODBYE_SECONDS:
                connection.leave()
        elif self.now - connection.left > _GOODBYE_SECONDS:
            connection.leave_now()
