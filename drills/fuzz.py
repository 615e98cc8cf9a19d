"""Random and spoiled requests to every edge: REST bodies, URLs and headers, and the messages of every RPC.

The edges are called as the server calls them, in this process, so that a million inputs take minutes. Nothing may be
answered with 500 or INTERNAL (but for bytes that are no message, which TensorFlow Serving answers so), nothing may
raise, and memory may not grow.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import random
import struct
import sys
import time
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import numpy as np

from drills.harness import ROOT, Result, resident_mb
from noria.errors import Code, TFError
from noria.formats import tensor_proto
from noria.protos import health, kserve, reflection
from noria.protos import serving as pb
from noria.serving import npy
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.grpc_api import GrpcApi
from noria.serving.http1.messages import Request
from noria.serving.kserve.infer import Inference
from noria.serving.kserve.service import KServeGrpc
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.rest import RestApi
from noria.serving.rpc import Call, Unary

INPUTS: Final = 40_000
FULL_INPUTS: Final = 1_000_000
GROWTH_MB: Final = 64.0  # what may be cached in the course of it
_MODELS: Final = {"half_plus_two": "half_plus_two/1", "iris": "iris/1", "text": "text/1"}
_PREDICTION: Final = "/tensorflow.serving.PredictionService/"
_FAILED: Final = (500, "INTERNAL", "UNKNOWN")


class Edges:
    """Both edges of a server that serves the golden models of the tests."""

    def __init__(self) -> None:
        config = ServerConfig(rest_api_max_body_bytes=1 << 20, allow_remote_management=True)
        manager = Manager(make_loader(config))
        self.names = []
        for name, path in _MODELS.items():
            folder = ROOT / "tests" / "golden" / path
            if folder.is_dir():
                manager.load(name, 1, str(folder))
                self.names.append(name)
        self.core = Core.make(manager, config)
        inference = Inference(self.core)
        self._rest = RestApi(self.core, inference)
        self._methods = {**GrpcApi(self.core).methods(), **KServeGrpc(inference).methods()}

    async def rest(self, request: Request) -> int:
        """The status of the answer, which must be whole."""
        status, headers, body = await self._rest.handle(request)
        if not isinstance(body, bytes) or not all(isinstance(v, bytes) for header in headers for v in header):
            raise TypeError(f"an answer that is no answer: {headers!r} {body[:100]!r}")
        return status

    async def rpc(self, method: str, content: bytes) -> str:
        """The code's name."""
        found = self._methods[method]
        call = Call(method, (), "127.0.0.1", 20.0)
        try:
            if isinstance(found, Unary):
                await asyncio.wait_for(found.function(content, call), 30)
            else:
                async for _ in found.function(_once(content), call):
                    pass
        except TFError as error:
            if error.code is Code.INTERNAL and "request is no" in error.message:
                return "NO_MESSAGE"
            return error.code.name
        return "OK"


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


# ---- inputs


class Maker:
    """Makes requests from a seed: right ones, spoiled ones and nonsense."""

    def __init__(self, seed: int, models: list[str]) -> None:
        self.random = random.Random(seed)
        self._models = [*models, "nope", "a b", "%2F"]
        self._messages = _messages()

    def rest(self) -> Request:
        """A request over HTTP."""
        kind = self.random.random()
        if kind < 0.12:
            return self._url()
        headers: list[tuple[bytes, bytes]] = []
        body = self._json() if kind < 0.75 else self._other(headers)
        if self.random.random() < 0.05:
            headers.append((b"content-encoding", self._pick([b"gzip", b"zstd", b"gzip, zstd", b"br", b""])))
            body = self._pick([zlib.compress(body, wbits=31), zlib.compress(body, wbits=31)[:-3], body])
        if self.random.random() < 0.05:
            headers.append((b"accept", self._pick([b"application/x-npy", b"application/x-protobuf", b"*/*", b"\xff"])))
        if self.random.random() < 0.05:
            headers.append((b"accept-encoding", self._pick([b"gzip", b"zstd;q=0, gzip", b";;,", b"\x00"])))
        model, verb = self._pick(self._models), self._pick(["predict", "predict", "classify", "regress"])
        target = f"/v1/models/{model}{self._pick(['', '', '', '/versions/1', '/labels/a'])}:{verb}"
        if kind > 0.93:
            target = f"/v2/models/{model}/{self._pick(['infer', 'infer', 'ready', 'stats', 'config', ''])}"
        return Request("POST", target.encode(), headers, body, "127.0.0.1")

    def rpc(self) -> tuple[str, bytes]:
        """A method and a serialised request."""
        method, content = self._pick(self._messages)
        return method, self._spoiled(content) if self.random.random() < 0.8 else content

    def _pick(self, choices: Any) -> Any:
        return self.random.choice(choices)

    def _url(self) -> Request:
        parts = ["/v1", "/v2", "/models", "/half_plus_two", "/versions", "/labels", "/1", ":predict", "/metadata",
                 "%2F", "?a=b", "/..", "//", "%", "%00", "/health/ready", "/repository/index",
                 "/monitoring/prometheus/metrics", "/healthz", "/readyz", "9" * 25, "#", "\xe9"]  # fmt: skip
        text = "".join(self._pick(parts) for _ in range(self.random.randint(0, 6))).encode("latin-1")
        if self.random.random() < 0.5:
            text = self._spoiled(text)
        method = self._pick(["GET", "GET", "POST", "OPTIONS", "HEAD", "PUT", "DELETE"])
        headers = [(b"origin", b"http://x")] if self.random.random() < 0.2 else []
        return Request(method, text, headers, b"{}", "127.0.0.1")

    def _json(self) -> bytes:
        keys = ["instances", "inputs", "signature_name", "examples", "context", "id", "outputs", "parameters"]
        document = {self._pick(keys): self._value(4) for _ in range(self.random.randint(0, 3))}
        shape = self.random.random()
        if shape < 0.3:
            document["instances"] = self._tensor()
        elif shape < 0.4:
            document["inputs"] = self._pick([self._tensor(), {"x": self._tensor()}])
        elif shape < 0.5:
            document["examples"] = [{"x": self._value(1)} for _ in range(self.random.randint(0, 3))]
        elif shape < 0.6:
            infer = {"name": "x", "datatype": self._pick(["FP32", "INT64", "BYTES", "X"]), "shape": [1, 4]}
            document["inputs"] = [{**infer, "data": self._tensor()}]
        if self.random.random() < 0.3:
            document["signature_name"] = self._pick(["classify_x_to_y", "regress_x_to_y", "serving_default", 1, "é"])
        body = json.dumps(document, ensure_ascii=self.random.random() < 0.5).encode("utf-8", "surrogatepass")
        if self.random.random() < 0.4:
            body = self._spoiled(body)
        if self.random.random() < 0.01:
            body = body.rjust(self._pick([20_000, 300_000]))
        return body

    def _tensor(self) -> Any:
        shape = [self.random.randint(0, 4) for _ in range(self.random.randint(0, 3))]
        values = np.array([self._number() for _ in range(int(np.prod(shape)))], object).reshape(shape).tolist()
        if self.random.random() < 0.1 and isinstance(values, list) and values:
            values[self.random.randrange(len(values))] = self._value(2)
        return values

    def _number(self) -> Any:
        return self._pick(
            [0, 1, -1, 0.5, 1e300, float("nan"), float("inf"), 2**31, 2**63, -(2**63), 2**64, 1e-320, 4.0]
        )

    def _value(self, depth: int) -> Any:
        kind = self.random.randint(0, 7 if depth else 4)
        if kind == 0:
            return self._pick([None, True, False])
        if kind <= 2:
            return self._number()
        if kind <= 4:
            return self._pick(["", "a", "\x00", "é", "\ud800", "NaN", "serving_default", "x" * 100])
        if kind <= 6:
            return [self._value(depth - 1) for _ in range(self.random.randint(0, 3))]
        names = ["x", "b64", "inputs", "a", ""]
        return {self._pick(names): self._value(depth - 1) for _ in range(self.random.randint(0, 3))}

    def _other(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        kind = self.random.random()
        if kind < 0.4:
            headers.append((b"content-type", b"application/x-npy"))
            array = np.zeros([self.random.randint(0, 4) for _ in range(self.random.randint(0, 3))], np.float32)
            body = npy.encode(self._pick([{"x": array}, {"x": array, "y": array}]))
        elif kind < 0.7:
            headers.append((b"content-type", b"application/x-protobuf"))
            body = self._pick(self._messages)[1]
        else:
            head = json.dumps({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 4],
                                           "parameters": {"binary_data_size": 16}}]}).encode()  # fmt: skip
            headers.append((b"inference-header-content-length", self._pick([b"%d" % len(head), b"-1", b"x", b"99999"])))
            body = head + struct.pack("<4f", 1, 2, 3, 4)
        return self._spoiled(body) if self.random.random() < 0.7 else body

    def _spoiled(self, content: bytes) -> bytes:
        found = bytearray(content)
        for _ in range(self.random.randint(1, 4)):
            at = self.random.randint(0, len(found))
            found[at : at + self.random.randint(0, 3)] = self.random.randbytes(self.random.randint(0, 3))
        return bytes(found)


def _messages() -> list[tuple[str, bytes]]:
    """A right request for every RPC."""
    spec = pb.ModelSpec(name="half_plus_two")
    predict = pb.PredictRequest(model_spec=spec, output_filter=["y"])
    predict.inputs["x"].CopyFrom(tensor_proto.from_array(np.ones((2, 1), np.float32)))
    content = pb.PredictRequest(model_spec=spec)
    content.inputs["x"].CopyFrom(tensor_proto.from_array(np.ones(3, np.float32), content=True))
    classify = pb.ClassificationRequest(model_spec=pb.ModelSpec(name="half_plus_two", signature_name="classify_x_to_y"))
    classify.input.example_list.examples.add().features.feature["x"].float_list.value.append(1)
    regress = pb.RegressionRequest(model_spec=pb.ModelSpec(name="half_plus_two", signature_name="regress_x_to_y"))
    regress.input.example_list_with_context.context.CopyFrom(classify.input.example_list.examples[0])
    regress.input.example_list_with_context.examples.add()
    multi = pb.MultiInferenceRequest(input=classify.input)
    multi.tasks.add(model_spec=regress.model_spec, method_name="tensorflow/serving/regress")
    metadata = pb.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])
    infer = kserve.ModelInferRequest(model_name="half_plus_two", raw_input_contents=[struct.pack("<f", 1.0)])
    infer.inputs.add(name="x", datatype="FP32", shape=[1])
    typed = kserve.ModelInferRequest(model_name="half_plus_two")
    typed.inputs.add(name="x", datatype="FP32", shape=[1]).contents.fp32_contents.append(1)
    oip = "/inference.GRPCInferenceService/"
    named: list[tuple[str, Any]] = [
        (_PREDICTION + "Predict", predict), (_PREDICTION + "Predict", content), (_PREDICTION + "Classify", classify),
        (_PREDICTION + "Regress", regress), (_PREDICTION + "MultiInference", multi),
        (_PREDICTION + "GetModelMetadata", metadata),
        ("/tensorflow.serving.ModelService/GetModelStatus", pb.GetModelStatusRequest(model_spec=spec)),
        ("/grpc.health.v1.Health/Check", health.HealthCheckRequest(service="")),
        ("/grpc.health.v1.Health/List", health.HealthListRequest()),
        ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
         reflection.ServerReflectionRequest(file_containing_symbol="tensorflow.TensorProto")),
        (oip + "ModelInfer", infer), (oip + "ModelInfer", typed),
        (oip + "ModelMetadata", kserve.ModelMetadataRequest(name="half_plus_two")),
        (oip + "ModelReady", kserve.ModelReadyRequest(name="half_plus_two")),
        (oip + "ModelStatistics", kserve.ModelStatisticsRequest(name="half_plus_two")),
        (oip + "RepositoryIndex", kserve.RepositoryIndexRequest()),
    ]  # fmt: skip
    return [(method, message.SerializeToString()) for method, message in named]


# ---- the run


async def fuzz(count: int, seed: int, told: Callable[[str], None]) -> tuple[dict[Any, int], list[str], float]:
    """``count`` inputs: how often each answer came, what failed (with the input), and the growth of memory in MB."""
    edges = Edges()
    maker = Maker(seed, edges.names)
    outcomes: dict[Any, int] = {}
    failures: list[str] = []
    settled = 0.0
    start = time.monotonic()
    for index in range(count):
        shown: Any = None
        try:
            if index % 2:
                request = maker.rest()
                shown = (request.method, request.target, request.headers, request.body[:2000])
                outcome: Any = await edges.rest(request)
            else:
                shown = maker.rpc()
                outcome = await edges.rpc(*shown)
        except Exception as error:
            outcome = type(error).__name__
            failures.append(f"{outcome}: {error} on {shown!r}")
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        if outcome in _FAILED:
            failures.append(f"{outcome} on {shown!r}")
        if index == count // 5:
            gc.collect()
            settled = resident_mb(_PID)
        if index % 100_000 == 99_999:
            seconds, memory = time.monotonic() - start, resident_mb(_PID)
            told(f"{index + 1} inputs, {seconds:.0f} s, {memory:.0f} MB, {len(failures)} failed")
    gc.collect()
    growth = resident_mb(_PID) - settled
    edges.core.runner.close()
    return outcomes, failures, growth


_PID: Final = os.getpid()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(*, full: bool = False) -> Result:
    """The drill."""
    logging.disable(logging.CRITICAL)
    seed = 1
    count = FULL_INPUTS if full else INPUTS
    try:
        outcomes, failures, growth = asyncio.run(
            fuzz(count, seed, lambda text: print(text, file=sys.stderr, flush=True))
        )
    finally:
        logging.disable(logging.NOTSET)
    for failure in failures[:20]:
        print(failure, file=sys.stderr)
    result = Result("fuzz")
    result.check(
        "inputs to REST and gRPC", f"{sum(outcomes.values()):,}", f"{count:,}", sum(outcomes.values()) == count
    )
    result.check("failures of the server", len(failures), "0", not failures)
    result.check("growth of memory", f"{growth:.0f} MB", f"< {GROWTH_MB:.0f} MB", growth < GROWTH_MB)
    right = sum(outcomes.get(good, 0) for good in (200, "OK"))
    result.check("requests that were right", f"{right:,}", f"> {count // 50:,}", right > count // 50)
    return result
