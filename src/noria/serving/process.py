"""What is true of this server process as a whole, for the protocol edges to read and the server to change."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from noria.protos import serving as pb

_LOG = logging.getLogger(__name__)


class Fleet(Protocol):
    """All workers of ``--workers N`` as one server: what an operator asks one of them is answered for all."""

    async def metrics(self) -> bytes:
        """The text of a scrape."""

    async def models(self) -> dict[str, Any]:
        """What ``GET /v1/models`` says: models, and workers."""

    async def missing(self) -> list[str]:
        """Why the server is not ready; [] when it is. As it was 0.25 s ago at most."""

    async def served(self) -> bool:
        """Whether the server is or has been ready."""

    async def model_ready(self, name: str, version: int | None) -> bool:
        """Whether all workers serve a version of a model, or the model. Raises NotFoundError where none knows it.

        True may be 0.25 s old.
        """

    async def status(self, name: str, version: int | None) -> pb.GetModelStatusResponse:
        """As ``status.model_status``; a version is available when it is in all workers."""

    async def reload(
        self, request: pb.ReloadConfigRequest, *, deadline: float | None = None
    ) -> pb.ReloadConfigResponse:
        """As ``management.reload_beside``, in all workers."""

    async def load(self, name: str, deadline: float | None) -> None:
        """As ``on_demand.wake``, in all workers."""

    async def unload(self, name: str) -> None:
        """Begins to unload a model in all workers."""


if TYPE_CHECKING:
    from noria.serving.workers.sharing import Sharings


class Process:
    """``draining``: True from the signal to stop on. Readiness and health say so; what arrives is still answered.

    ``fleet``: the workers that this process is one of; None where it is alone.
    ``sharing``: how it takes its part of the connections then.
    """

    def __init__(self) -> None:
        self.draining = False
        self.fleet: Fleet | None = None
        self.sharing: Sharings | None = None
        self._told: list[Callable[[], None]] = []
        self._readers: list[Callable[[], None]] = []

    def when_draining(self, tell: Callable[[], None]) -> None:
        """``tell`` is called, on the event loop, when draining begins."""
        self._told.append(tell)

    def when_told_to_read(self, read: Callable[[], None]) -> None:
        """``read`` is called, in a thread, when an operator asks to look at files at once (SIGHUP)."""
        self._readers.append(read)

    def read_again(self) -> None:
        """Looks at all files; blocks, and never raises."""
        for read in self._readers:
            try:
                read()
            except Exception:
                _LOG.exception("looking at files again failed")

    def begin_drain(self) -> None:
        """Turns readiness off, once."""
        if not self.draining:
            self.draining = True
            for tell in self._told:
                tell()
