"""Requests and their answers as PredictionLogs, whatever protocol they came over.

These run in the thread that writes the log, never on a request's way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving import messages
from noria.serving.classify import INPUTS
from noria.serving.lifecycle.servable import Signature

Array = np.ndarray[Any, np.dtype[Any]]

_FIELDS = {
    "Predict": "predict_log",
    "Classify": "classify_log",
    "Regress": "regress_log",
    "MultiInference": "multi_inference_log",
}


def of_messages(api: str, request: Any, response: Any) -> Callable[[], pb.PredictionLog]:
    """Of an RPC's own messages, which nobody may change any more."""

    def make() -> pb.PredictionLog:
        log = pb.PredictionLog()
        inner = getattr(log, _FIELDS[api])
        inner.request.CopyFrom(request)
        inner.response.CopyFrom(response)
        return log

    return make


def of_run(
    api: str,
    model: str,
    signature: Signature,
    inputs: Mapping[str, Array],
    wanted: Sequence[str] | None,
    outputs: dict[str, Array],
) -> Callable[[], pb.PredictionLog]:
    """Of a run for a Predict, Classify or Regress, as the messages that would have asked for it and answered it.

    wanted: the outputs asked for, None for all.
    """

    def make() -> pb.PredictionLog:
        log = pb.PredictionLog()
        inner = getattr(log, _FIELDS[api])
        for spec in (inner.request.model_spec, inner.response.model_spec):
            spec.name = model
            spec.signature_name = signature.name
        if api == "Predict":
            for alias, array in inputs.items():
                inner.request.inputs[alias].CopyFrom(tensor_proto.from_array(array, signature.inputs[alias].dtype))
            inner.request.output_filter.extend(wanted or ())
            messages.fill_outputs(inner.response, signature, outputs)
        else:
            examples = inputs[INPUTS]
            for example in examples:
                inner.request.input.example_list.examples.add().MergeFromString(example)
            fill = messages.fill_classes if api == "Classify" else messages.fill_regressions
            fill(inner.response.result, outputs, len(examples))
        return log

    return make
