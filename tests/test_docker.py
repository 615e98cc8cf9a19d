"""The container image as far as it can be tried without a daemon: entry point, health check, files, manifests."""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import itertools
import json
import os
import re
import signal
import stat
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import model_config
from serving.lifecycle.disk import until

_SCRIPTS = REPOSITORY / "docker"
_ENTRY_POINT = _SCRIPTS / "tf_serving_entrypoint.sh"


def _command(folder: Path, text: str) -> None:
    """A program ``noria`` in ``folder``."""
    path = folder / "noria"
    path.write_text(text)
    path.chmod(0o755)


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **more}


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A folder with a ``noria`` that prints its arguments."""
    _command(tmp_path, f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    return tmp_path


def test_the_entry_point_gives_the_arguments_of_tensorflow_servings_image(echo: Path) -> None:
    environment = _environment(echo, MODEL_NAME="my model", MODEL_BASE_PATH="gs://bucket/models")
    command = [str(_ENTRY_POINT), "--enable_batching", "--port=9 9"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert json.loads(done.stdout) == [
        "serve", "--port=8500", "--rest_api_port=8501", "--model_name=my model",
        "--model_base_path=gs://bucket/models/my model", "--enable_batching", "--port=9 9",
    ]  # fmt: skip


def test_manifests_that_name_tensorflow_servings_binary(echo: Path) -> None:
    command = [str(_SCRIPTS / "tensorflow_model_server"), "--port=8500", "--model_name=a b"]
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(echo), check=True)
    assert json.loads(done.stdout) == ["serve", "--port=8500", "--model_name=a b"]


def test_the_entry_point_serves_and_passes_signals_on(tmp_path: Path) -> None:
    _command(tmp_path, f'#!/bin/sh\nexec {sys.executable} -m noria "$@"\n')
    golden = str(REPOSITORY / "tests" / "golden")
    environment = _environment(tmp_path, MODEL_NAME="half_plus_two", MODEL_BASE_PATH=golden)
    command = [str(_ENTRY_POINT), "--port=-1", "--rest_api_port=-1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        try:
            assert child.stdout is not None
            assert child.stderr is not None
            line = child.stdout.readline()
            port = re.search(r"REST on http://0\.0\.0\.0:(\d+)", line)
            assert port is not None, line or child.stderr.read()
            assert "half_plus_two (version 1)" in line
            for path, status in (("/healthz", 0), ("/readyz", 0), ("/nowhere", 1)):
                until(lambda p=path, s=status: _health(f"http://127.0.0.1:{port[1]}{p}")[0] == s)  # type: ignore[misc]
            url = f"http://127.0.0.1:{port[1]}/v1/models/half_plus_two:predict"
            with urllib.request.urlopen(url, b'{"instances": [1.0]}', timeout=20) as answer:
                assert json.loads(answer.read()) == {"predictions": [2.5]}
            child.send_signal(signal.SIGTERM)  # the shell is gone: the server has its process
            assert child.wait(60) == 0
        finally:
            if child.poll() is None:
                child.kill()


def _health(url: str) -> tuple[int, str]:
    environment = {**os.environ, "NORIA_HEALTH_URL": url}
    command = [sys.executable, str(_SCRIPTS / "noria-health")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stderr


@contextlib.contextmanager
def _answering(status: int) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/readyz"
        finally:
            server.shutdown()
            thread.join()


def test_the_health_check() -> None:
    with _answering(200) as url:
        until(lambda: _health(url) == (0, ""))  # it gives a server two seconds, which on a busy machine may pass
    with _answering(503) as url:
        code, text = _health(url)
        assert code == 1
        assert "503" in text
    code, text = _health("http://127.0.0.1:1/healthz")
    assert code == 1
    assert "Traceback" not in text


def _instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, continued lines joined, comments left out."""
    text = (REPOSITORY / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def test_the_image_has_what_it_runs() -> None:
    instructions = _instructions()
    assert [word for word, _ in instructions if word not in _KNOWN] == []
    copied = [rest.split() for word, rest in instructions if word == "COPY" and "--from" not in rest]
    sources = [name for row in copied for name in row[:-1] if not name.startswith("--")]
    for name in sources:
        assert (REPOSITORY / name).exists(), name
    assert all(_kept(name) for name in sources)
    assert not _kept("tests/conftest.py")
    assert not _kept(".git/config")
    by_word = dict(instructions)
    assert json.loads(by_word["ENTRYPOINT"]) == ["/usr/bin/tf_serving_entrypoint.sh"]
    assert by_word["EXPOSE"] == "8500 8501"
    assert by_word["USER"].isdigit()
    assert int(by_word["USER"]) > 0
    assert 'CMD ["noria-health"]' in by_word["HEALTHCHECK"]
    assert "MODEL_NAME=model" in by_word["ENV"]
    assert "MODEL_BASE_PATH=/models" in by_word["ENV"]
    for script in _SCRIPTS.iterdir():
        assert f"docker/{script.name}" in sources
        assert script.stat().st_mode & stat.S_IXUSR


_KNOWN = frozenset({"ARG", "FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "EXPOSE", "USER", "STOPSIGNAL",
                    "HEALTHCHECK", "ENTRYPOINT"})  # fmt: skip


def _kept(name: str) -> bool:
    """Whether .dockerignore leaves ``name`` in: the file forbids all and allows names at the top."""
    allowed = {line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    return name.partition("/")[0] in allowed


@pytest.mark.parametrize("name", ["tf_serving_entrypoint.sh", "tensorflow_model_server"])
def test_the_scripts_are_shell_that_any_sh_takes(name: str) -> None:
    assert (_SCRIPTS / name).read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(_SCRIPTS / name)], check=True)


@pytest.mark.parametrize(
    "path", ["docs/docker.md", "docs/kubernetes/noria.yaml", "docs/kubernetes/serving-runtime.yaml"]
)
def test_pages_and_manifests_name_flags_that_there_are(path: str) -> None:
    known = {field.name for field in dataclasses.fields(ServerConfig)}
    text = (REPOSITORY / path).read_text()
    named = set(re.findall(r"--([a-z]+(?:_[a-z]+)+)\b", text))
    assert named
    assert named <= known


def test_the_config_in_the_manifest_is_one() -> None:
    lines = (REPOSITORY / "docs" / "kubernetes" / "noria.yaml").read_text().split("models.config: |\n")[1].splitlines()
    text = "\n".join(itertools.takewhile(lambda line: line.startswith("    "), lines))
    config = model_config.parse(text.encode(), "noria.yaml")
    assert [row.name for row in config.model_config_list.config] == ["iris", "text"]
