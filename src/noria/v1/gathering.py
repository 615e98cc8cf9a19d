"""Batches of indices, blocks of space and batch, repetition, search: what several ops together make."""

from __future__ import annotations

from typing import Any

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import int_tensor, ones, rank, shape, shape_internal, zeros
from noria.v1.arrays import all_dimensions, expand_dims, meshgrid, sequence_mask, transpose
from noria.v1.composite import is_sparse
from noria.v1.constant import constant_value
from noria.v1.convert import convert
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.indexing import boolean_mask, gather
from noria.v1.joining import concat, stack, unstack
from noria.v1.op_functions import renamed
from noria.v1.operation import Tensor


def _cast(x: Any, dtype: Any) -> Any:
    return apply_op("Cast", x=x, DstT=dtype)


def _range(start: Any, limit: Any, delta: Any) -> Any:
    return apply_op("Range", start=start, limit=limit, delta=delta)


def _reshape(tensor: Any, sizes: Any) -> Any:
    return apply_op("Reshape", tensor=tensor, shape=sizes)


def _product(vector: Any) -> Any:
    return apply_op("Prod", input=vector, reduction_indices=[0])


@export("gather_nd")
def gather_nd(params: Any, indices: Any, name: str | None = None, batch_dims: Any = 0) -> Any:
    """The slices of ``params`` at the places that the last dimension of ``indices`` gives."""
    known = constant_value(batch_dims)
    batch_dims = batch_dims if known is None else int(known)
    if batch_dims == 0:
        if hasattr(params, "gather_nd"):
            return params.gather_nd(indices, name=name)
        return apply_op("GatherNd", name, params=params, indices=indices)
    with name_scope(name, "BatchGatherND", [params, indices]):
        indices, params = convert(indices, None, "indices"), convert(params, None, "params")
        for what, tensor in (("indices", indices), ("params", params)):
            ndims = tensor.shape.ndims
            if batch_dims < 0 or (ndims is not None and batch_dims >= ndims):
                raise ValueError(f"Argument `batch_dims` = {batch_dims} must be less than rank(`{what}`) = {ndims}")
        return _batch_gather_nd(params, indices, batch_dims)


def _batch_gather_nd(params: Tensor, indices: Tensor, batch_dims: int) -> Any:
    """Puts the place in the batch in front of every index, then gathers without a batch."""
    params_shape, indices_shape = shape(params), shape(indices)
    batch_shape = params_shape[:batch_dims]
    batch_size = _product(batch_shape)
    inner_ndims = rank(indices) - batch_dims - 1
    inner_shape = indices_shape[batch_dims:-1]
    ranges = [_cast(_range(0, _cast(d, "int32"), 1), indices.dtype) for d in unstack(batch_shape, axis=0)]
    flat = [_reshape(m, (-1,)) for m in meshgrid(*ranges, indexing="ij")]
    grid = transpose(stack(flat, axis=0))
    grid_shape = shape(grid)
    spread = [grid_shape[:1], ones(inner_ndims, grid_shape.dtype), grid_shape[1:]]
    grid = _reshape(grid, concat(spread, axis=0))
    grid = apply_op("Tile", input=grid, multiples=concat(((1,), inner_shape, (1,)), axis=0))
    flat_shape = concat(([batch_size], indices_shape[batch_dims:]), axis=0)
    places = concat((grid, _reshape(indices, flat_shape)), axis=-1)
    out = apply_op("GatherNd", params=params, indices=places)
    return _reshape(out, concat((batch_shape, shape(out)[1:]), axis=0))


@export("batch_gather")
def batch_gather(params: Any, indices: Any, name: str | None = None) -> Any:
    """The elements of ``params`` at ``indices``, all dimensions but the last of which go together."""
    with name_scope(name, "BatchGather", [params, indices]):
        indices, params = convert(indices, None, "indices"), convert(params, None, "params")
        ndims = indices.shape.ndims
        if ndims is None:
            raise ValueError("batch_gather does not allow indices with unknown shape.")
        return _batch_gather(params, indices, ndims - 1, ndims)


def _batch_gather(params: Tensor, indices: Tensor, batch_dims: int, ndims: int) -> Any:
    """Numbers the elements through the batch, then gathers from the flat tensor."""
    indices_shape, params_shape = shape(indices), shape(params)
    dtype = indices.dtype.base_dtype
    places: Any = indices
    step: Any = ones((), dtype)
    sizes = _cast(params_shape, dtype)
    for dim in range(batch_dims, 0, -1):
        count = sizes[dim - 1]
        step = step * sizes[dim]
        start, one = zeros((), dtype), ones((), dtype)
        numbers = _range(start, count, one) * step
        spread = stack([1] * (dim - 1) + [count] + [1] * (ndims - dim), axis=0)
        places = places + _reshape(numbers, spread)
    places = _reshape(places, [-1])
    outer = params_shape[batch_dims + 1 :]
    inner = apply_op("Prod", input=params_shape[: batch_dims + 1], reduction_indices=[0], keep_dims=False)
    flat = _reshape(params, concat([[inner], outer], axis=0))
    found = _reshape(gather(flat, places), concat([indices_shape, outer], axis=0))
    known = indices.shape[:batch_dims].merge_with(params.shape[:batch_dims])
    found.set_shape(known.concatenate(indices.shape.dims[batch_dims:]).concatenate(params.shape[batch_dims + 1 :]))
    return found


@export("space_to_batch")
def space_to_batch(
    input: Any, paddings: Any, block_size: Any = None, name: str | None = None, block_shape: Any = None
) -> Any:
    """Blocks of ``block_size`` by ``block_size`` of height and width put along the batch."""
    return _blocks("SpaceToBatchND", input, "paddings", paddings, block_size, block_shape, name)


@export("batch_to_space")
def batch_to_space(input: Any, crops: Any, block_size: Any, name: str | None = None, block_shape: Any = None) -> Any:
    """What ``space_to_batch`` put along the batch put back."""
    return _blocks("BatchToSpaceND", input, "crops", crops, block_size, block_shape, name)


def _blocks(op_type: str, input: Any, margin: str, edges: Any, size: Any, new_size: Any, name: str | None) -> Any:
    size = renamed("block_shape", new_size, "block_size", size)
    found = apply_op(op_type, name, input=input, block_shape=np.array([size, size], np.int64), **{margin: edges})
    found.set_shape(found.shape.with_rank(4))
    return found


@export("required_space_to_batch_paddings")
def required_space_to_batch_paddings(
    input_shape: Any, block_shape: Any, base_paddings: Any = None, name: str | None = None
) -> tuple[Any, Any]:
    """The paddings that make ``input_shape`` a multiple of ``block_shape``, and the crops that undo them."""
    with name_scope(name, "required_space_to_batch_paddings", [input_shape, block_shape]):
        sizes: Any = convert(input_shape, "int32", "input_shape")
        blocks: Any = convert(block_shape, "int32", "block_shape")
        blocks.shape.assert_is_fully_defined()
        blocks.shape.assert_has_rank(1)
        count = blocks.shape.as_list()[0]
        if count == 0:
            return zeros([0, 2], "int32"), zeros([0, 2], "int32")
        sizes.shape.assert_is_compatible_with([count])
        base: Any
        if base_paddings is None:
            base = zeros([count, 2], "int32")
        else:
            base = convert(base_paddings, "int32", "base_paddings")
            base.shape.assert_is_compatible_with([count, 2])
        known = [constant_value(v) for v in (blocks, sizes, base)]
        if all(v is not None for v in known):
            blocks, sizes, base = known
        start, end = base[:, 0], base[:, 1]
        full = sizes + start + end
        extra = (blocks - full % blocks) % blocks
        end = end + extra
        paddings = stack([[start[i], end[i]] for i in range(count)], name="paddings")
        crops = stack([[0, extra[i]] for i in range(count)], name="crops")
        return paddings, crops


@export("repeat")
def repeat(input: Any, repeats: Any, axis: int | None = None, name: str | None = None) -> Any:
    """Every element along ``axis`` (of the flat tensor by default) ``repeats`` times."""
    if axis is None:
        input, axis = _reshape(input, [-1]), 0
    with name_scope(name, "Repeat", [input, repeats]):
        data = _at_least_vector(convert(input, None, "data"))
        repeats = int_tensor(repeats, "repeats")
        repeats.shape.with_rank_at_most(1)
        sizes = shape(data, out_type=repeats.dtype)
        ndims = data.shape.ndims
        if axis < 0:
            if ndims is None:
                raise ValueError(f"axis={axis} may only be negative if rank(data) is statically known.")
            axis += ndims
        if ndims is not None and not 0 <= axis < ndims:
            raise ValueError(f"axis={axis} out of bounds: expected 0<=axis<{ndims}")
        if repeats.shape.num_elements() == 1:
            repeats = _reshape(repeats, [])
            tiled = _tile_one(expand_dims(data, axis + 1), axis + 1, repeats)
            return _reshape(tiled, concat([sizes[:axis], [repeats * sizes[axis]], sizes[axis + 1 :]], axis=0))
        if repeats.shape.ndims == 1:
            data.shape.dims[axis].assert_is_compatible_with(repeats.shape[0])
        return _repeat_each(data, sizes, repeats, axis)


def _repeat_each(data: Tensor, sizes: Any, repeats: Any, axis: int) -> Any:
    """Each element as often as the longest, then what is too much masked away."""
    repeats = apply_op("BroadcastTo", input=repeats, shape=[sizes[axis]])
    own = repeats
    if repeats.shape.ndims != axis + 1:
        repeats_shape = shape(repeats)
        ndims = rank(repeats)
        spread = concat([sizes[: axis + 1 - ndims], repeats_shape], axis=0)
        repeats = apply_op("BroadcastTo", input=repeats, shape=spread)
        repeats.set_shape([None] * (axis + 1))
    longest = apply_op("Max", input=repeats, reduction_indices=all_dimensions(repeats))
    longest = apply_op("Maximum", x=convert(0, longest.dtype, "zero"), y=longest)
    mask = sequence_mask(repeats, longest)
    tiled = _tile_one(expand_dims(data, axis + 1), axis + 1, longest)
    found: Any = boolean_mask(tiled, mask)
    if axis != 0:
        total = apply_op("Sum", input=own, reduction_indices=_range(0, rank(own), 1))
        found = _reshape(found, concat([sizes[:axis], [total], sizes[axis + 1 :]], axis=0))
    if data.shape.ndims is not None:
        size = 0 if repeats.shape.as_list()[0] == 0 else None
        found.set_shape(data.shape[:axis].concatenate([size]).concatenate(data.shape[axis + 1 :]))
    return found


def _tile_one(data: Tensor, axis: int, multiple: Any) -> Any:
    ndims = data.shape.ndims
    multiples: Any
    if ndims is not None:
        multiples = [1] * axis + [multiple] + [1] * (ndims - axis - 1)
    else:
        single = ones(rank(data), "int32")
        multiples = concat([single[:axis], [multiple], single[axis + 1 :]], axis=0)
    return apply_op("Tile", input=data, multiples=multiples)


def _at_least_vector(data: Tensor) -> Any:
    if data.shape.ndims is None:
        sizes, ndims = shape(data), rank(data)
        return _reshape(data, concat([[1], sizes], axis=0)[-ndims:])
    return stack([data]) if data.shape.ndims == 0 else data


@export("searchsorted")
def searchsorted(
    sorted_sequence: Any, values: Any, side: str = "left", out_type: Any = "int32", name: str | None = None
) -> Any:
    """Where ``values`` would stand in the sorted last dimension of ``sorted_sequence``."""
    if side not in ("left", "right"):
        raise ValueError(f"Argument `side` must be either 'right' or 'left'. Received: `side` = '{side}'.")
    length, count = shape_internal(sorted_sequence)[-1], shape_internal(values)[-1]
    rows = _reshape(sorted_sequence, [-1, length])
    wanted = _reshape(values, [-1, count])
    op_type = "UpperBound" if side == "right" else "LowerBound"
    found = apply_op(op_type, name, sorted_inputs=rows, values=wanted, out_type=out_type)
    return _reshape(found, shape_internal(values))


@export("fingerprint")
def fingerprint(data: Any, method: str = "farmhash64", name: str | None = None) -> Any:
    """8 bytes for each row of ``data``, by FarmHash's Fingerprint64."""
    return apply_op("Fingerprint", name, data=data, method=method)


@export("edit_distance")
def edit_distance(hypothesis: Any, truth: Any, normalize: bool = True, name: str | None = "edit_distance") -> Any:
    """The Levenshtein distance of each row of ``hypothesis`` from that of ``truth``; both SparseTensors."""
    for what, value in (("Hypothesis", hypothesis), ("Truth", truth)):
        if not is_sparse(value):
            raise TypeError(f"{what} must be a SparseTensor.")
    return apply_op(
        "EditDistance",
        name,
        hypothesis_indices=hypothesis.indices,
        hypothesis_values=hypothesis.values,
        hypothesis_shape=hypothesis.dense_shape,
        truth_indices=truth.indices,
        truth_values=truth.values,
        truth_shape=truth.dense_shape,
        normalize=normalize,
    )
