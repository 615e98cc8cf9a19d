"""The served part: starts ``noria serve`` on the iris model and times one client over REST and over gRPC.

The REST client is a bare socket that keeps its connection, sends the request's bytes and reads the answer's: what is
timed is the server, not an HTTP library. The gRPC client is the ordinary one of ``grpcio``.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from noria.formats.tensor_proto import from_array
from noria.protos.serving import PredictRequest

METHOD = "/tensorflow.serving.PredictionService/Predict"


class Client:
    """One client of a server that runs on this machine."""

    def __init__(self, rest_port: int, grpc_port: int, echo_port: int, inputs: Path) -> None:
        with np.load(inputs) as data:
            ((alias, rows),) = data.items()
        body = json.dumps({"instances": rows[:1].tolist()}).encode()
        head = f"POST /v1/models/iris:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self._http_request = head.encode() + body
        self._socket = socket.create_connection(("127.0.0.1", rest_port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = PredictRequest()
        request.model_spec.name = "iris"
        request.inputs[alias].CopyFrom(from_array(rows[:1]))
        self._grpc_request = request.SerializeToString()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{grpc_port}")
        self._predict = self._channel.unary_unary(METHOD, None, None)
        self._echo_channel = grpc.insecure_channel(f"127.0.0.1:{echo_port}")
        self._echo = self._echo_channel.unary_unary(METHOD, None, None)

    def rest(self, seconds: float) -> float:
        """The median time of a call over REST, in seconds."""
        return _median(self._rest, seconds)

    def grpc(self, seconds: float) -> float:
        """The median time of a call over gRPC, in seconds."""
        return _median(lambda: self._predict(self._grpc_request), seconds)

    def echo(self, seconds: float) -> float:
        """The median time of a call of a grpc.aio server that does nothing, in seconds."""
        return _median(lambda: self._echo(self._grpc_request, wait_for_ready=True), seconds)

    def _rest(self) -> None:
        self._socket.sendall(self._http_request)
        answer = self._socket.recv(65536)
        head, _, body = answer.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the server answered {answer!r}")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        while len(body) < length:
            body += self._socket.recv(65536)

    def close(self) -> None:
        self._socket.close()
        self._channel.close()
        self._echo_channel.close()


def _median(call: Callable[[], object], seconds: float) -> float:
    clock = time.perf_counter
    end = clock() + seconds / 10
    while clock() < end:
        call()
    times = []
    end = clock() + seconds
    while clock() < end:
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Running:
    """A ``noria serve`` process of one model."""

    def __init__(self, model: str, rest_port: int, grpc_port: int) -> None:
        self.model = model
        self.rest_port = rest_port
        self.grpc_port = grpc_port

    def post(self, path: str, body: bytes) -> bytes:
        """The body of the answer; RuntimeError when it is no 200."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port)
        with contextlib.closing(connection):
            connection.request("POST", path, body)
            answer = connection.getresponse()
            content = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {content!r}")
        return content

    def available(self) -> bool:
        """Whether a version of the model serves."""
        connection = http.client.HTTPConnection("127.0.0.1", self.rest_port)
        with contextlib.closing(connection):
            connection.request("GET", f"/v1/models/{self.model}")
            return b'"AVAILABLE"' in connection.getresponse().read()


@contextlib.contextmanager
def server(python: str, model: str, home: Path, threads: int, *flags: str) -> Iterator[Running]:
    """A server of the versions under ``home``, which ends with the context."""
    running = Running(model, free_port(), free_port())
    given = {
        "port": running.grpc_port,
        "rest_api_port": running.rest_port,
        "model_name": model,
        "model_base_path": home,
        "tensorflow_intra_op_parallelism": threads,
    }
    command = [str(Path(python).parent / "noria"), "serve", *(f"--{k}={v}" for k, v in given.items()), *flags]
    with tempfile.TemporaryFile("w+") as log:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log, text=True)
        try:
            wait_for_port(running.rest_port, child)
            end = time.monotonic() + 60
            while not running.available():
                if time.monotonic() > end or child.poll() is not None:
                    log.seek(0)
                    raise RuntimeError(f"{model} is not available: {log.read()[-3000:]}")
                time.sleep(0.05)
            yield running
        finally:
            child.send_signal(signal.SIGTERM)
            child.wait(60)


@contextlib.contextmanager
def serve_iris(python: str, home: Path, threads: int) -> Iterator[Client]:
    """A client of a server of the model at ``home``, and of an empty gRPC server, which end with the context."""
    echo_port = free_port()
    echo = subprocess.Popen([python, str(Path(__file__).with_name("echo.py")), str(echo_port)])
    try:
        with server(python, "iris", home, threads) as running:
            client = Client(running.rest_port, running.grpc_port, echo_port, home / "inputs.npz")
            yield client
            client.close()
    finally:
        echo.kill()
        echo.wait()


def wait_for_port(port: int, child: subprocess.Popen[Any]) -> None:
    """Until a process listens; RuntimeError when it ends or takes more than 30 seconds."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if child.poll() is not None:
            raise RuntimeError(f"the server ended with status {child.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError("the server does not listen after 30 seconds")
