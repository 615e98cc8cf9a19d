"""What the REST edge gets and gives: a whole request, a whole answer, and the bytes of an answer on the wire."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple, TypeAlias

import orjson

Header: TypeAlias = tuple[bytes, bytes]
Answer: TypeAlias = tuple[int, Sequence[Header], bytes]  # status, headers without the length, body

JSON: Final[Header] = (b"content-type", b"application/json")

_STATUS_LINES: Final = {
    **{status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus},
    499: b"HTTP/1.1 499 Client Closed Request\r\n",
}
_MAX_HEADS: Final = 256


class Request:
    """A request that has come in whole.

    target: path and query as sent; headers: names in lower case; peer: the address of the client, None where the
    system does not tell; left: whether the client has closed, or at least sends no more, while the answer was made.
    """

    __slots__ = ("body", "headers", "keep_alive", "left", "method", "old", "peer", "target")

    def __init__(
        self,
        method: str,
        target: bytes,
        headers: list[Header],
        body: bytes,
        peer: str | None = None,
        *,
        keep_alive: bool = True,
        old: bool = False,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
        self.keep_alive = keep_alive
        self.left = False
        self.old = old  # HTTP/1.0, which is told when the connection stays open

    def header(self, name: bytes) -> bytes | None:
        """The first value of the header ``name`` (lower case), None without one."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


Application: TypeAlias = Callable[[Request], Coroutine[Any, Any, Answer]]


class Limits(NamedTuple):
    """What a client may ask of the server's memory and patience.

    slow_seconds: how long a head may take, and a body beyond one second for each KiB; also how long a client may leave
    an answer unread.
    """

    body: int = 256 << 20
    head: int = 64 << 10
    connections: int = 0  # 0: as many as the process may open files, less a reserve
    idle_seconds: float = 600.0
    slow_seconds: float = 30.0


def error_body(text: str) -> bytes:
    """The body of an error answer."""
    return b'{\n    "error": ' + orjson.dumps(text.encode("utf-8", "replace").decode()) + b"\n}"


class Heads:
    """The heads of answers as bytes, made once for each status and set of headers, and once a second for the date."""

    __slots__ = ("_made", "date")

    def __init__(self) -> None:
        self._made: dict[tuple[int, tuple[Header, ...]], bytes] = {}
        self.date = b""  # the Date header's value

    def at(self, status: int, headers: Sequence[Header]) -> bytes:
        """The head up to the length's value, which is to follow."""
        key = (status, headers if type(headers) is tuple else tuple(headers))
        made = self._made.get(key)
        if made is None:
            lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status]
            lines += [b"%s: %s\r\n" % (_cased(name), _one_line(value)) for name, value in headers]
            lines += [b"Date: ", self.date, b"\r\nContent-Length: "]
            made = b"".join(lines)
            if len(self._made) >= _MAX_HEADS:
                self._made.clear()
            self._made[key] = made
        return made

    def tick(self, date: bytes) -> None:
        """A new second has begun."""
        self.date = date
        self._made.clear()


def _cased(name: bytes) -> bytes:
    """``Content-Type`` of ``content-type``: names have no case, but some hand-made clients look for this one."""
    return b"-".join(part.capitalize() for part in name.split(b"-"))


def _one_line(value: bytes) -> bytes:
    """A header's value cannot end the header."""
    return value.replace(b"\r", b" ").replace(b"\n", b" ")
