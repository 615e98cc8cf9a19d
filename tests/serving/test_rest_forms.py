"""Predict with NumPy's files and protos as bodies, and compressed answers, over sockets."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import io
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from noria import dtypes
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving import codings, npy
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.fakes import FakeModel, FakeSignature, half_plus_two, serving, specs

NPY, NPZ, PROTOBUF = "application/x-npy", "application/x-npz", "application/x-protobuf"
URL = "/v1/models/m:predict"


def _swapped(a: Any, b: Any) -> dict[str, Any]:
    return {"x": b, "y": a}


def _length(s: Any) -> dict[str, Any]:
    return {"n": np.array([len(text) for text in s], np.int32)}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    floats = specs(a=dtypes.float32, b=dtypes.float32)
    swap = FakeSignature("swap", _swapped, floats, specs(x=dtypes.float32, y=dtypes.float32))
    length = FakeSignature("length", _length, specs(s=dtypes.string), specs(n=dtypes.int32))
    manager = Manager(lambda _: FakeModel(half_plus_two(), swap, length))
    manager.load("m", 1, "m/1")
    with serving(manager) as found:
        yield found


def ask(server: Server, body: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request("POST", URL, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def saved(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_one_array_in_and_out(server: Server) -> None:
    body = saved(np.array([[2.0], [4.0]], np.float32))
    status, headers, answer = ask(server, body, content_type=NPY, accept=NPY)
    assert (status, headers["content-type"]) == (200, NPY)
    np.testing.assert_array_equal(np.load(io.BytesIO(answer)), np.array([[3.0], [4.0]], np.float32))


def test_json_is_the_answer_unless_another_is_asked_for(server: Server) -> None:
    status, headers, answer = ask(server, saved(np.array([2.0], np.float32)), content_type=NPY, accept="*/*")
    assert (status, headers["content-type"], json.loads(answer)) == (200, "application/json", {"outputs": [3.0]})
    status, headers, answer = ask(server, b'{"instances": [2.0]}', accept=NPY)
    assert np.load(io.BytesIO(answer)).tolist() == [3.0]


def test_several_arrays_and_a_named_signature(server: Server) -> None:
    body = npy.encode({"a": np.zeros(2, np.float32), "b": np.ones(3, np.float32)})
    for name in (NPY, NPZ):
        status, headers, answer = ask(server, body, content_type=name, accept=name, x_signature_name="swap")
        assert (status, headers["content-type"]) == (200, NPZ)
        with np.load(io.BytesIO(answer)) as found:
            assert {alias: found[alias].tolist() for alias in found.files} == {"x": [1, 1, 1], "y": [0, 0]}


def test_text(server: Server) -> None:
    status, _, answer = ask(server, saved(np.array(["ab", "é"])), content_type=NPY, x_signature_name="length")
    assert (status, json.loads(answer)) == (200, {"outputs": [2, 2]})


@pytest.mark.parametrize(
    ("body", "headers", "status", "text"),
    [
        (b"{}", {}, 400, "no .npy file"),
        (saved(np.array([1], np.float64)), {}, 400, "Expects arg[0] to be float but double is provided"),
        (saved(np.array([1], np.float32)), {"x_signature_name": "swap"}, 400, "an .npy body is one input"),
        (
            saved(np.array([1], np.float32)),
            {"x_signature_name": "none"},
            400,
            'Serving signature key "none" not found.',
        ),
        (npy.encode({"a": np.zeros(1), "b": np.zeros(1)}), {}, 400, "input size does not match signature"),
    ],
)
def test_errors(server: Server, body: bytes, headers: dict[str, str], status: int, text: str) -> None:
    found, _, answer = ask(server, body, content_type=NPY, **headers)
    assert found == status
    assert text in json.loads(answer)["error"]


def test_a_predict_request(server: Server) -> None:
    request = pb.PredictRequest()
    request.inputs["x"].CopyFrom(tensor_proto.from_array(np.array([2, 4], np.float32)))
    status, headers, answer = ask(server, request.SerializeToString(), content_type=PROTOBUF)
    assert (status, headers["content-type"]) == (200, PROTOBUF)
    response = pb.PredictResponse.FromString(answer)
    assert response.model_spec.version.value == 1
    assert response.model_spec.signature_name == "serving_default"
    assert tensor_proto.to_array(response.outputs["y"]).tolist() == [3, 4]

    _, _, answer = ask(server, request.SerializeToString(), content_type=PROTOBUF, accept="application/json")
    assert json.loads(answer) == {"outputs": [3.0, 4.0]}
    request.model_spec.name = "other"
    status, _, answer = ask(server, request.SerializeToString(), content_type=PROTOBUF)
    assert (status, json.loads(answer)["error"]) == (
        400, "the PredictRequest asks for the model 'other', the URL for 'm'",
    )  # fmt: skip
    assert ask(server, b"\xff", content_type=PROTOBUF)[0] == 400


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_compressed_both_ways(server: Server, coding: str) -> None:
    body = json.dumps({"instances": [2.0] * 40_000}).encode()
    small = codings.DEFLATE[coding.encode()](body)
    status, headers, answer = ask(server, small, content_encoding=coding, accept_encoding=f"deflate, {coding}")
    assert (status, headers["content-encoding"], headers["vary"]) == (200, coding, "accept-encoding")
    assert json.loads(codings.inflate(answer, coding.encode(), 1 << 20)) == {"predictions": [3.0] * 40_000}


def test_nobody_is_sent_what_he_did_not_ask_for(server: Server) -> None:
    big = json.dumps({"instances": [2.0] * 40_000}).encode()
    assert "content-encoding" not in ask(server, big, accept_encoding="identity")[1]
    assert "content-encoding" not in ask(server, b'{"instances": [2.0]}', accept_encoding="gzip")[1]  # small
    assert ask(server, gzip.compress(b'{"instances": [2.0]}'), content_encoding="gzip")[0] == 200
