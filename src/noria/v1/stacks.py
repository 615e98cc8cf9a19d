"""The default graph and the default session of each thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class DefaultStack(threading.local, Generic[T]):
    """A stack of its own in every thread; what lies on top is the default."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self.enforce_nesting = True

    def top(self) -> T | None:
        return self.items[-1] if self.items else None

    @contextmanager
    def put(self, item: T) -> Iterator[T]:
        """``item`` is the default within the block."""
        self.items.append(item)
        try:
            yield item
        finally:
            if self.enforce_nesting and self.items[-1] is not item:
                raise AssertionError(
                    f"Nesting violated for default stack of {type(item)} objects: close the blocks in reverse order"
                )
            self.items.remove(item)

    def reset(self) -> None:
        self.items = []


sessions: DefaultStack[Any] = DefaultStack()
