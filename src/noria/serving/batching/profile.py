"""What is known of a signature from running it: what a run costs, whether its requests may share one, how many rows."""

from __future__ import annotations

import math
from typing import Final

from noria.serving.lifecycle.servable import Cost

_SAMPLES: Final = 2  # runs of a size before it is judged: the first one allocates
_NEAR: Final = 1.05  # sizes within this of the best cost for each row are as good: the smallest of them is taken
_WORSE: Final = 1.1  # no larger size is tried once one is this much worse than the best
_LONG: Final = 0.5  # seconds: no size is tried that would take longer, where larger ones have brought nothing so far
_LONGEST: Final = 2.0  # seconds: where they have, or none has been tried
_GAIN: Final = 0.9  # of the cost for each row at the smallest size: what counts as having brought something
_LEAST_PIECE: Final = 8  # rows
_PIECE_SECONDS: Final = 0.005  # what a piece should take at least: cutting, queueing and joining cost some 0.1 ms each
_MOST_PIECES: Final = 64  # of one request, which must not fill the queues of all others
_AGAIN: Final = 64  # batches after which a size beside the usual one is measured again
_FASTER: Final = 0.5  # the share of a new measure in the average: as for Cost, a slow run says little
_SLOWER: Final = 0.1


def step(rows: int) -> int:
    """The power of two that ``rows`` rounds up to: sizes of one step are taken to cost the same for each row."""
    return (rows - 1).bit_length()


class Profile(Cost):
    """A ``Cost`` that also knows batches. Reads are safe from any thread; changes happen in the thread that ran.

    mixes: whether requests of this signature may share a run: None until it has been examined.
    limit: runs of it at the same time; running: those there are; waiting: bytes of input in its queues.
    """

    __slots__ = ("_batches", "_sizes", "limit", "mixes", "running", "waiting")

    def __init__(self, limit: int = 1, mixes: bool | None = None) -> None:
        super().__init__()
        self.mixes = mixes
        self.limit = limit
        self.running = 0
        self.waiting = 0
        # By step: runs seen, seconds a byte of input. Bytes stand for rows because rows may be of different lengths.
        self._sizes: dict[int, tuple[int, float]] = {}
        self._batches = 0

    def measured(self, rows: int, nbytes: int, seconds: float, running: float = 1.0) -> None:
        """Takes a run of ``rows`` rows, ``nbytes`` together, into account.

        running: runs of the signature that there were at the same time, itself among them: they share the processors,
        so that each costs a part of the time it takes.
        """
        if rows < 1:
            return
        seconds /= max(nbytes, 1) * max(running, 1.0)
        runs, average = self._sizes.get(step(rows), (0, seconds))
        if runs > 1:
            seconds = average + (_FASTER if seconds < average else _SLOWER) * (seconds - average)
        self._sizes[step(rows)] = runs + 1, seconds

    def wait(self) -> float:
        """Seconds that what waits now will keep the engine, as far as is known: a first run says nothing of it."""
        cost = min((seconds for runs, seconds in tuple(self._sizes.values()) if runs >= _SAMPLES), default=0.0)
        return self.waiting * cost

    def piece(self, most: int, rows: int, nbytes: int) -> int:
        """How many rows each piece of a request should have that has more than ``most``, and ``nbytes`` bytes.

        The largest size near the best cost for each row, not counting tiny ones; ``most`` while none is known; as often
        that as makes a piece worth its own costs.
        """
        known = {
            1 << size: seconds for size, (_, seconds) in tuple(self._sizes.items()) if _LEAST_PIECE <= 1 << size <= most
        }
        best = min(known.values(), default=0.0)
        size = max((size for size, seconds in known.items() if seconds <= _NEAR * best), default=most)
        seconds = known.get(size, 0.0) * nbytes / rows * size
        times = max(rows / size / _MOST_PIECES, min(_PIECE_SECONDS / seconds, rows / size) if seconds else 1.0)
        return size * math.ceil(times)

    def choose(self, waiting: int, least: int, most: int, row_bytes: float = 1.0) -> int:
        """How many rows, of so many bytes each, the next batch should take of ``waiting`` ones: ``least`` to ``most``.

        The smallest size near the best cost for each row. A size that has not been measured is tried when there are
        rows to fill it, step by step, unless the step before was clearly worse, or the batch would take so long that
        those in it had better been answered one by one.
        """
        first, last = step(least), step(min(waiting, most))
        if least >= most or first >= last:
            return least
        best = 0.0
        for size in range(first, last + 1):
            runs, seconds = self._sizes.get(size, (0, 0.0))
            if runs < _SAMPLES:
                if size > first and best * row_bytes * (1 << size) > self._bearable(first, size, best):
                    last = size - 1
                    break
                return min(1 << size, most)
            best = min(best or seconds, seconds)
            if seconds > _WORSE * best:
                last = size
                break
        chosen = first
        while self._sizes[chosen][1] > _NEAR * best:
            chosen += 1
        self._batches += 1
        if self._batches % _AGAIN == 0:
            chosen = min(chosen + 1, last)
        elif self._batches % _AGAIN == _AGAIN // 2:
            chosen = max(chosen - 1, first)
        return min(1 << chosen, most)

    def _bearable(self, first: int, size: int, best: float) -> float:
        """Seconds that a batch of a size may take that has not been tried."""
        gains = size == first + 1 or best < _GAIN * self._sizes[first][1]
        return _LONGEST if gains else _LONG
