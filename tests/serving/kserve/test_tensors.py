"""Tensor data: raw bytes, JSON, protobuf contents."""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np
import orjson
import pytest

from noria.errors import InvalidArgumentError
from noria.protos import kserve as pb
from noria.serving.kserve import datatypes, tensors
from serving.kserve.models import NUMPY, VALUES, array, same


def _fails(function: Any, *arguments: Any) -> str:
    with pytest.raises(InvalidArgumentError) as caught:
        function(*arguments)
    return caught.value.message


@pytest.mark.parametrize("datatype", VALUES)
def test_raw_data_there_and_back(datatype: str) -> None:
    for shape in ((4,), (2, 2)):
        value = array(datatype, shape)
        assert same(tensors.from_raw("x", tensors.to_raw(value), datatypes.find(datatype), shape), value)


def test_raw_data_is_little_endian_and_row_major() -> None:
    assert bytes(tensors.to_raw(np.array([[1, 2], [3, 4]], np.uint16).T)) == b"\1\0\3\0\2\0\4\0"
    assert bytes(tensors.to_raw(np.array([b"hello", b"hi"], object))) == b"\5\0\0\0hello\2\0\0\0hi"
    assert bytes(tensors.to_raw(np.array(["ü"]))) == b"\2\0\0\0\xc3\xbc"


def test_raw_data_is_not_copied() -> None:
    value = np.arange(10_000, dtype=np.float32)
    data = b"\0\0\0\0" + value.tobytes()
    found = tensors.from_raw("x", memoryview(data)[4:], datatypes.find("FP32"), (100, 100))
    whole = np.frombuffer(data, np.uint8)
    assert np.shares_memory(found, whole)
    assert not found.flags.writeable
    shifted = tensors.from_raw("x", memoryview(b"\0" + value.tobytes())[1:], datatypes.find("FP32"), (10_000,))
    assert shifted.flags.aligned  # kernels may count on it, so here there is a copy
    assert np.array_equal(shifted, value)
    assert np.shares_memory(np.frombuffer(tensors.to_raw(value), np.uint8), value)


def test_wrong_raw_data() -> None:
    fp32, strings = datatypes.find("FP32"), datatypes.find("BYTES")
    assert _fails(tensors.from_raw, "x", b"1234567", fp32, (2,)) == (
        "tensor 'x': got 7 bytes of data; shape [2] of FP32 takes 8"
    )
    assert "a byte of 0 or 1" in _fails(tensors.from_raw, "x", b"\0\2", datatypes.find("BOOL"), (2,))
    assert "8 bytes of data; 3 elements of BYTES take 4 each" in _fails(tensors.from_raw, "x", b"\0" * 8, strings, (3,))
    for data, shape, index in (
        (b"\5\0\0\0hell" + b"\0" * 8, (1,), None),
        (b"\1\0\0\0a\x09\0\0\0b", (2,), 1),
        (b"\1\0\0\0a\1\0\0", (2,), 1),
        (struct.pack("<I", 2**32 - 1) + b"abc", (1,), 0),
    ):
        text = _fails(tensors.from_raw, "x", data, strings, shape)
        assert ("bytes of data are left" if index is None else f"the data ends within element {index}") in text
    assert "9 bytes" not in _fails(tensors.from_raw, "x", b"", fp32, (2**62, 2**62))
    assert tensors.from_raw("x", b"", fp32, (0, 3)).shape == (0, 3)
    _fails(tensors.from_raw, "x", b"", fp32, (0, 2**62, 2**62))


def test_shapes() -> None:
    assert tensors.check_shape("x", [2, 0]) == (2, 0)
    assert tensors.check_shape("x", []) == ()
    wrongs: list[Any] = [None, 3, "3", [1.0], [-1], [True], ["1"], [2**63], {}]
    for wrong in wrongs:
        assert _fails(tensors.check_shape, "x", wrong).startswith(
            "tensor 'x': 'shape' is a list of sizes, 0 or more; got"
        )
    assert "65 dimensions; at most 64" in _fails(tensors.check_shape, "x", [1] * 65)


@pytest.mark.parametrize("datatype", VALUES)
def test_json_data_there_and_back(datatype: str) -> None:
    value = array(datatype, (2, 2))
    data = VALUES[datatype]
    dtype = datatypes.find(datatype)
    for given in (data, [data[:2], data[2:]], [[data]], [data[:1], data[1:]]):
        assert same(tensors.from_json("x", given, dtype, (2, 2)), value)
    text = orjson.dumps(tensors.to_json("x", value), option=orjson.OPT_SERIALIZE_NUMPY)
    assert same(tensors.from_json("x", orjson.loads(text), dtype, (2, 2)), value)


def test_json_scalars_and_nothing() -> None:
    fp32 = datatypes.find("FP32")
    assert tensors.from_json("x", 5, fp32, ()).tolist() == 5.0
    assert tensors.from_json("x", [5], fp32, ()).tolist() == 5.0
    assert tensors.from_json("x", [], fp32, (0, 2)).shape == (0, 2)
    assert tensors.from_json("x", [[], []], fp32, (2, 0)).shape == (2, 0)
    assert tensors.from_json("x", [], datatypes.find("BYTES"), (0,)).dtype == object
    assert tensors.to_json("x", np.array(2.5, np.float32)).tolist() == [2.5]


def test_json_numbers_that_are_not_finite() -> None:
    value = np.array([1.5, math.nan, math.inf, -math.inf], np.float32)
    text = orjson.dumps(tensors.to_json("x", value), option=orjson.OPT_SERIALIZE_NUMPY)
    assert text == b"[1.5,NaN,Infinity,-Infinity]"
    assert math.isinf(tensors.from_json("x", [1e39], datatypes.find("FP32"), (1,))[0])


@pytest.mark.parametrize(
    ("datatype", "data", "text"),
    [
        ("FP32", [True], "data of FP32 is numbers; got [true]"),
        ("FP32", [1.5, True], "data of FP32 is numbers"),
        ("FP32", [[1.5], [False]], "data of FP32 is numbers"),
        ("FP32", ["1"], "data of FP32 is numbers"),
        ("FP32", [None], "data of FP32 is numbers"),
        ("FP32", {"a": 1}, "data of FP32 is numbers"),
        ("FP32", None, "data of FP32 is numbers; got null"),
        ("INT32", [1.0], "data of INT32 is whole numbers"),
        ("INT32", [2**31], "INT32 holds -2147483648 to 2147483647; the data has values from 2147483648 to 2147483648"),
        ("INT8", [-129, 1], "INT8 holds -128 to 127"),
        ("UINT8", [-1], "UINT8 holds 0 to 255"),
        ("INT64", [2**63], "INT64 holds"),
        ("UINT64", [-1, 2**64 - 1], "data of UINT64 is whole numbers"),
        ("BOOL", [0], "data of BOOL is true and false; got [0]"),
        ("BYTES", [1], "data of BYTES is strings; got 1. Send bytes that are no text as binary data"),
        ("FP32", [1, 2], "got 2 elements; shape [1] takes 1"),
        ("BYTES", ["a", ["b"]], "got 2 elements; shape [1] takes 1"),
    ],
)
def test_wrong_json_data(datatype: str, data: Any, text: str) -> None:
    assert text in _fails(tensors.from_json, "x", data, datatypes.find(datatype), (1,))


def test_bytes_that_json_cannot_hold() -> None:
    assert 'binary data (parameter "binary_data": true)' in _fails(tensors.to_json, "y", np.array([b"\xff"], object))


@pytest.mark.parametrize("datatype", VALUES)
def test_contents(datatype: str) -> None:
    value, dtype = array(datatype), datatypes.find(datatype)
    contents = pb.InferTensorContents()
    if datatype in ("FP16", "BF16"):
        assert not tensors.has_contents(value)
        assert "send it in raw_input_contents" in _fails(tensors.from_contents, "x", contents, dtype, (2, 2))
        return
    tensors.fill_contents(contents, value)
    assert same(tensors.from_contents("x", contents, dtype, (2, 2)), value)
    assert "got 4 elements in" in _fails(tensors.from_contents, "x", contents, dtype, (3,))
    other = (
        pb.InferTensorContents(fp32_contents=[1]) if datatype != "FP32" else pb.InferTensorContents(int_contents=[1])
    )
    assert f"tensor 'x': {datatype} goes into" in _fails(tensors.from_contents, "x", other, dtype, (1,))


def test_contents_out_of_range() -> None:
    contents = pb.InferTensorContents(int_contents=[200])
    assert "INT8 holds -128 to 127" in _fails(tensors.from_contents, "x", contents, datatypes.find("INT8"), (1,))


def test_every_datatype_has_its_numpy_dtype() -> None:
    assert {name: dtype.numpy for name, dtype in datatypes.BY_NAME.items()} == {
        k: np.dtype(v) for k, v in NUMPY.items()
    }
