"""``tf.nn.embedding_lookup`` and its sparse form: rows of one or several tables by their numbers."""

from __future__ import annotations

from typing import Any

from noria.v1.apply_op import apply_op
from noria.v1.composite import SparseTensor
from noria.v1.constant import constant
from noria.v1.convert import convert_to_tensor
from noria.v1.dtypes import bfloat16, bool_, float16, float32, int32, int64
from noria.v1.exports import export, tf
from noria.v1.framework import name_scope
from noria.v1.operation import Tensor
from noria.v1.tensor_shape import TensorShape, unknown_shape
from noria.v1.variable_kinds import is_resource_variable


def as_parts(params: Any) -> list[Any]:
    """A table, a partitioned one or a list of tables as a list. ValueError when there is none."""
    if params is None or (isinstance(params, list | tuple) and not params):
        raise ValueError("params must be specified: at least one table is needed")
    if isinstance(params, list) or hasattr(params, "partitions"):  # a list, or a partitioned variable
        return list(params)
    return [params]


def _clipped(rows: Tensor, ids: Tensor, max_norm: Any) -> Tensor:
    if max_norm is None:
        return rows
    first, last = ids.shape.ndims, rows.shape.ndims
    known = bool(first) and bool(last)
    axes = list(range(first or 0, last or 0)) if known else tf.range(first or tf.rank(ids), last or tf.rank(rows))
    clipped: Tensor = tf.clip_by_norm(rows, max_norm, axes=axes)
    return clipped


@export("nn.embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: Any = None,
) -> Tensor:
    """The rows ``ids`` of ``params``; of several tables, which share the rows out by ``partition_strategy``."""
    parts = as_parts(params)
    with name_scope(name, "embedding_lookup", [*parts, ids]) as scope:
        if not any(is_resource_variable(p) for p in parts):
            parts = [convert_to_tensor(p, name=f"params_{i}") for i, p in enumerate(parts)]
        ids = convert_to_tensor(ids, name="ids")
        if len(parts) == 1:
            with ids.graph.colocate_with(parts[0].op, ignore_existing=True):
                rows = _clipped(tf.gather(parts[0], ids, name=scope), ids, max_norm)
            found: Tensor = tf.identity(rows)
            return found
        return _from_several(parts, ids, partition_strategy, max_norm, scope)


def _from_several(parts: list[Any], ids: Tensor, strategy: str, max_norm: Any, scope: str) -> Tensor:
    count = len(parts)
    flat = tf.reshape(ids, [-1])
    places = tf.range(tf.size(flat))
    if strategy == "mod":
        owner, row = flat % count, flat // count
    elif strategy == "div":
        owner, row = _divided(parts, flat)
    else:
        raise ValueError(f"Unrecognized partition strategy: {strategy}.Must be one of either `mod` or `div`.")
    owner = tf.cast(owner, int32)
    rows_of = apply_op("DynamicPartition", None, data=row, partitions=owner, num_partitions=count)
    places_of = apply_op("DynamicPartition", None, data=places, partitions=owner, num_partitions=count)
    gathered = []
    for part, rows in zip(parts, rows_of, strict=True):
        with ids.graph.device(None), ids.graph.colocate_with(part.op, ignore_existing=True):
            gathered.append(tf.gather(part, rows))
    joined = apply_op("ParallelDynamicStitch", scope, indices=places_of, data=gathered)
    element: TensorShape = parts[0].shape[1:]
    for part in parts[1:]:
        element = element.merge_with(part.shape[1:])
    if element.is_fully_defined():
        width: Any = element
    else:
        with ids.graph.colocate_with(parts[0].op, ignore_existing=True):
            dims = tf.shape(parts[0])
        width = dims[1:]
    result = tf.reshape(joined, tf.concat([tf.shape(ids), width], 0))
    result.set_shape(ids.shape.concatenate(element))
    return _clipped(result, ids, max_norm)


def _divided(parts: list[Any], flat: Tensor) -> tuple[Tensor, Tensor]:
    """Which table has each row, and where, when each holds a run of rows."""
    sizes = [None if p.shape.ndims is None else p.shape.as_list()[0] for p in parts]
    total: Any
    if None not in sizes:
        total = constant(sum(s or 0 for s in sizes), flat.dtype)
    else:
        dims = [tf.shape(p)[0] if s is None else s for p, s in zip(parts, sizes, strict=True)]
        total = tf.reduce_sum(tf.cast(tf.stack(dims), flat.dtype))
    each, extra = total // len(parts), total % len(parts)
    owner = tf.maximum(flat // (each + 1), (flat - extra) // each)
    row = tf.where(owner < extra, flat % (each + 1), (flat - extra) % each)
    return owner, row


@export("nn.embedding_lookup_sparse")
def embedding_lookup_sparse(
    params: Any,
    sp_ids: Any,
    sp_weights: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    combiner: str | None = None,
    max_norm: Any = None,
) -> Tensor:
    """For each row of ``sp_ids`` the sum, mean or sqrtn (``combiner``) of the table's rows it names, weighted."""
    combiner = "mean" if combiner is None else combiner
    if combiner not in ("mean", "sqrtn", "sum"):
        raise ValueError(f"combiner must be one of 'mean', 'sqrtn' or 'sum', got {combiner}")
    parts = as_parts(params)
    if not isinstance(sp_ids, SparseTensor):
        raise TypeError(f"sp_ids must be SparseTensor, got {type(sp_ids)}")
    if sp_weights is not None and not isinstance(sp_weights, SparseTensor):
        raise TypeError(f"sp_weights must be either None or SparseTensor,got {type(sp_weights)}")
    with name_scope(name, "embedding_lookup_sparse", [*parts, sp_ids]) as scope:
        segments, ids = sp_ids.indices[:, 0], sp_ids.values
        segments = convert_to_tensor(segments, name="segment_ids")
        if len(parts) == 1 and not isinstance(parts[0], Tensor):
            parts = [convert_to_tensor(parts[0], name="params")]
        sparse_gradient = False
        if len(parts) == 1 and parts[0].device == segments.device and max_norm is None and sp_weights is None:
            places, rows = ids, parts[0]
            sparse_gradient = True
        else:
            ids, places = tf.unique(ids)
            rows = embedding_lookup(parts, ids, partition_strategy=partition_strategy, max_norm=max_norm)
        if sp_weights is not None:
            return _weighted(rows, places, segments, sp_weights.values, combiner, scope)
        if segments.dtype.base_dtype not in (int32, int64):
            segments = tf.cast(segments, int32)
        op = {"sum": "SparseSegmentSum", "mean": "SparseSegmentMean", "sqrtn": "SparseSegmentSqrtN"}[combiner]
        found: Tensor = apply_op(
            op, scope, data=rows, indices=places, segment_ids=segments, sparse_gradient=sparse_gradient
        )
        return found


def _weighted(rows: Any, places: Any, segments: Any, weights: Any, combiner: str, scope: str) -> Tensor:
    if segments.dtype.base_dtype != int32:
        segments = tf.cast(segments, int32)
    chosen = tf.gather(rows, places)
    original = chosen.dtype
    if original in (float16, bfloat16):
        chosen = tf.cast(chosen, float32)
    if weights.dtype != chosen.dtype:
        weights = tf.cast(weights, chosen.dtype)
    extra = tf.expand_dims(tf.rank(chosen) - 1, 0)
    dims = tf.shape(weights)
    known = weights.shape
    weights = tf.reshape(weights, tf.concat([dims, tf.ones(extra, dtype=dims.dtype)], 0))
    if chosen.shape.ndims is not None:
        weights.set_shape(known.concatenate([1] * (chosen.shape.ndims - 1)))
    chosen = chosen * weights
    if combiner == "sum":
        result = tf.segment_sum(chosen, segments, name=scope)
    else:
        total = tf.segment_sum(chosen, segments)
        if combiner == "mean":
            result = tf.div_no_nan(total, tf.segment_sum(weights, segments), name=scope)
        else:
            result = tf.div_no_nan(total, tf.sqrt(tf.segment_sum(tf.pow(weights, 2), segments)), name=scope)
    found: Tensor = result if result.dtype == original else tf.cast(result, original)
    return found


@export("nn.safe_embedding_lookup_sparse", "contrib.layers.safe_embedding_lookup_sparse")
def safe_embedding_lookup_sparse(
    embedding_weights: Any,
    sparse_ids: Any,
    sparse_weights: Any = None,
    combiner: str = "mean",
    default_id: int | None = None,
    name: str | None = None,
    partition_strategy: str = "div",
    max_norm: Any = None,
) -> Tensor:
    """``embedding_lookup_sparse`` without negative ids and weights that are not positive; empty rows give zeros, or
    the row ``default_id``."""
    parts = as_parts(embedding_weights)
    dtype = None if sparse_weights is None else sparse_weights.dtype
    parts = [p if is_resource_variable(p) and dtype in (None, p.dtype) else convert_to_tensor(p, dtype) for p in parts]
    with name_scope(name, "embedding_lookup", [*parts, sparse_ids, sparse_weights]) as scope:
        original = sparse_ids.dense_shape
        known = original.shape.as_list()[0] if original.shape.ndims is not None else None
        order: Any = tf.size(original) if known is None else known
        sparse_ids = tf.sparse_reshape(
            sparse_ids, [tf.reduce_prod(tf.slice(original, [0], [order - 1])), tf.gather(original, order - 1)]
        )
        if sparse_weights is not None:
            sparse_weights = SparseTensor(sparse_ids.indices, sparse_weights.values, sparse_ids.dense_shape)
        sparse_ids, sparse_weights = _valid(sparse_ids, sparse_weights, combiner)
        sparse_ids, empty = tf.sparse_fill_empty_rows(sparse_ids, default_id or 0)
        if sparse_weights is not None:
            sparse_weights, _ = tf.sparse_fill_empty_rows(sparse_weights, 1.0)
        result: Any = embedding_lookup_sparse(
            parts,
            sparse_ids,
            sparse_weights,
            combiner=combiner,
            partition_strategy=partition_strategy,
            name=None if default_id is None else scope,
            max_norm=max_norm,
        )
        if default_id is None:
            empty = tf.tile(tf.reshape(empty, [-1, 1]), tf.stack([1, tf.shape(result)[1]]))
            result = tf.where(empty, tf.zeros_like(result), result, name=scope)
        outer = tf.slice(tf.cast(original, int32), [0], [order - 1])
        final: Tensor = tf.reshape(result, tf.concat([outer, tf.slice(tf.shape(result), [1], [-1])], 0))
        final.set_shape(unknown_shape(None if known is None else known - 1).concatenate(result.shape[1:]))
        return final


def _valid(ids: Any, weights: Any, combiner: str) -> tuple[Any, Any]:
    """Without negative ids, and (but for sums) without weights that are not positive."""
    keep = tf.greater_equal(ids.values, 0)
    if weights is not None:
        keep = tf.logical_and(keep, tf.ones_like(weights.values, dtype=bool_))
    ids = tf.sparse_retain(ids, keep)
    if weights is None:
        return ids, None
    weights = tf.sparse_retain(weights, keep)
    if combiner != "sum":
        positive = tf.greater(weights.values, 0)
        ids, weights = tf.sparse_retain(ids, positive), tf.sparse_retain(weights, positive)
    return ids, weights
