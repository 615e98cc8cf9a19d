"""tf.Example and tf.SequenceExample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from noria.errors import InvalidArgumentError
from noria.formats.example import make_example, make_sequence_example, parse_example, parse_sequence_example


def test_round_trip() -> None:
    values: dict[str, npt.ArrayLike] = {
        "f": [0.5, 2],
        "i": [-1, 2**40],
        "b": [b"a\0", b""],
        "t": "é",
        "n": np.zeros((0,), np.float32),
        "o": 3,
    }
    found = parse_example(make_example(values))
    assert {name: list(value) for name, value in found.items()} == {
        "f": [0.5, 2.0],
        "i": [-1, 2**40],
        "b": [b"a\0", b""],
        "t": ["é".encode()],
        "n": [],
        "o": [3],
    }
    assert isinstance(found["f"], np.ndarray)
    assert found["f"].dtype == np.float32
    assert isinstance(found["i"], np.ndarray)
    assert found["i"].dtype == np.int64


def test_unpacked_numbers_and_the_last_of_two() -> None:
    one = b"\x0a\x09\x0a\x01x\x12\x04\x1a\x02\x08\x05"  # x: int64_list value 5, not packed
    two = b"\x0a\x0c\x0a\x01x\x12\x07\x12\x05\x0d\x00\x00\x80\x3f"  # x: float_list value 1.0, not packed
    assert list(parse_example(b"\x0a" + bytes([len(one)]) + one)["x"]) == [5]
    both = one + two
    assert list(parse_example(b"\x0a" + bytes([len(both)]) + both)["x"]) == [1.0]


def test_feature_without_a_value_is_absent() -> None:
    entry = b"\x0a\x05\x0a\x01x\x12\x00"
    assert parse_example(b"\x0a" + bytes([len(entry)]) + entry) == {}
    assert parse_example(b"") == {}


def test_sequences() -> None:
    data = make_sequence_example({"id": 7}, {"words": [[b"a"], [b"b", b"c"], []], "empty": []})
    context, lists = parse_sequence_example(data)
    assert list(context["id"]) == [7]
    assert [None if s is None else list(s) for s in lists["words"]] == [[b"a"], [b"b", b"c"], []]
    assert lists["empty"] == []


def test_refusals() -> None:
    with pytest.raises(InvalidArgumentError, match=r"3 bytes are not a tf\.Example"):
        parse_example(b"\x0a\x7fx")
    with pytest.raises(InvalidArgumentError, match=r"3 bytes are not a tf\.SequenceExample"):
        parse_sequence_example(b"\x0a\x7fx")
    with pytest.raises(InvalidArgumentError, match="feature 'x' of dtype complex128"):
        make_example({"x": 1j})
    with pytest.raises(InvalidArgumentError, match="'x' is of int64, which ends at 9223372036854775807; got 9223"):
        make_example({"x": 2**63})
    with pytest.raises(InvalidArgumentError, match="element 0 of a string tensor is int"):
        make_example({"x": [1, "a"]})  # type: ignore[dict-item]


def test_what_numpy_would_change() -> None:
    found = parse_example(make_example({"zeros": ["a\0", "b"], "big": 1e300, "most": 2**63 - 1}))
    assert found["zeros"] == [b"a\0", b"b"]
    assert list(found["big"]) == [np.inf]
    assert list(found["most"]) == [2**63 - 1]
