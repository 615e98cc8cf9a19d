"""One HTTP/2 connection of gRPC calls: bytes to frames to calls, answers back to frames.

As in ``http1``, a call whose method takes no waiting is answered within the turn of the loop that brought its bytes: no
task, one write for all answers of the turn. An answer that fits the windows is one piece of bytes; only one that does
not is kept as a queue.

Bounded, as untrusted: frames, heads and messages in size; streams at a time; what is kept for a client that does not
read (nothing new is read from it meanwhile); resets and other control frames that cost the client nothing.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, Final

from noria.errors import (
    CancelledError,
    DeadlineExceededError,
    InternalError,
    ResourceExhaustedError,
    TFError,
    UnimplementedError,
)
from noria.serving.eager import start
from noria.serving.http2 import frames, wire
from noria.serving.http2.frames import FrameError
from noria.serving.http2.hpack import Decoder, HeadersTooLongError, HpackError
from noria.serving.http2.stream import Stream
from noria.serving.http2.wire import Head, Incoming
from noria.serving.rpc import Call, Unary
from noria.serving.rpc import Stream as StreamMethod

if TYPE_CHECKING:
    from noria.serving.http2.server import GrpcServer

_LOG = logging.getLogger(__name__)

MAX_FRAME: Final = 64 << 10  # that a client may send
_STREAM_WINDOW: Final = 4 << 20
_WINDOW: Final = 16 << 20
_MAX_HEAD_BLOCK: Final = 64 << 10  # bytes of a head before it is decoded
_MAX_HEADS: Final = 64  # heads that are known by their bytes
_VIEWED: Final = 4096  # bytes of a frame from which it is not copied out of what was read
_QUEUED: Final = 256 << 10  # bytes of a stream's answers that may wait before its method does
_COPIED: Final = 64 << 10  # pieces up to this size in all are joined for one write
_CALM: Final = 2000  # resets and empty frames of a client in a second
_DRAIN_PING: Final = b"goodbye?"
_ALIVE_PING: Final = b"anybody?"
_NOT_HTTP2: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
)
_WRONG_PORT: Final = b"this port speaks gRPC, which is HTTP/2; the REST API has a port of its own (--rest_api_port)\n"
_LONG: Final = struct.Struct(">L")


class Connection(asyncio.Protocol):
    """The protocol of one connection.

    Attributes that the server's watch reads: ``streams`` (the calls at work, by number), ``since`` (when the last of
    them ended, or the connection began), ``heard`` (when bytes came last), ``stuck`` (since when the client does not
    read), ``greeted`` (HTTP/2 has begun), ``leaving`` and ``left`` (the client is asked to make no more calls, and
    since when), ``pinged`` (when it was asked for a sign of life), ``ended`` (the last frame is out).
    """

    __slots__ = (
        "_blocked", "_decoder", "_fragments", "_goaway", "_heads", "_last", "_loop", "_max_frame", "_methods",
        "_nuisances", "_options", "_owed", "_peer", "_pieces", "_rest", "_server", "_settled", "_size", "_todo",
        "_transport", "_window", "_window_of_streams", "born", "ended", "greeted", "heard", "leaving", "left",
        "pinged", "since", "spread", "streams", "stuck",
    )  # fmt: skip

    def __init__(self, server: GrpcServer) -> None:
        self._server = server
        self._options = server.options
        self._methods = server.methods
        self._loop = server.loop
        self._transport: Any = None
        self._peer: str | None = None
        self._rest = b""  # of what was read: no whole frame yet
        self._decoder = Decoder(max_list=server.options.max_head_bytes)
        self._heads: dict[bytes, Head] = {}  # by blocks that mean the same as long as the decoder's table stays
        self._fragments: tuple[int, int, list[bytes]] | None = None  # of a head in parts: stream, flags, parts
        self._last = 0  # the highest stream seen
        self._owed = 0
        self._window = frames.FIRST_WINDOW
        self._window_of_streams = frames.FIRST_WINDOW
        self._max_frame = frames.MIN_MAX_FRAME
        self._todo: list[Stream] = []
        self._blocked: dict[int, Stream] = {}  # with an answer that waits for room
        self._pieces: list[bytes | memoryview] = []
        self._size = 0
        self._goaway = False  # the last GOAWAY is out
        self._settled = False  # the client's first SETTINGS have come
        self._nuisances = 0
        self.streams: dict[int, Stream] = {}
        self.greeted = self.leaving = self.ended = False
        self.stuck = 0.0
        self.pinged = self.left = 0.0
        self.spread = server.spread()
        self.born = self.since = self.heard = server.now

    # ---- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else "unix:"
        self._server.opened(self)
        tls = transport.get_extra_info("ssl_object")
        if tls is not None and tls.selected_alpn_protocol() != "h2":
            self.ended = True
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._server.lost(self)
        self.ended = True
        self._todo.clear()
        self._blocked.clear()
        for stream in list(self.streams.values()):
            self._forget(stream)
            stream.stop()

    def eof_received(self) -> bool:
        return False  # HTTP/2 has no half-closed connections

    def pause_writing(self) -> None:
        self.stuck = self._server.now
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.stuck = 0.0
        self._transport.resume_reading()
        self._pump()
        if self._todo:
            self._server.soon(self)
        self.flush()

    # ---- frames in

    def data_received(self, data: bytes) -> None:
        self.heard = self._server.now
        if self.ended:
            return
        if self._rest:
            data = self._rest + data
            self._rest = b""
        todo = len(self._todo)
        try:
            at = self._read(data) if self.greeted else self._greet(data)
        except FrameError as error:
            self.fail(error.code, str(error))
            return
        if at < len(data):
            self._rest = data[at:] if at else data
        if self._todo and not todo:
            self._server.soon(self)
        if self._pieces:
            self.flush()

    def _greet(self, data: bytes) -> int:
        preface = frames.PREFACE
        if data[: len(preface)] != preface[: len(data)]:
            self.ended = True
            if data[:1].isalpha():  # an HTTP/1 client, whose user is helped by a word
                self._transport.write(_NOT_HTTP2 % (len(_WRONG_PORT), _WRONG_PORT))
            self._transport.close()
            return len(data)
        if len(data) < len(preface):
            return 0
        self.greeted = True
        values = {
            frames.MAX_CONCURRENT_STREAMS: self._options.max_streams,
            frames.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
            frames.MAX_FRAME_SIZE: MAX_FRAME,
            frames.MAX_HEADER_LIST_SIZE: self._options.max_head_bytes,
        }
        self._send(frames.settings(values) + frames.window_update(0, _WINDOW - frames.FIRST_WINDOW))
        if self._server.draining:
            self.leave()
        return len(preface) + self._read(data[len(preface) :])

    def _read(self, data: bytes) -> int:
        """Works on whole frames; returns how many bytes they were."""
        at, end = 0, len(data)
        unpack = frames.HEAD.unpack_from
        while end - at >= 9:
            high, low, kind, flags, id = unpack(data, at)
            length = high << 8 | low
            if length > MAX_FRAME:
                raise FrameError(frames.FRAME_SIZE_ERROR, f"a frame of {length} bytes; at most {MAX_FRAME} are taken")
            begin = at + 9
            stop = begin + length
            if stop > end:
                break
            at = stop
            if self._fragments is not None and kind != frames.CONTINUATION:
                raise FrameError(frames.PROTOCOL_ERROR, "a head in parts is interrupted by another frame")
            if kind == frames.DATA:
                self._on_data(id & frames.ID, flags, data, begin, stop)
            elif kind == frames.HEADERS:
                if not self._settled:
                    raise FrameError(frames.PROTOCOL_ERROR, "the first frame is no SETTINGS")
                self._on_headers(id & frames.ID, flags, data[begin:stop])
            else:
                self._on_control(kind, flags, id & frames.ID, data[begin:stop])
            if self.ended:
                return end
        return at

    def _on_control(self, kind: int, flags: int, id: int, payload: bytes) -> None:
        if not self._settled and kind != frames.SETTINGS:
            raise FrameError(frames.PROTOCOL_ERROR, "the first frame is no SETTINGS")
        if kind == frames.WINDOW_UPDATE:
            self._on_window_update(id, payload)
        elif kind == frames.PING:
            _check_frame("PING", payload, 8, id == 0)
            if flags & frames.ACK:
                self._on_pong(payload)
            else:
                self._send(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.SETTINGS:
            self._on_settings(flags, id, payload)
        elif kind == frames.RST_STREAM:
            _check_frame("RST_STREAM", payload, 4, id != 0)
            self._on_reset(id)
        elif kind == frames.CONTINUATION:
            self._on_continuation(id, flags, payload)
        elif kind == frames.PRIORITY:
            _check_frame("PRIORITY", payload, 5, id != 0)
            self._nuisance()
        elif kind == frames.GOAWAY:
            _check_frame("GOAWAY", payload, None, id == 0)
            self._mark_leaving()
            self._goaway = True  # it makes no more calls
            self._end_if_done()
        elif kind == frames.PUSH_PROMISE:
            raise FrameError(frames.PROTOCOL_ERROR, "a client does not push")

    def _nuisance(self) -> None:
        """Counts what costs a client nothing; more than a client in good order ever sends ends the connection."""
        self._nuisances += 1
        if self._nuisances > _CALM:
            raise FrameError(frames.ENHANCE_YOUR_CALM, "too many resets or empty frames")

    def _on_settings(self, flags: int, id: int, payload: bytes) -> None:
        _check_frame("SETTINGS", payload, 0 if flags & frames.ACK else None, id == 0)
        self._settled = True
        if flags & frames.ACK:
            return
        self._nuisance()
        for key, value in frames.read_settings(payload):
            if key == frames.INITIAL_WINDOW_SIZE:
                if value > frames.MAX_WINDOW:
                    raise FrameError(frames.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
                change = value - self._window_of_streams
                self._window_of_streams = value
                for stream in self.streams.values():
                    stream.window += change
            elif key == frames.MAX_FRAME_SIZE:
                if not frames.MIN_MAX_FRAME <= value <= frames.MAX_MAX_FRAME:
                    raise FrameError(frames.PROTOCOL_ERROR, f"frames of {value} bytes")
                self._max_frame = min(value, MAX_FRAME)
            elif key == frames.ENABLE_PUSH and value > 1:
                raise FrameError(frames.PROTOCOL_ERROR, f"ENABLE_PUSH is {value}")
        self._send(frames.SETTINGS_ACK)
        self._pump()

    def _on_window_update(self, id: int, payload: bytes) -> None:
        _check_frame("WINDOW_UPDATE", payload, 4, True)
        increment = _LONG.unpack(payload)[0] & frames.ID
        if id == 0:
            self._window += increment
            if not increment or self._window > frames.MAX_WINDOW:
                code = frames.FLOW_CONTROL_ERROR if increment else frames.PROTOCOL_ERROR
                raise FrameError(code, f"the connection's window grows by {increment} to {self._window}")
        else:
            stream = self.streams.get(id)
            if stream is None:
                self._check_known(id)
                return
            stream.window += increment
            if not increment or stream.window > frames.MAX_WINDOW:
                self._reset(stream, frames.FLOW_CONTROL_ERROR if increment else frames.PROTOCOL_ERROR)
                return
        if self._blocked:
            self._pump()

    def _on_reset(self, id: int) -> None:
        self._check_known(id)
        self._nuisance()
        stream = self.streams.get(id)
        if stream is not None:
            self._forget(stream)
            stream.stop()
            self._end_if_done()

    def _check_known(self, id: int) -> None:
        if id > self._last or not id & 1:
            raise FrameError(frames.PROTOCOL_ERROR, f"a frame of stream {id}, which was never opened")

    # ---- calls in

    def _on_headers(self, id: int, flags: int, payload: bytes) -> None:
        if flags & (frames.PADDED | frames.PRIORITISED):
            payload = _stripped(flags, payload)
        if not id & 1:
            raise FrameError(frames.PROTOCOL_ERROR, f"a client's streams have odd numbers, not {id}")
        if flags & frames.END_HEADERS:
            self._on_head(id, flags, payload)
        else:
            self._fragments = (id, flags, [payload])

    def _on_continuation(self, id: int, flags: int, payload: bytes) -> None:
        if self._fragments is None or self._fragments[0] != id:
            raise FrameError(frames.PROTOCOL_ERROR, "a CONTINUATION without the frame it goes on from")
        _, first_flags, parts = self._fragments
        parts.append(payload)
        self._nuisance()
        if sum(map(len, parts)) > _MAX_HEAD_BLOCK:
            raise FrameError(frames.ENHANCE_YOUR_CALM, f"a head of more than {_MAX_HEAD_BLOCK} bytes")
        if flags & frames.END_HEADERS:
            self._fragments = None
            self._on_head(id, first_flags, b"".join(parts))

    def _decode(self, block: bytes) -> Head | None:
        """The head that a block holds; None for one that is no request."""
        decoder = self._decoder
        changes = decoder.changes
        try:
            head = wire.read_head(decoder.decode(block))
        except HeadersTooLongError:
            head = Head()
            limit = self._options.max_head_bytes
            head.refusal = ResourceExhaustedError(f"the call's metadata is larger than {limit} bytes")
        except HpackError as error:
            raise FrameError(frames.COMPRESSION_ERROR, str(error)) from None
        if decoder.changes != changes:
            self._heads.clear()
        elif head is not None and len(self._heads) < _MAX_HEADS:
            self._heads[block] = head
        return head

    def _on_head(self, id: int, flags: int, block: bytes) -> None:
        if id <= self._last:
            self._on_trailers(id, flags, block)
            return
        head = self._heads.get(block) or self._decode(block)
        if self._goaway:
            return  # the client was told, and asks another
        self._last = id
        if head is None:
            self._nuisance()
            self._send(frames.reset(id, frames.PROTOCOL_ERROR))
            return
        if len(self.streams) >= self._options.max_streams:
            self._nuisance()
            self._send(frames.reset(id, frames.REFUSED_STREAM))
            return
        stream = Stream(id, head, self._methods.get(head.method), self._window_of_streams, self._server.now)
        self.streams[id] = stream
        if flags & frames.END_STREAM:
            stream.ended = True
        if head.refusal is not None or stream.method is None:
            self._refuse(stream)
        elif type(stream.method) is StreamMethod:
            stream.incoming = Incoming(self._options.max_receive_bytes, head.encoding)
            self._todo.append(stream)
        elif stream.ended:
            self._finish(stream, _no_message())

    def _on_trailers(self, id: int, flags: int, block: bytes) -> None:
        """A second head, which only ends a call; it is decoded in any case, as the table depends on it."""
        self._nuisance()
        try:
            self._decoder.decode(block)
        except HeadersTooLongError:
            pass
        except HpackError as error:
            raise FrameError(frames.COMPRESSION_ERROR, str(error)) from None
        self._heads.clear()
        stream = self.streams.get(id)
        if stream is None:
            return
        if not flags & frames.END_STREAM or stream.ended:
            self._reset(stream, frames.PROTOCOL_ERROR)
            return
        self._on_end(stream)

    def _refuse(self, stream: Stream) -> None:
        refusal = stream.head.refusal
        if isinstance(refusal, int):
            self._close_with(stream, wire.http_refusal(stream.id, refusal))
        elif refusal is not None:
            self._finish(stream, refusal)
        else:
            self._finish(stream, UnimplementedError(f"this server has no method {stream.head.method[:200]!r}"))

    def _on_data(self, id: int, flags: int, data: bytes, begin: int, stop: int) -> None:
        size = stop - begin
        self._owed += size
        if self._owed > _WINDOW // 2:
            if self._owed > _WINDOW:
                raise FrameError(frames.FLOW_CONTROL_ERROR, "more bytes than the connection has room for")
            self._send(frames.window_update(0, self._owed))
            self._owed = 0
        stream = self.streams.get(id)
        if stream is None:
            self._check_known(id)
            return  # its answer is out already
        if flags & frames.PADDED:
            if not size or data[begin] >= size:
                raise FrameError(frames.PROTOCOL_ERROR, "a frame's padding is longer than the frame")
            stop -= data[begin]
            begin += 1
        if stream.ended:
            self._reset(stream, frames.STREAM_CLOSED)
            return
        ends = flags & frames.END_STREAM
        if ends and stream.incoming is None and stop - begin >= 5 and not data[begin]:
            # The whole request in one frame, as small ones come.
            length = _LONG.unpack_from(data, begin + 1)[0]
            if length == stop - begin - 5 and length <= self._options.max_receive_bytes:
                stream.message = data[begin + 5 : stop]
                stream.ended = True
                self._todo.append(stream)
                return
        self._feed(stream, size, data[begin:stop] if stop - begin < _VIEWED else memoryview(data)[begin:stop])
        if ends and not stream.gone:
            self._on_end(stream)

    def _feed(self, stream: Stream, size: int, data: bytes | memoryview) -> None:
        if not data:
            self._nuisance()
        incoming = stream.incoming
        if incoming is None:
            incoming = stream.incoming = Incoming(self._options.max_receive_bytes, stream.head.encoding)
        stream.since = self._server.now
        try:
            incoming.feed(data)
        except TFError as error:
            self._finish(stream, error)
            return
        stream.owed += size
        if stream.owed > _STREAM_WINDOW:
            self._reset(stream, frames.FLOW_CONTROL_ERROR)
            return
        self.give_room(stream)
        if incoming.messages:
            stream.wake()

    def give_room(self, stream: Stream) -> None:
        """Lets the client send more of a call, unless the method has enough to do."""
        if stream.owed > _STREAM_WINDOW // 2 and not stream.ended and not stream.gone and not stream.crowded:
            self._send(frames.window_update(stream.id, stream.owed))
            stream.owed = 0

    def _on_end(self, stream: Stream) -> None:
        """The client has sent all of a call."""
        stream.ended = True
        incoming = stream.incoming
        if incoming is not None and incoming.partial:
            self._finish(stream, InternalError("the call ends in the middle of a message"))
        elif type(stream.method) is StreamMethod:
            stream.wake()
        elif incoming is None or not incoming.messages:
            self._finish(stream, _no_message())
        elif len(incoming.messages) > 1:
            self._finish(stream, UnimplementedError("the method takes one message, and the call has several"))
        else:
            stream.message = incoming.messages[0]
            stream.incoming = None
            self._todo.append(stream)

    # ---- the methods

    def work(self) -> None:
        """Begins with the calls that have come, once all sockets that are ready have been read."""
        todo = self._todo
        at = 0
        while at < len(todo) and not self.stuck and not self.ended:
            stream = todo[at]
            at += 1
            if not stream.gone:
                self._begin(stream)
        del todo[:at]
        if self._pieces:
            self.flush()

    def _begin(self, stream: Stream) -> None:
        head, method = stream.head, stream.method
        call = Call(head.method, head.metadata, self._peer, head.timeout)
        if type(method) is Unary:
            assert stream.message is not None
            begun = start(method.function(stream.message, call), self._loop)
            stream.message = None
            if type(begun) is bytes:
                self._answer(stream, begun)
                return
        else:
            assert type(method) is StreamMethod
            begun = self._loop.create_task(self._converse(stream, method, call))
        stream.task = begun
        begun.add_done_callback(lambda task: self._done(stream, task))
        if head.timeout is not None:
            stream.timer = self._loop.call_later(head.timeout, self._out_of_time, stream)

    async def _converse(self, stream: Stream, method: StreamMethod, call: Call) -> None:
        """Runs a streaming method."""
        answers = method.function(self._requests(stream), call)
        async for answer in answers:
            if stream.gone:
                return
            self._queue(stream, answer)
            self.flush()
            if sum(map(len, stream.out)) > _QUEUED or self.stuck:
                stream.room = self._loop.create_future()
                await stream.room
                stream.room = None

    async def _requests(self, stream: Stream) -> AsyncIterator[bytes]:
        incoming = stream.incoming
        assert incoming is not None
        while True:
            while incoming.messages:
                message = incoming.messages.pop(0)
                self.give_room(stream)
                self.flush()
                yield message
            if stream.ended:
                return
            stream.ready = self._loop.create_future()
            await stream.ready
            stream.ready = None

    def _done(self, stream: Stream, task: asyncio.Future[Any]) -> None:
        stream.task = None
        if task.cancelled():
            if not stream.gone:
                self._finish(stream, CancelledError("the server gave up the call"))
        else:
            error = task.exception()
            if stream.gone:
                return
            if error is None and type(stream.method) is Unary:
                self._answer(stream, task.result())
            elif error is None or isinstance(error, TFError):
                self._finish(stream, error)
            else:
                _LOG.error("%s failed", stream.head.method, exc_info=error)
                self._finish(stream, InternalError(f"{type(error).__name__}: {error}"))
        self.flush()

    def _out_of_time(self, stream: Stream) -> None:
        if stream.gone or stream.tail is not None:
            return
        self._finish(stream, DeadlineExceededError("Deadline Exceeded"))
        stream.stop()
        self.flush()

    # ---- answers out

    def _answer(self, stream: Stream, message: bytes) -> None:
        """Sends the one answer of a unary method."""
        size = len(message)
        framed = size + wire.PREFIX_BYTES
        plain = not self._options.compression
        if plain and framed <= self._window and framed <= stream.window and framed <= self._max_frame:
            if size > self._options.max_send_bytes:
                self._finish(stream, _too_long(size, self._options.max_send_bytes))
                return
            self._window -= framed
            self._close_with(stream, wire.answer(stream.id, message))
            return
        self._queue(stream, message)
        if not stream.gone and stream.tail is None:
            self._finish(stream, None)

    def _queue(self, stream: Stream, message: bytes) -> None:
        """Puts a message behind what waits to go out, and sends what there is room for."""
        if len(message) > self._options.max_send_bytes:
            self._finish(stream, _too_long(len(message), self._options.max_send_bytes))
            return
        encoding = self._options.compression
        if encoding and encoding.encode() not in stream.head.accepts:
            encoding = ""
        if not stream.opened:
            stream.opened = True
            self._send(wire.opening(stream.id, encoding))
        if encoding:
            message = wire.deflate(message, encoding)
        stream.out.append(memoryview(wire.PREFIX.pack(bool(encoding), len(message))))
        if message:
            stream.out.append(memoryview(message))
        self._send_out(stream)

    def _finish(self, stream: Stream, error: TFError | None) -> None:
        """Ends an answer with its status, once what waits to go out before it is out."""
        if error is not None:
            stream.out.clear()
        frame = wire.ending(stream.id, error, opened=stream.opened)
        if stream.out:
            stream.tail = frame
        else:
            self._close_with(stream, frame)

    def _close_with(self, stream: Stream, frame: bytes) -> None:
        """Sends the last frame of a call and forgets it."""
        self._send(frame)
        if not stream.ended:
            self._send(frames.reset(stream.id, frames.NO_ERROR))  # it need not send the rest
        stream.gone = True
        if stream.timer is not None:
            stream.timer.cancel()
        self._forget(stream)
        if self.leaving:
            self._end_if_done()

    def _reset(self, stream: Stream, code: int) -> None:
        self._send(frames.reset(stream.id, code))
        self._forget(stream)
        stream.stop()
        self._nuisance()
        self._end_if_done()

    def _forget(self, stream: Stream) -> None:
        if self.streams.pop(stream.id, None) is not None and not self.streams:
            self.since = self._server.now
        self._blocked.pop(stream.id, None)

    def _send_out(self, stream: Stream) -> None:
        """Sends as much of a stream's answer as both windows have room for."""
        out = stream.out
        while out:
            piece = out[0]
            size = min(len(piece), self._window, stream.window, self._max_frame)
            if size <= 0 or self.stuck:
                self._blocked[stream.id] = stream
                return
            self._send(frames.HEAD.pack(size >> 8, size & 0xFF, frames.DATA, 0, stream.id))
            self._send(piece[:size])
            self._window -= size
            stream.window -= size
            if size == len(piece):
                out.popleft()
            else:
                out[0] = piece[size:]
        self._blocked.pop(stream.id, None)
        if stream.tail is not None:
            self._close_with(stream, stream.tail)
        else:
            stream.emptied()

    def _pump(self) -> None:
        """Goes on with what waited for room."""
        for stream in list(self._blocked.values()):
            self._send_out(stream)

    def _send(self, data: bytes | memoryview) -> None:
        self._pieces.append(data)
        self._size += len(data)

    def flush(self) -> None:
        """Writes what this turn has to send."""
        pieces, self._pieces = self._pieces, []
        size, self._size = self._size, 0
        if not pieces or self._transport.is_closing():
            return
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        elif size <= _COPIED:
            self._transport.write(b"".join(pieces))
        else:
            self._transport.writelines(pieces)

    # ---- the end

    def _on_pong(self, payload: bytes) -> None:
        if payload == _DRAIN_PING and self.leaving and not self._goaway:
            self.leave_now()

    def _mark_leaving(self) -> None:
        if not self.leaving:
            self.leaving, self.left = True, self._server.now

    def leave(self) -> None:
        """Asks the client to make no more calls here; those on their way are still answered (RFC 9113, 6.8)."""
        if self.leaving or self.ended:
            return
        self._mark_leaving()
        if not self.greeted:
            self._transport.close()
            return
        self._send(frames.goaway(frames.ID) + frames.frame(frames.PING, 0, 0, _DRAIN_PING))
        self.flush()

    def leave_now(self) -> None:
        """Takes no more calls: the client has read that it should make none, or had the time to."""
        if self._goaway or self.ended:
            return
        self._mark_leaving()
        self._goaway = True
        self._send(frames.goaway(self._last))
        self._end_if_done()
        self.flush()

    def ping(self) -> None:
        """Asks for a sign of life."""
        self.pinged = self._server.now
        self._send(frames.frame(frames.PING, 0, 0, _ALIVE_PING))
        self.flush()

    def _end_if_done(self) -> None:
        if self.leaving and self._goaway and not self.streams and not self.ended:
            self._end()

    def _end(self) -> None:
        """Sends what is left and no more. What the client still sends must not reset it, so that is read until the
        client closes, or the server's watch does."""
        self.flush()
        self.ended, self.since = True, self._server.now
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()  # TLS knows no half-closed connection

    def fail(self, code: int, text: str) -> None:
        """Ends a connection on which the client broke the protocol, with the reason."""
        if self.ended:
            return
        for stream in list(self.streams.values()):
            self._forget(stream)
            stream.stop()
        self._send(frames.goaway(self._last, code, text))
        self._end()

    def refuse_slow(self, stream: Stream) -> None:
        """Gives up a call whose request does not arrive."""
        self._finish(stream, DeadlineExceededError("the request did not arrive in time"))
        self.flush()

    @property
    def idle(self) -> bool:
        """No call is at work."""
        return not self.streams

    def calm(self) -> None:
        """A second has gone by."""
        self._nuisances = 0

    def abort(self) -> None:
        """Closes at once."""
        self._transport.abort()

    def close(self) -> None:
        """Closes when what was written is out."""
        self._transport.close()


def _check_frame(name: str, payload: bytes, size: int | None, stream_fits: bool) -> None:
    if not stream_fits:
        raise FrameError(frames.PROTOCOL_ERROR, f"a {name} frame of the wrong stream")
    if size is not None and len(payload) != size:
        raise FrameError(frames.FRAME_SIZE_ERROR, f"a {name} frame of {len(payload)} bytes, not {size}")


def _stripped(flags: int, payload: bytes) -> bytes:
    """A HEADERS frame's block, without padding and priority."""
    begin, end = 0, len(payload)
    if flags & frames.PADDED:
        if not payload:
            raise FrameError(frames.FRAME_SIZE_ERROR, "a padded HEADERS frame is empty")
        begin, end = 1, end - payload[0]
    if flags & frames.PRIORITISED:
        begin += 5
    if begin > end:
        raise FrameError(frames.PROTOCOL_ERROR, "a frame's padding is longer than the frame")
    return payload[begin:end]


def _no_message() -> TFError:
    return InternalError("the call has no request message")


def _too_long(size: int, limit: int) -> TFError:
    return ResourceExhaustedError(f"Sent message larger than max ({size} vs. {limit})")
