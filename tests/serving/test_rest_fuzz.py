"""Whatever bytes come over REST, the answer is a client's error or a result, never a failure of the server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from noria import dtypes
from noria.serving import codings, npy
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.http1.messages import Request
from noria.serving.lifecycle.manager import Manager
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.rest import RestApi
from noria.serving.runner import Runner
from serving.fakes import FakeModel, FakeSignature, half_plus_two, specs

Array = np.ndarray[Any, np.dtype[Any]]


def _three(a: Array, b: Array, s: Array) -> dict[str, Array]:
    return {"a": a, "b_bytes": s, "c": b}


def _scores(inputs: Array) -> dict[str, Array]:
    found = np.array([[float(len(text))] for text in inputs.ravel()], np.float32)
    return {"scores": found, "outputs": found}


def _app() -> RestApi:
    strings = specs(inputs=dtypes.string)
    model = FakeModel(
        half_plus_two(),
        FakeSignature(
            "three",
            _three,
            specs(a=dtypes.float32, b=dtypes.uint8, s=dtypes.string),
            specs(a=dtypes.float32, b_bytes=dtypes.string, c=dtypes.uint8),
        ),
        FakeSignature("c", _scores, strings, specs(scores=dtypes.float32), CLASSIFY),
        FakeSignature("r", _scores, strings, specs(outputs=dtypes.float32), REGRESS),
    )
    manager = Manager(lambda _: model)
    manager.load("m", 1, "m/1")
    return RestApi(Core(ServerConfig(), manager, Runner(2)))


_APP = _app()
_LOOP = asyncio.new_event_loop()


def ask(method: str, path: bytes, query: bytes, body: bytes, headers: list[tuple[bytes, bytes]]) -> tuple[int, bytes]:
    target = path + b"?" + query if query else path
    status, _, answer = _LOOP.run_until_complete(_APP.handle(Request(method, target, headers, body)))
    return status, answer


_LEAF = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5)
_NAMES = st.sampled_from(["x", "a", "b", "s", "b64", "inputs"]) | st.text(max_size=3)
_JSON = st.recursive(
    _LEAF,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["x", "a", "b", "s", "b64", "inputs"]) | st.text(max_size=3), inner, max_size=4
        )
    ),
    max_leaves=20,
)
_KEYS = st.sampled_from(["instances", "inputs", "signature_name", "examples", "context", "other"])
_BODY = st.dictionaries(_KEYS, _JSON | st.sampled_from(["three", "c", "r", "serving_default"]), max_size=5)


def _spoil(draw: st.DrawFn) -> bytes:
    body = json.dumps(draw(_BODY), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=4)) + body[at + draw(st.integers(0, 4)) :]
    return body.rjust(draw(st.sampled_from([0, 20_000, 300_000])))


_BODIES = st.composite(_spoil)()
_VERBS = st.sampled_from([b"predict", b"classify", b"regress"])


@settings(max_examples=400, deadline=None)
@given(_VERBS, _BODIES)
def test_bodies(verb: bytes, body: bytes) -> None:
    status, answer = ask("POST", b"/v1/models/m:" + verb, b"", body, [])
    assert status in (200, 400, 501), answer
    if status != 200:
        assert "error" in json.loads(answer.decode("utf-8", "replace"))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["GET", "POST", "OPTIONS", "HEAD", "PUT"]),
    st.lists(
        st.sampled_from([b"/v1", b"/models", b"/m", b"/versions", b"/labels", b"/1", b":predict", b"/metadata", b"%2F"])
        | st.binary(max_size=4),
        max_size=7,
    ),
    st.binary(max_size=4),
)
def test_urls(method: str, parts: list[bytes], query: bytes) -> None:
    status, _ = ask(method, b"".join(parts), query, b"{}", [])
    assert status in (200, 400, 404)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_gzip(body: bytes) -> None:
    status, _ = ask("POST", b"/v1/models/m:predict", b"", b"\x1f\x8b\x08" + body, [(b"content-encoding", b"gzip")])
    assert status == 400


_TYPES = st.sampled_from([b"application/x-npy", b"application/x-protobuf"])
_NPY = [npy.bytes_of(np.zeros(shape, np.float32)) for shape in ((), (2,), (0, 3))] + [
    npy.encode({"x": np.zeros(1, np.float32), "y": np.zeros(1)})
]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([b"application/x-npy", b"application/x-protobuf"]), st.sampled_from([*_NPY, b"\n\x01m"]), st.data()
)
def test_other_bodies(kind: bytes, body: bytes, data: st.DataObject) -> None:
    spoiled = bytearray(body)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, len(spoiled)))
        spoiled[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    accept = data.draw(st.sampled_from([b"*/*", b"application/x-npy", b"application/x-protobuf"]))
    headers = [(b"content-type", kind), (b"accept", accept)]
    assert ask("POST", b"/v1/models/m:predict", b"", bytes(spoiled), headers)[0] in (200, 400)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([b"gzip", b"zstd", b"gzip, zstd"]), st.binary(max_size=60))
def test_codings(coding: bytes, body: bytes) -> None:
    start = data_of(coding)
    assert ask("POST", b"/v1/models/m:predict", b"", start + body, [(b"content-encoding", coding)])[0] in (200, 400)


def data_of(coding: bytes) -> bytes:
    return codings.DEFLATE[coding.partition(b",")[0]](b'{"instances": [1.0]}')[:-4]
