"""The REST port: uvicorn over a listening socket on the running loop, and its drain."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final

import uvicorn

from noria.errors import UnavailableError
from noria.serving.http import BoundedHttpProtocol, Connections
from noria.serving.listening import BACKLOG, close_gently

_LOG = logging.getLogger(__name__)

_KEEP_ALIVE_SECONDS: Final = 600
_LOOK_SECONDS: Final = 0.02  # between two looks at the connections of a drain


class _QuietUvicorn(uvicorn.Server):
    """Leaves the signals to us, and the drain."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.server_state = Connections()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class RestServer:
    """An ASGI application on a listening socket; ``port`` is the one it is bound to. tls: for HTTPS."""

    def __init__(self, app: Any, listener: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        settings = uvicorn.Config(
            app,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        settings.load()
        settings.ssl = tls  # after load, which would make a context of files
        self._uvicorn = _QuietUvicorn(settings)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Takes requests from now on."""
        self._task = asyncio.create_task(self._uvicorn.serve(sockets=[self._listener]))
        while not self._uvicorn.started:
            if self._task.done():
                await self._task
                raise UnavailableError(f"the REST API on port {self.port} did not start")
            await asyncio.sleep(0.001)

    async def drain(self, deadline: float) -> bool:
        """Takes no more connections, answers every request, closes.

        deadline: on ``time.monotonic``; connections that are open then are cut, and the answer is False.
        """
        if self._task is None:
            self._listener.close()
            return True
        state = self._uvicorn.server_state
        assert isinstance(state, Connections)
        state.draining = True
        for connection in _protocols(state):
            connection.begin_drain()
        await close_gently(self._listener, close=False)
        for server in self._uvicorn.servers:
            server.close()
        self._listener.close()
        start = time.monotonic()
        while state.connections and time.monotonic() < deadline:
            for connection in _protocols(state):
                connection.drain(time.monotonic() - start)
            await asyncio.sleep(_LOOK_SECONDS)
        cut = _protocols(state)
        for connection in cut:
            connection.transport.abort()
        self._uvicorn.should_exit = True
        self._uvicorn.force_exit = bool(cut)
        await self._task
        if cut:
            _LOG.warning("gave up %d REST connections at the end of the drain", len(cut))
        return not cut


def _protocols(state: Connections) -> list[BoundedHttpProtocol]:
    return [found for found in state.connections if isinstance(found, BoundedHttpProtocol)]
