"""Recorded requests for the test models, and admission of a version as a manager does it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from noria.formats.tensor_proto import from_array
from noria.protos.serving import PredictionLog
from noria.serving.config import ServerConfig
from noria.serving.lifecycle import record_files
from noria.serving.lifecycle.admission import make_admission
from noria.serving.lifecycle.loader import make_loader
from noria.serving.lifecycle.manager import Manager
from noria.serving.names import CLASSIFY, REGRESS

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
HALF_PLUS_TWO = GOLDEN / "half_plus_two" / "1"


def manager(**settings: Any) -> Manager:
    """A manager that loads and admits by these flags."""
    config = ServerConfig(**settings)
    return Manager(make_loader(config), make_admission(config))


def version(base: Path, number: int, source: Path = HALF_PLUS_TWO) -> Path:
    """A copy of a SavedModel as a version."""
    return Path(shutil.copytree(source, base / str(number)))


def predict_log(
    values: Any = (1.0, 5.0), *, signature: str = "", alias: str = "x", model: str = "any"
) -> PredictionLog:
    """A Predict request."""
    log = PredictionLog()
    request = log.predict_log.request
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    request.inputs[alias].CopyFrom(from_array(np.asarray(values, np.float32).reshape(-1, 1)))
    return log


def _add_examples(given: Any, *xs: float) -> None:
    for x in xs:
        given.example_list.examples.add().features.feature["x"].float_list.value.append(x)


def classify_log(*xs: float) -> PredictionLog:
    """A Classify request on ``classify_x_to_y``."""
    log = PredictionLog()
    log.classify_log.request.model_spec.signature_name = "classify_x_to_y"
    _add_examples(log.classify_log.request.input, *xs)
    return log


def regress_log(*xs: float) -> PredictionLog:
    """A Regress request on ``regress_x_to_y``."""
    log = PredictionLog()
    log.regress_log.request.model_spec.signature_name = "regress_x_to_y"
    _add_examples(log.regress_log.request.input, *xs)
    return log


def multi_log(*xs: float) -> PredictionLog:
    """A MultiInference of both."""
    log = PredictionLog()
    request = log.multi_inference_log.request
    for name, method in (("classify_x_to_y", CLASSIFY), ("regress_x_to_y", REGRESS)):
        task = request.tasks.add(method_name=method)
        task.model_spec.name = "any"
        task.model_spec.signature_name = name
    _add_examples(request.input, *xs)
    return log


def warm_up_with(model: Path, *logs: PredictionLog) -> Path:
    """Writes the warm-up file of a SavedModel."""
    path = record_files.path_of(str(model), record_files.WARMUP)
    record_files.write(path, logs)
    return Path(path)


def golden_with(model: Path, *logs: PredictionLog) -> Path:
    """Writes the golden requests of a SavedModel."""
    path = record_files.path_of(str(model), record_files.GOLDEN)
    record_files.write(path, logs)
    return Path(path)
