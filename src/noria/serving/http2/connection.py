"""One HTTP/2 connection of gRPC calls: bytes to frames to calls, answers back to frames.

As in ``http1``, a call whose method takes no waiting is answered within the turn of the loop that brought its bytes: no
task, one write for all answers of the turn. An answer that fits the windows is one piece of bytes; only one that does
not is kept as a queue.

Bounded, as untrusted: frames, heads and messages in size; streams at a time; what is kept for a client that does not
read (nothing new is read from it meanwhile); resets and other control frames that cost the client nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from noria.errors import (
    CancelledError,
    DeadlineExceededError,
    InternalError,
    ResourceExhaustedError,
    TFError,
    UnimplementedError,
)
from noria.serving.eager import Pause, start
from noria.serving.edge import peer_of
from noria.serving.http2 import frames, wire
from noria.serving.http2.frames import FrameError
from noria.serving.http2.hpack import Decoder, HeadersTooLongError, HpackError
from noria.serving.http2.sending import Sending
from noria.serving.http2.stream import Requests, Stream
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
_KNOWN_HEAD: Final = 1024  # bytes of one of them, at most
_MAX_CUT: Final = 4096  # streams whose ends the client may not know of yet
_A_TURN: Final = 64  # calls of a connection that are worked on before others have their turn
_CALM: Final = 5000  # resets and empty frames of a client in a second
_DRAIN_PING: Final = b"goodbye?"
_ALIVE_PING: Final = b"anybody?"
_NOT_HTTP2: Final = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
)
_WRONG_PORT: Final = b"this port speaks gRPC, which is HTTP/2; the REST API has a port of its own (--rest_api_port)\n"
_LONG: Final = struct.Struct(">L")


class Connection(Sending):
    """The protocol of one connection.

    Attributes that the server's watch reads beside those of ``Sending``: ``since`` (when the last call ended, or the
    connection began), ``heard`` (when bytes came last), ``greeted`` (HTTP/2 has begun), ``settled`` (the client's first
    SETTINGS have come), ``leaving`` and ``left`` (the client is asked to make no more calls, and since when),
    ``pinged`` (when it was asked for a sign of life).
    """

    __slots__ = (
        "_cut", "_decoder", "_fragments", "_heads", "_last", "_last_taken", "_loop", "_methods", "_nuisances",
        "_options", "_owed", "_peer", "_rest", "_skipped", "_todo", "born", "greeted", "heard", "leaving", "left",
        "pinged", "settled", "since", "spread",
    )  # fmt: skip

    def __init__(self, server: GrpcServer) -> None:
        super().__init__(server)
        self._options = server.options
        self._methods = server.methods
        self._loop = server.loop
        self._peer: str | None = None
        self._rest = b""  # of what was read: no whole frame yet
        self._decoder = Decoder(max_list=server.options.max_head_bytes)
        self._heads: dict[bytes, Head] = {}  # by blocks that mean the same as long as the decoder's table stays
        self._fragments: tuple[int, int, list[bytes]] | None = None  # of a head in parts: stream, flags, parts
        self._last = 0  # the highest stream seen
        self._skipped = 0  # the highest below it that never was
        self._last_taken = -1  # the last stream that the last GOAWAY names; -1 before it is out
        self._cut: dict[int, None] = {}  # streams that ended here first: what the client still sends of them is dropped
        self._owed = 0
        self._todo: list[Stream] = []
        self._nuisances = 0
        self.greeted = self.settled = self.leaving = False
        self.pinged = self.left = 0.0
        self.spread = server.spread()
        self.born = self.since = self.heard = server.now

    # ---- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._peer = peer_of(transport)
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
        for stream in [stream for stream in self._blocked.values() if not stream.out]:
            self._send_out(stream)  # its method waits for the client alone
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
                if not self.settled:
                    raise FrameError(frames.PROTOCOL_ERROR, "the first frame is no SETTINGS")
                self._on_headers(id & frames.ID, flags, data[begin:stop])
            else:
                self._on_control(kind, flags, id & frames.ID, data[begin:stop])
            if self.ended:
                return end
        return at

    def _on_control(self, kind: int, flags: int, id: int, payload: bytes) -> None:
        if not self.settled and kind != frames.SETTINGS:
            raise FrameError(frames.PROTOCOL_ERROR, "the first frame is no SETTINGS")
        if kind == frames.WINDOW_UPDATE:
            self._on_window_update(id, payload)
        elif kind == frames.PING:
            frames.check("PING", payload, 8, id == 0)
            if flags & frames.ACK:
                self._on_pong(payload)
            else:
                self._send(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.SETTINGS:
            self._on_settings(flags, id, payload)
        elif kind == frames.RST_STREAM:
            frames.check("RST_STREAM", payload, 4, id != 0)
            self._on_reset(id)
        elif kind == frames.CONTINUATION:
            self._on_continuation(id, flags, payload)
        elif kind == frames.PRIORITY:
            frames.check("PRIORITY", payload, 5, id != 0)
            frames.check_priority(id, payload)
            self._nuisance()
        elif kind == frames.GOAWAY:
            frames.check("GOAWAY", payload, None, id == 0 and len(payload) >= 8)
            self._mark_leaving()
            self._take_no_more()  # it makes none
            self._end_if_done()
        elif kind == frames.PUSH_PROMISE:
            raise FrameError(frames.PROTOCOL_ERROR, "a client does not push")

    def _nuisance(self, weight: int = 1) -> None:
        """Counts what costs a client nothing; more than a client in good order ever sends ends the connection."""
        self._nuisances += weight
        if self._nuisances > _CALM:
            raise FrameError(frames.ENHANCE_YOUR_CALM, "too many resets or empty frames")

    def _on_settings(self, flags: int, id: int, payload: bytes) -> None:
        frames.check("SETTINGS", payload, 0 if flags & frames.ACK else None, id == 0)
        if flags & frames.ACK:
            if not self.settled:
                raise FrameError(frames.PROTOCOL_ERROR, "the first SETTINGS are an acknowledgement")
            return
        self.settled = True
        self._nuisance(1 + len(self.streams) // 64)
        for key, value in frames.read_settings(payload):
            if key == frames.INITIAL_WINDOW_SIZE:
                if value > frames.MAX_WINDOW:
                    raise FrameError(frames.FLOW_CONTROL_ERROR, f"a window of {value} bytes")
                self._set_windows(value)
            elif key == frames.MAX_FRAME_SIZE:
                if not frames.MIN_MAX_FRAME <= value <= frames.MAX_MAX_FRAME:
                    raise FrameError(frames.PROTOCOL_ERROR, f"frames of {value} bytes")
                self._max_frame = min(value, MAX_FRAME)
            elif key == frames.ENABLE_PUSH and value > 1:
                raise FrameError(frames.PROTOCOL_ERROR, f"ENABLE_PUSH is {value}")
        self._send(frames.SETTINGS_ACK)  # before what the settings allow
        self._pump_all()

    def _on_window_update(self, id: int, payload: bytes) -> None:
        frames.check("WINDOW_UPDATE", payload, 4, True)
        increment = _LONG.unpack(payload)[0] & frames.ID
        if id == 0:
            self._window += increment
            if not increment or self._window > frames.MAX_WINDOW:
                code = frames.FLOW_CONTROL_ERROR if increment else frames.PROTOCOL_ERROR
                raise FrameError(code, f"the connection's window grows by {increment} to {self._window}")
            if self._blocked:
                self._pump()
        else:
            stream = self.streams.get(id)
            if stream is None:
                self._check_known(id)
                return
            stream.window += increment
            if not increment or stream.window > frames.MAX_WINDOW:
                self._reset(stream, frames.FLOW_CONTROL_ERROR if increment else frames.PROTOCOL_ERROR)
            elif stream.out:
                self._send_out(stream)

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
            payload = frames.stripped(id, flags, payload)
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
        if sum(map(len, parts)) > max(_MAX_HEAD_BLOCK, self._options.max_head_bytes):
            raise FrameError(frames.ENHANCE_YOUR_CALM, f"a head of {sum(map(len, parts))} bytes and more")
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
        elif head is not None and len(block) <= _KNOWN_HEAD and not 0x20 <= block[0] < 0x40:
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            self._heads[block] = head
        return head

    def _on_head(self, id: int, flags: int, block: bytes) -> None:
        if id <= self._last:
            self._on_trailers(id, flags, block)
            return
        head = self._heads.get(block) or self._decode(block)
        if id - self._last > 2:
            self._skipped = id - 2
        self._last = id
        if self._last_taken >= 0:
            self._drop_rest(id)  # the client was told, and asks another
            return
        if head is None or len(self.streams) >= self._options.max_streams:
            self._drop_rest(id)
            self._nuisance()
            self._send(frames.reset(id, frames.PROTOCOL_ERROR if head is None else frames.REFUSED_STREAM))
            return
        stream = Stream(id, head, self._methods.get(head.method), self._window_of_streams, self._server.now)
        self.streams[id] = stream
        if flags & frames.END_STREAM:
            stream.ended = True
            if head.length > 0:
                self._reset(stream, frames.PROTOCOL_ERROR)
                return
        if head.refusal is not None or stream.method is None:
            self._refuse(stream)
        elif type(stream.method) is StreamMethod:
            stream.incoming = Incoming(self._options.max_receive_bytes, head.encoding)
            self._todo.append(stream)
        elif stream.ended:
            self._finish(stream, _not_one("none"))

    def _on_trailers(self, id: int, flags: int, block: bytes) -> None:
        """A second head, which only ends a call; it is decoded in any case, as the table depends on it."""
        self._heads.clear()
        try:
            fits = wire.trailers_fit(self._decoder.decode(block))
        except HeadersTooLongError:
            fits = True
        except HpackError as error:
            raise FrameError(frames.COMPRESSION_ERROR, str(error)) from None
        stream = self.streams.get(id)
        if stream is None:
            if id not in self._cut:
                code = frames.PROTOCOL_ERROR if id <= self._skipped else frames.STREAM_CLOSED
                raise FrameError(code, f"a head of stream {id}, which is over")
            self._nuisance()
        elif stream.ended:
            self._reset(stream, frames.STREAM_CLOSED)
        elif not flags & frames.END_STREAM or not fits:
            self._reset(stream, frames.PROTOCOL_ERROR)
        else:
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
            if id not in self._cut:
                self._nuisance()
                self._send(frames.reset(id, frames.STREAM_CLOSED))
            return
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
            if (
                length == stop - begin - 5
                and length <= self._options.max_receive_bytes
                and stream.head.length in (-1, stop - begin)
            ):
                stream.message = data[begin + 5 : stop]
                stream.ended = True
                self._todo.append(stream)
                return
        stream.owed += size
        if stream.owed > _STREAM_WINDOW:
            self._reset(stream, frames.FLOW_CONTROL_ERROR)
        elif begin < stop:
            self._feed(stream, data[begin:stop] if stop - begin < _VIEWED else memoryview(data)[begin:stop])
        elif not ends:
            self._nuisance()
        if ends and not stream.gone:
            self._on_end(stream)

    def _feed(self, stream: Stream, data: bytes | memoryview) -> None:
        incoming = stream.incoming
        if incoming is None:
            incoming = stream.incoming = Incoming(self._options.max_receive_bytes, stream.head.encoding)
            if stream.head.timeout is not None:
                stream.timer = self._loop.call_later(stream.head.timeout, self._out_of_time, stream)
        if not incoming.partial:
            stream.since = self._server.now
        stream.got += len(data)
        try:
            incoming.feed(data)
        except TFError as error:
            self._cut_off(stream, error)
            return
        if not incoming.partial:
            stream.since = self._server.now
        if incoming.messages:
            if type(stream.method) is Unary and (len(incoming.messages) > 1 or incoming.partial):
                self._cut_off(stream, _not_one("several"))
                return
            stream.wake()
        self.give_room(stream)

    def give_room(self, stream: Stream) -> None:
        """Lets the client send more of a call, unless the method has enough to do."""
        if stream.owed > _STREAM_WINDOW // 2 and not stream.ended and not stream.gone and not stream.crowded:
            self._send(frames.window_update(stream.id, stream.owed))
            stream.owed = 0

    def _on_end(self, stream: Stream) -> None:
        """The client has sent all of a call."""
        stream.ended = True
        incoming = stream.incoming
        if stream.head.length not in (-1, stream.got):
            self._reset(stream, frames.PROTOCOL_ERROR)
        elif incoming is not None and incoming.partial:
            self._cut_off(stream, InternalError("the call ends in the middle of a message"))
        elif type(stream.method) is StreamMethod:
            stream.wake()
        elif incoming is None or not incoming.messages:
            self._finish(stream, _not_one("none"))
        elif incoming.heavy:
            self._todo.append(stream)
        else:
            try:
                stream.message = incoming.take()
            except TFError as error:
                self._finish(stream, error)
                return
            stream.incoming = None
            self._todo.append(stream)

    # ---- the methods

    def work(self) -> None:
        """Begins with the calls that have come, once all sockets that are ready have been read."""
        todo = self._todo
        at = 0
        while at < len(todo) and at < _A_TURN and not self.stuck and not self.ended:
            stream = todo[at]
            at += 1
            if not stream.gone:
                self._begin(stream)
        del todo[:at]
        if todo and not self.stuck and not self.ended:
            self._server.soon(self)

    def _begin(self, stream: Stream) -> None:
        head, method = stream.head, stream.method
        timeout = head.timeout
        if stream.timer is not None:  # it runs since the first part of the request
            timeout = max(0.0, stream.timer.when() - self._loop.time())
        call = Call(head.method, head.metadata, self._peer, timeout)
        if type(method) is Unary:
            message, stream.message = stream.message, None
            if message is None or self._options.compression:
                work = self._at_length(stream, method, message, call)
            else:
                work = method.function(message, call)
            begun = start(work, self._loop)
            if type(begun) is bytes:
                self._answer(stream, begun)
                return
            if type(begun) is Pause:
                begun.then = partial(self._go_on, stream)
                return
        else:
            assert type(method) is StreamMethod
            begun = self._loop.create_task(self._converse(stream, method, call))
        self._wait(stream, begun)
        begun = None  # an error holds this frame, and is held by its future: they would wait for the collector

    async def _at_length(self, stream: Stream, method: Unary, message: bytes | None, call: Call) -> bytes:
        """Runs a method whose request takes long to inflate (it is None), or whose answer may take long to deflate."""
        if message is None:
            assert stream.incoming is not None
            message = await self._loop.run_in_executor(None, stream.incoming.take)
        return await self._packed(stream, await method.function(message, call))

    async def _packed(self, stream: Stream, answer: bytes) -> bytes:
        """An answer, compressed already where that is asked for and long work, which is not for the loop's thread."""
        encoding = stream.head.taken(self._options.compression)
        if encoding and wire.LONG < len(answer) <= self._options.max_send_bytes:
            return await self._loop.run_in_executor(None, wire.Packed.of, answer, encoding)
        return answer

    def _wait(self, stream: Stream, task: asyncio.Future[Any]) -> None:
        stream.task = task
        task.add_done_callback(partial(self._done, stream))
        timeout = stream.head.timeout
        if timeout is not None and stream.timer is None:
            stream.timer = self._loop.call_later(timeout, self._out_of_time, stream)

    def _go_on(self, stream: Stream, begun: Any) -> None:
        """A call that waited for the others of its turn has its answer, or waits for something else."""
        if type(begun) is not bytes:
            self._wait(stream, begun)
        elif not stream.gone:
            self._answer(stream, begun)

    @property
    def pending(self) -> int:
        """How many calls have come and are not worked on."""
        return len(self._todo)

    async def _converse(self, stream: Stream, method: StreamMethod, call: Call) -> None:
        """Runs a streaming method."""
        answers = method.function(Requests(stream, self._loop, self._taken), call)
        try:
            async for answer in answers:
                if stream.gone:
                    return
                self._queue(stream, await self._packed(stream, answer))
                self.flush()
                if sum(map(len, stream.out)) > _QUEUED or self.stuck:
                    if not stream.out:
                        self._blocked[stream.id] = stream
                    stream.room = self._loop.create_future()
                    await stream.room
                    stream.room = None
        finally:
            close = getattr(answers, "aclose", None)
            if close is not None:
                await close()

    def _taken(self, stream: Stream) -> None:
        """A streaming method has taken a request."""
        self.give_room(stream)
        if self._pieces:
            self.flush()

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
        if not stream.gone and stream.tail is None:
            self._cut_off(stream, DeadlineExceededError("Deadline Exceeded"))
            self.flush()

    # ---- answers out

    def _answer(self, stream: Stream, message: bytes) -> None:
        """Sends the one answer of a unary method."""
        size = len(message)
        framed = size + wire.PREFIX_BYTES
        plain = not self._options.compression
        if plain and framed <= self._window and framed <= stream.window and framed <= self._max_frame:
            if size > self._options.max_send_bytes:
                self._finish(stream, wire.too_long(size, self._options.max_send_bytes))
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
            self._finish(stream, wire.too_long(len(message), self._options.max_send_bytes))
            return
        encoding = stream.head.taken(self._options.compression)
        if not stream.opened:
            stream.opened = True
            self._send(wire.opening(stream.id, encoding))
        if encoding:
            message = wire.Packed.of(message, encoding)
        self._queue_bytes(stream, bool(encoding), message)

    def _cut_off(self, stream: Stream, error: TFError) -> None:
        """Ends an answer with its status at once."""
        stream.out.clear()
        self._finish(stream, error)

    def _finish(self, stream: Stream, error: TFError | None) -> None:
        """Ends an answer with its status, once what waits to go out before it is out."""
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
            self._drop_rest(stream.id)
        stream.gone = True
        if stream.timer is not None:
            stream.timer.cancel()
        if stream.task is not None:
            stream.task.cancel()
        self._forget(stream)
        if self.leaving:
            self._end_if_done()

    def _reset(self, stream: Stream, code: int) -> None:
        self._send(frames.reset(stream.id, code))
        if not stream.ended:
            self._drop_rest(stream.id)
        self._forget(stream)
        stream.stop()
        self._nuisance()
        self._end_if_done()

    def _drop_rest(self, id: int) -> None:
        """What the client has sent of a stream, not knowing yet that it is over, is no fault of it."""
        if len(self._cut) >= _MAX_CUT:
            del self._cut[next(iter(self._cut))]
        self._cut[id] = None

    def _forget(self, stream: Stream) -> None:
        if self.streams.pop(stream.id, None) is not None and not self.streams:
            self.since = self._server.now
        self._blocked.pop(stream.id, None)

    # ---- the end

    def _on_pong(self, payload: bytes) -> None:
        if payload == _DRAIN_PING and self.leaving:
            self.leave_now()

    def _mark_leaving(self) -> None:
        if not self.leaving:
            self.leaving, self.left = True, self._server.now

    def _take_no_more(self) -> None:
        if self._last_taken < 0:
            self._last_taken = self._last

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
        if self._last_taken >= 0 or self.ended:
            return
        self._mark_leaving()
        self._take_no_more()
        self._send(frames.goaway(self._last))
        self._end_if_done()
        self.flush()

    def ping(self) -> None:
        """Asks for a sign of life."""
        self.pinged = self._server.now
        self._send(frames.frame(frames.PING, 0, 0, _ALIVE_PING))
        self.flush()

    def _end_if_done(self) -> None:
        if self.leaving and self._last_taken >= 0 and not self.streams and not self.ended:
            self._end()

    def _end(self) -> None:
        """Sends what is left and no more. What the client still sends must not reset it, so that is read until the
        client closes, or the server's watch does."""
        self.flush()
        self.ended, self.since = True, self._server.now
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self.close()  # TLS knows no half-closed connection

    def fail(self, code: int, text: str) -> None:
        """Ends a connection on which the client broke the protocol, with the reason."""
        if self.ended:
            return
        for stream in list(self.streams.values()):
            self._forget(stream)
            stream.stop()
        self._take_no_more()
        self._send(frames.goaway(self._last_taken, code, text))
        self._end()

    def refuse_slow(self, stream: Stream) -> None:
        """Gives up a call whose request does not arrive."""
        self._cut_off(stream, DeadlineExceededError("the request did not arrive in time"))
        self.flush()

    def give_up(self, stream: Stream) -> None:
        """Gives up a call whose answer is not read."""
        with contextlib.suppress(FrameError):  # so many that they end the connection in their time
            self._reset(stream, frames.CANCEL)
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


def _not_one(found: str) -> TFError:
    return UnimplementedError(f"the method takes one message, and the call has {found}")
