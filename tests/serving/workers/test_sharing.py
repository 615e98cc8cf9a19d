"""Connections to a listening socket that several workers share."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from noria.serving.workers.sharing import Counts, Sharing, Sharings, all_counts, make_counts


def test_counts_are_seen_by_all() -> None:
    descriptor = make_counts(3)
    try:
        one, other = Counts(descriptor, 3), Counts(descriptor, 3)
        assert one.fewest_of_others(0) is None
        other.set(1, 7)
        other.set(2, 5)
        assert one.fewest_of_others(0) == 5
        assert one.fewest_of_others(2) == 7
        other.set(2, -1)
        assert one.fewest_of_others(0) == 7
        one.close()
        other.close()
    finally:
        os.close(descriptor)


def test_each_socket_has_counts_of_its_own() -> None:
    descriptor = make_counts(2)
    try:
        rest, grpc, unix = all_counts(descriptor, 2)
        one = Sharings.of(descriptor, 2, 1)
        one.grpc.holds(3)
        one.unix.holds(4)
        assert [counts.fewest_of_others(0) for counts in (rest, grpc, unix)] == [None, 3, 4]
    finally:
        os.close(descriptor)


class _Held(asyncio.Protocol):
    """A connection of one worker."""

    def __init__(self, connections: set[_Held], sharing: Sharing) -> None:
        self._connections, self._sharing = connections, sharing
        self.transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._connections.add(self)
        self._sharing.holds(len(self._connections))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._sharing.holds(len(self._connections))


@pytest.mark.parametrize("stuck", [False, True])
def test_each_worker_gets_its_part_and_one_that_is_stuck_stops_nobody(stuck: bool) -> None:
    async def scenario() -> None:
        descriptor = make_counts(3)
        counts = Counts(descriptor, 3)
        os.close(descriptor)
        if stuck:
            counts.set(2, 0)  # it claims to take connections, and takes none
        held: list[set[_Held]] = [set(), set()]
        with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
            sharings = [Sharing(counts, worker) for worker in range(2)]
            copies = [listener.dup() for _ in sharings]
            for sharing, copy, mine in zip(sharings, copies, held, strict=True):
                sharing.start(copy, lambda mine=mine, sharing=sharing: _Held(mine, sharing))  # type: ignore[misc]
            clients = [await asyncio.open_connection(*listener.getsockname()[:2]) for _ in range(16)]
            for _ in range(6000):
                if sum(map(len, held)) == 16:
                    break
                await asyncio.sleep(0.01)
            assert sum(map(len, held)) == 16
            assert stuck or all(6 <= len(mine) <= 10 for mine in held)
            for _, writer in clients:
                writer.close()
                await writer.wait_closed()
            for _ in range(6000):
                if not any(held):
                    break
                await asyncio.sleep(0.01)
            assert counts.fewest_of_others(0) == 0
            for sharing, copy in zip(sharings, copies, strict=True):
                sharing.close()
                copy.close()
                sharing.holds(1)  # one that is still being answered does not make it take more
            assert counts.fewest_of_others(2) is None
        counts.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))


def test_a_unix_socket_is_shared_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        descriptor = make_counts(2)
        counts = Counts(descriptor, 2)
        os.close(descriptor)
        held: set[_Held] = set()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(tmp_path / "s"))
            listener.listen()
            sharing = Sharing(counts, 0)
            sharing.start(listener, lambda: _Held(held, sharing))
            _, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            while not held:
                await asyncio.sleep(0.01)
            writer.close()
            await writer.wait_closed()
            while held:
                await asyncio.sleep(0.01)
            sharing.close()
        counts.close()

    asyncio.run(asyncio.wait_for(scenario(), 120))
