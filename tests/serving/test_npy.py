"""NumPy's files as bodies: what is written reads back, and nothing that a header claims is believed."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.serving import npy

Array = np.ndarray[Any, np.dtype[Any]]
LIMIT = 1 << 20


def saved(array: Array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=np.int64).reshape(2, 3)),
        np.arange(3, dtype=">f8"),
        np.array(7, np.uint8),
        np.zeros((0, 4), np.float16),
        np.array([True, False]),
        np.array([b"a", b"bcd"]),
        np.array(["a", "é"]),
        np.array([1 + 2j], np.complex64),
    ],
)
def test_what_numpy_saves(array: Array) -> None:
    found = npy.array_of(saved(array))
    np.testing.assert_array_equal(found, array)
    assert found.dtype.isnative
    assert found.flags.c_contiguous


def test_no_copy_on_the_way_in() -> None:
    assert not npy.array_of(saved(np.ones(4, np.float32))).flags.owndata


def test_several() -> None:
    outputs = {"a": np.ones((2, 2), np.float32), "b": np.array([b"x", b"yz"], object)}
    found = npy.decode(npy.encode(outputs), LIMIT)
    assert isinstance(found, dict)
    np.testing.assert_array_equal(found["a"], outputs["a"])
    assert npy.typed(found["b"], dtypes.string).tolist() == [b"x", b"yz"]
    with np.load(io.BytesIO(npy.encode(outputs))) as loaded:
        assert loaded["b"].tolist() == [b"x", b"yz"]


def test_bfloat16_travels_as_raw_items() -> None:
    array = np.array([1.5, 2], ml_dtypes.bfloat16)
    raw = npy.array_of(npy.bytes_of(array))
    np.testing.assert_array_equal(npy.typed(raw, dtypes.bfloat16), array)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x04\x00\x02\x00{}",
        saved(np.ones(3))[:-1],
        saved(np.ones(3)) + b"x",
        saved(np.ones(3)).replace(b"(3,)", b"(-3,)"),
        saved(np.ones(3)).replace(b"(3,), }", b"(9999,)}"),
        saved(np.ones(3)).replace(b"'<f8'", b"'|O8'"),
        saved(np.zeros((0, 3))).replace(b"(0, 3), }         ", b"(0, 1<<61)}       "),
        saved(np.zeros((0, 3))).replace(b"3), }                   ", b"2305843009213693952)}   "),
        b"PK\x03\x04 and no archive",
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidArgumentError):
        npy.decode(body, LIMIT)


def test_a_small_archive_cannot_become_big() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * (LIMIT * 4))
    with pytest.raises(InvalidArgumentError, match="at most 1024 arrays and 1048576 bytes"):
        npy.decode(file.getvalue(), LIMIT)
