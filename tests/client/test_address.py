"""Server URLs."""

from __future__ import annotations

import pytest

from noria.client.address import Address, parse
from noria.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("localhost:8500", Address(False, False, "localhost:8500", 8500)),
        ("localhost", Address(False, False, "localhost:8500", 8500)),
        ("grpc://10.0.0.1:1", Address(False, False, "10.0.0.1:1", 1)),
        ("grpcs://models.example.com:443", Address(False, True, "models.example.com:443", 443)),
        ("[::1]:8500", Address(False, False, "[::1]:8500", 8500)),
        ("unix:/run/models.sock", Address(False, False, "unix:/run/models.sock", 0)),
        ("http://localhost:8501", Address(True, False, "localhost", 8501)),
        ("http://localhost:8501/", Address(True, False, "localhost", 8501)),
        ("https://models.example.com/team/a/", Address(True, True, "models.example.com", 443, "/team/a")),
        ("http://[::1]:8501", Address(True, False, "::1", 8501)),
        ("http://localhost", Address(True, False, "localhost", 80)),
        ("HTTP://localhost", Address(True, False, "localhost", 80)),
    ],
)
def test_urls(url: str, wanted: Address) -> None:
    assert parse(url) == wanted


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("", "is no host:port"),
        ("localhost:", "is no host:port"),
        (":8500", "is no host:port"),
        ("localhost:grpc", "is no host:port"),
        ("localhost:0", "0 is no port"),
        ("localhost:70000", "70000 is no port"),
        ("[::1", "is no host:port"),
        ("::1", "is no host:port"),
        ("ftp://localhost", "a server's address is"),
        ("grpc://localhost:8500/v1", "nothing after the host and port"),
        ("http://localhost?a=b", "nothing after"),
        ("http://user:secret@localhost", "nothing after|no host:port"),
        ("unix:", "names no socket"),
        ("http://two words:8501", "a space or a control character"),
        ("localhost\n:8500", "a space or a control character"),
    ],
)
def test_what_is_no_url(url: str, text: str) -> None:
    with pytest.raises(InvalidArgumentError, match=text):
        parse(url)
