"""The tolerant JSON reader: what it takes, and the exact texts of what it refuses."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noria.errors import InvalidArgumentError
from noria.serving import json_text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": [1, 2.5, "x", null, true, false]}', {"a": [1, 2.5, "x", None, True, False]}),
        (b' \r\n\t{"a": {}, "b": []} trailing { junk', {"a": {}, "b": []}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b'{"a": 1, "a": 2}', {"a": 1}),
        (b'{"a": {"x": 1, "x": 2}, "b": 3}', {"a": {"x": 1}, "b": 3}),
        (b'{"a": "x:y", "a": 2}', {"a": "x:y"}),
        (b'{"a": [Inf, -Inf, Infinity, -Infinity]}', {"a": [math.inf, -math.inf, math.inf, -math.inf]}),
        (b'{"a": [Infinity, -Infinity]}', {"a": [math.inf, -math.inf]}),
        (b'{"a": "\\ud83d\\ude00\\n\\/\\u00e9", "b": Inf}', {"a": "\U0001f600\n/é", "b": math.inf}),
        (b'{"a": "\xff"}', {"a": "\udcff"}),
        (b"[18446744073709551615, 18446744073709551616]", [18446744073709551615, 18446744073709551616.0]),
        (b"[-9223372036854775808, -9223372036854775809, Inf]", [-(2**63), float(-(2**63)), math.inf]),
        (b"[1e2, 1E-2, -0.5, 0, Inf]", [100.0, 0.01, -0.5, 0, math.inf]),
    ],
)
def test_reads(text: bytes, expected: Any) -> None:
    found = json_text.parse(text)
    assert found == expected
    assert repr(found) == repr(expected)  # 1 is not 1.0


def test_nan_is_a_number() -> None:
    (found,) = json_text.parse(b"[NaN]")
    assert math.isnan(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "The document is empty"),
        (b"  ", "The document is empty. at offset: 2"),
        (b"instances", "Invalid value. at offset: 0"),
        (b'{"a": [1, 2}', "Missing a comma or ] after an array element. at offset: 11"),
        (b'{"a": [1,]}', "Invalid value. at offset: 9"),
        (b'{"a": 1 "b": 2}', "Missing a comma or } after an object member. at offset: 8"),
        (b"{a: 1}", "Missing a name for object member. at offset: 1"),
        (b'{"a" 1}', "Missing a colon after a name of object member. at offset: 5"),
        (b"[01]", "Missing a comma or ] after an array element. at offset: 2"),
        (b"[+1]", "Invalid value. at offset: 1"),
        (b"[-]", "Invalid value. at offset: 1"),
        (b"[1.]", "Miss fraction part in number. at offset: 3"),
        (b"[1e+]", "Miss exponent in number. at offset: 4"),
        (b"[1e400]", "Number too big to be stored in double. at offset: 1"),
        (b"[" + b"9" * 400 + b"]", "Number too big to be stored in double. at offset: 1"),
        (b"[nan]", "Invalid value. at offset: 1"),
        (b'["a\nb"]', "Invalid encoding in string. at offset: 3"),
        (b'["ab', "Missing a closing quotation mark in string. at offset: 1"),
        (b'["\\x"]', "Invalid escape character in string. at offset: 2"),
        (b'["\\u12g4"]', "Incorrect hex digit after \\u escape in string. at offset: 2"),
        (b'["\\ud800"]', "The surrogate pair in string is invalid. at offset: 2"),
        (b"[1, NaN, 1e400]", "Number too big to be stored in double. at offset: 9"),
    ],
)
def test_refuses(text: bytes, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        json_text.parse(text)
    assert str(caught.value) == f"JSON Parse error: {message}"


def test_deep_nesting_is_an_ordinary_value() -> None:
    found = json_text.parse(b"[" * 200_000 + b"]" * 200_000)
    assert json_text.show(found).startswith("[[[[")
    with pytest.raises(InvalidArgumentError, match="Invalid value"):
        json_text.parse(b'{"a":[' * 100_000)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(_VALUES)
def test_what_json_writes_is_read_alike(value: Any) -> None:
    assert json_text.parse(json.dumps(value).encode()) == value
    assert json_text.parse(json.dumps(value, ensure_ascii=False).encode() + b" ]") == value


@given(st.binary(max_size=60) | st.text('{}[]",:\\u0d8NaIfinty19.eE+- ', max_size=40).map(str.encode))
def test_any_bytes_are_read_or_refused(text: bytes) -> None:
    try:
        json_text.show(json_text.parse(text))
    except InvalidArgumentError as error:
        assert str(error).startswith("JSON Parse error: ")  # noqa: PT017 - anything else is the failure looked for


def test_show_cuts_long_values() -> None:
    assert json_text.show({"a": [1, "x"], "b": math.nan}) == '{"a": [1, "x"], "b": NaN}'
    shown = json_text.show(["x" * 1000])
    assert len(shown) <= 260
    assert shown.endswith("...")
