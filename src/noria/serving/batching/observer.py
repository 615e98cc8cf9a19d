"""What batching tells whoever counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable


@runtime_checkable
class BatchObserver(Protocol):
    """Told of every batch that ran, in the thread that ran it: implementations are quick and thread-safe."""

    def batch(
        self,
        pool: str,
        model: str,
        version: int,
        signature: str,
        waits: Sequence[float],
        sizes: Sequence[int],
        processed: int,
    ) -> None:
        """One run of the engine.

        pool: the name of the thread pool; waits: for each request in it the seconds it waited; sizes: for each its
        rows; processed: rows that the engine got, so ``processed - sum(sizes)`` of them are padding.
        """


class Unobserved:
    """Counts nothing."""

    def batch(
        self,
        pool: str,
        model: str,
        version: int,
        signature: str,
        waits: Sequence[float],
        sizes: Sequence[int],
        processed: int,
    ) -> None:
        return None
