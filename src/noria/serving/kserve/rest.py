"""The REST form of the protocol: URLs to calls, under ``/v2``.

    GET  /v2                                        server metadata
    GET  /v2/health/live, /v2/health/ready          200, or 503 with what is missing
    GET  /v2/models/NAME[/versions/V]               model metadata; ?signature_name=S for another signature
    GET  /v2/models/NAME[/versions/V]/ready         200, 404 or 503
    GET  /v2/models/NAME[/versions/V]/config        model configuration
    GET  /v2/models[/NAME[/versions/V]]/stats       statistics
    POST /v2/models/NAME[/versions/V]/infer         inference
    POST /v2/repository/index                       every version and its state
    POST /v2/repository/models/NAME/load            loads a configured model, and answers when it serves
    POST /v2/repository/models/NAME/unload          unloads it

Names are percent-encoded. Other parts of a query string are not looked at. Errors are raised; the caller turns them
into ``{"error": "..."}`` with the status of their code.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote_to_bytes

import numpy as np

from noria.errors import Code, InvalidArgumentError, NotFoundError, TFError
from noria.serving.http1.messages import JSON, Answer, Header
from noria.serving.kserve import bodies, describe, repository, tensors
from noria.serving.kserve.infer import Inference
from noria.serving.security.access import token_in
from noria.serving.security.tokens import PREDICT, SERVER, VIEW

Array = np.ndarray[Any, np.dtype[Any]]

ENTRYPOINT: Final = "KServe-REST"  # in metrics, where TensorFlow Serving's own is REST

_PATH: Final = re.compile(
    rb"/v2/?|/v2/health/(?P<health>live|ready)|/v2/(?P<repository>repository/index)"
    rb"|/v2/repository/models/(?P<managed>[^/]+)/(?P<change>load|unload)"
    rb"|/v2/models(?P<all>/stats)?"
    rb"|/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<verb>infer|ready|stats|config))?"
)
_BINARY: Final[Header] = (b"content-type", b"application/octet-stream")
_LENGTH: Final = b"inference-header-content-length"
_MAX_CACHED_ROUTES: Final = 1024
_SLOW_JSON: Final = 256 * 1024  # bytes of JSON that are read or written in a worker thread
_SLOW_STRINGS: Final = 64 * 1024  # and of strings, each of which is an object
_SLOW_RAW: Final = 4 << 20  # bytes of raw data whose copy would stall the loop


class Route(NamedTuple):
    """A parsed URL: verb is ``infer``, ``ready``, ``stats``, ``config`` or empty; what is not in the URL is empty."""

    kind: str  # server, health, repository, model
    verb: str
    name: str
    version: str
    query: str


class KServeRest:
    """The REST edge of the protocol. One object per server, shared by all requests."""

    def __init__(self, inference: Inference) -> None:
        core = inference.core
        self._inference = inference
        self._core = core
        self._timeout = core.config.rest_api_timeout_in_ms / 1000
        self._routes: dict[bytes, Route] = {}

    async def handle(
        self, method: str, path: bytes, headers: Iterable[Header], body: bytes, peer: str | None = None
    ) -> Answer | None:
        """The answer to a request, None where ``path`` (with its query string, as sent) is not of this protocol.

        Raises TFError.
        """
        route = self._routes.get(path)
        if route is None:
            route = parse(path)
            if route is None:
                return None
            if len(self._routes) >= _MAX_CACHED_ROUTES:
                self._routes.clear()
            self._routes[path] = route
        start = time.perf_counter_ns()
        code, sent = Code.CANCELLED, 0  # which it stays where the client goes away
        try:
            if route.verb == "infer":
                answer = await self._infer(method, route, headers, body, start)
            elif route.kind == "model" and route.verb in ("load", "unload"):
                answer = await self._manage(method, route, headers, body, peer)
            else:
                answer = await self._look_up(method, route, headers, body)
            code, sent = Code.OK, len(answer[2])
            return answer
        except TFError as error:
            code = error.code
            raise
        except Exception:
            code = Code.INTERNAL
            raise
        finally:
            seconds = (time.perf_counter_ns() - start) / 1e9
            api = route.verb or route.kind
            self._core.metrics.request(route.name, api, ENTRYPOINT, code, seconds, len(body), sent)

    async def _infer(self, method: str, route: Route, headers: Iterable[Header], body: bytes, start: int) -> Answer:
        _need(method, "POST", route)
        self._check(headers, PREDICT, route.name)
        deadline = time.monotonic() + self._timeout if self._timeout > 0 else None
        length = _header_length(headers)
        text = len(body) if length is None else length
        if text >= _SLOW_JSON or len(body) >= _SLOW_RAW or (len(body) >= _SLOW_STRINGS and b"BYTES" in body[:text]):
            request, wanted = await self._core.runner.call(bodies.read, body, length)
        else:
            request, wanted = bodies.read(body, length)
        with await self._inference.awake(route.name, route.version, deadline) as servable:
            id = servable.id

            async def encode(outputs: Mapping[str, Array]) -> tuple[bytes, int]:
                found = outputs.values()
                if sum(array.nbytes for array in found) >= _SLOW_JSON or tensors.is_slow(found):
                    return await self._core.runner.call(bodies.write, id.name, id.version, request, wanted, outputs)
                return bodies.write(id.name, id.version, request, wanted, outputs)

            answer, size = await self._inference.run(servable, request, deadline, start, encode)
        if not size:
            return 200, [JSON], answer
        return 200, [_BINARY, (_LENGTH, b"%d" % size)], answer

    async def _look_up(self, method: str, route: Route, headers: Iterable[Header], body: bytes) -> Answer:
        if route.kind == "health":
            _need(method, "GET", route)
            return await self._health(route)
        if route.kind == "repository":
            _need(method, "POST", route)
            return await self._repository(route, headers, body)
        _need(method, "GET", route)
        if route.kind == "server":
            return _json(describe.server_metadata())
        self._check(headers, VIEW, route.name or SERVER)
        inference, name, version = self._inference, route.name, route.version
        if route.verb == "stats":
            return _json(describe.model_statistics(inference, name, version))
        if not name:
            raise InvalidArgumentError("the URL names no model: /v2/models/<name>")
        if route.verb == "ready":
            ready = await describe.model_ready(inference, name, version)
            return _json({"name": name, "ready": ready}, 200 if ready else 503)
        signature = parse_qs(route.query).get("signature_name", [""])[0]
        if route.verb == "config":
            return _json(describe.model_config(inference, name, version, signature))
        return _json(describe.model_metadata(inference, name, version, signature))

    async def _manage(
        self, method: str, route: Route, headers: Iterable[Header], body: bytes, peer: str | None
    ) -> Answer:
        _need(method, "POST", route)
        self._core.may_manage(peer, token_in(headers), {name.decode("latin-1") for name, _ in headers})
        if route.verb == "load":
            repository.refuse_override(bodies.parameters(body))
            await repository.load(
                self._core, route.name, time.monotonic() + self._timeout if self._timeout > 0 else None
            )
        else:
            await repository.unload(self._core, route.name)
        return 200, [JSON], b""

    async def _health(self, route: Route) -> Answer:
        if route.verb == "live":
            return _json({"live": True})
        missing = await describe.missing(self._core)
        return _json({"ready": False, "missing": missing} if missing else {"ready": True}, 503 if missing else 200)

    async def _repository(self, route: Route, headers: Iterable[Header], body: bytes) -> Answer:
        self._check(headers, VIEW, SERVER)
        ready = bodies.parse(body).get("ready", False) if body.strip() else False
        if type(ready) is not bool:
            raise InvalidArgumentError(f"'ready' is true or false; got {ready!r}")
        return _json(await describe.repository_index(self._inference, ready))

    def _check(self, headers: Iterable[Header], action: str, model: str) -> None:
        if self._core.access is not None:
            self._core.access.check(token_in(headers), action, model)


def parse(path: bytes) -> Route | None:
    """What a path (as sent: encoded, with the query string) means; None where it is none of this protocol's.

    Raises NotFoundError for one under ``/v2/`` that names nothing.
    """
    plain, _, query = path.partition(b"?")
    match = _PATH.fullmatch(plain)
    if match is None:
        if plain.startswith(b"/v2/"):
            raise NotFoundError(f"no such URL: {plain.decode('utf-8', 'replace')}")
        return None
    found = {key: _decoded(value) for key, value in match.groupdict(b"").items()}
    kind = "model"
    verb = found["verb"] or found["all"].removeprefix("/")
    if found["health"]:
        kind, verb = "health", found["health"]
    elif found["change"]:
        return Route("model", found["change"], found["managed"], "", "")
    elif found["repository"]:
        kind, verb = "repository", found["repository"]
    elif not plain.startswith(b"/v2/models"):
        kind = "server"
    return Route(kind, verb, found["name"], found["version"], query.decode("latin-1"))


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text).decode("utf-8", "replace")


def _need(method: str, wanted: str, route: Route) -> None:
    if method != wanted:
        raise InvalidArgumentError(f"this URL ({route.verb or route.kind}) takes {wanted}; got {method}")


def _header_length(headers: Iterable[Header]) -> int | None:
    for name, value in headers:
        if name == _LENGTH:
            if not value.isdigit():
                text = value.decode("latin-1")
                raise InvalidArgumentError(f"Inference-Header-Content-Length is a number of bytes; got {text!r}")
            return int(value)
    return None


def _json(document: Any, status: int = 200) -> Answer:
    return status, [JSON], bodies.dump(document)
