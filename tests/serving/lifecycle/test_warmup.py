"""Warm-up files as TensorFlow Serving reads them, and zeros where there is none."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria
from noria.errors import (
    Code,
    DataLossError,
    FailedPreconditionError,
    InvalidArgumentError,
    TFError,
    UnimplementedError,
)
from noria.formats.record import RecordWriter
from noria.formats.tensor_proto import from_array
from noria.protos.serving import PredictionLog
from noria.serving.lifecycle import record_files, warmup
from noria.serving.lifecycle.replay import Replayer
from noria.serving.lifecycle.servable import Servable, State
from serving.lifecycle.records import (
    GOLDEN,
    classify_log,
    manager,
    multi_log,
    predict_log,
    regress_log,
    version,
    warm_up_with,
)


def load(model: Path, **settings: Any) -> Servable:
    return manager(**settings).load("m", int(model.name), str(model))


# ---- record files


def test_every_kind_of_request_is_replayed(tmp_path: Path) -> None:
    model = version(tmp_path, 1)
    warm_up_with(model, predict_log(), classify_log(1, 2), regress_log(1), multi_log(3), PredictionLog())
    servable = load(model)
    assert servable.state is State.AVAILABLE
    assert set(servable.costs) == {"serving_default", "classify_x_to_y", "regress_x_to_y"}


def test_answers_are_those_of_real_requests() -> None:
    replayer = Replayer(noria.load(str(GOLDEN / "half_plus_two" / "1")))
    outputs = replayer.answer(predict_log([1, 2])).predict_log.response.outputs
    assert list(outputs["y"].float_val) == [2.5, 3.0]
    assert [r.value for r in replayer.answer(regress_log(1, 4)).regress_log.response.result.regressions] == [2.5, 4.0]
    classes = replayer.answer(classify_log(2)).classify_log.response.result.classifications
    assert [c.score for c in classes[0].classes] == [3.0]
    multi = replayer.answer(multi_log(2)).multi_inference_log.response.results
    assert multi[0].classification_result == replayer.answer(classify_log(2)).classify_log.response.result
    assert multi[1].regression_result == replayer.answer(regress_log(2)).regress_log.response.result


def test_iterations(tmp_path: Path) -> None:
    counter = version(tmp_path, 1, GOLDEN / "counter" / "1")
    signature = noria.load(str(counter)).signatures["add"]
    log = PredictionLog()
    log.predict_log.request.model_spec.signature_name = "add"
    for alias, spec in signature.inputs.items():
        log.predict_log.request.inputs[alias].CopyFrom(from_array(np.ones((), spec.dtype.numpy)))
    warm_up_with(counter, log, log)
    servable = load(counter, num_request_iterations_for_warmup=3)
    assert [float(v) for v in servable.model.signatures["get"].run({}).values()] == [6.0]


@pytest.mark.parametrize("kind", ["session_run_log", "predict_streamed_log"])
def test_kinds_that_no_server_replays(tmp_path: Path, kind: str) -> None:
    log = PredictionLog()
    getattr(log, kind).SetInParent()
    model = version(tmp_path, 1)
    warm_up_with(model, predict_log(), log)
    with pytest.raises(UnimplementedError, match="Unsupported log_type"):
        load(model)


def test_the_1001st_record_fails(tmp_path: Path) -> None:
    model = version(tmp_path, 1)
    path = warm_up_with(model, *[predict_log()] * 1000)
    assert load(model).state is State.AVAILABLE
    content = path.read_bytes()
    path.write_bytes(content + content[: len(content) // 1000])
    with pytest.raises(InvalidArgumentError, match=r"exceeds the maximum \(1000\)"):
        load(model)
    with pytest.raises(InvalidArgumentError, match="at most 1000"):
        record_files.write(str(path), [predict_log()] * 1001)


def test_no_tfrecord(tmp_path: Path) -> None:
    model = version(tmp_path, 1)
    warm_up_with(model).write_bytes(b"an ordinary file, and a long one")
    with pytest.raises(DataLossError, match="verify your warmup data is in TFRecord format"):
        load(model)


def test_no_prediction_log(tmp_path: Path) -> None:
    model = version(tmp_path, 1)
    with RecordWriter(str(warm_up_with(model))) as writer:
        writer.write(b"\xff\xff\xff no message")
    with pytest.raises(DataLossError):
        load(model)


@pytest.mark.parametrize(
    ("log", "error"),
    [
        (predict_log(signature="none"), FailedPreconditionError),
        (predict_log(alias="z"), InvalidArgumentError),
        (classify_log(), InvalidArgumentError),
    ],
)
def test_a_request_that_fails_fails_the_load(tmp_path: Path, log: PredictionLog, error: type[TFError]) -> None:
    model = version(tmp_path, 1)
    warm_up_with(model, predict_log(), log)
    models = manager()
    with pytest.raises(error):
        models.load("m", 1, str(model))
    (servable,) = models.versions("m")
    assert servable.state is State.END
    assert servable.code is not Code.OK
    assert load(model, enable_model_warmup=False).state is State.AVAILABLE


# ---- zeros


def test_zeros_give_each_signature_a_cost(tmp_path: Path) -> None:
    servable = load(version(tmp_path, 1, GOLDEN / "iris" / "1"))
    assert all(math.isfinite(cost.seconds) for cost in servable.costs.values())
    assert servable.costs
    assert not load(version(tmp_path, 2, GOLDEN / "iris" / "1"), enable_automatic_warmup=False).costs
    assert not load(version(tmp_path, 3, GOLDEN / "iris" / "1"), enable_model_warmup=False).costs


def test_zeros_leave_the_counter_alone(tmp_path: Path, shared_models: Path) -> None:
    source = shared_models / "serving" / "saved_model_counter" / "00000123"
    servable = load(version(tmp_path, 1, source))
    assert servable.model.signatures["get_counter"].run({})["output"] == 0.0
    servable = load(version(tmp_path, 2, GOLDEN / "counter" / "1"))
    assert [float(v) for v in servable.model.signatures["get"].run({}).values()] == [0.0]


def test_what_changes_state(shared_models: Path) -> None:
    counter = noria.load(str(shared_models / "serving" / "saved_model_counter" / "00000123"))
    changing = {name for name, signature in counter.signatures.items() if signature.changes_state}
    assert changing == {"incr_counter", "incr_counter_by", "reset_counter"}


def test_zeros_that_do_not_fit_are_no_failure(tmp_path: Path) -> None:
    servable = load(version(tmp_path, 1))  # classify needs the feature x, which an empty example does not have
    assert servable.state is State.AVAILABLE


def test_text_is_warmed_up_with_empty_strings(tmp_path: Path) -> None:
    servable = load(version(tmp_path, 1, GOLDEN / "text" / "1"))
    assert servable.costs


def test_zeros_of_declared_shapes() -> None:
    model = noria.load(str(GOLDEN / "iris" / "1"))
    for signature in model.signatures.values():
        arrays = warmup.zeros(signature)
        assert arrays is not None
        for alias, spec in signature.inputs.items():
            assert spec.shape is not None
            assert arrays[alias].shape == tuple(d or 1 for d in spec.shape)
            assert arrays[alias].dtype == spec.dtype.numpy
            assert not np.any(arrays[alias])


def test_all_real_models_are_admitted(shared_models: Path) -> None:
    for folder in sorted((shared_models / "serving").glob("*/*/saved_model.pb")):
        servable = manager().load("m", int(folder.parent.name), str(folder.parent))
        assert servable.state is State.AVAILABLE, folder


def test_memory_is_estimated(tmp_path: Path) -> None:
    servable = load(version(tmp_path, 1, GOLDEN / "iris" / "1"))
    size = sum(p.stat().st_size for p in (tmp_path / "1").rglob("*") if p.is_file())
    assert size / 2 < servable.resident_bytes < 40 * size
