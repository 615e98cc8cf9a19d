"""The listening sockets of a server, all or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from noria.errors import UnavailableError
from noria.serving.config import ServerConfig
from noria.serving.ports import Ports
from readme import free_port


def test_what_the_settings_ask_for(tmp_path: Path) -> None:
    path = tmp_path / "s"
    ports = Ports.open(ServerConfig(port=-1, rest_api_port=-1, grpc_socket_path=str(path)))
    assert ports.sockets() == [ports.rest, ports.grpc, ports.unix]
    assert path.is_socket()
    ports.close()
    assert not path.exists()
    assert all(sock.fileno() == -1 for sock in ports.sockets())
    assert Ports.open(ServerConfig(port=0)).sockets() == []


def test_one_that_is_taken_lets_go_of_all(tmp_path: Path) -> None:
    free = int(free_port())
    (tmp_path / "s").write_text("")
    with pytest.raises(UnavailableError, match="--grpc_socket_path"):
        Ports.open(ServerConfig(port=free, rest_api_port=-1, grpc_socket_path=str(tmp_path / "s")))
    Ports.open(ServerConfig(port=free)).close()
