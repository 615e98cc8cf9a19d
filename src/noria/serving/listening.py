"""Listening sockets: opened with a clear error, and closed without resetting a client that had connected.

A connection whose handshake is done but that the server has not accepted yet is reset when its listening socket is
closed. So an end goes like this: new handshakes are ignored (the client's system asks again a second later, and is then
refused or served by another), the queue is accepted empty, and only then the socket is closed.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import socket
import struct
import sys
import time
from typing import Final

from noria.errors import UnavailableError

BACKLOG: Final = 1024

_NO_IPV6: Final = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
_SO_ATTACH_FILTER: Final = 26  # Linux
# Classic BPF over the TCP header: byte 13 holds the flags; a packet with SYN (2) and without ACK (16) is dropped.
_DROP_SYN: Final = ((0x30, 0, 0, 13), (0x54, 0, 0, 0x12), (0x15, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))
_TCP_INFO_BYTES: Final = 28
_QUIET_SECONDS: Final = 0.03  # what handshakes under way may take to end
_QUEUE_SECONDS: Final = 2.0  # a loop too busy to accept what is queued is not waited for longer


def listen(port: int, flag: str) -> socket.socket:
    """A listening socket on all interfaces, IPv6 and IPv4 where the machine has both; port 0 for any free one.

    Raises UnavailableError, naming the port and the ``flag`` to change, when it cannot be opened.
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
        raise taken("REST", str(port), error.strerror or str(error), flag) from None


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
    """Makes the system ignore new connections to a listening socket; False where it cannot."""
    if sys.platform != "linux":
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN))
    program = struct.pack("HL", len(_DROP_SYN), ctypes.addressof(code))
    try:
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)
    except OSError:
        return False  # a sandbox without socket filters
    return True


def queued(listener: socket.socket) -> int:
    """Connections that wait to be accepted. Linux keeps the number in ``tcpi_unacked`` of a listening socket."""
    info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    return int.from_bytes(info[24:28], sys.byteorder) if len(info) >= _TCP_INFO_BYTES else 0


def listeners_of(port: int) -> list[socket.socket]:
    """Duplicates of this process's sockets that listen on a TCP port: those of gRPC, which gives none away."""
    found: list[socket.socket] = []
    seen: set[int] = set()
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:
        return found
    for number in numbers:
        try:
            duplicate = os.dup(number)
        except OSError:
            continue  # closed meanwhile
        try:
            copy = socket.socket(fileno=duplicate)
        except OSError:
            os.close(duplicate)  # no socket
            continue
        try:
            mine = copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and copy.getsockname()[1] == port
        except (OSError, IndexError):
            mine = False
        inode = os.fstat(copy.fileno()).st_ino
        if mine and copy.family in (socket.AF_INET, socket.AF_INET6) and inode not in seen:
            seen.add(inode)  # a number in the list may have become one of the duplicates made here
            found.append(copy)
        else:
            copy.close()
    return found
