"""The REST edge over real sockets, with models made of NumPy functions."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.errors import Code, FailedPreconditionError
from noria.serving import encode_json, tensor_json
from noria.serving.examples_json import decode_examples
from noria.serving.lifecycle.manager import Manager
from noria.serving.rest import HTTP_STATUS
from noria.serving.server import Server
from serving.fakes import FakeModel, FakeSignature, half_plus_two, serving, specs
from serving.lifecycle.disk import until


class _Gate:
    """A model that runs until it is let go. begun: how many runs have begun."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Event()

    def __call__(self, x: Any) -> dict[str, Any]:
        self.begun.release()
        self.go.wait(60)
        return {"y": x}


def _fail(x: Any) -> dict[str, Any]:
    raise {0: FailedPreconditionError("not yet"), 1: ZeroDivisionError("bug")}[int(x.ravel()[0])]


def _scores(inputs: Any) -> dict[str, Any]:
    return {"scores": np.arange(len(inputs), dtype=np.float32)[:, None]}


def _manager(gate: _Gate | None = None) -> Manager:
    one = specs(x=dtypes.float32), specs(y=dtypes.float32)
    manager = Manager(
        lambda _: FakeModel(
            half_plus_two(),
            FakeSignature("gate", gate or _Gate(), *one),
            FakeSignature("fail", _fail, *one),
            FakeSignature("nothing", dict, {}, specs(y=dtypes.float32)),
            FakeSignature("classify", _scores, specs(inputs=dtypes.string), specs(scores=dtypes.float32)),
            FakeSignature(
                "two", lambda x: {"y": x, "z": x}, specs(x=dtypes.float32), specs(y=dtypes.float32, z=dtypes.float32)
            ),
        )
    )
    manager.load("m", 1, "m/1")
    return manager


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(_manager()) as started:
        yield started


def ask(
    server: Server, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, Any, http.client.HTTPResponse]:
    """Status, parsed JSON (None for an empty body), and the response."""
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, content, headers or {})
        response = connection.getresponse()
        text = response.read()
    return response.status, json.loads(text) if text[:1] in (b"{", b"[") else text, response


PREDICT = "/v1/models/m:predict"


def test_predict(server: Server) -> None:
    status, answer, response = ask(server, "POST", PREDICT, {"instances": [1.0, 2.0]})
    assert (status, answer) == (200, {"predictions": [2.5, 3.0]})
    assert response.getheader("Content-Type") == "application/json"
    assert response.getheader("Access-Control-Allow-Origin") is None


def test_big_bodies_take_the_worker_thread(server: Server) -> None:
    x = np.random.default_rng(0).standard_normal((40, 2000)).astype(np.float32)
    status, answer, _ = ask(server, "POST", PREDICT, {"instances": x.tolist()})
    assert status == 200
    np.testing.assert_array_equal(np.array(answer["predictions"], np.float32), x / 2 + 2)


def test_what_takes_long_to_read_is_read_beside_the_loop(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, bool]] = []

    def noted(read: Any) -> Any:
        def noting(*given: Any) -> Any:
            seen.append((read.__name__, threading.current_thread().name.startswith("noria-read")))
            return read(*given)

        return noting

    monkeypatch.setattr(tensor_json, "decode_predict", noted(tensor_json.decode_predict))
    monkeypatch.setattr("noria.serving.rest.decode_examples", noted(decode_examples))
    for count in (2, 3000):
        status, answer, _ = ask(server, "POST", PREDICT, {"instances": [{"x": 1.0}] * count})
        assert (status, answer) == (200, {"predictions": [2.5] * count})
        assert ask(server, "POST", PREDICT, {"instances": [1.0] * 2 * count + [[1.0]]})[0] == 400
        body = {"signature_name": "classify", "examples": [{"x": 1.0}] * count}
        assert ask(server, "POST", "/v1/models/m:classify", body)[0] == 200
    steps = ["decode_predict", "decode_predict", "decode_examples"]
    assert seen == [*((step, False) for step in steps), *((step, True) for step in steps)]


def test_long_answers_are_written_beside_the_loop(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def noted(write: Any) -> Any:
        def noting(*given: Any) -> Any:
            seen.append(threading.current_thread().name)
            return write(*given)

        return noting

    for name in ("classify_response", "predict_response"):
        monkeypatch.setattr(encode_json, name, noted(getattr(encode_json, name)))
    for count in (2, 600):
        body = {"signature_name": "classify", "examples": [{"x": 1.0}] * count}
        status, answer, _ = ask(server, "POST", "/v1/models/m:classify", body)
        assert (status, answer) == (200, {"results": [[["", float(i)]] for i in range(count)]})
    for count in (2, 3000):
        status, answer, _ = ask(server, "POST", PREDICT, {"signature_name": "two", "instances": [1.0] * count})
        assert (status, answer) == (200, {"predictions": [{"y": 1.0, "z": 1.0}] * count})
    assert [name.startswith("noria-read") for name in seen] == [False, True, False, True]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"signature_name": "nope"}, 400, 'Serving signature name: "nope" not found in signature def'),
        ({"signature_name": "nothing", "inputs": {}}, 400, "Failed to get input map for signature: nothing"),
        ({"signature_name": "fail", "instances": [0]}, 400, "not yet"),
        ({"signature_name": "fail", "instances": [1]}, 500, "ZeroDivisionError: bug"),
        (b"{", 400, "JSON Parse error: Missing a name for object member. at offset: 1"),
    ],
)
def test_errors(server: Server, body: Any, status: int, text: str) -> None:
    found, answer, response = ask(server, "POST", PREDICT, body)
    assert (found, answer) == (status, {"error": text})
    assert response.getheader("Content-Type") == "application/json"


def test_every_code_has_a_status() -> None:
    assert set(HTTP_STATUS) == set(Code)


def test_paths_outside_the_api(server: Server) -> None:
    status, text, response = ask(server, "GET", "/")
    assert status == 404
    assert text.startswith(b"<html>")
    assert response.getheader("Content-Type") == "text/html"
    assert ask(server, "GET", f"/v1/models/m/versions/{2**63}")[:2] == (400, b"")


def test_a_target_may_be_a_whole_url(server: Server) -> None:
    for _ in range(2):
        assert ask(server, "POST", f"http://any.host:80{PREDICT}", {"instances": [1.0]})[1] == {"predictions": [2.5]}
    assert ask(server, "GET", "HTTP://any.host/healthz")[0] == 200
    assert ask(server, "GET", "http://any.host/v2/health/live")[0] == 200
    for path in ("http://any.host", "http://any.host?/v1/models/m", "ftp://any.host/v1/models/m", "*"):
        assert ask(server, "GET", path)[0] in (400, 404), path


def test_preflight_and_cors(server: Server) -> None:
    assert ask(server, "OPTIONS", PREDICT, headers={"Origin": "http://a.b"})[:2] == (200, b"")
    assert ask(server, "OPTIONS", PREDICT, headers={"Origin": "a.b"})[:2] == (400, b"")
    assert ask(server, "OPTIONS", PREDICT)[:2] == (400, b"")
    with serving(_manager(), rest_api_enable_cors_support=True) as open_server:
        for body in ({"instances": [1]}, b""):
            headers = ask(open_server, "POST", PREDICT, body)[2]
            assert headers.getheader("Access-Control-Allow-Origin") == "*"
            assert headers.getheader("Access-Control-Allow-Methods") == "POST, GET"
            assert headers.getheader("Access-Control-Allow-Headers") == "Content-Type"


def test_gzip_bodies(server: Server) -> None:
    packed = {"Content-Encoding": "gzip"}
    body = gzip.compress(b'{"instances": [2.0]}')
    assert ask(server, "POST", PREDICT, body, packed)[:2] == (200, {"predictions": [3.0]})
    empty = (400, {"error": "JSON Parse error: The document is empty"})
    assert ask(server, "POST", PREDICT, b'{"instances": [2.0]}', packed)[:2] == empty
    assert ask(server, "POST", PREDICT, body[:-9], packed)[:2] == empty
    status, answer, _ = ask(server, "POST", PREDICT, gzip.compress(bytes(101 << 20), 1), packed)
    assert status == 400
    assert "inflates to more than 104857600 bytes" in answer["error"]


def test_bodies_beyond_the_limit_are_refused() -> None:
    with serving(_manager(), rest_api_max_body_bytes=1000) as small:
        assert ask(small, "POST", PREDICT, b'{"instances": [1.0]}'.rjust(1000))[0] == 200
        status, answer, _ = ask(small, "POST", PREDICT, b"x" * 1001)
        assert status == 413
        assert "at most 1000 are accepted" in answer["error"]
        connection = http.client.HTTPConnection("127.0.0.1", small.rest_port, timeout=20)
        with contextlib.closing(connection):
            connection.request("POST", PREDICT, iter([b"x" * 600] * 2), encode_chunked=True)
            assert connection.getresponse().status == 413


def test_chunked_body_and_keep_alive(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", PREDICT, iter([b'{"instances": ', b"[2.0]}"]), encode_chunked=True)
            assert json.loads(connection.getresponse().read()) == {"predictions": [3.0]}


def test_timeout_is_504_and_the_server_lives_on() -> None:
    gate = _Gate()
    with serving(_manager(gate), rest_api_timeout_in_ms=100) as hasty:
        status, answer, _ = ask(hasty, "POST", PREDICT, {"signature_name": "gate", "instances": [1]})
        assert status == 504
        assert "deadline" in answer["error"]
        # On a busy machine another one may be late, too.
        until(lambda: ask(hasty, "POST", PREDICT, {"instances": [1]})[0] == 200)
        gate.go.set()


def test_slow_models_do_not_stall_the_others() -> None:
    gate = _Gate()
    with serving(_manager(gate)) as server:
        body = {"signature_name": "gate", "inputs": [1]}
        thread = threading.Thread(target=ask, args=(server, "POST", PREDICT, body))
        thread.start()
        assert gate.begun.acquire(timeout=60)
        assert ask(server, "POST", PREDICT, {"instances": [1]})[0] == 200
        assert thread.is_alive()
        gate.go.set()
        thread.join()


def test_status_and_metadata(server: Server) -> None:
    assert ask(server, "GET", "/v1/models/m")[:2] == (
        200,
        {
            "model_version_status": [
                {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            ]
        },
    )
    status, answer, _ = ask(server, "GET", "/v1/models/m/versions/1/metadata")
    assert status == 200
    assert answer["model_spec"] == {"name": "m", "signature_name": "", "version": "1"}
    assert sorted(answer["metadata"]["signature_def"]["signature_def"]) == [
        "classify", "fail", "gate", "nothing", "serving_default", "two",
    ]  # fmt: skip


def test_a_client_that_sends_no_http(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=20) as raw:
        raw.sendall(b"\x00\xff nonsense\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert ask(server, "POST", PREDICT, {"instances": [1]})[0] == 200


@pytest.mark.parametrize("endless", [b"GET /", b"GET / HTTP/1.1\r\nx: ", b"GET / HTTP/1.1\r\n"])
def test_a_head_without_end_is_cut_off(server: Server, endless: bytes) -> None:
    line = b"a: b\r\n" if endless.endswith(b"\n") else b"a" * 6
    with socket.create_connection(("127.0.0.1", server.rest_port), timeout=20) as raw:
        answer = b""
        with contextlib.suppress(ConnectionError):
            raw.sendall(endless)
            for _ in range(1000):
                raw.sendall(line * 1000)
        with contextlib.suppress(ConnectionError):
            answer = raw.recv(100)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431")
        with contextlib.suppress(ConnectionError):
            while raw.recv(4096):
                pass
    assert ask(server, "POST", PREDICT, {"instances": [1]})[0] == 200


def test_long_but_ordinary_heads(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", PREDICT, b'{"instances": [2.0]}', {"x": "y" * 30_000})
            assert json.loads(connection.getresponse().read()) == {"predictions": [3.0]}


def test_requests_in_flight_are_answered_before_the_end() -> None:
    answers: list[int] = []
    gate = _Gate()
    with serving(_manager(gate)) as ending:
        body = {"signature_name": "gate", "instances": [1]}
        threads = [
            threading.Thread(target=lambda: answers.append(ask(ending, "POST", PREDICT, body)[0])) for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        with ending.core.manager.handle("m") as servable:
            until(lambda: servable.requests == 4)  # this one is a request, too
        assert gate.begun.acquire(timeout=60)
        threading.Timer(0.2, gate.go.set).start()
    for thread in threads:
        thread.join()
    assert answers == [200, 200, 200]
    with pytest.raises(ConnectionError):
        ask(ending, "GET", "/v1/models/m")
