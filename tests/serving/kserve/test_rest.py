"""The protocol's REST form as plain HTTP: URLs, bodies, statuses, errors."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from noria.errors import TFError
from noria.serving.kserve import bodies, rest
from noria.serving.server import Server
from serving.fakes import serving
from serving.kserve.models import make_manager
from serving.kserve.models import server as make_server


class Reply(NamedTuple):
    status: int
    document: Any
    headers: Mapping[str, str]
    binary: bytes


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with make_server() as started:
        yield started


def ask(server: Server, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, data, dict(headers or {}))
    response = connection.getresponse()
    content = response.read()
    connection.close()
    found = {name.lower(): value for name, value in response.getheaders()}
    size = int(found.get("inference-header-content-length", len(content)))
    return Reply(response.status, json.loads(content[:size]) if content else None, found, content[size:])


def error(reply: Reply) -> tuple[int, str]:
    assert list(reply.document) == ["error"]
    return reply.status, reply.document["error"]


def tensor(data: Any = (1.0, 2.0), **fields: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [2], "datatype": "FP32", "data": data, **fields}


def test_a_plain_request(server: Server) -> None:
    reply = ask(server, "POST", "/v2/models/half_plus_two/infer", {"id": "a", "inputs": [tensor()]})
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.document == {
        "id": "a",
        "model_name": "half_plus_two",
        "model_version": "1",
        "outputs": [{"name": "y", "datatype": "FP32", "shape": [2], "data": [2.5, 3.0]}],
    }
    versioned = ask(server, "POST", "/v2/models/half_plus_two/versions/1/infer", {"inputs": [tensor([[1], [2]])]})
    assert "id" not in versioned.document
    assert versioned.document["outputs"] == reply.document["outputs"]


def test_the_binary_extension(server: Server) -> None:
    def send(outputs: Any, parameters: Any) -> Reply:
        data = np.array([1, 2], np.float32).tobytes()
        document = {
            "inputs": [{"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": 8}}],
            "outputs": outputs,
            "parameters": parameters,
        }
        head = json.dumps(document).encode()
        headers = {"Inference-Header-Content-Length": str(len(head)), "Content-Type": "application/octet-stream"}
        return ask(server, "POST", "/v2/models/half_plus_two/infer", head + data, headers)

    wanted = np.array([2.5, 3], np.float32).tobytes()
    for outputs, parameters, binary in (
        ([], {"binary_data_output": True}, True),
        ([], {}, False),
        ([{"name": "y"}], {"binary_data_output": True}, True),
        ([{"name": "y", "parameters": {"binary_data": False}}], {"binary_data_output": True}, False),
        ([{"name": "y", "parameters": {"binary_data": True}}], {}, True),
    ):
        reply = send(outputs, parameters)
        (output,) = reply.document["outputs"]
        assert reply.status == 200
        if binary:
            assert reply.headers["content-type"] == "application/octet-stream"
            assert output == {"name": "y", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}
            assert reply.binary == wanted
        else:
            assert "inference-header-content-length" not in reply.headers
            assert output["data"] == [2.5, 3.0]


def test_binary_and_json_tensors_mixed(server: Server) -> None:
    document = {
        "inputs": [
            {"name": "b", "shape": [1, 2], "datatype": "FP32", "data": [10, 20]},
            {"name": "a", "shape": [1, 2], "datatype": "FP32", "parameters": {"binary_data_size": 8}},
        ],
        "outputs": [
            {"name": "raw", "parameters": {"binary_data": True}},
            {"name": "sum"},
            {"name": "difference", "parameters": {"binary_data": True}},
        ],
        "parameters": {"signature_name": "two"},
    }
    head = json.dumps(document).encode()
    body = head + np.array([1, 2], np.float32).tobytes()
    reply = ask(server, "POST", "/v2/models/all/infer", body, {"inference-header-content-length": str(len(head))})
    assert [o["name"] for o in reply.document["outputs"]] == ["raw", "sum", "difference"]
    assert reply.document["outputs"][1]["data"] == [11.0, 22.0]
    assert reply.binary == b"\2\0\0\0\xff\xfe" + np.array([-9, -18], np.float32).tobytes()


def test_numbers_that_are_not_finite(server: Server) -> None:
    body = b'{"inputs": [{"name": "x", "shape": [3], "datatype": "FP32", "data": [NaN, -Infinity, 1e40]}]}'
    reply = ask(server, "POST", "/v2/models/half_plus_two/infer", body)
    assert str(reply.document["outputs"][0]["data"]) == "[nan, -inf, inf]"


def test_lookups(server: Server) -> None:
    assert ask(server, "GET", "/v2").document["name"] == "noria"
    assert ask(server, "GET", "/v2/").document["name"] == "noria"
    assert ask(server, "GET", "/v2/health/live").document == {"live": True}
    assert ask(server, "GET", "/v2/health/ready?verbose=1").document == {"ready": True}
    ready = ask(server, "GET", "/v2/models/iris/ready")
    assert (ready.status, ready.document) == (200, {"name": "iris", "ready": True})
    absent = ask(server, "GET", "/v2/models/iris/versions/9/ready")
    assert (absent.status, absent.document) == (503, {"name": "iris", "ready": False})
    assert ask(server, "GET", "/v2/models/absent/ready").status == 404
    two = ask(server, "GET", "/v2/models/all/versions/3?signature_name=two").document
    assert two["inputs"] == [{"name": n, "datatype": "FP32", "shape": [-1, 2]} for n in "ab"]
    assert two["outputs"][1] == {"name": "raw", "datatype": "BYTES", "shape": [-1]}  # of any rank
    odd = ask(server, "GET", "/v2/models/all?signature_name=complex").document
    assert odd["outputs"] == [{"name": "y", "datatype": "COMPLEX64", "shape": [-1]}]
    config = ask(server, "GET", "/v2/models/all/config?signature_name=complex").document
    assert config["output"] == [{"name": "y", "data_type": "TYPE_INVALID", "dims": [-1]}]
    assert error(ask(server, "GET", "/v2/models/all?signature_name=none"))[0] == 400
    assert ask(server, "POST", "/v2/repository/index", {"ready": True}).document[0]["state"] == "READY"
    assert len(ask(server, "POST", "/v2/repository/index").document) == 5
    assert error(ask(server, "POST", "/v2/repository/index", {"ready": 1}))[0] == 400
    assert error(ask(server, "POST", "/v2/repository/models/iris/load"))[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("POST", "/v2/models/absent/infer", 404, "Servable not found for request: Latest(absent)"),
        ("POST", "/v2/models/iris/versions/2/infer", 404, "Servable not found for request: Specific(iris, 2)"),
        ("POST", "/v2/models/iris/versions/x/infer", 400, "Unrecognized servable version label: x"),
        ("GET", "/v2/models/iris/infer", 400, "this URL (infer) takes POST; got GET"),
        ("DELETE", "/v2/models/iris", 400, "this URL (model) takes GET; got DELETE"),
        ("POST", "/v2/health/live", 400, "this URL (live) takes GET; got POST"),
        ("GET", "/v2/nowhere", 404, "no such URL: /v2/nowhere"),
        ("GET", "/v2/models/a/b/c", 404, "no such URL: /v2/models/a/b/c"),
        ("POST", "/v2/models/infer", 400, "this URL (model) takes GET; got POST"),
        ("GET", "/v2/models", 400, "the URL names no model: /v2/models/<name>"),
        ("GET", "/v2/models/%ff%00/ready", 404, "Servable not found"),
    ],
)
def test_wrong_urls(server: Server, method: str, path: str, status: int, text: str) -> None:
    body = {"inputs": [tensor()]} if method == "POST" else None
    found = error(ask(server, method, path, body))
    assert found[0] == status
    assert text in found[1]


def test_what_is_not_of_this_protocol_is_as_it_was(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    for path in ("/v20", "/v3", "/"):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 404
        assert b"<h1>Not Found</h1>" in response.read()
    connection.close()
    assert error(ask(server, "GET", "/v1/nonsense")) == (400, "Malformed request: GET /v1/nonsense")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ([], "the body is a JSON object; got []"),
        ({}, "an inference request has 'inputs', a list of tensors; this one has none"),
        ({"inputs": {}}, "'inputs', a list of tensors"),
        ({"inputs": []}, "input size does not match signature: 0!=1"),
        ({"inputs": [1]}, "an input is an object with a 'name'; got 1"),
        ({"inputs": [{}]}, "an input is an object with a 'name'; got {}"),
        ({"inputs": [{"name": "x"}]}, "input 'x' has no 'datatype'; it is one of BOOL"),
        ({"inputs": [tensor(datatype="float32")]}, "datatype 'float32' is none of this protocol"),
        ({"inputs": [tensor(shape="2")]}, "tensor 'x': 'shape' is a list of sizes, 0 or more; got \"2\""),
        ({"inputs": [tensor(shape=[3])]}, "tensor 'x': got 2 elements; shape [3] takes 3"),
        ({"inputs": [tensor(parameters=3)]}, "'parameters' is an object; got 3"),
        ({"inputs": [tensor(parameters={"binary_data_size": 8})]}, "has both 'data' and the parameter"),
        ({"inputs": [{"name": "x", "shape": [2], "datatype": "FP32"}]}, "has neither 'data' nor the parameter"),
        ({"inputs": [tensor()], "outputs": {}}, "'outputs' is a list of tensors; got {}"),
        ({"inputs": [tensor()], "outputs": ["y"]}, "an output is an object with a 'name'; got \"y\""),
        ({"inputs": [tensor()], "id": 7}, "'id' is a string; got 7"),
        ({"inputs": [tensor()], "parameters": []}, "'parameters' is an object; got []"),
        ({"inputs": [tensor()], "parameters": {"signature_name": 1}}, "parameter 'signature_name' is a string; got 1"),
        ({"inputs": [tensor()], "parameters": {"timeout": "1"}}, "parameter 'timeout' is a whole number"),
        ({"inputs": [tensor()], "parameters": {"binary_data_output": 1}}, "'binary_data_output' is true or false"),
    ],
)
def test_wrong_bodies(server: Server, document: Any, text: str) -> None:
    status, found = error(ask(server, "POST", "/v2/models/half_plus_two/infer", document))
    assert status == 400
    assert text in found
    filler = {"filler": "x" * 20_000}  # through the reader of big bodies
    if isinstance(document, dict):
        assert error(ask(server, "POST", "/v2/models/half_plus_two/infer", {**document, **filler})) == (400, found)


@pytest.mark.parametrize(
    ("length", "size", "text"),
    [
        ("-1", 8, "Inference-Header-Content-Length is a number of bytes; got '-1'"),
        ("9999", 8, "Inference-Header-Content-Length is 9999; the body has"),
        ("0", 8, "JSON Parse error: The document is empty"),
        (None, 9, "binary_data_size is 9; 8 bytes follow the JSON"),
        (None, "8", 'binary_data_size is "8"; 8 bytes follow the JSON'),
        (None, 4, "got 4 bytes of data; shape [2] of FP32 takes 8"),
    ],
)
def test_wrong_lengths(server: Server, length: str | None, size: Any, text: str) -> None:
    x = {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {"binary_data_size": size}}
    head = json.dumps({"inputs": [x]}).encode()
    headers = {"inference-header-content-length": length or str(len(head))}
    found = error(ask(server, "POST", "/v2/models/half_plus_two/infer", head + bytes(8), headers))
    assert found[0] == 400
    assert text in found[1]


def test_bytes_that_nobody_asked_for(server: Server) -> None:
    head = json.dumps({"inputs": [tensor()]}).encode()
    headers = {"inference-header-content-length": str(len(head))}
    found = error(ask(server, "POST", "/v2/models/half_plus_two/infer", head + b"extra", headers))
    assert found == (400, "5 bytes of binary data are left after all inputs that have a binary_data_size")


def test_tokens(tmp_path: Path) -> None:
    path = tmp_path / "tokens.json"
    viewer, iris = "see-see-see-see-see-see-1", "iris-iris-iris-iris-iris-1"
    rows = [
        {"name": "viewer", "token": viewer, "rights": ["view"]},
        {"name": "iris", "token": iris, "rights": ["predict"], "models": ["iris"]},
    ]
    path.write_text(json.dumps({"tokens": rows}))
    path.chmod(0o600)
    with make_server(tokens_file=str(path)) as server:

        def at(url: str, token: str | None, body: Any = None) -> int:
            headers = {"authorization": f"Bearer {token}"} if token else {}
            return ask(server, "POST" if body is not None else "GET", url, body, headers).status

        body = {"inputs": [tensor()]}
        assert at("/v2/health/live", None) == at("/v2/health/ready", None) == at("/v2", None) == 200
        assert at("/v2/models/half_plus_two", None) == 401
        assert at("/v2/models/half_plus_two", viewer) == at("/v2/models/stats", viewer) == 200
        assert at("/v2/models/half_plus_two/infer", viewer, body) == 403
        assert at("/v2/models/half_plus_two/infer", iris, body) == 403
        assert at("/v2/models/iris/infer", iris, body) == 400  # which is about the body
        assert at("/v2/models/half_plus_two/infer", "wrong", body) == 401
        assert at("/v2/repository/index", iris, {}) == 403
        assert at("/v2/repository/index", viewer, {}) == 200


def test_metrics_count_under_names_of_their_own(server: Server) -> None:
    ask(server, "POST", "/v2/models/half_plus_two/infer", {"inputs": [tensor()]})
    time.sleep(0.01)
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    connection.request("GET", "/monitoring/prometheus/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    labels = 'model_name="half_plus_two",API="infer",entrypoint="KServe-REST"'
    assert f":tensorflow:serving:request_latency_count{{{labels}}}" in text
    for name in ("noria_request_bytes_total", "noria_response_bytes_total"):
        assert f'{name}{{model_name="half_plus_two",entrypoint="KServe-REST"}}' in text


def test_routes() -> None:
    assert rest.parse(b"/v1/models/m") is None
    assert rest.parse(b"/v2x") is None
    assert rest.parse(b"/v2/models/a%2Fb/versions/v%201/infer?x=1") == ("model", "infer", "a/b", "v 1", "x=1")
    assert rest.parse(b"/v2/models/m/stats") == ("model", "stats", "m", "", "")
    assert rest.parse(b"/v2/models/stats") == ("model", "stats", "", "", "")
    assert rest.parse(b"/v2/models/ready") == ("model", "", "ready", "", "")


def test_lone_surrogates_do_not_break_an_answer() -> None:
    assert bodies.dump({"id": "\udc80", "list": ["\udc80", 1]}) == b'{"id":"?","list":["?",1]}'


def test_big_numeric_data_never_becomes_python_numbers() -> None:
    for data in ([[0.5] * 100] * 100, [0.5] * 10_000):
        text = json.dumps({"inputs": [tensor(data, shape=[100, 100])]}).encode()
        (found,) = bodies.parse(text)["inputs"]
        assert type(found["data"]) is np.ndarray
        assert found["data"].shape == (10_000,)
        assert bodies.read(text, None)[0].inputs["x"].shape == (100, 100)


def test_a_label_is_a_version() -> None:
    manager = make_manager()
    manager.set_labels("all", {"stable": 3, "next": 12})
    with serving(manager) as server:
        for label, version in (("stable", "3"), ("next", "12"), ("12", "12")):
            reply = ask(server, "POST", f"/v2/models/all/versions/{label}/infer", {"inputs": [tensor()]})
            assert (reply.status, reply.document["model_version"]) == (200, version)
        assert ask(server, "GET", "/v2/models/all/versions/stable/ready").status == 200
        assert error(ask(server, "GET", "/v2/models/all/versions/old"))[0] == 400


def test_not_ready() -> None:
    """Readiness is false, and says why, while a configured model has no version; a failed one is in the index."""
    manager = make_manager()
    with contextlib.suppress(TFError):
        manager.load("broken", 1, "/nowhere/at/all")
    with serving(manager) as server:
        index = ask(server, "POST", "/v2/repository/index").document
        (row,) = [row for row in index if row["name"] == "broken"]
        assert row["state"] == "UNAVAILABLE"
        assert "/nowhere/at/all" in row["reason"]
        assert ask(server, "GET", "/v2/models/broken/ready").status == 503
        assert "broken" not in {
            row["name"] for row in ask(server, "POST", "/v2/repository/index", {"ready": True}).document
        }
        server.core.process.begin_drain()
        reply = ask(server, "GET", "/v2/health/ready")
        assert (reply.status, reply.document) == (503, {"ready": False, "missing": ["the server is shutting down"]})
        assert ask(server, "GET", "/v2/health/live").status == 200
