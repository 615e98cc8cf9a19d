"""Gives memory back to the system after a model has left."""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

_M_ARENA_MAX: Final = -8  # of mallopt(3)


def _glibc() -> ctypes.CDLL | None:
    """The C library, where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = ctypes.CDLL(None)
    except OSError:
        return None
    return found if hasattr(found, "malloc_trim") and hasattr(found, "mallopt") else None


_LIBRARY: Final = _glibc()


def share_heaps(count: int) -> None:
    """Lets the C library keep at most ``count`` heaps, which threads then share.

    By default each thread gets one of its own until there are eight for each CPU; loads run in threads, and what a
    load leaves free in one heap is no use to the next load in another: resident memory then grows for dozens of loads.
    """
    if _LIBRARY is not None:
        _LIBRARY.mallopt(_M_ARENA_MAX, count)


def release() -> None:
    """Collects what died in cycles and returns free heap pages. Takes milliseconds: not for the event loop."""
    gc.collect()
    if _LIBRARY is not None:
        _LIBRARY.malloc_trim(0)  # ctypes lets go of the GIL
