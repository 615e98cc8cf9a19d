"""``noria freeze``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner, Result

import noria
from noria.cli import main
from noria.formats.graph_def import read_graph_def, write_graph_def, write_meta_graph_def
from noria.formats.saved_model import read_saved_model

GOLDEN = Path(__file__).parent.parent / "golden"
HALF = str(GOLDEN / "half_plus_two" / "1")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["freeze", *arguments])


def test_a_saved_model(tmp_path: Path) -> None:
    target = str(tmp_path / "half.pb")
    done = run(HALF, "-o", target)
    assert done.exit_code == 0, done.output
    assert "variables to constants" in done.output
    source = noria.load(HALF)
    spec = source.signatures["serving_default"]
    alias, out = next(iter(spec.inputs)), next(iter(spec.outputs))
    x = np.array([[1.0], [2.0]], np.float32)
    frozen = noria.load(target, inputs=[spec.inputs[alias].tensor], outputs=[spec.outputs[out].tensor])
    found = next(iter(frozen(**{spec.inputs[alias].tensor: x}).values()))
    assert np.array_equal(found, source(**{alias: x})[out])
    again = run(HALF, "-o", target)
    assert again.exit_code == 1
    assert "--force" in again.output
    assert run(HALF, "-o", target, "--force").exit_code == 0


def test_the_options_of_freeze_graph(tmp_path: Path) -> None:
    """A text GraphDef with a checkpoint, and a MetaGraph; outputs by name."""
    saved = read_saved_model(HALF)
    meta = saved.meta_graph()
    graph, target = str(tmp_path / "graph.pbtxt"), str(tmp_path / "out.pbtxt")
    write_graph_def(graph, meta.graph_def)
    write_meta_graph_def(str(tmp_path / "m.meta"), meta)
    tensor = next(iter(meta.signature_def["serving_default"].outputs.values())).name
    node = tensor.partition(":")[0]
    assert saved.variables_prefix is not None
    options = ["--input_checkpoint", saved.variables_prefix, "--output_node_names", node, "--clear_devices=False"]
    done = run("--input_graph", graph, *options, "--output_graph", target, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.output)
    assert document["outputs"] == [node]
    assert document["variables"]
    assert "Const" in document["ops"]
    found = read_graph_def(target)
    assert len(found.node) == document["nodes"]
    other = str(tmp_path / "other.pb")
    done = run("--input_meta_graph", str(tmp_path / "m.meta"), *options, "-o", other, "--binary")
    assert done.exit_code == 0, done.output
    assert read_graph_def(other) == found


def test_what_cannot_be_frozen(tmp_path: Path) -> None:
    target = str(tmp_path / "o.pb")
    assert "give exactly one of PATH" in run("-o", target).output
    assert "give exactly one of PATH" in run(HALF, "--input_graph", "x.pb", "-o", target).output
    assert "no such file" in run("gone", "-o", target).output
    assert "has no signature 'odd'" in run(HALF, "--signature", "odd", "-o", target).output
    assert "odd is not in graph" in run(HALF, "--output_node_names", "odd", "-o", target).output
    assert not Path(target).exists()


def test_black_and_white_lists(tmp_path: Path) -> None:
    done = run(HALF, "-o", str(tmp_path / "a.pb"), "--json")
    first = json.loads(done.output)["variables"][0]
    black = run(HALF, "-o", str(tmp_path / "b.pb"), "--variable_names_blacklist", first, "--json")
    assert first not in json.loads(black.output)["variables"]
    white = run(HALF, "-o", str(tmp_path / "c.pb"), "--variable-names-whitelist", first, "--json")
    assert json.loads(white.output)["variables"] == [first]
