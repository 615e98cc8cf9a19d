"""Arrays turned, cut, padded and searched: ``tf.transpose``, ``tf.expand_dims``, ``tf.where``, ``tf.one_hot`` …"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from noria.v1.apply_op import apply_op
from noria.v1.array_shapes import ones, rank, shape, size, zeros
from noria.v1.casts import cast
from noria.v1.composite import SparseTensor
from noria.v1.constant import constant, constant_value
from noria.v1.convert import convert, register_tensor_conversion_function
from noria.v1.dtypes import DType, as_dtype
from noria.v1.exports import export
from noria.v1.framework import is_tensor, name_scope
from noria.v1.joining import concat, stack
from noria.v1.op_functions import export_rows, renamed
from noria.v1.operation import Tensor

_RANGE_DTYPES: Final = ("int32", "int64", "float16", "bfloat16", "float32", "float64")


@export("expand_dims")
def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """``input`` with a dimension of 1 put in at ``axis``."""
    axis = renamed("axis", axis, "dim", dim)
    if axis is None:
        raise ValueError("Must specify an axis argument to tf.expand_dims()")
    found: Tensor = apply_op("ExpandDims", name, input=input, dim=axis)
    return found


@export("squeeze")
def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """``input`` without its dimensions of 1, or without those of ``axis`` (one or a list)."""
    axis = renamed("axis", axis, "squeeze_dims", squeeze_dims)
    axis = [axis] if np.isscalar(axis) else axis
    found: Tensor = apply_op("Squeeze", name, input=input, squeeze_dims=axis)
    return found


@export("transpose")
def transpose(a: Any, perm: Any = None, name: str | None = "transpose", conjugate: bool = False) -> Tensor:
    """The dimensions of ``a`` in the order ``perm``, reversed by default; conjugate: of complex numbers too."""
    with name_scope(name, "transpose", [a]) as scope:
        if not is_tensor(a):
            a = convert(a, None, "a")
        op_type = "ConjugateTranspose" if conjugate and a.dtype.is_complex else "Transpose"
        if perm is None:
            known = a.shape.ndims
            if known is None:
                perm = apply_op("Range", start=apply_op("Rank", input=a) - 1, limit=-1, delta=-1)
            else:
                perm = np.arange(known - 1, -1, -1, dtype=np.int32)
        found: Tensor = apply_op(op_type, scope, x=a, perm=perm)
        return found


@export("linalg.matrix_transpose", "matrix_transpose")
def matrix_transpose(a: Any, name: str | None = "matrix_transpose", conjugate: bool = False) -> Tensor:
    """``a`` with its last two dimensions exchanged. ValueError for a rank below 2."""
    with name_scope(name, None, [a]):
        a = convert(a, None, "a")
        ndims = a.shape.ndims
        if ndims is not None and ndims < 2:
            raise ValueError(f"Argument `a` should be a (batch) matrix with rank >= 2.  Received shape: {a.shape}")
        if ndims is not None:
            return transpose(a, [*range(ndims - 2), ndims - 1, ndims - 2], conjugate=conjugate)
        count = rank(a)
        batch = apply_op("Range", start=0, limit=count - 2, delta=1)
        return transpose(a, concat((batch, [count - 1, count - 2]), 0), conjugate=conjugate)


@export("range")
def range_(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: str | None = "range") -> Tensor:
    """The numbers from ``start`` (0 when only one bound is given) to before ``limit`` in steps of ``delta``."""
    if limit is None:
        start, limit = 0, start
    with name_scope(name, "Range", [start, limit, delta]) as scope:
        parts = [
            v if isinstance(v, Tensor) else convert(v, dtype, n)
            for v, n in zip((start, limit, delta), ("start", "limit", "delta"), strict=True)
        ]
        if dtype is None:
            dtype = max((p.dtype.base_dtype.name for p in parts), key=_RANGE_DTYPES.index)
        start, limit, delta = (cast(p, dtype) for p in parts)
        found: Tensor = apply_op("Range", scope, start=start, limit=limit, delta=delta)
        return found


def _convert_range(value: range, dtype: DType | None = None, name: str | None = None, as_ref: bool = False) -> Tensor:
    return range_(value.start, value.stop, value.step, dtype, name)


register_tensor_conversion_function(range, _convert_range)


@export("linspace", "lin_space")
def linspace(start: Any, stop: Any, num: Any, name: str | None = None, axis: Any = 0) -> Tensor:
    """``num`` numbers from ``start`` to ``stop``, both included, evenly apart, along a new dimension ``axis``."""
    with name_scope(name, "linspace", [start, stop]):
        start = convert(start, None, "start")
        stop = convert(stop, start.dtype, "stop")
        count = apply_op("Cast", x=_whole_number(num), DstT="int32")
        cast(count, start.dtype)  # TensorFlow leaves this node in the graph
        both = apply_op("BroadcastArgs", s0=shape(start), s1=shape(stop))
        start, stop = (apply_op("BroadcastTo", input=v, shape=both) for v in (start, stop))
        start, stop = (expand_dims(v, axis) for v in (start, stop))
        sizes = shape(start)
        ndims = shape(sizes)[0]
        axis = _select(axis >= 0, axis, ndims + axis)
        inner = apply_op("Maximum", x=count - 2, y=0)
        steps = apply_op("Maximum", x=count - 1, y=1)
        delta = (stop - start) / cast(steps, stop.dtype)
        start, stop = cast(start, delta.dtype), cast(stop, delta.dtype)
        end = _select(count >= 0, steps, -1)
        places = cast(range_(1, end, dtype="int64"), delta.dtype)
        here = apply_op("Equal", x=axis, y=range_(ndims))
        places = apply_op("Reshape", tensor=places, shape=_select(here, inner, 1))
        whole = concat((start, start + delta * places, stop), axis)
        begin = apply_op("ZerosLike", x=sizes) if not sizes.shape.is_fully_defined() else _zeros_like(sizes)
        extent = concat((sizes[0:axis], apply_op("Reshape", tensor=count, shape=[1]), sizes[axis + 1 :]), 0)
        found: Tensor = apply_op("Slice", input=whole, begin=begin, size=extent)
        return found


def _zeros_like(tensor: Tensor) -> Tensor:
    with name_scope(None, "zeros_like", [tensor]) as scope:
        return zeros(tensor.shape, tensor.dtype.base_dtype, scope)


def _whole_number(num: Any) -> Tensor:
    found = convert(num, None, "num", "int32")
    if not found.dtype.is_integer:
        raise TypeError(f"Argument `num` must be of type integer. Received {found} of dtype: {found.dtype.name}")
    return found


def _select(condition: Any, x: Any, y: Any) -> Any:
    return apply_op("SelectV2", condition=condition, t=x, e=y)


@export("where")
def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """The indices of the true elements, or ``x`` where ``condition`` is true and ``y`` elsewhere."""
    return _where("Select", condition, x, y, name)


@export("where_v2")
def where_v2(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """As ``where``; the three broadcast."""
    return _where("SelectV2", condition, x, y, name)


def _where(op_type: str, condition: Any, x: Any, y: Any, name: str | None) -> Tensor:
    found: Tensor
    if x is None and y is None:
        with name_scope(name, "Where", [condition]) as scope:
            condition = convert(condition, None, "condition", "bool")
            found = apply_op("Where", scope, input=condition)
            return found
    if x is None or y is None:
        raise ValueError("x and y must both be non-None or both be None.")
    found = apply_op(op_type, name, condition=condition, t=x, e=y)
    return found


@export("pad")
def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """``tensor`` with rows put before and after: paddings [rank, 2]; mode CONSTANT, REFLECT or SYMMETRIC."""
    mode = mode.upper()
    if mode not in ("CONSTANT", "REFLECT", "SYMMETRIC"):
        raise ValueError(
            'Value of argument `mode` expected to be one of "CONSTANT", "REFLECT", or "SYMMETRIC". '
            f"Received `mode` = {mode}"
        )
    found: Tensor
    if mode != "CONSTANT":
        found = apply_op("MirrorPad", name, input=tensor, paddings=paddings, mode=mode)
    elif not is_tensor(constant_values) and np.ndim(constant_values) == 0 and constant_values == 0:
        found = apply_op("Pad", name, input=tensor, paddings=paddings)
    else:
        found = apply_op("PadV2", name, input=tensor, paddings=paddings, constant_values=constant_values)
    _set_padded_shape(found, paddings)
    return found


def _set_padded_shape(padded: Tensor, paddings: Any) -> None:
    """Sets what follows for the shape where some paddings are tensors."""
    source = padded.op.inputs[0].info.shape
    rows = constant_value(paddings) if isinstance(paddings, Tensor) else paddings
    if source is None or padded.shape.is_fully_defined() or rows is None:
        return
    sizes: list[int | None] = []
    for row, size_ in zip(rows, source, strict=False):
        ends = (
            [constant_value(v) if isinstance(v, Tensor) else v for v in row] if not isinstance(row, Tensor) else [None]
        )
        sizes.append(None if size_ is None or None in ends else size_ + int(sum(int(e) for e in ends if e is not None)))
    padded.set_shape(sizes)


@export("one_hot")
def one_hot(
    indices: Any,
    depth: Any,
    on_value: Any = None,
    off_value: Any = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """A new dimension of size ``depth``: ``on_value`` (1) at the index, ``off_value`` (0) elsewhere."""
    with name_scope(name, "one_hot", [indices, depth, on_value, off_value, axis, dtype]) as scope:
        wanted = None if dtype is None else as_dtype(dtype)
        on = None if on_value is None else convert(on_value, None, None, wanted)
        off = None if off_value is None else convert(off_value, None, None, wanted)
        for what, given in (("on_value", on), ("off_value", off)):
            if wanted is not None and given is not None and given.dtype.base_dtype != wanted:
                raise TypeError(f"dtype {given.dtype.base_dtype} of {what} does not match dtype parameter {wanted}")
        if wanted is None:
            first = on if on is not None else off
            wanted = as_dtype("float32") if first is None else first.dtype.base_dtype
        on = convert(1, wanted, "on_value") if on is None else on
        off = convert(0, wanted, "off_value") if off is None else off
        if on.dtype.base_dtype != off.dtype.base_dtype:
            raise TypeError(f"dtype {on.dtype} of on_value does not match dtype {off.dtype} of off_value")
        found: Tensor = apply_op("OneHot", scope, indices=indices, depth=depth, on_value=on, off_value=off, axis=axis)
        return found


def all_dimensions(x: Any) -> Tensor:
    """0, 1, … as many as ``x`` has dimensions."""
    if isinstance(x, Tensor) and x.shape.ndims is not None:
        return constant(np.arange(x.shape.ndims), dtype="int32")
    if isinstance(x, SparseTensor) and x.dense_shape.shape.is_fully_defined():
        return constant(np.arange(x.dense_shape.shape.as_list()[0] or 0), dtype="int32")
    found: Tensor = apply_op("Range", start=0, limit=rank(x), delta=1)
    return found


@export("sequence_mask")
def sequence_mask(lengths: Any, maxlen: Any = None, dtype: Any = "bool", name: str | None = None) -> Tensor:
    """For each length so many true elements in front, false ones up to ``maxlen`` (the longest)."""
    with name_scope(name, "SequenceMask", [lengths, maxlen]):
        lengths = convert(lengths)
        if maxlen is None:
            longest = apply_op("Max", input=lengths, reduction_indices=all_dimensions(lengths))
            maxlen = apply_op("Maximum", x=constant(0, longest.dtype), y=longest)
        else:
            maxlen = convert(maxlen)
        if maxlen.shape.ndims not in (None, 0):
            raise ValueError(
                "Argument `maxlen` must be scalar for sequence_mask, received "
                f"`maxlen` = {maxlen} with shape '{maxlen.shape}' instead"
            )
        row = apply_op("Range", start=constant(0, maxlen.dtype), limit=maxlen, delta=constant(1, maxlen.dtype))
        column = apply_op("Cast", x=expand_dims(lengths, -1), DstT=maxlen.dtype)
        found: Tensor = row < column
        if dtype is None or found.dtype.is_compatible_with(dtype):
            return found
        return apply_op("Cast", x=found, DstT=dtype)  # type: ignore[no-any-return]


@export("meshgrid")
def meshgrid(*args: Any, **kwargs: Any) -> list[Tensor]:
    """Each vector spread over the grid of all of them. indexing: ``xy`` (first two exchanged) or ``ij``."""
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"Argument `indexing` parameter must be either 'xy' or 'ij', got '{indexing}'")
    with name_scope(name, "meshgrid", args):
        count = len(args)
        if not count:
            return []
        found = [
            apply_op("Reshape", tensor=stack(x), shape=(1,) * i + (-1,) + (1,) * (count - i - 1))
            for i, x in enumerate(args)
        ]
        sizes = [size(x) for x in args]
        dtype = convert(args[0]).dtype.base_dtype
        if indexing == "xy" and count > 1:
            found[0] = apply_op("Reshape", tensor=found[0], shape=(1, -1) + (1,) * (count - 2))
            found[1] = apply_op("Reshape", tensor=found[1], shape=(-1, 1) + (1,) * (count - 2))
            sizes[:2] = sizes[1], sizes[0]
        spread = ones(sizes, dtype)
        return [x * spread for x in found]


@export("reverse_sequence")
def reverse_sequence(
    input: Any,
    seq_lengths: Any,
    seq_axis: int | None = None,
    batch_axis: int | None = None,
    name: str | None = None,
    seq_dim: int | None = None,
    batch_dim: int | None = None,
) -> Tensor:
    """The first ``seq_lengths[i]`` elements along ``seq_axis`` of each slice along ``batch_axis`` reversed."""
    found: Tensor = apply_op(
        "ReverseSequence",
        name,
        input=input,
        seq_lengths=seq_lengths,
        seq_dim=renamed("seq_axis", seq_axis, "seq_dim", seq_dim),
        batch_dim=renamed("batch_axis", batch_axis, "batch_dim", batch_dim),
    )
    return found


@export("linalg.diag", "matrix_diag")
def matrix_diag(
    diagonal: Any,
    name: str | None = "diag",
    k: Any = 0,
    num_rows: Any = -1,
    num_cols: Any = -1,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """Matrices with ``diagonal`` on their diagonals ``k``, ``padding_value`` elsewhere."""
    found: Tensor = apply_op(
        "MatrixDiagV3",
        name,
        diagonal=diagonal,
        k=k,
        num_rows=num_rows,
        num_cols=num_cols,
        padding_value=_padding(diagonal, padding_value),
        align=align,
    )
    return found


def _padding(tensor: Any, value: Any) -> Any:
    return bool(value) if getattr(tensor, "dtype", None) == "bool" else value


@export("linalg.diag_part", "matrix_diag_part")
def matrix_diag_part(
    input: Any, name: str | None = "diag_part", k: Any = 0, padding_value: Any = 0, align: str = "RIGHT_LEFT"
) -> Tensor:
    """The diagonals ``k`` of matrices."""
    found: Tensor = apply_op(
        "MatrixDiagPartV3", name, input=input, k=k, padding_value=_padding(input, padding_value), align=align
    )
    return found


@export("linalg.set_diag", "matrix_set_diag")
def matrix_set_diag(
    input: Any, diagonal: Any, name: str | None = "set_diag", k: Any = 0, align: str = "RIGHT_LEFT"
) -> Tensor:
    """Matrices with their diagonals ``k`` replaced."""
    found: Tensor = apply_op("MatrixSetDiagV3", name, input=input, diagonal=diagonal, k=k, align=align)
    return found


export_rows("""

tile manip.tile: Tile input multiples
ensure_shape: EnsureShape x:input shape
unique: Unique x out_idx?
unique_with_counts: UniqueWithCounts x out_idx?
reverse: ReverseV2 tensor axis
scatter_nd: ScatterNd indices updates shape
tensor_scatter_nd_update: TensorScatterUpdate tensor indices updates
tensor_scatter_nd_add: TensorScatterAdd tensor indices updates
tensor_scatter_nd_sub: TensorScatterSub tensor indices updates
tensor_scatter_nd_max: TensorScatterMax tensor indices updates
tensor_scatter_nd_min: TensorScatterMin tensor indices updates
depth_to_space nn.depth_to_space: DepthToSpace input block_size name data_format?
space_to_depth nn.space_to_depth: SpaceToDepth input block_size name data_format?
space_to_batch_nd: SpaceToBatchND input block_shape paddings
batch_to_space_nd: BatchToSpaceND input block_shape crops
linalg.tensor_diag diag: Diag diagonal
linalg.tensor_diag_part diag_part: DiagPart input
linalg.band_part matrix_band_part: MatrixBandPart input num_lower num_upper
invert_permutation math.invert_permutation: InvertPermutation x
roll manip.roll: Roll input shift axis
setdiff1d: ListDiff x y index_dtype:out_idx?
unravel_index: UnravelIndex indices dims
""")
