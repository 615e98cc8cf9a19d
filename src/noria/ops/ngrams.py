"""Joining rows of strings: StringNGrams, UnsortedSegmentJoin."""

from __future__ import annotations

import itertools
import math

import numpy as np

from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import scalar_of, shape_text, single
from noria.ops._strings import string_array
from noria.shapes import Shape


@infer("StringNGrams")
def _ngrams_infer(call: InferCall) -> list[Shape]:
    return [(None,), call.shape(1)]


def _check_splits(splits: list[int], count: int) -> None:
    if splits[0] != 0:
        raise InvalidArgumentError(f"First split value must be 0, got {splits[0]}")
    for before, after in itertools.pairwise(splits):
        if not before <= after <= count:
            raise InvalidArgumentError(f"Invalid split value {after}, must be in [{before}, {count}]")
    if splits[-1] != count:
        raise InvalidArgumentError(f"Last split value must be data size. Expected {count}, got {splits[-1]}")


def _ngrams_of(call: KernelCall, row: list[bytes], widths: list[int]) -> list[bytes]:
    """The n-grams of one row: all of the first width, then of the next."""
    separator: bytes = call.attr("separator")
    left, right, padding = call.attr("left_pad"), call.attr("right_pad"), call.integer("pad_width")
    found: list[bytes] = []
    for width in widths:
        pad = width - 1 if padding < 0 else min(padding, width - 1)
        padded = [left] * pad + row + [right] * pad
        found += [separator.join(padded[i : i + width]) for i in range(len(padded) - width + 1)]
    if not found and row and call.flag("preserve_short_sequences"):
        if padding < 0:
            raise InvalidArgumentError(
                "Pad width should be >= 0 when preserve_short_sequences is True and ngram_widths are not provided, "
                f"got {padding}"
            )
        found.append(separator.join([left] * padding + row + [right] * padding))
    return found


@kernel("StringNGrams")
def _ngrams(call: KernelCall, data: Array, splits: Array) -> tuple[Array, Array]:
    """data: strings; splits: row splits of a ragged tensor over them. Gives the n-grams of each row, ragged too."""
    widths = call.integers("ngram_widths")
    if any(w <= 0 for w in widths):
        raise InvalidArgumentError(f"ngram_widths must contain positive values; they are {widths}")
    if not splits.size:
        return np.full(data.shape, b"", object), splits
    words, ends = data.reshape(-1).tolist(), splits.tolist()
    _check_splits(ends, len(words))
    rows = [_ngrams_of(call, words[start:end], widths) for start, end in itertools.pairwise(ends)]
    flat = [ngram for row in rows for ngram in row]
    return string_array(flat, (len(flat),)), np.cumsum([0, *(len(r) for r in rows)]).astype(splits.dtype)


@infer("UnsortedSegmentJoin")
def _join_infer(call: InferCall) -> list[Shape]:
    inputs, ids, count = call.shape(0), call.shape(1), scalar_of(call.inputs[2])
    if count is not None and count < 0:
        raise InvalidArgumentError(f"Number of segments must be non-negative but got {count}")
    if inputs is None or ids is None:
        return [None]
    return [(count, *inputs[len(ids) :])]


@kernel("UnsortedSegmentJoin")
def _join(call: KernelCall, inputs: Array, ids: Array, num_segments: Array) -> Array:
    """The strings (or, beyond the rank of ``ids``, each column of them) of a segment, joined in order."""
    count = single(num_segments, "num_segments")
    if count < 0:
        raise InvalidArgumentError(f"Number of segments must be non-negative but got {count}")
    if ids.ndim == 0:
        raise InvalidArgumentError("Segment_id cannot have rank 0")
    if inputs.shape[: ids.ndim] != ids.shape:
        raise InvalidArgumentError(
            f"Segment dimensions {shape_text(ids.shape)} are not the first of the input dimensions "
            f"{shape_text(inputs.shape)}"
        )
    if ids.size and not 0 <= ids.min() <= ids.max() < count:
        raise InvalidArgumentError(
            "segment_ids are not allowed to exceed num_segments or to have negative values. "
            f"They go from {int(ids.min())} to {int(ids.max())}, for {count} segments"
        )
    separator: bytes = call.attr("separator")
    inner = inputs.shape[ids.ndim :]
    rows = inputs.reshape(ids.size, math.prod(inner))
    joined = np.full((count, rows.shape[1]), b"", object)
    numbers = ids.reshape(-1)
    for segment in np.unique(numbers).tolist():
        chosen = rows[numbers == segment]
        for column in range(rows.shape[1]):
            joined[segment, column] = separator.join(chosen[:, column].tolist())
    return joined.reshape(count, *inner)
