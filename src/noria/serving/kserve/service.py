"""The gRPC form of the protocol: ``inference.GRPCInferenceService``."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Final

import grpc
import numpy as np
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from noria.errors import Code, InternalError, NotFoundError, TFError
from noria.protos import kserve as pb
from noria.serving.grpc_api import GRPC_STATUS
from noria.serving.kserve import describe, messages, repository, tensors
from noria.serving.kserve.datatypes import BYTES
from noria.serving.kserve.infer import Inference
from noria.serving.security.access import token_in
from noria.serving.security.tokens import PREDICT, SERVER, VIEW

Array = np.ndarray[Any, np.dtype[Any]]
Context = grpc.aio.ServicerContext[Any, Any]

_LOG = logging.getLogger(__name__)

SERVICE: Final = "inference.GRPCInferenceService"
ENTRYPOINT: Final = "KServe-GRPC"  # in metrics, where TensorFlow Serving's own is GRPC
_SLOW_BYTES: Final = 4 << 20  # bytes of tensors from which reading and writing leave the loop
_SLOW_STRINGS: Final = 64 << 10  # and of strings, each of which is an object
_MAX_TEXT: Final = 1024  # characters of an error message, as in TensorFlow Serving's own services
_FINAL: Final = "triton_final_response"  # the parameter by which stream clients know that an answer is whole


class _Seen:
    """What is known of a request so far."""

    __slots__ = ("id", "model")

    def __init__(self) -> None:
        self.model = ""
        self.id = ""


class KServeGrpc:
    """The servicer: one coroutine for each RPC."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._core = inference.core

    def handlers(self) -> tuple[grpc.GenericRpcHandler[Any, Any], ...]:
        """The service, for ``grpc.aio.Server.add_generic_rpc_handlers``."""
        methods = {
            "ServerLive": self._unary("ServerLive", pb.ServerLiveRequest, self._server_live),
            "ServerReady": self._unary("ServerReady", pb.ServerReadyRequest, self._server_ready),
            "ModelReady": self._unary("ModelReady", pb.ModelReadyRequest, self._model_ready),
            "ServerMetadata": self._unary("ServerMetadata", pb.ServerMetadataRequest, self._server_metadata),
            "ModelMetadata": self._unary("ModelMetadata", pb.ModelMetadataRequest, self._model_metadata),
            "ModelStatistics": self._unary("ModelStatistics", pb.ModelStatisticsRequest, self._model_statistics),
            "ModelConfig": self._unary("ModelConfig", pb.ModelConfigRequest, self._model_config),
            "RepositoryIndex": self._unary("RepositoryIndex", pb.RepositoryIndexRequest, self._repository_index),
            "RepositoryModelLoad": self._managed("RepositoryModelLoad", pb.RepositoryModelLoadRequest),
            "RepositoryModelUnload": self._managed("RepositoryModelUnload", pb.RepositoryModelUnloadRequest),
            "ModelInfer": grpc.unary_unary_rpc_method_handler(self._model_infer),
            "ModelStreamInfer": grpc.stream_stream_rpc_method_handler(self._model_stream_infer),
        }
        return (grpc.method_handlers_generic_handler(SERVICE, methods),)

    def _unary(
        self, rpc: str, request: Any, function: Callable[[Any, Context], dict[str, Any]]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """A call that looks something up; ``function`` gives the fields of the answer."""
        answer = getattr(pb, request.DESCRIPTOR.name.removesuffix("Request") + "Response")

        async def call(content: bytes, context: Context) -> bytes:
            seen = _Seen()

            async def work() -> bytes:
                message = request.FromString(content)
                seen.model = getattr(message, "name", "")
                found: bytes = json_format.ParseDict(function(message, context), answer()).SerializeToString()
                return found

            done = await self._settled(rpc, seen, content, work())
            return await _abort(context, done) if isinstance(done, TFError) else done

        return grpc.unary_unary_rpc_method_handler(call)

    def _managed(self, rpc: str, request: Any) -> grpc.RpcMethodHandler[Any, Any]:
        """A call that loads or unloads a model."""

        async def call(content: bytes, context: Context) -> bytes:
            seen = _Seen()

            async def work() -> bytes:
                message = request.FromString(content)
                seen.model = message.model_name
                metadata = tuple(context.invocation_metadata() or ())
                self._core.may_manage(context.peer(), token_in(metadata), {str(key) for key, _ in metadata})
                if rpc == "RepositoryModelLoad":
                    await repository.load(self._core, seen.model, _deadline(context))
                else:
                    repository.unload(self._core, seen.model)
                return b""  # both answers are messages without fields

            done = await self._settled(rpc, seen, content, work())
            return await _abort(context, done) if isinstance(done, TFError) else done

        return grpc.unary_unary_rpc_method_handler(call)

    async def _model_infer(self, content: bytes, context: Context) -> bytes:
        seen = _Seen()
        done = await self._settled("ModelInfer", seen, content, self._answer(seen, content, context))
        return await _abort(context, done) if isinstance(done, TFError) else done

    async def _model_stream_infer(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        """One answer for each request, in order; an error answers its request and does not end the stream."""
        async for content in requests:
            seen = _Seen()
            work = self._answer(seen, content, context, final=True)
            done = await self._settled("ModelStreamInfer", seen, content, work)
            if not isinstance(done, TFError):
                yield messages.streamed(done)
                continue
            failed = pb.ModelStreamInferResponse(error_message=done.message)
            failed.infer_response.id = seen.id  # by which a client knows the request that failed
            failed.infer_response.model_name = seen.model
            yield failed.SerializeToString()

    async def _settled(
        self, rpc: str, seen: _Seen, content: bytes, work: Coroutine[Any, Any, bytes]
    ) -> bytes | TFError:
        """What ``work`` gives, or the error it raises as one of ours; counted either way."""
        start = time.perf_counter()
        done: bytes | TFError
        try:
            done = await work
        except TFError as error:
            done = error
        except DecodeError as error:
            done = InternalError(f"the request is no message of {rpc}: {error}")
        except Exception as error:
            _LOG.exception("%s failed", rpc)
            done = InternalError(f"{type(error).__name__}: {error}")
        code, sent = (done.code, 0) if isinstance(done, TFError) else (Code.OK, len(done))
        seconds = time.perf_counter() - start
        self._core.metrics.request(seen.model, rpc, ENTRYPOINT, code, seconds, len(content), sent)
        return done

    async def _answer(self, seen: _Seen, content: bytes, context: Context, *, final: bool = False) -> bytes:
        message, raw = messages.read_apart(content)
        seen.model, seen.id = message.model_name, message.id
        response, parts = await self._infer(message, raw, context)
        if final:
            response.parameters[_FINAL].bool_param = True
        if sum(map(len, parts)) >= _SLOW_BYTES:
            return await self._core.runner.call(messages.serialized, response, parts)
        return messages.serialized(response, parts)

    async def _infer(
        self, message: pb.ModelInferRequest, raw: list[bytes | memoryview], context: Context
    ) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
        start = time.perf_counter_ns()
        self._check(context, PREDICT, message.model_name)
        size = sum(map(len, raw))
        if size >= _SLOW_BYTES or (size >= _SLOW_STRINGS and any(t.datatype == BYTES for t in message.inputs)):
            request = await self._core.runner.call(messages.request_of, message, raw)
        else:
            request = messages.request_of(message, raw)
        with await self._inference.awake(message.model_name, message.model_version, _deadline(context)) as servable:
            id = servable.id

            def work(outputs: Mapping[str, Array], raw: bool) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
                return messages.response(id.name, id.version, request, outputs, raw=raw)

            async def encode(outputs: Mapping[str, Array]) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
                in_kind = bool(raw) or not request.inputs
                if tensors.is_slow(outputs.values()):
                    return await self._core.runner.call(work, outputs, in_kind)
                return work(outputs, in_kind)

            return await self._inference.run(servable, request, _deadline(context), start, encode)

    def _check(self, context: Context, action: str, model: str) -> None:
        if self._core.access is not None:
            self._core.access.check(token_in(context.invocation_metadata() or ()), action, model)

    def _server_live(self, request: pb.ServerLiveRequest, context: Context) -> dict[str, Any]:
        return {"live": True}

    def _server_ready(self, request: pb.ServerReadyRequest, context: Context) -> dict[str, Any]:
        return {"ready": not describe.missing(self._core)}

    def _model_ready(self, request: pb.ModelReadyRequest, context: Context) -> dict[str, Any]:
        self._check(context, VIEW, request.name)
        try:
            return {"ready": describe.model_ready(self._inference, request.name, request.version)}
        except NotFoundError:
            return {"ready": False}

    def _server_metadata(self, request: pb.ServerMetadataRequest, context: Context) -> dict[str, Any]:
        return describe.server_metadata()

    def _model_metadata(self, request: pb.ModelMetadataRequest, context: Context) -> dict[str, Any]:
        self._check(context, VIEW, request.name)
        return describe.model_metadata(self._inference, request.name, request.version)

    def _model_statistics(self, request: pb.ModelStatisticsRequest, context: Context) -> dict[str, Any]:
        self._check(context, VIEW, request.name or SERVER)
        return describe.model_statistics(self._inference, request.name, request.version)

    def _model_config(self, request: pb.ModelConfigRequest, context: Context) -> dict[str, Any]:
        self._check(context, VIEW, request.name)
        return {"config": describe.model_config(self._inference, request.name, request.version)}

    def _repository_index(self, request: pb.RepositoryIndexRequest, context: Context) -> dict[str, Any]:
        self._check(context, VIEW, SERVER)
        return {"models": describe.repository_index(self._inference, request.ready)}


async def _abort(context: Context, error: TFError) -> bytes:
    text = error.message if len(error.message) <= _MAX_TEXT else error.message[:_MAX_TEXT] + "...TRUNCATED"
    found: bytes = await context.abort(GRPC_STATUS[error.code], text)
    return found


def _deadline(context: Context) -> float | None:
    left = context.time_remaining()
    return None if left is None else time.monotonic() + left
