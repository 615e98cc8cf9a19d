"""HTTP/1.1 connections over real sockets: order, versions, limits, slow clients, the end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from noria.serving.eager import start
from noria.serving.http1 import server as http1_server
from noria.serving.http1.messages import JSON, Answer, Limits, Request
from noria.serving.http1.server import HttpServer
from serving.lifecycle.disk import until

_GO = threading.Event()


async def _app(request: Request) -> Answer:
    if request.target == b"/slow":
        await asyncio.sleep(0.2)
    if request.target == b"/held":
        while not _GO.is_set():
            await asyncio.sleep(0.01)
    if request.target == b"/loop":
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    if request.target == b"/fail":
        raise ZeroDivisionError("bug")
    if request.target == b"/late-fail":
        await asyncio.sleep(0)
        raise ZeroDivisionError("late bug")
    if request.target == b"/big":
        return 200, (JSON,), b"x" * (1 << 22)
    if request.target == b"/names":
        return 200, (JSON,), b" ".join([name for name, _ in request.headers])
    if request.target == b"/header":
        return 200, (JSON, (b"x-a", b"b\r\nx-injected: 1")), b""
    return 200, (JSON,), request.method.encode() + b" " + request.target + b" " + request.body


class Running:
    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self._loop = loop

    def drain(self, seconds: float = 60) -> bool:
        return asyncio.run_coroutine_threadsafe(self.server.drain(time.monotonic() + seconds), self._loop).result(120)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=20)


@contextlib.contextmanager
def running(limits: Limits | None = None) -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    started: Future[HttpServer] = Future()
    stopping = asyncio.Event()

    async def run() -> None:
        server = HttpServer(_app, socket.create_server(("127.0.0.1", 0)), limits)
        await server.start()
        started.set_result(server)
        await stopping.wait()
        await server.drain(time.monotonic() + 0.5)

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    try:
        yield Running(started.result(60), loop)
    finally:
        loop.call_soon_threadsafe(stopping.set)
        thread.join(60)
        loop.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as found:
        yield found


def read_answer(raw: socket.socket, rest: bytes = b"", *, head_only: bool = False) -> tuple[bytes, bytes, bytes]:
    """Head, body, and what came after it."""
    while b"\r\n\r\n" not in rest:
        chunk = raw.recv(65536)
        assert chunk, f"the connection ended after {rest!r}"
        rest += chunk
    head, _, rest = rest.partition(b"\r\n\r\n")
    size = 0 if head_only else int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
    while len(rest) < size:
        rest += raw.recv(65536)
    return head, rest[:size], rest[size:]


def exchange(server: Running, content: bytes, *, head_only: bool = False) -> tuple[bytes, bytes]:
    with server.connect() as raw:
        raw.sendall(content)
        head, body, _ = read_answer(raw, head_only=head_only)
        return head, body


def is_closed(raw: socket.socket) -> bool:
    try:
        return raw.recv(1) == b""
    except ConnectionError:
        return True


def test_requests_sent_ahead_are_answered_in_order(server: Running) -> None:
    paths = [b"/slow", b"/1", b"/loop", *(b"/%d" % index for index in range(2, 60))]
    with server.connect() as raw:
        raw.sendall(b"".join(b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n" % path for path in paths))
        rest, seen = b"", []
        for _ in paths:
            _, body, rest = read_answer(raw, rest)
            seen.append(body.split()[1])
    assert seen == paths


def test_a_request_in_single_bytes(server: Running) -> None:
    with server.connect() as raw:
        for byte in b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc":
            raw.sendall(bytes([byte]))
        assert read_answer(raw)[1] == b"POST /a abc"


def test_chunks(server: Running) -> None:
    body = b"3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\ntrailer: x\r\n\r\n"
    assert exchange(server, b"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body)[1] == (
        b"POST /a abcde"
    )


def test_fields_after_the_body_are_dropped(server: Running) -> None:
    ask = b"POST /names HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nAuthorization: Bearer x\r\n\r\n"
    assert exchange(server, ask)[1] == b"transfer-encoding"


def test_chunks_of_all_sizes(server: Running) -> None:
    sizes = [1, 2, 5000, 1, 4096, 4097, 3, 100_000, 7] * 3
    parts = [bytes([97 + at % 26]) * size for at, size in enumerate(sizes)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    ask = b"POST /all HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body + b"0\r\n\r\n"
    assert exchange(server, ask)[1] == b"POST /all " + b"".join(parts)


def test_tiny_chunks_take_no_more_room_than_their_bytes(server: Running) -> None:
    with server.connect() as raw:
        raw.sendall(b"POST /tiny HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        tracemalloc.start()
        try:
            raw.sendall(b"2\r\nab\r\n" * 50_000)
            raw.sendall(b"1\r\n")  # the head of another, so that the request is not over
            until(lambda: sum(connection._head for connection in list(server.server.connections)) >= 100_000)
            assert tracemalloc.get_traced_memory()[0] < 1_000_000
        finally:
            tracemalloc.stop()
        raw.sendall(b"c\r\n0\r\n\r\n")
        assert read_answer(raw)[1] == b"POST /tiny " + b"ab" * 50_000 + b"c"


def test_old_clients(server: Running) -> None:
    head, _ = exchange(server, b"GET / HTTP/1.0\r\n\r\n")
    assert b"Connection: close" in head
    with server.connect() as raw:
        for _ in range(2):
            raw.sendall(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert b"Connection: keep-alive" in read_answer(raw)[0]


def test_head_has_a_length_and_no_body(server: Running) -> None:
    with server.connect() as raw:
        raw.sendall(b"HEAD /a HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n")
        head, _, rest = read_answer(raw, head_only=True)
        assert b"Content-Length: 8" in head
        assert read_answer(raw, rest)[1] == b"GET /b "


def test_a_client_that_asks_before_it_sends(server: Running) -> None:
    with server.connect() as raw:
        raw.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert raw.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        raw.sendall(b"abc")
        assert read_answer(raw)[1] == b"POST /a abc"


def test_an_offer_of_another_protocol_is_not_taken_up(server: Running) -> None:
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    with server.connect() as raw:
        for _ in range(2):
            raw.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\n" + offer + b"Content-Length: 3\r\n\r\nabc")
            assert read_answer(raw)[1] == b"POST /a abc"
        raw.sendall(b"GET /a HTTP/1.1\r\nHost: x\r\n" + offer + b"\r\n")
        assert read_answer(raw)[1] == b"GET /a "


@pytest.mark.parametrize("target", [b"/fail", b"/late-fail"])
def test_a_bug_is_an_answer(server: Running, target: bytes) -> None:
    head, body = exchange(server, b"GET " + target + b" HTTP/1.1\r\nhost: x\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500")
    assert b"bug" in body


def test_a_header_cannot_end_the_headers(server: Running) -> None:
    head, _ = exchange(server, b"GET /header HTTP/1.1\r\nhost: x\r\n\r\n")
    assert b"\r\nx-injected" not in head.lower()


def test_a_half_closed_connection_gets_its_answers(server: Running) -> None:
    with server.connect() as raw:
        raw.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\nGET /b HTTP/1.1\r\nhost: x\r\n\r\n")
        raw.shutdown(socket.SHUT_WR)
        assert read_answer(raw)[1] == b"GET /slow "


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 5000\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nhost: x\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n", b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + b"400\r\n%s\r\n" % (b"x" * 1024) * 6, b"413"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + b"x: y\r\n" * 100_000, b"431"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: " + b"y" * 600_000, b"431"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1;" + b"x" * 600_000, b"431"),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nx: " + b"a" * 3000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 600 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
        (b"\x16\x03\x01 hello", b"400"),
        (b"CONNECT a:1 HTTP/1.1\r\nhost: x\r\n\r\n", b"400"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400"),
        (b"GET /" + b"a" * 3000 + b" HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", b"431"),
    ],
)  # fmt: skip
def test_limits(request_: bytes, status: bytes) -> None:
    with running(Limits(body=4096, head=2048)) as server, server.connect() as raw:
        raw.sendall(request_)
        head, body, _ = read_answer(raw)
        assert head.split()[1] == status
        assert b"Connection: close" in head
        assert body.startswith(b"{")
        with contextlib.suppress(ConnectionError):
            raw.sendall(b"x" * 100_000)  # what a client still sends does not reset the answer
        assert is_closed(raw)


def test_too_many_connections() -> None:
    with running(Limits(connections=3)) as server, contextlib.ExitStack() as stack:
        for _ in range(3):
            raw = stack.enter_context(server.connect())
            raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            read_answer(raw)
        late = stack.enter_context(server.connect())
        assert read_answer(late)[0].startswith(b"HTTP/1.1 503")
        raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_answer(raw)[0].startswith(b"HTTP/1.1 200")


def test_slow_clients_are_given_up() -> None:
    with running(Limits(slow_seconds=0.5)) as server, contextlib.ExitStack() as stack:
        slow_head, slow_body, unread, idle = (stack.enter_context(server.connect()) for _ in range(4))
        slow_head.sendall(b"GET / HT")
        slow_body.sendall(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nab")
        unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        unread.sendall(b"GET /big HTTP/1.1\r\nhost: x\r\n\r\n" * 8)
        assert read_answer(slow_head)[0].startswith(b"HTTP/1.1 408")
        assert read_answer(slow_body)[0].startswith(b"HTTP/1.1 408")
        end = time.monotonic() + 60
        while any(connection.stuck for connection in list(server.server.connections)):
            assert time.monotonic() < end
            time.sleep(0.05)
        idle.sendall(b"GET /still HTTP/1.1\r\nhost: x\r\n\r\n")
        assert read_answer(idle)[1] == b"GET /still "


def test_an_idle_connection_ends_after_its_time() -> None:
    with running(Limits(idle_seconds=0.1)) as server, server.connect() as raw:
        raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        read_answer(raw)
        assert is_closed(raw)


def test_a_drain_answers_what_is_on_its_way_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1_server, "_IDLE_SECONDS", 30.0)
    _GO.clear()
    with running() as server, contextlib.ExitStack() as stack:
        busy, idle = (stack.enter_context(server.connect()) for _ in range(2))
        for raw in (busy, idle):
            raw.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            read_answer(raw)
        busy.sendall(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n")
        until(lambda: any(connection.busy for connection in list(server.server.connections)))
        drained: Future[bool] = Future()
        threading.Thread(target=lambda: drained.set_result(server.drain())).start()
        until(lambda: server.server.draining)
        idle.sendall(b"GET /last HTTP/1.1\r\nhost: x\r\n\r\n")
        _GO.set()
        for raw in (busy, idle):
            assert b"Connection: close" in read_answer(raw)[0]
            assert is_closed(raw)
        assert drained.result(60)
        with pytest.raises(ConnectionError):
            server.connect()


def test_a_coroutine_is_run_up_to_its_first_wait() -> None:
    async def at_once(request: Request) -> Answer:
        return 200, (), b"now"

    async def main() -> None:
        loop = asyncio.get_running_loop()
        request = Request("GET", b"/slow", [], b"")
        assert start(at_once(request), loop) == (200, (), b"now")
        later = start(_app(request), loop)
        assert isinstance(later, asyncio.Future)
        assert (await later)[0] == 200
        cancelled = start(_app(request), loop)
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        failed = start(_app(Request("GET", b"/fail", [], b"")), loop)
        with pytest.raises(ZeroDivisionError):
            await failed

    asyncio.run(main())
