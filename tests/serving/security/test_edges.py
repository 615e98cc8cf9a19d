"""Tokens and management over the real edges: REST, gRPC and the Open Inference Protocol."""

from __future__ import annotations

import contextlib
import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from click.testing import CliRunner, Result

from noria.cli import main
from noria.client import Client
from noria.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError, TFError, UnauthenticatedError
from noria.protos import kserve
from noria.protos import serving as pb
from noria.serving.core import Core
from noria.serving.lifecycle.manager import Manager
from noria.serving.security import access as security
from noria.serving.server import Server
from serving.fakes import FakeModel, half_plus_two, serving

USER, WATCHER, ADMIN = "user-token-0123456789", "watcher-token-0123456789", "admin-token-0123456789"
X = {"x": np.array([2.0], np.float32)}


def manager() -> Manager:
    found = Manager(lambda _: FakeModel(half_plus_two()))
    found.load("m", 1, "m/1")
    found.load("other", 1, "other/1")
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    path = tmp_path_factory.mktemp("tokens") / "tokens.json"
    rows = [
        {"name": "user", "token": USER, "rights": ["predict"], "models": ["m"]},
        {"name": "watcher", "token": WATCHER, "rights": ["view"]},
        {"name": "admin", "token": ADMIN, "rights": ["manage"]},
    ]
    path.write_text(json.dumps({"tokens": rows}))
    with serving(manager(), tokens_file=str(path), rest_api_enable_cors_support=True) as started:
        yield started


@pytest.fixture(params=["grpc", "rest"])
def url(server: Server, request: pytest.FixtureRequest) -> str:
    if request.param == "grpc":
        return f"127.0.0.1:{server.grpc_port}"
    return f"http://127.0.0.1:{server.rest_port}"


def outcome(url: str, token: str | None, ask: Any) -> type[TFError] | None:
    with Client(url, token=token, retries=0, timeout=20) as client:
        try:
            ask(client)
        except TFError as error:
            return type(error)
        return None


def test_who_may_do_what(url: str) -> None:
    asks: list[tuple[Any, dict[str | None, type[TFError] | None]]] = [
        (lambda c: c.predict("m", X), {USER: None, WATCHER: PermissionDeniedError, ADMIN: None}),
        (lambda c: c.predict("other", X), {USER: PermissionDeniedError, WATCHER: PermissionDeniedError, ADMIN: None}),
        (lambda c: c.status("m"), {USER: None, WATCHER: None, ADMIN: None}),
        (lambda c: c.metadata("other"), {USER: PermissionDeniedError, WATCHER: None, ADMIN: None}),
        # What is there is not told to who may not see it.
        (lambda c: c.status("absent"), {USER: PermissionDeniedError, WATCHER: NotFoundError, ADMIN: NotFoundError}),
        (lambda c: c.classify("m", [{}]), {WATCHER: PermissionDeniedError}),
        (lambda c: c.regress("m", [{}]), {WATCHER: PermissionDeniedError}),
    ]
    for ask, wanted in asks:
        for token, error in wanted.items():
            assert outcome(url, token, ask) is error
        for token in (None, "unknown-token-0123456789"):
            assert outcome(url, token, ask) is UnauthenticatedError


def test_the_messages_help(url: str) -> None:
    with Client(url) as client, pytest.raises(UnauthenticatedError, match="send the header or metadata 'authorization"):
        client.status("m")
    with Client(url, token=WATCHER) as client, pytest.raises(PermissionDeniedError, match="'watcher' may not predict"):
        client.predict("m", X)


def test_multi_inference_and_reload(server: Server) -> None:
    url = f"127.0.0.1:{server.grpc_port}"
    ask = lambda c: c.multi_inference("m", [{}], [("a", "classify")])  # noqa: E731
    assert outcome(url, WATCHER, ask) is PermissionDeniedError
    assert outcome(url, None, ask) is UnauthenticatedError
    config = pb.ModelServerConfig()  # without a list: refused, once it is known that the caller may ask
    reload = lambda c: c.reload(config)  # noqa: E731
    assert outcome(url, ADMIN, reload) is InvalidArgumentError
    assert outcome(url, USER, reload) is PermissionDeniedError
    assert outcome(url, "unknown-token-0123456789", reload) is UnauthenticatedError
    assert outcome(url, None, reload) is InvalidArgumentError  # from this machine


def get(
    server: Server, path: str, token: str | None = None, method: str = "GET", **headers: str
) -> tuple[int, Any, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()


@pytest.mark.parametrize("path", ["/v1/models", "/monitoring/prometheus/metrics", "/v2/repository/index"])
def test_what_is_about_the_server(server: Server, path: str) -> None:
    method = "POST" if path.startswith("/v2") else "GET"
    assert get(server, path, method=method)[0] == 401
    assert get(server, path, USER, method)[0] == 403
    assert get(server, path, WATCHER, method)[0] == 200
    assert get(server, path + "?a=b", method=method)[0] in (400, 401)


def test_health_is_open(server: Server) -> None:
    for path in ("/healthz", "/readyz", "/v2/health/live", "/v2/health/ready"):
        assert get(server, path)[0] == 200, path
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", None, None)
        assert check(b"", timeout=20) == b"\x08\x01"


def test_what_a_browser_needs(server: Server) -> None:
    status, headers, body = get(server, "/v1/models/m")
    assert status == 401
    assert headers["WWW-Authenticate"] == "Bearer"
    assert "token" in json.loads(body)["error"]
    status, headers, _ = get(server, "/v1/models/m:predict", method="OPTIONS", Origin="http://a.example")
    assert status == 200
    assert headers["Access-Control-Allow-Headers"] == "Content-Type, Authorization"


def test_open_inference(server: Server) -> None:
    for path in ("/v2/models/m", "/v2/models/m/ready"):
        assert get(server, path)[0] == 401
        assert get(server, path, USER)[0] == 200
    assert get(server, "/v2/models/other", USER)[0] == 403
    request = kserve.ModelMetadataRequest(name="m").SerializeToString()
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        call = channel.unary_unary("/inference.GRPCInferenceService/ModelMetadata", None, None)
        assert call(request, timeout=20, metadata=(("authorization", f"Bearer {USER}"),))
        for metadata, code in (
            ((), "UNAUTHENTICATED"),
            ((("authorization", "Bearer " + "x" * 20),), "UNAUTHENTICATED"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                call(request, timeout=20, metadata=metadata)
            status: Any = caught.value
            assert status.code().name == code


def test_management_is_for_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = pb.ModelServerConfig()
    socket_path = tmp_path / "s"
    with serving(manager(), grpc_socket_path=str(socket_path)) as server:
        url = f"127.0.0.1:{server.grpc_port}"
        assert outcome(url, None, lambda c: c.reload(config)) is InvalidArgumentError
        monkeypatch.setattr(security, "is_local", lambda peer: str(peer).startswith("unix:"))  # as from elsewhere
        with (
            Client(url) as client,
            pytest.raises(PermissionDeniedError, match="from this machine only, not from"),
        ):
            client.reload(config)
        assert outcome(f"unix:{socket_path}", None, lambda c: c.reload(config)) is InvalidArgumentError
        assert outcome(url, None, lambda c: c.predict("m", X)) is None
    with serving(manager(), allow_remote_management=True) as server:
        url = f"127.0.0.1:{server.grpc_port}"
        assert outcome(url, None, lambda c: c.reload(config)) is InvalidArgumentError


def test_tokens_from_the_shell(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["models", url, "m", *arguments])

    monkeypatch.delenv("NORIA_TOKEN", raising=False)
    assert run().exit_code == 1
    assert "authorization: Bearer <token>" in run().stderr
    assert "model m" in run("--token", USER).stdout
    monkeypatch.setenv("NORIA_TOKEN", WATCHER)
    assert "model m" in run().stdout


def test_nothing_is_made_where_no_tokens_are_configured() -> None:
    with serving(manager()) as server:
        assert isinstance(server.core, Core)
        assert server.core.access is None
        assert get(server, "/v1/models")[0] == 200
