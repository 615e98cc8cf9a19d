"""The REST API: URLs and JSON to calls, results and errors to HTTP.

No framework: the hot path is one function from a request to an answer. Every error raised below becomes an answer here
and nowhere else, by the table of statuses.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterable
from typing import Any, Final

import orjson
from google.protobuf import json_format

from noria.errors import Code, InternalError, InvalidArgumentError, TFError
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.protos import serving as pb
from noria.serving import classify, codings, encode_json, predict, routes, status, tensor_json
from noria.serving.admin import MODELS, Admin
from noria.serving.config import ServerConfig
from noria.serving.core import Core
from noria.serving.examples_json import decode_examples
from noria.serving.http1.messages import JSON, Answer, Header, Limits, Request
from noria.serving.kserve.infer import Inference
from noria.serving.kserve.rest import KServeRest
from noria.serving.lifecycle.on_demand import AsleepError, wake
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.observe import exposition, monitoring
from noria.serving.rest_forms import NPY, NPZ, NUMPY, PROTOBUF, Forms, is_other
from noria.serving.routes import Route, Verb
from noria.serving.security.access import token_in
from noria.serving.security.tokens import PREDICT, VIEW
from noria.serving.strict import StrictInputs

_LOG = logging.getLogger(__name__)

HTTP_STATUS: Final = {
    Code.OK: 200, Code.INVALID_ARGUMENT: 400, Code.FAILED_PRECONDITION: 400, Code.OUT_OF_RANGE: 400,
    Code.UNAUTHENTICATED: 401, Code.PERMISSION_DENIED: 403, Code.NOT_FOUND: 404, Code.ALREADY_EXISTS: 409,
    Code.ABORTED: 409, Code.RESOURCE_EXHAUSTED: 429, Code.CANCELLED: 499, Code.UNKNOWN: 500, Code.INTERNAL: 500,
    Code.DATA_LOSS: 500, Code.UNIMPLEMENTED: 501, Code.UNAVAILABLE: 503, Code.DEADLINE_EXCEEDED: 504,
}  # fmt: skip

_TEXT: Final[Header] = (b"content-type", exposition.CONTENT_TYPE)
_HTML: Final[Header] = (b"content-type", b"text/html")
_CORS: Final[tuple[Header, ...]] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"POST, GET"),
    (b"access-control-allow-headers", b"Content-Type"),
)
_CORS_WITH_TOKENS: Final[Header] = (b"access-control-allow-headers", b"Content-Type, Authorization")
_CHALLENGE: Final[Header] = (b"www-authenticate", b"Bearer")
_NOT_FOUND_PAGE: Final = b"<html><head><title>404 Not Found</title></head><body><h1>Not Found</h1></body></html>"
_MAX_INFLATED: Final = 100 << 20  # bytes a compressed body may become, as in TensorFlow Serving
_SLOW_BODY: Final = 256 * 1024  # bytes from which any body is read in a worker thread
_SLOW_EXAMPLES_BODY: Final = 8 * 1024  # ... of examples: each is a message
_STRING_BYTES: Final = 64  # that a string counts for: strings are written one by one
_SLOW_ROWS: Final = 16 * 1024  # bytes from which an answer is written in one where each row is an object
_SLOW_EXAMPLES: Final = 500  # ... where there are so many results of examples
_ABSOLUTE: Final = re.compile(rb"https?://[^/?#]*(.*)", re.I | re.S)
_MAX_CACHED_ROUTES: Final = 1024
_API: Final = {Verb.PREDICT: "predict", Verb.CLASSIFY: "classify", Verb.REGRESS: "regress"}  # labels of the metrics
_RUNTIME_API: Final = {CLASSIFY: "Classify", REGRESS: "Regress"}


def limits(config: ServerConfig) -> Limits:
    """What a client may ask of the REST port, by the flags."""
    return Limits(
        config.rest_api_max_body_bytes,
        config.rest_api_max_head_bytes,
        config.rest_api_max_connections,
        config.rest_api_idle_seconds,
        config.rest_api_slow_seconds,
    )


class RestApi:
    """The application of the REST port."""

    def __init__(self, core: Core, inference: Inference | None = None) -> None:
        config = core.config
        self._manager = core.manager
        self._runner = core.runner
        self._metrics = core.metrics
        self._process = core.process
        self._access = core.access
        self._metrics_path = monitoring.metrics_path(config.monitoring_config_file).encode()
        self._timeout = config.rest_api_timeout_in_ms / 1000
        self._check_method = config.enable_signature_method_name_check
        self._strict = StrictInputs.of(config.strict_model_inputs)
        self._kserve = KServeRest(inference or Inference(core))
        self._cors = cors = _CORS if config.rest_api_enable_cors_support else ()
        if cors and core.access is not None:
            self._cors = cors = (*_CORS[:2], _CORS_WITH_TOKENS)
        self._headers: dict[Any, tuple[Header, ...]] = {
            kind: (kind, *cors) for kind in (JSON, _HTML, _TEXT, NPY, NPZ, PROTOBUF)
        }
        self._headers[_CHALLENGE] = (JSON, _CHALLENGE, *cors)
        self._routes: dict[tuple[str, bytes], Route] = {}
        self._admin = None if config.tensorflow_serving_only else Admin(core)
        self._forms = Forms(core)
        self._max_inflated = min(_MAX_INFLATED, config.rest_api_max_body_bytes)
        self._compress_from = config.rest_api_compress_bytes

    async def handle(self, request: Request) -> Answer:
        """The answer to a request, errors included: never raises."""
        start = time.perf_counter()
        outcome = Code.OK
        route: Route | None = None
        kind: Any  # the headers, or the content type that stands for them
        try:
            try:
                route = self._routes.get((request.method, request.target))
                if route is not None and route.verb is Verb.PREDICT and self._access is None:
                    code = 200
                    kind, answer = await self._predict(route, request)
                else:
                    code, kind, answer = await self._answer(request)
            except AsleepError as asleep:
                await wake(self._manager, asleep.name, time.monotonic() + self._timeout if self._timeout > 0 else None)
                code, kind, answer = await self._answer(request)
        except TFError as error:
            outcome = error.code
            empty = isinstance(error, routes.VersionTooBigError)
            code, kind = HTTP_STATUS[error.code], _CHALLENGE if error.code is Code.UNAUTHENTICATED else JSON
            answer = b"" if empty else encode_json.error_response(error.message)
        except Exception as error:
            _LOG.exception("%s %s failed", request.method, request.target.decode("latin-1"))
            internal = InternalError(f"{type(error).__name__}: {error}")
            outcome = internal.code
            code, kind, answer = HTTP_STATUS[internal.code], JSON, encode_json.error_response(internal.message)
        if route is None:
            route = self._routes.get((request.method, request.target))
        if route is not None:
            seconds = time.perf_counter() - start
            api = "predict" if route.verb is Verb.PREDICT else _API.get(route.verb, "")
            self._metrics.request(route.name, api, "REST", outcome, seconds, len(request.body), len(answer))
        elif outcome and routes.under_api(request.target):  # a malformed URL names no model
            self._metrics.request("", "", "REST", outcome, 0.0, len(request.body), len(answer))
        sent = self._headers.get(kind) or kind
        if self._compress_from and len(answer) >= self._compress_from:
            sent, answer = await self._compressed(request, sent, answer)
        return code, sent, answer

    async def _compressed(
        self, request: Request, headers: tuple[Header, ...], answer: bytes
    ) -> tuple[tuple[Header, ...], bytes]:
        """A big answer in the coding that the client asks for, if it asks for one."""
        coding = codings.accepted(request.header(b"accept-encoding") or b"")
        if coding is None:
            return headers, answer
        body = await self._runner.call(codings.DEFLATE[coding], answer)
        return (*headers, (b"content-encoding", coding), (b"vary", b"accept-encoding")), body

    async def _answer(self, request: Request) -> tuple[int, Any, bytes]:
        """Status, headers or the content type that stands for them, body."""
        method, path = request.method, request.target
        if not path.startswith(b"/"):
            request.target = path = _in_origin_form(path)
        route = self._routes.get((method, path))
        if route is None:
            if self._access is not None and path.partition(b"?")[0] in (MODELS, self._metrics_path):
                self._access.check(token_in(request.headers), VIEW)
            found_here = await self._admin.answer(method, path) if self._admin is not None else None
            if found_here is not None:
                return found_here[0], JSON, found_here[1]
            if self._metrics_path and path.startswith(self._metrics_path):
                return await self._scrape(path)
            if path.startswith(b"/v2") and self._admin is not None:
                found = await self._open_inference(request)
                if found is not None:
                    return found
            if not routes.under_api(path):
                return 404, _HTML, _NOT_FOUND_PAGE
            if method == "OPTIONS":
                return (200 if _has_web_origin(request.headers) else 400), JSON, b""
            route = routes.parse(method, path)
            if len(self._routes) >= _MAX_CACHED_ROUTES:
                self._routes.clear()
            self._routes[method, path] = route
        if self._access is not None:
            action = PREDICT if route.verb in _API else VIEW
            self._access.check(token_in(request.headers), action, route.name)
        if route.verb is Verb.STATUS:
            return 200, JSON, await self._status(route)
        if route.verb is Verb.METADATA:
            return 200, JSON, self._metadata(route)
        if route.verb is Verb.PREDICT:
            return 200, *await self._predict(route, request)
        return 200, JSON, await self._classify(route, request)

    async def _body(self, request: Request, coding: bytes | None) -> bytes:
        """The body without its coding, where it has one."""
        if coding is None:
            return request.body
        return await self._runner.call(codings.inflate, request.body, coding, self._max_inflated)

    async def _scrape(self, path: bytes) -> tuple[int, Header, bytes]:
        if path != self._metrics_path:  # a query string counts as a part of the path, as in TensorFlow Serving
            if path[len(self._metrics_path) :][:1] != b"?":
                return 404, _HTML, _NOT_FOUND_PAGE
            text = f"Unexpected path: {path.decode('utf-8', 'replace')}. Should be {self._metrics_path.decode()}"
            return HTTP_STATUS[Code.INVALID_ARGUMENT], _TEXT, text.encode()
        if self._process.fleet is not None:
            return 200, _TEXT, await self._process.fleet.metrics()
        return 200, _TEXT, await self._runner.call(self._metrics.render)

    async def _open_inference(self, request: Request) -> tuple[int, tuple[Header, ...], bytes] | None:
        """The answer of the other protocol; None where the URL is not of it either."""
        body = await self._body(request, request.header(b"content-encoding"))
        found = await self._kserve.handle(request.method, request.target, request.headers, body, request.peer)
        return None if found is None else (found[0], (*found[1], *self._cors), found[2])

    async def _predict(self, route: Route, request: Request) -> tuple[Header, bytes]:
        deadline = time.monotonic() + self._timeout if self._timeout > 0 else None
        headers = dict(request.headers)
        body = request.body
        if b"content-encoding" in headers:
            body = await self._body(request, headers[b"content-encoding"])
        if is_other(headers.get(b"content-type", b"")):
            return await self._forms.predict(route, headers, body, deadline)
        slow = len(body) >= _SLOW_BODY
        if slow:
            self._runner.check(route.name)  # before the work of reading it
        parsed = None if slow else tensor_json.parse_quickly(body)
        if parsed is None:
            parsed = await self._runner.call(tensor_json.parse_predict, body)
        with self._manager.handle(route.name, route.version, route.label) as servable:
            name = parsed.signature_name or DEFAULT_SIGNATURE
            signature = servable.model.signatures.get(name)
            if signature is None:
                raise InvalidArgumentError(f'Serving signature name: "{name}" not found in signature def')
            if not signature.inputs:
                shown = parsed.signature_name or "DEFAULT"
                raise InvalidArgumentError(f"Failed to get input map for signature: {shown}")
            decoded = None if slow else tensor_json.decode_quickly(parsed, signature.inputs)
            if decoded is None:
                decoded = await self._runner.call(tensor_json.decode_predict, parsed, signature.inputs)
            arrays, row = decoded
            if self._check_method:
                predict.find_signature(servable.model, name, check_method=True)
            if self._strict is not None:
                self._strict.check(servable, signature, arrays)
            outputs = self._runner.at_once(servable, signature, arrays)
            if outputs is None:
                gone = lambda: request.left  # noqa: E731
                outputs = await self._runner.run(servable, signature, arrays, deadline=deadline, gone=gone)
        if NUMPY in headers.get(b"accept", b""):
            return await self._forms.npy(outputs)
        size = 0
        for array in outputs.values():
            size += array.nbytes if array.dtype.kind != "O" else array.size * _STRING_BYTES
        if size >= _SLOW_BODY or (size >= _SLOW_ROWS and row and len(outputs) > 1):
            return JSON, await self._runner.call(encode_json.predict_response, outputs, row)
        return JSON, encode_json.predict_response(outputs, row)

    async def _classify(self, route: Route, request: Request) -> bytes:
        deadline = time.monotonic() + self._timeout if self._timeout > 0 else None
        body = await self._body(request, request.header(b"content-encoding"))
        if len(body) >= _SLOW_EXAMPLES_BODY:
            name, examples = await self._runner.call(decode_examples, body)
        else:
            name, examples = decode_examples(body)
        method = CLASSIFY if route.verb is Verb.CLASSIFY else REGRESS
        with self._manager.handle(route.name, route.version, route.label) as servable:
            call = classify.prepare(servable.model, name, method, check_method=self._check_method)
            feeds = classify.feeds(call, examples)
            outputs = await self._runner.run(
                servable, call.signature, feeds, call.outputs, deadline=deadline, api=_RUNTIME_API[method]
            )
            self._metrics.examples(servable.id.name, len(examples))
        if len(examples) >= _SLOW_EXAMPLES:
            return await self._runner.call(_results, method, outputs, len(examples))
        return _results(method, outputs, len(examples))

    async def _status(self, route: Route) -> bytes:
        if self._process.fleet is not None:
            return _pretty(_message(await self._process.fleet.status(route.name, route.version)))
        return _pretty(_message(status.model_status(self._manager, route.name, route.version)))

    def _metadata(self, route: Route) -> bytes:
        with self._manager.handle(route.name, route.version, route.label) as servable:
            signatures = status.signature_defs(servable)
            spec = pb.ModelSpec(name=servable.id.name)
            spec.version.value = servable.id.version
        return _pretty({"model_spec": _message(spec), "metadata": {status.SIGNATURE_DEF: _message(signatures)}})


def _results(method: str, outputs: dict[str, classify.Array], examples: int) -> bytes:
    if method == CLASSIFY:
        return encode_json.classify_response(classify.classes_of(outputs, examples))
    return encode_json.regress_response(classify.values_of(outputs, examples))


def _in_origin_form(target: bytes) -> bytes:
    """Path and query of a target that is a whole URL, as clients of a proxy send it (RFC 9112, 3.2.2)."""
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        return target
    return match[1] if match[1].startswith(b"/") else b"/" + match[1]


def _has_web_origin(headers: Iterable[Header]) -> bool:
    return any(name == b"origin" and (b"http://" in value or b"https://" in value) for name, value in headers)


def _message(message: Any) -> Any:
    return json_format.MessageToDict(
        message, always_print_fields_with_no_presence=True, preserving_proto_field_name=True
    )


def _pretty(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
