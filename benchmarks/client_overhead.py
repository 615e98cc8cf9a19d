"""What a client costs: Noria's beside the pattern of tensorflow-serving-api, without server and network.

    .venv-oracle/bin/python benchmarks/client_overhead.py

Two requests: iris (4 float32) and an image (224x224x3 float32). Encoding is from arrays to the bytes of a
PredictRequest, decoding from the bytes of a PredictResponse (3 and 1,000 float32) to arrays; microseconds, the best of
several rounds. Import: from nothing to a client, milliseconds and resident MB, in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np

from noria.client import messages
from noria.client.target import Target
from noria.protos import serving as pb

_IMPORTS = {
    "noria.client": "from noria.client import Client; Client('localhost:8500')",
    "tensorflow-serving-api": (
        "import grpc, tensorflow; from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc as api; "
        "api.PredictionServiceStub(grpc.insecure_channel('localhost:8500'))"
    ),
}
_TIMED = """
import time
start = time.perf_counter()
{code}
seconds = time.perf_counter() - start
import json, resource
print(json.dumps([seconds * 1e3, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def best(function: Callable[[], Any], number: int) -> float:
    """Microseconds of one call."""
    return min(timeit.repeat(function, number=number, repeat=7)) / number * 1e6


def imported(name: str) -> tuple[float, float]:
    """Milliseconds and MB from nothing to a client: the better of two runs, the first of which fills the disk cache."""
    runs = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", _TIMED.format(code=_IMPORTS[name])], capture_output=True, text=True, check=True
        )
        runs.append(json.loads(done.stdout))
    return min(runs)[0], min(runs)[1]


def main() -> None:
    """Prints the table."""
    # First: a process begins with the memory of the one that starts it.
    starts = {name: imported(name) for name in _IMPORTS}
    import tensorflow as tf  # seconds of import, and what is measured in part
    from tensorflow_serving.apis import predict_pb2

    def encode(x: Any) -> bytes:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "m"
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(x))
        content: bytes = request.SerializeToString()
        return content

    def decode(body: bytes) -> Any:
        return tf.make_ndarray(predict_pb2.PredictResponse.FromString(body).outputs["y"])

    # Made and freed: glibc keeps blocks up to this size from now on, instead of asking the system for each; for both.
    np.ones(8 << 20, np.uint8)
    target = Target("m")
    rng = np.random.default_rng(0)
    print(f"{'':30}{'encode':>10}{'decode':>10}")
    for case, shape, outputs, number in (("iris", (1, 4), 3, 2000), ("image", (1, 224, 224, 3), 1000, 100)):
        x = rng.random(shape, np.float32)
        response = pb.PredictResponse()
        response.outputs["y"].dtype = 1
        response.outputs["y"].tensor_shape.dim.add(size=outputs)
        response.outputs["y"].float_val.extend(rng.random(outputs, np.float32))
        body = response.SerializeToString()
        ours = (
            best(lambda x=x: messages.predict_request(target, {"x": x}, ()), number),  # type: ignore[misc]
            best(lambda body=body: messages.predict_answer(body), 1000),  # type: ignore[misc]
        )
        theirs = best(lambda x=x: encode(x), number), best(lambda body=body: decode(body), 1000)  # type: ignore[misc]
        for name, (encoding, decoding) in (("noria.client", ours), ("tensorflow-serving-api", theirs)):
            print(f"{case + ' ' + name:30}{encoding:7.1f} µs{decoding:7.1f} µs")
    for name, (milliseconds, megabytes) in starts.items():
        print(f"{'import ' + name:30}{milliseconds:7.0f} ms{megabytes:7.0f} MB")


if __name__ == "__main__":
    main()
