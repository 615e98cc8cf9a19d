"""A server inside a program."""

from __future__ import annotations

from pathlib import Path

import pytest

import noria.serving
from conftest import REPOSITORY
from noria.errors import InvalidArgumentError, UnavailableError
from serving.test_server import predict

HALF_PLUS_TWO = REPOSITORY / "tests" / "golden" / "half_plus_two"


def test_serves_while_the_block_runs() -> None:
    with noria.serving.serve({"m": HALF_PLUS_TWO}) as server:
        assert predict(server.rest_port) == (200, {"predictions": [2.5, 3.0]})
        assert server.grpc_port
    with pytest.raises(ConnectionRefusedError):
        predict(server.rest_port)


def test_one_directory_is_the_default_model() -> None:
    with noria.serving.serve(str(HALF_PLUS_TWO), port=0) as server:
        assert server.core.manager.names() == ["default"]
        assert server.grpc_port == 0


def test_what_cannot_be_served(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"m: .*absent"), noria.serving.serve({"m": tmp_path / "absent"}):
        pass
    odd = noria.serving.serve(HALF_PLUS_TWO, version_transition="odd")
    with pytest.raises(InvalidArgumentError, match="version_transition"), odd:
        pass


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = noria.serving.nothing
