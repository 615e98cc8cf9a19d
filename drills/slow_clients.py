"""Clients that cost a server something for nothing: one that never reads, one that sends a byte a second, and
thousands that are connected and silent. Meanwhile an ordinary client is served, and memory stays bounded."""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from collections.abc import Iterator
from typing import Final

from drills.harness import HALF_PLUS_TWO, Result, load, server

IDLE: Final = 1_000
FULL_IDLE: Final = 10_000
SLOW_SECONDS: Final = 3
_BODY: Final = b'{"instances": [1.0, 2.0]}'
_PATH: Final = "/v1/models/m:predict"


def main(*, full: bool = False) -> Result:
    """The drill."""
    result = Result("slow_clients")
    idle = FULL_IDLE if full else IDLE
    flags = ["--model_name=m", f"--model_base_path={HALF_PLUS_TWO}", f"--rest_api_slow_seconds={SLOW_SECONDS}"]
    with server(*flags) as found, contextlib.ExitStack() as stack:
        found.wait_for("m", 1)
        before = found.resident_mb()
        silent = _connect(stack, found.rest_port, idle)
        time.sleep(0.5)
        each = (found.resident_mb() - before) * 1024 / max(len(silent), 1)
        unread, dripping = stack.enter_context(_never_reads(found.rest_port)), _open(stack, found.rest_port)
        dripping.sendall(b"POST " + _PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        with load(found.rest_port, _PATH, _BODY, clients=4) as running:
            ended = _drip(dripping, 2 * SLOW_SECONDS)
            records = running.stop()
        held = found.resident_mb() - before
        alive = sum(_answers(raw) for raw in silent[:: max(len(silent) // 100, 1)])
        wanted = len(silent[:: max(len(silent) // 100, 1)])
    result.check("silent connections", f"{len(silent):,}", f"{idle:,}", len(silent) == idle)
    result.check("memory of each", f"{each:.1f} KiB", "< 16 KiB", each < 16)
    result.check("silent ones that are answered afterwards", f"{alive} of {wanted}", "all", alive == wanted)
    result.check(
        "a byte a second: given up after", f"{ended:.1f} s", f"< {2 * SLOW_SECONDS} s", ended < 2 * SLOW_SECONDS
    )
    result.check("one that never reads: memory of all", f"{held:.0f} MB", "< 200 MB", held < 200)
    result.check("ordinary requests meanwhile", f"{len(records):,}", "> 0", len(records) > 0)
    result.check("of them failed", records.failed or 0, "0", not records.failed)
    result.check("p99 of them", f"{records.milliseconds(99):.1f} ms", "< 100 ms", records.milliseconds(99) < 100)
    del unread
    return result


def _connect(stack: contextlib.ExitStack, port: int, count: int) -> list[socket.socket]:
    """As many connections as this process may have open, at most ``count``."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found = []
    for index in range(count):
        try:
            found.append(_open(stack, port))
        except OSError:
            break
        if index % 500 == 499:
            time.sleep(0.05)  # the queue of connections that wait to be accepted is no longer than 1,024
    return found


def _open(stack: contextlib.ExitStack, port: int) -> socket.socket:
    return stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))


@contextlib.contextmanager
def _never_reads(port: int) -> Iterator[socket.socket]:
    """A client that sends requests with big answers and reads none of them."""
    body = b'{"instances": [' + b",".join([b"1.25"] * 100_000) + b"]}"
    head = b"POST " + _PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    with socket.create_connection(("127.0.0.1", port), timeout=0.5) as raw:
        with contextlib.suppress(OSError):
            for _ in range(200):
                raw.sendall(head + body)
        yield raw


def _drip(raw: socket.socket, seconds: float) -> float:
    """Sends a byte a second until the server has had enough; after how many seconds that was."""
    start = time.monotonic()
    raw.settimeout(1)
    while time.monotonic() - start < seconds:
        try:
            raw.sendall(b"x")
            if raw.recv(100) is not None:
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - start


def _answers(raw: socket.socket) -> bool:
    try:
        raw.sendall(b"GET /v1/models/m HTTP/1.1\r\nHost: x\r\n\r\n")
        return raw.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
