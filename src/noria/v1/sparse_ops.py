"""``tf.sparse`` and the old names of its functions."""

from __future__ import annotations

import numbers
from collections.abc import Iterable
from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.arithmetic import add
from noria.v1.array_shapes import broadcast_static_shape, ones, ones_like, rank, shape, zeros
from noria.v1.arrays import expand_dims, range_, transpose
from noria.v1.assertions import assert_equal, assert_less_equal
from noria.v1.casts import cast, identity
from noria.v1.composite import IndexedSlices, SparseTensor, SparseTensorValue, is_sparse
from noria.v1.constant import constant, constant_value, constant_value_as_shape
from noria.v1.control_flow import with_dependencies
from noria.v1.convert import convert
from noria.v1.dtypes import as_dtype
from noria.v1.exports import constant as export_constant
from noria.v1.exports import export
from noria.v1.framework import name_scope
from noria.v1.indexing import gather
from noria.v1.joining import concat, stack
from noria.v1.op_functions import Function, renamed
from noria.v1.operation import Tensor
from noria.v1.placeholder import placeholder, placeholder_with_default
from noria.v1.reductions import reduced, reduction_dims
from noria.v1.tensor_shape import TensorShape, dimension_value, unknown_shape

_DEFAULT_HASH_KEY: Final = 956888297470  # what TensorFlow hashes crosses with when no key is given


def to_sparse(value: Any) -> SparseTensor:
    """``value`` as a SparseTensor; TypeError when it is none."""
    if isinstance(value, SparseTensorValue):
        return SparseTensor.from_value(value)
    if not isinstance(value, SparseTensor):
        raise TypeError("Input must be a SparseTensor.")
    return value


def _parts(value: SparseTensor, start: str = "input") -> dict[str, Any]:
    return {f"{start}_indices": value.indices, f"{start}_values": value.values, f"{start}_shape": value.dense_shape}


@export("sparse.placeholder", "sparse_placeholder")
def sparse_placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> SparseTensor:
    """A SparseTensor that every run must feed (a SparseTensorValue or the three arrays)."""

    def called(part: str) -> str | None:
        return None if name is None else f"{name}/{part}"

    dims: Any = None
    if shape is None:
        size = None
        dense_shape = placeholder("int64", [None], called("shape"))
        known = constant_value_as_shape(dense_shape)
    else:
        if isinstance(shape, Tensor):
            size = shape.info.shape[0] if shape.info.shape else None
            known = constant_value_as_shape(shape)
            dims = shape
        else:
            sizes = [dimension_value(d) for d in shape]
            size = len(sizes)
            known = TensorShape([None if d == -1 else d for d in sizes])
            dims = convert(tuple(-1 if d is None else d for d in sizes), "int64", called("shape_default"))
        dense_shape = placeholder_with_default(dims, dims.shape, called("shape"))
    values = placeholder(dtype, [None], called("values"))
    found = SparseTensor(placeholder("int64", [None, size], called("indices")), values, dense_shape)
    found.set_shape(known)
    return found


@export("sparse_to_dense")
def sparse_to_dense(
    sparse_indices: Any,
    output_shape: Any,
    sparse_values: Any,
    default_value: Any = 0,
    validate_indices: bool = True,
    name: str | None = None,
) -> Any:
    """A dense tensor with ``sparse_values`` at ``sparse_indices`` and ``default_value`` elsewhere."""
    return apply_op(
        "SparseToDense",
        name,
        sparse_indices=sparse_indices,
        output_shape=output_shape,
        sparse_values=sparse_values,
        default_value=default_value,
        validate_indices=validate_indices,
    )


@export("sparse.to_dense", "sparse_tensor_to_dense")
def sparse_tensor_to_dense(
    sp_input: Any, default_value: Any = None, validate_indices: bool = True, name: str | None = None
) -> Any:
    """A dense tensor with ``default_value`` (zero, the empty string) where nothing stands."""
    sp_input = to_sparse(sp_input)
    default_value = zeros([], sp_input.dtype) if default_value is None else default_value
    return sparse_to_dense(
        sp_input.indices, sp_input.dense_shape, sp_input.values, default_value, validate_indices, name
    )


@export("sparse.from_dense")
def from_dense(tensor: Any, name: str | None = None) -> SparseTensor:
    """The elements of a dense tensor that are not zero (not empty)."""
    with name_scope(name, "dense_to_sparse"):
        tensor = convert(tensor)
        nonzero = apply_op("NotEqual", x=tensor, y=_zeros_like(tensor))
        with name_scope(None, "Where", [nonzero]) as scope:
            indices = apply_op("Where", scope, input=nonzero)
        values = apply_op("GatherNd", params=tensor, indices=indices)
        return SparseTensor(indices, values, shape(tensor, out_type="int64"))


def _zeros_like(tensor: Tensor) -> Any:
    with name_scope(None, "zeros_like", [tensor]) as scope:
        if tensor.shape.is_fully_defined():
            return zeros(tensor.shape, tensor.dtype, scope)
        return apply_op("ZerosLike", scope, x=tensor)


@export("sparse.concat", "sparse_concat")
def sparse_concat(
    axis: Any,
    sp_inputs: Any,
    name: str | None = None,
    expand_nonconcat_dim: Any = False,
    concat_dim: Any = None,
    expand_nonconcat_dims: Any = None,
) -> SparseTensor:
    """SparseTensors one after the other along ``axis``; expand: the other dimensions may differ."""
    expand = expand_nonconcat_dim if expand_nonconcat_dims is None else expand_nonconcat_dims
    axis = renamed("axis", axis, "concat_dim", concat_dim)
    if not isinstance(sp_inputs, list | tuple):
        raise TypeError("Inputs must be a list or tuple.")
    inputs = [to_sparse(s) for s in sp_inputs]
    if len(inputs) == 1:
        return inputs[0]
    sizes = [s.dense_shape for s in inputs]
    if expand:
        rows = concat([apply_op("Reshape", tensor=s, shape=[1, -1]) for s in sizes], 0)
        greatest = reduced("Max", rows, 0)
        sizes = [_sizes_but_at(greatest, s, axis) for s in sizes]
    indices, values, found = apply_op(
        "SparseConcat",
        name,
        indices=[s.indices for s in inputs],
        values=[s.values for s in inputs],
        shapes=sizes,
        concat_dim=axis,
    )
    known = _concat_shape([s.shape for s in inputs], axis, expand)
    if all(s.shape.is_fully_defined() for s in inputs):
        return SparseTensor(indices, values, convert(known.as_list(), "int64"))
    whole = SparseTensor(indices, values, found)
    whole.set_shape(known)
    return whole


def _sizes_but_at(greatest: Any, own: Any, axis: int) -> Any:
    before = greatest[:axis]
    if axis == -1:
        return concat([before, own[-1:], []], 0)
    here = own[axis : axis + 1]
    return concat([before, here, greatest[axis + 1 :]], 0)


def _concat_shape(known: list[TensorShape], axis: int, expand: bool) -> TensorShape:
    lists = [s.as_list() for s in known if s.ndims is not None]
    if len(lists) != len(known):
        return unknown_shape()
    sizes = list(lists[0])
    if expand:
        sizes = [None if None in c else max(d for d in c if d is not None) for c in zip(*lists, strict=True)]
    column = [s[axis] for s in lists]
    sizes[axis] = None if None in column else sum(d for d in column if d is not None)
    return TensorShape(sizes)


@export("sparse.add", "sparse_add")
def sparse_add(a: Any, b: Any, threshold: Any = None, thresh: Any = None) -> Any:
    """The sum of two SparseTensors, of which what is below ``threshold`` is left out, or of one and a dense tensor."""
    threshold = renamed("threshold", threshold, "thresh", thresh)
    if not is_sparse(a) and not is_sparse(b):
        raise TypeError("At least one input should be SparseTensor; do you mean to use tf.add()?")
    if not (is_sparse(a) and is_sparse(b)):
        a, b = (b, a) if is_sparse(b) else (a, b)
        return apply_op("SparseTensorDenseAdd", a_indices=a.indices, a_values=a.values, a_shape=a.dense_shape, b=b)
    a, b = to_sparse(a), to_sparse(b)
    limit = convert(0 if threshold is None else threshold, a.dtype.real_dtype.base_dtype, "threshold")
    indices, values, sizes = apply_op("SparseAdd", **_parts(a, "a"), **_parts(b, "b"), thresh=limit)
    a.shape.assert_is_compatible_with(b.shape)
    known = broadcast_static_shape(a.shape, b.shape)
    return SparseTensor(indices, values, known.as_list() if known.is_fully_defined() else sizes)


@export("sparse.reorder", "sparse_reorder")
def sparse_reorder(sp_input: Any, name: str | None = None) -> SparseTensor:
    """The same SparseTensor with its indices in row-major order."""
    sp_input = to_sparse(sp_input)
    indices, values = apply_op("SparseReorder", name, **_parts(sp_input))
    if sp_input.shape.is_fully_defined():
        return SparseTensor(indices, values, sp_input.shape.as_list())
    found = SparseTensor(indices, values, identity(sp_input.dense_shape))
    found.set_shape(sp_input.shape)
    return found


@export("sparse.reshape", "sparse_reshape")
def sparse_reshape(sp_input: Any, shape: Any, name: str | None = None) -> SparseTensor:
    """The same elements in another shape, of which one size may be -1. ValueError when the sizes do not fit."""
    sp_input = to_sparse(sp_input)
    wanted = cast(shape, "int64")
    with name_scope(name, "SparseReshape", [sp_input]) as scope:
        indices, sizes = apply_op(
            "SparseReshape",
            scope,
            input_indices=sp_input.indices,
            input_shape=sp_input.dense_shape,
            new_shape=wanted,
        )
        known = _reshaped(sp_input.shape, wanted)
        if known is not None:
            sizes = constant(known, dtype="int64")
        return SparseTensor(indices, identity(sp_input.values), sizes)


def _reshaped(own: TensorShape, wanted: Tensor) -> list[int] | None:
    """The sizes of a reshaped SparseTensor where they are known."""
    given = constant_value(wanted)
    if given is not None and int((given == -1).sum()) > 1:
        raise ValueError(f"At most one dimension can be inferred (-1). Found: {given}")
    target = constant_value_as_shape(wanted)
    if target.ndims is None or not own.is_fully_defined():
        return None
    sizes = target.as_list()
    count = own.num_elements() or 0
    open_ones = [i for i, d in enumerate(sizes) if d is None]
    if len(open_ones) > 1 or (open_ones and 0 in sizes):
        return None
    if open_ones:
        sizes[open_ones[0]] = int(count // np.prod([d for d in sizes if d is not None]))
    filled = [int(d or 0) for d in sizes]
    if np.prod(filled) != count:
        raise ValueError(
            f"Cannot reshape a tensor with {count} elements to shape {target} ({int(np.prod(filled))} elements)."
        )
    return filled


@export("sparse.split", "sparse_split")
def sparse_split(
    keyword_required: Any = None,
    sp_input: Any = None,
    num_split: Any = None,
    axis: Any = None,
    name: str | None = None,
    split_dim: Any = None,
) -> list[SparseTensor]:
    """Equal parts of a SparseTensor along ``axis``; every argument is given by name."""
    if keyword_required is not None:
        raise ValueError("Keyword arguments are required for this function.")
    axis = renamed("axis", axis, "split_dim", split_dim)
    for what, value in (("sp_input", sp_input), ("num_split", num_split), ("axis", axis)):
        if value is None:
            raise ValueError(f"{what} is required")
    source = to_sparse(sp_input)
    found = apply_op(
        "SparseSplit",
        name,
        split_dim=axis,
        indices=source.indices,
        values=source.values,
        shape=source.dense_shape,
        num_split=num_split,
    )
    return [SparseTensor(i, v, s) for i, v, s in zip(*found, strict=True)]


@export("sparse.slice", "sparse_slice")
def sparse_slice(sp_input: Any, start: Any, size: Any, name: str | None = None) -> SparseTensor:
    """The part of a SparseTensor from ``start`` of the given ``size``."""
    sp_input = to_sparse(sp_input)
    start, size = convert(start, "int64"), convert(size, "int64")
    with name_scope(name, "SparseSlice", [sp_input]) as scope:
        found = apply_op(
            "SparseSlice",
            scope,
            indices=sp_input.indices,
            values=sp_input.values,
            shape=sp_input.dense_shape,
            start=start,
            size=size,
        )
        return SparseTensor(*found)


def _reduce(op_type: str, sparse_result: bool) -> Function:
    def function(
        sp_input: Any, axis: Any = None, keepdims: Any = None, reduction_axes: Any = None, keep_dims: Any = None
    ) -> Any:
        keep = bool(renamed("keepdims", keepdims, "keep_dims", keep_dims))
        axis = renamed("axis", axis, "reduction_axes", reduction_axes)
        dims = reduction_dims(sp_input, axis)
        found = apply_op(op_type, **_parts(sp_input), reduction_axes=dims, keep_dims=keep)
        return SparseTensor(*found) if sparse_result else found

    function.__name__ = function.__qualname__ = op_type
    function.__doc__ = f"``{op_type}`` over ``axis`` (all by default)."
    return function


for _kind in ("max", "sum"):
    for _suffix, _sparse in (("", False), ("_sparse", True)):
        _function = _reduce(f"SparseReduce{_kind.capitalize()}{'Sparse' if _sparse else ''}", _sparse)
        export_constant(f"sparse.reduce_{_kind}{_suffix}", _function)
        export_constant(f"sparse_reduce_{_kind}{_suffix}", _function)


@export("sparse.to_indicator", "sparse_to_indicator")
def sparse_to_indicator(sp_input: Any, vocab_size: Any, name: str | None = None) -> Any:
    """For each row which of ``vocab_size`` ids stand in it, as bools."""
    sp_input = to_sparse(sp_input)
    with name_scope(name, "SparseToIndicator", [sp_input]) as scope:
        count = shape(sp_input.indices)[0]
        true = apply_op("Fill", dims=expand_dims(count, 0), value=True)
        there = SparseTensor(sp_input.indices, true, sp_input.dense_shape)
        merged = sparse_merge(sp_input, there, vocab_size, scope)
        return sparse_tensor_to_dense(merged, False, False, scope)


@export("sparse.merge", "sparse_merge")
def sparse_merge(
    sp_ids: Any, sp_values: Any, vocab_size: Any, name: str | None = None, already_sorted: bool = False
) -> SparseTensor:
    """The values of ``sp_values`` at the ids of ``sp_ids`` (one or a list) in place of their last dimension."""
    if is_sparse(sp_ids):
        sp_ids, vocab_size = [sp_ids], [vocab_size]
    elif not isinstance(sp_ids, Iterable) or not isinstance(vocab_size, Iterable):
        raise TypeError(f"sp_ids and vocab_size have to be one each or lists. Found {sp_ids!r} and {vocab_size!r}")
    for size in vocab_size:
        if not isinstance(size, Tensor | numbers.Integral):
            raise TypeError(f"vocab_size has to be a Tensor or Python int. Found {type(size)}")
    if len(sp_ids) != len(vocab_size):
        raise ValueError("sp_ids and vocab_size have to have equal lengths.")
    with name_scope(name, "SparseMerge", [sp_ids, sp_values]):
        ids = [to_sparse(s) for s in sp_ids]
        values = to_sparse(sp_values)
        columns = [expand_dims(cast(s.values, "int64"), axis=1) for s in ids]
        sizes = [cast(v, "int64") for v in vocab_size]
        kept = ids[0].indices[:, :-1]
        places = concat([kept, *columns], 1)
        whole = concat([ids[0].dense_shape[:-1], sizes], 0)
        found = SparseTensor(places, values.values, whole)
        if already_sorted:
            return found
        ordered = sparse_reorder(found)
        return SparseTensor(ordered.indices, ordered.values, whole)


@export("sparse.retain", "sparse_retain")
def sparse_retain(sp_input: Any, to_retain: Any) -> SparseTensor:
    """The elements for which ``to_retain`` is true."""
    sp_input = to_sparse(sp_input)
    to_retain = convert(to_retain)
    to_retain.shape.assert_has_rank(1)
    if sp_input.values.shape.ndims is not None and to_retain.shape.ndims is not None:
        sp_input.values.shape.dims[0].assert_is_compatible_with(to_retain.shape.dims[0])
    with name_scope(None, "Where", [to_retain]) as scope:
        places = apply_op("Where", scope, input=to_retain)
    places = apply_op("Reshape", tensor=places, shape=[-1])
    indices, values = gather(sp_input.indices, places), gather(sp_input.values, places)
    return SparseTensor(indices, values, identity(sp_input.dense_shape))


@export("sparse.reset_shape", "sparse_reset_shape")
def sparse_reset_shape(sp_input: Any, new_shape: Any = None) -> SparseTensor:
    """The same elements in the least shape that holds them, or in ``new_shape``."""
    sp_input = to_sparse(sp_input)
    indices, values, own = (identity(p) for p in (sp_input.indices, sp_input.values, sp_input.dense_shape))
    if new_shape is None:
        last = reduced("Max", indices, 0)
        zero = constant(0, dtype="int64")
        needed = add(last, ones_like(own))
        return SparseTensor(indices, values, apply_op("Maximum", x=zero, y=needed))
    wanted: Any = convert(new_shape)
    wanted.shape.assert_has_rank(1)
    wanted = cast(wanted, "int64")
    if wanted.shape.ndims is not None:
        wanted.shape.dims[0].assert_is_compatible_with(own.shape.dims[0])
    known = constant_value(wanted)
    if known is not None and sp_input.shape.is_fully_defined():
        if not np.all(np.array(sp_input.shape.as_list()) <= known):
            raise ValueError(
                "Requested new_shape should have dimension sizes >= sp_input.shape.  Found new_shape "
                f"({known}), sp_input.shape ({sp_input.shape})."
            )
        return SparseTensor(indices, values, known)
    wanted = with_dependencies([assert_equal(shape(own), shape(wanted))], wanted)
    wanted = with_dependencies([assert_less_equal(own, wanted)], wanted)
    return SparseTensor(indices, values, wanted)


@export("sparse.fill_empty_rows", "sparse_fill_empty_rows")
def sparse_fill_empty_rows(sp_input: Any, default_value: Any, name: str | None = None) -> tuple[SparseTensor, Any]:
    """``default_value`` put into rows that have nothing, and which rows those are."""
    sp_input = to_sparse(sp_input)
    with name_scope(name, "SparseFillEmptyRows", [sp_input]):
        default_value = convert(default_value, sp_input.dtype)
        indices, values, empty, _ = apply_op(
            "SparseFillEmptyRows",
            indices=sp_input.indices,
            values=sp_input.values,
            dense_shape=sp_input.dense_shape,
            default_value=default_value,
        )
        return SparseTensor(indices, values, sp_input.dense_shape), empty


@export("sparse.matmul", "sparse.sparse_dense_matmul", "sparse_tensor_dense_matmul")
def sparse_tensor_dense_matmul(
    sp_a: Any, b: Any, adjoint_a: bool = False, adjoint_b: bool = False, name: str | None = None
) -> Any:
    """The product of a sparse and a dense matrix, in either order."""
    if is_sparse(b):
        if adjoint_a == adjoint_b:
            adjoint_a, adjoint_b = not adjoint_a, not adjoint_b
        return transpose(sparse_tensor_dense_matmul(b, sp_a, adjoint_a, adjoint_b))
    sp_a = to_sparse(sp_a)
    with name_scope(name, "SparseTensorDenseMatMul", [sp_a.indices, sp_a.values, b]):
        b = convert(b, None, "b")
        return apply_op(
            "SparseTensorDenseMatMul",
            a_indices=sp_a.indices,
            a_values=sp_a.values,
            a_shape=sp_a.dense_shape,
            b=b,
            adjoint_a=adjoint_a,
            adjoint_b=adjoint_b,
        )


@export("sparse.softmax", "sparse_softmax")
def sparse_softmax(sp_input: Any, name: str | None = None) -> SparseTensor:
    """Softmax over the elements that are there in each last dimension."""
    with name_scope(name, "SparseSoftmax", [sp_input.indices, sp_input.values]):
        values = apply_op(
            "SparseSoftmax",
            sp_indices=sp_input.indices,
            sp_values=sp_input.values,
            sp_shape=sp_input.dense_shape,
        )
        return SparseTensor(sp_input.indices, values, sp_input.dense_shape)


def _extreme(op_type: str) -> Function:
    def function(sp_a: Any, sp_b: Any, name: str | None = None) -> SparseTensor:
        with name_scope(name, op_type, [sp_a.indices, sp_a.values, sp_b.indices, sp_b.values]) as scope:
            indices, values = apply_op(op_type, scope, **_parts(sp_a, "a"), **_parts(sp_b, "b"))
        return SparseTensor(indices, values, sp_a.dense_shape)

    function.__doc__ = f"``{op_type}``: what is not there counts as 0."
    return function


for _kind in ("maximum", "minimum"):
    _function = _extreme(f"SparseSparse{_kind.capitalize()}")
    export_constant(f"sparse.{_kind}", _function)
    export_constant(f"sparse_{_kind}", _function)


@export("sparse.transpose", "sparse_transpose")
def sparse_transpose(sp_input: Any, perm: Any = None, name: str | None = None) -> SparseTensor:
    """The dimensions of a SparseTensor in the order ``perm``, reversed by default."""
    with name_scope(name, "SparseTranspose", [sp_input]):
        if perm is None:
            known = sp_input.shape.ndims
            if known is None:
                count = rank(sp_input)
                perm = count - 1 - range_(0, count, 1)
            else:
                perm = np.arange(known - 1, -1, -1)
        indices = transpose(gather(transpose(sp_input.indices), perm))
        order = constant_value(convert(perm))
        sizes: Any
        if order is not None and sp_input.shape.is_fully_defined():
            own = sp_input.shape.as_list()
            sizes = [own[int(p)] for p in order]
        else:
            sizes = gather(sp_input.dense_shape, perm)
        return sparse_reorder(SparseTensor(indices, sp_input.values, sizes))


@export("sparse.mask", "sparse_mask")
def sparse_mask(a: IndexedSlices, mask_indices: Any, name: str | None = None) -> IndexedSlices:
    """The rows of ``a`` whose indices are not among ``mask_indices``."""
    with name_scope(name, "sparse_mask", [a, mask_indices]) as scope:
        kept, places = apply_op("ListDiff", x=a.indices, y=mask_indices, out_idx="int32")
        return IndexedSlices(gather(a.values, places, name=scope), kept, a.dense_shape)


@export("sparse.cross")
def sparse_cross(inputs: Any, name: str | None = None, separator: Any = None) -> SparseTensor:
    """Each combination of one value of every input, joined by ``separator`` (``_X_``)."""
    separator = convert("_X_" if separator is None else separator, "string")
    parts = _cross_inputs(inputs)
    return SparseTensor(*apply_op("SparseCrossV2", name, sep=separator, **parts))


@export("sparse.cross_hashed")
def sparse_cross_hashed(
    inputs: Any, num_buckets: int = 0, hash_key: int | None = None, name: str | None = None
) -> SparseTensor:
    """The hash of each combination of one value of every input, below ``num_buckets`` where that is given."""
    parts = _cross_inputs(inputs)
    numeric = any(v.dtype == as_dtype("int64") for v in (*parts["values"], *parts["dense_inputs"]))
    found = apply_op(
        "SparseCross",
        name,
        hashed_output=True,
        num_buckets=num_buckets,
        hash_key=hash_key or _DEFAULT_HASH_KEY,
        out_type="int64",
        internal_type="int64" if numeric else "string",
        **parts,
    )
    return SparseTensor(*found)


def _cross_inputs(inputs: Any) -> dict[str, list[Any]]:
    if not isinstance(inputs, list | tuple):
        raise TypeError("Inputs must be a list")
    if not all(isinstance(i, SparseTensor | Tensor) for i in inputs):
        raise TypeError("All inputs must be Tensor or SparseTensor.")
    sparse = [i for i in inputs if isinstance(i, SparseTensor)]
    dense = [i for i in inputs if not isinstance(i, SparseTensor)]

    def prepared(value: Any) -> Any:
        return value if value.dtype == as_dtype("string") else cast(value, "int64")

    return {
        "indices": [s.indices for s in sparse],
        "values": [prepared(s.values) for s in sparse],
        "shapes": [s.dense_shape for s in sparse],
        "dense_inputs": [prepared(d) for d in dense],
    }


def _segments(op_type: str) -> Function:
    def function(
        data: Any,
        indices: Any,
        segment_ids: Any,
        name: str | None = None,
        num_segments: Any = None,
        sparse_gradient: bool = False,
    ) -> Any:
        more = {} if num_segments is None else {"num_segments": num_segments}
        called = op_type if num_segments is None else f"{op_type}WithNumSegments"
        return apply_op(
            called,
            name,
            data=data,
            indices=indices,
            segment_ids=segment_ids,
            sparse_gradient=sparse_gradient,
            **more,
        )

    function.__doc__ = f"``{op_type}`` of the rows of ``data`` at ``indices``."
    return function


for _kind, _op in (("sum", "SparseSegmentSum"), ("mean", "SparseSegmentMean"), ("sqrt_n", "SparseSegmentSqrtN")):
    _function = _segments(_op)
    export_constant(f"sparse.segment_{_kind}", _function)
    export_constant(f"sparse_segment_{_kind}", _function)


@export("io.serialize_sparse", "serialize_sparse")
def serialize_sparse(sp_input: Any, name: str | None = None, out_type: Any = "string") -> Any:
    """The three parts of a SparseTensor as three strings."""
    return _serialized("SerializeSparse", sp_input, name, out_type)


@export("io.serialize_many_sparse", "serialize_many_sparse")
def serialize_many_sparse(sp_input: Any, name: str | None = None, out_type: Any = "string") -> Any:
    """The three parts of each row of a SparseTensor as three strings."""
    return _serialized("SerializeManySparse", sp_input, name, out_type)


def _serialized(op_type: str, sp_input: Any, name: str | None, out_type: Any) -> Any:
    source = to_sparse(sp_input)
    return apply_op(
        op_type,
        name,
        sparse_indices=source.indices,
        sparse_values=source.values,
        sparse_shape=source.dense_shape,
        out_type=out_type,
    )


@export("io.deserialize_many_sparse", "deserialize_many_sparse")
def deserialize_many_sparse(
    serialized_sparse: Any, dtype: Any, rank: int | None = None, name: str | None = None
) -> SparseTensor:
    """The SparseTensor that ``serialize_many_sparse`` wrote, rows of several of them as one batch."""
    indices, values, sizes = apply_op("DeserializeManySparse", name, serialized_sparse=serialized_sparse, dtype=dtype)
    indices.set_shape([None, rank])
    sizes.set_shape([rank])
    return SparseTensor(indices, values, sizes)


@export("sparse.expand_dims")
def sparse_expand_dims(sp_input: Any, axis: Any = None, name: str | None = None) -> SparseTensor:
    """A SparseTensor with a dimension of 1 put in at ``axis`` (the last)."""
    known = sp_input.dense_shape.info.shape
    count: Any = shape(sp_input.dense_shape)[0] if known is None or known[0] is None else known[0]
    axis = -1 if axis is None else axis
    with name_scope(name, "expand_dims", [sp_input]):
        axis = convert(axis, "int32", "axis")
        below = axis >= 0
        axis = apply_op("SelectV2", condition=below, t=axis, e=axis + count + 1)
        rows = shape(sp_input.indices)[0]
        column = zeros([rows, 1], "int64")
        front = apply_op("Slice", input=sp_input.indices, begin=[0, 0], size=[-1, axis])
        back = apply_op("Slice", input=sp_input.indices, begin=[0, axis], size=[-1, -1])
        indices = concat([front, column, back], axis=1)
        before = apply_op("Slice", input=sp_input.dense_shape, begin=[0], size=[axis])
        after = apply_op("Slice", input=sp_input.dense_shape, begin=[axis], size=[-1])
        one = convert([1], "int64", "new_shape")
        return SparseTensor(indices, sp_input.values, concat([before, one, after], axis=0))


@export("sparse.eye")
def sparse_eye(num_rows: Any, num_columns: Any = None, dtype: Any = "float32", name: str | None = None) -> SparseTensor:
    """A sparse identity matrix, ``num_columns`` (``num_rows``) wide."""
    with name_scope(name, "eye", [num_rows, num_columns]):
        rows = convert(num_rows, "int64", "num_rows")
        columns = rows if num_columns is None else convert(num_columns, "int64", "num_columns")
        count = apply_op("Minimum", x=rows, y=columns)
        numbers_ = range_(count, dtype="int64")
        places = stack([numbers_, numbers_], axis=1)
        return SparseTensor(places, ones(count, dtype), [rows, columns])
