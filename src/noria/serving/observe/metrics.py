"""Counts what the server does, for a scrape to read.

Nothing takes a lock on a request's way: each update is one item or attribute of one object, with no call between its
reading and its writing, and CPython switches threads at calls and backward jumps only. A scrape may see a request's
count before its latency; the next one sees both.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Protocol, TypeVar

from noria.errors import Code
from noria.serving.lifecycle.servable import WarmUp
from noria.serving.observe import table
from noria.serving.observe.event_log import Refusals
from noria.serving.observe.exposition import Buckets, Family, Labels, pack, render
from noria.serving.observe.process import Point, build_points, process_points
from noria.serving.observe.table import BY_NAME, LATENCY_US, METRICS

T = TypeVar("T")
Collector = Callable[[], Iterable[Point]]
Listener = Callable[[str, str, str, Code, float, int, int], None]

_MAX_STRANGERS: Final = 100  # names of models that are not served and have series of their own
_MAX_NAME: Final = 128  # characters of such a name
_MAX_SERIES: Final = 10_000  # of one family made through ``counter``, ``gauge`` and ``histogram``
_CODES: Final = len(Code)
_NAMES: Final = [code.name for code in Code]
_REST: Final = "REST"
# TensorFlow Serving counts every REST request, and of gRPC these only.
_COUNTED: Final = frozenset({"Predict", "Classify", "Regress"})
# Inference by the Open Inference Protocol counts too: a model's requests are those of all its clients.
_OPEN: Final = frozenset({"infer", "ModelInfer", "ModelStreamInfer"})


class _Named(Protocol):
    """What metrics need of a servable."""

    @property
    def id(self) -> Any: ...


class Value:
    """A counter's or a gauge's one series."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def add(self, amount: float = 1) -> None:
        """Counts ``amount`` more."""
        self.value += amount

    def set(self, value: float) -> None:
        """Replaces a gauge's value."""
        self.value = value


class Histogram:
    """A histogram's one series."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts one observation."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Adds the observations of another one with the same bounds."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.total += other.total


class _Requests:
    """The requests of one (model, api, entrypoint)."""

    __slots__ = ("codes", "latency", "received", "sent")

    def __init__(self) -> None:
        self.codes = [0] * _CODES
        self.latency = Histogram(LATENCY_US)
        self.received = 0
        self.sent = 0


class _Runs:
    """The runs of one (model, version, signature, api)."""

    __slots__ = ("latency", "rows")

    def __init__(self) -> None:
        self.latency = Histogram(LATENCY_US)
        self.rows = 0


class Metrics:
    """The metrics of one server process.

    is_served: whether a name is that of a model; any other name may have come from anybody, so only the first 100 of
    those get series of their own and the rest is counted under the empty name.
    """

    def __init__(self, is_served: Callable[[str], bool] = bool) -> None:
        self._is_served = is_served
        self._strangers: set[str] = set()
        self._requests: dict[tuple[str, str, str], _Requests] = {}
        self._runs: dict[tuple[str, int, str, str], _Runs] = {}
        self._forgetting = threading.Lock()
        self._ended: dict[tuple[str, str], Histogram] = {}  # (model, api) -> runs of versions that are gone
        self._made: dict[str, dict[Labels, Any]] = {metric.name: {} for metric in METRICS}
        self._refusals = Refusals()
        self._collectors: list[Collector] = [process_points, build_points]

    # ---- The hot path

    def request(
        self,
        model: str,
        api: str,
        entrypoint: str,
        code: Code,
        seconds: float,
        received: int = 0,
        sent: int = 0,
    ) -> None:
        """Counts an answered request.

        model: "" where the URL named none. api: over gRPC the RPC's name, over REST the verb in the URL and "" for
        status and metadata. entrypoint: ``REST`` or ``GRPC``. seconds: from arrival to answer; received, sent: bytes.
        """
        requests = self._requests.get((model, api, entrypoint))
        if requests is None:
            requests = self._requests_of(model, api, entrypoint)
        if not code:
            latency = requests.latency
            microseconds = seconds * 1e6
            latency.counts[bisect_left(LATENCY_US, microseconds)] += 1
            latency.total += microseconds
        else:
            self._refusals.tell(model, code)
        requests.codes[code] += 1
        requests.received += received
        requests.sent += sent

    def run(self, servable: _Named, signature_name: str, api: str, seconds: float, rows: int) -> None:
        """Counts a run of a signature: ``seconds`` with the time in a queue; api: Predict, Classify, Regress, …"""
        id = servable.id
        key = (id.name, id.version, signature_name, api)
        runs = self._runs.get(key)
        if runs is None:
            runs = self._runs.setdefault(key, _Runs())
        latency = runs.latency
        microseconds = seconds * 1e6
        latency.counts[bisect_left(LATENCY_US, microseconds)] += 1
        latency.total += microseconds
        runs.rows += rows

    def _requests_of(self, model: str, api: str, entrypoint: str) -> _Requests:
        if not self._is_served(model) and model not in self._strangers:
            if len(self._strangers) < _MAX_STRANGERS and len(model) <= _MAX_NAME:
                self._strangers.add(model)
            else:
                model = ""
        return self._requests.setdefault((model, api, entrypoint), _Requests())

    # ---- Everything else that is counted

    def counter(self, name: str, *labels: str) -> Value:
        """One series of a counter of the table; keep it where it is counted often."""
        return self._series(name, "counter", labels, Value)

    def gauge(self, name: str, *labels: str) -> Value:
        """One series of a gauge of the table."""
        return self._series(name, "gauge", labels, Value)

    def histogram(self, name: str, *labels: str) -> Histogram:
        """One series of a histogram of the table."""
        return self._series(name, "histogram", labels, lambda: Histogram(BY_NAME[name].bounds))

    def _series(self, name: str, kind: str, labels: Labels, make: Callable[[], T]) -> T:
        known = self._made[name]
        found: T | None = known.get(labels)
        if found is None:
            metric = BY_NAME[name]
            assert metric.kind == kind, f"{name} is a {metric.kind}"
            assert len(labels) == len(metric.labels), f"{name} has labels {metric.labels}"
            while len(known) >= _MAX_SERIES:  # paths and versions come and go: the oldest ones make room
                known.pop(next(iter(known)), None)
            found = known.setdefault(labels, make())
        return found

    def examples(self, model: str, count: int) -> None:
        """Counts the examples of a Classify, Regress or MultiInference of a model that is served."""
        self.histogram(table.EXAMPLE_COUNTS, model).observe(count)
        self.counter(table.EXAMPLE_TOTAL, model).add(count)

    def batch(
        self,
        pool: str,
        model: str,
        version: int,
        signature: str,
        waits: Sequence[float],
        sizes: Sequence[int],
        processed: int,
    ) -> None:
        """Counts one run of the engine for several requests, as ``batching.observer.BatchObserver`` says."""
        del version  # batches are counted by signature: versions of one model batch alike
        queuing = self.histogram(table.QUEUING_LATENCY, pool)
        queue = self.histogram(table.QUEUE_SECONDS, model, signature)
        inputs = self.histogram(table.INPUT_BATCH_SIZE)
        for wait in waits:
            queuing.observe(wait * 1e6)
            queue.observe(wait)
        rows = 0
        for size in sizes:
            inputs.observe(size)
            rows += size
        self.histogram(table.PROCESSED_BATCH_SIZE).observe(processed)
        if processed > rows:
            self.histogram(table.PADDING_SIZE, str(processed)).observe(processed - rows)
        self.counter(table.WRAPPED_RUN_COUNT).add()
        self.histogram(table.BATCH_ROWS, model, signature).observe(processed)
        self.histogram(table.BATCH_REQUESTS, model, signature).observe(len(sizes))

    def load(self, path: str, seconds: float, success: bool) -> None:
        """Counts a load of the version at ``path``."""
        self.counter(table.LOAD_ATTEMPTS, path, "success" if success else "fail").add()
        if success:
            self.counter(table.LOAD_LATENCY, path).add(seconds * 1e6)

    def warmup(self, path: str, done: WarmUp) -> None:
        """Counts a warm-up of the version at ``path``."""
        self.histogram(table.WARMUP_LATENCY, path, done.code.name).observe(done.seconds * 1e6)
        self.counter(table.WARMUP_RECORDS, path, done.code.name).add(done.records)

    def add_collector(self, collector: Collector) -> None:
        """``collector`` is called at each scrape, in any thread, for (name in the table, label values, value)."""
        self._collectors.append(collector)

    # ---- Reading

    def collect(self) -> list[Family]:
        """Every family with its series as they are now, in the order of the table."""
        found: dict[str, dict[Labels, Any]] = {metric.name: {} for metric in METRICS}
        for name, known in self._made.items():
            for labels, one in known.copy().items():
                found[name][labels] = _state(one)
        self._collect_requests(found)
        self._collect_runs(found)
        for collector in self._collectors.copy():
            for name, labels, value in collector():
                found[name][labels] = value
        return [Family(metric, found[metric.name]) for metric in METRICS]

    def _collect_requests(self, found: dict[str, dict[Labels, Any]]) -> None:
        for (model, api, entrypoint), requests in self._requests.copy().items():
            counted = entrypoint == _REST or api in _COUNTED or api in _OPEN
            for code, count in enumerate(requests.codes):
                if count:
                    _sum(found, table.REQUESTS, (model, api, entrypoint, _NAMES[code]), count)
                    if counted:
                        _sum(found, table.REQUEST_COUNT, (model, _NAMES[code]), count)
            if counted and requests.codes[Code.OK]:
                found[table.REQUEST_LATENCY][model, api, entrypoint] = _state(requests.latency)
            for name, value in ((table.RECEIVED_BYTES, requests.received), (table.SENT_BYTES, requests.sent)):
                if value:
                    _sum(found, name, (model, entrypoint), value)

    def _collect_runs(self, found: dict[str, dict[Labels, Any]]) -> None:
        runtime: dict[tuple[str, str], Histogram] = {}
        for where, histogram in self._ended.copy().items():
            runtime.setdefault(where, Histogram(LATENCY_US)).add(histogram)
        labels: Labels
        signatures: dict[Labels, Histogram] = {}
        for (model, version, signature, api), runs in self._runs.copy().items():
            runtime.setdefault((model, api), Histogram(LATENCY_US)).add(runs.latency)
            labels = (model, str(version), signature)
            signatures.setdefault(labels, Histogram(LATENCY_US)).add(runs.latency)
            _sum(found, table.RUN_ROWS, labels, runs.rows)
        for (model, api), histogram in runtime.items():
            if api in _COUNTED:
                found[table.RUNTIME_LATENCY][model, api, "TF1"] = _state(histogram)
        for labels, histogram in signatures.items():
            found[table.RUN_SECONDS][labels] = Buckets(histogram.counts, histogram.total / 1e6)

    def forget(self, model: str, version: int) -> None:
        """Ends the series of a version that is gone; its runs stay counted in those of its model."""
        with self._forgetting:  # a scrape may find the end of a version just as its unload tells of it
            for key in [key for key in self._runs.copy() if key[:2] == (model, version)]:
                runs = self._runs.pop(key)
                self._ended.setdefault((key[0], key[3]), Histogram(LATENCY_US)).add(runs.latency)

    def render(self) -> bytes:
        """The text of a scrape."""
        return render(self.collect())

    def snapshot(self) -> bytes:
        """What ``exposition.unpack`` and ``merge`` take in another process."""
        return pack(self.collect())

    def values(self, names: Iterable[str]) -> dict[str, int]:
        """The sums of all series of counters, by the name asked for (with ``/`` or ``:``); other names are left out.

        A histogram counts its observations.
        """
        families = {family.metric.name: family for family in self.collect()}
        found = {}
        for name in names:
            family = families.get(name.replace("/", ":"))
            if family is not None and family.metric.kind != "gauge":
                found[name] = int(sum(_count(value) for value in family.series.values()))
        return found


class TellingMetrics(Metrics):
    """Metrics that also tell ``listeners`` of each request, with the arguments of ``request``."""

    def __init__(self, is_served: Callable[[str], bool], listeners: Sequence[Listener]) -> None:
        super().__init__(is_served)
        self._listeners = tuple(listeners)

    def request(
        self,
        model: str,
        api: str,
        entrypoint: str,
        code: Code,
        seconds: float,
        received: int = 0,
        sent: int = 0,
    ) -> None:
        super().request(model, api, entrypoint, code, seconds, received, sent)
        for tell in self._listeners:
            tell(model, api, entrypoint, code, seconds, received, sent)


def _count(value: Any) -> float:
    return sum(value.counts) if isinstance(value, Buckets) else value


def _state(one: Value | Histogram) -> Any:
    return one.value if isinstance(one, Value) else Buckets(list(one.counts), one.total)


def _sum(found: dict[str, dict[Labels, Any]], name: str, labels: Labels, value: float) -> None:
    series = found[name]
    series[labels] = series.get(labels, 0) + value
