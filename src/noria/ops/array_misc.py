"""Array ops without a family: cumulative log-sum-exp, histograms, indices and offsets, data formats, updated rows."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from noria import shapes
from noria.errors import InvalidArgumentError
from noria.graph.graph import Array
from noria.graph.rules import InferCall, KernelCall, Out, infer, kernel
from noria.ops._arrays import axis_in, dims_of_vector, scalar_of, shape_text, zeros
from noria.ops._numeric import quiet, same_shape, typed, wide
from noria.shapes import Shape

# ---- sums and histograms ----------------------------------------------------------------------------------------


infer("CumulativeLogsumexp")(same_shape)


@kernel("CumulativeLogsumexp")
@quiet
def _cumulative_logsumexp(call: KernelCall, x: Array, axis: Array) -> Array:
    if axis.ndim:
        raise InvalidArgumentError(f"ScanOp: axis must be a scalar, not {shape_text(axis.shape)}")
    place = int(axis)
    place = axis_in(place, x.ndim, f"ScanOp: Expected scan axis in the range [{-x.ndim}, {x.ndim}), but got {place}")
    moved = np.moveaxis(wide(x), place, 0)
    result = np.empty_like(moved)
    total = np.full(moved.shape[1:], -np.inf, moved.dtype)
    exclusive = call.flag("exclusive")
    steps = range(len(moved))
    for i in reversed(steps) if call.flag("reverse") else steps:
        if exclusive:
            result[i] = total
        # In TensorFlow's order of comparisons, which decides what a NaN does.
        low = np.where(moved[i] < total, moved[i], total)
        high = np.where(total < moved[i], moved[i], total)
        total = np.where(low == -np.inf, high, np.log1p(np.exp(low - high)) + high)
        if not exclusive:
            result[i] = total
    return typed(np.moveaxis(result, 0, place), x.dtype)


@infer("HistogramFixedWidth")
def _histogram_infer(call: InferCall) -> Sequence[Shape]:
    return [(scalar_of(call.inputs[2]),)]


@kernel("HistogramFixedWidth")
def _histogram(call: KernelCall, values: Array, value_range: Array, nbins: Array) -> Array:
    """Counts in bins of one width; what lies outside of the range counts in the first or the last bin."""
    if value_range.shape != (2,):
        raise InvalidArgumentError(
            f"value_range should be a vector of 2 elements, got shape {shape_text(value_range.shape)}."
        )
    if nbins.ndim:
        raise InvalidArgumentError(f"nbins should be a scalar, got shape {shape_text(nbins.shape)}.")
    low, high = value_range.tolist()
    if not low < high:
        raise InvalidArgumentError(
            f"value_range should satisfy value_range[0] < value_range[1], but got '[{low:g}, {high:g}]'"
        )
    count = int(nbins)
    if count <= 0:
        raise InvalidArgumentError(f"nbins should be a positive number, but got '{count}'")
    if np.isnan(values).any() if values.dtype.kind == "f" else False:
        raise InvalidArgumentError("Histogram values must not contain NaN")
    step = (np.float64(high) - np.float64(low)) / count
    places = (values.astype(np.float64) - low) / step
    bins = np.clip(np.nan_to_num(places, posinf=count, neginf=-1), 0, count - 1).astype(np.int64)
    return np.bincount(bins.ravel(), minlength=count).astype(call.output_dtype)


@infer("NthElement")
def _nth_infer(call: InferCall) -> Sequence[Shape]:
    shape = call.shape(0)
    return [None if not shape else shape[:-1]]


@kernel("NthElement")
def _nth(call: KernelCall, x: Array, n: Array) -> Array:
    if n.ndim:
        raise InvalidArgumentError(f"N must be scalar but has rank {n.ndim}")
    place = int(n)
    if place < 0:
        raise InvalidArgumentError(f"n must be non-negative but is {place}")
    if x.ndim < 1:
        raise InvalidArgumentError("Input must be at least rank 1 but is rank 0")
    if x.shape[-1] <= place:
        raise InvalidArgumentError(f"Input must have last dimension > n = {place}")
    at = x.shape[-1] - 1 - place if call.flag("reverse") else place
    return typed(np.take(np.partition(x, at, axis=-1), at, axis=-1), x.dtype)


@infer("PopulationCount")
def _population_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


@kernel("PopulationCount")
def _population(call: KernelCall, x: Array) -> Array:
    """How many bits of each number are set."""
    return typed(np.bitwise_count(x.view(f"u{x.dtype.itemsize}")), call.output_dtype)


# ---- indices and offsets ----------------------------------------------------------------------------------------


@infer("ConcatOffset")
def _concat_offset_infer(call: InferCall) -> Sequence[Out]:
    vectors = [i.known_dims for i in call.inputs[1:]]
    axis = scalar_of(call.inputs[0])
    found: list[Out] = []
    total: int | None = 0
    for info, vector in zip(call.inputs[1:], vectors, strict=True):
        if vector is None or axis is None or not -len(vector) <= axis < len(vector):
            found.append(Out(info.shape))
            total = None
            continue
        place = axis % len(vector)
        found.append(Out(info.shape, tuple(total if i == place else 0 for i in range(len(vector)))))
        size = vector[place]
        total = None if total is None or size is None else total + size
    return found


@kernel("ConcatOffset")
def _concat_offset(call: KernelCall, concat_dim: Array, *given: Array) -> tuple[Array, ...]:
    """Where each of the parts of a concatenation starts."""
    if concat_dim.ndim:
        raise InvalidArgumentError(
            f"Concat dim tensor should be a scalar integer, but got shape {shape_text(concat_dim.shape)}"
        )
    for i, vector in enumerate(given):
        if vector.ndim != 1:
            raise InvalidArgumentError(f"input {i} should be a vector, but got shape {shape_text(vector.shape)}")
    first = given[0]
    axis, rank = int(concat_dim), first.size
    place = axis_in(axis, rank, f"Concat dim is out of range: {axis} vs. {rank}")
    offsets, total = [], 0
    for i, vector in enumerate(given):
        if vector.size != rank:
            raise InvalidArgumentError(f"input {i} should contain {rank} elements, but got {vector.size}")
        if any(vector[d] != first[d] for d in range(rank) if d != place):
            shown, wanted = (" ".join(map(str, v.tolist())) for v in (vector, first))
            raise InvalidArgumentError(
                f"All dimensions except {place} must match. Input {i} has shape [{shown}] and doesn't match input 0 "
                f"with shape [{wanted}]."
            )
        offset = np.zeros(rank, first.dtype)
        offset[place] = total
        offsets.append(offset)
        total += int(vector[place])
    return tuple(offsets)


@infer("UnravelIndex")
def _unravel_infer(call: InferCall) -> Sequence[Shape]:
    indices, dims = call.shape(0), call.shape(1)
    if indices is None or dims is None or len(dims) != 1:
        return [None]
    return [dims if not indices else (dims[0], indices[0])]


@kernel("UnravelIndex")
def _unravel(call: KernelCall, indices: Array, dims: Array) -> Array:
    """Flat indices as coordinates, one column each."""
    if indices.ndim > 1:
        raise InvalidArgumentError(f'The indices can only be scalar or vector, got "{shape_text(indices.shape)}"')
    if dims.ndim != 1:
        raise InvalidArgumentError(f'The indices can only be 1-D, got "{shape_text(dims.shape)}"')
    sizes = dims.tolist()
    if 0 in sizes:
        raise InvalidArgumentError(
            f"Input dims cannot contain a dim of zero, but dims contains zero at index {sizes.index(0)}"
        )
    if not indices.size:
        raise InvalidArgumentError("received empty tensor indices")
    if not (indices < math.prod(sizes)).all():
        raise InvalidArgumentError(
            f"index is out of bound as with dims: an index of {int(indices.max())} for {math.prod(sizes)} elements"
        )
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    # Towards zero, as TensorFlow divides, so that a negative index gives negative coordinates.
    rows = [np.fmod(np.trunc(indices / stride), size) for stride, size in zip(strides[1:], sizes[1:], strict=True)]
    rows = [np.trunc(indices / strides[0]), *rows] if sizes else []
    return np.stack(rows).astype(indices.dtype) if rows else np.zeros((0, *indices.shape), indices.dtype)


# ---- data formats -----------------------------------------------------------------------------------------------


def _formats(call: KernelCall) -> tuple[str, str]:
    source, target = call.text("src_format"), call.text("dst_format")
    if sorted(source) != sorted(target) or len(source) not in (4, 5):
        raise InvalidArgumentError(
            f"src_format and dst_format must be permutations of the same four or five letters, got {source!r} and "
            f"{target!r}"
        )
    return source, target


@infer("DataFormatDimMap", "DataFormatVecPermute")
def _format_infer(call: InferCall) -> Sequence[Shape]:
    return [call.shape(0)]


@kernel("DataFormatDimMap")
def _dim_map(call: KernelCall, x: Array) -> Array:
    """Numbers of dimensions in one format as those in another."""
    source, target = _formats(call)
    table = np.array([target.index(letter) for letter in source], x.dtype)
    if x.size and not (-len(source) <= x.min() and x.max() < len(source)):
        # TensorFlow reads another element here; there is none that would be right.
        raise InvalidArgumentError(f"dimensions must be in [{-len(source)}, {len(source)}), got {x.tolist()}")
    return np.take(table, x % len(source))


@kernel("DataFormatVecPermute")
def _vector_permute(call: KernelCall, x: Array) -> Array:
    """A vector with an element for each dimension (or for the spatial ones) in another order; or rows of pairs."""
    source, target = _formats(call)
    if x.ndim not in (1, 2):
        raise InvalidArgumentError(f"input must be a vector or 2D tensor, but got shape {shape_text(x.shape)}")
    full, spatial = len(source), len(source) - 2
    if len(x) not in (full, spatial):
        raise InvalidArgumentError(
            f"{x.ndim}D input must be of size {spatial} or {full}, but got shape {shape_text(x.shape)}"
        )
    if x.ndim == 2 and x.shape[1] != 2:
        raise InvalidArgumentError(
            f"Second dimension of 2D input must be of size 2, but got shape {shape_text(x.shape)}"
        )
    if len(x) == spatial:
        source, target = ("".join(c for c in text if c not in "NC") for text in (source, target))
    return x[[source.index(letter) for letter in target]]


# ---- rows put into an array, memory, time -----------------------------------------------------------------------


_ROWS = ("InplaceUpdate", "InplaceAdd", "InplaceSub")
infer(*_ROWS, "DeepCopy")(same_shape)


@kernel(*_ROWS)
@quiet
def _inplace(call: KernelCall, x: Array, i: Array, v: Array) -> Array:
    """``x`` with the rows ``i`` set (or changed by) ``v``; the copy is new, whoever else holds ``x``."""
    if i.ndim != 1:
        raise InvalidArgumentError(f"i must be a vector. {shape_text(i.shape)}")
    if x.ndim != v.ndim:
        raise InvalidArgumentError(
            f"x and v shape doesn't match (ranks differ): {shape_text(x.shape)} vs. {shape_text(v.shape)}"
        )
    if v.shape != (i.size, *x.shape[1:]):
        raise InvalidArgumentError(
            f"v must have the shape {shape_text((i.size, *x.shape[1:]))} of the rows, got {shape_text(v.shape)}"
        )
    result = x.copy()
    if not len(x):
        return result
    for row, value in zip((i % len(x)).tolist(), v, strict=True):
        if call.node.op == "InplaceUpdate":
            result[row] = value
        else:
            result[row] = result[row] + value if call.node.op == "InplaceAdd" else result[row] - value
    return result


@kernel("DeepCopy")
def _deep_copy(call: KernelCall, x: Array) -> Array:
    return x.copy()


@infer("Empty")
def _empty_infer(call: InferCall) -> Sequence[Shape]:
    return [dims_of_vector(call.inputs[0])]


@kernel("Empty")
def _empty(call: KernelCall, shape: Array) -> Array:
    """Zeros, also where TensorFlow would leave memory as it finds it."""
    if shape.ndim != 1:
        raise InvalidArgumentError(f"shape must be a vector of int32, got shape {shape_text(shape.shape)}")
    if shape.size and shape.min() < 0:
        raise InvalidArgumentError(f"Dimension {int(shape.min())} must be >= 0")
    return zeros(shape.tolist(), call.output_dtype)


@infer("Timestamp")
def _timestamp_infer(call: InferCall) -> Sequence[Shape]:
    return [()]


@kernel("Timestamp")
def _timestamp(call: KernelCall) -> Array:
    """Seconds since 1970, float64."""
    return np.array(time.time())


# ---- patches of volumes, products of sparse matrices ------------------------------------------------------------


def _volume(call: InferCall | KernelCall, size: int, axis: int) -> tuple[int, int]:
    """Number of windows along ``axis`` and how much is padded before the first."""
    window, stride = call.integers("ksizes")[axis], call.integers("strides")[axis]
    if call.text("padding") == "VALID":
        return max(-(-(size - window + 1) // stride), 0), 0
    count = -(-size // stride)
    return count, max((count - 1) * stride + window - size, 0) // 2


@infer("ExtractVolumePatches")
def _volume_infer(call: InferCall) -> Sequence[Shape]:
    shape = shapes.merge(call.shape(0), shapes.unknown(5)) or (None,) * 5
    spatial = [None if d is None else _volume(call, d, i)[0] for i, d in enumerate(shape[1:4], 1)]
    depth = None if shape[4] is None else shape[4] * math.prod(call.integers("ksizes"))
    return [(shape[0], *spatial, depth)]


@kernel("ExtractVolumePatches")
def _volume_patches(call: KernelCall, x: Array) -> Array:
    if x.ndim != 5:
        raise InvalidArgumentError(f"input must be 5-dimensional, got shape {shape_text(x.shape)}")
    sizes, strides = call.integers("ksizes"), call.integers("strides")
    found = [_volume(call, x.shape[i], i) for i in (1, 2, 3)]
    counts = [count for count, _ in found]
    result = np.zeros((len(x), *counts, *sizes[1:4], x.shape[4]), x.dtype)
    for window in np.ndindex(*counts):
        starts = [w * strides[i + 1] - found[i][1] for i, w in enumerate(window)]
        parts = [slice(max(s, 0), s + sizes[i + 1]) for i, s in enumerate(starts)]
        piece = x[(slice(None), *parts)]
        places = [slice(max(-s, 0), max(-s, 0) + n) for s, n in zip(starts, piece.shape[1:4], strict=True)]
        result[(slice(None), *window, *places)] = piece
    return result.reshape(len(x), *counts, math.prod(sizes) * x.shape[4])


@infer("SparseMatMul")
def _sparse_product_infer(call: InferCall) -> Sequence[Shape]:
    a, b = (shapes.merge(call.shape(i), (None, None)) or (None, None) for i in (0, 1))
    return [(a[1] if call.flag("transpose_a") else a[0], b[0] if call.flag("transpose_b") else b[1])]


@kernel("SparseMatMul")
@quiet
def _sparse_product(call: KernelCall, a: Array, b: Array) -> Array:
    """The product of two matrices (held densely, mostly zeros) in float32."""
    for name, x in (("a", a), ("b", b)):
        if x.ndim != 2:
            raise InvalidArgumentError(f"{name} is not a matrix, its shape is {shape_text(x.shape)}")
    left = a.T if call.flag("transpose_a") else a
    right = b.T if call.flag("transpose_b") else b
    if left.shape[1] != right.shape[0]:
        raise InvalidArgumentError(f"Matrix size incompatible: a: {shape_text(a.shape)}, b: {shape_text(b.shape)}")
    return typed(np.matmul(left.astype(np.float32), right.astype(np.float32)), call.output_dtype)
