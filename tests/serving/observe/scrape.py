"""A scrape as Prometheus reads it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: bytes) -> Samples:
    """The scrape as Prometheus reads it: (name, labels) -> value.

    Its Python parser gives every counter the suffix _total; TensorFlow Serving's have none on the wire.
    """
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            name = sample.name
            if f"\n{name}{{".encode() not in text:
                name = name.removesuffix("_total")
            found[name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def value(found: Samples, name: str, **labels: str) -> float | None:
    return found.get((name, tuple(sorted(labels.items()))))
