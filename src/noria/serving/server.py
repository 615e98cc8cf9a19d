"""The server process: one event loop, REST by uvicorn and gRPC by grpc.aio on it, a start that fails clearly, a drain.

On SIGTERM or SIGINT both ports stop taking requests, those in flight are answered, and the process exits with 0; a
second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import grpc
import uvicorn

from noria.errors import InvalidArgumentError, NotFoundError, TFError, UnavailableError
from noria.serving import config as flags
from noria.serving import grpc_api
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.http import BoundedHttpProtocol
from noria.serving.lifecycle import source
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.rest import RestApi

_LOG = logging.getLogger(__name__)

_DRAIN_SECONDS: Final = 3600.0  # gRPC wants a limit; a deployment's own SIGKILL comes long before
_BACKLOG: Final = 1024


class Server:
    """Both APIs over one manager, on the running event loop.

    ``rest_port`` and ``grpc_port`` are the ports that were bound, 0 where an API is off.
    """

    def __init__(self, core: Core) -> None:
        self.core = core
        self.config = core.config
        self.rest_port = 0
        self.grpc_port = 0
        self._rest_app = RestApi(core)
        self._grpc_app = grpc_api.GrpcApi(core)
        self._grpc: grpc.aio.Server | None = None
        self._rest: uvicorn.Server | None = None
        self._rest_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens the ports, both or none. Raises UnavailableError, naming the port, when one is taken."""
        listener = _listen(max(self.config.rest_api_port, 0)) if self.config.rest_api_port else None
        try:
            if self.config.port or self.config.grpc_socket_path:
                await self._start_grpc()
        except TFError:
            if listener is not None:
                listener.close()
            raise
        if listener is not None:
            await self._start_rest(listener)

    async def _start_grpc(self) -> None:
        server = grpc.aio.server(options=grpc_api.OPTIONS)
        server.add_generic_rpc_handlers(self._grpc_app.handlers())
        places = [f"0.0.0.0:{max(self.config.port, 0)}"] if self.config.port else []
        if self.config.grpc_socket_path:
            places.append(f"unix:{self.config.grpc_socket_path}")
        for place in places:
            try:
                bound = server.add_insecure_port(place)
            except RuntimeError as error:
                raise UnavailableError(
                    f"cannot open the gRPC port {place}: {error}. Is another server using it? Choose another --port"
                ) from None
            if not place.startswith("unix:"):
                self.grpc_port = bound
        await server.start()
        self._grpc = server

    async def _start_rest(self, listener: socket.socket) -> None:
        self.rest_port = listener.getsockname()[1]
        settings = uvicorn.Config(
            self._rest_app,
            http=BoundedHttpProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=600,
        )
        self._rest = _QuietUvicorn(settings)
        self._rest_task = asyncio.create_task(self._rest.serve(sockets=[listener]))
        while not self._rest.started:
            if self._rest_task.done():
                await self._rest_task
                raise UnavailableError(f"the REST API on port {self.rest_port} did not start")
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Stops taking requests and returns when every request in flight is answered."""
        waits: list[Any] = []
        if self._grpc is not None:
            waits.append(self._grpc.stop(_DRAIN_SECONDS))
        if self._rest is not None and self._rest_task is not None:
            self._rest.should_exit = True
            waits.append(self._rest_task)
        await asyncio.gather(*waits)
        await asyncio.to_thread(self.core.runner.close)

    def describe(self) -> str:
        """Where the APIs listen."""
        places = []
        if self.grpc_port:
            places.append(f"gRPC on 0.0.0.0:{self.grpc_port}")
        if self.config.grpc_socket_path:
            places.append(f"gRPC on unix:{self.config.grpc_socket_path}")
        if self.rest_port:
            places.append(f"REST on http://0.0.0.0:{self.rest_port}")
        return ", ".join(places)


class _QuietUvicorn(uvicorn.Server):
    """Leaves the signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _listen(port: int) -> socket.socket:
    """A listening socket on all interfaces, IPv6 and IPv4 where the machine has both."""
    try:
        if socket.has_dualstack_ipv6():
            try:
                return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
            except OSError as error:
                if error.errno not in (97, 99):  # no IPv6 address here: EAFNOSUPPORT, EADDRNOTAVAIL
                    raise
        return socket.create_server(("", port), backlog=_BACKLOG)
    except OSError as error:
        raise UnavailableError(
            f"cannot open the REST port {port}: {error.strerror or error}. Is another server using it? Choose another "
            "--rest_api_port"
        ) from None


def load_models(manager: Manager, config: ServerConfig) -> None:
    """Loads the highest version under the model's base path.

    Raises InvalidArgumentError without a base path, NotFoundError without a version, and what the load raises.
    """
    if not config.model_base_path:
        raise InvalidArgumentError("give the model's directory: --model_base_path=<directory of numbered versions>")
    versions = source.scan(config.model_base_path)
    if not versions:
        raise NotFoundError(source.missing_version_message(config.model_name, config.model_base_path))
    for version in source.latest(versions):
        manager.load(config.model_name, version, versions[version])


async def serve(core: Core, ready: Callable[[Server], None]) -> None:
    """Serves until SIGTERM or SIGINT, then drains. ``ready`` is called once when the ports are open."""
    server = Server(core)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stopping.is_set():
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    await server.start()
    ready(server)
    await stopping.wait()
    _LOG.info("draining")
    await server.stop()


def main(argv: Sequence[str]) -> int:
    """``noria serve``: parses the flags, loads, serves, drains; returns the exit status."""
    if any(word in ("--help", "-help", "-h") for word in argv):
        print(flags.help_text())
        return 0
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # its start and stop are ours
    try:
        config, warnings = flags.parse_flags(argv)
        for warning in warnings:
            print(f"noria serve: warning: {warning}", file=sys.stderr)
        if config.rest_api_port == config.port and config.port > 0:
            print(f"noria serve: --rest_api_port is --port ({config.port}): no REST API", file=sys.stderr)
            config = dataclasses.replace(config, rest_api_port=0)
        manager = Manager(make_loader(config))
        load_models(manager, config)
        gc.collect()
        gc.freeze()  # what is loaded stays: collections look at requests only
        _run(serve(Core.make(manager, config), _announce))
    except TFError as error:
        print(f"noria serve: {error}", file=sys.stderr)
        return 1
    return 0


def _announce(server: Server) -> None:
    name = server.config.model_name
    versions = ", ".join(str(servable.id.version) for servable in server.core.manager.versions(name))
    print(f"noria: serving {name} (version {versions}); {server.describe()}", flush=True)


def _run(main_task: Any) -> None:
    """Runs on uvloop where there is one."""
    try:
        import uvloop  # no uvloop on Windows
    except ImportError:
        asyncio.run(main_task)
    else:
        uvloop.run(main_task)
