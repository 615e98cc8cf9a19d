"""What the operating system says about this process, under the names that Prometheus clients agreed on."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib import metadata

from noria.serving.observe.table import BUILD_INFO

try:
    import resource
except ImportError:  # Windows has no such module
    resource = None  # type: ignore[assignment]

Point = tuple[str, tuple[str, ...], float]


def process_points() -> Iterator[Point]:
    """CPU time everywhere; memory, descriptors and the start time where there is a /proc."""
    times = os.times()
    yield "process_cpu_seconds_total", (), times.user + times.system
    try:
        with open("/proc/self/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open("/proc/stat", "rb") as file:
            booted = next(int(line.split()[1]) for line in file if line.startswith(b"btime "))
        descriptors = len(os.listdir("/proc/self/fd"))
    except (OSError, StopIteration):
        return
    # proc(5): of the fields after the name in brackets, 19 is the start in ticks, 20 and 21 are memory, from 0.
    page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
    yield "process_start_time_seconds", (), booted + int(fields[19]) / ticks
    yield "process_virtual_memory_bytes", (), int(fields[20])
    yield "process_resident_memory_bytes", (), int(fields[21]) * page
    yield "process_open_fds", (), descriptors
    if resource is not None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY:
            yield "process_max_fds", (), soft


def build_points() -> Iterator[Point]:
    """What this server is."""
    try:
        version = metadata.version("noria")
    except metadata.PackageNotFoundError:  # run from a bare source tree
        version = "unknown"
    yield BUILD_INFO, (version, platform.python_version()), 1
