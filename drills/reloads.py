"""Loads and unloads of a model of 100 MB, one after the other: resident memory stays flat."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from drills.harness import Result, Server, dense_model, load, rest_body, server

_MEGABYTES = 100
_SAMPLES = 5  # loads after which memory is looked at, at either end


def main(*, full: bool = False) -> Result:
    """200 loads (20 unless ``full``), each followed by the unload of the version before, while requests are served."""
    loads = 200 if full else 20
    settled = max(_SAMPLES, loads // 10)  # the heaps of the threads that load have found their sizes by then
    result = Result("reloads")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        model = dense_model(Path(folder) / "model", _MEGABYTES)
        base = Path(folder) / "m"
        _link(model, base, 1)
        flags = ("--model_name=m", f"--model_base_path={base}", "--file_system_poll_wait_seconds=0.1")
        with server(*flags) as running:
            running.wait_for("m", 1)
            body = rest_body([[1.0] * 64])
            with load(running.rest_port, "/v1/models/m:predict", body, clients=2, rate=20) as clients:
                memory: list[float] = []
                for done in range(1, loads + 1):
                    _swap(running, model, base, done + 1)
                    if settled < done <= settled + _SAMPLES or done > loads - _SAMPLES:
                        time.sleep(1)  # what has left gives its memory back after its state says END
                        memory.append(running.resident_mb())
                failed = clients.stop().failed
    early, late = statistics.median(memory[:_SAMPLES]), statistics.median(memory[_SAMPLES:])
    change = late / early - 1
    result.check(
        f"resident after load {settled}, and after the last of {loads}",
        f"{early:.0f} MB, {late:.0f} MB ({change:+.1%})", "within 5%", abs(change) <= 0.05,
    )  # fmt: skip
    result.check("failed requests", failed or 0, "0", not failed)
    return result


def _link(model: Path, base: Path, version: int) -> None:
    """Puts the model under ``base`` as a version, at once and without a copy."""
    beside = base / f"linking-{version}"
    shutil.copytree(model, beside, copy_function=os.link)
    old = time.time() - 60
    for path in (beside, *beside.rglob("*")):
        os.utime(path, (old, old))
    beside.rename(base / str(version))


def _swap(running: Server, model: Path, base: Path, version: int) -> None:
    """Loads a version in place of the one before, and waits until that has gone."""
    _link(model, base, version)
    running.wait_for("m", version)
    limit = time.monotonic() + 60
    while running.states("m").get(version - 1) not in ("END", None):
        if time.monotonic() > limit:
            raise RuntimeError(f"version {version - 1} does not leave: {running.states('m')}")
        time.sleep(0.02)
    shutil.rmtree(base / str(version - 1))
