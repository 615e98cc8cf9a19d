"""String tensors are object arrays of ``bytes``; what the families that make them share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noria.graph.graph import Array


def string_array(values: Sequence[bytes], shape: tuple[int, ...]) -> Array:
    """``values`` as a string array of ``shape``."""
    array = np.empty(len(values), object)
    array[:] = values
    return array.reshape(shape)
