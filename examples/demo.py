"""Serves the small model that the repository carries, asks it over REST and gRPC, and stops it: ``make demo``.

Everything here is what a client of TensorFlow Serving does; TensorFlow itself is not needed on either side.
"""

from __future__ import annotations

import http.client
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import numpy as np

from noria.formats.tensor_proto import from_array, to_array
from noria.protos.serving import PredictRequest, PredictResponse

MODEL = Path(__file__).resolve().parent.parent / "tests" / "golden" / "iris"
FLOWERS = [[5.0, 3.4, 1.5, 0.3], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.6, 2.0]]
SPECIES = ["setosa", "versicolor", "virginica"]
CALLS = 500


def start_server() -> tuple[subprocess.Popen[str], int, int]:
    """The server's process and its REST and gRPC ports, once it says that it serves."""
    command = [str(Path(sys.executable).parent / "noria"), "serve", "--model_name=iris"]
    flags = [f"--model_base_path={MODEL}", "--rest_api_port=-1", "--port=-1"]  # -1: any free port
    with tempfile.TemporaryFile("w+") as log:  # the server's own words, for when it does not start
        server = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, stderr=log, text=True)
        assert server.stdout is not None
        line = server.stdout.readline()
        if not line:
            status = server.wait()
            log.seek(0)
            sys.exit(f"{log.read()}the server ended with status {status}")
    words = line.replace(",", " ").split()
    ports = {w.rpartition(":")[0]: int(w.rpartition(":")[2]) for w in words if "0.0.0.0:" in w}
    return server, ports["http://0.0.0.0"], ports["0.0.0.0"]


def rest_caller(port: int) -> Callable[[], list[list[float]]]:
    """Predict over REST: JSON over one HTTP connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps({"instances": FLOWERS})

    def call() -> list[list[float]]:
        connection.request("POST", "/v1/models/iris:predict", body)
        answer = json.loads(connection.getresponse().read())
        found: list[list[float]] = answer["predictions"]
        return found

    return call


def grpc_caller(port: int) -> Callable[[], list[list[float]]]:
    """Predict over gRPC: the messages of tensorflow_serving.apis."""
    predict = grpc.insecure_channel(f"127.0.0.1:{port}").unary_unary(
        "/tensorflow.serving.PredictionService/Predict", PredictRequest.SerializeToString, PredictResponse.FromString
    )
    request = PredictRequest()
    request.model_spec.name = "iris"
    request.inputs["x"].CopyFrom(from_array(np.array(FLOWERS, np.float32)))

    def call() -> list[list[float]]:
        response = predict(request)
        found: list[list[float]] = to_array(response.outputs["probabilities"]).tolist()
        return found

    return call


def show(api: str, call: Callable[[], list[list[float]]]) -> None:
    """Prints one answer and the median time of many."""
    answer = call()
    times = []
    for _ in range(CALLS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    print(f"{api}: median of {CALLS} calls {statistics.median(times) * 1e6:.0f} µs")
    for flower, probabilities in zip(FLOWERS, answer, strict=True):
        best = int(np.argmax(probabilities))
        print(f"  {flower} -> {SPECIES[best]:10} ({probabilities[best]:.3f})")


def main() -> int:
    start = time.perf_counter()
    server, rest_port, grpc_port = start_server()
    print(f"noria serve: ready after {time.perf_counter() - start:.2f} s, REST port {rest_port}, gRPC port {grpc_port}")
    try:
        show("REST", rest_caller(rest_port))
        show("gRPC", grpc_caller(grpc_port))
    finally:
        server.send_signal(signal.SIGTERM)
        status = server.wait(timeout=30)
    print(f"SIGTERM: the server drained and ended with status {status}")
    return status


if __name__ == "__main__":
    sys.exit(main())
