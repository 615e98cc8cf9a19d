"""The URL grammar of the REST API."""

from __future__ import annotations

import pytest

from noria.errors import InvalidArgumentError
from noria.serving.routes import Route, Verb, VersionTooBigError, parse, under_api


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/v1/models/m:predict", Route(Verb.PREDICT, "m", None, None)),
        ("POST", "/V1/MODELS/m/Versions/007:classify", Route(Verb.CLASSIFY, "m", 7, None)),
        ("POST", "/v1/models/m/labels/a%20b:regress", Route(Verb.REGRESS, "m", None, "a b")),
        ("POST", "/v1/models/my%2Fmodel:predict", Route(Verb.PREDICT, "my/model", None, None)),
        ("POST", f"/v1/models/m/versions/{2**63 - 1}:predict", Route(Verb.PREDICT, "m", 2**63 - 1, None)),
        ("GET", "/v1/models/m", Route(Verb.STATUS, "m", None, None)),
        ("GET", "/v1/models/m?x=1", Route(Verb.STATUS, "m?x=1", None, None)),
        ("GET", "/v1/models/metadata", Route(Verb.STATUS, "metadata", None, None)),
        ("GET", "/v1/models/m/METADATA", Route(Verb.STATUS, "m", None, None)),
        ("GET", "/v1/models/m/metadata", Route(Verb.METADATA, "m", None, None)),
        ("GET", "/v1/models/m/versions/1/metadata", Route(Verb.METADATA, "m", 1, None)),
        ("GET", "/v1/models/m/labels/l", Route(Verb.STATUS, "m", None, "l")),
    ],
)
def test_matches(method: str, path: str, route: Route) -> None:
    assert parse(method, path.encode()) == route


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/models/m:predict/"),
        ("POST", "/v1/models/m:PREDICT"),
        ("POST", "/v1/models/m:predict?x=1"),
        ("POST", "/v1/models/m"),
        ("POST", "/v1/models/m/versions/-1:predict"),
        ("POST", "/v1/models/m/versions/1/labels/a:predict"),
        ("POST", "/v1/models/m/metadata"),
        ("GET", "/v1/models/m:predict"),
        ("GET", "/v1/models/"),
        ("GET", "/v1/models/m/"),
        ("GET", "/v1/models/m/version/1"),
        ("HEAD", "/v1/models/m"),
        ("PUT", "/v1/models/m:predict"),
        ("PATCH", "/v1/anything"),
    ],
)
def test_malformed(method: str, path: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse(method, path.encode())
    assert str(caught.value) == f"Malformed request: {method} {path}"


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/versions/123", "/v1/models/labels/a"])
def test_missing_name(path: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"Missing model name in request\."):
        parse("GET", path.encode())


@pytest.mark.parametrize("version", [str(2**63), "9" * 5000])
def test_a_version_beyond_int64(version: str) -> None:
    with pytest.raises(VersionTooBigError):
        parse("GET", f"/v1/models/m/versions/{version}".encode())
    assert parse("GET", f"/v1/models/m/versions/{'0' * 50}7".encode()).version == 7


def test_what_belongs_to_the_api() -> None:
    assert under_api(b"/v1/")
    assert under_api(b"/V1/x")
    assert not under_api(b"/v2/models/m")
    assert not under_api(b"/v1")
