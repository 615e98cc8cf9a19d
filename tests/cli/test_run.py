"""``noria run`` on the models that the repository carries."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import fsspec
import ml_dtypes
import numpy as np
import pytest
from click.testing import CliRunner, Result

from noria.cli import main
from noria.cli.run import placeholder_shapes
from noria.cli.values import json_value, trace_row
from noria.model import load
from noria.protos.tensorflow import MetaGraphDef

GOLDEN = Path(__file__).parent.parent / "golden"
HALF = str(GOLDEN / "half_plus_two" / "1")


def run(*arguments: Any) -> Result:
    return CliRunner().invoke(main, ["run", *map(str, arguments)], catch_exceptions=False)


def run_json(*arguments: Any) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_the_options_of_saved_model_cli(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0], [2.0]], dtype=np.float32))
    head = ["--dir", HALF, "--tag_set", "serve", "--signature_def", "serving_default"]
    result = run(*head, "--inputs", f"x={tmp_path / 'x.npy'}", "--outdir", tmp_path / "new" / "out")
    file = tmp_path / "new" / "out" / "y.npy"
    assert result.exit_code == 0
    assert result.stderr == ""
    assert result.stdout == f"Result for output key y:\n[[2.5]\n [3. ]]\nOutput y is saved to {file}\n"
    np.testing.assert_array_equal(np.load(file), np.array([[2.5], [3.0]], dtype=np.float32))


def test_the_path_alone_runs_serving_default() -> None:
    assert run(HALF, "--input_exprs", "x=np.ones((2, 1))").stdout == "Result for output key y:\n[[2.5]\n [2.5]]\n"


def test_examples() -> None:
    arguments = ["--signature_def", "regress_x_to_y", "--input_examples", 'inputs=[{"x": [1.0]}, {"x": [4.0]}]']
    assert run_json(HALF, *arguments)["outputs"]["outputs"]["value"] == [[2.5], [4.0]]


def test_output_files_are_not_replaced_unasked(tmp_path: Path) -> None:
    arguments = [HALF, "--input_exprs", "x=[[1.0]]", "--outdir", tmp_path]
    assert run(*arguments).exit_code == 0
    before = (tmp_path / "y.npy").read_bytes()
    refused = run(HALF, "--input_exprs", "x=[[5.0]]", "--outdir", tmp_path)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert "y.npy already exists; add --overwrite" in refused.stderr
    assert (tmp_path / "y.npy").read_bytes() == before
    assert run(HALF, "--input_exprs", "x=[[5.0]]", "--outdir", tmp_path, "--overwrite").exit_code == 0
    assert np.load(tmp_path / "y.npy").tolist() == [[4.5]]


def test_strings_are_written_without_pickles(tmp_path: Path) -> None:
    arguments = ["--signature_def", "classify_x_to_y", "--input_examples", 'inputs=[{"x": [1.0]}]']
    plain = run(HALF, *arguments, "--outdir", tmp_path / "plain")
    assert plain.exit_code == 0
    classes = np.load(tmp_path / "plain" / "classes.npy", allow_pickle=False)
    pickled = run(HALF, *arguments, "--outdir", tmp_path / "pickled", "--allow_pickle")
    assert pickled.exit_code == 0
    objects = np.load(tmp_path / "pickled" / "classes.npy", allow_pickle=True)
    assert objects.dtype == object
    assert classes.astype(object).tolist() == objects.tolist()


def test_json_has_dtypes_shapes_values_and_files(tmp_path: Path) -> None:
    found = run_json(HALF, "--input_exprs", "x=[[np.nan], [np.inf], [1]]", "--outdir", tmp_path)
    output = found["outputs"]["y"]
    assert found["signature"] == "serving_default"
    assert (output["dtype"], output["shape"]) == ("float32", [3, 1])
    assert math.isnan(output["value"][0][0])
    assert output["value"][1:] == [[math.inf], [2.5]]
    assert output["file"] == str(tmp_path / "y.npy")


def test_tf_debug_prints_every_tensor() -> None:
    text = run(HALF, "--input_exprs", "x=[[1.0], [np.nan], [np.inf]]", "--tf_debug").stdout
    heads = next(line.split() for line in text.splitlines() if line.lstrip().startswith("tensor"))
    assert heads == ["tensor", "op", "dtype", "shape", "min", "max", "mean", "nan", "inf", "ms"]
    row = next(line.split() for line in text.splitlines() if line.lstrip().startswith("y:0"))
    assert row[2:9] == ["float32", "[3,1]", "2.5", "2.5", "2.5", "1", "1"]
    trace = run_json(HALF, "--input_exprs", "x=[[1.0]]", "--tf_debug")["trace"]
    assert trace[-1]["tensor"] == "y:0"
    assert (trace[-1]["min"], trace[-1]["max"], trace[-1]["mean"]) == (2.5, 2.5, 2.5)
    assert trace[-1]["seconds"] > 0


def test_tf_debug_runs_the_signature_once() -> None:
    counter = GOLDEN / "counter" / "1"
    found = run_json(counter, "--signature_def", "add", "--input_exprs", "delta=3", "--tf_debug")
    plain = run_json(counter, "--signature_def", "add", "--input_exprs", "delta=3")
    assert found["outputs"] == plain["outputs"]


def test_a_signature_without_inputs_needs_none() -> None:
    assert run(GOLDEN / "counter" / "1", "--signature_def", "get").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "signature 'serving_default' takes x; give at least one of --inputs, --input_exprs"),
        (["--inputs", "x"], 1, "--inputs 'x': expected <input_key>=<filename>"),
        (["--inputs", "x=/no/such.npy"], 1, "/no/such.npy: no such file"),
        (["--input_exprs", "x 1"], 1, "--input_exprs 'x 1': expected <input_key>=<expression>"),
        (["--input_exprs", "x=open('f')"], 1, "unknown name 'open'"),
        (["--input_exprs", "x=np.ones((10**9, 10**9))"], 1, "its values would take"),
        (["--input_exprs", "z=[[1.0]]"], 1, "extra ['z'], missing ['x']"),
        (["--input_exprs", "x=[['a']]"], 1, "input 'x' takes float32"),
        (["--input_exprs", "x=[1.0]"], 1, "input 'x' has shape [1], the model takes [?,1]"),
        (["--input_exprs", "x=1", "--signature_def", "nope"], 1, "could not find signature 'nope'"),
        (["--input_exprs", "x=1", "--tag_set", "nope"], 1, "available tag-sets: {serve}"),
        (["--input_examples", "x={}"], 1, "expected a list of dicts"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], code: int, message: str) -> None:
    result = run(HALF, *arguments)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""
    assert code == 2 or len(result.stderr.splitlines()) == 1


def test_models_and_inputs_by_url() -> None:
    memory = fsspec.filesystem("memory")
    memory.put(HALF, "/cli/half_plus_two/1", recursive=True)
    file = io.BytesIO()
    np.save(file, np.array([[1.0]]))
    memory.pipe_file("/cli/x.npy", file.getvalue())
    found = run_json("memory://cli/half_plus_two/1", "--inputs", "x=memory://cli/x.npy")
    assert found["outputs"]["y"]["value"] == [[2.5]]


def test_only_the_outputs_asked_for(tmp_path: Path) -> None:
    arguments = [HALF, "--signature_def", "classify_x_to_y", "--input_examples", 'inputs=[{"x": [1.0]}]']
    for debug in ([], ["--tf_debug"]):
        assert list(run_json(*arguments, "--outputs", "scores", *debug)["outputs"]) == ["scores"]
    result = run(*arguments, "--outputs", "nope")
    assert result.exit_code == 1
    assert "has no output nope; it has classes, scores" in result.stderr


def test_a_frozen_graph_is_fed_and_asked_by_tensor_names() -> None:
    frozen = GOLDEN / "half_plus_two" / "frozen.pb"
    found = run_json(frozen, "--input_exprs", "x:0=[[1.0], [4.0]]", "--outputs", "y:0,Mul")
    assert found["outputs"]["y:0"]["value"] == [[2.5], [4.0]]
    examples = run_json(frozen, "--input_examples", 'tf_example=[{"x": [6.0]}]')
    assert examples["outputs"]["y"]["value"] == [[5.0]]
    refused = run(frozen, "--input_exprs", "nope=[[1.0]]")
    assert refused.exit_code == 1
    assert "nope" in refused.stderr


def test_without_serving_default_the_choices_are_listed() -> None:
    result = run(GOLDEN / "counter" / "1", "--input_exprs", "delta=1")
    assert result.exit_code == 1
    assert "choose with --signature_def from: add, get, reset" in result.stderr


def test_a_key_cannot_lead_out_of_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(str(GOLDEN / "half_plus_two" / "1"))
    signature = model.signatures["serving_default"]
    evil = "../../y"
    monkeypatch.setattr(signature, "outputs", {evil: signature.outputs["y"]})
    monkeypatch.setattr(signature, "run", lambda *_a, **_k: {evil: np.ones(1)})
    monkeypatch.setattr("noria.cli.run.load", lambda *_a, **_k: model)
    assert run(HALF, "--input_exprs", "x=[[1.0]]", "--outdir", tmp_path / "a" / "b").exit_code == 0
    assert [path.name for path in tmp_path.rglob("*.npy")] == ["..%2F..%2Fy.npy"]


def test_a_placeholder_of_an_old_graph_has_no_scalar_shape() -> None:
    meta = MetaGraphDef()
    for name, dims in (("scalar", []), ("vector", [-1]), ("any", None)):
        shape = meta.graph_def.node.add(name=name, op="Placeholder").attr["shape"].shape
        if dims is None:
            shape.unknown_rank = True
        else:
            shape.SetInParent()
            for dim in dims:
                shape.dim.add(size=dim)
    meta.graph_def.versions.producer = 21
    assert placeholder_shapes(meta) == {"scalar:0": None, "vector:0": (None,), "any:0": None}
    meta.graph_def.versions.producer = 22
    assert placeholder_shapes(meta) == {"scalar:0": (), "vector:0": (None,), "any:0": None}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([[1, 2]], dtype=np.int8), [[1, 2]]),
        (np.float32(1.5), 1.5),
        (np.array([b"a", b"\xff", "ä"], dtype=object), ["a", {"b64": "/w=="}, "ä"]),
        (np.array(b"a", dtype=object), "a"),
        (np.array([[b"a"], [b"b"]], dtype=object), [["a"], ["b"]]),
        (np.array([1 + 2j], dtype=np.complex64), [[1.0, 2.0]]),
        (np.array([1.5], dtype=ml_dtypes.bfloat16), [1.5]),
        (np.array([-3], dtype=ml_dtypes.int4), [-3]),
        (np.array([True]), [True]),
    ],
)
def test_json_values(value: Any, expected: Any) -> None:
    assert json_value(value) == expected


@pytest.mark.parametrize(
    ("value", "cells"),
    [
        (np.array([1, 2, 6], dtype=np.int32), ["int32", "[3]", "1", "6", "3", "0", "0"]),
        (np.array([True, False]), ["bool", "[2]", "0", "1", "0.5", "0", "0"]),
        (np.array([np.nan, np.inf, -np.inf, 2.0]), ["float64", "[4]", "2", "2", "2", "1", "2"]),
        (np.array([np.nan], dtype=np.float16), ["float16", "[1]", "", "", "", "1", "0"]),
        (np.zeros((0, 2), dtype=np.float32), ["float32", "[0,2]", "", "", "", "0", "0"]),
        (np.array([1.5], dtype=ml_dtypes.bfloat16), ["bfloat16", "[1]", "1.5", "1.5", "1.5", "0", "0"]),
        (np.array([1j, np.nan]), ["complex128", "[2]", "", "", "", "1", "0"]),
        (np.array([b"a"], dtype=object), ["string", "[1]", "", "", "", "0", "0"]),
        ({}, ["dict", "", "", "", "", "0", "0"]),
    ],
)
def test_trace_rows(value: Any, cells: list[str]) -> None:
    assert trace_row("t", "Op", value, 0.001).cells() == ["t", "Op", *cells, "1.000"]
