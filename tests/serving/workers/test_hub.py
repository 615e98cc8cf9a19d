"""Questions of one worker to the others, over real socket pairs in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from noria.errors import NotFoundError
from noria.serving.observe import exposition, table
from noria.serving.observe.exposition import Family
from noria.serving.workers.channel import Channel
from noria.serving.workers.hub import ABSENT, FAILED, METRICS, OK, SILENT, Hub, Reply
from noria.serving.workers.link import Link

Handlers = dict[str, Callable[[bytes], Awaitable[bytes]]]


class Team:
    """A hub and links to it, each over a pair of sockets."""

    def __init__(self, count: int) -> None:
        self.hub = Hub(count, lambda index: Reply(index, ABSENT, f"worker {index} is away", excused=True))
        self.events: list[str] = []
        self._ends: dict[int, Channel] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._links: list[Link] = []  # nothing else holds them: their tasks would go with them

    async def join(self, index: int, handlers: Handlers) -> Link:
        ours, theirs = socket.socketpair()
        self._ends[index] = channel = await Channel.over(ours)
        link = Link(
            await Channel.over(theirs),
            handlers,
            draining=lambda: self.events.append(f"draining {index}"),
            lost=lambda: self.events.append(f"lost {index}"),
        )
        self._links.append(link)
        self.hub.joined(index, channel)
        self._tasks.append(asyncio.create_task(self._hear(index, channel)))
        return link

    async def _hear(self, index: int, channel: Channel) -> None:
        questions = []
        while (message := await channel.receive()) is not None:
            questions.append(asyncio.create_task(self.hub.serve(index, channel, *message)))

    def leave(self, index: int) -> None:
        self._ends[index].close()
        self.hub.left(index)

    async def close(self) -> None:
        for channel in self._ends.values():
            channel.close()
        await asyncio.gather(*self._tasks)
        while len(set(self.events) & {f"lost {index}" for index in self._ends}) < len(self._ends):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)


def run(scenario: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scenario, 20))


async def echo(payload: bytes) -> bytes:
    return b"echo " + payload


async def fail(_: bytes) -> bytes:
    raise NotFoundError("no such thing")


async def sleep(_: bytes) -> bytes:
    await asyncio.sleep(60)
    return b""


def test_all_others_are_asked_at_once_and_those_who_do_not_answer_are_named() -> None:
    async def scenario() -> None:
        team = Team(5)
        link = await team.join(0, {"q": fail})
        await team.join(1, {"q": echo})
        await team.join(2, {"q": fail})
        await team.join(3, {"q": sleep})
        replies, extra = await link.ask("q", b"a\nb\0" * 100_000, 2)
        assert [(r.worker, r.outcome) for r in replies] == [(1, OK), (2, FAILED), (3, SILENT), (4, ABSENT)]
        assert replies[0].payload == b"echo " + b"a\nb\0" * 100_000
        assert replies[1].text == "no such thing"
        assert replies[2].text == "worker 3 did not answer within 2 s"
        assert (replies[3].text, replies[3].excused) == ("worker 4 is away", True)
        assert extra == b""
        await team.close()

    run(scenario())


def test_a_worker_that_dies_is_not_waited_for() -> None:
    async def scenario() -> None:
        team = Team(2)
        link = await team.join(0, {})
        await team.join(1, {"q": sleep})
        asking = asyncio.create_task(link.ask("q", b"", 30))
        await asyncio.sleep(0.05)
        team.leave(1)
        (reply,), _ = await asking
        assert reply.outcome == ABSENT
        assert team.events == ["lost 1"] or await _soon(team, "lost 1")
        await team.close()

    run(scenario())


async def _soon(team: Team, event: str) -> bool:
    for _ in range(100):
        if event in team.events:
            return True
        await asyncio.sleep(0.01)
    return False


def packed(requests: float, memory: float) -> bytes:
    return exposition.pack(
        [
            Family(table.BY_NAME[table.REQUEST_COUNT], {("m", "OK"): requests}),
            Family(table.BY_NAME["process_resident_memory_bytes"], {(): memory}),
        ]
    )


def test_counters_of_a_worker_that_died_stay_in_the_sums() -> None:
    async def scenario() -> None:
        team = Team(2)

        async def metrics(_: bytes) -> bytes:
            return packed(7, 100)

        link = await team.join(0, {METRICS: metrics})
        await team.join(1, {METRICS: metrics})
        (reply,), departed = await link.ask(METRICS, packed(3, 50), 5)
        assert (reply.payload, departed) == (packed(7, 100), b"")
        for total in (7, 14):
            team.leave(1)
            (reply,), departed = await link.ask(METRICS, packed(3, 50), 5)
            assert reply.outcome == ABSENT
            (family,) = exposition.unpack(departed)  # the gauge is gone with its process
            assert family.series == {("m", "OK"): total}
            await team.join(1, {METRICS: metrics})
            await link.ask(METRICS, packed(3, 50), 5)
        await team.close()

    run(scenario())


def test_what_all_are_told_and_what_the_next_worker_gets() -> None:
    async def scenario() -> None:
        team = Team(2)
        link = await team.join(0, {})
        await team.join(1, {})
        team.hub.tell({"draining": True})
        assert await _soon(team, "draining 0")
        assert await _soon(team, "draining 1")
        assert team.hub.last_reload == b""
        link.reloaded(b"config")
        while not team.hub.last_reload:
            await asyncio.sleep(0.01)
        assert team.hub.last_reload == b"config"
        await team.close()

    run(scenario())


@pytest.mark.parametrize("garbage", [b"\xff\xff\xff\xff", b"\0\0", b""])
def test_a_peer_that_breaks_off_is_gone(garbage: bytes) -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        channel = await Channel.over(ours)
        theirs.sendall(garbage)
        theirs.close()
        assert await channel.receive() is None
        channel.send({"too": "late"})
        channel.close()

    run(scenario())
