"""Random frames, and valid ones that are changed: no error reaches the loop, and the server keeps serving."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import hpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from noria.serving.http2 import frames
from noria.serving.http2.connection import Connection
from noria.serving.http2.options import Options
from noria.serving.http2.server import GrpcServer
from noria.serving.rpc import service
from serving.http2.running import LOOPS, NAME, Service, head, message

_METHODS = ("Echo", "Slow", "Failing", "Big", "Both", "Many", "Deaf", "Other")
_ids = st.sampled_from([0, 1, 1, 1, 2, 3, 3, 5, 7, 1 << 31, frames.ID])
_long = st.sampled_from([0, 1, 5, 70_000, frames.MAX_WINDOW, 1 << 31]).map(lambda number: struct.pack(">L", number))
_contents = st.sampled_from(
    [b"", message(b"abc"), message(b"abc")[:4], message(b"10 10000"), message(b"a", 1), message(b"a") * 20, b"\2aaaaa"]
)
_fields = st.one_of(
    st.sampled_from(_METHODS).map(head),
    st.sampled_from(_METHODS).map(lambda name: head(name, grpc_timeout="1m", grpc_encoding="gzip")),
    st.just([("a", "b")]),
)
_Frame = tuple[int, int, int, bytes]


def _headers(part: tuple[int, int, list[tuple[str, str]]]) -> _Frame:
    id, flags, fields = part
    return frames.HEADERS, flags, id, hpack.Encoder().encode(fields)


_settings = st.dictionaries(st.integers(1, 8), st.sampled_from([0, 1, 16384, 65535, 1 << 30, 1 << 31]), max_size=3)
_frames: st.SearchStrategy[_Frame] = st.one_of(
    st.tuples(_ids, st.sampled_from([4, 4, 4, 5, 0]), _fields).map(_headers),
    st.tuples(st.just(frames.DATA), st.sampled_from([0, 0, 1, 1, 8]), _ids, _contents),
    st.tuples(st.just(frames.RST_STREAM), st.just(0), _ids, _long),
    st.tuples(st.just(frames.WINDOW_UPDATE), st.just(0), _ids, _long),
    _settings.map(lambda values: (frames.SETTINGS, 0, 0, frames.settings(values)[9:])),
    st.tuples(st.just(frames.PING), st.sampled_from([0, 1]), st.just(0), st.sampled_from([bytes(8), b"goodbye?"])),
    st.tuples(st.just(frames.CONTINUATION), st.sampled_from([0, 4]), _ids, st.just(b"")),
    st.just((frames.GOAWAY, 0, 0, bytes(8))),
    st.tuples(st.integers(0, 12), st.integers(0, 255), _ids, st.binary(max_size=12)),
)


class Transport(asyncio.Transport):
    """What the connection writes to: nothing is sent, and the client stops reading now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = self.eof = False
        self.writes = 0
        self.connection: Any = None
        self.paused = False

    def is_closing(self) -> bool:
        return self.closed

    def write(self, data: Any) -> None:
        assert not self.closed
        assert not self.eof
        self.writes += 1
        if self.writes % 5 == 0 and not self.paused:
            self.paused = True
            self.connection.pause_writing()

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def read_on(self) -> None:
        if self.paused:
            self.paused = False
            self.connection.resume_writing()

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


async def _feed(content: bytes, cuts: list[int], options: Options) -> None:
    """One connection that reads ``content`` in parts, then is drained and lost."""
    errors: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: errors.append(context))
    server = GrpcServer(service(NAME, Service().methods()), options)
    connection = Connection(server)
    transport = Transport()
    transport.connection = connection
    connection.connection_made(transport)
    at = 0
    for cut in [*cuts, len(content)]:
        part, at = content[at : at + cut], at + cut
        if part and not transport.closed:
            connection.data_received(part)
            await asyncio.sleep(0)
            transport.read_on()
    for step in (connection.leave, connection.leave_now):
        if not transport.closed:
            step()
            await asyncio.sleep(0)
            transport.read_on()
            transport.read_on()
    assert connection.ended or connection._window <= frames.MAX_WINDOW
    streams = list(connection.streams.values())
    connection.connection_lost(None)
    for _ in range(5):
        await asyncio.sleep(0)
    assert not connection.streams
    assert not connection._blocked
    assert not [stream for stream in streams if stream.task is not None and not stream.task.done()]
    assert len(asyncio.all_tasks()) == 1
    assert not errors, errors


@pytest.mark.parametrize("loop", list(LOOPS))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    parts=st.lists(_frames, max_size=14),
    changes=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=2),
    cuts=st.lists(st.integers(1, 200), max_size=4),
    greet=st.integers(0, 19),
    options=st.sampled_from([Options(), Options(max_streams=2, max_receive_bytes=8, max_send_bytes=1000)]),
)
def test_any_frames(
    loop: str, parts: list[_Frame], changes: list[tuple[int, int]], cuts: list[int], greet: int, options: Options
) -> None:
    content = bytearray((frames.PREFACE + frames.settings({})) if greet else b"")
    for kind, flags, id, payload in parts:
        content += frames.HEAD.pack(0, len(payload), kind, flags, id) + payload
    for at, value in changes:
        if at + 33 < len(content):
            content[at + 33] = value
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(_feed(bytes(content), cuts, options))
