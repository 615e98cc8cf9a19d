"""The ports of a server with workers, opened and kept by the supervisor.

REST: the supervisor listens, and hands the one listening socket down; a connection waits in its queue until any worker
takes it, whichever dies. gRPC takes no socket from outside: each worker opens the port with ``SO_REUSEPORT``, and the
supervisor holds a bound socket that does not listen, so that the port stays ours while a worker is away.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from noria.errors import UnavailableError
from noria.serving.config import ServerConfig
from noria.serving.listening import listen, taken


@dataclass
class Ports:
    """The sockets; None where an API is off."""

    rest: socket.socket | None
    grpc: socket.socket | None

    @classmethod
    def open(cls, config: ServerConfig) -> Ports:
        """Opens both or none. Raises UnavailableError, naming the port, when one is taken."""
        grpc = _hold(max(config.port, 0)) if config.port else None
        try:
            rest = listen(max(config.rest_api_port, 0), "--rest_api_port") if config.rest_api_port else None
        except UnavailableError:
            if grpc is not None:
                grpc.close()
            raise
        return cls(rest, grpc)

    @property
    def grpc_port(self) -> int:
        """The number of the gRPC port, 0 without one."""
        return int(self.grpc.getsockname()[1]) if self.grpc is not None else 0

    def close(self) -> None:
        """Lets go of the supervisor's own sockets."""
        for sock in (self.rest, self.grpc):
            if sock is not None:
                sock.close()


def _hold(port: int) -> socket.socket:
    """A socket bound to a TCP port on all IPv4 addresses, that others of this user may listen on besides."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise UnavailableError("several workers cannot share a gRPC port on this system; use --workers=1")
    try:
        with _bound(port, shared=False) as probe:  # fails where anyone listens, one that shares the port included
            port = probe.getsockname()[1]
        return _bound(port, shared=True)
    except OSError as error:
        raise taken("gRPC", f"0.0.0.0:{port}", error.strerror or str(error), "--port") from None


def _bound(port: int, *, shared: bool) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("0.0.0.0", port))
        return sock
    except OSError:
        sock.close()
        raise
