"""The gRPC API: messages of ``tensorflow.serving`` to calls, results and errors to messages and status codes."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
import numpy as np
from google.protobuf.message import DecodeError

from noria.errors import Code, InternalError, InvalidArgumentError, TFError
from noria.formats import tensor_proto
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.protos import serving as pb
from noria.serving import classify, management, predict, status
from noria.serving.core import Core
from noria.serving.grpc_services import health
from noria.serving.grpc_services.health import Health
from noria.serving.grpc_services.reflection import Reflection
from noria.serving.lifecycle.on_demand import AsleepError, wake
from noria.serving.lifecycle.servable import Servable
from noria.serving.messages import examples_of, fill_classes, fill_regressions, predict_response, tasks_of
from noria.serving.multi import MultiRunner
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.observe import log_records
from noria.serving.security.access import token_in
from noria.serving.security.tokens import PREDICT, VIEW
from noria.serving.strict import StrictInputs

Array = np.ndarray[Any, np.dtype[Any]]
Context = grpc.aio.ServicerContext[Any, Any]

_LOG = logging.getLogger(__name__)

# Both enumerations have the numbers of google.rpc.Code.
GRPC_STATUS: Final = {Code(member.value[0]): member for member in grpc.StatusCode}
_MAX_MESSAGE: Final = 2**31 - 1
_HANDSHAKE_MS: Final = 10_000  # for TLS
_SETTINGS_MS: Final = 5_000  # for the first frame after it
_API: Final = {CLASSIFY: "Classify", REGRESS: "Regress"}
_INFERENCE: Final = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
PREDICTION_SERVICE: Final = "tensorflow.serving.PredictionService"
RELOAD: Final = "HandleReloadConfigRequest"
MODEL_SERVICE: Final = "tensorflow.serving.ModelService"
_SLOW_EXAMPLES: Final = 5000  # results of examples from which an answer is put together in a worker thread
_MAX_TEXT: Final = 1024  # characters of an error message; the rest is cut


def options(channel_arguments: str = "", *, shared: bool = False) -> list[tuple[str, int | str]]:
    """gRPC's options of a server; channel_arguments: ``name=value,name=value``, which come last.

    shared: whether several processes open the same port; otherwise a port that is taken is an error.
    """
    found: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", _MAX_MESSAGE),
        ("grpc.max_send_message_length", _MAX_MESSAGE),
        ("grpc.so_reuseport", int(shared)),
        # A connection on which no HTTP/2 begins would hold up the end of the server until it is cut off.
        ("grpc.server_handshake_timeout_ms", _HANDSHAKE_MS),
        ("grpc.http2.settings_timeout", _SETTINGS_MS),
    ]
    for argument in channel_arguments.split(",") if channel_arguments else ():
        name, equals, value = argument.partition("=")
        if not name or not equals:
            raise InvalidArgumentError(
                f"--grpc_channel_arguments is name=value,name=value; got {argument!r} in {channel_arguments!r}"
            )
        found.append((name.strip(), int(value) if value.strip().lstrip("-").isdigit() else value))
    return found


class GrpcApi:
    """The servicer: one coroutine for each RPC."""

    def __init__(self, core: Core) -> None:
        config = core.config
        self._core = core
        self._manager = core.manager
        self._runner = core.runner
        self._multi = MultiRunner(core.runner)
        self._metrics = core.metrics
        self._log = core.request_log
        self._check_method = config.enable_signature_method_name_check
        self._strict = StrictInputs.of(config.strict_model_inputs)
        self._as_content = config.enable_serialization_as_tensor_content

    def handlers(self, also: Sequence[str] = ()) -> tuple[grpc.GenericRpcHandler[Any, Any], ...]:
        """All services, for ``grpc.aio.Server.add_generic_rpc_handlers``; reflection names those in ``also`` too."""
        prediction = {
            "Predict": self._handler("Predict", self._predict, pb.PredictRequest),
            "Classify": self._handler("Classify", self._classify, pb.ClassificationRequest),
            "Regress": self._handler("Regress", self._regress, pb.RegressionRequest),
            "MultiInference": self._handler("MultiInference", self._multi_inference, pb.MultiInferenceRequest),
            "GetModelMetadata": self._handler("GetModelMetadata", self._get_model_metadata, pb.GetModelMetadataRequest),
        }
        model = {
            "GetModelStatus": self._handler("GetModelStatus", self._get_model_status, pb.GetModelStatusRequest),
            RELOAD: self._handler(RELOAD, self._reload, pb.ReloadConfigRequest),
        }
        found = [
            grpc.method_handlers_generic_handler(PREDICTION_SERVICE, prediction),
            grpc.method_handlers_generic_handler(MODEL_SERVICE, model),
        ]
        services = [PREDICTION_SERVICE, MODEL_SERVICE]
        if self._core.config.enable_grpc_healthcheck_service:
            found.append(Health(self._core).handler())
            services.append(health.SERVICE)
        if not self._core.config.tensorflow_serving_only:
            found += Reflection([*services, *also]).handlers()
        return tuple(found)

    def _handler(
        self, api: str, function: Callable[[Any, Context], Awaitable[Any]], request: Any
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """``function`` with every error it raises turned into a status, in this one place."""

        count = self._metrics.request
        access = None if api == RELOAD else self._core.access  # who may reload is its own question
        action = PREDICT if api in _INFERENCE else VIEW

        async def call(content: bytes, context: Context) -> bytes:
            start = time.perf_counter()
            parsed = None
            try:
                parsed = request.FromString(content)
                if access is not None:
                    access.check(token_in(context.invocation_metadata() or ()), action, _model_of(parsed))
                try:
                    message = await function(parsed, context)
                except AsleepError as asleep:
                    await wake(self._manager, asleep.name, _deadline(context))
                    message = await function(parsed, context)
                serialized: bytes = message if type(message) is bytes else message.SerializeToString()
                seconds = time.perf_counter() - start
                count(_model_of(parsed), api, "GRPC", Code.OK, seconds, len(content), len(serialized))
                return serialized
            except TFError as error:
                found = error
            except DecodeError as error:
                found = InternalError(f"the request is no {request.DESCRIPTOR.full_name}: {error}")
            except Exception as error:
                _LOG.exception("%s failed", request.DESCRIPTOR.full_name)
                found = InternalError(f"{type(error).__name__}: {error}")
            count(_model_of(parsed), api, "GRPC", found.code, time.perf_counter() - start, len(content))
            text = found.message
            if len(text) > _MAX_TEXT:
                text = text[:_MAX_TEXT] + "...TRUNCATED"
            return await context.abort(GRPC_STATUS[found.code], text)

        return grpc.unary_unary_rpc_method_handler(call)

    def _handle(self, spec: pb.ModelSpec) -> Servable:
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            return self._manager.handle(spec.name)
        if choice == "version":
            return self._manager.handle(spec.name, spec.version.value)
        return self._manager.handle(spec.name, None, spec.version_label)

    async def _predict(self, request: pb.PredictRequest, context: Context) -> bytes:
        _need_spec(request)
        spec = request.model_spec
        with self._handle(spec) as servable:
            signature = predict.find_signature(servable.model, spec.signature_name, check_method=self._check_method)
            arrays = predict.bind_inputs(signature, request.inputs, tensor_proto.to_array)
            output_filter = predict.check_filter(signature, request.output_filter)
            if self._strict is not None:
                self._strict.check(servable, signature, arrays)
            predict.check_dtypes(signature, arrays)
            outputs = self._runner.at_once(servable, signature, arrays, output_filter)
            if outputs is None:
                deadline = _deadline(context)
                outputs = await self._runner.run(servable, signature, arrays, output_filter, deadline=deadline)
            return predict_response(servable, signature, outputs, as_content=self._as_content)

    async def _classify(self, request: pb.ClassificationRequest, context: Context) -> pb.ClassificationResponse:
        _need_spec(request)
        response = pb.ClassificationResponse()
        outputs, examples, servable = await self._infer(request, CLASSIFY, context)
        await self._fill(fill_classes, response.result, outputs, examples)
        _fill_spec(response.model_spec, servable, request.model_spec.signature_name)
        return response

    async def _regress(self, request: pb.RegressionRequest, context: Context) -> pb.RegressionResponse:
        _need_spec(request)
        response = pb.RegressionResponse()
        outputs, examples, servable = await self._infer(request, REGRESS, context)
        await self._fill(fill_regressions, response.result, outputs, examples)
        _fill_spec(response.model_spec, servable, request.model_spec.signature_name)
        return response

    async def _infer(self, request: Any, method: str, context: Context) -> tuple[dict[str, Array], int, Servable]:
        with self._handle(request.model_spec) as servable:
            name = request.model_spec.signature_name
            call = classify.prepare(servable.model, name, method, check_method=self._check_method)
            examples = examples_of(request.input)
            feeds = classify.feeds(call, examples)
            outputs = await self._runner.run(
                servable, call.signature, feeds, call.outputs, deadline=_deadline(context), api=_API[method]
            )
            self._metrics.examples(servable.id.name, len(examples))
            return outputs, len(examples), servable

    async def _fill(self, fill: Callable[..., None], result: Any, outputs: dict[str, Array], examples: int) -> None:
        if examples >= _SLOW_EXAMPLES:
            await self._runner.call(fill, result, outputs, examples)
        else:
            fill(result, outputs, examples)

    async def _multi_inference(self, request: pb.MultiInferenceRequest, context: Context) -> pb.MultiInferenceResponse:
        response = pb.MultiInferenceResponse()
        first = request.tasks[0].model_spec if request.tasks else pb.ModelSpec()
        tasks = tasks_of(request)
        with self._handle(first) as servable:
            calls = classify.prepare_tasks(servable.model, tasks, check_method=self._check_method)
            examples = examples_of(request.input)
            self._metrics.examples(servable.id.name, len(examples))
            found = await self._multi.run(servable, calls, examples, _deadline(context))
            for call, outputs in zip(calls, found, strict=True):
                result = response.results.add()
                if call.method == CLASSIFY:
                    fill_classes(result.classification_result, outputs, len(examples))
                else:
                    fill_regressions(result.regression_result, outputs, len(examples))
                _fill_spec(result.model_spec, servable, call.signature.name)
        if self._log.wants(servable):
            self._log.write(servable, log_records.of_messages("MultiInference", request, response), request.ByteSize())
        return response

    async def _get_model_metadata(
        self, request: pb.GetModelMetadataRequest, context: Context
    ) -> pb.GetModelMetadataResponse:
        _need_spec(request)
        status.check_metadata_fields(request.metadata_field)
        response = pb.GetModelMetadataResponse()
        with self._handle(request.model_spec) as servable:
            response.metadata[status.SIGNATURE_DEF].Pack(status.signature_defs(servable))
            response.model_spec.name = servable.id.name
            response.model_spec.version.value = servable.id.version
        return response

    async def _get_model_status(self, request: pb.GetModelStatusRequest, context: Context) -> pb.GetModelStatusResponse:
        _need_spec(request)
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        fleet = self._core.process.fleet
        if fleet is not None:
            return await fleet.status(spec.name, version)
        return status.model_status(self._manager, spec.name, version)

    async def _reload(self, request: pb.ReloadConfigRequest, context: Context) -> pb.ReloadConfigResponse:
        metadata = tuple(context.invocation_metadata() or ())
        self._core.may_manage(context.peer(), token_in(metadata), {str(key) for key, _ in metadata})
        fleet = self._core.process.fleet
        if fleet is not None:
            return await fleet.reload(request, deadline=_deadline(context))
        return await management.reload_beside(self._core, request, deadline=_deadline(context))


def _model_of(request: Any) -> str:
    """The model that a request names, "" for none."""
    if request is None:
        return ""
    if isinstance(request, pb.ReloadConfigRequest):
        return ""
    if isinstance(request, pb.MultiInferenceRequest):
        return request.tasks[0].model_spec.name if request.tasks else ""
    name: str = request.model_spec.name
    return name


def _need_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise InvalidArgumentError("Missing ModelSpec")


def _deadline(context: Context) -> float | None:
    left = context.time_remaining()
    return None if left is None else time.monotonic() + left


def _fill_spec(spec: pb.ModelSpec, servable: Servable, signature_name: str) -> None:
    spec.name = servable.id.name
    spec.signature_name = signature_name or DEFAULT_SIGNATURE
    spec.version.value = servable.id.version
