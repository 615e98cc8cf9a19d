"""Signals to stop that come before there is a loop to handle them. Imports next to nothing: it comes first.

The first process of a container would not even end by a signal that nobody handles.
"""

from __future__ import annotations

import os
import signal


def note_signals() -> list[int]:
    """A list that grows by each signal to stop from now on, until ``serve`` handles them: a second one ends at once."""
    told: list[int] = []

    def note(number: int, _: object) -> None:
        if told:
            os._exit(1)
        told.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    return told
