"""What an operator asks the REST port: is it alive, is it ready, what does it serve.

    GET /healthz     200 while the process answers at all
    GET /readyz      200, or 503 with what is missing: models, at start also versions that still load, or a drain
    GET /v1/models   every model with its versions, states, labels, memory and requests

One of several workers answers the last two for all of them.

TensorFlow Serving has none of these: it answers the first two with 404 and the third with 400.
"""

from __future__ import annotations

from typing import Any, Final

import orjson

from noria.serving import status
from noria.serving.core import Core

HEALTH, READY, MODELS = b"/healthz", b"/readyz", b"/v1/models"
_DRAINING: Final = "the server is stopping"


class Admin:
    """The answers, for any edge that speaks HTTP."""

    def __init__(self, core: Core) -> None:
        self._core = core

    async def answer(self, method: str, path: bytes) -> tuple[int, bytes] | None:
        """Status and JSON body; None for a request that is none of these."""
        if method not in ("GET", "HEAD"):
            return None
        process = self._core.process
        if path == HEALTH:
            return 200, _json({"status": "alive"})
        if path == READY:
            missing = [_DRAINING] if process.draining else await self._missing()
            return (503 if missing else 200), _json({"ready": not missing, "missing": missing})
        if path == MODELS and method == "GET":
            if process.fleet is not None:
                return 200, _json(await process.fleet.models())
            return 200, _json({"models": status.list_models(self._core)})
        return None

    async def _missing(self) -> list[str]:
        fleet = self._core.process.fleet
        return self._core.manager.missing() if fleet is None else await fleet.missing()


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
