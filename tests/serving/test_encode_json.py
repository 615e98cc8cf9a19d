"""Arrays to response JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from noria.errors import InvalidArgumentError
from noria.serving import encode_json

Array = np.ndarray[Any, np.dtype[Any]]


def strings(*values: bytes) -> Array:
    return np.array(values, object)


def test_row_and_column_form() -> None:
    y = np.array([[0.1, 3.0], [1 / 3, 1e-7]], np.float32)
    assert encode_json.predict_response({"y": y}, True) == (b'{\n    "predictions": [[0.1,3.0],[0.33333334,1e-7]]\n}')
    assert encode_json.predict_response({"y": y}, False) == (b'{\n    "outputs": [[0.1,3.0],[0.33333334,1e-7]]\n}')


def test_floats_read_back_alike() -> None:
    for kind in (np.float32, np.float64):
        y = np.random.default_rng(1).standard_normal(1000).astype(kind)
        (found,) = json.loads(encode_json.predict_response({"y": y}, False)).values()
        np.testing.assert_array_equal(np.array(found, kind), y)
        assert all(isinstance(value, float) for value in found)


def test_numbers_that_are_not_finite_are_bare_tokens() -> None:
    y = np.array([[1, np.nan], [np.inf, -np.inf]], np.float32)
    assert encode_json.predict_response({"y": y}, True) == (
        b'{\n    "predictions": [[1.0,NaN],[Infinity,-Infinity]]\n}'
    )
    assert encode_json.predict_response({"y": np.array(np.nan, np.float32)}, False) == b'{\n    "outputs": NaN\n}'


@pytest.mark.parametrize(
    ("array", "text"),
    [
        (np.array([-128, 127], np.int8), "[-128,127]"),
        (np.array([2**64 - 1], np.uint64), "[18446744073709551615]"),
        (np.array([True, False]), "[true,false]"),
        (np.array(6.0, np.float32), "6.0"),
        (np.array(7, np.longlong), "7"),
        (np.array([7], np.longlong)[0], "7"),
        (np.array([7, 8], np.longlong), "[7,8]"),
        (np.array([0.1], np.float32)[0], "0.1"),
        (np.zeros((2, 0), np.float32), "[[],[]]"),
        (np.zeros((2, 0), np.float16), "[[],[]]"),
        (np.zeros((0, 2), ml_dtypes.bfloat16), "[]"),
        (np.arange(6, dtype=np.int32).reshape(2, 3).T, "[[0,3],[1,4],[2,5]]"),
        (strings("日本".encode(), b'"\n'), '["日本","\\"\\n"]'),
        (np.array(b"hi", object), '"hi"'),
    ],
)
def test_values(array: Array, text: str) -> None:
    assert encode_json.predict_response({"y": array}, False).decode() == f'{{\n    "outputs": {text}\n}}'


def test_several_outputs() -> None:
    outputs = {"a": np.array([1, np.nan], np.float32), "s": strings(b"x", b"y"), "s_bytes": strings(b"x", b"\xff")}
    rows = json.loads(encode_json.predict_response(outputs, True))["predictions"]
    assert rows[0] == {"a": 1.0, "s": "x", "s_bytes": {"b64": "eA=="}}
    assert math.isnan(rows[1]["a"])
    columns = json.loads(encode_json.predict_response({**outputs, "b": np.array(3)}, False))["outputs"]
    assert columns["b"] == 3
    assert columns["s_bytes"] == [{"b64": "eA=="}, {"b64": "/w=="}]


def test_bytes_that_are_no_utf8_go_out_as_they_are() -> None:
    assert encode_json.predict_response({"y": strings(b'\xff"\\\x01')}, True) == (
        b'{\n    "predictions": ["\xff\\u0022\\u005c\\u0001"]\n}'
    )


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"y": np.array(1.0)}, "Tensor name: y has no shape information "),
        ({"y": np.zeros((0, 2), np.float32)}, "Tensor name: y has invalid batch size: 0"),
        ({"a": np.zeros(2), "b": np.zeros(3)}, "Tensor name: b has inconsistent batch size: 3 expecting: 2"),
        ({"y": np.zeros(1, np.float16)}, "Failed to write JSON value for tensor type: half"),
        ({"y": np.zeros(1, ml_dtypes.bfloat16)}, "Failed to write JSON value for tensor type: bfloat16"),
        ({"y": np.zeros(1, np.complex64)}, "Failed to write JSON value for tensor type: complex64"),
        ({}, "Cannot convert empty tensor map to JSON"),
    ],
)
def test_what_the_row_form_cannot_hold(outputs: dict[str, Array], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        encode_json.predict_response(outputs, True)


def test_classify_regress_and_error_bodies() -> None:
    assert json.loads(encode_json.classify_response([[(b"car", 0.5), (b"", 3.0)]])) == {
        "results": [[["car", 0.5], ["", 3.0]]]
    }
    assert encode_json.regress_response(np.array([1, np.inf], np.float32)) == (b'{\n    "results": [1.0,Infinity]\n}')
    assert json.loads(encode_json.error_response('a "quoted" \udcff text')) == {"error": 'a "quoted" ? text'}
