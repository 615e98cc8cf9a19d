"""Ragged tensors as single values (variants), as ``tf.map_fn`` over ragged tensors carries them through its lists."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.shapes import Shape


class RaggedValue:
    """One ragged tensor: its row splits, outermost first, and its flat values. Nobody changes it."""

    __slots__ = ("splits", "values")

    def __init__(self, splits: Sequence[Array], values: Array) -> None:
        self.splits = tuple(splits)
        self.values = values

    @property
    def rows(self) -> int:
        return len(self.splits[0]) - 1 if self.splits else len(self.values)

    def row(self, index: int) -> RaggedValue:
        """Row ``index`` as a value of its own."""
        if not self.splits:
            return RaggedValue((), self.values[index])
        start, end = int(self.splits[0][index]), int(self.splits[0][index + 1])
        inner = []
        for splits in self.splits[1:]:
            part = splits[start : end + 1]
            start, end = int(part[0]), int(part[-1])
            inner.append(part - part[0])
        return RaggedValue(inner, self.values[start:end])


@infer("RaggedTensorToVariant")
def _to_infer(call: InferCall) -> list[Shape]:
    if not call.flag("batched_input"):
        return [()]
    shape = call.shape(0)
    if shape is None or not shape or shape[0] is None:
        return [(None,)]
    return [(shape[0] - 1 if call.integer("RAGGED_RANK") else shape[0],)]


@kernel("RaggedTensorToVariant")
def _to_variant(call: KernelCall, *inputs: Array) -> Any:
    value = RaggedValue(inputs[:-1], inputs[-1])
    if not call.flag("batched_input"):
        return value
    if not value.splits and not value.values.ndim:
        raise InvalidArgumentError("rt_dense_values must be at least a vector where the input is batched, got a scalar")
    rows = np.empty(value.rows, object)
    rows[:] = [value.row(i) for i in range(value.rows)]
    return rows


@infer("RaggedTensorFromVariant")
def _from_infer(call: InferCall) -> list[Shape]:
    return [*[(None,)] * call.integer("output_ragged_rank"), None]


@kernel("RaggedTensorFromVariant")
def _from_variant(call: KernelCall, encoded: Any) -> tuple[Array, ...]:
    rank = call.integer("output_ragged_rank")
    kind = call.dtype("Tsplits").numpy
    outer = encoded.shape if isinstance(encoded, np.ndarray) else ()
    parts = encoded.reshape(-1).tolist() if isinstance(encoded, np.ndarray) else [encoded]
    inner = call.integer("input_ragged_rank")
    inner = rank - len(outer) if inner == -1 else inner
    if inner < 0 or rank != inner + len(outer):
        raise InvalidArgumentError(
            "output_ragged_rank must be equal to input_ragged_rank + encoded_ragged.dims(); "
            f"output_ragged_rank: {rank}, input_ragged_rank: {call.attr('input_ragged_rank')}, "
            f"encoded_ragged.dims(): {len(outer)}"
        )
    for part in parts:
        if not isinstance(part, RaggedValue) or len(part.splits) != inner:
            raise InvalidArgumentError(
                f"Encoded input RaggedTensorVariant should have {inner} row partitions, got "
                f"{len(part.splits) if isinstance(part, RaggedValue) else type(part).__name__}"
            )
    if not outer:
        return (*parts[0].splits, parts[0].values)
    uniform = [np.arange(math.prod(outer[: j + 1]) + 1) * outer[j + 1] for j in range(len(outer) - 1)]
    joined = _joined(parts, inner, np.empty(0, call.dtype("Tvalues").numpy))
    return (*(s.astype(kind) for s in (*uniform, *joined.splits)), joined.values)


def _joined(parts: Sequence[RaggedValue], inner: int, nothing: Array) -> RaggedValue:
    """The parts as the rows of one ragged tensor."""
    if any(not inner and not part.values.ndim for part in parts):
        raise InvalidArgumentError("the components of a ragged tensor must be at least vectors, got a scalar")
    splits = [np.cumsum([0, *(part.rows for part in parts)])]
    for level in range(inner):
        offset, pieces = 0, [np.zeros(1, np.int64)]
        for part in parts:
            pieces.append(part.splits[level][1:] + offset)
            offset += int(part.splits[level][-1])
        splits.append(np.concatenate(pieces))
    values = [part.values for part in parts]
    for value in values[1:]:
        if value.shape[1:] != values[0].shape[1:]:
            raise InvalidArgumentError(
                "the components of a ragged tensor have rows of different shapes: "
                f"{shapes.text(values[0].shape[1:])} and {shapes.text(value.shape[1:])}"
            )
    return RaggedValue(splits, np.concatenate(values) if values else nothing)
