"""``noria exec`` runs the TensorFlow 1.x programs of ``tests/programs``: they print what they print under TensorFlow.

``tests/golden/programs`` holds what TensorFlow printed; the oracle's tests check that it still does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
PROGRAMS = sorted((TESTS / "programs").glob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_a_program_prints_what_tensorflow_prints(program: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "noria", "exec", str(program), f"--folder={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (TESTS / "golden" / "programs" / f"{program.stem}.txt").read_text()
