"""MultiInference: several classify and regress signatures of one model over the same examples, in one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from noria.model import Signature
from noria.serving import classify
from noria.serving.classify import Call
from noria.serving.lifecycle.servable import Servable
from noria.serving.runner import Runner

Array = np.ndarray[Any, np.dtype[Any]]

_API: Final = "MultiInference"
_MAX_KEPT: Final = 4  # combinations kept of one model: each is compiled anew


class MultiRunner:
    """Runs tasks together; what it compiled for a servable goes with it. For the event loop."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._kept: WeakKeyDictionary[Servable, dict[tuple[str, ...], Signature]] = WeakKeyDictionary()

    async def run(
        self, servable: Servable, calls: Sequence[Call], examples: Sequence[bytes], deadline: float | None
    ) -> list[dict[str, Array]]:
        """The outputs of each call, of one and the same run. Raises what the run raises."""
        together = self._together(servable, calls)
        if together is None:
            return [
                await self._runner.run(
                    servable, call.signature, classify.feeds(call, examples), call.outputs, deadline=deadline, api=_API
                )
                for call in calls
            ]
        names = [f"{call.signature.name}/{alias}" for call in calls for alias in call.outputs]
        feeds = classify.feeds(calls[0], examples)
        found = await self._runner.run(servable, together, feeds, names, deadline=deadline, api=_API)
        return [{alias: found[f"{call.signature.name}/{alias}"] for alias in call.outputs} for call in calls]

    def _together(self, servable: Servable, calls: Sequence[Call]) -> Signature | None:
        signatures = [call.signature for call in calls if isinstance(call.signature, Signature)]
        if len(signatures) < 2 or len(signatures) < len(calls):
            return None
        kept = self._kept.setdefault(servable, {})
        key = tuple(signature.name for signature in signatures)
        found = kept.pop(key, None)
        if found is None:
            found = signatures[0].together(signatures[1:])
            while len(kept) >= _MAX_KEPT:
                del kept[next(iter(kept))]
        kept[key] = found  # the last one is the latest used
        return found
