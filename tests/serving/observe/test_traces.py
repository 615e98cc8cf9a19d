"""Traces: which spans a request leaves, whose children they are, and that nothing happens where none are configured."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import grpc
import numpy as np
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from noria.errors import InvalidArgumentError, NotFoundError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving.config import ServerConfig
from noria.serving.lifecycle.manager import Manager
from noria.serving.observe import traces
from noria.serving.rpc import Call, Stream, Unary
from noria.serving.server import Server
from serving.fakes import FakeModel, FakeSignature, call_grpc, half_plus_two, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
HEADER = {"traceparent": f"00-{TRACE}-{PARENT}-01"}


def slow() -> FakeSignature:
    signature = half_plus_two("slow")
    run = signature.function

    def function(x: Any) -> Any:
        time.sleep(0.01)
        return run(x)

    signature.function = function
    return signature


@contextlib.contextmanager
def traced(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, InMemorySpanExporter]]:
    exporter = InMemorySpanExporter()

    def provider(config: ServerConfig) -> TracerProvider:
        found = TracerProvider()
        found.add_span_processor(SimpleSpanProcessor(exporter))
        return found

    monkeypatch.setattr(traces, "_provider", provider)
    manager = Manager(lambda path: FakeModel(half_plus_two(), slow()))
    manager.load("m", 3, "/models/m/3")
    with serving(manager, trace_endpoint="http://127.0.0.1:9/v1/traces") as server:
        yield server, exporter


def post(server: Server, path: str, body: Any, headers: Mapping[str, str]) -> int:
    url = f"http://127.0.0.1:{server.rest_port}{path}"
    request = urllib.request.Request(url, json.dumps(body).encode(), dict(headers))
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def spans(exporter: InMemorySpanExporter, name: str) -> list[ReadableSpan]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_rest_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with traced(monkeypatch) as (server, exporter):
        for _ in range(100):  # what a signature costs is known after some runs, on a busy machine after some more
            assert post(server, "/v1/models/m:predict", {"instances": [1.0]}, HEADER) == 200
            if len(spans(exporter, "queue")) < len(spans(exporter, "run")):
                break
        assert post(server, "/v1/models/absent:predict", {"instances": [1.0]}, {}) == 404
    *_, good, bad = requests = spans(exporter, "POST predict")
    assert len(spans(exporter, "run")) == len(requests) - 1
    assert len(spans(exporter, "queue")) < len(requests) - 1  # microseconds of work go into no queue
    assert good.kind is SpanKind.SERVER
    assert good.parent is not None
    assert (f"{good.parent.trace_id:032x}", f"{good.parent.span_id:016x}") == (TRACE, PARENT)
    assert attributes(good) == {
        "http.request.method": "POST",
        "url.path": "/v1/models/m:predict",
        "http.response.status_code": 200,
        "noria.model": "m",
        "noria.version": 3,
        "noria.signature": "serving_default",
        "noria.api": "predict",
        "noria.entrypoint": "REST",
        "noria.code": "OK",
    }
    assert bad.parent is None
    assert attributes(bad)["noria.code"] == "NOT_FOUND"
    assert bad.status.status_code is StatusCode.UNSET  # the caller's mistake, not the server's
    run = spans(exporter, "run")[-1]
    assert run.parent is not None
    assert run.parent.span_id == good.context.span_id
    assert good.start_time is not None
    assert run.start_time is not None
    assert run.end_time is not None
    assert good.end_time is not None
    assert good.start_time <= run.start_time <= run.end_time <= good.end_time + 1_000_000


def test_a_grpc_call(monkeypatch: pytest.MonkeyPatch) -> None:
    request = pb.PredictRequest(model_spec=pb.ModelSpec(name="m"))
    request.inputs["x"].CopyFrom(tensor_proto.from_array(np.array([3.0], np.float32)))
    rpc = "tensorflow.serving.PredictionService/Predict"
    with traced(monkeypatch) as (server, exporter):
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            call = channel.unary_unary(f"/{rpc}", bytes, bytes)
            call(request.SerializeToString(), timeout=20, metadata=tuple(HEADER.items()))
        assert call_grpc(server.grpc_port, f"/{rpc}", b"\xff")[0] == "INTERNAL"
    good, bad = spans(exporter, rpc)
    assert good.parent is not None
    assert f"{good.parent.span_id:016x}" == PARENT
    assert attributes(good) == {
        "rpc.system": "grpc",
        "rpc.service": "tensorflow.serving.PredictionService",
        "rpc.method": "Predict",
        "rpc.grpc.status_code": 0,
        "noria.model": "m",
        "noria.version": 3,
        "noria.signature": "serving_default",
        "noria.api": "Predict",
        "noria.entrypoint": "GRPC",
        "noria.code": "OK",
    }
    assert bad.status.status_code is StatusCode.ERROR
    assert attributes(bad)["rpc.grpc.status_code"] == 13


def test_methods_are_wrapped_as_what_they_are() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def one(content: bytes, call: Call) -> bytes:
        raise NotFoundError("not here")

    async def many(requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        async for content in requests:
            yield content

    async def requests() -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"

    async def ask() -> list[bytes]:
        unary, stream = wrapped["/a.B/One"], wrapped["/a.B/Many"]
        assert isinstance(unary, Unary)
        assert isinstance(stream, Stream)
        with pytest.raises(NotFoundError, match=r"^not here$"):
            await unary.function(b"", Call("/a.B/One", (("tracestate", b"\xff"), *HEADER.items())))
        return [answer async for answer in stream.function(requests(), Call("/a.B/Many"))]

    wrapped = traces.Traces(provider).grpc({"/a.B/One": Unary(one), "/a.B/Many": Stream(many)})
    assert asyncio.run(ask()) == [b"1", b"2"]
    first, second = exporter.get_finished_spans()  # a stream is one call
    assert (first.name, second.name) == ("a.B/One", "a.B/Many")
    assert first.parent is not None
    assert f"{first.parent.span_id:016x}" == PARENT
    assert second.parent is None
    assert attributes(second) == {"rpc.system": "grpc", "rpc.service": "a.B", "rpc.method": "Many"}
    provider.shutdown()


def test_a_stream_that_the_client_leaves(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    rpc = "grpc.health.v1.Health/Watch"
    with traced(monkeypatch) as (server, exporter):
        with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
            watch: Any = channel.unary_stream(f"/{rpc}", bytes, bytes)(b"", timeout=20)
            next(watch)
            watch.cancel()
        bound = time.monotonic() + 60
        while not spans(exporter, rpc) and time.monotonic() < bound:
            time.sleep(0.01)
    (span,) = spans(exporter, rpc)
    assert span.end_time is not None
    assert "Failed to detach" not in caplog.text


def test_queue_and_run_of_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with traced(monkeypatch) as (server, exporter):
        for _ in range(3):
            assert post(server, "/v1/models/m:predict", {"instances": [1.0], "signature_name": "slow"}, {}) == 200
    parents = spans(exporter, "POST predict")
    queued, runs = spans(exporter, "queue"), spans(exporter, "run")
    assert len(runs) == len(queued) == 3
    for parent, queue, run in zip(parents, queued, runs, strict=True):
        assert queue.parent is not None
        assert queue.parent.span_id == parent.context.span_id
        assert queue.end_time is not None
        assert run.start_time is not None
        assert run.end_time is not None
        assert queue.end_time == run.start_time
        assert run.end_time - run.start_time >= 9_000_000


def test_spans_group_by_what_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with traced(monkeypatch) as (server, exporter):
        for path in ("/v1/models/m", "/v1/models/m/metadata", "/v2/models/m", "/else/where/x"):
            url = f"http://127.0.0.1:{server.rest_port}{path}"
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(url, timeout=20):
                pass
        body = {"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [2.0]}]}
        assert post(server, "/v2/models/m/infer", body, {}) == 200
    names = [span.name for span in exporter.get_finished_spans() if span.kind is SpanKind.SERVER]
    assert names == ["GET /v1/models", "GET metadata", "GET /v2/models", "GET /else/where", "POST infer"]


def test_what_turns_traces_on() -> None:
    off, flag = ServerConfig(), ServerConfig(trace_endpoint="http://c:4318/v1/traces")
    assert not traces.configured(off, {})
    assert traces.configured(flag, {})
    assert traces.configured(off, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"})
    assert traces.configured(off, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"})
    assert traces.configured(off, {"OTEL_TRACES_EXPORTER": "console"})
    assert not traces.configured(flag, {"OTEL_TRACES_EXPORTER": "none"})
    assert not traces.configured(flag, {"OTEL_SDK_DISABLED": "true"})


def test_an_endpoint_is_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidArgumentError, match=r"--trace_endpoint is a URL .*; got 'collector:4318'"):
        traces.make(ServerConfig(trace_endpoint="collector:4318"))


def test_missing_packages(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(InvalidArgumentError, match=r"pip install 'noria\[otel\]'"):
        traces.make(ServerConfig(trace_endpoint="http://c"))
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")
    assert traces.make(ServerConfig()) is None
    assert "the environment asks for traces, but a package is missing" in caplog.text


def test_exporters(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the extra otel is not installed")
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER"):
        monkeypatch.delenv(name, raising=False)
    made = traces.make(ServerConfig(trace_endpoint="http://127.0.0.1:9/v1/traces"))
    assert made is not None
    made.close()
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkin")
    with pytest.raises(InvalidArgumentError, match="OTEL_TRACES_EXPORTER is 'zipkin'"):
        traces.make(ServerConfig())


def test_a_server_without_traces_imports_none_of_it() -> None:
    script = (
        "import sys, noria.serving.server\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
        "from noria.serving.observe import traces\n"
        "from noria.serving.config import ServerConfig\n"
        "assert traces.make(ServerConfig()) is None\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
    )
    environment = {"PATH": "", "OTEL_TRACES_EXPORTER": "none"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
