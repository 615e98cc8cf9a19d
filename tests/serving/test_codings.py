"""Content codings: bounded on the way in, chosen by name on the way out."""

from __future__ import annotations

import gzip

import pytest

from noria.errors import InvalidArgumentError
from noria.serving import codings

BODY = b'{"instances": [1.0, 2.0]}' * 100


@pytest.mark.parametrize("coding", [b"gzip", b"zstd"])
def test_both_ways(coding: bytes) -> None:
    small = codings.DEFLATE[coding](BODY)
    assert len(small) < len(BODY) / 4
    assert codings.inflate(small, coding, len(BODY)) == BODY
    assert codings.inflate(small[:-2], coding, len(BODY)) == b""
    assert codings.inflate(b"no such thing", coding, len(BODY)) == b""
    with pytest.raises(InvalidArgumentError, match="inflates to more than 100 bytes"):
        codings.inflate(small, coding, 100)


def test_others_are_left_alone() -> None:
    assert codings.inflate(BODY, b"br", 10) == BODY
    assert codings.inflate(gzip.compress(BODY), b"x-gzip", len(BODY)) == BODY
    assert codings.inflate(gzip.compress(BODY), b"GZIP", len(BODY)) == BODY


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (b"", None),
        (b"identity", None),
        (b"*", None),
        (b"gzip, deflate", b"gzip"),
        (b"gzip, deflate, br, zstd", b"zstd"),
        (b"GZIP;q=0.5", b"gzip"),
        (b"zstd;q=0, gzip", b"gzip"),
        (b"gzip; q=0.0", None),
    ],
)
def test_what_a_client_accepts(header: bytes, coding: bytes | None) -> None:
    assert codings.accepted(header) == coding
