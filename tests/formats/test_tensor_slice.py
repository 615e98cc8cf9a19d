"""Slice texts and the ordered keys of slices."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noria.formats.tensor_slice import _signed, encode_key, from_proto, parse_spec, spec_text, to_proto


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        (0, "80"),
        (63, "bf"),
        (64, "c040"),
        (-1, "7f"),
        (-64, "40"),
        (-65, "3fbf"),
        (8191, "dfff"),
        (8192, "e02000"),
        (2**62 - 1, "ffbfffffffffffffff"),
        (2**63 - 1, "ffc07fffffffffffffff"),
        (-(2**63), "003f8000000000000000"),
    ],
)
def test_ordered_signed_numbers(value: int, encoded: str) -> None:
    assert _signed(value).hex() == encoded


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=2, max_size=2))
def test_signed_numbers_sort_as_their_bytes(pair: list[int]) -> None:
    a, b = pair
    assert (a < b) == (_signed(a) < _signed(b))


def test_keys() -> None:
    """The first is a key of a real V1 checkpoint."""
    assert encode_key(b"Variable", ()) == b"\0Variable\0\1\0"
    assert encode_key(b"a\0\xff", ((0, -1), (4, 300))) == b"\0a\0\xff\xff\0\0\1\1\2\x80\x7f\x84\xc1\x2c"


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=4))
def test_texts_and_protos_come_back(extents: list[tuple[int, int]]) -> None:
    shape = tuple(start + length for start, length in extents)
    assert parse_spec(spec_text(shape, tuple(extents))) == (shape, tuple(extents))
    assert from_proto(to_proto(tuple(extents))) == tuple(extents)


def test_short_texts() -> None:
    assert parse_spec("") is None
    assert parse_spec("3 4 ") == ((3, 4), ((0, 3), (0, 4)))
    assert parse_spec("3 4 -:1,2") == ((3, 4), ((0, 3), (1, 2)))
    assert from_proto(to_proto(((0, -1),))) == ((0, -1),)
