"""Writes ``docs/metrics.md`` from the server's table of metrics: ``python tools/gen_metrics_table.py [--check]``.

With ``--check`` nothing is written; the status is 1 when the page is not what the code says.
"""

from __future__ import annotations

import sys
from pathlib import Path

from noria.serving.observe.table import METRICS, Metric

PAGE = Path(__file__).resolve().parent.parent / "docs" / "metrics.md"

HEAD = """\
# Metrics

Written by `tools/gen_metrics_table.py` from `src/noria/serving/observe/table.py`; do not edit.

The server gives its metrics in the Prometheus text format at `/monitoring/prometheus/metrics` on the REST port, as
TensorFlow Serving does; here they are on without a flag. `--monitoring_config_file=FILE` changes the path or turns them
off, with the same file as there:

    prometheus_config { enable: true path: "/metrics" }

With `--workers` the figures are those of all processes together. A bucket counts what is less than or equal to its
`le`. Names of models that are not served get series of their own for the first 100 such names; the rest is counted
under the empty name, as malformed URLs are, so that nobody outside can make the page grow.
"""

SECTIONS = (
    (
        "TensorFlow Serving's",
        ":",
        "Names, labels, types and buckets are TensorFlow Serving's: dashboards go on working. Latencies are in µs.",
    ),
    ("Noria's own", "noria_", "In the base units that Prometheus recommends: seconds and bytes."),
    ("The process", "process_", "As every Prometheus client names them; what the system does not tell is left out."),
)


def page() -> str:
    """The page's text."""
    text = HEAD
    for title, prefix, about in SECTIONS:
        rows = [_row(metric) for metric in METRICS if metric.name.startswith(prefix)]
        text += f"\n## {title}\n\n{about}\n\n| metric | type | labels | meaning |\n|---|---|---|---|\n" + "".join(rows)
    return text


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    meaning = metric.help
    if metric.bounds:
        meaning += f" {len(metric.bounds)} buckets from {metric.bounds[0]:.6g} to {metric.bounds[-1]:.6g}."
    return f"| `{metric.name}` | {metric.kind} | {labels} | {meaning} |\n"


def main(arguments: list[str]) -> int:
    text = page()
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE} is not what the code says; run tools/gen_metrics_table.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
