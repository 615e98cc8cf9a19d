"""A connection that has ended leaves by reference counts alone: nothing waits for the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import socket

from noria.serving.http1.connection import Connection
from noria.serving.http1.messages import JSON, Answer, Request
from noria.serving.http1.server import HttpServer


async def _app(request: Request) -> Answer:
    return 200, (JSON,), b"{}"


async def _serve_one() -> None:
    """One client that asks once and leaves."""
    server = HttpServer(_app, socket.create_server(("127.0.0.1", 0)))
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"{}")).startswith(b"HTTP/1.1 200")
    assert len(server.connections) == 1
    writer.close()
    await writer.wait_closed()
    while server.connections:
        await asyncio.sleep(0.01)
    await server.drain(asyncio.get_running_loop().time())


def test_an_ended_connection_is_gone_at_once() -> None:
    gc.collect()
    gc.disable()
    try:
        asyncio.run(_serve_one())
        assert not [each for each in gc.get_objects() if type(each) is Connection]
    finally:
        gc.enable()
