"""Exchanges over gRPC channels."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Final

import grpc

from noria.client.address import Address
from noria.client.exchange import Exchange, Reply, error_of
from noria.client.options import Options
from noria.errors import CancelledError, FailedPreconditionError, TFError

_MAX_MESSAGE: Final = 2**31 - 1
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", _MAX_MESSAGE),
    ("grpc.max_send_message_length", _MAX_MESSAGE),
    ("grpc.initial_reconnect_backoff_ms", 100),  # a server that restarts is found soon
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 5000),
)


def _settings(address: Address, options: Options) -> tuple[grpc.ChannelCredentials | None, Any, Any]:
    """(credentials, channel options, metadata of every call)."""
    settings = list(_OPTIONS)
    credentials = None
    if address.tls or (options.tls and address.host.startswith("unix:")):
        credentials = grpc.ssl_channel_credentials(options.ca or None, options.key or None, options.cert or None)
        if options.server_name:
            settings.append(("grpc.ssl_target_name_override", options.server_name))  # type: ignore[arg-type]
    metadata = (("authorization", f"Bearer {options.token}"),) if options.token else None
    return credentials, settings, metadata


def _error(error: grpc.RpcError) -> TFError:
    status: Any = error
    return error_of(status.code().value[0], status.details() or "")


class GrpcTransport:
    """One channel: one connection, shared by all threads and opened with the first call."""

    def __init__(self, address: Address, options: Options) -> None:
        credentials, settings, self._metadata = _settings(address, options)
        if credentials is None:
            self._channel = grpc.insecure_channel(address.host, settings)
        else:
            self._channel = grpc.secure_channel(address.host, credentials, settings)
        self._calls: dict[str, Any] = {}
        self._closed = False

    def send(self, exchange: Exchange, seconds: float) -> Reply:
        call = self._calls.get(exchange.path)
        if call is None:
            call = self._calls[exchange.path] = self._channel.unary_unary(exchange.path, None, None)
        try:
            return Reply(call(exchange.body, seconds, self._metadata))
        except grpc.RpcError as error:
            raise _error(error) from None
        except ValueError as error:  # a closed channel
            raise FailedPreconditionError(f"the client is closed: {error}") from None

    def pause(self, seconds: float) -> None:
        """Waits, watching the channel: that of an older grpcio (1.66) goes on connecting only while somebody does."""
        if self._closed:
            return
        end = time.monotonic() + seconds
        ready = grpc.channel_ready_future(self._channel)
        with contextlib.suppress(grpc.FutureTimeoutError):
            ready.result(timeout=seconds)
        ready.cancel()
        time.sleep(max(0.0, end - time.monotonic()))

    def close(self) -> None:
        self._closed = True
        self._channel.close()


class AsyncGrpcTransport:
    """The same for an event loop; the channel belongs to the loop of the first call."""

    def __init__(self, address: Address, options: Options) -> None:
        self._host = address.host
        self._credentials, self._settings, self._metadata = _settings(address, options)
        self._channel: grpc.aio.Channel | None = None
        self._calls: dict[str, Any] = {}
        self._closed = False
        self._loop: Any = None

    async def send(self, exchange: Exchange, seconds: float) -> Reply:
        import asyncio  # which a program that runs a loop has imported already

        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None:
                raise FailedPreconditionError(
                    "the client has been used on another event loop; each needs one of its own"
                )
            self._loop = loop
        call = self._calls.get(exchange.path)
        if call is None:
            call = self._calls[exchange.path] = self._open().unary_unary(exchange.path, None, None)
        try:
            return Reply(await call(exchange.body, timeout=seconds, metadata=self._metadata))
        except grpc.RpcError as error:
            raise _error(error) from None
        except grpc.aio.UsageError as error:
            raise FailedPreconditionError(f"the client is closed: {error}") from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and not (task is not None and task.cancelling()):
                raise CancelledError("the client was closed before the answer came") from None
            raise

    def _open(self) -> grpc.aio.Channel:
        if self._closed:
            raise FailedPreconditionError("the client is closed")
        if self._channel is None:
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self._host, self._settings)
            else:
                self._channel = grpc.aio.secure_channel(self._host, self._credentials, self._settings)
        return self._channel

    async def close(self) -> None:
        self._closed = True
        self._calls.clear()
        if self._channel is not None:
            await self._channel.close(None)
