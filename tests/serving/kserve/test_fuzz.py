"""Whatever comes in is answered or refused in one of the errors of this package: no other exception, no crash."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from noria.errors import InvalidArgumentError, NotFoundError, TFError
from noria.protos import kserve as pb
from noria.serving.kserve import bodies, datatypes, messages, rest

_SETTINGS = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))

_leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5), st.just({}), st.just([])
)
_data = st.recursive(_leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=12)
_names = st.one_of(st.sampled_from(["x", "y", "\udc80", ""]), _leaves)
_parameters = st.one_of(
    _leaves,
    st.dictionaries(
        st.sampled_from(
            ["binary_data_size", "binary_data", "binary_data_output", "signature_name", "timeout", "other"]
        ),
        st.one_of(st.integers(-2, 30), _leaves),
        max_size=3,
    ),
)
_tensor = st.fixed_dictionaries(
    {},
    optional={
        "name": _names,
        "shape": st.one_of(st.lists(st.integers(-1, 5), max_size=3), _leaves, st.just([2**62, 0, 2**62])),
        "datatype": st.one_of(st.sampled_from(list(datatypes.BY_NAME)), _leaves),
        "data": _data,
        "parameters": _parameters,
    },
)
_document = st.fixed_dictionaries(
    {},
    optional={
        "id": _names,
        "inputs": st.one_of(st.lists(st.one_of(_tensor, _leaves), max_size=3), _leaves),
        "outputs": st.one_of(st.lists(st.one_of(_tensor, _leaves), max_size=3), _leaves),
        "parameters": _parameters,
        "filler": st.sampled_from(["", "x" * 20_000]),  # the second goes through the reader of big bodies
    },
)


def _read(body: bytes, length: int | None) -> None:
    with contextlib.suppress(InvalidArgumentError):
        request, wanted = bodies.read(body, length)
        bodies.write("m", 1, request, wanted, request.inputs)


@_SETTINGS
@given(_document, st.binary(max_size=40), st.one_of(st.none(), st.integers(-3, 3)))
def test_documents(document: Any, tail: bytes, off: int | None) -> None:
    body = json.dumps(document).encode("utf-8", "replace")
    _read(body if off is None else body + tail, None if off is None else len(body) + off)


@_SETTINGS
@given(st.binary(max_size=200), st.one_of(st.none(), st.integers(-1, 201)))
@example(b"[" * 100_000, None)
@example(b'{"inputs":' + b"[" * 100_000, None)
@example(b'{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":' + b"[" * 30_000 + b"]" * 30_000 + b"}]}", None)
def test_bytes(body: bytes, length: int | None) -> None:
    _read(body, length)


@_SETTINGS
@given(st.binary(max_size=60))
def test_urls(tail: bytes) -> None:
    for head in (b"/v2", b"/v2/", b"/v2/models/", b"/v2/models/m/versions/", b"/v2/health/", b"/v2/repository/"):
        with contextlib.suppress(NotFoundError):
            rest.parse(head + tail)


def _read_message(content: bytes) -> None:
    with contextlib.suppress(DecodeError, TFError):
        message, raw = messages.read_apart(content)
        request = messages.request_of(message, raw)
        answer, parts = messages.response("m", 1, request, request.inputs, raw=bool(raw))
        pb.ModelInferResponse.FromString(messages.serialized(answer, parts))


@_SETTINGS
@given(st.binary(max_size=200), st.booleans())
def test_proto_bytes(content: bytes, big: bool) -> None:
    _read_message(content + pb.ModelInferRequest(id="x" * 40_000).SerializeToString() if big else content)


@_SETTINGS
@given(
    st.sampled_from(list(datatypes.BY_NAME)), st.lists(st.integers(-1, 4), max_size=3),
    st.lists(st.binary(max_size=40), max_size=2), st.lists(st.integers(-300, 300), max_size=4),
)  # fmt: skip
def test_messages(datatype: str, shape: list[int], raw: list[bytes], numbers: list[int]) -> None:
    message = pb.ModelInferRequest(raw_input_contents=raw)
    tensor = message.inputs.add(name="x", datatype=datatype, shape=shape)
    tensor.contents.int_contents.extend(numbers)
    _read_message(message.SerializeToString())
