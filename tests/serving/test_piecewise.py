"""Big requests of examples, read in pieces, are what protobuf reads in one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from noria.protos import serving as pb
from noria.serving import piecewise

_KINDS = [pb.ClassificationRequest, pb.RegressionRequest, pb.MultiInferenceRequest]


def _examples(examples: Any, count: int, width: int) -> None:
    for number in range(count):
        features = examples.add().features.feature
        features["x"].bytes_list.value.append(b"%d" % number * width)
        features["y"].float_list.value.append(number)


def _request(kind: Any, count: int, width: int = 1, *, context: bool = False) -> Any:
    request = kind()
    if kind is pb.MultiInferenceRequest:
        request.tasks.add(method_name="a").model_spec.name = "m"
        request.tasks.add(method_name="b").model_spec.version.value = 7
    else:
        request.model_spec.name = "m"
        request.model_spec.version.value = 2**62
    if context:
        _examples(request.input.example_list_with_context.examples, count, width)
        request.input.example_list_with_context.context.features.feature["c"].int64_list.value.append(-1)
    else:
        request.input.example_list.SetInParent()
        _examples(request.input.example_list.examples, count, width)
    return request


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize(("count", "width"), [(0, 1), (1, 1), (3000, 1), (7, 9000), (1, 100_000)])
@pytest.mark.parametrize("context", [False, True])
def test_the_same_message(kind: Any, count: int, width: int, context: bool) -> None:
    request = _request(kind, count, width, context=context)
    found = piecewise.parse(kind, request.SerializeToString())
    assert found == request
    assert found.input.WhichOneof("kind") == request.input.WhichOneof("kind")


def test_what_follows_is_merged_and_of_two_kinds_the_last_one_counts() -> None:
    one, two = _request(pb.ClassificationRequest, 10), _request(pb.ClassificationRequest, 20)
    other = _request(pb.ClassificationRequest, 5, context=True)
    unknown = b"\xa5\x06\x01\x02\x03\x04" + b"\xa8\x06\x96\x01" + b"\xa1\x06" + b"8 bytes."
    for parts in ([one, two], [one, other], [other, one, two], [pb.ClassificationRequest()]):
        content = unknown + b"".join(part.SerializeToString() for part in parts) + unknown
        assert piecewise.parse(pb.ClassificationRequest, content) == pb.ClassificationRequest.FromString(content)


def test_errors_are_those_of_the_message_as_a_whole() -> None:
    whole = _request(pb.RegressionRequest, 100).SerializeToString()
    for content in (
        whole[:-1],
        whole + b"\x12",
        whole + b"\x13",
        b"\x12\x05\x0a\x03\xff\xff\xff",
        b"\xff" * 30,
        b"\x10\x01",
    ):
        found = [_outcome(parse, content) for parse in (pb.RegressionRequest.FromString, _parse)]
        assert found[0] == found[1]


def _parse(content: bytes) -> Any:
    return piecewise.parse(pb.RegressionRequest, content)


def _outcome(parse: Callable[[bytes], Any], content: bytes) -> Any:
    try:
        return parse(content)
    except DecodeError as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 400))
def test_any_bytes(junk: bytes, start: int, end: int) -> None:
    whole = _request(pb.ClassificationRequest, 8, context=bool(start % 2)).SerializeToString()
    content = whole[:start] + junk + whole[end:]
    try:
        expected = pb.ClassificationRequest.FromString(content)
    except DecodeError:
        with pytest.raises(DecodeError):
            piecewise.parse(pb.ClassificationRequest, content)
    else:
        found = piecewise.parse(pb.ClassificationRequest, content)
        assert found.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)
