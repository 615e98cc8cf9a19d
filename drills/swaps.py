"""Version swaps under constant load: no request fails, and latency during a swap stays near what it is otherwise."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from drills.harness import ROOT, Result, Server, add_version, load, rest_body, server

MODEL = ROOT / "tests" / "golden" / "iris" / "1"
_BODY = rest_body([[5.1, 3.5, 1.4, 0.2]])


def main(*, full: bool = False) -> Result:
    """50 swaps (8 unless ``full``) of a small model at 200 requests a second from 4 clients."""
    swaps = 50 if full else 8
    result = Result("swaps")
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        base = Path(folder) / "m"
        add_version(base, 1, MODEL)
        flags = ("--model_name=m", f"--model_base_path={base}", "--file_system_poll_wait_seconds=0.2")
        with server(*flags) as running:
            running.wait_for("m", 1)
            with load(running.rest_port, "/v1/models/m:predict", _BODY, clients=4, rate=200) as clients:
                time.sleep(3)
                windows = []
                for version in range(2, 2 + swaps):
                    add_version(base, version, MODEL)
                    windows.append(_swap(running, version))
                    time.sleep(0.3)
                time.sleep(2)
                requests = clients.stop()
    steady = requests.outside(windows).milliseconds(99)
    during = requests.milliseconds(99, windows)
    count = sum(len(requests) - len(requests.outside([w])) for w in windows)
    failed = requests.failed
    result.check(f"failed of {len(requests)} requests, {swaps} swaps", failed or 0, "0", not failed)
    result.check(
        f"p99 during a swap ({count} requests), steady {steady:.2f} ms", f"{during:.2f} ms", "<= 2 times steady",
        during <= 2 * steady,
    )  # fmt: skip
    worst, otherwise = requests.milliseconds(100, windows), requests.outside(windows).milliseconds(100)
    result.check(f"slowest during a swap, otherwise {otherwise:.1f} ms", f"{worst:.1f} ms", "<= 100 ms, or otherwise's",
                 worst <= max(100, otherwise))  # fmt: skip
    return result


def _swap(running: Server, version: int) -> tuple[float, float]:
    """Waits for a version to replace the one before it; when it began to load, and when the old one had gone."""
    began = None
    limit = time.monotonic() + 60
    while time.monotonic() < limit:
        states = running.states("m")
        now = time.monotonic()
        if began is None and states.get(version) in ("LOADING", "AVAILABLE"):
            began = now - 0.05
        if states.get(version) == "AVAILABLE" and states.get(version - 1) in ("END", None):
            return began or now, now
        time.sleep(0.01)
    raise RuntimeError(f"version {version} did not replace the one before: {running.states('m')}")
