"""What is true of this server process as a whole, for the protocol edges to read and the server to change."""

from __future__ import annotations

from collections.abc import Callable


class Process:
    """``draining``: True from the signal to stop on. Readiness and health say so; what arrives is still answered."""

    def __init__(self) -> None:
        self.draining = False
        self._told: list[Callable[[], None]] = []

    def when_draining(self, tell: Callable[[], None]) -> None:
        """``tell`` is called, on the event loop, when draining begins."""
        self._told.append(tell)

    def begin_drain(self) -> None:
        """Turns readiness off, once."""
        if not self.draining:
            self.draining = True
            for tell in self._told:
                tell()
