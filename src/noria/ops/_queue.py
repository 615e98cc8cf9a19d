"""Queues of tuples of tensors: first in first out, in random order, or by priority; threads wait for room or elements.

Whoever dequeues several elements takes them as they come, so that more can be asked for than the queue has room for;
others wait for their turn. A closed queue takes no more, and gives what it has.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from typing import Any

from noria.dtypes import DType
from noria.errors import CancelledError, InvalidArgumentError, OutOfRangeError
from noria.graph.graph import Array
from noria.ops._arrays import shape_text
from noria.ops._philox import Numbers
from noria.shapes import Shape, compatible, text

Element = tuple[Array, ...]


class Queue:
    """A queue. ``shapes``: of each component, or none at all where they may vary; ``capacity`` 0: without a bound."""

    kind = "FIFOQueue"

    def __init__(self, name: str, types: tuple[DType, ...], shapes: tuple[Shape, ...], capacity: int) -> None:
        self.name = name
        self.types = types
        self.shapes = shapes
        self.capacity = capacity
        self.closed = False
        self._cancelled = False
        self._changed = threading.Condition()
        self._taking = threading.Lock()
        self._putting = threading.Lock()
        self._elements: deque[Element] = deque()

    def __repr__(self) -> str:
        return f"{self.kind} '{self.name}'"

    # What a kind of queue does in its own way; called with the lock held.

    def _put(self, element: Element) -> None:
        self._elements.append(element)

    def _take(self) -> Element:
        return self._elements.popleft()

    def _put_back(self, elements: list[Element]) -> None:
        self._elements.extendleft(reversed(elements))

    def _count(self) -> int:
        return len(self._elements)

    def _ready(self) -> int:
        """How many elements may be taken now."""
        return self._count()

    # What ops do.

    def size(self) -> int:
        with self._changed:
            return self._count()

    def check(self, element: Element) -> None:
        """InvalidArgumentError unless ``element`` is one of this queue's."""
        if len(element) != len(self.types):
            raise InvalidArgumentError(
                f"Wrong number of components in tuple. Expected {len(self.types)}, got {len(element)} ({self})"
            )
        for i, (array, shape) in enumerate(zip(element, self.shapes, strict=False)):
            if not compatible(array.shape, shape):
                raise InvalidArgumentError(
                    f"Shape mismatch in tuple component {i}. Expected {text(shape)}, got {shape_text(array.shape)} "
                    f"({self})"
                )

    def enqueue(self, elements: list[Element]) -> None:
        """Puts in all elements, waiting for room.

        CancelledError when the queue is closed; one that was waiting already is refused only by a close that cancels.
        """
        for element in elements:
            self.check(element)
        if self.closed:
            raise CancelledError(f"{self} is closed.")
        with self._putting:
            for element in elements:
                with self._changed:
                    while not self._cancelled and 0 < self.capacity <= self._count():
                        self._changed.wait()
                    if self._cancelled:
                        raise CancelledError(f"{self} is closed.")
                    self._put(element)
                    self._changed.notify_all()

    def dequeue(self, count: int, *, fewer: bool = False) -> list[Element]:
        """Takes ``count`` elements, waiting for them.

        When the queue is closed and has less: OutOfRangeError, or where ``fewer`` those that are left, if any.
        """
        with self._taking:
            taken: list[Element] = []
            with self._changed:
                while len(taken) < count:
                    if self._ready() > 0 and not self._cancelled:
                        taken.append(self._take())
                        self._changed.notify_all()
                    elif self.closed:
                        if fewer and taken:
                            break
                        left = self._count() + len(taken)
                        self._put_back(taken)
                        raise OutOfRangeError(
                            f"{self} is closed and has insufficient elements (requested {count}, current size {left})"
                        )
                    else:
                        self._changed.wait()
            return taken

    def close(self, *, cancel: bool = False) -> None:
        """No more elements; ``cancel``: who waits for room or elements is refused too."""
        with self._changed:
            self.closed = True
            self._cancelled = self._cancelled or cancel
            self._changed.notify_all()


class ShuffleQueue(Queue):
    """Gives its elements in random order, and keeps ``least`` of them to choose from until it is closed."""

    kind = "RandomShuffleQueue"

    def __init__(self, *given: Any, least: int, numbers: Numbers) -> None:
        super().__init__(*given)
        self._least = least
        self._numbers = numbers
        self._list: list[Element] = []

    def _put(self, element: Element) -> None:
        self._list.append(element)

    def _take(self) -> Element:
        place = self._numbers.word() % len(self._list)
        self._list[place], self._list[-1] = self._list[-1], self._list[place]
        return self._list.pop()

    def _put_back(self, elements: list[Element]) -> None:
        self._list.extend(elements)

    def _count(self) -> int:
        return len(self._list)

    def _ready(self) -> int:
        return self._count() - (0 if self.closed else self._least)


class PaddingQueue(Queue):
    """Whose components may differ in shape; a batch of them is filled up with zeros."""

    kind = "PaddingFIFOQueue"


class PriorityQueue(Queue):
    """Gives the element first whose first component, an int64 scalar, is least; equals in the order they came."""

    kind = "PriorityQueue"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._heap: list[tuple[int, int, Element]] = []
        self._order = itertools.count()

    def _put(self, element: Element) -> None:
        heapq.heappush(self._heap, (int(element[0]), next(self._order), element))

    def _take(self) -> Element:
        return heapq.heappop(self._heap)[2]

    def _put_back(self, elements: list[Element]) -> None:
        for element in elements:
            self._put(element)

    def _count(self) -> int:
        return len(self._heap)
