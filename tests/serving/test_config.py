"""The command line of ``noria serve``."""

from __future__ import annotations

from dataclasses import fields

import pytest

import noria
from noria.errors import InvalidArgumentError
from noria.serving import command
from noria.serving.config import ServerConfig, help_text, parse_flags


def test_both_ways_of_writing_a_flag() -> None:
    config, warnings = parse_flags(
        ["--port=9000", "--rest_api_port", "-1", "--model_name=m", "-model_base_path", "/m", "--saved_model_tags="]
    )
    assert config == ServerConfig(
        port=9000, rest_api_port=-1, model_name="m", model_base_path="/m", saved_model_tags=""
    )
    assert warnings == []


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["--rest_api_enable_cors_support"], True),
        (["--rest_api_enable_cors_support", "--port=1"], True),
        (["--rest_api_enable_cors_support=false"], False),
        (["--rest_api_enable_cors_support", "false"], False),
        (["--rest-api-enable-cors-support=TRUE"], True),
    ],
)
def test_booleans(argv: list[str], expected: bool) -> None:
    assert parse_flags(argv)[0].rest_api_enable_cors_support is expected


def test_flags_without_a_meaning_here_are_accepted_and_say_so() -> None:
    config, warnings = parse_flags(["--xla_cpu_compilation_enabled", "--mixed_precision", "bfloat16", "--port=1"])
    assert config.port == 1
    assert warnings == [
        "--xla_cpu_compilation_enabled has no effect: models run on ONNX Runtime, not on XLA",
        "--mixed_precision has no effect: models run in the precision they were saved in",
    ]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--port=high"], "--port is a whole number; got 'high'"),
        (["--port"], "--port needs a value: --port=<int>"),
        (["--rest_api_enable_cors_support=maybe"], "is true or false; got 'maybe'"),
    ],
)
def test_errors(argv: list[str], message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_flags(argv)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("argv", "warning"),
    [
        (["--rest_port=1"], "unknown flag --rest_port, which has no effect; did you mean --"),
        (["--xyzzy"], "unknown flag --xyzzy, which has no effect; noria serve --help lists all flags"),
        (["model"], "unexpected argument 'model', which has no effect"),
    ],
)
def test_what_is_unknown_keeps_nobody_from_starting(argv: list[str], warning: str) -> None:
    config, (found,) = parse_flags([*argv, "--port=7"])
    assert config.port == 7
    assert found.startswith(warning)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--version"]) == 0
    assert capsys.readouterr().out == f"noria {noria.__version__}\n"


def test_help_has_every_flag() -> None:
    text = help_text()
    for row in fields(ServerConfig):
        assert f"--{row.name} " in text
        assert row.metadata["help"] in text
