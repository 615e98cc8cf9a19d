"""Which signatures may share a run as far as their graph tells, before any is tried (see ``examine``).

A run for several requests must give each what a run of its own would. The graph rules out: inputs or outputs whose
declared first dimension is fixed, or whose rank is unknown; state that a run changes, randomness and printing; and ops
whose result for one row takes its size from the others (splitting strings, sparse and ragged tensors, unique values).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from noria import shapes

_SIZED_BY_VALUES: Final = re.compile(
    r"Sparse|Ragged|StringSplit|Unicode|StringNGrams|Unique|Where|ListDiff|ParseSequenceExample|ParseSingle|"
    r"NonMaxSuppression|DynamicPartition|BooleanMask|Skipgram|CTC|Bincount|Histogram|TensorListConcat|Barrier|Queue|"
    r"SetSize|DenseToDenseSet|Batch$|Unbatch"
)
_LOOPS: Final = frozenset({"While", "StatelessWhile", "Enter", "Exit", "LoopCond", "If", "StatelessIf", "Case"})


def may_mix(signature: Any) -> bool:
    """Whether nothing in the graph of a ``noria.model.Signature`` speaks against batches; False for anything else."""
    specs = [*signature.inputs.values(), *signature.outputs.values()]
    declared = [getattr(spec, "shape", None) for spec in specs]
    if not all(shape and shape[0] is None for shape in declared):
        return False
    ops: Iterable[str] | None = getattr(signature, "ops", None)
    if ops is None:
        return False
    ops = set(ops)
    if any(_SIZED_BY_VALUES.search(op) for op in ops):
        return False
    loops = not ops.isdisjoint(_LOOPS)
    if getattr(signature, "changes_state", True):
        return False
    # A loop may end when every row has: then an open size is one that the rows decide together.
    outputs = (getattr(spec, "shape", None) for spec in signature.outputs.values())
    return not loops or all(shape is not None and shapes.is_static(shape[1:]) for shape in outputs)
