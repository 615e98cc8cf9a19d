"""Loads and unloads beside serving: what keeps them from holding up the threads that answer requests.

Python runs one thread at a time. Two things make the others wait: a thread that computes is asked to stand aside only
after the switch interval (5 ms, at each of the few times a request needs the interpreter), and a full run of the cyclic
garbage collector looks at every object of every loaded model (20 to 40 ms for one of some size). So while something
loads or unloads the interval is short and the collector looks at the newest objects only; afterwards what was loaded is
set aside from it (``gc.freeze``). Loaded models leave by reference counts alone (``Model.free_at_once``).
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from noria.formats.proto_pieces import patiently
from noria.protos import all_classes

_SWITCH_SECONDS: Final = 5e-5  # short beside a request, long beside a switch (some microseconds)
_NEWEST_ONLY: Final = (2000, 1 << 30, 1 << 30)  # objects between two looks, 0.3 ms each, and never at older ones

_lock = threading.Lock()
_running = 0
_before: tuple[float, tuple[int, int, int]] = (0.0, (0, 0, 0))
_classes: list[type[Any]] = []


@contextmanager
def calmly() -> Iterator[None]:
    """What runs within computes for long in a thread of its own, and must not hold up the others.

    May be entered by several threads at a time, and from within itself.
    """
    global _running, _before
    with _lock:
        if not _classes:
            for package in ("tensorflow", "tensorflow.serving", "onnx"):
                _classes.extend(all_classes(package))
        if not _running:
            _before = (sys.getswitchinterval(), gc.get_threshold())
            sys.setswitchinterval(_SWITCH_SECONDS)
            gc.set_threshold(*_NEWEST_ONLY)
        _running += 1
    try:
        with patiently():
            yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                sys.setswitchinterval(_before[0])
                gc.set_threshold(*_before[1])
                gc.freeze()
