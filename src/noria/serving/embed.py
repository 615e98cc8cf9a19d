"""A server inside a Python program, in a thread of its own: for tests and notebooks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

from noria.errors import UnavailableError
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.server import Server, make_core, ready_line, run_loop


@contextlib.contextmanager
def serve(models: str | os.PathLike[str] | Mapping[str, str | os.PathLike[str]], **settings: Any) -> Iterator[Server]:
    """Serves models while the ``with`` block runs, then drains.

        with noria.serving.serve({"iris": "models/iris"}) as server:
            requests.post(f"http://127.0.0.1:{server.rest_port}/v1/models/iris:predict", json={"instances": rows})

    models: the directory of numbered versions of each model by its name, or one directory, whose model is called
    ``default``. settings: flags of ``noria serve`` by name; by default both ports are free ones. The block begins when
    every model serves.

    Raises UnavailableError when a model cannot be served, or a port is taken; InvalidArgumentError for settings that
    are wrong.
    """
    paths = models if isinstance(models, Mapping) else {"default": models}
    server, stopping, thread = _start(ServerConfig(**{"port": -1, "rest_api_port": -1, **settings}), paths)
    try:
        missing = server.core.manager.wait_settled() and server.core.manager.missing()
        if missing:
            raise UnavailableError(ready_line(server))
        yield server
    finally:
        stopping()
        thread.join()


def _start(config: ServerConfig, paths: Mapping[str, str | os.PathLike[str]]) -> tuple[Server, Any, threading.Thread]:
    """The server with its ports open, a function that tells it to stop, and its thread."""
    started: Future[tuple[Server, Any]] = Future()

    async def run(core: Core) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        server = Server(core)
        await server.start()
        started.set_result((server, lambda: loop.call_soon_threadsafe(stopping.set)))
        await stopping.wait()
        await server.stop()
        await asyncio.to_thread(core.manager.close)

    def work() -> None:
        try:
            core = make_core(config, _listed(paths))
            run_loop(run(core))
        except Exception as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=work, name="noria-serve")
    thread.start()
    return (*started.result(), thread)


def _listed(paths: Mapping[str, str | os.PathLike[str]]) -> pb.ModelServerConfig:
    config = pb.ModelServerConfig()
    for name, path in paths.items():
        config.model_config_list.config.add(
            name=name, base_path=os.path.abspath(os.fspath(path)), model_platform="tensorflow"
        )
    return config
