"""Accepting from listening sockets that several processes share, so that each gets its part of the connections.

Left to itself, the process that wakes first takes all connections that wait: of 24 that a load generator opened at
once, one of three workers got 23. So all workers write how many connections they hold into memory that they share, and
one that holds clearly more than another leaves a new connection to the others for a millisecond before it takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import mmap
import os
import socket
import ssl
import struct
import tempfile
from collections.abc import Callable
from typing import Final, NamedTuple, Self

from noria.serving.listening import TCP
from noria.serving.security import tls as tls_files

_LOG = logging.getLogger(__name__)

_SLOT: Final = struct.Struct("=i")  # by socket, then by worker: its connections, -1 while it takes none
_SOCKETS: Final = 3  # REST, gRPC, and gRPC on a UNIX socket
_ASIDE_SECONDS: Final = 0.001
_SLACK: Final = 1  # more connections than another that do not matter; an eighth more do not either
_FULL_SECONDS: Final = 1.0  # after an accept that found no free file descriptor
_FULL: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


def make_counts(workers: int) -> int:
    """A file descriptor of memory for ``all_counts``, to hand down; each slot says that its worker takes none."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("noria-connections")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.write(descriptor, _SLOT.pack(-1) * workers * _SOCKETS)
    return descriptor


def all_counts(descriptor: int, workers: int) -> list[Counts]:
    """The counts of each socket, in the order of ``Sharings``, in memory of ``make_counts``."""
    return [Counts(descriptor, workers, number) for number in range(_SOCKETS)]


class Counts:
    """How many connections of one socket each worker holds."""

    def __init__(self, descriptor: int, workers: int, number: int = 0) -> None:
        self._workers = workers
        self._first = number * workers
        self._memory = mmap.mmap(descriptor, _SOCKETS * workers * _SLOT.size)

    def set(self, worker: int, count: int) -> None:
        """Says how many connections a worker holds; -1 for one that takes none."""
        _SLOT.pack_into(self._memory, (self._first + worker) * _SLOT.size, count)

    def fewest_of_others(self, worker: int) -> int | None:
        """The smallest number that another worker holds; None where no other takes connections."""
        others = (self._first + other for other in range(self._workers) if other != worker)
        found = [_SLOT.unpack_from(self._memory, other * _SLOT.size)[0] for other in others]
        return min((count for count in found if count >= 0), default=None)

    def close(self) -> None:
        """Lets go of the memory."""
        self._memory.close()


class Sharing:
    """One worker's part in a shared listening socket. coming: connections that are accepted and not known yet."""

    def __init__(self, counts: Counts, worker: int) -> None:
        self._counts = counts
        self._worker = worker
        self._held = 0  # connections that the server knows
        self.coming = 0
        self._ended = False
        self._waiting: asyncio.TimerHandle | None = None
        self._making: set[asyncio.Task[None]] = set()

    @classmethod
    def alone(cls) -> Self:
        """The part of a server that shares the socket with no other."""
        descriptor = make_counts(1)
        counts = Counts(descriptor, 1)
        os.close(descriptor)
        return cls(counts, 0)

    def start(
        self,
        listener: socket.socket,
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
        handshake_seconds: float | None = None,
    ) -> None:
        """Takes connections on the running loop from now on; handshake_seconds: for TLS, ten seconds by default."""
        self._loop = asyncio.get_running_loop()
        self._listener, self._make, self._tls = listener, make, tls
        self._patience = tls_files.HANDSHAKE_SECONDS if handshake_seconds is None else handshake_seconds
        listener.setblocking(False)
        self._counts.set(self._worker, 0)
        self._loop.add_reader(listener, self._readable)

    def holds(self, connections: int) -> None:
        """To be called at every change of the number of connections."""
        self._held = connections
        if not self._ended:
            self._counts.set(self._worker, connections + self.coming)

    def close(self) -> None:
        """Takes no more."""
        self._loop.remove_reader(self._listener)
        if self._waiting is not None:
            self._waiting.cancel()
        self._ended = True
        self._counts.set(self._worker, -1)

    def _readable(self) -> None:
        fewest = self._counts.fewest_of_others(self._worker)
        if fewest is not None and self._held + self.coming > fewest + _SLACK + fewest // 8:
            self._pause(_ASIDE_SECONDS)
        else:
            self._accept()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._waiting = self._loop.call_later(seconds, self._again)

    def _again(self) -> None:
        self._waiting = None
        self._loop.add_reader(self._listener, self._readable)
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker has it, or the client is gone
        except OSError as error:
            if error.errno not in _FULL:
                raise
            _LOG.error("cannot take a connection: %s", error.strerror)
            self._pause(_FULL_SECONDS)
            return
        connection.setblocking(False)
        if connection.family in TCP:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.coming += 1
        self.holds(self._held)
        task = self._loop.create_task(self._connect(connection))
        self._making.add(task)
        task.add_done_callback(self._making.discard)

    async def _connect(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # gone before it began, or no TLS
                seconds = self._patience if self._tls else None
                await self._loop.connect_accepted_socket(
                    self._make, connection, ssl=self._tls, ssl_handshake_timeout=seconds
                )
        finally:
            self.coming -= 1
            self.holds(self._held)


class Sharings(NamedTuple):
    """One worker's parts in the sockets of a server."""

    rest: Sharing
    grpc: Sharing
    unix: Sharing

    @classmethod
    def of(cls, descriptor: int, workers: int, worker: int) -> Self:
        """Those of one worker, by the descriptor of ``make_counts``."""
        return cls(*(Sharing(counts, worker) for counts in all_counts(descriptor, workers)))
