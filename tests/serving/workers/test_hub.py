"""Questions of one worker to the others, over real socket pairs in one loop."""

from __future__ import annotations

import asyncio
import socket

import pytest

from noria.errors import NotFoundError
from noria.serving.observe import exposition, table
from noria.serving.observe.exposition import Family
from noria.serving.workers.channel import Channel
from noria.serving.workers.fleet import _rendered
from noria.serving.workers.hub import ABSENT, FAILED, METRICS, OK, REST, SILENT, rest
from serving.workers.team import Team, run


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
    for _ in range(6000):
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


def test_versions_that_ended_leave_the_sums_of_workers_that_died() -> None:
    def runs(versions: dict[str, str], rows: float) -> bytes:
        return exposition.pack(
            [
                Family(table.BY_NAME[table.RUN_ROWS], {("m", version, "s"): rows for version in versions}),
                Family(table.BY_NAME[table.REQUEST_COUNT], {("m", "OK"): rows}),
                Family(table.BY_NAME[table.MODEL_STATE], {("m", v, state): 1.0 for v, state in versions.items()}),
            ]
        )

    def rows(departed: bytes) -> dict[str, dict[tuple[str, ...], float]]:
        return {family.metric.name: dict(family.series) for family in exposition.unpack(departed)}

    async def scenario() -> None:
        team = Team(2)
        versions = {"1": "UNLOADING", "2": "AVAILABLE", "3": "END"}

        async def metrics(_: bytes) -> bytes:
            return runs(versions, 7)

        link = await team.join(0, {METRICS: metrics})
        await team.join(1, {METRICS: metrics})
        await link.ask(METRICS, runs(versions, 3), 5)
        team.leave(1)
        _, departed = await link.ask(METRICS, runs({"2": "AVAILABLE"}, 3), 5)
        assert rows(departed)[table.RUN_ROWS] == {("m", "1", "s"): 7, ("m", "2", "s"): 7}
        assert rows(departed)[table.REQUEST_COUNT] == {("m", "OK"): 7}
        text = _rendered([runs({"2": "AVAILABLE", "1": "END"}, 3)], departed).decode()
        assert f'{table.RUN_ROWS}{{model_name="m",version="2",signature_name="s"}} 10' in text
        assert f'{table.RUN_ROWS}{{model_name="m",version="1",signature_name="s"}} 3' in text
        versions = {"4": "AVAILABLE"}
        await team.join(1, {METRICS: metrics})
        await link.ask(METRICS, runs(versions, 3), 5)
        team.leave(1)
        _, departed = await link.ask(METRICS, runs(versions, 3), 5)
        assert rows(departed)[table.RUN_ROWS] == {("m", "4", "s"): 7}
        assert rows(departed)[table.REQUEST_COUNT] == {("m", "OK"): 14}
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


def test_orders_reach_all_workers_in_one_order_and_those_who_come_later() -> None:
    async def scenario() -> None:
        team = Team(3)
        heard: dict[int, list[bytes]] = {0: [], 1: []}

        async def take(worker: int, payload: bytes) -> bytes:
            heard[worker].append(payload)
            return b"[]"

        links = [await team.join(w, {REST: lambda payload, w=w: take(w, payload)}) for w in (0, 1)]  # type: ignore[misc]
        orders = [rest("m", rests=bool(n % 2), seconds=n) for n in range(40)]
        answers = await asyncio.gather(*(links[n % 2].ask(REST, order, 5) for n, order in enumerate(orders)))
        assert [[r.outcome for r in replies] for replies, _ in answers] == [[OK, OK, ABSENT]] * 40
        assert heard[0] == heard[1]
        assert sorted(heard[0]) == sorted(orders)
        last = b", true" in heard[0][-1]
        assert team.hub.resting == {"m": last}
        links[0].configured(["other"])
        while team.hub.resting:
            await asyncio.sleep(0.01)
        await team.close()

    run(scenario())


def test_what_was_ordered_while_a_worker_got_ready() -> None:
    async def scenario() -> None:
        team = Team(2)
        ours, theirs = socket.socketpair()
        channel, far = await Channel.over(ours), await Channel.over(theirs)
        team.hub.last_reload = b"config"
        team.hub.born(1, channel)
        assert await far.receive() == ({"hello": 1, "resting": {}}, b"config")
        (reply,) = [r for r in await team.hub.ask(0, REST, rest("m", rests=True, seconds=1), 1) if r.worker == 1]
        assert reply.outcome == ABSENT
        team.hub.joined(1, channel)
        assert await far.receive() == ({"hello": 1, "resting": {"m": True}}, b"config")
        channel.close()
        far.close()
        await asyncio.sleep(0.01)

    run(scenario())
