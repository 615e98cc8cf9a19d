"""Counts and times of the requests of this protocol, by model and version, as its statistics extension reports them."""

from __future__ import annotations

import time
from typing import Any

from noria.serving.lifecycle.servable import ServableId


class Count:
    """What has happened to one version so far; durations in nanoseconds."""

    __slots__ = ("failed", "failed_ns", "infer_ns", "input_ns", "last_ms", "output_ns", "rows", "runs", "runs_ns")

    def __init__(self) -> None:
        self.runs = 0
        self.runs_ns = 0
        self.failed = 0
        self.failed_ns = 0
        self.rows = 0  # of all runs: a request of 64 rows counts 64
        self.input_ns = 0
        self.infer_ns = 0
        self.output_ns = 0
        self.last_ms = 0  # since the epoch

    def succeeded(self, start: int, ready: int, done: int, rows: int) -> None:
        """A request that began at ``start``, ran from ``ready`` to ``done`` and ends now; perf_counter_ns each."""
        now = time.perf_counter_ns()
        self.runs += 1
        self.runs_ns += now - start
        self.input_ns += ready - start
        self.infer_ns += done - ready
        self.output_ns += now - done
        self.rows += rows
        self.last_ms = time.time_ns() // 1_000_000

    def has_failed(self, start: int) -> None:
        """A request that began at ``start`` and ends now in an error."""
        self.failed += 1
        self.failed_ns += time.perf_counter_ns() - start

    def document(self, id: ServableId) -> dict[str, Any]:
        """The protocol's ``model_stats`` entry; waiting in a batch queue is part of ``compute_infer``."""
        compute = {
            part: {"count": self.runs, "ns": ns}
            for part, ns in (
                ("compute_input", self.input_ns), ("compute_infer", self.infer_ns), ("compute_output", self.output_ns)
            )
        }  # fmt: skip
        return {
            "name": id.name,
            "version": str(id.version),
            "last_inference": self.last_ms,
            "inference_count": self.rows,
            "execution_count": self.runs,
            "inference_stats": {
                "success": {"count": self.runs, "ns": self.runs_ns},
                "fail": {"count": self.failed, "ns": self.failed_ns},
                "queue": {"count": 0, "ns": 0},
                **compute,
                "cache_hit": {"count": 0, "ns": 0},
                "cache_miss": {"count": 0, "ns": 0},
            },
            "batch_stats": [],
        }


class Statistics:
    """The counts of a server process, shared by both edges; they belong to the loop thread, but for ``forget``."""

    def __init__(self) -> None:
        self._counts: dict[ServableId, Count] = {}

    def of(self, id: ServableId) -> Count:
        """The count of a version, for adding to."""
        found = self._counts.get(id)
        if found is None:
            found = self._counts[id] = Count()
        return found

    def document(self, id: ServableId) -> dict[str, Any]:
        """The ``model_stats`` entry of a version, all zero for one that had no requests."""
        return (self._counts.get(id) or Count()).document(id)

    def forget(self, id: ServableId) -> None:
        """Drops the counts of a version that is gone."""
        self._counts.pop(id, None)

    def forget_all_but(self, ids: set[ServableId]) -> None:
        """Drops versions the server no longer lists, so that a long life does not gather them."""
        for id in list(self._counts):
            if id not in ids:
                self.forget(id)
