"""Ops of a user's own. Registration lasts for a process, so each test has one of its own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

_OPS = """
import noria

@noria.custom_op('''
    name: "Acme>Scale" input_arg { name: "x" type: DT_FLOAT } output_arg { name: "y" type: DT_FLOAT }
    attr { name: "factor" type: "float" default_value { f: 2 } }
''', infer=lambda call: [call.shape(0)])
def scale(call, x):
    return x * call.number("factor")

@noria.custom_op('name: "Acme>Halves" input_arg { name: "text" type: DT_STRING } '
                 'output_arg { name: "left" type: DT_STRING } output_arg { name: "right" type: DT_STRING }')
def halves(call, text):
    left, right = text.copy(), text.copy()
    for i, t in enumerate(text.flat):
        left.flat[i], right.flat[i] = t[: len(t) // 2], t[len(t) // 2 :]
    return left, right
"""
_GRAPH = """
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "s" op: "Acme>Scale" input: "x" attr { key: "factor" value { f: 10 } } }
node { name: "y" op: "Neg" input: "s" attr { key: "T" value { type: DT_FLOAT } } }
node { name: "t" op: "Placeholder" attr { key: "dtype" value { type: DT_STRING } } }
node { name: "h" op: "Acme>Halves" input: "t" }
node { name: "r" op: "Identity" input: "h:1" attr { key: "T" value { type: DT_STRING } } }
"""


def _run(folder: Path, program: str) -> str:
    (folder / "acme_ops.py").write_text(_OPS)
    (folder / "graph.pbtxt").write_text(_GRAPH)
    command = [sys.executable, "-c", textwrap.dedent(program)]
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_a_model_with_custom_ops_runs_once_they_are_registered(tmp_path: Path) -> None:
    said = _run(
        tmp_path,
        """
        import numpy as np, noria
        try:
            noria.load("graph.pbtxt", inputs=["x"], outputs=["y"])(x=np.ones(2, "f"))
        except noria.errors.UnimplementedError as error:
            print("Acme>Scale" in str(error))
        import acme_ops
        print(noria.load("graph.pbtxt", inputs=["x"], outputs=["y"])(x=np.array([1, 2], "f")))
        print(noria.load("graph.pbtxt", inputs=["t"], outputs=["h:0", "r"])(t=["abcd", "xyz"]))
        """,
    )
    assert said.splitlines()[0] == "True"
    assert "[-10., -20.]" in said
    assert "b'cd', b'yz'" in said


def test_a_name_is_registered_once_and_definitions_are_read(tmp_path: Path) -> None:
    said = _run(
        tmp_path,
        """
        import acme_ops, noria, noria.errors
        for definition in ('name: "Acme>Scale"', 'name: "MatMul"', 'nam: "X"', ""):
            try:
                noria.custom_op(definition)(lambda call: 0)
            except noria.errors.TFError as error:
                print(type(error).__name__, error)
        """,
    )
    assert [line.split()[0] for line in said.splitlines()] == [
        "AlreadyExistsError", "AlreadyExistsError", "InvalidArgumentError", "InvalidArgumentError",
    ]  # fmt: skip
