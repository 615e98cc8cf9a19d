"""Records what TensorFlow builds and answers for the programs of ``tests/v1_cases``.

Run in the environment that has TensorFlow (all families, or those named)::

    make oracle-env && .venv-oracle/bin/python tools/make_v1_golden.py [FAMILY ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import tensorflow.compat.v1 as tf

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path.insert(0, str(TESTS))

from v1_cases import cases, families, observe, to_json, with_cells  # noqa: E402  # the path is set above


def main(chosen: list[str]) -> None:
    tf.disable_v2_behavior()
    with_cells(tf)
    (TESTS / "golden" / "v1").mkdir(parents=True, exist_ok=True)
    for family in chosen or families():
        recorded = {c.name: to_json(observe(tf, c)) for c in cases(family)}
        rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v, separators=(',', ':'))}" for k, v in recorded.items())
        (TESTS / "golden" / "v1" / f"{family}.json").write_text("{\n" + rows + "\n}\n")
        print(f"{family}: {len(recorded)} cases")


if __name__ == "__main__":
    main(sys.argv[1:])
