"""The Open Inference Protocol by Triton's clients: ``triton_client.py [gRPC host:port] [REST host:port]``."""

from __future__ import annotations

import queue
import sys
from typing import Any

import numpy as np
import tritonclient.grpc as triton_grpc
import tritonclient.http as triton_http

FLOWERS = np.array([[5.9, 2.8, 4.3, 1.3], [5.0, 3.4, 1.5, 0.3]], np.float32)


def one_request(library: Any, client: Any) -> list[list[float]]:
    """The probabilities of the flowers; both libraries have the same classes."""
    x = library.InferInput("x", list(FLOWERS.shape), "FP32")
    x.set_data_from_numpy(FLOWERS)  # as binary data
    answer = client.infer("iris", [x], outputs=[library.InferRequestedOutput("probabilities")], request_id="1")
    return rounded(answer.as_numpy("probabilities"))


def a_stream(client: Any) -> list[list[float]]:
    """The flowers one by one on one stream."""
    answers: queue.Queue[Any] = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for flower in FLOWERS:
        x = triton_grpc.InferInput("x", [1, 4], "FP32")
        x.set_data_from_numpy(flower.reshape(1, 4))
        client.async_stream_infer("iris", [x])
    found = []
    for _ in FLOWERS:
        result, error = answers.get(timeout=30)
        if error is not None:
            raise error
        found += rounded(result.as_numpy("probabilities"))
    client.stop_stream()
    return found


def rounded(values: Any) -> list[list[float]]:
    """To four digits, for printing."""
    return [[round(float(value), 4) for value in row] for row in values]


def main(grpc_address: str = "localhost:8500", rest_address: str = "localhost:8501") -> None:
    """Asks over both protocols and prints what comes back."""
    http = triton_http.InferenceServerClient(rest_address)
    grpc = triton_grpc.InferenceServerClient(grpc_address)
    print("ready:", http.is_server_ready(), grpc.is_model_ready("iris", "1"))
    print("inputs:", [(t["name"], t["datatype"], t["shape"]) for t in http.get_model_metadata("iris")["inputs"]])
    print("http:", one_request(triton_http, http))
    print("grpc:", one_request(triton_grpc, grpc))
    print("stream:", a_stream(grpc))
    http.close()
    grpc.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
