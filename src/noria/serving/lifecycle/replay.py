"""Runs a recorded request (``PredictionLog``) on a loaded model, through the same functions as real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from noria.errors import UnimplementedError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving import classify, predict
from noria.serving.lifecycle.servable import Model, Signature
from noria.serving.messages import examples_of, fill_classes, fill_outputs, fill_regressions, tasks_of
from noria.serving.names import CLASSIFY, REGRESS

Array = np.ndarray[Any, np.dtype[Any]]
Run: TypeAlias = Callable[[Signature, Mapping[str, Array], Sequence[str] | None], dict[str, Array]]


def run_directly(signature: Signature, arrays: Mapping[str, Array], outputs: Sequence[str] | None) -> dict[str, Array]:
    """A run and nothing around it."""
    return signature.run_arrays(arrays, outputs)


class Replayer:
    """Answers recorded requests from a model that no client can reach yet. Model names in requests are not looked at.

    check_method: as ``--enable_signature_method_name_check``; run: what runs a signature.
    """

    def __init__(self, model: Model, *, check_method: bool = False, run: Run = run_directly) -> None:
        self._model = model
        self._check_method = check_method
        self._run = run

    def answer(self, log: pb.PredictionLog) -> pb.PredictionLog:
        """``log`` with the model's answer as its response; an empty log is returned as it is.

        Raises UnimplementedError for a SessionRun or PredictStreamed, and what the request raises.
        """
        found = pb.PredictionLog()
        found.CopyFrom(log)
        kind = log.WhichOneof("log_type")
        if kind == "predict_log":
            self._predict(found.predict_log.request, _cleared(found.predict_log))
        elif kind == "classify_log":
            outputs, examples = self._infer(found.classify_log.request, CLASSIFY)
            fill_classes(_cleared(found.classify_log).result, outputs, examples)
        elif kind == "regress_log":
            outputs, examples = self._infer(found.regress_log.request, REGRESS)
            fill_regressions(_cleared(found.regress_log).result, outputs, examples)
        elif kind == "multi_inference_log":
            self._multi_inference(found.multi_inference_log.request, _cleared(found.multi_inference_log))
        elif kind is not None:
            raise UnimplementedError(f"Unsupported log_type for warmup: {kind}")
        return found

    def _predict(self, request: pb.PredictRequest, response: pb.PredictResponse) -> None:
        name = request.model_spec.signature_name
        signature = predict.find_signature(self._model, name, check_method=self._check_method)
        arrays = predict.bind_inputs(signature, request.inputs, tensor_proto.to_array)
        output_filter = predict.check_filter(signature, request.output_filter)
        predict.check_dtypes(signature, arrays)
        fill_outputs(response, signature, self._run(signature, arrays, output_filter))

    def _infer(self, request: Any, method: str) -> tuple[dict[str, Array], int]:
        name = request.model_spec.signature_name
        call = classify.prepare(self._model, name, method, check_method=self._check_method)
        return self._outputs(call, examples_of(request.input))

    def _outputs(self, call: classify.Call, examples: Sequence[bytes]) -> tuple[dict[str, Array], int]:
        return self._run(call.signature, classify.feeds(call, examples), call.outputs), len(examples)

    def _multi_inference(self, request: pb.MultiInferenceRequest, response: pb.MultiInferenceResponse) -> None:
        examples = examples_of(request.input)
        for call in classify.prepare_tasks(self._model, tasks_of(request), check_method=self._check_method):
            outputs, count = self._outputs(call, examples)
            result = response.results.add()
            if call.method == CLASSIFY:
                fill_classes(result.classification_result, outputs, count)
            else:
                fill_regressions(result.regression_result, outputs, count)


def _cleared(log: Any) -> Any:
    """The response of a log, emptied."""
    log.ClearField("response")
    return log.response
