"""The lane of ``--enable_batching``: batches as TensorFlow Serving makes them, in its words.

Requests fill one open batch after the other. A batch can run when it is full, when a later one was begun, or when its
time is over; the engine may get more rows than were asked for (``allowed_batch_sizes``), of larger shapes
(``pad_variable_length_inputs``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from noria.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    ResourceExhaustedError,
    TFError,
    UnavailableError,
)
from noria.serving.batching import rows, run
from noria.serving.batching.lane import Batch, Lane
from noria.serving.batching.observer import BatchObserver
from noria.serving.batching.parameters import Parameters
from noria.serving.batching.task import Outcome, Task

Array = np.ndarray[Any, np.dtype[Any]]

_MAX_PADDED_RANK: Final = 6


def check(arrays: Mapping[str, Array]) -> int:
    """The rows of a request. Raises InvalidArgumentError for inputs that cannot be batched."""
    if not arrays:
        raise InvalidArgumentError("Batching Run() must have at least one input tensor")
    if not all(array.ndim for array in arrays.values()):
        raise InvalidArgumentError("Batching Run() input tensors must have at least one dimension")
    found = rows.count(arrays)
    if found is None:
        raise InvalidArgumentError("Batching Run() input tensors must have equal 0th-dimension size")
    return found


@dataclass(slots=True)
class _Open:
    """A batch that is being filled. began: when its first task came, on time.monotonic; shut: it takes no more."""

    began: float
    shut: bool = False
    tasks: list[Task] = field(default_factory=list)
    rows: int = 0


class TfQueue(Lane):
    """Requests for one set of inputs and outputs of one model version."""

    cuts_off = False

    def __init__(self, key: Hashable, parameters: Parameters, pool: str, observer: BatchObserver) -> None:
        super().__init__(key)
        self._parameters = parameters
        self._pool = pool
        self._observer = observer
        self._batches: deque[_Open] = deque()  # the last one is open
        self._began = False  # whether the last request began a batch

    def pieces(self, size: int) -> list[int]:
        """The rows of each piece that a request of ``size`` rows is cut into: the open batch is filled first.

        Not where shapes are padded: pieces that ran beside others of different widths could not be joined again.
        """
        room = self._room()
        return pieces(self._parameters, size, 0 if self._parameters.pad and size > room else room)

    def _closed(self) -> bool:
        return not self._batches or self._batches[-1].shut

    def _room(self) -> int:
        if self._closed():
            return 0
        return self._parameters.largest - self._batches[-1].rows

    def put(self, tasks: Sequence[Task], now: float) -> None:
        plan: list[tuple[Task, bool]] = []  # whether a task begins a batch
        room = self._room()
        apart = self._parameters.pad and len(tasks) > 1
        for task in tasks:
            size = task.rows or 0
            begins = apart or (not plan and self._closed()) or size > room
            room = (self._parameters.largest if begins else room) - size
            plan.append((task, begins))
        fresh = sum(begins for _, begins in plan)
        if fresh and len(self._batches) + fresh > self._parameters.max_enqueued_batches:
            raise UnavailableError("The batch scheduling queue to which this task was submitted is full")
        for task, begins in plan:
            if begins:
                self._batches.append(_Open(now, apart))
            self._batches[-1].tasks.append(task)
            self._batches[-1].rows += task.rows or 0
        self.waiting += len(tasks)
        self._began = bool(fresh)

    def ready(self) -> bool:
        # A new batch wakes a worker even before its time: to wait for it.
        return self._began or self._can_run(time.monotonic())

    def delay(self, now: float) -> float | None:
        return max(self._batches[0].began + self._parameters.timeout - now, 0.0) if self._batches else None

    def _can_run(self, now: float) -> bool:
        if not self._batches:
            return False
        first = self._batches[0]
        full = first.rows >= self._parameters.largest
        return full or len(self._batches) > 1 or now >= first.began + self._parameters.timeout

    def tasks(self) -> list[Task]:
        return [task for batch in self._batches for task in batch.tasks]

    def remove(self, task: Task) -> None:
        for batch in self._batches:
            if task in batch.tasks:
                batch.tasks.remove(task)
                batch.rows -= task.rows or 0
                self.waiting -= 1
                if not batch.tasks:
                    self._batches.remove(batch)
                return

    def take(self, now: float) -> Batch | None:
        if not self._can_run(now):
            return None
        found = Batch(self)
        for task in self._batches.popleft().tasks:
            self.waiting -= 1
            (found.late if task.late(now) else found.tasks).append(task)
        return found

    def late_error(self) -> TFError:
        return ResourceExhaustedError("Run() timeout exceeded while waiting in batching queue")

    def run(self, batch: Batch) -> list[tuple[Task, Outcome]]:
        began = time.monotonic()
        tasks = batch.tasks
        try:
            arrays = self._joined(tasks)
        except TFError as error:
            return [(task, error) for task in tasks]
        found = run.together(tasks, arrays, batch.deadline)
        run.observe(self._observer, self._pool, tasks, rows.count(arrays) or 0, began)
        if isinstance(found, list):
            return list(zip(tasks, found, strict=True))
        if len(tasks) > 1 and isinstance(found, InvalidArgumentError) and not _changes_state(tasks[0].signature):
            return [(task, run.alone(task)) for task in tasks]  # so that one bad request does not fail its neighbours
        return [(task, found) for task in tasks]

    def _joined(self, tasks: Sequence[Task]) -> dict[str, Array]:
        parts = self._same_shapes(tasks)
        total = sum(task.rows or 0 for task in tasks)
        size = next((size for size in self._parameters.allowed if size >= total), total)
        if size > total and tasks[-1].rows:
            row = {name: array[:1] for name, array in parts[-1].items()}
            filler = {name: np.repeat(array, size - total, axis=0) for name, array in row.items()}
            parts = [*parts, filler]
        return rows.join(parts)

    def _same_shapes(self, tasks: Sequence[Task]) -> list[Mapping[str, Array]]:
        """The inputs of each task, padded where they must be. Raises FailedPreconditionError where they may not."""
        parts = [task.arrays for task in tasks]
        changed: dict[str, list[Array]] = {}
        for name, first in parts[0].items():
            arrays = [part[name] for part in parts]
            if all(array.shape[1:] == first.shape[1:] for array in arrays):
                continue
            tensor = tasks[0].signature.inputs[name].tensor
            if not self._parameters.pad:
                raise FailedPreconditionError(
                    f"Tensors with name '{tensor}' from different tasks have different shapes and padding is turned "
                    "off. Set pad_variable_length_inputs to true, or ensure that all tensors with the same name have "
                    "equal dimensions starting with the first dim."
                )
            changed[name] = self._padded(tensor, arrays)
        if not changed:
            return list(parts)
        return [{n: changed[n][i] if n in changed else a for n, a in part.items()} for i, part in enumerate(parts)]

    def _padded(self, tensor: str, arrays: Sequence[Array]) -> list[Array]:
        ranks = {array.ndim for array in arrays}
        if len(ranks) > 1:
            raise FailedPreconditionError(
                f"Tensors with name '{tensor}' from different tasks have different ranks: {sorted(ranks)}"
            )
        if ranks.pop() > _MAX_PADDED_RANK:
            raise InvalidArgumentError(
                f"Only tensors with rank from 1 to {_MAX_PADDED_RANK} can be padded; '{tensor}' has {arrays[0].ndim}"
            )
        largest = [max(sizes) for sizes in zip(*(array.shape[1:] for array in arrays), strict=True)]
        return [rows.stretch(a, (a.shape[0], *largest), self._parameters.padding) for a in arrays]


def _changes_state(signature: Any) -> bool:
    return bool(getattr(signature, "changes_state", True))


def pieces(parameters: Parameters, size: int, room: int = 0) -> list[int]:
    """The rows of each piece that a request is cut into, of which the first fits into ``room``, if there is any.

    Raises InvalidArgumentError for a request that is too large and may not be cut.
    """
    if not parameters.split:
        if size > parameters.max_batch_size:
            raise InvalidArgumentError(
                f"Task size {size} is larger than maximum input batch size {parameters.max_batch_size}"
            )
        return [size]
    if size <= room or size <= 0:
        return [size]
    found = [room] if room > 0 else []
    left = size - sum(found)
    while left > 0:
        found.append(min(left, parameters.max_execution_batch_size))
        left -= found[-1]
    return found
