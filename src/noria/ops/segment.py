"""Reductions by segment: rows of the data that share a number are summed, multiplied, or their extremes taken.

No lowering: the engine's ScatterND, ONNX's only way to it, races on repeated indices (see ``scatter``).
"""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import product, scalar_of, shape_text, single
from noria.shapes import Shape

_SORTED = ("SegmentSum", "SegmentMean", "SegmentProd", "SegmentMax", "SegmentMin")
_UNSORTED = ("UnsortedSegmentSum", "UnsortedSegmentProd", "UnsortedSegmentMax", "UnsortedSegmentMin")
_UFUNC: dict[str, Any] = {
    "Sum": np.add,
    "Mean": np.add,
    "Prod": np.multiply,
    "Max": np.maximum,
    "Min": np.minimum,
}


def _reduce(rows: Array, ids: Array, result: Array, how: str) -> Array:
    """The places of ``result`` that ``ids`` name, and puts the reductions of their rows there.

    rows: [n, width]; ids: [n], all within result: [segments, width].
    """
    if not rows.shape[0]:
        return ids
    order = np.argsort(ids, kind="stable")
    numbers = ids[order]
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]]))
    places: Array = numbers[starts]
    with np.errstate(all="ignore"):
        if how in ("Sum", "Mean") and rows.dtype.itemsize == 2 and rows.dtype.kind not in "iu":
            # reduceat would add float16 in float32; TensorFlow rounds after each addition.
            result[places] = 0
            np.add.at(result, ids, rows)
        else:
            result[places] = _UFUNC[how].reduceat(rows[order], starts, axis=0, dtype=rows.dtype)
    return places


# Sorted segments


@infer(*_SORTED)
def _sorted_infer(call: InferCall) -> list[Shape]:
    data, ids = call.shape(0), call.inputs[1].value
    if data is None:
        return [None]
    if len(data) == 0:
        raise InvalidArgumentError("input must be at least rank 1")
    count = None if ids is None or ids.ndim != 1 else (int(ids[-1]) + 1 if ids.size else 0)
    return [(None if count is None or count < 0 else count, *data[1:])]


@kernel(*_SORTED)
def _sorted_segments(call: KernelCall, data: Array, ids: Array) -> Array:
    how = call.node.op.removeprefix("Segment")
    if data.ndim < 1:
        raise InvalidArgumentError("input must be at least rank 1")
    if ids.ndim != 1:
        raise InvalidArgumentError("segment_ids should be a vector.")
    if ids.size != data.shape[0]:
        raise InvalidArgumentError("segment_ids should be the same size as dimension 0 of input.")
    if not ids.size:
        return np.zeros((0, *data.shape[1:]), data.dtype)
    if ids[-1] < 0:
        raise InvalidArgumentError("segment ids must be >= 0")
    if (ids[1:] < ids[:-1]).any():
        raise InvalidArgumentError("segment ids are not increasing")
    if ids[0] < 0:
        raise InvalidArgumentError(
            f"Segment id {int(ids[0])} out of range [0, {int(ids[-1]) + 1}), "
            "possibly because 'segment_ids' input is not sorted."
        )
    count = int(ids[-1]) + 1
    rows = data.reshape((data.shape[0], product(data.shape[1:]) or 0))
    # Segments without rows are 0, or 1 for products.
    result = np.full((count, rows.shape[1]), 1 if how == "Prod" else 0, dtype=data.dtype)
    places = _reduce(rows, ids, result, how)
    if how == "Mean":
        sizes = np.bincount(ids, minlength=count)[places].astype(data.dtype)[:, None]
        result[places] = _quotient(result[places], sizes)
    return result.reshape((count, *data.shape[1:]))


def _quotient(total: Array, count: Array) -> Array:
    """Division as in C: integers towards zero."""
    if total.dtype.kind in "iu":
        quotient: Array = np.sign(total) * (np.abs(total) // count)
        return quotient
    return np.asarray(total / count)


# Unsorted segments


@infer(*_UNSORTED)
def _unsorted_infer(call: InferCall) -> list[Shape]:
    data, ids, count = call.shape(0), call.shape(1), scalar_of(call.inputs[2])
    if count is not None and count < 0:
        raise InvalidArgumentError(f"Input num_segments == {count} must not be negative.")
    if data is None or ids is None:
        return [None]
    return [(count, *data[len(ids) :])]


def _empty_value(how: str, dtype: np.dtype[Any]) -> Any:
    """What a segment without rows holds: the neutral element of the reduction."""
    if how in ("Sum", "Prod"):
        return 0 if how == "Sum" else 1
    limits: Any = np.iinfo(dtype) if dtype.kind in "iu" else ml_dtypes.finfo(dtype)  # type: ignore[no-untyped-call]
    return limits.min if how == "Max" else limits.max


@kernel(*_UNSORTED)
def _unsorted_segments(call: KernelCall, data: Array, ids: Array, num_segments: Array) -> Array:
    how, count = call.node.op.removeprefix("UnsortedSegment"), single(num_segments, "num_segments")
    if count < 0:
        raise InvalidArgumentError(f"Input num_segments == {count} must not be negative.")
    if data.shape[: ids.ndim] != ids.shape:
        raise InvalidArgumentError(
            f"data.shape = {shape_text(data.shape)} does not start with segment_ids.shape = {shape_text(ids.shape)}"
        )
    if ids.size and ids.max() >= count:
        place = np.argwhere(ids >= count)[0]
        shown = f"segment_ids{shape_text(place)}" if ids.ndim else "segment_ids"
        raise InvalidArgumentError(f"{shown} = {int(ids[tuple(place)])} is out of range [0, {count})")
    inner = data.shape[ids.ndim :]
    rows = data.reshape((ids.size, product(inner) or 0))
    numbers = ids.reshape(-1)
    kept = numbers >= 0  # rows of negative segments count nowhere
    neutral = _empty_value(how, data.dtype)
    result = np.full((count, rows.shape[1]), neutral, dtype=data.dtype)
    places = _reduce(rows[kept], numbers[kept], result, how)
    with np.errstate(all="ignore"):
        # TensorFlow starts from the neutral element, which matters to -0.0 and to infinities.
        result[places] = _UFUNC[how](result[places], np.asarray(neutral, data.dtype))
    return result.reshape((count, *inner))
