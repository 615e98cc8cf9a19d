"""Binary search in sorted rows: LowerBound and UpperBound, which make ``tf.searchsorted``."""

from __future__ import annotations

import numpy as np

from noria import dtypes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Lowering, Value, infer, kernel, lower
from noria.shapes import Shape

_MOST_COMPARED = 512  # boundaries up to which comparing with each is cheaper than leaving the engine


@infer("LowerBound", "UpperBound")
def _bound_infer(call: InferCall) -> list[Shape]:
    for info, name in zip(call.inputs, ("sorted_inputs", "values"), strict=True):
        if info.rank not in (2, None):
            raise InvalidArgumentError(f"Shape must be rank 2 but is rank {info.rank} for `{name}` argument")
    return [call.shape(1) if call.shape(1) is not None else (None, None)]


@kernel("LowerBound", "UpperBound")
def _bound(call: KernelCall, rows: Array, values: Array) -> Array:
    """rows: [n, width], each sorted; values: [n, m]: the place of each among its row.

    The search halves as C++'s does, which settles what comes of NaN and of rows that are not sorted.
    """
    for array, name in ((rows, "sorted_inputs"), (values, "values")):
        if array.ndim != 2:
            raise InvalidArgumentError(f"Shape must be rank 2 but is rank {array.ndim} for `{name}` argument")
    if len(rows) != len(values):
        raise InvalidArgumentError(
            f"Leading dim_size of both tensors must match. Got {len(rows)} sorted rows and {len(values)} of values"
        )
    first = np.zeros(values.shape, np.int64)
    left = np.full(values.shape, rows.shape[1], np.int64)
    for _ in range(rows.shape[1].bit_length() if values.size else 0):
        half = left >> 1
        # Where nothing is left to search, any element will do: the place stays.
        middle = np.minimum(first + half, rows.shape[1] - 1)
        element = np.take_along_axis(rows, middle, axis=1)
        further = element < values if call.node.op == "LowerBound" else ~(values < element)
        further &= left > 0
        first = np.where(further, middle + 1, first)
        left = np.where(further, left - half - 1, half)
    return first.astype(call.output_dtype)


@lower("LowerBound", "UpperBound")
def _bound_lower(op: Lowering) -> Value:
    """Counts the boundaries below each value: right for one constant sorted row without NaN."""
    rows, values = op.const(0), op.inputs[1]
    if rows.shape[:1] != (1,) or not 0 < rows.size <= _MOST_COMPARED or values.dtype.is_complex:
        op.cannot("the boundaries are not one short row")
    if values.shape is None or values.shape[0] != 1:
        op.cannot("there may be another number of rows of values")
    found = rows.reshape(-1)
    if not (found[1:] >= found[:-1]).all() or not (found == found).all():
        op.cannot("the boundaries are not sorted")
    through = op.widened("Less", values.dtype)
    spread = op.unsqueeze(op.cast(values, through), [-1])
    boundaries = op.constant(found.astype(through.numpy), through)
    shape = None if values.shape is None else (*values.shape, found.size)
    if op.node.op == "LowerBound":
        below = op.emit("Less", boundaries, spread, dtype=dtypes.bool_, shape=shape)
    else:
        below = op.emit("Not", op.emit("Less", spread, boundaries, dtype=dtypes.bool_, shape=shape), shape=shape)
    # A product with ones counts: see Bucketize.
    ones = op.constant(np.ones((found.size, 1), np.float32), dtypes.float32)
    count = op.squeeze(op.emit("MatMul", op.cast(below, dtypes.float32), ones), [-1])
    return op.cast(count, op.node.output_dtypes[0])
