"""What a client can ask, over either protocol: the calls of ``GrpcCalls`` and ``RestCalls``."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from noria.client.answers import Metadata, SignatureInfo, VersionStatus
from noria.client.exchange import Talk
from noria.client.messages import DEFAULT_SIGNATURE, Array, Example
from noria.client.target import Target
from noria.errors import InvalidArgumentError

_FRESH_SECONDS: Final = 60.0  # how long a signature is believed: another version may have another
_MOST_KNOWN: Final = 1024

Classes = list[list[tuple[str, float]]]


class Calls(ABC):
    """The calls, each a ``Talk``; every one raises errors of ``noria.errors``. Thread-safe."""

    def __init__(self) -> None:
        self._known: dict[Target, tuple[float, SignatureInfo]] = {}

    @abstractmethod
    def predict(self, target: Target, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Talk[dict[str, Array]]: ...

    @abstractmethod
    def classify(self, target: Target, examples: Iterable[Example], context: Example | None) -> Talk[Classes]: ...

    @abstractmethod
    def regress(self, target: Target, examples: Iterable[Example], context: Example | None) -> Talk[Array]: ...

    @abstractmethod
    def multi_inference(
        self, target: Target, tasks: Sequence[tuple[str, str]], examples: Iterable[Example], context: Example | None
    ) -> Talk[list[Classes | Array]]: ...

    @abstractmethod
    def metadata(self, target: Target) -> Talk[Metadata]: ...

    @abstractmethod
    def status(self, target: Target) -> Talk[list[VersionStatus]]: ...

    @abstractmethod
    def models(self) -> Talk[list[dict[str, Any]]]: ...

    @abstractmethod
    def reload(self, config: Any) -> Talk[None]: ...

    def signature(self, target: Target, *, fresh: bool = False) -> Talk[SignatureInfo]:
        """The signature of a Predict call, asked for once a minute at most; fresh: asked for again now."""
        now = time.monotonic()
        known = self._known.get(target)
        if known is not None and now < known[0] and not fresh:
            return known[1]
        metadata = yield from self.metadata(target)
        name = target.signature or DEFAULT_SIGNATURE
        found = metadata.signatures.get(name)
        if found is None:
            raise InvalidArgumentError(
                f"model {target.model!r} has no signature {name!r}; it has: {', '.join(metadata.signatures) or 'none'}"
            )
        if len(self._known) >= _MOST_KNOWN:
            self._known.clear()
        self._known[target] = (now + _FRESH_SECONDS, found)
        return found
