"""TLS: the file, both protocols, client certificates, renewed certificates."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from noria.client import Client
from noria.errors import InvalidArgumentError, NotFoundError, TFError, UnavailableError
from noria.protos import serving as pb
from noria.serving.lifecycle.manager import Manager
from noria.serving.security import tls, watch
from noria.serving.server import Server
from serving.fakes import FakeModel, half_plus_two, serving
from serving.security.certificates import Authority, write


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@contextlib.contextmanager
def secure(**settings: Any) -> Iterator[Server]:
    manager = Manager(lambda _: FakeModel(half_plus_two()))
    manager.load("m", 1, "m/1")
    with serving(manager, **settings) as server:
        yield server


def works(client: Client) -> bool:
    with client:
        return bool(client.predict("m", {"x": np.array([2.0], np.float32)})["y"][0] == 3.0)


def test_both_protocols(authority: Authority, tmp_path: Path) -> None:
    path = write(tmp_path / "ssl", authority.config())
    with secure(ssl_config_file=path, rest_api_ssl_config_file=path) as server:
        grpc_url, rest_url = f"grpcs://localhost:{server.grpc_port}", f"https://localhost:{server.rest_port}"
        assert f"https://0.0.0.0:{server.rest_port}" in server.describe()
        for url in (grpc_url, rest_url):
            assert works(Client(url, ca=authority.root, retries=0))
            assert works(Client(url, ca=authority.root.read_bytes(), retries=0))
            assert works(Client(url.replace("localhost", "127.0.0.1"), ca=authority.root, server_name="localhost"))
            # Nobody vouches for the server.
            with Client(url, retries=0) as stranger, pytest.raises(UnavailableError):
                stranger.status("m", timeout=60)
        for plain in (f"localhost:{server.grpc_port}", f"http://localhost:{server.rest_port}"):
            with Client(plain, retries=0) as client, pytest.raises(TFError):
                client.status("m", timeout=5)


def test_metrics_and_health_over_https(authority: Authority, tmp_path: Path) -> None:
    path = write(tmp_path / "ssl", authority.config())
    with secure(rest_api_ssl_config_file=path) as server:
        context = ssl.create_default_context(cafile=authority.root)
        connection = http.client.HTTPSConnection("localhost", server.rest_port, context=context, timeout=10)
        with contextlib.closing(connection):
            for path_, text in (("/monitoring/prometheus/metrics", b"request_count"), ("/healthz", b"alive")):
                connection.request("GET", path_)
                response = connection.getresponse()
                assert response.status == 200
                assert text in response.read()


def test_clients_show_a_certificate(authority: Authority, tmp_path: Path) -> None:
    path = write(tmp_path / "ssl", authority.config(verify=True))
    cert, key = authority.issue_files("client.example")
    (tmp_path / "other").mkdir()
    other_cert, other_key = Authority(tmp_path / "other").issue_files("client.example")
    socket_path = tmp_path / "s"
    settings = {"ssl_config_file": path, "rest_api_ssl_config_file": path, "grpc_socket_path": str(socket_path)}
    with secure(**settings) as server:
        assert stat.S_ISSOCK(socket_path.stat().st_mode)
        urls = [f"grpcs://localhost:{server.grpc_port}", f"https://localhost:{server.rest_port}", f"unix:{socket_path}"]
        for url in urls:
            good: dict[str, Any] = {"ca": authority.root, "server_name": "localhost", "retries": 0}
            assert works(Client(url, cert=cert, key=key, **good))
            wrongs: list[dict[str, Any]] = [{}, {"cert": other_cert, "key": other_key}]
            for wrong in wrongs:
                with Client(url, **good, **wrong) as client, pytest.raises(UnavailableError):
                    client.status("m", timeout=60)


def test_a_renewed_certificate_needs_no_restart(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.0)
    (tmp_path / "new").mkdir()
    other = Authority(tmp_path / "new")
    file = tmp_path / "ssl"
    path = write(file, authority.config())
    with secure(ssl_config_file=path, rest_api_ssl_config_file=path) as server:
        urls = [f"grpcs://localhost:{server.grpc_port}", f"https://localhost:{server.rest_port}"]
        urls.append(f"https://127.0.0.1:{server.rest_port}")  # whose handshake names no host
        for url in urls:
            assert works(Client(url, ca=authority.root, retries=0))
        file.write_text("server_key: 'rubbish'")
        for url in urls:
            assert works(Client(url, ca=authority.root, retries=0))
        assert "the certificates stay as they were" in caplog.text
        write(file, other.config())
        for url in urls:
            assert works(Client(url, ca=other.root, retries=0)), url
            with Client(url, ca=authority.root, retries=0) as client, pytest.raises(UnavailableError):
                client.status("m", timeout=60)


def ask(server: Server, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSession | None:
    """The session of a client that has an answer over REST. Raises SSLError or ConnectionError where it has none."""
    with (
        socket.create_connection(("localhost", server.rest_port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost", session=session) as connection,
    ):
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        if not connection.recv(65536).startswith(b"HTTP/1.1 200"):
            raise ConnectionError
        return connection.session


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_who_is_believed_no_more_takes_up_no_session(
    authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.0)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    clients = []
    for each in (authority, other):
        clients.append(ssl.create_default_context(cafile=authority.root))
        clients[-1].load_cert_chain(*each.issue_files("client.example"))
        clients[-1].maximum_version = version
    one, two = clients
    config = authority.config(verify=True)
    with secure(rest_api_ssl_config_file=write(tmp_path / "ssl", config)) as server:
        session = ask(server, one)
        config.custom_ca = other.root_pem
        write(tmp_path / "ssl", config)
        ask(server, two)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, one)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            ask(server, one, session)


def test_a_handshake_that_does_not_come(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.3)
    path = write(tmp_path / "ssl", authority.config())
    arguments = "grpc.server_handshake_timeout_ms=400"
    with secure(ssl_config_file=path, rest_api_ssl_config_file=path, grpc_channel_arguments=arguments) as server:
        for port in (server.rest_port, server.grpc_port):
            with socket.create_connection(("localhost", port), timeout=20) as silent:
                assert silent.recv(1) == b""
        # On a busy machine a handshake may take longer than these may, but not always.
        assert works(Client(f"https://localhost:{server.rest_port}", ca=authority.root, retries=50, timeout=60))
        assert works(Client(f"grpcs://localhost:{server.grpc_port}", ca=authority.root, retries=50, timeout=60))


def test_each_port_speaks_its_own_protocol(authority: Authority, tmp_path: Path) -> None:
    path = write(tmp_path / "ssl", authority.config())
    with secure(ssl_config_file=path, rest_api_ssl_config_file=path) as server:
        for port, protocol in ((server.grpc_port, "h2"), (server.rest_port, "http/1.1")):
            context = ssl.create_default_context(cafile=authority.root)
            context.set_alpn_protocols(["http/1.1", "h2"])
            with (
                socket.create_connection(("localhost", port), timeout=10) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                assert connection.selected_alpn_protocol() == protocol


def test_grpc_without_its_protocol_is_not_served(authority: Authority, tmp_path: Path) -> None:
    path = write(tmp_path / "ssl", authority.config())
    with secure(ssl_config_file=path) as server:
        context = ssl.create_default_context(cafile=authority.root)
        with (
            socket.create_connection(("localhost", server.grpc_port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as connection,
        ):
            assert connection.selected_alpn_protocol() is None
            with contextlib.suppress(OSError):
                connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(1000):  # all it gets is an end
                    pass
        assert works(Client(f"grpcs://localhost:{server.grpc_port}", ca=authority.root))


def test_bad_files(authority: Authority, tmp_path: Path) -> None:
    good = authority.config()
    another = authority.config()
    key_file = "/etc/ssl/private/key.pem"
    encrypted = good.server_key.replace("BEGIN ", "BEGIN ENCRYPTED ").replace("END ", "END ENCRYPTED ")
    cases = [
        (pb.SSLConfig(), "server_key is empty"),
        (pb.SSLConfig(server_key=good.server_key), "server_cert is empty"),
        (pb.SSLConfig(server_key=key_file, server_cert=good.server_cert), "server_key is no PEM text"),
        (pb.SSLConfig(server_key=good.server_key, server_cert=key_file), "server_cert is no PEM text"),
        (pb.SSLConfig(server_key=another.server_key, server_cert=good.server_cert), "is not the key of server_cert"),
        (pb.SSLConfig(server_key=encrypted, server_cert=good.server_cert), "server_key is encrypted"),
        (
            pb.SSLConfig(server_key=good.server_key, server_cert=good.server_cert, client_verify=True),
            "client_verify wants custom_ca",
        ),
        (
            pb.SSLConfig(server_key=good.server_key, server_cert=good.server_cert, custom_ca="x"),
            "custom_ca is no PEM text",
        ),
    ]
    for config, text in cases:
        path = write(tmp_path / "ssl", config)
        with pytest.raises(InvalidArgumentError, match=text) as caught:
            tls.server_context(path, tls.HTTP2)
        assert path in str(caught.value)
        assert "BEGIN" not in str(caught.value)
    (tmp_path / "ssl").write_text("no such field: 1")
    with pytest.raises(TFError, match="the SSL config file cannot be used"):
        tls.server_context(path, tls.HTTP1)
    with pytest.raises(NotFoundError, match="absent"):
        tls.server_context(str(tmp_path / "absent"), tls.HTTP1)


def test_a_bad_file_ends_the_start(tmp_path: Path) -> None:
    path = write(tmp_path / "ssl", pb.SSLConfig())
    for flag in ("ssl_config_file", "rest_api_ssl_config_file"):
        with pytest.raises(InvalidArgumentError, match="server_key is empty"), secure(**{flag: path}):
            pass
