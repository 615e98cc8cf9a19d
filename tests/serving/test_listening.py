"""Listening sockets that close without resetting anyone."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from noria.errors import UnavailableError
from noria.serving.listening import close_gently, listen, listeners_of, queued, refuse_handshakes

linux = pytest.mark.skipif(sys.platform != "linux", reason="socket filters and tcp_info are Linux's")


def test_listens_and_says_when_the_port_is_taken() -> None:
    with listen(0, "--rest_api_port") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"cannot open the REST port {port}: .* Choose another --rest_api"):
            listen(port, "--rest_api_port")


@linux
def test_who_has_connected_is_still_accepted_and_nobody_else() -> None:
    with listen(0, "--port") as listener:
        address = ("127.0.0.1", listener.getsockname()[1])
        with socket.create_connection(address) as early:
            assert refuse_handshakes(listener)
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
            assert queued(listener) == 1
            early.sendall(b"hello")
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(10) == b"hello"
            assert queued(listener) == 0


@linux
def test_the_queue_is_emptied_before_the_socket_closes() -> None:
    async def scenario() -> list[bytes]:
        got: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read(1))
            writer.close()
            await writer.wait_closed()

        listener = listen(0, "--port")
        address = ("127.0.0.1", listener.getsockname()[1])
        clients = [socket.create_connection(address) for _ in range(20)]
        for client in clients:
            client.sendall(b"x")
        server = await asyncio.start_server(serve, sock=listener)
        await close_gently(listener, close=False)
        assert queued(listener) == 0
        server.close()
        for _ in range(200):
            if len(got) == 20:
                break
            await asyncio.sleep(0.01)
        for client in clients:
            client.close()
        return got

    assert asyncio.run(scenario()) == [b"x"] * 20


@linux
def test_finds_the_listeners_of_this_process() -> None:
    with listen(0, "--port") as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            copies = listeners_of(port)
            assert [copy.getsockname()[1] for copy in copies] == [port]
            for copy in copies:
                copy.close()
    assert listeners_of(port) == []
