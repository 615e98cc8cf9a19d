"""The gRPC API: messages of ``tensorflow.serving`` to calls, results to messages."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from google.protobuf.message import DecodeError

from noria.errors import Code, InternalError, InvalidArgumentError, TFError
from noria.formats import tensor_proto
from noria.formats.saved_model import DEFAULT_SIGNATURE
from noria.protos import serving as pb
from noria.serving import classify, management, piecewise, predict, status
from noria.serving.core import Core
from noria.serving.grpc_services import health
from noria.serving.grpc_services.health import Health
from noria.serving.grpc_services.reflection import Reflection
from noria.serving.lifecycle.on_demand import AsleepError, wake
from noria.serving.lifecycle.servable import Servable
from noria.serving.messages import examples_of, fill_classes, fill_regressions, is_long, predict_response, tasks_of
from noria.serving.multi import MultiRunner
from noria.serving.names import CLASSIFY, REGRESS
from noria.serving.observe import log_records
from noria.serving.rpc import Call, Method, Unary, service, short
from noria.serving.security.access import token_in
from noria.serving.security.tokens import PREDICT, VIEW
from noria.serving.strict import StrictInputs

Array = np.ndarray[Any, np.dtype[Any]]
T = TypeVar("T")

_LOG = logging.getLogger(__name__)

_API: Final = {CLASSIFY: "Classify", REGRESS: "Regress"}
_INFERENCE: Final = frozenset({"Predict", "Classify", "Regress", "MultiInference"})
PREDICTION_SERVICE: Final = "tensorflow.serving.PredictionService"
RELOAD: Final = "HandleReloadConfigRequest"
MODEL_SERVICE: Final = "tensorflow.serving.ModelService"
_EXAMPLES: Final = frozenset({"Classify", "Regress", "MultiInference"})  # of many small messages each
# What takes about a millisecond, and is done in a worker thread from there on:
_SLOW_BYTES: Final = 32 * 1024  # of a request of examples that is read
_SLOW_EXAMPLES: Final = 500  # that are taken out of a request
_SLOW_VALUES: Final = 1000  # that are put into an answer


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

    def methods(self, also: Sequence[str] = ()) -> dict[str, Method]:
        """All services' methods by path; reflection names the services in ``also`` too."""
        prediction = {
            "Predict": self._unary("Predict", self._predict, pb.PredictRequest),
            "Classify": self._unary("Classify", self._classify, pb.ClassificationRequest),
            "Regress": self._unary("Regress", self._regress, pb.RegressionRequest),
            "MultiInference": self._unary("MultiInference", self._multi_inference, pb.MultiInferenceRequest),
            "GetModelMetadata": self._unary("GetModelMetadata", self._get_model_metadata, pb.GetModelMetadataRequest),
        }
        model = {
            "GetModelStatus": self._unary("GetModelStatus", self._get_model_status, pb.GetModelStatusRequest),
            RELOAD: self._unary(RELOAD, self._reload, pb.ReloadConfigRequest),
        }
        found: dict[str, Method] = {**service(PREDICTION_SERVICE, prediction), **service(MODEL_SERVICE, model)}
        services = [PREDICTION_SERVICE, MODEL_SERVICE]
        if self._core.config.enable_grpc_healthcheck_service:
            found.update(Health(self._core).methods())
            services.append(health.SERVICE)
        if not self._core.config.tensorflow_serving_only:
            found.update(Reflection([*services, *also]).methods())
        return found

    def _unary(self, api: str, function: Callable[[Any, Call], Awaitable[Any]], request: Any) -> Unary:
        """``function`` of messages as a method: checked, counted, every error one of ours, in this one place."""
        count = self._metrics.request
        access = None if api == RELOAD else self._core.access  # who may reload is its own question
        action = PREDICT if api in _INFERENCE else VIEW
        model_of = _MODEL_OF.get(api, _named)
        parse = request.FromString
        slow = _SLOW_BYTES if api in _EXAMPLES else sys.maxsize

        def failed(error: TFError, parsed: Any, received: int, start: float) -> TFError:
            model = "" if parsed is None else model_of(parsed)
            count(model, api, "GRPC", error.code, time.perf_counter() - start, received)
            return short(error)

        async def called(content: bytes, call: Call) -> bytes:
            start = time.perf_counter()
            parsed = None
            try:
                parsed = (
                    parse(content)
                    if len(content) < slow
                    else await self._runner.call(piecewise.parse, request, content)
                )
                if access is not None:
                    access.check(token_in(call.metadata), action, model_of(parsed))
                try:
                    message = await function(parsed, call)
                except AsleepError as asleep:
                    await wake(self._manager, asleep.name, call.deadline)
                    message = await function(parsed, call)
                serialized: bytes = message if type(message) is bytes else message.SerializeToString()
                seconds = time.perf_counter() - start
                count(model_of(parsed), api, "GRPC", Code.OK, seconds, len(content), len(serialized))
                return serialized
            except TFError as error:
                raise failed(error, parsed, len(content), start) from None
            except DecodeError as error:
                told = f"the request is no {request.DESCRIPTOR.full_name}: {error}"
                raise failed(InternalError(told), parsed, len(content), start) from None
            except Exception as error:
                _LOG.exception("%s failed", request.DESCRIPTOR.full_name)
                told = f"{type(error).__name__}: {error}"
                raise failed(InternalError(told), parsed, len(content), start) from None

        return Unary(called)

    def _handle(self, spec: pb.ModelSpec) -> Servable:
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            return self._manager.handle(spec.name)
        if choice == "version":
            return self._manager.handle(spec.name, spec.version.value)
        return self._manager.handle(spec.name, None, spec.version_label)

    async def _predict(self, request: pb.PredictRequest, call: Call) -> bytes:
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
                outputs = await self._runner.run(servable, signature, arrays, output_filter, deadline=call.deadline)
            if is_long(outputs):
                return await self._runner.call(predict_response, servable, signature, outputs, self._as_content)
            return predict_response(servable, signature, outputs, self._as_content)

    async def _classify(self, request: pb.ClassificationRequest, call: Call) -> bytes:
        return await self._infer(request, CLASSIFY, call)

    async def _regress(self, request: pb.RegressionRequest, call: Call) -> bytes:
        return await self._infer(request, REGRESS, call)

    async def _infer(self, request: Any, method: str, call: Call) -> bytes:
        """The serialised answer of a Classify or Regress."""
        _need_spec(request)
        with self._handle(request.model_spec) as servable:
            name = request.model_spec.signature_name
            task = classify.prepare(servable.model, name, method, check_method=self._check_method)
            examples = await self._examples(request.input)
            feeds = classify.feeds(task, examples)
            outputs = await self._runner.run(
                servable, task.signature, feeds, task.outputs, deadline=call.deadline, api=_API[method]
            )
            self._metrics.examples(servable.id.name, len(examples))
        answer = _classification if method == CLASSIFY else _regression
        return await self._filled([outputs], answer, servable, name, outputs, len(examples))

    async def _examples(self, given: pb.Input) -> list[bytes]:
        if max(len(given.example_list.examples), len(given.example_list_with_context.examples)) >= _SLOW_EXAMPLES:
            return await self._runner.call(examples_of, given)
        return examples_of(given)

    async def _filled(self, found: Sequence[Mapping[str, Array]], work: Callable[..., T], *arguments: Any) -> T:
        """What ``work`` makes of the outputs in ``found``."""
        if sum([array.size for outputs in found for array in outputs.values()]) >= _SLOW_VALUES:
            return await self._runner.call(work, *arguments)
        return work(*arguments)

    async def _multi_inference(self, request: pb.MultiInferenceRequest, call: Call) -> bytes:
        first = request.tasks[0].model_spec if request.tasks else pb.ModelSpec()
        tasks = tasks_of(request)
        with self._handle(first) as servable:
            prepared = classify.prepare_tasks(servable.model, tasks, check_method=self._check_method)
            examples = await self._examples(request.input)
            self._metrics.examples(servable.id.name, len(examples))
            found = await self._multi.run(servable, prepared, examples, call.deadline)
            response, serialized = await self._filled(found, _multi_inference, servable, prepared, found, len(examples))
        if self._log.wants(servable):
            self._log.write(servable, log_records.of_messages("MultiInference", request, response), request.ByteSize())
        return serialized

    async def _get_model_metadata(self, request: pb.GetModelMetadataRequest, call: Call) -> pb.GetModelMetadataResponse:
        _need_spec(request)
        status.check_metadata_fields(request.metadata_field)
        response = pb.GetModelMetadataResponse()
        with self._handle(request.model_spec) as servable:
            response.metadata[status.SIGNATURE_DEF].Pack(status.signature_defs(servable))
            response.model_spec.name = servable.id.name
            response.model_spec.version.value = servable.id.version
        return response

    async def _get_model_status(self, request: pb.GetModelStatusRequest, call: Call) -> pb.GetModelStatusResponse:
        _need_spec(request)
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        fleet = self._core.process.fleet
        if fleet is not None:
            return await fleet.status(spec.name, version)
        return status.model_status(self._manager, spec.name, version)

    async def _reload(self, request: pb.ReloadConfigRequest, call: Call) -> pb.ReloadConfigResponse:
        self._core.may_manage(call.peer, token_in(call.metadata), {key for key, _ in call.metadata})
        fleet = self._core.process.fleet
        if fleet is not None:
            return await fleet.reload(request, deadline=call.deadline)
        return await management.reload_beside(self._core, request, deadline=call.deadline)


def _named(request: Any) -> str:
    """The model that a request names."""
    name: str = request.model_spec.name
    return name


def _of_first_task(request: pb.MultiInferenceRequest) -> str:
    return request.tasks[0].model_spec.name if request.tasks else ""


def _of_none(request: pb.ReloadConfigRequest) -> str:
    return ""


_MODEL_OF: Final[Mapping[str, Callable[[Any], str]]] = {"MultiInference": _of_first_task, RELOAD: _of_none}


def _need_spec(request: Any) -> None:
    if not request.HasField("model_spec"):
        raise InvalidArgumentError("Missing ModelSpec")


def _classification(servable: Servable, signature: str, outputs: dict[str, Array], examples: int) -> bytes:
    response = pb.ClassificationResponse()
    fill_classes(response.result, outputs, examples)
    _fill_spec(response.model_spec, servable, signature)
    return response.SerializeToString()


def _regression(servable: Servable, signature: str, outputs: dict[str, Array], examples: int) -> bytes:
    response = pb.RegressionResponse()
    fill_regressions(response.result, outputs, examples)
    _fill_spec(response.model_spec, servable, signature)
    return response.SerializeToString()


def _multi_inference(
    servable: Servable, tasks: Sequence[classify.Call], found: Sequence[dict[str, Array]], examples: int
) -> tuple[pb.MultiInferenceResponse, bytes]:
    """The answer, and its bytes."""
    response = pb.MultiInferenceResponse()
    for task, outputs in zip(tasks, found, strict=True):
        result = response.results.add()
        if task.method == CLASSIFY:
            fill_classes(result.classification_result, outputs, examples)
        else:
            fill_regressions(result.regression_result, outputs, examples)
        _fill_spec(result.model_spec, servable, task.signature.name)
    return response, response.SerializeToString()


def _fill_spec(spec: pb.ModelSpec, servable: Servable, signature_name: str) -> None:
    spec.name = servable.id.name
    spec.signature_name = signature_name or DEFAULT_SIGNATURE
    spec.version.value = servable.id.version
