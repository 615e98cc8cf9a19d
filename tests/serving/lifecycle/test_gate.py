"""A version that should not take traffic is refused, and the one that serves stays."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import noria
import noria.v1 as tf
from noria import dtypes
from noria.dtypes import DType
from noria.errors import Code, FailedPreconditionError, InvalidArgumentError
from noria.protos.serving import PredictionLog
from noria.serving.lifecycle import gate
from noria.serving.lifecycle.replay import Replayer
from noria.serving.lifecycle.servable import State
from serving.lifecycle.records import (
    HALF_PLUS_TWO,
    classify_log,
    golden_with,
    manager,
    multi_log,
    predict_log,
    regress_log,
    version,
    warm_up_with,
)

# ---- signatures


@dataclass(frozen=True)
class Spec:
    dtype: DType
    shape: tuple[int | None, ...] | None


@dataclass
class FakeSignature:
    inputs: dict[str, Spec]
    outputs: dict[str, Spec]
    defaults: dict[str, Any] = field(default_factory=dict)


class FakeModel:
    meta_graph: Any = None

    def __init__(self, **signatures: FakeSignature) -> None:
        self.signatures = signatures


def spec(*shape: int | None, dtype: DType = dtypes.float32) -> Spec:
    return Spec(dtype, shape)


OLD = FakeModel(s=FakeSignature({"x": spec(None, 4)}, {"y": spec(None, 3)}))


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (FakeModel(), "signature 's' is gone"),
        (FakeModel(s=FakeSignature({}, {"y": spec(None, 3)})), "signature 's', input 'x' is gone"),
        (FakeModel(s=FakeSignature({"x": spec(None, 4)}, {})), "signature 's', output 'y' is gone"),
        (
            FakeModel(s=FakeSignature({"x": spec(None, 4, dtype=dtypes.int32)}, {"y": spec(None, 3)})),
            "input 'x' was float32, is int32",
        ),
        (
            FakeModel(s=FakeSignature({"x": spec(None, 4)}, {"y": spec(None)})),
            r"output 'y' had shape \[\?, ?3\], has \[\?\]",
        ),
        (FakeModel(s=FakeSignature({"x": spec(None, 5)}, {"y": spec(None, 3)})), "input 'x' had shape"),
        (FakeModel(s=FakeSignature({"x": spec(1, 4)}, {"y": spec(None, 3)})), "input 'x' had shape"),
        (
            FakeModel(s=FakeSignature({"x": spec(None, 4), "z": spec()}, {"y": spec(None, 3)})),
            "needs a new input 'z' that has no default",
        ),
    ],
)
def test_what_clients_would_notice_is_refused(new: FakeModel, why: str) -> None:
    with pytest.raises(FailedPreconditionError, match=f"the version is refused: .*{why}"):
        gate.check_signatures(OLD, new)


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        FakeModel(s=OLD.signatures["s"], t=OLD.signatures["s"]),
        FakeModel(s=FakeSignature({"x": spec(None, 4)}, {"y": spec(None, 3), "more": spec()})),
        FakeModel(s=FakeSignature({"x": spec(None, None)}, {"y": spec(None, 7)})),
        FakeModel(s=FakeSignature({"x": Spec(dtypes.float32, None)}, {"y": Spec(dtypes.float32, None)})),
        FakeModel(s=FakeSignature({"x": spec(None, 4), "z": spec()}, {"y": spec(None, 3)}, {"z": np.zeros(())})),
    ],
)
def test_additions_are_fine(new: FakeModel) -> None:
    gate.check_signatures(OLD, new)


def test_a_default_that_is_gone_is_noticed() -> None:
    old = FakeModel(s=FakeSignature({"x": spec()}, {}, {"x": np.zeros(())}))
    with pytest.raises(FailedPreconditionError, match="input 'x' has no default any more"):
        gate.check_signatures(old, FakeModel(s=FakeSignature({"x": spec()}, {})))


def test_flag() -> None:
    assert gate.parse_checks("signature, nan,") == {gate.SIGNATURE, gate.NAN}
    assert gate.parse_checks("") == frozenset()
    with pytest.raises(InvalidArgumentError, match="there is no check golde; it takes signature, golden and nan"):
        manager(version_gate="golde")


def scaled(path: Path, factor: float, *, key: str = "x") -> Path:
    """A SavedModel that gives y = factor * x."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 1])
        y = tf.multiply(x, factor)
        with tf.Session(graph=graph) as session:
            tf.saved_model.simple_save(session, str(path), {key: x}, {"y": y})
    return path


def test_the_old_version_stays(tmp_path: Path) -> None:
    models = manager(version_gate="signature")
    models.load("m", 1, str(scaled(tmp_path / "1", 2.0)))
    with pytest.raises(FailedPreconditionError, match="input 'x' is gone"):
        models.load("m", 2, str(scaled(tmp_path / "2", 2.0, key="renamed")))
    refused, old = models.versions("m")
    assert (refused.state, refused.code) == (State.END, Code.FAILED_PRECONDITION)
    assert old.state is State.AVAILABLE
    assert models.handle("m").id.version == 1
    models.load("m", 3, str(scaled(tmp_path / "3", 3.0)))
    assert models.handle("m").id.version == 3
    assert manager().load("m", 2, str(tmp_path / "2")).state is State.AVAILABLE  # not asked to look at signatures


# ---- golden requests


def answered(*logs: PredictionLog) -> list[PredictionLog]:
    replayer = Replayer(noria.load(str(HALF_PLUS_TWO)))
    return [replayer.answer(log) for log in logs]


def test_golden_requests_answered_as_recorded(tmp_path: Path) -> None:
    model = version(tmp_path, 1)
    golden_with(model, *answered(predict_log([1, 2]), classify_log(1, 2), regress_log(4), multi_log(1)))
    assert manager().load("m", 1, str(model)).state is State.AVAILABLE


def test_golden_requests_answered_otherwise(tmp_path: Path) -> None:
    logs = answered(predict_log([1, 2]), classify_log(1, 2), regress_log(4), multi_log(1))
    logs[0].predict_log.response.outputs["y"].float_val[1] += 1e-5
    model = version(tmp_path, 1)
    golden_with(model, *logs)
    manager().load("m", 1, str(model))

    logs[0].predict_log.response.outputs["y"].float_val[1] += 0.01
    golden_with(model, *logs)
    with pytest.raises(FailedPreconditionError, match=r"golden request 0, output 'y': recorded 3.0\d+, got 3.0 at"):
        manager().load("m", 1, str(model))
    assert manager(golden_tolerance=0.1).load("m", 1, str(model)).state is State.AVAILABLE
    assert manager(version_gate="").load("m", 1, str(model)).state is State.AVAILABLE


@pytest.mark.parametrize(
    ("log", "where"),
    [
        (classify_log(1, 2), "golden request 0, scores"),
        (regress_log(4), "golden request 0, values"),
        (multi_log(1), "golden request 0, task 0, scores"),
    ],
)
def test_every_kind_is_compared(tmp_path: Path, log: PredictionLog, where: str) -> None:
    (recorded,) = answered(log)
    text = recorded.SerializeToString()
    result = recorded
    if recorded.HasField("classify_log"):
        recorded.classify_log.response.result.classifications[1].classes[0].score = 9
    elif recorded.HasField("regress_log"):
        recorded.regress_log.response.result.regressions[0].value = 9
    else:
        classes = recorded.multi_inference_log.response.results[0].classification_result
        classes.classifications[0].classes[0].score = 9
    assert result.SerializeToString() != text
    model = version(tmp_path, 1)
    golden_with(model, recorded)
    with pytest.raises(FailedPreconditionError, match=where):
        manager().load("m", 1, str(model))


def test_shapes_and_missing_outputs(tmp_path: Path) -> None:
    (recorded,) = answered(predict_log([1, 2]))
    more = PredictionLog.FromString(recorded.SerializeToString())
    more.predict_log.response.outputs["z"].CopyFrom(more.predict_log.response.outputs["y"])
    with pytest.raises(FailedPreconditionError, match="golden request 7: there is no output 'z'"):
        gate.check_answer(7, more, recorded, 1e-4)
    gate.check_answer(7, recorded, more, 1e-4)
    (longer,) = answered(predict_log([1, 2, 3]))
    with pytest.raises(FailedPreconditionError, match=r"recorded float32 \[3, 1\], got float32 \[2, 1\]"):
        gate.check_answer(0, longer, recorded, 1e-4)


# ---- NaN


def not_a_number(path: Path) -> Path:
    """A SavedModel that gives log(x), of negative numbers NaN."""
    with tf.Graph().as_default() as graph:
        x = tf.placeholder(tf.float32, [None, 1])
        y = tf.log(x)
        with tf.Session(graph=graph) as session:
            tf.saved_model.simple_save(session, str(path), {"x": x}, {"y": y})
    return path


def test_nan_in_an_answer(tmp_path: Path) -> None:
    model = not_a_number(tmp_path / "1")
    assert manager().load("m", 1, str(model)).state is State.AVAILABLE
    with pytest.raises(FailedPreconditionError, match="zeros for signature 'serving_default', output 'y': 1 of 1"):
        manager(version_gate="nan").load("m", 1, str(model))
    warm_up_with(model, predict_log([1, 2]))
    assert manager(version_gate="nan").load("m", 1, str(model)).state is State.AVAILABLE
    warm_up_with(model, predict_log([1, -2]))
    with pytest.raises(FailedPreconditionError, match="a warm-up request, output 'y': 1 of 2 values"):
        manager(version_gate="nan,golden").load("m", 1, str(model))
