"""The methods of the protocol's gRPC form, called as the gRPC edge calls them, without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from noria.errors import Code, InternalError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from noria.protos import POOL
from noria.protos import kserve as pb
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.kserve.infer import Inference
from noria.serving.kserve.service import ENTRYPOINT, SERVICE, KServeGrpc
from noria.serving.rpc import Call, Method, Stream, Unary, cut
from serving.kserve.models import make_manager

TOKEN = "a-token-of-the-tests"
RPCS = [method.name for method in POOL.FindServiceByName(SERVICE).methods]


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    found = Core.make(make_manager(), ServerConfig())
    yield found
    found.runner.close()


def methods(core: Core) -> dict[str, Method]:
    return KServeGrpc(Inference(core)).methods()


def run(core: Core, rpc: str, content: bytes, call: Call | None = None) -> bytes:
    method = methods(core)[f"/{SERVICE}/{rpc}"]
    assert isinstance(method, Unary)
    return asyncio.run(method.function(content, call or Call()))


def stream(core: Core, *contents: bytes) -> list[pb.ModelStreamInferResponse]:
    method = methods(core)[f"/{SERVICE}/ModelStreamInfer"]
    assert isinstance(method, Stream)

    async def requests() -> AsyncIterator[bytes]:
        for content in contents:
            yield content

    async def answers() -> list[pb.ModelStreamInferResponse]:
        found = method.function(requests(), Call())
        return [pb.ModelStreamInferResponse.FromString(answer) async for answer in found]

    return asyncio.run(answers())


def request(model: str = "half_plus_two", id: str = "", signature: str = "") -> bytes:
    found = pb.ModelInferRequest(model_name=model, id=id)
    found.inputs.add(name="x", datatype="FP32", shape=[1]).contents.fp32_contents.append(1)
    if signature:
        found.parameters["signature_name"].string_param = signature
    return found.SerializeToString()


class Counted:
    """In place of a core's metrics: what each request was told as."""

    def __init__(self, core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[Any, ...]] = []
        monkeypatch.setattr(core.metrics, "request", lambda *told: self.calls.append(told[:4]))


def test_every_rpc_is_there(core: Core) -> None:
    found = methods(core)
    assert {path.rpartition("/")[2] for path in found} <= set(RPCS)
    streams = {path.rpartition("/")[2] for path, method in found.items() if isinstance(method, Stream)}
    assert streams == {"ModelStreamInfer"}


@pytest.mark.parametrize("rpc", [rpc for rpc in RPCS if rpc != "ModelStreamInfer"])
def test_bytes_that_are_no_message(core: Core, monkeypatch: pytest.MonkeyPatch, rpc: str) -> None:
    counted = Counted(core, monkeypatch)
    with pytest.raises(InternalError, match=f"^the request is no message of {rpc}: "):
        run(core, rpc, b"\xff\xff")
    assert counted.calls == [("", rpc, ENTRYPOINT, Code.INTERNAL)]


def test_errors_are_counted_and_those_that_are_not_ours_become_internal(
    core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Counted(core, monkeypatch)
    assert pb.ModelInferResponse.FromString(run(core, "ModelInfer", request(id="7"))).id == "7"
    with pytest.raises(InternalError) as caught:
        run(core, "ModelInfer", request("all", signature="failing"))
    assert "no luck today" in caught.value.message
    assert [told[0] for told in counted.calls] == ["half_plus_two", "all"]
    assert [told[3] for told in counted.calls] == [Code.OK, Code.INTERNAL]


def test_long_texts_are_cut_but_for_those_of_a_stream(core: Core) -> None:
    with pytest.raises(NotFoundError) as caught:
        run(core, "ModelInfer", request("x" * 5000))
    (answer,) = stream(core, request("x" * 5000))
    assert len(answer.error_message) > 5000
    assert caught.value.message == cut(answer.error_message)


def test_an_error_does_not_end_a_stream(core: Core) -> None:
    good, bad, worse, last = stream(core, request(id="1"), request("absent", "2"), b"\xff\xff", request(id="4"))
    assert (good.error_message, good.infer_response.id) == ("", "1")
    assert good.infer_response.parameters["triton_final_response"].bool_param
    assert (bad.infer_response.id, bad.infer_response.model_name) == ("2", "absent")
    assert "absent" in bad.error_message
    assert worse.error_message.startswith("the request is no message of ModelStreamInfer: ")
    assert list(last.infer_response.outputs[0].contents.fp32_contents) == [2.5]


def test_who_may(tmp_path: Path) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(json.dumps({"tokens": [{"name": "t", "token": TOKEN, "rights": ["predict"]}]}))
    core = Core.make(make_manager(), ServerConfig(tokens_file=str(file)))
    call = Call("", (("x-bin", b"\0"), ("authorization", f"Bearer {TOKEN}")), "127.0.0.1")
    run(core, "ModelInfer", request(), call)
    with pytest.raises(UnauthenticatedError):
        run(core, "ModelInfer", request())
    load = pb.RepositoryModelLoadRequest(model_name="iris").SerializeToString()
    with pytest.raises(PermissionDeniedError, match="'t' may not manage"):
        run(core, "RepositoryModelLoad", load, call)
    core.runner.close()


@pytest.mark.parametrize("rpc", ["RepositoryModelLoad", "RepositoryModelUnload"])
def test_management_from_elsewhere(core: Core, rpc: str) -> None:
    content = pb.RepositoryModelUnloadRequest(model_name="iris").SerializeToString()
    for call in (Call(), Call("", (), "10.1.2.3"), Call("", (("forwarded", "for=10.1.2.3"),), "127.0.0.1")):
        with pytest.raises(PermissionDeniedError, match="taken from this machine only"):
            run(core, rpc, content, call)
