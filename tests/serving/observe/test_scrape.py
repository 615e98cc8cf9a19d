"""Metrics over HTTP, of requests over both protocols."""

from __future__ import annotations

import contextlib
import http.client
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from conftest import REPOSITORY
from noria.errors import InvalidArgumentError, NotFoundError, TFError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.admission import make_admission
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.observe.monitoring import DEFAULT_PATH, metrics_path
from noria.serving.server import Server
from serving.fakes import FakeModel, call_grpc, half_plus_two, serving
from serving.observe.scrape import samples, value


@contextlib.contextmanager
def running(**settings: object) -> Iterator[Server]:
    manager = Manager(lambda path: FakeModel(half_plus_two()))
    manager.load("m", 3, "/models/m/3")
    with serving(manager, **settings) as server:
        yield server


def call(server: Server, method: str, path: str, body: str | None = None) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type") or "", answer.read()


def test_requests_of_both_protocols_are_counted() -> None:
    with running() as server:
        assert call(server, "POST", "/v1/models/m:predict", '{"instances": [1.0, 2.0]}')[0] == 200
        assert call(server, "POST", "/v1/models/m:predict", '{"instances": []}')[0] == 400
        assert call(server, "POST", "/v1/models/m:nonsense", "{}")[0] == 400
        assert call(server, "POST", "/v1/models/absent:predict", '{"instances": [1.0]}')[0] == 404
        assert call(server, "GET", "/v1/models/m")[0] == 200
        assert call(server, "GET", "/elsewhere")[0] == 404
        request = pb.PredictRequest(model_spec=pb.ModelSpec(name="m"))
        rpc = "/tensorflow.serving.PredictionService/Predict"
        assert call_grpc(server.grpc_port, rpc, request.SerializeToString())[0] == "INVALID_ARGUMENT"
        assert call_grpc(server.grpc_port, rpc, b"\xff")[0] == "INTERNAL"
        status, kind, text = call(server, "GET", DEFAULT_PATH)
    assert status == 200
    assert kind == "text/plain"
    found = samples(text)
    count = ":tensorflow:serving:request_count"
    assert value(found, count, model_name="m", status="OK") == 2
    assert value(found, count, model_name="m", status="INVALID_ARGUMENT") == 2  # one over each protocol
    assert value(found, count, model_name="", status="INVALID_ARGUMENT") == 1
    assert value(found, count, model_name="", status="INTERNAL") == 1
    assert value(found, count, model_name="absent", status="NOT_FOUND") == 1
    latency = ":tensorflow:serving:request_latency_count"
    assert value(found, latency, model_name="m", API="predict", entrypoint="REST") == 1
    assert value(found, latency, model_name="m", API="", entrypoint="REST") == 1
    assert value(found, latency, model_name="m", API="Predict", entrypoint="GRPC") is None
    runtime = ":tensorflow:serving:runtime_latency_count"
    assert value(found, runtime, model_name="m", API="Predict", runtime="TF1") == 1
    assert value(found, "noria_model_state", model_name="m", version="3", state="AVAILABLE") == 1
    assert value(found, "noria_requests_in_flight", model_name="m", version="3") == 0
    labels = {"model_name": "m", "version": "3", "signature_name": "serving_default"}
    assert value(found, "noria_run_rows_total", **labels) == 2


def test_loads_warm_ups_memory_and_labels_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    shutil.copytree(REPOSITORY / "tests" / "golden" / "half_plus_two", folder)
    (folder / "2").mkdir()
    (folder / "2" / "saved_model.pb").write_bytes(b"\xff")
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name="m"))
    request.inputs["x"].CopyFrom(tensor_proto.from_array(np.array([1.0], np.float32)))
    log = pb.PredictionLog(predict_log=pb.PredictLog(request=request))
    (folder / "1" / record_files.EXTRA).mkdir(exist_ok=True)
    record_files.write(record_files.path_of(str(folder / "1"), record_files.WARMUP), [log, log])
    Path(record_files.path_of(str(folder / "1"), "mlmd_uuid")).write_text("7571c9a4")
    config = ServerConfig(version_settle_seconds=0, max_num_load_retries=0)
    manager = Manager(make_loader(config), make_admission(config), config)
    with serving(manager) as server:
        for version in (1, 2):
            with contextlib.suppress(TFError):
                manager.load("m", version, str(folder / str(version)))
        found = samples(call(server, "GET", DEFAULT_PATH)[2])
    manager.close()
    one, two = str(folder / "1"), str(folder / "2")
    attempts = ":tensorflow:cc:saved_model:load_attempt_count"
    assert value(found, attempts, model_path=one, status="success") == 1
    assert value(found, attempts, model_path=two, status="fail") == 1
    assert (value(found, ":tensorflow:cc:saved_model:load_latency", model_path=one) or 0) > 0
    assert value(found, ":tensorflow:serving:model_warmup_records_read", model_path=one, status="OK") == 2
    assert (value(found, "noria_model_memory_bytes", model_name="m", version="1") or 0) > 0
    assert (value(found, "noria_model_load_seconds", model_name="m", version="1") or 0) > 0
    assert value(found, ":tensorflow:serving:mlmd_map", model_name="m", version="1") == 1
    assert value(found, "noria_model_state", model_name="m", version="2", state="END") == 1
    assert value(found, "noria_model_memory_bytes", model_name="m", version="2") is None


def test_a_request_that_waits_or_runs_in_a_thread_is_one_in_flight() -> None:
    gate = threading.Event()

    def slow(x: Any) -> Any:
        gate.wait(120)
        return {"y": x}

    signature = half_plus_two()
    signature.function = slow
    manager = Manager(lambda path: FakeModel(signature))
    manager.load("m", 3, "/models/m/3")
    with serving(manager) as server, ThreadPoolExecutor(3) as pool:
        body = '{"instances": [1.0]}'
        answers = [pool.submit(call, server, "POST", "/v1/models/m:predict", body) for _ in range(3)]
        end = time.monotonic() + 60
        seen: float | None = 0.0
        while seen != 3 and time.monotonic() < end:
            found = samples(server.core.metrics.render())
            seen = value(found, "noria_requests_in_flight", model_name="m", version="3")
        gate.set()
        assert seen == 3
        assert [answer.result()[0] for answer in answers] == [200] * 3
        found = samples(call(server, "GET", DEFAULT_PATH)[2])
    assert value(found, "noria_requests_in_flight", model_name="m", version="3") == 0


def test_what_the_rest_port_refuses_is_counted() -> None:
    with running(rest_api_max_body_bytes=1000) as server:
        assert call(server, "POST", "/v1/models/m:predict", "x" * 2000)[0] == 413
        with socket.create_connection(("127.0.0.1", server.rest_port), timeout=20) as other:
            other.sendall(b"nonsense\r\n\r\n")
            assert other.recv(100).startswith(b"HTTP/1.1 400")
            found = samples(call(server, "GET", DEFAULT_PATH)[2])
    assert value(found, "noria_rest_refused_total", status="413") == 1
    assert value(found, "noria_rest_refused_total", status="400") == 1
    assert (value(found, "noria_rest_connections") or 0) >= 1


def test_a_query_string_is_a_part_of_the_path() -> None:
    with running() as server:
        status, kind, text = call(server, "GET", DEFAULT_PATH + "?x=1")
        assert (status, kind) == (400, "text/plain")
        assert text.decode() == f"Unexpected path: {DEFAULT_PATH}?x=1. Should be {DEFAULT_PATH}"
        assert call(server, "GET", DEFAULT_PATH + "/more")[0] == 404


def test_the_path_is_set_by_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.txt"
    file.write_text('prometheus_config { enable: true path: "/custom/metrics" }')
    with running(monitoring_config_file=str(file)) as server:
        assert call(server, "GET", "/custom/metrics")[0] == 200
        assert call(server, "GET", DEFAULT_PATH)[0] == 404


def test_a_file_turns_them_off(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.txt"
    file.write_text("prometheus_config { enable: false }")
    with running(monitoring_config_file=str(file)) as server:
        assert call(server, "GET", DEFAULT_PATH)[0] == 404
        assert call(server, "GET", "/")[0] == 404


def test_monitoring_files(tmp_path: Path) -> None:
    file = tmp_path / "prometheus.txt"
    assert metrics_path("") == DEFAULT_PATH
    file.write_text("prometheus_config { enable: true }")
    assert metrics_path(str(file)) == DEFAULT_PATH
    file.write_text("")
    assert metrics_path(str(file)) == ""
    file.write_text('prometheus_config { enable: true path: "metrics" }')
    with pytest.raises(InvalidArgumentError, match="must begin with a slash"):
        metrics_path(str(file))
    file.write_text("prometheus { }")
    with pytest.raises(InvalidArgumentError, match=r"not a tensorflow\.serving\.MonitoringConfig in text form"):
        metrics_path(str(file))
    with pytest.raises(NotFoundError, match=r"^--monitoring_config_file: .*absent"):
        metrics_path(str(tmp_path / "absent"))
