"""A supervisor's switchboard and workers' ends of it, over real socket pairs in one loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from noria.serving.workers.channel import Channel, Header
from noria.serving.workers.hub import ABSENT, Hub, Reply
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
        async def missed(hello: Header, last_reload: bytes) -> None:
            self.events.append(f"{index} missed {last_reload.decode()} {hello['resting']}")

        def link(channel: Channel) -> Link:
            return Link(
                channel,
                handlers,
                draining=lambda: self.events.append(f"draining {index}"),
                lost=lambda: self.events.append(f"lost {index}"),
                missed=missed,
            )

        return await self.join_by(index, link)

    async def join_by(self, index: int, make: Callable[[Channel], Link]) -> Link:
        """As ``join``, with a link that ``make`` gives."""
        ours, theirs = socket.socketpair()
        self._ends[index] = channel = await Channel.over(ours)
        far = await Channel.over(theirs)
        self.hub.born(index, channel)
        assert await far.receive() is not None
        link = make(far)
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
    asyncio.run(asyncio.wait_for(scenario, 120))
