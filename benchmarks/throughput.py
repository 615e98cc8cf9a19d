"""The server under load: how near it comes to a server that does nothing, and to its engine's own best.

``wrk`` and ``h2load`` (Debian's packages ``wrk`` and ``nghttp2-client``) send; without them these rows are left out and
the report says so. Each load runs for the same time as its rival's, one after the other, round by round.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from noria.formats.tensor_proto import from_array
from noria.protos.serving import PredictRequest
from served import METHOD, free_port, server, wait_for_port
from table import HERE

CLIENTS = 16
_BATCHES = (1, 4, 8)  # among which an engine's own best is looked for; the recorded inputs have no more rows


@dataclass(frozen=True)
class Floor:
    """One line of the second table: requests (or rows) a second of Noria and of what it is held against."""

    what: str
    against: str
    theirs: float
    ours: float
    ratio: float
    target: float
    unit: str = "/s"

    @classmethod
    def of(cls, what: str, against: str, theirs: Sequence[float], ours: Sequence[float], target: float) -> Floor:
        """From the figures of each round. The ratio is the median of the rounds' own: the machine may be twice as fast
        in one round as in the next, and each round measures both sides."""
        ratio = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
        return cls(what, against, statistics.median(theirs), statistics.median(ours), ratio, target)

    @property
    def met(self) -> bool:
        return self.ratio >= self.target


def missing_tools() -> list[str]:
    """Load generators that this machine lacks."""
    return [tool for tool in ("wrk", "h2load") if shutil.which(tool) is None]


def table(rows: list[Floor]) -> str:
    """Markdown."""
    lines = ["| Served, 16 clients | held against | its figure | Noria | ratio | target | |",
             "|---|---|---:|---:|---:|---:|---|"]  # fmt: skip
    lines += [
        f"| {r.what} | {r.against} | {_shown(r.theirs, r.unit)} | {_shown(r.ours, r.unit)} | {r.ratio:.2f} "
        f"| {r.target:g} | {'' if r.met else 'below'} |"
        for r in rows
    ]
    return "\n".join(lines)


def _shown(value: float, unit: str) -> str:
    return f"{value:,.0f}{unit}" if value >= 100 else f"{value:.1f}{unit}"


def rest_load(port: int, path: str, body: bytes, seconds: float) -> float:
    """Answers a second to wrk; RuntimeError when one was no 200."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "body").write_bytes(body)
        script = Path(folder, "post.lua")
        script.write_text(
            f'wrk.method = "POST"\nlocal f = io.open("{folder}/body", "rb")\nwrk.body = f:read("*a")\nf:close()\n'
        )
        command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{max(round(seconds), 1)}s", "-s", str(script)]
        text = subprocess.check_output([*command, f"http://127.0.0.1:{port}{path}"], text=True)
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"wrk met errors:\n{text}")
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", text)[0])


def grpc_load(port: int, request: bytes, seconds: float, warm_up: float = 0.0) -> float:
    """Answers a second to h2load, one connection for each client; RuntimeError when one failed.

    warm_up: seconds of load before those counted. Without it the requests under way at the end are load that counts for
    nothing, which is a tenth of all where a request takes long.
    """
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "request")
        data.write_bytes(struct.pack(">BI", 0, len(request)) + request)  # gRPC's frame: not compressed, length
        command = ["h2load", "-t1", f"-c{CLIENTS}", "-m1", f"-D{max(round(seconds), 1)}", "-d", str(data)]
        if warm_up:
            command.append(f"--warm-up-time={max(round(warm_up), 1)}")
        headers = ["-Hcontent-type: application/grpc", "-Hte: trailers"]
        text = subprocess.check_output([*command, *headers, f"http://127.0.0.1:{port}{METHOD}"], text=True)
    failed = re.findall(r"(\d+) failed, (\d+) errored, (\d+) timeout", text)[0]
    if any(int(count) for count in failed):
        raise RuntimeError(f"h2load met errors:\n{text}")
    return float(re.findall(r"finished in [\d.]+m?s, ([\d.]+) req/s", text)[0])


def predict_request(model: str, inputs: Path, rows: int) -> bytes:
    """A serialised PredictRequest of the first rows of a model's recorded inputs."""
    request = PredictRequest()
    request.model_spec.name = model
    with np.load(inputs) as data:
        for alias, array in data.items():
            request.inputs[alias].CopyFrom(from_array(array[:rows]))
    return bytes(request.SerializeToString())


@contextlib.contextmanager
def _echo(python: str, script: str, *arguments: str) -> Iterator[int]:
    port = free_port()
    child = subprocess.Popen([python, str(HERE / script), str(port), *arguments])
    try:
        wait_for_port(port, child)
        yield port
    finally:
        child.kill()
        child.wait()


def small_model(python: str, home: Path, threads: int, rounds: int, seconds: float) -> list[Floor]:
    """iris over both protocols, each against a server of the same libraries that does nothing."""
    inputs = home / "inputs.npz"
    with np.load(inputs) as data:
        ((_, values),) = data.items()
    body = json.dumps({"instances": values[:1].tolist()}).encode()
    request = predict_request("iris", inputs, 1)
    path = "/v1/models/iris:predict"
    found: dict[str, list[float]] = {"rest": [], "asgi echo": [], "own echo": [], "grpc": [], "grpc echo": []}
    with server(python, "iris", home, threads) as running, tempfile.NamedTemporaryFile() as answer:
        answer.write(running.post(path, body))
        answer.flush()
        with (
            _echo(python, "echo_rest.py", answer.name, "asgi") as asgi_echo,
            _echo(python, "echo_rest.py", answer.name, "own") as own_echo,
            _echo(python, "echo.py") as grpc_echo,
        ):
            for _ in range(rounds):
                found["asgi echo"].append(rest_load(asgi_echo, path, body, seconds))
                found["own echo"].append(rest_load(own_echo, path, body, seconds))
                found["rest"].append(rest_load(running.rest_port, path, body, seconds))
                found["grpc echo"].append(grpc_load(grpc_echo, request, seconds))
                found["grpc"].append(grpc_load(running.grpc_port, request, seconds))
    return [
        Floor.of("iris, REST", "an empty ASGI server (uvicorn)", found["asgi echo"], found["rest"], 0.6),
        Floor.of("iris, REST", "an empty server on Noria's connections", found["own echo"], found["rest"], 0),
        Floor.of("iris, gRPC", "an empty grpc.aio server", found["grpc echo"], found["grpc"], 0.6),
    ]


def big_model(
    python: str,
    home: Path,
    threads: int,
    rounds: int,
    seconds: float,
    time_call: dict[str, Callable[[Path, int, int], float]],
) -> list[Floor]:
    """ResNet-50 over gRPC, one image a request, against the best that each engine does in its own process.

    time_call: by engine, the seconds for each call of a model at a batch size by so many threads at the same time.
    An engine's best is the batch size and the number of callers (one, or one for each CPU) with the highest median
    over the rounds: the highest figure of each round would be the luckiest of several.
    """
    request = predict_request(home.name, home / "inputs.npz", 1)
    ways = list(itertools.product(_BATCHES, sorted({1, threads})))
    rates: dict[str, dict[tuple[int, int], list[float]]] = {e: {way: [] for way in ways} for e in time_call}
    found = []
    with server(python, home.name, home, threads) as running:
        grpc_load(running.grpc_port, request, 2 * seconds)  # it measures what batches pay
        for _ in range(rounds):
            for engine, call in time_call.items():
                for batch, callers in ways:
                    rates[engine][batch, callers].append(batch / call(home, batch, callers))
            found.append(grpc_load(running.grpc_port, request, 2 * seconds, seconds))
    floors = []
    for engine, name, target in (("noria", "Noria", 0.95), ("tensorflow", "TensorFlow", 1.3)):
        batch, callers = max(ways, key=lambda way: statistics.median(rates[engine][way]))
        against = f"{name} in process, its best: batch {batch}, {callers} at the same time"
        what = "ResNet-50, gRPC, one image a request"
        floors.append(Floor.of(what, against, rates[engine][batch, callers], found, target))
    return floors


def json_image(python: str, rounds: int) -> Floor:
    """Reading a 224x224x3 image from JSON, images a second."""
    text = subprocess.check_output([python, str(HERE / "json_image.py"), str(max(10 * rounds, 10))], text=True)
    theirs, ours = map(float, text.split())
    return Floor.of("reading a 224x224x3 image from JSON", "json + NumPy", [1 / theirs], [1 / ours], 5.0)


def show_progress(row: Floor) -> None:
    print(f"{row.what}: {_shown(row.theirs, row.unit)} / {_shown(row.ours, row.unit)}", file=sys.stderr)
