"""``noria exec``: a program finds what Python would give it, and TensorFlow's modules."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "noria", "exec", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **environ},
    )


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=folder)


def test_what_a_program_finds_is_what_python_gives(tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("here = __name__\n")
    (tmp_path / "program.py").write_text(
        '"""A program."""\n'
        "import atexit, os, sys, beside, __main__\n"
        "x = 3\n"
        "def f():\n    return x\n"
        "print(sys.argv, __name__, __file__, __doc__, sys.path[0], beside.here, __spec__, f())\n"
        "print(__main__.f is f, __main__.x, os.environ.get('OPENBLAS_NUM_THREADS'))\n"
        "atexit.register(print, 'end')\n"
    )
    done = run(tmp_path, "program.py", "-m", "--help", "--x=1")
    assert done.stdout == python(tmp_path, "program.py", "-m", "--help", "--x=1").stdout
    assert (done.stderr, done.returncode) == ("", 0)


def test_folders_and_modules(tmp_path: Path) -> None:
    package = tmp_path / "mine"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "other.py").write_text("import tensorflow\nversion = tensorflow.__version__[0]\n")
    (package / "__main__.py").write_text("import sys\nprint(sys.argv[1:], sys.path[0], __name__, __package__)\n")
    for arguments in (["mine", "a"], ["-m", "mine", "a", "--b"]):
        assert run(tmp_path, *arguments).stdout == python(tmp_path, *arguments).stdout
    (package / "program.py").write_text("from . import other\nprint(other.version)\n")
    assert run(tmp_path, "-m", "mine.program").stdout == "1\n"


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit(7)",
        "import sys; sys.exit('no more')",
        "def f():\n    1 / 0\ntry:\n    f()\nexcept ZeroDivisionError as e:\n    raise ValueError('two') from e\n",
        "def f(:\n",
        "raise KeyboardInterrupt",
        "import nosuchmodule",
        "import sys; sys.excepthook = lambda kind, error, trace: print(kind, error, trace.tb_lineno)\n[][1]",
    ],
)
def test_ends_as_under_python(tmp_path: Path, program: str) -> None:
    (tmp_path / "program.py").write_text(program)
    done, expected = run(tmp_path, "program.py"), python(tmp_path, "program.py")
    assert done.stderr == expected.stderr
    assert done.stdout == expected.stdout
    assert done.returncode == (expected.returncode if expected.returncode >= 0 else 130)


def test_an_error_of_noria_shows_the_program_only(tmp_path: Path) -> None:
    lines = ["import tensorflow as tf", "def read():", "    tf.gfile.GFile('none').read()", "read()"]
    (tmp_path / "program.py").write_text("\n".join(lines))
    done = run(tmp_path, "program.py")
    assert done.returncode == 1
    assert "NotFoundError: none; No such file or directory" in done.stderr
    assert done.stderr.count("File ") == 2
    assert "file_io.py" not in done.stderr
    assert "FileNotFoundError" not in done.stderr
    assert "file_io.py" in run(tmp_path, "program.py", NORIA_TRACEBACK="1").stderr


def test_no_such_program(tmp_path: Path) -> None:
    done = run(tmp_path, "none.py")
    assert (done.stderr, done.returncode) == ("error: none.py: no such file or folder\n", 1)


PROGRAM = """
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from tensorflow.python.framework import dtypes, graph_util, ops
from tensorflow.python.platform import app, flags, gfile, tf_logging
from tensorflow.core.framework import graph_pb2

flags.DEFINE_integer("k", 1, "how many")


def main(argv):
    tf_logging.warning("k is %d", flags.FLAGS.k)
    with ops.Graph().as_default(), tf1.Session() as session:
        x = tf.placeholder(dtypes.float32, [None], name="x")
        print(session.run(x, {x: [flags.FLAGS.k]}))
        graph_def = graph_pb2.GraphDef.FromString(session.graph.as_graph_def().SerializeToString())
    with gfile.GFile(argv[1], "wb") as file:
        file.write(graph_def.SerializeToString())


app.run(main)
"""


def test_a_program(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    done = run(tmp_path, "program.py", "--k=5", "graph.pb")
    assert (done.stdout, done.stderr) == ("[5.]\n", "WARNING:tensorflow:k is 5\n")
    assert b"Placeholder" in (tmp_path / "graph.pb").read_bytes()
