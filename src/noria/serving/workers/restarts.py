"""When a worker that died is started again: at once the first time, later and later when it dies again and again."""

from __future__ import annotations

import signal
from collections import deque
from typing import Final

_WINDOW: Final = 60.0  # seconds in which deaths count together
_LOOP: Final = 4  # deaths in that time that are no accident any more
_FIRST: Final = 0.5  # seconds before the second start; doubled for each further one
_LONGEST: Final = 30.0


class Deaths:
    """The deaths of one worker; times are seconds of any one clock."""

    def __init__(self) -> None:
        self.count = 0
        self.last = ""
        self._recent: deque[float] = deque()

    def add(self, now: float, status: int) -> float:
        """Notes a death; the seconds to wait before the next start."""
        self.count += 1
        self.last = describe(status)
        self._recent.append(now)
        self._forget(now)
        n = len(self._recent)
        return 0.0 if n == 1 else float(min(_LONGEST, _FIRST * 2 ** (n - 2)))

    def looping(self, now: float) -> bool:
        """Whether it dies again and again."""
        self._forget(now)
        return len(self._recent) >= _LOOP

    def _forget(self, now: float) -> None:
        while self._recent and now - self._recent[0] > _WINDOW:
            self._recent.popleft()

    def story(self, now: float) -> str:
        """The recent deaths in words; "" without one."""
        self._forget(now)
        n = len(self._recent)
        if not n:
            return ""
        times = "once" if n == 1 else f"{n} times"
        return f"it died {times} in the last minute, at last {self.last}"


def describe(status: int) -> str:
    """How a process ended, in words; status as in ``subprocess.Popen.returncode``."""
    if status >= 0:
        return f"with exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (out of memory?)" if -status == signal.SIGKILL else ""
    return f"by {name}{hint}"
