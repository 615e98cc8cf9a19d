"""Models made of NumPy functions, with the interface that the server needs, and a server in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np

from noria import dtypes
from noria.dtypes import DType
from noria.protos import tensorflow as tf
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.lifecycle.manager import Manager
from noria.serving.names import PREDICT
from noria.serving.server import Server
from noria.shapes import Shape

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class FakeSpec:
    tensor: str
    dtype: DType
    shape: Shape = None


def specs(**names: DType) -> dict[str, FakeSpec]:
    """Specs by alias; the tensor is called as its alias."""
    return {alias: FakeSpec(f"{alias}:0", names[alias]) for alias in sorted(names)}


@dataclass
class FakeSignature:
    name: str
    function: Callable[..., dict[str, Array]]
    inputs: Mapping[str, FakeSpec]
    outputs: Mapping[str, FakeSpec]
    method_name: str = PREDICT
    defaults: Mapping[str, Array] = field(default_factory=dict)

    def run_arrays(self, arrays: Mapping[str, Array], outputs: Sequence[str] | None = None) -> dict[str, Array]:
        found = self.function(**arrays)
        return {alias: found[alias] for alias in (self.outputs if outputs is None else outputs)}


class FakeModel:
    def __init__(self, *signatures: FakeSignature) -> None:
        self.signatures = {signature.name: signature for signature in signatures}
        self.meta_graph = tf.MetaGraphDef()
        for signature in signatures:
            self.meta_graph.signature_def[signature.name].method_name = signature.method_name


def half_plus_two(name: str = "serving_default") -> FakeSignature:
    """y = x / 2 + 2."""
    return FakeSignature(
        name,
        lambda x: {"y": x / np.float32(2) + np.float32(2)},
        specs(x=dtypes.float32),
        specs(y=dtypes.float32),
    )


def call_grpc(port: int, rpc: str, request: bytes, *, timeout: float = 60) -> tuple[str, str, bytes]:
    """Calls ``rpc`` with a serialised request: the code's name, the error text, the serialised response."""
    return call_grpc_at(f"127.0.0.1:{port}", rpc, request, timeout=timeout)


def call_grpc_at(target: str, rpc: str, request: bytes, *, timeout: float = 60) -> tuple[str, str, bytes]:
    """As ``call_grpc``, at any address that gRPC knows, on a connection of its own."""
    with grpc.insecure_channel(target, [("grpc.use_local_subchannel_pool", 1)]) as channel:
        call = channel.unary_unary(rpc, bytes, bytes)
        try:
            return "OK", "", call(request, timeout=timeout)
        except grpc.RpcError as error:
            status: Any = error
            return status.code().name, status.details() or "", b""


@contextlib.contextmanager
def serving(manager: Manager, **settings: Any) -> Iterator[Server]:
    """A server on free ports in a thread of its own, stopped and drained at the end."""
    config = ServerConfig(**{"port": -1, "rest_api_port": -1, **settings})
    started: Future[Server] = Future()
    loop = asyncio.new_event_loop()
    stopping = asyncio.Event()

    async def run() -> None:
        try:
            server = Server(Core.make(manager, config))
            await server.start()
        except Exception as error:
            started.set_exception(error)
            return
        started.set_result(server)
        await stopping.wait()
        await server.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        yield started.result(60)
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(120)
        loop.close()
