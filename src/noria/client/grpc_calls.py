"""The calls over gRPC: TensorFlow Serving's PredictionService and ModelService."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from noria.client import messages, values
from noria.client.answers import Metadata, VersionStatus
from noria.client.exchange import Exchange, Talk
from noria.client.messages import Array, Example
from noria.client.protocol import Calls, Classes
from noria.client.target import Target
from noria.errors import UnimplementedError
from noria.protos import serving as pb

_PREDICTION: Final = "/tensorflow.serving.PredictionService/"
_MODEL: Final = "/tensorflow.serving.ModelService/"
_PREDICT: Final = _PREDICTION + "Predict"


class GrpcCalls(Calls):
    """The calls over gRPC."""

    def predict(self, target: Target, inputs: Mapping[str, Any], outputs: Sequence[str]) -> Talk[dict[str, Array]]:
        arrays = values.arrays_of(inputs)
        if arrays is None:
            arrays = values.bind(inputs, (yield from self.signature(target)))
        reply = yield Exchange("", _PREDICT, messages.predict_request(target, arrays, outputs))
        return messages.predict_answer(reply.body)

    def classify(self, target: Target, examples: Iterable[Example], context: Example | None) -> Talk[Classes]:
        reply = yield Exchange("", _PREDICTION + "Classify", messages.example_request(target, examples, context))
        return messages.classes(messages.parsed(pb.ClassificationResponse, reply.body).result)

    def regress(self, target: Target, examples: Iterable[Example], context: Example | None) -> Talk[Array]:
        reply = yield Exchange("", _PREDICTION + "Regress", messages.example_request(target, examples, context))
        return messages.values(messages.parsed(pb.RegressionResponse, reply.body).result)

    def multi_inference(
        self, target: Target, tasks: Sequence[tuple[str, str]], examples: Iterable[Example], context: Example | None
    ) -> Talk[list[Classes | Array]]:
        body = messages.multi_request(target, tasks, examples, context)
        reply = yield Exchange("", _PREDICTION + "MultiInference", body)
        return [
            messages.classes(result.classification_result)
            if result.HasField("classification_result")
            else messages.values(result.regression_result)
            for result in messages.parsed(pb.MultiInferenceResponse, reply.body).results
        ]

    def metadata(self, target: Target) -> Talk[Metadata]:
        reply = yield Exchange("", _PREDICTION + "GetModelMetadata", messages.metadata_request(target))
        return messages.metadata_answer(reply.body)

    def status(self, target: Target) -> Talk[list[VersionStatus]]:
        reply = yield Exchange("", _MODEL + "GetModelStatus", messages.status_request(target))
        return messages.status_answer(reply.body)

    def models(self) -> Talk[list[dict[str, Any]]]:
        raise UnimplementedError("gRPC has no call that lists models; use the server's http:// address")
        yield  # which makes it a generator, as the others

    def reload(self, config: Any) -> Talk[None]:
        body = messages.reload_request(config)
        reply = yield Exchange("", _MODEL + "HandleReloadConfigRequest", body, repeatable=False)
        messages.reload_answer(reply.body)
