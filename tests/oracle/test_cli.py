"""``noria run`` and ``noria show`` against saved_model_cli: the same files, the same refusals, the same lines."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from tensorflow.python.tools import saved_model_cli

from noria.cli import main

GOLDEN = Path(__file__).parent.parent / "golden"
HALF = GOLDEN / "half_plus_two" / "1"
IRIS = GOLDEN / "iris" / "1"
TEXT = GOLDEN / "text" / "1"
COUNTER = GOLDEN / "counter" / "1"

# model, signature, --inputs, --input_exprs, --input_examples; {} is the folder of input files.
RUNS: list[tuple[Path, str, str, str, str]] = [
    (HALF, "serving_default", "x={}/column.npy", "", ""),
    (HALF, "serving_default", "x={}/one.npz", "", ""),
    (HALF, "serving_default", "x={}/two.npz[b]", "", ""),
    (HALF, "serving_default", "x={}/column.npy[ignored]", "", ""),
    (HALF, "serving_default", "", "x=[[1.0], [2]]", ""),
    (HALF, "serving_default", "", "x=[[True]]", ""),
    (HALF, "serving_default", "", "x=[['1.5']]", ""),
    (HALF, "serving_default", "x={}/column.npy", "x=[[7]]", ""),
    (HALF, "regress_x_to_y", "", "", 'inputs=[{"x": [1.0]}, {"x": [4.0]}]'),
    (HALF, "regress_x_to_y", "", "", "inputs=[{}]"),
    (HALF, "classify_x_to_y", "", "", 'inputs=[{"x": [1.0]}]'),
    (IRIS, "serving_default", "", "x=[[5.1, 3.5, 1.4, 0.2], [6, 3, 5, 2]]", ""),
    (IRIS, "serving_default", "x={}/flowers.npy", "", ""),
    (TEXT, "serving_default", "", "words=[['good', 'day'], [b'no', 'zzz']]", ""),
    (COUNTER, "add", "", "delta=2", ""),
    (COUNTER, "add", "", "delta=2.7", ""),
]

REFUSED: list[tuple[Path, str, str, str, str]] = [
    (HALF, "serving_default", "", "", ""),
    (HALF, "serving_default", "x", "", ""),
    (HALF, "serving_default", "x={}/absent.npy", "", ""),
    (HALF, "serving_default", "x={}/two.npz", "", ""),
    (HALF, "serving_default", "x={}/two.npz[c]", "", ""),
    (HALF, "serving_default", "x={}/text.npy", "", ""),
    (HALF, "serving_default", "x={}/row.npy", "", ""),
    (HALF, "serving_default", "z={}/column.npy", "", ""),
    (HALF, "serving_default", "", "x 1", ""),
    (HALF, "serving_default", "", "x=[1.0]", ""),
    (HALF, "serving_default", "", "x=[['a']]", ""),
    (HALF, "serving_default", "", "x=[[1], [2, 3]]", ""),
    (HALF, "serving_default", "", "x=nonsense", ""),
    (HALF, "serving_default", "", "x=[[1.0]]; z=[2]", ""),
    (HALF, "nope", "", "x=[[1.0]]", ""),
    (HALF, "regress_x_to_y", "", "", 'inputs={"x": [1.0]}'),
    (HALF, "regress_x_to_y", "", "", 'inputs=[{"x": 1.0}]'),
    (HALF, "regress_x_to_y", "", "", 'inputs=[{"x": [None]}]'),
    (HALF, "regress_x_to_y", "", "", 'inputs=[{"x": [1]}]'),
    (IRIS, "serving_default", "", "x=[[1.0, 2.0]]", ""),
    (TEXT, "serving_default", "", "words=[[1]]", ""),
    (HALF / "absent", "serving_default", "", "x=[[1.0]]", ""),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of input files."""
    np.save(tmp_path / "column.npy", np.array([[1.0], [2.0]]))
    np.save(tmp_path / "row.npy", np.array([1.0, 2.0]))
    np.save(tmp_path / "flowers.npy", np.random.default_rng(1).random((5, 4)))
    np.savez(tmp_path / "one.npz", a=np.ones((2, 1)))
    np.savez(tmp_path / "two.npz", a=np.ones((2, 1)), b=np.zeros((3, 1)))
    (tmp_path / "text.npy").write_text("1 2 3")
    return tmp_path


@pytest.fixture
def outdir(tmp_path: Path) -> Iterator[Path]:
    """A working folder of the two programs' output folders."""
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def filled(case: tuple[Path, str, str, str, str], data: Path) -> tuple[Path, str, str, str, str]:
    model, signature, inputs, exprs, examples = case
    return model, signature, inputs.replace("{}", str(data)), exprs, examples


def tensorflow_run(case: tuple[Path, str, str, str, str], outdir: Path, overwrite: bool = False) -> None:
    """What ``saved_model_cli run`` does once its flags are parsed."""
    model, signature, inputs, exprs, examples = case
    if not (inputs or exprs or examples):
        raise AttributeError("the command itself refuses to run without inputs")
    feeds = saved_model_cli.load_inputs_from_input_arg_string(inputs, exprs, examples)
    saved_model_cli.run_saved_model_with_feed_dict(str(model), "serve", signature, feeds, str(outdir), overwrite)


def noria_run(case: tuple[Path, str, str, str, str], outdir: Path, *more: str) -> Result:
    model, signature, inputs, exprs, examples = case
    arguments = ["run", "--dir", str(model), "--tag_set", "serve", "--signature_def", signature]
    arguments += ["--inputs", inputs, "--input_exprs", exprs, "--input_examples", examples]
    return CliRunner().invoke(main, [*arguments, "--outdir", str(outdir), *more])


def arrays(folder: Path) -> dict[str, Any]:
    return {path.name: np.load(path, allow_pickle=True) for path in sorted(folder.glob("*.npy"))}


@pytest.mark.parametrize("case", RUNS, ids=range(len(RUNS)))
def test_the_same_files_and_lines(
    case: tuple[Path, str, str, str, str], data: Path, outdir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled_case = filled(case, data)
    tensorflow_run(filled_case, outdir / "theirs")
    theirs_text = capsys.readouterr().out.replace("/theirs/", "/ours/")
    result = noria_run(filled_case, outdir / "ours", "--allow_pickle")
    assert result.exit_code == 0, result.output
    theirs, ours = arrays(outdir / "theirs"), arrays(outdir / "ours")
    assert ours.keys() == theirs.keys()
    for name, expected in theirs.items():
        assert ours[name].dtype == expected.dtype
        if expected.dtype.kind == "f":
            np.testing.assert_allclose(ours[name], expected, rtol=1e-5, atol=1e-7)
        else:
            np.testing.assert_array_equal(ours[name], expected)
    if all(a.dtype.kind != "f" or np.array_equal(a, ours[n]) for n, a in theirs.items()):
        assert result.stdout == theirs_text


@pytest.mark.parametrize("case", REFUSED, ids=range(len(REFUSED)))
def test_the_same_refusals(case: tuple[Path, str, str, str, str], data: Path, outdir: Path) -> None:
    filled_case = filled(case, data)
    with pytest.raises(Exception):  # noqa: B017  # each cause has a class of its own there
        tensorflow_run(filled_case, outdir / "theirs")
    result = noria_run(filled_case, outdir / "ours")
    assert result.exit_code in (1, 2)
    assert "internal error" not in result.stderr
    assert arrays(outdir / "ours") == {}


def test_the_overwrite_check(data: Path, outdir: Path) -> None:
    case = filled(RUNS[0], data)
    tensorflow_run(case, outdir / "same")
    with pytest.raises(RuntimeError, match="already exists"):
        tensorflow_run(case, outdir / "same")
    refused = noria_run(case, outdir / "same")
    assert refused.exit_code == 1
    assert "already exists" in refused.stderr
    tensorflow_run(case, outdir / "same", overwrite=True)
    assert noria_run(case, outdir / "same", "--overwrite").exit_code == 0


def shown(*arguments: str) -> list[str]:
    result = CliRunner().invoke(main, ["show", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


@pytest.mark.parametrize("model", [HALF, IRIS, TEXT, COUNTER], ids=lambda path: path.parent.name)
def test_show_has_the_lines_of_saved_model_cli(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(model)
    saved_model_cli._show_tag_sets(folder)
    expected = capsys.readouterr().out.splitlines()
    assert shown("--dir", folder)[: len(expected)] == expected
    saved_model_cli._show_signature_def_map_keys(folder, "serve")
    expected = capsys.readouterr().out.splitlines()
    assert shown("--dir", folder, "--tag_set", "serve")[: len(expected)] == expected
    for key in saved_model_cli.get_signature_def_map(folder, "serve"):
        saved_model_cli._show_inputs_outputs(folder, "serve", key)
        expected = capsys.readouterr().out.rstrip("\n").splitlines()
        ours = shown("--dir", folder, "--tag_set", "serve", "--signature_def", key)
        assert [line.rstrip() for line in ours[: len(expected)]] == [line.rstrip() for line in expected]


@pytest.mark.parametrize("model", [HALF, IRIS, TEXT, COUNTER], ids=lambda path: path.parent.name)
def test_show_all_has_every_line(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Apart from the ops, which are a set there, and the arguments of functions, which are told in other words."""
    saved_model_cli._show_all(str(model))
    expected = capsys.readouterr().out
    text, _, functions = expected.partition("\nConcrete Functions:")
    ours = [line.rstrip() for line in shown("--dir", str(model), "--all")]
    wanted = [line.rstrip() for line in text.splitlines() if not line.startswith("The MetaGraph with tag set")]
    rest = iter(ours)
    assert all(line in rest for line in wanted)  # in their order
    names = [line for line in functions.splitlines() if "Function Name:" in line]
    assert [line for line in ours if "Function Name:" in line] == names


def test_list_ops_has_every_op(capsys: pytest.CaptureFixture[str]) -> None:
    for model in (HALF, IRIS, TEXT, COUNTER):
        saved_model_cli._show_ops_in_metagraph(str(model), "serve")
        theirs = capsys.readouterr().out.partition(": {")[2]
        ours = shown("--dir", str(model), "--tag_set", "serve", "--list_ops")[0].partition(": {")[2]
        assert set(theirs.strip("{}\n").split(", ")) <= set(ours.strip("{}").split(", "))
