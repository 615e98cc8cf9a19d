"""The JSON that the client writes and reads, with orjson and without."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from client.served import KINDS, values_of
from noria import dtypes
from noria.client import rest_json
from noria.client.answers import SignatureInfo, TensorInfo
from noria.dtypes import DType
from noria.errors import InternalError, InvalidArgumentError


@pytest.fixture(params=["orjson", "json"], autouse=True)
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "json":
        monkeypatch.setattr(rest_json, "orjson", None)


def signature(inputs: dict[str, DType], outputs: dict[str, DType] | None = None) -> SignatureInfo:
    def infos(kinds: dict[str, DType]) -> dict[str, TensorInfo]:
        return {alias: TensorInfo(alias, dtype, None) for alias, dtype in kinds.items()}

    return SignatureInfo("s", "", infos(inputs), infos(outputs or {}))


@pytest.mark.parametrize("alias", KINDS)
def test_each_dtype(alias: str) -> None:
    dtype, array = KINDS[alias], values_of(KINDS)[alias]
    both = signature({alias: dtype}, {alias: dtype})
    body = rest_json.predict_body(both, {alias: array}, "")
    written = json.loads(body)["inputs"][alias]
    got = rest_json.predict_answer(json.dumps({"outputs": written}).encode(), both)[alias]
    assert got.dtype == array.dtype
    np.testing.assert_array_equal(got, array, strict=True)


@pytest.mark.parametrize(
    ("array", "dtype", "text"),
    [
        (np.array([1.5, 2], np.float32), dtypes.float32, "[1.5,2.0]"),
        (np.array([1, 2]), dtypes.float32, "[1.0,2.0]"),
        (np.array([0.1]), dtypes.float32, "[0.1]"),
        (np.array([1, 2]), dtypes.int8, "[1,2]"),
        (np.array([300]), dtypes.int8, "[300]"),  # for the server to refuse
        (np.array([1.5]), dtypes.int32, "[1.5]"),
        (np.array([np.nan, np.inf, -np.inf]), dtypes.float64, "[NaN,Infinity,-Infinity]"),
        (np.array(2, np.int64), dtypes.int64, "2"),
        (np.array([True]), dtypes.bool_, "[true]"),
        (np.array([[1, 2], [3, 4]], np.int32).T, dtypes.int32, "[[1,3],[2,4]]"),
        (np.array([1, 2], ">i4"), dtypes.int32, "[1,2]"),
        (np.empty((0, 2), np.float32), dtypes.float32, "[]"),
        (np.array(["a", "\u00e9"]), dtypes.string, '["a","\u00e9"]'),
        (np.array([b"\xff"], object), dtypes.string, '[{"b64":"/w=="}]'),
        (np.array(b"x", object), dtypes.string, '"x"'),
    ],
)
def test_what_is_written(array: Any, dtype: DType, text: str) -> None:
    body = rest_json.predict_body(signature({"x": dtype}), {"x": array}, "").decode()
    shorter = body.replace("0.10000000149011612", "0.1")  # float32 in double's digits, which read back the same
    assert shorter == '{"inputs":{"x":' + text + "}}"


def test_the_signature_is_named() -> None:
    body = rest_json.predict_body(signature({"x": dtypes.int32}), {"x": np.array([1], np.int32)}, 's"1')
    assert json.loads(body) == {"signature_name": 's"1', "inputs": {"x": [1]}}


def test_what_cannot_be_written() -> None:
    with pytest.raises(InvalidArgumentError, match="has no input y; it takes: x"):
        rest_json.predict_body(signature({"x": dtypes.int32}), {"y": np.ones(1)}, "")
    with pytest.raises(InvalidArgumentError, match="JSON carries no complex128"):
        rest_json.predict_body(signature({"x": dtypes.complex128}), {"x": np.ones(1, complex)}, "")
    with pytest.raises(InvalidArgumentError, match="input 'x': element 0 of a string tensor is int"):
        rest_json.predict_body(signature({"x": dtypes.string}), {"x": np.array([1], object)}, "")


def test_bytes_that_are_no_text() -> None:
    # TensorFlow Serving writes strings as they are, valid UTF-8 or not, and does not escape what it should.
    got = rest_json.predict_answer(
        b'{"outputs": ["\xff\xfea", "\xc3\xa9", "a\tb"]}', signature({}, {"s": dtypes.string})
    )
    assert got["s"].tolist() == [b"\xff\xfea", b"\xc3\xa9", b"a\tb"]


def test_specials_are_read() -> None:
    got = rest_json.predict_answer(
        b'{"outputs": [NaN, Infinity, -Infinity, 9e+06]}', signature({}, {"x": dtypes.float32})
    )
    np.testing.assert_array_equal(got["x"], np.array([np.nan, np.inf, -np.inf, 9e6], np.float32))


@pytest.mark.parametrize(
    "body", [b'{"outputs": [[1], [1, 2]]}', b'{"outputs": ["a"]}', b'{"outputs": {}}', b'{"outputs": [null]}']
)
def test_what_does_not_fit(body: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        rest_json.predict_answer(body, signature({}, {"x": dtypes.int32}))


def test_what_is_no_answer() -> None:
    for body in (b"", b"[", b"[" * 100_000, b'{"predictions": [1]}'):
        with pytest.raises(InternalError):
            rest_json.predict_answer(body, signature({}, {"x": dtypes.int32}))


def test_errors_are_read_whatever_they_are() -> None:
    assert rest_json.error_text(b'{"error": "no"}') == "no"
    assert rest_json.error_text(b"<html>\n busy </html>") == "<html> busy </html>"
    assert rest_json.error_text(b'{"error": 1}') == "{'error': 1}"
    assert rest_json.error_text(b"") == ""
