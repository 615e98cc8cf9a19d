"""One call of the engine for several tasks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from noria.errors import FailedPreconditionError
from noria.graph.deadline import until
from noria.serving.batching import rows
from noria.serving.batching.observer import BatchObserver
from noria.serving.batching.task import Outcome, Task

Array = np.ndarray[Any, np.dtype[Any]]


def alone(task: Task) -> Outcome:
    """The outcome of one task, run by itself as it came; measured."""
    beside = task.profile.running
    start = time.perf_counter()
    try:
        with until(task.deadline):
            found = task.signature.run_arrays(task.arrays, task.outputs)
    except Exception as error:
        return error
    seconds = time.perf_counter() - start
    task.profile.add(seconds, task.nbytes)
    if task.rows:
        task.profile.measured(task.rows, task.nbytes, seconds, (beside + task.profile.running) / 2)
    return found


def together(
    tasks: Sequence[Task], arrays: Mapping[str, Array], deadline: float | None
) -> list[dict[str, Array]] | Exception:
    """The outputs of all tasks, whose joined inputs ``arrays`` are (rows beyond theirs are padding), by one run.

    Measured. Returns the error when the run fails, FailedPreconditionError when an output has lost the rows.
    """
    first = tasks[0]
    total = rows.count(arrays)
    beside = first.profile.running
    start = time.perf_counter()
    try:
        with until(deadline):
            found = first.signature.run_arrays(arrays, first.outputs)
    except Exception as error:
        return error
    seconds = time.perf_counter() - start
    for name, array in found.items():
        if not array.ndim:
            return FailedPreconditionError(f"Batched output tensor {name!r} has 0 dimensions")
        if array.shape[0] != total:
            return FailedPreconditionError(
                f"Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input "
                f"tensors: output {name!r} has {array.shape[0]} rows, the batch has {total}"
            )
    nbytes = sum(task.nbytes for task in tasks)
    first.profile.measured(total or 0, nbytes, seconds, (beside + first.profile.running) / 2)
    return rows.cut(found, [task.rows or 0 for task in tasks])


def observe(observer: BatchObserver, pool: str, tasks: Sequence[Task], processed: int, began: float) -> None:
    """Tells of a run that began at ``began`` (time.monotonic)."""
    first = tasks[0]
    for task in tasks:
        task.began = began
    waits = [began - task.arrived for task in tasks]
    sizes = [task.rows or 0 for task in tasks]
    observer.batch(
        pool, first.servable.id.name, first.servable.id.version, first.signature.name, waits, sizes, processed
    )
