"""Every recorded case of TensorFlow Serving's behaviour, on a server with the case's set-up, over sockets."""

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

from noria.protos import POOL, health
from noria.protos import serving as pb
from noria.serving.server import Server
from serving.conformance.setups import ABSENT, MODELS, SPEC, models_of, start
from serving.fakes import call_grpc

# Where this server does more than TensorFlow Serving, the recorded answer is the one with these flags.
_ONLY = ("--tensorflow_serving_only", "--enable_grpc_healthcheck_service=false")
_MORE_HERE = {
    "url-003": "GET /v1/models lists the models",
    "url-026": "/v2 is the Open Inference Protocol",
    "Check-001": "the health service is on unless it is turned off",
}
# Predict-066 feeds "x"; the recorded model calls that input "n", as limits-001 does.
_CORRECTED = {"Predict-066": ('key: "x"', 'key: "n"')}
_FRESH = ("reload", "reload_fresh", "reload_fresh_allow_labels", "reload_loaded_m", "bad_new_version")


def _cases(name: str) -> list[dict[str, Any]]:
    path = SPEC / name
    return json.loads(path.read_text()) if path.is_file() else []


def _parameters(name: str) -> list[Any]:
    found = [case for case in _cases(name) if not case.get("stateful") and case.get("normative", True)]
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(ABSENT))]
    return [pytest.param(case, id=case["id"]) for case in found]


class Servers:
    """A server for each set-up, started when first needed."""

    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._found: dict[str, Server] = {}

    def get(self, case: dict[str, Any]) -> Server:
        setup = case["setup"]
        if setup in _FRESH:
            return self._start(case, case["id"], None)
        extra = _ONLY if case["id"] in _MORE_HERE else ()
        key = setup + " ".join(extra)
        if key not in self._found:
            needed: set[str] | None = None
            if setup != "main" or extra:
                every = [*_cases("rest_cases.json"), *_cases("grpc_cases.json")]
                needed = set().union(*(models_of(other) for other in every if other["setup"] == setup and not extra))
                needed |= {"half_plus_two"}
            self._found[key] = self._start(case, f"{setup}{len(self._found)}", needed, extra)
        return self._found[key]

    def _start(self, case: dict[str, Any], folder: str, models: set[str] | None, extra: tuple[str, ...] = ()) -> Server:
        return self._stack.enter_context(start(case["setup"], self._folder / folder, models, extra))


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        yield Servers(stack, tmp_path_factory.mktemp("setups"))


# ---- REST


@pytest.mark.parametrize("case", _parameters("rest_cases.json"))
def test_rest(case: dict[str, Any], servers: Servers) -> None:
    _check_rest(case, servers.get(case))


def test_stateful(tmp_path: Path) -> None:
    """Cases that count on what went before, in the order of the files, each file on a fresh server."""
    files = (("rest_cases.json", _check_rest), ("grpc_cases.json", _check_grpc))
    for name, check in files:
        cases = [case for case in _cases(name) if case.get("stateful")]
        if not cases:
            pytest.skip(ABSENT)
        with start("main", tmp_path / name, {"counter"}) as server:
            for case in cases:
                check(case, server)


def _check_rest(case: dict[str, Any], server: Server) -> None:
    body = base64.b64decode(case["body_b64"]) if case.get("body_b64") else (case["body"] or "").encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(case["method"], case["path"], body or None, case["headers"])
        answer = connection.getresponse()
        content = answer.read()
    text = content.decode()
    assert answer.status == case["expect_status"], text
    for name, value in case.get("expect_headers", {}).items():
        assert (answer.getheader(name) or "").startswith(value)
    for name in case.get("expect_absent_headers", []):
        assert answer.getheader(name) is None
    if "expect_content_type_prefix" in case:
        assert (answer.getheader("Content-Type") or "").startswith(case["expect_content_type_prefix"])
    if "expect_body" in case:
        assert text == case["expect_body"]
    for part in case.get("expect_text_contains", []):
        assert part in text
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

_MESSAGES: dict[str, tuple[Any, Any]] = {
    "Predict": (pb.PredictRequest, pb.PredictResponse),
    "Classify": (pb.ClassificationRequest, pb.ClassificationResponse),
    "Regress": (pb.RegressionRequest, pb.RegressionResponse),
    "MultiInference": (pb.MultiInferenceRequest, pb.MultiInferenceResponse),
    "GetModelMetadata": (pb.GetModelMetadataRequest, pb.GetModelMetadataResponse),
    "GetModelStatus": (pb.GetModelStatusRequest, pb.GetModelStatusResponse),
    "HandleReloadConfigRequest": (pb.ReloadConfigRequest, pb.ReloadConfigResponse),
    "SessionRun": (pb.SessionRunRequest, pb.SessionRunResponse),
    "Check": (health.HealthCheckRequest, health.HealthCheckResponse),
}


@pytest.mark.parametrize("case", _parameters("grpc_cases.json"))
def test_grpc(case: dict[str, Any], servers: Servers) -> None:
    server = servers.get(case)
    _check_grpc(case, server)
    if case["id"] == "HandleReloadConfigRequest-002":  # its note: the new model works at once
        predict = pb.PredictRequest(model_spec=pb.ModelSpec(name="half_plus_three"))
        predict.inputs["x"].dtype = 1
        predict.inputs["x"].float_val.append(2)
        code, text, _ = call_grpc(server.grpc_port, _PREDICT, predict.SerializeToString())
        assert code == "OK", text


_PREDICT = "/tensorflow.serving.PredictionService/Predict"


def _check_grpc(case: dict[str, Any], server: Server) -> None:
    method = case["rpc"].rpartition("/")[2]
    text = case["request"].replace("${TESTDATA}", str(MODELS))
    if case["id"] in _CORRECTED:
        wrong, right = _CORRECTED[case["id"]]
        assert wrong in text
        text = text.replace(wrong, right)
    request, _ = _MESSAGES.get(method, (pb.PredictRequest, None))
    message = request()
    if request.DESCRIPTOR.full_name == case["request_type"]:
        text_format.Parse(text, message, descriptor_pool=POOL)
    code, details, content = call_grpc(
        server.grpc_port, case["rpc"], message.SerializeToString(), timeout=_deadline(case)
    )
    assert code == case["expect_code"], details
    if code != "OK":
        _assert_message(details, case["expect"])
        return
    _assert_response(case, method, _MESSAGES[method][1].FromString(content))


def _deadline(case: dict[str, Any]) -> float:
    if "deadline_ms" not in case:
        return 20
    # gRPC rounds deadlines up to a millisecond, in which a small model has answered: "already past" means past. A wait
    # that never ends need not be waited for for seconds.
    return min(case["deadline_ms"] / 1000, 0.5) if case["deadline_ms"] else -1


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
    if case["setup"] == "bad_new_version":
        new, old = got.model_version_status
        assert (new.version, new.state) == (124, new.END)
        assert new.status.error_code != 0
        assert new.status.error_message
        assert (old.version, old.state) == (123, old.AVAILABLE)
        return
    expected = type(got)()
    text_format.Parse(case["expect"], expected, descriptor_pool=POOL)
    if method == "GetModelMetadata":
        assert got.model_spec == expected.model_spec
        assert list(got.metadata) == ["signature_def"]
        return
    assert got == expected
