"""The listening sockets of a server, opened all or none.

A supervisor opens them and hands them down: a connection waits in a socket's queue until any worker takes it, whichever
dies.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass

from noria.errors import UnavailableError
from noria.serving.config import ServerConfig
from noria.serving.listening import SocketFile, listen


@dataclass
class Ports:
    """The sockets, None where an API is off: REST, gRPC, and gRPC on a UNIX socket.

    file: of the latter, in the process that made it.
    """

    rest: socket.socket | None = None
    grpc: socket.socket | None = None
    unix: socket.socket | None = None
    file: SocketFile | None = None

    @classmethod
    def open(cls, config: ServerConfig) -> Ports:
        """Opens what the settings ask for. Raises UnavailableError, naming the place, when one is taken."""
        ports = cls()
        try:
            if config.port:
                ports.grpc = listen(max(config.port, 0), "gRPC", "--port")
            if config.rest_api_port:
                ports.rest = listen(max(config.rest_api_port, 0), "REST", "--rest_api_port")
            if config.grpc_socket_path:
                ports.file = SocketFile(config.grpc_socket_path, "gRPC", "--grpc_socket_path")
                ports.unix = ports.file.listener
        except UnavailableError:
            ports.close()
            raise
        return ports

    def sockets(self) -> list[socket.socket]:
        """Those that there are."""
        return [sock for sock in (self.rest, self.grpc, self.unix) if sock is not None]

    def remove_file(self) -> None:
        """Removes the file of the UNIX socket, where this process made it."""
        if self.file is not None:
            self.file.remove()

    def close(self) -> None:
        """Lets go of this process's sockets."""
        self.remove_file()
        for sock in self.sockets():
            sock.close()
