"""Predict bodies to arrays: the fast paths and the exact one agree, and errors have TensorFlow Serving's words."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from noria import dtypes
from noria.dtypes import DType
from noria.errors import InvalidArgumentError, TFError, UnimplementedError
from noria.serving import json_text, npy, tensor_json
from noria.serving.tensor_json import decode_predict, parse_predict
from serving.fakes import specs

Array = np.ndarray[Any, np.dtype[Any]]


def decode(body: bytes | str, **inputs: DType) -> dict[str, Array]:
    found, _ = decode_predict(
        parse_predict(body.encode() if isinstance(body, str) else body), specs(**(inputs or {"x": dtypes.float32}))
    )
    return found


def same(got: Array, expected: Array) -> None:
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"instances": [1.0, 2]}', [1, 2]),
        ('{"instances": [{"x": [1.0, 2]}, {"x": [3, 4]}]}', [[1, 2], [3, 4]]),
        ('{"instances": [[]]}', [[]]),
        ('{"inputs": []}', []),
        ('{"inputs": 3}', 3),
        ('{"inputs": {"x": [[1], [2]], "other": "ignored"}}', [[1], [2]]),
        ('{"instances": [1e39, -1e39, 1e-50]}', [np.inf, -np.inf, 0]),
        ('{"instances": [Inf, -Infinity, 1]}', [np.inf, -np.inf, 1]),
        ('{"instances": [18446744073709551615, -1]}', [18446744073709551615, -1]),
    ],
)
def test_floats(body: str, expected: Any) -> None:
    same(decode(body)["x"], np.array(expected, np.float32))


@pytest.mark.parametrize(
    ("dtype", "body", "expected"),
    [
        (dtypes.uint8, "[300, -1]", [44, 255]),
        (dtypes.int16, "[32768, 70000]", [-32768, 4464]),
        (dtypes.int8, "[[1], [-129]]", [[1], [127]]),
        (dtypes.int64, "[9223372036854775807, -9223372036854775808]", [2**63 - 1, -(2**63)]),
        (dtypes.uint64, "[18446744073709551615, 0]", [2**64 - 1, 0]),
        (dtypes.uint32, "[4294967295]", [2**32 - 1]),
        (dtypes.bool_, "[true, false]", [True, False]),
        (dtypes.float64, "[0.1, 1.7976931348623157e308]", [0.1, 1.7976931348623157e308]),
    ],
)
def test_dtypes(dtype: DType, body: str, expected: Any) -> None:
    for text in (f'{{"instances": {body}}}', f'{{"inputs": {body}}}'):
        same(decode(text, x=dtype)["x"], np.array(expected, dtype.numpy))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"instances": ["a", {"b64": "aGk="}]}', [b"a", b"hi"]),
        ('{"instances": [["a"], [{"b64": "aGVsbG8"}]]}', [[b"a"], [b"hello"]]),
        ('{"instances": [{"x": "日本"}]}', ["日本".encode()]),
        ('{"inputs": {"b64": "aGk="}}', b"hi"),
        ('{"instances": ["a:b", "\\u0000"]}', [b"a:b", b"\0"]),
    ],
)
def test_strings(body: str, expected: Any) -> None:
    same(decode(body, x=dtypes.string)["x"], np.array(expected, object))


def test_bytes_that_are_no_utf8_reach_the_tensor() -> None:
    same(decode(b'{"instances": ["a\xff"]}', x=dtypes.string)["x"], np.array([b"a\xff"], object))


def test_several_inputs() -> None:
    found = decode(
        '{"instances": [{"a": 1, "b": [2], "s": "q"}, {"a": 1.5, "b": [3], "s": {"b64": "aGk="}}]}',
        a=dtypes.float32, b=dtypes.int32, s=dtypes.string,
    )  # fmt: skip
    same(found["a"], np.array([1, 1.5], np.float32))
    same(found["b"], np.array([[2], [3]], np.int32))
    same(found["s"], np.array([b"q", b"hi"], object))


_PLACE = "Failed to process element: {} of 'instances' list. Error: INVALID_ARGUMENT: "


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "Missing 'inputs' or 'instances' key"),
        ('{"inputs": [1], "instances": [1]}', "Not formatted correctly expecting only one of"),
        ('{"instances": 1.0}', "JSON Value: {\"instances\": 1.0} Expecting 'instances' to be an list/array"),
        ('{"instances": []}', "No values in 'instances' array"),
        ('{"instances": [[1,2],[3,4],[5,6,7]]}', _PLACE.format(2) + "Expecting tensor size: 2 but got: 3"),
        ('{"instances": [[1,2],[3,4],[[5,6]]]}', _PLACE.format(2) + "Expecting shape [2] but got: [1,2]"),
        ('{"instances": [1, [1]]}', _PLACE.format(1) + "Expecting shape [] but got: [1]"),
        ('{"instances": [[1,[2]],[3,4]]}', _PLACE.format(0) + "Encountered list at unexpected level: 1 expected < 1"),
        ('{"inputs": [[1], 2]}', "JSON Value: 2 found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        ('{"inputs": [[1], [2, 3]]}', "Encountered list at unexpected size: 2 at level: 1 expected size: 1"),
        ('{"instances": ["1.0"]}', '"1.0" Type: String is not of expected type: float'),
        ('{"instances": [1, true]}', _PLACE.format(1) + "JSON Value: true Type: True is not of expected type: float"),
        ('{"instances": [null]}', "Type: Null is not of expected type: float"),
        ('{"instances": [{"b64": "aGk="}]}', "Type: Object is not of expected type: float"),
        ('{"instances": [{"z": 1.0}]}', "JSON object: does not have named input: z"),
        ('{"instances": [{}]}', "JSON object: {} keys must be equal to: x"),
        ('{"instances": [{"x": 1.0}, {}]}', "Failed to process element: 1 of 'instances' list. JSON object:"),
        ('{"instances": [{"x": 1.0}, 2.0]}', "Expecting object but got list at item 1 of input list"),
        ('{"instances": [1.0, {"x": 2.0}]}', "Expecting value/list but got object at item 1 of input list"),
        ('{"instances": [{"x": "a"}]}', "Failed to process element: 0 key: x of 'instances' list"),
        ('{"inputs": {"X": [1.0]}}', "Missing named input: x in 'inputs' object."),
        ('{"instances": ' + "[" * 70 + "1" + "]" * 70 + "}", "64 dimensions at most"),
        ("[1]", "Is not object"),
        ('{"signature_name": 1}', "'signature_name' key must be a string value."),
    ],
)
def test_errors(body: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        decode(body)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["1.0", "1e2", "2147483648", "NaN", "true", '"1"', "null"])
def test_what_is_no_int32(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not of expected type: int32"):
        decode(f'{{"instances": [{text}]}}', x=dtypes.int32)


@pytest.mark.parametrize("dtype", [dtypes.float16, dtypes.bfloat16, dtypes.uint16, dtypes.complex64])
def test_dtypes_that_json_does_not_carry(dtype: DType) -> None:
    with pytest.raises(UnimplementedError, match=r"Conversion of JSON Value: 1\.0 to type: "):
        decode('{"inputs": [1.0]}', x=dtype)
    with pytest.raises(InvalidArgumentError, match="Error: UNIMPLEMENTED: Conversion of JSON Value"):
        decode('{"instances": [1.0]}', x=dtype)


@pytest.mark.parametrize("dtype", dtypes.ALL, ids=lambda dtype: dtype.name)
def test_an_empty_list_has_no_value_that_json_could_not_carry(dtype: DType) -> None:
    same(decode('{"inputs": [[], []]}', x=dtype)["x"], np.empty((2, 0), dtype.numpy))
    same(decode('{"instances": [[]]}', x=dtype)["x"], np.empty((1, 0), dtype.numpy))


@pytest.mark.parametrize("text", ["!!", "a", "YWJjZ", "YQ=", "YQ===", "YWJj=", "YQ=x", "YWJ-", "é", "="])
def test_bad_base64(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="Unable to base64 decode"):
        decode(json.dumps({"inputs": {"b64": text}}), x=dtypes.string)


@pytest.mark.parametrize("text", ["YWJjZA==", "YWJjZA", "YWJjZA..", "YWJj\nZA==\n", " YW Jj\r\n\tZA = =", "YWJj\vZA\f"])
def test_base64_may_have_white_space_and_padding(text: str) -> None:
    same(decode(json.dumps({"inputs": {"b64": text}}), x=dtypes.string)["x"], np.array(b"abcd", object))


def test_base64_rows_are_no_rows_of_several_inputs() -> None:
    for a, message in ((dtypes.string, "instances is a plain list"), (dtypes.float32, "not of expected type: float")):
        with pytest.raises(InvalidArgumentError, match=message):
            decode('{"instances": [{"b64": "aGk="}]}', a=a, b=dtypes.string)


@pytest.mark.parametrize("padding", [0, 20_000])
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.string, dtypes.bool_], ids=lambda dtype: dtype.name)
def test_lists_deeper_than_a_tensor_has_dimensions(dtype: DType, padding: int) -> None:
    leaf = {"float32": "1", "string": '"a"', "bool": "true"}[dtype.name]

    def nested(depth: int) -> str:
        return "[" * depth + leaf + "]" * depth

    forms = (
        ('{{"inputs": {}}}', 64), ('{{"inputs": {{"x": {}}}}}', 64), ('{{"instances": {}}}', 64),
        ('{{"instances": [{{"x": {}}}]}}', 63),
    )  # fmt: skip
    for form, most in forms:
        assert decode(form.format(nested(most)).rjust(padding), x=dtype)["x"].shape == (1,) * 64
        for depth in (most + 1, most + 2):
            message = f"64 dimensions at most; the JSON list has {64 + depth - most}"
            with pytest.raises(InvalidArgumentError, match=message):
                decode(form.format(nested(depth)).rjust(padding), x=dtype)


def test_strings_of_a_regular_shape_need_no_close_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(tensor_json, "_Filler")
    for shape in ((3,), (3, 1), (2, 3, 2), (1, 1, 1, 1)):
        values = np.arange(np.prod(shape)).reshape(shape).astype(str)
        expected = npy.typed(values, dtypes.string)
        same(decode(json.dumps({"inputs": values.tolist()}), x=dtypes.string)["x"], expected)
        same(decode(json.dumps({"instances": values.tolist()}), x=dtypes.string)["x"], expected)


# ---- big bodies


@pytest.mark.parametrize(
    ("body", "parsed", "decoded"),
    [
        ('{"instances": [1.0, 2.0]}', True, True),
        ('{"instances": [1.0, [2.0]', False, False),
        ('{"instances": [1.0, 1e400]}', True, False),
        ('{"instances": [[1.0], [2.0, 3.0]]}', True, False),
        ('{"instances": [{"x": 1.0}, {"x": 2.0}]}', False, False),
        ('{"instances": ["a"]}', True, False),
    ],
)
def test_only_what_takes_no_time_is_read_quickly(body: str, parsed: bool, decoded: bool) -> None:
    found = tensor_json.parse_quickly(body.encode().rjust(20_000))
    assert (found is not None) is parsed
    if found is not None:
        assert (tensor_json.decode_quickly(found, specs(x=dtypes.float32)) is not None) is decoded


def test_small_bodies_are_read_at_once() -> None:
    for body in ('{"instances": [{"x": 1.0}, {"x": 2.0}]}', '{"instances": [1.0, 2e0]}', '{"inputs": [1, 2.0]}'):
        parsed = tensor_json.parse_quickly(body.encode())
        assert parsed is not None
        found = tensor_json.decode_quickly(parsed, specs(x=dtypes.float32))
        assert found is not None
        same(found[0]["x"], np.array([1, 2], np.float32))
    with pytest.raises(InvalidArgumentError, match="JSON Parse error"):
        tensor_json.parse_quickly(b'{"instances": [1.0')


def _bodies(values: Any) -> list[tuple[str, bool]]:
    """Envelopes around a nested list, and whether the first axis is that of the list."""
    text = json.dumps(values)
    return [
        (f'{{"instances": {text}}}', True),
        (f'{{"signature_name": "serving_default", "instances":{text} }}\n', True),
        (f'{{"inputs": {text}, "signature_name": "s"}}', True),
        (f'{{"inputs": {{"x": {text}}}}}', True),
        (f'{{"instances": [{{"x": {text}}}]}}', False),
    ]


@pytest.mark.parametrize("shape", [(4000,), (1, 3000), (20, 20, 20), (2000, 1, 2)])
@pytest.mark.parametrize("dtype", [dtypes.float32, dtypes.int32, dtypes.uint8, dtypes.int64, dtypes.uint64])
def test_big_bodies_are_read_without_python_objects(shape: tuple[int, ...], dtype: DType) -> None:
    values = np.random.default_rng(0).integers(0, 200, shape).astype(dtype.numpy)
    for body, whole in _bodies(values.tolist()):
        parsed = parse_predict(body.encode().rjust(20_000))
        assert not isinstance(parsed.document, dict), body[:60]
        found, row = decode_predict(parsed, specs(x=dtype))
        assert row == ("instances" in body)
        same(found["x"], values if whole else values[None])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([[1, 2]] * 3000 + [[3], [4, 5, 6]], "element: 3000"),
        ([[1]] * 5000 + [[]], "element: 5000"),
        ([[1, 2]] * 3000 + [[1, [2]]], "element: 3000"),
        ([1.0] * 6000 + [True], "element: 6000"),
        ([1.0] * 6000 + ["1"], "element: 6000"),
    ],
)
def test_big_bodies_with_a_fault_are_refused_by_the_exact_reader(values: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        decode(json.dumps({"instances": values}))


@pytest.mark.parametrize("digits", [21, 23, 300])
def test_a_big_body_with_an_integer_of_more_than_64_bits(digits: int) -> None:
    number = "9" * digits
    body = '{"instances": [' + "1," * 8000 + number + "]}"
    same(decode(body, x=dtypes.float64)["x"][-2:], np.array([1, float(number)]))
    with pytest.raises(InvalidArgumentError, match=r"element: 8000 of .* is not of expected type: int64"):
        decode(body, x=dtypes.int64)


def test_a_big_body_with_an_integer_out_of_range() -> None:
    with pytest.raises(InvalidArgumentError, match="2147483648 Type: Number is not of expected type: int32"):
        decode(json.dumps({"instances": [1] * 8000 + [2**31]}), x=dtypes.int32)


_LEAF = st.one_of(
    st.integers(-300, 300), st.floats(width=32), st.booleans(), st.none(), st.text(max_size=2),
    st.just({"b64": "aGk="}),
)  # fmt: skip
_NESTED = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=3), max_leaves=12)
_DTYPES = st.sampled_from([dtypes.float32, dtypes.int32, dtypes.uint8, dtypes.bool_, dtypes.string, dtypes.float16])


@given(st.lists(_NESTED | st.fixed_dictionaries({"x": _NESTED}), min_size=1, max_size=4), _DTYPES)
def test_fast_and_exact_readers_agree(instances: list[Any], dtype: DType) -> None:
    body = json.dumps({"instances": instances}).encode()
    inputs = specs(x=dtype)

    def outcome(function: Any, *args: Any) -> Any:
        try:
            return function(*args)
        except TFError as error:
            return type(error), str(error)

    document = json_text.parse(body)
    exact = outcome(tensor_json._exact_rows, document["instances"], inputs)
    quick = outcome(tensor_json._decode_rows, document["instances"], inputs, body)
    padded = outcome(lambda: decode_predict(parse_predict(body.rjust(20_000)), inputs)[0])
    for other in (quick, padded):
        if isinstance(exact, dict):
            same(other["x"], exact["x"])
        else:
            assert other == exact
