"""Exchanges over HTTP/1.1 connections that are kept open."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import ssl
import threading
import time
from collections import deque
from typing import Any, Final

from noria.client.address import Address
from noria.client.exchange import Exchange, Reply, error_of
from noria.client.options import Options, ssl_context
from noria.client.rest_json import error_text
from noria.errors import (
    Code,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    TFError,
    UnavailableError,
)

_CHUNK: Final = 1 << 20
_MOST_THREADS: Final = 64  # that wait for answers to the calls of an event loop
# TensorFlow Serving's table the other way round; 502 is a proxy's word for a server that it cannot reach.
_CODES: Final = {
    400: Code.INVALID_ARGUMENT, 401: Code.UNAUTHENTICATED, 403: Code.PERMISSION_DENIED, 404: Code.NOT_FOUND,
    409: Code.ABORTED, 413: Code.RESOURCE_EXHAUSTED, 429: Code.RESOURCE_EXHAUSTED, 499: Code.CANCELLED,
    500: Code.INTERNAL, 501: Code.UNIMPLEMENTED, 502: Code.UNAVAILABLE, 503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}  # fmt: skip


class _Stale(Exception):
    """A kept connection that the server closed in the meantime."""


class Hold:
    """The connection that a call uses, which another thread may end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: http.client.HTTPConnection | None = None
        self._ended = False

    def take(self, connection: http.client.HTTPConnection | None) -> bool:
        """Takes a connection, or, without one, lets go; False after ``end``."""
        with self._lock:
            self._connection = connection
            return not self._ended

    def end(self) -> None:
        """Makes the call fail that still uses a connection, so that its thread is free."""
        with self._lock:
            self._ended = True
            if self._connection is not None and self._connection.sock is not None:
                with contextlib.suppress(OSError):
                    # of the socket itself: the TLS session belongs to the thread that reads
                    socket.socket.shutdown(self._connection.sock, socket.SHUT_RDWR)


class HttpTransport:
    """Connections to one server; as many as threads use at a time, kept for the next call.

    Where the client was told never to send again, a request goes out once: over a kept connection that fails then, the
    server may have got it.
    """

    def __init__(self, address: Address, options: Options) -> None:
        self._address = address
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._context = ssl_context(options) if address.tls else None
        self._server_name = options.server_name
        self._headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
        self._again = options.retries.times > 0
        self._process = os.getpid()
        self.closed = False

    def send(self, exchange: Exchange, seconds: float, hold: Hold | None = None) -> Reply:
        deadline = time.monotonic() + seconds
        again = exchange.repeatable and self._again
        while True:
            kept = self._kept()
            connection = self._new() if kept is None else kept
            try:
                return self._exchange(connection, exchange, deadline, again and kept is not None, hold)
            except _Stale:
                continue

    def _kept(self) -> http.client.HTTPConnection | None:
        """A connection of an earlier call that the server has not closed since."""
        if self._process != os.getpid():  # a fork: those that are open are the parent's
            self._drop_idle()
            self._process = os.getpid()
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if not _is_over(connection):
                return connection
            connection.close()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        exchange: Exchange,
        deadline: float,
        stale_ok: bool,
        hold: Hold | None,
    ) -> Reply:
        done = began = False
        try:
            self._limit(connection, deadline)
            if connection.sock is None:
                connection.connect()
                self._limit(connection, deadline)
            if hold is not None and not hold.take(connection):
                raise TimeoutError  # nobody waits for the answer any more
            headers = dict(self._headers)
            if exchange.content:
                headers["Content-Type"] = headers["Accept"] = exchange.content
            connection.request(exchange.verb, exchange.path, exchange.body or None, headers)
            response = connection.getresponse()
            began = True
            body = self._read(connection, response, deadline)
            done = not response.will_close
        except TimeoutError:
            raise DeadlineExceededError(f"the deadline passed while {self._place} was asked") from None
        except ssl.SSLError as error:
            raise UnavailableError(f"no secure connection to {self._place}: {error}") from None
        except (OSError, http.client.HTTPException) as error:
            if stale_ok and not began:
                raise _Stale from None
            raise UnavailableError(f"cannot reach {self._place}: {error or type(error).__name__}") from None
        except UnicodeError as error:  # of the host's name
            raise InvalidArgumentError(f"{self._place} cannot be the place of a server: {error}") from None
        finally:
            if hold is not None:
                hold.take(None)
            if done and not self.closed:
                self._idle.append(connection)
            else:
                connection.close()
        if response.status != 200:
            raise _error(response.status, body)
        return Reply(body, (response.headers.get("Content-Type") or "").partition(";")[0].strip())

    def _limit(self, connection: http.client.HTTPConnection, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection.timeout = left
        if connection.sock is not None:
            connection.sock.settimeout(left)

    def _read(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, deadline: float
    ) -> bytes:
        chunks = []
        while chunk := response.read1(_CHUNK):  # what has come: read() waits for all, as long again for each piece
            chunks.append(chunk)
            if connection.sock is not None and response.length != 0:
                self._limit(connection, deadline)
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.close()  # which read() does at the end, and read1() does not
        return b"".join(chunks)

    def _new(self) -> http.client.HTTPConnection:
        if self.closed:
            raise FailedPreconditionError("the client is closed")
        host, port = self._address.host, self._address.port
        if self._context is None:
            return http.client.HTTPConnection(host, port)
        return _Secure(host, port, self._context, self._server_name)

    def pause(self, seconds: float) -> None:
        """Waits before a repetition."""
        time.sleep(seconds)

    @property
    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def close(self) -> None:
        self.closed = True
        self._drop_idle()

    def _drop_idle(self) -> None:
        with contextlib.suppress(IndexError):
            while True:
                self._idle.pop().close()


def _is_over(connection: http.client.HTTPConnection) -> bool:
    """Whether a connection that nobody uses has anything to read: its end, or words that answer no request."""
    sock = connection.sock
    if sock is None:
        return True
    try:
        sock.settimeout(0)
        socket.socket.recv(sock, 1, socket.MSG_PEEK)  # below TLS, which cannot peek
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class _Secure(http.client.HTTPSConnection):
    """A connection whose certificate may be for another name than the host's."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, server_name: str) -> None:
        super().__init__(host, port, context=context)
        self._names = context
        self._server_name = server_name or host

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        plain: socket.socket = self.sock
        self.sock = self._names.wrap_socket(plain, server_hostname=self._server_name)


class AsyncHttpTransport:
    """The same for an event loop: each exchange in a thread of its own, which ends with the call that waits for it."""

    def __init__(self, address: Address, options: Options) -> None:
        from concurrent.futures import ThreadPoolExecutor  # which asyncio imports, and blocking clients do without

        self._inner = HttpTransport(address, options)
        self._threads = ThreadPoolExecutor(_MOST_THREADS, "noria-client")

    async def send(self, exchange: Exchange, seconds: float) -> Reply:
        import asyncio  # which a program that runs a loop has imported already

        if self._inner.closed:
            raise FailedPreconditionError("the client is closed")
        hold = Hold()
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(
                    self._threads, self._inner.send, exchange, seconds, hold
                )
        except TimeoutError:
            raise DeadlineExceededError("the deadline passed while the server was asked") from None
        finally:
            hold.end()

    async def close(self) -> None:
        self._inner.close()
        self._threads.shutdown(wait=False)


def _error(status: int, body: bytes) -> TFError:
    text = error_text(body)
    code: Any = _CODES.get(status)
    if code is None:
        return error_of(int(Code.UNKNOWN), f"the server answered with HTTP status {status}: {text}")
    return error_of(int(code), text or f"the server answered with HTTP status {status}")
