"""Exchanges over HTTP/1.1 connections that are kept open."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from collections import deque
from typing import Any, Final

from noria.client.address import Address
from noria.client.exchange import Exchange, Reply, error_of
from noria.client.options import Options, ssl_context
from noria.client.rest_json import error_text
from noria.errors import Code, DeadlineExceededError, FailedPreconditionError, TFError, UnavailableError

_CHUNK: Final = 1 << 20
# TensorFlow Serving's table the other way round; 502 is a proxy's word for a server that it cannot reach.
_CODES: Final = {
    400: Code.INVALID_ARGUMENT, 401: Code.UNAUTHENTICATED, 403: Code.PERMISSION_DENIED, 404: Code.NOT_FOUND,
    409: Code.ABORTED, 413: Code.RESOURCE_EXHAUSTED, 429: Code.RESOURCE_EXHAUSTED, 499: Code.CANCELLED,
    500: Code.INTERNAL, 501: Code.UNIMPLEMENTED, 502: Code.UNAVAILABLE, 503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}  # fmt: skip


class _Stale(Exception):
    """A kept connection that the server closed in the meantime."""


class HttpTransport:
    """Connections to one server; as many as threads use at a time, kept for the next call."""

    def __init__(self, address: Address, options: Options) -> None:
        self._address = address
        self._idle: deque[http.client.HTTPConnection] = deque()
        self._context = ssl_context(options) if address.tls else None
        self._server_name = options.server_name
        self._headers = {"Authorization": f"Bearer {options.token}"} if options.token else {}
        self._closed = False

    def send(self, exchange: Exchange, seconds: float) -> Reply:
        deadline = time.monotonic() + seconds
        while True:
            try:
                connection, kept = self._idle.pop(), True
            except IndexError:
                connection, kept = self._new(), False
            try:
                return self._exchange(connection, exchange, deadline, kept and exchange.repeatable)
            except _Stale:
                continue

    def _exchange(
        self, connection: http.client.HTTPConnection, exchange: Exchange, deadline: float, stale_ok: bool
    ) -> Reply:
        done = began = False
        try:
            self._limit(connection, deadline)
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
        finally:
            if done and not self._closed:
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
        if response.length is not None and response.length < _CHUNK:
            return response.read()
        chunks = []
        while chunk := response.read(_CHUNK):
            chunks.append(chunk)
            if connection.sock is not None:
                self._limit(connection, deadline)
        return b"".join(chunks)

    def _new(self) -> http.client.HTTPConnection:
        if self._closed:
            raise FailedPreconditionError("the client is closed")
        host, port = self._address.host, self._address.port
        if self._context is None:
            return http.client.HTTPConnection(host, port)
        return _Secure(host, port, self._context, self._server_name)

    @property
    def _place(self) -> str:
        return f"{self._address.host}:{self._address.port}"

    def close(self) -> None:
        self._closed = True
        while self._idle:
            self._idle.pop().close()


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
    """The same for an event loop: each exchange in a thread."""

    def __init__(self, address: Address, options: Options) -> None:
        self._inner = HttpTransport(address, options)

    async def send(self, exchange: Exchange, seconds: float) -> Reply:
        import asyncio  # which a program that runs a loop has imported already

        return await asyncio.to_thread(self._inner.send, exchange, seconds)

    async def close(self) -> None:
        self._inner.close()


def _error(status: int, body: bytes) -> TFError:
    text = error_text(body)
    code: Any = _CODES.get(status)
    if code is None:
        return error_of(int(Code.UNKNOWN), f"the server answered with HTTP status {status}: {text}")
    return error_of(int(code), text or f"the server answered with HTTP status {status}")
