"""gRPC methods: what a service gives, and what a method is told of its call. ``http2`` carries them.

A method takes and gives serialised messages. An error is raised as one of ``noria.errors``, whose code and message
become the call's status; anything else that is raised is logged and answered as INTERNAL.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from noria.errors import TFError

MAX_TEXT: Final = 1024  # characters of an error message; the rest is cut
_ERRORS: Final = {found.code: found for found in TFError.__subclasses__()}


class Call:
    """What a method is told of its call.

    method: its path, ``/package.Service/Method``; metadata: names in lower case and values, bytes for names that end in
    ``-bin``; peer: the address of the client, ``unix:`` for one of a UNIX socket, None where the system does not tell;
    deadline: on ``time.monotonic``, None without one.
    """

    __slots__ = ("deadline", "metadata", "method", "peer")

    def __init__(
        self,
        method: str = "",
        metadata: tuple[tuple[str, str | bytes], ...] = (),
        peer: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self.method = method
        self.metadata = metadata
        self.peer = peer
        self.deadline = None if timeout is None else time.monotonic() + timeout


@dataclass(frozen=True, slots=True)
class Unary:
    """A method of one request and one answer."""

    function: Callable[[bytes, Call], Coroutine[Any, Any, bytes]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A method of any number of requests and answers."""

    function: Callable[[AsyncIterator[bytes], Call], AsyncIterator[bytes]]


Method: TypeAlias = Unary | Stream
Methods: TypeAlias = Mapping[str, Method]  # by path


def service(name: str, methods: Mapping[str, Method]) -> dict[str, Method]:
    """The methods of the service with the full name ``name``, by path."""
    return {f"/{name}/{method}": found for method, found in methods.items()}


def cut(text: str) -> str:
    """An error message at the length that is sent."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "...TRUNCATED"


def short(error: TFError) -> TFError:
    """``error`` itself or, where its message is too long to be sent, one of the same code with the message cut."""
    return error if len(error.message) <= MAX_TEXT else _ERRORS[error.code](cut(error.message))
