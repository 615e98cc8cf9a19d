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
_UNREAD: Final = 0.05  # seconds in which a client may not have read that its connection went with the worker


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
        deaths: list[tuple[float, float]] = []
        back = 0.0
        for turn in range(kills):
            victim = _all_three(server)[turn % 3]
            deaths.append(_kill(victim))
            back = max(back, _seconds_until_back(server, victim))
            time.sleep(1.0)
        requests = [rest.stop(), grpc.stop()]
        for protocol, load in zip(("REST", "gRPC"), requests, strict=True):
            apart = load.outside([(start, end + _UNREAD) for start, end in deaths])
            failed = sum(apart.failed.values())
            result.check(f"{protocol}: failed of {len(load)}, not while a worker died", failed, "0", failed == 0)
            closed = sum(apart.failed.get(outcome, 0) for outcome in (REFUSED, TIMEOUT))
            result.check(f"{protocol}: refused or unanswered of those", closed, "0", closed == 0)
            lost = sum(load.failed.values()) - failed
            most = kills * _CLIENTS
            result.check(f"{protocol}: failed of those in flight, {kills} kills", lost, f"<= {most}", lost <= most)
        result.check(f"longest time to three workers again, {kills} kills", f"{back:.1f} s", "< 60 s", back < 60)
    return result


def _kill(victim: int) -> tuple[float, float]:
    """When the worker was killed, and when it was gone: the system takes milliseconds to end a process."""
    start = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.kill(victim, 0)
            time.sleep(0.001)
    return start, time.monotonic()


def _workers(server: Server) -> list[int]:
    """The pids of the workers that serve."""
    status, body = server.get("/v1/models")
    if status != 200:
        return []
    return [worker["pid"] for worker in json.loads(body)["workers"] if worker["state"] == "SERVING"]


def _all_three(server: Server) -> list[int]:
    """The pids of the workers, once all serve; RuntimeError after a minute."""
    end = time.monotonic() + 60
    while len(found := _workers(server)) < 3:
        if time.monotonic() > end:
            raise RuntimeError(f"only {len(found)} workers serve; log:\n{server.log.read_text()[-2000:]}")
        time.sleep(0.05)
    return found


def _seconds_until_back(server: Server, victim: int) -> float:
    start = time.monotonic()
    while victim in _all_three(server):
        time.sleep(0.05)
    return time.monotonic() - start
