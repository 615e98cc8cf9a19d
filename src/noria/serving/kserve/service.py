"""The gRPC form of the protocol: ``inference.GRPCInferenceService``."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final

import numpy as np
from google.protobuf import json_format
from google.protobuf.message import DecodeError

from noria.errors import Code, InternalError, NotFoundError, TFError
from noria.protos import kserve as pb
from noria.serving.kserve import describe, messages, repository, tensors
from noria.serving.kserve.datatypes import BYTES
from noria.serving.kserve.infer import Inference
from noria.serving.rpc import Call, Method, Stream, Unary, service, short
from noria.serving.security.access import token_in
from noria.serving.security.tokens import PREDICT, SERVER, VIEW

Array = np.ndarray[Any, np.dtype[Any]]

_LOG = logging.getLogger(__name__)

SERVICE: Final = "inference.GRPCInferenceService"
ENTRYPOINT: Final = "KServe-GRPC"  # in metrics, where TensorFlow Serving's own is GRPC
_SLOW_BYTES: Final = 4 << 20  # bytes of tensors from which reading and writing leave the loop
_SLOW_STRINGS: Final = 64 << 10  # and of strings, each of which is an object
_FINAL: Final = "triton_final_response"  # the parameter by which stream clients know that an answer is whole


class _Seen:
    """What is known of a request so far. streamed: it is one of a stream, and so is its answer."""

    __slots__ = ("id", "model", "streamed")

    def __init__(self, *, streamed: bool = False) -> None:
        self.model = ""
        self.id = ""
        self.streamed = streamed


_Work = Callable[[_Seen, bytes, Call], Coroutine[Any, Any, bytes]]


class KServeGrpc:
    """The servicer: one coroutine for each RPC."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self._core = inference.core

    def methods(self) -> dict[str, Method]:
        """The service, by path."""
        methods: dict[str, Method] = {
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
            "ModelInfer": self._working("ModelInfer", self._answer),
            "ModelStreamInfer": Stream(self._model_stream_infer),
        }
        return service(SERVICE, methods)

    def _unary(self, rpc: str, request: Any, function: Callable[[Any, Call], Awaitable[dict[str, Any]]]) -> Unary:
        """A call that looks something up; ``function`` gives the fields of the answer."""
        answer = getattr(pb, request.DESCRIPTOR.name.removesuffix("Request") + "Response")

        async def work(seen: _Seen, content: bytes, call: Call) -> bytes:
            message = request.FromString(content)
            seen.model = getattr(message, "name", "")
            found: bytes = json_format.ParseDict(await function(message, call), answer()).SerializeToString()
            return found

        return self._working(rpc, work)

    def _managed(self, rpc: str, request: Any) -> Unary:
        """A call that loads or unloads a model."""

        async def work(seen: _Seen, content: bytes, call: Call) -> bytes:
            message = request.FromString(content)
            seen.model = message.model_name
            self._core.may_manage(call.peer, token_in(call.metadata), {key for key, _ in call.metadata})
            if rpc == "RepositoryModelLoad":
                repository.refuse_override(message.parameters)
                await repository.load(self._core, seen.model, call.deadline)
            else:
                await repository.unload(self._core, seen.model)
            return b""  # both answers are messages without fields

        return self._working(rpc, work)

    def _working(self, rpc: str, work: _Work) -> Unary:
        def called(content: bytes, call: Call) -> Coroutine[Any, Any, bytes]:
            return self._settled(rpc, work, _Seen(), content, call)

        return Unary(called)

    async def _model_stream_infer(self, requests: AsyncIterator[bytes], call: Call) -> AsyncIterator[bytes]:
        """One answer for each request, in order; an error answers its request and does not end the stream."""
        async for content in requests:
            seen = _Seen(streamed=True)
            try:
                answer = messages.streamed(await self._settled("ModelStreamInfer", self._answer, seen, content, call))
            except TFError as error:
                failed = pb.ModelStreamInferResponse(error_message=error.message)
                failed.infer_response.id = seen.id  # by which a client knows the request that failed
                failed.infer_response.model_name = seen.model
                answer = failed.SerializeToString()
            yield answer

    async def _settled(self, rpc: str, work: _Work, seen: _Seen, content: bytes, call: Call) -> bytes:
        """What ``work`` gives, counted, as is what it raises, which becomes an error of ours."""
        start = time.perf_counter()
        try:
            done = await work(seen, content, call)
        except TFError as error:
            raise self._failed(rpc, seen, content, error, start) from None
        except DecodeError as error:
            told = f"the request is no message of {rpc}: {error}"
            raise self._failed(rpc, seen, content, InternalError(told), start) from None
        except Exception as error:
            _LOG.exception("%s failed", rpc)
            told = f"{type(error).__name__}: {error}"
            raise self._failed(rpc, seen, content, InternalError(told), start) from None
        seconds = time.perf_counter() - start
        self._core.metrics.request(seen.model, rpc, ENTRYPOINT, Code.OK, seconds, len(content), len(done))
        return done

    def _failed(self, rpc: str, seen: _Seen, content: bytes, error: TFError, start: float) -> TFError:
        seconds = time.perf_counter() - start
        self._core.metrics.request(seen.model, rpc, ENTRYPOINT, error.code, seconds, len(content), 0)
        return error if seen.streamed else short(error)

    async def _answer(self, seen: _Seen, content: bytes, call: Call) -> bytes:
        message, raw = messages.read_apart(content)
        seen.model, seen.id = message.model_name, message.id
        response, parts = await self._infer(message, raw, call)
        if seen.streamed:
            response.parameters[_FINAL].bool_param = True
        if sum(map(len, parts)) >= _SLOW_BYTES:
            return await self._core.runner.call(messages.serialized, response, parts)
        return messages.serialized(response, parts)

    async def _infer(
        self, message: pb.ModelInferRequest, raw: list[bytes | memoryview], call: Call
    ) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
        start = time.perf_counter_ns()
        self._check(call, PREDICT, message.model_name)
        size = sum(map(len, raw))
        if size >= _SLOW_BYTES or (size >= _SLOW_STRINGS and any(t.datatype == BYTES for t in message.inputs)):
            request = await self._core.runner.call(messages.request_of, message, raw)
        else:
            request = messages.request_of(message, raw)
        with await self._inference.awake(message.model_name, message.model_version, call.deadline) as servable:
            id = servable.id

            def work(outputs: Mapping[str, Array], raw: bool) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
                return messages.response(id.name, id.version, request, outputs, raw=raw)

            async def encode(outputs: Mapping[str, Array]) -> tuple[pb.ModelInferResponse, list[bytes | memoryview]]:
                in_kind = bool(raw) or not request.inputs
                if tensors.is_slow(outputs.values()):
                    return await self._core.runner.call(work, outputs, in_kind)
                return work(outputs, in_kind)

            return await self._inference.run(servable, request, call.deadline, start, encode)

    def _check(self, call: Call, action: str, model: str) -> None:
        if self._core.access is not None:
            self._core.access.check(token_in(call.metadata), action, model)

    async def _server_live(self, request: pb.ServerLiveRequest, call: Call) -> dict[str, Any]:
        return {"live": True}

    async def _server_ready(self, request: pb.ServerReadyRequest, call: Call) -> dict[str, Any]:
        return {"ready": not await describe.missing(self._core)}

    async def _model_ready(self, request: pb.ModelReadyRequest, call: Call) -> dict[str, Any]:
        self._check(call, VIEW, request.name)
        try:
            return {"ready": await describe.model_ready(self._inference, request.name, request.version)}
        except NotFoundError:
            return {"ready": False}

    async def _server_metadata(self, request: pb.ServerMetadataRequest, call: Call) -> dict[str, Any]:
        return describe.server_metadata()

    async def _model_metadata(self, request: pb.ModelMetadataRequest, call: Call) -> dict[str, Any]:
        self._check(call, VIEW, request.name)
        return describe.model_metadata(self._inference, request.name, request.version)

    async def _model_statistics(self, request: pb.ModelStatisticsRequest, call: Call) -> dict[str, Any]:
        self._check(call, VIEW, request.name or SERVER)
        return describe.model_statistics(self._inference, request.name, request.version)

    async def _model_config(self, request: pb.ModelConfigRequest, call: Call) -> dict[str, Any]:
        self._check(call, VIEW, request.name)
        return {"config": describe.model_config(self._inference, request.name, request.version)}

    async def _repository_index(self, request: pb.RepositoryIndexRequest, call: Call) -> dict[str, Any]:
        self._check(call, VIEW, SERVER)
        return {"models": await describe.repository_index(self._inference, request.ready)}
