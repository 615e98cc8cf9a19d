"""Server URLs.

    host:8500, grpc://host:8500, grpcs://host:8500     gRPC, in the clear or over TLS
    unix:/run/models.sock                              gRPC on a UNIX socket
    http://host:8501, https://host/prefix              REST

Without a port: 8500 for gRPC, 80 and 443 for REST. IPv6 addresses stand in brackets.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from noria.errors import InvalidArgumentError

_GRPC_PORT: Final = 8500
_FORMS: Final = "host:8500, grpc://, grpcs://, unix:/path, http:// or https://"


class Address(NamedTuple):
    """A parsed URL. rest: REST, else gRPC; host: for gRPC what grpc calls the target; prefix: a path before ``/v1``."""

    rest: bool
    tls: bool
    host: str
    port: int
    prefix: str = ""


def parse(url: str) -> Address:
    """The address that ``url`` names. Raises InvalidArgumentError."""
    if url.startswith("unix:"):
        if url == "unix:" or url == "unix://":
            raise InvalidArgumentError(f"{url!r} names no socket; write unix:/path/to/socket")
        return Address(False, False, url, 0)
    if " " in url or not url.isprintable():
        raise InvalidArgumentError(f"{url!r} has a space or a control character; a server's address is {_FORMS}")
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator:
        scheme, rest = "grpc", url
    if scheme not in ("grpc", "grpcs", "http", "https"):
        raise InvalidArgumentError(f"{url!r}: a server's address is {_FORMS}")
    authority, slash, path = rest.partition("/")
    over_rest = scheme.startswith("http")
    host, port = _split(authority, url)
    if "?" in rest or "#" in rest or "@" in rest or (path and not over_rest):
        raise InvalidArgumentError(f"{url!r}: a server's address is {_FORMS}, with nothing after the host and port")
    tls = scheme.endswith("s")
    if port is None:
        port = (443 if tls else 80) if over_rest else _GRPC_PORT
    if over_rest:
        return Address(True, tls, host, port, (slash + path).rstrip("/"))
    return Address(False, tls, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", port)


def _split(authority: str, url: str) -> tuple[str, int | None]:
    """(host without brackets, port or None)."""
    if authority.startswith("["):
        host, bracket, after = authority[1:].partition("]")
        digits = after.removeprefix(":")
        known = bool(bracket) and (after == "" or after.startswith(":"))
    else:
        host, colon, digits = authority.partition(":")
        known = not colon or bool(digits)
    if not host or not known or not (digits == "" or (digits.isascii() and digits.isdigit())):
        raise InvalidArgumentError(f"{url!r}: {authority!r} is no host:port")
    if digits and not 0 < int(digits) < 65536:
        raise InvalidArgumentError(f"{url!r}: {digits} is no port; ports are 1 to 65535")
    return host, int(digits) if digits else None
