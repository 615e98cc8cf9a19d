"""Connections over HTTP: kept, replaced when the server closed them, bounded by the deadline; strange answers."""

from __future__ import annotations

import asyncio
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from noria.client import AsyncClient, Client, address, options
from noria.client.exchange import Exchange, Reply
from noria.client.http_transport import HttpTransport
from noria.errors import (
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TFError,
    UnavailableError,
    UnknownError,
)


@contextmanager
def speaking(handle: Callable[[socket.socket, int], None]) -> Iterator[tuple[str, list[int]]]:
    """A server whose n-th connection ``handle(connection, n)`` deals with; its URL, and the connections so far."""
    seen: list[int] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            seen.append(len(seen))
            with connection:
                handle(connection, len(seen) - 1)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(10)


def answer(connection: socket.socket, body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> None:
    if connection.recv(65536):
        connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), more, body))


def transport(url: str, retries: int = 1) -> HttpTransport:
    return HttpTransport(address.parse(url), options.make(None, None, None, None, None, retries))


GET = Exchange("GET", "/v1/models/m")


def test_connections_are_kept_and_replaced() -> None:
    def handle(connection: socket.socket, n: int) -> None:
        answer(connection, b"%d" % n)
        answer(connection, b"%d" % n)  # and then it closes

    with speaking(handle) as (url, seen):
        way = transport(url)
        assert [way.send(GET, 10).body for _ in range(6)] == [b"0", b"0", b"1", b"1", b"2", b"2"]
        assert seen == [0, 1, 2]
        way.close()


def test_what_must_not_be_repeated_is_sent_once() -> None:
    """The server may have done it, though its answer never came; a connection that has ended already is not tried."""
    got: list[int] = []

    def handle(connection: socket.socket, n: int) -> None:
        answer(connection, b"%d" % n)
        if connection.recv(65536):
            got.append(n)

    with speaking(handle) as (url, _):
        for retries, exchange in ((0, GET), (5, GET._replace(repeatable=False))):
            way = transport(url, retries)
            way.send(GET, 10)
            with pytest.raises(UnavailableError):
                way.send(exchange, 10)
            way.close()
        way = transport(url, 5)
        assert [way.send(GET, 10).body for _ in range(2)] == [b"2", b"3"]
        way.close()
    assert got == [0, 1, 2]
    with speaking(lambda connection, n: answer(connection, b"%d" % n)) as (url, _):
        way = transport(url, 0)
        way.send(GET, 10)
        select.select([way._idle[0].sock], [], [], 10)  # until the end of the connection has come
        assert way.send(GET._replace(repeatable=False), 10).body == b"1"
        way.close()


def test_a_fork_leaves_the_connections_to_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(connection: socket.socket, n: int) -> None:
        while n < 2 and connection.recv(65536):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % n)

    with speaking(handle) as (url, seen):
        way = transport(url)
        assert [way.send(GET, 10).body for _ in range(2)] == [b"0", b"0"]
        monkeypatch.setattr("noria.client.http_transport.os.getpid", lambda: -1)
        assert [way.send(GET, 10).body for _ in range(2)] == [b"1", b"1"]
        assert seen == [0, 1]
        way.close()
        monkeypatch.undo()


def test_names_that_no_host_has() -> None:
    for host in ("..", "a" * 64):
        with pytest.raises(InvalidArgumentError, match="cannot be the place of a server"):
            transport(f"http://{host}:1").send(GET, 10)


@contextmanager
def silent() -> Iterator[str]:
    """The URL of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_calls_of_an_event_loop_meet_their_deadline_however_many_wait() -> None:
    async def main(url: str) -> None:
        async with AsyncClient(url, timeout=0.5) as client:
            asked = (client.status("m") for _ in range(150))
            for found in await asyncio.gather(*asked, return_exceptions=True):
                assert isinstance(found, DeadlineExceededError)

    with silent() as url:
        start = time.monotonic()
        asyncio.run(main(url))
        assert time.monotonic() - start < 40  # one after another would be 75 s


def test_a_call_that_is_cancelled_leaves_no_thread_behind() -> None:
    async def main(url: str) -> None:
        async with AsyncClient(url, timeout=600) as client:
            task = asyncio.create_task(client.status("m"))
            while not [thread for thread in threading.enumerate() if thread.name.startswith("noria-client")]:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    with silent() as url:
        asyncio.run(main(url))
        for thread in threading.enumerate():
            if thread.name.startswith("noria-client"):
                thread.join(20)
                assert not thread.is_alive()


def test_the_server_s_wish_to_close_is_heard() -> None:
    with speaking(lambda c, n: answer(c, b"%d" % n, more=b"Connection: close\r\n")) as (url, seen):
        way = transport(url)
        assert [way.send(GET, 10).body for _ in range(3)] == [b"0", b"1", b"2"]
        assert seen == [0, 1, 2]
        way.close()


def test_slow_servers_meet_the_deadline() -> None:
    given_up = threading.Event()

    def drip(connection: socket.socket, size: int) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (4500 * size))
        for _ in range(4500):
            try:
                connection.sendall(b"x" * size)
            except OSError:
                return
            time.sleep(0.05)

    def drip_much(connection: socket.socket, _: int) -> None:
        drip(connection, 200_000)

    def drip_little(connection: socket.socket, _: int) -> None:
        drip(connection, 20)

    def say_nothing(connection: socket.socket, _: int) -> None:
        given_up.wait(60)

    for handle in (drip_much, drip_little, say_nothing):
        given_up.clear()
        with speaking(handle) as (url, _):
            way = transport(url)
            start = time.monotonic()
            with pytest.raises(DeadlineExceededError, match="the deadline passed while"):
                way.send(GET, 0.3)
            assert time.monotonic() - start < 40
            given_up.set()
            way.close()


@pytest.mark.parametrize(
    ("status", "body", "error", "text"),
    [
        (b"403 Forbidden", b'{"error": "not you"}', PermissionDeniedError, "^not you$"),
        (b"503 Service Unavailable", b"<html>busy</html>", UnavailableError, "<html>busy</html>"),
        (b"502 Bad Gateway", b"", UnavailableError, "HTTP status 502"),
        (b"413 Too Large", b'{"error": "big"}', ResourceExhaustedError, "big"),
        (b"418 I'm a teapot", b"short and stout", UnknownError, "status 418: short and stout"),
        (b"301 Moved", b"", UnknownError, "status 301"),
        (b"500 Oops", b"[1]", InternalError, r"\[1\]"),
    ],
)
def test_statuses(status: bytes, body: bytes, error: type[TFError], text: str) -> None:
    with speaking(lambda c, _: answer(c, body, status)) as (url, _):
        way = transport(url)
        with pytest.raises(error, match=text):
            way.send(GET, 10)
        way.close()


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"a": 1}', b'{"outputs": 1', b'{"model_spec": {}, "metadata": {}}', b"\xff"]
)
def test_answers_of_something_else(body: bytes) -> None:
    def handle(connection: socket.socket, _: int) -> None:
        for _ in range(4):
            answer(connection, body)

    with speaking(handle) as (url, _), Client(url, retries=0, timeout=10) as client:
        with pytest.raises(InternalError, match="the server's answer"):
            client.predict("m", {"x": [1.0]})
        with pytest.raises(InternalError, match="the server's answer"):
            client.status("m")


def test_an_answer_that_breaks_off() -> None:
    for head in (b"Content-Length: 9", b"Transfer-Encoding: chunked"):

        def handle(connection: socket.socket, _: int, head: bytes = head) -> None:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n3\r\nabc" % head)

        with speaking(handle) as (url, seen):
            way = transport(url)
            with pytest.raises(UnavailableError, match="cannot reach"):
                way.send(GET, 10)
            assert seen == [0]
            way.close()


def test_chunked_answers() -> None:
    def handle(connection: socket.socket, _: int) -> None:
        connection.recv(65536)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: a/b; charset=c\r\n\r\n"
        connection.sendall(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    with speaking(handle) as (url, _):
        way = transport(url)
        assert way.send(GET, 10) == Reply(b"abcde", "a/b")
        way.close()
