"""The gRPC port: a grpc.aio server on the running loop, and its drain.

gRPC cancels a call that arrives after its server was told to stop and before the client has read the GOAWAY. So the
last answers are held back until the GOAWAY has gone out before them: a client that waits for its answer learns that the
connection takes no more calls before it makes the next one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

import grpc

from noria.serving.listening import close_gently, listeners_of, taken

if TYPE_CHECKING:
    _Handlers = grpc.GenericRpcHandler[Any, Any]
else:
    _Handlers = grpc.GenericRpcHandler

_LOG = logging.getLogger(__name__)

_GATHER_SECONDS: Final = 0.05  # in which clients ask their last: a round trip, and the handshakes under way
_GOAWAY_SECONDS: Final = 0.02  # what gRPC takes to write the GOAWAY


class GrpcServer:
    """gRPC services on TCP and UNIX sockets; ``port`` is the TCP port that was bound, 0 without one."""

    def __init__(
        self, handlers: Sequence[grpc.GenericRpcHandler[Any, Any]], options: Sequence[tuple[str, Any]]
    ) -> None:
        self.port = 0
        self._gated = _Gated(handlers)
        self._server = grpc.aio.server(options=options)
        self._server.add_generic_rpc_handlers((self._gated,))

    def bind(
        self, port: int | None, path: str, credentials: Callable[[], grpc.ServerCredentials] | None = None
    ) -> None:
        """Opens a TCP port on all IPv4 addresses (0 for any free one), a UNIX socket, or both.

        credentials: makes those of TLS; each place needs its own, or gRPC asks only one of them for new certificates.
        Raises UnavailableError, naming the place, when it is taken.
        """
        if port is not None:
            self.port = self._add(f"0.0.0.0:{port}", "--port", credentials)
        if path:
            self._add(f"unix:{path}", "--grpc_socket_path", credentials)

    def _add(self, place: str, flag: str, credentials: Callable[[], grpc.ServerCredentials] | None) -> int:
        try:
            if credentials is not None:
                return self._server.add_secure_port(place, credentials())
            return self._server.add_insecure_port(place)
        except RuntimeError as error:
            why = str(error).partition(";")[0]  # what follows is about another library's variable
            raise taken("gRPC", place, why, flag) from None

    async def start(self) -> None:
        """Takes calls from now on."""
        await self._server.start()

    async def drain(self, deadline: float) -> bool:
        """Takes no more connections, sends GOAWAY, answers every call.

        deadline: on ``time.monotonic``; calls that run then are cut, and the answer is False.
        """
        open_ports = [close_gently(copy) for copy in listeners_of(self.port)] if self.port else []
        self._gated.close()
        await asyncio.gather(asyncio.sleep(_GATHER_SECONDS), *open_ports)
        stopped = asyncio.ensure_future(self._server.stop(max(deadline - time.monotonic(), 0.0)))
        await asyncio.sleep(_GOAWAY_SECONDS)
        self._gated.open()
        await stopped
        if time.monotonic() < deadline:
            return True
        _LOG.warning("gave up gRPC calls at the end of the drain")
        return False


class _Gated(_Handlers):
    """The handlers of several services, behind a gate that can keep their unary answers."""

    def __init__(self, handlers: Sequence[grpc.GenericRpcHandler[Any, Any]]) -> None:
        self._handlers = tuple(handlers)
        self._found: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._gate: asyncio.Event | None = None

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler of a method; each is looked for once."""
        method = handler_call_details.method
        found = self._found.get(method)
        if found is None:
            for handlers in self._handlers:
                handler = handlers.service(handler_call_details)
                if handler is not None:
                    found = self._found[method] = self._behind_gate(handler)
                    break
        return found

    def _behind_gate(self, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        function = handler.unary_unary
        if function is None:
            return cast("grpc.RpcMethodHandler[Any, Any]", handler)

        async def call(request: Any, context: Any) -> Any:
            try:
                return await function(request, context)
            finally:
                if self._gate is not None:
                    await self._gate.wait()

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)

    def close(self) -> None:
        """Keeps answers from now on."""
        self._gate = asyncio.Event()

    def open(self) -> None:
        """Lets go of what was kept."""
        if self._gate is not None:
            self._gate.set()
