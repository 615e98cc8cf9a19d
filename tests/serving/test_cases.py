"""The recorded cases of TensorFlow Serving's behaviour, over real sockets, on the models they were recorded on."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from conftest import SHARED
from noria.protos import POOL
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.fakes import call_grpc, serving

SPEC = SHARED / "spec"
MODELS = SHARED / "models" / "serving"

# name of the model in the cases -> directory, versions served
_MAIN = {
    "half_plus_two": ("saved_model_half_plus_two_cpu", ("00000123",)),
    "half_plus_three": ("saved_model_half_plus_three", ("00000123",)),
    "hp2v": ("saved_model_half_plus_two_2_versions", ("00000123", "00000124")),
    "hp2_tf2": ("saved_model_half_plus_two_tf2_cpu", ("00000123",)),
    "counter": ("saved_model_counter", ("00000123",)),
    "matrix": ("matrix_half_plus_two", ("1",)),
    "dtypes": ("conf_dtypes", ("1",)),
    "multi": ("conf_multi", ("1",)),
    "my/model": ("saved_model_half_plus_three", ("00000123",)),
}
_SETTINGS: dict[str, dict[str, Any]] = {
    "main": {},
    "cors": {"rest_api_enable_cors_support": True},
    "method_name_check": {"enable_signature_method_name_check": True},
    "rest_timeout_100ms": {"rest_api_timeout_in_ms": 100},
    "tensor_content": {"enable_serialization_as_tensor_content": True},
    "single_default": {},
}
# Set-ups that need what this server does not have yet, with what that is.
_NOT_YET = {
    "prometheus": "metrics",
    "prometheus_custom_path": "metrics",
    "batching": "batching",
    "batching_max4": "batching",
    "batching_split": "batching",
    "health": "the health service",
    "reload": "model config files",
    "reload_fresh": "model config files",
    "reload_fresh_allow_labels": "model config files",
    "reload_loaded_m": "model config files",
    "bad_new_version": "polling for new versions",
}
_ASSIGNED_LABEL = re.compile(r'labels/(stable|canary|a%20b)|version_label: "(stable|canary)"')


def _cases(name: str) -> list[dict[str, Any]]:
    path = SPEC / name
    return json.loads(path.read_text()) if path.is_file() else []


def _parameters(name: str) -> list[Any]:
    found = [case for case in _cases(name) if not case.get("stateful")]
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(f"the cases are not on this machine ({SPEC / name})"))]
    return [pytest.param(case, id=case["id"]) for case in found]


def _why_not(case: dict[str, Any]) -> str:
    if case["setup"] not in _SETTINGS:
        return f"needs {_NOT_YET[case['setup']]}, which this server does not have yet"
    text = case.get("path", "") + case.get("request", "")
    status_call = case.get("area") == "status" or case.get("rpc", "").endswith("GetModelStatus")
    if _ASSIGNED_LABEL.search(text) and not status_call:
        return "needs version labels, which come with the model config file"
    if case["id"] == "Predict-066":
        return "the case feeds x, the recorded model calls that input n; limits-001 is the same over REST"
    if "hp_bad_method" in text:
        return "needs a model that is not among those recorded"
    return ""


_SERVERS: dict[str, Server] = {}


@pytest.fixture(scope="module")
def servers() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack
    _SERVERS.clear()


def _server(stack: contextlib.ExitStack, setup: str) -> Server:
    if setup not in _SERVERS:
        _SERVERS[setup] = stack.enter_context(_start(setup))
    return _SERVERS[setup]


@contextlib.contextmanager
def _start(setup: str) -> Iterator[Server]:
    manager = Manager(make_loader(ServerConfig()))
    models = {"default": _MAIN["half_plus_two"]} if setup == "single_default" else _MAIN
    for name, (folder, versions) in models.items():
        for version in versions:
            manager.load(name, int(version), str(MODELS / folder / version))
    with serving(manager, **_SETTINGS[setup]) as server:
        yield server
    manager.close()


# ---- REST


@pytest.mark.parametrize("case", _parameters("rest_cases.json"))
def test_rest(case: dict[str, Any], servers: contextlib.ExitStack) -> None:
    if why := _why_not(case):
        pytest.skip(why)
    _check_rest(case, _server(servers, case["setup"]))


def test_stateful_rest() -> None:
    cases = [case for case in _cases("rest_cases.json") if case.get("stateful")]
    if not cases:
        pytest.skip(f"the cases are not on this machine ({SPEC})")
    with _start("main") as server:
        for case in cases:
            _check_rest(case, server)


def _check_rest(case: dict[str, Any], server: Server) -> None:
    body = base64.b64decode(case["body_b64"]) if case.get("body_b64") else (case["body"] or "").encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(case["method"], case["path"], body or None, case["headers"])
        answer = connection.getresponse()
        content = answer.read()
    text = content.decode()
    if answer.status == 501 and "no ONNX lowering or host kernel" in text:
        pytest.skip(f"the engine does not know an op of this model yet: {json.loads(text)['error']}")
    assert answer.status == case["expect_status"], text
    for name, value in case.get("expect_headers", {}).items():
        assert (answer.getheader(name) or "").startswith(value)
    for name in case.get("expect_absent_headers", []):
        assert answer.getheader(name) is None
    if "expect_content_type_prefix" in case:
        assert (answer.getheader("Content-Type") or "").startswith(case["expect_content_type_prefix"])
    if "expect_body" in case:
        assert text == case["expect_body"]
    if "expect_error_substring" in case:
        assert case["expect_error_substring"] in json.loads(text)["error"]
    if "expect_json" in case:
        _assert_same(json.loads(text), case["expect_json"])
    if "expect_json_subset" in case:
        found = json.loads(text)
        _assert_same({key: found[key] for key in case["expect_json_subset"]}, case["expect_json_subset"])
    if "expect_golden" in case:
        golden = SPEC / "serving_golden" / Path(case["expect_golden"]).name
        assert json.loads(text) == json.loads(golden.read_text())


def _assert_same(got: Any, expected: Any) -> None:
    if isinstance(expected, dict):
        assert isinstance(got, dict)
        assert got.keys() == expected.keys()
        for key, value in expected.items():
            _assert_same(got[key], value)
    elif isinstance(expected, list):
        assert isinstance(got, list)
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            _assert_same(one, other)
    elif isinstance(expected, str) and expected.startswith("@"):
        assert isinstance(got, float)
        assert str(got) == str(float(expected[1:]))
    elif isinstance(expected, float):
        assert isinstance(got, float)
        assert math.isclose(got, expected, rel_tol=1e-6, abs_tol=0 if expected else 1e-12)
    else:
        assert got == expected
        assert type(got) is type(expected)


# ---- gRPC


@pytest.mark.parametrize("case", _parameters("grpc_cases.json"))
def test_grpc(case: dict[str, Any], servers: contextlib.ExitStack) -> None:
    if why := _why_not(case):
        pytest.skip(why)
    _check_grpc(case, _server(servers, case["setup"]))


def test_stateful_grpc() -> None:
    cases = [case for case in _cases("grpc_cases.json") if case.get("stateful")]
    if not cases:
        pytest.skip(f"the cases are not on this machine ({SPEC})")
    with _start("main") as server:
        for case in cases:
            _check_grpc(case, server)


_RESPONSES: dict[str, Any] = {
    "Predict": pb.PredictResponse,
    "Classify": pb.ClassificationResponse,
    "Regress": pb.RegressionResponse,
    "MultiInference": pb.MultiInferenceResponse,
    "GetModelMetadata": pb.GetModelMetadataResponse,
    "GetModelStatus": pb.GetModelStatusResponse,
}


def _check_grpc(case: dict[str, Any], server: Server) -> None:
    request = b""
    if case["request_type"].startswith("tensorflow.serving."):
        kind = getattr(pb, case["request_type"].rpartition(".")[2], None)
        if kind is not None:
            message = kind()
            text_format.Parse(case["request"].replace("${TESTDATA}", str(MODELS)), message, descriptor_pool=POOL)
            request = message.SerializeToString()
    method = case["rpc"].rpartition("/")[2]
    # gRPC rounds deadlines up to a millisecond, in which a small model has answered: "already past" means past.
    deadline = (case["deadline_ms"] or -1000) / 1000 if "deadline_ms" in case else 20
    code, details, content = call_grpc(server.grpc_port, case["rpc"], request, timeout=deadline)
    assert code == case["expect_code"], details
    if code != "OK":
        _assert_message(details, case["expect"])
        return
    _assert_response(case, method, _RESPONSES[method].FromString(content))


def _assert_message(text: str, expected: str) -> None:
    if expected.startswith("message contains"):
        for part in re.findall(r'"((?:[^"]|"(?=\w|,))*)"', expected):
            assert part in text
    elif expected.startswith("message"):
        assert text == expected.removeprefix("message ").strip()[1:-1]


def _assert_response(case: dict[str, Any], method: str, got: Any) -> None:
    if case["expect"] == "one metadata entry":
        assert list(got.metadata) == ["signature_def"]
        return
    expected = _RESPONSES[method]()
    text_format.Parse(case["expect"], expected, descriptor_pool=POOL)
    if method == "GetModelMetadata":
        assert got.model_spec == expected.model_spec
        assert list(got.metadata) == ["signature_def"]
        return
    assert got == expected
