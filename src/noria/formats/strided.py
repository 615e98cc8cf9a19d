"""The bytes of an array as files hold them: row-major, one byte order, no copy of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from noria.formats.files import Bytes

_RUN: Final = 1 << 20  # elements of a strided array that are put in order at a time


def pieces(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> Iterable[Bytes]:
    """Read-only bytes of ``array`` as ``dtype``, in order: a view where it is laid out so, else a run at a time."""
    if array.dtype == dtype and array.flags.c_contiguous:
        plain = array.reshape(-1).view(np.uint8)
        plain.flags.writeable = False
        return (plain,)
    return _runs(array, dtype)


def _runs(array: npt.NDArray[Any], dtype: np.dtype[Any]) -> Iterator[Bytes]:
    runs = np.nditer(
        array,
        ["external_loop", "buffered", "zerosize_ok"],
        op_dtypes=[dtype],
        order="C",
        casting="unsafe",
        buffersize=_RUN,
    )
    for run in runs:
        yield np.frombuffer(np.asarray(run).tobytes(), np.uint8)
