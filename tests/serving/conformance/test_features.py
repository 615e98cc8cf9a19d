"""Facts of TensorFlow Serving's behaviour that no recorded case holds, one row each, over sockets."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format

from conftest import REPOSITORY
from noria.protos import POOL
from noria.protos import serving as pb
from noria.serving.server import Server
from serving.conformance.setups import running
from serving.fakes import call_grpc

GOLDEN = REPOSITORY / "tests" / "golden"
PREDICTION = "/tensorflow.serving.PredictionService/"
MODEL = "/tensorflow.serving.ModelService/"
_MODEL = 'config {{ name: "{}" base_path: "{}" model_platform: "tensorflow" {} }}'
HP, COUNTER = GOLDEN / "half_plus_two", GOLDEN / "counter"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = tmp_path_factory.mktemp("config") / "models.config"
    labels = 'version_labels { key: "stable" value: 1 } version_labels { key: "a b" value: 1 }'
    models = [_MODEL.format("m", HP, labels), _MODEL.format("my/model", HP, "")]
    config.write_text(f"model_config_list {{ {' '.join(models)} }}")
    with running([f"--model_config_file={config}"]) as found:
        yield found


def ask(
    server: Server, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


ONE = b'{"instances": [2.0]}'
THREE = {"predictions": [3.0]}
JSON_TYPE = "application/json"


# ---- REST: URL, what is sent, status, and the JSON or a part of the error


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "expected"),
    [
        # fixed parts match in any case, verbs and "metadata" do not
        ("POST", "/V1/MODELS/m/VERSIONS/1:predict", ONE, 200, THREE),
        ("POST", "/v1/Models/m/Labels/stable:predict", ONE, 200, THREE),
        ("POST", "/v1/models/m:PREDICT", ONE, 400, "Malformed request: POST /v1/models/m:PREDICT"),
        # leading zeros, encoded names and labels, names are case-sensitive
        ("POST", "/v1/models/m/versions/0001:predict", ONE, 200, THREE),
        ("POST", "/v1/models/m/labels/a%20b:predict", ONE, 200, THREE),
        ("POST", "/v1/models/my%2Fmodel/versions/1:predict", ONE, 200, THREE),
        ("POST", "/v1/models/M:predict", ONE, 404, "Servable not found for request: Latest(M)"),
        ("POST", "/v1/models/m/versions/2:predict", ONE, 404, "Servable not found for request: Specific(m, 2)"),
        ("POST", "/v1/models/m/labels/none:predict", ONE, 400, "Unrecognized servable version label: none"),
        # a query string is part of the text
        ("GET", "/v1/models/m?x=1", None, 404, "Could not find any versions of model m?x=1"),
        # never 405
        *[(verb, "/v1/models/m:predict", None, 400, "Malformed request") for verb in ("PUT", "DELETE", "PATCH", "GET")],
        ("POST", "/v1/models/m", ONE, 400, "Malformed request: POST /v1/models/m"),
        # the order of checks: bad JSON to an unknown model is 400
        ("POST", "/v1/models/nope:predict", b"{", 400, "JSON Parse error"),
        ("POST", "/v1/models/nope:predict", b'{"signature_name": 1}', 400, "'signature_name' key must be a string"),
        ("POST", "/v1/models/nope:predict", b"{}", 404, "Servable not found for request: Latest(nope)"),
        ("POST", "/v1/models/m:predict", b'{"signature_name": "s"}', 400, 'Serving signature name: "s" not found'),
        ("POST", "/v1/models/m:predict", b"{}", 400, "Missing 'inputs' or 'instances' key"),
        ("POST", "/v1/models/nope:classify", b'{"examples": []}', 400, "'examples' value is an empty array"),
        # the JSON reader: trailing text, byte order mark, the first of duplicate keys
        ("POST", "/v1/models/m:predict", ONE + b" and more", 200, THREE),
        ("POST", "/v1/models/m:predict", b"\xef\xbb\xbf" + ONE, 200, THREE),
        ("POST", "/v1/models/m:predict", b'{"instances": [2.0], "instances": [9.0]}', 200, THREE),
        ("POST", "/v1/models/m:predict", b'{"other": {"a": 1}, "instances": [2]}', 200, THREE),
        ("POST", "/v1/models/m:predict", b"[" * 100_000, 400, "JSON Parse error"),
        # row and column forms
        ("POST", "/v1/models/m:predict", b'{"instances": [{"x": 2.0}]}', 200, THREE),
        ("POST", "/v1/models/m:predict", b'{"inputs": 2.0}', 200, {"outputs": 3.0}),
        ("POST", "/v1/models/m:predict", b'{"inputs": {"x": [2.0], "z": 1}}', 200, {"outputs": [3.0]}),
        ("POST", "/v1/models/m:predict", b'{"inputs": {"z": 1}}', 400, "Missing named input: x in 'inputs' object."),
        ("POST", "/v1/models/m:predict", b'{"instances": [1], "inputs": 1}', 400, "only one of 'inputs'"),
        ("POST", "/v1/models/m:predict", b'{"instances": ["a"]}', 400, "is not of expected type: float"),
        ("POST", "/v1/models/m:predict", b'{"instances": [null]}', 400, "is not of expected type: float"),
        ("POST", "/v1/models/m:predict", b'{"instances": [1, [2]]}', 400, "Failed to process element: 1 of"),
        # special numbers
        ("POST", "/v1/models/m:predict", b'{"instances": [-Inf]}', 200, {"predictions": [float("-inf")]}),
        ("POST", "/v1/models/m:predict", b'{"instances": [1e39]}', 200, {"predictions": [float("inf")]}),
        ("POST", "/v1/models/m:predict", b'{"instances": [1e400]}', 400, "JSON Parse error"),
        # examples
        ("POST", "/v1/models/m:regress",
         b'{"signature_name": "regress_x_to_y", "context": {"x": 4.0}, "examples": [{}, {"x": 2.0}]}', 200,
         {"results": [4.0, 3.0]}),
        ("POST", "/v1/models/m:regress", b'{"signature_name": "regress_x_to_y", "examples": [{"x": 80}]}', 400, "x"),
        ("POST", "/v1/models/m:classify", b'{"signature_name": "nope", "examples": [{"x": 2.0}]}', 400,
         "No signature was found with the name: nope"),
    ],
)  # fmt: skip
def test_rest(server: Server, method: str, path: str, body: bytes | None, status: int, expected: Any) -> None:
    found, headers, content = ask(server, method, path, body)
    assert found == status, content
    assert headers["content-type"] == JSON_TYPE
    assert int(headers["content-length"]) == len(content)
    assert "transfer-encoding" not in headers
    if isinstance(expected, str):
        assert expected in json.loads(content)["error"]
        assert content.startswith(b'{\n    "error": ')
    else:
        assert json.loads(content) == expected


def test_a_version_beyond_int64_has_an_empty_answer(server: Server) -> None:
    status, _, content = ask(server, "POST", "/v1/models/m/versions/9223372036854775808:predict", ONE)
    assert (status, content) == (400, b"")


def test_outside_of_the_api_is_html(server: Server) -> None:
    for path in ("/", "/v1", "/v3/models/m", "/favicon.ico"):
        status, headers, content = ask(server, "GET", path)
        assert (status, headers["content-type"]) == (404, "text/html")
        assert content.startswith(b"<html>")


@pytest.mark.parametrize("kind", ["", "text/plain", "application/octet-stream", "application/json; charset=utf-8"])
def test_the_type_of_a_request_does_not_matter(server: Server, kind: str) -> None:
    assert ask(server, "POST", "/v1/models/m:predict", ONE, {"Content-Type": kind})[0] == 200


@pytest.mark.parametrize(
    ("body", "status"),
    # with ids: those made of the bytes hold the second they were compressed in, and differ between workers
    [(gzip.compress(ONE), 200), (ONE, 400), (gzip.compress(ONE)[:-5], 400), (b"", 400)],
    ids=["whole", "plain", "cut", "empty"],
)
def test_gzip(server: Server, body: bytes, status: int) -> None:
    for coding in ("gzip", "x-gzip, identity"):
        found, headers, _ = ask(server, "POST", "/v1/models/m:predict", body, {"Content-Encoding": coding})
        assert found == status
        assert "content-encoding" not in headers


def test_preflights_are_answered_flag_or_not(server: Server) -> None:
    for origin, expected in (("http://a", 200), ("https://a", 200), ("a", 400), (None, 400)):
        headers = {"Origin": origin} if origin else {}
        status, found, content = ask(server, "OPTIONS", "/v1/models/m:predict", None, headers)
        assert (status, content) == (expected, b"")
        assert "access-control-allow-origin" not in found


def test_values_in_messages_are_cut(server: Server) -> None:
    body = json.dumps({"instances": ["x" * 5000]}).encode()
    error = json.loads(ask(server, "POST", "/v1/models/m:predict", body)[2])["error"]
    assert len(error) < 600
    assert "..." in error


def test_a_connection_is_kept(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.connect()
        used = connection.sock
        for body, status in ((ONE, 200), (b"{", 400), (ONE, 200)):
            connection.request("POST", "/v1/models/m:predict", body)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == status
        assert connection.sock is used


# ---- gRPC: RPC, request and response as text; an error is its code and a part of its message

X = "inputs { key: 'x' value { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: 2 float_val: 3 } }"
Y = "outputs { key: 'y' value { dtype: DT_FLOAT tensor_shape { dim { size: 2 } } float_val: 3 float_val: 3.5 } }"
SPEC = "model_spec { name: 'm' signature_name: 'serving_default' version { value: 1 } }"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (f"model_spec {{ name: 'm' }} {X}", f"{SPEC} {Y}"),
        (f"model_spec {{ name: 'm' version_label: 'stable' }} {X}", f"{SPEC} {Y}"),  # the label is not echoed
        (f"model_spec {{ name: 'm' version {{ value: 1 }} }} {X} output_filter: 'y'", f"{SPEC} {Y}"),
        (f"model_spec {{ name: 'm' }} {X} client_id: 'me' request_options {{ }}", f"{SPEC} {Y}"),
        # too few values: the last is repeated; none: zeros; too many: the rest is dropped
        (f"model_spec {{ name: 'm' }} {X.replace('float_val: 3', '')}", f"{SPEC} {Y.replace('3.5', '3')}"),
        (f"model_spec {{ name: 'm' }} {X.replace('float_val: 2 float_val: 3', '')}",
         f"{SPEC} {Y.replace('float_val: 3 float_val: 3.5', 'float_val: 2 float_val: 2')}"),
        (f"model_spec {{ name: 'm' }} {X.replace('float_val: 3', 'float_val: 3 float_val: 9')}", f"{SPEC} {Y}"),
        ("", ("INVALID_ARGUMENT", "Missing ModelSpec")),
        ("model_spec { }", ("INVALID_ARGUMENT", "ModelSpec has no name specified.")),
        (f"model_spec {{ name: 'm' version {{ value: 7 }} }} {X}", ("NOT_FOUND", "Specific(m, 7)")),
        (f"model_spec {{ name: 'm' version_label: 'no' }} {X}", ("INVALID_ARGUMENT", "Unrecognized servable version")),
        (f"model_spec {{ name: 'm' signature_name: 's' }} {X}",
         ("FAILED_PRECONDITION", 'Serving signature key "s" not found.')),
        # the order of checks: signature before inputs, tensors before names
        (f"model_spec {{ name: 'm' signature_name: 's' }} {X} {X.replace('x', 'z')}", ("FAILED_PRECONDITION", "s")),
        ("model_spec { name: 'm' }", ("INVALID_ARGUMENT", "does not match signature: 0!=1 len({}) != len({x})")),
        (f"model_spec {{ name: 'm' }} {X.replace(chr(39) + 'x' + chr(39), chr(39) + 'z' + chr(39))}",
         ("INVALID_ARGUMENT", "Signature input alias: x(feed name: ")),
        (f"model_spec {{ name: 'm' }} {X.replace('DT_FLOAT', 'DT_INVALID')}",
         ("INVALID_ARGUMENT", "tensor parsing error: x")),
        (f"model_spec {{ name: 'm' }} {X.replace('size: 2', 'size: -2')}",
         ("INVALID_ARGUMENT", "tensor parsing error: x")),
        (f"model_spec {{ name: 'm' }} {X} output_filter: 'y' output_filter: 'y'",
         ("INVALID_ARGUMENT", "duplicate output tensor alias: y")),
        (f"model_spec {{ name: 'm' }} {X} output_filter: 'z'",
         ("INVALID_ARGUMENT", "output tensor alias not found in signature: z")),
    ],
)  # fmt: skip
def test_predict(server: Server, given: str, expected: Any) -> None:
    request = text_format.Parse(given, pb.PredictRequest(), descriptor_pool=POOL)
    code, text, content = call_grpc(server.grpc_port, PREDICTION + "Predict", request.SerializeToString())
    if isinstance(expected, tuple):
        assert code == expected[0], text
        assert expected[1] in text
        return
    assert code == "OK", text
    assert pb.PredictResponse.FromString(content) == text_format.Parse(expected, pb.PredictResponse())


def test_long_messages_are_cut_over_grpc_alone(server: Server) -> None:
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name="n" * 2000))
    code, text, _ = call_grpc(server.grpc_port, PREDICTION + "Predict", request.SerializeToString())
    assert code == "NOT_FOUND"
    assert len(text) == 1024 + len("...TRUNCATED")
    assert text.endswith("...TRUNCATED")
    error = json.loads(ask(server, "POST", f"/v1/models/{'n' * 2000}:predict", ONE)[2])["error"]
    assert error == f"Servable not found for request: Latest({'n' * 2000})"


def test_a_label_plays_no_part_in_a_status(server: Server) -> None:
    request = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m", version_label="none"))
    code, text, content = call_grpc(server.grpc_port, MODEL + "GetModelStatus", request.SerializeToString())
    assert code == "OK", text
    assert [v.version for v in pb.GetModelStatusResponse.FromString(content).model_version_status] == [1]


def test_metadata_honours_labels_and_repeats(server: Server) -> None:
    spec = pb.ModelSpec(name="m", version_label="stable")
    request = pb.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def", "signature_def"])
    code, text, content = call_grpc(server.grpc_port, PREDICTION + "GetModelMetadata", request.SerializeToString())
    assert code == "OK", text
    found = pb.GetModelMetadataResponse.FromString(content).model_spec
    assert (found.name, found.version.value, found.signature_name, found.version_label) == ("m", 1, "", "")


def test_what_the_stock_server_does_not_have(server: Server) -> None:
    for rpc in (PREDICTION + "PredictStreamed", "/tensorflow.serving.SessionService/SessionRun"):
        assert call_grpc(server.grpc_port, rpc, b"")[0] == "UNIMPLEMENTED"


# ---- reload


def reload(server: Server, *models: str, metrics: tuple[str, ...] = ()) -> tuple[str, str, Any]:
    text = f"config {{ model_config_list {{ {' '.join(models)} }} }}"
    request = text_format.Parse(text, pb.ReloadConfigRequest())
    request.metric_names.extend(metrics)
    code, message, content = call_grpc(
        server.grpc_port, MODEL + "HandleReloadConfigRequest", request.SerializeToString()
    )
    return code, message, pb.ReloadConfigResponse.FromString(content)


def test_reload(tmp_path: Path) -> None:
    with running(["--model_name=m", f"--model_base_path={HP}"]) as server:
        both = (_MODEL.format("m", HP, ""), _MODEL.format("c", COUNTER, ""))
        code, text, response = reload(server, *both, metrics=(":tensorflow:serving:request_count",))
        assert code == "OK", text
        assert response.status.error_code == 0
        assert ask(server, "GET", "/v1/models/c")[0] == 200  # a new model is there when the call returns
        label = 'version_labels {{ key: "l" value: {} }}'
        code, text, _ = reload(server, _MODEL.format("m", HP, label.format(9)))
        assert (code, text) == (
            "FAILED_PRECONDITION",
            "Request to assign label to version 9 of model m, which is not currently available for inference",
        )
        assert ask(server, "GET", "/v1/models/c")[0] == 200  # the label failed before any change
        assert reload(server, _MODEL.format("m", HP, label.format(1)))[0] == "OK"
        assert ask(server, "POST", "/v1/models/m/labels/l:predict", ONE)[0] == 200
        assert ask(server, "POST", "/v1/models/c:predict", b'{"inputs": {}}')[0] in (404, 400)  # it is no longer listed
        assert reload(server, _MODEL.format("m", HP, ""))[0] == "OK"
        assert ask(server, "POST", "/v1/models/m/labels/l:predict", ONE)[0] == 400  # labels are replaced as a whole
        assert reload(server)[0] == "OK"
        code, text, _ = reload(server, _MODEL.format("m", "relative/path", ""))
        assert code == "INVALID_ARGUMENT"
        assert "Expected model m to have an absolute path or URI" in text
