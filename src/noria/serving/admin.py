"""What an operator asks the REST port: is it alive, is it ready, what does it serve.

    GET /healthz     200 while the process answers at all
    GET /readyz      200, or 503 with what is missing: models without a version, or a drain that has begun
    GET /v1/models   every model with its versions, states, labels, memory and requests

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

    def answer(self, method: str, path: bytes) -> tuple[int, bytes] | None:
        """Status and JSON body; None for a request that is none of these."""
        if method not in ("GET", "HEAD"):
            return None
        if path == HEALTH:
            return 200, _json({"status": "alive"})
        if path == READY:
            missing = [_DRAINING] if self._core.process.draining else self._core.manager.missing()
            return (503 if missing else 200), _json({"ready": not missing, "missing": missing})
        if path == MODELS and method == "GET":
            return 200, _json({"models": status.list_models(self._core)})
        return None


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2)
