"""Gives memory back to the system after a model has left."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable


def _find_trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # another C library than glibc
        return None
    return found


_TRIM = _find_trim()


def release() -> None:
    """Collects what died in cycles and returns free heap pages. Takes milliseconds: not for the event loop."""
    gc.collect()
    if _TRIM is not None:
        _TRIM(0)  # ctypes lets go of the GIL
