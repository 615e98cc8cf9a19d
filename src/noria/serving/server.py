"""The server process: one event loop, REST by http1 and gRPC by http2 on it, a start that fails clearly, a drain.

On SIGTERM or SIGINT both ports stop taking requests, those in flight are answered, and the process exits with 0; a
second signal ends it at once.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import platform
import signal
import socket
import ssl
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import noria
from noria.compile.ort import available_cpus
from noria.protos import serving as pb
from noria.serving import grpc_api, management, rest
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.http1.server import HttpServer
from noria.serving.http2.options import Options
from noria.serving.http2.server import GrpcServer
from noria.serving.kserve import service as kserve
from noria.serving.kserve.infer import Inference
from noria.serving.kserve.service import KServeGrpc
from noria.serving.lifecycle.admission import make_admission
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.observe import table
from noria.serving.observe.event_log import event
from noria.serving.observe.process import Point
from noria.serving.op_modules import import_op_modules
from noria.serving.ports import Ports
from noria.serving.rest import RestApi
from noria.serving.rpc import Methods
from noria.serving.security import tls

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_LOG = logging.getLogger(__name__)

_ECHO_SECONDS: Final = 0.5
_GLANCE: Final = 0.02  # seconds between looks at whether the models are there
_STOP_SECONDS: Final = 1.0  # what the ends of threads may take beyond the drain's own bound


class Server:
    """Both APIs over one manager, on the running event loop.

    ``rest_port`` and ``grpc_port`` are the ports that were bound, 0 where an API is off. ports: where another process
    opened them.
    """

    def __init__(self, core: Core, *, ports: Ports | None = None) -> None:
        self.core = core
        self.config = core.config
        self.rest_port = 0
        self.grpc_port = 0
        self._ports = ports
        inference = Inference(core)
        self._rest_app = RestApi(core, inference)
        self._grpc_app = grpc_api.GrpcApi(core)
        self._kserve_app = KServeGrpc(inference)
        self._grpc: GrpcServer | None = None
        self._rest: HttpServer | None = None

    async def start(self) -> None:
        """Opens the ports, all or none. Raises UnavailableError, naming the port, when one is taken.

        Raises InvalidArgumentError, before anything is opened, for a TLS file that cannot be used.
        """
        config = self.config
        grpc_file, rest_file = config.ssl_config_file, config.rest_api_ssl_config_file
        grpc_tls = tls.server_context(grpc_file, tls.HTTP2) if grpc_file else None
        rest_tls = tls.server_context(rest_file, tls.HTTP1) if rest_file else None
        options = Options.parse(config.grpc_channel_arguments)
        ports = self._ports = self._ports or Ports.open(config)
        if ports.grpc is not None or ports.unix is not None:
            await self._start_grpc(ports, options, grpc_tls)
        if ports.rest is not None:
            await self._start_rest(ports.rest, rest_tls)

    async def _start_rest(self, listener: socket.socket, context: ssl.SSLContext | None) -> None:
        traces, sharing = self.core.traces, self.core.process.sharing
        app = self._rest_app.handle if traces is None else traces.rest(self._rest_app.handle)
        shared = None if sharing is None else sharing.rest
        self._rest = HttpServer(
            app, listener, rest.limits(self.config), tls=context, shared=shared, turn=self.core.runner.turn
        )
        self.rest_port = self._rest.port
        self.core.metrics.add_collector(self._rest_points)
        await self._rest.start()

    async def _start_grpc(self, ports: Ports, options: Options, context: ssl.SSLContext | None) -> None:
        sharing = self.core.process.sharing
        self._grpc = GrpcServer(self.grpc_methods(), options, self.core.runner.turn)
        if ports.grpc is not None:
            self._grpc.listen(ports.grpc, tls=context, shared=None if sharing is None else sharing.grpc)
        if ports.unix is not None:
            self._grpc.listen(ports.unix, tls=context, shared=None if sharing is None else sharing.unix)
        self.grpc_port = self._grpc.port
        await self._grpc.start()

    def _rest_points(self) -> list[Point]:
        if self._rest is None:
            return []
        refused = [(table.REFUSED, (str(status),), float(n)) for status, n in self._rest.refused.copy().items()]
        return [(table.CONNECTIONS, (), float(len(self._rest.connections))), *refused]

    def grpc_methods(self) -> Methods:
        """The methods of every gRPC service."""
        if self.config.tensorflow_serving_only:
            found: Methods = self._grpc_app.methods()
        else:
            found = {**self._grpc_app.methods(also=[kserve.SERVICE]), **self._kserve_app.methods()}
        return found if self.core.traces is None else self.core.traces.grpc(found)

    async def stop(self) -> bool:
        """Readiness off, then, after ``drain_delay_seconds``, no new work; returns when all in flight is answered.

        False when ``drain_timeout_seconds`` were not enough, and requests were given up.
        """
        self.core.process.begin_drain()
        if self.config.drain_delay_seconds > 0:
            await asyncio.sleep(self.config.drain_delay_seconds)
        if self._ports is not None:
            self._ports.remove_file()
        deadline = time.monotonic() + max(self.config.drain_timeout_seconds, 0.0)
        ends: list[Awaitable[bool]] = []
        if self._grpc is not None:
            ends.append(self._grpc.drain(deadline))
        if self._rest is not None:
            ends.append(self._rest.drain(deadline))
        clean = all(await asyncio.gather(*ends))
        try:
            left = max(deadline - time.monotonic(), _STOP_SECONDS)
            await asyncio.wait_for(asyncio.to_thread(self.core.runner.close), left)
        except TimeoutError:
            _LOG.warning("a model still runs at the end of the drain; it is not waited for")
            clean = False
        await asyncio.to_thread(self.core.close)
        return clean

    def describe(self) -> str:
        """Where the APIs listen."""
        places = []
        secure = "s" if self.config.rest_api_ssl_config_file else ""
        if self.grpc_port:
            places.append(f"gRPC on 0.0.0.0:{self.grpc_port}")
        if self._ports is not None and self._ports.unix is not None:
            places.append(f"gRPC on unix:{self.config.grpc_socket_path}")
        if self.rest_port:
            places.append(f"REST on http{secure}://0.0.0.0:{self.rest_port}")
        return ", ".join(places)


async def serve(
    core: Core,
    ready: Callable[[Server], None],
    *,
    opened: Callable[[Server], None] = lambda _: None,
    ports: Ports | None = None,
    stopping: asyncio.Event | None = None,
    told: Sequence[int] = (),
) -> bool:
    """Serves until SIGTERM or SIGINT, then drains; a second signal ends the process at once.

    SIGHUP looks at the config file and for versions at once. The ports open at once. ``ready`` is called when each
    model serves, or is known to be unable to for now. ports: where they are open already. told: signals to stop that
    came before. Returns what ``Server.stop`` returns.
    """
    cpus, python = available_cpus(), platform.python_version()
    _LOG.info(
        *("noria %s starts: process %d, Python %s, %d CPUs", noria.__version__, os.getpid(), python, cpus),
        extra=event("start", version=noria.__version__, python=python, cpus=cpus),
    )
    server = Server(core, ports=ports)
    stopping = asyncio.Event() if stopping is None else stopping
    loop = asyncio.get_running_loop()

    # A signal that came while the loop began may be told of twice: by ``told``, and by the loop.
    echo_until = time.monotonic() + _ECHO_SECONDS

    def on_signal() -> None:
        if stopping.is_set() and not (told and time.monotonic() < echo_until):
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    if told:
        stopping.set()
    if hasattr(signal, "SIGHUP"):
        loop.add_signal_handler(signal.SIGHUP, _read_again, core)
    await server.start()
    numbers = event("listening", grpc_port=server.grpc_port, rest_port=server.rest_port)
    _LOG.info("listening: %s", server.describe(), extra=numbers)
    opened(server)
    announcing = asyncio.create_task(_announce(server, ready))
    await stopping.wait()
    announcing.cancel()
    core.manager.stop()
    _LOG.info("draining", extra=event("draining"))
    clean = await server.stop()
    _LOG.info("stopped", extra=event("stopped", clean=clean))
    if not clean or core.manager.busy():
        # Threads that still run would hold the process, and a load in the engine would abort it.
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0 if clean else 1)
    return clean


def _read_again(core: Core) -> None:
    _LOG.info("looking at the config file and for versions, as SIGHUP asks", extra=event("read_again"))
    threading.Thread(target=core.process.read_again, name="noria-read-again", daemon=True).start()


async def _announce(server: Server, ready: Callable[[Server], None]) -> None:
    while not server.core.manager.settled():
        await asyncio.sleep(_GLANCE)
    server.core.manager.missing()  # notes that it is ready, should nobody ask before the next version loads
    gc.collect()
    gc.freeze()  # what is loaded stays: collections look at requests only
    ready(server)


def raise_file_limit() -> None:
    """Lets this process open as many files, and so connections, as the system allows it."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError) as error:
            _LOG.warning("the limit of open files stays at %d: %s", soft, error)


def make_core(config: ServerConfig, models: pb.ModelServerConfig | None = None) -> Core:
    """The core of a server process with these settings; its models have begun to load.

    models: in place of those that the settings name. Raises a TFError that says what is wrong with the settings or the
    model config file. What is wrong with a model shows in its status.
    """
    raise_file_limit()
    import_op_modules(config.op_modules)
    core = Core.make(Manager(make_loader(config), make_admission(config), config), config)
    management.start(core, models)
    return core


def run(config: ServerConfig, told: Sequence[int] = ()) -> int:
    """Serves in this process until a signal, drains; returns the exit status. told: as ``serve``."""
    run_loop(serve(make_core(config), lambda server: print(ready_line(server), flush=True), told=told))
    return 0


def ready_line(server: Server) -> str:
    """What a server says when its models have settled."""
    manager = server.core.manager
    serving, missing = [], manager.unavailable()
    for name in manager.names():
        if name not in missing:
            versions = sorted(manager.available(name), reverse=True)
            text = f"version{'s' if len(versions) > 1 else ''} {', '.join(map(str, versions))}"
            serving.append(f"{name} ({text if versions else manager.trouble(name) or 'no version'})")
    text = f"noria: serving {', '.join(serving) or 'no model'}"
    if missing:
        text += f"; not ready: {'; '.join(f'{name}: {why}' for name, why in missing.items())}"
    return f"{text}; {server.describe()}".replace("\n", " ")


def run_loop(main_task: Any) -> None:
    """Runs on uvloop where there is one."""
    try:
        import uvloop  # no uvloop on Windows
    except ImportError:
        asyncio.run(main_task)
    else:
        uvloop.run(main_task)
