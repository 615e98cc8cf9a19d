"""``noria predict`` and ``noria models`` against servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from client.served import served
from noria.cli import main
from noria.serving.server import Server


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, Server]]:
    with served() as own, served(tensorflow_serving_only=True, port=0) as other:
        yield {"grpc": own, "rest": own, "json": other}


@pytest.fixture(params=["grpc", "rest", "json"])
def url(servers: dict[str, Server], request: pytest.FixtureRequest) -> str:
    server = servers[request.param]
    return f"127.0.0.1:{server.grpc_port}" if request.param == "grpc" else f"http://127.0.0.1:{server.rest_port}"


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def test_predict(url: str, tmp_path: Path) -> None:
    result = run("predict", url, "hp", "--input_exprs", "x=[[1.0], [2.0]]")
    assert result.stdout == "Result for output key y:\n[[2.5]\n [3. ]]\n"
    assert result.exit_code == 0
    np.save(tmp_path / "x.npy", np.array([4.0]))
    result = run("predict", url, "m", "--inputs", f"x={tmp_path / 'x.npy'}", "--version", 1, "--json")
    assert json.loads(result.stdout) == {
        "signature": "serving_default",
        "outputs": {"y": {"dtype": "float32", "shape": [1], "value": [4.0]}},
    }


def test_examples_and_signatures(url: str) -> None:
    arguments = [
        "--signature_def",
        "regress_x_to_y",
        "--input_examples",
        'inputs=[{"x": [1.0]}, {"x": [4.0]}]',
        "--json",
    ]
    document = json.loads(run("predict", url, "hp", *arguments).stdout)
    assert document["outputs"]["outputs"]["value"] == [[2.5], [4.0]]
    arguments = ["--signature", "odd", "--input_exprs", "x=[1.0]", "--outputs", "raw_bytes,special", "--json"]
    document = json.loads(run("predict", url, "m", *arguments).stdout)
    assert set(document["outputs"]) == {"raw_bytes", "special"}
    assert document["outputs"]["raw_bytes"]["value"][0] == {"b64": "/wA="}


def test_one_model(url: str) -> None:
    lines = run("models", url, "hp").stdout.splitlines()
    assert lines[0] == "model hp"
    assert [line.split() for line in lines[1:3]] == [["version", "state", "message"], ["1", "AVAILABLE"]]
    assert "signature serving_default (predict) of version 1" in lines
    assert "  input   x    float32  [?,1]" in lines
    document = json.loads(run("models", url, "m", "--json").stdout)
    assert [row["version"] for row in document["versions"]] == [2, 1]
    assert document["versions"][0] == {"version": 2, "state": "AVAILABLE", "code": "OK", "message": ""}
    assert document["signatures"]["odd"]["outputs"]["empty"] == {"dtype": "int64", "shape": [None, 3]}
    assert document["signatures"]["odd"]["inputs"]["x"]["shape"] is None


def test_all_models(servers: dict[str, Server]) -> None:
    url = f"http://127.0.0.1:{servers['rest'].rest_port}"
    rows = [line.split()[:3] for line in run("models", url).stdout.splitlines()]
    assert rows[0] == ["model", "version", "state"]
    assert sorted(rows[1:]) == [["hp", "1", "AVAILABLE"], ["m", "1", "AVAILABLE"], ["m", "2", "AVAILABLE"]]
    assert {row["name"] for row in json.loads(run("models", url, "--json").stdout)} == {"hp", "m"}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["predict", "{url}", "none", "--input_exprs", "x=1"], "none"),
        (
            ["predict", "{url}", "hp", "--input_exprs", "z=1"],
            "signature 'serving_default' has no input 'z'; it takes x",
        ),
        (["predict", "{url}", "hp", "--input_exprs", "x="], "x"),
        (
            ["predict", "{url}", "hp", "--signature", "none", "--input_exprs", "x=1"],
            "has no signature 'none'; choose with",
        ),
        (["predict", "{url}", "hp", "--version", "7", "--input_exprs", "x=1"], "Specific(hp, 7)"),
        (
            ["predict", "{url}", "hp", "--version", "1", "--label", "a", "--input_exprs", "x=1"],
            "give version (1) or label",
        ),
        (["predict", "{url}", "hp", "--ca", "/absent", "--input_exprs", "x=1"], "cannot read /absent"),
        (["predict", "localhost:x", "hp", "--input_exprs", "x=1"], "is no host:port"),
        (["models", "{url}", "none"], "Could not find any versions of model none"),
    ],
)
def test_errors_are_one_line(url: str, arguments: list[str], text: str) -> None:
    result = run(*(url if argument == "{url}" else argument for argument in arguments))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert text in result.stderr
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_wrong_usage(url: str, servers: dict[str, Server]) -> None:
    assert "signature 'serving_default' takes x; give at least one of" in run("predict", url, "hp").stderr
    assert run("predict", url).exit_code == 2
    assert run("predict", url, "hp", "--version", "-1").exit_code == 2
    json_url = f"http://127.0.0.1:{servers['json'].rest_port}"
    assert "does not list its models; ask for one by its name" in run("models", json_url).stderr
    assert "use the server's http:// address" in run("models", f"127.0.0.1:{servers['grpc'].grpc_port}").stderr


def test_nobody_there() -> None:
    result = run("models", "http://127.0.0.1:1", "m", "--timeout", 5)
    assert result.exit_code == 1
    assert "cannot reach 127.0.0.1:1" in result.stderr
