"""A gRPC server in a thread, with methods for every kind of call, and a raw HTTP/2 client to hold it against."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, NamedTuple, Self

import grpc
import hpack
import pytest
import uvloop

from noria.errors import NotFoundError
from noria.serving.http2 import frames
from noria.serving.http2.connection import Connection
from noria.serving.http2.options import Options
from noria.serving.http2.server import GrpcServer
from noria.serving.rpc import Call, Stream, Unary, service

NAME = "test.Echo"
BIG = 5_000_000
TEXT = 'no "Modèle" 100% 日本\nsecond\tline\r\x7f'

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


class Service:
    """Methods, and what they have gone through."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.closed = 0
        self.calls: list[Call] = []
        self.go = asyncio.Event()

    def methods(self) -> dict[str, Unary | Stream]:
        """By name."""
        unary = {
            "Echo": self.echo,
            "Slow": self.slow,
            "Held": self.held,
            "Endless": self.endless,
            "Failing": self.failing,
            "Broken": self.broken,
            "GivenUp": self.given_up,
            "Metadata": self.metadata,
            "Big": self.big,
        }
        streams = {"Both": self.both, "Gather": self.gather, "Many": self.many, "Deaf": self.deaf}
        return {name: Unary(each) for name, each in unary.items()} | {
            name: Stream(each) for name, each in streams.items()
        }

    async def echo(self, message: bytes, call: Call) -> bytes:
        return message

    async def slow(self, message: bytes, call: Call) -> bytes:
        await asyncio.sleep(0.1)
        return message

    async def held(self, message: bytes, call: Call) -> bytes:
        """Answers once ``go`` is set."""
        await self.go.wait()
        return message

    async def endless(self, message: bytes, call: Call) -> bytes:
        self.begun += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return message

    async def failing(self, message: bytes, call: Call) -> bytes:
        if message == b"late":
            await asyncio.sleep(0)
        raise NotFoundError(TEXT if message != b"long" else "日" * 10_000)

    async def broken(self, message: bytes, call: Call) -> bytes:
        raise ValueError("bug")

    async def given_up(self, message: bytes, call: Call) -> bytes:
        raise asyncio.CancelledError

    async def metadata(self, message: bytes, call: Call) -> bytes:
        self.calls.append(call)
        return message

    async def big(self, message: bytes, call: Call) -> bytes:
        return bytes(int(message or BIG))

    async def both(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        self.begun += 1
        try:
            async for request in requests:
                yield request
                yield request
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.closed += 1

    async def gather(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        yield b"".join([request async for request in requests])

    async def many(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        """As many answers, of as many bytes each, as the first request says; then an error where it says so."""
        try:
            async for request in requests:
                count, size, *error = request.split()
                for _ in range(int(count)):
                    yield bytes(int(size))
                if error:
                    raise NotFoundError("the end")
                return
        finally:
            self.closed += 1

    async def deaf(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        """Takes no request."""
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        yield b""


class Running:
    """A server that runs. errors: what the loop was told went wrong."""

    def __init__(self, server: GrpcServer, loop: asyncio.AbstractEventLoop, seen: Service, errors: list[Any]) -> None:
        self.server = server
        self.loop = loop
        self.seen = seen
        self.errors = errors

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs ``work`` in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    def call(self, function: Callable[[], Any]) -> Any:
        """Calls ``function`` in the server's loop."""

        async def work() -> Any:
            return function()

        return self.do(work())

    def drain(self, seconds: float = 60) -> bool:
        found: bool = self.do(self.server.drain(time.monotonic() + seconds))
        return found

    @property
    def target(self) -> str:
        return f"127.0.0.1:{self.server.port}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=20)

    def channel(self, *options: tuple[str, Any], **more: Any) -> Any:
        # Channels with equal options share connections; each test is to have its own.
        own = ("grpc.use_local_subchannel_pool", 1)
        return grpc.insecure_channel(self.target, options=[own, ("grpc.enable_http_proxy", 0), *options], **more)

    def forward(self, seconds: float) -> None:
        """Lets the watch look as if ``seconds`` had gone by since all that has happened."""

        def look() -> None:
            for connection in list(self.server.connections):
                for name in ("born", "since", "heard", "stuck", "left", "pinged", "sent"):
                    if getattr(connection, name):
                        setattr(connection, name, getattr(connection, name) - seconds)
                for stream in connection.streams.values():
                    stream.since -= seconds
            assert self.server._watching is not None
            self.server._watching.cancel()
            self.server._tick()

        self.call(look)

    def only(self) -> Connection:
        """The connection, once those of other tests have ended."""
        until(lambda: len(self.server.connections) == 1)
        (found,) = self.server.connections
        return found


@contextlib.contextmanager
def running(
    options: Options | None = None,
    *,
    loop: str = "asyncio",
    tls: ssl.SSLContext | None = None,
    listener: socket.socket | None = None,
    send_buffer: int = 0,
) -> Iterator[Running]:
    """A server in a thread. send_buffer: bytes that the system keeps of what is sent."""
    runner = LOOPS[loop]()
    started: Future[Running] = Future()
    stopping = asyncio.Event()
    seen = Service()

    async def run() -> None:
        errors: list[Any] = []
        runner.set_exception_handler(lambda _, context: errors.append(context))
        listening = listener or socket.create_server(("127.0.0.1", 0))
        if send_buffer:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        server = GrpcServer(service(NAME, seen.methods()), options or Options())
        server.listen(listening, tls=tls)
        await server.start()
        started.set_result(Running(server, runner, seen, errors))
        await stopping.wait()
        if not server.draining:
            await server.drain(time.monotonic() + 0.1)

    thread = threading.Thread(target=lambda: runner.run_until_complete(run()))
    thread.start()
    found = started.result(60)
    try:
        yield found
    finally:
        runner.call_soon_threadsafe(stopping.set)
        thread.join(60)
        runner.close()
    assert not found.errors


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Waits until ``true`` is; fails after ``seconds``."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def late(server: Running, channel: Any) -> None:
    """A call whose deadline passes while it runs, and which is cancelled."""
    seen, begun = server.seen, server.seen.begun
    others = begun - seen.cancelled
    for seconds in (0.05, 0.5, 5, 50):  # on a busy machine it may be over before it came
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(f"/{NAME}/Endless")(b"", timeout=seconds)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        if seen.begun > begun:
            break
    until(lambda: seen.begun > begun and seen.begun - seen.cancelled == others)


class Frame(NamedTuple):
    """A frame that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes


def message(content: bytes, flag: int = 0) -> bytes:
    """A message as gRPC frames it."""
    return struct.pack(">BL", flag, len(content)) + content


def head(method: str = "Echo", **changed: str | None) -> list[tuple[str, str]]:
    """The fields of a call; ``_`` in a name stands for ``-``, and None leaves a field out."""
    fields: dict[str, str | None] = {
        ":method": "POST",
        ":scheme": "http",
        ":path": f"/{NAME}/{method}",
        ":authority": "x",
        "content-type": "application/grpc",
        "te": "trailers",
    }
    for name, value in changed.items():
        fields[(":" + name if ":" + name in fields else name).replace("_", "-")] = value
    return [(name, value) for name, value in fields.items() if value is not None]


class Raw:
    """A client that sends any bytes, and reads frames. receive_buffer: bytes that the system keeps for it."""

    def __init__(
        self,
        server: Running,
        *,
        greet: bool = True,
        settings: dict[int, int] | None = None,
        receive_buffer: int = 0,
    ) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(60)
        self.socket.connect(("127.0.0.1", server.server.port))
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self._rest = b""
        self._answers: dict[int, tuple[dict[str, str], list[bytes]]] = {}
        self._whole: set[int] = set()
        if greet:
            self.send(frames.PREFACE + frames.settings(settings or {}))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *content: bytes) -> None:
        self.socket.sendall(b"".join(content))

    def frame(self, kind: int, flags: int, stream: int, payload: bytes = b"") -> Self:
        self.send(frames.frame(kind, flags, stream, payload))
        return self

    def block(self, fields: list[tuple[str, str]]) -> bytes:
        found: bytes = self.encoder.encode(fields)
        return found

    def headers(
        self, stream: int, fields: list[tuple[str, str]] | None = None, flags: int = frames.END_HEADERS
    ) -> Self:
        return self.frame(frames.HEADERS, flags, stream, self.block(head() if fields is None else fields))

    def data(self, stream: int, content: bytes, flags: int = frames.END_STREAM) -> Self:
        return self.frame(frames.DATA, flags, stream, content)

    def call(self, stream: int, content: bytes = b"abc", method: str = "Echo") -> Self:
        """A whole call."""
        return self.headers(stream, head(method)).data(stream, message(content))

    def read(self) -> Frame | None:
        """The next frame; None at the end of the connection."""
        try:
            while len(self._rest) < 9 or len(self._rest) < 9 + self._length:
                content = self.socket.recv(1 << 16)
                if not content:
                    return None
                self._rest += content
        except ConnectionError:
            return None
        end = 9 + self._length
        _, _, kind, flags, stream = frames.HEAD.unpack_from(self._rest)
        payload, self._rest = self._rest[9:end], self._rest[end:]
        return Frame(kind, flags, stream & frames.ID, payload)

    @property
    def _length(self) -> int:
        return int.from_bytes(self._rest[:3])

    def _keep(self, frame: Frame) -> None:
        """Puts a frame to the answer of its stream."""
        if frame.kind not in (frames.HEADERS, frames.DATA):
            return
        fields, body = self._answers.setdefault(frame.stream, ({}, []))
        if frame.kind == frames.DATA:
            body.append(frame.payload)
        else:
            fields.update((str(name), str(value)) for name, value in self.decoder.decode(frame.payload))
        if frame.flags & frames.END_STREAM:
            self._whole.add(frame.stream)

    def wait_for(self, kind: int, stream: int | None = None) -> Frame:
        """The next frame of its kind; answers that come before it are kept. No windows are updated."""
        while True:
            found = self.read()
            assert found is not None, f"the connection ended before a frame of kind {kind}"
            self._keep(found)
            if found.kind == kind and stream in (None, found.stream):
                return found
            assert found.kind != frames.GOAWAY, found

    def wait_for_goaway(self) -> int:
        """The last stream that the next GOAWAY names."""
        while True:
            found = self.read()
            assert found is not None, "the connection ended before a GOAWAY"
            if found.kind == frames.GOAWAY:
                return int.from_bytes(found.payload[:4])
            self._keep(found)

    @property
    def answered(self) -> set[int]:
        """The streams of which anything has come."""
        return set(self._answers)

    def ended(self) -> tuple[int, str]:
        """The code and the text of the GOAWAY with which the server ends the connection at once."""
        found = None
        while (frame := self.read()) is not None:
            if frame.kind == frames.GOAWAY:
                found = struct.unpack_from(">L", frame.payload, 4)[0], frame.payload[8:].decode()
        assert found is not None, "the connection ended without a word"
        return found

    def reset(self, stream: int) -> int:
        """The code with which the server resets a stream."""
        return int.from_bytes(self.wait_for(frames.RST_STREAM, stream).payload)

    def alive(self) -> None:
        """The server answers on this connection."""
        self.frame(frames.PING, 0, 0, b"12345678")
        while self.wait_for(frames.PING).payload != b"12345678":
            pass

    def answer(self, stream: int) -> tuple[dict[str, str], bytes]:
        """The header fields of an answer, all together, and the bytes of its messages."""
        while stream not in self._whole:
            found = self.read()
            assert found is not None, "the connection ended before the answer"
            assert found.kind != frames.GOAWAY, found
            assert (found.kind, found.stream) != (frames.RST_STREAM, stream), found
            self._keep(found)
        fields, body = self._answers[stream]
        return fields, b"".join(body)

    def status(self, stream: int) -> int:
        """The gRPC status of an answer."""
        return int(self.answer(stream)[0]["grpc-status"])
