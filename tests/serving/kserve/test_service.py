"""The protocol's gRPC form, message by message: what Triton's clients never send."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from noria.protos import kserve as pb
from noria.serving.kserve import messages
from noria.serving.kserve.infer import Request
from noria.serving.kserve.service import SERVICE
from noria.serving.kserve.tensors import fill_contents
from noria.serving.server import Server
from serving.fakes import call_grpc
from serving.kserve.models import VALUES, array
from serving.kserve.models import server as make_server


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with make_server() as started:
        yield started


def call(server: Server, rpc: str, request: Any) -> Any:
    """The answer, or the code's name and the text of the error."""
    content = request if isinstance(request, bytes) else request.SerializeToString()
    code, text, answer = call_grpc(server.grpc_port, f"/{SERVICE}/{rpc}", content)
    return getattr(pb, f"{rpc}Response").FromString(answer) if code == "OK" else (code, text)


def request(model: str = "half_plus_two", **fields: Any) -> pb.ModelInferRequest:
    found = pb.ModelInferRequest(model_name=model, **fields)
    x = found.inputs.add(name="x", datatype="FP32", shape=[2])
    x.contents.fp32_contents.extend([1, 2])
    return found


def test_contents_in_and_contents_out(server: Server) -> None:
    found = call(server, "ModelInfer", request(id="7"))
    assert found.id == "7"
    assert list(found.outputs[0].contents.fp32_contents) == [2.5, 3]
    assert not found.raw_output_contents


@pytest.mark.parametrize("datatype", VALUES)
def test_every_datatype_in_contents(server: Server, datatype: str) -> None:
    value = array(datatype)
    message = pb.ModelInferRequest(model_name="all")
    message.parameters["signature_name"].string_param = datatype
    x = message.inputs.add(name="x", datatype=datatype, shape=value.shape)
    if datatype in ("FP16", "BF16"):  # which have no contents: raw in, raw out
        message.raw_input_contents.append(value.tobytes())
        found = call(server, "ModelInfer", message)
        assert list(found.raw_output_contents) == [value.tobytes()]
        return
    fill_contents(x.contents, value)
    found = call(server, "ModelInfer", message)
    assert found.outputs[0].contents == x.contents
    assert (found.outputs[0].datatype, list(found.outputs[0].shape)) == (datatype, [2, 2])


def test_both_forms_of_data(server: Server) -> None:
    message = request()
    message.raw_input_contents.append(b"\0" * 8)
    assert call(server, "ModelInfer", message) == (
        "INVALID_ARGUMENT", "input 'x' has both contents and raw_input_contents; send one of them",
    )  # fmt: skip
    message = request()
    message.raw_input_contents.extend([b"\0" * 8] * 3)
    _, text = call(server, "ModelInfer", message)
    assert text.startswith("raw_input_contents has 3 tensors; the request has 1 inputs")


def test_wrong_messages(server: Server) -> None:
    code, text = call(server, "ModelInfer", b"\xff\xff")
    assert code == "INTERNAL"
    assert text.startswith("the request is no message of ModelInfer")
    assert call(server, "ModelReady", b"\xff\xff")[0] == "INTERNAL"
    assert call(server, "ModelInfer", request("")) == ("INVALID_ARGUMENT", "ModelSpec has no name specified.")
    message = request()
    message.inputs[0].shape[0] = -1
    assert "'shape' is a list of sizes, 0 or more; got [-1]" in call(server, "ModelInfer", message)[1]
    message = request()
    message.parameters["signature_name"].int64_param = 3
    assert call(server, "ModelInfer", message)[1] == "parameter 'signature_name' is a string; got 3"
    message = request()
    message.parameters["signature_name"].SetInParent()
    assert call(server, "ModelInfer", message)[1] == "parameter 'signature_name' is a string; got None"
    long = call(server, "ModelInfer", request("x" * 5000))
    assert long[1].endswith("...TRUNCATED")
    assert len(long[1]) < 1100


def test_lookups(server: Server) -> None:
    assert call(server, "ServerLive", pb.ServerLiveRequest()).live
    assert call(server, "ServerReady", pb.ServerReadyRequest()).ready
    assert not call(server, "ModelReady", pb.ModelReadyRequest(name="absent")).ready
    assert [m.name for m in call(server, "RepositoryIndex", pb.RepositoryIndexRequest(ready=True)).models] == [
        "all", "all", "half_plus_two", "iris", "text",
    ]  # fmt: skip
    config = call(server, "ModelConfig", pb.ModelConfigRequest(name="iris")).config
    assert config.input[0].data_type == pb.DataType.Value("TYPE_FP32")


def test_big_messages_are_taken_apart_without_copies() -> None:
    tensor = np.arange(20_000, dtype=np.float32)
    message = request(id="big")
    message.raw_input_contents.extend([tensor.tobytes(), b"", b"\1\2"])
    message.parameters["a"].bool_param = True
    content = message.SerializeToString()
    rest, raw = messages.read_apart(content)
    assert [bytes(part) for part in raw] == list(message.raw_input_contents)
    assert np.shares_memory(np.frombuffer(raw[0], np.uint8), np.frombuffer(content, np.uint8))
    message.ClearField("raw_input_contents")
    assert rest == message
    unknown = content + b"\x98\x06\x01"  # field 99, a varint: newer than we know
    assert [bytes(part) for part in messages.read_apart(unknown)[1]] == [bytes(part) for part in raw]
    for broken in (content[:-1], content + b"\x3a\xff", content + b"\x3a" + b"\xff" * 11, content + b"\x3a\x05abcd"):
        with pytest.raises(DecodeError):
            messages.read_apart(broken)


def test_answers_put_together_are_what_protobuf_writes() -> None:
    outputs = {"a": np.arange(3, dtype=np.int64), "b": np.array([b"x", b""], object)}
    given = Request({}, [], id="i")
    message, parts = messages.response("m", 4, given, outputs, raw=True)
    whole = pb.ModelInferResponse.FromString(messages.serialized(message, parts))
    assert [bytes(part) for part in whole.raw_output_contents] == [outputs["a"].tobytes(), b"\1\0\0\0x\0\0\0\0"]
    assert (whole.model_name, whole.model_version, whole.id) == ("m", "4", "i")
    streamed = pb.ModelStreamInferResponse.FromString(messages.streamed(whole.SerializeToString()))
    assert streamed.infer_response == whole
