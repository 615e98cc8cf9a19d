"""How a call is made of exchanges with a server, whoever waits for them.

A call (``Talk``) is a generator: it yields each request that it wants sent, is given the reply, and returns the result.
``retry.run`` sends them with blocking calls, ``retry.run_async`` with ``await``; what a call does is written once.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, NamedTuple, Protocol, TypeVar

from noria.errors import (
    AbortedError,
    AlreadyExistsError,
    CancelledError,
    Code,
    DataLossError,
    DeadlineExceededError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OutOfRangeError,
    PermissionDeniedError,
    ResourceExhaustedError,
    TFError,
    UnauthenticatedError,
    UnavailableError,
    UnimplementedError,
    UnknownError,
)


class Exchange(NamedTuple):
    """One request. verb: the HTTP method, "" over gRPC; path: the RPC or the URL's path; content: of REST bodies.

    repeatable: it changes nothing, so that it may be sent again when the server could not be reached.
    """

    verb: str
    path: str
    body: bytes = b""
    content: str = ""
    repeatable: bool = True


class Reply(NamedTuple):
    """What came back; content: the media type, "" over gRPC."""

    body: bytes
    content: str = ""


T = TypeVar("T")
Talk = Generator[Exchange, Reply, T]


class Transport(Protocol):
    """A way to one server. Thread-safe."""

    def send(self, exchange: Exchange, seconds: float) -> Reply:
        """The reply, within ``seconds``. Raises the error of ``noria.errors`` that the server's status means."""

    def pause(self, seconds: float) -> None:
        """Waits before a repetition."""

    def close(self) -> None:
        """Lets go of every connection."""


class AsyncTransport(Protocol):
    """The same for an event loop."""

    async def send(self, exchange: Exchange, seconds: float) -> Reply:
        """As ``Transport.send``."""

    async def close(self) -> None:
        """As ``Transport.close``."""


_CLASSES: Final[dict[int, type[TFError]]] = {
    int(found.code): found
    for found in (
        AbortedError, AlreadyExistsError, CancelledError, DataLossError, DeadlineExceededError, FailedPreconditionError,
        InternalError, InvalidArgumentError, NotFoundError, OutOfRangeError, PermissionDeniedError,
        ResourceExhaustedError, UnauthenticatedError, UnavailableError, UnimplementedError, UnknownError,
    )
}  # fmt: skip


def error_of(code: int, message: str) -> TFError:
    """The exception that a status code means, with the server's own words."""
    return _CLASSES.get(code, UnknownError)(message or f"the server gave no reason for {_name(code)}")


def _name(code: int) -> str:
    return Code(code).name if code in Code.__members__.values() else f"code {code}"
