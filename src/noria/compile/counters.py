"""Counters of a loop that run alike become one.

TensorFlow 1 counts the rounds of a loop that has a limit, beside the counter that the program itself keeps. On the host
every variable of a loop goes in and out of the engine in each round, which costs more than to count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from noria.compile.feeds import follow, replace_tensors
from noria.compile.functions import Functions, argument
from noria.graph.graph import Array, Function, Tensor

_QUIET: Final = frozenset({"_Arg", "Const", "Identity", "NoOp"})
_Course: TypeAlias = tuple[str, int, int]  # dtype, first value, what is added in each round


def without_twins(functions: Functions, step: Function, start: Sequence[Array | None]) -> Function:
    """``step``, a round of a loop, with one counter in place of those that are equal in every round.

    start: what each variable is before the first round, None where that is not known. The results stay as many.
    """
    twins = _twins(step, start)
    if not twins:
        return step
    name = f"{step.name}/" + "".join(f"{i}={j}" for i, j in twins.items())
    if name not in functions:
        replaced = {Tensor(step.args[i]): Tensor(step.args[j]) for i, j in twins.items()}
        replaced.update((step.results[i], step.results[j]) for i, j in twins.items())
        results = tuple(follow(replaced, t) for t in step.results)
        body = replace_tensors(step.body, replaced)
        functions.add(Function(name, body, step.args, results, step.control_results))
    return functions[name]


def _twins(step: Function, start: Sequence[Array | None]) -> dict[int, int]:
    """Numbers of variables, each with that of the first one which is always equal to it."""
    first: dict[_Course, int] = {}
    found: dict[int, int] = {}
    for i, value in enumerate(start):
        course = None if value is None else _course(step, i, value)
        if course is not None and first.setdefault(course, i) != i:
            found[i] = first[course]
    return found


def _course(step: Function, number: int, start: Array) -> _Course | None:
    """How a variable counts; None where it is no counter, or where counting waits for anything that does something."""
    node = step.body[step.results[number].node]
    if start.ndim or start.dtype.kind not in "iu" or node.op not in ("Add", "AddV2"):
        return None
    needed = step.body.closure([], [node.name]) - {node.name}
    if any(step.body[name].op not in _QUIET for name in needed):
        return None
    for old, added in (node.inputs, node.inputs[::-1]):
        by = step.body[added.node].attrs.get("value")
        if isinstance(by, np.ndarray) and by.ndim == 0 and argument(step, old) == number:
            return start.dtype.name, int(start), int(by)
    return None
