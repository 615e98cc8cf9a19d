"""The parts of a drill: a server process, load on it, memory, models to serve, and the verdict."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

import noria.v1 as tf
from drills.load import Plan
from noria.formats.tensor_proto import from_array
from noria.protos.serving import PredictRequest

ROOT: Final = Path(__file__).resolve().parent.parent
HALF_PLUS_TWO: Final = ROOT / "tests" / "golden" / "half_plus_two"
PREDICT: Final = "grpc:/tensorflow.serving.PredictionService/Predict"
_SERVE: Final = [sys.executable, "-m", "noria", "serve"]


@dataclass
class Check:
    """One thing a drill looked at: what, what was seen, what had to be seen, and whether it was."""

    what: str
    seen: str
    wanted: str
    held: bool


@dataclass
class Result:
    """The verdict of a drill."""

    drill: str
    checks: list[Check] = field(default_factory=list)

    def check(self, what: str, seen: object, wanted: str, held: bool) -> None:
        """Notes one check; figures are given as text with their unit."""
        self.checks.append(Check(what, str(seen), wanted, bool(held)))

    @property
    def held(self) -> bool:
        return all(check.held for check in self.checks)


class Server:
    """A ``noria serve`` process: its ports, its pid, and a few questions to it."""

    def __init__(self, child: subprocess.Popen[str], rest_port: int, grpc_port: int, log: Path) -> None:
        self.child = child
        self.pid = child.pid
        self.rest_port = rest_port
        self.grpc_port = grpc_port
        self.log = log

    def get(self, path: str, timeout: float = 20) -> tuple[int, bytes]:
        """Status and body of a GET; status 0 when there is no connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port, timeout=timeout)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def states(self, model: str) -> dict[int, str]:
        """State by version, as GetModelStatus has them; empty for an unknown model."""
        status, body = self.get(f"/v1/models/{model}")
        if status != 200:
            return {}
        return {int(v["version"]): v["state"] for v in json.loads(body)["model_version_status"]}

    def wait_for(self, model: str, version: int, state: str = "AVAILABLE", seconds: float = 60) -> None:
        """Waits until a version has a state; RuntimeError, with what it had, when it does not come to it."""
        end = time.monotonic() + seconds
        while (found := self.states(model)).get(version) != state:
            if time.monotonic() > end or self.child.poll() is not None:
                raise RuntimeError(f"{model} {version} is not {state}: {found}; log:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def resident_mb(self) -> float:
        """Resident memory of the process, MB."""
        return resident_mb(self.pid)


def resident_mb(pid: int, key: str = "Rss") -> float:
    """``Rss`` or ``Pss`` of a process, MB; proportional memory counts a page shared by n processes as 1/n."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.findall(rf"^{key}:\s+(\d+) kB", text, re.M)[0]) / 1024


@contextlib.contextmanager
def server(*flags: str) -> Iterator[Server]:
    """A server on free ports, killed at the end if it still runs. ``flags`` come after the ports'."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        log = Path(folder) / "log"
        with log.open("w") as stderr:
            command = [*_SERVE, "--port=-1", "--rest_api_port=-1", *flags]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=ROOT)
        try:
            assert child.stdout is not None
            line = child.stdout.readline()
            ports = [int(p) for p in re.findall(r"gRPC on [^ ]*:(\d+).*REST on [^ ]*:(\d+)", line)[0]] if line else []
            if not ports:
                raise RuntimeError(f"the server did not start: {line!r}\n{log.read_text()[-4000:]}")
            yield Server(child, ports[1], ports[0], log)
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGTERM)
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()
            child.wait()


class Load:
    """Records of a load that ran: start, end and outcome of each request (see ``drills.load``)."""

    def __init__(self, records: np.ndarray[Any, np.dtype[np.float64]]) -> None:
        self.records = records[np.argsort(records[:, 0])]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def failed(self) -> dict[int, int]:
        """How many requests had each outcome other than 200."""
        outcomes, counts = np.unique(self.records[:, 2].astype(int), return_counts=True)
        return {int(o): int(c) for o, c in zip(outcomes, counts, strict=True) if o != 200}

    def milliseconds(self, percent: float, windows: Sequence[tuple[float, float]] | None = None) -> float:
        """A percentile of latency of the answered requests; of those that overlap one of ``windows``, where given."""
        good = self.records[self.records[:, 2] == 200]
        if windows is not None:
            inside = np.zeros(len(good), bool)
            for start, end in windows:
                inside |= (good[:, 1] >= start) & (good[:, 0] <= end)
            good = good[inside]
        return float(np.percentile(good[:, 1] - good[:, 0], percent) * 1e3) if len(good) else float("nan")

    def outside(self, windows: Sequence[tuple[float, float]]) -> Load:
        """The requests that overlap none of ``windows``."""
        keep = np.ones(len(self.records), bool)
        for start, end in windows:
            keep &= (self.records[:, 1] < start) | (self.records[:, 0] > end)
        return Load(self.records[keep])


class RunningLoad:
    """A load generator at work; ``stop`` ends it and gives its records."""

    def __init__(self, child: subprocess.Popen[bytes], out: Path) -> None:
        self.child = child
        self._out = out
        self._load: Load | None = None

    def stop(self) -> Load:
        if self._load is None:
            self.child.communicate(timeout=90)
            self._load = Load(np.load(self._out))
        return self._load


@contextlib.contextmanager
def load(port: int, target: str, body: bytes, **settings: Any) -> Iterator[RunningLoad]:
    """Load on a port of this machine; settings are those of ``drills.load.Plan``."""
    with tempfile.TemporaryDirectory(prefix="drill-") as folder:
        out = Path(folder) / "records.npy"
        plan = Plan(port=port, out=str(out), target=target, body=base64.b64encode(body).decode(), **settings)
        spec = Path(folder) / "plan.json"
        spec.write_text(plan.to_json())
        child = subprocess.Popen([sys.executable, "-m", "drills.load", f"@{spec}"], stdin=subprocess.PIPE, cwd=ROOT)
        try:
            yield RunningLoad(child, out)
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()


def rest_body(values: Any) -> bytes:
    """A row-form Predict body."""
    return json.dumps({"instances": values}).encode()


def grpc_body(model: str, **inputs: Any) -> bytes:
    """A serialised PredictRequest."""
    request = PredictRequest()
    request.model_spec.name = model
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(from_array(np.asarray(value)))
    return bytes(request.SerializeToString())


def add_version(base: Path, version: int, source: Path = HALF_PLUS_TWO / "1") -> Path:
    """Puts a copy of a SavedModel under ``base`` as a version, at once: copied beside, then renamed."""
    base.mkdir(parents=True, exist_ok=True)
    beside = base / f"copying-{version}"
    shutil.copytree(source, beside)
    return beside.rename(base / str(version))


def dense_model(path: Path, megabytes: int, *, add: float = 0.0) -> Path:
    """Saves a SavedModel with that many MB of float32 weights: ``y = sum(w @ x) + add`` for x of shape [N, 64]."""
    rows = megabytes * (1 << 20) // (64 * 4)
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 64], name="x")
        w = tf.get_variable("w", shape=[64, rows], initializer=tf.ones_initializer())
        y = tf.add(tf.reduce_sum(tf.matmul(x, w), axis=1), add, name="y")
        with tf.Session(graph=graph) as session:
            session.run(tf.global_variables_initializer())
            tf.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
    return path
