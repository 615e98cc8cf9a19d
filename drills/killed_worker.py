"""A worker killed under load: only its own requests in flight may fail, the port stays open, the worker comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from typing import Final

import numpy as np

from drills import harness
from drills.harness import Result, Server
from drills.load import REFUSED, TIMEOUT

_CLIENTS: Final = 12  # at each protocol


def main(full: bool = False) -> Result:
    """Three kills (``full``: thirty), one second apart at least."""
    result = Result("killed_worker")
    kills = 30 if full else 3
    with contextlib.ExitStack() as stack:
        flags = ("--model_name=m", f"--model_base_path={harness.HALF_PLUS_TWO}", "--workers=3")
        server = stack.enter_context(harness.server(*flags))
        server.wait_for("m", 1)
        rest = stack.enter_context(
            harness.load(server.rest_port, "/v1/models/m:predict", harness.rest_body([1.0, 2.0]), clients=_CLIENTS)
        )
        body = harness.grpc_body("m", x=np.array([1.0, 2.0], np.float32))
        grpc = stack.enter_context(harness.load(server.grpc_port, harness.PREDICT, body, clients=_CLIENTS))
        time.sleep(2.0)
        times, back = [], 0.0
        for turn in range(kills):
            victim = _workers(server)[turn % 3]
            times.append(time.monotonic())
            os.kill(victim, signal.SIGKILL)
            back = max(back, _seconds_until_back(server, victim))
            time.sleep(1.0)
        requests = [rest.stop(), grpc.stop()]
        for protocol, load in zip(("REST", "gRPC"), requests, strict=True):
            failed = load.records[load.records[:, 2] != 200]
            in_flight = [((failed[:, 0] <= t) & (failed[:, 1] >= t)).sum() for t in times]
            apart = len(failed) - sum(in_flight)
            result.check(f"{protocol}: failed of {len(load)}, not in flight at a kill", apart, "0", apart == 0)
            most = max(in_flight)
            result.check(f"{protocol}: most failed in one kill", most, f"<= {_CLIENTS}", most <= _CLIENTS)
            closed = sum(load.failed.get(outcome, 0) for outcome in (REFUSED, TIMEOUT))
            result.check(f"{protocol}: refused or unanswered", closed, "0", closed == 0)
        result.check(f"longest time to three workers again, {kills} kills", f"{back:.1f} s", "< 10 s", back < 10)
    return result


def _workers(server: Server) -> list[int]:
    """The pids of the workers that serve."""
    status, body = server.get("/v1/models")
    if status != 200:
        return []
    return [worker["pid"] for worker in json.loads(body)["workers"] if worker["state"] == "SERVING"]


def _seconds_until_back(server: Server, victim: int) -> float:
    start = time.monotonic()
    while time.monotonic() - start < 60:
        with contextlib.suppress(OSError):
            workers = _workers(server)
            if len(workers) == 3 and victim not in workers:
                break
        time.sleep(0.05)
    return time.monotonic() - start
