"""What a connection sends: pieces gathered for one write, and answers as far as the client's windows have room.

An answer that finds no room waits with its stream: behind the others where the connection's window or the client's
reading is what lacks, and for its own window else. So what the client does costs the same however many wait.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from noria.serving.edge import let_go, write_pieces
from noria.serving.http2 import frames, wire
from noria.serving.http2.stream import Stream

if TYPE_CHECKING:
    from noria.serving.http2.server import GrpcServer

_COPIED: Final = 64 << 10  # pieces up to this size in all are joined for one write
_AT_ONCE: Final = 1 << 20  # bytes after which a write shows whether the client still reads


class Sending(asyncio.Protocol):
    """The sending half of a connection.

    streams: the calls at work, by number; stuck: since when the client does not read; sent: when an answer last moved;
    ended: the last frame is out.
    """

    __slots__ = (
        "_blocked", "_max_frame", "_pieces", "_server", "_size", "_transport", "_window", "_window_of_streams",
        "ended", "sent", "streams", "stuck",
    )  # fmt: skip

    def __init__(self, server: GrpcServer) -> None:
        self._server = server
        self._transport: Any = None
        self._window = frames.FIRST_WINDOW
        self._window_of_streams = frames.FIRST_WINDOW
        self._max_frame = frames.MIN_MAX_FRAME
        self._blocked: dict[int, Stream] = {}  # with answers that wait for others, in the order of their turns
        self._pieces: list[bytes | memoryview] = []
        self._size = 0
        self.streams: dict[int, Stream] = {}
        self.ended = False
        self.stuck = 0.0
        self.sent = server.now

    def close(self) -> None:
        """Closes when what was written is out."""
        if not self._transport.is_closing():  # asyncio's TLS cannot be closed twice
            self._transport.close()

    def let_go(self) -> None:
        """Closes without the client's last word, when what was written is out."""
        let_go(self._transport)

    def _close_with(self, stream: Stream, frame: bytes) -> None:
        """Sends the last frame of a call and forgets it."""
        raise NotImplementedError

    def _send(self, data: bytes | memoryview) -> None:
        self._pieces.append(data)
        self._size += len(data)

    def flush(self) -> None:
        """Writes what this turn has to send."""
        pieces, self._pieces = self._pieces, []
        size, self._size = self._size, 0
        if not pieces or self.ended or self._transport.is_closing():
            return
        if len(pieces) == 1:
            self._transport.write(pieces[0])
        elif size <= _COPIED:
            self._transport.write(b"".join(pieces))
        else:
            write_pieces(self._transport, pieces)

    def _queue_bytes(self, stream: Stream, flag: int, message: bytes) -> None:
        """Puts a message behind what waits to go out, and sends what there is room for."""
        prefix = wire.PREFIX.pack(flag, len(message))
        if len(message) <= _COPIED:
            stream.out.append(memoryview(prefix + message))
        else:
            stream.out.append(memoryview(prefix))
            stream.out.append(memoryview(message))
        stream.since = self._server.now
        self._send_out(stream)

    def _send_out(self, stream: Stream) -> None:
        """Sends as much of a stream's answer as both windows have room for."""
        out = stream.out
        while out:
            piece = out[0]
            size = min(len(piece), self._window, stream.window, self._max_frame)
            if size <= 0 or self.stuck:
                self._blocked.pop(stream.id, None)
                if stream.window > 0:
                    self._blocked[stream.id] = stream  # behind the others
                return
            self._send(frames.HEAD.pack(size >> 8, size & 0xFF, frames.DATA, 0, stream.id))
            self._send(piece[:size])
            self._window -= size
            stream.window -= size
            stream.since = self.sent = self._server.now
            if size == len(piece):
                out.popleft()
            else:
                out[0] = piece[size:]
            if self._size > _AT_ONCE:
                self.flush()
        self._blocked.pop(stream.id, None)
        if stream.tail is not None:
            self._close_with(stream, stream.tail)
        else:
            stream.emptied()

    def _pump(self) -> None:
        """Goes on with what waited for the connection's window, or for the client to read."""
        blocked = self._blocked
        while blocked and self._window > 0 and not self.stuck:
            self._send_out(next(iter(blocked.values())))

    def _set_windows(self, window: int) -> None:
        """The client sets the window of every stream; ``_pump_all`` is to follow. Raises FrameError."""
        change = window - self._window_of_streams
        self._window_of_streams = window
        for stream in self.streams.values():
            stream.window += change
            if stream.window > frames.MAX_WINDOW:
                raise frames.FrameError(frames.FLOW_CONTROL_ERROR, f"a stream's window grows to {stream.window}")

    def _pump_all(self) -> None:
        """Goes on with whatever has room now."""
        for stream in [stream for stream in self.streams.values() if stream.out]:
            self._send_out(stream)
