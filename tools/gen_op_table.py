"""Writes the op support page, ``docs/ops.md``, from the rule tables: ``python tools/gen_op_table.py [--check]``.

With ``--check`` nothing is written; the status is 1 when the page is not what the code says.
"""

from __future__ import annotations

import sys
from pathlib import Path

import noria.ops
from noria.graph import rules
from noria.protos.op_defs import has_op, op_names

PAGE = Path(__file__).resolve().parent.parent / "docs" / "ops.md"
assert noria.ops  # its import fills the rule tables

HEAD = """\
# Supported ops

Written by `tools/gen_op_table.py` from the rule tables in `src/noria/ops`; do not edit.

An op runs when it has a host kernel or an ONNX lowering. A graph with other ops still loads and can be looked into:
`noria show` names them, and the signatures that do not need them run.

- **engine**: the op can become part of an ONNX segment, which ONNX Runtime runs. Where it cannot be for the dtypes or
  shapes at hand, the host kernel runs it.
- **host**: a kernel over NumPy arrays. It is the definition that the engine's form is tested against.
- **shapes**: the shapes of its outputs are known before it runs.

{count} of the {total} ops that TensorFlow 2.21 defines can run: {both} in the engine with a host kernel beside it,
{engine_only} in the engine alone, {host_only} on the host alone.

| op | engine | host | shapes |
|---|:-:|:-:|:-:|
"""


def page() -> str:
    """The page's text."""
    runnable = sorted(op for op in {*rules.kernel, *rules.lower} if has_op(op))
    both = [op for op in runnable if op in rules.kernel and op in rules.lower]
    engine_only = [op for op in runnable if op not in rules.kernel]
    head = HEAD.format(
        count=len(runnable),
        total=len(op_names()),
        both=len(both),
        engine_only=len(engine_only),
        host_only=len(runnable) - len(both) - len(engine_only),
    )
    tables = (rules.lower, rules.kernel, rules.infer)
    rows = [f"| {op} | " + " | ".join("yes" if op in table else "" for table in tables) + " |" for op in runnable]
    return head + "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    text = page()
    if arguments == ["--check"]:
        if PAGE.is_file() and PAGE.read_text() == text:
            return 0
        print(f"{PAGE} is not what the code says; run tools/gen_op_table.py", file=sys.stderr)
        return 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
