"""The command as a whole: help, versions, exit codes, errors of one line."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

import noria
import noria.cli.run
import noria.serving.command
from noria.cli import main

GOLDEN = Path(__file__).parent.parent / "golden"
HALF = str(GOLDEN / "half_plus_two" / "1")


def noria_process(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "noria", *arguments], capture_output=True, text=True, check=False)


def test_version_and_help_need_no_heavy_import() -> None:
    heavy = ("numpy", "google.protobuf", "onnxruntime", "grpc", "noria.model")
    code = (
        "import sys, noria.cli\n"
        "for arguments in (['--version'], ['--help'], ['show', '--help'], ['run', '--help']):\n"
        "    try: noria.cli.main(arguments)\n"
        "    except SystemExit as stop: assert stop.code == 0\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.splitlines()[-1] == "[]"


def test_help_answers_at_once() -> None:
    times = []
    for _ in range(3):
        before = os.times()  # not the clock on the wall: other processes may be at work too
        assert noria_process("show", "--help").returncode == 0
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    assert min(times) < 1.0  # 0.08 s on an idle machine


def test_version() -> None:
    assert noria_process("--version").stdout == f"noria {noria.__version__}\n"


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_has_help_and_an_example(name: str) -> None:
    help_text = inspect.cleandoc(main.commands[name].help or "")
    assert help_text.splitlines()[0].endswith(".")
    assert f"Example:\n  noria {name} " in help_text
    for parameter in main.commands[name].params:
        assert not isinstance(parameter, click.Option) or parameter.help


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["show"], 2, "no model is given"),
        (["run"], 2, "no model is given"),
        (["show", "a", "--dir", "b"], 2, "two models are given: a and --dir b"),
        (["show", HALF, "--no_such"], 2, "--no_such"),
        (["nosuch"], 2, "nosuch"),
        (["show", "/no/such"], 1, "error: /no/such: "),
        (["show", str(GOLDEN)], 1, "error: "),
        (["show", HALF, "--tag_set", "nope"], 1, "available tag-sets: {serve}"),
        (
            ["show", HALF, "--tag_set", "serve", "--signature_def", "nope"],
            1,
            "error: could not find signature 'nope'; please choose from: classify_x_to_y, regress_x_to_y, serv",
        ),
    ],
)
def test_errors_are_one_line_and_an_exit_code(arguments: list[str], code: int, message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    if code == 1:
        assert len(result.stderr.splitlines()) == 1


def test_an_unexpected_error_is_no_traceback_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise KeyError("lost")

    monkeypatch.setattr(noria.cli.run, "load", broken)
    monkeypatch.delenv("NORIA_TRACEBACK", raising=False)
    result = CliRunner().invoke(main, ["run", HALF, "--input_exprs", "x=1"])
    assert result.exit_code == 1
    assert result.stderr == ("error: internal error, a bug in noria: KeyError: 'lost'; NORIA_TRACEBACK=1 shows where\n")
    monkeypatch.setenv("NORIA_TRACEBACK", "1")
    assert isinstance(CliRunner().invoke(main, ["run", HALF, "--input_exprs", "x=1"]).exception, KeyError)


def test_a_reader_that_leaves_is_no_error() -> None:
    show = [sys.executable, "-m", "noria", "show", HALF, "--all"]
    with subprocess.Popen(show, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def test_serve_passes_every_argument_on(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def fake(argv: list[str]) -> int:
        seen.append(argv)
        return 7

    monkeypatch.setattr(noria.serving.command, "main", fake)
    arguments = ["--port=8500", "--rest_api_port", "8501", "--help", "--x", "--", "-h", "show"]
    result = CliRunner().invoke(main, ["serve", *arguments])
    assert result.exit_code == 7
    assert seen == [arguments]
