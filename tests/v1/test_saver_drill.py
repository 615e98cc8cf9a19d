"""Killed at any moment, a training program leaves a checkpoint that restores and no half SavedModel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

KILLS = 10  # ``python tests/saver_drill.py FOLDER --kills 500`` is the long one
DRILL = Path(__file__).resolve().parent.parent / "saver_drill.py"


def test_killed_while_training(tmp_path: Path) -> None:
    """In a process of its own: it forks, which a process with threads should not."""
    done = subprocess.run(
        [sys.executable, str(DRILL), str(tmp_path), "--kills", str(KILLS)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{KILLS} kills, ")
