"""What RFC 9113 asks of a server: frame by frame over a raw socket, and by another implementation as the client."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator

import h2.config
import h2.connection
import h2.events
import pytest

from noria.serving.http2 import connection, frames
from noria.serving.http2.options import Options
from serving.http2.running import Frame, Raw, Running, head, message, running, until

END = frames.END_STREAM
HEADS = frames.END_HEADERS


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with running() as found:
        yield found


@pytest.fixture
def raw(server: Running) -> Iterator[Raw]:
    with Raw(server) as found:
        yield found
    assert not server.errors


def long(number: int) -> bytes:
    return struct.pack(">L", number)


# ---- the beginning


def test_the_server_begins_with_settings(raw: Raw) -> None:
    found = raw.read()
    assert found is not None
    assert found[:3] == (frames.SETTINGS, 0, 0)
    settings = dict(frames.read_settings(found.payload))
    assert settings[frames.MAX_CONCURRENT_STREAMS] == 1024
    assert settings[frames.MAX_HEADER_LIST_SIZE] == 16384
    assert raw.read() == Frame(frames.WINDOW_UPDATE, 0, 0, long((16 << 20) - 65535))
    assert raw.read() == Frame(frames.SETTINGS, frames.ACK, 0, b"")


def test_byte_by_byte(server: Running) -> None:
    with Raw(server, greet=False) as raw:
        block = raw.block(head())
        whole = frames.PREFACE + frames.settings({}) + frames.frame(frames.HEADERS, HEADS, 1, block)
        for byte in whole + frames.frame(frames.DATA, END, 1, message(b"abc")):
            raw.send(bytes((byte,)))
        fields, body = raw.answer(1)
        assert (fields["grpc-status"], body) == ("0", message(b"abc"))


def test_all_in_one_write(server: Running) -> None:
    with Raw(server, greet=False) as raw:
        calls = b"".join(
            frames.frame(frames.HEADERS, HEADS, id, raw.block(head()))
            + frames.frame(frames.DATA, END, id, message(b"a"))
            for id in range(1, 200, 2)
        )
        raw.send(frames.PREFACE + frames.settings({}) + calls)
        for id in range(1, 200, 2):
            assert raw.status(id) == 0


@pytest.mark.parametrize("preface", [b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n", b"\0" * 24])
def test_a_wrong_preface(server: Running, preface: bytes) -> None:
    with server.connect() as raw:
        raw.sendall(preface)
        while raw.recv(1000):
            pass


def test_an_http1_client_is_told(server: Running) -> None:
    with server.connect() as raw:
        raw.sendall(b"GET /v1/models/a HTTP/1.1\r\nHost: x\r\n\r\n")
        found = b""
        while part := raw.recv(1000):
            found += part
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"--rest_api_port" in found


@pytest.mark.parametrize(
    "first",
    [
        frames.frame(frames.PING, 0, 0, bytes(8)),
        frames.frame(frames.HEADERS, HEADS | END, 1, b"\x82"),
        frames.frame(frames.DATA, END, 1, b""),
        frames.SETTINGS_ACK,
    ],
)
def test_settings_come_first(server: Running, first: bytes) -> None:
    with Raw(server, greet=False) as raw:
        raw.send(frames.PREFACE + first)
        assert raw.ended()[0] == frames.PROTOCOL_ERROR


# ---- faults that end the connection

_ENDING: dict[str, tuple[Callable[[Raw], object], int]] = {
    "data on stream 0": (lambda raw: raw.data(0, b"abc"), frames.PROTOCOL_ERROR),
    "data on an idle stream": (lambda raw: raw.data(1, b"abc"), frames.PROTOCOL_ERROR),
    "data on an even stream": (lambda raw: raw.data(2, b"abc"), frames.PROTOCOL_ERROR),
    "headers on stream 0": (lambda raw: raw.headers(0), frames.PROTOCOL_ERROR),
    "headers on an even stream": (lambda raw: raw.headers(2), frames.PROTOCOL_ERROR),
    "a lower stream": (lambda raw: raw.headers(5).headers(3), frames.PROTOCOL_ERROR),
    "reset of stream 0": (lambda raw: raw.frame(frames.RST_STREAM, 0, 0, long(8)), frames.PROTOCOL_ERROR),
    "reset of an idle stream": (lambda raw: raw.frame(frames.RST_STREAM, 0, 1, long(8)), frames.PROTOCOL_ERROR),
    "reset of 3 bytes": (
        lambda raw: raw.headers(1).frame(frames.RST_STREAM, 0, 1, b"\0\0\1"),
        frames.FRAME_SIZE_ERROR,
    ),
    "window of an idle stream": (lambda raw: raw.frame(frames.WINDOW_UPDATE, 0, 1, long(8)), frames.PROTOCOL_ERROR),
    "window of 3 bytes": (lambda raw: raw.frame(frames.WINDOW_UPDATE, 0, 0, b"\0\0\1"), frames.FRAME_SIZE_ERROR),
    "no window": (lambda raw: raw.frame(frames.WINDOW_UPDATE, 0, 0, long(0)), frames.PROTOCOL_ERROR),
    "too much window": (
        lambda raw: raw.frame(frames.WINDOW_UPDATE, 0, 0, long(frames.MAX_WINDOW)),
        frames.FLOW_CONTROL_ERROR,
    ),
    "ping on a stream": (lambda raw: raw.frame(frames.PING, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
    "ping of 7 bytes": (lambda raw: raw.frame(frames.PING, 0, 0, bytes(7)), frames.FRAME_SIZE_ERROR),
    "priority of stream 0": (lambda raw: raw.frame(frames.PRIORITY, 0, 0, bytes(5)), frames.PROTOCOL_ERROR),
    "priority of 4 bytes": (lambda raw: raw.frame(frames.PRIORITY, 0, 1, bytes(4)), frames.FRAME_SIZE_ERROR),
    "priority of itself": (lambda raw: raw.frame(frames.PRIORITY, 0, 1, long(1) + b"\0"), frames.PROTOCOL_ERROR),
    "head that depends on itself": (
        lambda raw: raw.frame(frames.HEADERS, HEADS | frames.PRIORITISED, 1, long(1) + b"\0" + raw.block(head())),
        frames.PROTOCOL_ERROR,
    ),
    "settings on a stream": (lambda raw: raw.frame(frames.SETTINGS, 0, 1), frames.PROTOCOL_ERROR),
    "settings of 5 bytes": (lambda raw: raw.frame(frames.SETTINGS, 0, 0, bytes(5)), frames.FRAME_SIZE_ERROR),
    "acknowledgement with settings": (
        lambda raw: raw.frame(frames.SETTINGS, frames.ACK, 0, bytes(6)),
        frames.FRAME_SIZE_ERROR,
    ),
    "window setting": (lambda raw: raw.send(frames.settings({4: 1 << 31})), frames.FLOW_CONTROL_ERROR),
    "small frames setting": (lambda raw: raw.send(frames.settings({5: 16383})), frames.PROTOCOL_ERROR),
    "large frames setting": (lambda raw: raw.send(frames.settings({5: 1 << 24})), frames.PROTOCOL_ERROR),
    "push setting": (lambda raw: raw.send(frames.settings({2: 2})), frames.PROTOCOL_ERROR),
    "push": (lambda raw: raw.frame(frames.PUSH_PROMISE, HEADS, 1, long(2)), frames.PROTOCOL_ERROR),
    "goaway on a stream": (lambda raw: raw.frame(frames.GOAWAY, 0, 1, bytes(8)), frames.PROTOCOL_ERROR),
    "continuation alone": (lambda raw: raw.frame(frames.CONTINUATION, HEADS, 1, b"\x82"), frames.PROTOCOL_ERROR),
    "continuation of another": (
        lambda raw: raw.headers(1, flags=0).frame(frames.CONTINUATION, HEADS, 3, b""),
        frames.PROTOCOL_ERROR,
    ),
    "continuation too late": (
        lambda raw: raw.headers(1).frame(frames.CONTINUATION, HEADS, 1, b""),
        frames.PROTOCOL_ERROR,
    ),
    "ping within a head": (
        lambda raw: raw.headers(1, flags=0).frame(frames.PING, 0, 0, bytes(8)),
        frames.PROTOCOL_ERROR,
    ),
    "unknown frame within a head": (
        lambda raw: raw.headers(1, flags=0).frame(99, 0, 0, b"a"),
        frames.PROTOCOL_ERROR,
    ),
    "padding of all the data": (
        lambda raw: raw.headers(1).data(1, b"\3abc"[:3], frames.PADDED),
        frames.PROTOCOL_ERROR,
    ),
    "padding without data": (lambda raw: raw.headers(1).data(1, b"", frames.PADDED), frames.PROTOCOL_ERROR),
    "padding of all the head": (
        lambda raw: raw.frame(frames.HEADERS, HEADS | frames.PADDED, 1, b"\3\x82"),
        frames.PROTOCOL_ERROR,
    ),
    "padding without a head": (
        lambda raw: raw.frame(frames.HEADERS, HEADS | frames.PADDED, 1),
        frames.FRAME_SIZE_ERROR,
    ),
    "a head shorter than its priority": (
        lambda raw: raw.frame(frames.HEADERS, HEADS | frames.PRIORITISED, 1, b"\0\0\0"),
        frames.PROTOCOL_ERROR,
    ),
    "a frame that is too large": (lambda raw: raw.send(b"\1\0\1\0\0\0\0\0\1"), frames.FRAME_SIZE_ERROR),
    "a large frame of control": (lambda raw: raw.send(b"\xff\xff\xff\6\0\0\0\0\0"), frames.FRAME_SIZE_ERROR),
    "a field beyond the table": (lambda raw: raw.frame(frames.HEADERS, HEADS, 1, b"\xfe"), frames.COMPRESSION_ERROR),
    "trailers beyond the table": (
        lambda raw: raw.headers(1).frame(frames.HEADERS, HEADS | END, 1, b"\xfe"),
        frames.COMPRESSION_ERROR,
    ),
}


@pytest.mark.parametrize("case", _ENDING)
def test_ends_the_connection(raw: Raw, case: str) -> None:
    fault, code = _ENDING[case]
    fault(raw)
    found, text = raw.ended()
    assert (found, bool(text)) == (code, True)


def test_a_head_of_a_stream_that_is_over(raw: Raw) -> None:
    raw.call(1)
    assert raw.status(1) == 0
    raw.headers(1)
    assert raw.ended()[0] == frames.STREAM_CLOSED


def test_calls_under_way_are_stopped_by_a_fault(server: Running) -> None:
    before = server.seen.cancelled
    with Raw(server) as raw:
        raw.call(1, method="Endless")
        raw.alive()
        raw.data(0, b"")
        assert raw.ended()[0] == frames.PROTOCOL_ERROR
        until(lambda: server.seen.cancelled == before + 1)


# ---- faults that end a stream

_RESETTING: dict[str, tuple[Callable[[Raw], object], int]] = {
    "no window": (
        lambda raw: raw.headers(1).frame(frames.WINDOW_UPDATE, 0, 1, long(0)),
        frames.PROTOCOL_ERROR,
    ),
    "too much window": (
        lambda raw: raw.headers(1).frame(frames.WINDOW_UPDATE, 0, 1, long(frames.MAX_WINDOW)),
        frames.FLOW_CONTROL_ERROR,
    ),
    "data after the end": (
        lambda raw: raw.call(1, method="Endless").data(1, b"abc"),
        frames.STREAM_CLOSED,
    ),
    "a head after the end": (
        lambda raw: raw.call(1, method="Endless").headers(1, [("a", "b")], HEADS | END),
        frames.STREAM_CLOSED,
    ),
    "data of a stream that was reset": (
        lambda raw: raw.headers(1).frame(frames.RST_STREAM, 0, 1, long(8)).data(1, b"abc"),
        frames.STREAM_CLOSED,
    ),
    "a second head": (lambda raw: raw.headers(1).headers(1), frames.PROTOCOL_ERROR),
    "trailers that do not end": (
        lambda raw: raw.headers(1).headers(1, [("a", "b")]),
        frames.PROTOCOL_ERROR,
    ),
    "pseudo-fields as trailers": (
        lambda raw: raw.headers(1).headers(1, [(":path", "/")], HEADS | END),
        frames.PROTOCOL_ERROR,
    ),
    "more than content-length": (
        lambda raw: raw.headers(1, head(content_length="3")).data(1, message(b"abc")),
        frames.PROTOCOL_ERROR,
    ),
    "less than content-length": (
        lambda raw: raw.headers(1, head(content_length="9")).data(1, message(b"abc")),
        frames.PROTOCOL_ERROR,
    ),
    "content-length of nothing": (
        lambda raw: raw.headers(1, head(content_length="9"), HEADS | END),
        frames.PROTOCOL_ERROR,
    ),
    "parts of another content-length": (
        lambda raw: (
            raw.headers(1, head(content_length="9")).data(1, message(b"abc")[:4], 0).data(1, message(b"abc")[4:])
        ),
        frames.PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("case", _RESETTING)
def test_ends_the_stream(raw: Raw, case: str) -> None:
    fault, code = _RESETTING[case]
    fault(raw)
    assert raw.reset(1) == code
    raw.call(3)
    assert raw.status(3) == 0


@pytest.mark.parametrize(
    "fields",
    [
        [*head(), ("Upper", "a")],
        [*head(), ("with space", "a")],
        [*head(), ("", "a")],
        [*head(), ("a", "line\nbreak")],
        [*head(), ("a", "nul\0")],
        [*head(), ("connection", "keep-alive")],
        [*head(), ("transfer-encoding", "chunked")],
        [*head(), ("upgrade", "h2c")],
        [*head(), (":path", "/")],
        [*head()[:3], *head()[4:], (":authority", "x")],
        [("te", "trailers"), *head(te=None)],
        [*head(), (":status", "200")],
        [*head(), (":unknown", "200")],
        head(te="gzip"),
        head(path=None),
        head(path=""),
        head()[1:],
        head(scheme=None),
        head(content_length="-3"),
        head(content_length="abc"),
    ],
)
def test_heads_that_are_no_request(raw: Raw, fields: list[tuple[str, str]]) -> None:
    raw.headers(1, fields)
    raw.data(1, message(b"abc"))
    assert raw.reset(1) == frames.PROTOCOL_ERROR
    raw.call(3)
    assert raw.status(3) == 0


# ---- what is to be let pass


def test_frames_without_meaning(raw: Raw) -> None:
    raw.frame(99, 0xFF, 0, b"abc")
    raw.frame(99, 0xFF, 77, b"abc")
    raw.frame(frames.PRIORITY, 0xFF, 9, long(3) + b"\0")
    raw.send(frames.settings({0x99: 5, frames.ENABLE_PUSH: 0, frames.MAX_CONCURRENT_STREAMS: 0}))
    raw.frame(frames.PING, frames.ACK, 0, b"nobodys!")
    raw.frame(frames.PING, 0xFE, 0, b"12345678")
    assert raw.wait_for(frames.PING) == Frame(frames.PING, frames.ACK, 0, b"12345678")
    raw.send(frames.HEAD.pack(0, 8, frames.PING, 0, 1 << 31) + bytes(8))  # the reserved bit
    assert raw.wait_for(frames.PING).payload == bytes(8)
    raw.headers(1, flags=HEADS | 0xD2 & ~frames.PRIORITISED)
    raw.data(1, message(b"abc"), END | 0xF6 & ~frames.PADDED)
    assert raw.status(1) == 0


def test_late_frames_of_a_stream_that_is_over(raw: Raw) -> None:
    raw.headers(1, head("Other"))  # answered before its data
    assert raw.status(1) == 12
    assert raw.reset(1) == frames.NO_ERROR
    raw.data(1, message(b"abc"))
    raw.frame(frames.WINDOW_UPDATE, 0, 1, long(5))
    raw.frame(frames.RST_STREAM, 0, 1, long(8))
    raw.frame(frames.PRIORITY, 0, 1, long(3) + b"\0")
    raw.call(3)
    assert raw.status(3) == 0


@pytest.mark.parametrize("padding", [0, 1, 255])
def test_padding_and_priority(raw: Raw, padding: int) -> None:
    pad, flag = bytes(padding), frames.PADDED
    block = bytes((padding,)) + long(0) + b"\x10" + raw.block(head()) + pad
    raw.frame(frames.HEADERS, HEADS | flag | frames.PRIORITISED, 1, block)
    raw.data(1, bytes((padding,)) + message(b"abc")[:6] + pad, flag)
    raw.data(1, bytes((padding,)) + pad, flag)
    raw.data(1, bytes((padding,)) + message(b"abc")[6:] + pad, END | flag)
    assert raw.answer(1)[1] == message(b"abc")
    raw.headers(3)
    raw.data(3, bytes((padding,)) + message(b"abc") + pad, END | flag)
    assert raw.answer(3)[1] == message(b"abc")


def test_a_head_in_parts(raw: Raw) -> None:
    block = raw.block([*head(), ("a", "x" * 300)])
    raw.frame(frames.HEADERS, 0, 1, block[:1])
    for index in range(1, len(block)):
        raw.frame(frames.CONTINUATION, 0, 1, block[index : index + 1])
    raw.frame(frames.CONTINUATION, HEADS, 1)
    raw.data(1, message(b"abc"))
    assert raw.status(1) == 0


def test_trailers_end_a_call(raw: Raw) -> None:
    raw.headers(1)
    raw.data(1, message(b"abc"), 0)
    raw.headers(1, [("a", "b")], HEADS | END)
    assert raw.status(1) == 0


def test_an_empty_frame_ends_a_call(raw: Raw, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_CALM", 100)  # of empty frames that end nothing
    for id in range(1, 602, 2):
        raw.headers(id)
        raw.data(id, message(b""), 0)
        raw.data(id, b"")
        if id % 100 == 1:
            assert raw.status(id) == 0
    assert raw.status(601) == 0


def test_the_header_table_stays_in_step(raw: Raw) -> None:
    """Heads that are refused, dropped or cut change it too."""
    raw.headers(1, [*head(), ("a", "1"), ("Upper", "2")])
    raw.headers(3, [*head("Other"), ("b", "3")])
    raw.headers(5, [*head(), *((f"c{index}", "4" * 3000) for index in range(10))])
    raw.headers(5, [("d", "5")], HEADS | END)
    for id in range(7, 27, 2):
        raw.encoder.header_table_size = 4096 if id % 4 == 1 else 100
        raw.headers(id, [*head(), ("a", "1"), ("b", "3"), ("d", "5")])
        raw.data(id, message(b"abc"))
    for id in range(7, 27, 2):
        assert raw.status(id) == 0


# ---- windows


def test_a_window_of_one_byte(server: Running) -> None:
    with Raw(server, settings={frames.INITIAL_WINDOW_SIZE: 1}) as raw:
        for id, method in ((1, "Echo"), (3, "Both")):
            raw.call(id, b"abc", method)
            expected = message(b"abc") * (1 if method == "Echo" else 2)
            found = b""
            while len(found) < len(expected):
                frame = raw.wait_for(frames.DATA, id)
                assert len(frame.payload) == 1
                found += frame.payload
                raw.alive()  # and nothing more before there is room
                raw.frame(frames.WINDOW_UPDATE, 0, id, long(1))
            assert found == expected
            assert raw.status(id) == 0


def _took(raw: Raw, ids: tuple[int, ...]) -> dict[int, int]:
    """Bytes of answers that come of themselves."""
    found = dict.fromkeys(ids, 0)
    raw.frame(frames.PING, 0, 0, b"the end!")
    while True:
        frame = raw.read()
        assert frame is not None
        if frame.kind == frames.DATA:
            found[frame.stream] += len(frame.payload)
            assert len(frame.payload) <= frames.MIN_MAX_FRAME
        elif frame.kind == frames.PING and frame.payload == b"the end!":
            return found


@pytest.mark.parametrize(("method", "request_"), [("Big", b"1000000"), ("Many", b"10 100000")])
def test_never_a_byte_more_than_the_windows(server: Running, method: str, request_: bytes) -> None:
    with Raw(server) as raw:
        ids = (1, 3, 5)
        for id in ids:
            raw.call(id, request_, method)
        total = dict.fromkeys(ids, 0)
        while sum(total.values()) < 65535:  # the methods take their time
            more = _took(raw, ids)
            total = {id: total[id] + more[id] for id in ids}
        time.sleep(0.02)
        assert not any(_took(raw, ids).values())
        assert sum(total.values()) == 65535
        raw.frame(frames.WINDOW_UPDATE, 0, 0, long(200_000))
        more = _took(raw, ids)
        total = {id: total[id] + more[id] for id in ids}
        assert sum(more.values()) <= 200_000
        assert max(total.values()) == 65535
        assert sum(total.values()) == 3 * 65535  # each has its own window full
        raw.send(frames.settings({frames.INITIAL_WINDOW_SIZE: 1000}))  # now below zero
        raw.frame(frames.WINDOW_UPDATE, 0, 1, long(64535))
        assert not any(_took(raw, ids).values())
        raw.frame(frames.WINDOW_UPDATE, 0, 1, long(10))
        assert _took(raw, ids) == {1: 10, 3: 0, 5: 0}
        raw.send(frames.settings({frames.INITIAL_WINDOW_SIZE: 1010}))
        assert _took(raw, ids) == {1: 10, 3: 0, 5: 0}
        raw.frame(frames.RST_STREAM, 0, 1, long(8))
        raw.send(frames.settings({frames.INITIAL_WINDOW_SIZE: frames.MAX_WINDOW}))
        raw.frame(frames.WINDOW_UPDATE, 0, 0, long(10_000_000))
        sizes = dict.fromkeys(ids, 0)
        ended: set[int] = set()
        while len(ended) < 2:
            frame = raw.read()
            assert frame is not None
            if frame.kind == frames.DATA:
                sizes[frame.stream] += len(frame.payload)
            elif frame.kind == frames.HEADERS and frame.flags & END:
                ended.add(frame.stream)
        whole = 1_000_005 if method == "Big" else 1_000_050
        assert sizes == {1: 0, 3: whole - 65535, 5: whole - 65535}


def test_window_settings_beyond_the_largest(raw: Raw) -> None:
    raw.call(1, method="Endless")
    raw.frame(frames.WINDOW_UPDATE, 0, 1, long(1000))
    raw.send(frames.settings({frames.INITIAL_WINDOW_SIZE: frames.MAX_WINDOW}))
    assert raw.ended()[0] == frames.FLOW_CONTROL_ERROR


def test_a_client_that_sends_more_than_it_may(server: Running) -> None:
    with Raw(server) as raw:
        raw.headers(1, head("Deaf"))
        raw.alive()
        part = bytes(32768)
        raw.data(1, message(bytes(1 << 24))[:5] + part[5:], 0)
        for _ in range((4 << 20) // 32768):
            raw.data(1, part, 0)
        raw.alive()  # a message in parts is given room
    with Raw(server) as raw:
        raw.headers(1, head("Deaf"))
        many = message(b"ab") * 4096
        for _ in range((4 << 20) // len(many) + 1):  # messages that nobody takes are not
            raw.data(1, many, 0)
        assert raw.reset(1) == frames.FLOW_CONTROL_ERROR
        raw.alive()


def test_frames_as_large_as_the_client_takes(server: Running) -> None:
    with Raw(server, settings={frames.MAX_FRAME_SIZE: 20_000, frames.INITIAL_WINDOW_SIZE: 1 << 30}) as raw:
        raw.frame(frames.WINDOW_UPDATE, 0, 0, long(1 << 30))
        raw.call(1, b"1000000", "Big")
        size = 0
        while size < 1_000_005:
            frame = raw.wait_for(frames.DATA, 1)
            assert len(frame.payload) <= 20_000
            size += len(frame.payload)
        assert raw.status(1) == 0


# ---- calls


def test_too_many_streams() -> None:
    with running(Options(max_streams=2)) as server, Raw(server) as raw:
        for id in (1, 3, 5):
            raw.call(id, method="Held")
        assert raw.reset(5) == frames.REFUSED_STREAM
        server.call(server.seen.go.set)
        assert raw.status(1) == 0
        raw.call(7)
        assert raw.status(7) == 0


@pytest.mark.parametrize(
    ("fields", "content", "status"),
    [
        (head(), b"", 12),  # no message
        (head(), message(b"abc")[:4], 13),  # half of one
        (head(), message(b"abc")[:6], 13),
        (head(), message(b"abc") * 2, 12),  # two
        (head(), message(b"abc") + b"\0", 12),
        (head(), message(b"abc", 1), 13),  # packed, and nobody says how
        (head(), message(b"abc", 2), 13),
        (head(grpc_encoding="snappy"), message(b"abc", 1), 12),
        (head(grpc_encoding="snappy"), message(b"abc"), 0),
        (head(grpc_encoding="gzip"), message(b"abc", 1), 13),
        (head(grpc_timeout="5"), message(b"abc"), 13),
        (head(grpc_timeout="123456789S"), message(b"abc"), 13),
        (head(grpc_timeout="99999999H"), message(b"abc"), 0),
        (head(path="/a.B/C"), message(b"abc"), 12),
        (head("Both"), message(b"abc")[:6], 13),
        (head("Both"), b"", 0),
        (head(content_type="application/grpc+proto"), message(b"abc"), 0),
        (head(content_type="application/grpc;a=b"), message(b"abc"), 0),
        (head(content_length="8"), message(b"abc"), 0),
    ],
)
@pytest.mark.parametrize("parts", [1, 2])
def test_calls_in_and_out_of_order(
    raw: Raw, fields: list[tuple[str, str]], content: bytes, status: int, parts: int
) -> None:
    raw.headers(1, fields)
    if parts == 2:
        raw.data(1, content[:3], 0)
        raw.data(1, content[3:], 0)
        raw.data(1, b"")
    else:
        raw.data(1, content)
    assert raw.status(1) == status
    raw.call(3)
    assert raw.status(3) == 0


def test_a_head_that_ends_a_call_of_one_message(raw: Raw) -> None:
    raw.headers(1, flags=HEADS | END)
    assert raw.status(1) == 12


def test_a_second_message_is_not_waited_for(raw: Raw) -> None:
    raw.headers(1)
    raw.data(1, message(b"abc") * 2, 0)
    assert raw.status(1) == 12


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (head(content_type="application/json"), "415"),
        (head(content_type="application/grpc-web"), "415"),
        (head(content_type=None), "415"),
        ([(":method", "GET"), *head()[1:]], "405"),
    ],
)
def test_requests_that_are_no_grpc(raw: Raw, fields: list[tuple[str, str]], status: str) -> None:
    raw.headers(1, fields)
    assert raw.answer(1)[0][":status"] == status
    raw.call(3)
    assert raw.status(3) == 0


def test_a_client_that_leaves_is_answered_first(raw: Raw) -> None:
    raw.call(1, method="Slow")
    raw.frame(frames.GOAWAY, 0, 0, long(0) + long(0))
    assert raw.status(1) == 0
    while raw.read() is not None:
        pass


class Judge:
    """The other implementation: it raises at what a server may not send."""

    def __init__(self, raw: Raw) -> None:
        self.raw = raw
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration())
        self.h2.initiate_connection()
        self.events: list[h2.events.Event] = []

    def turn(self) -> bytes:
        """Sends what is to be sent and reads; windows are opened at once. The bytes of answers that came."""
        self.raw.send(self.h2.data_to_send())
        found = b""
        for event in self.h2.receive_data(self.raw.socket.recv(1 << 16)):
            self.events.append(event)
            if isinstance(event, h2.events.DataReceived):
                found += event.data
                if event.flow_controlled_length:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        return found

    def ended(self, stream: int) -> bool:
        return any(isinstance(each, h2.events.StreamEnded) and each.stream_id == stream for each in self.events)


@pytest.mark.parametrize(("method", "size"), [("Echo", 3), ("Slow", 100_000), ("Both", 300_000), ("Failing", 4)])
def test_judged_by_another_implementation(server: Running, method: str, size: int) -> None:
    with Raw(server, greet=False) as raw:
        judge = Judge(raw)
        for id in (1, 3):
            judge.h2.send_headers(id, [*head(method), ("x-bin", "AAE")])
            rest, found = message(bytes(size)), b""
            while rest:
                room = min(judge.h2.local_flow_control_window(id), judge.h2.max_outbound_frame_size, len(rest))
                if room:
                    judge.h2.send_data(id, rest[:room], end_stream=room == len(rest))
                    rest = rest[room:]
                else:
                    found += judge.turn()
            while not judge.ended(id):
                found += judge.turn()
            times = {"Both": 2, "Failing": 0}.get(method, 1)
            assert found == message(bytes(size)) * times
        statuses = [
            dict(each.headers)[b"grpc-status"] for each in judge.events if isinstance(each, h2.events.TrailersReceived)
        ]
        if method != "Failing":
            assert statuses == [b"0", b"0"]
