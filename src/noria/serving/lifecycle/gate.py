"""The gate: reasons to refuse a version that loads but should not take traffic. The version that serves now stays.

signature   it no longer takes or gives what the serving version does
golden      it answers a request in ``assets.extra/noria_golden_requests`` otherwise than was recorded there
nan         an answer to a warm-up or golden request, or to zeros, holds NaN or an infinity
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from noria import shapes
from noria.errors import FailedPreconditionError, InvalidArgumentError
from noria.formats import tensor_proto
from noria.protos import serving as pb
from noria.serving.lifecycle.servable import Model

Array = np.ndarray[Any, np.dtype[Any]]

SIGNATURE, GOLDEN, NAN = "signature", "golden", "nan"
_SHOWN: Final = 5  # differences named in a message


def parse_checks(text: str) -> frozenset[str]:
    """The checks in the text of ``--version_gate``; InvalidArgumentError for one that is none."""
    found = frozenset(word.strip() for word in text.split(",") if word.strip())
    if unknown := sorted(found - {SIGNATURE, GOLDEN, NAN}):
        raise InvalidArgumentError(
            f"--version_gate: there is no check {', '.join(unknown)}; it takes {SIGNATURE}, {GOLDEN} and {NAN}, "
            "separated by commas"
        )
    return found


def check_signatures(serving: Model, model: Model) -> None:
    """Raises FailedPreconditionError when a request that ``serving`` answers may fail or mean something else now.

    Additions are fine: signatures, outputs, inputs that have a default.
    """
    problems: list[str] = []
    for name, old in serving.signatures.items():
        new = model.signatures.get(name)
        if new is None:
            problems.append(f"signature {name!r} is gone")
            continue
        problems += _differences(f"signature {name!r}, input", old.inputs, new.inputs, dims=True)
        problems += _differences(f"signature {name!r}, output", old.outputs, new.outputs, dims=False)
        added = sorted(new.inputs.keys() - old.inputs.keys() - new.defaults.keys())
        problems += [f"signature {name!r} needs a new input {alias!r} that has no default" for alias in added]
        lost = sorted((old.defaults.keys() - new.defaults.keys()) & new.inputs.keys())
        problems += [f"signature {name!r}: input {alias!r} has no default any more" for alias in lost]
    _refuse("its signatures do not fit those of the version that serves", problems)


def _differences(what: str, old: Mapping[str, Any], new: Mapping[str, Any], *, dims: bool) -> Iterator[str]:
    for alias, before in old.items():
        after = new.get(alias)
        if after is None:
            yield f"{what} {alias!r} is gone"
            continue
        if before.dtype is not after.dtype:
            yield f"{what} {alias!r} was {before.dtype}, is {after.dtype}"
        elif before.shape is not None and after.shape is not None:
            narrower = len(before.shape) == len(after.shape) and any(
                a is not None and a != b for b, a in zip(before.shape, after.shape, strict=True)
            )
            if len(before.shape) != len(after.shape) or (dims and narrower):
                yield f"{what} {alias!r} had shape {shapes.text(before.shape)}, has {shapes.text(after.shape)}"


def _refuse(why: str, problems: list[str]) -> None:
    if problems:
        more = f" (and {len(problems) - _SHOWN} more)" if len(problems) > _SHOWN else ""
        raise FailedPreconditionError(f"the version is refused: {why}: {'; '.join(problems[:_SHOWN])}{more}")


def check_answer(number: int, recorded: pb.PredictionLog, answered: pb.PredictionLog, tolerance: float) -> None:
    """Raises FailedPreconditionError when a golden request (the ``number``-th, from 0) is answered otherwise.

    tolerance: relative and absolute, of floating-point numbers; everything else is exact. Outputs that the recorded
    answer has not got are not looked at.
    """
    place = f"golden request {number}"
    new = dict(values_of(answered))
    problems: list[str] = []
    for name, wanted in values_of(recorded):
        got = new.get(name)
        if got is None:
            problems.append(f"{place}: there is no {name}")
        elif problem := _difference(wanted, got, tolerance):
            problems.append(f"{place}, {name}: {problem}")
    _refuse("it answers recorded requests otherwise", problems)


def _difference(wanted: Array, got: Array, tolerance: float) -> str:
    if wanted.dtype != got.dtype or wanted.shape != got.shape:
        return f"recorded {_kind(wanted)}, got {_kind(got)}"
    if is_float(wanted.dtype):
        a, b = wanted.astype(np.float64), got.astype(np.float64)
        same = np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        same = np.asarray(wanted == got)
    if same.all():
        return ""
    first = tuple(int(i[0]) for i in np.nonzero(~same)) if same.ndim else ()
    at = f" at {list(first)}" if first else ""
    count = int(same.size - np.count_nonzero(same))
    return f"recorded {_short(wanted[first])}, got {_short(got[first])}{at} ({count} of {same.size} values differ)"


def _kind(array: Array) -> str:
    return f"{array.dtype} {list(array.shape)}"


def _short(value: Any) -> str:
    return repr(value.item() if isinstance(value, np.generic) else value)[:80]


def is_float(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of this dtype can hold NaN; bfloat16 and float8 are kinds of their own in NumPy."""
    return dtype.kind == "f" or (dtype.kind == "V" and "float" in dtype.name)


def check_finite(what: str, values: Iterable[tuple[str, Array]]) -> None:
    """Raises FailedPreconditionError when an answer holds NaN or an infinity; what: whose answer it is."""
    problems = []
    for name, array in values:
        if is_float(array.dtype) and not np.isfinite(array.astype(np.float32)).all():
            bad = int(array.size - np.count_nonzero(np.isfinite(array.astype(np.float32))))
            problems.append(f"{what}, {name}: {bad} of {array.size} values")
    _refuse("it answers NaN or an infinity", problems)


def values_of(log: pb.PredictionLog) -> Iterator[tuple[str, Array]]:
    """The arrays in the answer of a log, each with a name that says where it stands."""
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        for alias, proto in sorted(log.predict_log.response.outputs.items()):
            yield f"output {alias!r}", tensor_proto.to_array(proto)
    elif kind == "classify_log":
        yield from _classes(log.classify_log.response.result)
    elif kind == "regress_log":
        yield from _regressions(log.regress_log.response.result)
    elif kind == "multi_inference_log":
        for number, result in enumerate(log.multi_inference_log.response.results):
            inner = (
                _classes(result.classification_result)
                if result.HasField("classification_result")
                else _regressions(result.regression_result)
            )
            yield from ((f"task {number}, {name}", array) for name, array in inner)


def _classes(result: pb.ClassificationResult) -> Iterator[tuple[str, Array]]:
    rows = [list(c.classes) for c in result.classifications]
    yield "number of classes", np.array([len(row) for row in rows])
    yield "labels", np.array([c.label for row in rows for c in row], object)
    yield "scores", np.array([c.score for row in rows for c in row], np.float32)


def _regressions(result: pb.RegressionResult) -> Iterator[tuple[str, Array]]:
    yield "values", np.array([r.value for r in result.regressions], np.float32)
