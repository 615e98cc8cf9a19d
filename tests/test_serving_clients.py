"""The programs under ``examples/serving_clients`` against a server; the oracle runs the one that needs TensorFlow."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

import noria
import readme
from conftest import REPOSITORY
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.fakes import serving

CLIENTS = REPOSITORY / "examples" / "serving_clients"
_ROWS = "[[0.0005, 0.9446, 0.0549], [0.9998, 0.0002, 0.0]]"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    manager = Manager(noria.load)
    manager.load("iris", 1, str(REPOSITORY / "tests" / "golden" / "iris" / "1"))
    with serving(manager) as started:
        yield started


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(server: Server, name: str) -> str:
    addresses = f"localhost:{server.grpc_port}", f"localhost:{server.rest_port}"
    return run(sys.executable, str(CLIENTS / name), *addresses)


def test_triton_client(server: Server) -> None:
    pytest.importorskip("tritonclient.grpc", reason="Triton's client is not installed here")
    assert python(server, "triton_client.py") == (
        f"ready: True True\ninputs: [('x', 'FP32', [-1, 4])]\nhttp: {_ROWS}\ngrpc: {_ROWS}\nstream: {_ROWS}\n"
    )


def test_noria_client(server: Server) -> None:
    assert python(server, "noria_client.py") == (
        "versions: [1]\n"
        f"grpc: {_ROWS}\nerror: Servable not found for request: Latest(absent)\nhttp: {_ROWS}\nasync: {_ROWS}\n"
    )


def test_curl(server: Server) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    shown = run("sh", str(CLIENTS / "curl.sh"), f"localhost:{server.rest_port}")
    assert readme.same(re.sub("^#.*\n", "", shown, flags=re.M), _CURL), shown


_CURL = """\
yes
{"model_version_status":[{"version":"1","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}}]}
{"predictions":[[0.0005322255,0.9445919,0.054875854]]}
{"outputs":[[0.0005322255,0.9445919,0.054875854]]}
{"predictions":[[0.0005322255,0.9445919,0.054875854]]}
404
{"name":"iris","versions":["1"],"platform":"tensorflow_savedmodel",\
"inputs":[{"name":"x","datatype":"FP32","shape":[-1,4]}],\
"outputs":[{"name":"probabilities","datatype":"FP32","shape":[-1,3]}]}
{"id":"1","model_name":"iris","model_version":"1",\
"outputs":[{"name":"probabilities","datatype":"FP32","shape":[1,3],"data":[0.0005322255,0.9445919,0.054875854]}]}
"""


def test_every_client_is_named_and_tested() -> None:
    there = {path.name for path in CLIENTS.iterdir() if path.is_file()} - {"README.md"}
    assert there == {"curl.sh", "noria_client.py", "tensorflow_serving_stub.py", "triton_client.py"}
    page = (CLIENTS / "README.md").read_text()
    assert all(f"`{name} " in page for name in there)
