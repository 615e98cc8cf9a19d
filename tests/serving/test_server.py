"""The server as a process of its own: start, ready line, errors at start, drain."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import REPOSITORY
from noria.protos import serving as pb
from serving.fakes import call_grpc, call_grpc_at
from serving.lifecycle.disk import until

HALF_PLUS_TWO = REPOSITORY / "tests" / "golden" / "half_plus_two"
_COMMAND = [sys.executable, "-c", "import sys; from noria.serving.command import main; sys.exit(main(sys.argv[1:]))"]


@contextlib.contextmanager
def process(*flags: str) -> Iterator[subprocess.Popen[str]]:
    """A server process, killed at the end if it still runs."""
    with subprocess.Popen([*_COMMAND, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            if child.poll() is None:
                child.kill()


def ready(child: subprocess.Popen[str]) -> tuple[int, int]:
    """Waits for the ready line; the gRPC and the REST port."""
    assert child.stdout is not None
    line = child.stdout.readline()
    found = re.fullmatch(
        r"noria: serving m \(version 1\); gRPC on 0\.0\.0\.0:(\d+), REST on http://0\.0\.0\.0:(\d+)\n", line
    )
    assert found is not None, line or (child.stderr and child.stderr.read())
    return int(found[1]), int(found[2])


def told(child: subprocess.Popen[str], what: str) -> str:
    """Waits until the log says ``what``; the log up to there."""
    assert child.stderr is not None
    lines = ""
    while what not in lines:
        line = child.stderr.readline()
        assert line, lines
        lines += line
    return lines


@contextlib.contextmanager
def half_sent(port: int, length: int) -> Iterator[socket.socket]:
    """A connection on which the server has taken the head of a request, and waits for its body of ``length`` bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % length)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield connection


def predict(port: int, body: str = '{"instances": [1.0, 2.0]}', model: str = "m") -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("POST", f"/v1/models/{model}:predict", body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def fails(*flags: str) -> str:
    """Runs a server that must end with status 1; what it wrote on stderr."""
    done = subprocess.run([*_COMMAND, *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


_PORTS = ("--port=-1", "--rest_api_port=-1")


def test_serves_a_model_and_drains_on_sigterm() -> None:
    with process(*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}", "--enable_profiler") as child:
        grpc_port, rest_port = ready(child)
        assert predict(rest_port) == (200, {"predictions": [2.5, 3.0]})
        status = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m"))
        code, text, content = call_grpc(
            grpc_port, "/tensorflow.serving.ModelService/GetModelStatus", status.SerializeToString()
        )
        assert code == "OK", text
        assert pb.GetModelStatusResponse.FromString(content).model_version_status[0].version == 1

        # A request whose body is still on its way when the signal comes is answered.
        body = b'{"instances": [4.0]}'
        with half_sent(rest_port, len(body)) as late:
            late.sendall(body[:5])
            child.send_signal(signal.SIGTERM)
            log = told(child, "draining")
            assert child.poll() is None
            late.sendall(body[5:])
            answer = b""
            while chunk := late.recv(4096):
                answer += chunk
        assert answer.startswith(b"HTTP/1.1 200")
        assert b'"predictions": [4.0]' in answer
        assert child.wait(60) == 0
        assert "--enable_profiler has no effect" in log


def test_a_second_signal_ends_it_at_once() -> None:
    with process(*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}") as child:
        _, rest_port = ready(child)
        with half_sent(rest_port, 10):
            child.send_signal(signal.SIGINT)
            told(child, "draining")
            assert child.poll() is None
            child.send_signal(signal.SIGINT)
            assert child.wait(60) == 1


def test_steady_requests_see_no_failure_while_it_drains() -> None:
    failures: list[object] = []
    answered = 0
    with process(*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}") as child:
        _, rest_port = ready(child)
        stop = threading.Event()

        def load() -> None:
            nonlocal answered
            while not stop.is_set():
                try:
                    connection = socket.create_connection(("127.0.0.1", rest_port), timeout=20)
                except ConnectionError:
                    return  # the port is closed: what an orderly end looks like from outside
                with connection:
                    body = b'{"instances": [4.0]}'
                    head = b"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                    try:
                        connection.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                        answer = connection.recv(4096)
                    except ConnectionResetError:
                        answer = b""
                    if answer.startswith(b"HTTP/1.1 200"):
                        answered += 1
                    elif not child_ending.is_set():
                        failures.append(answer)

        child_ending = threading.Event()
        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: answered > 100 or failures)
        child_ending.set()
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_only_grpc_by_default_and_sockets(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with process(
        "--port=0", f"--grpc_socket_path={path}", "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}"
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == f"noria: serving m (version 1); gRPC on unix:{path}\n"
        assert path.is_socket()
        status = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m")).SerializeToString()
        code, text, _ = call_grpc_at(f"unix:{path}", "/tensorflow.serving.ModelService/GetModelStatus", status)
        assert code == "OK", text
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
    assert not path.exists()


def test_grpc_over_ipv6() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("this machine has no IPv6")
    with process(*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}") as child:
        port, _ = ready(child)
        status = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m")).SerializeToString()
        for host in ("[::1]", "127.0.0.1"):
            code, text, _ = call_grpc_at(f"{host}:{port}", "/tensorflow.serving.ModelService/GetModelStatus", status)
            assert code == "OK", text


def test_arguments_of_grpc() -> None:
    flags = (*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}")
    arguments = "grpc.max_receive_message_length=3,grpc.so_reuseport=1"
    with process(*flags, f"--grpc_channel_arguments={arguments}") as child:
        port, _ = ready(child)
        status = pb.GetModelStatusRequest(model_spec=pb.ModelSpec(name="m")).SerializeToString()
        code, _, _ = call_grpc(port, "/tensorflow.serving.ModelService/GetModelStatus", status)
        assert code == "RESOURCE_EXHAUSTED"
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
        assert child.stderr is not None
        assert "grpc.so_reuseport of --grpc_channel_arguments has no effect" in child.stderr.read()
    for wrong in ("grpc.max_receive_message_length", "grpc.max_receive_message_length=many"):
        text = fails(*flags, f"--grpc_channel_arguments={wrong}")
        assert "--grpc_channel_arguments is" in text or "of --grpc_channel_arguments is a whole number" in text


@pytest.mark.parametrize("flag", ["--port", "--rest_api_port"])
def test_a_port_that_is_taken(flag: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        others = [f for f in _PORTS if not f.startswith(flag + "=")]
        text = fails(f"{flag}={port}", *others, f"--model_base_path={HALF_PLUS_TWO}")
    assert f"cannot open the {'gRPC' if flag == '--port' else 'REST'} port" in text
    assert str(port) in text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--port=65536"], "--port is a port from 1 to 65535, 0 for none or -1 for any free one; got 65536"),
        (["--port=-1", "--rest_api_port=-2", "--workers=2"], "--rest_api_port is a port from 1 to 65535"),
        (["--port=0"], "nobody could reach this server: give --port, --rest_api_port or --grpc_socket_path"),
    ],
)
def test_ports_that_cannot_be(flags: list[str], message: str) -> None:
    text = fails(*flags, f"--model_base_path={HALF_PLUS_TWO}")
    assert message in text
    assert "Traceback" not in text


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_signal_that_comes_before_the_engine_is_there(workers: str) -> None:
    early = (
        "import os, signal, sys; from noria.serving import command; parse = command.parse\n"
        "def interrupted(argv): os.kill(os.getpid(), signal.SIGTERM); return parse(argv)\n"
        "command.parse = interrupted; sys.exit(command.main(sys.argv[1:]))"
    )
    flags = (*_PORTS, f"--workers={workers}", "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}")
    done = subprocess.run([sys.executable, "-c", early, *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_nothing_to_serve(tmp_path: Path) -> None:
    assert "give the model's directory: --model_base_path" in fails()
    assert "unknown flag --model_path, which has no effect; did you mean" in fails(f"--model_path={tmp_path}")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent", "does not exist"),
        (".", "No versions of servable m found under base path"),
        (str(HALF_PLUS_TWO / "1"), "is itself a SavedModel"),
    ],
)
def test_a_model_that_is_not_there_is_said_and_waited_for(tmp_path: Path, path: str, message: str) -> None:
    flags = [*_PORTS, "--model_name=m", f"--model_base_path={tmp_path / path}"]
    with process(*flags, "--file_system_poll_wait_seconds=0.1") as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        assert line.startswith("noria: serving no model; not ready: m: ")
        assert message in line
        rest_port = int(line.rsplit(":", 1)[1])
        assert predict(rest_port) == (404, {"error": "Servable not found for request: Latest(m)"})
        if path == ".":
            shutil.copytree(HALF_PLUS_TWO / "1", tmp_path / "2")
            until(lambda: predict(rest_port)[0] == 200)


def test_a_model_that_does_not_load_says_why(tmp_path: Path) -> None:
    shutil.copytree(HALF_PLUS_TWO / "1", tmp_path / "3")
    (tmp_path / "3" / "saved_model.pb").write_bytes(b"\xff" * 100)
    with process(*_PORTS, "--model_name=m", f"--model_base_path={tmp_path}", "--version_settle_seconds=0") as child:
        assert child.stdout is not None
        line = child.stdout.readline()
    assert "not ready: m: version 3 does not load" in line
    assert str(tmp_path / "3") in line
    assert "Traceback" not in line


def test_a_config_file_that_does_not_parse(tmp_path: Path) -> None:
    (tmp_path / "models.config").write_text("model_config_list { config { nam: 1 } }")
    text = fails(*_PORTS, f"--model_config_file={tmp_path / 'models.config'}")
    assert f"{tmp_path / 'models.config'} is no ModelServerConfig in text form" in text
    assert "Traceback" not in text
    assert "cannot read the model config file" in fails(*_PORTS, f"--model_config_file={tmp_path / 'absent'}")


def test_help() -> None:
    done = subprocess.run([*_COMMAND, "--help"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "--rest_api_port" in done.stdout


def test_sigterm_while_a_model_loads() -> None:
    slow = (
        "import sys, time; from noria.serving import command, server; "
        "server.make_loader = lambda config: lambda path: time.sleep(60); sys.exit(command.main(sys.argv[1:]))"
    )
    flags = (*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}")
    with subprocess.Popen([sys.executable, "-c", slow, *flags], stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        while "m version 1 is LOADING" not in (line := child.stderr.readline()):
            assert line
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0


def test_a_config_file_that_changes(tmp_path: Path) -> None:

    def model(name: str, fields: str = "") -> str:
        return f'config {{ name: "{name}" base_path: "{HALF_PLUS_TWO}" model_platform: "tensorflow" {fields} }}'

    file = tmp_path / "models.config"
    file.write_text(f"model_config_list {{ {model('m')} }}")
    flags = (f"--model_config_file={file}", "--model_config_file_poll_wait_seconds=1", "--model_name=ignored")
    with process(*_PORTS, *flags) as child:
        _, rest_port = ready(child)
        label = 'version_labels { key: "stable" value: 1 }'
        file.write_text(f"model_config_list {{ {model('m')} {model('n', label)} }}")
        until(lambda: predict(rest_port, model="n/labels/stable")[0] == 200)
        assert predict(rest_port) == (200, {"predictions": [2.5, 3.0]})
        assert predict(rest_port, model="ignored")[0] == 404
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0


def test_the_model_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_NAME", "m")
    monkeypatch.setenv("MODEL_BASE_PATH", str(tmp_path))
    (tmp_path / "m").symlink_to(HALF_PLUS_TWO)
    with process(*_PORTS) as child:
        _, rest_port = ready(child)
        assert predict(rest_port)[0] == 200
    assert "--version_transition is availability or resource; got 'x'" in fails(*_PORTS, "--version_transition=x")


def test_readiness_goes_first_and_kept_connections_are_told(tmp_path: Path) -> None:
    flags = (*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}", "--drain_delay_seconds=1.5")
    with process(*flags) as child:
        _, port = ready(child)
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        body = '{"instances": [1.0]}'
        kept.request("POST", "/v1/models/m:predict", body)
        answer = kept.getresponse()
        assert (answer.status, answer.getheader("connection")) == (200, None)
        answer.read()
        child.send_signal(signal.SIGTERM)
        told(child, "draining")
        asking = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        asking.request("GET", "/readyz")
        refused = asking.getresponse()
        assert (refused.status, json.loads(refused.read())["missing"]) == (503, ["the server is stopping"])
        asking.close()
        assert predict(port)[0] == 200  # work is still taken in the delay
        closing = None
        while closing is None:  # until the port closes, and then once more
            time.sleep(0.02)
            kept.request("POST", "/v1/models/m:predict", body)
            answer = kept.getresponse()
            answer.read()
            assert answer.status == 200
            closing = answer.getheader("connection")
        assert closing == "close"
        kept.close()
        assert child.wait(60) == 0


def test_a_drain_is_bounded() -> None:
    flags = (*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}", "--drain_timeout_seconds=0.5")
    with process(*flags) as child:
        _, port = ready(child)
        with half_sent(port, 10):
            child.send_signal(signal.SIGTERM)
            assert child.wait(40) == 1  # a minute without the flag
        assert child.stderr is not None
        assert "gave up 1 REST connections" in child.stderr.read()


def test_connections_on_which_nothing_begins_end_with_it() -> None:
    with (
        process(*_PORTS, "--model_name=m", f"--model_base_path={HALF_PLUS_TWO}") as child,
        contextlib.ExitStack() as on,
    ):
        for port in ready(child):
            on.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        time.sleep(0.1)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 0  # gRPC by itself waits 20 s for the first frame


def test_sighup_looks_for_versions_at_once(tmp_path: Path) -> None:
    shutil.copytree(HALF_PLUS_TWO / "1", tmp_path / "1")
    flags = (*_PORTS, "--model_name=m", f"--model_base_path={tmp_path}", "--file_system_poll_wait_seconds=3600")
    with process(*flags) as child:
        _, port = ready(child)
        shutil.copytree(HALF_PLUS_TWO / "1", tmp_path / "copying")
        (tmp_path / "copying").rename(tmp_path / "2")
        child.send_signal(signal.SIGHUP)
        for _ in range(1200):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as asking:
                asking.sendall(b"GET /v1/models/m/versions/2 HTTP/1.0\r\n\r\n")
                answer = b""
                while chunk := asking.recv(4096):
                    answer += chunk
            if b"AVAILABLE" in answer:
                break
            time.sleep(0.05)
        else:
            raise AssertionError(answer)
        child.send_signal(signal.SIGTERM)
        assert child.wait(60) == 0
