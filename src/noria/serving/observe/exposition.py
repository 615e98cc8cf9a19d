"""Families of series as plain values, in the Prometheus text format, as bytes between processes, and merged.

Text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats)::

    # HELP name text          \\\\ and line feeds escaped
    # TYPE name counter|gauge|histogram
    name{label="value",...} number          \\\\, " and line feeds escaped in values
    name_bucket{...,le="bound"} count of all observations <= bound, up to le="+Inf"; then name_sum, name_count

TensorFlow Serving's counters carry no ``_total``, which is why this writer is our own.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NamedTuple

import orjson

from noria.errors import InvalidArgumentError
from noria.serving.observe.table import BY_NAME, MODEL_STATE, Merge, Metric

CONTENT_TYPE: Final = b"text/plain"  # as TensorFlow Serving has it; scrapers take it for this format

Labels = tuple[str, ...]


class Buckets(NamedTuple):
    """A histogram's state: observations in each bucket (the last one is +Inf), and their sum."""

    counts: Sequence[int]
    total: float


@dataclass(frozen=True, slots=True)
class Family:
    """A metric and its series; values are numbers, those of a histogram ``Buckets``."""

    metric: Metric
    series: Mapping[Labels, Any]


def render(families: Iterable[Family]) -> bytes:
    """The text of a scrape; for a thread of its own, which lets others run between two series."""
    lines: list[str] = []
    for family in families:
        metric = family.metric
        lines.append(f"# HELP {metric.name} {_escaped_help(metric.help)}")
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        if metric.kind == "histogram":
            limits = [f'"{bound:.6g}"}} ' for bound in metric.bounds] + ['"+Inf"} ']
            for labels, value in family.series.items():
                lines.extend(_histogram(metric, _pairs(metric.labels, labels), limits, value))
                time.sleep(0)  # a page of many models takes a while: requests are answered in between
        else:
            for labels, value in family.series.items():
                lines.append(f"{metric.name}{{{_pairs(metric.labels, labels)}}} {_number(value)}")
    lines.append("")
    return "\n".join(lines).encode("utf-8", "replace")


def _histogram(metric: Metric, pairs: str, limits: Sequence[str], value: Buckets) -> list[str]:
    """The lines of one series; limits: the ends of the buckets' lines, up to the number."""
    head = f"{metric.name}_bucket{{{pairs}{',' if pairs else ''}le="
    counts = list(accumulate(value.counts))
    lines = [f"{head}{limit}{count}" for limit, count in zip(limits, counts, strict=True)]
    lines.append(f"{metric.name}_sum{{{pairs}}} {_number(value.total)}")
    lines.append(f"{metric.name}_count{{{pairs}}} {counts[-1]}")
    return lines


def _pairs(names: Labels, values: Labels) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _escaped_help(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def pack(families: Iterable[Family]) -> bytes:
    """The families as bytes, for another process of the same version."""
    return orjson.dumps([[f.metric.name, list(f.series), [_plain(v) for v in f.series.values()]] for f in families])


def _plain(value: Any) -> Any:
    return [value.counts, value.total] if isinstance(value, Buckets) else value


def unpack(data: bytes) -> list[Family]:
    """What ``pack`` was given. Raises InvalidArgumentError for other bytes."""
    try:
        found = []
        for name, keys, values in orjson.loads(data):
            metric = BY_NAME[name]
            if metric.kind == "histogram":
                values = [Buckets(counts, total) for counts, total in values]
            found.append(Family(metric, dict(zip(map(tuple, keys), values, strict=True))))
        return found
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidArgumentError(f"{len(data)} bytes are no packed metrics of this version: {error!r}") from None


def serving(families: Iterable[Family]) -> set[tuple[str, str]]:
    """Model and version of all that have not ended, as one process sees it."""
    rows = (labels for family in families if family.metric.name == MODEL_STATE for labels in family.series)
    return {(model, version) for model, version, state in rows if state != "END"}


def without_ended(families: Iterable[Family], living: Collection[tuple[str, str]]) -> list[Family]:
    """The families without the series of versions that are not among ``living``; what has no version stays."""
    found = []
    for family in families:
        names = family.metric.labels
        if "model_name" in names and "version" in names:
            model, version = names.index("model_name"), names.index("version")
            series = {key: v for key, v in family.series.items() if (key[model], key[version]) in living}
            family = Family(family.metric, series)
        found.append(family)
    return found


def merge(processes: Iterable[Iterable[Family]]) -> list[Family]:
    """The families of several processes as those of one server: counters and histograms summed, gauges by their row."""
    series: dict[str, dict[Labels, Any]] = {}
    for families in processes:
        for family in families:
            known = series.setdefault(family.metric.name, {})
            for labels, value in family.series.items():
                known[labels] = _merged(family.metric.merge, known[labels], value) if labels in known else value
    return [Family(BY_NAME[name], found) for name, found in series.items()]


def _merged(rule: Merge, one: Any, other: Any) -> Any:
    if isinstance(one, Buckets):
        return Buckets([a + b for a, b in zip(one.counts, other.counts, strict=True)], one.total + other.total)
    if rule == "sum":
        return one + other
    return max(one, other) if rule == "max" else min(one, other)
