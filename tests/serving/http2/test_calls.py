"""Calls of every kind, as gRPC's own clients make them."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import trustme

from noria.serving.http2 import frames, wire
from noria.serving.http2.options import Options
from serving.http2.running import BIG, LOOPS, NAME, TEXT, Raw, Running, late, running, until


@pytest.fixture(scope="module", params=list(LOOPS))
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(loop=request.param) as found:
        yield found


@pytest.fixture(scope="module")
def channel(server: Running) -> Iterator[Any]:
    with server.channel(("grpc.max_receive_message_length", -1)) as found:
        yield found


def unary(channel: Any, method: str) -> Any:
    return channel.unary_unary(f"/{NAME}/{method}")


def aio(server: Running) -> Any:
    return grpc.aio.insecure_channel(server.target)


def secure(*arguments: Any) -> Any:
    return grpc.secure_channel(*arguments)


def error(call: Callable[..., object], *arguments: Any, **more: Any) -> tuple[grpc.StatusCode, str | None]:
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **more)
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize("size", [0, 1, 100, 16379, 16380, 20_000, 65_530, 70_000, 700_000, 5_000_000])
def test_one_message_each_way(channel: Any, size: int) -> None:
    content = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert unary(channel, "Echo")(content, timeout=20) == content
    assert unary(channel, "Slow")(content) == content


def test_a_big_answer(channel: Any) -> None:
    assert unary(channel, "Big")(b"") == bytes(BIG)


def test_four_kinds_of_calls(channel: Any) -> None:
    parts = [b"%d" % index for index in range(100)]
    path = f"/{NAME}/"
    assert list(channel.stream_stream(path + "Both")(iter(parts))) == [part for part in parts for _ in range(2)]
    assert channel.stream_unary(path + "Gather")(iter(parts)) == b"".join(parts)
    assert list(channel.unary_stream(path + "Many")(b"100 3")) == [bytes(3)] * 100
    assert list(channel.stream_stream(path + "Both")(iter(()))) == []


@pytest.mark.parametrize("size", [100, 16_000, 70_000, 1_000_000])
def test_many_answers_that_fill_the_windows(channel: Any, size: int) -> None:
    count = 20_000_000 // size if size > 100 else 2000
    answers = channel.unary_stream(f"/{NAME}/Many")(b"%d %d" % (count, size))
    time.sleep(0.2)  # while it fills what there is
    assert sum(len(each) for each in answers) == count * size


@pytest.mark.parametrize("size", [0, 2, 1_000_000])
def test_many_requests(channel: Any, size: int) -> None:
    count = 20 if size > 2 else 2000
    assert channel.stream_unary(f"/{NAME}/Gather")(bytes(size) for _ in range(count)) == bytes(size * count)


def test_answers_before_an_error_arrive(channel: Any) -> None:
    found = []

    def take() -> None:
        for each in channel.unary_stream(f"/{NAME}/Many")(b"50 100000 error"):
            time.sleep(0.001)
            found.append(each)

    assert error(take) == (grpc.StatusCode.NOT_FOUND, "the end")
    assert len(found) == 50


def test_errors(channel: Any) -> None:
    for message in (b"", b"late"):
        assert error(unary(channel, "Failing"), message) == (grpc.StatusCode.NOT_FOUND, TEXT)
    code, text = error(unary(channel, "Failing"), b"long")
    assert code is grpc.StatusCode.NOT_FOUND
    assert text == "日" * 500 + "...TRUNCATED"
    assert error(unary(channel, "Broken"), b"") == (grpc.StatusCode.INTERNAL, "ValueError: bug")
    assert error(unary(channel, "GivenUp"), b"")[0] is grpc.StatusCode.CANCELLED
    code, text = error(unary(channel, "Other"), b"")
    assert code is grpc.StatusCode.UNIMPLEMENTED
    assert text == f"this server has no method '/{NAME}/Other'"


def test_metadata(server: Running, channel: Any) -> None:
    sent = (("a-bin", bytes(range(256))), ("b", "text, with a comma"), ("b", "again"), ("c-bin", b""))
    unary(channel, "Metadata")(b"", metadata=sent)
    call = server.seen.calls[-1]
    assert [pair for pair in call.metadata if pair[0] != "user-agent"] == list(sent)
    assert call.method == f"/{NAME}/Metadata"
    assert call.peer == "127.0.0.1"
    assert call.deadline is None
    unary(channel, "Metadata")(b"", timeout=7)
    deadline = server.seen.calls[-1].deadline
    assert deadline is not None
    assert 0 < deadline - time.monotonic() < 7.01
    unary(channel, "Metadata")(bytes(1_000_000), timeout=7)
    deadline = server.seen.calls[-1].deadline
    assert deadline is not None
    assert 0 < deadline - time.monotonic() < 7.01


def test_large_metadata_is_refused(server: Running) -> None:
    with server.channel(("grpc.max_metadata_size", 1 << 20)) as channel:
        code, _ = error(unary(channel, "Echo"), b"", metadata=(("a", "x" * 40_000),))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert unary(channel, "Echo")(b"a") == b"a"


def test_deadlines_and_cancellation_end_the_work(server: Running, channel: Any) -> None:
    late(server, channel)
    before = server.seen.cancelled
    begun = server.seen.begun
    waiting = unary(channel, "Endless").future(b"")
    until(lambda: server.seen.begun == begun + 1)
    waiting.cancel()
    until(lambda: server.seen.cancelled == before + 1)
    open_end = threading.Event()
    begun, closed = server.seen.begun, server.seen.closed
    talking = channel.stream_stream(f"/{NAME}/Both")(iter(open_end.wait, True))
    until(lambda: server.seen.begun == begun + 1)
    talking.cancel()
    open_end.set()
    until(lambda: server.seen.closed == closed + 1)
    until(lambda: not [each for each in server.server.connections if each.streams])


def test_the_servers_own_deadline(server: Running) -> None:
    """A client that sends a timeout and does not keep to it."""

    before, begun = server.seen.cancelled, server.seen.begun

    async def call(timeout: str) -> grpc.StatusCode:
        async with aio(server) as channel:
            metadata = (("grpc-timeout", timeout),)
            code: grpc.StatusCode = await channel.unary_unary(f"/{NAME}/Endless")(b"", metadata=metadata).code()
            return code

    for timeout in ("50m", "500m", "5S"):  # on a busy machine it may be over before the message came
        assert asyncio.run(call(timeout)) is grpc.StatusCode.DEADLINE_EXCEEDED
        if server.seen.begun > begun:
            break
    until(lambda: server.seen.cancelled == before + 1)


@pytest.mark.parametrize("algorithm", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests(channel: Any, algorithm: grpc.Compression) -> None:
    content = b"abc" * 100_000
    assert unary(channel, "Echo")(content, compression=algorithm) == content
    call = channel.stream_unary(f"/{NAME}/Gather")
    assert call(iter([content, content]), compression=algorithm) == content * 2


def test_large_packed_requests_are_inflated_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    inflate = wire.inflate

    def noted(message: bytes, encoding: str, limit: int) -> bytes:
        threads.append(threading.get_ident())
        return inflate(message, encoding, limit)

    monkeypatch.setattr(wire, "inflate", noted)
    large = os.urandom(50_000).hex().encode()
    with running() as server, server.channel() as channel:
        of_loop = server.call(threading.get_ident)
        packed = grpc.Compression.Gzip
        assert unary(channel, "Echo")(large, compression=packed) == large
        assert channel.stream_unary(f"/{NAME}/Gather")(iter([large, large]), compression=packed) == large * 2
        assert len(threads) == 3
        assert of_loop not in threads
        assert unary(channel, "Echo")(bytes(1000), compression=packed) == bytes(1000)
        assert threads[3] == of_loop


@pytest.mark.parametrize("loop", list(LOOPS))
@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed_answers(algorithm: str, loop: str) -> None:
    with running(Options(compression=algorithm), loop=loop) as server, server.channel() as channel:
        assert unary(channel, "Big")(b"4000000") == bytes(4_000_000)
        assert unary(channel, "Echo")(b"") == b""
        assert list(channel.unary_stream(f"/{NAME}/Many")(b"3 1000")) == [bytes(1000)] * 3


def test_large_answers_are_packed_beside_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []
    deflate = wire.deflate

    def noted(message: bytes, encoding: str) -> bytes:
        threads.append(threading.get_ident())
        return deflate(message, encoding)

    monkeypatch.setattr(wire, "deflate", noted)
    options = Options(compression="gzip", max_send_bytes=1_000_000)
    with running(options) as server, server.channel() as channel:
        of_loop = server.call(threading.get_ident)
        large = os.urandom(50_000).hex().encode()
        assert unary(channel, "Echo")(large) == large
        assert unary(channel, "Echo")(large, compression=grpc.Compression.Gzip) == large
        assert list(channel.unary_stream(f"/{NAME}/Many")(b"2 100000")) == [bytes(100_000)] * 2
        assert len(threads) == 4
        assert of_loop not in threads
        assert unary(channel, "Echo")(bytes(1000)) == bytes(1000)
        assert threads[4:] == [of_loop]
        code, text = error(unary(channel, "Big"), b"1000001")
        assert (code, text) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "Sent message larger than max (1000001 vs. 1000000)",
        )
        with Raw(server, settings={frames.INITIAL_WINDOW_SIZE: 1 << 20}) as raw:  # which takes no packed answers
            raw.send(frames.window_update(0, 1 << 20))
            raw.call(1, b"100000", "Big")
            assert raw.answer(1)[1] == wire.PREFIX.pack(0, 100_000) + bytes(100_000)
        assert len(threads) == 5


def test_limits_of_messages() -> None:
    options = Options(max_receive_bytes=1000, max_send_bytes=2000)
    with running(options) as server, server.channel() as channel:
        assert len(unary(channel, "Echo")(bytes(1000))) == 1000
        for size in (1001, 3_000_000):
            code, text = error(unary(channel, "Echo"), bytes(size))
            assert (code, text) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Received message larger than max ({size} vs. 1000)",
            )
        for size in (2001, 3_000_000):
            code, text = error(unary(channel, "Big"), b"%d" % size)
            assert (code, text) == (
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"Sent message larger than max ({size} vs. 2000)",
            )
        code, _ = error(unary(channel, "Echo"), bytes(5000), compression=grpc.Compression.Gzip)
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        both = channel.stream_stream(f"/{NAME}/Both")
        code, _ = error(lambda: list(both(iter([b"a", bytes(1001)]))))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        code, _ = error(lambda: list(both(iter([b"a", bytes(5000)]), compression=grpc.Compression.Gzip)))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        code, _ = error(lambda: list(channel.unary_stream(f"/{NAME}/Many")(b"3 2001")))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        until(lambda: not [each for each in server.server.connections if each.streams])


@pytest.mark.parametrize("loop", list(LOOPS))
def test_a_thousand_calls_at_once_beyond_max_streams(loop: str) -> None:
    with running(Options(max_streams=50), loop=loop) as server:

        async def call() -> None:
            async with aio(server) as channel:
                slow = channel.unary_unary(f"/{NAME}/Slow")
                echo = channel.unary_unary(f"/{NAME}/Echo")
                sent = [b"%d" % index for index in range(1000)]
                assert await asyncio.gather(*(slow(each) for each in sent[:300])) == sent[:300]
                assert await asyncio.gather(*(echo(each) for each in sent)) == sent

        asyncio.run(call())


def test_big_messages_over_small_windows(server: Running) -> None:
    """The client's windows are what its own estimate leaves; the socket's buffers are small."""
    options = (
        ("grpc.http2.lookahead_bytes", 1024),
        ("grpc.http2.bdp_probe", 0),
        ("grpc.max_receive_message_length", -1),
    )
    with server.channel(*options) as channel:
        calls = [unary(channel, "Echo").future(bytes([index]) * 1_000_000) for index in range(8)]
        assert [call.result()[:1] for call in calls] == [bytes([index]) for index in range(8)]


def test_all_at_once_from_one_channel(channel: Any) -> None:
    """Calls of every kind do not disturb one another."""
    path = f"/{NAME}/"
    big = [unary(channel, "Big").future(b"2000000") for _ in range(5)]
    streams = [channel.unary_stream(path + "Many")(b"20 50000") for _ in range(5)]
    small = [unary(channel, "Echo").future(b"%d" % index) for index in range(200)]
    failing = [unary(channel, "Failing").future(b"late") for _ in range(20)]
    assert [call.result() for call in small] == [b"%d" % index for index in range(200)]
    assert all(len(call.result()) == 2_000_000 for call in big)
    assert all(sum(map(len, stream)) == 1_000_000 for stream in streams)
    assert {call.exception().code() for call in failing} == {grpc.StatusCode.NOT_FOUND}


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.parametrize("loop", list(LOOPS))
def test_tls(loop: str) -> None:
    authority = trustme.CA()
    credentials = grpc.ssl_channel_credentials(authority.cert_pem.bytes())
    with running(loop=loop, tls=_context(authority)) as server:
        options = [("grpc.max_receive_message_length", -1)]
        with secure(f"localhost:{server.server.port}", credentials, options) as channel:
            assert unary(channel, "Echo")(b"abc") == b"abc"
            assert unary(channel, "Echo")(bytes(BIG)) == bytes(BIG)
            assert sum(map(len, channel.unary_stream(f"/{NAME}/Many")(b"100 100000"))) == 10_000_000
            begun = server.seen.begun
            waiting = unary(channel, "Endless").future(b"")
            until(lambda: server.seen.begun == begun + 1)
            waiting.cancel()
            until(lambda: server.seen.cancelled)
            assert server.drain()


def test_tls_without_its_protocol_is_not_served() -> None:
    authority = trustme.CA()
    client = ssl.create_default_context()
    authority.configure_trust(client)
    with running(tls=_context(authority)) as server, server.connect() as plain:
        with client.wrap_socket(plain, server_hostname="localhost") as raw:
            assert raw.recv(100) == b""
        until(lambda: not server.server.connections)


@pytest.mark.parametrize("loop", list(LOOPS))
def test_a_unix_socket(tmp_path: Path, loop: str) -> None:
    path = os.path.relpath(tmp_path / "s")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    with running(loop=loop, listener=listener) as server:
        assert server.server.port == 0
        with grpc.insecure_channel(f"unix:{path}") as channel:
            assert unary(channel, "Metadata")(bytes(100_000)) == bytes(100_000)
            assert server.seen.calls[-1].peer == "unix:"
