"""``tf.gfile``, record and event files against TensorFlow."""

from __future__ import annotations

from pathlib import Path

import tensorflow

from conftest import REPOSITORY
from v1.gfile_cases import outcomes

tf = tensorflow.compat.v1


def test_gfile_golden_is_tensorflows(tmp_path: Path) -> None:
    assert outcomes(tf, tmp_path) == (REPOSITORY / "tests/golden/v1/gfile.txt").read_text().splitlines()
