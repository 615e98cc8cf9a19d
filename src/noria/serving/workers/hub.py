"""The supervisor's switchboard: a question that one worker asks goes to all others, and the answers go back to it.

A worker that does not answer in time, or is not there, is named in the answers; nobody waits for it. The metrics of a
worker that died stay in the sums, as far as they were seen: a counter of the whole server must never go back.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Final

from noria.serving.observe import exposition
from noria.serving.workers.channel import Channel, Header

METRICS: Final = "metrics"
RELOAD: Final = "reload"
REST: Final = "rest"  # to load or unload a model, as ``rest`` writes it: all are asked, the one that asks too

# What became of a question to one worker.
OK, FAILED, SILENT, ABSENT = "ok", "failed", "silent", "absent"


@dataclass(frozen=True)
class Reply:
    """What one worker answered: with ``OK`` its payload, else why there is none.

    excused: it does not serve, but has, and is being started again.
    """

    worker: int
    outcome: str
    text: str = ""
    payload: bytes = b""
    excused: bool = False


class Hub:
    """The channels to the workers that serve. absent: the reply for one that does not."""

    def __init__(self, count: int, absent: Callable[[int], Reply]) -> None:
        self._count = count
        self._absent = absent
        self._channels: dict[int, Channel] = {}
        self._waiting: dict[int, tuple[int, asyncio.Future[Reply]]] = {}  # by number: the worker asked
        self._numbers = itertools.count()
        self._seen: dict[int, bytes] = {}  # by worker: its metrics when they were last asked for
        self._departed = b""  # metrics of the workers that died
        self.last_reload = b""
        self.resting: dict[str, bool] = {}  # by model: whether it was unloaded, or loaded, by a call
        self._orders = 0  # reloads, loads and unloads so far
        self._told: dict[int, int] = {}  # by worker: how many of them it knows since it was born

    def born(self, worker: int, channel: Channel) -> None:
        """Tells a new worker what it needs to know before it serves."""
        self._told[worker] = self._orders
        channel.send({"hello": worker, "resting": self.resting}, self.last_reload)

    def joined(self, worker: int, channel: Channel) -> None:
        """The worker serves from now on."""
        self._channels[worker] = channel
        if self._told.get(worker) != self._orders:  # something was ordered while it got ready
            self.born(worker, channel)

    def left(self, worker: int) -> None:
        """The worker is gone, and with it what it was asked."""
        self._channels.pop(worker, None)
        for asked, future in list(self._waiting.values()):
            if asked == worker and not future.done():
                future.set_result(self._absent(worker))
        seen = self._seen.pop(worker, None)
        if seen is not None:
            self._departed = _add(self._departed, seen, self._seen.values())

    def tell(self, header: Header) -> None:
        """Tells every worker something that needs no answer."""
        for channel in self._channels.values():
            channel.send(header)

    async def serve(self, worker: int, channel: Channel, header: Header, payload: bytes) -> None:
        """Handles one message of a worker: a question to the others, or an answer."""
        if "reply" in header:
            _, future = self._waiting.get(header["reply"], (worker, None))
            if future is not None and not future.done():
                future.set_result(Reply(worker, header["outcome"], header["text"], payload))
        elif "reloaded" in header:
            self.last_reload = payload
            self._orders += 1
        elif "configured" in header:
            self.resting = {name: rests for name, rests in self.resting.items() if name in header["configured"]}
        elif "ask" in header:
            replies = await self.ask(worker, header["ask"], payload, header["seconds"])
            heads = [{**asdict(reply), "payload": len(reply.payload)} for reply in replies]
            extra = self._departed if header["ask"] == METRICS else b""
            body = b"".join(reply.payload for reply in replies) + extra
            channel.send({"answers": header["id"], "replies": heads}, body)

    async def ask(self, asking: int, what: str, payload: bytes, seconds: float) -> list[Reply]:
        """Asks every worker but the one that asks (``REST``: all), ``seconds`` long at most; in their order."""
        if what == METRICS:
            self._seen[asking] = payload  # its own, for the day it dies
            payload = b""
        others = [worker for worker in range(self._count) if worker != asking]
        if what == REST:
            # Here all orders pass: as every worker gets them in the same order, all end in the same state.
            name, self.resting[name] = parse_rest(payload)
            self._orders += 1
            others = list(range(self._count))
        replies = await asyncio.gather(*(self._ask_one(worker, what, payload, seconds) for worker in others))
        if what == METRICS:
            self._seen.update((reply.worker, reply.payload) for reply in replies if reply.outcome == OK)
        return replies

    async def _ask_one(self, worker: int, what: str, payload: bytes, seconds: float) -> Reply:
        channel = self._channels.get(worker)
        if channel is None:
            return self._absent(worker)
        number = next(self._numbers)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = (worker, future)
        channel.send({"asked": what, "id": number}, payload)
        try:
            return await asyncio.wait_for(future, seconds)
        except TimeoutError:
            return Reply(worker, SILENT, f"worker {worker} did not answer within {seconds:g} s")
        finally:
            del self._waiting[number]


def _add(departed: bytes, seen: bytes, others: Iterable[bytes]) -> bytes:
    """The counters and histograms of both; a gauge ends with its process, and a version that no process has with it."""
    packed = [data for data in (departed, seen) if data]
    try:
        families = exposition.merge(exposition.unpack(data) for data in packed)
        living = set().union(*(exposition.serving(exposition.unpack(data)) for data in (seen, *others) if data))
    except ValueError:
        return departed
    kept = [family for family in families if family.metric.kind != "gauge"]
    return exposition.pack(exposition.without_ended(kept, living))


def parse_replies(header: Header, body: bytes) -> tuple[list[Reply], bytes]:
    """The replies in an ``answers`` message, and what follows them."""
    replies, at = [], 0
    for head in header["replies"]:
        end = at + head["payload"]
        replies.append(Reply(**{**head, "payload": body[at:end]}))
        at = end
    return replies, body[at:]


def rest(name: str, *, rests: bool, seconds: float) -> bytes:
    """The payload of ``REST``: the model is to be unloaded (``rests``) or loaded, for which ``seconds`` are left."""
    return dump([name, rests, seconds])


def parse_rest(payload: bytes) -> tuple[str, bool]:
    """Name and ``rests`` of a ``REST``."""
    name, rests, _ = json.loads(payload)
    return name, rests


def dump(value: object) -> bytes:
    """A plain value as a payload."""
    return json.dumps(value).encode()
