"""Listening sockets that close without resetting anyone."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from noria.errors import UnavailableError
from noria.serving.listening import SocketFile, close_gently, listen, queued, refuse_handshakes

linux = pytest.mark.skipif(sys.platform != "linux", reason="socket filters are Linux's")


def test_listens_and_says_when_the_port_is_taken() -> None:
    with listen(0, "REST", "--rest_api_port") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UnavailableError, match=rf"cannot open the REST port {port}: .* Choose another --rest_api"):
            listen(port, "REST", "--rest_api_port")
        with pytest.raises(UnavailableError, match=rf"cannot open the gRPC port {port}: .* Choose another --port"):
            listen(port, "gRPC", "--port")


@linux
def test_who_has_connected_is_still_accepted_and_nobody_else() -> None:
    with listen(0, "gRPC", "--port") as listener:
        address = ("127.0.0.1", listener.getsockname()[1])
        with socket.create_connection(address) as early:
            assert refuse_handshakes(listener)
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=0.2)
            assert queued(listener)
            early.sendall(b"hello")
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.recv(10) == b"hello"
            assert not queued(listener)


@linux
def test_the_queue_is_emptied_before_the_socket_closes() -> None:
    async def scenario() -> list[bytes]:
        got: list[bytes] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            got.append(await reader.read(1))
            writer.close()
            await writer.wait_closed()

        listener = listen(0, "gRPC", "--port")
        address = ("127.0.0.1", listener.getsockname()[1])
        clients = [socket.create_connection(address) for _ in range(20)]
        for client in clients:
            client.sendall(b"x")
        server = await asyncio.start_server(serve, sock=listener)
        await close_gently(listener, close=False)
        assert not queued(listener)
        server.close()
        for _ in range(6000):
            if len(got) == 20:
                break
            await asyncio.sleep(0.01)
        for client in clients:
            client.close()
        return got

    assert asyncio.run(scenario()) == [b"x"] * 20


def _file(path: Path) -> SocketFile:
    return SocketFile(str(path), "gRPC", "--grpc_socket_path")


def test_a_unix_socket_has_one_owner(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with _file(path).listener:
        assert path.is_socket()
        with pytest.raises(UnavailableError, match=r"cannot open the gRPC port unix:.*/s: .* another --grpc_socket"):
            _file(path)
        assert path.is_socket()
    again = _file(path)  # nobody listens on what the first has left
    with again.listener:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
        again.remove()
        assert not path.exists()
        again.remove()


def test_a_unix_socket_of_another_stays(tmp_path: Path) -> None:
    path = tmp_path / "s"
    old = _file(path)
    with old.listener:
        path.unlink()
        new = _file(path)
        with new.listener:
            old.remove()
            assert path.is_socket()
            new.remove()
    assert not path.exists()


@pytest.mark.parametrize("name", ["absent/s", "file", "s" * 120])
def test_a_unix_socket_that_cannot_be(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnavailableError, match="cannot open the gRPC port unix:"):
        _file(tmp_path / name)
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("name", ["@s", "unix:s"])
def test_a_unix_socket_is_a_plain_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    file = SocketFile(name, "gRPC", "--grpc_socket_path")
    with file.listener:
        assert os.listdir() == [name]
        monkeypatch.chdir("/")
        file.remove()
    assert not list(tmp_path.iterdir())


def test_the_queue_of_a_unix_socket_is_emptied_before_it_closes(tmp_path: Path) -> None:
    async def scenario() -> bytes:
        file = _file(tmp_path / "s")
        with socket.socket(socket.AF_UNIX) as early, socket.socket(socket.AF_UNIX) as late:
            early.connect(str(tmp_path / "s"))
            assert queued(file.listener)
            file.remove()
            with pytest.raises(FileNotFoundError):
                late.connect(str(tmp_path / "s"))

            async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                writer.write(b"hello")
                writer.close()

            server = await asyncio.start_unix_server(serve, sock=file.listener)
            await close_gently(file.listener, close=False)
            server.close()
            early.setblocking(False)
            return await asyncio.get_running_loop().sock_recv(early, 10)

    assert asyncio.run(asyncio.wait_for(scenario(), 120)) == b"hello"
