"""The client comes fast, and with NumPy, protobuf and grpcio alone."""

from __future__ import annotations

import json
import subprocess
import sys

# Every import of what is neither the standard library's nor one of these (and what they need themselves) fails.
_ALONE = """
import sys

class Blocker:
    allowed = sys.stdlib_module_names | {"numpy", "google", "grpc", "typing_extensions", "noria"}
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in self.allowed and not top.startswith("_"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import noria.client
import asyncio
import numpy as np

x = {"x": np.ones((2, 2), np.float32), "s": np.array(["a"])}
for url in ("127.0.0.1:1", "http://127.0.0.1:1"):
    with noria.client.Client(url, retries=0) as client:
        try:
            client.predict("m", x, timeout=60)
        except noria.errors.UnavailableError:
            print("tried", url)

from noria.client import messages, rest_json
from noria.client.answers import SignatureInfo, TensorInfo
from noria import dtypes

body = messages.predict_request(noria.client.sync.target_of("m", 1, None, ""), x, ["y"])
x_info, y_info = TensorInfo("", dtypes.float32, None), TensorInfo("", dtypes.int64, None)
signature = SignatureInfo("a", "", {"x": x_info}, {"y": y_info})
print(len(body) > 20, rest_json.predict_body(signature, {"x": np.float32([1.5])}, ""))
print(rest_json.predict_answer(b'{"outputs": [1, 2]}', signature))
"""

_LIGHT = """
import time
start = time.process_time()  # not the clock on the wall: other processes may be at work too
from noria.client import AsyncClient, Client
seconds = time.process_time() - start
import json, sys
print(json.dumps([seconds, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_needs_numpy_protobuf_and_grpc_alone() -> None:
    assert _run(_ALONE).splitlines() == [
        "tried 127.0.0.1:1",
        "tried http://127.0.0.1:1",
        """True b'{"inputs":{"x":[1.5]}}'""",
        "{'y': array([1, 2])}",
    ]


def test_import_is_light() -> None:
    found = [json.loads(_run(_LIGHT)) for _ in range(3)]
    modules = set(found[0][1])
    assert modules.isdisjoint({"numpy", "google", "grpc", "ml_dtypes", "orjson", "onnxruntime", "fsspec", "asyncio"})
    assert min(seconds for seconds, _ in found) < 0.1
