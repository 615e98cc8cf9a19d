"""One exception class for each canonical status code, named as in ``tf.errors``.

Every class is also the built-in exception it means, so ``except ValueError`` and ``except InvalidArgumentError`` both
work. A message says what was received, what was expected, the difference, and what to do. Codes are those of
``google.rpc.Code``; each edge (HTTP, gRPC, exit status) projects ``code`` in a table of its own.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, ClassVar, overload


class Code(IntEnum):
    """Canonical status codes, with the numbers they have on the wire."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class TFError(Exception):
    """Base of every error Noria raises on purpose; ``code`` is its canonical code, ``message`` its text.

    Made from the message alone, or as ``tf.errors`` classes are: ``NotFoundError(node_def, op, message)``, and
    ``OpError(node_def, op, message, error_code)`` for the base. ``op`` is the operation that failed, if one did.
    """

    code: ClassVar[Code] = Code.UNKNOWN
    message: str
    node_name: str | None = None  # of the node that failed, where one did

    @overload
    def __init__(self, message: str, /) -> None: ...

    @overload
    def __init__(self, node_def: Any, op: Any, message: str, *details: Any, error_code: int = ...) -> None: ...

    def __init__(self, *parts: Any, **named: Any) -> None:
        if len(parts) == 1 and not named:
            parts = (None, None, *parts)
        self.node_def, self.op, self.message, *details = _in_order(*parts, **named)
        super().__init__(self.message)
        self.error_code = int(details[0] if type(self) is TFError and details else self.code)

    def __str__(self) -> str:  # KeyError would quote the text, OSError would drop it
        return self.message


def _in_order(node_def: Any, op: Any, message: str, *details: Any, **rest: Any) -> tuple[Any, ...]:
    return (node_def, op, message, *details, *rest.values())


def named(error: TFError, node_name: str) -> TFError:
    """``error``, which says from now on that the node of this name failed."""
    error.node_name = node_name
    return error


class CancelledError(TFError):
    """The caller gave the work up."""

    code = Code.CANCELLED


class UnknownError(TFError):
    """A failure with no better name."""

    code = Code.UNKNOWN


class InvalidArgumentError(TFError, ValueError):
    """An input is wrong whatever the state of the system."""

    code = Code.INVALID_ARGUMENT


class DeadlineExceededError(TFError, TimeoutError):
    """The time given ran out."""

    code = Code.DEADLINE_EXCEEDED


class NotFoundError(TFError, LookupError):
    """A file, tensor, model, version or signature that does not exist."""

    code = Code.NOT_FOUND


class AlreadyExistsError(TFError):
    """What was to be made is already there."""

    code = Code.ALREADY_EXISTS


class PermissionDeniedError(TFError, PermissionError):
    """The caller may not do this."""

    code = Code.PERMISSION_DENIED


class ResourceExhaustedError(TFError):
    """A quota, a queue or the memory is full."""

    code = Code.RESOURCE_EXHAUSTED


class FailedPreconditionError(TFError, RuntimeError):
    """The system is not in the state that the call needs."""

    code = Code.FAILED_PRECONDITION


class AbortedError(TFError):
    """A concurrent change got in the way; the caller may try again."""

    code = Code.ABORTED


class OutOfRangeError(TFError, IndexError):
    """Reading or iterating went past the end."""

    code = Code.OUT_OF_RANGE


class UnimplementedError(TFError, NotImplementedError):
    """Known, and not available here."""

    code = Code.UNIMPLEMENTED


class InternalError(TFError, RuntimeError):
    """An invariant of Noria itself is broken."""

    code = Code.INTERNAL


class UnavailableError(TFError, ConnectionError):
    """Not available now; the caller may try again."""

    code = Code.UNAVAILABLE


class DataLossError(TFError, OSError):
    """Stored bytes are damaged; the message names the file, the place and the cause."""

    code = Code.DATA_LOSS


class UnauthenticatedError(TFError):
    """The caller did not say who it is."""

    code = Code.UNAUTHENTICATED
