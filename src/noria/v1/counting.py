"""Sorting, counting and histograms: ``tf.sort``, ``tf.bincount``, ``tf.confusion_matrix`` …"""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import truediv
from noria.v1.array_shapes import ones_like, rank, shape, size
from noria.v1.arrays import range_, squeeze, transpose
from noria.v1.assertions import assert_less, assert_non_negative
from noria.v1.casts import cast
from noria.v1.clipping import clip_by_value
from noria.v1.constant import constant, constant_value
from noria.v1.control_flow import assert_true, cond, with_dependencies
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.joining import stack
from noria.v1.op_functions import export_rows
from noria.v1.operation import Tensor
from noria.v1.reductions import reduced


@export("sort")
def sort(values: Any, axis: Any = -1, direction: str = "ASCENDING", name: str | None = None) -> Any:
    """``values`` sorted along ``axis``; direction: ASCENDING or DESCENDING."""
    with name_scope(name, "sort"):
        return _sorted(values, axis, direction, False)


@export("argsort")
def argsort(
    values: Any, axis: Any = -1, direction: str = "ASCENDING", stable: bool = False, name: str | None = None
) -> Any:
    """The indices that sort ``values`` along ``axis``; equal elements stay in order."""
    with name_scope(name, "argsort"):
        return _sorted(values, axis, direction, True)


def _sorted(values: Any, axis: Any, direction: str, indices: bool) -> Any:
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(
            f"Argument `direction` should be one of ASCENDING, DESCENDING. Received: direction={direction}"
        )
    axis = convert(axis, None, "axis")
    at = constant_value(axis)
    if at is None or at.ndim != 0:
        raise ValueError(f"Argument `axis` must be a constant scalar. Received: axis={axis}.")
    values = convert(values, None, "values")
    if direction == "DESCENDING":
        return _descending(values, int(at), indices)
    dtype = values.dtype
    if dtype.is_unsigned:
        found = _descending(dtype.max - values, int(at), indices)
        return found if indices else dtype.max - found
    if dtype.is_integer:
        found = _descending(-values - 1, int(at), indices)
        return found if indices else -found - 1
    found = _descending(-values, int(at), indices)
    return found if indices else -found


def _descending(values: Tensor, axis: int, indices: bool) -> Any:
    k = shape(values)[axis]
    count: Any = rank(values)
    known = values.shape.ndims
    if axis == -1 or (known is not None and axis + 1 == known):
        return apply_op("TopKV2", input=values, k=k, sorted=True)[1 if indices else 0]
    at: Any = axis + (count if known is None else known) if axis < 0 else axis
    order: Any
    if known is not None:
        order = list(range(known))
        order[at], order[-1] = order[-1], order[at]
        order = constant(np.array(order), name="transposition")
    else:
        order = apply_op(
            "TensorScatterUpdate", tensor=range_(count), indices=[[at], [count - 1]], updates=[count - 1, at]
        )
    found = apply_op("TopKV2", input=transpose(values, order), k=k, sorted=True)[1 if indices else 0]
    return transpose(found, order)


@export("math.bincount", "bincount")
def bincount(arr: Any, weights: Any = None, minlength: Any = None, maxlength: Any = None, dtype: Any = "int32") -> Any:
    """How often each number from 0 to the greatest stands in ``arr``, or the sum of its ``weights``."""
    with name_scope("bincount"):
        arr = convert(arr, None, "arr")
        if weights is not None:
            weights = convert(weights, None, "weights")
        if not arr.dtype.is_integer:
            arr = cast(arr, "int32")
        some = size(arr) > 0
        length: Any = cast(some, arr.dtype) * (reduced("Max", arr) + 1)
        if minlength is not None:
            length = apply_op("Maximum", x=convert(minlength, arr.dtype, "minlength"), y=length)
        if maxlength is not None:
            length = apply_op("Minimum", x=convert(maxlength, arr.dtype, "maxlength"), y=length)
        if weights is not None:
            weights = apply_op("Reshape", tensor=weights, shape=[-1])
        arr = apply_op("Reshape", tensor=arr, shape=[-1])
        if weights is None:
            weights = constant([], dtype or arr.dtype)
        return apply_op("DenseBincount", input=arr, size=length, weights=weights, binary_output=False)


@export("histogram_fixed_width")
def histogram_fixed_width(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = "int32", name: str | None = None
) -> Any:
    """How many values fall into each of ``nbins`` equal parts of ``value_range``; the ends take what lies outside."""
    with name_scope(name, "histogram_fixed_width", [values, value_range, nbins]) as scope:
        return apply_op("HistogramFixedWidth", scope, values=values, value_range=value_range, nbins=nbins, dtype=dtype)


@export("histogram_fixed_width_bins")
def histogram_fixed_width_bins(
    values: Any, value_range: Any, nbins: Any = 100, dtype: Any = "int32", name: str | None = None
) -> Any:
    """In which of ``nbins`` equal parts of ``value_range`` each value falls."""
    with name_scope(name, "histogram_fixed_width_bins", [values, value_range, nbins]):
        values = convert(values, None, "values")
        sizes = shape(values)
        values = apply_op("Reshape", tensor=values, shape=[-1])
        value_range = convert(value_range, None, "value_range")
        nbins = convert(nbins, "int32", "nbins")
        check = assert_true(apply_op("Greater", x=nbins, y=0), [f"nbins {nbins} must > 0"])
        nbins = with_dependencies([check], nbins)
        count = cast(nbins, values.dtype)
        above = values - value_range[0]
        width = value_range[1] - value_range[0]
        part = truediv(above, width, "scaled_values")
        found = apply_op("Floor", "indices", x=count * part)
        found = cast(clip_by_value(found, 0, count - 1), "int32")
        return apply_op("Reshape", tensor=found, shape=sizes)


def remove_squeezable_dimensions(
    labels: Any, predictions: Any, expected_rank_diff: int = 0, name: str | None = None
) -> tuple[Any, Any]:
    """Labels and predictions, the last dimension of 1 taken off the one that has too many."""
    with name_scope(name, "remove_squeezable_dimensions", [labels, predictions]):
        predictions, labels = convert(predictions), convert(labels)
        ours, theirs = predictions.shape, labels.shape
        if ours.ndims is not None and theirs.ndims is not None:
            difference = ours.ndims - theirs.ndims
            if difference == expected_rank_diff + 1 and ours.dims[-1].is_compatible_with(1):
                predictions = squeeze(predictions, [-1])
            elif difference == expected_rank_diff - 1 and theirs.dims[-1].is_compatible_with(1):
                labels = squeeze(labels, [-1])
            return labels, predictions
        apart = rank(predictions) - rank(labels)

        def maybe(value: Tensor, wanted: int) -> Any:
            test = apply_op("Equal", x=wanted, y=apart)
            return cond(test, lambda: squeeze(value, [-1]), lambda: value)

        if ours.ndims is None or ours.dims[-1].is_compatible_with(1):
            predictions = maybe(predictions, expected_rank_diff + 1)
        if theirs.ndims is None or theirs.dims[-1].is_compatible_with(1):
            labels = maybe(labels, expected_rank_diff - 1)
        return labels, predictions


@export("math.confusion_matrix", "confusion_matrix")
def confusion_matrix(
    labels: Any,
    predictions: Any,
    num_classes: Any = None,
    dtype: Any = "int32",
    name: str | None = None,
    weights: Any = None,
) -> Any:
    """How often class i (row) was predicted as class j (column)."""
    with name_scope(name, "confusion_matrix", (predictions, labels, num_classes, weights)):
        labels, predictions = convert(labels, None, "labels"), convert(predictions, None, "predictions")
        labels, predictions = remove_squeezable_dimensions(labels, predictions)
        predictions, labels = cast(predictions, "int64"), cast(labels, "int64")
        labels = _checked(labels, assert_non_negative, "`labels` contains negative values")
        predictions = _checked(predictions, assert_non_negative, "`predictions` contains negative values")
        if num_classes is None:
            greatest = reduced("Max", predictions)
            num_classes = apply_op("Maximum", x=greatest, y=reduced("Max", labels)) + 1
        else:
            limit = cast(num_classes, "int64")
            labels = _checked(labels, assert_less, "`labels` out of bound", limit)
            predictions = _checked(predictions, assert_less, "`predictions` out of bound", limit)
        if weights is not None:
            weights = convert(weights, None, "weights")
            predictions.shape.assert_is_compatible_with(weights.shape)
            weights = cast(weights, dtype)
        sizes = stack([num_classes, num_classes])
        places = stack([labels, predictions], axis=1)
        values = ones_like(predictions, dtype) if weights is None else weights
        return apply_op("ScatterNd", indices=places, updates=values, shape=cast(sizes, "int64"))


def _checked(value: Any, check: Any, message: str, *more: Any) -> Any:
    return with_dependencies([check(value, *more, message=message)], value)


export_rows("""
math.segment_sum segment_sum: SegmentSum data segment_ids
math.segment_mean segment_mean: SegmentMean data segment_ids
math.segment_prod segment_prod: SegmentProd data segment_ids
math.segment_max segment_max: SegmentMax data segment_ids
math.segment_min segment_min: SegmentMin data segment_ids
math.unsorted_segment_sum unsorted_segment_sum: UnsortedSegmentSum data segment_ids num_segments
math.unsorted_segment_prod unsorted_segment_prod: UnsortedSegmentProd data segment_ids num_segments
math.unsorted_segment_max unsorted_segment_max: UnsortedSegmentMax data segment_ids num_segments
math.unsorted_segment_min unsorted_segment_min: UnsortedSegmentMin data segment_ids num_segments
""")
