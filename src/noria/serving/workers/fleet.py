"""All workers as one server, seen from one of them: it asks the others, and makes one answer of theirs and its own."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable
from typing import Any, Final

from noria.errors import AbortedError, DeadlineExceededError, TFError, UnknownError
from noria.protos import serving as pb
from noria.serving import management, status
from noria.serving.core import Core
from noria.serving.observe import exposition
from noria.serving.workers import merging
from noria.serving.workers.channel import Channel
from noria.serving.workers.hub import ABSENT, FAILED, METRICS, OK, RELOAD, SILENT, Reply, dump
from noria.serving.workers.link import Link

_LOG = logging.getLogger(__name__)

_MODELS: Final = "models"
_MISSING: Final = "missing"
_SECONDS: Final = 2.0  # what a worker may take to say how it is
_READY_SECONDS: Final = 0.7  # the same for /readyz: probes often wait no longer than a second
_RELOAD_SECONDS: Final = 3600.0
_CATCH_UP_SECONDS: Final = 60.0
_IN_FORCE: Final = (UnknownError, DeadlineExceededError)  # of a reload whose models do not load, or not in time


class Fleet:
    """See ``process.Fleet``; ``join`` comes first."""

    def __init__(self, core: Core, index: int) -> None:
        self._core = core
        self._index = index
        self._link: Link | None = None

    def join(self, channel: Channel, lost: Callable[[], None]) -> Link:
        """Asks and answers over this channel from now on."""
        handlers = {
            METRICS: self._my_metrics,
            _MODELS: self._my_models,
            _MISSING: self._my_missing,
            RELOAD: self._my_reload,
        }
        self._link = Link(channel, handlers, draining=self._core.process.begin_drain, lost=lost)
        return self._link

    async def catch_up(self, last_reload: bytes, *, wait: bool) -> None:
        """Takes over a configuration that the others got by RPC since they started.

        wait: returns only when all models have settled, or after a minute: while others serve, a worker without its
        models would only turn their requests away.
        """
        if last_reload:
            request = pb.ReloadConfigRequest.FromString(last_reload)
            try:
                await asyncio.to_thread(self._core.manager.apply, request.config, wait=False, labels_wait=True)
            except TFError as error:
                _LOG.error("worker %d cannot take over the last reload: %s", self._index, error)
        if wait:
            await asyncio.to_thread(self._core.manager.wait_settled, _CATCH_UP_SECONDS)

    # ---- what this worker says

    async def _my_metrics(self, _: bytes) -> bytes:
        return await self._core.runner.call(self._core.metrics.snapshot)

    async def _my_models(self, _: bytes) -> bytes:
        return dump({"pid": os.getpid(), "models": status.list_models(self._core)})

    async def _my_missing(self, _: bytes) -> bytes:
        return dump(self._core.manager.missing())

    async def _my_reload(self, payload: bytes) -> bytes:
        request = pb.ReloadConfigRequest.FromString(payload)
        response = await management.reload_beside(self._core, request)
        serialized: bytes = response.SerializeToString()
        return serialized

    # ---- what all say

    async def _ask(self, what: str, payload: bytes = b"", seconds: float = _SECONDS) -> tuple[list[Reply], bytes]:
        assert self._link is not None, "join comes first"
        try:
            return await self._link.ask(what, payload, seconds)
        except TimeoutError:
            return [], b""  # the supervisor does not answer: it is gone, and this worker is about to drain

    async def metrics(self) -> bytes:
        """The text of a scrape: counters summed over all workers, those that died included."""
        mine = await self._my_metrics(b"")
        replies, departed = await self._ask(METRICS, mine)
        for reply in replies:
            if reply.outcome in (SILENT, FAILED):
                _LOG.warning("metrics without worker %d: %s", reply.worker, reply.text)
        packed = [mine, *(reply.payload for reply in replies if reply.outcome == OK), departed]
        return await self._core.runner.call(_rendered, [data for data in packed if data])

    async def models(self) -> dict[str, Any]:
        """The models of all workers that answer, and how each worker is."""
        mine = await self._my_models(b"")
        replies, _ = await self._ask(_MODELS)
        replies = sorted([*replies, Reply(self._index, OK, "", mine)], key=lambda reply: reply.worker)
        found = {reply.worker: json.loads(reply.payload) for reply in replies if reply.outcome == OK}
        workers = [
            {"worker": reply.worker, "pid": found[reply.worker]["pid"], "state": "SERVING"}
            if reply.outcome == OK
            else {
                "worker": reply.worker,
                "state": "ABSENT" if reply.outcome == ABSENT else "SILENT",
                "reason": reply.text,
            }
            for reply in replies
        ]
        return {"models": merging.models({w: said["models"] for w, said in found.items()}), "workers": workers}

    async def missing(self) -> list[str]:
        """Why the server is not ready: what any worker misses, and workers that do not answer or have never served.

        One that died and starts again does not count: the others serve.
        """
        mine = self._core.manager.missing()
        replies, _ = await self._ask(_MISSING, seconds=_READY_SECONDS)
        found = dict.fromkeys(mine)
        for reply in replies:
            if reply.outcome == OK:
                found.update(dict.fromkeys(json.loads(reply.payload)))
            elif reply.outcome != ABSENT or not reply.excused:
                found[reply.text] = None
        return list(found)

    async def status(self, name: str, version: int | None) -> pb.GetModelStatusResponse:
        """The states of a model's versions. Raises NotFoundError."""
        return merging.status((await self.models())["models"], name, version)

    async def reload(
        self, request: pb.ReloadConfigRequest, *, deadline: float | None = None
    ) -> pb.ReloadConfigResponse:
        """Reloads in every worker. Raises what this worker's reload raises, else AbortedError that names the others."""
        seconds = _RELOAD_SECONDS if deadline is None else max(deadline - time.monotonic(), 0.0)
        payload: bytes = request.SerializeToString()
        others = asyncio.create_task(self._ask(RELOAD, payload, seconds))
        try:
            response = await management.reload_beside(self._core, request, deadline=deadline)
        except TFError as error:
            if isinstance(error, _IN_FORCE) and self._link is not None:
                self._link.reloaded(payload)
            await asyncio.gather(others, return_exceptions=True)
            raise
        if self._link is not None:
            self._link.reloaded(payload)
        replies, _ = await others
        failed = [reply for reply in replies if reply.outcome != OK and not (reply.outcome == ABSENT and reply.excused)]
        if failed:
            text = "; ".join(f"worker {reply.worker}: {reply.text}" for reply in failed)
            done = len(replies) + 1 - len(failed)
            raise AbortedError(f"the configuration was reloaded in {done} of {len(replies) + 1} workers: {text}")
        increases = {metric.name: metric for metric in response.metric}
        for reply in replies:
            for metric in pb.ReloadConfigResponse.FromString(reply.payload).metric:
                increases[metric.name].int64_value_increase += metric.int64_value_increase
        return response


def _rendered(packed: list[bytes]) -> bytes:
    return exposition.render(exposition.merge(exposition.unpack(data) for data in packed))
