"""No name in a request reaches the file system, and a server writes nothing that it was not told to."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import grpc
import numpy as np
import pytest

from conftest import REPOSITORY
from noria.client import Client
from noria.errors import TFError
from noria.protos import kserve

MARK = "hostile-mark"
NAMES = (
    f"../../../{MARK}", f"..%2f..%2f{MARK}", f"/etc/{MARK}", f"file:///etc/{MARK}", f"{MARK}\0.pb", f"..\\{MARK}",
    f"~/{MARK}", f"$HOME/{MARK}", f"memory://{MARK}", f"C:\\{MARK}", f"{MARK}/../..", f"\u202e{MARK}", f"{MARK}\n",
    f"%00{MARK}",
)  # fmt: skip


@pytest.fixture(scope="module")
def noted(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[tuple[str, str, bool]], Path]:
    """What a server touched while it was asked for hostile names and for good ones, and the folder it was given."""
    home = tmp_path_factory.mktemp("home")
    for name in ("cwd", "tmp"):
        (home / name).mkdir()
    environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("XDG_CACHE_HOME", None)
    environment.pop("ORT_DISABLE_TELEMETRY", None)  # which this very process has set
    golden = REPOSITORY / "tests" / "golden" / "half_plus_two"
    command = [sys.executable, str(Path(__file__).with_name("watched_server.py"))]
    flags = ["--port=-1", "--rest_api_port=-1", "--model_name=hp", f"--model_base_path={golden}"]
    with subprocess.Popen(
        [*command, *flags, "--file_system_poll_wait_seconds=0.1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        cwd=home / "cwd",
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            found = re.search(r"gRPC on 0\.0\.0\.0:(\d+), REST on http://0\.0\.0\.0:(\d+)", server.stdout.readline())
            assert found is not None
            asked_for_everything(int(found[1]), int(found[2]))
            assert server.stdin is not None
            out, _ = server.communicate("\n", timeout=60)
            assert server.returncode == 0
        finally:
            server.kill()
    return json.loads(out.splitlines()[-1]), home


def asked_for_everything(grpc_port: int, rest_port: int) -> None:
    x = {"x": np.ones(1, np.float32)}
    asks: list[Callable[[Client, str], Any]] = [
        lambda c, n: c.predict(n, x),
        lambda c, n: c.predict("hp", x, label=n),
        lambda c, n: c.predict("hp", x, signature=n),
        lambda c, n: c.predict("hp", {n: x["x"]}),
        lambda c, n: c.predict("hp", x, outputs=[n]),
        lambda c, n: c.regress("hp", [{n: 1.0}], signature=n),
        lambda c, n: c.status(n),
        lambda c, n: c.metadata(n),
    ]
    urls = [f"127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}"]
    for url in urls:
        with Client(url, retries=0, timeout=20) as client:
            assert client.predict("hp", x)["y"][0] == 2.5
            for name in NAMES:
                for ask in asks:
                    with pytest.raises(TFError):
                        ask(client, name)
    connection = http.client.HTTPConnection("127.0.0.1", rest_port, timeout=20)
    for name in NAMES:
        quoted = quote(name, safe="")
        for path in (
            f"/{quote(name)}",
            f"/v1/models/{quoted}/metadata",
            f"/v2/models/{quoted}/ready",
            f"/v2/repository/models/{quoted}/load",
            f"/v1/../../{MARK}",
        ):
            for method in ("GET", "POST"):
                connection.request(method, path, b"{}" if method == "POST" else None)
                response = connection.getresponse()
                response.read()
                assert 400 <= response.status < 500 or response.status == 501, (method, path, response.status)
    connection.close()
    services = {
        "/inference.GRPCInferenceService/ModelMetadata": kserve.ModelMetadataRequest,
        "/inference.GRPCInferenceService/ModelReady": kserve.ModelReadyRequest,
    }
    with grpc.insecure_channel(f"127.0.0.1:{grpc_port}") as channel:
        for rpc, message in services.items():
            for name in NAMES:
                try:
                    channel.unary_unary(rpc, None, None)(message(name=name).SerializeToString(), timeout=20)
                except grpc.RpcError as error:
                    status: Any = error
                    assert status.code() is not grpc.StatusCode.INTERNAL


def test_no_name_of_a_request_reaches_the_file_system(noted: tuple[list[tuple[str, str, bool]], Path]) -> None:
    events, _ = noted
    assert any("half_plus_two" in path for _, path, _ in events)  # it does notice
    assert [row for row in events if MARK in row[1]] == []


def test_nothing_is_written(noted: tuple[list[tuple[str, str, bool]], Path]) -> None:
    events, home = noted
    assert [row for row in events if row[2] and not row[1].startswith("/dev/")] == []
    left = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    assert left == ["cwd", "tmp"]


def test_it_starts_in_folders_that_it_may_only_read(tmp_path: Path) -> None:
    """As a container without root and with a read-only file system has it; root may write anywhere all the same."""
    models = tmp_path / "models"
    models.symlink_to(REPOSITORY / "tests" / "golden" / "half_plus_two")
    (tmp_path / "cwd").mkdir(mode=0o500)
    command = "import sys; from noria.serving.command import main; sys.exit(main(sys.argv[1:]))"
    environment = {**os.environ, "HOME": "/nonexistent", "TMPDIR": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", command, "--port=-1", f"--model_base_path={models}", "--model_name=hp"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment, cwd=tmp_path / "cwd",
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            found = re.search(r"gRPC on 0\.0\.0\.0:(\d+)", server.stdout.readline())
            assert found is not None
            with Client(f"127.0.0.1:{found[1]}", timeout=20) as client:
                assert client.predict("hp", {"x": [2.0]})["y"][0] == 3.0
            server.terminate()
            assert server.wait(30) == 0
        finally:
            server.kill()
