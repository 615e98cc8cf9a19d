"""Classify and Regress bodies to serialised examples."""

from __future__ import annotations

from typing import Any

import pytest

from noria.errors import InvalidArgumentError
from noria.protos import serving as pb
from noria.protos import tensorflow as tf
from noria.serving.examples_json import decode_examples
from noria.serving.messages import examples_of


def features(body: str) -> list[dict[str, Any]]:
    """What each example holds: the values by feature name."""
    found = []
    for text in decode_examples(body.encode())[1]:
        items = tf.Example.FromString(text).features.feature.items()
        found.append({name: list(getattr(f, f.WhichOneof("kind") or "int64_list").value) for name, f in items})
    return found


def test_kinds_follow_the_literals() -> None:
    (found,) = features('{"examples": [{"f": 2.0, "i": [1, true], "s": ["a", {"b64": "aGk="}], "none": []}]}')
    assert found == {"f": [2.0], "i": [1, 1], "s": [b"a", b"hi"], "none": []}


def test_context_comes_first_and_the_example_wins() -> None:
    found = features('{"context": {"c": 1.0, "x": 5.0}, "examples": [{"x": 1.0}, {}]}')
    assert found == [{"c": [1.0], "x": [1.0]}, {"c": [1.0], "x": [5.0]}]


def test_a_context_may_not_take_gigabytes() -> None:
    context = tf.Example()
    context.features.feature["c"].bytes_list.value.append(b"x" * (1 << 20))
    request = pb.Input()
    request.example_list_with_context.context.CopyFrom(context)
    for _ in range(300):
        request.example_list_with_context.examples.add()
    message = r"a context of 10\d{5} bytes before each of 300 examples comes to .* at most 268435456"
    with pytest.raises(InvalidArgumentError, match=message):
        examples_of(request)
    body = f'{{"context": {{"c": "{"x" * (1 << 20)}"}}, "examples": [{", ".join(["{}"] * 300)}]}}'
    with pytest.raises(InvalidArgumentError, match=message):
        decode_examples(body.encode())


def test_signature_name() -> None:
    assert decode_examples(b'{"signature_name": "s", "examples": [{}]}')[0] == "s"
    assert decode_examples(b'{"examples": [{}]}')[0] == ""


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{}", "When method is classify, key 'examples' is expected and was not found"),
        ('{"examples": {"x": 1}}', "Expecting 'examples' value to be an list/array"),
        ('{"examples": []}', "'examples' value is an empty array"),
        ('{"examples": [[1]]}', "Example must be JSON object but got JSON Array"),
        ('{"context": 1, "examples": []}', "Example must be JSON object but got JSON Number"),
        ('{"examples": [{"x": null}]}', "Feature: x has element with unexpected JSON type: Null"),
        ('{"examples": [{"x": [[1]]}]}', "Feature: x has element with unexpected JSON type: Array"),
        ('{"examples": [{"x": {"y": 1}}]}', "Feature: x has element with unexpected JSON type: Object"),
        ('{"examples": [{"x": [10, 10.0]}]}', "Unexpected element type in feature: x expecting type: int64"),
        ('{"examples": [{"x": [1.0, "a"]}]}', "Unexpected element type in feature: x expecting type: float"),
        ('{"examples": [{"x": [9223372036854775808]}]}', "Only int64_t is supported"),
        ('{"signature_name": [1], "examples": 1}', "'signature_name' key must be a string value."),
    ],
)
def test_errors(body: str, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        decode_examples(body.encode())
    assert message in str(caught.value)
