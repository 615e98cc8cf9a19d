"""OpenTelemetry traces of requests, where they are configured; nothing of it is imported or called otherwise.

A request is a span of kind server, under the caller's where it sends a W3C ``traceparent``; below it the time in the
queue and the run of the model are spans of their own. Turned on by the standard variables of OpenTelemetry
(``OTEL_TRACES_EXPORTER``, ``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``) or by
``--trace_endpoint``; sampling, service name and headers come from the environment too.
"""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from noria.errors import Code, InvalidArgumentError
from noria.serving.batching.task import Task
from noria.serving.batching.turn import Share
from noria.serving.config import ServerConfig
from noria.serving.http1.messages import Answer, Application, Request
from noria.serving.lifecycle.servable import Servable, Signature
from noria.serving.rpc import Call, Method, Methods, Stream, Unary
from noria.serving.runner import Runner

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

Array = np.ndarray[Any, np.dtype[Any]]

_LOG = logging.getLogger(__name__)

_CLOSE_SECONDS: Final = 2.0
_INSTALL: Final = "install OpenTelemetry: pip install 'noria[otel]'"
_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROPAGATED: Final = frozenset({b"traceparent", b"tracestate", b"baggage"})
_GRPC_PROPAGATED: Final = frozenset(name.decode() for name in _PROPAGATED)
# The codes by which a server's span counts as failed (OpenTelemetry's conventions for RPC); others are the caller's.
_FAILURES: Final = frozenset(
    {Code.UNKNOWN, Code.DEADLINE_EXCEEDED, Code.UNIMPLEMENTED, Code.INTERNAL, Code.UNAVAILABLE, Code.DATA_LOSS}
)


def configured(config: ServerConfig, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the flag or the environment asks for traces."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environ.get("OTEL_TRACES_EXPORTER", "")
    if exporter:
        return exporter != "none"
    return bool(config.trace_endpoint) or any(environ.get(name) for name in _ENDPOINTS)


def make(config: ServerConfig) -> Traces | None:
    """The traces that are configured, None where none are or, told in the log, where the packages are missing.

    Raises InvalidArgumentError when ``--trace_endpoint`` is no URL or is given without the packages, and for an unknown
    exporter.
    """
    if not configured(config):
        return None
    if config.trace_endpoint and not config.trace_endpoint.startswith(("http://", "https://")):
        raise InvalidArgumentError(
            f"--trace_endpoint is a URL such as http://host:4318/v1/traces; got {config.trace_endpoint!r}"
        )
    try:
        return Traces(_provider(config))
    except ImportError as error:
        if config.trace_endpoint:
            raise InvalidArgumentError(
                f"--trace_endpoint needs a package that is missing ({error}); {_INSTALL}"
            ) from None
        _LOG.warning("the environment asks for traces, but a package is missing (%s); %s", error, _INSTALL)
        return None


def _provider(config: ServerConfig) -> TracerProvider:
    # An optional dependency, and 0.2 s of import that only a server with traces should pay for.
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: "noria"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(config)))
    return provider


def _exporter(config: ServerConfig) -> Any:
    kind = os.environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    if kind == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # optional, as above

        return ConsoleSpanExporter()
    if kind != "otlp":
        raise InvalidArgumentError(f"OTEL_TRACES_EXPORTER is {kind!r}; this server has otlp, console and none")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # optional, as above

    return OTLPSpanExporter(endpoint=config.trace_endpoint) if config.trace_endpoint else OTLPSpanExporter()


class Traces:
    """Wraps what takes requests and what runs models, so that both leave spans with ``provider``."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import propagate, trace  # optional: only a server with traces has it

        self._provider = provider
        self._tracer = provider.get_tracer("noria.serving")
        self._extract = propagate.extract
        self._current = trace.get_current_span
        self._server = trace.SpanKind.SERVER
        self._error = trace.Status(trace.StatusCode.ERROR)

    def close(self) -> None:
        """Exports what waits, for two seconds at most: a collector that is gone does not keep the server."""
        ending = threading.Thread(target=self._provider.shutdown, name="noria-traces-end", daemon=True)
        ending.start()
        ending.join(_CLOSE_SECONDS)

    def _span(self, name: str, carrier: Mapping[str, str], attributes: Mapping[str, Any]) -> Any:
        return self._tracer.start_as_current_span(
            name,
            context=self._extract(carrier),
            kind=self._server,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        )

    def rest(self, app: Application) -> Application:
        """The application of the REST port, with a span for each request."""

        async def traced(request: Request) -> Answer:
            carrier = {k.decode(): v.decode("latin-1") for k, v in request.headers if k in _PROPAGATED}
            path = request.target.partition(b"?")[0].decode("latin-1")
            attributes = {"http.request.method": request.method, "url.path": path}
            with self._span(f"{request.method} {_last(path)}", carrier, attributes) as span:
                answer = await app(request)
                span.set_attribute("http.response.status_code", answer[0])
                if answer[0] >= 500:
                    span.set_status(self._error)
                return answer

        return traced

    def grpc(self, methods: Methods) -> dict[str, Method]:
        """The methods of the gRPC port, with a span for each call; a stream is one call."""
        return {
            path: self._unary(path, found) if isinstance(found, Unary) else self._stream(path, found)
            for path, found in methods.items()
        }

    def _unary(self, path: str, method: Unary) -> Unary:
        span, function = self._calls(path), method.function

        async def traced(content: bytes, call: Call) -> bytes:
            with span(call):
                return await function(content, call)

        return Unary(traced)

    def _stream(self, path: str, method: Stream) -> Stream:
        span, function = self._calls(path), method.function

        async def traced(requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
            with span(call):
                async for answer in function(requests, call):
                    yield answer

        return Stream(traced)

    def _calls(self, path: str) -> Callable[[Call], Any]:
        """What makes the spans of a method's calls."""
        service, _, method = path.lstrip("/").rpartition("/")
        attributes = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
        name = f"{service}/{method}"

        def span(call: Call) -> Any:
            carrier = {key: value for key, value in call.metadata if key in _GRPC_PROPAGATED and isinstance(value, str)}
            return self._span(name, carrier, attributes)

        return span

    def request(
        self, model: str, api: str, entrypoint: str, code: Code, seconds: float, received: int, sent: int
    ) -> None:
        """For ``TellingMetrics``: what the request turned out to be, into its span."""
        span = self._current()
        if not span.is_recording():
            return
        span.set_attributes({"noria.model": model, "noria.api": api, "noria.entrypoint": entrypoint})
        span.set_attribute("noria.code", code.name)
        if entrypoint.endswith("GRPC"):
            span.set_attribute("rpc.grpc.status_code", int(code))
        if code in _FAILURES:
            span.set_status(self._error)

    def ran(self, servable: Servable, signature: str) -> None:
        """Names in the request's span what runs for it."""
        span = self._current()
        if span.is_recording():
            id = servable.id
            span.set_attributes({"noria.model": id.name, "noria.version": id.version, "noria.signature": signature})

    def child(self, name: str, start: int, end: int, *, failed: bool = False) -> None:
        """A span below the request's, from ``start`` to ``end`` (nanoseconds since 1970)."""
        if not self._current().is_recording():
            return
        span: Span = self._tracer.start_span(name, start_time=start)
        if failed:
            span.set_status(self._error)
        span.end(end)


def _last(path: str) -> str:
    """What a URL asks for, in few words: its verb, without names of models, so that spans group."""
    verb = path.rpartition(":")[2] if ":" in path else path.rpartition("/")[2]
    return verb if verb in _VERBS else "/".join(path.split("/", 3)[:3])


_VERBS: Final = frozenset({"predict", "classify", "regress", "metadata", "infer", "ready", "live", "config", "stats"})


# When the run of a request that waited began, on time.monotonic; a list, so that what awaits it can read it.
_BEGAN: contextvars.ContextVar[list[float]] = contextvars.ContextVar("noria_began")


class TracedRunner(Runner):
    """A runner whose runs and queues leave spans; ``traces`` is set before the first request."""

    traces: Traces

    def _now(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None,
        api: str,
    ) -> dict[str, Array] | None:
        start, found, failed = time.time_ns(), None, True
        try:
            found = super()._now(servable, signature, arrays, outputs, api)
            failed = False
            return found
        finally:
            if found is not None or failed:
                self.traces.ran(servable, signature.name)
                self.traces.child("run", start, time.time_ns(), failed=failed)

    def _share(
        self, servable: Servable, signature: Signature, arrays: Mapping[str, Array], outputs: Sequence[str] | None
    ) -> Share | None:
        return None  # a span is of one request's run

    async def _queued(
        self,
        servable: Servable,
        signature: Signature,
        arrays: Mapping[str, Array],
        outputs: Sequence[str] | None,
        nbytes: int,
        deadline: float | None,
        gone: Callable[[], bool] | None,
    ) -> dict[str, Array]:
        self.traces.ran(servable, signature.name)
        began: list[float] = []
        token = _BEGAN.set(began)
        start, clock = time.time_ns(), time.monotonic()
        failed = True
        try:
            found = await super()._queued(servable, signature, arrays, outputs, nbytes, deadline, gone)
            failed = False
            return found
        finally:
            _BEGAN.reset(token)
            end = time.time_ns()
            run = start + int((began[0] - clock) * 1e9) if began and began[0] else end
            self.traces.child("queue", start, run)
            if run < end:
                self.traces.child("run", run, end, failed=failed)

    async def _outcome(self, tasks: Sequence[Task], deadline: float | None) -> dict[str, Array]:
        try:
            return await super()._outcome(tasks, deadline)
        finally:
            began = _BEGAN.get(None)
            if began is not None:
                began.append(min(task.began for task in tasks))
