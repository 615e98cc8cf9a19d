"""Clients that mean harm: memory stays bounded, and others are served."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import sys
import tracemalloc
from collections.abc import Iterator

import hpack
import pytest

from noria.serving.http2 import frames
from noria.serving.http2.connection import Connection
from noria.serving.http2.options import Options
from noria.serving.http2.sending import Sending
from noria.serving.http2.stream import Requests, Stream
from noria.serving.http2.wire import Head, Incoming
from serving.http2.running import LOOPS, NAME, Raw, Running, head, late, message, running, until

HEADS = frames.END_HEADERS
CANCEL = struct.pack(">L", frames.CANCEL)
MANY = 6000


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as found:
        yield found


def served(server: Running) -> None:
    """Another client has its answer."""
    with Raw(server) as raw:
        raw.call(1)
        assert raw.status(1) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not hand over what came before a reset")
@pytest.mark.parametrize("loop", list(LOOPS))
def test_a_client_that_has_reset_its_connection_is_none_of_a_unix_socket(loop: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    with socket.create_connection(listener.getsockname()) as client:
        fields = hpack.Encoder().encode(head("Metadata"))
        client.sendall(
            frames.PREFACE
            + frames.settings({})
            + frames.frame(frames.HEADERS, HEADS, 1, fields)
            + frames.frame(frames.DATA, frames.END_STREAM, 1, message(b"abc"))
        )
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes with a reset
    with running(loop=loop, listener=listener) as server:
        until(lambda: server.seen.calls)
        assert server.seen.calls[0].peer in (None, "127.0.0.1")  # asyncio has it from accept(2), uvloop has not


def flood(raw: Raw, content: bytes) -> tuple[int, str]:
    """Sends all of it, or as much as the server takes, and gives the server's last word."""
    try:
        for at in range(0, len(content), 1 << 16):
            raw.send(content[at : at + (1 << 16)])
    except ConnectionError:
        pass
    return raw.ended()


def test_rapid_reset(server: Running) -> None:
    with Raw(server) as raw:
        raw.headers(1, head("Endless"))
        block = raw.block(head("Endless"))
        content = b"".join(
            frames.frame(frames.HEADERS, HEADS, id, block)
            + frames.frame(frames.DATA, frames.END_STREAM, id, message(b""))
            + frames.frame(frames.RST_STREAM, 0, id, CANCEL)
            for id in range(3, 3 + 2 * MANY, 2)
        )
        begun = server.seen.begun
        assert flood(raw, content)[0] == frames.ENHANCE_YOUR_CALM
        assert server.seen.begun - begun < MANY // 10  # most are gone before they have begun
        served(server)
    until(lambda: not server.server.connections)


@pytest.mark.parametrize("wait", [False, True])
def test_a_client_that_cancels_hundreds_of_calls_stays(server: Running, wait: bool) -> None:
    with Raw(server) as raw:
        for first in range(1, 4001, 1000):
            ids = range(first, first + 1000, 2)
            for id in ids:
                raw.call(id, b"", "Endless")
            if wait:
                raw.alive()
            for id in ids:
                raw.frame(frames.RST_STREAM, 0, id, CANCEL)
        raw.call(5001)
        assert raw.status(5001) == 0
    until(lambda: server.seen.begun == server.seen.cancelled)


def test_grpcs_own_client_cancels_hundreds_of_calls(server: Running) -> None:
    with server.channel() as channel:
        for _ in range(3):
            calls = [channel.unary_unary(f"/{NAME}/Endless").future(b"") for _ in range(300)]
            for call in calls:
                call.cancel()
        assert channel.unary_unary(f"/{NAME}/Echo")(b"a") == b"a"
        assert server.only()


@pytest.mark.parametrize("size", [0, 1, 1000])
def test_a_head_without_end(server: Running, size: int) -> None:
    with Raw(server) as raw:
        raw.headers(1, flags=0)
        assert flood(raw, frames.frame(frames.CONTINUATION, 0, 1, bytes(size)) * MANY)[0] == frames.ENHANCE_YOUR_CALM
    served(server)


@pytest.mark.parametrize(
    "frame",
    [
        frames.settings({}),
        frames.settings({frames.INITIAL_WINDOW_SIZE: 70_000}),
        frames.frame(frames.PRIORITY, 0, 1, bytes(5)),
        frames.frame(frames.DATA, 0, 1, b""),
        frames.frame(frames.DATA, frames.PADDED, 1, b"\3\0\0\0"),
    ],
)
def test_floods_of_what_costs_nothing(server: Running, frame: bytes) -> None:
    with Raw(server) as raw:
        raw.headers(1)
        assert flood(raw, frame * MANY)[0] == frames.ENHANCE_YOUR_CALM
    served(server)


def unread(raw: Raw, content: bytes, connection: Connection) -> int:
    """Sends until the server takes no more, and reads nothing; how many bytes it has taken."""
    raw.socket.settimeout(0.3)
    sent = 0
    while sent < 1 << 28:
        try:
            sent += raw.socket.send(content)
        except TimeoutError:
            if connection.stuck:  # else it was busy with something else
                break
    return sent


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("kind", ["pings", "calls"])
def test_a_client_that_does_not_read(kind: str, loop: str) -> None:
    with running(loop=loop, send_buffer=4096) as server, Raw(server, receive_buffer=4096) as raw:
        if kind == "pings":
            content = frames.frame(frames.PING, 0, 0, bytes(8)) * 1000
        else:
            raw.send(frames.settings({frames.INITIAL_WINDOW_SIZE: frames.MAX_WINDOW}))
            raw.frame(frames.WINDOW_UPDATE, 0, 0, struct.pack(">L", 1 << 30))
            raw.headers(1, head("Big"))
            block = raw.block(head("Big"))
            content = b"".join(
                frames.frame(frames.HEADERS, HEADS, id, block)
                + frames.frame(frames.DATA, frames.END_STREAM, id, message(b"100000"))
                for id in range(3, 200_000, 2)
            )
        connection = server.only()
        assert unread(raw, content, connection) < 16 << 20
        assert connection.stuck
        held = server.call(connection._transport.get_write_buffer_size)
        assert held + connection._size < 2 << 20
        served(server)
        server.forward(31)
        until(lambda: not server.server.connections)


def test_an_answer_that_is_not_read(server: Running) -> None:
    """The client reads frames, and gives no room."""
    with Raw(server) as raw:
        for id in (1, 3):
            raw.call(id, b"200000", "Big")
        raw.alive()
        server.forward(20)
        raw.send(*(frames.window_update(id, 100) for id in (0, 0, 1, 3)))
        raw.alive()
        server.forward(20)  # the last 100 bytes of each came in time
        raw.alive()
        connection = server.only()
        assert len(connection.streams) == 2
        server.forward(31)
        assert {raw.reset(1), raw.reset(3)} == {frames.CANCEL}
        raw.call(5, b"")
        assert not connection._blocked


def test_a_streaming_method_waits_for_a_client_that_does_not_read(server: Running) -> None:
    with Raw(server) as raw:
        raw.call(1, b"100 100000", "Many")
        raw.alive()
        connection = server.only()
        assert sum(map(len, connection.streams[1].out)) < 500_000
        server.forward(100)  # which may be its way
        raw.alive()
        assert connection.streams
        closed = server.seen.closed
    until(lambda: server.seen.closed == closed + 1)


def test_bytes_that_come_one_by_one(server: Running) -> None:
    with Raw(server) as raw:
        raw.headers(1)
        raw.headers(3, head("Both"))
        raw.headers(5, head("Both"))  # which owes nothing
        raw.send(frames.frame(frames.DATA, 0, 1, message(bytes(1000))[:5]))
        raw.send(frames.frame(frames.DATA, 0, 3, message(bytes(1000))[:5]))
        for _ in range(9):
            for id in (1, 3):
                raw.data(id, b"abcd", 0)
            raw.alive()
            server.forward(4)
        assert raw.status(1) == 4
        assert raw.status(3) == 4
        raw.data(5, message(b"abc"))
        assert raw.status(5) == 0
    until(lambda: not server.server.connections)


def test_a_request_that_is_large_may_take_its_time(server: Running) -> None:
    with Raw(server) as raw:
        size = 60_000
        raw.headers(1)
        content = message(bytes(size))
        for at in range(0, len(content), 6000):
            raw.data(1, content[at : at + 6000], 0)
            raw.alive()
            server.forward(5)
        raw.data(1, b"")
        assert raw.status(1) == 0


@pytest.mark.parametrize("begun", [b"", frames.PREFACE[:5], frames.PREFACE])
def test_a_preface_that_does_not_come(server: Running, begun: bytes) -> None:
    with Raw(server, greet=False) as raw:
        raw.send(begun)
        until(lambda: server.server.connections)
        server.forward(3)
        assert server.server.connections
        server.forward(3)
        while raw.read() is not None:
            pass


def test_bombs() -> None:
    bomb = message(gzip.compress(bytes(32 << 20)), 1)
    with running(Options(max_receive_bytes=1 << 20)) as server, Raw(server) as raw:
        tracemalloc.start()
        try:
            for id, method in ((1, "Echo"), (3, "Both")):
                raw.headers(id, head(method, grpc_encoding="gzip"))
                for at in range(0, len(bomb), 16000):
                    raw.data(id, bomb[at : at + 16000], 0)
                raw.data(id, b"")
                assert raw.status(id) == 8
            raw.headers(5, head("Deaf", grpc_encoding="gzip"))
            small = message(gzip.compress(bytes(1 << 20)), 1)
            for _ in range(100):  # which wait as small as they came
                raw.data(5, small, 0)
            raw.alive()
            assert tracemalloc.get_traced_memory()[1] < 8 << 20
        finally:
            tracemalloc.stop()


def test_metadata_without_measure(server: Running) -> None:
    with Raw(server) as raw:
        fields = [*head(), *((f"name{index}", "x" * 1000) for index in range(30))]
        for id in range(1, 41, 2):
            raw.headers(id, [*fields, ("n", str(id))])
            assert raw.status(id) == 8
            assert raw.reset(id) == frames.NO_ERROR
        plain = b"\x83\x86\x44\x0a/test.Echo\x5f\x10application/grpc"
        for id in range(41, 341, 2):
            field = b"\0\1a\x7f\xe9\6" + b"%05d" % id + b"x" * 995
            raw.frame(frames.HEADERS, HEADS | frames.END_STREAM, id, plain + field)
            assert raw.status(id) == 12
        connection = server.only()
        assert sum(map(len, connection._heads)) <= 64 << 10
    served(server)


def test_windows_that_grow_byte_by_byte(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a frame costs does not grow with the number of answers that wait."""
    moved = []
    send_out = Sending._send_out

    def counted(self: Sending, stream: Stream) -> None:
        moved.append(stream.id)
        send_out(self, stream)

    with Raw(server) as raw:
        for id in range(1, 1001, 2):
            raw.call(id, b"10000", "Big")
        raw.alive()
        raw.alive()  # by now they have begun
        monkeypatch.setattr(Sending, "_send_out", counted)
        raw.send(frames.window_update(0, 1) * 3000)
        raw.alive()
        assert 3000 <= len(moved) <= 3100
        assert len(set(moved)) > 450  # each has its turn


def test_streams_of_tiny_messages(server: Running) -> None:
    with Raw(server) as raw:
        raw.headers(1, head("Gather"))
        part = message(b"ab") * 9000
        for _ in range(20):
            raw.data(1, part, 0)
        raw.data(1, b"")
        raw.send(frames.window_update(0, 1 << 21), frames.window_update(1, 1 << 21))
        assert raw.answer(1)[1][5:] == b"ab" * 9000 * 20


def test_others_have_their_turns_beside_a_stream_of_tiny_messages() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        stream = Stream(1, Head(), None, 0, 0.0)
        stream.incoming = Incoming(1000, "identity")
        stream.incoming.feed(message(b"") * 1000)
        stream.ended = True
        turns = [0]

        def count() -> None:
            turns[0] += 1
            loop.call_soon(count)

        loop.call_soon(count)
        assert [each async for each in Requests(stream, loop, lambda _: None)] == [b""] * 1000
        assert turns[0] > 100

    asyncio.run(scenario())


def test_others_have_their_turns_beside_hundreds_of_calls(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    work = Connection.work

    def counted(self: Connection) -> None:
        before = self.pending
        work(self)
        done.append(before - self.pending)

    monkeypatch.setattr(Connection, "work", counted)
    with Raw(server) as raw:
        encoder = hpack.Encoder()
        raw.send(
            *(
                frames.frame(frames.HEADERS, HEADS, id, encoder.encode(head()))
                + frames.frame(frames.DATA, frames.END_STREAM, id, message(b"abc"))
                for id in range(1, 1001, 2)
            )
        )
        for id in range(1, 1001, 2):
            assert raw.status(id) == 0
    assert sum(done) >= 500
    assert max(done) <= 64


def test_others_are_served_beside_them_all(server: Running) -> None:
    with server.channel() as channel:
        assert channel.unary_unary(f"/{NAME}/Echo")(b"a", timeout=60) == b"a"
        late(server, channel)
