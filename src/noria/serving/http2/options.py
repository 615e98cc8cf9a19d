"""What ``--grpc_channel_arguments`` sets of a gRPC server: the arguments of gRPC's C core that mean something here.

Names and meanings are those of gRPC's ``channel_arg_names.h``, and most defaults; sizes of messages are TensorFlow
Serving's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Self

from noria.errors import InvalidArgumentError

_MOST: Final = 2**31 - 1  # milliseconds, too, gRPC takes for never; 25 days are, where a number is needed


class Options(NamedTuple):
    """The limits of a server. Times are in seconds; None stands for never.

    max_receive_bytes, max_send_bytes: of a message, inflated; max_streams: calls at a time on one connection;
    max_head_bytes: of a call's metadata; idle_seconds: after which a connection without a call is closed; age_seconds:
    after which a connection takes no more calls, and age_grace_seconds: how much later its last are cut; keepalive:
    how long a connection is silent before it is asked for a sign of life, and how long that may take; handshake: for
    TLS; settings: for the first frame after it; compression: of answers, "", "deflate" or "gzip"; slow: in which a
    client must send the rest of a message, and read its answer.
    """

    max_receive_bytes: int = _MOST
    max_send_bytes: int = _MOST
    max_streams: int = 1024
    max_head_bytes: int = 16384
    idle_seconds: float | None = None
    age_seconds: float | None = None
    age_grace_seconds: float | None = None
    keepalive_seconds: float = 7200.0
    keepalive_timeout_seconds: float = 20.0
    handshake_seconds: float = 10.0
    settings_seconds: float = 5.0
    compression: str = ""
    slow_seconds: float = 30.0

    @classmethod
    def parse(cls, text: str) -> Self:
        """The options of ``name=value,name=value``; what has no effect is skipped, and the last of a name counts.

        Raises InvalidArgumentError for another form, and for a value that an argument cannot have.
        """
        found: dict[str, Any] = {}
        soft = hard = None
        for name, value in _arguments(text):
            if name in _SIZES:
                found[_SIZES[name]] = _size(name, value)
            elif name in _TIMES:
                found[_TIMES[name]] = _seconds(name, value)
            elif name == _SOFT:
                soft = _size(name, value)
            elif name == _HARD:
                hard = _size(name, value)
            elif name == _COMPRESSION:
                found["compression"] = _ALGORITHMS[_number(name, value, 0, len(_ALGORITHMS) - 1)]
        if hard is not None:
            found["max_head_bytes"] = hard
        elif soft is not None:
            found["max_head_bytes"] = max(cls().max_head_bytes, soft + soft // 4)
        return cls(**found)


_SIZES: Final = {
    "grpc.max_receive_message_length": "max_receive_bytes",
    "grpc.max_send_message_length": "max_send_bytes",
    "grpc.max_concurrent_streams": "max_streams",
}
_TIMES: Final = {
    "grpc.max_connection_idle_ms": "idle_seconds",
    "grpc.max_connection_age_ms": "age_seconds",
    "grpc.max_connection_age_grace_ms": "age_grace_seconds",
    "grpc.keepalive_time_ms": "keepalive_seconds",
    "grpc.keepalive_timeout_ms": "keepalive_timeout_seconds",
    "grpc.server_handshake_timeout_ms": "handshake_seconds",
    "grpc.http2.settings_timeout": "settings_seconds",
}
_SOFT: Final = "grpc.max_metadata_size"  # gRPC refuses some that are larger, and all that exceed it by a quarter
_HARD: Final = "grpc.absolute_max_metadata_size"
_COMPRESSION: Final = "grpc.default_compression_algorithm"
_ALGORITHMS: Final = ("", "deflate", "gzip")  # by gRPC's number
_KNOWN: Final = frozenset({*_SIZES, *_TIMES, _SOFT, _HARD, _COMPRESSION})
_OPTIONAL: Final = frozenset({"idle_seconds", "age_seconds", "age_grace_seconds"})


def without_effect(text: str) -> list[str]:
    """The names in ``name=value,name=value`` that change nothing here, each once. Raises as ``Options.parse``."""
    Options.parse(text)
    return [name for name in dict.fromkeys(name for name, _ in _arguments(text)) if name not in _KNOWN]


def _arguments(text: str) -> Iterator[tuple[str, str]]:
    for argument in text.split(",") if text else ():
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise InvalidArgumentError(
                f"--grpc_channel_arguments is name=value,name=value; got {argument!r} in {text!r}"
            )
        yield name.strip(), value.strip()


def _number(name: str, text: str, least: int, most: int = _MOST) -> int:
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() else None
    if number is None or not least <= number <= most:
        raise InvalidArgumentError(
            f"{name} of --grpc_channel_arguments is a whole number from {least} to {most}; got {text!r}"
        )
    return number


def _size(name: str, text: str) -> int:
    """A limit, where -1 stands for none."""
    number = _number(name, text, -1)
    return _MOST if number < 0 else number


def _seconds(name: str, text: str) -> float | None:
    milliseconds = _number(name, text, 1)
    return None if milliseconds == _MOST and _TIMES[name] in _OPTIONAL else milliseconds / 1000
