"""``--workers`` as real processes: one server from outside, whatever becomes of one of them."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from noria.protos import kserve
from noria.protos import serving as pb
from serving.fakes import call_grpc, call_grpc_at
from serving.lifecycle.disk import until
from serving.test_server import HALF_PLUS_TWO, fails, half_sent, predict, process, told

_FLAGS = ("--port=-1", "--rest_api_port=-1", "--workers=2", "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}")
_RELOAD = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"
_KSERVE = "/inference.GRPCInferenceService"
_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"


class Running:
    """A server with two workers, and its ports."""

    def __init__(self, child: Any) -> None:
        self.child = child
        line = child.stdout.readline()
        found = re.fullmatch(
            r"noria: serving m \(version 1\); gRPC on 0\.0\.0\.0:(\d+), REST on http://0\.0\.0\.0:(\d+); 2 workers\n",
            line,
        )
        assert found is not None, line or child.stderr.read()
        self.grpc, self.rest = int(found[1]), int(found[2])

    def get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=20)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def models(self) -> Any:
        status, body = self.get("/v1/models")
        assert status == 200
        return json.loads(body)

    def pids(self) -> list[int]:
        """The pids of both workers, once both serve."""
        for _ in range(1200):
            found = [worker["pid"] for worker in self.models()["workers"] if worker["state"] == "SERVING"]
            if len(found) == 2:
                return found
            time.sleep(0.05)
        raise AssertionError(self.models())


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with process(*_FLAGS) as child:
        server = Running(child)
        yield server
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0


def _gone(pid: int, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def test_both_protocols_and_one_admin_view(running: Running) -> None:
    counted = re.compile(rb'^:tensorflow:serving:request_count\{model_name="m", ?status="OK"\} (\d+)$', re.M)
    before = counted.search(running.get("/monitoring/prometheus/metrics")[1])
    for _ in range(20):
        assert predict(running.rest) == (200, {"predictions": [2.5, 3.0]})
    status = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m"))
    code, text, content = call_grpc(running.grpc, _STATUS, status.SerializeToString())
    assert code == "OK", text
    assert pb.GetModelStatusResponse.FromString(content).model_version_status[0].state == 30
    after = counted.search(running.get("/monitoring/prometheus/metrics")[1])
    assert after is not None
    assert int(after[1]) - (int(before[1]) if before else 0) >= 20
    found = running.models()
    assert [worker["worker"] for worker in found["workers"]] == [0, 1]
    (model,) = found["models"]
    assert model["available"]
    assert model["requests"] >= 20
    until(lambda: running.get("/readyz")[0] == 200)
    assert json.loads(running.get("/v1/models/m")[1])["model_version_status"][0]["state"] == "AVAILABLE"
    assert running.get("/v1/models/x")[0] == 404


def test_a_worker_that_is_killed_comes_back_with_the_newest_configuration(running: Running, tmp_path: Path) -> None:
    request = pb.ReloadConfigRequest()
    for name in ("m", "second"):
        request.config.model_config_list.config.add(
            name=name, base_path=str(HALF_PLUS_TWO), model_platform="tensorflow"
        )
    code, text, content = call_grpc(running.grpc, _RELOAD, request.SerializeToString())
    assert code == "OK", text
    assert pb.ReloadConfigResponse.FromString(content).status.error_code == 0
    assert {model["name"]: model["available"] for model in running.models()["models"]} == {"m": True, "second": True}

    victim, other = running.pids()
    os.kill(victim, signal.SIGKILL)
    assert _gone(victim)
    assert predict(running.rest) == (200, {"predictions": [2.5, 3.0]})
    until(lambda: running.get("/readyz")[0] == 200)  # of one that is slow to answer the others wait 0.7 s only
    back, same = running.pids()
    assert same == other
    assert back != victim
    assert {model["name"]: model["available"] for model in running.models()["models"]} == {"m": True, "second": True}


def test_health_readiness_and_the_model_repository_are_those_of_all(running: Running) -> None:
    def post(path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", running.rest, timeout=20)
        try:
            connection.request("POST", path, b"{}")
            return connection.getresponse().status
        finally:
            connection.close()

    def states() -> dict[tuple[str, str], bool]:
        request = kserve.RepositoryIndexRequest().SerializeToString()
        content = call_grpc(running.grpc, f"{_KSERVE}/RepositoryIndex", request)[2]
        rows = kserve.RepositoryIndexResponse.FromString(content).models
        return {(row.name, row.version): row.state == "READY" for row in rows}

    running.pids()
    for _ in range(6):  # connections go to both
        assert call_grpc(running.grpc, "/grpc.health.v1.Health/Check", b"") == ("OK", "", b"\x08\x01")
        until(lambda: running.get("/v2/health/ready")[0] == 200)
    assert post("/v2/repository/models/m/unload") == 200
    for _ in range(6):
        assert running.get("/v2/models/m/ready")[0] in (404, 503)
    victim = running.pids()[0]
    os.kill(victim, signal.SIGKILL)
    assert _gone(victim)
    running.pids()
    assert not states().get(("m", "1"))  # nor in the one that was started again
    request = kserve.RepositoryModelLoadRequest(model_name="m").SerializeToString()
    code, text, _ = call_grpc(running.grpc, f"{_KSERVE}/RepositoryModelLoad", request)
    assert code == "OK", text
    assert states()["m", "1"]
    for _ in range(6):
        assert running.get("/v2/models/m/ready")[0] == 200
        assert predict(running.rest) == (200, {"predictions": [2.5, 3.0]})


def test_a_reload_that_fails_says_so_as_one_server_does(running: Running) -> None:
    request = pb.ReloadConfigRequest()
    request.config.model_config_list.config.add(name="m", base_path="relative", model_platform="tensorflow")
    code, text, _ = call_grpc(running.grpc, _RELOAD, request.SerializeToString())
    assert code == "INVALID_ARGUMENT"
    assert "relative" in text


def test_ports_that_are_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("0.0.0.0", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = fails(f"--port={port}", *_FLAGS[1:])
        assert f"cannot open the gRPC port {port}" in text
        assert "--port" in text
        text = fails(_FLAGS[0], f"--rest_api_port={port}", *_FLAGS[2:])
        assert f"cannot open the REST port {port}" in text


def test_a_unix_socket_is_everybodys(tmp_path: Path) -> None:
    path = tmp_path / "s"
    request = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m")).SerializeToString()
    with process("--port=0", f"--grpc_socket_path={path}", *_FLAGS[1:]) as child:
        line = child.stdout.readline() if child.stdout else ""
        assert f"; gRPC on unix:{path}, REST on " in line
        rest = int(line.partition("http://0.0.0.0:")[2].partition(";")[0])
        for _ in range(4):
            code, text, _ = call_grpc_at(f"unix:{path}", _STATUS, request)
            assert code == "OK", text
        server = http.client.HTTPConnection("127.0.0.1", rest, timeout=20)
        server.request("GET", "/v1/models")
        victim = json.loads(server.getresponse().read())["workers"][0]["pid"]
        server.close()
        os.kill(victim, signal.SIGKILL)
        assert _gone(victim)
        code, text, _ = call_grpc_at(f"unix:{path}", _STATUS, request)
        assert code == "OK", text
        assert f"cannot open the gRPC port unix:{path}" in fails("--port=0", f"--grpc_socket_path={path}", *_FLAGS[3:])
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert not path.exists()


def test_what_keeps_it_from_starting_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text("model_config_list {")
    text = fails(*_FLAGS[:3], f"--model_config_file={path}")
    assert text.count("noria serve:") == 1
    assert "Traceback" not in text


def test_a_second_signal_ends_all_and_so_does_the_loss_of_the_supervisor() -> None:
    with process(*_FLAGS) as child:
        server = Running(child)
        pids = server.pids()
        with half_sent(server.rest, 10):
            child.send_signal(signal.SIGTERM)
            told(child, "draining 2 workers")
            assert child.poll() is None
            child.send_signal(signal.SIGTERM)
            assert child.wait(60) == 1
        assert all(_gone(pid) for pid in pids)
    with process(*_FLAGS) as child:
        pids = Running(child).pids()
        child.kill()
        child.wait()
        assert all(_gone(pid) for pid in pids)
