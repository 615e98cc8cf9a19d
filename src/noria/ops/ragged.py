"""Ragged tensors as the ops see them: flat values, and for each ragged dimension a partition of what lies below.

A partition is ``row_splits`` (row i holds ``splits[i]`` to ``splits[i + 1]``), ``value_rowids`` (the row of each
value), or, outermost, the number of rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, infer, kernel
from noria.ops._arrays import shape_text
from noria.shapes import Dim, Shape


def _within(lengths: Array) -> Array:
    """The position of each value in its row, for rows of ``lengths``."""
    ends = np.cumsum(lengths)
    positions: Array = np.arange(int(ends[-1]) if ends.size else 0) - np.repeat(ends - lengths, lengths)
    return positions


# Ragged to dense


@infer("RaggedTensorToTensor")
def _to_tensor_infer(call: InferCall) -> list[Shape]:
    kinds = call.attr("row_partition_types")
    values, wanted = call.shape(1), call.inputs[0].known_dims
    ragged = len(kinds) - (1 if kinds and kinds[0] == b"FIRST_DIM_SIZE" else 0)
    if values is None or len(values) == 0:
        vector = call.shape(0)
        return [shapes.unknown(vector[0] if vector else None)]
    if wanted is None or call.inputs[0].rank == 0:
        wanted = (None,) * (ragged + len(values))
    dims: list[Dim] = [None if d is None or d < 0 else d for d in wanted]
    if len(dims) == ragged + len(values):
        dims[ragged + 1 :] = [v if d is None else d for d, v in zip(dims[ragged + 1 :], values[1:], strict=True)]
        first = call.shape(3) if kinds and kinds[0] == b"ROW_SPLITS" else None
        if dims[0] is None and first and first[0]:
            dims[0] = first[0] - 1
    return [tuple(dims)]


def _wanted_shape(shape: Array, ragged: int, values: Array) -> list[int]:
    """The asked shape of the result, -1 where it follows from the data."""
    rank = ragged + values.ndim
    if shape.ndim == 0:
        if shape != -1:
            raise InvalidArgumentError(
                "The only valid scalar shape tensor is the fully unknown shape specified as -1. "
                f"Got the scalar {int(shape)}; give one size for each of the {rank} dimensions"
            )
        return [*[-1] * (ragged + 1), *values.shape[1:]]
    dims: list[int] = shape.tolist()
    if any(d < -1 for d in dims):
        raise InvalidArgumentError(f"Dimension {min(dims)} must be >= -1")
    shown = "[" + ",".join("?" if d < 0 else str(d) for d in dims) + "]"
    if len(dims) != rank:
        raise InvalidArgumentError(
            f"rt_input.shape and shape={shown} are incompatible: rt_input.rank = {rank} but shape.rank = {len(dims)}"
        )
    for axis, (asked, own) in enumerate(zip(dims[ragged + 1 :], values.shape[1:], strict=True), ragged + 1):
        if asked not in (-1, own):
            raise InvalidArgumentError(
                f"rt_input.shape and shape={shown} are incompatible: rt_input.shape[{axis}] = {own} "
                f"but shape[{axis}] = {asked}"
            )
    return [*dims[: ragged + 1], *values.shape[1:]]


def _check_default(default: Array, values: Array) -> None:
    start = (
        f"default_value.shape={shape_text(default.shape)} and rt_input.flat_values.shape={shape_text(values.shape)} "
        "are incompatible: "
    )
    if default.ndim >= values.ndim:
        raise InvalidArgumentError(
            f"{start}default_value.rank = {default.ndim}  must be less than rt_input.flat_values.rank = {values.ndim}"
        )
    for back in range(1, default.ndim + 1):
        if default.shape[-back] not in (1, values.shape[-back]):
            raise InvalidArgumentError(
                f"{start}default_value.shape[{-back}] = {default.shape[-back]} but "
                f"rt_input.flat_values.shape[{-back}] = {values.shape[-back]}"
            )


def _rows_and_columns(kind: bytes, partition: Array, count: int) -> tuple[Array, Array]:
    """For each value its row, below ``count``, and its place in that row."""
    if kind == b"ROW_SPLITS":
        lengths = np.diff(partition)
        if not partition.size or partition[0] != 0 or (lengths < 0).any() or lengths.size > count:
            raise InvalidArgumentError(
                f"Invalid row split size. {partition.size} row splits of {count} rows must start with 0 and not go down"
            )
        return np.repeat(np.arange(lengths.size), lengths), _within(lengths)
    if kind != b"VALUE_ROWIDS":
        raise InvalidArgumentError(
            f"Unsupported partition type {kind.decode('utf-8', 'replace')!r} below the first dimension; "
            "expected ROW_SPLITS or VALUE_ROWIDS"
        )
    outside = (partition < 0) | (partition >= count)
    if outside.any():
        k = int(np.argmax(outside))
        which = "next" if k else "current"
        raise InvalidArgumentError(f"Got {which}_value_rowid={int(partition[k])} which is not less than {count}")
    starts = np.flatnonzero(np.diff(partition, prepend=-1))
    return partition, _within(np.diff(starts, append=partition.size))


def _first_dimension(kind: bytes, partition: Array) -> int:
    if not partition.size:
        raise InvalidArgumentError("Invalid first partition input. Tensor requires at least one element.")
    if kind == b"FIRST_DIM_SIZE":
        return int(partition.reshape(-1)[0])
    if kind == b"ROW_SPLITS":
        return partition.size - 1
    if kind == b"VALUE_ROWIDS":
        raise InvalidArgumentError("Cannot handle VALUE_ROWIDS in first dimension.")
    raise InvalidArgumentError(f"Unknown string for partition info type: {kind.decode('utf-8', 'replace')}")


@kernel("RaggedTensorToTensor")
def _to_tensor(call: KernelCall, shape: Array, values: Array, default: Array, *partitions: Array) -> Array:
    """Values in a dense tensor; what its rows lack is the default, and what it has no room for is left out."""
    kinds: list[bytes] = call.attr("row_partition_types")
    if not kinds or len(kinds) != len(partitions):
        raise InvalidArgumentError(f"{len(partitions)} row partitions need as many types, at least one; got {kinds!r}")
    skip = 1 if kinds[0] == b"FIRST_DIM_SIZE" else 0
    ragged = len(kinds) - skip
    first = _first_dimension(kinds[0], partitions[0])
    _check_default(default, values)
    dims = _wanted_shape(shape, ragged, values)
    levels: list[tuple[Array, Array]] = []  # of each ragged dimension: rows and columns of what lies in it
    count = first
    for kind, partition in zip(kinds[skip:], partitions[skip:], strict=True):
        levels.append(_rows_and_columns(kind, partition, count))
        count = len(levels[-1][0])
    if count > len(values):
        raise InvalidArgumentError(
            f"the row partitions describe {count} values, but there are {len(values)}; the tensor is damaged"
        )
    dims[0] = first if dims[0] < 0 else dims[0]
    for axis, (_, columns) in enumerate(levels, 1):
        dims[axis] = int(columns.max(initial=-1)) + 1 if dims[axis] < 0 else dims[axis]
    # The place of each row (at last of each value) in the result, as if its ragged dimensions were one; -1: nowhere.
    steps = [math.prod(dims[axis + 1 : ragged + 1]) for axis in range(ragged + 1)]
    places = np.where(np.arange(first) < dims[0], np.arange(first) * steps[0], -1)
    for axis, (rows, columns) in enumerate(levels, 1):
        above = places[rows]
        places = np.where((above >= 0) & (columns < dims[axis]), above + columns * steps[axis], -1)
    dense = np.empty(dims, values.dtype)
    dense[...] = default
    kept = places >= 0
    dense.reshape(math.prod(dims[: ragged + 1]), *dims[ragged + 1 :])[places[kept]] = values[: len(places)][kept]
    return dense


# Ranges


@infer("RaggedRange")
def _range_infer(call: InferCall) -> list[Shape]:
    counts: list[Dim] = []
    for info, name in zip(call.inputs, ("starts", "limits", "deltas"), strict=True):
        if info.shape is None:
            counts.append(None)
        elif len(info.shape) > 1:
            raise InvalidArgumentError(f"{name} must be a scalar or vector, got shape {shapes.text(info.shape)}")
        elif info.shape:
            counts.append(info.shape[0])
    known = [c for c in counts if c is not None]
    rows = known[0] if known else None if counts else 1
    return [(None if rows is None else rows + 1,), (None,)]


@kernel("RaggedRange")
def _range(call: KernelCall, starts: Array, limits: Array, deltas: Array) -> tuple[Array, Array]:
    """The values from each start by its delta to its limit, each the one before plus the delta."""
    for array, name in ((starts, "starts"), (limits, "limits"), (deltas, "deltas")):
        if array.ndim > 1:
            raise InvalidArgumentError(f"{name} must be a scalar or vector, got shape {shape_text(array.shape)}")
    sizes = {a.size for a in (starts, limits, deltas) if a.ndim}
    if len(sizes) > 1:
        raise InvalidArgumentError(
            f"starts, limits, and deltas must have the same shape, got {shape_text(starts.shape)}, "
            f"{shape_text(limits.shape)} and {shape_text(deltas.shape)}"
        )
    splits_dtype = call.node.output_dtypes[0].numpy
    rows: list[Array] = [np.zeros(0, starts.dtype)]
    for start, limit, delta in np.broadcast(starts, limits, deltas) if sizes else [(starts, limits, deltas)]:
        rows.append(_one_range(start, limit, delta, starts.dtype.type, np.iinfo(splits_dtype).max))
    lengths = [row.size for row in rows]
    return np.cumsum(lengths).astype(splits_dtype), np.concatenate(rows)


def _one_range(start: Array, limit: Array, delta: Array, kind: type[np.generic], most: int) -> Array:
    if delta == 0:
        raise InvalidArgumentError("Requires delta != 0")
    if (start > limit) if delta > 0 else (start < limit):
        return np.zeros(0, kind)
    if issubclass(kind, np.integer):
        span, step = abs(int(limit) - int(start)), abs(int(delta))
        size: float = -(-span // step)
    else:
        with np.errstate(all="ignore"):
            size = float(np.ceil(np.abs((limit - start) / delta)))
    if not size <= most:
        raise InvalidArgumentError(f"Requires ((limit - start) / delta) <= {most}")
    steps = np.full(int(size), delta, kind)
    if size:
        steps[0] = start
    row: Array = np.add.accumulate(steps, dtype=kind)
    return row


# Rows of a ragged tensor


@infer("RaggedGather")
def _gather_infer(call: InferCall) -> list[Shape]:
    depth = call.integer("PARAMS_RAGGED_RANK")
    values, indices = call.shape(depth), call.shape(depth + 1)
    results: list[Shape] = [(None,) for _ in range(call.integer("OUTPUT_RAGGED_RANK"))]
    if indices:
        for axis in range(min(len(indices), len(results))):
            above = indices[: axis + 1]
            known = [d for d in above if d is not None]
            if len(known) == len(above):
                results[axis] = (math.prod(known) + 1,)
    return [*results, None if not values else (None, *values[1:])]


def _check_gathered(splits: Sequence[Array], values: Array) -> None:
    below = [len(s) for s in splits[1:]] + [len(values)]
    for level, (split, count) in enumerate(zip(splits, below, strict=True)):
        if not split.size:
            continue
        if (split[1:] < split[:-1]).any():
            raise InvalidArgumentError("Ragged splits must be sorted")
        if split[0] < 0:
            raise InvalidArgumentError("Ragged splits must be non-negative")
        rows = count - 1 if level + 1 < len(splits) else count
        if split[-1] > rows:
            raise InvalidArgumentError(f"Ragged splits must not point past values ({int(split[-1])} > {rows})")


@kernel("RaggedGather")
def _gather(call: KernelCall, *inputs: Array) -> tuple[Array, ...]:
    *splits, values, indices = inputs
    if values.ndim == 0:
        raise InvalidArgumentError("params.rank must be nonzero")
    if call.integer("OUTPUT_RAGGED_RANK") != len(splits) + indices.ndim - 1:
        raise InvalidArgumentError(
            f"gathering from {len(splits)} ragged dimensions by indices of rank {indices.ndim} gives "
            f"{len(splits) + indices.ndim - 1} ragged dimensions, not {call.integer('OUTPUT_RAGGED_RANK')}"
        )
    rows = indices.reshape(-1)
    count = splits[0].size - 1
    outside = (rows < 0) | (rows >= count)
    if outside.any():
        k = int(np.argmax(outside))
        raise InvalidArgumentError(f"indices[{k}] = {int(rows[k])} is not in [0, {count})")
    _check_gathered(splits, values)
    kind = splits[0].dtype
    # The outer dimensions of the indices have rows of equal length.
    found = [
        (np.arange(math.prod(indices.shape[: axis + 1]) + 1) * indices.shape[axis + 1]).astype(kind)
        for axis in range(indices.ndim - 1)
    ]
    for split in splits:
        starts, lengths = split[rows], split[rows + 1] - split[rows]
        found.append(np.concatenate([[0], np.cumsum(lengths)]).astype(kind))
        rows = np.repeat(starts, lengths) + _within(lengths)
    return (*(found if indices.ndim else found[1:]), values[rows])


# Ragged to sparse


@infer("RaggedTensorToSparse")
def _to_sparse_infer(call: InferCall) -> list[Shape]:
    depth = call.integer("RAGGED_RANK")
    values = call.shape(depth)
    rank = None if values is None else depth + len(values)
    count = shapes.num_elements(values)
    return [(count, rank), (count,), (rank,)]


def _check_splits(splits: Sequence[Array], values: Array) -> None:
    below = [s.size - 1 for s in splits[1:]] + [values.shape[0] if values.ndim else -1]
    for split, count in zip(splits, below, strict=True):
        if not split.size:
            raise InvalidArgumentError("ragged splits may not be empty.")
        if split[0] != 0:
            raise InvalidArgumentError("First value of ragged splits must be 0.")
        down = np.flatnonzero(split[1:] < split[:-1])
        if down.size:
            before, after = split[down[0] : down[0] + 2].tolist()
            raise InvalidArgumentError(
                f"Ragged splits should be non decreasing, but we got {before} followed by {after}"
            )
        if split[-1] != count:
            raise InvalidArgumentError(
                "Final value of ragged splits must match the length the corresponding ragged values. "
                f"It is {int(split[-1])}, and the length {count}"
            )


@kernel("RaggedTensorToSparse")
def _to_sparse(call: KernelCall, *inputs: Array) -> tuple[Array, Array, Array]:
    *splits, values = inputs
    _check_splits(splits, values)
    columns: list[Array] = [np.arange(splits[0].size - 1)]
    dims = [splits[0].size - 1]
    for split in splits:
        lengths = np.diff(split)
        columns = [np.repeat(c, lengths) for c in columns]
        columns.append(_within(lengths))
        dims.append(int(lengths.max(initial=0)))
    inner = values.shape[1:]
    each = math.prod(inner)
    columns = [np.repeat(c, each) for c in columns]
    columns += [np.tile(c.reshape(-1), len(values)) for c in np.indices(inner)]
    return np.stack(columns, axis=1).astype(np.int64), values.reshape(-1), np.array([*dims, *inner], np.int64)


@infer("RaggedFillEmptyRows")
def _fill_empty_infer(call: InferCall) -> list[Shape]:
    rows, count = call.inputs[2].value, call.shape(0)
    return [(None,), (None,), (None if rows is None or rows.ndim else int(rows),), (None,) if count is None else count]


@kernel("RaggedFillEmptyRows")
def _fill_empty(call: KernelCall, row_ids: Array, values: Array, rows: Array, default: Array) -> tuple[Array, ...]:
    """The rows in order, ``default`` in each that has no value; which those are; and where each value went."""
    if row_ids.ndim != 1 or values.ndim != 1 or rows.ndim or default.ndim:
        raise InvalidArgumentError(
            "value_rowids and values must be vectors, nrows and default_value scalars, got shapes "
            f"{', '.join(shape_text(a.shape) for a in (row_ids, values, rows, default))}"
        )
    if len(row_ids) != len(values):
        raise InvalidArgumentError(
            f"The length of `values` ({len(values)}) must match the first dimension of `value_rowids` ({len(row_ids)})."
        )
    count = int(rows)
    for i in np.flatnonzero((row_ids < 0) | (row_ids >= count))[:1]:
        raise InvalidArgumentError(f"value_rowids({int(i)}) is invalid: {int(row_ids[i])} is not in [0, {count})")
    empty = np.bincount(row_ids, minlength=count) == 0
    absent = np.flatnonzero(empty)
    order = np.argsort(np.concatenate([row_ids, absent]), kind="stable")
    reverse = np.empty(len(order), np.int64)
    reverse[order] = np.arange(len(order))
    filled = np.concatenate([values, np.full(len(absent), default[()], values.dtype)])
    ids = np.concatenate([row_ids, absent]).astype(np.int64)
    return ids[order], filled[order], empty, reverse[: len(values)]
