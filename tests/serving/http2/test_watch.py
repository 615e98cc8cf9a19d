"""The watch over connections, and the drain: no call is lost."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import threading
from typing import Any

import grpc
import pytest

from noria.serving.http2 import frames
from noria.serving.http2.connection import Connection
from noria.serving.http2.options import Options
from noria.serving.http2.stream import Stream
from serving.http2.running import LOOPS, NAME, Raw, Running, head, message, running, until


def left(raw: Raw) -> list[int]:
    """The last streams that GOAWAY frames name, until the connection ends; pings are answered."""
    found = []
    while (frame := raw.read()) is not None:
        if frame.kind == frames.GOAWAY:
            found.append(int.from_bytes(frame.payload[:4]))
            assert frame.payload[4:8] == bytes(4)
        elif frame.kind == frames.PING and not frame.flags & frames.ACK:
            raw.frame(frames.PING, frames.ACK, 0, frame.payload)
    return found


def test_idle() -> None:
    with running(Options(idle_seconds=100.0)) as server, Raw(server) as raw, Raw(server) as busy:
        busy.call(1, method="Endless")
        busy.alive()
        raw.call(1)
        assert raw.status(1) == 0
        server.forward(90)
        raw.call(3)
        assert raw.status(3) == 0
        server.forward(90)
        raw.alive()
        server.forward(20)
        assert left(raw) == [frames.ID, 3]
        busy.alive()


def test_age_and_grace() -> None:
    with running(Options(age_seconds=100.0, age_grace_seconds=50.0)) as server, Raw(server) as raw:
        raw.call(1, method="Endless")
        raw.alive()
        server.forward(80)
        raw.alive()
        server.forward(40)
        raw.call(3)  # on its way
        assert raw.wait_for_goaway() == frames.ID
        raw.call(5)
        raw.frame(frames.PING, frames.ACK, 0, b"goodbye?")
        assert raw.wait_for_goaway() == 5
        assert raw.status(3) == raw.status(5) == 0
        raw.call(7)  # the client does not listen
        raw.alive()
        assert server.server.connections
        server.forward(60)
        while raw.read() is not None:
            pass
        until(lambda: server.seen.cancelled == 1)
        assert 7 not in raw.answered


def test_a_quiet_client_lives_and_a_dead_one_goes() -> None:
    with running(Options(keepalive_seconds=100.0, keepalive_timeout_seconds=20.0)) as server, Raw(server) as raw:
        raw.alive()
        for _ in range(3):
            server.forward(101)
            ping = raw.wait_for(frames.PING)
            raw.frame(frames.PING, frames.ACK, 0, ping.payload)
            until(lambda: all(each.heard >= each.pinged for each in server.server.connections))
            server.forward(30)
            raw.alive()
        server.forward(101)
        raw.wait_for(frames.PING)
        server.forward(19)
        assert server.server.connections
        server.forward(2)
        until(lambda: not server.server.connections)


@pytest.mark.parametrize("loop", list(LOOPS))
def test_a_drain_answers_what_is_under_way(loop: str) -> None:
    with (
        running(loop=loop) as server,
        server.channel() as channel,
        Raw(server) as raw,
        Raw(server, greet=False) as half,
    ):
        slow = [channel.unary_unary(f"/{NAME}/Held").future(b"%d" % index) for index in range(50)]
        raw.headers(1)
        raw.data(1, message(b"abc")[:4], 0)  # in the middle of its request
        half.send(frames.PREFACE[:10])
        until(lambda: sum(len(each.streams) for each in server.server.connections) == 51)
        answers: list[bool] = []
        draining = threading.Thread(target=lambda: answers.append(server.drain()))
        draining.start()
        assert raw.wait_for_goaway() == frames.ID
        raw.call(3)
        raw.frame(frames.PING, frames.ACK, 0, b"goodbye?")
        assert raw.wait_for_goaway() == 3
        server.call(server.seen.go.set)
        raw.data(1, message(b"abc")[4:])
        assert raw.status(1) == raw.status(3) == 0
        while raw.read() is not None:
            pass
        raw.socket.close()
        assert [call.result() for call in slow] == [b"%d" % index for index in range(50)]
        draining.join()
        assert answers == [True]


def test_a_drain_does_not_wait_for_ever() -> None:
    with running() as server, Raw(server) as raw:
        raw.call(1, method="Endless")
        raw.alive()
        assert not server.drain(0.2)
        until(lambda: server.seen.cancelled == 1)


def test_a_client_that_ignores_the_drain() -> None:
    """It goes on with calls, which it was told nobody answers, and does not disturb those under way."""
    with running() as server, Raw(server) as raw:
        raw.call(1, method="Held")
        raw.alive()
        draining = threading.Thread(target=server.drain)
        draining.start()
        raw.wait_for_goaway()
        raw.frame(frames.PING, frames.ACK, 0, b"goodbye?")
        assert raw.wait_for_goaway() == 1
        for id in range(3, 101, 2):
            raw.headers(id, [*head(), ("a", str(id))])
            raw.data(id, message(b"abc"))
        server.call(server.seen.go.set)
        assert raw.status(1) == 0
        while raw.read() is not None:
            pass
        raw.socket.close()
        draining.join()
        assert raw.answered == {1}


def _listener(port: int = 0) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


class Load:
    """Channels that call without a pause; how many calls were answered, and the errors of those that were not."""

    def __init__(self, port: int, channels: int) -> None:
        self.answered = 0
        self.failed: list[Any] = []
        self._stop = threading.Event()
        self._port = port
        self._threads = [threading.Thread(target=self._run) for _ in range(channels)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"127.0.0.1:{self._port}", options) as channel:
            call: Any = channel.unary_unary(f"/{NAME}/Echo")  # type: ignore[call-arg]
            while not self._stop.is_set():
                waiting = [call.future(b"%d" % index) for index in range(5)]
                for each in waiting:
                    try:
                        each.result(60)
                        self.answered += 1
                    except grpc.RpcError as error:
                        self.failed.append(error)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


@pytest.mark.parametrize("loop", list(LOOPS))
def test_no_call_is_lost_when_servers_take_turns(loop: str) -> None:
    """Each drains as the next one listens on the same port."""
    first = _listener()
    port = first.getsockname()[1]
    servers = [running(loop=loop, listener=first)]
    current: Running = servers[0].__enter__()
    load = Load(port, 4)
    try:
        for _ in range(4):
            before = load.answered
            until(lambda before=before: load.answered > before + 50)  # type: ignore[misc]
            servers.append(running(loop=loop, listener=_listener(port)))
            following = servers[-1].__enter__()
            assert current.drain()
            current = following
        before = load.answered
        until(lambda: load.answered > before + 50)
    finally:
        load.stop()
        for server in servers:
            server.__exit__(None, None, None)
    assert load.failed == []


async def _call_and_leave(server: Running) -> None:
    async with grpc.aio.insecure_channel(server.target) as channel:
        calls: Any = {name: channel.unary_unary(f"/{NAME}/{name}") for name in ("Echo", "Slow", "Failing", "Broken")}  # type: ignore[call-arg]
        for call in calls.values():
            for content in (b"", b"late"):
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await call(content)
        both: Any = channel.stream_stream(f"/{NAME}/Both")  # type: ignore[call-arg]
        assert [each async for each in both(iter([b"a"]))] == [b"a", b"a"]
        for name in ("Endless", "Slow"):
            waiting = asyncio.ensure_future(channel.unary_unary(f"/{NAME}/{name}")(b"").code())  # type: ignore[call-arg]
            await asyncio.sleep(0.02)
            waiting.cancel()


@pytest.mark.parametrize("loop", list(LOOPS))
def test_what_has_ended_is_gone_at_once(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection and its calls leave by reference counts alone: nothing waits for the garbage collector."""
    logger = logging.getLogger("noria.serving.http2.connection")
    monkeypatch.setattr(logger, "disabled", True)  # pytest keeps what is logged, with the frames of its errors
    with running(loop=loop) as server:
        gc.collect()
        gc.disable()
        try:
            asyncio.run(_call_and_leave(server))
            with Raw(server) as raw:
                raw.call(1, method="Endless")
                raw.headers(3, head("Both"))
                raw.call(5, b"1000000", "Big")
                raw.call(7, b"100 100000", "Many")
                raw.alive()
            with Raw(server) as raw:
                raw.call(1, method="Endless")
                raw.frame(frames.HEADERS, frames.END_HEADERS, 3, b"\xfe")
                raw.ended()
            until(lambda: not server.server.connections)
            until(lambda: not [each for each in gc.get_objects() if type(each) in (Connection, Stream)])
        finally:
            gc.enable()
