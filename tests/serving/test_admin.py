"""What an operator asks the REST port."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import REPOSITORY
from noria.serving.server import Server
from serving.conformance.setups import running

GOLDEN = REPOSITORY / "tests" / "golden"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config = tmp_path_factory.mktemp("config") / "models.config"
    model = 'config {{ name: "{}" base_path: "{}" model_platform: "tensorflow" {} }}'
    good = model.format("good", GOLDEN / "half_plus_two", 'version_labels { key: "stable" value: 1 }')
    config.write_text(f"model_config_list {{ {good} {model.format('lost', '/no/such/place', '')} }}")
    with running([f"--model_config_file={config}"]) as found:
        yield found


def get(server: Server, path: str, method: str = "GET") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.rest_port, timeout=20)
    with contextlib.closing(connection):
        connection.request(method, path)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body[:1] == b"{" else body


def test_alive(server: Server) -> None:
    assert get(server, "/healthz") == (200, {"status": "alive"})
    assert get(server, "/healthz", "HEAD") == (200, b"")
    assert get(server, "/healthz", "POST")[0] == 404


def test_readiness_names_what_is_missing_while_the_others_serve(server: Server) -> None:
    status, found = get(server, "/readyz")
    assert (status, found["ready"]) == (503, False)
    (missing,) = found["missing"]
    assert missing.startswith("lost: ")
    assert "/no/such/place" in missing
    assert get(server, "/v1/models/good")[0] == 200


def test_the_list_of_models(server: Server) -> None:
    status, found = get(server, "/v1/models")
    assert status == 200
    good, lost = found["models"]
    assert (good["name"], good["available"], good["labels"]) == ("good", True, {"stable": 1})
    (version,) = good["versions"]
    assert (version["version"], version["state"]) == (1, "AVAILABLE")
    assert version["memory_bytes"] > 0
    assert version["requests"] >= 0
    assert (lost["name"], lost["available"], lost["versions"]) == ("lost", False, [])
    assert "/no/such/place" in lost["reason"]


def test_ready_until_the_drain(tmp_path: Path) -> None:
    with running(["--model_name=m", f"--model_base_path={GOLDEN / 'half_plus_two'}", "--drain_delay_seconds=0.5"]) as s:
        assert get(s, "/readyz") == (200, {"ready": True, "missing": []})
        s.core.process.draining = True
        assert get(s, "/readyz") == (503, {"ready": False, "missing": ["the server is stopping"]})
        assert get(s, "/v1/models/m")[0] == 200


def test_none_of_it_where_only_tensorflow_serving_is_wanted(tmp_path: Path) -> None:
    flags = ["--tensorflow_serving_only", "--model_name=m", f"--model_base_path={GOLDEN / 'half_plus_two'}"]
    with running(flags) as found:
        for path in ("/healthz", "/readyz", "/v2", "/v2/models/m"):
            assert get(found, path)[0] == 404
        assert get(found, "/v1/models") == (400, {"error": "Missing model name in request."})


def test_an_idle_server_is_ready_at_once() -> None:
    start = time.monotonic()
    with running(["--model_name=m", f"--model_base_path={GOLDEN / 'half_plus_two'}"]) as found:
        assert get(found, "/readyz")[0] == 200
    assert time.monotonic() - start < 20
