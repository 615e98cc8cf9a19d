"""Requests of small models that arrive in the same turn of the event loop: run by the engine together.

A small model is run in the loop itself, where a request takes some tens of microseconds, most of them around the
engine. When several have come at once, each part of the work (reading them, running them, writing the answers) is done
for all before the next: the engine is called once, and every part finds its code in the processor's caches.

A coroutine that joins a turn is no task: it is left where it waits, and gone on with at the end of the turn
(``eager.Pause``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from noria.errors import TFError
from noria.serving.batching import rows
from noria.serving.eager import Pause
from noria.serving.lifecycle.servable import Signature

Array = np.ndarray[Any, np.dtype[Any]]
Outputs: TypeAlias = dict[str, Array]


class Share:
    """One request's part of a run: its inputs, and the coroutine that waits for its outputs.

    beside: how many requests its run had.
    """

    __slots__ = ("arrays", "beside", "pause", "rows")

    def __init__(self, arrays: Mapping[str, Array], rows: int) -> None:
        self.arrays = arrays
        self.rows = rows
        self.beside = 1
        self.pause = Pause()


class Turn:
    """The requests of one turn.

    most: rows of one run, 1 for no sharing. open: whether a request may join, as several have come.
    """

    def __init__(self, most: int = 1) -> None:
        self.open = False
        self._most = most
        self._groups: dict[Any, tuple[Signature, Sequence[str] | None, list[Share]]] = {}

    def begin(self, requests: int) -> None:
        """This many requests are worked on from here to ``end``."""
        self.open = requests > 1 and self._most > 1

    def join(
        self, signature: Signature, arrays: Mapping[str, Array], outputs: Sequence[str] | None, count: int
    ) -> Share:
        """A part, of ``count`` rows, in this turn's run of a signature; ``await share.pause`` gives its outputs."""
        share = Share(arrays, count)
        shapes = tuple([array.shape[1:] for array in arrays.values()])
        key = (id(signature), None if outputs is None else tuple(outputs), shapes)
        group = self._groups.get(key)
        if group is None:
            self._groups[key] = (signature, outputs, [share])
        else:
            group[2].append(share)
        return share

    def end(self) -> None:
        """Runs what has joined, and goes on with the coroutines that wait for it."""
        self.open = False
        while self._groups:
            groups, self._groups = self._groups, {}
            for signature, outputs, shares in groups.values():
                for part in _parts(shares, self._most):
                    _run(signature, outputs, part)


def _parts(shares: list[Share], most: int) -> list[list[Share]]:
    """Shares of at most ``most`` rows together, or of one request."""
    found: list[list[Share]] = []
    size = most
    for share in shares:
        if size + share.rows > most:
            found.append([])
            size = 0
        found[-1].append(share)
        size += share.rows
    return found


def _run(signature: Signature, outputs: Sequence[str] | None, shares: list[Share]) -> None:
    if len(shares) > 1:
        try:
            given = [share.arrays for share in shares]
            names = shares[0].arrays
            joined = {name: np.concatenate([arrays[name] for arrays in given]) for name in names}
            found = signature.run_arrays(joined, outputs)
            if rows.keeps(found, sum([share.rows for share in shares])):
                _hand_out(shares, found)
                return
        except Exception:  # one request's fault, perhaps: each is told of its own
            pass
    for share in shares:
        try:
            alone = signature.run_arrays(share.arrays, outputs)
        except TFError as error:
            share.pause.fail(error)
        except Exception as error:
            share.pause.fail(error)
        else:
            share.pause.resume(alone)


def _hand_out(shares: list[Share], found: Outputs) -> None:
    start = 0
    count = len(shares)
    for share in shares:
        stop = start + share.rows
        share.beside = count
        share.pause.resume({name: array[start:stop] for name, array in found.items()})
        start = stop
