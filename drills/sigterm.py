"""SIGTERM under load, over REST and gRPC: nothing that was asked goes unanswered, and the server ends with status 0."""

from __future__ import annotations

import contextlib
import signal
import time
from typing import Final

import numpy as np

from drills import harness
from drills.harness import Result
from drills.load import REFUSED

_ENDED: Final = 10_000 + 14  # gRPC UNAVAILABLE: of calls made after the signal, "this server takes no more"


def main(full: bool = False) -> Result:
    """Ten stops of a server (``full``: fifty), eight clients at each protocol."""
    result = Result("sigterm")
    rounds = 50 if full else 5
    for workers in (1, 2):
        asked, failed, statuses, longest = 0, {"REST": 0, "gRPC": 0}, set(), 0.0
        for _ in range(rounds):
            answered, bad, status, seconds = _round(workers)
            asked += answered
            statuses.add(status)
            longest = max(longest, seconds)
            for protocol, count in bad.items():
                failed[protocol] += count
        name = "one process" if workers == 1 else f"{workers} workers"
        result.check(f"{name}: failed of {asked} requests, {rounds} stops", failed, "0", not any(failed.values()))
        result.check(f"{name}: exit status", statuses, "{0}", statuses == {0})
        result.check(f"{name}: longest stop", f"{longest:.2f} s", "< 5 s", longest < 5)
    return result


def _round(workers: int) -> tuple[int, dict[str, int], int, float]:
    """Requests made, failures by protocol, exit status, and seconds from the signal to the end."""
    with contextlib.ExitStack() as stack:
        flags = ("--model_name=m", f"--model_base_path={harness.HALF_PLUS_TWO}", f"--workers={workers}")
        server = stack.enter_context(harness.server(*flags))
        server.wait_for("m", 1)
        rest = stack.enter_context(
            harness.load(server.rest_port, "/v1/models/m:predict", harness.rest_body([1.0, 2.0]), clients=8)
        )
        body = harness.grpc_body("m", x=np.array([1.0, 2.0], np.float32))
        grpc = stack.enter_context(harness.load(server.grpc_port, harness.PREDICT, body, clients=8))
        time.sleep(2.0)
        signalled = time.monotonic()
        server.child.send_signal(signal.SIGTERM)
        status = server.child.wait(30)
        seconds = time.monotonic() - signalled
        time.sleep(0.2)
        failed: dict[str, int] = {}
        asked = 0
        for protocol, load in (("REST", rest.stop()), ("gRPC", grpc.stop())):
            records = load.records
            before = records[:, 0] < signalled
            bad = records[:, 2] != 200
            # After the signal a client may be told that there is no server, but nothing worse.
            told = ~before & ((records[:, 2] == REFUSED) | ((records[:, 2] == _ENDED) & (protocol == "gRPC")))
            failed[protocol] = int((bad & ~told).sum())
            asked += int((~bad).sum())
        return asked, failed, status, seconds
