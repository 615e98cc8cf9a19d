"""Finds out at load which signatures batch, so that no request waits for it: by the inputs that warmed them up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from noria.serving.batching import eligible, examine
from noria.serving.batching.profile import Profile
from noria.serving.lifecycle.servable import Cost, Signature

Array = np.ndarray[Any, np.dtype[Any]]

_SLOW: Final = 0.1  # seconds: what is slower would keep the load, and those who are served beside it, for long


def at_load(costs: dict[str, Cost], seen: Mapping[str, tuple[Signature, Mapping[str, Array]]]) -> None:
    """Examines the signatures in ``seen``, each with inputs it took, and puts what it finds into ``costs``.

    Only a yes is kept: inputs of a warm-up, zeros perhaps, may be too plain to tell, where those of requests are not.
    """
    for name, (signature, arrays) in seen.items():
        cost = costs.get(name)
        if cost is None or cost.seconds >= _SLOW:
            continue
        if eligible.may_mix(signature) and examine.mixes(signature, arrays):
            profile = Profile(limit=0, mixes=True)  # the runner knows the limit
            profile.seconds, profile.nbytes = cost.seconds, cost.nbytes
            costs[name] = profile
