"""Answers of every form: the calls return or raise one of Noria's errors."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from noria.client import messages
from noria.client.exchange import Exchange, Reply, Talk
from noria.client.grpc_calls import GrpcCalls
from noria.client.rest_calls import RestCalls
from noria.client.retry import Retries, run
from noria.client.target import Target
from noria.errors import InternalError, TFError
from noria.protos import serving as pb

M = Target("m")
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just("DT_FLOAT")
_KEYS = st.sampled_from(
    (
        "outputs", "results", "models", "model_version_status", "version", "state", "status", "error_code", "y", "b64",
        "model_spec", "metadata", "signature_def", "inputs", "dtype", "tensor_shape", "dim", "size", "serving_default",
    )
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=12
)
_METADATA = {
    "model_spec": {"name": "m", "version": "1"},
    "metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": {}, "outputs": {}}}}},
}


class Answers:
    """Gives one body to every request, but to those that the paths in ``fixed`` end."""

    def __init__(self, body: bytes, **fixed: bytes) -> None:
        self.body = body
        self.fixed = fixed

    def send(self, exchange: Exchange, seconds: float) -> Reply:
        for end, body in self.fixed.items():
            if exchange.path.endswith(end):
                return Reply(body, "application/json")
        return Reply(self.body, "application/json")

    def pause(self, seconds: float) -> None:
        """Nothing is repeated."""

    def close(self) -> None:
        """Nothing is open."""


def ends(talk: Talk[Any], answers: Answers) -> None:
    try:
        run(talk, answers, Retries(0), 60)
    except TFError:
        return


def _everything(calls: Any) -> list[Talk[Any]]:
    return [
        calls.predict(M, {"x": [1.0]}, []),
        calls.classify(M, [{}], None),
        calls.regress(M, [{}], None),
        calls.metadata(M),
        calls.status(M),
        calls.models(),
    ]


@settings(deadline=None, max_examples=150)
@given(_VALUES, _VALUES)
def test_json(value: Any, signature: Any) -> None:
    body = json.dumps(value).encode()
    for talk in _everything(RestCalls()):
        ends(talk, Answers(body))
    outputs = {"y": {"dtype": "DT_FLOAT", "tensor_shape": {"dim": [{"size": "-1"}]}}}
    known = {"serving_default": {"inputs": {"x": {"dtype": "DT_FLOAT"}}, "outputs": outputs}}
    for signatures in (known, {"serving_default": signature}):
        document = {**_METADATA, "metadata": {"signature_def": {"signature_def": signatures}}}
        answers = Answers(json.dumps({"outputs": value}).encode(), metadata=json.dumps(document).encode(), models=b"{}")
        ends(RestCalls().predict(M, {"x": [1.0]}, []), answers)


@settings(deadline=None, max_examples=150)
@given(st.binary(max_size=60))
def test_bytes(body: bytes) -> None:
    for calls in (RestCalls(), GrpcCalls()):
        for talk in _everything(calls):
            ends(talk, Answers(body))
    for parse in (messages.predict_answer, messages.metadata_answer, messages.status_answer, messages.reload_answer):
        try:
            parse(body)
        except TFError:
            continue


def test_a_server_that_did_not_say_what_it_is_is_asked_again_later() -> None:
    asked: list[str] = []

    class Noting(Answers):
        def send(self, exchange: Exchange, seconds: float) -> Reply:
            asked.append(exchange.path)
            if exchange.path == "/v1/models":
                raise InternalError("out of order")
            return super().send(exchange, seconds)

    document = {**_METADATA, "metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": {}}}}}}
    answers, calls = Noting(b'{"outputs": {}}', metadata=json.dumps(document).encode()), RestCalls()
    for _ in range(3):
        assert run(calls.predict(M, {}, []), answers, Retries(0), 60) == {}
    assert asked == ["/v1/models", "/v1/models/m/metadata", *["/v1/models/m:predict"] * 3]


def test_a_tensor_that_is_none() -> None:
    response = pb.PredictResponse()
    response.outputs["y"].dtype = 99
    ends(GrpcCalls().predict(M, {}, []), Answers(response.SerializeToString()))
