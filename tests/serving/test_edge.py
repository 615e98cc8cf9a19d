"""What both ports share: the drain of connections with TLS."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

import hpack
import pytest
import trustme

from noria.serving import edge
from noria.serving.http1 import server as http1
from noria.serving.http1.messages import JSON, Answer, Request
from noria.serving.http1.server import HttpServer
from noria.serving.http2 import frames
from noria.serving.http2 import server as http2
from noria.serving.http2.options import Options
from noria.serving.http2.server import GrpcServer
from noria.serving.rpc import Call, Unary, service
from noria.serving.security import tls
from serving.http2.running import LOOPS, NAME, head, message

AUTHORITY = trustme.CA()
Made = HttpServer | GrpcServer


def context(protocol: str) -> ssl.SSLContext:
    found = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("localhost").configure_cert(found)
    found.set_alpn_protocols([protocol])
    return found


def rest(listener: socket.socket) -> HttpServer:
    async def app(request: Request) -> Answer:
        return 200, (JSON,), b"{}"

    return HttpServer(app, listener, tls=context(tls.HTTP1))


def grpc(listener: socket.socket) -> GrpcServer:
    async def echo(content: bytes, call: Call) -> bytes:
        return content

    server = GrpcServer(service(NAME, {"Echo": Unary(echo)}), Options())
    server.listen(listener, tls=context(tls.HTTP2))
    return server


CALL = b"".join(
    (
        frames.PREFACE,
        frames.settings({}),
        frames.frame(frames.HEADERS, frames.END_HEADERS, 1, hpack.Encoder().encode(head())),
        frames.frame(frames.DATA, frames.END_STREAM, 1, message(b"abc")),
    )
)
EDGES: dict[str, tuple[Callable[[socket.socket], Made], str, bytes, bytes]] = {
    "rest": (rest, tls.HTTP1, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"{}"),
    "grpc": (grpc, tls.HTTP2, CALL, b"grpc-status\x010"),
}


class Client:
    """A client whose handshake goes on step by step."""

    def __init__(self, protocol: str) -> None:
        trusting = ssl.create_default_context()
        trusting.set_alpn_protocols([protocol])
        AUTHORITY.configure_trust(trusting)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trusting.wrap_bio(self._in, self._out, server_hostname="localhost")

    async def begin(self, port: int) -> None:
        """Says hello, and reads the first of the answer."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self._writer.write(self._out.read())
        self._in.write(await self._reader.read(65536))

    async def _until(self, step: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self._writer.write(self._out.read())
                content = await self._reader.read(65536)
                assert content, "the server has closed the connection"
                self._in.write(content)

    async def ask(self, content: bytes, end: bytes) -> None:
        """Ends the handshake, sends ``content`` and reads up to ``end``."""
        await self._until(self._tls.do_handshake)
        self._tls.write(content)
        self._writer.write(self._out.read())
        answer = b""
        while end not in answer:
            answer += await self._until(self._tls.read, 65536)

    def close(self) -> None:
        self._writer.close()


async def drained(server: Made, client: Client, listener: socket.socket) -> asyncio.Task[bool]:
    """The drain of a server that has begun when a client was in the middle of its handshake."""
    await server.start()
    await client.begin(server.port)
    draining = asyncio.create_task(server.drain(time.monotonic() + 60))
    while listener.fileno() >= 0:
        await asyncio.sleep(0.01)
    return draining


@pytest.mark.parametrize("loop", list(LOOPS))
@pytest.mark.parametrize("name", list(EDGES))
def test_a_drain_lets_a_handshake_end_and_answers(name: str, loop: str) -> None:
    make, protocol, ask, end = EDGES[name]

    async def scenario() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        client = Client(protocol)
        draining = await drained(make(listener), client, listener)
        await asyncio.wait([draining], timeout=0.2)
        assert not draining.done()
        await client.ask(ask, end)
        client.close()
        assert await draining

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(asyncio.wait_for(scenario(), 120))


@pytest.mark.parametrize("loop", list(LOOPS))
def test_a_drain_waits_for_a_handshake_for_a_while_only(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "_HANDSHAKE_SECONDS", 0.1)

    async def scenario() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        client = Client(tls.HTTP1)
        assert await (await drained(rest(listener), client, listener))
        client.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(asyncio.wait_for(scenario(), 9))  # less than a handshake has


@pytest.mark.parametrize("loop", list(LOOPS))
@pytest.mark.parametrize("name", list(EDGES))
def test_a_drain_does_not_wait_for_the_last_word_of_a_kept_connection(
    name: str, loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (http1, http2):
        monkeypatch.setattr(module, "_LINGER_SECONDS", 0.1)
    monkeypatch.setattr(http1, "_IDLE_SECONDS", 0.1)
    monkeypatch.setattr(http2, "_GOODBYE_SECONDS", 0.1)
    make, protocol, ask, end = EDGES[name]

    async def scenario() -> None:
        server, client = make(socket.create_server(("127.0.0.1", 0))), Client(protocol)
        await server.start()
        await client.begin(server.port)
        await client.ask(ask, end)
        assert await server.drain(time.monotonic() + 25)
        client.close()

    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(asyncio.wait_for(scenario(), 20))  # less than TLS waits
