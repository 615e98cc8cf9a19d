"""Every REST request that the documentation of the edges names is one that a server knows."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator

import pytest

from noria.serving import admin, routes
from noria.serving.kserve import rest as kserve_rest
from noria.serving.lifecycle.manager import Manager
from noria.serving.server import Server
from serving.fakes import FakeModel, half_plus_two, serving

_ROUTE = re.compile(r"^    (GET|POST) +(/\S*(?:, /\S+)*)  ", re.MULTILINE)


def _documented() -> list[tuple[str, str]]:
    """Method and path of each, with every choice of what may be left out."""
    texts = "\n".join(module.__doc__ or "" for module in (routes, admin, kserve_rest))
    found = [(m[1], path) for m in _ROUTE.finditer(texts) for path in m[2].split(", ")]
    return list(dict.fromkeys((method, path) for method, template in found for path in _choices(template)))


def _choices(template: str) -> Iterator[str]:
    inner = re.search(r"\[([^\[\]]*)\]", template)
    if inner is None:
        yield template.replace("NAME", "m").replace("/V", "/1").replace("/L", "/best")
        return
    for choice in ["", *inner[1].split("|")]:
        yield from _choices(template[: inner.start()] + choice + template[inner.end() :])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    manager = Manager(lambda path: FakeModel(half_plus_two()))
    manager.load("m", 1, "unused")
    with serving(manager) as running:
        yield running


def test_there_are_some() -> None:
    assert len(_documented()) > 25


@pytest.mark.parametrize(("method", "path"), _documented())
def test_a_documented_request_is_known(server: Server, method: str, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    connection.request(method, path, b"{}" if method == "POST" else None)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert b"Malformed request" not in text
    assert (answer.getheader("Content-Type") or "").startswith("application/json"), text
