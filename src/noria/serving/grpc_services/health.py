"""gRPC's health checking protocol: Check, List and Watch of ``grpc.health.v1.Health``.

Names: "" for the server, and "PredictionService" and "ModelService", as TensorFlow Serving calls them. They are
SERVING once every configured model has a version, which is when TensorFlow Serving opens its ports, and stay it
whatever a later reload asks for; they are NOT_SERVING from the signal to stop on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from noria.protos import health as pb
from noria.serving.core import Core

SERVICE: Final = "grpc.health.v1.Health"
NAMES: Final = ("", "ModelService", "PredictionService")
_LOOK_SECONDS: Final = 0.25  # between two looks of a Watch

Context = grpc.aio.ServicerContext[Any, Any]
_Status = pb.HealthCheckResponse


class Health:
    """The servicer."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._was_ready = False

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """For ``grpc.aio.Server.add_generic_rpc_handlers``."""
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._check),
                "List": grpc.unary_unary_rpc_method_handler(self._list),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch),
            },
        )

    def status(self, name: str) -> int:
        """SERVING, NOT_SERVING, or SERVICE_UNKNOWN for a name that is none of ``NAMES``."""
        if name not in NAMES:
            return _Status.SERVICE_UNKNOWN
        if self._core.process.draining:
            return _Status.NOT_SERVING
        self._was_ready = self._was_ready or not self._core.manager.missing()
        return _Status.SERVING if self._was_ready else _Status.NOT_SERVING

    async def _check(self, content: bytes, context: Context) -> bytes:
        name = await _name(content, context)
        status = self.status(name)
        if status == _Status.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"unknown service {name!r}; known: {', '.join(NAMES[1:])}")
        return _Status(status=status).SerializeToString()

    async def _list(self, content: bytes, context: Context) -> bytes:
        response = pb.HealthListResponse()
        for name in NAMES:
            response.statuses[name].status = self.status(name)
        return response.SerializeToString()

    async def _watch(self, content: bytes, context: Context) -> AsyncIterator[bytes]:
        """The status now, and again whenever it changes; it ends when the server does."""
        name = await _name(content, context)
        told: int | None = None
        while True:
            status = self.status(name)
            if status != told:
                told = status
                yield _Status(status=status).SerializeToString()
            elif self._core.process.draining:
                return  # an endless call would keep the drain from its end
            await asyncio.sleep(_LOOK_SECONDS)


async def _name(content: bytes, context: Context) -> str:
    try:
        return pb.HealthCheckRequest.FromString(content).service
    except DecodeError as error:
        await context.abort(grpc.StatusCode.INTERNAL, f"the request is no grpc.health.v1.HealthCheckRequest: {error}")
        raise  # abort has raised
