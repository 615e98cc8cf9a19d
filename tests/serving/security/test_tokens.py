"""The tokens file, and what a token allows."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from noria.errors import InvalidArgumentError, NotFoundError, PermissionDeniedError, TFError, UnauthenticatedError
from noria.serving.config import ServerConfig
from noria.serving.security import access as security
from noria.serving.security import tokens, watch
from noria.serving.security.access import Access

SHOP, WATCH, OPS, TEAM = (
    "shop-token-0123456789",
    "watch-token-0123456789",
    "ops-token-0123456789",
    "team-token-0123456789",
)


def entry(**fields: Any) -> dict[str, Any]:
    return {"token": SHOP, "rights": ["predict"], **fields}


def write(path: Path, *entries: Any) -> str:
    path.write_text(json.dumps({"tokens": list(entries)}))
    return str(path)


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(
        write(
            tmp_path / "tokens.json",
            entry(name="shop", models=["iris", "shop-*"]),
            {"name": "watch", "sha256": hashlib.sha256(WATCH.encode()).hexdigest().upper(), "rights": ["view"]},
            entry(name="ops", token=OPS, rights=["manage"]),
            entry(name="team", token=TEAM, rights=["manage"], models=["team-?"]),
        )
    )


@pytest.mark.parametrize(
    ("token", "action", "model"),
    [
        (SHOP, "predict", "iris"),
        (SHOP, "predict", "shop-1"),
        (SHOP, "view", "iris"),
        (WATCH, "view", "iris"),
        (WATCH, "view", ""),
        (OPS, "manage", ""),
        (OPS, "predict", "anything"),
        (TEAM, "manage", "team-a"),
    ],
)
def test_allowed(access: Access, token: str, action: str, model: str) -> None:
    access.check(token, action, model)


@pytest.mark.parametrize(
    ("token", "action", "model", "text"),
    [
        (SHOP, "predict", "Iris", "may not predict the model 'Iris'; its models are: iris, shop-\\*"),
        (SHOP, "predict", "iris2", "may not predict the model"),
        (SHOP, "manage", "iris", "the token of 'shop' may not manage; its rights are: predict, view"),
        (SHOP, "view", "", "may not view the server as a whole"),
        (WATCH, "predict", "iris", "may not predict; its rights are: view"),
        (TEAM, "manage", "", "the server as a whole"),
        (TEAM, "predict", "team-ab", "the model 'team-ab'"),
    ],
)
def test_denied(access: Access, token: str, action: str, model: str, text: str) -> None:
    with pytest.raises(PermissionDeniedError, match=text):
        access.check(token, action, model)


@pytest.mark.parametrize("token", [None, "", "x", SHOP + "x", SHOP[:-1], SHOP.upper(), "\udc80", "é"])
def test_unknown_tokens(access: Access, token: str | None) -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        access.check(token, "view", "iris")
    assert not token or token not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("nonsense", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "expected"),
        ('{"tokens": {}}', "expected"),
        ('{"tokens": [1]}', "token 0: expected an object, got int"),
        (json.dumps({"tokens": [entry(name=1)]}), "'name' is a string"),
        (json.dumps({"tokens": [entry(right=["view"])]}), "unknown right; known are models, name"),
        (json.dumps({"tokens": [{"rights": ["view"]}]}), "give one of 'token' and 'sha256'"),
        (json.dumps({"tokens": [entry(sha256="0" * 64)]}), "give one of"),
        (json.dumps({"tokens": [{"sha256": "0" * 63, "rights": ["view"]}]}), "64 hexadecimal digits"),
        (json.dumps({"tokens": [entry(token="short")]}), "16 or more printable ASCII"),
        (json.dumps({"tokens": [entry(token="é" * 20)]}), "16 or more printable ASCII"),
        (json.dumps({"tokens": [entry(token=SHOP + " ")]}), "ends with a space"),
        (json.dumps({"tokens": [entry(rights=["read"])]}), "'rights' is a list of view, predict, manage"),
        (json.dumps({"tokens": [entry(rights=[])]}), "'rights' is a list of"),
        (json.dumps({"tokens": [entry(rights="view")]}), "'rights' is a list of"),
        (json.dumps({"tokens": [entry(models=[])]}), "'models' is a list of patterns"),
        (json.dumps({"tokens": [entry(models=["a", 1])]}), "'models' is a list of patterns"),
        (json.dumps({"tokens": [entry(name="a"), entry(name="b")]}), r"token 1 \(b\) is the same token as that of a"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, wanted: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(text)
    with pytest.raises(InvalidArgumentError, match=wanted) as caught:
        tokens.read(str(path))
    assert str(path) in str(caught.value)
    assert SHOP not in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^--tokens_file: .*absent"):
        security.make(ServerConfig(tokens_file=str(tmp_path / "absent")))
    assert security.make(ServerConfig()) is None


def test_a_changed_file_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watch, "_LOOK_SECONDS", 0.0)
    path = tmp_path / "tokens.json"
    access = Access(write(path, entry()))
    access.check(SHOP, "predict", "m")
    os.replace(write(tmp_path / "new", entry(token=OPS)), path)
    access.check(OPS, "predict", "m")
    with pytest.raises(UnauthenticatedError):
        access.check(SHOP, "predict", "m")
    with caplog.at_level(logging.ERROR):
        path.write_text("{")
        access.check(OPS, "predict", "m")
    assert "the tokens stay as they were" in caplog.text
    path.unlink()
    access.check(OPS, "predict", "m")
    write(path, entry())
    access.check(SHOP, "predict", "m")


@pytest.mark.parametrize(
    ("peer", "local"),
    [
        ("unix:", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::1%lo", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.1", False),
        ("2001:db8::1", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("::", False),
        ("0.0.0.0", False),
        ("localhost", False),
        ("127.0.0.1.example.com", False),
        ("", False),
        (None, False),
    ],
)
def test_peers(peer: str | None, local: bool) -> None:
    assert security.is_local(peer) is local


def test_who_may_manage(access: Access) -> None:
    here, there = "127.0.0.1", "10.1.1.1"

    def may(access: Access | None, anyone: bool, peer: str, token: str | None, *headers: str) -> type[TFError] | None:
        try:
            security.check_management(access, anyone, peer, token, headers)
        except TFError as error:
            return type(error)
        return None

    assert may(None, False, here, None) is None
    assert may(None, False, there, None) is PermissionDeniedError
    assert may(None, True, there, None) is None
    assert may(None, False, there, OPS) is PermissionDeniedError  # nobody knows the token
    assert may(None, False, here, None, "host", "x-forwarded-for") is PermissionDeniedError
    assert may(access, False, here, None) is None
    assert may(access, False, there, None) is UnauthenticatedError
    assert may(access, True, there, None) is UnauthenticatedError
    assert may(access, False, there, OPS) is None
    assert may(access, False, here, SHOP) is PermissionDeniedError
    assert may(access, False, here, None, "forwarded") is UnauthenticatedError
    assert may(access, False, there, TEAM) is PermissionDeniedError


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([(b"authorization", b"Bearer abc")], "abc"),
        ([("authorization", "bearer  abc ")], "abc"),
        ([("host", "x"), ("authorization", "Basic abc")], None),
        ([("authorization", "Bearer")], None),
        ([("authorization", "")], None),
        ([], None),
    ],
)
def test_tokens_in_headers(headers: list[tuple[Any, Any]], token: str | None) -> None:
    assert security.token_in(headers) == token
