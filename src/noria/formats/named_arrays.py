"""A mapping of names to arrays whose reading of a missing name is NotFoundError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt


class NamedArrays(Mapping[str, npt.NDArray[np.generic]]):
    """What ``Mapping`` derives from KeyError, told by the names instead, and without reading a value for it."""

    def __contains__(self, name: object) -> bool:
        return any(name == known for known in self)

    def get(self, name: str, default: Any = None, /) -> Any:
        """The array of ``name``, or ``default`` where there is none."""
        if name not in self:
            return default
        return self[name]
