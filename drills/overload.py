"""Ten times more load than capacity: what is accepted is answered in bounded time, the rest is refused at once, and
memory stays where it was.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np

from drills import harness
from drills.harness import Load, Result

_WAITING: Final = 16  # requests that may wait
_ROWS: Final = 32  # of each request: a run of its own, tens of milliseconds
_TIMES: Final = 10
_REFUSED: Final = 429


def main(*, full: bool) -> Result:
    """The drill; ``full`` loads for half a minute rather than six seconds, and over gRPC too."""
    result = Result("overload")
    seconds = 30.0 if full else 6.0
    rng = np.random.default_rng(0)
    values = rng.random((_ROWS, 64), np.float32)
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        base = Path(folder) / "m"
        harness.dense_model(base / "1", 48)
        flags = [f"--max_waiting_requests_per_model={_WAITING}", "--model_name=m", f"--model_base_path={base}"]
        with harness.server(*flags) as server:
            server.wait_for("m", 1)
            ways = [("REST", server.rest_port, "/v1/models/m:predict", harness.rest_body(values.tolist()), _REFUSED)]
            if full:
                refused = 10_008  # RESOURCE_EXHAUSTED
                ways.append(("gRPC", server.grpc_port, harness.PREDICT, harness.grpc_body("m", x=values), refused))
            for name, port, target, body, code in ways:
                with harness.load(port, target, body, clients=4) as steady:
                    time.sleep(max(seconds / 2, 3.0))
                    usual = steady.stop()
                capacity = _rate(usual)
                before = server.resident_mb()
                with harness.load(port, target, body, clients=12 * _WAITING, rate=_TIMES * capacity) as heavy:
                    time.sleep(seconds)
                    over = heavy.stop()
                _judge(result, name, usual, over, code)
                grown = server.resident_mb() / before - 1
                result.check(f"{name}: memory during it", f"{grown:+.1%}", "within 15%", grown < 0.15)
            with harness.load(server.rest_port, *ways[0][2:4], clients=1) as after:
                time.sleep(1)
                calm = after.stop()
            result.check(
                "failed requests afterwards", sum(calm.failed.values()), "0", not calm.failed and len(calm) > 0
            )
    return result


def _rate(load: Load) -> float:
    """Requests answered with 200 a second."""
    good = load.records[load.records[:, 2] == 200]
    return float(len(good) / (good[:, 1].max() - good[:, 0].min()))


def _slowest(load: Load, seconds: float = 2.0) -> float:
    """Requests answered with 200 a second, in the slowest two seconds: other programs take their share too."""
    ends = np.sort(load.records[load.records[:, 2] == 200, 1])
    starts = np.arange(ends[0], ends[-1] - seconds, seconds / 4)
    counts = np.searchsorted(ends, starts + seconds) - np.searchsorted(ends, starts)
    return float(max(counts.min(initial=len(ends)), 1) / seconds)


def _judge(result: Result, name: str, usual: Load, over: Load, code: int) -> None:
    capacity, sent = _rate(usual), len(over) / (over.records[:, 1].max() - over.records[:, 0].min())
    result.check(
        f"{name}: offered load", f"{sent / capacity:.1f} x {capacity:.0f}/s", "5 x or more", sent > 5 * capacity
    )
    accepted = _rate(over)
    result.check(
        f"{name}: answered meanwhile",
        f"{accepted / capacity:.0%} of capacity",
        "50% or more",
        accepted > 0.5 * capacity,
    )
    # Who is accepted finds at most so many before him, and those that run; twice the time that they take.
    bound = 2e3 * (_WAITING + 4) / _slowest(over)
    worst = over.milliseconds(99)
    result.check(f"{name}: p99 of the accepted", f"{worst:.0f} ms", f"at most {bound:.0f} ms", worst <= bound)
    refused = over.records[over.records[:, 2] == code]
    waits = (refused[:, 1] - refused[:, 0]) * 1e3
    median = float(np.median(waits)) if len(waits) else float("nan")
    limit = over.milliseconds(50) / 2
    result.check(
        f"{name}: median time to a refusal", f"{median:.0f} ms, {len(refused)} refused", f"at most {limit:.0f} ms",
        len(refused) > 0 and median <= limit,
    )  # fmt: skip
    others = {outcome: count for outcome, count in over.failed.items() if outcome != code}
    result.check(f"{name}: other failures", others or 0, "0", not others)
