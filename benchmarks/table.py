"""What the benchmarks share: a row, the table of rows, the two engines and the environment that their processes get."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENGINES = ("tensorflow", "noria")
# Where a library finds its threads' number in the environment, it must not differ from the other's; and both keep
# their compiled modules, as Python does by default.
ENVIRONMENT = {
    k: v
    for k, v in os.environ.items()
    if not k.startswith(("OMP_", "MKL_", "TF_NUM_")) and k != "PYTHONDONTWRITEBYTECODE"
}


@dataclass(frozen=True)
class Row:
    """One line of the table. tensorflow, noria: in ``unit``; target: least value of tensorflow / noria."""

    what: str
    unit: str
    tensorflow: float
    noria: float
    target: float

    @property
    def ratio(self) -> float:
        return self.tensorflow / self.noria

    @property
    def met(self) -> bool:
        return self.ratio >= self.target


def shown(value: float, unit: str) -> str:
    if unit == "B":
        return f"{value / 1e6:.0f} MB"
    if value < 1e-3:
        return f"{value * 1e6:.1f} µs"
    return f"{value * 1e3:.2f} ms" if value < 1 else f"{value:.2f} s"


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = ["| | TensorFlow | Noria | ratio | target | |", "|---|---:|---:|---:|---:|---|"]
    lines += [
        f"| {r.what} | {shown(r.tensorflow, r.unit)} | {shown(r.noria, r.unit)} "
        f"| {r.ratio:.2f} | {r.target:g} | {'' if r.met else 'below'} |"
        for r in rows
    ]
    return "\n".join(lines)


def machine() -> str:
    """The processor, as the system names it."""
    info = Path("/proc/cpuinfo")
    models = (
        [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        if (info.exists())
        else []
    )
    name = models[0] if models else platform.processor() or platform.machine()
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cpus} CPUs, {platform.system()} {platform.machine()}"
