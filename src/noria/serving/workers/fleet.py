"""All workers as one server, seen from one of them: it asks the others, and makes one answer of theirs and its own."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from noria.errors import (
    AbortedError,
    DeadlineExceededError,
    NotFoundError,
    TFError,
    UnavailableError,
    UnknownError,
)
from noria.protos import serving as pb
from noria.serving import management, status
from noria.serving.core import Core
from noria.serving.lifecycle.model_config import ModelConfig
from noria.serving.lifecycle.on_demand import wake
from noria.serving.observe import exposition
from noria.serving.workers import merging
from noria.serving.workers.channel import Channel, Header
from noria.serving.workers.hub import ABSENT, FAILED, METRICS, OK, RELOAD, REST, SILENT, Reply, dump, rest
from noria.serving.workers.link import Link
from noria.serving.workers.remembered import Remembered

_LOG = logging.getLogger(__name__)

_MODELS: Final = "models"
_MISSING: Final = "missing"
_SECONDS: Final = 2.0  # what a worker may take to say how it is
_READY_SECONDS: Final = 0.7  # the same for readiness: probes often wait no longer than a second
_AGE_SECONDS: Final = 0.25  # of an answer that is given again: health is asked often, by many
_RELOAD_SECONDS: Final = 3600.0
_CATCH_UP_SECONDS: Final = 60.0
_ERRORS: Final = {found.code.name: found for found in TFError.__subclasses__()}
_IN_FORCE: Final = (UnknownError, DeadlineExceededError)  # of a reload whose models do not load, or not in time


class Fleet:
    """See ``process.Fleet``; ``join`` comes first."""

    def __init__(self, core: Core, index: int) -> None:
        self._core = core
        self._index = index
        self._link: Link | None = None
        self._served = False  # whether all have been ready, as far as this worker knows
        self._lacks = Remembered(self._missing, _AGE_SECONDS)
        self._rows = Remembered(self._all_rows, _AGE_SECONDS)

    def join(self, channel: Channel, lost: Callable[[], None]) -> Link:
        """Asks and answers over this channel from now on."""
        handlers = {
            METRICS: self._my_metrics,
            _MODELS: self._my_models,
            _MISSING: self._my_missing,
            RELOAD: self._my_reload,
            REST: self._my_rest,
        }
        draining = self._core.process.begin_drain
        self._link = Link(channel, handlers, draining=draining, lost=lost, missed=self._missed)
        loop = asyncio.get_running_loop()

        def told(models: Mapping[str, ModelConfig]) -> None:
            if self._link is not None and not loop.is_closed():
                loop.call_soon_threadsafe(self._link.configured, list(models))

        self._core.manager.on_config.append(told)
        return self._link

    async def catch_up(self, hello: Header, last_reload: bytes, *, wait: bool) -> None:
        """Takes over a configuration that the others got by RPC since they started, and what they were told to unload.

        wait: returns only when all models have settled, or after a minute: while others serve, a worker without its
        models would only turn their requests away.
        """
        if last_reload:
            request = pb.ReloadConfigRequest.FromString(last_reload)
            try:
                await asyncio.to_thread(self._core.manager.apply, request.config, wait=False, labels_wait=True)
            except TFError as error:
                _LOG.error("worker %d cannot take over the last reload: %s", self._index, error)
        for name, rests in hello["resting"].items():
            if rests:
                self._core.manager.put_to_sleep(name)
            else:
                self._core.manager.wake(name)
        if wait:
            await asyncio.to_thread(self._core.manager.wait_settled, _CATCH_UP_SECONDS)

    async def _missed(self, hello: Header, last_reload: bytes) -> None:
        await self.catch_up(hello, last_reload, wait=False)

    # ---- what this worker says

    async def _my_metrics(self, _: bytes) -> bytes:
        return await self._core.runner.call(self._core.metrics.snapshot)

    async def _my_models(self, _: bytes) -> bytes:
        return dump({"pid": os.getpid(), "models": status.list_models(self._core)})

    async def _my_missing(self, _: bytes) -> bytes:
        return dump([self._core.manager.missing(), self._served])

    async def _my_reload(self, payload: bytes) -> bytes:
        request = pb.ReloadConfigRequest.FromString(payload)
        response = await management.reload_beside(self._core, request)
        self._forget()
        serialized: bytes = response.SerializeToString()
        return serialized

    async def _my_rest(self, payload: bytes) -> bytes:
        """Code and message of what went wrong, nothing where all is well."""
        name, rests, seconds = json.loads(payload)
        try:
            if not rests:
                await wake(self._core.manager, name, time.monotonic() + seconds)
            elif not self._core.manager.put_to_sleep(name):
                raise NotFoundError(f"model {name!r} is not configured")
        except TFError as error:
            return dump([error.code.name, error.message])
        finally:
            self._forget()
        return dump([])

    def _forget(self) -> None:
        """What is remembered is of the time before a change."""
        self._lacks.forget()
        self._rows.forget()

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
        packed = [mine, *(reply.payload for reply in replies if reply.outcome == OK)]
        return await self._core.runner.call(_rendered, [data for data in packed if data], departed)

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
        return await self._lacks.get()

    async def _missing(self) -> list[str]:
        mine = self._core.manager.missing()
        replies, _ = await self._ask(_MISSING, seconds=_READY_SECONDS)
        found = dict.fromkeys(mine)
        for reply in replies:
            if reply.outcome == OK:
                theirs, served = json.loads(reply.payload)
                found.update(dict.fromkeys(theirs))
                self._served = self._served or served
            elif reply.outcome != ABSENT or not reply.excused:
                found[reply.text] = None
        self._served = self._served or not found
        return list(found)

    async def served(self) -> bool:
        """Whether all workers are or have been ready at the same time, be it before this one was started."""
        if not self._served:
            await self.missing()
        return self._served

    async def _all_rows(self) -> list[merging.Row]:
        found: list[merging.Row] = (await self.models())["models"]
        return found

    async def model_ready(self, name: str, version: int | None) -> bool:
        """Whether all workers that answer serve a model, or a version of it. Raises NotFoundError where none knows it.

        False is never remembered: who has loaded a model, and asks then, is told what is true.
        """
        if merging.ready(await self._rows.get(), name, version):
            return True
        found = merging.ready(await self._rows.get(new=True), name, version)
        if found is None:
            raise NotFoundError(f"Could not find any versions of model {name}")
        return found

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
        self._forget()
        increases = {metric.name: metric for metric in response.metric}
        for reply in replies:
            for metric in pb.ReloadConfigResponse.FromString(reply.payload).metric:
                increases[metric.name].int64_value_increase += metric.int64_value_increase
        return response

    async def load(self, name: str, deadline: float | None) -> None:
        """Loads a model in every worker. Raises what all raise, else AbortedError that names those where it failed."""
        await self._order(name, False, _RELOAD_SECONDS if deadline is None else max(deadline - time.monotonic(), 0.0))

    async def unload(self, name: str) -> None:
        """Begins to unload a model in every worker. Raises as ``load`` does."""
        await self._order(name, True, _SECONDS)

    async def _order(self, name: str, rests: bool, seconds: float) -> None:
        # Each worker looks at the clock itself; one that has no time to is waited for a little longer.
        replies, _ = await self._ask(REST, rest(name, rests=rests, seconds=seconds), seconds + _READY_SECONDS)
        self._forget()
        if not replies:
            raise UnavailableError("the supervisor of the workers does not answer; the server is about to stop")
        errors = {reply.worker: error for reply in replies if (error := _error_of(reply)) is not None}
        if len(errors) == len(replies) and len({(e.code, e.message) for e in errors.values()}) == 1:
            raise errors[replies[0].worker]
        if errors:
            done = f"{len(replies) - len(errors)} of {len(replies)} workers"
            text = "; ".join(f"worker {worker}: {error.message}" for worker, error in errors.items())
            raise AbortedError(f"model {name} was {'unloaded' if rests else 'loaded'} in {done}: {text}")


def _error_of(reply: Reply) -> TFError | None:
    """What went wrong with a ``REST`` in one worker; nothing where it has died and will know when it is back."""
    if reply.outcome == OK:
        found = json.loads(reply.payload)
        return _ERRORS[found[0]](found[1]) if found else None
    if reply.outcome == ABSENT and reply.excused:
        return None
    return UnavailableError(reply.text)


def _rendered(packed: list[bytes], departed: bytes) -> bytes:
    """departed: of workers that died; a version that has ended in all others has ended in those, too."""
    processes = [exposition.unpack(data) for data in packed]
    if departed:
        living = set().union(*map(exposition.serving, processes))
        processes.append(exposition.without_ended(exposition.unpack(departed), living))
    return exposition.render(exposition.merge(processes))
