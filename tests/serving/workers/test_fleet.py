"""One worker speaks for all: health, readiness and the model repository, with another worker that is made to differ."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from noria.errors import AbortedError, NotFoundError
from noria.protos import health as health_pb
from noria.protos import kserve as pb
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.grpc_services.health import SERVICE, Health
from noria.serving.kserve import repository
from noria.serving.kserve.infer import Inference
from noria.serving.kserve.rest import KServeRest
from noria.serving.kserve.service import KServeGrpc
from noria.serving.lifecycle.manager import Manager
from noria.serving.rpc import Call, Unary
from noria.serving.workers import fleet as fleet_of
from noria.serving.workers.fleet import Fleet
from noria.serving.workers.hub import REST, dump
from serving.lifecycle.disk import Disk, managing, until
from serving.workers.team import Handlers, Team, run

Row = dict[str, Any]


class Other:
    """The other worker: what it says, and how often it was asked."""

    def __init__(self) -> None:
        self.missing: list[str] = []
        self.served = False
        self.models: list[Row] = [row("AVAILABLE")]
        self.failing: list[str] = []  # code and message of what it is told to load
        self.told: list[Any] = []
        self.asked = 0
        self.hangs = False

    def handlers(self) -> Handlers:
        return {
            "missing": self._say(lambda: [self.missing, self.served]),
            "models": self._say(lambda: {"pid": 7, "models": self.models}),
            REST: self._rest,
        }

    def _say(self, what: Callable[[], Any]) -> Callable[[bytes], Awaitable[bytes]]:
        async def say(_: bytes) -> bytes:
            self.asked += 1
            if self.hangs:
                await asyncio.sleep(60)
            return dump(what())

        return say

    async def _rest(self, payload: bytes) -> bytes:
        self.told.append(json.loads(payload)[:2])
        return dump(self.failing)


def row(state: str) -> Row:
    version = {"version": 1, "state": state, "memory_bytes": 0, "requests": 0, "in_flight": 0}
    return {
        "name": "m", "available": state == "AVAILABLE", "labels": {}, "memory_bytes": 0, "requests": 0,
        "versions": [version],
    }  # fmt: skip


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    for name in ("_SECONDS", "_READY_SECONDS"):  # on a busy machine an answer may take its time
        monkeypatch.setattr(fleet_of, name, 60.0)
    disk = Disk(tmp_path)
    disk.put("m", 1)
    with managing(disk) as manager:
        manager.apply(disk.config(m=""))
        made = Core.make(manager, ServerConfig(workers=2))
        yield made
        made.runner.close()


class Pair:
    """Worker 0, which is real, beside ``other``."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.team = Team(2)
        self.other = Other()
        inference = Inference(core)
        self._rest = KServeRest(inference)
        self._methods = {**Health(core).methods(), **KServeGrpc(inference).methods()}

    async def start(self) -> None:
        fleet = Fleet(self.core, 0)
        self.core.process.fleet = fleet
        await self.team.join_by(0, lambda channel: fleet.join(channel, lambda: self.team.events.append("lost 0")))
        await self.team.join(1, self.other.handlers())

    async def get(self, path: bytes, method: str = "GET") -> tuple[int, Any]:
        answer = await self._rest.handle(method, path, [], b"")
        assert answer is not None
        return answer[0], json.loads(answer[2])

    async def call(self, path: str, request: Any) -> bytes:
        method = self._methods[path]
        assert isinstance(method, Unary)
        return await method.function(request.SerializeToString(), Call(peer="127.0.0.1"))

    async def health(self) -> tuple[int, list[int]]:
        check = health_pb.HealthCheckResponse.FromString(
            await self.call(f"/{SERVICE}/Check", health_pb.HealthCheckRequest())
        )
        listed = health_pb.HealthListResponse.FromString(
            await self.call(f"/{SERVICE}/List", health_pb.HealthListRequest())
        )
        return check.status, [response.status for response in listed.statuses.values()]

    async def server_ready(self) -> tuple[bool, int]:
        found = pb.ServerReadyResponse.FromString(
            await self.call("/inference.GRPCInferenceService/ServerReady", pb.ServerReadyRequest())
        )
        return found.ready, (await self.get(b"/v2/health/ready"))[0]

    async def model_ready(self, name: str = "m", version: str = "") -> tuple[bool, int]:
        request = pb.ModelReadyRequest(name=name, version=version)
        found = pb.ModelReadyResponse.FromString(await self.call("/inference.GRPCInferenceService/ModelReady", request))
        path = f"/v2/models/{name}/versions/{version}/ready" if version else f"/v2/models/{name}/ready"
        try:
            return found.ready, (await self.get(path.encode()))[0]
        except NotFoundError:
            return found.ready, 404


def scenario(core: Core, work: Callable[[Pair], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        pair = Pair(core)
        await pair.start()
        await work(pair)
        await pair.team.close()

    run(all_of_it())


def test_health_speaks_for_all_and_stays_as_it_was_once_good(core: Core) -> None:
    async def work(pair: Pair) -> None:
        pair.other.missing = ["m: loads"]
        assert await pair.health() == (2, [2, 2, 2])
        assert await pair.server_ready() == (False, 503)
        pair.other.missing = []
        await asyncio.sleep(0.3)
        assert await pair.health() == (1, [1, 1, 1])
        assert await pair.server_ready() == (True, 200)
        pair.other.missing = ["m2: a later reload asked for it"]
        await asyncio.sleep(0.3)
        assert await pair.health() == (1, [1, 1, 1])
        assert await pair.server_ready() == (False, 503)

    scenario(core, work)


def test_health_of_a_worker_that_was_started_again_is_that_of_the_others(core: Core) -> None:
    async def work(pair: Pair) -> None:
        pair.other.missing, pair.other.served = ["m2: does not load"], True
        assert await pair.health() == (1, [1, 1, 1])

    scenario(core, work)


def test_many_questions_cost_one(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_of, "_AGE_SECONDS", 60.0)

    async def work(pair: Pair) -> None:
        pair.other.missing = ["m: loads"]
        await asyncio.gather(*(pair.health() for _ in range(50)), *(pair.server_ready() for _ in range(50)))
        assert pair.other.asked <= 2
        before = pair.other.asked
        for _ in range(50):
            assert await pair.model_ready() == (True, 200)
        assert pair.other.asked <= before + 2

    scenario(core, work)


def test_a_worker_that_hangs_is_not_waited_for_long_and_one_that_is_away_not_at_all(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(pair: Pair) -> None:
        pair.other.hangs = True
        monkeypatch.setattr(fleet_of, "_READY_SECONDS", 0.2)
        assert (await pair.health())[0] == 2
        await asyncio.sleep(0.3)
        monkeypatch.setattr(fleet_of, "_READY_SECONDS", 60.0)
        start = time.monotonic()
        pair.team.leave(1)  # and is started again
        assert await pair.server_ready() == (True, 200)
        assert (await pair.health())[0] == 1
        assert await pair.model_ready() == (True, 200)
        assert time.monotonic() - start < 20

    scenario(core, work)


def test_a_model_is_ready_when_it_is_in_all_workers(core: Core) -> None:
    async def work(pair: Pair) -> None:
        pair.other.models = [row("LOADING")]
        assert await pair.model_ready() == (False, 503)
        assert await pair.model_ready(version="1") == (False, 503)
        _, listed = await pair.get(b"/v2/repository/index", "POST")
        assert listed == [{"name": "m", "version": "1", "state": "LOADING", "reason": ""}]
        pair.other.models = [row("AVAILABLE")]
        assert await pair.model_ready() == (True, 200)  # at once: that it is not ready is not remembered
        assert await pair.model_ready(version="1") == (True, 200)
        assert await pair.model_ready(version="2") == (False, 503)
        assert await pair.model_ready("absent") == (False, 404)
        pair.other.models = [row("AVAILABLE"), {**row("AVAILABLE"), "name": "theirs"}]
        assert await pair.model_ready("theirs") == (False, 503)

    scenario(core, work)


def test_the_model_repository_is_that_of_all(core: Core) -> None:
    manager: Manager = core.manager

    async def work(pair: Pair) -> None:
        await repository.unload(core, "m")
        assert pair.other.told == [["m", True]]
        assert pair.team.hub.resting == {"m": True}
        while manager.latest("m") is not None:
            await asyncio.sleep(0.01)
        await repository.load(core, "m", time.monotonic() + 60)
        assert manager.latest("m") is not None
        assert pair.other.told[1:] == [["m", False]]
        with pytest.raises(NotFoundError, match="'absent' is not configured"):
            await repository.load(core, "absent", None)
        pair.other.failing = ["NOT_FOUND", "no such version"]
        with pytest.raises(AbortedError, match="model m was loaded in 1 of 2 workers: worker 1: no such version"):
            await repository.load(core, "m", None)
        pair.team.leave(1)
        await repository.unload(core, "m")  # worker 1 will know when it is back

    scenario(core, work)


def test_what_all_raise_is_raised(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(pair: Pair) -> None:
        pair.other.failing = ["NOT_FOUND", "Servable not found for request: Latest(m)"]
        monkeypatch.setattr(core.manager, "wake", lambda _: False)
        with pytest.raises(NotFoundError, match=r"^Servable not found for request: Latest\(m\)$"):
            await repository.load(core, "m", None)

    scenario(core, work)


def test_what_a_new_worker_takes_over(core: Core) -> None:
    async def work(pair: Pair) -> None:
        fleet = Fleet(core, 0)
        await fleet.catch_up({"resting": {"m": True, "gone": True}}, b"", wait=False)
        await asyncio.to_thread(until, lambda: core.manager.latest("m") is None)
        await fleet.catch_up({"resting": {"m": False}}, b"", wait=True)
        assert core.manager.latest("m") is not None

    scenario(core, work)
