"""Models that load when they are asked for, and make room for others."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.http as triton_http

from noria.protos import kserve
from noria.protos import serving as pb
from noria.serving import status
from noria.serving.lifecycle import model_config
from noria.serving.lifecycle.manager import Manager
from noria.serving.lifecycle.on_demand import Usage, too_many
from noria.serving.lifecycle.record import Record
from noria.serving.server import Server, ready_line
from serving.fakes import call_grpc, serving
from serving.lifecycle.disk import Disk, managing, states, until


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path)
    for name in ("a", "b", "c"):
        made.put(name, 1)
    return made


@pytest.fixture
def manager(disk: Disk) -> Iterator[Manager]:
    with managing(disk, load_on_demand=True, max_loaded_models=2) as made:
        made.apply(disk.config(a="", b="", c=""))
        yield made


def _rest(server: Server, model: str) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=120)
    connection.request("POST", f"/v1/models/{model}:predict", b'{"instances": [2.0]}')
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def _grpc(server: Server, model: str) -> str:
    request = pb.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    method = "/tensorflow.serving.PredictionService/GetModelMetadata"
    return call_grpc(server.grpc_port, method, request.SerializeToString())[0]


def test_nothing_loads_before_it_is_asked_for_and_the_server_is_ready(disk: Disk, manager: Manager) -> None:
    with serving(manager) as server:
        assert manager.missing() == []
        assert disk.loads == []
        assert _rest(server, "a") == (200, {"predictions": [3.0]})
        assert disk.loads == ["a/1"]
        assert _grpc(server, "b") == "OK"
        assert disk.loads == ["a/1", "b/1"]
        asleep = "its first request loads it"
        assert ready_line(server).startswith(f"noria: serving a (version 1), b (version 1), c ({asleep}); ")
        assert [row.get("reason") for row in status.list_models(server.core)] == [None, None, asleep]


def test_the_model_unused_longest_makes_room(disk: Disk, manager: Manager) -> None:
    with serving(manager) as server:
        assert _rest(server, "a")[0] == 200
        assert _rest(server, "b")[0] == 200
        assert _rest(server, "c")[0] == 200
        until(lambda: "AVAILABLE" not in states(manager, "a").values())
        assert states(manager, "b") == {1: "AVAILABLE"}
        assert _rest(server, "a")[0] == 200  # wakes again, and b leaves
        until(lambda: "AVAILABLE" not in states(manager, "b").values())


def test_over_the_open_inference_protocol(disk: Disk, manager: Manager) -> None:
    request = kserve.ModelInferRequest(model_name="c", raw_input_contents=[b"\0\0\0\x40"])
    request.inputs.add(name="x", datatype="FP32", shape=[1])
    with serving(manager) as server:
        code, text, _ = call_grpc(
            server.grpc_port, "/inference.GRPCInferenceService/ModelInfer", request.SerializeToString()
        )
        assert (code, text) == ("OK", "")
    assert disk.loads == ["c/1"]


@pytest.mark.parametrize("on_demand", [False, True])
def test_a_triton_client_loads_and_unloads(disk: Disk, on_demand: bool) -> None:
    with managing(disk, load_on_demand=on_demand) as manager:
        manager.apply(disk.config(a="", b=""))
        with serving(manager) as server:
            client = triton.InferenceServerClient(f"127.0.0.1:{server.grpc_port}")
            client.load_model("a")
            assert client.is_model_ready("a")
            client.unload_model("a")
            until(lambda: "AVAILABLE" not in states(manager, "a").values())
            assert manager.missing() == []
            assert _rest(server, "a")[0] == (200 if on_demand else 404)
            client.load_model("a")
            assert _rest(server, "a")[0] == 200
            with pytest.raises(triton.InferenceServerException, match="there are \\['a', 'b'\\]"):
                client.load_model("c")
            client.close()
            rest = triton_http.InferenceServerClient(f"127.0.0.1:{server.rest_port}")
            rest.unload_model("a")
            until(lambda: "AVAILABLE" not in states(manager, "a").values())
            rest.load_model("a")
            assert rest.is_model_ready("a")
            rest.close()


def test_a_model_that_cannot_load_says_why(disk: Disk, tmp_path: Path) -> None:
    disk.put("a", 1, "bad")
    with managing(disk, load_on_demand=True, max_num_load_retries=0) as manager:
        manager.apply(disk.config(a="", gone=""))
        with serving(manager) as server:
            for model, reason in (("a", "is damaged"), ("gone", "does not exist"), ("unknown", "")):
                status, content = _rest(server, model)
                assert status == 404
                assert isinstance(content, dict)
                assert reason in content["error"]
                assert f"Latest({model})" in content["error"]


def test_a_load_that_outlasts_the_request_ends_it(disk: Disk) -> None:
    disk.put("a", 1, "slow")
    with managing(disk, load_on_demand=True) as manager:
        manager.apply(disk.config(a=""))
        with serving(manager, rest_api_timeout_in_ms=200) as server:
            status, content = _rest(server, "a")
            assert status == 504, content
            disk.go.set()
            until(lambda: states(manager, "a") == {1: "AVAILABLE"})
            until(lambda: _rest(server, "a")[0] == 200)  # on a busy machine it may take longer than it may, once


def test_a_version_is_waited_for_though_another_serves_already(disk: Disk) -> None:
    disk.put("a", 1, "slow")
    disk.put("a", 2)
    with managing(disk, load_on_demand=True, num_load_threads=2) as manager:
        manager.apply(disk.config(a="model_version_policy { all {} }"))
        with serving(manager, rest_api_timeout_in_ms=120_000) as server, ThreadPoolExecutor() as threads:
            first = threads.submit(_rest, server, "a/versions/1")
            until(lambda: states(manager, "a") == {1: "LOADING", 2: "AVAILABLE"})
            second = threads.submit(_rest, server, "a/versions/1")
            assert _rest(server, "a/versions/2")[0] == 200
            disk.go.set()
            assert [first.result(120)[0], second.result(120)[0]] == [200, 200]
            assert _rest(server, "a/versions/3")[0] == 404


def test_the_first_request_may_name_a_label(disk: Disk) -> None:
    disk.put("a", 2)
    labelled = "model_version_policy { all {} } version_labels { key: 'stable' value: 1 }"
    with managing(disk, load_on_demand=True) as manager:
        manager.apply(disk.config(a=labelled, b=labelled), labels_wait=True)
        with serving(manager) as server:
            assert _rest(server, "a/labels/none")[0] == 400
            assert disk.loads == []
            assert _rest(server, "a/labels/stable") == (200, {"predictions": [3.0]})
            assert manager.labels("a") == {"stable": 1}
            assert _rest(server, "a/labels/none")[0] == 400
            client = triton_http.InferenceServerClient(f"127.0.0.1:{server.rest_port}")
            value = triton_http.InferInput("x", [1], "FP32")
            value.set_data_from_numpy(np.ones(1, np.float32))
            assert client.infer("b", [value], model_version="stable").get_response()["model_version"] == "1"
            client.close()


def test_who_goes_to_sleep(disk: Disk) -> None:
    config = disk.config(m="")

    def record(at: float, *, asleep: bool = False) -> Record:
        return Record(model_config.models(config)["m"], asleep=asleep, usage=Usage(at))

    records = {"old": record(1), "new": record(3), "middle": record(2), "sleeping": record(0, asleep=True)}
    assert too_many(records, 0, but="new") == []
    assert too_many(records, 3, but="new") == []
    assert too_many(records, 2, but="new") == ["old"]
    assert too_many(records, 1, but="old") == ["middle", "new"]


def test_a_channel_that_asks_for_an_unknown_model(manager: Manager) -> None:
    with serving(manager) as server, grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}"):
        assert _grpc(server, "unknown") == "NOT_FOUND"
