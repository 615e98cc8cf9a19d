"""Reloads, new versions and rollbacks over real sockets, with real models: the recorded cases and more.

The recorded cases of the set-ups reload*, bad_new_version and after_rollback come from the folder beside the checkout;
the other tests use the models of this repository.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from conftest import REPOSITORY, SHARED
from noria.protos import POOL
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import arrival
from noria.serving.lifecycle.admission import make_admission
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.management import ConfigFile
from noria.serving.server import Server
from serving.fakes import call_grpc, serving
from serving.lifecycle.disk import QUICK, states, until

HALF_PLUS_TWO = REPOSITORY / "tests" / "golden" / "half_plus_two" / "1"
MODELS = SHARED / "models" / "serving"
_CASES = SHARED / "spec" / "grpc_cases.json"
_SERVICE = "/tensorflow.serving.ModelService/"
_TWO_VERSIONS = "saved_model_half_plus_two_2_versions"
_ALLOW = {"allow_version_labels_for_unavailable_models": True}


def config_of(*models: tuple[str, Path | str, str]) -> pb.ModelServerConfig:
    """A config of (name, base path, further fields in text form)."""
    found = pb.ModelServerConfig()
    found.model_config_list.SetInParent()
    for name, base_path, fields in models:
        model = found.model_config_list.config.add(name=name, base_path=str(base_path), model_platform="tensorflow")
        text_format.Merge(fields, model, descriptor_pool=POOL)
    return found


@contextlib.contextmanager
def server_of(config: pb.ModelServerConfig, **settings: Any) -> Iterator[Server]:
    """A server over real models whose first configuration has loaded."""
    settings = {**QUICK, **settings}
    manager = Manager(make_loader(ServerConfig()), config=ServerConfig(**settings))
    try:
        manager.apply(config, labels_wait=True)
        with serving(manager, **settings) as server:
            yield server
    finally:
        manager.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "QUIET_SECONDS", 0.0)


def reload(server: Server, config: pb.ModelServerConfig, *metrics: str, timeout: float = 20) -> tuple[str, str, Any]:
    request = pb.ReloadConfigRequest(config=config, metric_names=metrics)
    code, text, content = call_grpc(
        server.grpc_port, f"{_SERVICE}HandleReloadConfigRequest", request.SerializeToString(), timeout=timeout
    )
    return code, text, pb.ReloadConfigResponse.FromString(content)


def get(server: Server, path: str, method: str = "GET", body: str | None = None) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def predict(server: Server, name: str) -> tuple[int, Any]:
    return get(server, f"/v1/models/{name}:predict", "POST", '{"instances": [2.0]}')


# ---- the recorded cases


def cases(*setups: str) -> list[Any]:
    if not _CASES.is_file():
        return [pytest.param(None, marks=pytest.mark.skip(f"the cases are not on this machine ({_CASES})"))]
    return [pytest.param(c, id=c["id"]) for c in json.loads(_CASES.read_text()) if c["setup"] in setups]


def ask(server: Server, case: dict[str, Any]) -> tuple[str, str, bytes]:
    message = getattr(pb, case["request_type"].rpartition(".")[2])()
    text_format.Parse(case["request"].replace("${TESTDATA}", str(MODELS)), message, descriptor_pool=POOL)
    timeout = case.get("deadline_ms", 20_000) / 1000
    return call_grpc(server.grpc_port, case["rpc"], message.SerializeToString(), timeout=timeout)


def check(case: dict[str, Any], code: str, text: str, content: bytes) -> None:
    assert code == case["expect_code"], text
    expected: str = case["expect"]
    if code == "OK":
        response = pb.ReloadConfigResponse()
        text_format.Parse(expected, response, descriptor_pool=POOL)
        assert pb.ReloadConfigResponse.FromString(content) == response
    elif expected.startswith("message contains "):
        assert expected.removeprefix("message contains ")[1:-1] in text
    elif expected:
        assert text == expected.removeprefix("message ")[1:-1]


@pytest.mark.parametrize("case", cases("reload", "reload_fresh"))
def test_reload_of_a_server_with_one_model(case: dict[str, Any]) -> None:
    one = config_of(("half_plus_two", MODELS / "saved_model_half_plus_two_cpu", ""))
    with server_of(one) as server:
        check(case, *ask(server, case))
        if case["id"] == "HandleReloadConfigRequest-002":
            assert predict(server, "half_plus_three") == (200, {"predictions": [4.0]})


@pytest.mark.parametrize("case", cases("reload_fresh_allow_labels"))
def test_reload_where_labels_of_unavailable_versions_are_allowed(case: dict[str, Any]) -> None:
    one = config_of(("half_plus_two", MODELS / "saved_model_half_plus_two_cpu", ""))
    with server_of(one, **_ALLOW) as server:
        check(case, *ask(server, case))
        assert server.core.manager.labels("m") == {"stable": 123}


@pytest.mark.parametrize("case", cases("reload_loaded_m"))
def test_reload_of_a_server_with_two_versions(case: dict[str, Any]) -> None:
    both = "model_version_policy { specific { versions: 123 versions: 124 } }"
    with server_of(config_of(("m", MODELS / _TWO_VERSIONS, both))) as server:
        until(lambda: server.core.manager.available("m") == {123, 124})
        check(case, *ask(server, case))
        assert server.core.manager.labels("m") == {"stable": 123, "canary": 124}


@pytest.mark.parametrize("case", cases("bad_new_version"))
def test_a_bad_new_version(case: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(MODELS / "saved_model_half_plus_two_cpu", tmp_path / "bad")
    with server_of(config_of(("bad", tmp_path / "bad", ""))) as server:
        shutil.copytree(MODELS / "bad_half_plus_two" / "00000123", tmp_path / "bad" / "00000124")
        until(lambda: states(server.core.manager, "bad") == {124: "END", 123: "AVAILABLE"})
        code, text, content = ask(server, case)
        assert code == "OK", text
        new, old = pb.GetModelStatusResponse.FromString(content).model_version_status
        assert (new.version, new.state, old.version, old.state) == (124, 50, 123, 30)
        assert new.status.error_code != 0
        assert "Could not find SavedModel" in new.status.error_message
        assert predict(server, "bad") == (200, {"predictions": [3.0]})


def test_after_a_rollback(tmp_path: Path, shared_models: Path) -> None:
    shutil.copytree(shared_models / "serving" / _TWO_VERSIONS, tmp_path / "hp2v")
    with server_of(config_of(("hp2v", tmp_path / "hp2v", ""))) as server:
        shutil.rmtree(tmp_path / "hp2v" / "00000124")
        until(lambda: states(server.core.manager, "hp2v") == {124: "END", 123: "AVAILABLE"})
        fine = {"error_code": "OK", "error_message": ""}
        assert get(server, "/v1/models/hp2v") == (
            200,
            {
                "model_version_status": [
                    {"version": "124", "state": "END", "status": fine},
                    {"version": "123", "state": "AVAILABLE", "status": fine},
                ]
            },
        )
        assert predict(server, "hp2v") == (200, {"predictions": [3.0]})
        answer = get(server, "/v1/models/hp2v/versions/124:predict", "POST", '{"instances": [2.0]}')
        assert answer == (404, {"error": "Servable not found for request: Specific(hp2v, 124)"})


# ---- more


def models_in(folder: Path, *names: str) -> dict[str, Path]:
    found = {name: folder / name for name in names}
    for path in found.values():
        shutil.copytree(HALF_PLUS_TWO, path / "1")
    return found


def test_a_reload_replaces_the_whole_list(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "a", "b", "c")
    with server_of(config_of(("a", paths["a"], ""), ("b", paths["b"], ""))) as server:
        code, text, response = reload(server, config_of(("b", paths["b"], ""), ("c", paths["c"], "")))
        assert (code, text, response.status.error_code) == ("OK", "", 0)
        assert predict(server, "c") == (200, {"predictions": [3.0]})
        until(lambda: predict(server, "a") == (404, {"error": "Servable not found for request: Latest(a)"}))
        assert predict(server, "b")[0] == 200
        assert get(server, "/v1/models/a")[1]["model_version_status"][0]["state"] == "END"
        assert reload(server, config_of())[0] == "OK"
        until(lambda: predict(server, "c")[0] == 404)


def test_a_reload_of_no_list_is_refused(tmp_path: Path) -> None:
    with server_of(config_of(("m", models_in(tmp_path, "m")["m"], ""))) as server:
        custom = pb.ModelServerConfig()
        custom.custom_model_config.SetInParent()
        for config in (pb.ModelServerConfig(), custom):
            code, text, _ = reload(server, config)
            assert code == "INVALID_ARGUMENT"
            assert text == (
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
                "supported"
            )


def test_a_reload_that_hangs_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "a", "b")
    with server_of(config_of(("a", paths["a"], ""))) as server:
        stuck = config_of(("a", paths["a"], ""), ("absent", tmp_path / "absent", ""))
        answers: list[tuple[str, str]] = []
        thread = threading.Thread(target=lambda: answers.append(reload(server, stuck)[:2]))
        thread.start()
        until(lambda: "absent" in server.core.manager.configured())
        assert predict(server, "a")[0] == 200
        assert reload(server, config_of(("a", paths["a"], ""), ("b", paths["b"], "")))[0] == "OK"
        thread.join(60)
        assert answers == [("ABORTED", "model absent was removed by a later configuration before it was available")]


def test_a_new_model_that_fails_is_said(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "a", "b")
    (paths["b"] / "1" / "saved_model.pb").write_bytes(b"\xff" * 100)
    with server_of(config_of(("a", paths["a"], ""))) as server:
        code, text, _ = reload(server, config_of(("a", paths["a"], ""), ("b", paths["b"], "")))
        assert code == "UNKNOWN"
        assert text.startswith("1 model(s) did not become available: {{{name: b version: 1} due to error: ")
        status, answer = get(server, "/v1/models/b")
        assert status == 200
        assert answer["model_version_status"][0]["state"] == "END"
        assert str(paths["b"]) in answer["model_version_status"][0]["status"]["error_message"]
        assert predict(server, "a")[0] == 200


def test_metric_increases(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "m")
    with server_of(config_of(("m", paths["m"], ""))) as server:
        _, _, response = reload(server, config_of(("m", paths["m"], "")), ":tensorflow:serving:request_count", "nope")
        assert [(metric.name, metric.int64_value_increase) for metric in response.metric] == [
            (":tensorflow:serving:request_count", 0),
            ("nope", 0),
        ]


def test_the_config_file_is_polled(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    paths = models_in(tmp_path, "a", "b")
    file = tmp_path / "models.config"
    first = config_of(("a", paths["a"], ""))
    file.write_text(text_format.MessageToString(first, descriptor_pool=POOL))
    with server_of(first) as server:
        manager = server.core.manager
        watched = ConfigFile(manager, str(file), first, 0.02)
        watched.start()
        try:
            file.write_text("model_config_list { nonsense }")
            until(lambda: "models.config is no ModelServerConfig" in caplog.text)
            assert predict(server, "a")[0] == 200
            # A label may come together with its version.
            second = config_of(("a", paths["a"], ""), ("b", paths["b"], "version_labels { key: 'l' value: 1 }"))
            file.write_text(text_format.MessageToString(second, descriptor_pool=POOL))
            until(lambda: manager.labels("b") == {"l": 1})
            file.unlink()
            until(lambda: "cannot read the model config file" in caplog.text)
            assert predict(server, "b")[0] == 200
        finally:
            watched.close()


def test_the_list_of_models(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "m")
    config = config_of(("m", paths["m"], "version_labels { key: 'l' value: 1 }"), ("n", tmp_path / "n", ""))
    settings = ServerConfig(**QUICK)
    manager = Manager(make_loader(settings), make_admission(settings), settings)
    manager.apply(config, wait=False, labels_wait=True)
    with contextlib.closing(manager), serving(manager) as server:
        until(lambda: manager.available("m") and manager.settled())
        for _ in range(3):
            predict(server, "m")
        status, answer = get(server, "/v1/models")
        assert status == 200
        first, second = answer["models"]
        (version,) = first.pop("versions")
        assert version.pop("memory_bytes") == first.pop("memory_bytes") > 0
        assert version == {"version": 1, "state": "AVAILABLE", "requests": 3, "in_flight": 0}
        assert first == {"name": "m", "available": True, "labels": {"l": 1}, "requests": 3}
        assert "does not exist" in second["reason"]
        assert second["versions"] == []
        assert get(server, "/readyz")[0] == 503
        code, answer = get(server, "/v1/models/n")
        assert code == 404
        assert answer["error"].startswith("Could not find any versions of model n: the model base path ")


def test_swaps_under_load_lose_no_request(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "m")
    answers: list[int] = []
    stop = threading.Event()
    with server_of(config_of(("m", paths["m"], ""))) as server:

        def load() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
            with contextlib.closing(connection):
                while not stop.is_set():
                    connection.request("POST", "/v1/models/m:predict", '{"instances": [2.0]}')
                    answer = connection.getresponse()
                    answer.read()
                    answers.append(answer.status)

        threads = [threading.Thread(target=load) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for version in range(2, 8):
                (paths["m"] / "incoming").mkdir()
                shutil.copytree(HALF_PLUS_TWO, paths["m"] / "incoming" / "x")
                (paths["m"] / "incoming" / "x").rename(paths["m"] / str(version))
                (paths["m"] / "incoming").rmdir()
                until(lambda v=version: states(server.core.manager, "m").get(v - 1) == "END")  # type: ignore[misc]
            assert server.core.manager.available("m") == {7}
            until(lambda: len(answers) > 20)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
    assert set(answers) == {200}


def test_a_caller_that_goes_away_ends_its_wait(tmp_path: Path) -> None:
    paths = models_in(tmp_path, "a")
    with server_of(config_of(("a", paths["a"], ""))) as server:
        stuck = config_of(("a", paths["a"], ""), ("absent", tmp_path / "absent", ""))
        for patience in (0.3, 3, 30):  # a call of a busy machine may be over before it came
            assert reload(server, stuck, timeout=patience)[0] == "DEADLINE_EXCEEDED"
            if "absent" in server.core.manager.configured():
                break
        assert "absent" in server.core.manager.configured()  # it is waited for still, by nobody
        until(lambda: not any(t.name == "noria-reload" for t in threading.enumerate()))
