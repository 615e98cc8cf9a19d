"""gRPC's health checking protocol: Check, List and Watch of ``grpc.health.v1.Health``.

Names: "" for the server, and "PredictionService" and "ModelService", as TensorFlow Serving calls them. They are
SERVING once ``/readyz`` has been 200, and stay it whatever a later reload asks for; they are NOT_SERVING from the
signal to stop on. Of several workers each speaks for all: they are SERVING once all of them have been ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from google.protobuf.message import DecodeError

from noria.errors import InternalError, NotFoundError, UnimplementedError
from noria.protos import health as pb
from noria.serving.core import Core
from noria.serving.rpc import Call, Method, Stream, Unary, cut, service

SERVICE: Final = "grpc.health.v1.Health"
NAMES: Final = ("", "ModelService", "PredictionService")
_LOOK_SECONDS: Final = 0.25  # between two looks of a Watch

_Status = pb.HealthCheckResponse


class Health:
    """The servicer."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._was_ready = False

    def methods(self) -> dict[str, Method]:
        """The service, by path."""
        return service(SERVICE, {"Check": Unary(self._check), "List": Unary(self._list), "Watch": Stream(self._watch)})

    async def status(self, name: str) -> int:
        """SERVING, NOT_SERVING, or SERVICE_UNKNOWN for a name that is none of ``NAMES``."""
        if name not in NAMES:
            return _Status.SERVICE_UNKNOWN
        if self._core.process.draining:
            return _Status.NOT_SERVING
        if not self._was_ready:
            fleet = self._core.process.fleet
            self._was_ready = not self._core.manager.missing() if fleet is None else await fleet.served()
        return _Status.SERVING if self._was_ready else _Status.NOT_SERVING

    async def _check(self, content: bytes, call: Call) -> bytes:
        name = _name(content)
        status = await self.status(name)
        if status == _Status.SERVICE_UNKNOWN:
            raise NotFoundError(cut(f"unknown service {name!r}; known: {', '.join(NAMES[1:])}"))
        return _Status(status=status).SerializeToString()

    async def _list(self, content: bytes, call: Call) -> bytes:
        response = pb.HealthListResponse()
        for name in NAMES:
            response.statuses[name].status = await self.status(name)
        return response.SerializeToString()

    async def _watch(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        """The status now, and again whenever it changes; it ends when the server does."""
        content = await anext(requests, None)
        if content is None:  # the code is that of gRPC's doc/statuscodes.md
            raise UnimplementedError("a Watch has one request; the call ended without it")
        name = _name(content)
        told: int | None = None
        while True:
            status = await self.status(name)
            if status != told:
                told = status
                yield _Status(status=status).SerializeToString()
            elif self._core.process.draining:
                return  # an endless call would keep the drain from its end
            await asyncio.sleep(_LOOK_SECONDS)


def _name(content: bytes) -> str:
    try:
        return pb.HealthCheckRequest.FromString(content).service
    except DecodeError as error:
        raise InternalError(f"the request is no grpc.health.v1.HealthCheckRequest: {error}") from None
