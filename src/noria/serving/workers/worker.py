"""A worker: a whole server on ports that the supervisor opened. Run as ``python -m`` of this module, SPEC, FLAGS."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from noria.compile.ort import available_cpus
from noria.errors import TFError
from noria.serving.command import parse
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.observe import event_log
from noria.serving.ports import Ports
from noria.serving.server import make_core, ready_line, run_loop, serve
from noria.serving.signals import note_signals
from noria.serving.workers.channel import Channel
from noria.serving.workers.fleet import Fleet
from noria.serving.workers.sharing import Sharings

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Spec:
    """What the supervisor tells a worker at birth.

    link, counts, rest, grpc, unix: file descriptors of the channel, of the memory for ``Sharings``, and of the
    listening sockets (-1 where there is none); again: whether other workers serve already.
    """

    index: int
    workers: int
    link: int
    again: bool
    counts: int
    rest: int = -1
    grpc: int = -1
    unix: int = -1

    @classmethod
    def parse(cls, text: str) -> Self:
        return cls(**json.loads(text))

    def ports(self) -> Ports:
        """The listening sockets."""
        rest, grpc, unix = (
            socket.socket(fileno=number) if number >= 0 else None for number in (self.rest, self.grpc, self.unix)
        )
        return Ports(rest, grpc, unix)


def settings(config: ServerConfig, spec: Spec) -> ServerConfig:
    """The settings of one worker: its share of the CPUs, no delay but the supervisor's."""
    threads = config.threads or max(1, available_cpus() // spec.workers)
    return dataclasses.replace(config, tensorflow_intra_op_parallelism=threads, drain_delay_seconds=0.0)


def main(argv: Sequence[str]) -> int:
    """Serves until told to stop, or until the supervisor is gone; returns the exit status."""
    told = note_signals()
    spec = Spec.parse(argv[0])
    try:
        config = parse(argv[1:], quiet=True)
        event_log.start(config.log_format, worker=spec.index)
        core = make_core(settings(config, spec))
        run_loop(_serve(core, spec, told))
    except TFError as error:
        print(f"noria serve: {error}", file=sys.stderr)
        return 1
    return 0


async def _serve(core: Core, spec: Spec, told: Sequence[int]) -> None:
    stopping = asyncio.Event()

    def orphaned() -> None:
        if not stopping.is_set():
            _LOG.error("the supervisor is gone: worker %d drains", spec.index)
            stopping.set()

    channel = await Channel.over(socket.socket(fileno=spec.link))
    hello = await channel.receive()
    if hello is None:
        return
    fleet = Fleet(core, spec.index)
    core.process.fleet = fleet
    core.process.sharing = Sharings.of(spec.counts, spec.workers, spec.index)
    await fleet.catch_up(*hello, wait=spec.again)
    link = fleet.join(channel, orphaned)
    await serve(
        core,
        lambda server: link.ready(ready_line(server)),
        opened=lambda _: link.up(),
        ports=spec.ports(),
        stopping=stopping,
        told=told,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
