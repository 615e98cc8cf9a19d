"""The supervisor of ``--workers N``: a small process that runs no model and takes no request.

The first worker starts alone, so that what keeps a server from starting is said once; then the others. A worker that
dies is started again (``restarts``); on SIGTERM or SIGINT all drain and the supervisor ends with 0, on a second one all
end at once; SIGHUP is passed on. Workers whose supervisor is gone drain and end.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from noria.serving.config import ServerConfig
from noria.serving.listening import close_gently
from noria.serving.ports import Ports
from noria.serving.workers.channel import Channel
from noria.serving.workers.hub import ABSENT, Hub, Reply
from noria.serving.workers.restarts import Deaths, describe
from noria.serving.workers.sharing import all_counts, make_counts

_LOG = logging.getLogger(__name__)

_END_SECONDS: Final = 5.0  # what a worker may take beyond the drain's own bounds
_WORKER: Final = "noria.serving.workers.worker"


def supervise(config: ServerConfig, argv: Sequence[str], told: Sequence[int] = ()) -> int:
    """Serves by ``config.workers`` processes until told to stop; returns the exit status.

    argv: the flags, for the workers. told: signals to stop that came before. Raises UnavailableError when a port is
    taken.
    """
    ports = Ports.open(config)
    try:
        return asyncio.run(_Supervisor(config, argv, ports).run(told))
    finally:
        ports.close()


class _Worker:
    """One place for a worker: the process that fills it now, and those that did before."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.child: asyncio.subprocess.Process | None = None
        self.deaths = Deaths()
        self.up = False  # its ports are open
        self.line = ""  # what it said when its models had settled; "" before

    def tell(self, number: int) -> None:
        """Sends a signal, if there is a process."""
        if self.child is not None and self.child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.child.send_signal(number)


class _Supervisor:
    def __init__(self, config: ServerConfig, argv: Sequence[str], ports: Ports) -> None:
        self._config = config
        self._argv = argv
        self._ports = ports
        self._workers = [_Worker(index) for index in range(config.workers)]
        self._hub = Hub(config.workers, self._absent)
        self._counts_file = make_counts(config.workers)
        self._counts = all_counts(self._counts_file, config.workers)
        self._stopping = asyncio.Event()
        self._served = False  # whether all have served at the same time
        self._statuses: set[int] = set()  # of workers that ended while stopping, or failed to start

    async def run(self, told: Sequence[int]) -> int:
        self._handle_signals()
        if told:
            self._stopping.set()
        first, *others = self._workers
        tasks = [asyncio.create_task(self._keep(first))]
        while not first.up and not self._stopping.is_set():
            await asyncio.sleep(0.01)
        tasks += [asyncio.create_task(self._keep(worker)) for worker in others]
        await self._stopping.wait()
        ends = asyncio.gather(*tasks)
        _LOG.info("draining %d workers", len(self._workers))
        self._hub.tell({"draining": True})
        await asyncio.sleep(max(self._config.drain_delay_seconds, 0.0) if self._served else 0.0)
        self._ports.remove_file()
        # The workers accept what is queued, on the same sockets.
        await asyncio.gather(*(close_gently(listener) for listener in self._ports.sockets()))
        self._pass_on(signal.SIGTERM)
        bound = self._config.drain_timeout_seconds + _END_SECONDS
        try:
            await asyncio.wait_for(asyncio.shield(ends), bound)
        except TimeoutError:
            _LOG.warning("killing the workers that did not end within %g s", bound)
            self._pass_on(signal.SIGKILL)
            await ends
        return 0 if self._statuses <= {0, -signal.SIGTERM} else 1  # the latter: before it could even note it

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            if self._stopping.is_set():
                self._pass_on(signal.SIGKILL)
                os._exit(1)
            self._stopping.set()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop)
        loop.add_signal_handler(signal.SIGHUP, self._pass_on, signal.SIGHUP)

    def _pass_on(self, number: int) -> None:
        for worker in self._workers:
            worker.tell(number)

    def _absent(self, index: int) -> Reply:
        """What is to be said of a worker that does not serve."""
        story = self._workers[index].deaths.story(time.monotonic())
        text = f"worker {index} is not serving" + (f": {story}" if story else " yet")
        return Reply(index, ABSENT, text, excused=self._served)

    async def _keep(self, worker: _Worker) -> None:
        """Keeps one place filled until all is to stop."""
        while not self._stopping.is_set():
            status = await self._live(worker)
            self._hub.left(worker.index)
            for counts in self._counts:
                counts.set(worker.index, -1)
            was_up, worker.up, worker.line = worker.up, False, ""
            if self._stopping.is_set():
                self._statuses.add(status)
                return
            if not self._served and not was_up and status > 0:
                self._statuses.add(status)  # it has said why; it would say so again
                self._stopping.set()
                return
            pause = worker.deaths.add(time.monotonic(), status) if status else 0.0
            looping = worker.deaths.looping(time.monotonic())
            _LOG.log(
                logging.ERROR if looping else logging.WARNING, "worker %d ended %s%s; it starts again %s",
                worker.index, describe(status), f" ({worker.deaths.story(time.monotonic())})" if looping else "",
                f"in {pause:g} s" if pause else "now",
            )  # fmt: skip
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def _live(self, worker: _Worker) -> int:
        """The life of one process, its exit status."""
        ours, theirs = socket.socketpair()
        spec: dict[str, Any] = {
            "index": worker.index,
            "workers": self._config.workers,
            "link": theirs.fileno(),
            "again": self._served,
            "counts": self._counts_file,
        }
        files = [theirs.fileno(), self._counts_file]
        ports = self._ports
        for name, listener in (("rest", ports.rest), ("grpc", ports.grpc), ("unix", ports.unix)):
            if listener is not None:
                spec[name] = listener.fileno()
                files.append(listener.fileno())
        with theirs:
            # A session of its own: the Ctrl-C of a terminal comes to the supervisor alone, which passes it on once.
            worker.child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", _WORKER, json.dumps(spec), *self._argv, pass_fds=files, start_new_session=True
            )
        if self._stopping.is_set():
            worker.tell(signal.SIGTERM)
        channel = await Channel.over(ours)
        self._hub.born(worker.index, channel)
        hearing = asyncio.create_task(self._hear(worker, channel))
        status = await worker.child.wait()
        channel.close()
        await hearing
        return status

    async def _hear(self, worker: _Worker, channel: Channel) -> None:
        """Takes a worker's messages until it is gone."""
        questions: set[asyncio.Task[None]] = set()
        while (message := await channel.receive()) is not None:
            header, payload = message
            if "up" in header:
                worker.up = True
                self._hub.joined(worker.index, channel)
            elif "ready" in header:
                worker.line = header["ready"]
                self._announce()
                continue
            task = asyncio.create_task(self._hub.serve(worker.index, channel, header, payload))
            questions.add(task)
            task.add_done_callback(questions.discard)

    def _announce(self) -> None:
        """Says, once, that the whole server is there."""
        if not self._served and all(worker.line for worker in self._workers):
            self._served = True
            print(f"{self._workers[0].line}; {len(self._workers)} workers", flush=True)
