"""Models that load when they are asked for and make room for others: ``--load_on_demand``, ``--max_loaded_models``.

A configured model that is *asleep* wants no version. A request for it wakes it and waits until it serves. When more
models are awake than may be, the one unused longest goes to sleep: it answers what it has begun, and is unloaded.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from noria.errors import DeadlineExceededError, NotFoundError

if TYPE_CHECKING:
    from noria.serving.lifecycle.catalog import Catalog
    from noria.serving.lifecycle.record import Record

_GLANCE: Final = 0.02  # seconds between looks at whether a model is awake


class AsleepError(NotFoundError):
    """A request for a model that is not loaded yet and can be: whoever may wait wakes it and asks again."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclass(slots=True)
class Usage:
    """When a model was last seen to have had a request, on time.monotonic, and how many it had then."""

    at: float = field(default_factory=time.monotonic)
    requests: int = 0


class Sleepers(Protocol):
    """What ``wake`` needs of a manager."""

    def wake(self, name: str) -> bool: ...
    def stirring(self, name: str) -> str | None: ...


def too_many(records: Mapping[str, Record], most: int, *, but: str) -> list[str]:
    """The models to put to sleep so that no more than ``most`` are awake (0: any number); never ``but``."""
    awake = [name for name, record in records.items() if record.configured and not record.asleep]
    if not most or len(awake) <= most:
        return []
    others = sorted((name for name in awake if name != but), key=lambda name: records[name].usage.at)
    return others[: len(awake) - max(most, 1)]


def note_use(records: Mapping[str, Record], catalog: Catalog, now: float) -> None:
    """Sees which models have had requests since the last look."""
    for name, record in records.items():
        requests = sum(servable.requests for servable in catalog.versions(name))
        if requests > record.usage.requests:
            record.usage.at = now
        record.usage.requests = requests  # fewer once a version has left


async def wake(manager: Sleepers, name: str, deadline: float | None) -> None:
    """Wakes a model and waits until it serves.

    deadline: on ``time.monotonic``. Raises NotFoundError, with the reason, when it cannot be served, and
    DeadlineExceededError.
    """
    if not manager.wake(name):
        raise NotFoundError(f"Servable not found for request: Latest({name})")
    while (why := manager.stirring(name)) is not None:
        if why:
            raise NotFoundError(f"Servable not found for request: Latest({name}): {why}")
        if deadline is not None and time.monotonic() > deadline:
            raise DeadlineExceededError(f"the deadline passed while model {name} was being loaded")
        await asyncio.sleep(_GLANCE)
