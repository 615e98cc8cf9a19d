"""Programs over sessions and graphs: TensorFlow gives what is recorded, and Noria gives the same."""

from __future__ import annotations

from pathlib import Path

import tensorflow.compat.v1 as real

import noria.v1 as tf
from v1.session_cases import outcomes

real.disable_v2_behavior()

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "v1" / "session.txt"


def test_sessions_and_graphs_give_what_tensorflow_gives() -> None:
    theirs = list(outcomes(real))
    assert theirs == GOLDEN.read_text().splitlines()
    assert list(outcomes(tf)) == theirs
