"""Metrics of the model versions a server knows, read from its manager at each scrape."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final

from noria.formats import files
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.servable import State
from noria.serving.observe import table
from noria.serving.observe.metrics import Metrics
from noria.serving.observe.process import Point
from noria.serving.runner import Runner

_METADATA: Final = "mlmd_uuid"  # in assets.extra


def model_points(manager: Manager, metrics: Metrics) -> Callable[[], Iterator[Point]]:
    """A collector of states and requests in flight; it also ends the series of versions that are gone."""

    recorded: dict[str, bool] = {}  # path of a version -> whether it names its ML Metadata

    def points() -> Iterator[Point]:
        nonlocal recorded
        known, recorded = recorded, {}
        for name in manager.names():
            for servable in manager.versions(name):
                version = str(servable.id.version)
                state = servable.state
                yield table.MODEL_STATE, (name, version, state.name), 1
                if state is State.END:
                    metrics.forget(name, servable.id.version)
                else:
                    yield table.IN_FLIGHT, (name, version), servable.in_flight
                if state is State.AVAILABLE:
                    path = servable.path
                    recorded[path] = known[path] if path in known else _has_metadata(path)
                    if recorded[path]:
                        yield table.MLMD_MAP, (name, version), 1
                    yield table.MODEL_MEMORY, (name, version), servable.resident_bytes
                    yield table.MODEL_LOAD_SECONDS, (name, version), servable.load_seconds
            for label, number in manager.labels(name).items():
                yield table.MODEL_LABEL, (name, label), number

    return points


def _has_metadata(path: str) -> bool:
    return not files.is_url(path) and files.exists(record_files.path_of(path, _METADATA))


def queue_points(runner: Runner) -> Callable[[], Iterator[Point]]:
    """A collector of how many requests wait, by model and signature."""

    def points() -> Iterator[Point]:
        waiting: Counter[tuple[str, str]] = Counter()
        for (model, _, signature), count in runner.waiting().items():
            waiting[model, signature] += count
        for labels, count in waiting.items():
            yield table.QUEUE_DEPTH, labels, count

    return points
