"""A load generator in a process of its own: clients that ask one thing again and again, every answer written down.

``python -m drills.load SPEC`` reads a JSON object (the fields of ``Plan``), sends until its standard input is closed,
then writes the records to ``Plan.out`` as a NumPy array of shape [requests, 3]: start and end on ``time.monotonic``,
which all processes of a machine share, and the outcome: an HTTP status, 10000 + a gRPC code, or one of those below.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np

REFUSED, CUT, TIMEOUT = -1, -2, -3  # no connection; the connection ended before the answer; no answer in time
GRPC: Final = 10_000
_REST_AGAIN: Final = 0.02  # seconds before a client whose connection was refused tries again


@dataclass(frozen=True)
class Plan:
    """What to send: ``rest`` to an HTTP path, or gRPC to a method; by ``clients``, each waiting for its answer.

    rate: requests a second of all clients together; 0 for as fast as answers come. timeout: seconds for one answer.
    """

    port: int
    out: str
    target: str  # "/v1/models/m:predict", or "grpc:/tensorflow.serving.PredictionService/Predict"
    body: str  # base64
    clients: int = 4
    rate: float = 0.0
    timeout: float = 30.0
    headers: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self))


class _Rest:
    """One HTTP/1.1 connection that is kept, and made again when the server closes it."""

    def __init__(self, plan: Plan) -> None:
        body = base64.b64decode(plan.body)
        extra = "".join(f"{name}: {value}\r\n" for name, value in plan.headers.items())
        head = f"POST {plan.target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self._request = head.encode() + body
        self._port = plan.port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self) -> int:
        fresh = self._streams is None
        if self._streams is None:
            try:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            except OSError:
                await asyncio.sleep(_REST_AGAIN)
                return REFUSED
        reader, writer = self._streams
        got = b""
        try:
            writer.write(self._request)
            got = await reader.readuntil(b"\r\n\r\n")
            head = got.lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
            await reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            self.close()
            # A kept connection that ends before a byte of the answer was idle for the server: HTTP says, send again.
            return await self.call() if not fresh and not got and not error.partial else CUT
        except OSError:
            self.close()
            return await self.call() if not fresh and not got else CUT
        if b"connection: close" in head:
            self.close()
        return int(got.split(b" ", 2)[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class _Grpc:
    """One channel; a call that finds no server does not wait for one."""

    def __init__(self, plan: Plan) -> None:
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 100),
                   ("grpc.initial_reconnect_backoff_ms", 50))  # fmt: skip
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{plan.port}", options=options)
        self._call: Any = self._channel.unary_unary(plan.target.removeprefix("grpc:"), None, None)
        self._body = base64.b64decode(plan.body)
        self._timeout = plan.timeout

    async def call(self) -> int:
        try:
            await self._call(self._body, timeout=self._timeout)
            return 200
        except grpc.aio.AioRpcError as error:
            code: int = error.code().value[0]
            if code == grpc.StatusCode.UNAVAILABLE.value[0] and "connect" in (error.details() or "").lower():
                await asyncio.sleep(_REST_AGAIN)
                return REFUSED
            return GRPC + code

    def close(self) -> None:
        pass


async def _client(plan: Plan, number: int, stop: asyncio.Event, records: list[tuple[float, float, int]]) -> None:
    connection = _Grpc(plan) if plan.target.startswith("grpc:") else _Rest(plan)
    pause = plan.clients / plan.rate if plan.rate else 0.0
    due = time.monotonic() + pause * number / plan.clients
    while not stop.is_set():
        if pause:
            await asyncio.sleep(max(due - time.monotonic(), 0.0))
            due = max(due + pause, time.monotonic() - pause)
        start = time.monotonic()
        try:
            outcome = await asyncio.wait_for(connection.call(), plan.timeout + 1)
        except TimeoutError:
            connection.close()
            outcome = TIMEOUT
        records.append((start, time.monotonic(), outcome))
    connection.close()


async def _main(plan: Plan) -> None:
    stop = asyncio.Event()
    records: list[tuple[float, float, int]] = []
    tasks = [asyncio.create_task(_client(plan, n, stop, records)) for n in range(plan.clients)]
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    await asyncio.wait(tasks, timeout=plan.timeout + 2)
    np.save(plan.out, np.array(records, np.float64).reshape(-1, 3))


def main(spec: str) -> None:
    """Runs one plan."""
    plan = Plan(**json.loads(spec))
    with contextlib.suppress(KeyboardInterrupt):
        try:
            import uvloop  # not on Windows; a client that costs less leaves more of the machine to the server
        except ImportError:
            asyncio.run(_main(plan))
        else:
            uvloop.run(_main(plan))


if __name__ == "__main__":
    main(Path(sys.argv[1][1:]).read_text() if sys.argv[1].startswith("@") else sys.argv[1])
