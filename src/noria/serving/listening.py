"""Listening sockets: opened with a clear error, and closed without resetting a client that had connected.

A connection whose handshake is done but that the server has not accepted yet is reset when its listening socket is
closed. So an end goes like this: new handshakes are ignored (the client's system asks again a second later, and is then
refused or served by another), the queue is accepted empty, and only then the socket is closed. Where the socket is a
file, the file goes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import errno
import os
import select
import socket
import stat
import struct
import sys
import time
from typing import Final

from noria.errors import UnavailableError

BACKLOG: Final = 1024
TCP: Final = (socket.AF_INET, socket.AF_INET6)

_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_SO_ATTACH_FILTER: Final = 26  # Linux
# Classic BPF over the TCP header: byte 13 holds the flags; a packet with SYN (2) and without ACK (16) is dropped.
_DROP_SYN: Final = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
_QUIET_SECONDS: Final = 0.03  # what handshakes under way may take to end
_QUEUE_SECONDS: Final = 2.0  # a loop too busy to accept what is queued is not waited for longer


def listen(port: int, api: str, flag: str) -> socket.socket:
    """A listening socket on all interfaces, IPv6 and IPv4 where the machine has both; port 0 for any free one.

    Raises UnavailableError, naming the ``api``, the port and the ``flag`` to change, when it cannot be opened.
    """
    try:
        if socket.has_dualstack_ipv6():
            try:
                return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)
            except OSError as error:
                if error.errno not in _NO_IPV6:
                    raise
        return socket.create_server(("", port), backlog=BACKLOG)
    except OSError as error:
        raise taken(api, str(port), error.strerror or str(error), flag) from None


class SocketFile:
    """A listening UNIX socket, ``listener``, and its file, which is to be removed by who made it."""

    def __init__(self, path: str, api: str, flag: str) -> None:
        """Takes the place of a socket's file that nobody listens on. Raises as ``listen`` does."""
        self._path = os.path.abspath(path)
        try:
            self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except (AttributeError, OSError):
            raise taken(api, f"unix:{path}", "this system has no UNIX sockets", flag) from None
        try:
            if _abandoned(path):
                os.unlink(path)
            self.listener.bind(path)
            self._made = os.lstat(path)
            self.listener.listen(BACKLOG)
        except OSError as error:
            self.listener.close()
            raise taken(api, f"unix:{path}", error.strerror or str(error), flag) from None

    def remove(self) -> None:
        """Removes the file, unless another has taken its place: nobody can connect any more."""
        with contextlib.suppress(OSError):
            if os.path.samestat(os.lstat(self._path), self._made):
                os.unlink(self._path)


def _abandoned(path: str) -> bool:
    """Whether ``path`` is the file of a socket that nobody listens on."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return False
    except FileNotFoundError:
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.setblocking(False)
        try:
            asking.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False  # a full queue, or another's file
    return False


def taken(api: str, place: str, why: str, flag: str) -> UnavailableError:
    """The error of a port that cannot be opened."""
    return UnavailableError(
        f"cannot open the {api} port {place}: {why}. Is another server using it? Choose another {flag}"
    )


async def close_gently(listener: socket.socket, *, close: bool = True, shared: bool = False) -> None:
    """Stops new connections, waits until all that were made are accepted by the running loop, and closes the socket.

    shared: other processes listen on the same socket, and it is not for this one to stop new connections.
    """
    if shared or refuse_handshakes(listener):
        end = time.monotonic() + _QUEUE_SECONDS
        await asyncio.sleep(_QUIET_SECONDS)
        while queued(listener) and time.monotonic() < end:
            await asyncio.sleep(0.005)
    else:
        await asyncio.sleep(0)  # what is queued now is accepted in this round of the loop
    if close:
        listener.close()


def refuse_handshakes(listener: socket.socket) -> bool:
    """Makes the system ignore new connections to a listening socket; False where it cannot.

    For a UNIX socket that is done with its file's removal.
    """
    if listener.family not in TCP:
        return True
    if sys.platform != "linux":
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN))
    program = struct.pack("HL", len(_DROP_SYN), ctypes.addressof(code))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:
        return False  # a sandbox without socket filters
    return True


def queued(listener: socket.socket) -> bool:
    """Whether connections wait to be accepted."""
    if not hasattr(select, "poll"):
        return False  # Windows
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    return bool(poll.poll(0))
