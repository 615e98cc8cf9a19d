"""One HTTP/1.1 connection: bytes to requests by httptools, each handed to the application, answers back in order.

What takes no waiting is answered within the very call that brought the bytes: the application's coroutine is run up to
its first wait, and only one that waits becomes a task. That, one write for each answer, and no object for what a
request does not need, is what makes this three times as fast as a general ASGI server.

Bounded: the head, the body, how many requests may wait on one connection (it is not read beyond that), and by the
server's watch the time a client may take to send a request or to read an answer.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import httptools

from noria.serving.eager import Pause, start
from noria.serving.edge import let_go, peer_of, write_pieces
from noria.serving.http1.messages import JSON, Answer, Application, Header, Heads, Limits, Request, error_body

try:
    import fcntl
    import termios
except ImportError:  # Windows
    fcntl = termios = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from noria.serving.http1.server import HttpServer

_LOG = logging.getLogger(__name__)

_MAX_WAITING: Final = 16  # requests that one client may have sent ahead
_COPIED: Final = 64 << 10  # an answer up to this size is written in one piece with its head
_SMALL: Final = 4096  # bytes of a part of a body up to which it is joined to the one before
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Connection(asyncio.Protocol):
    """The protocol of one connection. ``since`` is when it last became what it is: idle, reading or waiting to write.

    Attributes that the server's watch reads: ``reading`` (a part of a request has come), ``received`` (bytes of it),
    ``stuck`` (the client does not read), ``busy`` (a request is being worked on), ``ended`` (the last answer is out).
    """

    __slots__ = (
        "_app", "_body", "_chunks", "_expects", "_framing", "_got_body", "_head", "_headers", "_heads", "_in_head",
        "_limits", "_loop", "_parser", "_peer", "_refused", "_request", "_server", "_target", "_task", "_transport",
        "_waiting", "busy", "ended", "last", "reading", "received", "since", "stuck",
    )  # fmt: skip

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._app: Application = server.app
        self._limits: Limits = server.limits
        self._heads: Heads = server.heads
        self._loop = server.loop
        self._parser: Any = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._peer: str | None = None
        self._waiting: list[Request] = []
        self._headers: list[Header] = []
        self._chunks: list[bytes | bytearray] | None = None
        self._body = b""
        self._target = b""
        self._head = 0  # bytes of the head so far
        self._framing = 0  # bytes since the last of the body: of chunks' extensions, or of fields after the body
        self._got_body = False  # with what was read just now
        self._in_head = False
        self._expects = False
        self._refused: tuple[int, str] | None = None
        self._request: Request | None = None  # the one being worked on, where it takes a wait
        self._task: asyncio.Future[Answer] | None = None  # of the request being worked on, where it takes a wait
        self.busy = self.reading = self.stuck = self.ended = False
        self.last = False  # whether the answer at hand is to be the last
        self.received = 0
        self.since = server.now

    # ---- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._peer = peer_of(transport)
        self.since = self._server.now  # the handshake of TLS may have taken a while
        self._server.opened(self)
        if self._server.full():
            self.refuse(503, "The server has as many connections as it may have; try again later.")

    def connection_lost(self, error: Exception | None) -> None:
        self._server.lost(self)
        self._waiting.clear()
        self.ended = True
        self._parser = None  # which knows this object: left alone, the two would wait for the garbage collector
        if self._task is not None:
            self._task.cancel()  # nobody waits for it: what has not begun to run will not

    def eof_received(self) -> bool:
        """The client has nothing more to send, and may still read: requests that are whole are answered first.

        Most that send no more have gone, though: what waits for the engine by then does not run.
        """
        if self._request is not None:
            self._request.left = True
        if self.busy or self._waiting or self.stuck:
            self.last = True
            return True
        return False

    def pause_writing(self) -> None:
        self.stuck, self.since = True, self._server.now
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self.stuck, self.since = False, self._server.now
        self._transport.resume_reading()
        self.work()

    # ---- requests, as the parser finds them

    def data_received(self, data: bytes) -> None:
        if self.ended:
            return  # what still comes after the last answer is thrown away
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._decline(data[upgrade.args[0] :])
            return
        except httptools.HttpParserError:
            self._refused = self._refused or (400, "Invalid HTTP request received.")
        if self._waiting and not self.busy:
            self._server.soon(self)
        if self._in_head:
            self._head += len(data)
            if self._head > self._limits.head:
                self._refused = (431, "The request line and headers are too long.")
        elif self.reading:
            self._framing = 0 if self._got_body else self._framing + len(data)
            self._got_body = False
            if self._framing > self._limits.head:
                self._refused = self._refused or (431, "What comes between the body's chunks or after is too long.")
        if self._refused is not None and not self.busy and not self._waiting:
            self.refuse(*self._refused)
        if self.reading:
            self.received += len(data)

    def _decline(self, rest: bytes) -> None:
        """Goes on without the other protocol that a request offers: its head once more, less the offer.

        The parser takes what follows such a head for the other protocol's, the request's body included.
        """
        if self._parser.get_method() == b"CONNECT" or self._refused is not None:
            self._refused = self._refused or (400, "This is no proxy.")
            if not self.busy and not self._waiting:
                self.refuse(*self._refused)
            return
        parser, self._parser = self._parser, httptools.HttpRequestParser(self)
        lines = [b"%s %s HTTP/%s\r\n" % (parser.get_method(), self._target, parser.get_http_version().encode())]
        offers = (b"upgrade", b"http2-settings")
        for name, value in self._headers:
            if name == b"connection":
                value = b", ".join(v for v in value.split(b",") if v.strip().lower() not in offers)
            if name not in offers:
                lines.append(b"%s: %s\r\n" % (name, value))
        self._in_head = False
        self.data_received(b"".join([*lines, b"\r\n", rest]))

    def on_message_begin(self) -> None:
        self._headers = []
        self._target = b""
        self._body = b""
        self._chunks = None
        self._expects = False
        self._head = self._framing = self.received = 0
        self._in_head = self.reading = True
        self.since = self._server.now

    def on_url(self, url: bytes) -> None:
        self._target = self._target + url if self._target else url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # fields after the body, which nobody needs
        name = name.lower()
        self._headers.append((name, value))
        self._head += len(name) + len(value) + 4
        if name == b"content-length":
            if int(value) > self._limits.body:
                self._refused = (413, self._too_big(int(value)))
        elif name == b"expect":
            self._expects = value.lower() == b"100-continue"

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._head + len(self._target) > self._limits.head:
            self._refused = (431, "The request line and headers are too long.")
        elif self._parser.should_upgrade():
            pass  # it comes again
        elif self._expects and self._refused is None and not self.busy and not self._waiting:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        if self._refused is not None:
            return
        self._got_body = True
        chunks = self._chunks
        if chunks is not None:
            if len(body) > _SMALL:
                chunks.append(body)
            elif type(chunks[-1]) is bytearray:
                chunks[-1] += body
            else:
                chunks.append(bytearray(body))  # a small part takes twenty times its bytes as an object of its own
        elif self._body:
            self._chunks = [self._body, body]
        else:
            self._body = body
        self._head += len(body)  # from here on: head and body together
        if self._head > self._limits.body + self._limits.head:
            self._refused = (413, self._too_big(self._head))

    def on_message_complete(self) -> None:
        self.reading = self._in_head = False
        if self._refused is not None:
            return
        parser = self._parser
        if parser.should_upgrade():
            return  # it comes again, see _decline
        body = self._body if self._chunks is None else b"".join(self._chunks)
        self._body, self._chunks = b"", None
        if len(body) > self._limits.body:
            self._refused = (413, self._too_big(len(body)))
            return
        self._waiting.append(
            Request(
                parser.get_method().decode("ascii"),
                self._target,
                self._headers,
                body,
                self._peer,
                keep_alive=parser.should_keep_alive(),
                old=parser.get_http_version() == "1.0",
            )
        )
        if len(self._waiting) >= _MAX_WAITING:
            self._transport.pause_reading()

    def _too_big(self, size: int) -> str:
        return (
            f"the request body has {size} bytes or more; at most {self._limits.body} are accepted. Send smaller "
            "batches, or raise --rest_api_max_body_bytes"
        )

    # ---- answers

    def work(self) -> None:
        """Answers what waits, in order, up to the first request whose answer takes a wait."""
        waiting = self._waiting
        while waiting and not self.busy and not self.stuck and not self.ended:
            request = waiting.pop(0)
            if len(waiting) == _MAX_WAITING - 1:
                self._transport.resume_reading()
            begun = start(self._app(request), self._loop)
            if type(begun) is tuple:
                self._answer(request, begun)
                continue
            self.busy = True
            if type(begun) is Pause:
                begun.then = partial(self._go_on, request)
            else:
                self._wait(request, begun)
        if not waiting and not self.busy and not self.stuck and self._refused is not None and not self.ended:
            self.refuse(*self._refused)

    def _wait(self, request: Request, task: asyncio.Future[Answer]) -> None:
        self._request, self._task = request, task
        task.add_done_callback(partial(self._done, request))

    def _go_on(self, request: Request, begun: Any) -> None:
        """A request that waited for the others of its turn has its answer, or waits for something else."""
        if type(begun) is tuple:
            self.busy = False
            self._answer(request, begun)
            if self._waiting or self._refused is not None:
                self._server.soon(self)
        else:
            self._wait(request, begun)

    def flush(self) -> None:
        """Answers are written as they are made; the loop sends them at the end of its turn."""

    @property
    def pending(self) -> int:
        """How many requests could be worked on: they are answered one by one."""
        return 1 if self._waiting else 0

    def _done(self, request: Request, task: asyncio.Future[Answer]) -> None:
        self.busy = False
        self._request = self._task = None
        self.since = self._server.now
        if task.cancelled():
            self._transport.close()
            return
        error = task.exception()
        if error is not None:
            _LOG.error("%s %s failed", request.method, request.target.decode("latin-1"), exc_info=error)
            self._answer(request, (500, (JSON,), error_body(f"{type(error).__name__}: {error}")))
        else:
            self._answer(request, task.result())
        if self._waiting or self._refused is not None:
            self.work()

    def _answer(self, request: Request, answer: Answer) -> None:
        if self.ended:
            return
        status, headers, body = answer
        head = self._heads.at(status, headers)
        if not request.keep_alive or self.last or self._server.draining:
            line = b"%s%d\r\nConnection: close\r\n\r\n"
            self.ended = True
        elif request.old:
            line = b"%s%d\r\nConnection: keep-alive\r\n\r\n"
        else:
            line = b"%s%d\r\n\r\n"
        head = line % (head, len(body))
        if request.method == "HEAD":
            body = b""
        if len(body) <= _COPIED:
            self._transport.write(head + body)
        else:
            write_pieces(self._transport, (head, body))
        if self.ended:
            self._waiting.clear()
            self._transport.close()

    def refuse(self, status: int, text: str) -> None:
        """Answers a request that will not be read to its end. What the client still sends must not reset the answer,
        so it is read and thrown away until the client closes or the server's watch does."""
        if self.ended:
            return
        self.ended, self.since = True, self._server.now
        self._server.refused[status] += 1
        self.reading = False
        self._waiting.clear()
        self._chunks, self._body = None, b""
        body = error_body(text)
        head = self._heads.at(status, (JSON,))
        self._transport.write(b"%s%d\r\nConnection: close\r\n\r\n%s" % (head, len(body), body))
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()  # TLS knows no half-closed connection

    # ---- for the watch and the drain

    @property
    def idle(self) -> bool:
        """No request is here or on its way, as far as this process knows."""
        return not (self.busy or self.reading or self.stuck or self._waiting or self.ended)

    def unread(self) -> bool:
        """Whether the system holds bytes of this connection that the loop has not read yet."""
        sock = self._transport.get_extra_info("socket")
        if fcntl is None or sock is None or sock.fileno() < 0:
            return False
        try:
            (count,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.FIONREAD, b"\0" * 4))
        except OSError:
            return False
        return bool(count)

    def close(self) -> None:
        """Closes when what was written is out."""
        if not self._transport.is_closing():  # asyncio's TLS cannot be closed twice
            self._transport.close()

    def let_go(self) -> None:
        """Closes without the client's last word, when what was written is out."""
        let_go(self._transport)

    def abort(self) -> None:
        """Closes at once."""
        self._transport.abort()
