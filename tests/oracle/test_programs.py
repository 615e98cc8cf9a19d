"""The programs of ``tests/programs`` under TensorFlow print what is recorded, and so what Noria's print.

``NORIA_RECORD=1`` writes ``tests/golden/programs`` anew.
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
def test_a_program_prints_what_is_recorded(program: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(program), f"--folder={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "TF_USE_LEGACY_KERAS": "1",  # where TensorFlow 2.16 and later keep the RNN cells of TensorFlow 1
            "PYTHONDONTWRITEBYTECODE": "1",
        },
    )
    assert done.returncode == 0, done.stderr
    golden = TESTS / "golden" / "programs" / f"{program.stem}.txt"
    if os.environ.get("NORIA_RECORD"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(done.stdout)
    assert done.stdout == golden.read_text()
